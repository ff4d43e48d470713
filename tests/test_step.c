#include "base/memory.h"
#include "base/random.h"
#include "count_allocations.h"
#include "suite.h"
#include "train/step.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BATCH = 3, HEIGHT = 64, WIDTH = 96, PIXELS = 3 * BATCH * HEIGHT * WIDTH };

/* Two objects and a region to ignore, none, one. */
static rn_target targets[] = {{4, 6, 40, 44, 0, false},
                              {20, 18, 90, 60, 1, false},
                              {0, 40, 20, 64, 0, true},
                              {10, 10, 58, 60, 1, false}};
static size_t first_target[BATCH + 1] = {0, 3, 3, 4};
static float images[PIXELS];

typedef struct fixture {
    rn_model_config config;
    rn_network network;
    rn_threads *threads;
    real *weights;
    rn_step step;
    rn_batch batch;
} fixture;

static rn_step_options options(void) {
    return (rn_step_options){
        .batch = BATCH,
        .height = HEIGHT,
        .width = WIDTH,
        .max_targets = 3,
        .criterion = {.focal = {2, 0.25f},
                      .beta = 1.0f / 9,
                      .box_weight = 1,
                      .matcher = {0.5f, 0.4f, true}},
        .optimizer = {.momentum = 0.9, .decay = 1e-4, .clip = 10, .ema_decay = 0.998}};
}

/* A nano network on a pool of `threads`; 0: on the caller alone. */
static void setup(fixture *f, int threads, const rn_step_options *o) {
    static char a[] = "a", b[] = "b", *names[] = {a, b};
    static const int64_t ids[] = {1, 2};
    *f = (fixture){
        .batch = {.images = images, .n = BATCH, .targets = targets, .first_target = first_target}};
    ck_assert_int_eq(rn_model_config_preset(&f->config, "nano"), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&f->config, names, ids, 2), RN_OK);
    ck_assert_int_eq(rn_network_build(&f->network, &f->config), RN_OK);
    ck_assert_int_eq(rn_alloc(&f->weights, f->network.graph.n_stored, sizeof(real)), RN_OK);
    rn_network_init(&f->network, f->weights, 9, 0.01);
    if (threads > 0) ck_assert_int_eq(rn_threads_create(&f->threads, threads), RN_OK);
    rn_random random = rn_random_seed(8, 0, 0);
    for (size_t i = 0; i < PIXELS; i++) images[i] = (float)rn_random_normal(&random);
    ck_assert_msg(rn_step_create(&f->step, &f->network, &f->config, f->threads, f->weights, o) ==
                      RN_OK,
                  "%s", rn_error_text());
}

static void teardown(fixture *f) {
    rn_step_free(&f->step);
    rn_step_free(&f->step);
    rn_threads_free(f->threads);
    free(f->weights);
    rn_network_free(&f->network);
    rn_model_config_free(&f->config);
}

/* The weights stay, what is computed twice is the same, and nothing of the first call is left in
 * the gradients of the second. */
START_TEST(gradients_alone) {
    fixture f;
    rn_step_result first, second;
    real *weights = NULL, *gradients = NULL;
    const rn_step_options o = options();
    setup(&f, 2, &o);
    const size_t stored = f.network.graph.n_stored, trained = f.network.graph.n_trained;
    ck_assert_int_eq(rn_alloc(&weights, stored, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&gradients, trained, sizeof(real)), RN_OK);
    memcpy(weights, f.weights, stored * sizeof(real));
    rn_step_gradients(&first, &f.step, &f.batch);
    memcpy(gradients, f.step.gradients, trained * sizeof(real));
    rn_step_gradients(&second, &f.step, &f.batch);
    ck_assert_mem_eq(f.step.gradients, gradients, trained * sizeof(real));
    ck_assert_mem_eq(f.weights, weights, stored * sizeof(real));
    ck_assert(first.losses.cls == second.losses.cls && first.losses.box == second.losses.box);
    ck_assert(first.norm == second.norm && first.norm > 0);
    ck_assert_uint_gt(first.losses.positives, 0);
    double square = 0; /* the norm is that of the gradient before clipping */
    for (size_t i = 0; i < trained; i++) square += (double)gradients[i] * (double)gradients[i];
    ck_assert_double_eq_tol(first.norm / sqrt(square), 1, 1e-12);
    free(weights);
    free(gradients);
    teardown(&f);
}
END_TEST

