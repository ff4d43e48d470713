/* bench.c: rn_bench_infer and rn_bench_train: the very code that detect and train run, timed. */
#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/random.h"
#include "model/detector.h"
#include "train/bench_clock.h"
#include "train/peak.h"
#include "train/step.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 8 }; /* a picture, in bench train */

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What all runs together say. */
static rn_status summarise(rn_bench_result *out, double *ms, int runs, int images,
                           const rn_bench_clock *clock, rn_threads *threads) {
    const rn_plan *plan = clock->plan;
    qsort(ms, (size_t)runs, sizeof *ms, compare_doubles);
    out->ms_best = ms[0];
    out->ms_median = runs % 2 ? ms[runs / 2] : 0.5 * (ms[runs / 2 - 1] + ms[runs / 2]);
    out->images_per_s = 1e3 * images / out->ms_median;
    out->peak_mb = (double)rn_memory_peak() / 1e6;
    out->planned_mb =
        1e-6 * (double)sizeof(real) * (double)(plan->arena + rn_exec_reals(plan->scratch, threads));
    out->width = plan->shape[0].w;
    out->height = plan->shape[0].h;
    out->peak_gflops = rn_peak_gflops(&out->peak_isa, threads);
    return rn_bench_clock_kinds(out, clock);
}

static rn_status check(const rn_bench_options *o) {
    if (o->width < 32 || o->height < 32 || o->runs < 1 || o->classes < 1 || o->batch < 1)
        return rn_fail(RN_EINVAL, "bench: size, classes, batch or runs out of range");
    return RN_OK;
}

/* Classes that are called by their numbers. */
static rn_status number_classes(rn_model_config *config, size_t n) {
    char **names = NULL;
    int64_t *ids = NULL;
    rn_status status;
    if ((status = rn_alloc(&names, n, sizeof *names)) != RN_OK) goto done;
    if ((status = rn_alloc(&ids, n, sizeof *ids)) != RN_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int64_t)i;
        if ((status = rn_asprintf(&names[i], "class %zu", i)) != RN_OK) goto done;
    }
    status = rn_model_config_set_classes(config, names, ids, n);
done:
    rn_free_names(names, n);
    free(ids);
    return status;
}

/* The preset with `classes` classes and what `set` changes. */
static rn_status make_config(rn_model_config *config, const rn_bench_options *options,
                             const char *const *set) {
    RN_TRY(rn_model_config_preset(config, options->preset ? options->preset : "r18"));
    rn_status status = rn_model_config_set(config, set);
    if (status == RN_OK) status = number_classes(config, (size_t)options->classes);
    if (status != RN_OK) rn_model_config_free(config);
    return status;
}

static int threads_of(const rn_bench_options *options) {
    return options->threads > 0 ? options->threads : rn_threads_default();
}

/* The network's input: noise, or what the file has. */
static rn_status fill_input(float *values, size_t n, const char *path) {
    rn_random random = rn_random_seed(1, 2, 3);
    uint8_t *bytes;
    size_t size;
    if (!path) {
        for (size_t i = 0; i < n; i++) values[i] = (float)rn_random_normal(&random);
        return RN_OK;
    }
    RN_TRY(rn_file_read(&bytes, &size, path, SIZE_MAX / 2));
    const bool fits = size == n * sizeof *values;
    if (fits) memcpy(values, bytes, size);
    free(bytes);
    if (!fits)
        return rn_fail(RN_EINPUT, "%s: got %zu bytes, want %zu: a float for each of the input",
                       path, size, n * sizeof *values);
    return RN_OK;
}

/* ---- inference ---- */

/* Random weights that a real network could have: initialised as for training. */
static rn_status init_detector(rn_detector *det, const rn_model_config *config) {
    rn_network network;
    RN_TRY(rn_network_build(&network, config));
    rn_network_init(&network, rn_detector_weights(det), 1, 0.01);
    rn_network_free(&network);
    return RN_OK;
}

