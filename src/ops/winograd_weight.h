/* winograd_weight.h: the gradient of the weights of winograd.h. Private to winograd.c. */
#ifndef RN_OPS_WINOGRAD_WEIGHT_H
#define RN_OPS_WINOGRAD_WEIGHT_H

#include "ops/conv.h"

rn_scratch rn_winograd_weight_scratch(size_t in_c, size_t out_c, size_t tiles);

#endif
