/* loss_spread.h: how focal loss, for several gammas, spreads over the anchors of a set, and how
 * long the gradients of its logits are. */
#ifndef RN_EVAL_LOSS_SPREAD_H
#define RN_EVAL_LOSS_SPREAD_H

#include "base/real.h"
#include "base/status.h"
#include "detection/dominance.h"
#include "detection/scoring.h"

#include <retinanet_lab.h>

/* Losses are told apart by the upper 16 bits of a float: its exponent and 7 bits behind the point,
 * stretches of 2^-7 of the value at most. */
enum { RN_SPREAD_BINS = 1 << 15 };

typedef struct rn_spread_bin {
    uint64_t n;
    double sum; /* of the losses themselves */
} rn_spread_bin;

typedef struct rn_loss_spread {
    rn_spread_bin *bins;                      /* [RN_LAB_GAMMAS, RN_SIDES, RN_SPREAD_BINS] */
    size_t norms[RN_SIDES][RN_LAB_NORM_BINS]; /* of logits, by target 0 and 1 */
    bool finite;                              /* all losses so far */
} rn_loss_spread;

RN_MUST_USE rn_status rn_loss_spread_create(rn_loss_spread *out);
void rn_loss_spread_free(rn_loss_spread *spread); /* and zero it */

/* Add anchors: logits [n_anchors, rn_scoring_logits], match and labels as in rn_logit_loss_sum.
 *
 * A logit x with target y = +1 or -1 has cross entropy CE = -log sigmoid(y x) and the length of
 * gradient g = |dCE / dx| = 1 - p_t, so its focal loss is g^gamma CE for every gamma. Softmax: x is
 * the log odds of the target's probability, objectness: the last logit. */
void rn_loss_spread_add(rn_loss_spread *spread, const real *logits, const int *match,
                        const int *labels, size_t n_anchors, int n_classes, rn_scoring scoring);

/* The curves of all that was added. Within a bin anchors count as equal: the distributions are
 * exact at the bins' ends and off by less than 1/500 of a bin's own share between. */
void rn_loss_spread_curve(rn_lab_curve *out, const rn_loss_spread *spread, int gamma);

#endif
