/* The losses of retinanet_loss.h. */
#include "detection/loss_table.h"
#include "detection/matcher.h"
#include "train/options.h"

#include <float.h>
#include <math.h>
#include <retinanet_loss.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 256 }; /* rows whose targets are written out together */

/* Losses that are a sum over logits. */
static bool is_plain(const rn_loss_info *info) {
    return info->scoring == RN_SCORING_SIGMOID && info->reduction == RN_LOSS_SUM;
}

static rn_status find(const rn_loss_info **out, const char *name) {
    char names[256] = "";
    for (int kind = 0; kind < RN_LOSS_KINDS; kind++) {
        const rn_loss_info *info = rn_loss_info_of((rn_loss_kind)kind);
        const size_t used = strlen(names);
        if (!is_plain(info)) continue;
        *out = info;
        if (strcmp(info->name, name) == 0) return RN_OK;
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", info->name);
    }
    return rn_fail(RN_EINVAL, "loss: got %.64s, want one of: %s", name, names);
}

rn_status rn_loss_named(rn_loss *out, const char *name) {
    const rn_train_options options = rn_train_options_defaults();
    const rn_criterion_options defaults = rn_criterion_options_of(&options);
    const rn_loss_info *info = NULL;
    *out = (rn_loss){0};
    RN_TRY(find(&info, name));
    *out = (rn_loss){.name = info->name,
                     .gamma = (float)info->gamma,
                     .alpha = (float)info->alpha,
                     .star_beta = defaults.star_beta,
                     .poly_epsilon = defaults.poly_epsilon,
                     .slope_floor = defaults.slope_floor[1],
                     .slope_floor_background = defaults.slope_floor[0]};
    return RN_OK;
}

static bool in_unit(float x) {
    return x >= 0 && x <= 1;
}

static rn_status check(const rn_loss *l, const rn_loss_info *info) {
    if (!(l->gamma >= (info->shape == RN_SHAPE_STAR ? FLT_MIN : 0) && isfinite(l->gamma)))
        return rn_fail(RN_EINVAL, "gamma: got %g, want %s 0", (double)l->gamma,
                       info->shape == RN_SHAPE_STAR ? "more than" : "at least");
    if (!(l->alpha == -1 || (l->alpha > 0 && l->alpha < 1)))
        return rn_fail(RN_EINVAL, "alpha: got %g, want between 0 and 1, or -1", (double)l->alpha);
    if (!isfinite(l->star_beta))
        return rn_fail(RN_EINVAL, "star_beta: got %g, want a number", (double)l->star_beta);
    if (!(l->poly_epsilon >= -1 && isfinite(l->poly_epsilon)))
        return rn_fail(RN_EINVAL, "poly_epsilon: got %g, want at least -1",
                       (double)l->poly_epsilon);
    if (!in_unit(l->slope_floor) || !in_unit(l->slope_floor_background))
        return rn_fail(RN_EINVAL, "slope_floor: got %g, background %g, want 0..1",
                       (double)l->slope_floor, (double)l->slope_floor_background);
    return RN_OK;
}

/* The parameters that a loss has not are what makes it. */
static rn_logit_loss logit_loss_of(const rn_loss *l, const rn_loss_info *info, rn_loss_kind kind) {
    const float gamma = rn_loss_has_parameter(kind, "gamma") ? l->gamma : (float)info->gamma;
    const float alpha = rn_loss_has_parameter(kind, "alpha") ? l->alpha : (float)info->alpha;
    return (rn_logit_loss){.shape = info->shape,
                           .focal = {.gamma = gamma, .alpha = alpha},
                           .beta = l->star_beta,
                           .epsilon = l->poly_epsilon,
                           .floor = {l->slope_floor_background, l->slope_floor}};
}

rn_status rn_loss_sum(double *sum, float *dlogits, const float *logits, const int *targets,
                      const uint8_t *mask, size_t n, int classes, const rn_loss *loss) {
    const rn_loss_info *info = NULL;
    int match[ROWS], labels[ROWS];
    *sum = 0;
    RN_TRY(find(&info, loss->name));
    RN_TRY(check(loss, info));
    if (classes < 1) return rn_fail(RN_EINVAL, "classes: got %d, want at least 1", classes);
    for (size_t i = 0; i < n; i++)
        if (targets[i] < -1 || targets[i] >= classes)
            return rn_fail(RN_EINVAL, "target %zu: got %d, want -1..%d", i, targets[i],
                           classes - 1);
    const rn_logit_loss l =
        logit_loss_of(loss, info, (rn_loss_kind)(info - rn_loss_info_of((rn_loss_kind)0)));
    for (size_t first = 0; first < n; first += ROWS) {
        const size_t rows = n - first < ROWS ? n - first : ROWS, at = first * (size_t)classes;
        for (size_t i = 0; i < rows; i++) {
            labels[i] = targets[first + i];
            match[i] = mask && !mask[first + i] ? RN_MATCH_IGNORE
                       : labels[i] < 0          ? RN_MATCH_BACKGROUND
                                                : (int)i;
        }
        *sum += rn_logit_loss_sum(dlogits + at, logits + at, match, labels, rows, classes, 1, &l);
    }
    return RN_OK;
}
