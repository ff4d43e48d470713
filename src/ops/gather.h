/* gather.h: a sliding window over one NHWC tensor that adds into another: what forward and backward
 * data of a convolution have in common.
 *
 * Cell (gy, gx) of a grid reads the window of taps_h x taps_w pixels of `src` whose first one is
 * (gy * step + y0, gx * step + x0), zero outside the picture, and adds its product with the weights
 * to the pixel (gy * dst_step + dst_y, gx * dst_step + dst_x) of `dst`. A row of a window is
 * contiguous in NHWC, so rn_gemm reads it where it lies; only those cut by the picture's edge are
 * copied. */
#ifndef RN_OPS_GATHER_H
#define RN_OPS_GATHER_H

#include "ops/conv.h"

typedef struct rn_gather {
    int batch;
    int src_h, src_w, src_c;
    int taps_h, taps_w;
    int step, y0, x0;
    int grid_h, grid_w;
    int dst_h, dst_w, dst_c;
    int dst_step, dst_y, dst_x;
} rn_gather;

/* Reals of scratch each worker needs. */
size_t rn_gather_scratch(void);
/* Reals of weights as rn_gather_run wants them: packed[panels of dst_c][taps_h][taps_w][src_c]
 * [RN_LANES], zeros behind the last channel. */
size_t rn_gather_packed(const rn_gather *gather);

/* dst = window product, finished (see conv.h; residual as large as dst, or NULL); or, where
 * `finish` is NULL, dst += window product. */
void rn_gather_run(const rn_exec *exec, const rn_gather *gather, real *dst, const real *src,
                   const real *packed, const real *residual, const rn_conv_finish *finish);

#endif
