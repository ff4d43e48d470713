/* parity_losses.h: losses and box coder against torch, for the build in float
 * (test_parity_detection.c) and the one in double (test_parity_gradient.c). Each test prints the
 * largest difference. */
#ifndef RN_TESTS_PARITY_LOSSES_H
#define RN_TESTS_PARITY_LOSSES_H

#include "detection/box_coder.h"
#include "detection/loss.h"
#include "golden.h"

#include <float.h>

/* What float must reach is the promise; double has eight digits more. */
static const double tolerance = sizeof(real) == sizeof(float) ? 1e-5 : 1e-13;

static void open_file(void) {
    golden_open("detection.safetensors");
}

/* ---- focal loss ---- */

enum { GAMMAS = 6, ALPHAS = 2 };

/* Below the least normal number there are few digits or none. */
static double relative_error(real got, double want) {
    const double least = sizeof(real) == sizeof(float) ? (double)FLT_MIN : DBL_MIN;
    const double error = fabs((double)got - want);
    if (isnan(error)) return INFINITY;
    return error <= least ? 0 : error / fabs(want);
}

/* Every loss and derivative of the tables focal.NAME.*, each relative to itself. */
static void check_focal(const char *name, double most) {
    static const float gammas[GAMMAS] = {0, 0.1f, 0.5f, 1, 2, 5};
    static const float alphas[ALPHAS] = {-1, 0.25f};
    const rn_tensor *tables[2] = {golden_find("focal.%s.loss", name),
                                  golden_find("focal.%s.dx", name)};
    double worst[2] = {0};
    size_t n, at = 0;
    real *logits = golden_reals(&n, golden_find("focal.%s.logits", name));
    for (int k = 0; k < 2; k++) {
        ck_assert_ptr_nonnull(tables[k]);
        ck_assert_int_eq(tables[k]->dtype, RN_F64);
        ck_assert_uint_eq(tables[k]->count, GAMMAS * ALPHAS * 2 * n);
    }
    for (int c = 0; c < GAMMAS * ALPHAS * 2; c++) {
        const rn_focal focal = {(real)gammas[c / 4], (real)alphas[c / 2 % 2]};
        for (size_t i = 0; i < n; i++, at++) {
            real got[2];
            got[0] = rn_focal_loss(&got[1], logits[i], c % 2, &focal);
            for (int k = 0; k < 2; k++) {
                double want;
                memcpy(&want, tables[k]->data + 8 * at, 8);
                const double error = relative_error(got[k], want);
                ck_assert_msg(error <= most, "%s, gamma %g, logit %g: got %.17g, want %.17g",
                              tables[k]->name, (double)focal.gamma, (double)logits[i],
                              (double)got[k], want);
                worst[k] = fmax(worst[k], error);
            }
        }
    }
    free(logits);
    printf("focal loss, %s: loss %.1e, dx %.1e\n", name, worst[0], worst[1]);
}

/* Torch's double for |logit| <= 10: its 1 - p_t has lost four digits there. */
START_TEST(focal_loss_of_torch) {
    check_focal("torch", sizeof(real) == sizeof(float) ? 1e-5 : 1e-10);
}
END_TEST

/* The stable closed form for |logit| <= 1e4. */
START_TEST(focal_loss_in_closed_form) {
    check_focal("closed", sizeof(real) == sizeof(float) ? 1e-5 : 1e-14);
}
END_TEST

/* ---- smooth L1, GIoU ---- */

START_TEST(smooth_l1) {
    double worst[2] = {0};
    ck_assert_int_eq(golden_cases("smooth_l1", "beta"), 3);
    for (int i = 0; i < 3; i++) {
        size_t n;
        real *beta = golden_reals(NULL, golden_find("smooth_l1.%d.beta", i));
        real *x = golden_reals(&n, golden_find("smooth_l1.%d.x", i)), loss[64], dx[64];
        ck_assert_uint_lt(n, 64);
        for (size_t k = 0; k < n; k++) loss[k] = rn_smooth_l1(&dx[k], x[k], 5, *beta);
        golden_compare(&worst[0], loss, n, golden_find("smooth_l1.%d.loss", i), tolerance);
        golden_compare(&worst[1], dx, n, golden_find("smooth_l1.%d.dx", i), tolerance);
        free(beta);
        free(x);
    }
    printf("smooth L1: loss %.1e, dx %.1e\n", worst[0], worst[1]);
}
END_TEST

