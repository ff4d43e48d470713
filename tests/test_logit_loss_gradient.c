/* The derivatives of the losses of a logit in double against central differences, one by one and in
 * the sum over anchors. Focal loss: test_loss_gradient.c. */
#include "base/random.h"
#include "detection/loss.h"
#include "detection/matcher.h"
#include "gradient.h"
#include "suite.h"

#include <check.h>

enum { ANCHORS = 6, CLASSES = 3, LOGITS = ANCHORS * CLASSES };

static const int match[ANCHORS] = {1, RN_MATCH_BACKGROUND, 0, RN_MATCH_IGNORE, 1, 2};
static const int labels[3] = {2, 0, 1};
static const double alphas[CLASSES] = {0.9, 0.99, 0.5};

static const rn_logit_loss losses[] = {
    {RN_SHAPE_STAR, {2, 0.25}, 1, 0, {0, 0}, NULL},
    {RN_SHAPE_STAR, {4, -1}, 0, 0, {0, 0}, NULL},
    {RN_SHAPE_STAR, {0.5, 0.75}, -3, 0, {0, 0}, NULL},
    {RN_SHAPE_POLY, {2, 0.25}, 0, -1, {0, 0}, NULL},
    {RN_SHAPE_POLY, {0, -1}, 0, 2, {0, 0}, NULL},
    {RN_SHAPE_POLY, {1.5, 0.75}, 0, 3, {0, 0}, NULL},
    {RN_SHAPE_SLOPE, {2, 0.25}, 0, 0, {0.002, 0.17}, NULL},
    {RN_SHAPE_SLOPE, {2, -1}, 0, 0, {0, 1}, NULL},
    {RN_SHAPE_SLOPE, {0.5, 0.25}, 0, 0, {0.5, 0.25}, NULL},
    {RN_SHAPE_FOCAL, {0, -1}, 0, 0, {0, 0}, alphas},
    {RN_SHAPE_POLY, {2, -1}, 0, 1, {0, 0}, alphas},
};
enum { N_LOSSES = sizeof losses / sizeof *losses };

typedef struct one_logit {
    double x;
    bool foreground;
    const rn_logit_loss *loss;
} one_logit;

static double value_of_one(void *context) {
    const one_logit *one = context;
    double dx;
    return rn_logit_loss_value(&dx, one->x, one->foreground, one->loss);
}

START_TEST(loss_of_a_logit) {
    for (int l = 0; l < N_LOSSES; l++)
        for (int i = 0; i < 82; i++) {
            one_logit one = {.x = -12 + 0.6 * (i / 2), .foreground = i % 2, .loss = &losses[l]};
            double dx;
            rn_logit_loss_value(&dx, one.x, one.foreground, one.loss);
            ck_assert_double_le(gradient_error(&one.x, &dx, 1, value_of_one, &one),
                                GRADIENT_TOLERANCE);
        }
}
END_TEST

typedef struct batch {
    double logits[LOGITS], scratch[LOGITS];
    const rn_logit_loss *loss;
} batch;

static double sum_of_all(void *context) {
    batch *b = context;
    return 0.7 *
           rn_logit_loss_sum(b->scratch, b->logits, match, labels, ANCHORS, CLASSES, 0.7, b->loss);
}

START_TEST(sum_over_anchors) {
    rn_random random = rn_random_seed(17, 0, 0);
    for (int l = 0; l < N_LOSSES; l++) {
        batch b = {.loss = &losses[l]};
        double dlogits[LOGITS];
        for (int i = 0; i < LOGITS; i++) b.logits[i] = rn_random_uniform(&random, -4, 4);
        rn_logit_loss_sum(dlogits, b.logits, match, labels, ANCHORS, CLASSES, 0.7, b.loss);
        ck_assert_double_le(gradient_error(b.logits, dlogits, LOGITS, sum_of_all, &b),
                            GRADIENT_TOLERANCE);
        dlogits[2] = -dlogits[2]; /* a wrong sign would show */
        ck_assert_double_gt(gradient_error(b.logits, dlogits, LOGITS, sum_of_all, &b),
                            GRADIENT_TOLERANCE);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("logit loss gradient");
    TCase *tests = tcase_create("losses");
    tcase_add_test(tests, loss_of_a_logit);
    tcase_add_test(tests, sum_over_anchors);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
