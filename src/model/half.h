/* half.h: 16-bit floating point: IEEE 754 binary16 and bfloat16. */
#ifndef RN_MODEL_HALF_H
#define RN_MODEL_HALF_H

#include <stdint.h>

float rn_half_to_float(uint16_t half);
uint16_t rn_float_to_half(float value); /* to nearest, ties to even; too large becomes infinite */
float rn_bfloat_to_float(uint16_t bits);

#endif
