/* Small sets worked by hand. The shared sets with the reference's own numbers are
 * test_coco_golden.c's. */
#include "small_set.h"

#include <math.h>

enum { AP, AP50, AP75, AP_S, AP_M, AP_L, AR1, AR10, AR100, AR_S, AR_M, AR_L };

/* The reference adds 2^-52 to every TP + FP, which moves precision in the last digits alone. */
static void check(int stat, double want) {
    ck_assert_msg(fabs(e.stats[stat] - want) <= 1e-12, "stat %d: %.17g, want %.17g", stat,
                  e.stats[stat], want);
}

/* ---- one class ---- */

START_TEST(all_right) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(2, 3, square, 0.8);
    evaluate();
    check(AP, 1);
    check(AP50, 1);
    check(AP75, 1);
    check(AP_S, -1); /* 1600 square pixels are medium */
    check(AP_M, 1);
    check(AP_L, -1);
    for (int i = AR1; i <= AR100; i++) check(i, 1);
    check(AR_S, -1);
    check(AR_M, 1);
    check(AR_L, -1);
    ck_assert(e.curve.best_f1 == 1);
    ck_assert(e.curve.best_f1_score == 0.8); /* behind it nothing comes: the score itself */
}
END_TEST

START_TEST(a_false_positive_behind_the_true_one_costs_nothing) {
    object(1, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 3, far_off, 0.5);
    evaluate();
    check(AP, 1);
    check(AR100, 1);
    ck_assert(e.curve.best_f1 == 1);
    ck_assert(e.curve.best_f1_score == (0.9 + 0.5) / 2);
}
END_TEST

START_TEST(a_false_positive_before_the_true_one_costs_half) {
    object(1, 3, square, 0, false);
    detection(1, 3, square, 0.5);
    detection(1, 3, far_off, 0.9);
    evaluate();
    check(AP, 0.5);
    check(AP50, 0.5);
    check(AR1, 0); /* the best one is wrong */
    check(AR10, 1);
    ck_assert_double_eq_tol(e.curve.best_f1, 2.0 / 3, 1e-15); /* 2 * 1 / (2 + 1) */
    ck_assert(e.curve.best_f1_score == 0.5);
}
END_TEST

/* Two objects, right, wrong, right: recall 0.5 at precision 1, recall 1 at 2/3. Of the 101 recalls
 * the first 51 (0 .. 0.5) have 1. */
START_TEST(precision_is_interpolated) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 3, far_off, 0.8);
    detection(2, 3, square, 0.7);
    evaluate();
    check(AP, (51 + 50 * 2.0 / 3) / 101);
    check(AR1, 1);
    ck_assert_double_eq_tol(e.precision50[50], 1, 1e-12);
    ck_assert_double_eq_tol(e.precision50[51], 2.0 / 3, 1e-12);
    ck_assert(e.precision50[101] == -1);                  /* the next class has no object */
    ck_assert_double_eq_tol(e.curve.best_f1, 0.8, 1e-15); /* 4 / (3 + 2) against 2 / (1 + 2) */
    ck_assert(e.curve.best_f1_score == 0.7);
}
END_TEST

/* A later, higher precision counts for lower recalls: wrong, right, right is 2/3 throughout. */
START_TEST(precision_never_falls_to_the_left) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, far_off, 0.9);
    detection(1, 3, square, 0.8);
    detection(2, 3, square, 0.7);
    evaluate();
    check(AP, 2.0 / 3);
}
END_TEST

