#include "eval/model_eval.h"
#include "base/memory.h"

#include <stdio.h>
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

static void show_progress(const rn_hooks *hooks, size_t done, size_t all) {
    char line[80];
    if (!hooks || !hooks->progress) return;
    snprintf(line, sizeof line, "detecting: picture %zu of %zu", done, all);
    hooks->progress(hooks->context, line);
}

/* A picture that cannot be read is passed over while they are few. */
static rn_status skip(size_t *n_bad, const rn_dataset *set, const rn_hooks *hooks) {
    enum { ONE_IN = 20 };
    if (++*n_bad * ONE_IN > set->n_records)
        return rn_fail(RN_EINPUT,
                       "%s: more than 5%% of the pictures cannot be read (got %zu of %zu): %s",
                       set->name, *n_bad, set->n_records, rn_error_text());
    rn_tell(hooks, "skipped: %s", rn_error_text());
    return RN_OK;
}

/* A walk over a set. */
typedef struct walk {
    rn_detector *det;
    const rn_dataset *set;
    const rn_detected *each; /* NULL: nobody */
    const rn_hooks *hooks;
    rn_box *boxes; /* [most] */
    size_t most;
    rn_results results;
    size_t cap, n_bad;
} walk;

static rn_status detect_record(walk *w, const rn_record *record) {
    rn_image image = {0};
    size_t n = 0;
    rn_status status = rn_record_read(&image, record, 0);
    if (status == RN_EINPUT) return skip(&w->n_bad, w->set, w->hooks);
    if (image.warning) rn_tell(w->hooks, "warning: %s: %s", record->path, image.warning);
    if (status == RN_OK) status = rn_detector_run(w->det, &image, w->boxes, w->most, &n);
    if (status == RN_OK) status = append_rows(&w->results, &w->cap, w->boxes, n, record, w->set);
    if (status == RN_OK && w->each) status = w->each->run(w->each->context, record, &image);
    rn_image_free(&image);
    return status;
}

rn_status rn_detect_set(rn_results *out, size_t *n_bad, rn_detector *det, const rn_dataset *set,
                        const rn_hooks *hooks) {
    return rn_detect_set_with(out, n_bad, det, set, NULL, hooks);
}

rn_status rn_detect_set_with(rn_results *out, size_t *n_bad, rn_detector *det,
                             const rn_dataset *set, const rn_detected *each,
                             const rn_hooks *hooks) {
    walk w = {.det = det,
              .set = set,
              .each = each,
              .hooks = hooks,
              .most = (size_t)rn_detector_config(det)->max_detections};
    rn_status status;
    *out = (rn_results){0};
    *n_bad = 0;
    RN_TRY(rn_alloc(&w.boxes, w.most, sizeof *w.boxes));
    status = RN_OK;
    for (size_t i = 0; i < set->n_records && status == RN_OK; i++) {
        show_progress(hooks, i + 1, set->n_records);
        status = detect_record(&w, &set->records[i]);
    }
    free(w.boxes);
    *n_bad = w.n_bad;
    if (status != RN_OK) {
        rn_results_free(&w.results);
        return status;
    }
    *out = w.results;
    return RN_OK;
}
