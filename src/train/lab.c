/* Measurements of a finished model (retinanet_lab.h). */
#include "base/memory.h"
#include "data/augment.h"
#include "eval/calibration.h"
#include "eval/coco_eval.h"
#include "eval/loss_spread.h"
#include "eval/model_eval.h"
#include "model/detector.h"
#include "train/lab_options.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct lab {
    rn_train_options options;
    rn_dataset set;
    rn_detector *det;
    real *class_alpha; /* [classes] of alpha auto, else NULL */
    /* For the plan of the picture before, whose canvas has that size. */
    rn_criterion *criterion;
    int width, height;
    real *dlogits, *ddeltas; /* [anchors of all levels, logits], [.., 4] */
    rn_target *targets;      /* [most objects of a picture] */
    rn_loss_spread spread;
    /* Sums over pictures, of losses that are not divided by the foreground but for ghm's. */
    rn_level_losses levels[RN_LEVELS];
    double box;
    size_t pictures;
} lab;

static void lab_free(lab *l) {
    rn_criterion_free(l->criterion);
    rn_detector_close(l->det);
    rn_dataset_free(&l->set);
    rn_loss_spread_free(&l->spread);
    free(l->dlogits);
    free(l->ddeltas);
    free(l->targets);
    free(l->class_alpha);
}

/* ---- one picture ---- */

/* Criterion and gradients for the canvas that the detector has now. */
static rn_status plan(lab *l) {
    const rn_plan *p = rn_detector_current_plan(l->det);
    const rn_network *network = rn_detector_network(l->det);
    rn_criterion_options options = rn_criterion_options_of(&l->options);
    rn_level_output levels[RN_LEVELS];
    size_t anchors = 0;
    if (l->criterion && l->width == p->shape[0].w && l->height == p->shape[0].h) return RN_OK;
    rn_criterion_free(l->criterion);
    free(l->dlogits);
    free(l->ddeltas);
    l->criterion = NULL;
    l->dlogits = l->ddeltas = NULL;
    options.class_alpha = l->class_alpha;
    options.ghm_momentum = 0; /* each picture for itself, whatever came before */
    rn_detector_outputs(l->det, levels);
    for (int i = 0; i < RN_LEVELS; i++) anchors += levels[i].n_anchors;
    RN_TRY(rn_alloc(&l->dlogits, anchors, (size_t)network->logits * sizeof *l->dlogits));
    RN_TRY(rn_alloc(&l->ddeltas, anchors, 4 * sizeof *l->ddeltas));
    RN_TRY(rn_criterion_create(&l->criterion, network, rn_detector_config(l->det), p, &options,
                               rn_dataset_most_objects(&l->set)));
    l->width = p->shape[0].w;
    l->height = p->shape[0].h;
    return RN_OK;
}

/* The picture's objects as the network sees them. */
static size_t find_targets(lab *l, const rn_record *record, const rn_image *image) {
    const rn_geometry geometry = rn_model_config_geometry(rn_detector_config(l->det));
    rn_view view = {.crop = {0, 0, image->width, image->height},
                    .brightness = 1,
                    .contrast = 1,
                    .saturation = 1};
    rn_geometry_size(&view.width, &view.height, &geometry, image->width, image->height);
    return rn_augment_targets(l->targets, l->set.objects + record->first_object, record->n_objects,
                              &view);
}

static void add_losses(lab *l, const rn_losses *losses) {
    const rn_loss_reduction reduction = rn_loss_info_of((rn_loss_kind)l->options.loss)->reduction;
    const double positives = losses->positives > 0 ? (double)losses->positives : 1;
    const double scale = reduction == RN_LOSS_GHM ? 1 : positives;
    for (int i = 0; i < RN_LEVELS; i++)
        rn_level_losses_add(&l->levels[i], &losses->levels[i], 1, scale);
    l->box += positives * losses->box;
    l->pictures++;
}

/* After the detector ran on a picture: what its heads gave. A rn_detected_fn. */
static rn_status measure_picture(void *context, const rn_record *record, const rn_image *image) {
    lab *l = context;
    const rn_network *network = rn_detector_network(l->det);
    rn_level_output levels[RN_LEVELS];
    rn_head_outputs outputs;
    rn_losses losses;
    const int *labels;
    size_t first = 0;
    RN_TRY(plan(l));
    rn_detector_outputs(l->det, levels);
    for (int i = 0; i < RN_LEVELS; i++) {
        outputs.logits[i] = levels[i].logits;
        outputs.deltas[i] = levels[i].deltas;
        outputs.dlogits[i] = l->dlogits + first * (size_t)network->logits;
        outputs.ddeltas[i] = l->ddeltas + first * 4;
        first += levels[i].n_anchors;
    }
    const size_t first_target[] = {0, find_targets(l, record, image)};
    rn_criterion_losses(&losses, l->criterion, rn_detector_threads(l->det), &outputs, l->targets,
                        first_target);
    const int *match = rn_criterion_match(&labels, l->criterion, 0);
    for (int i = 0; i < RN_LEVELS; i++) {
        rn_loss_spread_add(&l->spread, levels[i].logits, match, labels, levels[i].n_anchors,
                           network->classes, network->scoring);
        match += levels[i].n_anchors;
    }
    if (!isfinite(losses.cls) || !isfinite(losses.box) || !l->spread.finite)
        return rn_fail(RN_EDIVERGED, "%s: class loss %g, box loss %g", record->path,
                       fabs(losses.cls), fabs(losses.box));
    add_losses(l, &losses);
    return RN_OK;
}

/* ---- the report ---- */

