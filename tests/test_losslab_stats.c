#include "losslab_stats.h"
#include "suite.h"

#include <math.h>
#include <string.h>

static lab_experiment e;
static lab_grid grids[LAB_MAX_CLAIMS];
static lab_finding findings[LAB_MAX_CLAIMS];

static void setup(void) {
    memset(&e, 0, sizeof e);
    memset(grids, 0, sizeof grids);
    memset(findings, 0, sizeof findings);
}

/* Claim c: arm a against arm b. */
static void claim(int a, int b, lab_sign expect, double margin) {
    e.claims[e.n_claims++] = (lab_claim){
        .arms = {a}, .n_arms = 1, .over = {b}, .n_over = 1, .expect = expect, .margin = margin};
}

/* The last claim's lead is compared with that of arm a over arm b. */
static void than(int a, int b) {
    lab_claim *last = &e.claims[e.n_claims - 1];
    last->arms2[0] = a;
    last->over2[0] = b;
    last->n_arms2 = last->n_over2 = 1;
}

static void row(int arm, int n, const double *values) {
    e.n_arms = arm + 1 > e.n_arms ? arm + 1 : e.n_arms;
    e.n_seeds = n;
    for (int c = 0; c < LAB_MAX_CLAIMS; c++) {
        grids[c].n_arms = e.n_arms;
        grids[c].n_seeds = n;
        memcpy(grids[c].values[arm], values, (size_t)n * sizeof *values);
    }
}
#define ROW(arm, ...)                                                                              \
    row(arm, sizeof(double[]){__VA_ARGS__} / sizeof(double), (double[]){__VA_ARGS__})

/* ---- Student ---- */

START_TEST(quantiles_of_the_tables) {
    static const double golden[][2] = {{1, 12.706204736432095},  {2, 4.302652729911275},
                                       {4, 2.7764451051977987},  {9, 2.2621571627409915},
                                       {30, 2.0422724563012373}, {1e6, 1.9599663}};
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
        ck_assert_double_eq_tol(lab_student_quantile(0.05, golden[i][0]), golden[i][1],
                                1e-6 * golden[i][1]);
    ck_assert_double_eq_tol(lab_student_quantile(0.01, 2), 9.92484320091807, 1e-8);
}
END_TEST

START_TEST(distribution_in_closed_form) {
    for (double t = -8; t <= 8; t += 0.37) {
        ck_assert_double_eq_tol(lab_student_cdf(t, 1), 0.5 + atan(t) / M_PI, 1e-12);
        ck_assert_double_eq_tol(lab_student_cdf(t, 2), 0.5 + t / (2 * sqrt(2 + t * t)), 1e-12);
    }
    ck_assert_double_eq_tol(lab_student_cdf(0, 7), 0.5, 1e-14);
}
END_TEST

/* ---- means ---- */

START_TEST(mean_and_interval) {
    const double values[] = {1, NAN, 2, 3};
    const lab_interval v = lab_mean(values, 4, 0, 0.05);
    ck_assert_int_eq(v.n, 3);
    ck_assert_double_eq_tol(v.mean, 2, 1e-15);
    ck_assert_double_eq_tol(v.high - v.mean, 4.302652729911275 / sqrt(3), 1e-9);
    ck_assert_double_eq_tol(v.mean - v.low, 4.302652729911275 / sqrt(3), 1e-9);
    ck_assert_double_eq_tol(v.p, 2 * lab_student_cdf(-2 * sqrt(3), 2), 1e-12);
}
END_TEST

START_TEST(few_values) {
    const double one[] = {0.5}, none[] = {NAN, NAN}, same[] = {0.25, 0.25};
    ck_assert_int_eq(lab_mean(one, 1, 0, 0.05).n, 1);
    ck_assert_double_eq(lab_mean(one, 1, 0, 0.05).mean, 0.5);
    ck_assert(isnan(lab_mean(one, 1, 0, 0.05).low) && isnan(lab_mean(one, 1, 0, 0.05).p));
    ck_assert(isnan(lab_mean(none, 2, 0, 0.05).mean) && lab_mean(none, 2, 0, 0.05).n == 0);
    ck_assert_double_eq(lab_mean(same, 2, 0, 0.05).low, 0.25);
    ck_assert_double_eq(lab_mean(same, 2, 0, 0.05).p, 0);
}
END_TEST

/* ---- verdicts ---- */

