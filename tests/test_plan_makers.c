/* Which nodes a convolution computes in passing, and which levels are one job; that neither shows
 * in the values. */
#include "graph_maker.h"
#include "ops_exec.h"
#include "suite.h"

static int add_sum(int a, int b, bool relu) {
    int value;
    ck_assert_int_eq(rn_graph_add(&graph, &value, a, b, relu), RN_OK);
    return value;
}

/* image, stem (ReLU), conv, norm, sum with the stem. */
typedef struct block {
    int image, stem, conv, norm, sum;
} block;

static block add_block(rn_norm_kind kind, bool conv_relu, bool norm_relu, bool turned) {
    block b = {.image = add_input(3)};
    b.stem = add_conv(b.image, "stem", 6, 3, 2, 1, true);
    b.conv = add_conv(b.stem, "conv", 6, 3, 1, 1, conv_relu);
    b.norm = add_norm(b.conv, "norm", kind, norm_relu);
    b.sum = turned ? add_sum(b.stem, b.norm, true) : add_sum(b.norm, b.stem, true);
    return b;
}

static void finish(int output) {
    add_output(output);
    rn_graph_finish(&graph);
}

/* The maker of norm and of sum, in that mode. */
static void check_makers(const block *b, rn_mode mode, int norm, int sum) {
    rn_plan plan = make_plan(mode, 2, 9, 7);
    ck_assert_int_eq(plan.maker[b->stem], b->stem);
    ck_assert_int_eq(plan.maker[b->conv], b->conv);
    ck_assert_int_eq(plan.maker[b->norm], norm);
    ck_assert_int_eq(plan.maker[b->sum], sum);
    for (int i = 0; i < (int)graph.n_nodes; i++) ck_assert_int_eq(plan.job[i], i);
    rn_plan_free(&plan);
}

START_TEST(norm_and_sum_in_passing) {
    const block b = add_block(RN_NORM_FROZEN, false, false, _i);
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.conv, b.conv);
    check_makers(&b, RN_TRAINING, b.conv, b.conv);
}
END_TEST

START_TEST(batch_norm_is_constant_in_inference_alone) {
    const block b = add_block(RN_NORM_BATCH, false, false, false);
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.conv, b.conv);
    check_makers(&b, RN_TRAINING, b.norm, b.sum);
}
END_TEST

START_TEST(activations_end_it) {
    block b = add_block(RN_NORM_FROZEN, false, true, false);
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.conv, b.sum);
    close_graph();
    open_graph();
    b = add_block(RN_NORM_FROZEN, true, false, false);
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.norm, b.sum);
    close_graph();
    open_graph();
    b = add_block(RN_NORM_GROUP, false, false, false);
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.norm, b.sum);
}
END_TEST

START_TEST(what_others_want_is_computed) {
    block b = add_block(RN_NORM_FROZEN, false, false, false);
    add_output(b.norm);
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.conv, b.sum);
    close_graph();
    open_graph();
    b = add_block(RN_NORM_FROZEN, false, false, false);
    finish(add_sum(b.sum, b.conv, false)); /* reads the convolution itself */
    check_makers(&b, RN_INFERENCE, b.norm, b.sum);
    close_graph();
    open_graph();
    b = (block){.image = add_input(3)};
    b.stem = add_conv(b.image, "stem", 6, 3, 2, 1, true);
    b.conv = add_conv(b.stem, "conv", 6, 3, 1, 1, false);
    b.norm = add_norm(b.conv, "norm", RN_NORM_FROZEN, false);
    b.sum = add_sum(b.norm, b.norm, true); /* twice itself */
    finish(b.sum);
    check_makers(&b, RN_INFERENCE, b.conv, b.sum);
}
END_TEST

/* ---- values ---- */

typedef struct walk {
    real *out, *gradients;
    size_t n;
} walk;