static double share(const double sides[RN_SIDES]) {
    const double all = sides[RN_SIDE_BACKGROUND] + sides[RN_SIDE_FOREGROUND];
    return all > 0 ? sides[RN_SIDE_BACKGROUND] / all : -1;
}

/* With a loss that is a sum over anchors divided by `divisor`. */
static rn_lab_level level_report(const rn_level_losses *level, double divisor) {
    return (rn_lab_level){.foreground = (size_t)level->positives,
                          .background = (size_t)level->negatives,
                          .ignored = (size_t)level->ignored,
                          .negatives_per_positive =
                              level->positives > 0 ? level->negatives / level->positives : -1,
                          .fg_loss = level->cls[RN_SIDE_FOREGROUND] / divisor,
                          .bg_loss = level->cls[RN_SIDE_BACKGROUND] / divisor,
                          .bg_loss_share = share(level->cls),
                          .bg_grad_share = share(level->gradient)};
}

static void report_losses(rn_lab_report *out, const lab *l) {
    const rn_loss_info *info = rn_loss_info_of((rn_loss_kind)l->options.loss);
    rn_level_losses all = {0};
    for (int i = 0; i < RN_LEVELS; i++) rn_level_losses_add(&all, &l->levels[i], 1, 1);
    const double positives = fmax(1, all.positives);
    const double divisor =
        info->reduction == RN_LOSS_GHM ? fmax(1, (double)l->pictures) : positives;
    snprintf(out->loss, sizeof out->loss, "%s", info->name);
    out->gamma = l->options.gamma;
    out->alpha = l->options.alpha;
    out->all = level_report(&all, divisor);
    for (int i = 0; i < RN_LEVELS; i++) out->levels[i] = level_report(&l->levels[i], divisor);
    out->cls_loss = out->all.fg_loss + out->all.bg_loss;
    out->box_loss = l->box / positives;
    for (int i = 0; i < RN_LAB_GAMMAS; i++) rn_loss_spread_curve(&out->curves[i], &l->spread, i);
    for (int i = 0; i < RN_LAB_NORM_BINS; i++) {
        out->foreground_norms[i] = l->spread.norms[RN_SIDE_FOREGROUND][i];
        out->background_norms[i] = l->spread.norms[RN_SIDE_BACKGROUND][i];
    }
}

static rn_status measure(rn_lab_report *out, lab *l, const rn_hooks *hooks) {
    rn_results results = {0};
    rn_evaluation evaluation = {0};
    const rn_detected each = {.context = l, .run = measure_picture};
    rn_status status;
    RN_TRY(rn_alloc(&l->targets, rn_dataset_most_objects(&l->set), sizeof *l->targets));
    RN_TRY(rn_loss_spread_create(&l->spread));
    status = rn_detect_set_with(&results, &out->n_bad, l->det, &l->set, &each, hooks);
    if (status == RN_OK)
        status = rn_evaluate(&evaluation, &l->set, &results, rn_detector_threads(l->det));
    if (status == RN_OK) {
        report_losses(out, l);
        out->n_images = l->set.n_records;
        out->n_objects = l->set.n_objects;
        out->ap = evaluation.stats[0];
        out->ap50 = evaluation.stats[1];
        out->ece = rn_calibrate(out->reliability, &evaluation.curve);
    }
    rn_evaluation_free(&evaluation);
    rn_results_free(&results);
    return status;
}

/* As training does for its own set. */
static rn_status weigh_classes(lab *l) {
    const rn_model_config *config = rn_detector_config(l->det);
    const rn_loader_options loader = rn_loader_options_of(&l->options, config);
    rn_trainer t = {.options = l->options,
                    .config = *config,
                    .network = *rn_detector_network(l->det),
                    .train = l->set};
    int width, height;
    size_t bytes;
    if (l->options.alpha != RN_ALPHA_AUTO) return RN_OK;
    rn_status status = rn_loader_plan(&bytes, &width, &height, &l->set, &loader);
    if (status == RN_OK) status = rn_trainer_cover(&t, width, height);
    if (status == RN_OK) status = rn_trainer_weigh_classes(&t);
    l->class_alpha = t.class_alpha;
    free(t.coverage.positives_of);
    return status;
}

static rn_status open_all(lab *l, const char *model, const char *data,
                          const rn_lab_options *options, const rn_hooks *hooks) {
    const rn_detector_options detecting = {
        .threads = options->threads, .score_threshold = -1, .hooks = hooks, .set = options->set};
    RN_TRY(rn_detector_open(&l->det, model, &detecting));
    RN_TRY(rn_lab_train_options(&l->options, model, options->loss,
                                rn_detector_network(l->det)->scoring));
    RN_TRY(rn_dataset_open(&l->set, data, options->split, RN_SPLIT_VAL));
    RN_TRY(rn_dataset_match_classes(&l->set, rn_detector_class_names(l->det),
                                    rn_detector_classes(l->det)));
    rn_dataset_tell_notes(&l->set, hooks);
    if (l->set.n_records == 0) return rn_fail(RN_EINPUT, "%s: no pictures to measure", data);
    return weigh_classes(l);
}

rn_status rn_lab_measure(rn_lab_report *out, const char *model, const char *data,
                         const rn_lab_options *options, const rn_hooks *hooks) {
    static const rn_lab_options defaults = RN_LAB_OPTIONS_DEFAULT;
    lab l = {0};
    *out = (rn_lab_report){0};
    rn_status status = open_all(&l, model, data, options ? options : &defaults, hooks);
    if (status == RN_OK) status = measure(out, &l, hooks);
    lab_free(&l);
    if (status != RN_OK) *out = (rn_lab_report){0};
    return status;
}
