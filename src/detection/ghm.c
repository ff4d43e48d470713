#include "detection/ghm.h"
#include "detection/loss.h"
#include "detection/matcher.h"

#include <string.h>

static const rn_focal entropy = {.gamma = 0, .alpha = -1};

/* Its slope is -+(1 - p_t), and 1 - p_t is g. NaN comes into the first bin: it stays visible. */
static int bin_of(real slope, int bins) {
    const real g = fabs(slope);
    const int bin = g > 0 ? (int)(g * (real)bins) : 0;
    return bin < bins ? bin : bins - 1;
}

/* Cross entropy of up to RN_LOSS_RUN background logits. */
static void entropy_of(real *dx, real *value, const real *x, size_t n, rn_isa isa) {
    real whole[RN_LOSS_RUN] = {0};
    if (n < RN_LOSS_RUN) x = memcpy(whole, x, n * sizeof *x);
    rn_entropy_background(dx, value, x, isa);
}

/* The end of the anchors from `first` on that are background as `first` is; `first` if it is not.
 */
static size_t background_end(const int *match, size_t first, size_t n_anchors) {
    while (first < n_anchors && match[first] == RN_MATCH_BACKGROUND) first++;
    return first;
}

static void count_background(size_t *count, int bins, const real *x, size_t n) {
    const rn_isa isa = rn_isa_best();
    for (size_t at = 0; at < n; at += RN_LOSS_RUN) {
        real dx[RN_LOSS_RUN], value[RN_LOSS_RUN];
        const size_t left = n - at < RN_LOSS_RUN ? n - at : RN_LOSS_RUN;
        entropy_of(dx, value, x + at, left, isa);
        for (size_t i = 0; i < left; i++) count[bin_of(dx[i], bins)]++;
    }
}

void rn_ghm_count(size_t *count, int bins, const real *logits, const int *match, const int *labels,
                  size_t n_anchors, int n_classes) {
    const size_t k = (size_t)n_classes;
    for (size_t i = 0, end; i < n_anchors; i = end + 1) {
        end = background_end(match, i, n_anchors);
        count_background(count, bins, logits + i * k, (end - i) * k);
        if (end == n_anchors || match[end] == RN_MATCH_IGNORE) continue;
        for (size_t c = 0; c < k; c++) {
            real slope;
            rn_focal_loss(&slope, logits[end * k + c], (int)c == labels[match[end]], &entropy);
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

static double sum_background(real *dx, const real *x, size_t n, const real *weight, int bins) {
    const rn_isa isa = rn_isa_best();
    double sum = 0;
    for (size_t at = 0; at < n; at += RN_LOSS_RUN) {
        real slope[RN_LOSS_RUN], value[RN_LOSS_RUN];
        const size_t left = n - at < RN_LOSS_RUN ? n - at : RN_LOSS_RUN;
        entropy_of(slope, value, x + at, left, isa);
        for (size_t i = 0; i < left; i++) {
            const real w = weight[bin_of(slope[i], bins)];
            sum += (double)(w * value[i]);
            dx[at + i] = w * slope[i];
        }
    }
    return sum;
}

double rn_ghm_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                       size_t n_anchors, int n_classes, const real *weight, int bins) {
    const size_t k = (size_t)n_classes;
    double sum = 0;
    for (size_t i = 0, end; i < n_anchors; i = end + 1) {
        end = background_end(match, i, n_anchors);
        sum += sum_background(dlogits + i * k, logits + i * k, (end - i) * k, weight, bins);
        if (end == n_anchors) break;
        for (size_t at = end * k; at < (end + 1) * k; at++) {
            dlogits[at] = 0;
            if (match[end] == RN_MATCH_IGNORE) continue;
            const bool foreground = (int)(at - end * k) == labels[match[end]];
            const real value = rn_focal_loss(&dlogits[at], logits[at], foreground, &entropy);
            const real w = weight[bin_of(dlogits[at], bins)];
            sum += (double)(w * value);
            dlogits[at] *= w;
        }
    }
    return sum;
}
