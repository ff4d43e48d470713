/* postprocess.h: from head outputs to boxes ([1] section 4.1, Inference). */
#ifndef RN_DETECTION_POSTPROCESS_H
#define RN_DETECTION_POSTPROCESS_H

#include "base/isa.h"
#include "base/real.h"
#include "base/status.h"
#include "base/threads.h"
#include "detection/scoring.h"

typedef enum rn_nms_mode {
    RN_NMS_CLASS,    /* within a class */
    RN_NMS_AGNOSTIC, /* over all classes together */
    RN_NMS_MOVED /* within a class, as torchvision's batched_nms: up to RN_NMS_MOST_MOVED boxes are
                    moved out of the other classes' reach first, which rounds their corners */
} rn_nms_mode;
enum { RN_NMS_MOST_MOVED = 1000 };

typedef struct rn_postprocess {
    real score_threshold; /* candidates: score > this; 0.05 */
    int topk_candidates;  /* best (anchor, class) pairs a level; 1000 */
    double nms_iou;       /* 0.5; compared in double, as torchvision does: the float next to .3 is
                             over .3 */
    int max_detections;   /* 100 */
    rn_nms_mode nms;
    bool keep_empty; /* also boxes that have no area in the picture */
    rn_isa isa;      /* what may be used; every set gives the same */
    rn_scoring scoring;
} rn_postprocess;

/* One level's head outputs for one image. */
typedef struct rn_level_output {
    const real *logits;  /* [n_anchors, n_classes], or one more as the scoring has it */
    const real *deltas;  /* [n_anchors, 4] */
    const real *anchors; /* [n_anchors, 4] */
    size_t n_anchors;
} rn_level_output;

/* Workspace, grown as needed and reused. Zero-initialise. */
typedef struct rn_candidates {
    rn_threads *threads; /* that share the work, the caller's; NULL: the caller alone */
    void *memory;
    size_t cap; /* bytes */
} rn_candidates;
void rn_candidates_free(rn_candidates *candidates);

/* Boxes in network-input pixels, clipped to width x height, in order of falling score (ties: lower
 * level, then lower anchor, then lower class first). Writes at most max_detections boxes to `out`;
 * *n_out of them. Its memory does not grow with the number of pairs over the threshold. RN_ENOMEM.
 */
RN_MUST_USE rn_status rn_postprocess_run(rn_box *out, size_t *n_out, const rn_level_output *levels,
                                         int n_levels, int n_classes, int width, int height,
                                         const rn_postprocess *options, rn_candidates *work);

#endif
