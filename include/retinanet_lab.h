/* retinanet_lab.h: what a loss makes of a model: who the loss and its gradient come from, and what
 * the scores are worth.
 *
 *     rn_lab_report report;
 *     if (rn_lab_measure(&report, "run/best.safetensors", "set", NULL, NULL))
 *         puts(rn_error_text());
 *     else
 *         printf("%.1f%% of the loss is background's\n", 100 * report.all.bg_loss_share);
 *
 * Training measures the shares too, in every step. In the folder of a run, results.csv has
 * bg_loss_share and bg_grad_share behind its other columns, and dominance.csv a row for each row
 * there and each level:
 *
 *   epoch, step                    as in results.csv
 *   level                          P3 .. P7
 *   positives, negatives, ignored  anchors a step, mean since the last end of an epoch
 *   bg_loss_share, bg_grad_share   as in rn_lab_level, of the sums since then; empty for no loss
 *   fg_loss, bg_loss               parts of cls_loss: over all levels they add up to it */
#ifndef RETINANET_LAB_H
#define RETINANET_LAB_H

#include <retinanet.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Foreground: anchors that answer for an object, all their logits. Background: those that the
 * matcher gives to none. The others are ignored. What is measured of a loss is what training would
 * see of the pictures as they are, without augmentation, each a batch of its own. */

enum {
    RN_LAB_LEVELS = 5,      /* P3..P7 */
    RN_LAB_GAMMAS = 4,      /* 0, 0.5, 1 and 2 */
    RN_LAB_POINTS = 101,    /* of a cumulative distribution */
    RN_LAB_NORM_BINS = 30,  /* of the length of gradient */
    RN_LAB_SCORE_BINS = 15, /* of the score */
    RN_LAB_LOSS_NAME = 32   /* bytes, with the final zero */
};

/* What a level's anchors are, and their part of the class loss. */
typedef struct rn_lab_level {
    size_t foreground, background, ignored; /* anchors of all pictures */
    double negatives_per_positive;          /* background / foreground; -1 without foreground */
    /* Parts of cls_loss: over all levels they add up to it. */
    double fg_loss, bg_loss;
    double bg_loss_share; /* bg_loss / (bg_loss + fg_loss), 0..1; -1 where there is no loss */
    double bg_grad_share; /* the same of the sum of |dL / dlogit| over all logits */
} rn_lab_level;

/* How a loss spreads over anchors, for one gamma. */
typedef struct rn_lab_curve {
    double gamma;
    /* Cumulative distribution of the normalised loss ([1], figure 4): point i is the share, 0..1,
     * of the loss that the i % of anchors with the least loss have together, foreground among
     * themselves and background likewise; all 0 where there is no such anchor or no loss. */
    double foreground[RN_LAB_POINTS], background[RN_LAB_POINTS];
    double bg_loss_share; /* of the loss of all anchors, 0..1; -1 where there is no loss */
} rn_lab_curve;

/* Detections of one stretch of scores. */
typedef struct rn_lab_score_bin {
    size_t n, n_true; /* detections; those that are right at IoU .5 */
    double score;     /* their mean score, 0..1; 0 for none */
    double precision; /* n_true / n; 0 for none */
} rn_lab_score_bin;

/* [1] Lin et al., arXiv:1708.02002. Owns nothing. */
typedef struct rn_lab_report {
    char
        loss[RN_LAB_LOSS_NAME]; /* under which the model was measured, as `train --loss` names it */
    double gamma, alpha;        /* of that loss; alpha -1: no weighting, -2: auto */
    size_t n_images, n_objects; /* of the split */
    size_t n_bad;               /* pictures that could not be read: their objects count as missed */

    rn_lab_level all, levels[RN_LAB_LEVELS]; /* P3..P7 */
    double cls_loss; /* sum over all anchors of the split / max(1, foreground anchors); ghm: the
                        mean of the pictures' */
    double box_loss; /* likewise, times the box weight */
    double ap, ap50; /* COCO's; -1 where the split has no object */

    /* Under FL at each gamma, without alpha: an anchor's loss is the sum over its classes; with
     * softmax that of its target; with objectness that of objectness alone. */
    rn_lab_curve curves[RN_LAB_GAMMAS];

    /* Logits by the length of gradient of cross entropy, g = |p - target|, bin b being g in [b, b +
     * 1) / 30, the last with g = 1 (Li et al., GHM, arXiv:1811.05181, section 3.2): those whose
     * target is 1, and all others that are not ignored. */
    size_t foreground_norms[RN_LAB_NORM_BINS], background_norms[RN_LAB_NORM_BINS];

    /* Detections by score, bin b being scores in (b, b + 1] / 15; those on crowds and difficult
     * objects are in none. ECE is the mean over detections of |precision - score| of their bin (Guo
     * et al., arXiv:1706.04599, eq. 3); -1 without detections. */
    rn_lab_score_bin reliability[RN_LAB_SCORE_BINS];
    double ece;
} rn_lab_report;

typedef struct rn_lab_options {
    int threads;       /* 0: one a core */
    const char *split; /* of DATA; NULL: val, else valid, else test */
    const char *const
        *loss;              /* texts "OPTION=VALUE" of the options of training that make loss and
                               matching: loss, gamma, alpha, foreground_iou ..., over those of the
                               model's own run, which are in a checkpoint, or in the args.json
                               beside best.safetensors, and otherwise the defaults. With loss=NAME
                               nothing of the run's loss stays. NULL behind the last; may be NULL */
    const char *const *set; /* of the model, as in rn_detector_options */
} rn_lab_options;
#define RN_LAB_OPTIONS_DEFAULT                                                                     \
    (RN_STRUCT(rn_lab_options){.threads = 0, .split = NULL, .loss = NULL, .set = NULL})

/* Run the model on a split of DATA and measure it. The same bits for any number of threads.
 *
 * `alpha` auto is that of the measured split. NULL options: the default. Hooks may be NULL.
 * RN_EINVAL for an unknown option (the nearest is named), a value out of range, or a loss whose
 * scores are not the model's; RN_EINPUT for a model or data that cannot be used, a split without
 * pictures, or more than 5% of them unreadable; RN_EDIVERGED where the loss of a picture is not
 * finite; RN_ENOMEM. Then *out is empty. */
RN_MUST_USE rn_status rn_lab_measure(rn_lab_report *out, const char *model, const char *data,
                                     const rn_lab_options *options, const rn_hooks *hooks);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
