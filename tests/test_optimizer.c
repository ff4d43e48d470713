#include "base/random.h"
#include "suite.h"
#include "train/optimizer.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a block of parameters: running statistics first in order, last in the block ---- */

enum { CONV = 0, CONV_BIAS = 2, NORM = 3, NORM_BIAS = 4, MEAN = 5, TRAINED = 5, STORED = 7 };

static rn_param params[] = {
    {.kind = RN_PARAM_NORM_MEAN, .count = 2, .offset = MEAN},
    {.kind = RN_PARAM_CONV_WEIGHT, .count = 2, .offset = CONV, .trained = true},
    {.kind = RN_PARAM_CONV_BIAS, .count = 1, .offset = CONV_BIAS, .trained = true},
    {.kind = RN_PARAM_NORM_WEIGHT, .count = 1, .offset = NORM, .trained = true},
    {.kind = RN_PARAM_NORM_BIAS, .count = 1, .offset = NORM_BIAS, .trained = true}};

static const rn_graph graph = {
    .params = params, .n_params = 5, .n_trained = TRAINED, .n_stored = STORED};

/* The caller alone; its kernels take no scratch. */
static const rn_exec alone;

static rn_optimizer create(const rn_graph *g, const real *weights, rn_optimizer_options options) {
    rn_optimizer o;
    ck_assert_int_eq(rn_optimizer_create(&o, g, weights, &options), RN_OK);
    return o;
}

static void step(rn_optimizer *o, real *weights, const real *gradients, double lr, uint64_t n) {
    const double norm = rn_optimizer_norm(o, &alone, gradients);
    rn_optimizer_step(o, &alone, weights, gradients, lr, norm, n);
}

static void same(const real *got, const real *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(got[i] == want[i], "%zu: got %.9g, want %.9g", i, got[i], want[i]);
}

/* Two steps with powers of two, so that every number is exact. Decay is on CONV alone. */
START_TEST(momentum_and_decay) {
    real w[STORED] = {1, -2, 3, 4, 0.5f, 7, 8};
    static const real g[TRAINED] = {2, -4, 1, 8, -0.5f}, none[TRAINED];
    rn_optimizer o = create(&graph, w, (rn_optimizer_options){.momentum = 0.5, .decay = 0.25});
    same(o.velocity, none, TRAINED);
    ck_assert_ptr_null(o.square);
    ck_assert_ptr_null(o.ema);
    step(&o, w, g, 0.5, 0);
    same(o.velocity, (real[]){2.25f, -4.5f, 1, 8, -0.5f}, TRAINED);
    same(w, (real[]){-0.125f, 0.25f, 2.5f, 0, 0.75f, 7, 8}, STORED);
    step(&o, w, none, 0.5, 1);
    same(o.velocity, (real[]){1.09375f, -2.1875f, 0.5f, 4, -0.25f}, TRAINED);
    same(w, (real[]){-0.671875f, 1.34375f, 2.25f, -2, 0.875f, 7, 8}, STORED);
    /* a rate of 0 moves the velocity alone */
    step(&o, w, none, 0, 2);
    same(w, (real[]){-0.671875f, 1.34375f, 2.25f, -2, 0.875f, 7, 8}, STORED);
    same(o.velocity + 2, (real[]){0.25f, 2, -0.125f}, 3);
    rn_optimizer_free(&o);
    ck_assert_ptr_null(o.velocity);
    rn_optimizer_free(&o);
}
END_TEST

/* AdamW: the first step goes lr in the direction of the gradient's sign, whatever its size. Then a
 * gradient of 0: v' = g / 4 / (1 - 1/4), s' = .0099 g^2 / (1 - .9801). Decay is beside the step. */
START_TEST(adamw) {
    real w[STORED] = {1, -2, 3, 4, 0.5f, 7, 8};
    static const real g[TRAINED] = {1e-3f, -400, 1, 8, 0}, none[TRAINED];
    const rn_optimizer_options options = {
        .kind = RN_OPTIMIZER_ADAMW, .momentum = 0.5, .decay = 0.25};
    const double second = 1.0 / 3 / sqrt(0.0099 / 0.0199), d = 1 - 0.125 * 0.25;
    rn_optimizer o = create(&graph, w, options);
    same(o.square, none, TRAINED);
    step(&o, w, g, 0.125, 0);
    const double first[] = {d - 0.125, -2 * d + 0.125, 2.875, 3.875, 0.5, 7, 8};
    for (int i = 0; i < STORED; i++) ck_assert_double_eq_tol((double)w[i], first[i], 2e-6);
    step(&o, w, none, 0.125, 1);
    const double then[] = {first[0] * d - 0.125 * second,
                           first[1] * d + 0.125 * second,
                           2.875 - 0.125 * second,
                           3.875 - 0.125 * second,
                           0.5,
                           7,
                           8};
    for (int i = 0; i < STORED; i++) ck_assert_double_eq_tol((double)w[i], then[i], 2e-6);
    ck_assert_double_eq_tol((double)o.velocity[1], -100, 1e-4);
    ck_assert_double_eq_tol((double)o.square[1] / 1584, 1, 1e-6);
    rn_optimizer_free(&o);
    ck_assert_ptr_null(o.square);
}
END_TEST

