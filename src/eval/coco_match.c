/* Detections meet objects: the reference's evaluateImg for every image, area and IoU threshold. */
#include "eval/coco_tables.h"

#include <math.h>
#include <string.h>

/* Bounds of the areas in square pixels, both inclusive. */
static const double area_bounds[RN_EVAL_AREAS][2] = {
    {0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};

static bool is_outside(double area, size_t range) {
    return area < area_bounds[range][0] || area > area_bounds[range][1];
}

/* ---- order ---- */

void rn_rank(rn_ranked *items, size_t n, rn_ranked *spare) {
    enum { SHORT = 12 };
    if (n <= SHORT) {
        for (size_t i = 1; i < n; i++) {
            const rn_ranked item = items[i];
            size_t k = i;
            for (; k > 0 && items[k - 1].score < item.score; k--) items[k] = items[k - 1];
            items[k] = item;
        }
        return;
    }
    const size_t half = n / 2;
    rn_rank(items, half, spare);
    rn_rank(items + half, n - half, spare);
    if (items[half - 1].score >= items[half].score) return;
    memcpy(spare, items, half * sizeof *items);
    for (size_t left = 0, right = half, out = 0; left < half; out++)
        items[out] =
            right < n && items[right].score > spare[left].score ? items[right++] : spare[left++];
}

/* ---- overlap ---- */

double rn_eval_iou(const rn_result_row *d, const rn_object *g, bool crowd) {
    const double w = fmin(d->w + d->x, g->w + g->x) - fmax(d->x, g->x);
    if (w <= 0) return 0;
    const double h = fmin(d->h + d->y, g->h + g->y) - fmax(d->y, g->y);
    if (h <= 0) return 0;
    const double both = w * h, area = d->w * d->h;
    return both / (crowd ? area : area + g->w * g->h - both);
}

/* ---- one image of one class ---- */

/* The image's detections, best first, and its objects in file order. */
typedef struct scene {
    const rn_eval_tables *tables;
    const rn_ranked *detections; /* [n_all] index: of a row */
    size_t n_all;
    size_t n_detections;         /* of these that COCO counts */
    const rn_eval_item *objects; /* [n_objects] */
    size_t n_objects;
    rn_verdict *verdicts; /* [n_all] */
} scene;

static const rn_object *object_at(const scene *s, size_t i) {
    return &s->tables->truth->objects[s->objects[i].index];
}

/* Objects that are not ignored first, each part in file order. Returns how many those are. */
static size_t order_objects(const scene *s, size_t area, rn_eval_scratch *scratch) {
    size_t n = 0, n_positive = 0;
    for (int ignored = 0; ignored <= 1; ignored++) {
        for (size_t i = 0; i < s->n_objects; i++) {
            const rn_object *g = object_at(s, i);
            const bool region = g->crowd || g->difficult;
            if ((region || is_outside(g->area, area)) != (ignored == 1)) continue;
            scratch->order[n] = i;
            scratch->ignored[n] = ignored == 1;
            scratch->repeated[n++] = region;
        }
        if (ignored == 0) n_positive = n;
    }
    return n_positive;
}

/* The object (in scratch->order) that detection `iou` (its row of the matrix) is matched to, or
 * n_objects. Among equal overlaps the last wins, and an ignored object only where no other does. */
static size_t find_object(const scene *s, const double *iou, double threshold,
                          const rn_eval_scratch *scratch) {
    double best = fmin(threshold, 1 - 1e-10);
    size_t found = s->n_objects;
    for (size_t g = 0; g < s->n_objects; g++) {
        if (scratch->taken[g] && !scratch->repeated[g]) continue;
        if (found < s->n_objects && !scratch->ignored[found] && scratch->ignored[g]) break;
        if (iou[scratch->order[g]] < best) continue;
        best = iou[scratch->order[g]];
        found = g;
    }
    return found;
}

/* All detections, best first, at one area and threshold. */
static void match(const scene *s, size_t area, size_t t, rn_eval_scratch *scratch) {
    const uint64_t bit = rn_eval_bit(area, t);
    memset(scratch->taken, 0, s->n_objects * sizeof *scratch->taken);
    for (size_t d = 0; d < s->n_detections; d++) {
        if (!scratch->reaches[d]) continue;
        const size_t g =
            find_object(s, scratch->iou + d * s->n_objects, s->tables->ious[t], scratch);
        if (g == s->n_objects) continue;
        scratch->taken[g] = true;
        s->verdicts[d].matched |= bit;
        if (scratch->ignored[g]) s->verdicts[d].ignored |= bit;
    }
}

/* The matrix of overlaps, and which detections reach the least threshold anywhere. */
static void overlap(const scene *s, rn_eval_scratch *scratch) {
    for (size_t d = 0; d < s->n_detections; d++) {
        const rn_result_row *row = &s->tables->results->rows[s->detections[d].index];
        double *iou = scratch->iou + d * s->n_objects;
        scratch->reaches[d] = false;
        for (size_t g = 0; g < s->n_objects; g++) {
            const rn_object *object = object_at(s, g);
            iou[g] = rn_eval_iou(row, object, object->crowd);
            if (!(iou[g] < s->tables->ious[0])) scratch->reaches[d] = true; /* NaN does, too */
        }
    }
}

/* A detection without an object and out of the area's range counts neither way. */
static void finish_verdicts(const scene *s) {
    for (size_t d = 0; d < s->n_detections; d++) {
        const rn_result_row *row = &s->tables->results->rows[s->detections[d].index];
        rn_verdict *verdict = &s->verdicts[d];
        const uint64_t thresholds = rn_eval_bit(0, RN_EVAL_IOUS) - 1;
        for (size_t area = 0; area < RN_EVAL_AREAS; area++)
            if (is_outside(row->w * row->h, area))
                verdict->ignored |= thresholds << (area * RN_EVAL_IOUS) & ~verdict->matched;
    }
}

/* All detections by VOC's rules, at IoU .50: each is held not to the best of the objects that are
 * free but to the best of all, and is wrong if that is found already. Returns how many count. */
static size_t match_voc(const scene *s, bool *found) {
    size_t n_wanted = 0;
    for (size_t g = 0; g < s->n_objects; g++) {
        found[g] = false;
        n_wanted += !object_at(s, g)->crowd && !object_at(s, g)->difficult;
    }
    for (size_t d = 0; d < s->n_all; d++) {
        const rn_result_row *row = &s->tables->results->rows[s->detections[d].index];
        size_t best = 0;
        double most = 0;
        for (size_t g = 0; g < s->n_objects; g++) {
            const double iou = rn_eval_iou(row, object_at(s, g), false);
            if (!(iou > most)) continue;
            most = iou;
            best = g;
        }
        if (most < s->tables->ious[0]) continue;
        const rn_object *object = object_at(s, best);
        if (object->crowd || object->difficult)
            s->verdicts[d].voc = RN_VOC_NEITHER;
        else if (!found[best])
            s->verdicts[d].voc = RN_VOC_TRUE;
        found[best] = true;
    }
    return n_wanted;
}

static void match_image(const scene *s, rn_eval_tables *tables, size_t label,
                        rn_eval_scratch *scratch) {
    for (size_t d = 0; d < s->n_all; d++)
        s->verdicts[d] =
            (rn_verdict){.ignored = d < s->n_detections ? 0 : UINT64_MAX, .rank = (uint32_t)d};
    tables->n_wanted[label] += match_voc(s, scratch->taken);
    overlap(s, scratch);
    for (size_t area = 0; area < RN_EVAL_AREAS; area++) {
        tables->n_positive[label][area] += order_objects(s, area, scratch);
        for (size_t t = 0; t < RN_EVAL_IOUS && s->n_objects > 0; t++) match(s, area, t, scratch);
    }
    finish_verdicts(s);
}

/* ---- a class ---- */

/* How many of items[0..n) are of `image`, all of them in front. */
static size_t count_image(const rn_eval_item *items, size_t n, size_t image) {
    size_t count = 0;
    while (count < n && items[count].image == image) count++;
    return count;
}

void rn_eval_match(rn_eval_tables *tables, size_t label, rn_eval_scratch *scratch) {
    const size_t start = tables->first_detection[label];
    const rn_eval_item *detections = tables->detections + start;
    const rn_eval_item *objects = tables->objects + tables->first_object[label];
    size_t n_detections = tables->first_detection[label + 1] - start;
    size_t n_objects = tables->first_object[label + 1] - tables->first_object[label];
    size_t done = 0;
    while (n_detections > 0 || n_objects > 0) {
        const size_t image =
            n_objects == 0 || (n_detections > 0 && detections->image < objects->image)
                ? detections->image
                : objects->image;
        const size_t n = count_image(detections, n_detections, image);
        rn_ranked *ranked = tables->ranked + start + done;
        for (size_t i = 0; i < n; i++)
            ranked[i] =
                (rn_ranked){tables->results->rows[detections[i].index].score, detections[i].index};
        rn_rank(ranked, n, tables->spare + start);
        const scene s = {.tables = tables,
                         .detections = ranked,
                         .n_all = n,
                         .n_detections = n < RN_EVAL_KEPT ? n : RN_EVAL_KEPT,
                         .objects = objects,
                         .n_objects = count_image(objects, n_objects, image),
                         .verdicts = tables->verdicts + start + done};
        match_image(&s, tables, label, scratch);
        done += n;
        detections += n;
        n_detections -= n;
        objects += s.n_objects;
        n_objects -= s.n_objects;
    }
}
