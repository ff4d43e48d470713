/* plan.h: a graph and an input shape turned into one block of memory, and the walks over it.
 *
 * Everything that can fail fails in rn_plan_create; the walks cannot fail and allocate nothing. A
 * value lives from the node that writes it to its last reader, in the forward or the backward walk;
 * a gradient from its first writer to its node's backward. Buffers whose lives do not meet share
 * memory. */
#ifndef RN_NN_PLAN_H
#define RN_NN_PLAN_H

#include "nn/graph.h"
#include "ops/exec.h"

typedef struct rn_shape {
    int n, h, w, c; /* NHWC, each >= 1 */
} rn_shape;
size_t rn_shape_count(const rn_shape *shape);

typedef enum rn_mode { RN_INFERENCE, RN_TRAINING } rn_mode;

typedef struct rn_plan {
    const rn_graph *graph; /* must outlive the plan */
    rn_mode mode;
    rn_shape *shape;    /* [n_nodes] of each value */
    size_t *value;      /* [n_nodes] place of each value in the arena, in reals */
    size_t *gradient;   /* [n_nodes] place of its gradient; SIZE_MAX for none */
    size_t *statistics; /* [n_nodes] place of norm statistics; SIZE_MAX for none */
    int *maker;         /* [n_nodes] the node whose forward computes this value: its own; of levels
                           that share a convolution, the first, which does them all; of a frozen
                           norm and a sum behind a convolution, that convolution, in passing */
    int *job;          /* [n_nodes] the same of backward, where only shared levels are done together
                        */
    int *first_writer; /* [n_nodes] the node whose backward is the first to add to the gradient;
                          RN_NO_VALUE for outputs */
    size_t arena;      /* reals of the one block */
    rn_scratch scratch;
} rn_plan;

/* Plan the graph for input [n, h, w, c of the input node]. RN_EINVAL if a value would be empty or
 * too large, or a sum's two differ in size; RN_ENOMEM. */
RN_MUST_USE rn_status rn_plan_create(rn_plan *out, const rn_graph *graph, rn_mode mode, int n,
                                     int h, int w);
void rn_plan_free(rn_plan *plan); /* and zero it */

typedef struct rn_run rn_run; /* op.h */

/* For who wants to know where the time goes: called as a walk begins (node RN_NO_VALUE) and behind
 * each node's work. */
typedef enum rn_walk { RN_FORWARD, RN_BACKWARD } rn_walk;
typedef struct rn_watch {
    void (*node)(void *context, rn_walk walk, int node);
    void *context;
} rn_watch;

/* Compute every value. The input value (node 0) was filled in by the caller. */
void rn_forward(const rn_run *run);
/* Add the gradient of every trained parameter to run->gradients. The caller has written the
 * gradients of the graph's outputs. */
void rn_backward(const rn_run *run);

#endif