static rn_status open_detector(rn_detector **out, const rn_bench_options *options) {
    const rn_detector_options det_options = {.threads = threads_of(options),
                                             .score_threshold = -1,
                                             .set = options->set,
                                             .isa = options->isa};
    rn_model_config config;
    if (options->model) return rn_detector_open(out, options->model, &det_options);
    RN_TRY(make_config(&config, options, options->set));
    rn_status status = rn_detector_create(out, &config, NULL, &det_options);
    if (status == RN_OK) status = init_detector(*out, &config);
    rn_model_config_free(&config);
    return status;
}

static rn_status write_outputs(const char *path, const rn_detector *det, const rn_box *boxes,
                               size_t n) {
    const rn_scoring scoring = (rn_scoring)rn_detector_config(det)->scoring;
    const size_t per_anchor = (size_t)rn_scoring_logits(scoring, (int)rn_detector_classes(det));
    rn_level_output levels[RN_LEVELS];
    rn_writer *writer;
    rn_status status = RN_OK;
    RN_TRY(rn_writer_open(&writer, path));
    rn_detector_outputs(det, levels);
    for (int l = 0; l < RN_LEVELS && status == RN_OK; l++) {
        const size_t anchors = levels[l].n_anchors * sizeof(real);
        status = rn_writer_write(writer, levels[l].logits, anchors * per_anchor);
        if (status == RN_OK) status = rn_writer_write(writer, levels[l].deltas, 4 * anchors);
    }
    for (size_t i = 0; i < n && status == RN_OK; i++) {
        const rn_box *b = &boxes[i];
        const float row[] = {b->x1, b->y1, b->x2, b->y2, b->score, (float)b->label};
        status = rn_writer_write(writer, row, sizeof row);
    }
    if (status == RN_OK) return rn_writer_commit(writer);
    rn_writer_abort(writer);
    return status;
}

rn_status rn_bench_infer(rn_bench_result *out, const rn_bench_options *options) {
    const int w = options->width, h = options->height;
    rn_detector *det = NULL;
    rn_bench_clock clock = {0};
    rn_box *boxes = NULL;
    double *ms = NULL;
    rn_status status;
    *out = (rn_bench_result){0};
    RN_TRY(check(options));
    if ((status = open_detector(&det, options)) != RN_OK) goto done;
    const size_t most = (size_t)rn_detector_config(det)->max_detections;
    if ((status = rn_alloc(&ms, (size_t)options->runs, sizeof *ms)) != RN_OK) goto done;
    if ((status = rn_alloc(&boxes, most, sizeof *boxes)) != RN_OK) goto done;
    if ((status = rn_detector_plan(det, w, h)) != RN_OK) goto done;
    const rn_plan *plan = rn_detector_current_plan(det);
    status = fill_input(rn_detector_input(det), rn_shape_count(&plan->shape[0]), options->input);
    if (status != RN_OK) goto done;
    if ((status = rn_bench_clock_create(&clock, plan)) != RN_OK) goto done;
    rn_detector_watch(det, &clock.watch);
    for (int i = -1; i < options->runs; i++) { /* the first is not timed */
        rn_bench_clock_start(&clock);
        status = rn_detector_forward(det, boxes, &out->boxes, w, h);
        if (status != RN_OK) goto done;
        if (i >= 0) ms[i] = rn_bench_clock_stop(&clock, out);
    }
    out->classes = rn_detector_classes(det);
    out->gflop = 1e-9 * rn_detector_flops(det);
    status = summarise(out, ms, options->runs, 1, &clock, rn_detector_threads(det));
    if (status == RN_OK && options->outputs)
        status = write_outputs(options->outputs, det, boxes, out->boxes);
done:
    rn_bench_clock_free(&clock);
    rn_detector_close(det);
    free(boxes);
    free(ms);
    return status;
}

/* ---- training ---- */
/* What stays while steps are taken. */
typedef struct trainee {
    rn_train_options options;
    rn_model_config config;
    rn_network network;
    rn_threads *threads;
    real *weights; /* [graph.n_stored] */
    rn_dataset set;
    rn_loader *loader; /* NULL without data */
    rn_batch batch;    /* without data: owned */
    rn_step step;
    rn_bench_clock clock;
} trainee;

