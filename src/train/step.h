/* step.h: everything one training step needs, planned and allocated once: forward, losses,
 * backward, clip, update. */
#ifndef RN_TRAIN_STEP_H
#define RN_TRAIN_STEP_H

#include "model/criterion.h"
#include "model/network.h"
#include "train/optimizer.h"

typedef struct rn_step_options {
    int batch, height, width; /* of the canvas; multiples of 32 */
    size_t max_targets;       /* objects a picture, at most */
    rn_criterion_options criterion;
    rn_optimizer_options optimizer;
    rn_isa isa; /* of the network's kernels */
} rn_step_options;

typedef struct rn_step {
    const rn_network *network;
    rn_threads *threads;
    rn_plan plan;
    real *scratch;
    rn_exec exec;    /* lies in scratch */
    real *weights;   /* [n_stored]; the caller's */
    real *gradients; /* [n_trained] */
    real *arena;
    rn_criterion *criterion;
    rn_optimizer optimizer;
    uint64_t draw;         /* what dropout draws from; the caller gives each step another */
    const rn_watch *watch; /* whom the walks tell; NULL, as at first, for nobody */
} rn_step;

/* What one step did. */
typedef struct rn_step_result {
    rn_losses losses;
    double norm; /* of the gradient before clipping */
} rn_step_result;

/* Bytes that rn_step_create takes besides the weights. */
RN_MUST_USE rn_status rn_step_memory(size_t *bytes, const rn_network *network,
                                     const rn_step_options *options, int threads);

/* network, config, threads and weights must outlive the step. RN_ENOMEM, RN_EINVAL. */
RN_MUST_USE rn_status rn_step_create(rn_step *out, const rn_network *network,
                                     const rn_model_config *config, rn_threads *threads,
                                     real *weights, const rn_step_options *options);
void rn_step_free(rn_step *step);

/* Forward, losses and backward of `batch` into step->gradients; the weights stay. */
void rn_step_gradients(rn_step_result *out, rn_step *step, const rn_batch *batch);
/* The update, from rn_step_gradients' result. */
void rn_step_update(rn_step *step, const rn_step_result *result, double lr, uint64_t number);

#endif
