/* optimizer.h: one update over the flat block of parameters, with clipping and an average of the
 * weights. Decay is on convolution weights alone.
 *
 *   norm = |g|; g <- g min(1, clip / norm)
 *
 *   SGD    v <- momentum v + g + decay w
 *          w <- w - lr v
 *   AdamW  v <- momentum v + (1 - momentum) g          (Loshchilov and Hutter, arXiv:1711.05101,
 *          s <- beta2 s + (1 - beta2) g^2               algorithm 2)
 *          w <- w - lr (v' / (sqrt(s') + 1e-8) + decay w),
 *               v' = v / (1 - momentum^t), s' = s / (1 - beta2^t), t = step + 1
 *
 *   ema  <- ema + (1 - d) (w - ema),  d = min(ema_decay, (1 + step) / (10 + step))
 */
#ifndef RN_TRAIN_OPTIMIZER_H
#define RN_TRAIN_OPTIMIZER_H

#include "nn/graph.h"
#include "ops/exec.h"

typedef enum rn_optimizer_kind { RN_OPTIMIZER_SGD, RN_OPTIMIZER_ADAMW } rn_optimizer_kind;

/* Not the usual .999: a run from scratch has a few thousand steps, and the gradients of its first
 * hundred are many times larger than those of the rest. */
#define RN_ADAM_BETA2 0.99

typedef struct rn_optimizer_options {
    rn_optimizer_kind kind;
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
    real *square;               /* [n_trained] AdamW's s; NULL for SGD */
    real *ema; /* [n_stored], NULL without average; running statistics are copied, not averaged */
    rn_optimizer_block *blocks;
    size_t n_blocks;
} rn_optimizer;

/* Velocity and square zero; the average begins as `weights`. RN_ENOMEM. */
RN_MUST_USE rn_status rn_optimizer_create(rn_optimizer *out, const rn_graph *graph,
                                          const real *weights, const rn_optimizer_options *options);
void rn_optimizer_free(rn_optimizer *optimizer);

/* The gradient's norm before clipping; not finite if any gradient is not. */
double rn_optimizer_norm(rn_optimizer *optimizer, const rn_exec *exec, const real *gradients);

/* Update weights [n_stored] in place. `norm` from above; `step` counts from 0. */
void rn_optimizer_step(rn_optimizer *optimizer, const rn_exec *exec, real *weights,
                       const real *gradients, double lr, double norm, uint64_t step);

#endif
