#include "detection/box_coder.h"
#include "detection/loss.h"
#include "detection/matcher.h"

real rn_smooth_l1(real *dx, real x, real target, real beta) {
    const real d = x - target, distance = fabs(d);
    if (distance < beta) {
        *dx = d / beta;
        return d * d / (2 * beta);
    }
    *dx = (real)((d > 0) - (d < 0));
    return distance - beta / 2;
}

double rn_smooth_l1_sum(real *ddeltas, const real *deltas, const real *anchors, const int *match,
                        const real *boxes, size_t n_anchors, real scale, real beta) {
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++) {
        real *dd = ddeltas + 4 * i, target[4];
        if (match[i] < 0) {
            for (int k = 0; k < 4; k++) dd[k] = 0;
            continue;
        }
        rn_box_encode(target, boxes + 4 * match[i], anchors + 4 * i);
        for (int k = 0; k < 4; k++) {
            sum += (double)rn_smooth_l1(&dd[k], deltas[4 * i + (size_t)k], target[k], beta);
            dd[k] *= scale;
        }
    }
    return sum;
}

/* One axis of a box and its target: what they share (negative: a gap) and what encloses both, with
 * the derivatives by the box's two edges. */
typedef struct extent {
    real common, hull;
    real dcommon[2], dhull[2];
} extent;

static extent extent_of(real low, real high, real target_low, real target_high) {
    const bool low_inside = low > target_low, high_inside = high < target_high;
    /* how much of the inner edge is the box's; it has the rest of the outer one */
    const real first = low == target_low ? (real)0.5 : low_inside;
    const real last = high == target_high ? (real)0.5 : high_inside;
    return (extent){
        .common = (high_inside ? high : target_high) - (low_inside ? low : target_low),
        .hull = (high_inside ? target_high : high) - (low_inside ? target_low : low),
        .dcommon = {-first, last},
        .dhull = {first - 1, 1 - last},
    };
}

/* With I the common area, U = A + A' - I that of both and C that of the smallest box around both:
 *
 *   L = 1 - I/U + (C - U)/C
 *   dL = -dI/U + (I/U^2 - 1/C) dU + U/C^2 dC,  dU = dA - dI */
real rn_giou_loss(real dbox[4], const real box[4], const real target[4]) {
    const real epsilon = (real)1e-7;
    const extent e[2] = {extent_of(box[0], box[2], target[0], target[2]),
                         extent_of(box[1], box[3], target[1], target[3])};
    const real side[2] = {box[2] - box[0], box[3] - box[1]};
    const bool overlap = e[0].common > 0 && e[1].common > 0;
    const real common = overlap ? e[0].common * e[1].common : 0;
    const real both =
        side[0] * side[1] + (target[2] - target[0]) * (target[3] - target[1]) - common;
    const real hull = e[0].hull * e[1].hull, u = both + epsilon, c = hull + epsilon;
    const real by_both = common / (u * u) - 1 / c, by_hull = u / (c * c);
    for (int i = 0; i < 4; i++) { /* edge i / 2 of axis i % 2 */
        const extent *axis = &e[i % 2], *other = &e[1 - i % 2];
        const real dcommon = overlap ? axis->dcommon[i / 2] * other->common : 0;
        const real darea = i < 2 ? -side[1 - i % 2] : side[1 - i % 2];
        dbox[i] = -dcommon / u + by_both * (darea - dcommon) +
                  by_hull * (axis->dhull[i / 2] * other->hull);
    }
    return 1 - common / u + (hull - both) / c;
}

double rn_giou_loss_sum(real *ddeltas, const real *deltas, const real *anchors, const int *match,
                        const real *boxes, size_t n_anchors, real scale) {
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++) {
        real *dd = ddeltas + 4 * i, box[4], dbox[4];
        if (match[i] < 0) {
            for (int k = 0; k < 4; k++) dd[k] = 0;
            continue;
        }
        rn_box_decode(box, deltas + 4 * i, anchors + 4 * i);
        sum += (double)rn_giou_loss(dbox, box, boxes + 4 * match[i]);
        rn_box_decode_backward(dd, dbox, deltas + 4 * i, anchors + 4 * i);
        for (int k = 0; k < 4; k++) dd[k] *= scale;
    }
    return sum;
}
