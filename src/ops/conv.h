/* conv.h: 2-D convolution on NHWC tensors; all of its speed lives behind these functions.
 *
 *   in      [batch, in_h, in_w, in_c]
 *   weight  [out_c, kernel, kernel, in_c]  (PyTorch's [out_c, in_c, kh, kw] with its axes permuted)
 *   bias    [out_c]
 *   out     [batch, out_h, out_w, out_c]
 *
 * It is direct: windows are read where they lie, weights are packed once a call into scratch, and
 * gemm.h multiplies. No im2col, no col2im. */
#ifndef RN_OPS_CONV_H
#define RN_OPS_CONV_H

#include "ops/exec.h"

typedef struct rn_conv_dims {
    int batch, in_h, in_w, in_c;
    int out_h, out_w, out_c; /* out = (in + 2 pad - kernel) / stride + 1, each >= 1 */
    int kernel, stride, pad; /* square; zero padding on all four sides */
    int shift_y, shift_x;    /* 0..pad: fewer zeros above and to the left, as many more below and to
                                the right (TensorFlow's SAME where it strides over an even side) */
} rn_conv_dims;

/* Reals of scratch each worker needs for any of the functions below. */
size_t rn_conv_scratch(const rn_conv_dims *dims);

/* out = conv(in, weight) + bias, then ReLU if `relu`. bias may be NULL. */
void rn_conv_forward(const rn_exec *exec, real *out, const real *in, const real *weight,
                     const real *bias, bool relu, const rn_conv_dims *dims);
/* din += conv^T(dout, weight). */
void rn_conv_backward_data(const rn_exec *exec, real *din, const real *dout, const real *weight,
                           const rn_conv_dims *dims);
/* dweight += sum over pixels of dout x in; dbias += sum of dout. Either may be NULL: not wanted. */
void rn_conv_backward_weight(const rn_exec *exec, real *dweight, real *dbias, const real *dout,
                             const real *in, const rn_conv_dims *dims);

#endif
