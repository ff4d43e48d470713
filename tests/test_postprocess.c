/* From logits and deltas to boxes: threshold, the best of a level, clipping, suppression, order. */
#include "base/memory.h"
#include "base/random.h"
#include "detection/matcher.h"
#include "detection/postprocess.h"
#include "suite.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The sanitizers stop at an allocation that cannot be had; here it must fail as it does without. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

enum { WIDTH = 100, HEIGHT = 60, MOST = 64 };

static const rn_postprocess usual = {(real)0.05,   1000,  (real)0.5,   100,
                                     RN_NMS_CLASS, false, RN_ISA_BEST, RN_SCORING_SIGMOID};

/* Anchors of 8 x 8 that touch nowhere: number i stands in column i of row 0 .. 5. */
static void apart(real anchors[][4], int n) {
    for (int i = 0; i < n; i++) {
        const real x = (real)(10 * (i % 10)), y = (real)(10 * (i / 10));
        const real corners[4] = {x, y, x + 8, y + 8};
        memcpy(anchors[i], corners, sizeof corners);
    }
}

static const real no_deltas[MOST][4];

static rn_level_output level_of(const real *logits, const real (*anchors)[4], size_t n) {
    return (rn_level_output){
        .logits = logits, .deltas = no_deltas[0], .anchors = anchors[0], .n_anchors = n};
}

typedef struct boxes {
    size_t n;
    rn_box box[MOST];
} boxes;

/* A run on a fresh workspace; nothing is written behind the boxes. */
static boxes run(const rn_level_output *levels, int n_levels, int n_classes,
                 const rn_postprocess *options) {
    rn_candidates work = {0};
    boxes b = {.n = 99};
    for (int i = 0; i < MOST; i++) b.box[i].label = -7;
    ck_assert_int_eq(
        rn_postprocess_run(b.box, &b.n, levels, n_levels, n_classes, WIDTH, HEIGHT, options, &work),
        RN_OK);
    ck_assert_uint_lt(b.n, MOST);
    ck_assert_int_eq(b.box[b.n].label, -7);
    rn_candidates_free(&work);
    return b;
}

static void assert_box(const rn_box *box, float x1, float y1, float x2, float y2) {
    ck_assert_msg(box->x1 == x1 && box->y1 == y1 && box->x2 == x2 && box->y2 == y2,
                  "got %g %g %g %g, want %g %g %g %g", (double)box->x1, (double)box->y1,
                  (double)box->x2, (double)box->y2, (double)x1, (double)y1, (double)x2, (double)y2);
}

/* ---- scores ---- */

static size_t count_at(real logit, real threshold) {
    const real anchors[1][4] = {{0, 0, 8, 8}};
    const rn_level_output level = level_of(&logit, anchors, 1);
    rn_postprocess options = usual;
    options.score_threshold = threshold;
    return run(&level, 1, 1, &options).n;
}

START_TEST(scores_over_the_threshold) {
    ck_assert_uint_eq(count_at(0, (real)0.5), 0); /* equal is not over */
    ck_assert_uint_eq(count_at((real)1e-3, (real)0.5), 1);
    ck_assert_uint_eq(count_at((real)-1e-3, (real)0.5), 0);
    ck_assert_uint_eq(count_at((real)-2.9444, (real)0.05), 1); /* log(.05 / .95) = -2.944439 */
    ck_assert_uint_eq(count_at((real)-2.9445, (real)0.05), 0);
    ck_assert_uint_eq(count_at((real)6.908, (real)0.999), 1); /* 6.906755 */
    ck_assert_uint_eq(count_at((real)6.905, (real)0.999), 0);
    ck_assert_uint_eq(count_at(-80, 0), 1);
    ck_assert_uint_eq(count_at(-200, 0), 0); /* its score is 0 in float */
    ck_assert_uint_eq(count_at(10000, 1), 0);
    ck_assert_uint_eq(count_at(INFINITY, 1), 0);
    ck_assert_uint_eq(count_at(INFINITY, (real)0.999), 1);
    ck_assert_uint_eq(count_at(-INFINITY, 0), 0);
}
END_TEST

