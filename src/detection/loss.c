#include "detection/loss.h"
#include "detection/box_coder.h"
#include "detection/matcher.h"

/* With z = y x: p_t = 1/(1 + e^-z), log p_t = -softplus(-z), log(1 - p_t) = -softplus(z), and one
 * exponential e = exp(-|z|) gives them all without overflow or cancellation.
 *
 *   FL = alpha_t (1 - p_t)^gamma (-log p_t)
 *   dFL/dx = y alpha_t (1 - p_t)^gamma (gamma p_t log p_t + p_t - 1) */
real rn_focal_loss(real *dx, real x, bool foreground, const rn_focal *focal) {
    const real z = foreground ? x : -x, e = exp(-fabs(z));
    const real log_sum = log1p(e); /* softplus(-|z|) */
    const real small = e / (1 + e), large = 1 / (1 + e);
    const real p = z >= 0 ? large : small, q = z >= 0 ? small : large; /* p_t and 1 - p_t */
    const real log_p = z >= 0 ? -log_sum : z - log_sum;
    const real gamma = focal->gamma;
    const real power = gamma == 0 ? 1 : gamma == 2 ? q * q : gamma == 1 ? q : pow(q, gamma);
    const real alpha = focal->alpha < 0 ? 1 : foreground ? focal->alpha : 1 - focal->alpha;
    const real weight = alpha * power;
    /* p - 1 = -q: written so, since 1 - q loses the digits of a small q */
    const real slope = weight * (gamma * p * log_p - q);
    *dx = foreground ? slope : -slope;
    return -weight * log_p;
}

double rn_focal_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_focal *focal) {
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++) {
        const real *x = logits + i * (size_t)n_classes;
        real *dx = dlogits + i * (size_t)n_classes;
        const int label = match[i] >= 0 ? labels[match[i]] : -1;
        double anchor_sum = 0;
        for (int k = 0; k < n_classes; k++) {
            if (match[i] == RN_MATCH_IGNORE) {
                dx[k] = 0;
                continue;
            }
            anchor_sum += (double)rn_focal_loss(&dx[k], x[k], k == label, focal);
            dx[k] *= scale;
        }
        sum += anchor_sum;
    }
    return sum;
}

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
