/* GHM-C: bins, their weights from batch to batch, the weighed sum. */
#include "detection/ghm.h"
#include "detection/matcher.h"
#include "suite.h"

#include <check.h>
#include <math.h>

static void assert_near(double got, double want) {
    ck_assert_msg(fabs(got - want) <= 1e-6 * fabs(want), "got %.9g, want %.9g", got, want);
}

/* Of a target of 1 g is 1 - sigmoid(x): .119 at 2; of 0 it is sigmoid(x): .5 at 0, .881 at 2. */
static const float logits[4][2] = {{2, -40}, {0, 2}, {50, 5}, {2, 0.25f}};
static const int match[4] = {0, RN_MATCH_BACKGROUND, RN_MATCH_IGNORE, 1};
static const int labels[2] = {0, 1};

START_TEST(bins) {
    size_t count[4] = {0, 0, 0, 10}; /* added to */
    rn_ghm_count(count, 4, logits[0], match, labels, 4, 2);
    /* .119 and 0; .438 (1 - sigmoid(.25)); .5; .881 twice */
    ck_assert_uint_eq(count[0], 2);
    ck_assert_uint_eq(count[1], 1);
    ck_assert_uint_eq(count[2], 1);
    ck_assert_uint_eq(count[3], 12);
    rn_ghm_count(count, 4, NULL, NULL, NULL, 0, 2);
    ck_assert_uint_eq(count[0], 2);
}
END_TEST

/* g of 1 and NaN have a bin. */
START_TEST(odd_lengths) {
    const float x[3] = {1e4f, NAN, -1e4f};
    const int background[1] = {RN_MATCH_BACKGROUND};
    size_t count[3] = {0};
    rn_ghm_count(count, 3, x, background, NULL, 1, 3);
    ck_assert(count[0] == 2 && count[1] == 0 && count[2] == 1);
    float dx[3];
    const float weight[3] = {1, 1, 1};
    ck_assert(isnan(rn_ghm_loss_sum(dx, x, background, NULL, 1, 3, weight, 3)));
}
END_TEST

START_TEST(weights_from_batch_to_batch) {
    const size_t first[3] = {8, 0, 2}, second[3] = {4, 1, 0};
    double running[3] = {0};
    float weight[3];
    rn_ghm_weigh(weight, running, first, 3, 0.75);
    ck_assert(weight[0] == 1 / 16.0f && weight[1] == 0 && weight[2] == 0.25f);
    rn_ghm_weigh(weight, running, second, 3, 0.75);
    ck_assert(running[0] == 7 && running[1] == 1 && running[2] == 2); /* 2 as it last was */
    ck_assert(weight[0] == 1 / 14.0f && weight[1] == 0.5f && weight[2] == 0);
    rn_ghm_weigh(weight, running, first, 3, 0); /* no memory */
    ck_assert(weight[0] == 1 / 16.0f && weight[2] == 0.25f);
}
END_TEST

START_TEST(the_weighed_sum) {
    const float weight[4] = {1, 2, 4, 8};
    float dx[4][2];
    const double sum = rn_ghm_loss_sum(dx[0], logits[0], match, labels, 4, 2, weight, 4);
    /* log1p(e^-2) + log1p(e^-40), 4 ln 2 + 8 log1p(e^2), 8 log1p(e^2) + 2 log1p(e^-.25) */
    assert_near(sum, 0.126928011042973 + 4 * 0.693147180559945 + 16 * 2.126928011042973 +
                         2 * 0.575939423777943);
    assert_near((double)dx[0][0], -0.119202922022118);
    assert_near((double)dx[1][0], 4 * 0.5);
    assert_near((double)dx[1][1], 8 * 0.880797077977882);
    ck_assert(dx[2][0] == 0 && dx[2][1] == 0);
    assert_near((double)dx[3][0], 8 * 0.880797077977882);
    assert_near((double)dx[3][1], -2 * 0.437823499114202);
}
END_TEST

/* However many examples a bin has, it weighs the same: the sum of its weights is 1 / M. */
START_TEST(each_bin_weighs_the_same) {
    enum { LOGITS = 1000, BINS = 10 };
    float x[LOGITS], dx[LOGITS], weight[BINS];
    int background[LOGITS];
    size_t count[BINS] = {0};
    double running[BINS] = {0}, pull = 0;
    for (int i = 0; i < LOGITS; i++) {
        x[i] = -9 + (float)(i * i) * 12e-6f;
        background[i] = RN_MATCH_BACKGROUND;
    }
    rn_ghm_count(count, BINS, x, background, NULL, LOGITS, 1);
    rn_ghm_weigh(weight, running, count, BINS, 0);
    for (int b = 0; b < BINS; b++) assert_near((double)weight[b] * (double)count[b], 0.1);
    rn_ghm_loss_sum(dx, x, background, NULL, LOGITS, 1, weight, BINS);
    for (int i = 0; i < LOGITS; i++) pull += (double)dx[i];
    ck_assert_double_eq_tol(pull, 0.5, 0.02); /* the mean of g as if it were spread evenly */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ghm");
    TCase *tests = tcase_create("ghm");
    tcase_add_test(tests, bins);
    tcase_add_test(tests, odd_lengths);
    tcase_add_test(tests, weights_from_batch_to_batch);
    tcase_add_test(tests, the_weighed_sum);
    tcase_add_test(tests, each_bin_weighs_the_same);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