static walk walk_over(int output) {
    rn_plan plan = make_plan(RN_TRAINING, 2, 9, 7);
    ops_exec e = ops_exec_open(2, plan.scratch);
    rn_run run = {.plan = &plan,
                  .exec = &e.exec,
                  .weights = ops_random(graph.n_stored, 0.1, 1, 1),
                  .gradients = ops_random(graph.n_trained, 0, 0, 1),
                  .arena = ops_random(plan.arena, 0, 0, 1)};
    for (size_t i = 0; i < plan.arena; i++) run.arena[i] = (real)NAN;
    walk w = {.n = rn_shape_count(&plan.shape[output]), .gradients = run.gradients};
    real *image = ops_random(rn_shape_count(&plan.shape[0]), -1, 1, 2);
    memcpy(rn_run_value(&run, 0), image, rn_shape_count(&plan.shape[0]) * sizeof(real));
    rn_forward(&run);
    w.out = ops_random(w.n, 0, 0, 1);
    memcpy(w.out, rn_run_value(&run, output), w.n * sizeof(real));
    for (size_t k = 0; k < graph.n_outputs; k++) {
        const size_t n = rn_shape_count(&plan.shape[graph.outputs[k]]);
        real *dout = ops_random(n, -1, 1, 3);
        memset(rn_run_gradient(&run, graph.outputs[k]), 0, n * sizeof(real));
        if (graph.outputs[k] == output)
            memcpy(rn_run_gradient(&run, output), dout, n * sizeof(real));
        free(dout);
    }
    rn_backward(&run);
    free(image);
    free(run.weights);
    free(run.arena);
    ops_exec_close(&e);
    rn_plan_free(&plan);
    return w;
}

static void same(const real *a, const real *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-5 * fmax(1, fabs((double)b[i])));
}

/* A block, then one more that projects: outputs and gradients are those of the same graph whose
 * values are all wanted, so that nothing is passed. */
START_TEST(passing_does_not_show) {
    walk walks[2];
    size_t trained = 0;
    for (int apart = 0; apart < 2; apart++) {
        open_graph();
        const block b = add_block(RN_NORM_FROZEN, false, false, _i);
        const int left = add_norm(add_conv(b.sum, "left", 5, 3, 2, 1, false), "ln", RN_NORM_FROZEN,
                                  false),
                  right = add_norm(add_conv(b.sum, "right", 5, 1, 2, 0, false), "rn",
                                   RN_NORM_FROZEN, false),
                  sum = add_sum(left, right, true);
        for (int i = 1; apart && i < sum; i++) add_output(i);
        finish(sum);
        rn_plan plan = make_plan(RN_TRAINING, 2, 9, 7);
        ck_assert_int_eq(plan.maker[sum], apart ? sum : sum - 2);
        rn_plan_free(&plan);
        walks[apart] = walk_over(sum);
        trained = graph.n_trained;
        close_graph();
    }
    same(walks[0].out, walks[1].out, walks[0].n);
    same(walks[0].gradients, walks[1].gradients, trained);
    for (int i = 0; i < 2; i++) {
        free(walks[i].out);
        free(walks[i].gradients);
    }
}
END_TEST

/* ---- shared levels ---- */

START_TEST(levels_are_one_job) {
    const int image = add_input(3), a = add_conv(image, "a", 4, 3, 1, 1, true),
              b = add_conv(a, "b", 4, 3, 2, 1, true);
    const int first = add_conv(a, "head", 4, 3, 1, 1, true),
              second = add_conv(b, "head", 4, 3, 1, 1, true),
              chained = add_conv(second, "head", 4, 3, 1, 1, true), /* reads what the job makes */
        other = add_conv(b, "else", 4, 3, 1, 1, true);
    finish(add_conv(first, "last", 4, 3, 1, 1, false));
    rn_plan plan = make_plan(RN_TRAINING, 1, 8, 8);
    ck_assert_int_eq(plan.maker[first], first);
    ck_assert_int_eq(plan.maker[second], first);
    ck_assert_int_eq(plan.job[second], first);
    ck_assert_int_eq(plan.maker[chained], chained);
    ck_assert_int_eq(plan.maker[other], other);
    rn_plan_free(&plan);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan_makers");
    TCase *tests = tcase_create("plan_makers");
    tcase_add_checked_fixture(tests, open_graph, close_graph);
    tcase_add_loop_test(tests, norm_and_sum_in_passing, 0, 2);
    tcase_add_test(tests, batch_norm_is_constant_in_inference_alone);
    tcase_add_test(tests, activations_end_it);
    tcase_add_test(tests, what_others_want_is_computed);
    tcase_add_loop_test(tests, passing_does_not_show, 0, 2);
    tcase_add_test(tests, levels_are_one_job);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
