/* The derivative of GHM-C's weighed sum in double against central differences: the weights are
 * constants, and no logit is near a border of its bin. */
#include "detection/ghm.h"
#include "detection/matcher.h"
#include "gradient.h"
#include "suite.h"

#include <check.h>

enum { ANCHORS = 5, CLASSES = 3, LOGITS = ANCHORS * CLASSES, BINS = 5 };

static const int match[ANCHORS] = {1, RN_MATCH_BACKGROUND, 0, RN_MATCH_IGNORE, RN_MATCH_BACKGROUND};
static const int labels[2] = {2, 0};
static const double weight[BINS] = {0.01, 0.2, 1, 0.5, 2};

typedef struct batch {
    double logits[LOGITS], scratch[LOGITS];
} batch;

static double sum_of_all(void *context) {
    batch *b = context;
    return rn_ghm_loss_sum(b->scratch, b->logits, match, labels, ANCHORS, CLASSES, weight, BINS);
}

START_TEST(the_weighed_sum) {
    static const double middle[BINS] = {-2.197, -0.847, 0, 0.847, 2.197}; /* g = .1, .3 ... .9 */
    batch b;
    double dlogits[LOGITS];
    for (int i = 0; i < LOGITS; i++) b.logits[i] = middle[i * 3 % BINS];
    rn_ghm_loss_sum(dlogits, b.logits, match, labels, ANCHORS, CLASSES, weight, BINS);
    ck_assert_double_le(gradient_error(b.logits, dlogits, LOGITS, sum_of_all, &b),
                        GRADIENT_TOLERANCE);
    dlogits[0] = -dlogits[0]; /* a wrong sign would show */
    ck_assert_double_gt(gradient_error(b.logits, dlogits, LOGITS, sum_of_all, &b),
                        GRADIENT_TOLERANCE);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ghm gradient");
    TCase *tests = tcase_create("ghm");
    tcase_add_test(tests, the_weighed_sum);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
