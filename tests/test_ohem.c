/* Online hard example mining: which anchors of a picture are kept. */
#include "detection/matcher.h"
#include "detection/ohem.h"
#include "suite.h"

#include <check.h>
#include <math.h>

enum { N = 12 };

/* Squares of 10 in a row: those of one ten overlap by 9 or 5 parts (IoU .82, .33), others not. */
static const float anchors[N][4] = {{0, 0, 10, 10},  {1, 0, 11, 10},   {5, 0, 15, 10},
                                    {20, 0, 30, 10}, {21, 0, 31, 10},  {25, 0, 35, 10},
                                    {40, 0, 50, 10}, {41, 0, 51, 10},  {60, 0, 70, 10},
                                    {80, 0, 90, 10}, {90, 0, 100, 10}, {110, 0, 120, 10}};
enum { BG = RN_MATCH_BACKGROUND, IG = RN_MATCH_IGNORE };

static int chosen[N];

static size_t choose(const float *loss, const int *match, rn_ohem ohem) {
    size_t order[N], kept[N];
    for (int i = 0; i < N; i++) chosen[i] = 99;
    return rn_ohem_choose(chosen, loss, match, anchors[0], N, &ohem, order, kept);
}

static void chose(const int *want) {
    for (int i = 0; i < N; i++) ck_assert_msg(chosen[i] == want[i], "anchor %d: %d", i, chosen[i]);
}

static const int match[N] = {BG, 0, BG, BG, BG, IG, 1, BG, BG, BG, 2, BG};
static const float loss[N] = {5, 6, 4, 3, 3.5f, 99, 2, 2.5f, 1, 0.5f, 0.25f, 0};

START_TEST(the_hardest_that_do_not_overlap) {
    ck_assert_uint_eq(choose(loss, match, (rn_ohem){.batch = 4, .nms_iou = 0.5f}), 4);
    /* 0 lies under the harder 1, 3 under 4, 6 under 7; 5 is ignored */
    chose((int[N]){IG, 0, BG, IG, BG, IG, IG, BG, IG, IG, IG, IG});
    ck_assert_uint_eq(choose(loss, match, (rn_ohem){.batch = 4, .nms_iou = 0.3f}), 4);
    chose((int[N]){IG, 0, IG, IG, BG, IG, IG, BG, BG, IG, IG, IG});
    ck_assert_uint_eq(choose(loss, match, (rn_ohem){.batch = 12, .nms_iou = 1}), 11);
    chose(match); /* all but the ignored one */
}
END_TEST

START_TEST(one_to_three) {
    /* A quarter of 8 is two of the foreground, six of the background. */
    ck_assert_uint_eq(choose(loss, match, (rn_ohem){.batch = 8, .nms_iou = 0.9f, .ratio = true}),
                      8);
    chose((int[N]){BG, 0, BG, BG, BG, IG, 1, BG, BG, IG, IG, IG});
    ck_assert_uint_eq(choose(loss, match, (rn_ohem){.batch = 4, .nms_iou = 0.9f, .ratio = true}),
                      4);
    chose((int[N]){BG, 0, BG, IG, BG, IG, IG, IG, IG, IG, IG, IG});
}
END_TEST

/* Three of the background where there is no foreground. */
START_TEST(one_to_three_without_foreground) {
    const int none[N] = {BG, BG, BG, BG, BG, IG, BG, BG, BG, BG, BG, BG};
    ck_assert_uint_eq(choose(loss, none, (rn_ohem){.batch = 8, .nms_iou = 0.9f, .ratio = true}), 3);
    chose((int[N]){BG, BG, BG, IG, IG, IG, IG, IG, IG, IG, IG, IG});
}
END_TEST

START_TEST(ties_and_nan) {
    const float same[N] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, NAN};
    ck_assert_uint_eq(choose(same, match, (rn_ohem){.batch = 3, .nms_iou = 1}), 3);
    chose((int[N]){BG, 0, IG, IG, IG, IG, IG, IG, IG, IG, IG, BG});
}
END_TEST

START_TEST(nothing_to_choose_from) {
    const int none[N] = {IG, IG, IG, IG, IG, IG, IG, IG, IG, IG, IG, IG};
    ck_assert_uint_eq(choose(loss, none, (rn_ohem){.batch = 3, .nms_iou = 1}), 0);
    chose(none);
    ck_assert_uint_eq(choose(loss, none, (rn_ohem){.batch = 8, .nms_iou = 1, .ratio = true}), 0);
    const rn_ohem ohem = {.batch = 3};
    ck_assert_uint_eq(rn_ohem_choose(NULL, NULL, NULL, NULL, 0, &ohem, NULL, NULL), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ohem");
    TCase *tests = tcase_create("ohem");
    tcase_add_test(tests, the_hardest_that_do_not_overlap);
    tcase_add_test(tests, one_to_three);
    tcase_add_test(tests, one_to_three_without_foreground);
    tcase_add_test(tests, ties_and_nan);
    tcase_add_test(tests, nothing_to_choose_from);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
