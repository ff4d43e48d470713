/* Every operation's backward, in double, against central differences of its forward; and that a
 * wrong sign in any one of its gradients would be seen.
 *
 * The loss is sum(out * dout) for fixed random dout. Gradients start from noise: backward adds. */
#include "gradient.h"
#include "ops/conv.h"
#include "ops/depthwise.h"
#include "ops/norm.h"
#include "ops/pointwise.h"
#include "ops_exec.h"

enum { MAX_INPUTS = 3 };

typedef struct operation operation;
struct operation {
    void (*forward)(operation *op);
    /* Add to gradient[i] of each input. */
    void (*backward)(operation *op);
    size_t out_count, count[MAX_INPUTS]; /* count 0: no such input */
    real *out, *dout, *input[MAX_INPUTS], *gradient[MAX_INPUTS];
    rn_scratch scratch;
    ops_exec e;
    union {
        rn_conv_dims conv;
        rn_norm_dims norm;
        rn_pool_dims pool;
        rn_upsample_dims upsample;
    } dims;
    real *mean, *rstd; /* of norms */
    bool relu;
};

static double loss(void *context) {
    operation *op = context;
    op->forward(op);
    double sum = 0;
    for (size_t i = 0; i < op->out_count; i++) sum += op->out[i] * op->dout[i];
    return sum;
}

/* Distinct values a good way apart and away from 0, in random order: no max, no ReLU changes sides
 * within a step. */
static real *kink_free(size_t n) {
    real *x;
    size_t *order;
    ck_assert_int_eq(rn_alloc(&x, n, sizeof *x), RN_OK);
    ck_assert_int_eq(rn_alloc(&order, n, sizeof *order), RN_OK);
    for (size_t i = 0; i < n; i++) order[i] = i;
    rn_random random = rn_random_seed(7, n, 0);
    rn_random_shuffle(&random, order, n);
    for (size_t i = 0; i < n; i++) x[i] = ((real)order[i] - (real)n / 2 + (real)0.25) * (real)0.02;
    free(order);
    return x;
}

/* The analytic gradients of all inputs, their starting noise taken off again. */
static void differentiate(operation *op) {
    real *start[MAX_INPUTS] = {0};
    for (int i = 0; i < MAX_INPUTS; i++) {
        start[i] = ops_random(op->count[i], -1, 1, 40 + (uint64_t)i);
        op->gradient[i] = ops_random(op->count[i], -1, 1, 40 + (uint64_t)i);
    }
    op->forward(op);
    op->backward(op);
    for (int i = 0; i < MAX_INPUTS; i++) {
        for (size_t j = 0; j < op->count[i]; j++) op->gradient[i][j] -= start[i][j];
        free(start[i]);
    }
}

static void prove(operation op) {
    op.e = ops_exec_open(1, op.scratch);
    op.out = ops_random(op.out_count, -1, 1, 20);
    op.dout = ops_random(op.out_count, -1, 1, 21);
    for (int i = 0; i < MAX_INPUTS; i++)
        if (!op.input[i]) op.input[i] = ops_random(op.count[i], -1, 1, 30 + (uint64_t)i);
    differentiate(&op);
    for (int i = 0; i < MAX_INPUTS; i++) {
        if (op.count[i] == 0) continue;
        real *x = op.input[i], *g = op.gradient[i];
        ck_assert_double_le(gradient_error(x, g, op.count[i], loss, &op), GRADIENT_TOLERANCE);
        /* The planted fault: one sign. */
        size_t largest = 0;
        for (size_t j = 0; j < op.count[i]; j++)
            if (fabs(g[j]) > fabs(g[largest])) largest = j;
        g[largest] = -g[largest];
        ck_assert_double_gt(gradient_error(x, g, op.count[i], loss, &op), GRADIENT_TOLERANCE);
    }
    for (int i = 0; i < MAX_INPUTS; i++) {
        free(op.input[i]);
        free(op.gradient[i]);
    }
    free(op.out);
    free(op.dout);
    free(op.mean);
    free(op.rstd);
    ops_exec_close(&op.e);
}

/* ---- convolution: input, weight, bias ---- */

static void conv_forward(operation *op) {
    const rn_conv_part part = {.dims = op->dims.conv, .in = op->input[0], .out = op->out};
    rn_conv_forward(&op->e.exec, &part, 1, op->input[1], &(rn_conv_finish){.shift = op->input[2]});
}

