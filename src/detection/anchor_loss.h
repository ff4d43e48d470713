/* anchor_loss.h: losses of an anchor's logits together. logits and dlogits [n_anchors, n_classes +
 * 1] as scoring.h has them; match, labels, scale and the sum that is returned as in
 * rn_logit_loss_sum; class_alpha is not looked at. */
#ifndef RN_DETECTION_ANCHOR_LOSS_H
#define RN_DETECTION_ANCHOR_LOSS_H

#include "detection/loss.h"

/* One of the losses of a logit on softmax(x)_t, the probability of the target t, which is the
 * object's class or the background: focal loss with several classes,
 * FL = -alpha_t (1 - p_t)^gamma log p_t.
 *
 * With z = x_t - log(sum of e^x_j over j != t) p_t is sigmoid(z), so it is the loss of that logit:
 *
 *   L = loss(z),  dL/dx_t = loss'(z),  dL/dx_j = -loss'(z) e^x_j / (sum of e^x_i over i != t) */
double rn_softmax_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                           size_t n_anchors, int n_classes, real scale, const rn_logit_loss *loss);

/* In YOLOv3's manner (arXiv:1804.02767, section 2): `loss` on objectness o of all anchors, cross
 * entropy of each class on the positive ones alone,
 *
 *   L = sum over anchors of loss(o) + sum over positives and classes of CE(x_k)
 *
 * The class logits of the background have no gradient. */
double rn_objectness_loss_sum(real *dlogits, const real *logits, const int *match,
                              const int *labels, size_t n_anchors, int n_classes, real scale,
                              const rn_logit_loss *loss);

#endif
