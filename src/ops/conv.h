/* conv.h: 2-D convolution on NHWC tensors; all of its speed lives behind these functions.
 *
 *   in      [batch, in_h, in_w, in_c]
 *   weight  [out_c, kernel, kernel, in_c]  (PyTorch's [out_c, in_c, kh, kw] with its axes permuted)
 *   out     [batch, out_h, out_w, out_c]
 *
 * Weights are packed once a call into scratch, and gemm.h multiplies: by minimal filtering where
 * that saves work (winograd.h), else directly, on windows that are read where they lie. No im2col,
 * no col2im. */
#ifndef RN_OPS_CONV_H
#define RN_OPS_CONV_H

#include "ops/exec.h"
#include "ops/gemm.h"

typedef struct rn_conv_dims {
    int batch, in_h, in_w, in_c;
    int out_h, out_w, out_c; /* out = (in + 2 pad - kernel) / stride + 1, each >= 1 */
    int kernel, stride, pad; /* square; zero padding on all four sides */
    int shift_y, shift_x;    /* 0..pad: fewer zeros above and to the left, as many more below and to
                                the right (TensorFlow's SAME where it strides over an even side) */
} rn_conv_dims;

/* The pictures of one size that a convolution goes over. A function reads and writes the tensors
 * that its formula names. */
typedef struct rn_conv_part {
    rn_conv_dims dims;
    const real *in, *dout;
    real *out, *din;      /* din: NULL where it is not wanted */
    const real *residual; /* as large as out, apart from it; NULL: none */
} rn_conv_part;

/* What becomes of each sum: out = activation(sum * scale[o] + shift[o] + residual). So a bias, a
 * frozen normalisation and a shortcut cost no walk over the output. */
typedef struct rn_conv_finish {
    const real *scale, *shift; /* [out_c]; NULL: 1 and 0 */
    rn_activation activation;
} rn_conv_finish;

/* Columns [first, first + n) of scale and shift, each RN_GEMM_COLUMNS reals: 1 and 0 where there is
 * nothing, behind the last column too, so that whole vectors may be read. finish may be NULL. */
static inline void rn_conv_finish_columns(real *scale, real *shift, const rn_conv_finish *finish,
                                          size_t first, size_t n) {
    for (size_t j = 0; j < RN_GEMM_COLUMNS; j++) {
        scale[j] = finish && finish->scale && j < n ? finish->scale[first + j] : 1;
        shift[j] = finish && finish->shift && j < n ? finish->shift[first + j] : 0;
    }
}

/* The functions below take 1..RN_CONV_PARTS parts that differ in batch and sizes alone: the levels
 * of a pyramid that share a head are one job, whose weights are packed once. */
enum { RN_CONV_PARTS = 8 };

/* Scratch for the functions below, or for rn_conv_forward alone. */
typedef enum rn_conv_passes { RN_CONV_FORWARD, RN_CONV_ALL } rn_conv_passes;
rn_scratch rn_conv_scratch(const rn_conv_part *parts, size_t n, rn_conv_passes passes);

/* out = conv(in, weight), finished. */
void rn_conv_forward(const rn_exec *exec, const rn_conv_part *parts, size_t n, const real *weight,
                     const rn_conv_finish *finish);
/* din += conv^T(dout, weight). */
void rn_conv_backward_data(const rn_exec *exec, const rn_conv_part *parts, size_t n,
                           const real *weight);
/* dweight += sum over pixels of dout x in; dbias += sum of dout. Either may be NULL: not wanted. */
void rn_conv_backward_weight(const rn_exec *exec, real *dweight, real *dbias,
                             const rn_conv_part *parts, size_t n);

#endif
