/* The losses in float: focal loss against the closed form in long double, smooth L1 around its
 * joint, and the sums over anchors. test_loss_gradient.c proves the derivatives. */
#include "detection/loss.h"
#include "detection/matcher.h"
#include "suite.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

static void assert_near(double got, double want, double bound) {
    const double error = fabs(got - want);
    ck_assert_msg(error <= bound * fabs(want), "got %.9g, want %.9g", got, want);
}

/* ---- focal loss ---- */

typedef struct focal_value {
    long double loss, dx;
} focal_value;

/* FL = -alpha_t (1 - p_t)^gamma log p_t by logarithms alone: log p_t = -softplus(-z) and
 * log(1 - p_t) = log p_t - z with z = y x. */
static focal_value wanted(float x, bool foreground, float gamma, float alpha) {
    const long double z = foreground ? x : -(long double)x;
    const long double softplus = z > 0 ? log1pl(expl(-z)) : -z + log1pl(expl(z));
    const long double log_p = -softplus, log_q = z > 0 ? -z + log_p : -log1pl(expl(z));
    const long double alpha_t = alpha < 0 ? 1 : foreground ? alpha : 1 - (long double)alpha;
    const long double power = alpha_t * expl((long double)gamma * log_q);
    const long double slope = power * ((long double)gamma * expl(log_p) * log_p - expl(log_q));
    return (focal_value){-power * log_p, foreground ? slope : -slope};
}

/* Below FLT_MIN a float has few digits or none. */
static bool agrees(float got, long double want, double bound) {
    return fabsl((long double)got - want) <=
           (long double)bound * fabsl(want) + (long double)FLT_MIN;
}

/* From 1e4 down to 1e-9 in steps of 5%, both signs, and 0. */
static void check_focal(float gamma, float alpha) {
    /* A relative error of q = 1 - p_t grows by gamma; a few roundings besides. */
    const double bound = (double)(4 + 2 * gamma) * FLT_EPSILON;
    const rn_focal focal = {gamma, alpha};
    for (int i = 0; i < 1230; i++) {
        const double size = i < 2 ? 0 : 1e4 * pow(1.05, -(double)(i / 2 - 1));
        const float x = (float)(i % 2 ? -size : size);
        for (int foreground = 0; foreground < 2; foreground++) {
            const focal_value want = wanted(x, foreground, gamma, alpha);
            float dx;
            const float got = rn_focal_loss(&dx, x, foreground, &focal);
            ck_assert(isfinite(got) && isfinite(dx) && got >= 0);
            ck_assert_msg(agrees(got, want.loss, bound),
                          "gamma %g, x %.9g, foreground %d: loss %.9g, want %.9Lg", (double)gamma,
                          (double)x, foreground, (double)got, want.loss);
            ck_assert_msg(agrees(dx, want.dx, bound),
                          "gamma %g, x %.9g, foreground %d: dx %.9g, want %.9Lg", (double)gamma,
                          (double)x, foreground, (double)dx, want.dx);
        }
    }
}

START_TEST(focal_loss_everywhere) {
    static const float gammas[] = {0, 0.1f, 0.5f, 1, 2, 5};
    for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) {
        check_focal(gammas[i], 0.25f);
        check_focal(gammas[i], -1);
        check_focal(gammas[i], 0.9f);
    }
}
END_TEST

/* At x = 0, p_t = 1/2 for both: alpha_t 2^-gamma ln 2 and -+alpha_t 2^-gamma (gamma ln 2 + 1) / 2.
 */
START_TEST(focal_loss_of_an_even_chance) {
    static const struct {
        float gamma, alpha;
        bool foreground;
        double loss, dx;
    } table[] = {
        {0, -1, true, 0.69314718056, -0.5},
        {0, -1, false, 0.69314718056, 0.5},
        {0, 0.25f, true, 0.17328679514, -0.125},
        {0, 0.25f, false, 0.51986038542, 0.375},
        {1, 0.25f, true, 0.08664339757, -0.10582169879},
        {2, 0.25f, true, 0.04332169878, -0.07457169878},
        {2, 0.25f, false, 0.12996509635, 0.22371509635},
        {5, -1, false, 0.02166084939, 0.06977712348},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const rn_focal focal = {table[i].gamma, table[i].alpha};
        float dx;
        const float loss = rn_focal_loss(&dx, 0, table[i].foreground, &focal);
        assert_near((double)loss, table[i].loss, 4 * FLT_EPSILON);
        assert_near((double)dx, table[i].dx, 4 * FLT_EPSILON);
    }
}
END_TEST

