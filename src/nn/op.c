#include "nn/op.h"
#include "ops/conv.h"
#include "ops/depthwise.h"
#include "ops/norm.h"
#include "ops/pointwise.h"

static const rn_node *node_of(const rn_run *run, int node) {
    return &run->plan->graph->nodes[node];
}

real *rn_run_value(const rn_run *run, int value) {
    return run->arena + run->plan->value[value];
}

real *rn_run_gradient(const rn_run *run, int value) {
    const size_t place = run->plan->gradient[value];
    return place == SIZE_MAX ? NULL : run->arena + place;
}

real *rn_run_statistics(const rn_run *run, int node) {
    const size_t place = run->plan->statistics[node];
    return place == SIZE_MAX ? NULL : run->arena + place;
}

real *rn_run_param(const rn_run *run, int node, int slot) {
    const int param = node_of(run, node)->param[slot];
    return param == RN_NO_PARAM ? NULL : run->weights + run->plan->graph->params[param].offset;
}

real *rn_run_param_gradient(const rn_run *run, int node, int slot) {
    const int param = node_of(run, node)->param[slot];
    if (param == RN_NO_PARAM || !run->plan->graph->params[param].trained) return NULL;
    return run->gradients + run->plan->graph->params[param].offset;
}

/* The tensors that every op asks for. */
typedef struct tensors {
    const rn_node *node;
    const rn_shape *in_shape, *out_shape;
    real *in, *out, *din, *dout;
} tensors;

static tensors tensors_of(const rn_run *run, int node) {
    const rn_node *n = node_of(run, node);
    return (tensors){.node = n,
                     .in_shape = &run->plan->shape[n->in[0]],
                     .out_shape = &run->plan->shape[node],
                     .in = rn_run_value(run, n->in[0]),
                     .out = rn_run_value(run, node),
                     .din = rn_run_gradient(run, n->in[0]),
                     .dout = rn_run_gradient(run, node)};
}

static bool same_shape(rn_shape *out, const rn_node *node, const rn_shape *in) {
    (void)node;
    *out = *in;
    return true;
}

/* ---- input ---- */

static void input_forward(const rn_run *run, int node) {
    (void)run;
    (void)node; /* the caller has filled it in */
}

const rn_op rn_op_input = {.name = "input", .forward = input_forward, .backward = input_forward};

/* ---- convolution ---- */

/* Fewer zeros before the first pixel than pad, so that TensorFlow's total, (out - 1) stride +
 * kernel
 * - in, is halved downwards. */
static int same_shift(const rn_node *node, int in, int out) {
    const int total = (out - 1) * node->stride + node->kernel - in;
    return node->same ? node->pad - (total > 0 ? total / 2 : 0) : 0;
}

static rn_conv_dims conv_dims(const rn_node *node, const rn_shape *in, const rn_shape *out) {
    return (rn_conv_dims){.batch = in->n,
                          .in_h = in->h,
                          .in_w = in->w,
                          .in_c = in->c,
                          .out_h = out->h,
                          .out_w = out->w,
                          .out_c = out->c,
                          .kernel = node->kernel,
                          .stride = node->stride,
                          .pad = node->pad,
                          .shift_y = same_shift(node, in->h, out->h),
                          .shift_x = same_shift(node, in->w, out->w)};
}

/* Shape behind a sliding window (convolution, pooling): floor((side + 2 pad - kernel) / stride)
 * + 1. */
static bool window_infer(rn_shape *out, const rn_node *node, const rn_shape *in) {
    const int h = in->h + 2 * node->pad - node->kernel, w = in->w + 2 * node->pad - node->kernel;
    if (h < 0 || w < 0) return false;
    *out = (rn_shape){in->n, h / node->stride + 1, w / node->stride + 1, node->channels};
    return true;
}

/* The nodes of the job that begins at `node`; returns their number. run may be NULL: dimensions
 * alone. */
static size_t conv_parts(rn_conv_part *parts, const rn_plan *plan, const rn_run *run, int node) {
    size_t n = 0;
    for (int at = node; at < (int)plan->graph->n_nodes && plan->job[at] == node; at++) {
        const rn_node *part = &plan->graph->nodes[at];
        parts[n] =
            (rn_conv_part){.dims = conv_dims(part, &plan->shape[part->in[0]], &plan->shape[at])};
        if (run) {
            const tensors t = tensors_of(run, at);
            parts[n].in = t.in;
            parts[n].out = t.out;
            parts[n].din = t.din;
            parts[n].dout = t.dout;
        }
        n++;
    }
    return n;
}

