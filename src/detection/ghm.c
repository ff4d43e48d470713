#include "detection/ghm.h"
#include "detection/loss.h"
#include "detection/matcher.h"

static const rn_focal entropy = {.gamma = 0, .alpha = -1};

/* Its slope is -+(1 - p_t), and 1 - p_t is g. NaN comes into the first bin: it stays visible. */
static int bin_of(real slope, int bins) {
    const real g = fabs(slope);
    const int bin = g > 0 ? (int)(g * (real)bins) : 0;
    return bin < bins ? bin : bins - 1;
}

void rn_ghm_count(size_t *count, int bins, const real *logits, const int *match, const int *labels,
                  size_t n_anchors, int n_classes) {
    for (size_t i = 0; i < n_anchors; i++, logits += n_classes) {
        if (match[i] == RN_MATCH_IGNORE) continue;
        const int label = match[i] >= 0 ? labels[match[i]] : -1;
        for (int k = 0; k < n_classes; k++) {
            real slope;
            rn_focal_loss(&slope, logits[k], k == label, &entropy);
            count[bin_of(slope, bins)]++;
        }
    }
}

void rn_ghm_weigh(real *weight, double *running, const size_t *count, int bins, double momentum) {
    int filled = 0;
    for (int b = 0; b < bins; b++) filled += count[b] > 0;
    for (int b = 0; b < bins; b++) {
        weight[b] = 0;
        if (count[b] == 0) continue;
        running[b] = running[b] > 0 ? momentum * running[b] + (1 - momentum) * (double)count[b]
                                    : (double)count[b];
        weight[b] = (real)(1 / (filled * running[b]));
    }
}

double rn_ghm_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                       size_t n_anchors, int n_classes, const real *weight, int bins) {
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++, logits += n_classes, dlogits += n_classes) {
        const int label = match[i] >= 0 ? labels[match[i]] : -1;
        for (int k = 0; k < n_classes; k++) {
            dlogits[k] = 0;
            if (match[i] == RN_MATCH_IGNORE) continue;
            const real value = rn_focal_loss(&dlogits[k], logits[k], k == label, &entropy);
            const real w = weight[bin_of(dlogits[k], bins)];
            sum += (double)(w * value);
            dlogits[k] *= w;
        }
    }
    return sum;
}
