/* loss.h: losses on plain arrays; value and gradient in one pass. */
#ifndef RN_DETECTION_LOSS_H
#define RN_DETECTION_LOSS_H

#include "base/isa.h"
#include "base/real.h"
#include "base/status.h"

/* FL(x) = -alpha_t (1 - p_t)^gamma log p_t with p_t = sigmoid(y x), y = +1 for foreground and -1
 * for background ([1], eq. 5). */
typedef struct rn_focal {
    real gamma; /* >= 0; 0 gives (alpha-)cross entropy */
    real alpha; /* weight of the FOREGROUND, background has 1 - alpha; negative: no weighting */
} rn_focal;

/* One logit: the loss; *dx its derivative. Finite for |x| <= 1e4. */
real rn_focal_loss(real *dx, real x, bool foreground, const rn_focal *focal);

/* The sum over logits [n_anchors, n_classes] with target match[i]: label of the matched object via
 * labels[match[i]], background, or ignored (contributes 0). dlogits gets scale * derivative
 * (written, not added). Returns the *unscaled* sum, in double. */
double rn_focal_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_focal *focal);

/* Its part for logits [n] of the background alone, in one call. */
typedef double rn_background_fn(real *dx, const real *x, size_t n, real scale,
                                const rn_focal *focal);
/* The loops for an instruction set that this processor has; all give the same bits. */
rn_background_fn *rn_focal_background(rn_isa isa);

/* Smooth L1: 0.5 d^2/beta for |d| < beta, else |d| - 0.5 beta; beta 0 is L1 (Girshick,
 * arXiv:1504.08083, eq. 3). */
real rn_smooth_l1(real *dx, real x, real target, real beta);

/* The sum over the positive anchors' four deltas; ddeltas [n_anchors, 4] gets scale * derivative, 0
 * elsewhere. Unscaled sum. */
double rn_smooth_l1_sum(real *ddeltas, const real *deltas, const real *anchors, const int *match,
                        const real *boxes, size_t n_anchors, real scale, real beta);

/* 1 - GIoU of a box and its target, in 0..2 (Rezatofighi et al., arXiv:1902.09630, algorithm 1).
 * dbox [4] gets the derivatives by the box's corners. Where an edge lies on the target's, max and
 * min have half of their derivative, as in PyTorch: 0 in all where box and target are equal. Boxes
 * without area are no error: 1e-7 is added to what it divides by, as in torchvision. */
real rn_giou_loss(real dbox[4], const real box[4], const real target[4]);

/* The sum over the positive anchors' decoded boxes; ddeltas [n_anchors, 4] gets scale * derivative,
 * 0 elsewhere and where the box coder clamps dw or dh. Unscaled sum. */
double rn_giou_loss_sum(real *ddeltas, const real *deltas, const real *anchors, const int *match,
                        const real *boxes, size_t n_anchors, real scale);

#endif
