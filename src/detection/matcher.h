/* matcher.h: which anchor answers for which object ([1] section 4, Anchors). */
#ifndef RN_DETECTION_MATCHER_H
#define RN_DETECTION_MATCHER_H

#include "base/real.h"
#include "base/status.h"

enum { RN_MATCH_BACKGROUND = -1, RN_MATCH_IGNORE = -2 };

typedef struct rn_matcher {
    real foreground;  /* IoU >= this is positive; 0.5 */
    real background;  /* IoU < this is background, between is ignored; 0.4 */
    bool low_quality; /* also the best anchors of each box, whatever their IoU > 0 (ties: all of
                         them). Such an anchor keeps the box that is best for *it*, as torchvision
                         does */
} rn_matcher;

/* match [n_anchors] = index of the box (0..n_boxes-1), RN_MATCH_BACKGROUND or RN_MATCH_IGNORE.
 * anchors, boxes [n, 4] as x1, y1, x2, y2. ignore [n_boxes] or NULL: an ignore region is never
 * positive; a background anchor whose intersection with one covers half of the anchor or more is
 * ignored. best_iou [n_anchors] receives the best IoU with a box that is not an ignore region (0 if
 * none); box_best [n_boxes] scratch. Ties go to the lower box index. Returns the number of positive
 * anchors. */
size_t rn_match(int *match, real *best_iou, real *box_best, const real *anchors, size_t n_anchors,
                const real *boxes, const bool *ignore, size_t n_boxes, const rn_matcher *matcher);

/* IoU of two boxes (x1, y1, x2, y2); 0 when the union is empty. */
real rn_iou(const real a[4], const real b[4]);

#endif
