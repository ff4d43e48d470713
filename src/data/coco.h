/* coco.h: COCO json, ground truth and results, through the streaming reader in json.h. */
#ifndef RN_DATA_COCO_H
#define RN_DATA_COCO_H

#include "data/dataset.h"

/* What a detections file holds: one row a box, as given (no clipping, no dropping). */
typedef struct rn_result_row {
    int64_t image_id;
    int64_t category_id;
    double x, y, w, h;
    double score;
} rn_result_row;

typedef struct rn_results {
    rn_result_row *rows; /* [n] in file order */
    size_t n;
} rn_results;

/* Read ground truth. Objects as given, degenerate ones too. record.path stays NULL. Faults:
 * bad-inputs.md 18-29, 34, 36, 38. */
RN_MUST_USE rn_status rn_coco_read(rn_dataset *out, const char *path);
/* Read a results list; `truth` serves the check of image ids (bad-inputs.md 37). */
RN_MUST_USE rn_status rn_results_read(rn_results *out, const char *path, const rn_dataset *truth);
void rn_results_free(rn_results *results);

#endif