static void conv_backward(operation *op) {
    const rn_conv_part part = {
        .dims = op->dims.conv, .in = op->input[0], .dout = op->dout, .din = op->gradient[0]};
    rn_conv_backward_data(&op->e.exec, &part, 1, op->input[1]);
    rn_conv_backward_weight(&op->e.exec, op->gradient[1], op->gradient[2], &part, 1);
}

static operation conv(rn_conv_dims d) {
    d.out_h = (d.in_h + 2 * d.pad - d.kernel) / d.stride + 1;
    d.out_w = (d.in_w + 2 * d.pad - d.kernel) / d.stride + 1;
    const size_t batch = (size_t)d.batch, out_c = (size_t)d.out_c, in_c = (size_t)d.in_c;
    return (operation){.forward = conv_forward,
                       .backward = conv_backward,
                       .out_count = batch * (size_t)(d.out_h * d.out_w) * out_c,
                       .count = {batch * (size_t)(d.in_h * d.in_w) * in_c,
                                 out_c * (size_t)(d.kernel * d.kernel) * in_c, out_c},
                       .scratch = rn_conv_scratch(&(rn_conv_part){.dims = d}, 1, RN_CONV_ALL),
                       .dims.conv = d};
}

START_TEST(convolution) {
    prove(conv((rn_conv_dims){2, 5, 4, 3, .out_c = 2, .kernel = 1, .stride = 1, .pad = 0}));
    prove(conv((rn_conv_dims){2, 5, 4, 3, .out_c = 9, .kernel = 3, .stride = 1, .pad = 1}));
    prove(conv((rn_conv_dims){1, 6, 7, 9, .out_c = 2, .kernel = 3, .stride = 2, .pad = 1}));
    prove(conv((rn_conv_dims){1, 7, 5, 2, .out_c = 3, .kernel = 5, .stride = 3, .pad = 2}));
    prove(conv((rn_conv_dims){1, 9, 8, 1, .out_c = 2, .kernel = 7, .stride = 2, .pad = 3}));
    prove(conv((rn_conv_dims){2, 1, 1, 2, .out_c = 3, .kernel = 3, .stride = 1, .pad = 1}));
    prove(conv((rn_conv_dims){2, 5, 3, 17, .out_c = 18, .kernel = 3, .stride = 1, .pad = 1}));
}
END_TEST

/* ---- depthwise convolution: input, weight ---- */

static void depthwise_forward(operation *op) {
    rn_depthwise_forward(&op->e.exec, op->out, op->input[0], op->input[1], &op->dims.conv);
}

static void depthwise_backward(operation *op) {
    const rn_conv_dims *d = &op->dims.conv;
    rn_depthwise_backward_data(&op->e.exec, op->gradient[0], op->dout, op->input[1], d);
    rn_depthwise_backward_weight(&op->e.exec, op->gradient[1], op->dout, op->input[0], d);
}

static operation depthwise(rn_conv_dims d) {
    d.out_c = d.in_c;
    operation op = conv(d);
    op.forward = depthwise_forward;
    op.backward = depthwise_backward;
    op.count[1] = (size_t)(d.in_c * d.kernel * d.kernel);
    op.count[2] = 0;
    op.scratch = rn_depthwise_scratch(&op.dims.conv);
    return op;
}

START_TEST(depthwise_convolution) {
    prove(depthwise((rn_conv_dims){2, 5, 4, 3, .kernel = 3, .stride = 1, .pad = 1}));
    prove(depthwise((rn_conv_dims){1, 6, 7, 17, .kernel = 3, .stride = 2, .pad = 1}));
    prove(depthwise((rn_conv_dims){1, 7, 5, 33, .kernel = 5, .stride = 3, .pad = 2}));
    prove(depthwise((rn_conv_dims){2, 1, 1, 2, .kernel = 3, .stride = 1, .pad = 1}));
    prove(depthwise((rn_conv_dims){2, 6, 4, 9, .kernel = 3, .stride = 2, .pad = 1, .shift_y = 1,
                                   .shift_x = 1}));
    prove(depthwise((rn_conv_dims){1, 8, 5, 2, .kernel = 3, .stride = 2, .pad = 1, .shift_y = 1}));
}
END_TEST

START_TEST(shifted_convolution) {
    prove(conv(
        (rn_conv_dims){1, 6, 5, 3, .out_c = 2, .kernel = 3, .stride = 2, .pad = 1, .shift_y = 1}));
    prove(conv((rn_conv_dims){1, 4, 6, 2, .out_c = 3, .kernel = 3, .stride = 2, .pad = 1,
                              .shift_y = 1, .shift_x = 1}));
}
END_TEST

