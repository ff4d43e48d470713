/* Which anchor answers for which box: thresholds, ties, low quality, ignore regions. */
#include "base/random.h"
#include "detection/matcher.h"
#include "suite.h"

#include <check.h>
#include <math.h>

enum { BACKGROUND = RN_MATCH_BACKGROUND, IGNORE = RN_MATCH_IGNORE, MOST = 64 };

static const rn_matcher plain = {(real)0.5, (real)0.4, false};
static const rn_matcher low_quality = {(real)0.5, (real)0.4, true};

/* ---- intersection over union ---- */

static void assert_iou(const real a[4], const real b[4], real want) {
    ck_assert(rn_iou(a, b) == want);
    ck_assert(rn_iou(b, a) == want);
}

START_TEST(known_overlaps) {
    const real square[4] = {0, 0, 10, 10};
    assert_iou(square, square, 1);
    assert_iou(square, (real[4]){5, 0, 15, 10}, (real)(1.0 / 3));
    assert_iou(square, (real[4]){0, 0, 5, 5}, (real)0.25);
    assert_iou(square, (real[4]){-5, -5, 5, 5}, (real)(1.0 / 7));
    assert_iou(square, (real[4]){2, -10, 4, 20}, (real)(20.0 / 140)); /* a cross */
    assert_iou(square, (real[4]){10, 0, 20, 10}, 0);  /* half-open: no pixel shared */
    assert_iou(square, (real[4]){20, 20, 30, 30}, 0); /* -10 x -10 is no overlap of 100 */
    assert_iou(square, (real[4]){20, 0, 30, 10}, 0);
    assert_iou((real[4]){-10, -10, -6, -8}, (real[4]){-8, -10, -6, -8}, (real)0.5);
}
END_TEST

START_TEST(overlaps_of_empty_boxes) {
    const real square[4] = {0, 0, 10, 10}, point[4] = {5, 5, 5, 5}, line[4] = {2, 5, 8, 5};
    const real inverted[4] = {8, 8, 2, 2}, half_inverted[4] = {8, 2, 2, 8};
    assert_iou(point, point, 0); /* 0 / 0 */
    assert_iou(line, line, 0);
    assert_iou(square, point, 0);
    assert_iou(square, line, 0);
    assert_iou(square, inverted, 0);
    assert_iou(inverted, inverted, 0);
    assert_iou(square, half_inverted, 0);
}
END_TEST

/* ---- matching ---- */

typedef struct matched {
    size_t positives;
    int match[MOST];
    real iou[MOST], box_best[MOST];
} matched;

static matched match(const real anchors[][4], size_t n_anchors, const real boxes[][4],
                     const bool *ignore, size_t n_boxes, const rn_matcher *matcher) {
    matched m;
    for (int i = 0; i < MOST; i++) { /* rubbish, to be overwritten */
        m.match[i] = 99;
        m.iou[i] = m.box_best[i] = NAN;
    }
    m.positives = rn_match(m.match, m.iou, m.box_best, n_anchors ? anchors[0] : NULL, n_anchors,
                           n_boxes ? boxes[0] : NULL, ignore, n_boxes, matcher);
    ck_assert_int_eq(m.match[n_anchors], 99);
    return m;
}

/* A box of 100 is matched with parts of it: an IoU of exactly .5 is positive, of exactly .4
 * ignored, and the next number below belongs to the kind below. */
START_TEST(thresholds_are_exact) {
    const real below_5 = nextafterf(5, 0), below_4 = nextafterf(4, 0);
    const real boxes[1][4] = {{0, 0, 10, 10}};
    const real anchors[][4] = {{0, 0, 10, 5},       {0, 0, 10, below_5}, {0, 0, 10, 4},
                               {0, 0, 10, below_4}, {0, 0, 10, 0},       {0, 0, 10, 20}};
    const matched m = match(anchors, 6, boxes, NULL, 1, &plain);
    const int want[] = {0, IGNORE, IGNORE, BACKGROUND, BACKGROUND, 0};
    for (int i = 0; i < 6; i++) ck_assert_int_eq(m.match[i], want[i]);
    ck_assert_uint_eq(m.positives, 2);
    ck_assert(m.iou[0] == (real)0.5 && m.iou[2] == (real)0.4 && m.iou[4] == 0);
    ck_assert(m.iou[1] < (real)0.5 && m.iou[3] < (real)0.4);
}
END_TEST