/* Each logit is the bias -ln((1-pi)/pi), hence each probability pi = 0.01. */
static void forget_pictures(fixture *f) {
    const char *name = "head.classification_head.cls_logits.weight";
    const rn_param *param = rn_graph_param(&f->network.graph, name);
    ck_assert_ptr_nonnull(param);
    memset(f->weights + param->offset, 0, param->count * sizeof(real));
}

/* alpha (1-pi)^gamma (-ln pi) each foreground pair, (1-alpha) pi^gamma (-ln(1-pi)) each other. */
static const double FOREGROUND = 0.25 * 0.99 * 0.99 * 4.605170185988091,
                    OTHER = 0.75 * 1e-4 * 0.010050335853501441;

START_TEST(first_loss_by_its_closed_form) {
    fixture f;
    rn_step_result r;
    const rn_step_options o = options();
    setup(&f, 0, &o);
    forget_pictures(&f);
    rn_step_gradients(&r, &f.step, &f.batch);
    ck_assert_uint_eq(r.losses.anchors, BATCH * 9 * (8 * 12 + 4 * 6 + 2 * 3 + 1 * 2 + 1 * 1));
    ck_assert_uint_gt(r.losses.positives, 0);
    ck_assert_uint_gt(r.losses.ignored, 0);
    const double positives = (double)r.losses.positives;
    const double pairs = 2 * (double)(r.losses.anchors - r.losses.ignored) - positives;
    ck_assert_double_eq_tol(r.losses.cls, FOREGROUND + OTHER * pairs / positives, 1e-6);
    teardown(&f);
}
END_TEST

/* No object at all: finite, no box loss, and still a gradient (of the background). */
START_TEST(only_background) {
    static const size_t none[BATCH + 1];
    fixture f;
    rn_step_result r;
    const rn_step_options o = options();
    setup(&f, 2, &o);
    forget_pictures(&f);
    f.batch.first_target = (size_t *)none;
    rn_step_gradients(&r, &f.step, &f.batch);
    ck_assert_uint_eq(r.losses.positives, 0);
    ck_assert_uint_eq(r.losses.ignored, 0);
    ck_assert(r.losses.box == 0);
    ck_assert(isfinite(r.norm) && r.norm > 0);
    /* every pair of the batch, divided by 1, not by 0 */
    ck_assert_double_eq_tol(r.losses.cls / (OTHER * 2 * (double)r.losses.anchors), 1, 1e-5);
    teardown(&f);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits) {
    static const int counts[] = {0, 1, 2, 3, 4};
    real *weights = NULL, *ema = NULL;
    double losses[3];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        fixture f;
        rn_step_result r;
        const rn_step_options o = options();
        setup(&f, counts[c], &o);
        const size_t size = f.network.graph.n_stored * sizeof(real);
        for (uint64_t s = 0; s < 3; s++) {
            rn_step_gradients(&r, &f.step, &f.batch);
            if (c == 0) losses[s] = r.losses.cls + r.losses.box + r.norm;
            ck_assert(losses[s] == r.losses.cls + r.losses.box + r.norm);
            rn_step_update(&f.step, &r, 0.01, s);
        }
        if (c == 0) {
            ck_assert_int_eq(rn_alloc(&weights, size, 1), RN_OK);
            ck_assert_int_eq(rn_alloc(&ema, size, 1), RN_OK);
            memcpy(weights, f.weights, size);
            memcpy(ema, f.step.optimizer.ema, size);
            ck_assert(memcmp(weights, ema, size) != 0);
        }
        ck_assert_mem_eq(f.weights, weights, size);
        ck_assert_mem_eq(f.step.optimizer.ema, ema, size);
        teardown(&f);
    }
    free(weights);
    free(ema);
}
END_TEST

