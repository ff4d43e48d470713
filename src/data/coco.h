/* coco.h: COCO json, ground truth and results, through the streaming reader in json.h. */
#ifndef RN_DATA_COCO_H
#define RN_DATA_COCO_H

#include "data/dataset.h"

#define RN_COCO_MAX_BYTES ((size_t)4 << 30) /* larger files are refused */

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
    size_t n_unknown_category; /* boxes of categories that the truth has not: left out of rows */
} rn_results;

/* Read ground truth: "images" (id, file_name; width, height), "annotations" (id, image_id,
 * category_id, bbox; area, iscrowd) and "categories" (id, name), where what stands before the ';'
 * must be there. Everything else is passed over, as long as it is JSON.
 *
 * Objects are as given, degenerate ones too; classes ascend by id; record.path stays NULL. Ids are
 * exact integers of at most 2^53 in magnitude, each given once. RN_EINPUT with FILE:LINE:COL,
 * RN_ENOMEM; on failure *out is empty. */
RN_MUST_USE rn_status rn_coco_read(rn_dataset *out, const char *path);

/* Read a list of results (image_id, category_id, bbox, score). An image that `truth` has not is
 * RN_EINPUT; a category that it has not is counted and left out, as the reference does. On failure
 * *out is empty. */
RN_MUST_USE rn_status rn_results_read(rn_results *out, const char *path, const rn_dataset *truth);
/* Write such a list; numbers read back as they were. RN_EIO leaves what was there. */
RN_MUST_USE rn_status rn_results_write(const char *path, const rn_results *results);
void rn_results_free(rn_results *results);

#endif