/* Each pair for itself: the derivatives of a small box are large. */
START_TEST(giou) {
    enum { PAIRS = 49 };
    double worst[2] = {0};
    size_t n;
    real *boxes = golden_reals(&n, golden_find("giou.boxes")),
         *targets = golden_reals(NULL, golden_find("giou.targets")),
         *want = golden_reals(NULL, golden_find("giou.dboxes"));
    real loss[PAIRS];
    ck_assert_uint_eq(n, 4 * PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        real got[4], most = 0, difference = 0;
        loss[i] = rn_giou_loss(got, boxes + 4 * i, targets + 4 * i);
        for (size_t k = 0; k < 4; k++) {
            most = fmax(most, fabs(want[4 * i + k]));
            difference = fmax(difference, fabs(got[k] - want[4 * i + k]));
            ck_assert(!isnan(got[k]));
        }
        if (difference > 0) difference /= fmax(most, (real)1e-3);
        ck_assert_msg((double)difference <= tolerance, "pair %zu: %g", i, (double)difference);
        worst[1] = fmax(worst[1], (double)difference);
    }
    golden_compare(&worst[0], loss, PAIRS, golden_find("giou.loss"), tolerance);
    printf("GIoU loss: loss %.1e, dbox %.1e\n", worst[0], worst[1]);
    free(boxes);
    free(targets);
    free(want);
}
END_TEST

/* ---- box coder, and the losses behind it ---- */

enum { BOXES = 24 };

typedef struct coder_input {
    real *anchors, *boxes, *deltas;
    int match[BOXES];
} coder_input;

static coder_input coder_open(void) {
    size_t n;
    coder_input c = {.anchors = golden_reals(NULL, golden_find("coder.anchors")),
                     .boxes = golden_reals(NULL, golden_find("coder.boxes")),
                     .deltas = golden_reals(&n, golden_find("coder.deltas"))};
    ck_assert_uint_eq(n, 4 * BOXES);
    for (int i = 0; i < BOXES; i++) c.match[i] = i;
    return c;
}

static void coder_close(coder_input *c) {
    free(c->anchors);
    free(c->boxes);
    free(c->deltas);
}

START_TEST(box_coder) {
    coder_input c = coder_open();
    double worst[2] = {0};
    real encoded[4 * BOXES], decoded[4 * BOXES];
    for (int i = 0; i < BOXES; i++) {
        rn_box_encode(encoded + 4 * i, c.boxes + 4 * i, c.anchors + 4 * i);
        rn_box_decode(decoded + 4 * i, c.deltas + 4 * i, c.anchors + 4 * i);
    }
    golden_compare(&worst[0], encoded, 4 * BOXES, golden_find("coder.encoded"), tolerance);
    golden_compare(&worst[1], decoded, 4 * BOXES, golden_find("coder.decoded"), tolerance);
    printf("box coder: encode %.1e, decode %.1e\n", worst[0], worst[1]);
    coder_close(&c);
}
END_TEST

/* Sum and gradient by the deltas, through decoder and clamp: 0 over it, not at it. */
START_TEST(box_losses) {
    static const char *const names[] = {"smooth L1, beta 1/9", "smooth L1, beta 1", "L1", "GIoU"};
    static const double betas[] = {1.0 / 9, 1, 0};
    coder_input c = coder_open();
    ck_assert_int_eq(golden_cases("box_loss", "sum"), 4);
    for (int i = 0; i < 4; i++) {
        double worst[2] = {0};
        real got[4 * BOXES];
        const real sum =
            (real)(i < 3 ? rn_smooth_l1_sum(got, c.deltas, c.anchors, c.match, c.boxes, BOXES, 1,
                                            (real)betas[i])
                         : rn_giou_loss_sum(got, c.deltas, c.anchors, c.match, c.boxes, BOXES, 1));
        golden_compare(&worst[0], &sum, 1, golden_find("box_loss.%d.sum", i), tolerance);
        golden_compare(&worst[1], got, 4 * BOXES, golden_find("box_loss.%d.ddeltas", i), tolerance);
        printf("%s of deltas: sum %.1e, ddeltas %.1e\n", names[i], worst[0], worst[1]);
        if (i < 3) continue;
        ck_assert(got[4 * 20 + 2] != 0 && got[4 * 21 + 3] != 0);           /* at the clamp */
        ck_assert(got[4 * 22 + 2] == 0 && got[4 * 22 + 3] == 0);           /* over it */
        for (int k = 0; k < 4; k++) ck_assert(fabs(got[k]) <= (real)1e-6); /* the target itself */
    }
    coder_close(&c);
}
END_TEST

static TCase *losses_case(void) {
    TCase *tests = tcase_create("losses");
    tcase_add_checked_fixture(tests, open_file, golden_close);
    tcase_add_test(tests, focal_loss_of_torch);
    tcase_add_test(tests, focal_loss_in_closed_form);
    tcase_add_test(tests, smooth_l1);
    tcase_add_test(tests, giou);
    tcase_add_test(tests, box_coder);
    tcase_add_test(tests, box_losses);
    return tests;
}

#endif