/* p_t = 0.9 and 0.1 at gamma 2: the paper's "100 times lower" for the easy one. */
START_TEST(easy_examples_count_less) {
    const rn_focal focal = {2, -1}, entropy = {0, -1};
    const float x = 2.1972246f; /* log(0.9 / 0.1) */
    float dx;
    const float easy = rn_focal_loss(&dx, x, true, &focal),
                hard = rn_focal_loss(&dx, -x, true, &focal);
    assert_near((double)easy, 0.00105360516, 1e-6);
    assert_near((double)hard, 1.86509382536, 1e-6);
    assert_near((double)(rn_focal_loss(&dx, x, true, &entropy) / easy), 100, 1e-6);
}
END_TEST

START_TEST(alpha_is_the_weight_of_the_foreground) {
    const rn_focal all = {2, 1}, nothing = {2, 0}, none = {2, -1};
    float dx, plain_dx;
    const float plain = rn_focal_loss(&plain_dx, 0.5f, true, &none);
    ck_assert(rn_focal_loss(&dx, 0.5f, true, &all) == plain && dx == plain_dx);
    ck_assert(rn_focal_loss(&dx, 0.5f, false, &all) == 0 && dx == 0);
    ck_assert(rn_focal_loss(&dx, 0.5f, true, &nothing) == 0 && dx == 0);
    ck_assert(rn_focal_loss(&dx, -0.5f, false, &nothing) == plain && dx == -plain_dx);
}
END_TEST

/* Raising a logit helps the foreground and hurts the background, everywhere. */
START_TEST(focal_loss_falls_towards_its_class) {
    const rn_focal focal = {2, 0.25f};
    for (int i = -40; i <= 40; i++) {
        float dx;
        rn_focal_loss(&dx, (float)i / 4, true, &focal);
        ck_assert(dx < 0);
        rn_focal_loss(&dx, (float)i / 4, false, &focal);
        ck_assert(dx > 0);
    }
}
END_TEST

START_TEST(nan_stays_visible) {
    static const float gammas[] = {0, 0.5f, 1, 2};
    for (int i = 0; i < 4; i++) {
        const rn_focal focal = {gammas[i], 0.25f};
        float dx;
        ck_assert(isnan(rn_focal_loss(&dx, NAN, i % 2, &focal)) && isnan(dx));
    }
    float dx;
    ck_assert(isnan(rn_smooth_l1(&dx, NAN, 0, 0.1f)));
    ck_assert(isnan(rn_smooth_l1(&dx, 0, NAN, 0)));
}
END_TEST

/* With the prior 0.01: 1.128 for a positive, 7.5e-7 for every other (anchor, class). */
START_TEST(cost_at_initialisation) {
    const rn_focal focal = {2, 0.25f};
    const float x = -4.59511985f; /* -log(0.99 / 0.01) */
    float dx;
    assert_near((double)rn_focal_loss(&dx, x, true, &focal), 1.12838183, 1e-6);
    assert_near((double)rn_focal_loss(&dx, x, false, &focal), 7.53775190e-7, 1e-6);
}
END_TEST

/* ---- the sum over anchors ---- */

START_TEST(sum_of_focal_losses) {
    enum { ANCHORS = 5, CLASSES = 3 };
    const rn_focal focal = {2, 0.25f};
    const float logits[ANCHORS][CLASSES] = {
        {0.5f, -1, 2}, {-3, 0, 1}, {NAN, INFINITY, 5}, {1, 1, 1}, {-2, 4, 0.25f}};
    const int match[ANCHORS] = {2, RN_MATCH_BACKGROUND, RN_MATCH_IGNORE, 0, 2};
    const int labels[] = {1, 7, 2}; /* the class of each *box* */
    const int class_of[ANCHORS] = {2, -1, -1, 1, 2};
    float got[ANCHORS][CLASSES];
    for (int i = 0; i < ANCHORS; i++) /* written, not added to */
        for (int k = 0; k < CLASSES; k++) got[i][k] = NAN;
    const double sum =
        rn_focal_loss_sum(got[0], logits[0], match, labels, ANCHORS, CLASSES, 0.125f, &focal);
    double want = 0;
    for (int i = 0; i < ANCHORS; i++) {
        for (int k = 0; k < CLASSES; k++) {
            const focal_value one = wanted(logits[i][k], k == class_of[i], 2, 0.25f);
            if (match[i] == RN_MATCH_IGNORE) {
                ck_assert(got[i][k] == 0);
                continue;
            }
            want += (double)one.loss;
            assert_near((double)got[i][k], (double)one.dx / 8, 8 * FLT_EPSILON);
        }
    }
    assert_near(sum, want, 8 * FLT_EPSILON); /* the scale is not in it */
}
END_TEST

