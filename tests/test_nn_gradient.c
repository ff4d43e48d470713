/* The walks of src/nn in double: every parameter of a graph with every kind of node, against
 * central differences; and what the planner promises about memory. */
#include "base/memory.h"
#include "base/random.h"
#include "nn/op.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, SIDE = 16 };

/* Two levels with a shared head, a residual block, pooling, a depthwise convolution with
 * TensorFlow's padding and ReLU6, the top-down sum and all three norms. */
static void build(rn_graph *graph) {
    const rn_conv_spec first = {4, 3, 2, 1, true, true}, plain = {4, 3, 1, 1, false, false},
                       down = {4, 3, 2, 1, true, false}, head = {3, 3, 1, 1, true, false};
    int image, a, b, c, p, q, r, out;
    ck_assert_int_eq(rn_graph_input(graph, &image, 3), RN_OK);
    ck_assert_int_eq(rn_graph_conv(graph, &a, image, "stem", &first), RN_OK);
    ck_assert_int_eq(rn_graph_max_pool(graph, &a, a, 3, 2, 1), RN_OK);
    ck_assert_int_eq(rn_graph_conv(graph, &b, a, "block.0", &plain), RN_OK);
    ck_assert_int_eq(rn_graph_norm(graph, &b, b, "block.gn", RN_NORM_GROUP, 2, true), RN_OK);
    ck_assert_int_eq(rn_graph_conv(graph, &b, b, "block.1", &plain), RN_OK);
    ck_assert_int_eq(rn_graph_norm(graph, &b, b, "block.bn", RN_NORM_BATCH, 1, false), RN_OK);
    ck_assert_int_eq(rn_graph_add(graph, &a, b, a, true), RN_OK);
    ck_assert_int_eq(rn_graph_depthwise(graph, &c, a, "down", &down), RN_OK);
    rn_graph_pad_same(graph, c);
    ck_assert_int_eq(rn_graph_norm(graph, &c, c, "down.frozen", RN_NORM_FROZEN, 1, RN_RELU6),
                     RN_OK);
    ck_assert_int_eq(rn_graph_conv(graph, &p, a, "lateral", &plain), RN_OK);
    ck_assert_int_eq(rn_graph_upsample_add(graph, &p, p, c), RN_OK);
    ck_assert_int_eq(rn_graph_relu(graph, &q, c), RN_OK);
    ck_assert_int_eq(rn_graph_conv(graph, &r, q, "extra", &down), RN_OK);
    const int level[] = {p, c, r};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rn_graph_conv(graph, &out, level[i], "head", &head), RN_OK);
        ck_assert_int_eq(rn_graph_output(graph, out), RN_OK);
    }
    rn_graph_finish(graph);
}

/* A graph, its plan and memory; the loss is the sum of outputs times fixed random weights. */
typedef struct fixture {
    rn_graph graph;
    rn_plan plan;
    rn_exec exec;
    rn_run run;
    real *input;
} fixture;

static void fill(real *values, size_t n, uint64_t seed) {
    rn_random random = rn_random_seed(seed, 0, 0);
    for (size_t i = 0; i < n; i++) values[i] = (real)rn_random_normal(&random);
}

static void setup(fixture *f, rn_mode mode) {
    memset(f, 0, sizeof *f);
    build(&f->graph);
    ck_assert_int_eq(rn_plan_create(&f->plan, &f->graph, mode, BATCH, SIDE, SIDE), RN_OK);
    real *scratch;
    ck_assert_int_eq(rn_alloc(&scratch, rn_exec_reals(f->plan.scratch, NULL), sizeof(real)), RN_OK);
    f->exec = rn_exec_of(NULL, scratch, f->plan.scratch);
    f->run = (rn_run){.plan = &f->plan, .exec = &f->exec};
    ck_assert_int_eq(rn_alloc(&f->run.arena, f->plan.arena, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->run.weights, f->graph.n_stored, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->run.gradients, f->graph.n_trained, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->input, BATCH * SIDE * SIDE * 3, sizeof(real)), RN_OK);
    fill(f->input, BATCH * SIDE * SIDE * 3, 5);
    fill(f->run.weights, f->graph.n_stored, 6);
    for (size_t i = 0; i < f->graph.n_params; i++) { /* a variance is positive */
        const rn_param *p = &f->graph.params[i];
        for (size_t k = 0; p->kind == RN_PARAM_NORM_VAR && k < p->count; k++)
            f->run.weights[p->offset + k] = 1 + fabs(f->run.weights[p->offset + k]);
    }
}

static void teardown(fixture *f) {
    rn_plan_free(&f->plan);
    rn_graph_free(&f->graph);
    free(f->exec.scratch);
    free(f->run.arena);
    free(f->run.weights);
    free(f->run.gradients);
    free(f->input);
}

