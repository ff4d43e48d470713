#include "detection/anchor_loss.h"
#include "detection/matcher.h"
#include "detection/scoring.h"

#include <string.h>

/* The loss of one anchor with target t of n logits; t is foreground but for the last. */
static real softmax_loss(real *dx, const real *x, int n, int t, const rn_logit_loss *loss) {
    const bool foreground = t < n - 1;
    const real others = rn_log_sum_exp(x, n, t), z = x[t] - others;
    real dz;
    const real value = rn_logit_loss_value(&dz, foreground ? z : -z, foreground, loss);
    if (!foreground) dz = -dz; /* that was by -z */
    for (int j = 0; j < n; j++) dx[j] = j == t ? dz : -dz * exp(x[j] - others);
    return value;
}

double rn_softmax_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                           size_t n_anchors, int n_classes, real scale, const rn_logit_loss *loss) {
    const int n = n_classes + 1;
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++, logits += n, dlogits += n) {
        if (match[i] == RN_MATCH_IGNORE) {
            memset(dlogits, 0, (size_t)n * sizeof *dlogits);
            continue;
        }
        const int target = match[i] >= 0 ? labels[match[i]] : n_classes;
        sum += (double)softmax_loss(dlogits, logits, n, target, loss);
        for (int j = 0; j < n; j++) dlogits[j] *= scale;
    }
    return sum;
}

double rn_objectness_loss_sum(real *dlogits, const real *logits, const int *match,
                              const int *labels, size_t n_anchors, int n_classes, real scale,
                              const rn_logit_loss *loss) {
    const rn_focal entropy = {.gamma = 0, .alpha = -1};
    const int n = n_classes + 1;
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++, logits += n, dlogits += n) {
        const bool positive = match[i] >= 0;
        memset(dlogits, 0, (size_t)n * sizeof *dlogits);
        if (match[i] == RN_MATCH_IGNORE) continue;
        sum += (double)rn_logit_loss_value(&dlogits[n_classes], logits[n_classes], positive, loss);
        for (int k = 0; k < n_classes && positive; k++)
            sum += (double)rn_focal_loss(&dlogits[k], logits[k], k == labels[match[i]], &entropy);
        for (int j = 0; j < n; j++) dlogits[j] *= scale;
    }
    return sum;
}
