#include "base/random.h"
#include "detection/matcher.h"
#include "eval/loss_spread.h"
#include "suite.h"

#include <math.h>

static const double gammas[RN_LAB_GAMMAS] = {0, 0.5, 1, 2};
static rn_loss_spread spread;
static rn_lab_curve curve;

static void setup(void) {
    ck_assert_int_eq(rn_loss_spread_create(&spread), RN_OK);
}

static void teardown(void) {
    rn_loss_spread_free(&spread);
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* FL without alpha. */
static double loss(double x, bool foreground, double gamma) {
    const double p = sigmoid(foreground ? x : -x);
    return -pow(1 - p, gamma) * log(p);
}

START_TEST(nothing) {
    for (int g = 0; g < RN_LAB_GAMMAS; g++) {
        rn_loss_spread_curve(&curve, &spread, g);
        ck_assert(curve.gamma == gammas[g] && curve.bg_loss_share == -1);
        for (int i = 0; i < RN_LAB_POINTS; i++)
            ck_assert(curve.foreground[i] == 0 && curve.background[i] == 0);
    }
}
END_TEST

/* One class. Scores 1/2, 1/5 of background anchors and 4/5 of a foreground one, whose losses at
 * gamma 0 are ln 2, ln 1.25 and ln 1.25, at gamma 2 a quarter, a 25th and a 25th of these. */
START_TEST(by_hand) {
    const real logits[] = {0, (real)1.3862943611198906, 9, (real)-1.3862943611198906};
    const int match[] = {RN_MATCH_BACKGROUND, 0, RN_MATCH_IGNORE, RN_MATCH_BACKGROUND};
    const int labels[] = {0};
    const double easy = 0.22314355131420976, hard = 0.6931471805599453;
    rn_loss_spread_add(&spread, logits, match, labels, 4, 1, RN_SCORING_SIGMOID);
    rn_loss_spread_curve(&curve, &spread, 0);
    ck_assert_double_eq_tol(curve.bg_loss_share, 0.8041629, 1e-6); /* .91629 of 1.13943 */
    ck_assert_double_eq_tol(curve.background[50], easy / (easy + hard), 1e-6);
    ck_assert_double_eq_tol(curve.background[25], easy / (easy + hard) / 2, 1e-6);
    ck_assert_double_eq_tol(curve.background[75], (easy + hard / 2) / (easy + hard), 1e-6);
    ck_assert(curve.background[0] == 0 && curve.background[100] == 1);
    ck_assert_double_eq_tol(curve.foreground[30], 0.3, 1e-12); /* all of it one anchor's */
    rn_loss_spread_curve(&curve, &spread, 3);
    ck_assert_double_eq_tol(curve.background[50], easy / 25 / (easy / 25 + hard / 4), 1e-6);
    ck_assert_double_eq_tol(curve.bg_loss_share, 0.9533022, 1e-6); /* .182213 of .191138 */
    /* g = .5, .2, .2: bins 15 and 6 of 30; a float's .2 may lie on either side of the bin's end */
    ck_assert(spread.norms[0][15] == 1 && spread.norms[0][5] + spread.norms[0][6] == 1);
    ck_assert_uint_eq(spread.norms[1][5] + spread.norms[1][6], 1);
    ck_assert(spread.finite);
}
END_TEST

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of the sorted losses [n] up to i %, within an anchor by its part. */
static double cumulated(const double *losses, size_t n, int i) {
    double all = 0, below = 0, rank = i / 100.0 * (double)n;
    for (size_t k = 0; k < n; k++) all += losses[k];
    for (size_t k = 0; k < n && rank > 0; k++, rank--) below += losses[k] * fmin(rank, 1);
    return below / all;
}

enum { ANCHORS = 3000, MOST_CLASSES = 70 };
static real logits[ANCHORS * (MOST_CLASSES + 1)];
static int match[ANCHORS];
static const int labels[] = {0, 2, 1};

static void fill(int n_logits) {
    rn_random random = rn_random_seed(3, (uint64_t)n_logits, 0);
    for (int i = 0; i < ANCHORS; i++) /* few of an object, some ignored */
        match[i] = rn_random_below(&random, 20) == 0 ? (int)rn_random_below(&random, 3)
                                                     : RN_MATCH_BACKGROUND;
    for (int i = 0; i < ANCHORS; i += 17) match[i] = RN_MATCH_IGNORE;
    for (int i = 0; i < ANCHORS * n_logits; i++)
        logits[i] = (real)(3 * rn_random_normal(&random) - 4);
}

/* An anchor's loss again, in double. */
static double anchor_loss(const real *x, int n_classes, int label, rn_scoring scoring,
                          double gamma) {
    double sum = 0;
    if (scoring == RN_SCORING_OBJECTNESS) return loss((double)x[n_classes], label >= 0, gamma);
    if (scoring == RN_SCORING_SOFTMAX) {
        for (int k = 0; k <= n_classes; k++) sum += exp((double)x[k]);
        const double p = exp((double)x[label < 0 ? n_classes : label]) / sum;
        return -pow(1 - p, gamma) * log(p);
    }
    for (int k = 0; k < n_classes; k++) sum += loss((double)x[k], k == label, gamma);
    return sum;
}

static void check(int n_classes, rn_scoring scoring) {
    const int n_logits = n_classes + (scoring != RN_SCORING_SIGMOID);
    static double losses[2][ANCHORS];
    fill(n_logits);
    teardown();
    setup();
    for (size_t at = 0; at < ANCHORS; at += 1000) /* as pictures and levels come */
        rn_loss_spread_add(&spread, logits + at * (size_t)n_logits, match + at, labels, 1000,
                           n_classes, scoring);
    for (int g = 0; g < RN_LAB_GAMMAS; g++) {
        double sum[2] = {0};
        size_t n[2] = {0};
        for (int i = 0; i < ANCHORS; i++) {
            if (match[i] == RN_MATCH_IGNORE) continue;
            const int side = match[i] >= 0;
            const double value = anchor_loss(logits + i * n_logits, n_classes,
                                             side ? labels[match[i]] : -1, scoring, gammas[g]);
            losses[side][n[side]++] = value;
            sum[side] += value;
        }
        rn_loss_spread_curve(&curve, &spread, g);
        ck_assert_double_eq_tol(curve.bg_loss_share, sum[0] / (sum[0] + sum[1]), 1e-5);
        for (int side = 0; side < 2; side++) {
            const double *got = side ? curve.foreground : curve.background;
            qsort(losses[side], n[side], sizeof(double), ascending);
            for (int i = 0; i < RN_LAB_POINTS; i++)
                ck_assert_double_eq_tol(got[i], cumulated(losses[side], n[side], i), 2e-4);
        }
    }
}

START_TEST(once_more) {
    check(1, RN_SCORING_SIGMOID);
    check(3, RN_SCORING_SIGMOID);
    check(MOST_CLASSES, RN_SCORING_SIGMOID);
    check(3, RN_SCORING_SOFTMAX);
    check(3, RN_SCORING_OBJECTNESS);
}
END_TEST

/* Of three classes, one logit of a foreground anchor has the target 1. */
START_TEST(lengths_of_gradient) {
    size_t want[2][RN_LAB_NORM_BINS] = {{0}};
    fill(3);
    rn_loss_spread_add(&spread, logits, match, labels, ANCHORS, 3, RN_SCORING_SIGMOID);
    for (int i = 0; i < 3 * ANCHORS; i++) {
        if (match[i / 3] == RN_MATCH_IGNORE) continue;
        const bool target = match[i / 3] >= 0 && labels[match[i / 3]] == i % 3;
        const double g = fabs(sigmoid((double)logits[i]) - target);
        want[target][(int)(g * 30)]++;
    }
    for (int b = 0; b < RN_LAB_NORM_BINS; b++)
        for (int target = 0; target < 2; target++)
            ck_assert_uint_eq(spread.norms[target][b], want[target][b]);
}
END_TEST

START_TEST(extremes) {
    const real far[] = {-10000, 10000}, none[] = {(real)NAN, (real)INFINITY, 0};
    const int background[] = {RN_MATCH_BACKGROUND, RN_MATCH_BACKGROUND, RN_MATCH_BACKGROUND};
    rn_loss_spread_add(&spread, far, background, NULL, 2, 1, RN_SCORING_SIGMOID);
    rn_loss_spread_curve(&curve, &spread, 3);
    ck_assert(spread.finite && spread.norms[0][0] == 1 && spread.norms[0][29] == 1);
    ck_assert(curve.background[50] == 0 && curve.background[100] == 1);
    ck_assert_double_eq(curve.bg_loss_share, 1);
    for (int i = 0; i < 2; i++) {
        teardown();
        setup();
        rn_loss_spread_add(&spread, none + i, background, NULL, 1, 1, RN_SCORING_SIGMOID);
        ck_assert(!spread.finite);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loss_spread");
    TCase *tests = tcase_create("loss_spread");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nothing);
    tcase_add_test(tests, by_hand);
    tcase_add_test(tests, once_more);
    tcase_add_test(tests, lengths_of_gradient);
    tcase_add_test(tests, extremes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