/* The loss; with `backward` also the gradients of the outputs, ready for rn_backward. */
static real loss(fixture *f, bool backward) {
    real sum = 0;
    /* Garbage in the arena shows a value that is read before it is written or after its life. */
    for (size_t i = 0; i < f->plan.arena; i++) f->run.arena[i] = 1e3;
    memcpy(rn_run_value(&f->run, 0), f->input, BATCH * SIDE * SIDE * 3 * sizeof(real));
    rn_forward(&f->run);
    for (size_t k = 0; k < f->graph.n_outputs; k++) {
        const int value = f->graph.outputs[k];
        const size_t n = rn_shape_count(&f->plan.shape[value]);
        const real *out = rn_run_value(&f->run, value);
        rn_random random = rn_random_seed(7, k, 0);
        for (size_t i = 0; i < n; i++) {
            const real weight = (real)rn_random_normal(&random);
            sum += weight * out[i];
            if (backward) rn_run_gradient(&f->run, value)[i] = weight;
        }
    }
    return sum;
}

static real central(fixture *f, size_t at, real step) {
    real *w = f->run.weights + at;
    const real was = *w;
    *w = was + step;
    const real high = loss(f, false);
    *w = was - step;
    const real low = loss(f, false);
    *w = was;
    return (high - low) / (2 * step);
}

START_TEST(every_parameter) {
    fixture f;
    size_t checked = 0, kinks = 0;
    setup(&f, RN_TRAINING);
    loss(&f, true);
    rn_backward(&f.run);
    for (size_t i = 0; i < f.graph.n_trained; i++) {
        const real analytic = f.run.gradients[i];
        const real a = central(&f, i, 1e-5), b = central(&f, i, 5e-6);
        /* The two differences disagree where a ReLU or a maximum switches between: no derivative to
         * compare with there. */
        if (fabs(a - b) > 1e-7 * fmax(1e-3, fabs(b))) {
            kinks++;
            continue;
        }
        const real error = fabs(analytic - b) / fmax(1e-3, fmax(fabs(analytic), fabs(b)));
        ck_assert_msg(error <= 1e-6, "gradient %zu: %.12g by backward, %.12g by differences", i,
                      analytic, b);
        checked++;
    }
    ck_assert_msg(checked > 9 * kinks, "%zu checked, %zu on kinks", checked, kinks);
    teardown(&f);
}
END_TEST

/* Backward adds: a second walk doubles every gradient. */
START_TEST(adds_up) {
    fixture f;
    setup(&f, RN_TRAINING);
    loss(&f, true);
    rn_backward(&f.run);
    real *once;
    ck_assert_int_eq(rn_alloc(&once, f.graph.n_trained, sizeof *once), RN_OK);
    memcpy(once, f.run.gradients, f.graph.n_trained * sizeof *once);
    loss(&f, true);
    rn_backward(&f.run);
    for (size_t i = 0; i < f.graph.n_trained; i++)
        ck_assert(fabs(f.run.gradients[i] - 2 * once[i]) <= 1e-9 * fmax(1, fabs(once[i])));
    free(once);
    teardown(&f);
}
END_TEST

/* The inference plan shares more memory and computes the same, batch norm aside, whose running
 * statistics it uses. */
START_TEST(inference_needs_less) {
    fixture training, inference;
    setup(&training, RN_TRAINING);
    setup(&inference, RN_INFERENCE);
    ck_assert(inference.plan.arena < training.plan.arena);
    ck_assert(isfinite(loss(&inference, false)));
    const real first = loss(&inference, false), second = loss(&inference, false);
    ck_assert(first == second);
    teardown(&training);
    teardown(&inference);
}
END_TEST

START_TEST(refuses_what_does_not_fit) {
    rn_graph graph = {0};
    const rn_conv_spec conv = {4, 7, 1, 0, true, false};
    rn_plan plan;
    int image, a, b;
    ck_assert_int_eq(rn_graph_input(&graph, &image, 3), RN_OK);
    ck_assert_int_eq(rn_graph_conv(&graph, &a, image, "a", &conv), RN_OK);
    ck_assert_int_eq(rn_graph_norm(&graph, &b, a, "n", RN_NORM_GROUP, 3, false), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "n: 3 groups do not divide 4 channels");
    ck_assert_int_eq(rn_graph_add(&graph, &b, a, image, false), RN_EINVAL);
    ck_assert_int_eq(rn_graph_conv(&graph, &b, a, "a", &conv), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "a.weight: shared with another shape");
    rn_graph_finish(&graph);
    ck_assert_int_eq(rn_plan_create(&plan, &graph, RN_INFERENCE, 1, 6, 6), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "a picture of 6x6 is too small for the network");
    rn_graph_free(&graph);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("nn");
    TCase *tests = tcase_create("walks");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_parameter);
    tcase_add_test(tests, adds_up);
    tcase_add_test(tests, inference_needs_less);
    tcase_add_test(tests, refuses_what_does_not_fit);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
