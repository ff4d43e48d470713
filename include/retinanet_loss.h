/* retinanet_loss.h: the classification losses of training on plain arrays, for other uses than
 * detection: segmentation, ranking, any classifier that ends in sigmoids. Value and gradient of a
 * batch in one call:
 *
 *     rn_loss loss;
 *     double sum;
 *     if (rn_loss_named(&loss, "focal") ||
 *         rn_loss_sum(&sum, dlogits, logits, targets, NULL, n, classes, &loss))
 *         puts(rn_error_text());
 *
 * examples/segment.c trains with it. */
#ifndef RETINANET_LOSS_H
#define RETINANET_LOSS_H

#include <retinanet.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A loss of a logit x with target y, +1 or -1. With p_t = sigmoid(y x), and alpha_t = alpha where y
 * is +1, 1 - alpha where it is -1:
 *
 *   ce            -log p_t
 *   alpha-ce      -alpha_t log p_t
 *   focal         -alpha_t (1 - p_t)^gamma log p_t                         (Lin et al.,
 * section 3.2) focal-star    -alpha_t log(sigmoid(gamma y x + star_beta)) / gamma     (its appendix
 * A) poly-focal    focal + alpha_t poly_epsilon (1 - p_t)^(gamma + 1)       (arXiv:2204.12511)
 *   slope-focal   (1 - floor_t) focal + floor_t alpha-ce, floor_t = slope_floor where y is +1,
 *                 slope_floor_background where it is -1: its slope is nowhere less than that share
 *                 of cross entropy's, where that of `focal` dies off beyond p_t = .75 */
typedef struct rn_loss {
    const char *name;             /* one of the above */
    float gamma;                  /* >= 0; focal-star: > 0; ce and alpha-ce do not look at it */
    float alpha;                  /* in (0, 1), or -1: alpha_t is 1; ce does not look at it */
    float star_beta;              /* finite */
    float poly_epsilon;           /* >= -1 */
    float slope_floor;            /* 0..1 */
    float slope_floor_background; /* 0..1 */
} rn_loss;

/* The loss of that name with the parameters that training has where nobody says otherwise; it keeps
 * a name of the library's own. RN_EINVAL for an unknown name, with all that there are. */
RN_MUST_USE rn_status rn_loss_named(rn_loss *out, const char *name);

/* The sum over all logits, unscaled, and its derivatives.
 *
 *   dlogits   [n, classes] written: d sum / d logits, finite where |logits| <= 1e4
 *   logits    [n, classes]
 *   targets   [n] class of a row, 0 .. classes - 1: y is +1 there and -1 in the row's other
 *             columns; -1 for none of them. Where a row may have several, call with one class and n
 *             times classes rows
 *   mask      [n] rows of 0 count nothing and get derivatives of 0; NULL: all rows count
 *
 * Allocates nothing; the same bits on every processor of a kind, whatever its instructions.
 * RN_EINVAL for a parameter or target out of range: then *sum is 0 and dlogits as it was. */
RN_MUST_USE rn_status rn_loss_sum(double *sum, float *dlogits, const float *logits,
                                  const int *targets, const uint8_t *mask, size_t n, int classes,
                                  const rn_loss *loss);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
