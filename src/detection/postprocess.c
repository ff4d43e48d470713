#include "detection/postprocess.h"
#include "base/memory.h"
#include "detection/box_coder.h"
#include "detection/matcher.h"

#include <stdlib.h>
#include <string.h>

enum {
    TASK = 1 << 18, /* logits that a task scans, about */
    STRETCH = 128,  /* logits that are looked at together */
    LANES = 16      /* boxes that are compared together */
};

/* An (anchor, class) pair whose score is over the threshold. */
typedef struct pair {
    real logit; /* orders as the score does, and keeps the digits that the sigmoid of a large logit
                   loses */
    uint32_t anchor, label;
} pair;

typedef struct candidate {
    pair pair;
    real box[4];
} candidate;

/* A stretch of a level's anchors and the pairs found there. */
typedef struct scan {
    int level;
    size_t first, n; /* anchors within the level */
    pair *pairs;     /* [cap] */
    size_t n_pairs, cap;
} scan;

/* Boxes that stayed, as columns; a label of -1 where there is none. */
typedef struct kept_block {
    real x1[LANES], y1[LANES], x2[LANES], y2[LANES], area[LANES];
    int label[LANES];
} kept_block;

/* A level's candidates in falling order. */
typedef struct list {
    candidate *at;
    size_t n, next; /* the first `next` were taken */
} list;

typedef struct job {
    const rn_level_output *levels;
    int n_levels, n_classes, width, height;
    const rn_postprocess *options;
    real least; /* logit */
    scan *scans;
    size_t n_scans;
    list *lists; /* [n_levels] */
    kept_block *kept;
} job;

void rn_candidates_free(rn_candidates *candidates) {
    free(candidates->memory);
    *candidates = (rn_candidates){.threads = candidates->threads};
}

static real sigmoid(real x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* Falling score; ties by anchor, class: a total order within a level, so that every way to select
 * or sort gives the same. */
static bool is_better(const pair *x, const pair *y) {
    if (x->logit != y->logit) return x->logit > y->logit;
    if (x->anchor != y->anchor) return x->anchor < y->anchor;
    return x->label < y->label;
}

static int better_first(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    return is_better(&x->pair, &y->pair) ? -1 : is_better(&y->pair, &x->pair);
}

static void swap(pair *a, pair *b) {
    const pair kept = *a;
    *a = *b;
    *b = kept;
}

/* Bring the `most` best of n > most pairs to the front, in any order (Hoare's quickselect). */
static void select_best(pair *pairs, size_t n, size_t most) {
    size_t low = 0, high = n; /* before low: better than all behind; from high on: worse */
    while (low < most && most < high) {
        size_t border = low;
        swap(&pairs[low + (high - low) / 2], &pairs[high - 1]);
        for (size_t i = low; i < high - 1; i++)
            if (is_better(&pairs[i], &pairs[high - 1])) swap(&pairs[i], &pairs[border++]);
        swap(&pairs[border], &pairs[high - 1]);
        if (border < most)
            low = border + 1;
        else
            high = border;
    }
}

/* ---- the pairs over the threshold ---- */

/* The least logit that may have a score over the threshold: a little below, the exact test comes
 * after. */
static real logit_floor(real threshold) {
    if (threshold <= 0) return -INFINITY;
    if (threshold >= 1) return INFINITY;
    return log(threshold / (1 - threshold)) - (real)1e-4;
}

/* Halve a full list. Returns the least logit that may still be among the best: pairs come in order,
 * so a later one with the logit of the worst is worse. */
static real cut(scan *s, size_t most) {
    real worst = INFINITY;
    select_best(s->pairs, s->n_pairs, most);
    s->n_pairs = most;
    for (size_t i = 0; i < most; i++) worst = s->pairs[i].logit < worst ? s->pairs[i].logit : worst;
    return nextafter(worst, (real)INFINITY);
}

/* The task's best pairs, `topk_candidates` of them or up to twice as many: a threshold of 0 costs
 * no more memory. NaN compares false everywhere and so is never a candidate. */
static void scan_task(void *context, size_t task, int worker) {
    const job *j = context;
    scan *s = &j->scans[task];
    const size_t k = (size_t)j->n_classes, n = s->n * k;
    const real *x = j->levels[s->level].logits + s->first * k;
    real least = j->least;
    (void)worker;
    for (size_t at = 0; at < n; at += STRETCH) {
        const size_t end = n - at < STRETCH ? n : at + STRETCH;
        int hits = 0; /* mostly none */
        for (size_t i = at; i < end; i++) hits += x[i] >= least;
        for (size_t i = at; hits && i < end; i++) {
            if (!(x[i] >= least) || !(sigmoid(x[i]) > j->options->score_threshold)) continue;
            if (s->n_pairs == s->cap) {
                least = cut(s, s->cap / 2);
                if (!(x[i] >= least)) continue;
            }
            s->pairs[s->n_pairs++] = (pair){x[i], (uint32_t)(s->first + i / k), (uint32_t)(i % k)};
        }
    }
}

/* ---- the candidates of a level ---- */

static real clip(real x, real high) {
    return x < 0 ? 0 : x > high ? high : x;
}

/* Boxes of the pairs, clipped to the picture; those without area are dropped unless they are to be
 * kept, those that are no numbers always. Returns how many are left. */
static size_t decode(candidate *out, const pair *pairs, size_t n, const rn_level_output *level,
                     const job *j) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        candidate c = {.pair = pairs[i]};
        rn_box_decode(c.box, level->deltas + 4 * (size_t)c.pair.anchor,
                      level->anchors + 4 * (size_t)c.pair.anchor);
        c.box[0] = clip(c.box[0], (real)j->width);
        c.box[1] = clip(c.box[1], (real)j->height);
        c.box[2] = clip(c.box[2], (real)j->width);
        c.box[3] = clip(c.box[3], (real)j->height);
        const real w = c.box[2] - c.box[0], h = c.box[3] - c.box[1];
        if (j->options->keep_empty ? w >= 0 && h >= 0 : w > 0 && h > 0) out[kept++] = c;
    }
    return kept;
}