START_TEST(verdicts) {
    ROW(0, 0.30, 0.31, 0.32);
    ROW(1, 0.20, 0.215, 0.215); /* clearly less */
    ROW(2, 0.40, 0.20, 0.33);   /* anything */
    ROW(3, 0.301, 0.3105, 0.3208);
    claim(0, 1, LAB_MORE, 0);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS);
    e.claims[0].expect = LAB_LESS;
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS_NOT);
    e.claims[0] = (lab_claim){.n_arms = 1, .over = {2}, .n_over = 1, .expect = LAB_MORE};
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_CANNOT_TELL);
    /* Within the margin: nothing is gained, though the difference itself is sure. */
    setup();
    ROW(0, 0.30, 0.31, 0.32);
    ROW(1, 0.301, 0.3112, 0.3211);
    claim(1, 0, LAB_MORE, 0.01);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS_NOT);
    ck_assert(findings[0].equivalent);
    e.claims[0].expect = LAB_SAME;
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS);
}
END_TEST

START_TEST(one_seed_tells_nothing) {
    ROW(0, 0.9);
    ROW(1, 0.1);
    claim(0, 1, LAB_MORE, 0.5);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_CANNOT_TELL);
    ROW(0, 0.9, NAN, 0.9);
    ROW(1, 0.1, 0.2, NAN); /* no seed but the first has both */
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].difference.n, 1);
    ck_assert_int_eq(findings[0].verdict, LAB_CANNOT_TELL);
}
END_TEST

START_TEST(nothing_learnt_tells_nothing) {
    ROW(0, 0, 0, NAN);
    ROW(1, 0, 0, 0);
    claim(0, 1, LAB_SAME, 0.02);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_CANNOT_TELL);
    e.claims[0].expect = LAB_MORE;
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_CANNOT_TELL);
    ROW(1, 0, 0.01, 0); /* one that did */
    ROW(0, 0, 0.01, 0);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS_NOT);
    setup(); /* a lead of nothing over a lead of something */
    ROW(0, 0, 0, 0);
    ROW(1, 0, 0, 0);
    ROW(2, 0.02, 0.02, 0.02);
    ROW(3, 0.01, 0.01, 0.01);
    claim(0, 1, LAB_SAME, 0.02);
    than(2, 3);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS);
}
END_TEST

START_TEST(holm) {
    /* Differences 1 +- .1, 1 +- .2, 1 +- .5 and 1 +- 2 over three seeds. */
    static const double spread[] = {0.1, 0.2, 0.5, 2};
    double p[4];
    ROW(0, 0, 0, 0);
    for (int c = 0; c < 4; c++) {
        ROW(c + 1, 1 - spread[c], 1, 1 + spread[c]);
        claim(c + 1, 0, LAB_MORE, 0);
    }
    lab_judge(findings, &e, grids);
    for (int c = 0; c < 4; c++) p[c] = findings[c].difference.p;
    ck_assert_double_eq_tol(findings[0].p, 4 * p[0], 1e-12);
    ck_assert_double_eq_tol(findings[1].p, 3 * p[1], 1e-12);
    ck_assert_double_eq_tol(findings[2].p, 2 * p[2], 1e-12);
    ck_assert_double_eq_tol(findings[3].p, p[3], 1e-12);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS);       /* p .0033, .013 */
    ck_assert_int_eq(findings[1].verdict, LAB_HOLDS);       /* p .013, .039 */
    ck_assert_int_eq(findings[2].verdict, LAB_CANNOT_TELL); /* p .074 */
    ck_assert_double_lt(p[1], 0.05);
}
END_TEST

START_TEST(sets_of_arms) {
    ROW(0, 0.1, 0.2, 0.3);
    ROW(1, 0.3, 0.4, 0.5);
    ROW(2, 0.1, 0.1, 0.2);
    e.claims[0] = (lab_claim){.arms = {0, 1}, .n_arms = 2, .over = {2}, .n_over = 1, .expect = 1};
    e.n_claims = 1;
    lab_judge(findings, &e, grids);
    ck_assert_double_eq_tol(findings[0].difference.mean, (0.1 + 0.2 + 0.2) / 3, 1e-12);
}
END_TEST

/* Of either side the arm that is best in the other seeds. */
START_TEST(the_best_of_several) {
    ROW(0, 0.1, 0.2, 0.9);
    ROW(1, 0.3, 0.4, 0.2);
    ROW(2, 0.1, 0.1, 0.2);
    ROW(3, 0.2, 0.2, 0.1);
    e.claims[0] = (lab_claim){.arms = {0, 1}, .n_arms = 2, .over = {2, 3}, .n_over = 2};
    e.claims[0].best = true;
    e.n_claims = 1;
    /* seed 1: arm 0 (.2 + .9), over 2 or 3 (both .3: the first); seed 2: arm 0, over 2 and 3 alike;
     * seed 3: arm 1, over 3 */
    lab_judge(findings, &e, grids);
    ck_assert_double_eq_tol(findings[0].difference.mean,
                            ((0.1 - 0.1) + (0.2 - 0.1) + (0.2 - 0.1)) / 3, 1e-12);
    ck_assert_int_eq(lab_best_arm(&grids[0], e.claims[0].arms, 2, -1), 0);
    ck_assert_int_eq(lab_best_arm(&grids[0], e.claims[0].arms, 2, 2), 1);
    ROW(1, 0.3, NAN, 0.2); /* compared where both are: .1 + .9 against .3 + .2 */
    ck_assert_int_eq(lab_best_arm(&grids[0], e.claims[0].arms, 2, -1), 0);
    ck_assert_int_eq(lab_best_arm(&grids[0], e.claims[0].arms, 2, 2), 1);
}
END_TEST

