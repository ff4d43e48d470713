#include "detection/postprocess.h"
#include "base/memory.h"
#include "detection/box_coder.h"
#include "detection/matcher.h"

#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    STRETCH = 128,  /* logits that are looked at together */
    TASK = 1 << 11, /* stretches of a task, or anchors */
    LANES = 16      /* logits, or boxes, that are compared together */
};

/* An (anchor, class) pair, or a stretch of them and the highest logit in it. */
typedef struct pair {
    real logit;    /* log-odds of the score: orders as the score does, and keeps the digits that the
                      sigmoid of a large logit loses */
    size_t number; /* within the level: anchor * n_classes + class */
} pair;

typedef struct candidate {
    pair pair;
    real score;
    real box[4];
} candidate;

/* The `most` best of the pairs that were offered so far, and up to three times as many others: so
 * they are seldom sorted. */
typedef struct selection {
    pair *pairs, *other; /* [cap]; what sorting needs besides */
    size_t n, cap, most;
    real least; /* what a pair must reach to be one of the best */
} selection;

/* A level while it is searched, then its candidates in falling order. */
typedef struct list {
    const real *pairs; /* log-odds [n_anchors, n_classes]: the logits, or `odds` */
    real *odds;        /* NULL where the logits are log-odds */
    real *peaks;       /* [n_stretches] the highest logit of each stretch */
    size_t n_stretches;
    selection best;
    candidate *at;
    size_t n, next; /* the first `next` were taken */
} list;

/* Boxes of a class that stayed, as columns; zeros where there is none. */
typedef struct kept_block {
    real x1[LANES], y1[LANES], x2[LANES], y2[LANES], area[LANES];
    int n;
    struct kept_block *next; /* full, or NULL */
} kept_block;

#ifdef RN_REAL_IS_DOUBLE
typedef uint64_t real_bits;
#else
typedef uint32_t real_bits;
#endif

typedef void peaks_fn(real *peaks, const real *x, size_t n);

typedef struct job {
    const rn_level_output *levels;
    int n_levels, n_classes, width, height;
    const rn_postprocess *options;
    peaks_fn *find_peaks;
    list *lists;                 /* [n_levels] */
    kept_block *kept, **kept_of; /* all; [n_classes] the newest of each class, or NULL */
} job;

void rn_candidates_free(rn_candidates *candidates) {
    free(candidates->memory);
    *candidates = (rn_candidates){.threads = candidates->threads};
}

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