START_TEST(scores_are_sigmoids) {
    real anchors[5][4];
    apart(anchors, 5);
    const real logits[5] = {-2, 0, 2, -10, 50};
    const double want[5] = {1, 0.88079707798, 0.5, 0.11920292202, 4.5397868702e-5};
    const int anchor[5] = {4, 2, 1, 0, 3};
    const rn_level_output level = level_of(logits, anchors, 5);
    rn_postprocess options = usual;
    options.score_threshold = 0;
    const boxes b = run(&level, 1, 1, &options);
    ck_assert_uint_eq(b.n, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_double_eq_tol((double)b.box[i].score / want[i], 1, 3 * FLT_EPSILON);
        assert_box(&b.box[i], 10 * (float)anchor[i], 0, 10 * (float)anchor[i] + 8, 8);
        ck_assert_int_eq(b.box[i].label, 0);
    }
}
END_TEST

/* Every class of an anchor is a candidate of its own. */
START_TEST(pairs_of_anchor_and_class) {
    real anchors[2][4];
    apart(anchors, 2);
    const real logits[2][3] = {{1, -9, 3}, {-9, 2, -9}};
    const rn_level_output level = level_of(logits[0], anchors, 2);
    const boxes b = run(&level, 1, 3, &usual);
    const int label[3] = {2, 1, 0}, x1[3] = {0, 10, 0};
    ck_assert_uint_eq(b.n, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(b.box[i].label, label[i]);
        ck_assert(b.box[i].x1 == (float)x1[i]);
    }
}
END_TEST

START_TEST(nothing_to_find) {
    real anchors[2][4];
    apart(anchors, 2);
    const real low[2] = {-9, -9};
    const rn_level_output levels[2] = {level_of(low, anchors, 2), {.n_anchors = 0}};
    ck_assert_uint_eq(run(levels, 2, 1, &usual).n, 0);
    ck_assert_uint_eq(run(levels + 1, 1, 1, &usual).n, 0);
    ck_assert_uint_eq(run(NULL, 0, 1, &usual).n, 0);
}
END_TEST

/* ---- numbers that are none ---- */

START_TEST(nan_logits_are_no_candidates) {
    real anchors[4][4];
    apart(anchors, 4);
    const real logits[4][3] = {{NAN, 1, NAN}, {-9, NAN, 2}, {NAN, NAN, NAN}, {3, -9, NAN}};
    const rn_level_output level = level_of(logits[0], anchors, 4);
    const boxes b = run(&level, 1, 3, &usual);
    const int label[3] = {0, 2, 1}, x1[3] = {30, 10, 0};
    ck_assert_uint_eq(b.n, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(b.box[i].label, label[i]);
        ck_assert(b.box[i].x1 == (float)x1[i]);
    }
}
END_TEST

/* Not one of them may come out as a box, of any size. */
START_TEST(deltas_that_give_no_box) {
    static const real bad[] = {NAN, INFINITY, -INFINITY};
    real anchors[2][4];
    apart(anchors, 2);
    const real logits[2] = {5, 1};
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 3; k++) {
            if (i >= 2 && k == 1) continue; /* +infinity is clamped like all large scales */
            real deltas[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
            deltas[0][i] = bad[k];
            rn_level_output level = level_of(logits, anchors, 2);
            level.deltas = deltas[0];
            const boxes b = run(&level, 1, 1, &usual);
            ck_assert_uint_eq(b.n, 1);
            assert_box(&b.box[0], 10, 0, 18, 8);
        }
    }
}
END_TEST

/* ---- the best of each level ---- */

START_TEST(topk_counts_in_each_level) {
    real anchors[8][4];
    apart(anchors, 8);
    const real first[4] = {(real)0.1, (real)0.4, (real)0.2, (real)0.3}, second[3] = {7, 5, 6};
    const rn_level_output levels[2] = {level_of(first, anchors, 4),
                                       level_of(second, anchors + 4, 3)};
    rn_postprocess options = usual;
    options.topk_candidates = 2;
    const boxes b = run(levels, 2, 1, &options);
    const float x1[4] = {40, 60, 10, 30}; /* not 50, although it beats all of the first level */
    ck_assert_uint_eq(b.n, 4);
    for (int i = 0; i < 4; i++) ck_assert(b.box[i].x1 == x1[i]);
    options.topk_candidates = 0;
    ck_assert_uint_eq(run(levels, 2, 1, &options).n, 0);
}
END_TEST

/* It counts pairs, not anchors; where it cuts through a tie the lower anchor, then the lower class
 * stays. */
