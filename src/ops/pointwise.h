/* pointwise.h: ReLU, sums, pooling and upsampling on NHWC tensors. Backward adds to din. */
#ifndef RN_OPS_POINTWISE_H
#define RN_OPS_POINTWISE_H

#include "ops/exec.h"
#include "ops/gemm.h"

#include <stdint.h>

/* out = max(in, 0), NaN stays NaN; in place is fine. */
void rn_relu_forward(const rn_exec *exec, real *out, const real *in, size_t n);
/* dout = 0 where out <= 0, in place: the gradient before the ReLU. */
void rn_relu_mask(const rn_exec *exec, real *dout, const real *out, size_t n);
/* dout = 0 where out <= 0 or out >= 6. */
void rn_relu6_mask(const rn_exec *exec, real *dout, const real *out, size_t n);
/* out = a + b, then ReLU if `relu`; out may be a or b. */
void rn_add_forward(const rn_exec *exec, real *out, const real *a, const real *b, bool relu,
                    size_t n);
/* din += dout. */
void rn_add_backward(const rn_exec *exec, real *din, const real *dout, size_t n);

/* Dropout (Srivastava et al., 2014): out = in / (1 - rate) with probability 1 - rate, else 0; in
 * place is fine. 0 <= rate < 1. What is kept depends on `draw` and the place alone, so that
 * backward finds it again: din += dout / (1 - rate) there. */
void rn_dropout_forward(const rn_exec *exec, real *out, const real *in, double rate, uint64_t draw,
                        size_t n);
void rn_dropout_backward(const rn_exec *exec, real *din, const real *dout, double rate,
                         uint64_t draw, size_t n);

typedef struct rn_pool_dims {
    int batch, in_h, in_w, c, out_h, out_w, kernel, stride, pad;
} rn_pool_dims;
/* Max pooling, pad < kernel; ties go to the first element in row-major order, a NaN wins, as in
 * PyTorch. Backward finds the argmax again from `in`. */
void rn_max_pool_forward(const rn_exec *exec, real *out, const real *in, const rn_pool_dims *dims);
void rn_max_pool_backward(const rn_exec *exec, real *din, const real *dout, const real *in,
                          const rn_pool_dims *dims);

/* Source index = floor(i * in / out); in <= out is not required. PyTorch's nearest is the same
 * between levels, where out is 2 in or 2 in - 1; elsewhere it rounds in / out to float32 first and
 * may be one pixel off (2 to 82 is the least such pair). */
typedef struct rn_upsample_dims {
    int batch, in_h, in_w, c, out_h, out_w;
} rn_upsample_dims;
/* FPN's top-down step: out = lateral + nearest(top); out may be lateral. Backward for the lateral
 * side is rn_add_backward. */
void rn_upsample_add_forward(const rn_exec *exec, real *out, const real *lateral, const real *top,
                             const rn_upsample_dims *dims);
void rn_upsample_backward(const rn_exec *exec, real *dtop, const real *dout,
                          const rn_upsample_dims *dims);

#endif