static void free_trainee(trainee *t) {
    rn_bench_clock_free(&t->clock);
    rn_loader_free(t->loader); /* before the set that it reads */
    rn_dataset_free(&t->set);
    free(t->batch.images);
    free(t->batch.targets);
    free(t->batch.first_target);
    rn_step_free(&t->step);
    rn_network_free(&t->network);
    rn_model_config_free(&t->config);
    rn_train_options_clear(&t->options);
    rn_threads_free(t->threads);
    free(t->weights);
}

/* Of texts KEY=VALUE, those of the model to `model`, the others into the options. `model` has room
 * for all and NULL. */
static rn_status sort_settings(const char **model, rn_train_options *options,
                               const char *const *set) {
    size_t n_fields, n = 0;
    const rn_field *fields = rn_model_config_fields(&n_fields);
    for (; set && *set; set++) {
        const char *equals = strchr(*set, '=');
        char key[64];
        snprintf(key, sizeof key, "%.*s", equals ? (int)(equals - *set) : 0, *set);
        if (!equals || rn_field_find(fields, n_fields, key))
            model[n++] = *set;
        else
            RN_TRY(rn_train_options_set(options, key, equals + 1));
    }
    model[n] = NULL;
    return RN_OK;
}

/* Configuration, network and weights: the file's, or the preset's. */
static rn_status make_network(trainee *t, const rn_bench_options *options) {
    rn_model_file file = {0};
    const char **model = NULL;
    rn_status status;
    size_t n = 1;
    while (options->set && options->set[n - 1]) n++;
    RN_TRY(rn_alloc(&model, n, sizeof *model));
    if ((status = sort_settings(model, &t->options, options->set)) != RN_OK) goto done;
    if (options->model) {
        if ((status = rn_model_file_open(&file, options->model)) != RN_OK) goto done;
        if ((status = rn_model_config_copy(&t->config, &file.config)) != RN_OK) goto done;
        status = rn_model_config_set(&t->config, model);
    } else {
        status = make_config(&t->config, options, model);
    }
    if (status != RN_OK) goto done;
    if ((status = rn_train_options_loss(&t->config, &t->options)) != RN_OK) goto done;
    if ((status = rn_network_build(&t->network, &t->config)) != RN_OK) goto done;
    const rn_graph *graph = &t->network.graph;
    const char *prefix = options->model ? rn_weights_prefix(&file.tensors, graph) : NULL;
    if (prefix && (status = rn_model_file_check(&file, graph, prefix, false)) != RN_OK) goto done;
    if ((status = rn_alloc(&t->weights, graph->n_stored, sizeof *t->weights)) != RN_OK) goto done;
    if (prefix)
        status = rn_model_file_load(&file, t->weights, graph, prefix, false);
    else
        rn_network_init(&t->network, t->weights, 1, t->options.prior);
done:
    if (options->model) rn_model_file_close(&file);
    free(model);
    return status;
}

/* The loader over `data`, which decides the canvas and how many targets there may be. */
static rn_status open_data(trainee *t, rn_step_options *step, const rn_bench_options *options) {
    t->config.size_shorter = 0;
    t->config.size_longer = options->width > options->height ? options->width : options->height;
    RN_TRY(rn_dataset_open(&t->set, options->data, NULL, RN_SPLIT_TRAIN));
    if (t->set.n_classes > t->config.n_classes)
        return rn_fail(RN_EINPUT, "%s: got %zu classes, want at most the network's %zu",
                       options->data, t->set.n_classes, t->config.n_classes);
    rn_loader_options loader = rn_loader_options_of(&t->options, &t->config);
    loader.batch = options->batch;
    RN_TRY(rn_loader_create(&t->loader, &t->set, &loader));
    RN_TRY(rn_loader_seek(t->loader, 0, 0));
    rn_loader_canvas(t->loader, &step->width, &step->height);
    step->max_targets = rn_dataset_most_objects(&t->set);
    return RN_OK;
}