START_TEST(topk_cuts_a_tie) {
    real anchors[3][4];
    apart(anchors, 3);
    const real logits[3][2] = {{-9, 1}, {1, 1}, {1, 2}};
    const rn_level_output level = level_of(logits[0], anchors, 3);
    rn_postprocess options = usual;
    const int label[5] = {1, 1, 0, 1, 0}, x1[5] = {20, 0, 10, 10, 20};
    for (int k = 1; k <= 5; k++) {
        options.topk_candidates = k;
        const boxes b = run(&level, 1, 2, &options);
        ck_assert_uint_eq(b.n, (size_t)k);
        for (int i = 0; i < k; i++) {
            ck_assert_int_eq(b.box[i].label, label[i]);
            ck_assert(b.box[i].x1 == (float)x1[i]);
        }
    }
}
END_TEST

/* The cut comes before suppression and clipping: what these take away is not made up for. */
START_TEST(topk_comes_first) {
    const real anchors[4][4] = {{0, 0, 8, 8}, {0, 0, 8, 7}, {200, 0, 208, 8}, {40, 0, 48, 8}};
    const real logits[4] = {4, 3, 2, 1};
    const rn_level_output level = level_of(logits, anchors, 4);
    rn_postprocess options = usual;
    options.topk_candidates = 3;
    ck_assert_uint_eq(run(&level, 1, 1, &options).n, 1);
    options.topk_candidates = 4;
    ck_assert_uint_eq(run(&level, 1, 1, &options).n, 2);
}
END_TEST

/* ---- order ---- */

/* Equal scores on two levels, anchors and classes; and logits whose float scores are all 1. */
START_TEST(ties_go_by_level_anchor_class) {
    real anchors[4][4];
    apart(anchors, 4);
    const real first[2][2] = {{2, 2}, {2, 2}}, second[2][2] = {{2, 2}, {(real)2.5, 2}};
    const rn_level_output levels[2] = {level_of(first[0], anchors + 2, 2),
                                       level_of(second[0], anchors, 2)};
    const boxes b = run(levels, 2, 2, &usual);
    const int x1[8] = {10, 20, 20, 30, 30, 0, 0, 10}, label[8] = {0, 0, 1, 0, 1, 0, 1, 1};
    ck_assert_uint_eq(b.n, 8);
    for (int i = 0; i < 8; i++) {
        ck_assert(b.box[i].x1 == (float)x1[i]);
        ck_assert_int_eq(b.box[i].label, label[i]);
    }
}
END_TEST

/* Four stretches of 128 logits, the last of five; a zero's sign is no difference. */
START_TEST(numbers_that_are_none_among_many) {
    enum { N = 3 * 128 + 5 };
    static const size_t best[] = {300, N - 1, 128, 0};
    real logits[N], anchors[N][4];
    static const real none[N][4];
    for (size_t i = 0; i < N; i++) {
        const real x = (real)(i % 90), y = (real)(10 * (i / 90));
        const real corners[4] = {x, y, x + (real)0.5, y + 8};
        memcpy(anchors[i], corners, sizeof corners);
        logits[i] = NAN;
    }
    logits[0] = (real)-0.0;
    logits[127] = 0;
    logits[128] = 5;
    logits[200] = -INFINITY;
    logits[300] = INFINITY;
    logits[N - 1] = 7;
    const rn_level_output level = {logits, none[0], anchors[0], N};
    rn_postprocess options = usual;
    options.score_threshold = 0;
    options.topk_candidates = 4;
    for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
        options.isa = (rn_isa)isa;
        const boxes b = run(&level, 1, 1, &options);
        ck_assert_uint_eq(b.n, 4);
        for (size_t i = 0; i < b.n; i++) {
            const real *a = anchors[best[i]];
            assert_box(&b.box[i], (float)a[0], (float)a[1], (float)a[2], (float)a[3]);
        }
    }
}
END_TEST

START_TEST(logits_order_where_scores_are_one) {
    real anchors[3][4];
    apart(anchors, 3);
    const real logits[3] = {30, 50, 40};
    const rn_level_output level = level_of(logits, anchors, 3);
    const boxes b = run(&level, 1, 1, &usual);
    const float x1[3] = {10, 20, 0};
    ck_assert_uint_eq(b.n, 3);
    for (int i = 0; i < 3; i++) ck_assert(b.box[i].x1 == x1[i] && b.box[i].score == 1);
}
END_TEST

