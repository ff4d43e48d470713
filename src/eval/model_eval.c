#include "eval/model_eval.h"
#include "base/memory.h"

#include <stdlib.h>

/* Boxes of one picture become rows in the set's ids. */
static rn_status append_rows(rn_results *results, size_t *cap, const rn_box *boxes, size_t n,
                             const rn_record *record, const rn_dataset *set) {
    RN_TRY(rn_reserve(&results->rows, cap, results->n + n, sizeof *results->rows));
    for (size_t i = 0; i < n; i++) {
        const rn_box *b = &boxes[i];
        results->rows[results->n++] = (rn_result_row){.image_id = record->id,
                                                      .category_id = set->category_ids[b->label],
                                                      .x = (double)b->x1,
                                                      .y = (double)b->y1,
                                                      .w = (double)b->x2 - (double)b->x1,
                                                      .h = (double)b->y2 - (double)b->y1,
                                                      .score = (double)b->score};
    }
    return RN_OK;
}

rn_status rn_detect_set(rn_results *out, size_t *n_bad, rn_detector *det, const rn_dataset *set) {
    const size_t most = (size_t)rn_detector_config(det)->max_detections;
    rn_results results = {0};
    size_t cap = 0, bad = 0;
    rn_box *boxes = NULL;
    rn_status status;
    *out = (rn_results){0};
    *n_bad = 0;
    RN_TRY(rn_alloc(&boxes, most, sizeof *boxes));
    for (size_t i = 0; i < set->n_records; i++) {
        rn_image image = {0};
        size_t n = 0;
        status = rn_record_read(&image, &set->records[i], 0);
        if (status == RN_EINPUT && ++bad * 20 <= set->n_records) continue;
        if (status == RN_OK) status = rn_detector_run(det, &image, boxes, most, &n);
        if (status == RN_OK) status = append_rows(&results, &cap, boxes, n, &set->records[i], set);
        rn_image_free(&image);
        if (status != RN_OK) goto done;
    }
    status = RN_OK;
done:
    free(boxes);
    if (status != RN_OK) {
        rn_results_free(&results);
        return status;
    }
    *out = results;
    *n_bad = bad;
    return RN_OK;
}