START_TEST(other_thresholds) {
    const rn_matcher equal = {(real)0.25, (real)0.25, false}; /* nothing between to ignore */
    const real boxes[1][4] = {{0, 0, 10, 10}};
    const real anchors[][4] = {{0, 0, 5, 5}, {0, 0, 5, nextafterf(5, 0)}};
    const matched m = match(anchors, 2, boxes, NULL, 1, &equal);
    ck_assert_int_eq(m.match[0], 0);
    ck_assert_int_eq(m.match[1], BACKGROUND);
}
END_TEST

START_TEST(the_best_box_and_ties_to_the_lower) {
    const real boxes[][4] = {{0, 0, 10, 6}, {0, 0, 10, 8}, {0, 0, 10, 8}, {0, 2, 10, 10}};
    const real anchors[][4] = {{0, 0, 10, 10}, {0, 0, 10, 6}, {0, 2, 10, 10}};
    const matched m = match(anchors, 3, boxes, NULL, 4, &plain);
    ck_assert_int_eq(m.match[0], 1); /* .8 three times over */
    ck_assert_int_eq(m.match[1], 0);
    ck_assert_int_eq(m.match[2], 3);
    ck_assert(m.iou[0] == (real)0.8 && m.iou[1] == 1 && m.iou[2] == 1);
    ck_assert_uint_eq(m.positives, 3);
}
END_TEST

/* ---- low quality ---- */

START_TEST(best_anchors_of_a_box_ties_and_all) {
    const real boxes[1][4] = {{0, 0, 10, 10}};
    const real anchors[][4] = {{0, 0, 5, 5}, {5, 5, 10, 10}, {0, 5, 5, 9}, {20, 0, 30, 10}};
    const int with[] = {0, 0, BACKGROUND, BACKGROUND};
    const matched m = match(anchors, 4, boxes, NULL, 1, &low_quality);
    const matched without = match(anchors, 4, boxes, NULL, 1, &plain);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(m.match[i], with[i]);
        ck_assert_int_eq(without.match[i], BACKGROUND);
    }
    ck_assert_uint_eq(m.positives, 2);
    ck_assert_uint_eq(without.positives, 0);
}
END_TEST

/* Between the thresholds too: .45 is the box's best, so it is positive; the .42 stays ignored. */
START_TEST(best_anchor_between_the_thresholds) {
    const real boxes[1][4] = {{0, 0, 10, 10}};
    const real anchors[][4] = {{0, 0, 10, (real)4.2}, {0, 0, 10, (real)4.5}};
    const matched m = match(anchors, 2, boxes, NULL, 1, &low_quality);
    ck_assert_int_eq(m.match[0], IGNORE);
    ck_assert_int_eq(m.match[1], 0);
}
END_TEST

/* A good anchor elsewhere does not make a poorer one of the same box a best one. */
START_TEST(second_best_is_not_kept) {
    const real boxes[][4] = {{0, 0, 10, 10}, {40, 0, 50, 10}};
    const real anchors[][4] = {{0, 0, 10, 9}, {0, 0, 5, 5}, {40, 0, 42, 10}};
    const matched m = match(anchors, 3, boxes, NULL, 2, &low_quality);
    ck_assert_int_eq(m.match[0], 0);
    ck_assert_int_eq(m.match[1], BACKGROUND); /* .25, above the .2 that is enough for box 1 */
    ck_assert_int_eq(m.match[2], 1);
    ck_assert_uint_eq(m.positives, 2);
}
END_TEST

