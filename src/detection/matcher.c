#include "detection/matcher.h"

#include <string.h>

static real max_real(real a, real b) {
    return a > b ? a : b;
}
static real min_real(real a, real b) {
    return a < b ? a : b;
}

static real intersection(const real a[4], const real b[4]) {
    const real w = min_real(a[2], b[2]) - max_real(a[0], b[0]),
               h = min_real(a[3], b[3]) - max_real(a[1], b[1]);
    return max_real(w, 0) * max_real(h, 0);
}

static real area(const real box[4]) {
    return max_real(box[2] - box[0], 0) * max_real(box[3] - box[1], 0);
}

real rn_iou(const real a[4], const real b[4]) {
    const real common = intersection(a, b), all = area(a) + area(b) - common;
    return all > 0 ? common / all : 0;
}

enum { BLOCK = 64 }; /* anchors: they lie beside each other, so most boxes touch none of them */

/* Anchors as columns, for loops that vectorise, and the box around all of them. */
typedef struct block {
    real x1[BLOCK], y1[BLOCK], x2[BLOCK], y2[BLOCK], area[BLOCK];
    real hull[4];
} block;

/* The last of fewer than BLOCK anchors is repeated. */
static void load_block(block *k, const real *anchors, size_t n) {
    for (int c = 0; c < 4; c++) k->hull[c] = anchors[c];
    for (size_t i = 0; i < BLOCK; i++) {
        const real *a = anchors + 4 * (i < n ? i : n - 1);
        k->x1[i] = a[0];
        k->y1[i] = a[1];
        k->x2[i] = a[2];
        k->y2[i] = a[3];
        k->area[i] = area(a);
        for (int c = 0; c < 2; c++) {
            k->hull[c] = min_real(k->hull[c], a[c]);
            k->hull[c + 2] = max_real(k->hull[c + 2], a[c + 2]);
        }
    }
}

static bool touches(const block *k, const real box[4]) {
    return k->hull[0] < box[2] && box[0] < k->hull[2] && k->hull[1] < box[3] && box[1] < k->hull[3];
}

/* rn_iou of box and each anchor. */
static void block_iou(real *restrict iou, const block *restrict k, const real box[4]) {
    const real x1 = box[0], y1 = box[1], x2 = box[2], y2 = box[3], box_area = area(box);
    for (int i = 0; i < BLOCK; i++) {
        const real w = min_real(k->x2[i], x2) - max_real(k->x1[i], x1);
        const real h = min_real(k->y2[i], y2) - max_real(k->y1[i], y1);
        const real common = max_real(w, 0) * max_real(h, 0);
        const real all = k->area[i] + box_area - common;
        const real ratio = common / (all > 0 ? all : 1);
        iou[i] = all > 0 ? ratio : 0;
    }
}

/* Best box of each anchor and best IoU of each box. A later box must be better, so ties go to the
 * lower index. */
static void find_best(int *match, real *best_iou, real *box_best, const real *anchors,
                      size_t n_anchors, const real *boxes, const bool *ignore, size_t n_boxes) {
    for (size_t b = 0; b < n_boxes; b++) box_best[b] = 0;
    for (size_t at = 0; at < n_anchors; at += BLOCK) {
        const size_t n = n_anchors - at < BLOCK ? n_anchors - at : BLOCK;
        block k;
        real iou[BLOCK], best[BLOCK] = {0};
        int which[BLOCK];
        load_block(&k, anchors + 4 * at, n);
        for (int i = 0; i < BLOCK; i++) which[i] = RN_MATCH_BACKGROUND;
        for (size_t b = 0; b < n_boxes; b++) {
            if ((ignore && ignore[b]) || !touches(&k, boxes + 4 * b)) continue;
            block_iou(iou, &k, boxes + 4 * b);
            for (int i = 0; i < BLOCK; i++) {
                which[i] = iou[i] > best[i] ? (int)b : which[i];
                best[i] = max_real(iou[i], best[i]);
            }
            real most[8] = {0};
            for (int i = 0; i < BLOCK; i += 8)
                for (int j = 0; j < 8; j++) most[j] = max_real(iou[i + j], most[j]);
            for (int j = 0; j < 8; j++) box_best[b] = max_real(box_best[b], most[j]);
        }
        memcpy(match + at, which, n * sizeof *match);
        memcpy(best_iou + at, best, n * sizeof *best_iou);
    }
}

/* Anchors that reach a box's best IoU are positive for the box that is best for *them*. A box that
 * nothing overlaps (best 0) gets none: else every anchor that it does not touch either would tie
 * for its best. */
static void keep_low_quality(bool *keep, const real *anchor, const real *boxes, const bool *ignore,
                             const real *box_best, size_t n_boxes) {
    *keep = false;
    for (size_t b = 0; b < n_boxes && !*keep; b++)
        *keep = box_best[b] > 0 && !(ignore && ignore[b]) &&
                rn_iou(anchor, boxes + 4 * b) == box_best[b];
}

static bool in_ignore_region(const real *anchor, const real *boxes, const bool *ignore,
                             size_t n_boxes) {
    for (size_t b = 0; b < n_boxes; b++) {
        const real common = ignore[b] ? intersection(anchor, boxes + 4 * b) : 0;
        if (common > 0 && 2 * common >= area(anchor)) return true;
    }
    return false;
}

size_t rn_match(int *match, real *best_iou, real *box_best, const real *anchors, size_t n_anchors,
                const real *boxes, const bool *ignore, size_t n_boxes, const rn_matcher *matcher) {
    size_t positives = 0;
    bool any_ignored = false;
    real least_best = 1; /* an anchor below every box's best cannot be a best one */
    find_best(match, best_iou, box_best, anchors, n_anchors, boxes, ignore, n_boxes);
    for (size_t b = 0; ignore && b < n_boxes; b++) any_ignored |= ignore[b];
    for (size_t b = 0; b < n_boxes; b++)
        if (box_best[b] > 0) least_best = min_real(least_best, box_best[b]);
    for (size_t i = 0; i < n_anchors; i++) {
        const real iou = best_iou[i];
        bool positive = match[i] >= 0 && iou >= matcher->foreground;
        if (!positive && matcher->low_quality && match[i] >= 0 && iou >= least_best)
            keep_low_quality(&positive, anchors + 4 * i, boxes, ignore, box_best, n_boxes);
        if (positive) {
            positives++;
            continue;
        }
        match[i] = iou < matcher->background ? RN_MATCH_BACKGROUND : RN_MATCH_IGNORE;
        if (any_ignored && match[i] == RN_MATCH_BACKGROUND &&
            in_ignore_region(anchors + 4 * i, boxes, ignore, n_boxes))
            match[i] = RN_MATCH_IGNORE;
    }
    return positives;
}
