/* depthwise.h: depthwise 2-D convolution on NHWC tensors, one filter a channel (Howard et al.,
 * arXiv:1704.04861, section 3.1).
 *
 *   in      [batch, in_h, in_w, c]
 *   weight  [c, kernel, kernel]  (PyTorch's [c, 1, kh, kw])
 *   out     [batch, out_h, out_w, c]
 *
 * Dimensions are those of conv.h with in_c = out_c = c. A sum over 9 numbers is no work for gemm.h:
 * the loops run over channels, which lie side by side. Products and sums are rounded one by one, so
 * every processor gives the same bits. */
#ifndef RN_OPS_DEPTHWISE_H
#define RN_OPS_DEPTHWISE_H

#include "ops/conv.h"

enum { RN_DEPTHWISE_KERNEL = 7 }; /* the largest */

/* Scratch for any of the functions below. */
rn_scratch rn_depthwise_scratch(const rn_conv_dims *dims);

/* out = conv(in, weight). */
void rn_depthwise_forward(const rn_exec *exec, real *out, const real *in, const real *weight,
                          const rn_conv_dims *dims);
/* din += conv^T(dout, weight). */
void rn_depthwise_backward_data(const rn_exec *exec, real *din, const real *dout,
                                const real *weight, const rn_conv_dims *dims);
/* dweight += sum over pixels of dout x in. */
void rn_depthwise_backward_weight(const rn_exec *exec, real *dweight, const real *dout,
                                  const real *in, const rn_conv_dims *dims);

#endif
