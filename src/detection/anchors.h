/* anchors.h: the fixed boxes that the heads' outputs are relative to. */
#ifndef RN_DETECTION_ANCHORS_H
#define RN_DETECTION_ANCHORS_H

#include "base/real.h"
#include "base/status.h"

enum { RN_LEVELS = 5, RN_MAX_CELL_ANCHORS = 25, RN_MAX_SCALES = 5, RN_MAX_RATIOS = 5 };

/* Shapes at one cell. Level l (0 is P3) has the base side sides[l]; every (ratio, scale) pair is
 * one anchor, ratio-major. */
typedef struct rn_anchor_spec {
    double sides[RN_LEVELS]; /* pixels of the network's input; the paper: 32, 64, 128, 256, 512 */
    double scales[RN_MAX_SCALES]; /* the paper: 2^0, 2^(1/3), 2^(2/3) */
    double ratios[RN_MAX_RATIOS]; /* height / width; the paper: 0.5, 1, 2 */
    int n_scales, n_ratios;
    double offset; /* centre of the first cell in cells: 0.5 ours, 0 torchvision's */
    bool rounded;  /* torchvision: sides truncated to integers, corners rounded half to even */
} rn_anchor_spec;

/* Anchors a cell: n_scales * n_ratios. */
int rn_anchors_per_cell(const rn_anchor_spec *spec);

/* out [grid_h, grid_w, anchors per cell, 4] as x1, y1, x2, y2. stride_y, stride_x in input pixels.
 */
void rn_anchors_level(real *out, const rn_anchor_spec *spec, int level, int grid_h, int grid_w,
                      double stride_y, double stride_x);

#endif
