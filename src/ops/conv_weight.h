/* conv_weight.h: the gradients of a convolution's weight and bias. Private to conv.c. */
#ifndef RN_OPS_CONV_WEIGHT_H
#define RN_OPS_CONV_WEIGHT_H

#include "ops/conv.h"

/* Scratch for both functions, and what the second shares. */
rn_scratch rn_conv_weight_scratch(const rn_conv_dims *dims);
size_t rn_conv_bias_shared(const rn_conv_dims *dims);

void rn_conv_weight_run(const rn_exec *exec, real *dweight, const rn_conv_part *part);
void rn_conv_bias_run(const rn_exec *exec, real *dbias, const rn_conv_part *part);

#endif
