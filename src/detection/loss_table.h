/* loss_table.h: every classification loss that `train --loss` knows, in one table. */
#ifndef RN_DETECTION_LOSS_TABLE_H
#define RN_DETECTION_LOSS_TABLE_H

#include "detection/loss.h"

/* X(constant, name, shape of a logit's loss, gamma and alpha where nobody says otherwise, the
 * options of train that it has). The first is the default. */
#define RN_LOSS_LIST(X)                                                                            \
    X(RN_LOSS_FOCAL, "focal", RN_SHAPE_FOCAL, 2, 0.25, "gamma alpha")                              \
    X(RN_LOSS_CE, "ce", RN_SHAPE_FOCAL, 0, -1, "")                                                 \
    X(RN_LOSS_ALPHA_CE, "alpha-ce", RN_SHAPE_FOCAL, 0, 0.75, "alpha")                              \
    X(RN_LOSS_FOCAL_STAR, "focal-star", RN_SHAPE_STAR, 2, 0.25, "gamma alpha star_beta")           \
    X(RN_LOSS_POLY_FOCAL, "poly-focal", RN_SHAPE_POLY, 2, 0.25, "gamma alpha poly_epsilon")        \
    X(RN_LOSS_SLOPE_FOCAL, "slope-focal", RN_SHAPE_SLOPE, 2, 0.25,                                 \
      "gamma alpha slope_floor slope_floor_background")

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
    rn_loss_shape shape;
    double gamma, alpha;    /* alpha -1: no weighting */
    const char *parameters; /* names of options, a space between */
} rn_loss_info;

const rn_loss_info *rn_loss_info_of(rn_loss_kind kind);

/* Whether an option of train belongs to some loss, and to this one. */
bool rn_loss_is_parameter(const char *option);
bool rn_loss_has_parameter(rn_loss_kind kind, const char *option);

#endif
