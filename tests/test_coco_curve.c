/* VOC's averages and the curves at IoU .50, worked by hand. */
#include "small_set.h"

#include <math.h>

static void check_voc(size_t label, double all_points, double eleven_points) {
    const rn_class_metrics *m = &e.per_class[label];
    ck_assert_msg(fabs(m->voc_ap - all_points) <= 1e-15, "VOC AP %.17g, want %.17g", m->voc_ap,
                  all_points);
    ck_assert_msg(fabs(m->voc07_ap - eleven_points) <= 1e-15, "VOC07 AP %.17g, want %.17g",
                  m->voc07_ap, eleven_points);
}

/* The same with object `index` of the file being difficult. */
static void evaluate_difficult(size_t index) {
    evaluate();
    for (size_t i = 0; i < truth.n_objects; i++)
        truth.objects[i].difficult = truth.objects[i].id == (int64_t)index + 1;
    rn_evaluation_free(&e);
    ck_assert_int_eq(rn_evaluate(&e, &truth, &results, NULL), RN_OK);
}

/* ---- VOC ---- */

/* Right, wrong, right of two objects: precision 1 up to recall 1/2, 2/3 up to 1. Of the eleven
 * recalls six are at most 1/2. */
START_TEST(both_averages) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 3, far_off, 0.8);
    detection(2, 3, square, 0.7);
    evaluate();
    check_voc(0, 5.0 / 6, (6 + 5 * 2.0 / 3) / 11);
}
END_TEST

/* Wrong, right, right: the later precision 2/3 counts for the lower recall too. */
START_TEST(precision_never_falls_to_the_left) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, far_off, 0.9);
    detection(1, 3, square, 0.8);
    detection(2, 3, square, 0.7);
    evaluate();
    check_voc(0, 2.0 / 3, 2.0 / 3);
}
END_TEST

/* Three of ten: recall .3 reaches .3, which 3 * 0.1 does not say in floating point. */
START_TEST(recalls_are_compared_exactly) {
    for (int i = 0; i < 10; i++) object(1, 3, (place){100.0 * i, 0, 50, 50}, 0, false);
    for (int i = 0; i < 3; i++) detection(1, 3, (place){100.0 * i, 0, 50, 50}, 0.9);
    evaluate();
    check_voc(0, 0.3, 4.0 / 11);
}
END_TEST

/* The second detection overlaps A by .82 and B by .74: COCO gives it B, which is free, VOC calls it
 * a second detection of A. */
START_TEST(an_object_is_found_once) {
    object(1, 3, (place){0, 0, 40, 40}, 0, false);
    object(1, 3, (place){0, 10, 40, 40}, 0, false);
    detection(1, 3, (place){0, 0, 40, 40}, 0.9);
    detection(1, 3, (place){0, 4, 40, 40}, 0.8);
    evaluate();
    ck_assert_double_eq_tol(e.per_class[0].ap50, 1, 1e-12);
    check_voc(0, 0.5, 6.0 / 11);
    detection(1, 3, (place){0, 10, 40, 40}, 0.7); /* right, wrong, right */
    evaluate();
    check_voc(0, 5.0 / 6, (6 + 5 * 2.0 / 3) / 11);
}
END_TEST

START_TEST(difficult_objects_neither_count_nor_hurt) {
    object(1, 3, square, 0, false);
    object(1, 3, far_off, 0, false);
    detection(1, 3, far_off, 0.95);
    detection(1, 3, far_off, 0.9); /* as often as one likes */
    detection(1, 3, square, 0.8);
    evaluate_difficult(1);
    check_voc(0, 1, 1);
    ck_assert_uint_eq(e.per_class[0].curve.n_objects, 1);
    detection(1, 3, (place){400, 400, 40, 40}, 0.85);
    evaluate_difficult(1);
    check_voc(0, 0.5, 0.5);
}
END_TEST

START_TEST(difficult_objects_alone_are_none) {
    object(1, 3, square, 0, false);
    detection(1, 3, square, 0.8);
    evaluate_difficult(0);
    check_voc(0, -1, -1);
    ck_assert(e.voc_ap == -1 && e.voc07_ap == -1);
}
END_TEST

/* VOC has no crowds: one counts as a difficult object, and a small box in it does not overlap it by
 * half. */
START_TEST(a_crowd_is_difficult) {
    object(1, 3, square, 0, false);
    object(1, 3, (place){100, 100, 200, 200}, 0, true);
    detection(1, 3, (place){100, 100, 200, 180}, 0.99);
    detection(1, 3, square, 0.9);
    evaluate();
    check_voc(0, 1, 1);
    detection(1, 3, (place){120, 120, 20, 20}, 0.98);
    evaluate();
    ck_assert_double_eq_tol(e.per_class[0].ap50, 1, 1e-12);
    check_voc(0, 0.5, 0.5);
}
END_TEST

/* The right one is the 101st of its picture: too late for COCO, which counts a hundred, and for the
 * curve, but not for VOC, whose development kit knows no limit. */
START_TEST(however_many_boxes) {
    object(1, 3, square, 0, false);
    for (int i = 0; i < 99; i++) detection(1, 3, far_off, 0.9);
    detection(1, 3, square, 0.5);
    evaluate();
    ck_assert_double_eq_tol(e.per_class[0].ap50, 0.01, 1e-12);
    ck_assert_uint_eq(e.per_class[0].curve.n, 2);
    check_voc(0, 0.01, 0.01);
    detection(1, 3, far_off, 0.8); /* before it */
    evaluate();
    ck_assert(e.per_class[0].ap50 == 0 && e.per_class[0].curve.points[1].n_false == 100);
    check_voc(0, 1.0 / 101, 1.0 / 101);
}
END_TEST

