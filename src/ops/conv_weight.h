/* conv_weight.h: the gradients of a convolution's weight and bias. Private to conv.c. */
#ifndef RN_OPS_CONV_WEIGHT_H
#define RN_OPS_CONV_WEIGHT_H

#include "ops/conv.h"

/* Reals of scratch: a worker's own, and one area shared by all. */
size_t rn_conv_weight_scratch(const rn_conv_dims *dims);
size_t rn_conv_weight_shared(const rn_conv_dims *dims);

void rn_conv_weight_run(const rn_exec *exec, real *dweight, const real *dout, const real *in,
                        real *shared, const rn_conv_dims *dims);
void rn_conv_bias_run(const rn_exec *exec, real *dbias, const real *dout, real *shared,
                      const rn_conv_dims *dims);

#endif