START_TEST(a_missed_object_ends_the_curve) {
    object(1, 3, square, 0, false);
    object(1, 3, far_off, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    evaluate();
    check(AP, 34.0 / 101); /* recalls 0 .. 0.33 */
    check(AR100, 1.0 / 3);
    ck_assert(e.curve.best_f1 == 0.5); /* 2 / (1 + 3) */
}
END_TEST

/* Of two detections of one object the worse is wrong. */
START_TEST(an_object_is_found_once) {
    object(1, 3, square, 0, false);
    object(1, 3, far_off, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 3, square, 0.8);
    detection(1, 3, far_off, 0.7);
    evaluate();
    check(AP, (51 + 50 * 2.0 / 3) / 101);
}
END_TEST

/* An IoU of 0.71 is right at 0.50 .. 0.70, five of ten thresholds. */
START_TEST(iou_thresholds) {
    object(1, 3, (place){0, 0, 100, 100}, 0, false);
    detection(1, 3, (place){0, 0, 100, 71}, 0.9);
    evaluate();
    check(AP, 0.5);
    check(AP50, 1);
    check(AP75, 0);
    check(AR100, 0.5);
    no_detections();
    detection(1, 3, (place){0, 0, 100, 69}, 0.9);
    evaluate();
    check(AP, 0.4);
    no_detections();
    detection(1, 3, (place){0, 0, 100, 50}, 0.9); /* exactly 0.5 is enough */
    evaluate();
    check(AP, 0.1);
    check(AP50, 1);
}
END_TEST

/* ---- ties ---- */

/* Equal scores keep the file's order within an image, and the order of image ids between them. */
START_TEST(equal_scores) {
    object(1, 3, square, 0, false);
    detection(1, 3, far_off, 0.5);
    detection(1, 3, square, 0.5);
    evaluate();
    check(AP, 0.5);
    ck_assert_double_eq_tol(e.curve.best_f1, 2.0 / 3, 1e-15); /* no threshold parts them */
    no_detections();
    detection(1, 3, square, 0.5);
    detection(1, 3, far_off, 0.5);
    evaluate();
    check(AP, 1);
    ck_assert_double_eq_tol(e.curve.best_f1, 2.0 / 3, 1e-15);
    ck_assert(e.curve.best_f1_score == 0.5);
    no_detections();
    detection(2, 3, far_off, 0.5); /* first in the file, but image 2 comes after 1 */
    detection(1, 3, square, 0.5);
    evaluate();
    check(AP, 1);
}
END_TEST

/* Two objects at one place: the first detection takes the last of them, the second the other. */
START_TEST(equal_overlaps) {
    object(1, 3, square, 0, false);
    object(1, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 3, square, 0.8);
    evaluate();
    check(AP, 1);
}
END_TEST

/* At 0.50, 0.55, 0.60 the better detection takes the object from the one that fits; above, it is
 * wrong itself. */
START_TEST(the_better_detection_chooses_first) {
    object(1, 3, (place){0, 0, 100, 100}, 0, false);
    detection(1, 3, (place){0, 0, 100, 62}, 0.9);
    detection(1, 3, (place){0, 0, 100, 100}, 0.8);
    evaluate();
    check(AP, (3 + 7 * 0.5) / 10);
    check(AP50, 1);
    check(AP75, 0.5);
}
END_TEST

/* ---- crowds ---- */

/* What lies in a crowd counts neither way, however often; its overlap is over the detection's own
 * area; and a crowd is nothing to be found. */
START_TEST(crowds) {
    object(1, 3, square, 0, false);
    object(1, 3, (place){100, 100, 200, 200}, 0, true);
    detection(1, 3, (place){120, 120, 20, 20}, 0.99);
    detection(1, 3, (place){150, 150, 30, 30}, 0.98);
    detection(1, 3, square, 0.9);
    evaluate();
    check(AP, 1);
    check(AR100, 1);
    check(AR1, 0); /* the reference counts ignored ones among the one */
    ck_assert(e.curve.best_f1 == 1);
    detection(1, 3, (place){60, 120, 80, 20}, 0.95); /* half in: right at 0.50 alone */
    evaluate();
    check(AP50, 1);
    check(AP, (1 + 9 * 0.5) / 10);
}
END_TEST

START_TEST(a_crowd_alone_is_no_object) {
    object(1, 3, square, 0, true);
    detection(1, 3, square, 0.9);
    evaluate();
    for (int i = AP; i <= AR_L; i++) check(i, -1);
    ck_assert(e.per_class[0].ap == -1 && e.curve.best_f1 == 0 && e.curve.best_f1_score == 0.5);
}
END_TEST

/* A true object goes before a crowd that overlaps more. */
START_TEST(an_object_within_a_crowd) {
    object(1, 3, (place){0, 0, 300, 300}, 0, true);
    object(1, 3, (place){10, 10, 40, 36}, 0, false);
    detection(1, 3, square, 0.9); /* 0.9 with the object, 1 with the crowd */
    evaluate();
    check(AP50, 1);
    check(AR100, 0.9); /* 0.50 .. 0.90; at 0.95 the crowd takes it and the object is missed */
}
END_TEST

/* ---- areas ---- */

/* An object on a border belongs to both sides; "area" decides, not the box. */
START_TEST(area_ranges) {
    object(1, 3, (place){0, 0, 32, 32}, 0, false);   /* small and medium */
    object(2, 3, (place){0, 0, 96, 96}, 0, false);   /* medium and large */
    object(3, 3, (place){0, 0, 100, 100}, 1, false); /* small by its area */
    detection(1, 3, (place){0, 0, 32, 32}, 0.9);
    evaluate();
    check(AR_S, 0.5);
    check(AR_M, 0.5);
    check(AR_L, 0);
    check(AR100, 1.0 / 3);
    check(AP_S, 51.0 / 101);
    check(AP_L, 0);
    detection(2, 3, (place){0, 0, 96, 96}, 0.8);
    detection(3, 3, (place){0, 0, 100, 100}, 0.7);
    evaluate();
    check(AR_S, 1);
    check(AR_M, 1);
    check(AR_L, 1);
    check(AP, 1);
}
END_TEST

/* Out of the range, a detection without an object counts neither way. */
START_TEST(wrong_detections_of_another_size) {
    object(1, 3, (place){0, 0, 20, 20}, 0, false);
    detection(1, 3, (place){300, 300, 200, 200}, 0.9);
    detection(1, 3, (place){0, 0, 20, 20}, 0.8);
    evaluate();
    check(AP, 0.5);
    check(AP_S, 1);
    check(AP_L, -1);
}
END_TEST

/* ---- more than a hundred ---- */

/* The hundred best of an image and class count: number 101 is not seen. */
START_TEST(over_a_hundred_detections) {
    object(1, 3, square, 0, false);
    for (int i = 0; i < 100; i++) detection(1, 3, far_off, 0.9 - 0.001 * i);
    detection(1, 3, square, 0.1);
    evaluate();
    check(AP, 0);
    check(AR100, 0);
    ck_assert(e.curve.best_f1 == 0 && e.curve.best_f1_score == 0.5);
    detection(2, 3, far_off, 0.95); /* another image, another hundred */
    object(2, 7, square, 0, false);
    detection(2, 7, square, 0.01);
    evaluate();
    check(AP, 0.5);
}
END_TEST

START_TEST(the_hundredth_is_seen) {
    object(1, 3, square, 0, false);
    for (int i = 0; i < 99; i++) detection(1, 3, far_off, 0.9 - 0.001 * i);
    detection(1, 3, square, 0.1);
    evaluate();
    check(AP, 0.01);
    check(AR1, 0);
    check(AR10, 0);
    check(AR100, 1);
}
END_TEST

/* The tenth counts for AR 10, the eleventh does not. */
START_TEST(ten_detections) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    for (int i = 0; i < 9; i++) detection(1, 3, far_off, 0.9 - 0.01 * i);
    for (int i = 0; i < 10; i++) detection(2, 3, far_off, 0.9 - 0.01 * i);
    detection(1, 3, square, 0.1);
    detection(2, 3, square, 0.1);
    evaluate();
    check(AR10, 0.5);
    check(AR100, 1);
}
END_TEST