/* An IoU of .5 is enough, .499 is not, as it would be (.504) if a box of whole pixels were a pixel
 * larger. */
START_TEST(half_open_boxes) {
    object(1, 3, (place){0, 0, 100, 100}, 0, false);
    detection(1, 3, (place){0, 0, 100, 50}, 0.9);
    evaluate();
    check_voc(0, 1, 1);
    no_detections();
    detection(1, 3, (place){0, 0, 100, 49.9}, 0.9);
    evaluate();
    check_voc(0, 0, 0);
}
END_TEST

/* COCO's limit of a hundred a picture is none of VOC's. */
START_TEST(over_a_hundred_detections) {
    object(1, 3, square, 0, false);
    for (int i = 0; i < 100; i++) detection(1, 3, far_off, 0.9 - 0.001 * i);
    detection(1, 3, square, 0.1);
    evaluate();
    ck_assert(e.per_class[0].ap50 == 0);
    check_voc(0, 1.0 / 101, 1.0 / 101);
}
END_TEST

START_TEST(the_mean_of_classes) {
    object(1, 3, square, 0, false);
    object(1, 7, square, 0, false);
    object(2, 7, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 7, square, 0.8);
    detection(1, 9, square, 0.7); /* a class without objects counts nowhere */
    evaluate();
    check_voc(0, 1, 1);
    check_voc(1, 0.5, 6.0 / 11);
    check_voc(2, -1, -1);
    ck_assert_double_eq_tol(e.voc_ap, 0.75, 1e-15);
    ck_assert_double_eq_tol(e.voc07_ap, 17.0 / 22, 1e-15);
}
END_TEST

/* ---- curves ---- */

static void check_point(const rn_curve *curve, size_t i, double score, size_t n_true,
                        size_t n_false) {
    ck_assert_uint_lt(i, curve->n);
    ck_assert(curve->points[i].score == score);
    ck_assert_uint_eq(curve->points[i].n_true, n_true);
    ck_assert_uint_eq(curve->points[i].n_false, n_false);
}

/* Detections of one score come in together: no threshold parts them. */
START_TEST(a_point_a_score) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(1, 3, far_off, 0.8);
    detection(2, 3, square, 0.8);
    detection(2, 3, far_off, 0.7);
    evaluate();
    const rn_curve *curve = &e.per_class[0].curve;
    ck_assert_uint_eq(curve->n, 3);
    ck_assert_uint_eq(curve->n_objects, 2);
    check_point(curve, 0, 0.9, 1, 0);
    check_point(curve, 1, 0.8, 2, 1);
    check_point(curve, 2, 0.7, 2, 2);
    ck_assert_double_eq_tol(curve->best_f1, 0.8, 1e-15); /* 4 / (3 + 2) */
    ck_assert(curve->best_f1_score == (0.8 + 0.7) / 2);
}
END_TEST

/* Each class has its own best threshold, and all have one together: right .9, right .6, wrong .5,
 * wrong .4, right .3 of three objects: F1 2/4, 4/5, 4/6, 4/7, 6/8. */
START_TEST(classes_and_all_of_them) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    object(1, 7, square, 0, false);
    detection(1, 3, square, 0.9);
    detection(3, 3, square, 0.5);
    detection(2, 3, square, 0.3);
    detection(1, 7, square, 0.6);
    detection(2, 7, square, 0.4);
    evaluate();
    const rn_curve *cup = &e.per_class[0].curve, *jar = &e.per_class[1].curve;
    ck_assert_uint_eq(cup->n, 3);
    ck_assert_double_eq_tol(cup->best_f1, 0.8, 1e-15);
    ck_assert(cup->best_f1_score == 0.3);
    ck_assert_uint_eq(jar->n, 2);
    ck_assert(jar->best_f1 == 1 && jar->best_f1_score == (0.6 + 0.4) / 2);
    ck_assert_uint_eq(e.per_class[2].curve.n, 0);
    ck_assert(e.per_class[2].curve.best_f1 == 0 && e.per_class[2].curve.best_f1_score == 0.5);
    ck_assert_uint_eq(e.curve.n, 5);
    ck_assert_uint_eq(e.curve.n_objects, 3);
    check_point(&e.curve, 1, 0.6, 2, 0);
    check_point(&e.curve, 4, 0.3, 3, 2);
    ck_assert_double_eq_tol(e.curve.best_f1, 0.8, 1e-15);
    ck_assert(e.curve.best_f1_score == (0.6 + 0.5) / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("coco_curve");
    TCase *tests = tcase_create("coco_curve");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, both_averages);
    tcase_add_test(tests, precision_never_falls_to_the_left);
    tcase_add_test(tests, recalls_are_compared_exactly);
    tcase_add_test(tests, an_object_is_found_once);
    tcase_add_test(tests, difficult_objects_neither_count_nor_hurt);
    tcase_add_test(tests, difficult_objects_alone_are_none);
    tcase_add_test(tests, a_crowd_is_difficult);
    tcase_add_test(tests, however_many_boxes);
    tcase_add_test(tests, half_open_boxes);
    tcase_add_test(tests, over_a_hundred_detections);
    tcase_add_test(tests, the_mean_of_classes);
    tcase_add_test(tests, a_point_a_score);
    tcase_add_test(tests, classes_and_all_of_them);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