START_TEST(max_detections_keeps_the_best) {
    real anchors[30][4];
    real logits[30];
    apart(anchors, 30);
    for (int i = 0; i < 30; i++) logits[i] = (real)((i * 7) % 30) / 10;
    const rn_level_output level = level_of(logits, anchors, 30);
    rn_postprocess options = usual;
    ck_assert_uint_eq(run(&level, 1, 1, &options).n, 30);
    options.max_detections = 3;
    const boxes b = run(&level, 1, 1, &options);
    ck_assert_uint_eq(b.n, 3);
    assert_box(&b.box[0], 70, 10, 78, 18); /* 17 * 7 = 119 = 29 mod 30; then 4 and 21 */
    assert_box(&b.box[1], 40, 0, 48, 8);
    assert_box(&b.box[2], 10, 20, 18, 28);
    options.max_detections = 0;
    ck_assert_uint_eq(run(&level, 1, 1, &options).n, 0);
}
END_TEST

/* ---- suppression ---- */

/* IoU exactly .5 is not over it; a little more is. */
START_TEST(suppression_is_over_the_threshold) {
    const real logits[2] = {1, 2};
    const real equal[2][4] = {{0, 0, 10, 5}, {0, 0, 10, 10}};
    const real over[2][4] = {{0, 0, 10, nextafterf(5, 6)}, {0, 0, 10, 10}};
    const rn_level_output two = level_of(logits, equal, 2), one = level_of(logits, over, 2);
    ck_assert_uint_eq(run(&two, 1, 1, &usual).n, 2);
    const boxes b = run(&one, 1, 1, &usual);
    ck_assert_uint_eq(b.n, 1);
    assert_box(&b.box[0], 0, 0, 10, 10); /* the better one */
    rn_postprocess all = usual;
    all.nms_iou = 1; /* never over it */
    ck_assert_uint_eq(run(&one, 1, 1, &all).n, 2);
    all.nms_iou = 0; /* touching is no overlap */
    const real touching[2][4] = {{0, 0, 10, 10}, {10, 0, 20, 10}};
    const rn_level_output apart_by_0 = level_of(logits, touching, 2);
    ck_assert_uint_eq(run(&apart_by_0, 1, 1, &all).n, 2);
}
END_TEST

START_TEST(suppression_by_class_or_over_all) {
    const real anchors[2][4] = {{0, 0, 10, 10}, {0, 0, 10, 9}};
    const real logits[2][2] = {{1, -9}, {-9, 2}}, same[2][2] = {{1, -9}, {2, -9}};
    const rn_level_output level = level_of(logits[0], anchors, 2),
                          rivals = level_of(same[0], anchors, 2);
    rn_postprocess agnostic = usual;
    agnostic.nms = RN_NMS_AGNOSTIC;
    ck_assert_uint_eq(run(&level, 1, 2, &usual).n, 2);
    ck_assert_uint_eq(run(&rivals, 1, 2, &usual).n, 1);
    const boxes b = run(&level, 1, 2, &agnostic);
    ck_assert_uint_eq(b.n, 1);
    ck_assert_int_eq(b.box[0].label, 1);
    assert_box(&b.box[0], 0, 0, 10, 9);
}
END_TEST

/* A strikes out B. B would have struck out C, but is gone; the levels are one list. */
/* torchvision moves up to 1000 boxes by class, and so rounds an IoU just over 0.5 to 0.5. */
START_TEST(boxes_moved_by_class) {
    enum { MANY = 501 };
    static real logits[2][MANY];
    const real anchors[2][4] = {{0, 0, 10, nextafterf(5, 6)}, {0, 0, 10, 10}};
    rn_postprocess options = usual;
    options.topk_candidates = 2 * MANY;
    options.max_detections = 10;
    for (int classes = MANY - 1; classes <= MANY; classes++) {
        real *x = logits[0]; /* [2, classes] */
        for (int i = 0; i < 2 * classes; i++) x[i] = 1;
        x[classes + 1] = 9;
        x[1] = 8; /* suppressed by the one before, if not moved by 11 */
        x[classes] = 7;
        x[0] = 6; /* not moved in any case */
        const rn_level_output level = level_of(x, anchors, 2);
        options.nms = RN_NMS_CLASS;
        boxes b = run(&level, 1, classes, &options);
        ck_assert(b.box[0].label == 1 && b.box[1].label == 0 && b.box[2].score < 0.8f);
        options.nms = RN_NMS_MOVED;
        b = run(&level, 1, classes, &options);
        ck_assert_int_eq(b.box[0].label, 1);
        ck_assert_int_eq(b.box[1].label, classes < MANY ? 1 : 0);
        if (classes == MANY) continue;                     /* 1002 boxes: not moved */
        assert_box(&b.box[1], 0, 0, 10, nextafterf(5, 6)); /* given as it was */
        ck_assert(b.box[2].label == 0 && b.box[3].score < 0.8f);
    }
}
END_TEST