/* ---- norms: input, weight, bias ---- */

static const real var[] = {(real)0.5, 2, 1, 3, (real)0.25, 1}, average[] = {1, -1, 0, 2, 0, 3};
static const real eps = (real)1e-5;

static void group_norm_forward(operation *op) {
    rn_group_norm_forward(&op->e.exec, op->out, op->mean, op->rstd, op->input[0], op->input[1],
                          op->input[2], eps, false, &op->dims.norm);
}

static void group_norm_backward(operation *op) {
    rn_group_norm_backward(&op->e.exec, op->gradient[0], op->gradient[1], op->gradient[2], op->dout,
                           op->input[0], op->mean, op->rstd, op->input[1], &op->dims.norm);
}

static void batch_norm_forward(operation *op) {
    rn_batch_norm_forward(&op->e.exec, op->out, op->mean, op->rstd, NULL, NULL, op->input[0],
                          op->input[1], op->input[2], eps, 0, false, &op->dims.norm);
}

static void batch_norm_backward(operation *op) {
    rn_batch_norm_backward(&op->e.exec, op->gradient[0], op->gradient[1], op->gradient[2], op->dout,
                           op->input[0], op->mean, op->rstd, op->input[1], &op->dims.norm);
}

/* Frozen: the input alone has a gradient; weight and bias are constants. */
static void affine_forward(operation *op) {
    rn_affine_forward(&op->e.exec, op->out, op->input[0], var, average, average, var, eps, false,
                      &op->dims.norm);
}

static void affine_backward(operation *op) {
    rn_affine_backward(&op->e.exec, op->gradient[0], op->dout, var, var, eps, &op->dims.norm);
}

static operation norm(rn_norm_dims d, void (*forward)(operation *), void (*backward)(operation *)) {
    const size_t n = (size_t)d.batch * (size_t)d.pixels * (size_t)d.c, c = (size_t)d.c;
    operation op = {.forward = forward,
                    .backward = backward,
                    .out_count = n,
                    .count = {n, c, c},
                    .scratch = rn_norm_scratch(&d),
                    .dims.norm = d};
    ck_assert_int_eq(rn_alloc(&op.mean, n, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&op.rstd, n, sizeof(real)), RN_OK);
    return op;
}

START_TEST(normalisation) {
    const rn_norm_dims d = {.batch = 3, .pixels = 7, .c = 6, .groups = 2};
    prove(norm(d, group_norm_forward, group_norm_backward));
    prove(norm((rn_norm_dims){2, 5, 6, 6}, group_norm_forward, group_norm_backward));
    prove(norm((rn_norm_dims){2, 4, 3, 1}, group_norm_forward, group_norm_backward));
    prove(norm(d, batch_norm_forward, batch_norm_backward));
    operation frozen = norm(d, affine_forward, affine_backward);
    frozen.count[1] = frozen.count[2] = 0;
    prove(frozen);
}
END_TEST

/* ---- pointwise ---- */

static void relu_forward(operation *op) {
    rn_relu_forward(&op->e.exec, op->out, op->input[0], op->out_count);
}

/* As the walk does it: the mask on dout in place, then the identity. Here dout must survive. */
static void relu_backward(operation *op) {
    real *masked = ops_random(op->out_count, -1, 1, 21); /* dout again */
    rn_relu_mask(&op->e.exec, masked, op->out, op->out_count);
    rn_add_backward(&op->e.exec, op->gradient[0], masked, op->out_count);
    free(masked);
}

START_TEST(relu) {
    prove((operation){.forward = relu_forward,
                      .backward = relu_backward,
                      .out_count = 37,
                      .count = {37},
                      .input = {kink_free(37)}});
}
END_TEST

/* ReLU6 as a norm applies it: values on both sides of 0 and of 6. */
static void relu6_forward(operation *op) {
    static const real zero[1] = {0}, one[1] = {1};
    rn_affine_forward(&op->e.exec, op->out, op->input[0], one, zero, zero, one, 0, RN_RELU6,
                      &op->dims.norm);
}

static void relu6_backward(operation *op) {
    real *masked = ops_random(op->out_count, -1, 1, 21); /* dout again */
    rn_relu6_mask(&op->e.exec, masked, op->out, op->out_count);
    rn_add_backward(&op->e.exec, op->gradient[0], masked, op->out_count);
    free(masked);
}