/* Anchor 0 is all that box 1 has (.2), but overlaps box 0 more (.3): it answers for box 0, although
 * box 0 has a better one. */
START_TEST(low_quality_keeps_the_anchors_own_best) {
    const real boxes[][4] = {{0, 0, 10, 3}, {0, 8, 10, 10}};
    const real anchors[][4] = {{0, 0, 10, 10}, {0, 0, 10, 3}};
    const matched m = match(anchors, 2, boxes, NULL, 2, &low_quality);
    ck_assert_int_eq(m.match[0], 0);
    ck_assert_int_eq(m.match[1], 0);
    ck_assert(m.iou[0] == (real)0.3);
    ck_assert_uint_eq(m.positives, 2);
}
END_TEST

/* "Best IoU 0" is shared by every anchor that does not touch the box. */
START_TEST(box_that_nothing_overlaps) {
    const real boxes[][4] = {{100, 100, 120, 120}, {0, 0, 4, 10}, {10, 0, 20, 10}};
    const real anchors[][4] = {{0, 0, 10, 10}, {30, 0, 40, 10}, {60, 0, 70, 10}};
    matched m = match(anchors, 3, boxes, NULL, 1, &low_quality);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(m.match[i], BACKGROUND);
    ck_assert_uint_eq(m.positives, 0);
    m = match(anchors, 3, boxes, NULL, 3, &low_quality); /* box 2 only touches anchor 0 */
    ck_assert_int_eq(m.match[0], 1);
    ck_assert_int_eq(m.match[1], BACKGROUND);
    ck_assert_int_eq(m.match[2], BACKGROUND);
    ck_assert_uint_eq(m.positives, 1);
}
END_TEST

START_TEST(degenerate_boxes_match_nothing) {
    const real boxes[][4] = {{5, 5, 5, 5}, {0, 5, 10, 5}, {8, 8, 2, 2}, {8, 2, 2, 8}};
    const real anchors[][4] = {{0, 0, 10, 10}, {5, 5, 5, 5}, {8, 8, 2, 2}};
    const matched m = match(anchors, 3, boxes, NULL, 4, &low_quality);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(m.match[i], BACKGROUND);
        ck_assert(m.iou[i] == 0);
    }
    ck_assert_uint_eq(m.positives, 0);
}
END_TEST

/* ---- nothing to match ---- */

START_TEST(no_boxes) {
    const real anchors[][4] = {{0, 0, 10, 10}, {5, 5, 20, 20}};
    const matched m = match(anchors, 2, NULL, NULL, 0, &low_quality);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(m.match[i], BACKGROUND);
        ck_assert(m.iou[i] == 0);
    }
    ck_assert_uint_eq(m.positives, 0);
}
END_TEST

START_TEST(no_anchors) {
    const real boxes[][4] = {{0, 0, 10, 10}};
    const bool ignore[] = {true};
    ck_assert_uint_eq(match(NULL, 0, boxes, NULL, 1, &low_quality).positives, 0);
    ck_assert_uint_eq(match(NULL, 0, boxes, ignore, 1, &low_quality).positives, 0);
    ck_assert_uint_eq(match(NULL, 0, NULL, NULL, 0, &low_quality).positives, 0);
}
END_TEST

/* ---- ignore regions ---- */

START_TEST(ignore_region_covers_half_of_an_anchor) {
    const bool ignore[] = {true};
    const real boxes[][4] = {{0, 0, 100, 100}};
    const real anchors[][4] = {{0, 0, 100, 100},      /* the region itself: never positive */
                               {95, 0, 105, 10},      /* exactly half in */
                               {95.001f, 0, 105, 10}, /* a little less */
                               {20, 20, 30, 30},      /* all of it, IoU .01 */
                               {-100, 0, 200, 100},   /* the region is a third of it */
                               {200, 0, 210, 10}};
    const int want[] = {IGNORE, IGNORE, BACKGROUND, IGNORE, BACKGROUND, BACKGROUND};
    const matched m = match(anchors, 6, boxes, ignore, 1, &low_quality);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(m.match[i], want[i]);
        ck_assert(m.iou[i] == 0); /* with a box that counts */
    }
    ck_assert_uint_eq(m.positives, 0);
}
END_TEST