/* The same three pictures again and again are learnt by heart. */
START_TEST(a_batch_is_learnt) {
    fixture f;
    rn_step_result r;
    double first = 0;
    const rn_step_options o = options();
    setup(&f, 2, &o);
    for (uint64_t s = 0; s < 60; s++) {
        rn_step_gradients(&r, &f.step, &f.batch);
        if (s == 0) first = r.losses.cls + r.losses.box;
        rn_step_update(&f.step, &r, 0.02, s);
    }
    ck_assert_double_lt(r.losses.cls + r.losses.box, 0.35 * first);
    teardown(&f);
}
END_TEST

START_TEST(no_allocation_in_a_step) {
    fixture f;
    rn_step_result r;
    const rn_step_options o = options();
    setup(&f, 3, &o);
    const size_t before = allocations;
    for (uint64_t s = 0; s < 3; s++) {
        rn_step_gradients(&r, &f.step, &f.batch);
        rn_step_update(&f.step, &r, 0.01, s);
    }
    const size_t during = allocations - before;
    if (COUNTS_ALLOCATIONS) {
        void *volatile one = malloc(1); /* and it does count; volatile: not to be optimised away */
        free(one);
        ck_assert_uint_eq(allocations - before, during + 1);
        ck_assert_uint_eq(during, 0);
    } else {
        puts("skipped: no_allocation_in_a_step, the sanitizers allocate");
    }
    teardown(&f);
}
END_TEST

/* What is said before is what is taken, so that training is refused where it does not fit. */
START_TEST(memory_as_foretold) {
    for (int threads = 1; threads <= 3; threads += 2) {
        fixture f;
        size_t told = 0;
        rn_step_options o = options();
        o.optimizer.ema_decay = threads == 1 ? 0 : 0.9;
        const size_t before = allocated_bytes;
        setup(&f, threads, &o);
        const size_t weights = f.network.graph.n_stored * sizeof(real);
        const size_t taken = allocated_bytes - before - weights;
        ck_assert_int_eq(rn_step_memory(&told, &f.network, &o, threads), RN_OK);
        if (COUNTS_ALLOCATIONS) {
            ck_assert_uint_ge(told, taken - taken / 20);
            ck_assert_uint_le(told, taken + taken / 20);
        }
        teardown(&f);
    }
    if (!COUNTS_ALLOCATIONS) puts("skipped: memory_as_foretold, the sanitizers allocate");
}
END_TEST

/* The address space of this process and `room` more. */
static struct rlimit limited_to(rlim_t room) {
    unsigned long pages = 0;
    struct rlimit limit;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + room;
    return limit;
}

/* A batch with too little memory: told, then refused, with nothing left behind. */
START_TEST(steps_that_do_not_fit) {
    fixture f;
    rn_step step;
    size_t told = 0;
    struct rlimit before, limit;
    rn_step_options o = options();
    setup(&f, 1, &o);
    o.batch = 1024;
    ck_assert_int_eq(rn_step_memory(&told, &f.network, &o, 1), RN_OK);
    ck_assert_uint_gt(told, (size_t)512 << 20);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    limit = limited_to((rlim_t)256 << 20);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    const rn_status status = rn_step_create(&step, &f.network, &f.config, f.threads, f.weights, &o);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    ck_assert_int_eq(status, RN_ENOMEM);
    ck_assert_ptr_null(step.arena);
    ck_assert_ptr_null(step.gradients);
    ck_assert_ptr_null(step.criterion);
    teardown(&f);
}
END_TEST

/* The sanitizers stop at an allocation that cannot be had; here it must fail as it does without. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}

int main(void) {
    Suite *suite = suite_create("step");
    TCase *tcase = tcase_create("step");
    tcase_set_timeout(tcase, 60); /* for the sanitizers */
    tcase_add_test(tcase, gradients_alone);
    tcase_add_test(tcase, first_loss_by_its_closed_form);
    tcase_add_test(tcase, only_background);
    tcase_add_test(tcase, any_number_of_threads_gives_the_same_bits);
    tcase_add_test(tcase, a_batch_is_learnt);
    tcase_add_test(tcase, no_allocation_in_a_step);
    tcase_add_test(tcase, memory_as_foretold);
    tcase_add_test(tcase, steps_that_do_not_fit);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
