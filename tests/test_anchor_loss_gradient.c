/* The losses of an anchor's logits together in double: the derivatives against central differences,
 * and what the losses are beside their definitions. */
#include "base/random.h"
#include "detection/anchor_loss.h"
#include "detection/matcher.h"
#include "gradient.h"
#include "suite.h"

#include <check.h>

enum { ANCHORS = 6, CLASSES = 3, ROW = CLASSES + 1, LOGITS = ANCHORS * ROW };

static const int match[ANCHORS] = {1, RN_MATCH_BACKGROUND, 0, RN_MATCH_IGNORE, 1, 2};
static const int labels[3] = {2, 0, 1};

static const rn_logit_loss losses[] = {{RN_SHAPE_FOCAL, {2, 0.25}, 0, 0, {0, 0}, NULL},
                                       {RN_SHAPE_FOCAL, {0, -1}, 0, 0, {0, 0}, NULL},
                                       {RN_SHAPE_FOCAL, {0.5, 0.75}, 0, 0, {0, 0}, NULL},
                                       {RN_SHAPE_STAR, {2, 0.25}, 1, 0, {0, 0}, NULL},
                                       {RN_SHAPE_SLOPE, {2, 0.25}, 0, 0, {0.002, 0.17}, NULL}};
enum { N_LOSSES = sizeof losses / sizeof *losses };

typedef double sum_fn(real *dlogits, const real *logits, const int *match, const int *labels,
                      size_t n_anchors, int n_classes, real scale, const rn_logit_loss *loss);

typedef struct batch {
    double logits[LOGITS], scratch[LOGITS];
    sum_fn *sum;
    const rn_logit_loss *loss;
} batch;

static double sum_of_all(void *context) {
    batch *b = context;
    return 0.7 * b->sum(b->scratch, b->logits, match, labels, ANCHORS, CLASSES, 0.7, b->loss);
}

static void fill(batch *b) {
    rn_random random = rn_random_seed(23, 0, 0);
    for (int i = 0; i < LOGITS; i++) b->logits[i] = rn_random_uniform(&random, -4, 4);
}

static void prove(sum_fn *sum) {
    for (int l = 0; l < N_LOSSES; l++) {
        batch b = {.sum = sum, .loss = &losses[l]};
        double dlogits[LOGITS];
        fill(&b);
        for (int i = 0; i < LOGITS; i++) dlogits[i] = NAN; /* written, not added to */
        sum(dlogits, b.logits, match, labels, ANCHORS, CLASSES, 0.7, b.loss);
        ck_assert_double_le(gradient_error(b.logits, dlogits, LOGITS, sum_of_all, &b),
                            GRADIENT_TOLERANCE);
        dlogits[CLASSES] = -dlogits[CLASSES]; /* a wrong sign would show */
        ck_assert_double_gt(gradient_error(b.logits, dlogits, LOGITS, sum_of_all, &b),
                            GRADIENT_TOLERANCE);
    }
}

START_TEST(softmax_gradient) {
    prove(rn_softmax_loss_sum);
}
END_TEST

START_TEST(objectness_gradient) {
    prove(rn_objectness_loss_sum);
}
END_TEST

/* -alpha_t (1 - p_t)^2 log p_t of the softmax. */
START_TEST(softmax_value) {
    batch b;
    double want = 0;
    fill(&b);
    for (int i = 0; i < ANCHORS; i++) {
        const double *x = b.logits + i * ROW;
        const int target = match[i] >= 0 ? labels[match[i]] : CLASSES;
        const double p = exp(x[target]) / (exp(x[0]) + exp(x[1]) + exp(x[2]) + exp(x[3]));
        if (match[i] != RN_MATCH_IGNORE)
            want += (match[i] >= 0 ? 0.25 : 0.75) * (1 - p) * (1 - p) * -log(p);
    }
    const double got =
        rn_softmax_loss_sum(b.scratch, b.logits, match, labels, ANCHORS, CLASSES, 1, &losses[0]);
    ck_assert_double_eq_tol(got, want, 1e-12 * want);
}
END_TEST

/* Cross entropy of objectness everywhere, of the classes on positives. */
START_TEST(objectness_value) {
    batch b;
    double want = 0;
    fill(&b);
    for (int i = 0; i < ANCHORS; i++) {
        const double *x = b.logits + i * ROW;
        if (match[i] == RN_MATCH_IGNORE) continue;
        want += log1p(exp(match[i] >= 0 ? -x[CLASSES] : x[CLASSES]));
        for (int k = 0; k < CLASSES && match[i] >= 0; k++)
            want += log1p(exp(k == labels[match[i]] ? -x[k] : x[k]));
    }
    const double got =
        rn_objectness_loss_sum(b.scratch, b.logits, match, labels, ANCHORS, CLASSES, 1, &losses[1]);
    ck_assert_double_eq_tol(got, want, 1e-12 * want);
    for (int k = 0; k < CLASSES; k++)
        ck_assert(b.scratch[ROW + k] == 0); /* a background anchor's */
}
END_TEST

/* With one class the softmax is the sigmoid of the difference. */
START_TEST(one_class) {
    const double x[4] = {1.5, -0.5, -2, 3};
    const int one[2] = {0, RN_MATCH_BACKGROUND}, label[1] = {0};
    double dx[4], d;
    const double sum = rn_softmax_loss_sum(dx, x, one, label, 2, 1, 1, &losses[0]);
    double want = rn_logit_loss_value(&d, 2, true, &losses[0]);
    ck_assert_double_eq_tol(dx[0], d, 1e-15);
    ck_assert_double_eq_tol(dx[1], -d, 1e-15);
    want += rn_logit_loss_value(&d, -5, false, &losses[0]);
    ck_assert_double_eq_tol(dx[2], d, 1e-15);
    ck_assert_double_eq_tol(sum, want, 1e-15);
    ck_assert(rn_softmax_loss_sum(NULL, NULL, NULL, NULL, 0, 1, 1, &losses[0]) == 0);
}
END_TEST

/* Far away the value is finite and NaN stays visible. */
START_TEST(far_logits) {
    const double far[2] = {1e4, -1e4}, nan[2] = {0, NAN};
    const int background[1] = {RN_MATCH_BACKGROUND};
    double dx[2];
    ck_assert(rn_softmax_loss_sum(dx, far, background, NULL, 1, 1, 1, &losses[1]) == 2e4);
    ck_assert(dx[0] == 1 && dx[1] == -1);
    ck_assert(isnan(rn_softmax_loss_sum(dx, nan, background, NULL, 1, 1, 1, &losses[1])));
    ck_assert(isnan(rn_objectness_loss_sum(dx, nan, background, NULL, 1, 1, 1, &losses[1])));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("anchor loss gradient");
    TCase *tests = tcase_create("losses");
    tcase_add_test(tests, softmax_gradient);
    tcase_add_test(tests, objectness_gradient);
    tcase_add_test(tests, softmax_value);
    tcase_add_test(tests, objectness_value);
    tcase_add_test(tests, one_class);
    tcase_add_test(tests, far_logits);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
