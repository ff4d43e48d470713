#include "eval/confusion.h"
#include "base/memory.h"
#include "eval/coco_tables.h"

#include <stdlib.h>

static const double least_iou = 0.5;

/* A picture's detections, best first, and its objects. */
typedef struct scene {
    const rn_result_row *rows;
    const rn_ranked *detections; /* [n_detections] index: of an item */
    size_t n_detections;
    const rn_eval_item *items;
    const rn_object *objects; /* [n_objects] */
    size_t n_objects;
    bool *taken; /* [n_objects] */
} scene;

static bool is_region(const rn_object *object) {
    return object->crowd || object->difficult;
}

/* The free object that a detection overlaps most, n_objects for none. Of equal ones one of the
 * detection's own class is right. */
static size_t find_object(const scene *s, const rn_result_row *row, size_t label) {
    size_t found = s->n_objects;
    double most = least_iou;
    for (size_t g = 0; g < s->n_objects; g++) {
        const rn_object *object = &s->objects[g];
        if (s->taken[g] || is_region(object)) continue;
        const double iou = rn_eval_iou(row, object, false);
        const bool better = found == s->n_objects
                                ? iou >= most
                                : iou > most || (iou == most && (size_t)object->label == label &&
                                                 (size_t)s->objects[found].label != label);
        if (!better) continue;
        most = iou;
        found = g;
    }
    return found;
}

static bool lies_on_region(const scene *s, const rn_result_row *row, size_t label) {
    for (size_t g = 0; g < s->n_objects; g++) {
        const rn_object *object = &s->objects[g];
        if (is_region(object) && (size_t)object->label == label &&
            rn_eval_iou(row, object, object->crowd) >= least_iou)
            return true;
    }
    return false;
}

static void count(size_t *matrix, const scene *s, size_t n_classes) {
    const size_t side = n_classes + 1, background = n_classes;
    for (size_t g = 0; g < s->n_objects; g++) s->taken[g] = false;
    for (size_t d = 0; d < s->n_detections; d++) {
        const rn_eval_item *item = &s->items[s->detections[d].index];
        const rn_result_row *row = &s->rows[item->index];
        const size_t g = find_object(s, row, item->label);
        if (g < s->n_objects) {
            s->taken[g] = true;
            matrix[(size_t)s->objects[g].label * side + item->label]++;
        } else if (!lies_on_region(s, row, item->label)) {
            matrix[background * side + item->label]++;
        }
    }
    for (size_t g = 0; g < s->n_objects; g++)
        if (!s->taken[g] && !is_region(&s->objects[g]))
            matrix[(size_t)s->objects[g].label * side + background]++;
}

/* The detections with at least `score`, in order of (image, row). */
static rn_status sort_detections(rn_eval_item **out, size_t *n, const rn_dataset *truth,
                                 const rn_results *results, double score,
                                 const rn_record *const *records) {
    rn_eval_item *items = NULL;
    size_t n_all, n_kept = 0;
    rn_status status;
    if ((status = rn_alloc(&items, results->n, sizeof *items)) != RN_OK ||
        (status = rn_alloc(out, results->n, sizeof **out)) != RN_OK ||
        (status = rn_eval_place(items, &n_all, truth, results, records)) != RN_OK)
        goto done;
    for (size_t i = 0; i < n_all; i++)
        if (results->rows[items[i].index].score >= score) items[n_kept++] = items[i];
    *n = n_kept;
    status = rn_eval_sort_by_image(*out, items, n_kept, truth->n_records);
done:
    free(items);
    return status;
}

rn_status rn_confusion(size_t **out, const rn_dataset *truth, const rn_results *results,
                       double score) {
    const rn_record **records = NULL;
    rn_eval_item *items = NULL;
    rn_ranked *ranked = NULL; /* [2, n]: the second half is spare */
    bool *taken = NULL;
    size_t n = 0, side, next = 0;
    rn_status status;
    *out = NULL;
    if (!rn_mul(&side, truth->n_classes + 1, truth->n_classes + 1))
        return rn_fail(RN_ENOMEM, "cannot count %zu classes against each other", truth->n_classes);
    if ((status = rn_alloc(out, side, sizeof **out)) != RN_OK ||
        (status = rn_eval_sort_records(&records, truth)) != RN_OK ||
        (status = sort_detections(&items, &n, truth, results, score, records)) != RN_OK ||
        (status = rn_alloc(&ranked, n, 2 * sizeof *ranked)) != RN_OK ||
        (status = rn_alloc(&taken, truth->n_objects, sizeof *taken)) != RN_OK)
        goto done;
    for (size_t image = 0; image < truth->n_records; image++) {
        const size_t first = next;
        for (; next < n && items[next].image == image; next++)
            ranked[next] = (rn_ranked){results->rows[items[next].index].score, next};
        rn_rank(ranked + first, next - first, ranked + n);
        const scene s = {.rows = results->rows,
                         .detections = ranked + first,
                         .n_detections = next - first,
                         .items = items,
                         .objects = truth->objects + records[image]->first_object,
                         .n_objects = records[image]->n_objects,
                         .taken = taken};
        count(*out, &s, truth->n_classes);
    }
done:
    free(records);
    free(items);
    free(ranked);
    free(taken);
    if (status != RN_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}