/* |(3, 4)| = 5. What is clipped is the gradient, not the decay that is added to it. */
START_TEST(clipping) {
    static const struct {
        double clip;
        real scale;
    } cases[] = {{2.5, 0.5f}, {5, 1}, {1e9, 1}, {0, 1}, {0.625, 0.125f}};
    static const real g[TRAINED] = {3, 0, 0, 0, -4};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        real w[STORED] = {16, 0, 0, 0, 0};
        const rn_optimizer_options options = {
            .momentum = 0, .decay = 0.5, .clip = cases[i].clip, .ema_decay = 0};
        rn_optimizer o = create(&graph, w, options);
        ck_assert(rn_optimizer_norm(&o, &alone, g) == 5);
        step(&o, w, g, 1, 0);
        same(o.velocity, (real[]){3 * cases[i].scale + 8, 0, 0, 0, -4 * cases[i].scale}, TRAINED);
        same(w, (real[]){8 - 3 * cases[i].scale, 0, 0, 0, 4 * cases[i].scale}, TRAINED);
        rn_optimizer_free(&o);
    }
}
END_TEST

/* w goes from 1 to -3 in one step: the average covers 1 - d of the way. */
START_TEST(average_of_the_weights) {
    static const struct {
        double decay;
        uint64_t step;
        double d;
    } cases[] = {{0.998, 0, 0.1},         {0.998, 8, 0.5},       {0.5, 7, 8.0 / 17},
                 {0.5, 9, 0.5},           {0.75, 1000000, 0.75}, {0.998, 4489, 4490.0 / 4499},
                 {0.998, 1000000, 0.998}, {0.05, 0, 0.05}};
    static const real g[TRAINED] = {4, 4, 4, 4, 4};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        real w[STORED] = {1, 1, 1, 1, 1, 7, 8};
        const rn_optimizer_options options = {.ema_decay = cases[i].decay};
        rn_optimizer o = create(&graph, w, options);
        same(o.ema, w, STORED); /* it begins as the weights */
        w[MEAN] = 70;           /* the forward walk moves the statistics */
        w[MEAN + 1] = -80;
        step(&o, w, g, 1, cases[i].step);
        for (int k = 0; k < TRAINED; k++) {
            ck_assert(w[k] == -3);
            ck_assert_double_eq_tol((double)o.ema[k], 1 - 4 * (1 - cases[i].d), 3e-7);
        }
        same(o.ema + MEAN, (real[]){70, -80}, 2); /* copied, not averaged */
        rn_optimizer_free(&o);
    }
}
END_TEST

/* The average follows the weights as they are behind the step, over several steps. */
START_TEST(average_over_steps) {
    real w[STORED] = {0};
    static const real g[TRAINED] = {-1, 0, 0, 0, 0};
    const rn_optimizer_options options = {.ema_decay = 0.5};
    rn_optimizer o = create(&graph, w, options);
    static const real want[] = {0.5f, 1.25f, 2.125f, 3.0625f}; /* of 1, 2, 3, 4 */
    for (int i = 0; i < 4; i++) {
        step(&o, w, g, 1, 100 + (uint64_t)i);
        ck_assert(o.ema[0] == want[i]);
    }
    rn_optimizer_free(&o);
}
END_TEST

START_TEST(norms_of_odd_gradients) {
    real w[STORED] = {0}, g[TRAINED] = {0};
    rn_optimizer o = create(&graph, w, (rn_optimizer_options){.momentum = 0.9});
    ck_assert(rn_optimizer_norm(&o, &alone, g) == 0);
    for (int i = 0; i < TRAINED; i++) g[i] = 2e30f; /* a float's square would be infinite */
    ck_assert_double_eq_tol(rn_optimizer_norm(&o, &alone, g) / 2e30, sqrt(5), 1e-6);
    for (int i = 0; i < TRAINED; i++) g[i] = 1e-30f; /* and here zero */
    ck_assert_double_eq_tol(rn_optimizer_norm(&o, &alone, g) / 1e-30, sqrt(5), 1e-6);
    for (int i = 0; i < TRAINED; i++) { /* each parameter counts */
        memset(g, 0, sizeof g);
        g[i] = -3;
        ck_assert(rn_optimizer_norm(&o, &alone, g) == 3);
        g[i] = NAN;
        ck_assert(isnan(rn_optimizer_norm(&o, &alone, g)));
        g[i] = -INFINITY;
        ck_assert(isinf(rn_optimizer_norm(&o, &alone, g)));
    }
    rn_optimizer_free(&o);
}
END_TEST

/* ---- a block of several tasks: sizes on both sides of the seams ---- */

enum { BLOCK = 1 << 15, LARGE = 3 * BLOCK + 13, ODD = BLOCK + 1, SMALL = 7 };
enum { ALL = LARGE + ODD + SMALL };

