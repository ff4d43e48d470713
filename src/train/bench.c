/* bench.c: rn_bench_infer and rn_bench_train: the very code that detect and train run, on random
 * weights. */
#include "base/memory.h"
#include "base/random.h"
#include "model/detector.h"
#include "train/step.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 8 }; /* a picture, in bench train */

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(rn_bench_result *out, double *ms, int runs, int images) {
    qsort(ms, (size_t)runs, sizeof *ms, compare_doubles);
    out->ms_best = ms[0];
    out->ms_median = runs % 2 ? ms[runs / 2] : 0.5 * (ms[runs / 2 - 1] + ms[runs / 2]);
    out->images_per_s = 1e3 * images / out->ms_median;
    out->peak_mb = (double)rn_memory_peak() / 1e6;
}

/* The preset with `classes` classes that are called by their numbers. */
static rn_status make_config(rn_model_config *config, const rn_bench_options *options) {
    const char *preset = options->preset ? options->preset : "r18";
    char **names = NULL;
    int64_t *ids = NULL;
    const size_t n = (size_t)options->classes;
    rn_status status;
    if (options->width < 32 || options->height < 32 || options->runs < 1 || options->classes < 1 ||
        options->batch < 1)
        return rn_fail(RN_EINVAL, "bench: size, classes, batch or runs out of range");
    RN_TRY(rn_model_config_preset(config, preset));
    if ((status = rn_alloc(&names, n, sizeof *names)) != RN_OK) goto done;
    if ((status = rn_alloc(&ids, n, sizeof *ids)) != RN_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int64_t)i;
        if ((status = rn_asprintf(&names[i], "class %zu", i)) != RN_OK) goto done;
    }
    status = rn_model_config_set_classes(config, names, ids, n);
done:
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
    free(ids);
    if (status != RN_OK) rn_model_config_free(config);
    return status;
}

static void fill_normal(float *values, size_t n) {
    rn_random random = rn_random_seed(1, 2, 3);
    for (size_t i = 0; i < n; i++) values[i] = (float)rn_random_normal(&random);
}

static int threads_of(const rn_bench_options *options) {
    return options->threads > 0 ? options->threads : rn_threads_default();
}

/* Random weights that a real network could have: initialised as for training. */
static rn_status init_detector(rn_detector *det, const rn_model_config *config) {
    rn_network network;
    RN_TRY(rn_network_build(&network, config));
    rn_network_init(&network, rn_detector_weights(det), 1, 0.01);
    rn_network_free(&network);
    return RN_OK;
}

rn_status rn_bench_infer(rn_bench_result *out, const rn_bench_options *options) {
    const rn_detector_options det_options = {.threads = threads_of(options), .score_threshold = -1};
    rn_model_config config;
    rn_detector *det = NULL;
    rn_box *boxes = NULL;
    double *ms = NULL;
    rn_status status;
    *out = (rn_bench_result){0};
    RN_TRY(make_config(&config, options));
    if ((status = rn_alloc(&ms, (size_t)options->runs, sizeof *ms)) != RN_OK) goto done;
    if ((status = rn_alloc(&boxes, (size_t)config.max_detections, sizeof *boxes)) != RN_OK)
        goto done;
    if ((status = rn_detector_create(&det, &config, NULL, &det_options)) != RN_OK) goto done;
    if ((status = init_detector(det, &config)) != RN_OK) goto done;
    if ((status = rn_detector_plan(det, options->width, options->height)) != RN_OK) goto done;
    const rn_plan *plan = rn_detector_current_plan(det);
    fill_normal(rn_detector_input(det), rn_shape_count(&plan->shape[0]));
    for (int i = -1; i < options->runs; i++) { /* the first is not timed */
        size_t n;
        const double start = rn_now();
        status = rn_detector_forward(det, boxes, &n, options->width, options->height);
        if (status != RN_OK) goto done;
        if (i >= 0) ms[i] = 1e3 * (rn_now() - start);
    }
    out->gflop = 1e-9 * rn_detector_flops(det);
    out->planned_mb = 1e-6 * (double)sizeof(real) *
                      (double)(plan->arena + plan->scratch.own * (size_t)threads_of(options) +
                               plan->scratch.shared);
    summarise(out, ms, options->runs, 1);
done:
    rn_detector_close(det);
    rn_model_config_free(&config);
    free(boxes);
    free(ms);
    return status;
}