/* ---- several classes ---- */

/* Classes are averaged; one without objects is -1 and counts nowhere, whatever was detected. */
START_TEST(classes) {
    object(1, 3, square, 0, false);
    object(1, 7, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 7, far_off, 0.8);
    detection(1, 9, square, 0.7);
    evaluate();
    check(AP, 0.5);
    check(AR100, 0.5);
    ck_assert_uint_eq(e.n_classes, 3);
    ck_assert_int_eq(e.per_class[0].category_id, 3);
    ck_assert_str_eq(e.per_class[0].name, "cup");
    ck_assert_str_eq(e.per_class[1].name, "jar");
    ck_assert_int_eq(e.per_class[2].category_id, 9);
    ck_assert_double_eq_tol(e.per_class[0].ap, 1, 1e-12);
    ck_assert(e.per_class[1].ap == 0 && e.per_class[1].recall == 0 && e.per_class[1].ap50 == 0);
    ck_assert(e.per_class[2].ap == -1 && e.per_class[2].ap50 == -1 && e.per_class[2].recall == -1);
    /* F1 of all together: 0.9 right, 0.8 wrong, 0.7 wrong, two objects: 2 / (1 + 2) is best. */
    ck_assert_double_eq_tol(e.curve.best_f1, 2.0 / 3, 1e-15);
    ck_assert(e.curve.best_f1_score == (0.9 + 0.8) / 2);
}
END_TEST

