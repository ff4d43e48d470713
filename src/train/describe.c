#include "base/memory.h"
#include "detection/matcher.h"
#include "train/trainer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* What the anchors make of the training set, without augmentation. */
typedef struct coverage {
    size_t boxes,
        uncovered; /* uncovered: best IoU with any anchor below the foreground threshold */
    size_t positives, negatives;
} coverage;

/* Workspace of one picture's matching. */
typedef struct workspace {
    real *anchors, *iou, *boxes, *best;
    int *match;
    size_t total;
} workspace;

static rn_status create_workspace(workspace *w, const rn_trainer *t) {
    size_t count[RN_LEVELS], most = 1;
    RN_TRY(rn_network_anchors(&w->anchors, count, &t->network, &t->config, &t->step.plan));
    for (int l = 0; l < RN_LEVELS; l++) w->total += count[l];
    for (size_t i = 0; i < t->train.n_records; i++)
        if (t->train.records[i].n_objects > most) most = t->train.records[i].n_objects;
    RN_TRY(rn_alloc(&w->iou, w->total, sizeof *w->iou));
    RN_TRY(rn_alloc(&w->match, w->total, sizeof *w->match));
    RN_TRY(rn_alloc(&w->boxes, most, 4 * sizeof *w->boxes));
    return rn_alloc(&w->best, most, sizeof *w->best);
}

static void free_workspace(workspace *w) {
    free(w->anchors);
    free(w->iou);
    free(w->match);
    free(w->boxes);
    free(w->best);
}

/* Match one picture's boxes, resized as the network sees them. */
static void cover_record(coverage *c, workspace *w, const rn_trainer *t, const rn_record *record) {
    const rn_geometry geometry = rn_model_config_geometry(&t->config);
    const rn_criterion_options options = rn_criterion_options_of(&t->options);
    int out_w, out_h;
    size_t n = 0;
    if (record->width < 1 || record->height < 1) return;
    rn_geometry_size(&out_w, &out_h, &geometry, record->width, record->height);
    const double sx = (double)out_w / record->width, sy = (double)out_h / record->height;
    for (size_t i = 0; i < record->n_objects; i++) {
        const rn_object *o = &t->train.objects[record->first_object + i];
        real *box = w->boxes + 4 * n;
        if (o->crowd) continue;
        box[0] = (real)(o->x * sx);
        box[1] = (real)(o->y * sy);
        box[2] = (real)((o->x + o->w) * sx);
        box[3] = (real)((o->y + o->h) * sy);
        n++;
    }
    c->boxes += n;
    c->positives += rn_match(w->match, w->iou, w->best, w->anchors, w->total, w->boxes, NULL, n,
                             &options.matcher);
    for (size_t i = 0; i < w->total; i++) c->negatives += w->match[i] == RN_MATCH_BACKGROUND;
    for (size_t i = 0; i < n; i++) c->uncovered += w->best[i] < options.matcher.foreground;
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

rn_status rn_trainer_describe(rn_trainer *t) {
    const rn_shape *canvas = &t->step.plan.shape[0];
    workspace w = {0};
    coverage c = {0};
    rn_status status;
    log_data(t);
    if ((status = create_workspace(&w, t)) != RN_OK) goto done;
    for (size_t i = 0; i < t->train.n_records; i++) cover_record(&c, &w, t, &t->train.records[i]);
    rn_trainer_log(t,
                   "anchors     %zu a picture; negatives to positives %.0f:1; %zu of %zu boxes "
                   "(%.1f%%) have no anchor with IoU >= %g",
                   w.total, (double)c.negatives / (double)(c.positives > 0 ? c.positives : 1),
                   c.uncovered, c.boxes,
                   c.boxes > 0 ? 100.0 * (double)c.uncovered / (double)c.boxes : 0.0,
                   t->options.foreground_iou);
    log_model(t);
    rn_trainer_log(t, "plan        %d x %d pictures, batch %d, %d threads, %zu MB", canvas->w,
                   canvas->h, t->options.batch, rn_threads_count(t->threads), t->planned >> 20);
    rn_trainer_log(t, "schedule    %llu steps of %s, peak lr %.3g (%g for batch 16)",
                   (unsigned long long)t->schedule.steps,
                   t->options.optimizer == RN_OPTIMIZER_ADAMW ? "AdamW" : "SGD", t->schedule.lr,
                   t->options.lr);
done:
    free_workspace(&w);
    return status;
}

/* The class loss of a network that gives every (anchor, class) pair the prior as probability, with
 * `positives` positive anchors and `pairs` pairs in all. */
static double ignorant_loss(const rn_train_options *o, double positives, double pairs) {
    const double pi = o->prior, gamma = o->gamma, alpha = o->alpha;
    const double foreground = (alpha < 0 ? 1 : alpha) * pow(1 - pi, gamma) * -log(pi);
    const double background = (alpha < 0 ? 1 : 1 - alpha) * pow(pi, gamma) * -log1p(-pi);
    return (foreground * positives + background * (pairs - positives)) / fmax(1, positives);
}

void rn_trainer_check_first_loss(rn_trainer *t, const rn_losses *losses) {
    const double pairs = (double)(losses->anchors - losses->ignored) * (double)t->config.n_classes;
    const double expected = ignorant_loss(&t->options, (double)losses->positives, pairs);
    if (t->options.weights[0]) return; /* knows something already */
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
    const double level =
        ignorant_loss(&t->options, p->sum_positives / n, anchors * (double)t->config.n_classes);
    if (p->sum_cls / n < 0.95 * level) return;
    rn_trainer_log(t,
                   "warning: the class loss, %.3f, is still that of a network that knows nothing "
                   "(%.3f): look at RUN/pictures/train_1.jpg, at the boxes without anchors above, "
                   "and try another --lr",
                   p->sum_cls / n, level);
}