static rn_param large_params[] = {
    {.kind = RN_PARAM_CONV_WEIGHT, .count = LARGE, .offset = 0, .trained = true},
    {.kind = RN_PARAM_CONV_BIAS, .count = ODD, .offset = LARGE, .trained = true},
    {.kind = RN_PARAM_CONV_WEIGHT, .count = SMALL, .offset = LARGE + ODD, .trained = true}};

static const rn_graph large = {
    .params = large_params, .n_params = 3, .n_trained = ALL, .n_stored = ALL};

static real weights[ALL], gradients[ALL], first_weights[ALL], first_ema[ALL];

static void fill(void) {
    rn_random random = rn_random_seed(3, 0, 0);
    for (size_t i = 0; i < ALL; i++) {
        weights[i] = (real)rn_random_normal(&random);
        gradients[i] = (real)(100 * rn_random_normal(&random));
    }
}

/* Every element is counted and updated once, whatever block it lies in. */
START_TEST(each_element_once) {
    for (size_t i = 0; i < ALL; i++) {
        weights[i] = 2;
        gradients[i] = 1;
    }
    const rn_optimizer_options options = {.momentum = 0, .decay = 0.25, .ema_decay = 0.5};
    rn_optimizer o = create(&large, weights, options);
    ck_assert(rn_optimizer_norm(&o, &alone, gradients) == sqrt(ALL));
    step(&o, weights, gradients, 1, 1000);
    for (size_t i = 0; i < ALL; i++) {
        const bool decays = i < LARGE || i >= LARGE + ODD;
        ck_assert(weights[i] == (decays ? 0.5f : 1));
        ck_assert(o.ema[i] == (decays ? 1.25f : 1.5f));
    }
    for (size_t i = 0; i < ALL; i++) gradients[i] = (real)i;
    double want = 0;
    for (size_t i = 0; i < ALL; i++) want += (double)i * (double)i;
    ck_assert_double_eq_tol(rn_optimizer_norm(&o, &alone, gradients) / sqrt(want), 1, 1e-14);
    rn_optimizer_free(&o);
}
END_TEST

static void check_threads(rn_optimizer_kind kind) {
    static const int counts[] = {0, 1, 2, 3, 8};
    const rn_optimizer_options options = {
        .kind = kind, .momentum = 0.9, .decay = 1e-4, .clip = 10, .ema_decay = 0.998};
    double norms[3];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        rn_threads *threads = NULL;
        if (counts[c] > 0) ck_assert_int_eq(rn_threads_create(&threads, counts[c]), RN_OK);
        const rn_exec exec = {.threads = threads};
        fill();
        rn_optimizer o = create(&large, weights, options);
        for (uint64_t s = 0; s < 3; s++) {
            const double norm = rn_optimizer_norm(&o, &exec, gradients);
            if (c == 0) norms[s] = norm;
            ck_assert(norm == norms[s]);
            rn_optimizer_step(&o, &exec, weights, gradients, 0.01, norm, s);
            for (size_t i = 0; i < ALL; i++) gradients[i] = gradients[i] * 0.7f + weights[i];
        }
        if (c == 0) {
            memcpy(first_weights, weights, sizeof weights);
            memcpy(first_ema, o.ema, sizeof first_ema);
        }
        ck_assert_mem_eq(weights, first_weights, sizeof weights);
        ck_assert_mem_eq(o.ema, first_ema, sizeof first_ema);
        rn_optimizer_free(&o);
        rn_threads_free(threads);
    }
}

START_TEST(any_number_of_threads_gives_the_same_bits) {
    check_threads(RN_OPTIMIZER_SGD);
    check_threads(RN_OPTIMIZER_ADAMW);
}
END_TEST

/* Everything frozen: nothing to update, the average still takes what is stored. */
START_TEST(nothing_trained) {
    rn_param frozen = {.kind = RN_PARAM_CONV_WEIGHT, .count = 2};
    const rn_graph g = {.params = &frozen, .n_params = 1, .n_trained = 0, .n_stored = 2};
    real w[2] = {1, 2};
    rn_optimizer o = create(&g, w, (rn_optimizer_options){.decay = 0.5, .ema_decay = 0.9});
    ck_assert_uint_eq(o.n_blocks, 0);
    w[0] = 5;
    step(&o, w, NULL, 1, 0);
    same(w, (real[]){5, 2}, 2);
    same(o.ema, (real[]){5, 2}, 2);
    rn_optimizer_free(&o);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("optimizer");
    TCase *tcase = tcase_create("optimizer");
    tcase_add_test(tcase, momentum_and_decay);
    tcase_add_test(tcase, adamw);
    tcase_add_test(tcase, clipping);
    tcase_add_test(tcase, average_of_the_weights);
    tcase_add_test(tcase, average_over_steps);
    tcase_add_test(tcase, norms_of_odd_gradients);
    tcase_add_test(tcase, each_element_once);
    tcase_add_test(tcase, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(tcase, nothing_trained);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