/* A made-up batch: noise, and OBJECTS boxes a picture. */
static rn_status make_batch(rn_batch *batch, const rn_plan *plan, int classes) {
    const rn_shape *shape = &plan->shape[0];
    const size_t n = (size_t)shape->n;
    rn_random random = rn_random_seed(4, 5, 6);
    *batch = (rn_batch){.n = shape->n};
    RN_TRY(rn_alloc(&batch->images, rn_shape_count(shape), sizeof *batch->images));
    RN_TRY(rn_alloc(&batch->targets, n * OBJECTS, sizeof *batch->targets));
    RN_TRY(rn_alloc(&batch->first_target, n + 1, sizeof *batch->first_target));
    fill_normal(batch->images, rn_shape_count(shape));
    for (size_t i = 0; i < n * OBJECTS; i++) {
        const float side = (float)rn_random_uniform(&random, 0.1, 0.5) *
                           (float)(shape->h < shape->w ? shape->h : shape->w);
        const float x = (float)rn_random_uniform(&random, 0, (double)((float)shape->w - side));
        const float y = (float)rn_random_uniform(&random, 0, (double)((float)shape->h - side));
        batch->targets[i] = (rn_target){
            x, y, x + side, y + side, (int)rn_random_below(&random, (uint64_t)classes), false};
    }
    for (size_t i = 0; i <= n; i++) batch->first_target[i] = i * OBJECTS;
    return RN_OK;
}

static void free_batch(rn_batch *batch) {
    free(batch->images);
    free(batch->targets);
    free(batch->first_target);
}

rn_status rn_bench_train(rn_bench_result *out, const rn_bench_options *options) {
    const rn_train_options train = rn_train_options_defaults();
    const rn_step_options step_options = {.batch = options->batch,
                                          .height = options->height,
                                          .width = options->width,
                                          .max_targets = OBJECTS,
                                          .criterion = rn_criterion_options_of(&train),
                                          .optimizer = rn_optimizer_options_of(&train)};
    rn_model_config config;
    rn_network network = {0};
    rn_step step = {0};
    rn_batch batch = {0};
    rn_threads *threads = NULL;
    real *weights = NULL;
    double *ms = NULL;
    rn_status status;
    *out = (rn_bench_result){0};
    RN_TRY(make_config(&config, options));
    if ((status = rn_alloc(&ms, (size_t)options->runs, sizeof *ms)) != RN_OK) goto done;
    if ((status = rn_threads_create(&threads, threads_of(options))) != RN_OK) goto done;
    if ((status = rn_network_build(&network, &config)) != RN_OK) goto done;
    if ((status = rn_alloc(&weights, network.graph.n_stored, sizeof *weights)) != RN_OK) goto done;
    rn_network_init(&network, weights, 1, 0.01);
    if ((status = rn_step_create(&step, &network, &config, threads, weights, &step_options)) !=
        RN_OK)
        goto done;
    if ((status = make_batch(&batch, &step.plan, options->classes)) != RN_OK) goto done;
    for (int i = -1; i < options->runs; i++) {
        rn_step_result result;
        const double start = rn_now();
        rn_step_gradients(&result, &step, &batch);
        rn_step_update(&step, &result, 1e-5, 0);
        if (i >= 0) ms[i] = 1e3 * (rn_now() - start);
    }
    out->gflop = 3e-9 * rn_network_flops(&network, &step.plan);
    out->planned_mb = 1e-6 * (double)sizeof(real) *
                      (double)(step.plan.arena + rn_exec_reals(step.plan.scratch, threads));
    summarise(out, ms, options->runs, options->batch);
done:
    free_batch(&batch);
    rn_step_free(&step);
    rn_network_free(&network);
    rn_model_config_free(&config);
    rn_threads_free(threads);
    free(weights);
    free(ms);
    return status;
}