/* Whatever instructions the sum runs on, wherever an anchor's logits lie: the bits are those of one
 * logit alone. */
static void check_sum_by_logit(float gamma, size_t n_anchors, int n_classes) {
    enum { LOGITS = 4000 };
    static float logits[LOGITS], got[LOGITS];
    static int match[LOGITS];
    const rn_focal focal = {gamma, 0.25f};
    const int labels[] = {0, n_classes - 1, n_classes / 2};
    const size_t k = (size_t)n_classes;
    double want = 0;
    for (size_t i = 0; i < n_anchors * k; i++) /* 1e4 down to 1e-5, both signs, a NaN nearby */
        logits[i] = (i % 2 ? -1.0f : 1.0f) * 1e4f * powf(0.995f, (float)i);
    for (size_t i = 0; i < n_anchors; i++) {
        match[i] = i % 7 == 3 ? (int)(i % 3) : i % 11 == 5 ? RN_MATCH_IGNORE : RN_MATCH_BACKGROUND;
        if (match[i] == RN_MATCH_IGNORE) logits[i * k] = NAN;
    }
    const double sum =
        rn_focal_loss_sum(got, logits, match, labels, n_anchors, n_classes, 0.37f, &focal);
    for (size_t i = 0; i < n_anchors * k; i++) {
        const int m = match[i / k];
        float dx = 0;
        if (m != RN_MATCH_IGNORE)
            want +=
                (double)rn_focal_loss(&dx, logits[i], m >= 0 && (int)(i % k) == labels[m], &focal);
        ck_assert_msg(memcmp(&got[i], &(float){dx * 0.37f}, sizeof dx) == 0,
                      "gamma %g, logit %zu of %d classes: %.9g, want %.9g", (double)gamma, i,
                      n_classes, (double)got[i], (double)(dx * 0.37f));
    }
    assert_near(sum, want, 1e-14);
}

START_TEST(sum_has_the_bits_of_its_logits) {
    static const float gammas[] = {0, 1, 2, 1.5f};
    for (int i = 0; i < 4; i++) {
        check_sum_by_logit(gammas[i], 43, 91);
        check_sum_by_logit(gammas[i], 4000, 1);
        check_sum_by_logit(gammas[i], 571, 7);
    }
}
END_TEST

START_TEST(every_instruction_set_gives_the_same_bits) {
    enum { N = 1000 };
    static const float gammas[] = {0, 1, 2, 0.5f};
    float x[N], want[N], got[N];
    for (int i = 0; i < N; i++) x[i] = (i % 2 ? -1.0f : 1.0f) * 200 * powf(0.98f, (float)i);
    for (int g = 0; g < 4; g++) {
        const rn_focal focal = {gammas[g], 0.25f};
        const double sum = rn_focal_background(RN_ISA_PLAIN)(want, x, N, 0.37f, &focal);
        for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
            rn_background_fn *background = rn_focal_background((rn_isa)isa);
            ck_assert(background(got, x, N, 0.37f, &focal) == sum);
            ck_assert_int_eq(memcmp(got, want, sizeof got), 0);
        }
    }
}
END_TEST

START_TEST(empty_sums) {
    const rn_focal focal = {2, 0.25f};
    const float logits[2] = {3, -3};
    const int match[1] = {RN_MATCH_BACKGROUND};
    float dlogits[2] = {7, 7};
    ck_assert(rn_focal_loss_sum(NULL, NULL, NULL, NULL, 0, 3, 1, &focal) == 0);
    ck_assert(rn_focal_loss_sum(dlogits, logits, match, NULL, 0, 2, 1, &focal) == 0);
    ck_assert(dlogits[0] == 7 && dlogits[1] == 7);
    ck_assert(rn_focal_loss_sum(dlogits, logits, match, NULL, 1, 2, 1, &focal) > 0); /* no boxes */
    ck_assert(rn_smooth_l1_sum(NULL, NULL, NULL, NULL, NULL, 0, 1, 0.1f) == 0);
}
END_TEST