START_TEST(suppressed_boxes_suppress_nothing) {
    const real anchors[3][4] = {{0, 0, 10, 10}, {3, 0, 13, 10}, {6, 0, 16, 10}};
    const real logits[3] = {3, 2, 1};
    const rn_level_output levels[3] = {level_of(logits + 2, anchors + 2, 1),
                                       level_of(logits + 1, anchors + 1, 1),
                                       level_of(logits, anchors, 1)};
    const boxes b = run(levels, 3, 1, &usual);
    ck_assert_uint_eq(b.n, 2);
    assert_box(&b.box[0], 0, 0, 10, 10);
    assert_box(&b.box[1], 6, 0, 16, 10);
}
END_TEST

/* ---- clipping ---- */

START_TEST(boxes_are_cut_to_the_picture) {
    const real anchors[7][4] = {{-20, -30, 5, 4},   {90, 50, 130, 61}, {-5, 20, 105, 25},
                                {-20, 0, 0, 10},    {100, 0, 120, 10}, {0, -9, 10, -1},
                                {40, 60.5f, 50, 90}};
    const real logits[7] = {7, 6, 5, 4, 3, 2, 1};
    const rn_level_output level = level_of(logits, anchors, 7);
    const boxes b = run(&level, 1, 1, &usual);
    ck_assert_uint_eq(b.n, 3); /* what lies outside has no area left */
    assert_box(&b.box[0], 0, 0, 5, 4);
    assert_box(&b.box[1], 90, 50, 100, 60);
    assert_box(&b.box[2], 0, 20, 100, 25);
}
END_TEST

/* torchvision leaves them in: a box without area overlaps nothing. */
START_TEST(empty_boxes_are_kept_on_request) {
    const real anchors[5][4] = {
        {-20, -30, 5, 4}, {-20, 0, 0, 10}, {-30, 0, -10, 10}, {100, 70, 120, 90}, {10, 10, 20, 20}};
    const real logits[5] = {7, 6, 5, 4, 3};
    rn_level_output level = level_of(logits, anchors, 5);
    rn_postprocess options = usual;
    options.keep_empty = true;
    boxes b = run(&level, 1, 1, &options);
    ck_assert_uint_eq(b.n, 5);
    assert_box(&b.box[1], 0, 0, 0, 10);
    assert_box(&b.box[2], 0, 0, 0, 10);
    assert_box(&b.box[3], 100, 60, 100, 60);
    const real deltas[5][4] = {{0}, {0}, {(real)NAN, 0, 0, 0}, {0, 0, 0, (real)NAN}, {0}};
    level.deltas = deltas[0];
    b = run(&level, 1, 1, &options);
    ck_assert_uint_eq(b.n, 3); /* but what is no number */
    assert_box(&b.box[2], 10, 10, 20, 20);
}
END_TEST

/* As a whole they overlap by a third, within the picture they are the same. */
START_TEST(clipping_comes_before_suppression) {
    const real anchors[2][4] = {{-20, 0, 10, 10}, {0, 0, 10, 10}};
    const real logits[2] = {1, 2};
    const rn_level_output level = level_of(logits, anchors, 2);
    ck_assert_uint_eq(run(&level, 1, 1, &usual).n, 1);
}
END_TEST

/* The anchor 10, 20, 20, 40 moved by half its width and a quarter of its height, twice as wide and
 * half as high; and the deltas are those of the anchor, not of its place in the order. */
START_TEST(boxes_are_decoded) {
    const real anchors[2][4] = {{70, 10, 80, 20}, {10, 20, 20, 40}};
    const real deltas[2][4] = {{0, 0, 0, 0},
                               {(real)0.5, (real)0.25, (real)0.69314718, (real)-0.69314718}};
    const real logits[2] = {1, 2};
    const rn_level_output level = {logits, deltas[0], anchors[0], 2};
    const boxes b = run(&level, 1, 1, &usual);
    ck_assert_uint_eq(b.n, 2);
    ck_assert_double_eq_tol((double)b.box[0].x1, 10, 1e-5);
    ck_assert_double_eq_tol((double)b.box[0].y1, 30, 1e-5);
    ck_assert_double_eq_tol((double)b.box[0].x2, 30, 1e-5);
    ck_assert_double_eq_tol((double)b.box[0].y2, 40, 1e-5);
    assert_box(&b.box[1], 70, 10, 80, 20);
}
END_TEST

/* ---- against the definition: take the best that is left, strike out its rivals ---- */

enum { CROWD = 60, CLASSES = 3 };

