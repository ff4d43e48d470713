/* coco_tables.h: the working memory of one COCO evaluation. Private to src/eval.
 *
 * Detections and objects are sorted by (class, image), so that each class is one stretch of every
 * array below and one task: matching (coco_match.c), then curves (coco_curve.c). */
#ifndef RN_EVAL_COCO_TABLES_H
#define RN_EVAL_COCO_TABLES_H

#include "eval/coco_eval.h"

enum {
    RN_EVAL_AREAS = 4,  /* all, small, medium, large */
    RN_EVAL_KEPT = 100, /* best detections of an image and class that count */
    RN_EVAL_LIMITS = 6  /* kinds of recall: see rn_eval_limits */
};

/* The kinds of average recall: at most so many detections an image, objects of that size. */
typedef struct rn_eval_limit {
    int detections, area;
} rn_eval_limit;
extern const rn_eval_limit rn_eval_limits[RN_EVAL_LIMITS];

/* A detection or object in its place. */
typedef struct rn_eval_item {
    size_t index; /* results->rows[index] or truth->objects[index] */
    size_t image; /* position of its image in order of ids */
    size_t label;
} rn_eval_item;

/* *out = the set's records in order of their ids, which is the order of images in the reference,
 * malloc'ed. RN_ENOMEM. */
RN_MUST_USE rn_status rn_eval_sort_records(const rn_record ***out, const rn_dataset *truth);

/* Find each row's place; rows of images and categories that the truth has not are left out.
 *
 *   items     room for results->n; written in order of the rows
 *   n         how many were written
 *   records   as above
 *
 * RN_ENOMEM. */
RN_MUST_USE rn_status rn_eval_place(rn_eval_item *items, size_t *n, const rn_dataset *truth,
                                    const rn_results *results, const rn_record *const *records);

/* Stable counting sort of items[0, n) by image. RN_ENOMEM. */
RN_MUST_USE rn_status rn_eval_sort_by_image(rn_eval_item *out, const rn_eval_item *items, size_t n,
                                            size_t n_images);

typedef enum rn_voc_verdict { RN_VOC_FALSE, RN_VOC_TRUE, RN_VOC_NEITHER } rn_voc_verdict;

/* What matching says of a detection, for every area and IoU threshold: bit rn_eval_bit. */
typedef struct rn_verdict {
    uint64_t matched; /* an object was found for it */
    uint64_t ignored; /* it counts neither way; so do those behind the RN_EVAL_KEPT best */
    uint32_t rank;    /* among its image's of the class, by falling score */
    rn_voc_verdict voc;
} rn_verdict;

static inline uint64_t rn_eval_bit(size_t area, size_t iou) {
    return UINT64_C(1) << (area * RN_EVAL_IOUS + iou);
}

/* Something with a score. */
typedef struct rn_ranked {
    double score;
    size_t index;
} rn_ranked;

/* By falling score, stable; `spare` has room for n / 2. */
void rn_rank(rn_ranked *items, size_t n, rn_ranked *spare);

/* Intersection over union; with a `crowd` over the detection's own area, since whatever part of a
 * crowd it covers is right. Step for step the reference's bbIou. */
double rn_eval_iou(const rn_result_row *detection, const rn_object *object, bool crowd);

/* What one worker needs for one image. */
typedef struct rn_eval_scratch {
    double *iou;                /* [RN_EVAL_KEPT, most_objects] */
    size_t *order;              /* [most_objects] those to be ignored last */
    bool *ignored;              /* [most_objects] in that order */
    bool *repeated;             /* [most_objects] in that order: may be matched more than once */
    bool *taken;                /* [most_objects] in that order */
    bool reaches[RN_EVAL_KEPT]; /* the least threshold with any object */
} rn_eval_scratch;

typedef struct rn_eval_tables {
    const rn_dataset *truth;
    const rn_results *results;
    double ious[RN_EVAL_IOUS];       /* thresholds */
    double recalls[RN_EVAL_RECALLS]; /* thresholds */
    size_t n_classes;
    rn_eval_item *detections; /* sorted; class k has [first_detection[k], first_detection[k + 1]) */
    rn_eval_item *objects;    /* likewise */
    size_t *first_detection, *first_object; /* [n_classes + 1] */
    size_t most_objects;                    /* of an image and class */
    /* [n_detections], a stretch a class */
    rn_ranked *ranked;      /* in order of image and rank */
    rn_ranked *spare;       /* for sorting them */
    rn_verdict *verdicts;   /* of these */
    rn_verdict *sorted;     /* the same by falling score */
    double *precisions;     /* at each true positive */
    rn_curve_point *points; /* of the classes' curves; behind them room for as many of all */
    /* results */
    rn_curve *curves;                    /* [n_classes] */
    double (*voc_ap)[2];                 /* [n_classes] over all points, over 11 points; -1: none */
    size_t (*n_positive)[RN_EVAL_AREAS]; /* [n_classes] objects that are not ignored */
    size_t *n_wanted;                    /* [n_classes] objects that VOC counts */
    double *precision;                   /* [areas, ious, recalls, n_classes]; -1 for none */
    double *recall;                      /* [limits, ious, n_classes]; -1 for none */
    rn_eval_scratch *scratch;            /* [n_workers] */
    size_t n_workers;
} rn_eval_tables;

/* Fill in ranked, verdicts, n_positive and n_wanted of class `label`. */
void rn_eval_match(rn_eval_tables *tables, size_t label, rn_eval_scratch *scratch);

/* From these fill in sorted, the class's column of precision and recall, its curve and its voc_ap;
 * afterwards ranked is by falling score. */
void rn_eval_curves(rn_eval_tables *tables, size_t label);

/* Add a detection to a curve, by falling score; the curve's points have room for it. */
void rn_curve_add(rn_curve *curve, double score, bool is_true);
/* Find the best threshold of a curve to which all was added. */
void rn_curve_finish(rn_curve *curve);

/* The numbers of all classes. Reorders ranked. RN_ENOMEM leaves what is in `out` to its owner. */
RN_MUST_USE rn_status rn_eval_summarize(rn_evaluation *out, rn_eval_tables *tables);

#endif
