/* A whole nano network in double: matching, both losses and backward against central differences, a
 * few numbers of every parameter. */
#include "base/memory.h"
#include "base/random.h"
#include "model/criterion.h"
#include "model/network.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, SIDE = 64, PER_PARAMETER = 3, TRIES = 40 };

static const rn_target targets[] = {{4, 6, 40, 44, 0, false},
                                    {20, 18, 61, 50, 1, false},
                                    {0, 40, 20, 64, 0, true},
                                    {10, 10, 58, 60, 1, false}};
static const size_t first_target[BATCH + 1] = {0, 3, 4};

typedef struct fixture {
    rn_model_config config;
    rn_network network;
    rn_plan plan;
    rn_exec exec;
    rn_run run;
    rn_criterion *criterion;
    real *input;
} fixture;

static void setup(fixture *f, int norm, int head_norm, double dropout, rn_box_loss box_loss) {
    static char a[] = "a", b[] = "b", *names[] = {a, b};
    static const int64_t ids[] = {1, 2};
    const rn_criterion_options options = {.focal = {2, (real)0.25},
                                          .box_loss = box_loss,
                                          .beta = (real)(1.0 / 9.0),
                                          .box_weight = (real)1.5,
                                          .matcher = {(real)0.5, (real)0.4, true}};
    memset(f, 0, sizeof *f);
    ck_assert_int_eq(rn_model_config_preset(&f->config, "nano"), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&f->config, names, ids, 2), RN_OK);
    f->config.norm = norm;
    f->config.head_norm = head_norm;
    f->config.head_dropout = dropout;
    ck_assert_int_eq(rn_network_build(&f->network, &f->config), RN_OK);
    const rn_graph *graph = &f->network.graph;
    ck_assert_int_eq(rn_plan_create(&f->plan, graph, RN_TRAINING, BATCH, SIDE, SIDE), RN_OK);
    real *scratch;
    ck_assert_int_eq(rn_alloc(&scratch, rn_exec_reals(f->plan.scratch, NULL), sizeof(real)), RN_OK);
    f->exec = rn_exec_of(NULL, scratch, f->plan.scratch);
    f->run = (rn_run){.plan = &f->plan, .exec = &f->exec, .draw = 5};
    ck_assert_int_eq(rn_alloc(&f->run.arena, f->plan.arena, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->run.weights, graph->n_stored, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->run.gradients, graph->n_trained, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->input, BATCH * SIDE * SIDE * 3, sizeof(real)), RN_OK);
    rn_random random = rn_random_seed(8, 0, 0);
    for (size_t i = 0; i < BATCH * SIDE * SIDE * 3; i++) f->input[i] = rn_random_normal(&random);
    rn_network_init(&f->network, f->run.weights, 9, 0.01);
    /* Not the initial heads: at N(0, 0.01) the gradients are too small to compare. */
    for (size_t i = 0; i < graph->n_params; i++)
        for (size_t k = 0;
             strncmp(graph->params[i].name, "head.", 5) == 0 && k < graph->params[i].count; k++)
            f->run.weights[graph->params[i].offset + k] += 0.05 * rn_random_normal(&random);
    ck_assert_int_eq(
        rn_criterion_create(&f->criterion, &f->network, &f->config, &f->plan, &options, 4), RN_OK);
}

static void teardown(fixture *f) {
    rn_criterion_free(f->criterion);
    rn_plan_free(&f->plan);
    rn_network_free(&f->network);
    rn_model_config_free(&f->config);
    free(f->exec.scratch);
    free(f->run.arena);
    free(f->run.weights);
    free(f->run.gradients);
    free(f->input);
}

static double loss(fixture *f) {
    rn_losses losses;
    memcpy(rn_run_value(&f->run, 0), f->input, BATCH * SIDE * SIDE * 3 * sizeof(real));
    rn_forward(&f->run);
    rn_criterion_run(&losses, f->criterion, &f->run, targets, first_target);
    ck_assert(losses.positives > 10 && losses.ignored > 0);
    return losses.cls + losses.box;
}

static double loss_at(fixture *f, size_t at, real value) {
    real *w = f->run.weights + at;
    const real was = *w;
    *w = value;
    const double result = loss(f);
    *w = was;
    return result;
}

/* The fourth-order central difference: its rounding noise, about 1e-15 / step, is small at a step
 * that needs the higher order. */
static real central(fixture *f, size_t at, real step) {
    const real w = f->run.weights[at];
    const double near = loss_at(f, at, w + step) - loss_at(f, at, w - step);
    const double far = loss_at(f, at, w + 2 * step) - loss_at(f, at, w - 2 * step);
    return (8 * near - far) / (12 * step);
}

/* Compare up to PER_PARAMETER random numbers of one parameter; returns how many had a derivative to
 * compare with. */
static int check_parameter(fixture *f, const rn_param *param, rn_random *random) {
    int checked = 0;
    for (int i = 0; i < TRIES && checked < PER_PARAMETER; i++) {
        const size_t at = param->offset + rn_random_below(random, param->count);
        const real analytic = f->run.gradients[at], a = central(f, at, 2e-5),
                   b = central(f, at, 1e-5);
        /* They disagree where a ReLU, a maximum or smooth L1's joint switches between: try another.
         */
        if (fabs(a - b) > 3e-7 * fmax(1e-3, fabs(b))) continue;
        const real error = fabs(analytic - b) / fmax(1e-3, fmax(fabs(analytic), fabs(b)));
        ck_assert_msg(error <= 1e-6, "%s[%zu]: %.12g by backward, %.12g by differences",
                      param->name, at - param->offset, analytic, b);
        checked++;
    }
    return checked;
}

static void check_network(int norm, int head_norm, double dropout, rn_box_loss box_loss) {
    fixture f;
    rn_random random = rn_random_seed(10, 0, 0);
    setup(&f, norm, head_norm, dropout, box_loss);
    loss(&f);
    rn_backward(&f.run);
    for (size_t i = 0; i < f.network.graph.n_params; i++) {
        const rn_param *param = &f.network.graph.params[i];
        if (!param->trained) continue;
        ck_assert_msg(check_parameter(&f, param, &random) > 0, "%s: kinks everywhere", param->name);
    }
    teardown(&f);
}

START_TEST(nano_with_group_norm) {
    check_network(RN_NORM_GROUP, RN_BRANCH_NORM_GROUP, 0, RN_BOX_SMOOTH_L1);
}
END_TEST

START_TEST(nano_with_dropout_in_the_heads) {
    check_network(RN_NORM_GROUP, RN_BRANCH_NORM_GROUP, 0.3, RN_BOX_SMOOTH_L1);
}
END_TEST

START_TEST(nano_with_frozen_batch_norm_and_giou) {
    check_network(RN_NORM_FROZEN, RN_BRANCH_NORM_NONE, 0, RN_BOX_GIOU);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("network gradient");
    TCase *tests = tcase_create("nano");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, nano_with_group_norm);
    tcase_add_test(tests, nano_with_dropout_in_the_heads);
    tcase_add_test(tests, nano_with_frozen_batch_norm_and_giou);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
