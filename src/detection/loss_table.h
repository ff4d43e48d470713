/* loss_table.h: every classification loss that `train --loss` knows, in one table. */
#ifndef RN_DETECTION_LOSS_TABLE_H
#define RN_DETECTION_LOSS_TABLE_H

#include "detection/loss.h"
#include "detection/scoring.h"

/* What is done with the losses of the logits of a batch. */
typedef enum rn_loss_reduction {
    RN_LOSS_SUM,  /* divided by the positive anchors ([1], section 4.1) */
    RN_LOSS_OHEM, /* the same over the hardest examples alone: ohem.h */
    /* The same, and the gradient is multiplied by the box loss over this loss, taken as a constant:
     * the class loss counts as much as the box loss, whatever divides it (Chen et al.,
     * Sampling-Free, arXiv:1909.04868, guided loss scaling). With no positive anchor there is no
     * box loss, and nothing is learnt. Its other part, the class bias that is best before anything
     * is learnt, is the prior positives / (anchors * classes) of the training set, unless another
     * is given; its third, thresholds of the scores by class, is not done. */
    RN_LOSS_GUIDED,
    RN_LOSS_GHM /* weighed by how many have its gradient: ghm.h */
} rn_loss_reduction;

/* X(constant, name, scoring of its head, shape of a logit's loss, reduction, gamma and alpha where
 * nobody says otherwise, the options of train that it has). The first is the default. Softmax and
 * objectness: anchor_loss.h; the gamma and alpha of `objectness` are objectness's, cross entropy as
 * in YOLOv3 unless they say otherwise. */
#define RN_LOSS_LIST(X)                                                                            \
    X(RN_LOSS_FOCAL, "focal", RN_SCORING_SIGMOID, RN_SHAPE_FOCAL, RN_LOSS_SUM, 2, 0.25,            \
      "gamma alpha")                                                                               \
    X(RN_LOSS_CE, "ce", RN_SCORING_SIGMOID, RN_SHAPE_FOCAL, RN_LOSS_SUM, 0, -1, "")                \
    X(RN_LOSS_ALPHA_CE, "alpha-ce", RN_SCORING_SIGMOID, RN_SHAPE_FOCAL, RN_LOSS_SUM, 0, 0.75,      \
      "alpha")                                                                                     \
    X(RN_LOSS_FOCAL_STAR, "focal-star", RN_SCORING_SIGMOID, RN_SHAPE_STAR, RN_LOSS_SUM, 2, 0.25,   \
      "gamma alpha star_beta")                                                                     \
    X(RN_LOSS_POLY_FOCAL, "poly-focal", RN_SCORING_SIGMOID, RN_SHAPE_POLY, RN_LOSS_SUM, 2, 0.25,   \
      "gamma alpha poly_epsilon")                                                                  \
    X(RN_LOSS_SLOPE_FOCAL, "slope-focal", RN_SCORING_SIGMOID, RN_SHAPE_SLOPE, RN_LOSS_SUM, 2,      \
      0.25, "gamma alpha slope_floor slope_floor_background")                                      \
    X(RN_LOSS_HARD_EXAMPLES, "ohem", RN_SCORING_SIGMOID, RN_SHAPE_FOCAL, RN_LOSS_OHEM, 0, -1,      \
      "ohem_batch ohem_nms ohem_ratio")                                                            \
    X(RN_LOSS_SAMPLING_FREE, "sampling-free", RN_SCORING_SIGMOID, RN_SHAPE_FOCAL, RN_LOSS_GUIDED,  \
      0, -1, "")                                                                                   \
    X(RN_LOSS_HARMONISED, "ghm", RN_SCORING_SIGMOID, RN_SHAPE_FOCAL, RN_LOSS_GHM, 0, -1,           \
      "ghm_bins ghm_momentum")                                                                     \
    X(RN_LOSS_SOFTMAX_FOCAL, "softmax-focal", RN_SCORING_SOFTMAX, RN_SHAPE_FOCAL, RN_LOSS_SUM, 2,  \
      0.25, "gamma alpha")                                                                         \
    X(RN_LOSS_OBJECTNESS, "objectness", RN_SCORING_OBJECTNESS, RN_SHAPE_FOCAL, RN_LOSS_SUM, 0, -1, \
      "gamma alpha")

/* " focal ce ..." for a text. */
#define RN_LOSS_NAMES                     RN_LOSS_LIST(RN_LOSS_NAME)
#define RN_LOSS_NAME(constant, name, ...) " " name

typedef enum rn_loss_kind {
#define X(constant, ...) constant,
    RN_LOSS_LIST(X)
#undef X
        RN_LOSS_KINDS
} rn_loss_kind;

typedef struct rn_loss_info {
    const char *name;
    rn_scoring scoring;
    rn_loss_shape shape;
    rn_loss_reduction reduction;
    double gamma, alpha;    /* alpha -1: no weighting */
    const char *parameters; /* names of options, a space between */
} rn_loss_info;

const rn_loss_info *rn_loss_info_of(rn_loss_kind kind);

/* Whether an option of train belongs to some loss, and to this one. */
bool rn_loss_is_parameter(const char *option);
bool rn_loss_has_parameter(rn_loss_kind kind, const char *option);

#endif
