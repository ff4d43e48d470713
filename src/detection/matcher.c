#include "detection/matcher.h"

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

/* Best box of each anchor and best IoU of each box. A later box must be better, so ties go to the
 * lower index. */
static void find_best(int *match, real *best_iou, real *box_best, const real *anchors,
                      size_t n_anchors, const real *boxes, const bool *ignore, size_t n_boxes) {
    for (size_t i = 0; i < n_anchors; i++) {
        match[i] = RN_MATCH_BACKGROUND;
        best_iou[i] = 0;
    }
    for (size_t b = 0; b < n_boxes; b++) {
        const real *box = boxes + 4 * b;
        real best = 0;
        box_best[b] = 0;
        if (ignore && ignore[b]) continue;
        for (size_t i = 0; i < n_anchors; i++) {
            const real iou = rn_iou(anchors + 4 * i, box);
            best = max_real(best, iou);
            if (iou > best_iou[i]) {
                best_iou[i] = iou;
                match[i] = (int)b;
            }
        }
        box_best[b] = best;
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
    for (size_t b = 0; ignore && b < n_boxes; b++) {
        const real common = ignore[b] ? intersection(anchor, boxes + 4 * b) : 0;
        if (common > 0 && 2 * common >= area(anchor)) return true;
    }
    return false;
}

size_t rn_match(int *match, real *best_iou, real *box_best, const real *anchors, size_t n_anchors,
                const real *boxes, const bool *ignore, size_t n_boxes, const rn_matcher *matcher) {
    size_t positives = 0;
    real least_best = 1; /* an anchor below every box's best cannot be a best one */
    find_best(match, best_iou, box_best, anchors, n_anchors, boxes, ignore, n_boxes);
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
        if (match[i] == RN_MATCH_BACKGROUND &&
            in_ignore_region(anchors + 4 * i, boxes, ignore, n_boxes))
            match[i] = RN_MATCH_IGNORE;
    }
    return positives;
}
