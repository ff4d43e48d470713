#include "train/trainer.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/transfer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double rn_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void trainer_free(rn_trainer *t) {
    rn_loader_free(t->loader); /* before the sets that it reads */
    rn_step_free(&t->step);
    rn_network_free(&t->network);
    rn_model_config_free(&t->config);
    rn_dataset_free(&t->train);
    rn_dataset_free(&t->val);
    rn_threads_free(t->threads);
    rn_run_close(&t->folder);
    rn_train_options_clear(&t->options);
    free(t->coverage.positives_of);
    free(t->class_alpha);
    free(t->weights);
    free(t->data);
    *t = (rn_trainer){.folder = {.lock = -1, .log = -1}};
}

/* ---- setting up ---- */

/* Both splits, the classes of val in the order of train. A set without a val split trains without
 * validation. */
static rn_status open_data(rn_trainer *t) {
    const char *train = t->options.train_split[0] ? t->options.train_split : NULL;
    const char *val = t->options.val_split[0] ? t->options.val_split : NULL;
    RN_TRY(rn_dataset_open(&t->train, t->data, train, RN_SPLIT_TRAIN));
    if (t->train.n_records == 0) return rn_fail(RN_EINPUT, "%s: no pictures to train on", t->data);
    if (t->train.n_objects == 0)
        return rn_fail(RN_EINPUT, "%s: no labelled objects to train on", t->data);
    RN_TRY(rn_dataset_open(&t->val, t->data, val, RN_SPLIT_VAL));
    RN_TRY(rn_dataset_match_classes(&t->val, t->train.class_names, t->train.n_classes));
    t->has_val = t->val.n_records > 0;
    return RN_OK;
}

static rn_loader_options loader_options(rn_trainer *t) {
    rn_loader_options options = rn_loader_options_of(&t->options, &t->config);
    options.hooks = (rn_hooks){.context = t, .message = rn_trainer_log_line};
    return options;
}

rn_criterion_options rn_trainer_criterion(const rn_trainer *t) {
    rn_criterion_options options = rn_criterion_options_of(&t->options);
    options.class_alpha = t->class_alpha;
    return options;
}

static rn_step_options step_options(const rn_trainer *t) {
    return (rn_step_options){.batch = t->options.batch,
                             .max_targets = rn_dataset_most_objects(&t->train),
                             .criterion = rn_trainer_criterion(t),
                             .optimizer = rn_optimizer_options_of(&t->options),
                             .isa = (rn_isa)t->options.isa};
}

/* Plan the step and its batches, and refuse them where they do not fit, before a byte of either is
 * taken (bad-inputs 84). The canvas goes to *width, *height. */
static rn_status check_memory(rn_trainer *t, int *width, int *height) {
    const rn_loader_options loader = loader_options(t);
    rn_step_options step = step_options(t);
    const size_t have = rn_memory_available();
    size_t batches;
    RN_TRY(rn_loader_plan(&batches, width, height, &t->train, &loader));
    step.width = *width;
    step.height = *height;
    RN_TRY(rn_step_memory(&t->planned, &t->network, &step, rn_threads_count(t->threads)));
    t->planned += batches;
    if (t->planned > have)
        return rn_fail(RN_ENOMEM,
                       "training needs %zu MB, %zu MB are free: choose a smaller --batch or --size",
                       t->planned >> 20, have >> 20);
    return RN_OK;
}

static rn_status create_step(rn_trainer *t) {
    rn_step_options options = step_options(t);
    rn_loader_canvas(t->loader, &options.width, &options.height);
    return rn_step_create(&t->step, &t->network, &t->config, t->threads, t->weights, &options);
}

/* The prior that cross entropy is least with before anything is learnt: the share of foreground
 * among all (anchor, class) pairs. */
static void choose_prior(rn_trainer *t) {
    const rn_coverage *c = &t->coverage;
    const double pairs = (double)(c->positives + c->negatives) * (double)t->config.n_classes;
    if (rn_loss_info_of((rn_loss_kind)t->options.loss)->reduction != RN_LOSS_GUIDED ||
        rn_train_options_given(&t->options, "prior"))
        return;
    t->options.prior = fmin(fmax((double)c->positives / fmax(1, pairs), 1e-6), 0.5);
    rn_trainer_log(t, "prior       %.3g, the share of foreground", t->options.prior);
}

/* From options, configuration and data to a trainer that could take its first step; `begins`: of a
 * new run. */