/* The best pairs of a level's scans, decoded and sorted. */
static void level_task(void *context, size_t task, int worker) {
    const job *j = context;
    const size_t most = (size_t)j->options->topk_candidates;
    pair *pairs = NULL;
    size_t n = 0;
    (void)worker;
    for (size_t i = 0; i < j->n_scans; i++) {
        const scan *s = &j->scans[i];
        if (s->level != (int)task) continue;
        if (!pairs) pairs = s->pairs;
        memmove(pairs + n, s->pairs, s->n_pairs * sizeof *pairs);
        n += s->n_pairs;
    }
    if (n > most) {
        select_best(pairs, n, most);
        n = most;
    }
    list *l = &j->lists[task];
    l->n = decode(l->at, pairs, n, &j->levels[task], j);
    qsort(l->at, l->n, sizeof *l->at, better_first);
}

/* ---- non-maximum suppression ---- */

/* How far each class is moved behind the one before: 0, or beyond every corner. */
static real class_distance(const job *j) {
    real most = 0;
    size_t n = 0;
    for (int l = 0; l < j->n_levels; l++) n += j->lists[l].n;
    if (j->options->nms != RN_NMS_MOVED || n > RN_NMS_MOST_MOVED) return 0;
    for (int l = 0; l < j->n_levels; l++)
        for (size_t i = 0; i < j->lists[l].n; i++)
            for (int k = 2; k < 4; k++)
                most = j->lists[l].at[i].box[k] > most ? j->lists[l].at[i].box[k] : most;
    return most + 1;
}

/* The next of all levels' candidates in falling order, ties to the lower level; NULL behind the
 * last. */
static const candidate *take_best(const job *j) {
    list *best = NULL;
    for (list *l = j->lists; l < j->lists + j->n_levels; l++)
        if (l->next < l->n &&
            (!best || l->at[l->next].pair.logit > best->at[best->next].pair.logit))
            best = l;
    return best ? &best->at[best->next++] : NULL;
}

/* Whether a box overlaps one of the same label by more than `most`, as rn_iou says. */
static bool overlaps(const kept_block *restrict k, const real box[4], real area, int label,
                     real most) {
    int rivals = 0, over = 0;
    for (int i = 0; i < LANES; i++) rivals += k->label[i] == label;
    if (!rivals) return false;
    for (int i = 0; i < LANES; i++) {
        const real left = k->x1[i] > box[0] ? k->x1[i] : box[0];
        const real top = k->y1[i] > box[1] ? k->y1[i] : box[1];
        const real right = k->x2[i] < box[2] ? k->x2[i] : box[2];
        const real bottom = k->y2[i] < box[3] ? k->y2[i] : box[3];
        const real w = right - left, h = bottom - top;
        const real common = (w > 0 ? w : 0) * (h > 0 ? h : 0);
        const real all = k->area[i] + area - common;
        const real iou = common / (all > 0 ? all : 1);
        over += (k->label[i] == label) & (all > 0 ? iou > most : 0 > most);
    }
    return over > 0;
}

/* The largest real that is not over x: so y > x, in double, is y > floor_real(x). */
static real floor_real(double x) {
    const real rounded = (real)x;
    return (double)rounded > x ? nextafter(rounded, (real)-INFINITY) : rounded;
}