/* A region takes no anchor from an object, nor does it shift the numbers of the boxes. */
START_TEST(ignore_region_beside_objects) {
    const bool ignore[] = {true, false, false, true};
    const real boxes[][4] = {{0, 0, 50, 50}, {0, 0, 10, 10}, {20, 0, 30, 10}, {0, 0, 10, 10}};
    const real anchors[][4] = {{0, 0, 10, 10},  /* box 1, although two regions tie or contain it */
                               {20, 0, 22, 10}, /* low quality for box 2, in a region */
                               {0, 0, 10, (real)4.5}, /* IoU .45 with box 1 */
                               {40, 40, 50, 50},      /* in the region only */
                               {60, 60, 70, 70}};
    const int want[] = {1, 2, IGNORE, IGNORE, BACKGROUND};
    const matched m = match(anchors, 5, boxes, ignore, 4, &low_quality);
    for (int i = 0; i < 5; i++) ck_assert_int_eq(m.match[i], want[i]);
    ck_assert_uint_eq(m.positives, 2);
    ck_assert(m.iou[3] == 0);
}
END_TEST

/* Two regions that cover a quarter each are not one that covers half; no region of an area that is
 * 0 covers anything, and an anchor without area is not half covered by one that is far away. */
START_TEST(ignore_regions_one_by_one) {
    const bool ignore[] = {true, true, true};
    const real boxes[][4] = {{0, 0, 5, 5}, {5, 5, 10, 10}, {0, 3, 10, 3}};
    const real anchors[][4] = {{0, 0, 10, 10}, {300, 300, 300, 300}};
    const matched m = match(anchors, 2, boxes, ignore, 3, &low_quality);
    ck_assert_int_eq(m.match[0], BACKGROUND);
    ck_assert_int_eq(m.match[1], BACKGROUND);
}
END_TEST

/* ---- against the definition, in whole numbers ---- */

typedef struct rectangle {
    int x1, y1, x2, y2;
} rectangle;

static int overlap(const rectangle *a, const rectangle *b) {
    const int x1 = a->x1 > b->x1 ? a->x1 : b->x1, x2 = a->x2 < b->x2 ? a->x2 : b->x2;
    const int y1 = a->y1 > b->y1 ? a->y1 : b->y1, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    return x2 > x1 && y2 > y1 ? (x2 - x1) * (y2 - y1) : 0;
}

static int size_of(const rectangle *a) {
    return (a->x2 - a->x1) * (a->y2 - a->y1);
}

/* Common pixels and all pixels: IoUs are compared as fractions. */
typedef struct fraction {
    int common, all;
} fraction;

static fraction iou_of(const rectangle *a, const rectangle *b) {
    const int common = overlap(a, b);
    return (fraction){common, size_of(a) + size_of(b) - common};
}

static bool less(fraction a, fraction b) {
    return a.common * b.all < b.common * a.all;
}

typedef struct scene {
    int n_anchors, n_boxes;
    rectangle anchors[30], boxes[6];
    bool ignore[6];
} scene;

static rectangle random_rectangle(rn_random *random) {
    rectangle r = {(int)rn_random_below(random, 12), (int)rn_random_below(random, 12), 0, 0};
    r.x2 = r.x1 + 1 + (int)rn_random_below(random, 8);
    r.y2 = r.y1 + 1 + (int)rn_random_below(random, 8);
    return r;
}