static rn_status set_up(rn_trainer *t, bool begins) {
    int width, height;
    const int threads = t->options.threads > 0 ? t->options.threads : rn_threads_default();
    RN_TRY(rn_isa_check((rn_isa)t->options.isa));
    RN_TRY(rn_threads_create(&t->threads, threads));
    RN_TRY(rn_network_build(&t->network, &t->config));
    rn_network_freeze(&t->network, t->options.freeze);
    RN_TRY(rn_alloc(&t->weights, t->network.graph.n_stored, sizeof *t->weights));
    RN_TRY(check_memory(t, &width, &height));
    if (begins || t->options.alpha == RN_ALPHA_AUTO) RN_TRY(rn_trainer_cover(t, width, height));
    if (t->options.alpha == RN_ALPHA_AUTO) RN_TRY(rn_trainer_weigh_classes(t));
    if (begins) RN_TRY(rn_trainer_fit_anchors(&t->fit, t, width, height));
    if (begins) choose_prior(t);
    rn_network_init(&t->network, t->weights, t->options.seed, t->options.prior);
    const rn_loader_options options = loader_options(t);
    RN_TRY(rn_loader_create(&t->loader, &t->train, &options));
    const uint64_t batches = rn_loader_batches(t->loader);
    const uint64_t steps = batches * (uint64_t)t->options.epochs;
    const uint64_t warmup = (uint64_t)t->options.warmup;
    t->schedule = (rn_schedule){.kind = (rn_schedule_kind)t->options.schedule,
                                .lr = t->options.lr * t->options.batch / 16.0,
                                .warmup = warmup < steps / 10 ? warmup : steps / 10,
                                .steps = steps};
    return RN_OK;
}

/* ---- the loop ---- */

static double epochs_done(const rn_trainer *t) {
    return (double)t->position.step / (double)rn_loader_batches(t->loader);
}

/* A row of results.csv from the sums since the last one. */
static rn_status add_row(rn_trainer *t, double speed, double ap, double ap50) {
    rn_position *p = &t->position;
    const double n = p->sum_steps > 0 ? (double)p->sum_steps : 1;
    rn_results_row row = {.epoch = epochs_done(t),
                          .step = p->step,
                          .lr = rn_schedule_lr(&t->schedule, p->step > 0 ? p->step - 1 : 0),
                          .cls_loss = p->sum_cls / n,
                          .box_loss = p->sum_box / n,
                          .positives = p->sum_positives / n,
                          .grad_norm = p->sum_norm / n,
                          .images_per_s = speed,
                          .seconds = rn_now() - t->start,
                          .val_ap = ap,
                          .val_ap50 = ap50};
    for (int l = 0; l < RN_LEVELS; l++)
        rn_level_losses_add(&row.levels[l], &p->sum_levels[l], 1 / n, 1 / n);
    return rn_run_add_row(&t->folder, &row);
}

static void clear_sums(rn_position *p) {
    p->sum_steps = 0;
    p->sum_cls = p->sum_box = p->sum_norm = p->sum_positives = 0;
    memset(p->sum_levels, 0, sizeof p->sum_levels);
}

static rn_status diverged(const rn_trainer *t, const rn_batch *batch,
                          const rn_step_result *result) {
    char files[512] = "";
    for (int i = 0; i < batch->n; i++) {
        const size_t used = strlen(files);
        const bool fits = used + strlen(batch->files[i]) + 8 <= sizeof files;
        strcat(strcat(files, used ? ", " : ""), fits ? batch->files[i] : "...");
        if (!fits) break;
    }
    /* None is negative, but a processor may make its NaN so. */
    return rn_fail(RN_EDIVERGED,
                   "step %llu: class loss %g, box loss %g, gradient norm %g; pictures: %s; "
                   "the checkpoint before is kept (try a lower --lr)",
                   (unsigned long long)(t->position.step + 1), fabs(result->losses.cls),
                   fabs(result->losses.box), fabs(result->norm), files);
}

/* Per cent of the time of all steps that the loader let them wait. */
static double waited_percent(const rn_trainer *t) {
    return 100 * rn_loader_waited(t->loader) / (rn_now() - t->start - t->paused + 1e-9);
}

static void show_progress(rn_trainer *t, const rn_step_result *r, double speed) {
    const rn_position *p = &t->position;
    const uint64_t batches = rn_loader_batches(t->loader);
    const double left =
        speed > 0 ? (double)(t->schedule.steps - p->step) * t->options.batch / speed : 0;
    char line[256];
    if (!t->hooks.progress) return;
    snprintf(line, sizeof line,
             "epoch %llu/%d  step %llu/%llu  cls %.4f  box %.4f  pos %zu  lr %.2g  %.1f img/s  "
             "wait %.0f%%  left %d:%02d",
             (unsigned long long)((p->step - 1) / batches + 1), t->options.epochs,
             (unsigned long long)p->step, (unsigned long long)t->schedule.steps, r->losses.cls,
             r->losses.box, r->losses.positives, rn_schedule_lr(&t->schedule, p->step - 1), speed,
             waited_percent(t), (int)(left / 60), (int)left % 60);
    t->hooks.progress(t->hooks.context, line);
}

