/* model_eval.h: what a detector finds on a labelled set. */
#ifndef RN_EVAL_MODEL_EVAL_H
#define RN_EVAL_MODEL_EVAL_H

#include "data/coco.h"
#include "model/detector.h"

/* Run `det` on every picture of `set` (whose classes are the model's, in its order:
 * rn_dataset_match_classes) and collect the boxes in the set's own ids. Pictures that cannot be
 * read are skipped, told by hooks->message (as are warnings) and counted in *n_bad; more than 5% of
 * the set is RN_EINPUT. The detector's score threshold decides what is kept. `hooks` may be NULL.
 */
RN_MUST_USE rn_status rn_detect_set(rn_results *out, size_t *n_bad, rn_detector *det,
                                    const rn_dataset *set, const rn_hooks *hooks);

/* Called for each picture that was read, while the detector holds what its heads gave
 * (rn_detector_outputs). Whatever but RN_OK ends the walk. */
typedef rn_status rn_detected_fn(void *context, const rn_record *record, const rn_image *image);
typedef struct rn_detected {
    rn_detected_fn *run;
    void *context;
} rn_detected;
/* rn_detect_set that does so; `each` may be NULL. */
RN_MUST_USE rn_status rn_detect_set_with(rn_results *out, size_t *n_bad, rn_detector *det,
                                         const rn_dataset *set, const rn_detected *each,
                                         const rn_hooks *hooks);

#endif