static double iou_of(const rn_box *a, const real *b) {
    const double w = fmin((double)a->x2, (double)b[2]) - fmax((double)a->x1, (double)b[0]),
                 h = fmin((double)a->y2, (double)b[3]) - fmax((double)a->y1, (double)b[1]);
    const double common = fmax(w, 0) * fmax(h, 0);
    const double all = ((double)a->x2 - (double)a->x1) * ((double)a->y2 - (double)a->y1) +
                       ((double)b[2] - (double)b[0]) * ((double)b[3] - (double)b[1]) - common;
    return common / all;
}

/* Boxes of whole numbers within the picture: they come out as they are. */
static size_t select_boxes(rn_box *out, real logits[CROWD][CLASSES], real anchors[CROWD][4],
                           bool agnostic) {
    size_t n = 0;
    for (;; n++) {
        int best = -1;
        real most = (real)-1.0986;
        for (int i = 0; i < CROWD * CLASSES; i++) {
            const real logit = logits[i / CLASSES][i % CLASSES];
            if (logit <= most) continue; /* ties to the lower pair */
            most = logit;
            best = i;
        }
        if (best < 0) return n;
        const real *a = anchors[best / CLASSES];
        out[n] = (rn_box){a[0], a[1], a[2], a[3], 0, best % CLASSES};
        for (int i = 0; i < CROWD; i++)
            for (int k = 0; k < CLASSES; k++)
                if ((agnostic || k == out[n].label) && iou_of(&out[n], anchors[i]) > 0.5)
                    logits[i][k] = -9;
    }
}

START_TEST(random_crowds) {
    rn_random random = rn_random_seed(5, 0, 0);
    rn_candidates work = {0}; /* reused */
    for (int n = 0; n < 200; n++) {
        real logits[CROWD][CLASSES], anchors[CROWD][4], deltas[CROWD][4] = {{0}};
        rn_box got[CROWD * CLASSES], want[CROWD * CLASSES];
        rn_postprocess options = usual;
        size_t n_got;
        for (int i = 0; i < CROWD; i++) {
            for (int k = 0; k < CLASSES; k++) /* many ties */
                logits[i][k] = (real)((int)rn_random_below(&random, 40) - 29) / 4;
            anchors[i][0] = (real)rn_random_below(&random, 40);
            anchors[i][1] = (real)rn_random_below(&random, 30);
            anchors[i][2] = anchors[i][0] + 2 * (real)(1 + rn_random_below(&random, 20));
            anchors[i][3] = anchors[i][1] + 2 * (real)(1 + rn_random_below(&random, 15));
        }
        options.score_threshold = (real)0.25; /* log(.25 / .75) = -1.0986 */
        options.nms = n % 2 ? RN_NMS_AGNOSTIC : RN_NMS_CLASS;
        options.max_detections = CROWD * CLASSES;
        const rn_level_output level = {logits[0], deltas[0], anchors[0], CROWD};
        ck_assert_int_eq(
            rn_postprocess_run(got, &n_got, &level, 1, CLASSES, WIDTH, HEIGHT, &options, &work),
            RN_OK);
        ck_assert_uint_eq(n_got, select_boxes(want, logits, anchors, n % 2));
        for (size_t i = 0; i < n_got; i++) {
            assert_box(&got[i], want[i].x1, want[i].y1, want[i].x2, want[i].y2);
            ck_assert_int_eq(got[i].label, want[i].label);
        }
    }
    rn_candidates_free(&work);
    ck_assert_ptr_null(work.memory);
    ck_assert_uint_eq(work.cap, 0);
    rn_candidates_free(&work); /* of an empty one: nothing */
}
END_TEST

/* ---- memory ---- */

enum { MANY = 1 << 20, ROOM = 20 << 20 };

static rlim_t address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* A million candidates in 20 MiB: of them all that is kept are the best, unless more are asked for.
 * That is refused, and the workspace is good for the next picture. */