/* One step. At the first nothing was learnt yet, so its loss has a closed form. */
static rn_status take_step(rn_trainer *t, rn_step_result *result) {
    rn_position *p = &t->position;
    const rn_batch *batch;
    RN_TRY(rn_loader_next(t->loader, &batch));
    rn_random draw = rn_random_seed(t->options.seed, p->step, UINT64_MAX); /* no sample's */
    t->step.draw = rn_random_next(&draw);
    rn_step_gradients(result, &t->step, batch);
    if (!isfinite(result->losses.cls) || !isfinite(result->losses.box) || !isfinite(result->norm))
        return diverged(t, batch, result);
    if (p->step == 0) {
        rn_trainer_check_first_loss(t, &result->losses);
        RN_TRY(rn_trainer_draw_batch(t, batch));
    }
    rn_step_update(&t->step, result, rn_schedule_lr(&t->schedule, p->step), p->step);
    p->step++;
    p->sum_steps++;
    p->sum_cls += result->losses.cls;
    p->sum_box += result->losses.box;
    p->sum_norm += result->norm;
    p->sum_positives += (double)result->losses.positives;
    for (int l = 0; l < RN_LEVELS; l++)
        rn_level_losses_add(&p->sum_levels[l], &result->losses.levels[l], 1, 1);
    return RN_OK;
}

/* Epochs without a better AP after which a run ends. Until something is found at all nothing can
 * get better, so the count begins with the first AP above 0. */
static bool must_end_early(const rn_trainer *t, uint64_t patience) {
    const rn_position *p = &t->position;
    return t->has_val && p->best_ap > 0 &&
           p->step >= p->best_step + patience * rn_loader_batches(t->loader);
}

/* The end of an epoch: validate where it is due, stop early where it does not get better. */
static rn_status end_epoch(rn_trainer *t, double speed) {
    rn_position *p = &t->position;
    const rn_train_options *o = &t->options;
    const uint64_t epoch = p->step / rn_loader_batches(t->loader);
    const uint64_t patience = (uint64_t)(o->patience > 0 ? o->patience : (o->epochs + 2) / 3);
    const bool last = p->step >= t->schedule.steps;
    const double waited = waited_percent(t);
    double ap = NAN, ap50 = NAN;
    rn_trainer_check_progress(t);
    if (last || epoch % (uint64_t)o->eval_every == 0) {
        RN_TRY(rn_trainer_validate(t, &ap, &ap50));
        rn_trainer_log(t, "epoch %llu: cls %.4f  box %.4f  val AP %.3f  AP50 %.3f  wait %.1f%%%s",
                       (unsigned long long)epoch, p->sum_cls / (double)p->sum_steps,
                       p->sum_box / (double)p->sum_steps, ap, ap50, waited,
                       p->best_step == p->step ? "  (best)" : "");
        if (!last && must_end_early(t, patience)) {
            rn_trainer_log(t, "no better AP for %llu epochs: stopping early",
                           (unsigned long long)patience);
            p->finished = true;
        }
    }
    if (last) p->finished = true;
    RN_TRY(add_row(t, speed, ap, ap50));
    clear_sums(p);
    return rn_checkpoint_save(t);
}

static bool must_stop(rn_trainer *t) {
    const rn_train_options *o = &t->options;
    if (o->max_steps > 0 && t->position.step >= (uint64_t)o->max_steps) return true;
    if (o->time > 0 && rn_now() - t->start >= o->time) return true;
    return t->hooks.stop && t->hooks.stop(t->hooks.context);
}

static rn_status loop(rn_trainer *t) {
    rn_position *p = &t->position;
    const uint64_t batches = rn_loader_batches(t->loader), begun = p->step;
    RN_TRY(rn_loader_seek(t->loader, p->step / batches, p->step % batches));
    while (!p->finished && !must_stop(t)) {
        rn_step_result result;
        RN_TRY(take_step(t, &result));
        const double spent = rn_now() - t->start - t->paused;
        const double speed = (double)(p->step - begun) * t->options.batch / (spent + 1e-9);
        show_progress(t, &result, speed);
        if (p->step % batches == 0) {
            const double before = rn_now();
            RN_TRY(end_epoch(t, speed));
            t->paused += rn_now() - before;
        }
    }
    if (p->step > begun && p->step % batches != 0) { /* stopped within an epoch */
        RN_TRY(add_row(t,
                       (double)(p->step - begun) * t->options.batch / (rn_now() - t->start + 1e-9),
                       NAN, NAN));
        RN_TRY(rn_checkpoint_save(t));
    }
    return RN_OK;
}