/* A made-up batch: noise or the file's, and OBJECTS boxes a picture, as retinanet.h says. */
static rn_status make_batch(trainee *t, const rn_bench_options *options) {
    const rn_shape *shape = &t->step.plan.shape[0];
    const size_t n = (size_t)shape->n;
    const float shorter = (float)(shape->h < shape->w ? shape->h : shape->w);
    rn_batch *batch = &t->batch;
    batch->n = shape->n;
    RN_TRY(rn_alloc(&batch->images, rn_shape_count(shape), sizeof *batch->images));
    RN_TRY(rn_alloc(&batch->targets, n * OBJECTS, sizeof *batch->targets));
    RN_TRY(rn_alloc(&batch->first_target, n + 1, sizeof *batch->first_target));
    for (size_t i = 0; i < n * OBJECTS; i++) {
        const int k = (int)(i % OBJECTS);
        const float side = shorter * (float)(2 + k) / 20;
        const float x = ((float)shape->w - side) * (float)(3 * k % OBJECTS) / (OBJECTS - 1);
        const float y = ((float)shape->h - side) * (float)k / (OBJECTS - 1);
        batch->targets[i] =
            (rn_target){x, y, x + side, y + side, 11 * k % t->network.classes, false};
    }
    for (size_t i = 0; i <= n; i++) batch->first_target[i] = i * OBJECTS;
    return fill_input(batch->images, rn_shape_count(shape), options->input);
}

static rn_status set_up(trainee *t, const rn_bench_options *options) {
    rn_step_options step = {.batch = options->batch,
                            .height = options->height,
                            .width = options->width,
                            .max_targets = OBJECTS};
    RN_TRY(make_network(t, options));
    step.criterion = rn_criterion_options_of(&t->options);
    step.optimizer = rn_optimizer_options_of(&t->options);
    RN_TRY(rn_isa_named(&step.isa, options->isa));
    RN_TRY(rn_threads_create(&t->threads, threads_of(options)));
    if (options->data) RN_TRY(open_data(t, &step, options));
    RN_TRY(rn_step_create(&t->step, &t->network, &t->config, t->threads, t->weights, &step));
    if (!options->data) RN_TRY(make_batch(t, options));
    RN_TRY(rn_bench_clock_create(&t->clock, &t->step.plan));
    t->step.watch = &t->clock.watch;
    return RN_OK;
}

/* One untimed step, then those that are. */
static rn_status take_steps(rn_bench_result *out, trainee *t, double *ms, int runs) {
    double waited = 0;
    for (int i = -1; i < runs; i++) {
        const rn_batch *batch = &t->batch;
        rn_step_result result;
        if (t->loader) RN_TRY(rn_loader_next(t->loader, &batch));
        if (t->loader && i < 0) waited = rn_loader_waited(t->loader);
        rn_bench_clock_start(&t->clock);
        rn_step_gradients(&result, &t->step, batch);
        rn_step_update(&t->step, &result, 1e-5, (uint64_t)(i + 1));
        if (i >= 0) {
            ms[i] = rn_bench_clock_stop(&t->clock, out);
            continue;
        }
        out->cls_loss = result.losses.cls;
        out->box_loss = result.losses.box;
        out->grad_norm = result.norm;
    }
    if (t->loader) out->loader_ms = 1e3 * (rn_loader_waited(t->loader) - waited) / runs;
    return RN_OK;
}

rn_status rn_bench_train(rn_bench_result *out, const rn_bench_options *options) {
    trainee t = {.options = rn_train_options_defaults()};
    double *ms = NULL;
    rn_status status;
    *out = (rn_bench_result){0};
    RN_TRY(check(options));
    if ((status = rn_alloc(&ms, (size_t)options->runs, sizeof *ms)) != RN_OK) goto done;
    if ((status = set_up(&t, options)) != RN_OK) goto done;
    if ((status = take_steps(out, &t, ms, options->runs)) != RN_OK) goto done;
    out->classes = t.config.n_classes;
    out->gflop = 3e-9 * rn_network_flops(&t.network, &t.step.plan);
    status = summarise(out, ms, options->runs, options->batch, &t.clock, t.threads);
done:
    free_trainee(&t);
    free(ms);
    return status;
}
