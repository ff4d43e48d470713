/* confusion.h: which class is taken for which. */
#ifndef RN_EVAL_CONFUSION_H
#define RN_EVAL_CONFUSION_H

#include "data/coco.h"

/* *out [n_classes + 1, n_classes + 1], malloc'ed: objects of the row's class that detections of the
 * column's class with at least `score` take (rn_evaluate_files in retinanet.h says how). RN_ENOMEM.
 */
RN_MUST_USE rn_status rn_confusion(size_t **out, const rn_dataset *truth, const rn_results *results,
                                   double score);

#endif