/* A NaN anywhere but in an ignored anchor reaches the sum. */
START_TEST(sum_shows_nan) {
    const rn_focal focal = {2, 0.25f};
    const float logits[2][2] = {{0, 0}, {0, NAN}};
    const int match[2] = {RN_MATCH_BACKGROUND, RN_MATCH_BACKGROUND};
    float dlogits[4];
    ck_assert(isnan(rn_focal_loss_sum(dlogits, logits[0], match, NULL, 2, 2, 1, &focal)));
    ck_assert(!isnan(dlogits[2]) && isnan(dlogits[3]));
}
END_TEST

/* One loss of 2500 and 199,999 of 7.5e-7, which float would lose beside it: over anchors and over
 * the classes of an anchor. */
static void check_sum_in_double(size_t anchors, int classes) {
    enum { N = 200000 };
    static float logits[N], dlogits[N];
    static int match[N];
    const rn_focal focal = {2, 0.25f};
    const int labels[] = {0};
    float dx;
    for (int i = 0; i < N; i++) {
        match[i] = RN_MATCH_BACKGROUND;
        logits[i] = -4.59511985f;
    }
    match[0] = 0;
    logits[0] = -10000;
    const double one = (double)rn_focal_loss(&dx, logits[1], false, &focal);
    const double sum =
        rn_focal_loss_sum(dlogits, logits, match, labels, anchors, classes, 1, &focal);
    assert_near(sum - 2500, one * (N - 1), 1e-8);
    ck_assert(dlogits[0] == -0.25f && dlogits[N - 1] == dx);
}

START_TEST(sum_is_in_double) {
    check_sum_in_double(200000, 1);
    check_sum_in_double(1, 200000);
}
END_TEST

/* ---- smooth L1 ---- */

static void assert_smooth_l1(float distance, float beta, float loss, float slope) {
    float dx;
    ck_assert(rn_smooth_l1(&dx, 8 + distance, 8, beta) == loss);
    ck_assert(dx == slope);
    ck_assert(rn_smooth_l1(&dx, 8, 8 + distance, beta) == loss); /* odd slope, even loss */
    ck_assert(dx == -slope);
}

START_TEST(smooth_l1_and_its_joint) {
    assert_smooth_l1(0, 0.5f, 0, 0);
    assert_smooth_l1(0.125f, 0.5f, 0.015625f, 0.25f);
    assert_smooth_l1(0.25f, 0.5f, 0.0625f, 0.5f);
    assert_smooth_l1(0.5f, 0.5f, 0.25f, 1); /* the joint: beta / 2 by either formula */
    assert_smooth_l1(0.75f, 0.5f, 0.5f, 1);
    assert_smooth_l1(1, 1, 0.5f, 1);
    assert_smooth_l1(4096, 1, 4095.5f, 1);
    float dx;
    const float beta = (float)(1.0 / 9), below = nextafterf(beta, 0), above = nextafterf(beta, 1);
    assert_near((double)rn_smooth_l1(&dx, below, 0, beta), 1.0 / 18, 4 * FLT_EPSILON);
    ck_assert(dx < 1 && dx > 1 - 2 * FLT_EPSILON);
    assert_near((double)rn_smooth_l1(&dx, beta, 0, beta), 1.0 / 18, 4 * FLT_EPSILON);
    ck_assert(dx == 1);
    assert_near((double)rn_smooth_l1(&dx, above, 0, beta), 1.0 / 18, 4 * FLT_EPSILON);
    ck_assert(dx == 1);
    assert_near((double)rn_smooth_l1(&dx, 0, 0.0625f, beta), 0.017578125, 4 * FLT_EPSILON);
    assert_near((double)dx, -0.5625, 4 * FLT_EPSILON);
}
END_TEST