static real sigmoid(real x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* Unsigned numbers that fall as x rises. */
static real_bits falling_bits(real x) {
    const real_bits sign = (real_bits)1 << (8 * sizeof x - 1);
    real_bits bits;
    x += 0; /* -0 to 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits & sign ? bits : ~(bits | sign);
}

/* Sort in falling order of logits; those that are equal stay as they stand (radix sort, a byte at a
 * time). */
static void sort_pairs(pair *pairs, pair *other, size_t n) {
    uint32_t at[sizeof(real)][256] = {{0}}; /* how many have a byte, then where the next one goes */
    for (size_t i = 0; i < n; i++) {
        const real_bits bits = falling_bits(pairs[i].logit);
        for (size_t byte = 0; byte < sizeof(real); byte++) at[byte][bits >> 8 * byte & 255]++;
    }
    for (size_t byte = 0; byte < sizeof(real); byte++) { /* an even number: they end in `pairs` */
        uint32_t sum = 0;
        for (int i = 0; i < 256; i++) {
            const uint32_t count = at[byte][i];
            at[byte][i] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            other[at[byte][falling_bits(pairs[i].logit) >> 8 * byte & 255]++] = pairs[i];
        pair *sorted = other;
        other = pairs;
        pairs = sorted;
    }
}

/* ---- the highest logit of each stretch ---- */

/* In lanes, for compilers to vectorise. NaN compares false and so is never the highest. */
INLINE real peak_of(const real *x) {
    real high[LANES], peak = -INFINITY;
    for (int k = 0; k < LANES; k++) {
        real column = -INFINITY;
        for (int i = 0; i < STRETCH; i += LANES) column = x[i + k] > column ? x[i + k] : column;
        high[k] = column;
    }
    for (int k = 0; k < LANES; k++) peak = high[k] > peak ? high[k] : peak;
    return peak;
}

/* Every instruction set gives the same. */
#define FIND_PEAKS(name, target)                                                                   \
    target static void name(real *peaks, const real *x, size_t n) {                                \
        for (size_t i = 0; i < n; i++) peaks[i] = peak_of(x + i * STRETCH);                        \
    }
FIND_PEAKS(find_peaks_plain, )
#if defined(__x86_64__)
FIND_PEAKS(find_peaks_avx2, __attribute__((target("avx2"))))
FIND_PEAKS(find_peaks_avx512, __attribute__((target("avx512f"))))
#endif

static peaks_fn *find_peaks_of(rn_isa isa) {
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) return find_peaks_avx512;
    if (isa == RN_ISA_AVX2) return find_peaks_avx2;
#endif
    (void)isa;
    return find_peaks_plain;
}

static size_t pairs_of(const job *j, int level) {
    return j->levels[level].n_anchors * (size_t)j->n_classes;
}

static size_t tasks_of(size_t n) {
    return (n + TASK - 1) / TASK;
}

static void odds_task(void *context, size_t task, int worker) {
    const job *j = context;
    int level = 0;
    (void)worker;
    for (; task >= tasks_of(j->levels[level].n_anchors); level++)
        task -= tasks_of(j->levels[level].n_anchors);
    const list *l = &j->lists[level];
    const size_t first = task * TASK, n = min_size(TASK, j->levels[level].n_anchors - first),
                 logits = (size_t)rn_scoring_logits(j->options->scoring, j->n_classes);
    rn_scoring_log_odds(l->odds + first * (size_t)j->n_classes,
                        j->levels[level].logits + first * logits, n, j->n_classes,
                        j->options->scoring, l->best.least);
}

static void peaks_task(void *context, size_t task, int worker) {
    const job *j = context;
    int level = 0;
    (void)worker;
    for (; task >= tasks_of(j->lists[level].n_stretches); level++)
        task -= tasks_of(j->lists[level].n_stretches);
    const list *l = &j->lists[level];
    const size_t first = task * TASK, n = pairs_of(j, level), whole = n / STRETCH;
    const size_t end = min_size(first + TASK, l->n_stretches);
    j->find_peaks(l->peaks + first, l->pairs + first * STRETCH, min_size(end, whole) - first);
    if (end > whole) { /* the level's last, shorter */
        real last = -INFINITY;
        for (size_t i = whole * STRETCH; i < n; i++) last = l->pairs[i] > last ? l->pairs[i] : last;
        l->peaks[whole] = last;
    }
}

/* ---- the best pairs of a level ---- */

/* The least logit that may have a score over the threshold: a little below, the exact test comes
 * after. */
static real logit_floor(real threshold) {
    if (threshold <= 0) return -INFINITY;
    if (threshold >= 1) return INFINITY;
    return log(threshold / (1 - threshold)) - (real)1e-4;
}

/* Sort, and leave the best alone: all, or as many as are wanted, the worst of which sets what a
 * further one must reach. */
static void keep_best(selection *s) {
    sort_pairs(s->pairs, s->other, s->n);
    if (s->n < s->most) return;
    s->n = s->most;
    s->least = s->pairs[s->n - 1].logit;
}

/* Offer n logits, numbered from `first`, after all with lower numbers: one that equals the worst of
 * the best is worse. NaN compares false and so is never taken. */
static void offer(selection *s, const real *x, size_t n, size_t first) {
    for (size_t at = 0; at < n; at += STRETCH) {
        const size_t end = n - at < STRETCH ? n : at + STRETCH;
        int hits = 0; /* mostly none */
        for (size_t i = at; i < end; i++) hits += x[i] >= s->least;
        for (size_t i = at; hits && i < end; i++) {
            if (!(x[i] >= s->least)) continue;
            if (s->n == s->cap) {
                keep_best(s);
                s->least = nextafter(s->least, (real)INFINITY);
                if (!(x[i] >= s->least)) continue;
            }
            s->pairs[s->n++] = (pair){x[i], first + i};
        }
    }
}

/* The best pairs in falling order, ties in that of their numbers. Of k best none is below the k-th
 * highest peak, since each peak is a pair: so few stretches are looked into, however many pairs are
 * over the threshold. */
static void select_pairs(list *l, size_t n) {
    selection *best = &l->best;
    offer(best, l->peaks, l->n_stretches, 0);
    keep_best(best);
    best->n = 0;
    for (size_t i = 0; i < l->n_stretches; i++)
        if (l->peaks[i] >= best->least)
            offer(best, l->pairs + i * STRETCH, min_size(STRETCH, n - i * STRETCH), i * STRETCH);
    keep_best(best);
}

/* ---- the candidates of a level ---- */

static real clip(real x, real high) {
    return x < 0 ? 0 : x > high ? high : x;
}

/* Those pairs whose score is over the threshold, with their boxes clipped to the picture; those
 * without area are dropped unless they are to be kept, those that are no numbers always. Returns
 * how many are left. */
static size_t decode(candidate *out, const selection *best, const rn_level_output *level,
                     const job *j) {
    size_t kept = 0;
    for (size_t i = 0; i < best->n; i++) {
        candidate c = {.pair = best->pairs[i], .score = sigmoid(best->pairs[i].logit)};
        const size_t anchor = c.pair.number / (size_t)j->n_classes;
        if (!(c.score > j->options->score_threshold)) continue;
        rn_box_decode(c.box, level->deltas + 4 * anchor, level->anchors + 4 * anchor);
        c.box[0] = clip(c.box[0], (real)j->width);
        c.box[1] = clip(c.box[1], (real)j->height);
        c.box[2] = clip(c.box[2], (real)j->width);
        c.box[3] = clip(c.box[3], (real)j->height);
        const real w = c.box[2] - c.box[0], h = c.box[3] - c.box[1];
        if (j->options->keep_empty ? w >= 0 && h >= 0 : w > 0 && h > 0) out[kept++] = c;
    }
    return kept;
}

static void level_task(void *context, size_t task, int worker) {
    const job *j = context;
    const rn_level_output *level = &j->levels[task];
    list *l = &j->lists[task];
    (void)worker;
    select_pairs(l, pairs_of(j, (int)task));
    l->n = decode(l->at, &l->best, level, j);
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

/* Whether a box overlaps one of the block by more than `most`, as rn_iou says. */
static bool overlaps(const kept_block *k, const real box[4], real area, real most) {
    int over = 0;
    for (int i = 0; i < LANES; i++) {
        const real left = k->x1[i] > box[0] ? k->x1[i] : box[0];
        const real top = k->y1[i] > box[1] ? k->y1[i] : box[1];
        const real right = k->x2[i] < box[2] ? k->x2[i] : box[2];
        const real bottom = k->y2[i] < box[3] ? k->y2[i] : box[3];
        const real w = right - left, h = bottom - top;
        const real common = (w > 0 ? w : 0) * (h > 0 ? h : 0);
        const real all = k->area[i] + area - common;
        const real iou = common / (all > 0 ? all : 1);
        over += (i < k->n) & (all > 0 ? iou > most : 0 > most);
    }
    return over > 0;
}

/* The largest real that is not over x: so y > x, in double, is y > floor_real(x). */
static real floor_real(double x) {
    const real rounded = (real)x;
    return (double)rounded > x ? nextafter(rounded, (real)-INFINITY) : rounded;
}

/* Put a box to those of the class that stayed, in the block `fresh` if there is no room. Returns
 * whether that was needed. */
static bool keep(kept_block **kept_of, kept_block *fresh, const real box[4], real area) {
    const bool needed = !*kept_of || (*kept_of)->n == LANES;
    if (needed) {
        *fresh = (kept_block){.next = *kept_of};
        *kept_of = fresh;
    }
    kept_block *k = *kept_of;
    k->x1[k->n] = box[0];
    k->y1[k->n] = box[1];
    k->x2[k->n] = box[2];
    k->y2[k->n] = box[3];
    k->area[k->n++] = area;
    return needed;
}

/* Greedy suppression in falling order: a box stays if it overlaps no box that stayed by more than
 * the limit. Returns how many stayed. */
static size_t suppress(rn_box *out, const job *j) {
    const size_t most = (size_t)j->options->max_detections;
    const real distance = class_distance(j), limit = floor_real(j->options->nms_iou);
    const candidate *c;
    kept_block *fresh = j->kept;
    size_t n = 0;
    for (int i = 0; i < j->n_classes; i++) j->kept_of[i] = NULL;
    while (n < most && (c = take_best(j))) {
        const int class = (int)(c->pair.number % (size_t)j->n_classes);
        const real by = (real) class * distance;
        const real box[4] = {c->box[0] + by, c->box[1] + by, c->box[2] + by, c->box[3] + by};
        const real w = box[2] - box[0], h = box[3] - box[1];
        const real area = (w > 0 ? w : 0) * (h > 0 ? h : 0);
        kept_block **rivals = &j->kept_of[j->options->nms == RN_NMS_AGNOSTIC ? 0 : class];
        bool stays = true;
        for (const kept_block *k = *rivals; k && stays; k = k->next)
            stays = !overlaps(k, box, area, limit);
        if (!stays) continue;
        fresh += keep(rivals, fresh, box, area);
        out[n++] = (rn_box){.x1 = (float)c->box[0],
                            .y1 = (float)c->box[1],
                            .x2 = (float)c->box[2],
                            .y2 = (float)c->box[3],
                            .score = (float)c->score,
                            .label = class};
    }
    return n;
}

/* ---- all of it ---- */

/* *at = the next `count` elements of `size` bytes of the block at `memory` (NULL: nowhere yet),
 * whose first *used bytes are taken. */
static void place(void *at, void *memory, size_t *used, size_t count, size_t size) {
    void *here = memory ? (char *)memory + *used : NULL;
    memcpy(at, &here, sizeof here); /* any object pointer type */
    *used += (count * size + RN_ALIGN - 1) / RN_ALIGN * RN_ALIGN;
}

/* Lay the workspace out at `memory`, or NULL to learn its size, which is returned. */
static size_t lay_out(job *j, void *memory) {
    const size_t most = (size_t)j->options->topk_candidates;
    const size_t stay = (size_t)j->options->max_detections, classes = (size_t)j->n_classes;
    size_t used = 0;
    place(&j->lists, memory, &used, (size_t)j->n_levels, sizeof *j->lists);
    place(&j->kept, memory, &used, min_size(stay, stay / LANES + classes), sizeof *j->kept);
    place(&j->kept_of, memory, &used, classes, sizeof *j->kept_of);
    for (int i = 0; i < j->n_levels; i++) {
        const size_t n = pairs_of(j, i);
        list l = {.pairs = j->levels[i].logits, .n_stretches = (n + STRETCH - 1) / STRETCH};
        if (j->options->scoring != RN_SCORING_SIGMOID) {
            place(&l.odds, memory, &used, n, sizeof *l.odds);
            l.pairs = l.odds;
        }
        l.best = (selection){.cap = min_size(4 * most, n),
                             .most = most,
                             .least = logit_floor(j->options->score_threshold)};
        place(&l.peaks, memory, &used, l.n_stretches, sizeof *l.peaks);
        place(&l.best.pairs, memory, &used, l.best.cap, sizeof *l.best.pairs);
        place(&l.best.other, memory, &used, l.best.cap, sizeof *l.best.other);
        place(&l.at, memory, &used, min_size(most, n), sizeof *l.at);
        if (memory) j->lists[i] = l;
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
             .find_peaks = find_peaks_of(rn_isa_choose(options->isa))};
    size_t odds = 0, peaks = 0; /* tasks */
    *n_out = 0;
    RN_TRY(rn_reserve(&work->memory, &work->cap, lay_out(&j, NULL), 1));
    lay_out(&j, work->memory);
    for (int l = 0; l < n_levels; l++) {
        if (j.lists[l].odds) odds += tasks_of(levels[l].n_anchors);
        peaks += tasks_of(j.lists[l].n_stretches);
    }
    rn_threads_run(work->threads, odds, odds_task, &j);
    rn_threads_run(work->threads, peaks, peaks_task, &j);
    rn_threads_run(work->threads, (size_t)n_levels, level_task, &j);
    *n_out = suppress(out, &j);
    return RN_OK;
}
