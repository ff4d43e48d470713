#include "detection/postprocess.h"
#include "base/memory.h"
#include "detection/box_coder.h"
#include "detection/matcher.h"

#include <stdlib.h>
#include <string.h>

/* An (anchor, class) pair whose score is over the threshold. */
typedef struct candidate {
    real logit; /* orders as the score does, and keeps the digits that the sigmoid of a large logit
                   loses */
    int level;
    uint32_t anchor, label;
    real box[4];
} candidate;

void rn_candidates_free(rn_candidates *candidates) {
    free(candidates->memory);
    *candidates = (rn_candidates){0};
}

static real sigmoid(real x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* Falling score; ties by level, anchor, class: a total order, so that every sort gives the same. */
static int better_first(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    if (x->level != y->level) return x->level < y->level ? -1 : 1;
    if (x->anchor != y->anchor) return x->anchor < y->anchor ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

/* The least logit that may have a score over the threshold: a little below, the exact test comes
 * after. */
static real logit_floor(real threshold) {
    if (threshold <= 0) return -INFINITY;
    if (threshold >= 1) return INFINITY;
    return log(threshold / (1 - threshold)) - (real)1e-4;
}

/* Append a level's pairs over the threshold to list [*n ..]. NaN compares false everywhere and so
 * is never a candidate. */
static rn_status collect(rn_candidates *work, size_t *n, const rn_level_output *level, int number,
                         int n_classes, const rn_postprocess *options) {
    const real least = logit_floor(options->score_threshold);
    const size_t k = (size_t)n_classes;
    for (size_t a = 0; a < level->n_anchors; a++) {
        const real *x = level->logits + a * k;
        real best = x[0];
        for (size_t c = 1; c < k; c++) best = x[c] > best ? x[c] : best; /* most anchors end here */
        if (best < least) continue;
        for (size_t c = 0; c < k; c++) {
            if (!(x[c] >= least) || !(sigmoid(x[c]) > options->score_threshold)) continue;
            RN_TRY(rn_reserve(&work->memory, &work->cap, *n + 1, sizeof(candidate)));
            ((candidate *)work->memory)[(*n)++] = (candidate){
                .logit = x[c], .level = number, .anchor = (uint32_t)a, .label = (uint32_t)c};
        }
    }
    return RN_OK;
}

static real clip(real x, real high) {
    return x < 0 ? 0 : x > high ? high : x;
}

/* Boxes of the candidates, clipped to the picture; those without area are dropped unless they are
 * to be kept, those that are no numbers always. Returns how many are left. */
static size_t decode(candidate *list, size_t n, const rn_level_output *levels, int width,
                     int height, bool keep_empty) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        candidate c = list[i];
        const rn_level_output *level = &levels[c.level];
        rn_box_decode(c.box, level->deltas + 4 * (size_t)c.anchor,
                      level->anchors + 4 * (size_t)c.anchor);
        c.box[0] = clip(c.box[0], (real)width);
        c.box[1] = clip(c.box[1], (real)height);
        c.box[2] = clip(c.box[2], (real)width);
        c.box[3] = clip(c.box[3], (real)height);
        const real w = c.box[2] - c.box[0], h = c.box[3] - c.box[1];
        if (keep_empty ? w >= 0 && h >= 0 : w > 0 && h > 0) list[kept++] = c;
    }
    return kept;
}

/* How far each class is moved behind the one before: 0, or beyond every corner. */
static real class_distance(const candidate *list, size_t n, const rn_postprocess *options) {
    real most = 0;
    if (options->nms != RN_NMS_MOVED || n > RN_NMS_MOST_MOVED) return 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 2; k < 4; k++) most = list[i].box[k] > most ? list[i].box[k] : most;
    return most + 1;
}

static real moved_iou(const real a[4], const real b[4], real by) {
    const real x[4] = {a[0] + by, a[1] + by, a[2] + by, a[3] + by},
               y[4] = {b[0] + by, b[1] + by, b[2] + by, b[3] + by};
    return rn_iou(x, y);
}

/* Greedy non-maximum suppression of a list in falling order: a box stays if it overlaps no box that
 * stayed by more than `iou`. The first `kept` of the list are those that stayed. */
static size_t suppress(candidate *list, size_t n, const rn_postprocess *options) {
    const real distance = class_distance(list, n, options);
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < (size_t)options->max_detections; i++) {
        const candidate c = list[i];
        bool stays = true;
        for (size_t k = 0; k < kept && stays; k++) {
            const bool rivals = options->nms == RN_NMS_AGNOSTIC || list[k].label == c.label;
            const real by = (real)c.label * distance;
            stays = !rivals || !((double)moved_iou(list[k].box, c.box, by) > options->nms_iou);
        }
        if (stays) list[kept++] = c;
    }
    return kept;
}

rn_status rn_postprocess_run(rn_box *out, size_t *n_out, const rn_level_output *levels,
                             int n_levels, int n_classes, int width, int height,
                             const rn_postprocess *options, rn_candidates *work) {
    size_t n = 0;
    *n_out = 0;
    for (int l = 0; l < n_levels; l++) {
        const size_t first = n, most = (size_t)options->topk_candidates;
        RN_TRY(collect(work, &n, &levels[l], l, n_classes, options));
        if (n == first) continue;
        qsort((candidate *)work->memory + first, n - first, sizeof(candidate), better_first);
        if (n - first > most) n = first + most;
    }
    if (n == 0) return RN_OK;
    candidate *list = work->memory;
    n = decode(list, n, levels, width, height, options->keep_empty);
    qsort(list, n, sizeof *list, better_first);
    n = suppress(list, n, options);
    for (size_t i = 0; i < n; i++)
        out[i] = (rn_box){.x1 = (float)list[i].box[0],
                          .y1 = (float)list[i].box[1],
                          .x2 = (float)list[i].box[2],
                          .y2 = (float)list[i].box[3],
                          .score = (float)sigmoid(list[i].logit),
                          .label = (int)list[i].label};
    *n_out = n;
    return RN_OK;
}