static rn_status run_to_end(rn_train_result *out, rn_trainer *t) {
    t->start = rn_now();
    const rn_status status = loop(t);
    *out = (rn_train_result){.steps = t->position.step,
                             .finished = t->position.finished,
                             .best_ap = t->position.best_ap,
                             .best_ap50 = t->position.best_ap50,
                             .seconds = rn_now() - t->start};
    if (status != RN_OK) return status;
    RN_TRY(rn_run_plot(&t->folder));
    if (rn_loader_bad(t->loader) > 0)
        rn_trainer_log(t, "%zu pictures could not be read and were skipped",
                       rn_loader_bad(t->loader));
    rn_trainer_log(t, "%s after %llu steps, %.0f s: %s",
                   t->position.finished ? "finished" : "stopped",
                   (unsigned long long)t->position.step, out->seconds, t->folder.path);
    return RN_OK;
}

/* ---- the two entries ---- */

static bool is_given(const void *options, const char *field) {
    return rn_train_options_overrides(options, field);
}

/* Open the file of --weights and fit the configuration to it. */
static rn_status open_donor(rn_donor *out, rn_trainer *t) {
    *out = (rn_donor){0};
    if (!t->options.weights[0]) return RN_OK;
    RN_TRY(rn_donor_open(out, t->options.weights));
    return rn_donor_adapt(&t->config, out, is_given, &t->options);
}

static rn_status load_donor(rn_trainer *t, const rn_donor *donor) {
    const rn_hooks log = {.context = t, .message = rn_trainer_log_line};
    if (!t->options.weights[0]) return RN_OK;
    return rn_donor_load(t->weights, donor, &t->network, &t->config, &log);
}

rn_status rn_train(rn_train_result *out, const char *data, const char *run,
                   const rn_train_options *options, const rn_hooks *hooks) {
    rn_trainer t = {.folder = {.lock = -1, .log = -1},
                    .position = {.best_ap = -1, .best_ap50 = -1}};
    rn_donor donor = {0};
    bool begun = false; /* there is a checkpoint to go on from */
    rn_status status;
    *out = (rn_train_result){.best_ap = -1, .best_ap50 = -1};
    if (hooks) t.hooks = *hooks;
    if ((status = rn_train_options_copy(&t.options, options)) != RN_OK) goto done;
    if ((status = rn_strdup(&t.data, data)) != RN_OK) goto done;
    if ((status = rn_train_options_model(&t.config, &t.options)) != RN_OK) goto done;
    if ((status = open_data(&t)) != RN_OK) goto done;
    status = rn_model_config_set_classes(&t.config, t.train.class_names, t.train.category_ids,
                                         t.train.n_classes);
    if (status != RN_OK) goto done;
    if ((status = open_donor(&donor, &t)) != RN_OK) goto done;
    if ((status = set_up(&t, true)) != RN_OK) goto done;
    if (!t.options.dry_run && (status = rn_run_create(&t.folder, run)) != RN_OK) goto done;
    if ((status = load_donor(&t, &donor)) != RN_OK) goto done;
    rn_donor_close(&donor);
    if ((status = create_step(&t)) != RN_OK) goto done;
    rn_trainer_describe(&t);
    if (t.options.dry_run) goto done;
    /* A place that cannot be written shows now. */
    if ((status = rn_args_save(&t)) != RN_OK || (status = rn_checkpoint_save(&t)) != RN_OK)
        goto done;
    begun = true;
    status = run_to_end(out, &t);
done:
    if (!begun) rn_run_discard(&t.folder);
    rn_donor_close(&donor);
    trainer_free(&t);
    return status;
}

rn_status rn_train_resume(rn_train_result *out, const char *run, const rn_train_options *options,
                          const rn_hooks *hooks) {
    rn_trainer t = {.folder = {.lock = -1, .log = -1}};
    rn_model_file file = {0};
    rn_status status;
    *out = (rn_train_result){.best_ap = -1, .best_ap50 = -1};
    if (hooks) t.hooks = *hooks;
    if ((status = rn_run_open(&t.folder, run)) != RN_OK) goto done;
    if ((status = rn_checkpoint_open(&file, &t)) != RN_OK) goto done;
    if ((status = rn_train_options_resume(&t.options, options, t.position.finished)) != RN_OK)
        goto done;
    if ((status = open_data(&t)) != RN_OK) goto done;
    if ((status = rn_checkpoint_check_data(&t, &file)) != RN_OK) goto done;
    if ((status = set_up(&t, false)) != RN_OK) goto done;
    if ((status = create_step(&t)) != RN_OK) goto done;
    if ((status = rn_checkpoint_load(&t, &file)) != RN_OK) goto done;
    if (t.position.step < t.schedule.steps && t.options.extended) t.position.finished = false;
    rn_run_drop_rows(&t.folder, t.position.step);
    rn_trainer_log(&t, "going on with %s at step %llu", run, (unsigned long long)t.position.step);
    status = run_to_end(out, &t);
done:
    rn_model_file_close(&file);
    trainer_free(&t);
    return status;
}
