/* dominance.h: which side of the matcher the gradient comes from. */
#ifndef RN_DETECTION_DOMINANCE_H
#define RN_DETECTION_DOMINANCE_H

#include "base/real.h"
#include "base/status.h"

/* Anchors of a side: those that the matcher gives to no object, and those that it gives to one. */
typedef enum rn_side { RN_SIDE_BACKGROUND, RN_SIDE_FOREGROUND, RN_SIDES } rn_side;

/* Add to sum[side] |dlogits| over all logits of that side's anchors. dlogits [n_anchors, n_logits],
 * match [n_anchors] (matcher.h); ignored anchors count nowhere. */
void rn_gradient_by_side(double sum[RN_SIDES], const real *dlogits, const int *match,
                         size_t n_anchors, int n_logits);

#endif
