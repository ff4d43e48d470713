#include "train/trainer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void rn_trainer_log(rn_trainer *t, const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    rn_run_log(&t->folder, line);
    if (t->hooks.message) t->hooks.message(t->hooks.context, line);
}

void rn_trainer_log_line(void *trainer, const char *line) {
    rn_trainer_log(trainer, "%s", line);
}

/* What was skipped or repaired in a split. */
static void log_notes(rn_trainer *t, const rn_dataset *set, const char *split) {
    if (set->n_skipped > 0)
        rn_trainer_log(t, "data        %s%zu objects skipped:", split, set->n_skipped);
    for (const char *line = set->notes; line && *line;) {
        const char *end = line;
        while (*end && *end != '\n') end++;
        rn_trainer_log(t, "            %s%.*s", split, (int)(end - line), line);
        line = *end ? end + 1 : end;
    }
}

static void log_data(rn_trainer *t) {
    const rn_dataset *set = &t->train;
    size_t empty = 0;
    for (size_t i = 0; i < set->n_records; i++) empty += set->records[i].n_objects == 0;
    rn_trainer_log(t,
                   "data        %zu pictures to train on (%zu without objects), %zu boxes, %zu "
                   "classes; %zu to validate",
                   set->n_records, empty, set->n_objects, set->n_classes, t->val.n_records);
    log_notes(t, set, "");
    log_notes(t, &t->val, "val: ");
}

static void log_model(rn_trainer *t) {
    static const char *const norms[] = {"group norm", "batch norm", "frozen batch norm"};
    const rn_model_config *c = &t->config;
    const rn_graph *graph = &t->network.graph;
    char backbone[32] = "MobileNetV2", frozen[64] = "";
    if (c->backbone == RN_BACKBONE_RESNET)
        snprintf(backbone, sizeof backbone, "ResNet-%d", c->depth);
    if (t->options.freeze > 0)
        snprintf(frozen, sizeof frozen, ", the first %d stages frozen: %.2f M trained",
                 t->options.freeze, (double)graph->n_trained / 1e6);
    rn_trainer_log(t, "model       %s, width %d, FPN %d, heads of %d: %.2f M parameters, %s%s",
                   backbone, c->width, c->fpn_channels, c->head_depth,
                   (double)graph->n_stored / 1e6, norms[c->norm], frozen);
}

void rn_trainer_describe(rn_trainer *t) {
    const rn_shape *canvas = &t->step.plan.shape[0];
    const rn_coverage *c = &t->coverage;
    log_data(t);
    rn_trainer_log(t,
                   "anchors     %zu a picture; negatives to positives %.0f:1; %zu of %zu boxes "
                   "(%.1f%%) have no anchor with IoU >= %g",
                   c->anchors, (double)c->negatives / (double)(c->positives > 0 ? c->positives : 1),
                   c->uncovered, c->boxes,
                   c->boxes > 0 ? 100.0 * (double)c->uncovered / (double)c->boxes : 0.0,
                   t->options.foreground_iou);
    if (t->fit.found)
        rn_trainer_log(t, "            with --set anchor-sides=%g,%g,%g,%g,%g it would be %.1f%%",
                       t->fit.sides[0], t->fit.sides[1], t->fit.sides[2], t->fit.sides[3],
                       t->fit.sides[4], 100 * t->fit.uncovered);
    log_model(t);
    rn_trainer_log(t, "plan        %d x %d pictures, batch %d, %d threads, %zu MB", canvas->w,
                   canvas->h, t->options.batch, rn_threads_count(t->threads), t->planned >> 20);
    rn_trainer_log(t, "schedule    %llu steps of %s, peak lr %.3g (%g for batch 16)",
                   (unsigned long long)t->schedule.steps,
                   t->options.optimizer == RN_OPTIMIZER_ADAMW ? "AdamW" : "SGD", t->schedule.lr,
                   t->options.lr);
}

/* The class loss of a network that knows nothing but the prior. */
static double ignorant_loss(const rn_trainer *t, double positives, double anchors) {
    const rn_criterion_options options = rn_trainer_criterion(t);
    return rn_criterion_initial_loss(&options, &t->network, t->options.prior, positives, anchors);
}

void rn_trainer_check_first_loss(rn_trainer *t, const rn_losses *losses) {
    const double expected =
        ignorant_loss(t, (double)losses->positives, (double)(losses->anchors - losses->ignored));
    if (t->options.weights[0] || isnan(expected)) return; /* knows something already */
    rn_trainer_log(t,
                   "first loss  %.4f, by the closed form %.4f (a class loss that stays there has "
                   "learnt nothing)",
                   losses->cls, expected);
    if (fabs(losses->cls - expected) > 0.2 * expected)
        rn_trainer_log(t, "warning: the first class loss is not what the prior %.3g makes it",
                       t->options.prior);
}

void rn_trainer_check_progress(rn_trainer *t) {
    const rn_position *p = &t->position;
    const double n = (double)p->sum_steps;
    double anchors = 0;
    if (p->step <= t->schedule.warmup || p->sum_steps == 0) return;
    for (int l = 0; l < RN_LEVELS; l++)
        anchors += (double)rn_shape_count(&t->step.plan.shape[t->network.bbox_reg[l]]) / 4;
    const double level = ignorant_loss(t, p->sum_positives / n, anchors);
    if (!(p->sum_cls / n >= 0.95 * level)) return;
    rn_trainer_log(t,
                   "warning: the class loss, %.3f, is still that of a network that knows nothing "
                   "(%.3f): look at RUN/pictures/train_1.jpg, at the boxes without anchors above, "
                   "and try another --lr",
                   p->sum_cls / n, level);
}
