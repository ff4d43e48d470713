#include "eval/coco_eval.h"
#include "base/memory.h"
#include "data/id_map.h"
#include "eval/coco_tables.h"

#include <stdlib.h>
#include <string.h>

/* ---- sorting by class and image ---- */

static int compare_records(const void *a, const void *b) {
    const rn_record *x = *(const rn_record *const *)a, *y = *(const rn_record *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

rn_status rn_eval_sort_records(const rn_record ***out, const rn_dataset *truth) {
    const rn_record **records;
    RN_TRY(rn_alloc(&records, truth->n_records, sizeof *records));
    for (size_t i = 0; i < truth->n_records; i++) records[i] = &truth->records[i];
    if (truth->n_records > 0) qsort(records, truth->n_records, sizeof *records, compare_records);
    *out = records;
    return RN_OK;
}

/* Turn counts[k + 1] of n buckets into where each begins. */
static void sum_counts(size_t *counts, size_t n) {
    for (size_t k = 0; k < n; k++) counts[k + 1] += counts[k];
}

/* Stable counting sort by label; *first[k] = where label k begins, [n_labels + 1]. */
static rn_status sort_by_label(rn_eval_item *out, size_t **first, const rn_eval_item *items,
                               size_t n, size_t n_labels) {
    size_t *next;
    RN_TRY(rn_alloc(first, n_labels + 1, sizeof **first));
    RN_TRY(rn_alloc(&next, n_labels + 1, sizeof *next));
    for (size_t i = 0; i < n; i++) ++(*first)[items[i].label + 1];
    sum_counts(*first, n_labels);
    memcpy(next, *first, n_labels * sizeof *next);
    for (size_t i = 0; i < n; i++) out[next[items[i].label]++] = items[i];
    free(next);
    return RN_OK;
}

rn_status rn_eval_sort_by_image(rn_eval_item *out, const rn_eval_item *items, size_t n,
                                size_t n_images) {
    size_t *next;
    RN_TRY(rn_alloc(&next, n_images + 1, sizeof *next));
    for (size_t i = 0; i < n; i++) next[items[i].image + 1]++;
    sum_counts(next, n_images);
    for (size_t i = 0; i < n; i++) out[next[items[i].image]++] = items[i];
    free(next);
    return RN_OK;
}

static rn_status sort_objects(rn_eval_tables *t, const rn_record *const *records) {
    const rn_dataset *truth = t->truth;
    rn_eval_item *items = NULL;
    size_t n = 0;
    rn_status status;
    if ((status = rn_alloc(&items, truth->n_objects, sizeof *items)) != RN_OK ||
        (status = rn_alloc(&t->objects, truth->n_objects, sizeof *t->objects)) != RN_OK)
        goto done;
    for (size_t image = 0; image < truth->n_records; image++) {
        const size_t first = records[image]->first_object;
        for (size_t i = first; i < first + records[image]->n_objects; i++)
            items[n++] = (rn_eval_item){i, image, (size_t)truth->objects[i].label};
    }
    status = sort_by_label(t->objects, &t->first_object, items, n, t->n_classes);
    if (status != RN_OK) goto done;
    for (size_t i = 0, run = 0; i < n; i++) {
        const bool same = i > 0 && t->objects[i].image == t->objects[i - 1].image &&
                          t->objects[i].label == t->objects[i - 1].label;
        run = same ? run + 1 : 1;
        if (run > t->most_objects) t->most_objects = run;
    }
done:
    free(items);
    return status;
}

rn_status rn_eval_place(rn_eval_item *items, size_t *n, const rn_dataset *truth,
                        const rn_results *results, const rn_record *const *records) {
    rn_id_map images = {0}, categories = {0};
    size_t had;
    rn_status status = RN_OK;
    *n = 0;
    for (size_t i = 0; i < truth->n_records && status == RN_OK; i++)
        status = rn_id_map_add(&images, &had, records[i]->id, i);
    for (size_t k = 0; k < truth->n_classes && status == RN_OK; k++)
        status = rn_id_map_add(&categories, &had, truth->category_ids[k], k);
    for (size_t i = 0; i < results->n && status == RN_OK; i++) {
        const rn_result_row *row = &results->rows[i];
        const rn_eval_item item = {i, rn_id_map_find(&images, row->image_id),
                                   rn_id_map_find(&categories, row->category_id)};
        if (item.image != RN_NO_ID && item.label != RN_NO_ID) items[(*n)++] = item;
    }
    rn_id_map_free(&images);
    rn_id_map_free(&categories);
    return status;
}

static rn_status sort_detections(rn_eval_tables *t, const rn_record *const *records) {
    rn_eval_item *items = NULL;
    size_t n;
    rn_status status;
    if ((status = rn_alloc(&items, t->results->n, sizeof *items)) != RN_OK ||
        (status = rn_alloc(&t->detections, t->results->n, sizeof *t->detections)) != RN_OK ||
        (status = rn_eval_place(t->detections, &n, t->truth, t->results, records)) != RN_OK ||
        (status = rn_eval_sort_by_image(items, t->detections, n, t->truth->n_records)) != RN_OK)
        goto done;
    status = sort_by_label(t->detections, &t->first_detection, items, n, t->n_classes);
done:
    free(items);
    return status;
}

/* ---- tables ---- */

/* np.linspace(low, high, n), bit for bit. */
static void linspace(double *out, double low, double high, size_t n) {
    const double step = (high - low) / (double)(n - 1);
    for (size_t i = 0; i < n; i++) out[i] = (double)i * step + low;
    out[n - 1] = high;
}

static rn_status alloc_scratch(rn_eval_scratch *s, size_t most_objects) {
    RN_TRY(rn_alloc(&s->iou, most_objects, RN_EVAL_KEPT * sizeof *s->iou));
    RN_TRY(rn_alloc(&s->order, most_objects, sizeof *s->order));
    RN_TRY(rn_alloc(&s->ignored, most_objects, sizeof *s->ignored));
    RN_TRY(rn_alloc(&s->repeated, most_objects, sizeof *s->repeated));
    return rn_alloc(&s->taken, most_objects, sizeof *s->taken);
}

static rn_status alloc_tables(rn_eval_tables *t) {
    const size_t n = t->first_detection[t->n_classes], k = t->n_classes;
    const size_t n_precision = (size_t)RN_EVAL_AREAS * RN_EVAL_IOUS * RN_EVAL_RECALLS;
    const size_t n_recall = (size_t)RN_EVAL_LIMITS * RN_EVAL_IOUS;
    RN_TRY(rn_alloc(&t->ranked, n, sizeof *t->ranked));
    RN_TRY(rn_alloc(&t->spare, n, sizeof *t->spare));
    RN_TRY(rn_alloc(&t->verdicts, n, sizeof *t->verdicts));
    RN_TRY(rn_alloc(&t->sorted, n, sizeof *t->sorted));
    RN_TRY(rn_alloc(&t->precisions, n, sizeof *t->precisions));
    RN_TRY(rn_alloc(&t->points, n, 2 * sizeof *t->points));
    RN_TRY(rn_alloc(&t->curves, k, sizeof *t->curves));
    RN_TRY(rn_alloc(&t->voc_ap, k, sizeof *t->voc_ap));
    RN_TRY(rn_alloc(&t->n_wanted, k, sizeof *t->n_wanted));
    RN_TRY(rn_alloc(&t->n_positive, k, sizeof *t->n_positive));
    RN_TRY(rn_alloc(&t->precision, k, n_precision * sizeof *t->precision));
    RN_TRY(rn_alloc(&t->recall, k, n_recall * sizeof *t->recall));
    for (size_t i = 0; i < n_precision * k; i++) t->precision[i] = -1;
    for (size_t i = 0; i < n_recall * k; i++) t->recall[i] = -1;
    RN_TRY(rn_alloc(&t->scratch, t->n_workers, sizeof *t->scratch));
    for (size_t i = 0; i < t->n_workers; i++)
        RN_TRY(alloc_scratch(&t->scratch[i], t->most_objects));
    return RN_OK;
}

static rn_status build_tables(rn_eval_tables *t) {
    const rn_record **records = NULL;
    rn_status status;
    linspace(t->ious, 0.5, 0.95, RN_EVAL_IOUS);
    linspace(t->recalls, 0, 1, RN_EVAL_RECALLS);
    if ((status = rn_eval_sort_records(&records, t->truth)) != RN_OK ||
        (status = sort_objects(t, records)) != RN_OK ||
        (status = sort_detections(t, records)) != RN_OK)
        goto done;
    status = alloc_tables(t);
done:
    free(records);
    return status;
}

static void free_tables(rn_eval_tables *t) {
    for (size_t i = 0; t->scratch && i < t->n_workers; i++) {
        free(t->scratch[i].iou);
        free(t->scratch[i].order);
        free(t->scratch[i].ignored);
        free(t->scratch[i].repeated);
        free(t->scratch[i].taken);
    }
    free(t->scratch);
    free(t->detections);
    free(t->objects);
    free(t->first_detection);
    free(t->first_object);
    free(t->ranked);
    free(t->spare);
    free(t->verdicts);
    free(t->sorted);
    free(t->precisions);
    free(t->points);
    free(t->curves);
    free(t->voc_ap);
    free(t->n_wanted);
    free(t->n_positive);
    free(t->precision);
    free(t->recall);
}

/* ---- evaluation ---- */

static void evaluate_class(void *context, size_t label, int worker) {
    rn_eval_tables *t = context;
    rn_eval_match(t, label, &t->scratch[worker]);
    rn_eval_curves(t, label);
}

rn_status rn_evaluate(rn_evaluation *out, const rn_dataset *truth, const rn_results *results,
                      rn_threads *threads) {
    rn_eval_tables tables = {.truth = truth,
                             .results = results,
                             .n_classes = truth->n_classes,
                             .n_workers = (size_t)rn_threads_count(threads)};
    rn_status status;
    *out = (rn_evaluation){0};
    if ((status = build_tables(&tables)) != RN_OK) goto done;
    rn_threads_run(threads, tables.n_classes, evaluate_class, &tables);
    status = rn_eval_summarize(out, &tables);
done:
    free_tables(&tables);
    if (status != RN_OK) rn_evaluation_free(out);
    return status;
}

void rn_evaluation_free(rn_evaluation *evaluation) {
    free(evaluation->per_class);
    free(evaluation->precision50);
    free(evaluation->points);
    *evaluation = (rn_evaluation){0};
}