/* What a convolution computes in passing: its norm and its sum, RN_NO_VALUE for none. */
typedef struct passed {
    int norm, sum;
} passed;

static passed passed_by(const rn_plan *plan, int node) {
    const int n = (int)plan->graph->n_nodes;
    passed p = {RN_NO_VALUE, RN_NO_VALUE};
    if (node + 1 >= n || plan->maker[node + 1] != node || plan->job[node + 1] == node) return p;
    p.norm = node + 1;
    if (node + 2 < n && plan->maker[node + 2] == node) p.sum = node + 2;
    return p;
}

/* Of a norm's scale and shift. */
static size_t coefficient_reals(const rn_node *node) {
    return 2 * rn_gemm_round((size_t)node->channels);
}

static rn_scratch conv_scratch(const rn_plan *plan, int node) {
    rn_conv_part parts[RN_CONV_PARTS];
    const size_t n = conv_parts(parts, plan, NULL, node);
    rn_scratch scratch =
        rn_conv_scratch(parts, n, plan->mode == RN_TRAINING ? RN_CONV_ALL : RN_CONV_FORWARD);
    scratch.shared += coefficient_reals(&plan->graph->nodes[node]);
    return scratch;
}

static void conv_forward(const rn_run *run, int node) {
    const passed after = passed_by(run->plan, node);
    const rn_node *self = node_of(run, node);
    rn_conv_part parts[RN_CONV_PARTS];
    const size_t n = conv_parts(parts, run->plan, run, node);
    real *bias = rn_run_param(run, node, 1);
    real *scale = run->exec->shared, *shift = scale + coefficient_reals(self) / 2;
    rn_conv_finish finish = {.shift = bias, .activation = self->relu};
    rn_exec exec = *run->exec;
    exec.shared += coefficient_reals(self);
    if (after.norm != RN_NO_VALUE) {
        rn_affine_coefficients(scale, shift, rn_run_param(run, after.norm, 0),
                               rn_run_param(run, after.norm, 1), rn_run_param(run, after.norm, 2),
                               rn_run_param(run, after.norm, 3), (real)run->plan->graph->bn_eps,
                               (size_t)self->channels);
        for (int i = 0; bias && i < self->channels; i++) shift[i] += bias[i] * scale[i];
        finish = (rn_conv_finish){scale, shift, node_of(run, after.norm)->relu};
    }
    if (after.sum != RN_NO_VALUE) {
        const rn_node *sum = node_of(run, after.sum);
        parts[0].residual = rn_run_value(run, sum->in[sum->in[0] == after.norm]);
        finish.activation = sum->relu;
    }
    rn_conv_forward(&exec, parts, n, rn_run_param(run, node, 0), &finish);
}

static void conv_backward(const rn_run *run, int node) {
    rn_conv_part parts[RN_CONV_PARTS];
    const size_t n = conv_parts(parts, run->plan, run, node);
    rn_conv_backward_weight(run->exec, rn_run_param_gradient(run, node, 0),
                            rn_run_param_gradient(run, node, 1), parts, n);
    rn_conv_backward_data(run->exec, parts, n, rn_run_param(run, node, 0));
}

const rn_op rn_op_conv = {.name = "conv",
                          .keeps = RN_KEEPS_INPUT,
                          .joins = true,
                          .infer = window_infer,
                          .scratch = conv_scratch,
                          .forward = conv_forward,
                          .backward = conv_backward};

static rn_scratch depthwise_scratch(const rn_plan *plan, int i) {
    const rn_node *node = &plan->graph->nodes[i];
    const rn_conv_dims dims = conv_dims(node, &plan->shape[node->in[0]], &plan->shape[i]);
    return rn_depthwise_scratch(&dims);
}

static void depthwise_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_conv_dims dims = conv_dims(t.node, t.in_shape, t.out_shape);
    rn_depthwise_forward(run->exec, t.out, t.in, rn_run_param(run, node, 0), &dims);
}

static void depthwise_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_conv_dims dims = conv_dims(t.node, t.in_shape, t.out_shape);
    real *dweight = rn_run_param_gradient(run, node, 0);
    if (dweight) rn_depthwise_backward_weight(run->exec, dweight, t.dout, t.in, &dims);
    if (t.din)
        rn_depthwise_backward_data(run->exec, t.din, t.dout, rn_run_param(run, node, 0), &dims);
}

const rn_op rn_op_depthwise = {.name = "depthwise",
                               .keeps = RN_KEEPS_INPUT,
                               .infer = window_infer,
                               .scratch = depthwise_scratch,
                               .forward = depthwise_forward,
                               .backward = depthwise_backward};