START_TEST(nothing_at_all) {
    evaluate();
    for (int i = AP; i <= AR_L; i++) check(i, -1);
    object(1, 3, square, 0, false);
    evaluate();
    check(AP, 0);
    check(AR100, 0);
    check(AP_S, -1);
    ck_assert(e.curve.best_f1 == 0 && e.curve.best_f1_score == 0.5);
    rn_evaluation_free(&e);
    ck_assert(!e.per_class && !e.precision50 && e.n_classes == 0);
    const rn_dataset empty = {0};
    const rn_results none = {0};
    ck_assert_int_eq(rn_evaluate(&e, &empty, &none, NULL), RN_OK);
    for (int i = AP; i <= AR_L; i++) check(i, -1);
}
END_TEST

/* The scores of both classes make one list: right .9, wrong .8, right .6, right .4, wrong .2, and
 * four objects: F1 2/5, 2/6, 4/7, 6/8, 6/9. */
START_TEST(the_best_threshold) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    object(1, 7, square, 0, false);
    object(2, 7, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(3, 7, square, 0.8);
    detection(1, 7, square, 0.6);
    detection(2, 3, square, 0.4);
    detection(3, 3, square, 0.2);
    evaluate();
    ck_assert(e.curve.best_f1 == 0.75);
    ck_assert(e.curve.best_f1_score == (0.4 + 0.2) / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("coco_eval");
    TCase *tests = tcase_create("coco_eval");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, all_right);
    tcase_add_test(tests, a_false_positive_behind_the_true_one_costs_nothing);
    tcase_add_test(tests, a_false_positive_before_the_true_one_costs_half);
    tcase_add_test(tests, precision_is_interpolated);
    tcase_add_test(tests, precision_never_falls_to_the_left);
    tcase_add_test(tests, a_missed_object_ends_the_curve);
    tcase_add_test(tests, an_object_is_found_once);
    tcase_add_test(tests, iou_thresholds);
    tcase_add_test(tests, equal_scores);
    tcase_add_test(tests, equal_overlaps);
    tcase_add_test(tests, the_better_detection_chooses_first);
    tcase_add_test(tests, crowds);
    tcase_add_test(tests, a_crowd_alone_is_no_object);
    tcase_add_test(tests, an_object_within_a_crowd);
    tcase_add_test(tests, area_ranges);
    tcase_add_test(tests, wrong_detections_of_another_size);
    tcase_add_test(tests, over_a_hundred_detections);
    tcase_add_test(tests, the_hundredth_is_seen);
    tcase_add_test(tests, ten_detections);
    tcase_add_test(tests, classes);
    tcase_add_test(tests, nothing_at_all);
    tcase_add_test(tests, the_best_threshold);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
