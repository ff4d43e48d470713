#include "base/memory.h"
#include "detection/matcher.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Workspace of one picture's matching. */
typedef struct workspace {
    real *anchors, *iou, *boxes, *best;
    int *match, *labels;
} workspace;

static rn_status create_workspace(workspace *w, rn_coverage *c, const rn_trainer *t,
                                  const rn_model_config *config, int width, int height) {
    rn_plan plan;
    size_t count[RN_LEVELS], most = 1;
    RN_TRY(rn_plan_create(&plan, &t->network.graph, RN_INFERENCE, 1, height, width));
    const rn_status status = rn_network_anchors(&w->anchors, count, &t->network, config, &plan);
    rn_plan_free(&plan);
    if (status != RN_OK) return status;
    for (int l = 0; l < RN_LEVELS; l++) c->anchors += count[l];
    for (size_t i = 0; i < t->train.n_records; i++)
        if (t->train.records[i].n_objects > most) most = t->train.records[i].n_objects;
    RN_TRY(rn_alloc(&c->positives_of, config->n_classes, sizeof *c->positives_of));
    RN_TRY(rn_alloc(&w->iou, c->anchors, sizeof *w->iou));
    RN_TRY(rn_alloc(&w->match, c->anchors, sizeof *w->match));
    RN_TRY(rn_alloc(&w->labels, most, sizeof *w->labels));
    RN_TRY(rn_alloc(&w->boxes, most, 4 * sizeof *w->boxes));
    return rn_alloc(&w->best, most, sizeof *w->best);
}

static void free_workspace(workspace *w) {
    free(w->anchors);
    free(w->iou);
    free(w->match);
    free(w->labels);
    free(w->boxes);
    free(w->best);
}

/* Match one picture's boxes, resized as the network sees them. */
static void cover_record(rn_coverage *c, workspace *w, const rn_trainer *t,
                         const rn_record *record) {
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
        w->labels[n++] = o->label;
    }
    c->boxes += n;
    c->positives += rn_match(w->match, w->iou, w->best, w->anchors, c->anchors, w->boxes, NULL, n,
                             &options.matcher);
    for (size_t i = 0; i < c->anchors; i++) {
        c->negatives += w->match[i] == RN_MATCH_BACKGROUND;
        if (w->match[i] >= 0) c->positives_of[w->labels[w->match[i]]]++;
    }
    for (size_t i = 0; i < n; i++) c->uncovered += w->best[i] < options.matcher.foreground;
}

/* Every `step`-th picture of the training set, under the anchors of `config`. */
static rn_status cover(rn_coverage *c, const rn_trainer *t, const rn_model_config *config,
                       size_t step, int width, int height) {
    workspace w = {0};
    const rn_status status = create_workspace(&w, c, t, config, width, height);
    for (size_t i = 0; i < t->train.n_records && status == RN_OK; i += step)
        cover_record(c, &w, t, &t->train.records[i]);
    free_workspace(&w);
    return status;
}

rn_status rn_trainer_cover(rn_trainer *t, int width, int height) {
    return cover(&t->coverage, t, &t->config, 1, width, height);
}

static double uncovered_share(const rn_coverage *c) {
    return c->boxes > 0 ? (double)c->uncovered / (double)c->boxes : 0;
}

rn_status rn_trainer_fit_anchors(rn_anchor_fit *out, const rn_trainer *t, int width, int height) {
    enum { PICTURES = 500, OCTAVES = 2, PER_OCTAVE = 2 };
    const size_t step = 1 + (t->train.n_records - 1) / PICTURES;
    double least = uncovered_share(&t->coverage) / 2;
    *out = (rn_anchor_fit){.found = false};
    if (uncovered_share(&t->coverage) <= RN_UNCOVERED_FEW) return RN_OK;
    for (int k = -OCTAVES * PER_OCTAVE; k <= OCTAVES * PER_OCTAVE; k++) {
        rn_model_config config = t->config; /* its names are the trainer's */
        if (k == 0) continue;               /* the present ones */
        rn_coverage c = {0};
        for (int l = 0; l < config.n_anchor_sides; l++)
            config.anchor_sides[l] =
                fmin(fmax(round(config.anchor_sides[l] * exp2((double)k / PER_OCTAVE)), 1), 4096);
        const rn_status status = cover(&c, t, &config, step, width, height);
        free(c.positives_of);
        RN_TRY(status);
        if (uncovered_share(&c) >= least) continue;
        least = uncovered_share(&c);
        *out = (rn_anchor_fit){.found = true, .uncovered = least};
        memcpy(out->sides, config.anchor_sides, sizeof out->sides);
    }
    return RN_OK;
}

rn_status rn_trainer_weigh_classes(rn_trainer *t) {
    const rn_coverage *c = &t->coverage;
    const double all = (double)(c->positives + c->negatives) + 2;
    RN_TRY(rn_alloc(&t->class_alpha, t->config.n_classes, sizeof *t->class_alpha));
    for (size_t k = 0; k < t->config.n_classes; k++)
        t->class_alpha[k] = (real)(1 - ((double)c->positives_of[k] + 1) / all);
    return RN_OK;
}
