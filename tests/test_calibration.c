#include "eval/calibration.h"
#include "suite.h"

static rn_lab_score_bin bins[RN_LAB_SCORE_BINS];

START_TEST(no_detections) {
    const rn_curve none = {0};
    bins[3].n = 7;
    ck_assert_double_eq(rn_calibrate(bins, &none), -1);
    for (int b = 0; b < RN_LAB_SCORE_BINS; b++)
        ck_assert(bins[b].n == 0 && bins[b].n_true == 0 && bins[b].score == 0 &&
                  bins[b].precision == 0);
}
END_TEST

/* Nine detections: one right at 1, two at .95 of which one is right, one wrong at .25, three right
 * at .21, two wrong at .2, which ends the third bin. */
START_TEST(by_hand) {
    rn_curve_point points[] = {{1, 1, 0}, {0.95, 2, 1}, {0.25, 2, 2}, {0.21, 5, 2}, {0.2, 5, 4}};
    const rn_curve curve = {.points = points, .n = 5};
    const double ece = rn_calibrate(bins, &curve);
    ck_assert_uint_eq(bins[14].n, 3);
    ck_assert_uint_eq(bins[14].n_true, 2);
    ck_assert_double_eq_tol(bins[14].score, 2.9 / 3, 1e-12);
    ck_assert_double_eq_tol(bins[14].precision, 2.0 / 3, 1e-12);
    ck_assert_uint_eq(bins[3].n, 4);
    ck_assert_uint_eq(bins[3].n_true, 3);
    ck_assert_double_eq_tol(bins[3].score, 0.22, 1e-12);
    ck_assert_double_eq_tol(bins[3].precision, 0.75, 1e-12);
    ck_assert_uint_eq(bins[2].n, 2);
    ck_assert_uint_eq(bins[2].n_true, 0);
    ck_assert_double_eq_tol(bins[2].score, 0.2, 1e-12);
    ck_assert_uint_eq(bins[0].n + bins[1].n + bins[4].n + bins[13].n, 0);
    /* (3 * .3 + 4 * .53 + 2 * .2) / 9 */
    ck_assert_double_eq_tol(ece, 0.38, 1e-12);
}
END_TEST

START_TEST(scores_at_both_ends) {
    rn_curve_point points[] = {{1, 2, 0}, {0, 2, 1}};
    const rn_curve curve = {.points = points, .n = 2};
    ck_assert_double_eq(rn_calibrate(bins, &curve), 0); /* says what it is */
    ck_assert(bins[0].n == 1 && bins[14].n == 2 && bins[14].precision == 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("calibration");
    TCase *tests = tcase_create("calibration");
    tcase_add_test(tests, no_detections);
    tcase_add_test(tests, by_hand);
    tcase_add_test(tests, scores_at_both_ends);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