START_TEST(candidates_and_memory) {
    real *logits, *many;
    rn_box out[100];
    rn_candidates work = {0};
    rn_postprocess all = usual;
    size_t n = 99;
    struct rlimit limit, small;
    char want[64];
    all.topk_candidates = MANY;
    ck_assert_int_eq(rn_alloc(&logits, MANY, sizeof *logits), RN_OK);
    ck_assert_int_eq(rn_alloc(&many, MANY + 1, 4 * sizeof *many), RN_OK);
    const real anchor[4] = {1, 2, 3, 4};
    memcpy(many + 4 * MANY, anchor, sizeof anchor); /* the last one, and the best */
    logits[MANY - 1] = 1;
    rn_level_output level = {
        .logits = logits, .deltas = many, .anchors = many + 4, .n_anchors = MANY};
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    small = limit;
    small.rlim_cur = address_space() + ROOM;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &small), 0);
    const rn_status best = rn_postprocess_run(out, &n, &level, 1, 1, WIDTH, HEIGHT, &usual, &work);
    const size_t cap = work.cap, n_best = n;
    const rn_status status = rn_postprocess_run(out, &n, &level, 1, 1, WIDTH, HEIGHT, &all, &work);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(best, RN_OK);
    ck_assert_uint_eq(n_best, 1);
    assert_box(&out[0], 1, 2, 3, 4);
    ck_assert_int_eq(status, RN_ENOMEM);
    ck_assert_uint_eq(n, 0);
    ck_assert_uint_gt(cap, 1000);
    ck_assert_uint_eq(work.cap, cap);
    size_t asked = cap;
    while (asked < (size_t)MANY * 72) asked *= 2; /* room for each to be kept and sorted */
    snprintf(want, sizeof want, "cannot allocate %zu bytes", asked);
    ck_assert_str_eq(rn_error_text(), want);
    level.anchors = many + 4 * MANY;
    level.n_anchors = 1;
    ck_assert_int_eq(rn_postprocess_run(out, &n, &level, 1, 1, WIDTH, HEIGHT, &usual, &work),
                     RN_OK);
    ck_assert_uint_eq(n, 1);
    assert_box(&out[0], 1, 2, 3, 4);
    rn_candidates_free(&work);
    free(many);
    free(logits);
}
END_TEST

/* ---- levels that several tasks scan ---- */

enum { LARGE = 6000, LARGE_CLASSES = 91, BEST = 700, LARGE_MOST = 300 };

/* One pair of the plain way below. */
typedef struct plain_pair {
    real logit;
    size_t number; /* level, anchor, class */
    real box[4];
} plain_pair;

static int compare_plain(const void *a, const void *b) {
    const plain_pair *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* The plain way: sort all pairs, take the best of each level, compare each with all that stayed. */
static size_t plain_way(rn_box *out, const rn_level_output levels[2],
                        const rn_postprocess *options) {
    const size_t n = (size_t)LARGE * LARGE_CLASSES;
    plain_pair *pairs, kept[LARGE_MOST];
    size_t n_kept = 0;
    ck_assert_int_eq(rn_alloc(&pairs, n + BEST, sizeof *pairs), RN_OK);
    for (size_t l = 0; l < 2; l++) { /* the best of the first lie behind those of the second */
        plain_pair *all = pairs;
        for (size_t i = 0; i < n; i++) {
            all[i] = (plain_pair){.logit = levels[l].logits[i], .number = l * n + i};
            memcpy(all[i].box, levels[l].anchors + 4 * (i / LARGE_CLASSES), sizeof all[i].box);
        }
        qsort(all, n, sizeof *all, compare_plain);
        if (l == 0) memcpy(pairs + n, all, BEST * sizeof *pairs);
    }
    memmove(pairs + BEST, pairs + n, BEST * sizeof *pairs);
    qsort(pairs, 2 * BEST, sizeof *pairs, compare_plain);
    for (size_t i = 0; i < 2 * BEST && n_kept < LARGE_MOST; i++) {
        const size_t label = pairs[i].number % LARGE_CLASSES;
        bool stays = options->score_threshold <= 0 || pairs[i].logit > 0; /* of 1/2 */
        for (size_t k = 0; k < n_kept && stays; k++)
            stays = (options->nms != RN_NMS_AGNOSTIC && kept[k].number % LARGE_CLASSES != label) ||
                    (double)rn_iou(kept[k].box, pairs[i].box) <= options->nms_iou;
        if (!stays) continue;
        kept[n_kept] = pairs[i];
        const real *b = pairs[i].box;
        out[n_kept++] = (rn_box){b[0], b[1], b[2], b[3], 0, (int)label};
    }
    free(pairs);
    return n_kept;
}

/* Whole numbers within the picture and many ties; rising logits keep every selection busy. */
static void fill_large(real *logits, real *anchors, rn_random *random, bool rising) {
    for (size_t i = 0; i < (size_t)LARGE * LARGE_CLASSES; i++)
        logits[i] = rising ? (real)(i / 50) / 4096 : (real)rn_random_below(random, 4000) / 256;
    for (size_t i = 0; i < LARGE; i++, anchors += 4) {
        anchors[0] = (real)rn_random_below(random, 60);
        anchors[1] = (real)rn_random_below(random, 30);
        anchors[2] = anchors[0] + (real)(1 + rn_random_below(random, 40));
        anchors[3] = anchors[1] + (real)(1 + rn_random_below(random, 30));
    }
}

static void check_large(const rn_level_output levels[2], rn_postprocess options) {
    static const int counts[] = {1, 2, 4};
    rn_box want[LARGE_MOST], got[LARGE_MOST];
    const size_t n_want = plain_way(want, levels, &options);
    for (int t = 0; t < 3; t++) {
        rn_candidates work = {0};
        ck_assert_int_eq(rn_threads_create(&work.threads, counts[t]), RN_OK);
        for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
            size_t n;
            options.isa = (rn_isa)isa;
            ck_assert_int_eq(rn_postprocess_run(got, &n, levels, 2, LARGE_CLASSES, WIDTH, HEIGHT,
                                                &options, &work),
                             RN_OK);
            ck_assert_uint_eq(n, n_want);
            for (size_t i = 0; i < n; i++) {
                assert_box(&got[i], want[i].x1, want[i].y1, want[i].x2, want[i].y2);
                ck_assert_int_eq(got[i].label, want[i].label);
            }
        }
        rn_threads *threads = work.threads;
        rn_candidates_free(&work);
        rn_threads_free(threads);
    }
}

