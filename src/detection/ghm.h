/* ghm.h: the gradient harmonising mechanism, GHM-C: cross entropy in which each length of gradient
 * weighs the same, however many logits have it (Li et al., arXiv:1811.05181, sections 3.2 and 3.3).
 *
 * The length of a logit's gradient is g = |sigmoid(x) - y|, y the target 0 or 1. 0..1 is cut into
 * bins of one width; with R(g) the logits of the batch in the bin of g and M the bins that are not
 * empty,
 *
 *   L = sum over logits of CE / (M R(g)),   dL/dx = (sigmoid(x) - y) / (M R(g)):
 *
 * the mean over bins of the mean cross entropy in each. The weights are taken as constants. Neither
 * easy examples, by their number, nor outliers, by their size, dominate. With a momentum m a bin's
 * R is m R' + (1 - m) R, R' being what it was when the bin was last not empty. */
#ifndef RN_DETECTION_GHM_H
#define RN_DETECTION_GHM_H

#include "base/real.h"
#include "base/status.h"

/* Add to count [bins] how many logits [n_anchors, n_classes] fall into each bin; targets as in
 * rn_logit_loss_sum, ignored anchors count nowhere. */
void rn_ghm_count(size_t *count, int bins, const real *logits, const int *match, const int *labels,
                  size_t n_anchors, int n_classes);

/* weight [bins] = 1 / (M R), 0 for an empty bin. running [bins] is R from batch to batch, zeros
 * before the first. */
void rn_ghm_weigh(real *weight, double *running, const size_t *count, int bins, double momentum);

/* The weighed sum, as rn_logit_loss_sum. */
double rn_ghm_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                       size_t n_anchors, int n_classes, const real *weight, int bins);

#endif