/* The lead of 0 over 1 is .1, .2, .3; that of 2 over 3 is .1, .1, .1. */
START_TEST(a_lead_over_a_lead) {
    ROW(0, 0.2, 0.3, 0.4);
    ROW(1, 0.1, 0.1, 0.1);
    ROW(2, 0.5, 0.5, 0.6);
    ROW(3, 0.4, 0.4, 0.5);
    claim(0, 1, LAB_MORE, 0);
    than(2, 3);
    lab_judge(findings, &e, grids);
    ck_assert_double_eq_tol(findings[0].difference.mean, 0.1, 1e-12); /* not halved */
}
END_TEST

/* Five folds: the variance of the mean counts 1/5 + 1/4 in place of 1/5. */
START_TEST(folds_overlap) {
    static const double values[] = {1, 2, 3, 4, 5};
    const lab_interval seeds = lab_mean(values, 5, 0, 0.05),
                       folds = lab_mean(values, 5, 0.25, 0.05);
    ck_assert_double_eq_tol((folds.high - folds.low) / (seeds.high - seeds.low), sqrt(0.45 / 0.2),
                            1e-9);
    ck_assert_double_gt(folds.p, seeds.p);
}
END_TEST

/* ---- the control ---- */

/* Seven arms that differ a lot, five seeds: with shuffled names the differences are noise. */
START_TEST(shuffled_names_find_nothing) {
    double values[5];
    for (int a = 0; a < 7; a++) {
        for (int s = 0; s < 5; s++) values[s] = 0.05 * a + 0.01 * ((a * 7 + s * 5) % 11) + 0.02 * s;
        row(a, 5, values);
    }
    for (int a = 0; a + 1 < 7; a++) claim(a + 1, a, LAB_MORE, 0);
    lab_judge(findings, &e, grids);
    const double rate = lab_false_alarm_rate(&e, grids, 2000, 1);
    ck_assert_double_ge(rate, 0);
    ck_assert_double_lt(rate, 0.05);
    ck_assert_double_eq(rate, lab_false_alarm_rate(&e, grids, 2000, 1));
}
END_TEST

/* Two arms, three seeds: of eight shuffles two leave the effect whole and are not counted. */
START_TEST(a_shuffle_that_keeps_the_effect_is_none) {
    ROW(0, 0.50, 0.51, 0.52);
    ROW(1, 0.10, 0.11, 0.12);
    claim(0, 1, LAB_MORE, 0);
    lab_judge(findings, &e, grids);
    ck_assert_int_eq(findings[0].verdict, LAB_HOLDS);
    ck_assert_double_eq(lab_false_alarm_rate(&e, grids, 2000, 1), 0);
    ROW(0, 0.50, 0.51, 0.52, NAN); /* the fourth seed says nothing, however its names lie */
    ROW(1, 0.10, 0.11, 0.12, NAN);
    ck_assert_double_eq(lab_false_alarm_rate(&e, grids, 2000, 1), 0);
    ROW(0, 0.50);
    ROW(1, 0.10);
    ck_assert_double_eq(lab_false_alarm_rate(&e, grids, 100, 1), -1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("losslab_stats");
    TCase *tcase = tcase_create("losslab_stats");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, quantiles_of_the_tables);
    tcase_add_test(tcase, distribution_in_closed_form);
    tcase_add_test(tcase, mean_and_interval);
    tcase_add_test(tcase, few_values);
    tcase_add_test(tcase, verdicts);
    tcase_add_test(tcase, one_seed_tells_nothing);
    tcase_add_test(tcase, nothing_learnt_tells_nothing);
    tcase_add_test(tcase, holm);
    tcase_add_test(tcase, sets_of_arms);
    tcase_add_test(tcase, the_best_of_several);
    tcase_add_test(tcase, a_lead_over_a_lead);
    tcase_add_test(tcase, folds_overlap);
    tcase_add_test(tcase, shuffled_names_find_nothing);
    tcase_add_test(tcase, a_shuffle_that_keeps_the_effect_is_none);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