/* ---- normalisation ---- */

static rn_norm_dims norm_dims(const rn_node *node, const rn_shape *in) {
    return (rn_norm_dims){
        .batch = in->n, .pixels = in->h * in->w, .c = in->c, .groups = node->groups};
}

static rn_scratch norm_scratch(const rn_plan *plan, int i) {
    const rn_node *node = &plan->graph->nodes[i];
    const rn_norm_dims dims = norm_dims(node, &plan->shape[node->in[0]]);
    return rn_norm_scratch(&dims);
}

/* Two vectors, mean and 1/deviation: one pair a (picture, group). */
static size_t group_norm_statistics(const rn_node *node, const rn_shape *in) {
    return 2 * (size_t)in->n * (size_t)node->groups;
}

static void group_norm_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_norm_dims dims = norm_dims(t.node, t.in_shape);
    real *mean = rn_run_statistics(run, node),
         *rstd = mean ? mean + (size_t)dims.batch * (size_t)dims.groups : NULL;
    rn_group_norm_forward(run->exec, t.out, mean, rstd, t.in, rn_run_param(run, node, 0),
                          rn_run_param(run, node, 1), (real)run->plan->graph->eps, t.node->relu,
                          &dims);
}

static void group_norm_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_norm_dims dims = norm_dims(t.node, t.in_shape);
    const real *mean = rn_run_statistics(run, node),
               *rstd = mean + (size_t)dims.batch * (size_t)dims.groups;
    rn_group_norm_backward(run->exec, t.din, rn_run_param_gradient(run, node, 0),
                           rn_run_param_gradient(run, node, 1), t.dout, t.in, mean, rstd,
                           rn_run_param(run, node, 0), &dims);
}

const rn_op rn_op_group_norm = {.name = "group_norm",
                                .keeps = RN_KEEPS_INPUT,
                                .infer = same_shape,
                                .statistics = group_norm_statistics,
                                .scratch = norm_scratch,
                                .forward = group_norm_forward,
                                .backward = group_norm_backward};

static void frozen_norm_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_norm_dims dims = norm_dims(t.node, t.in_shape);
    rn_affine_forward(run->exec, t.out, t.in, rn_run_param(run, node, 0),
                      rn_run_param(run, node, 1), rn_run_param(run, node, 2),
                      rn_run_param(run, node, 3), (real)run->plan->graph->bn_eps, t.node->relu,
                      &dims);
}

static void frozen_norm_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_norm_dims dims = norm_dims(t.node, t.in_shape);
    rn_affine_backward(run->exec, t.din, t.dout, rn_run_param(run, node, 0),
                       rn_run_param(run, node, 3), (real)run->plan->graph->bn_eps, &dims);
}

const rn_op rn_op_frozen_norm = {.name = "frozen_norm",
                                 .in_place = true,
                                 .infer = same_shape,
                                 .scratch = norm_scratch,
                                 .forward = frozen_norm_forward,
                                 .backward = frozen_norm_backward};

static size_t batch_norm_statistics(const rn_node *node, const rn_shape *in) {
    (void)node;
    return 2 * (size_t)in->c;
}

static void batch_norm_forward(const rn_run *run, int node) {
    if (run->plan->mode == RN_INFERENCE) {
        frozen_norm_forward(run, node);
        return;
    }
    const tensors t = tensors_of(run, node);
    const rn_norm_dims dims = norm_dims(t.node, t.in_shape);
    real *mean = rn_run_statistics(run, node), *rstd = mean + dims.c;
    rn_batch_norm_forward(run->exec, t.out, mean, rstd, rn_run_param(run, node, 2),
                          rn_run_param(run, node, 3), t.in, rn_run_param(run, node, 0),
                          rn_run_param(run, node, 1), (real)run->plan->graph->bn_eps,
                          (real)run->plan->graph->momentum, t.node->relu, &dims);
}

static void batch_norm_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_norm_dims dims = norm_dims(t.node, t.in_shape);
    const real *mean = rn_run_statistics(run, node), *rstd = mean + dims.c;
    rn_batch_norm_backward(run->exec, t.din, rn_run_param_gradient(run, node, 0),
                           rn_run_param_gradient(run, node, 1), t.dout, t.in, mean, rstd,
                           rn_run_param(run, node, 0), &dims);
}

const rn_op rn_op_batch_norm = {.name = "batch_norm",
                                .keeps = RN_KEEPS_INPUT,
                                .infer = same_shape,
                                .statistics = batch_norm_statistics,
                                .scratch = norm_scratch,
                                .forward = batch_norm_forward,
                                .backward = batch_norm_backward};