/* Put candidate c, moved to `box`, behind the n boxes that stayed. */
static void keep(kept_block *kept, size_t n, const real box[4], real area, int label) {
    kept_block *k = &kept[n / LANES];
    const size_t i = n % LANES;
    if (i == 0) {
        memset(k, 0, sizeof *k);
        for (int lane = 0; lane < LANES; lane++) k->label[lane] = -1;
    }
    k->x1[i] = box[0];
    k->y1[i] = box[1];
    k->x2[i] = box[2];
    k->y2[i] = box[3];
    k->area[i] = area;
    k->label[i] = label;
}

/* Greedy suppression in falling order: a box stays if it overlaps no box that stayed by more than
 * the limit. Returns how many stayed. */
static size_t suppress(rn_box *out, const job *j) {
    const size_t most = (size_t)j->options->max_detections;
    const real distance = class_distance(j), limit = floor_real(j->options->nms_iou);
    const candidate *c;
    size_t n = 0;
    while (n < most && (c = take_best(j))) {
        const real by = (real)c->pair.label * distance;
        const real box[4] = {c->box[0] + by, c->box[1] + by, c->box[2] + by, c->box[3] + by};
        const real w = box[2] - box[0], h = box[3] - box[1];
        const real area = (w > 0 ? w : 0) * (h > 0 ? h : 0);
        const int label = j->options->nms == RN_NMS_AGNOSTIC ? 0 : (int)c->pair.label;
        bool stays = true;
        for (size_t b = 0; b * LANES < n && stays; b++)
            stays = !overlaps(&j->kept[b], box, area, label, limit);
        if (!stays) continue;
        keep(j->kept, n, box, area, label);
        out[n++] = (rn_box){.x1 = (float)c->box[0],
                            .y1 = (float)c->box[1],
                            .x2 = (float)c->box[2],
                            .y2 = (float)c->box[3],
                            .score = (float)sigmoid(c->pair.logit),
                            .label = (int)c->pair.label};
    }
    return n;
}

/* ---- all of it ---- */

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Anchors of a scan. */
static size_t scan_anchors(const job *j) {
    const size_t n = TASK / (size_t)j->n_classes;
    return n > 0 ? n : 1;
}

/* *at = the next `count` elements of `size` bytes of the block at `memory` (NULL: nowhere yet),
 * whose first *used bytes are taken. */
static void place(void *at, void *memory, size_t *used, size_t count, size_t size) {
    void *here = memory ? (char *)memory + *used : NULL;
    memcpy(at, &here, sizeof here); /* any object pointer type */
    *used += (count * size + RN_ALIGN - 1) / RN_ALIGN * RN_ALIGN;
}

/* Lay the workspace out at `memory`, or NULL to learn its size, which is returned. */
static size_t lay_out(job *j, void *memory) {
    const size_t most = (size_t)j->options->topk_candidates, step = scan_anchors(j);
    size_t used = 0, scans = 0;
    for (int l = 0; l < j->n_levels; l++) scans += (j->levels[l].n_anchors + step - 1) / step;
    place(&j->scans, memory, &used, scans, sizeof *j->scans);
    place(&j->lists, memory, &used, (size_t)j->n_levels, sizeof *j->lists);
    place(&j->kept, memory, &used, (size_t)j->options->max_detections / LANES + 1, sizeof *j->kept);
    j->n_scans = 0;
    for (int l = 0; l < j->n_levels; l++) {
        const size_t n = j->levels[l].n_anchors, k = (size_t)j->n_classes;
        list whole = {0};
        place(&whole.at, memory, &used, min_size(most, n * k), sizeof *whole.at);
        if (memory) j->lists[l] = whole;
        for (size_t first = 0; first < n; first += step, j->n_scans++) {
            scan s = {.level = l, .first = first, .n = min_size(step, n - first)};
            s.cap = min_size(2 * most, s.n * k);
            place(&s.pairs, memory, &used, s.cap, sizeof *s.pairs);
            if (memory) j->scans[j->n_scans] = s;
        }
    }
    return used;
}

rn_status rn_postprocess_run(rn_box *out, size_t *n_out, const rn_level_output *levels,
                             int n_levels, int n_classes, int width, int height,
                             const rn_postprocess *options, rn_candidates *work) {
    job j = {.levels = levels,
             .n_levels = n_levels,
             .n_classes = n_classes,
             .width = width,
             .height = height,
             .options = options,
             .least = logit_floor(options->score_threshold)};
    *n_out = 0;
    RN_TRY(rn_reserve(&work->memory, &work->cap, lay_out(&j, NULL), 1));
    lay_out(&j, work->memory);
    rn_threads_run(work->threads, j.n_scans, scan_task, &j);
    rn_threads_run(work->threads, (size_t)n_levels, level_task, &j);
    *n_out = suppress(out, &j);
    return RN_OK;
}
