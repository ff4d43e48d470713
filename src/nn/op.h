/* op.h: what a kind of node is: {name, infer, keeps, forward, backward}. */
#ifndef RN_NN_OP_H
#define RN_NN_OP_H

#include "nn/graph.h"
#include "nn/plan.h"

/* Values that backward reads again, so that the planner keeps them. (A node with a ReLU keeps its
 * output besides.) */
enum { RN_KEEPS_NOTHING = 0, RN_KEEPS_INPUT = 1 };

/* The memory of one walk: where a node finds its tensors. */
typedef struct rn_run {
    const rn_plan *plan;
    const rn_exec *exec;
    real *weights; /* [graph.n_stored]; batch norm in training moves its running statistics, nothing
                      else is written */
    real *gradients;       /* [graph.n_trained]; NULL without backward */
    real *arena;           /* [plan.arena] */
    uint64_t draw;         /* what dropout draws from: each step another, its two walks the same */
    const rn_watch *watch; /* NULL: nobody watches */
} rn_run;

struct rn_op {
    const char *name;
    unsigned keeps;
    bool in_place; /* the output may lie where input 0 lay */
    /* Shape of the output from the inputs' (in plan->shape). False if it would be empty. */
    bool (*infer)(rn_shape *out, const rn_node *node, const rn_shape *in0);
    /* Reals of statistics that forward leaves for backward; NULL for none. */
    size_t (*statistics)(const rn_node *node, const rn_shape *in0);
    bool joins; /* consecutive nodes of the same parameters are one job, see rn_plan.job */
    /* Scratch of both walks at `node`; NULL for none. */
    rn_scratch (*scratch)(const rn_plan *plan, int node);
    /* All that rn_plan.maker has `node` make. */
    void (*forward)(const rn_run *run, int node);
    /* All of the job that begins at `node`. Adds to the gradients of inputs that want one and of
     * parameters. The ReLU has been undone in
     * dout. */
    void (*backward)(const rn_run *run, int node);
};

extern const rn_op rn_op_input, rn_op_conv, rn_op_depthwise, rn_op_group_norm, rn_op_batch_norm,
    rn_op_frozen_norm, rn_op_relu, rn_op_dropout, rn_op_add, rn_op_max_pool, rn_op_upsample_add;

/* Where things lie. The gradient is NULL for a value that wants none. */
real *rn_run_value(const rn_run *run, int value);
real *rn_run_gradient(const rn_run *run, int value);
real *rn_run_statistics(const rn_run *run, int node);               /* NULL in an inference plan */
real *rn_run_param(const rn_run *run, int node, int slot);          /* NULL for RN_NO_PARAM */
real *rn_run_param_gradient(const rn_run *run, int node, int slot); /* NULL if it is not trained */

#endif