static int wanted(const scene *s, int anchor, bool keep_best) {
    const rectangle *a = &s->anchors[anchor];
    fraction best = {0, 1};
    int box = BACKGROUND;
    bool kept = false, covered = false;
    for (int b = 0; b < s->n_boxes; b++) {
        const fraction iou = iou_of(a, &s->boxes[b]);
        if (s->ignore[b]) {
            covered = covered || 2 * iou.common >= size_of(a);
            continue;
        }
        if (less(best, iou)) {
            best = iou;
            box = b;
        }
        bool beaten = iou.common == 0;
        for (int i = 0; i < s->n_anchors && !beaten; i++)
            beaten = less(iou, iou_of(&s->anchors[i], &s->boxes[b]));
        kept = kept || !beaten;
    }
    if (2 * best.common >= best.all || (keep_best && kept)) return box;
    if (5 * best.common >= 2 * best.all) return IGNORE;
    return covered ? IGNORE : BACKGROUND;
}

static void copy_corners(real to[][4], const rectangle *from, int n) {
    for (int i = 0; i < n; i++) {
        to[i][0] = (real)from[i].x1;
        to[i][1] = (real)from[i].y1;
        to[i][2] = (real)from[i].x2;
        to[i][3] = (real)from[i].y2;
    }
}

START_TEST(random_scenes) {
    rn_random random = rn_random_seed(11, 0, 0);
    size_t kinds[3] = {0}; /* the scenes have all of them */
    for (int n = 0; n < 2000; n++) {
        scene s = {.n_anchors = (int)rn_random_below(&random, 31),
                   .n_boxes = (int)rn_random_below(&random, 7)};
        real anchors[30][4], boxes[6][4];
        for (int i = 0; i < s.n_anchors; i++) s.anchors[i] = random_rectangle(&random);
        for (int i = 0; i < s.n_boxes; i++) {
            s.boxes[i] = random_rectangle(&random);
            s.ignore[i] = rn_random_below(&random, 4) == 0;
        }
        copy_corners(anchors, s.anchors, s.n_anchors);
        copy_corners(boxes, s.boxes, s.n_boxes);
        const bool keep = n % 2;
        const matched m = match(anchors, (size_t)s.n_anchors, boxes, s.ignore, (size_t)s.n_boxes,
                                keep ? &low_quality : &plain);
        size_t positives = 0;
        for (int i = 0; i < s.n_anchors; i++) {
            const int want = wanted(&s, i, keep);
            ck_assert_msg(m.match[i] == want, "scene %d, anchor %d: got %d, want %d", n, i,
                          m.match[i], want);
            positives += want >= 0;
            kinds[want >= 0 ? 0 : -want]++;
        }
        ck_assert_uint_eq(m.positives, positives);
    }
    for (int i = 0; i < 3; i++) ck_assert_uint_gt(kinds[i], 1000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("matcher");
    TCase *tests = tcase_create("matcher");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, known_overlaps);
    tcase_add_test(tests, overlaps_of_empty_boxes);
    tcase_add_test(tests, thresholds_are_exact);
    tcase_add_test(tests, other_thresholds);
    tcase_add_test(tests, the_best_box_and_ties_to_the_lower);
    tcase_add_test(tests, best_anchors_of_a_box_ties_and_all);
    tcase_add_test(tests, best_anchor_between_the_thresholds);
    tcase_add_test(tests, second_best_is_not_kept);
    tcase_add_test(tests, low_quality_keeps_the_anchors_own_best);
    tcase_add_test(tests, box_that_nothing_overlaps);
    tcase_add_test(tests, degenerate_boxes_match_nothing);
    tcase_add_test(tests, no_boxes);
    tcase_add_test(tests, no_anchors);
    tcase_add_test(tests, ignore_region_covers_half_of_an_anchor);
    tcase_add_test(tests, ignore_region_beside_objects);
    tcase_add_test(tests, ignore_regions_one_by_one);
    tcase_add_test(tests, random_scenes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
