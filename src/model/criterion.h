/* criterion.h: matching and losses of a whole batch, written straight into a plan's gradients.
 *
 * loss = (sum of class losses over all anchors that are not ignored + box_weight * sum of the box
 * loss over the positive anchors) / max(1, positive anchors of the batch) ([1], section 4.1) */
#ifndef RN_MODEL_CRITERION_H
#define RN_MODEL_CRITERION_H

#include "data/loader.h"
#include "detection/dominance.h"
#include "detection/loss_table.h"
#include "detection/matcher.h"
#include "detection/ohem.h"
#include "model/network.h"
#include "nn/op.h"

/* Smooth L1 or L1 of the deltas (torchvision's v1 model: L1), or GIoU of the boxes (v2). */
typedef enum rn_box_loss { RN_BOX_SMOOTH_L1, RN_BOX_GIOU } rn_box_loss;

typedef struct rn_criterion_options {
    rn_loss_kind loss;   /* 0: focal */
    rn_focal focal;      /* gamma and alpha of every loss that has them */
    real star_beta;      /* focal-star */
    real poly_epsilon;   /* poly-focal */
    real slope_floor[2]; /* slope-focal: of background, of foreground */
    rn_ohem ohem;
    int ghm_bins;
    double ghm_momentum;
    const real *class_alpha; /* [classes] in place of focal.alpha; NULL for none. The caller's, and
                                must outlive the criterion */
    rn_box_loss box_loss;
    real beta;       /* of smooth L1; 1/9; 0: L1 */
    real box_weight; /* 1 */
    rn_matcher matcher;
} rn_criterion_options;

/* A level's part of a batch: its anchors, and what each side of them gives. */
typedef struct rn_level_losses {
    double positives, negatives, ignored; /* anchors */
    double cls[RN_SIDES];                 /* over levels and sides they add up to rn_losses.cls */
    double gradient[RN_SIDES];            /* sum of |dL / dlogit| */
} rn_level_losses;

/* Add `weight` times a level's losses and gradients, and `anchors` times its numbers of anchors. */
void rn_level_losses_add(rn_level_losses *to, const rn_level_losses *from, double anchors,
                         double weight);

typedef struct rn_losses {
    double cls; /* class loss, normalised as its reduction says (loss_table.h), before guiding */
    double box; /* normalised box loss, times box_weight */
    size_t positives; /* anchors */
    size_t ignored;
    size_t anchors; /* all anchors of the batch */
    rn_level_losses levels[RN_LEVELS];
} rn_losses;

/* What the heads gave for a batch, and room for the gradients of that. Of each level [batch,
 * anchors, logits] and [batch, anchors, 4]. */
typedef struct rn_head_outputs {
    const real *logits[RN_LEVELS], *deltas[RN_LEVELS];
    real *dlogits[RN_LEVELS], *ddeltas[RN_LEVELS];
} rn_head_outputs;

typedef struct rn_criterion rn_criterion;

/* For batches of `plan` with at most `max_targets` objects a picture. network, config
 * and plan must outlive it. */
RN_MUST_USE rn_status rn_criterion_create(rn_criterion **out, const rn_network *network,
                                          const rn_model_config *config, const rn_plan *plan,
                                          const rn_criterion_options *options, size_t max_targets);
void rn_criterion_free(rn_criterion *criterion);

/* What the loss remembers from step to step, *n numbers: a checkpoint's part. None for most. */
double *rn_criterion_state(rn_criterion *criterion, size_t *n);

/* The class loss of a network that gives every (anchor, class) pair the prior as probability, as a
 * new one does: of `positives` positive anchors among `anchors` that are not ignored. NaN for a
 * loss that has no closed form. */
double rn_criterion_initial_loss(const rn_criterion_options *options, const rn_network *network,
                                 double prior, double positives, double anchors);

/* Match, sum the losses and write the gradients of the network's outputs. targets of picture i:
 * targets[first_target[i] .. first_target[i + 1]). Allocates nothing. */
void rn_criterion_run(rn_losses *out, rn_criterion *criterion, const rn_run *run,
                      const rn_target *targets, const size_t *first_target);

/* The same of outputs that lie anywhere. `threads` may be NULL. */
void rn_criterion_losses(rn_losses *out, rn_criterion *criterion, rn_threads *threads,
                         const rn_head_outputs *outputs, const rn_target *targets,
                         const size_t *first_target);

/* What that matched of picture `image`: match [anchors of all levels], level behind level, with
 * *labels of the objects that it points at. Good until the next batch. */
const int *rn_criterion_match(const int **labels, const rn_criterion *criterion, int image);

#endif