START_TEST(large_levels_with_any_number_of_threads) {
    rn_random random = rn_random_seed(6, 0, 0);
    rn_postprocess options = {.score_threshold = 0,
                              .topk_candidates = BEST,
                              .nms_iou = 0.5,
                              .max_detections = LARGE_MOST};
    real *logits[2], *anchors[2], *deltas;
    ck_assert_int_eq(rn_alloc(&deltas, LARGE, 4 * sizeof *deltas), RN_OK);
    rn_level_output levels[2];
    for (int l = 0; l < 2; l++) {
        ck_assert_int_eq(rn_alloc(&logits[l], LARGE, LARGE_CLASSES * sizeof **logits), RN_OK);
        ck_assert_int_eq(rn_alloc(&anchors[l], LARGE, 4 * sizeof **anchors), RN_OK);
        fill_large(logits[l], anchors[l], &random, l == 1);
        levels[l] = (rn_level_output){logits[l], deltas, anchors[l], LARGE};
    }
    check_large(levels, options);
    options.nms = RN_NMS_AGNOSTIC;
    options.nms_iou = (double)0.3f; /* a float, and the number above it */
    check_large(levels, options);
    options.nms = RN_NMS_MOVED; /* too many to be moved */
    options.nms_iou = 0.3;
    options.score_threshold = (real)0.5;
    check_large(levels, options);
    for (int l = 0; l < 2; l++) {
        free(logits[l]);
        free(anchors[l]);
    }
    free(deltas);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("postprocess");
    TCase *tests = tcase_create("postprocess");
    tcase_add_test(tests, scores_over_the_threshold);
    tcase_add_test(tests, scores_are_sigmoids);
    tcase_add_test(tests, pairs_of_anchor_and_class);
    tcase_add_test(tests, nothing_to_find);
    tcase_add_test(tests, nan_logits_are_no_candidates);
    tcase_add_test(tests, deltas_that_give_no_box);
    tcase_add_test(tests, topk_counts_in_each_level);
    tcase_add_test(tests, topk_cuts_a_tie);
    tcase_add_test(tests, topk_comes_first);
    tcase_add_test(tests, ties_go_by_level_anchor_class);
    tcase_add_test(tests, numbers_that_are_none_among_many);
    tcase_add_test(tests, logits_order_where_scores_are_one);
    tcase_add_test(tests, max_detections_keeps_the_best);
    tcase_add_test(tests, suppression_is_over_the_threshold);
    tcase_add_test(tests, suppression_by_class_or_over_all);
    tcase_add_test(tests, boxes_moved_by_class);
    tcase_add_test(tests, suppressed_boxes_suppress_nothing);
    tcase_add_test(tests, boxes_are_cut_to_the_picture);
    tcase_add_test(tests, empty_boxes_are_kept_on_request);
    tcase_add_test(tests, clipping_comes_before_suppression);
    tcase_add_test(tests, boxes_are_decoded);
    tcase_add_test(tests, random_crowds);
    tcase_add_test(tests, candidates_and_memory);
    tcase_add_test(tests, large_levels_with_any_number_of_threads);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
