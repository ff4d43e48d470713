/* The losses' derivatives in double against central differences: focal loss of one logit and of a
 * batch of anchors, smooth L1 of the deltas, through the box coder, and GIoU of the boxes that they
 * decode to. */
#include "base/random.h"
#include "detection/box_coder.h"
#include "detection/loss.h"
#include "detection/matcher.h"
#include "gradient.h"
#include "suite.h"

#include <check.h>

enum { ANCHORS = 6, CLASSES = 3, LOGITS = ANCHORS * CLASSES, DELTAS = ANCHORS * 4 };

static const int match[ANCHORS] = {1, RN_MATCH_BACKGROUND, 0, RN_MATCH_IGNORE, 1, 2};
static const int labels[3] = {2, 0, 1};
static const double boxes[3][4] = {{5, 25, 25, 35}, {15, 25, 25, 45}, {-7, 3, 30, 91}};
static const double anchors[ANCHORS][4] = {{10, 20, 20, 40}, {0, 0, 5, 5},     {8, 20, 30, 41},
                                           {10, 20, 20, 40}, {14, 22, 27, 49}, {0, 0, 32, 64}};

static void fill(double *x, size_t n, double low, double high) {
    rn_random random = rn_random_seed(17, n, 0);
    for (size_t i = 0; i < n; i++) x[i] = rn_random_uniform(&random, low, high);
}

/* Assert that `analytic` is the derivative, and that a wrong sign of its largest number would not
 * pass. */
static void prove(double *x, double *analytic, size_t n, gradient_loss_fn *loss, void *context) {
    size_t largest = 0;
    ck_assert_double_le(gradient_error(x, analytic, n, loss, context), GRADIENT_TOLERANCE);
    for (size_t i = 0; i < n; i++)
        if (fabs(analytic[i]) > fabs(analytic[largest])) largest = i;
    analytic[largest] = -analytic[largest];
    ck_assert_double_gt(gradient_error(x, analytic, n, loss, context), GRADIENT_TOLERANCE);
}

/* ---- focal loss ---- */

static const rn_focal focals[] = {{0, -1},   {0, 0.75}, {0.1, 0.75}, {0.2, 0.75}, {0.5, 0.5},
                                  {1, 0.25}, {2, 0.25}, {2, -1},     {3, 0.6},    {5, 0.25}};
enum { N_FOCALS = sizeof focals / sizeof *focals };

typedef struct one_logit {
    double x;
    bool foreground;
    const rn_focal *focal;
} one_logit;

static double focal_of_one(void *context) {
    const one_logit *one = context;
    double dx;
    return rn_focal_loss(&dx, one->x, one->foreground, one->focal);
}

START_TEST(focal_loss_of_a_logit) {
    for (int f = 0; f < N_FOCALS; f++) {
        for (int i = 0; i <= 80; i++) {
            one_logit one = {.x = -12 + 0.3 * i, .foreground = i % 2, .focal = &focals[f]};
            for (int side = 0; side < 2; side++, one.foreground = !one.foreground) {
                double dx;
                rn_focal_loss(&dx, one.x, one.foreground, one.focal);
                ck_assert_double_le(gradient_error(&one.x, &dx, 1, focal_of_one, &one),
                                    GRADIENT_TOLERANCE);
            }
        }
    }
}
END_TEST

typedef struct batch {
    double logits[LOGITS], deltas[DELTAS], dlogits[LOGITS], ddeltas[DELTAS], scratch[DELTAS];
    const rn_focal *focal;
    double scale, beta;
} batch;

static double focal_of_all(void *context) {
    batch *b = context;
    return b->scale * rn_focal_loss_sum(b->scratch, b->logits, match, labels, ANCHORS, CLASSES,
                                        b->scale, b->focal);
}

START_TEST(sum_of_focal_losses) {
    for (int f = 0; f < N_FOCALS; f++) {
        batch b = {.focal = &focals[f], .scale = 0.7};
        fill(b.logits, LOGITS, -4, 4);
        rn_focal_loss_sum(b.dlogits, b.logits, match, labels, ANCHORS, CLASSES, b.scale, b.focal);
        prove(b.logits, b.dlogits, LOGITS, focal_of_all, &b);
    }
}
END_TEST

/* ---- smooth L1 ---- */

