/* The losses of retinanet_loss.h: what the library's own are, masks, what is refused. */
#include "detection/loss.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <retinanet_loss.h>

enum { ROWS = 600, CLASSES = 3 };

static float logits[ROWS][CLASSES], dlogits[ROWS][CLASSES];
static int targets[ROWS];
static uint8_t mask[ROWS];

static void fill(void) {
    for (int i = 0; i < ROWS; i++) {
        targets[i] = i % 5 - 2 < -1 ? -1 : i % 5 - 2;
        mask[i] = i % 7 != 0;
        for (int k = 0; k < CLASSES; k++) logits[i][k] = sinf((float)(i * CLASSES + k)) * 5;
    }
}

static void check(const char *name, const rn_logit_loss *want) {
    rn_loss loss;
    double sum, expected = 0;
    ck_assert_int_eq(rn_loss_named(&loss, name), RN_OK);
    ck_assert_str_eq(loss.name, name);
    ck_assert_int_eq(rn_loss_sum(&sum, dlogits[0], logits[0], targets, mask, ROWS, CLASSES, &loss),
                     RN_OK);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < CLASSES; k++) {
            float dx = 0;
            if (mask[i])
                expected += (double)rn_logit_loss_value(&dx, logits[i][k], k == targets[i], want);
            if (dlogits[i][k] != dx) ck_abort_msg("%s: row %d, class %d", name, i, k);
        }
    ck_assert_double_eq_tol(sum, expected, 1e-12 * expected);
}

START_TEST(each_loss) {
    fill();
    check("ce", &(rn_logit_loss){.focal = {0, -1}});
    check("alpha-ce", &(rn_logit_loss){.focal = {0, 0.75f}});
    check("focal", &(rn_logit_loss){.focal = {2, 0.25f}});
    check("focal-star", &(rn_logit_loss){RN_SHAPE_STAR, {2, 0.25f}, 1, 0, {0, 0}, NULL});
    check("poly-focal", &(rn_logit_loss){RN_SHAPE_POLY, {2, 0.25f}, 0, -1, {0, 0}, NULL});
    check("slope-focal",
          &(rn_logit_loss){
              RN_SHAPE_SLOPE, {2, 0.25f}, 0, 0, {(float)(0.17 * 0.01 / 0.99), 0.17f}, NULL});
}
END_TEST

START_TEST(a_mask_of_all_is_none) {
    rn_loss loss;
    double all, none, nothing;
    fill();
    ck_assert_int_eq(rn_loss_named(&loss, "focal"), RN_OK);
    for (int i = 0; i < ROWS; i++) mask[i] = 1;
    ck_assert_int_eq(rn_loss_sum(&all, dlogits[0], logits[0], targets, mask, ROWS, CLASSES, &loss),
                     RN_OK);
    ck_assert_int_eq(rn_loss_sum(&none, dlogits[0], logits[0], targets, NULL, ROWS, CLASSES, &loss),
                     RN_OK);
    ck_assert(all == none);
    for (int i = 0; i < ROWS; i++) mask[i] = 0;
    ck_assert_int_eq(
        rn_loss_sum(&nothing, dlogits[0], logits[0], targets, mask, ROWS, CLASSES, &loss), RN_OK);
    ck_assert(nothing == 0 && dlogits[3][1] == 0);
    ck_assert_int_eq(rn_loss_sum(&nothing, NULL, NULL, NULL, NULL, 0, 1, &loss), RN_OK);
    ck_assert(nothing == 0);
}
END_TEST

/* What a loss has not is not looked at: gamma of cross entropy. */
START_TEST(parameters_of_other_losses) {
    rn_loss loss;
    double sum, other;
    fill();
    ck_assert_int_eq(rn_loss_named(&loss, "ce"), RN_OK);
    ck_assert_int_eq(rn_loss_sum(&sum, dlogits[0], logits[0], targets, NULL, ROWS, CLASSES, &loss),
                     RN_OK);
    loss.gamma = 2;
    loss.alpha = 0.25f;
    ck_assert_int_eq(
        rn_loss_sum(&other, dlogits[0], logits[0], targets, NULL, ROWS, CLASSES, &loss), RN_OK);
    ck_assert(sum == other);
}
END_TEST

static void refused(rn_loss loss, const char *text) {
    double sum = 7;
    dlogits[0][0] = 7;
    ck_assert_int_eq(rn_loss_sum(&sum, dlogits[0], logits[0], targets, NULL, ROWS, CLASSES, &loss),
                     RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert(sum == 0 && dlogits[0][0] == 7);
}

START_TEST(what_is_refused) {
    static const char names[] =
        "loss: got hinge, want one of: focal, ce, alpha-ce, focal-star, poly-focal, slope-focal";
    rn_loss loss, focal;
    fill();
    ck_assert_int_eq(rn_loss_named(&loss, "hinge"), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), names);
    ck_assert_int_eq(rn_loss_named(&loss, "ghm"), RN_EINVAL); /* of a whole batch */
    ck_assert_int_eq(rn_loss_named(&focal, "focal"), RN_OK);
    loss = focal;
    loss.name = "hinge";
    refused(loss, names);
    loss = focal;
    loss.gamma = -0.5f;
    refused(loss, "gamma: got -0.5, want at least 0");
    loss.gamma = NAN;
    refused(loss, "gamma: got nan, want at least 0");
    loss.name = "focal-star";
    loss.gamma = 0;
    refused(loss, "gamma: got 0, want more than 0");
    loss = focal;
    loss.alpha = 1;
    refused(loss, "alpha: got 1, want between 0 and 1, or -1");
    loss = focal;
    loss.poly_epsilon = -2;
    refused(loss, "poly_epsilon: got -2, want at least -1");
    loss = focal;
    loss.star_beta = INFINITY;
    refused(loss, "star_beta: got inf, want a number");
    loss = focal;
    loss.slope_floor = 1.5f;
    loss.slope_floor_background = 0.25f;
    refused(loss, "slope_floor: got 1.5, background 0.25, want 0..1");
    targets[2] = 3;
    refused(focal, "target 2: got 3, want -1..2");
    targets[2] = -2;
    refused(focal, "target 2: got -2, want -1..2");
    double sum;
    ck_assert_int_eq(rn_loss_sum(&sum, dlogits[0], logits[0], targets, NULL, 1, 0, &focal),
                     RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "classes: got 0, want at least 1");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plain loss");
    TCase *tests = tcase_create("losses");
    tcase_add_test(tests, each_loss);
    tcase_add_test(tests, a_mask_of_all_is_none);
    tcase_add_test(tests, parameters_of_other_losses);
    tcase_add_test(tests, what_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
