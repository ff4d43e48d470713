/* optimizer.h: stochastic gradient descent over the flat block of parameters, with clipping and an
 * average of the weights.
 *
 *   norm = |g|; g <- g min(1, clip / norm)
 *   v    <- momentum v + g + decay w          (decay on convolution weights alone)
 *   w    <- w - lr v
 *   ema  <- ema + (1 - d) (w - ema),          d = min(ema_decay, (1 + step) / (10 + step))
 */
#ifndef RN_TRAIN_OPTIMIZER_H
#define RN_TRAIN_OPTIMIZER_H

#include "nn/graph.h"
#include "ops/exec.h"

typedef struct rn_optimizer_options {
    double momentum;  /* 0.9 */
    double decay;     /* 1e-4 */
    double clip;      /* largest norm of the gradient; 0 for no clipping */
    double ema_decay; /* 0 for no average */
} rn_optimizer_options;

/* A stretch of the block that one task updates. */
typedef struct rn_optimizer_block {
    size_t first, n;
    bool decays;
    double square; /* sum of g^2, added in block order */
} rn_optimizer_block;

typedef struct rn_optimizer {
    rn_optimizer_options options;
    size_t n_trained, n_stored; /* as in the graph */
    real *velocity;             /* [n_trained] */
    real *ema; /* [n_stored], NULL without average; running statistics are copied, not averaged */
    rn_optimizer_block *blocks;
    size_t n_blocks;
} rn_optimizer;

/* Velocity zero; the average begins as `weights`. RN_ENOMEM. */
RN_MUST_USE rn_status rn_optimizer_create(rn_optimizer *out, const rn_graph *graph,
                                          const real *weights, const rn_optimizer_options *options);
void rn_optimizer_free(rn_optimizer *optimizer);

/* The gradient's norm before clipping; not finite if any gradient is not. */
double rn_optimizer_norm(rn_optimizer *optimizer, const rn_exec *exec, const real *gradients);

/* Update weights [n_stored] in place. `norm` from above; `step` counts from 0. */
void rn_optimizer_step(rn_optimizer *optimizer, const rn_exec *exec, real *weights,
                       const real *gradients, double lr, double norm, uint64_t step);

#endif