static double smooth_l1_of_all(void *context) {
    batch *b = context;
    return b->scale * rn_smooth_l1_sum(b->scratch, b->deltas, anchors[0], match, boxes[0], ANCHORS,
                                       b->scale, b->beta);
}

/* Deltas at these distances of their targets: on both sides of the joint, away from it and, for
 * beta 0, from 0. */
static void place_deltas(batch *b) {
    static const double distance[5] = {0.05, 0.3, 0.9, 1.6, 0.02};
    for (int i = 0; i < ANCHORS; i++) {
        double target[4] = {0};
        if (match[i] >= 0) rn_box_encode(target, boxes[match[i]], anchors[i]);
        for (int k = 0; k < 4; k++) {
            const int at = 4 * i + k;
            b->deltas[at] = target[k] + distance[at % 5] * (at % 3 == 1 ? -1 : 1);
        }
    }
}

START_TEST(sum_of_smooth_l1) {
    static const double betas[] = {0, 1.0 / 9, 0.5, 1};
    for (size_t i = 0; i < sizeof betas / sizeof *betas; i++) {
        batch b = {.scale = 0.3, .beta = betas[i]};
        place_deltas(&b);
        rn_smooth_l1_sum(b.ddeltas, b.deltas, anchors[0], match, boxes[0], ANCHORS, b.scale,
                         b.beta);
        prove(b.deltas, b.ddeltas, DELTAS, smooth_l1_of_all, &b);
    }
}
END_TEST

/* The targets are the deltas that decode to the box: there the loss and its slope vanish. */
START_TEST(targets_decode_to_the_boxes) {
    batch b = {.scale = 1, .beta = 1.0 / 9};
    for (int i = 0; i < ANCHORS; i++) {
        if (match[i] < 0) continue;
        const double *box = boxes[match[i]];
        double back[4];
        rn_box_encode(b.deltas + 4 * i, box, anchors[i]);
        rn_box_decode(back, b.deltas + 4 * i, anchors[i]);
        for (int k = 0; k < 4; k++) ck_assert_double_le(fabs(back[k] - box[k]), 1e-12);
    }
    ck_assert_double_eq(rn_smooth_l1_sum(b.ddeltas, b.deltas, anchors[0], match, boxes[0], ANCHORS,
                                         b.scale, b.beta),
                        0);
    for (int i = 0; i < DELTAS; i++) ck_assert_double_eq(b.ddeltas[i], 0);
}
END_TEST

/* ---- GIoU ---- */

static double giou_of_all(void *context) {
    batch *b = context;
    return b->scale *
           rn_giou_loss_sum(b->scratch, b->deltas, anchors[0], match, boxes[0], ANCHORS, b->scale);
}

/* The least distance of a box's edge from one of its target's: where they meet there is a kink. */
static double nearest_edge(const batch *b) {
    double least = INFINITY;
    for (int i = 0; i < ANCHORS; i++) {
        double box[4];
        if (match[i] < 0) continue;
        rn_box_decode(box, b->deltas + 4 * i, anchors[i]);
        for (int k = 0; k < 8; k++)
            least = fmin(least, fabs(box[k % 4] - boxes[match[i]][k < 4 ? k : (k + 2) % 4]));
    }
    return least;
}

/* Near their targets, where all overlap, and further away, where some do not. */
START_TEST(sum_of_giou) {
    for (int far = 0; far < 2; far++) {
        batch b = {.scale = 0.3};
        place_deltas(&b);
        for (int i = 0; i < DELTAS; i++)
            if (far && i % 4 < 2) b.deltas[i] += 1.9;
        b.deltas[4 * 4 + 3] = 4.2; /* over the clamp: no derivative */
        ck_assert_double_gt(nearest_edge(&b), 0.1);
        rn_giou_loss_sum(b.ddeltas, b.deltas, anchors[0], match, boxes[0], ANCHORS, b.scale);
        ck_assert(b.ddeltas[4 * 4 + 3] == 0 && b.ddeltas[4 * 4 + 2] != 0);
        prove(b.deltas, b.ddeltas, DELTAS, giou_of_all, &b);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loss gradient");
    TCase *tests = tcase_create("losses");
    tcase_add_test(tests, focal_loss_of_a_logit);
    tcase_add_test(tests, sum_of_focal_losses);
    tcase_add_test(tests, sum_of_smooth_l1);
    tcase_add_test(tests, targets_decode_to_the_boxes);
    tcase_add_test(tests, sum_of_giou);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
