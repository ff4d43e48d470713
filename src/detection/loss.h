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

/* What a logit's loss is a curve of: z = y x, p_t = sigmoid(z), alpha_t the weight of its side.
 *
 * RN_SHAPE_FOCAL: FL. With gamma 0 it is cross entropy, with alpha besides the paper's
 * alpha-balanced cross entropy ([1], eq. 3).
 *
 * RN_SHAPE_STAR: FL* = -alpha_t log(p_t*) / gamma, p_t* = sigmoid(gamma z + beta) ([1], appendix
 * A).
 *
 * RN_SHAPE_POLY: FL + alpha_t epsilon (1 - p_t)^(gamma + 1). FL is a series in powers of 1 - p_t,
 * sum over j of (1 - p_t)^(gamma + j) / j; epsilon is added to its first coefficient (Leng et al.,
 * PolyLoss, arXiv:2204.12511, section 5). It falls in z for all epsilon >= -1.
 *
 * RN_SHAPE_SLOPE: a focal loss that does not go flat,
 *
 *   SF = alpha_t ((1 - floor_t) (1 - p_t)^gamma + floor_t) (-log p_t)
 *
 * Beyond p_t = .75 the slope of FL dies off: beside cross entropy's, which is 1 - p_t, it is
 * r(p_t) = (1 - p_t)^gamma (1 - gamma p_t log(p_t) / (1 - p_t)), about (1 + gamma) (1 - p_t)^gamma:
 * .17 at .75 and .003 at .97 (gamma 2). SF is the mixture whose slope keeps a share of cross
 * entropy's,
 *
 *   |dSF/dz| = alpha_t ((1 - floor_t) r(p_t) + floor_t) (1 - p_t) >= alpha_t floor_t (1 - p_t).
 *
 * It is FL at floors 0 and cross entropy at floors 1, has derivatives of every order, falls in z
 * everywhere, and is convex where FL is and beyond: FL bends the other way at very hard examples
 * (p_t below .06 at gamma 2, where its slope falls from 1.13 to 1), SF ever less as the floor
 * rises.
 *
 * The flatness that hurts is the foreground's: a positive of p_t .8 is left there. That of the
 * background is what focal loss is for: n anchors of score s pull with n floor s together, however
 * small s is, where FL has n (1 + gamma) s^(gamma + 1). So the sides have floors of their own. The
 * foreground's: r(.75), so that the share which FL has where it begins to go flat is kept from
 * there on. The background's is the foreground's times the expected positives to negatives, pi / (1
 * - pi): then at one and the same distance 1 - p_t from their targets the floors of all negatives
 * together weigh what those of all positives do, and the imbalance does not come back. */
typedef enum rn_loss_shape {
    RN_SHAPE_FOCAL,
    RN_SHAPE_STAR,
    RN_SHAPE_POLY,
    RN_SHAPE_SLOPE
} rn_loss_shape;

typedef struct rn_logit_loss {
    rn_loss_shape shape;
    rn_focal focal;          /* gamma and alpha of every shape; star: gamma > 0 */
    real beta;               /* star */
    real epsilon;            /* poly; >= -1 */
    real floor[2];           /* slope: of background, of foreground; 0..1 */
    const real *class_alpha; /* [n_classes] in place of focal.alpha; NULL: one for all. The
                                caller's */
} rn_logit_loss;

/* One logit: the loss, *dx its derivative. Looks at focal.alpha alone. Finite for |x| <= 1e4. */
real rn_logit_loss_value(real *dx, real x, bool foreground, const rn_logit_loss *loss);

/* The sum over logits [n_anchors, n_classes] with target match[i]: label of the matched object via
 * labels[match[i]], background, or ignored (contributes 0). dlogits gets scale * derivative
 * (written, not added). Returns the *unscaled* sum, in double. */
double rn_logit_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_logit_loss *loss);
double rn_focal_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_focal *focal);

/* Its part for logits [n] of the background alone, in one call, by the loops for an instruction set
 * that this processor has; all give the same bits. class_alpha is not looked at. */
double rn_logit_loss_background(real *dx, const real *x, size_t n, real scale,
                                const rn_logit_loss *loss, rn_isa isa);
/* Cross entropy of RN_LOSS_RUN background logits, one by one: value, dx and x [RN_LOSS_RUN]. */
enum { RN_LOSS_RUN = 64 };
void rn_entropy_background(real *dx, real *value, const real *x, rn_isa isa);
typedef double rn_background_fn(real *dx, const real *x, size_t n, real scale,
                                const rn_focal *focal);
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
