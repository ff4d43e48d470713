#include "eval/loss_spread.h"
#include "base/memory.h"
#include "detection/loss.h"
#include "detection/matcher.h"

#include <stdlib.h>
#include <string.h>

static const double gammas[RN_LAB_GAMMAS] = {0, 0.5, 1, 2};

static const rn_focal cross_entropy = {.gamma = 0, .alpha = -1};

rn_status rn_loss_spread_create(rn_loss_spread *out) {
    *out = (rn_loss_spread){.finite = true};
    return rn_alloc(&out->bins, (size_t)RN_LAB_GAMMAS * RN_SIDES * RN_SPREAD_BINS,
                    sizeof *out->bins);
}

void rn_loss_spread_free(rn_loss_spread *spread) {
    free(spread->bins);
    *spread = (rn_loss_spread){0};
}

static rn_spread_bin *bins_of(const rn_loss_spread *spread, int gamma, int side) {
    return spread->bins + ((size_t)gamma * RN_SIDES + (size_t)side) * RN_SPREAD_BINS;
}

/* An anchor's loss at each gamma. */
typedef struct losses {
    double at[RN_LAB_GAMMAS];
} losses;

/* At `gammas`. */
static void add_logit(losses *sum, rn_loss_spread *spread, double entropy, double length,
                      bool foreground) {
    const double bin = length * RN_LAB_NORM_BINS;
    spread->norms[foreground][bin < RN_LAB_NORM_BINS ? (int)bin : RN_LAB_NORM_BINS - 1]++;
    sum->at[0] += entropy;
    sum->at[1] += sqrt(length) * entropy;
    sum->at[2] += length * entropy;
    sum->at[3] += length * length * entropy;
}

static void add_anchor(rn_loss_spread *spread, const losses *sum, bool foreground) {
    for (int g = 0; g < RN_LAB_GAMMAS; g++) {
        const float loss = (float)sum->at[g];
        uint32_t bits;
        memcpy(&bits, &loss, sizeof bits);
        rn_spread_bin *bin = bins_of(spread, g, foreground) + (bits >> 16);
        bin->n++;
        bin->sum += sum->at[g];
    }
}

/* One logit, its target 1 for `foreground`. False: not finite. */
static bool take_logit(losses *sum, rn_loss_spread *spread, real x, bool foreground) {
    real dx;
    const real entropy = rn_focal_loss(&dx, x, foreground, &cross_entropy);
    if (!isfinite(entropy)) return false;
    add_logit(sum, spread, (double)entropy, (double)fabs(dx), foreground);
    return true;
}

/* Sigmoid: the logits of a background anchor, in runs; so are those of a foreground anchor, but for
 * the one of its class. */
static bool take_classes(losses *sum, rn_loss_spread *spread, const real *logits, int n_classes,
                         int label) {
    real x[RN_LOSS_RUN] = {0}, dx[RN_LOSS_RUN], value[RN_LOSS_RUN];
    for (int at = 0; at < n_classes; at += RN_LOSS_RUN) {
        const int left = n_classes - at, n = left < RN_LOSS_RUN ? left : RN_LOSS_RUN;
        memcpy(x, logits + at, (size_t)n * sizeof *x);
        rn_entropy_background(dx, value, x, rn_isa_best());
        for (int k = 0; k < n; k++) {
            if (at + k == label) {
                if (!take_logit(sum, spread, x[k], true)) return false;
                continue;
            }
            if (!isfinite(value[k])) return false;
            add_logit(sum, spread, (double)value[k], (double)dx[k], false);
        }
    }
    return true;
}

static bool take_anchor(losses *sum, rn_loss_spread *spread, const real *logits, int n_classes,
                        int label, rn_scoring scoring) {
    const int target = label < 0 ? n_classes : label;
    switch (scoring) {
    case RN_SCORING_SIGMOID:
        break;
    case RN_SCORING_SOFTMAX: {
        const real odds = logits[target] - rn_log_sum_exp(logits, n_classes + 1, target);
        return take_logit(sum, spread, label < 0 ? -odds : odds, label >= 0);
    }
    case RN_SCORING_OBJECTNESS:
        return take_logit(sum, spread, logits[n_classes], label >= 0);
    }
    return take_classes(sum, spread, logits, n_classes, label);
}

void rn_loss_spread_add(rn_loss_spread *spread, const real *logits, const int *match,
                        const int *labels, size_t n_anchors, int n_classes, rn_scoring scoring) {
    const size_t n_logits = (size_t)rn_scoring_logits(scoring, n_classes);
    for (size_t i = 0; i < n_anchors; i++) {
        losses sum = {{0}};
        if (match[i] == RN_MATCH_IGNORE) continue;
        const int label = match[i] >= 0 ? labels[match[i]] : -1;
        if (take_anchor(&sum, spread, logits + i * n_logits, n_classes, label, scoring))
            add_anchor(spread, &sum, label >= 0);
        else
            spread->finite = false;
    }
}

/* Cumulative share of the loss over the share of anchors, from the least loss on. */
static double distribute(double curve[RN_LAB_POINTS], const rn_spread_bin *bins) {
    double n = 0, all = 0, below = 0, share = 0; /* anchors and loss in the bins so far */
    size_t point = 0;
    for (size_t b = 0; b < RN_SPREAD_BINS; b++) {
        n += (double)bins[b].n;
        all += bins[b].sum;
    }
    memset(curve, 0, RN_LAB_POINTS * sizeof *curve);
    if (!(all > 0)) return 0;
    for (size_t b = 0; b < RN_SPREAD_BINS; b++) {
        const double count = (double)bins[b].n;
        if (count == 0) continue;
        for (; point < RN_LAB_POINTS; point++) {
            const double rank = (double)point / (RN_LAB_POINTS - 1) * n;
            if (rank > below + count) break;
            curve[point] = (share + bins[b].sum * (rank - below) / count) / all;
        }
        below += count;
        share += bins[b].sum;
    }
    curve[RN_LAB_POINTS - 1] = 1;
    return all;
}

void rn_loss_spread_curve(rn_lab_curve *out, const rn_loss_spread *spread, int gamma) {
    *out = (rn_lab_curve){.gamma = gammas[gamma]};
    const double background =
        distribute(out->background, bins_of(spread, gamma, RN_SIDE_BACKGROUND));
    const double foreground =
        distribute(out->foreground, bins_of(spread, gamma, RN_SIDE_FOREGROUND));
    const double all = background + foreground;
    out->bg_loss_share = all > 0 ? background / all : -1;
}
