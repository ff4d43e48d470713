/* coco_eval.h: the COCO detection metrics, equal to the reference code to the last digit. */
#ifndef RN_EVAL_COCO_EVAL_H
#define RN_EVAL_COCO_EVAL_H

#include "base/threads.h"
#include "data/coco.h"

enum { RN_EVAL_IOUS = 10, RN_EVAL_RECALLS = 101 };

typedef struct rn_class_metrics {
    int64_t category_id;
    const char *name; /* the data set's */
    double ap, ap50;  /* -1 where the class has no object */
    double recall;    /* AR at 100 */
    double voc_ap, voc07_ap;
    rn_curve curve;
} rn_class_metrics;

typedef struct rn_evaluation {
    double stats[RN_COCO_STATS]; /* AP, AP50, AP75, AP small, medium, large, AR 1, 10, 100, AR
                                    small, medium, large; -1 for none */
    rn_class_metrics *per_class; /* [n_classes] */
    size_t n_classes;
    double *precision50;     /* [n_classes, 101] interpolated precision at IoU .50, all areas, 100
                                detections; -1 for none */
    double voc_ap, voc07_ap; /* means of the classes' */
    rn_curve curve;          /* of all classes' detections together */
    rn_curve_point *points;  /* those of all curves */
} rn_evaluation;

/* F1 at a point of a curve. */
static inline double rn_curve_f1(const rn_curve *curve, const rn_curve_point *p) {
    return 2 * (double)p->n_true / (double)(p->n_true + p->n_false + curve->n_objects);
}

/* What the numbers are stands at rn_evaluate_files in retinanet.h.
 *
 * Evaluate `results` against `truth` (its category ids and image ids). Crowd objects are ignore
 * regions; so are VOC's difficult ones. `threads` may be NULL. RN_ENOMEM. */
RN_MUST_USE rn_status rn_evaluate(rn_evaluation *out, const rn_dataset *truth,
                                  const rn_results *results, rn_threads *threads);
void rn_evaluation_free(rn_evaluation *evaluation);

#endif
