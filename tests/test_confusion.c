/* Confusions worked by hand: images 1, 2, 3 and the classes cup, jar, pot. */
#include "eval/confusion.h"
#include "small_set.h"

enum { CUP, JAR, POT, BACKGROUND, SIDE };
#define CUPS 3 /* category ids */
#define JARS 7
#define POTS 9

static size_t *matrix;

static void drop(void) {
    free(matrix);
    matrix = NULL;
    teardown();
}

static void confuse(double score) {
    evaluate();
    free(matrix);
    ck_assert_int_eq(rn_confusion(&matrix, &truth, &results, score), RN_OK);
}

static void check(const size_t want[SIDE][SIDE]) {
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++)
            ck_assert_msg(matrix[i * SIDE + k] == want[i][k], "row %d, column %d: %zu, want %zu", i,
                          k, matrix[i * SIDE + k], want[i][k]);
}

START_TEST(who_is_taken_for_whom) {
    object(1, CUPS, square, 0, false);
    object(1, JARS, far_off, 0, false);
    object(2, POTS, square, 0, false);
    detection(1, CUPS, square, 0.9);  /* right */
    detection(1, CUPS, far_off, 0.8); /* a jar taken for a cup */
    detection(1, JARS, far_off, 0.7); /* too late: that one is taken */
    detection(3, POTS, square, 0.6);  /* there is nothing */
    detection(2, POTS, square, 0.3);  /* below the threshold: the pot is missed */
    confuse(0.5);
    check((size_t[SIDE][SIDE]){{1, 0, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}, {0, 1, 1, 0}});
    confuse(0.3); /* at least so much */
    check((size_t[SIDE][SIDE]){{1, 0, 0, 0}, {1, 0, 0, 0}, {0, 0, 1, 0}, {0, 1, 1, 0}});
}
END_TEST

/* The better detection has the first choice, whatever the class, and takes what it overlaps most;
 * the others what is left. */
START_TEST(greedy_by_score) {
    object(1, CUPS, (place){0, 0, 100, 100}, 0, false);
    object(1, JARS, (place){0, 20, 100, 100}, 0, false);
    detection(1, JARS, (place){0, 5, 100, 100}, 0.9); /* .90 with the cup, .74 with the jar */
    detection(1, CUPS, (place){0, 0, 100, 100}, 0.8); /* .67 with the jar, which is left */
    confuse(0);
    check((size_t[SIDE][SIDE]){{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
}
END_TEST

/* A picture's 101st box counts like its first. */
START_TEST(however_many_boxes) {
    object(1, CUPS, square, 0, false);
    for (int i = 0; i < 100; i++) detection(1, CUPS, far_off, 0.9);
    detection(1, CUPS, square, 0.5);
    confuse(0.5);
    check((size_t[SIDE][SIDE]){{1, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {100, 0, 0, 0}});
}
END_TEST

START_TEST(an_iou_of_a_half) {
    object(1, CUPS, (place){0, 0, 100, 100}, 0, false);
    detection(1, CUPS, (place){0, 0, 100, 50}, 0.9);
    confuse(0);
    ck_assert_uint_eq(matrix[CUP * SIDE + CUP], 1);
    no_detections();
    detection(1, CUPS, (place){0, 0, 100, 49.9}, 0.9);
    confuse(0);
    ck_assert_uint_eq(matrix[CUP * SIDE + BACKGROUND], 1);
    ck_assert_uint_eq(matrix[BACKGROUND * SIDE + CUP], 1);
}
END_TEST

/* Two classes in one place: each detection finds its own. */
START_TEST(equal_overlaps) {
    object(1, CUPS, square, 0, false);
    object(1, JARS, square, 0, false);
    detection(1, JARS, square, 0.9);
    detection(1, CUPS, square, 0.8);
    confuse(0);
    check((size_t[SIDE][SIDE]){{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
}
END_TEST

/* What lies in a crowd of its class or on a difficult object of it counts nowhere; nor do these. */
START_TEST(regions) {
    object(1, CUPS, (place){100, 100, 200, 200}, 0, true);
    object(2, JARS, square, 0, false);
    detection(1, CUPS, (place){120, 120, 20, 20}, 0.9);
    detection(1, CUPS, (place){150, 120, 20, 20}, 0.8);
    detection(1, JARS, (place){150, 120, 20, 20}, 0.7); /* another class's crowd excuses nothing */
    detection(2, JARS, square, 0.6);
    confuse(0);
    check((size_t[SIDE][SIDE]){{0, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}, {0, 1, 0, 0}});
    for (size_t i = 0; i < truth.n_objects; i++)
        truth.objects[i].difficult = !truth.objects[i].crowd;
    free(matrix);
    ck_assert_int_eq(rn_confusion(&matrix, &truth, &results, 0), RN_OK);
    check((size_t[SIDE][SIDE]){{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 0, 0}});
}
END_TEST

START_TEST(nothing_at_all) {
    confuse(0.5);
    check((size_t[SIDE][SIDE]){{0}});
    const rn_dataset empty = {0};
    const rn_results none = {0};
    free(matrix);
    ck_assert_int_eq(rn_confusion(&matrix, &empty, &none, 0.5), RN_OK);
    ck_assert_uint_eq(matrix[0], 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("confusion");
    TCase *tests = tcase_create("confusion");
    tcase_add_checked_fixture(tests, setup, drop);
    tcase_add_test(tests, who_is_taken_for_whom);
    tcase_add_test(tests, greedy_by_score);
    tcase_add_test(tests, however_many_boxes);
    tcase_add_test(tests, an_iou_of_a_half);
    tcase_add_test(tests, equal_overlaps);
    tcase_add_test(tests, regions);
    tcase_add_test(tests, nothing_at_all);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