/* beta 0 is L1, without 0 / 0 where it is exact. */
START_TEST(smooth_l1_without_a_joint) {
    assert_smooth_l1(0, 0, 0, 0);
    assert_smooth_l1(0.25f, 0, 0.25f, 1);
    assert_smooth_l1(100, 0, 100, 1);
    float dx;
    ck_assert(rn_smooth_l1(&dx, FLT_MIN, 0, 0) == FLT_MIN);
    ck_assert(dx == 1);
}
END_TEST

/* Anchors of 10 x 20 around (15, 30); box 1 gives the targets 0.5, 0.25, 0, 0 and box 0 the targets
 * 0, 0, ln 2, -ln 2. */
START_TEST(sum_of_smooth_l1) {
    const float anchors[4][4] = {
        {10, 20, 20, 40}, {0, 0, 5, 5}, {10, 20, 20, 40}, {10, 20, 20, 40}};
    const float boxes[2][4] = {{5, 25, 25, 35}, {15, 25, 25, 45}};
    const int match[4] = {1, RN_MATCH_BACKGROUND, RN_MATCH_IGNORE, 0};
    const float deltas[4][4] = {{0.75f, 0.25f, -2, 0.125f},
                                {9, 9, 9, 9},
                                {NAN, 9, 9, 9},
                                {0, 0, 0.69314718f, -0.69314718f}};
    float got[4][4];
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) got[i][k] = NAN;
    const double sum =
        rn_smooth_l1_sum(got[0], deltas[0], anchors[0], match, boxes[0], 4, 0.25f, 0.5f);
    /* 0.25, 0, -2 and 0.125 from the targets: 0.0625 + 0 + 1.75 + 0.015625 */
    assert_near(sum, 1.828125, 1e-12);
    const float want[4] = {0.125f, 0, -0.25f, 0.0625f}; /* 0.5, 0, -1, 0.25; times the scale */
    for (int k = 0; k < 4; k++) {
        ck_assert(got[0][k] == want[k]);
        ck_assert(got[1][k] == 0);
        ck_assert(got[2][k] == 0);
        ck_assert_double_le(fabs((double)got[3][k]), 1e-7); /* exact to a rounding */
    }
}
END_TEST

/* ---- GIoU ---- */