/* ---- pointwise ---- */

static void relu_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    rn_relu_forward(run->exec, t.out, t.in, rn_shape_count(t.out_shape));
}

static void relu_backward(const rn_run *run, int node) {
    const tensors t =
        tensors_of(run, node); /* dout is masked already: what is left is the identity */
    if (t.din) rn_add_backward(run->exec, t.din, t.dout, rn_shape_count(t.out_shape));
}

const rn_op rn_op_relu = {.name = "relu",
                          .in_place = true,
                          .infer = same_shape,
                          .forward = relu_forward,
                          .backward = relu_backward};

/* Its nodes (a level each) must not drop the same places. */
static uint64_t draw_of(const rn_run *run, int node) {
    return run->draw + (uint64_t)node * 0xd1342543de82ef95u;
}

/* rate 0, and so the identity, where nothing is trained. */
static double rate_of(const rn_run *run, const rn_node *node) {
    return run->plan->mode == RN_TRAINING ? node->rate : 0;
}

static void dropout_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    rn_dropout_forward(run->exec, t.out, t.in, rate_of(run, t.node), draw_of(run, node),
                       rn_shape_count(t.out_shape));
}

static void dropout_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    if (t.din)
        rn_dropout_backward(run->exec, t.din, t.dout, rate_of(run, t.node), draw_of(run, node),
                            rn_shape_count(t.out_shape));
}

const rn_op rn_op_dropout = {.name = "dropout",
                             .in_place = true,
                             .infer = same_shape,
                             .forward = dropout_forward,
                             .backward = dropout_backward};

static void add_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    rn_add_forward(run->exec, t.out, t.in, rn_run_value(run, t.node->in[1]), t.node->relu,
                   rn_shape_count(t.out_shape));
}

static void add_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    real *db = rn_run_gradient(run, t.node->in[1]);
    if (t.din) rn_add_backward(run->exec, t.din, t.dout, rn_shape_count(t.out_shape));
    if (db) rn_add_backward(run->exec, db, t.dout, rn_shape_count(t.out_shape));
}

const rn_op rn_op_add = {.name = "add",
                         .in_place = true,
                         .infer = same_shape,
                         .forward = add_forward,
                         .backward = add_backward};

/* ---- pooling and upsampling ---- */

static rn_pool_dims pool_dims(const tensors *t) {
    return (rn_pool_dims){.batch = t->in_shape->n,
                          .in_h = t->in_shape->h,
                          .in_w = t->in_shape->w,
                          .c = t->in_shape->c,
                          .out_h = t->out_shape->h,
                          .out_w = t->out_shape->w,
                          .kernel = t->node->kernel,
                          .stride = t->node->stride,
                          .pad = t->node->pad};
}

static void max_pool_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_pool_dims dims = pool_dims(&t);
    rn_max_pool_forward(run->exec, t.out, t.in, &dims);
}

static void max_pool_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const rn_pool_dims dims = pool_dims(&t);
    if (t.din) rn_max_pool_backward(run->exec, t.din, t.dout, t.in, &dims);
}

const rn_op rn_op_max_pool = {.name = "max_pool",
                              .keeps = RN_KEEPS_INPUT,
                              .infer = window_infer,
                              .forward = max_pool_forward,
                              .backward = max_pool_backward};

static rn_upsample_dims upsample_dims(const rn_shape *top, const rn_shape *out) {
    return (rn_upsample_dims){.batch = out->n,
                              .in_h = top->h,
                              .in_w = top->w,
                              .c = out->c,
                              .out_h = out->h,
                              .out_w = out->w};
}

static void upsample_add_forward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const int top = t.node->in[1];
    const rn_upsample_dims dims = upsample_dims(&run->plan->shape[top], t.out_shape);
    rn_upsample_add_forward(run->exec, t.out, t.in, rn_run_value(run, top), &dims);
}

static void upsample_add_backward(const rn_run *run, int node) {
    const tensors t = tensors_of(run, node);
    const int top = t.node->in[1];
    const rn_upsample_dims dims = upsample_dims(&run->plan->shape[top], t.out_shape);
    real *dtop = rn_run_gradient(run, top);
    if (t.din) rn_add_backward(run->exec, t.din, t.dout, rn_shape_count(t.out_shape));
    if (dtop) rn_upsample_backward(run->exec, dtop, t.dout, &dims);
}

const rn_op rn_op_upsample_add = {.name = "upsample_add",
                                  .in_place = true,
                                  .infer = same_shape,
                                  .forward = upsample_add_forward,
                                  .backward = upsample_add_backward};
