/* scoring.h: how an anchor's logits are the scores of its classes. */
#ifndef RN_DETECTION_SCORING_H
#define RN_DETECTION_SCORING_H

#include "base/real.h"
#include "base/status.h"

/* The last two have a logit more, behind those of the classes. */
typedef enum rn_scoring {
    RN_SCORING_SIGMOID,   /* sigmoid(x_k): each class for itself ([1]) */
    RN_SCORING_SOFTMAX,   /* softmax(x)_k, the last logit being that of the background */
    RN_SCORING_OBJECTNESS /* sigmoid(o) sigmoid(x_k), the last logit o being that of there being any
                             object (Redmon and Farhadi, YOLOv3, arXiv:1804.02767, section 2.1) */
} rn_scoring;

/* Logits of an anchor. */
int rn_scoring_logits(rn_scoring scoring, int n_classes);

/* odds [n_anchors, n_classes] = log(s / (1 - s)) of each score s: what would be the logits if the
 * score were their sigmoid. logits [n_anchors, rn_scoring_logits]. softmax: x_k - log(sum of e^x_j
 * over all others); objectness: -log(e^-o + e^-x_k + e^-(o + x_k)). Those below `least`, as nearly
 * all are, may be -INFINITY, which saves their exponentials. */
void rn_scoring_log_odds(real *odds, const real *logits, size_t n_anchors, int n_classes,
                         rn_scoring scoring, real least);

/* log(sum of e^x_j over j in [0, n) but `without`), -INFINITY for none. */
real rn_log_sum_exp(const real *x, int n, int without);

#endif