/* The loss and its derivatives, worked out by hand. */
START_TEST(giou_of_known_boxes) {
    static const struct {
        float box[4], target[4];
        double loss, dbox[4];
    } table[] = {
        /* I 50, U 150, C 150: 1 - 1/3. In y half of dI and half of dC cancel dA. */
        {{0, 0, 10, 10}, {5, 0, 15, 10}, 2.0 / 3, {-1.0 / 45, 0, -1.0 / 15, 0}},
        /* I 0, U 200, C 400: 1 + 200/400; the near edge has no part in C */
        {{0, 0, 10, 10}, {30, 0, 40, 10}, 1.5, {0.0125, 0, -0.025, 0}},
        /* edge on edge: no common area yet, C as large as U */
        {{0, 0, 10, 10}, {10, 0, 20, 10}, 1, {0, 0, 0, 0}},
        {{10, 20, 50, 80}, {10, 20, 50, 80}, 0, {0, 0, 0, 0}},
        /* a point in its target, and the other way round: I 0, C = U */
        {{5, 5, 5, 5}, {0, 0, 10, 10}, 1, {0, 0, 0, 0}},
        {{0, 0, 10, 10}, {5, 5, 5, 5}, 1, {0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        float dbox[4];
        const float loss = rn_giou_loss(dbox, table[i].box, table[i].target);
        ck_assert_double_le(fabs((double)loss - table[i].loss), 4 * FLT_EPSILON);
        if (i < 2 || i == 3)
            for (int k = 0; k < 4; k++)
                ck_assert_msg(fabs((double)dbox[k] - table[i].dbox[k]) <= 1e-7,
                              "pair %zu, corner %d: %g, want %g", i, k, (double)dbox[k],
                              table[i].dbox[k]);
    }
}
END_TEST

/* Nothing is divided by 0: two points in one place, two apart in one row. */
START_TEST(giou_of_boxes_without_area) {
    static const float points[2][4] = {{5, 5, 5, 5}, {9, 5, 9, 5}};
    float dbox[4];
    for (int i = 0; i < 2; i++) {
        ck_assert(rn_giou_loss(dbox, points[0], points[i]) == 1);
        for (int k = 0; k < 4; k++) ck_assert(isfinite(dbox[k]));
    }
}
END_TEST

START_TEST(giou_shows_nan) {
    const float target[4] = {0, 0, 10, 10};
    for (int i = 0; i < 4; i++) {
        float box[4] = {1, 2, 8, 9}, dbox[4];
        box[i] = NAN;
        ck_assert(isnan(rn_giou_loss(dbox, box, target)));
        for (int k = 0; k < 4; k++) ck_assert(isnan(dbox[k]));
    }
}
END_TEST

/* Deltas 0 give the anchor itself: box 1 is the anchor moved by half of it, box 0 the anchor. */
START_TEST(sum_of_giou) {
    const float anchors[4][4] = {{0, 0, 10, 10}, {0, 0, 5, 5}, {0, 0, 10, 10}, {0, 0, 10, 10}};
    const float boxes[2][4] = {{0, 0, 10, 10}, {5, 0, 15, 10}};
    const int match[4] = {1, RN_MATCH_BACKGROUND, RN_MATCH_IGNORE, 0};
    const float deltas[4][4] = {{0}, {9, 9, 9, 9}, {NAN, 9, 9, 9}, {0}};
    float got[4][4];
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) got[i][k] = NAN;
    const double sum = rn_giou_loss_sum(got[0], deltas[0], anchors[0], match, boxes[0], 4, 0.25f);
    assert_near(sum, 2.0 / 3, 8 * FLT_EPSILON);
    /* dx: 10 (-1/45 - 1/15), dw: 5 (-1/15 + 1/45), times the scale; dy, dh: 0 */
    const double want[4] = {-2.0 / 9, 0, -1.0 / 18, 0};
    for (int k = 0; k < 4; k++) {
        ck_assert_double_le(fabs((double)got[0][k] - want[k]), 1e-7);
        ck_assert(got[1][k] == 0 && got[2][k] == 0);
        ck_assert_double_le(fabs((double)got[3][k]), 1e-7);
    }
    ck_assert(rn_giou_loss_sum(NULL, NULL, NULL, NULL, NULL, 0, 1) == 0);
}
END_TEST

/* log(1000/16): what is over it has no effect, so no derivative; at it the box still moves. */
START_TEST(clamped_deltas_have_no_derivative) {
    const float anchor[4] = {0, 0, 8, 8}, box[4] = {0, 0, 20, 20};
    const int match[1] = {0};
    const float limit = (float)4.135166556742356;
    const float deltas[3][4] = {{0, 0, limit, 1}, {0, 0, nextafterf(limit, 5), 1}, {0, 0, 1, 9}};
    float got[4];
    for (int i = 0; i < 3; i++) {
        rn_giou_loss_sum(got, deltas[i], anchor, match, box, 1, 1);
        ck_assert(i == 1 ? got[2] == 0 : got[2] != 0);
        ck_assert(i == 2 ? got[3] == 0 : got[3] != 0);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loss");
    TCase *tests = tcase_create("loss");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, focal_loss_everywhere);
    tcase_add_test(tests, focal_loss_of_an_even_chance);
    tcase_add_test(tests, easy_examples_count_less);
    tcase_add_test(tests, alpha_is_the_weight_of_the_foreground);
    tcase_add_test(tests, focal_loss_falls_towards_its_class);
    tcase_add_test(tests, nan_stays_visible);
    tcase_add_test(tests, cost_at_initialisation);
    tcase_add_test(tests, sum_of_focal_losses);
    tcase_add_test(tests, sum_has_the_bits_of_its_logits);
    tcase_add_test(tests, every_instruction_set_gives_the_same_bits);
    tcase_add_test(tests, empty_sums);
    tcase_add_test(tests, sum_shows_nan);
    tcase_add_test(tests, sum_is_in_double);
    tcase_add_test(tests, smooth_l1_and_its_joint);
    tcase_add_test(tests, smooth_l1_without_a_joint);
    tcase_add_test(tests, sum_of_smooth_l1);
    tcase_add_test(tests, giou_of_known_boxes);
    tcase_add_test(tests, giou_of_boxes_without_area);
    tcase_add_test(tests, giou_shows_nan);
    tcase_add_test(tests, sum_of_giou);
    tcase_add_test(tests, clamped_deltas_have_no_derivative);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