START_TEST(relu6) {
    const rn_norm_dims d = {.batch = 1, .pixels = 901, .c = 1, .groups = 1};
    operation op = {.forward = relu6_forward,
                    .backward = relu6_backward,
                    .out_count = d.pixels,
                    .count = {d.pixels},
                    .input = {kink_free(d.pixels)}, /* -9..9 */
                    .scratch = rn_norm_scratch(&d),
                    .dims.norm = d};
    prove(op);
}
END_TEST

static void dropout_forward(operation *op) {
    rn_dropout_forward(&op->e.exec, op->out, op->input[0], 0.4, 3, op->out_count);
}

static void dropout_backward(operation *op) {
    rn_dropout_backward(&op->e.exec, op->gradient[0], op->dout, 0.4, 3, op->out_count);
}

START_TEST(dropout) {
    prove((operation){.forward = dropout_forward,
                      .backward = dropout_backward,
                      .out_count = 37,
                      .count = {37},
                      .input = {kink_free(37)}});
}
END_TEST

static void add_forward(operation *op) {
    rn_add_forward(&op->e.exec, op->out, op->input[0], op->input[1], false, op->out_count);
}

static void add_backward(operation *op) {
    for (int i = 0; i < 2; i++)
        rn_add_backward(&op->e.exec, op->gradient[i], op->dout, op->out_count);
}

START_TEST(sum) {
    prove((operation){
        .forward = add_forward, .backward = add_backward, .out_count = 23, .count = {23, 23}});
}
END_TEST

static void max_pool_forward(operation *op) {
    rn_max_pool_forward(&op->e.exec, op->out, op->input[0], &op->dims.pool);
}

static void max_pool_backward(operation *op) {
    rn_max_pool_backward(&op->e.exec, op->gradient[0], op->dout, op->input[0], &op->dims.pool);
}

static operation pool(rn_pool_dims d) {
    d.out_h = (d.in_h + 2 * d.pad - d.kernel) / d.stride + 1;
    d.out_w = (d.in_w + 2 * d.pad - d.kernel) / d.stride + 1;
    const size_t in = (size_t)(d.batch * d.in_h * d.in_w * d.c);
    return (operation){.forward = max_pool_forward,
                       .backward = max_pool_backward,
                       .out_count = (size_t)(d.batch * d.out_h * d.out_w * d.c),
                       .count = {in},
                       .input = {kink_free(in)},
                       .dims.pool = d};
}

START_TEST(max_pool) {
    prove(pool((rn_pool_dims){2, 7, 6, 3, .kernel = 3, .stride = 2, .pad = 1}));
    prove(pool((rn_pool_dims){1, 6, 4, 17, .kernel = 2, .stride = 2, .pad = 0}));
    prove(pool((rn_pool_dims){1, 5, 5, 2, .kernel = 3, .stride = 1, .pad = 1}));
}
END_TEST

static void upsample_forward(operation *op) {
    rn_upsample_add_forward(&op->e.exec, op->out, op->input[0], op->input[1], &op->dims.upsample);
}

static void upsample_backward(operation *op) {
    rn_add_backward(&op->e.exec, op->gradient[0], op->dout, op->out_count);
    rn_upsample_backward(&op->e.exec, op->gradient[1], op->dout, &op->dims.upsample);
}

static operation upsample(rn_upsample_dims d) {
    const size_t out = (size_t)(d.batch * d.out_h * d.out_w * d.c);
    return (operation){.forward = upsample_forward,
                       .backward = upsample_backward,
                       .out_count = out,
                       .count = {out, (size_t)(d.batch * d.in_h * d.in_w * d.c)},
                       .dims.upsample = d};
}

START_TEST(top_down) {
    prove(upsample((rn_upsample_dims){2, 3, 2, 3, 6, 4}));
    prove(upsample((rn_upsample_dims){1, 4, 3, 2, 7, 5}));
    prove(upsample((rn_upsample_dims){1, 1, 1, 2, 3, 2}));
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("ops_gradient");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, convolution);
    tcase_add_test(tests, shifted_convolution);
    tcase_add_test(tests, depthwise_convolution);
    tcase_add_test(tests, normalisation);
    tcase_add_test(tests, relu);
    tcase_add_test(tests, relu6);
    tcase_add_test(tests, dropout);
    tcase_add_test(tests, sum);
    tcase_add_test(tests, max_pool);
    tcase_add_test(tests, top_down);
    return ops_run(tests, "ops_gradient");
}
