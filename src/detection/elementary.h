/* elementary.h: exponential and logarithm as the focal loss needs them, for loops over millions of
 * logits: no calls, no branches, so that compilers vectorise them; every instruction set gives the
 * same bits. In double, where only proofs run, they are the C library's. */
#ifndef RN_DETECTION_ELEMENTARY_H
#define RN_DETECTION_ELEMENTARY_H

#include "base/real.h"

#include <stdint.h>
#include <string.h>

#ifdef RN_REAL_IS_DOUBLE

static inline real rn_exp_negative(real t) {
    return exp(t);
}

static inline real rn_log1p_unit(real e) {
    return log1p(e);
}

#else

/* 2^n for n in -126..127; anything for others */
static inline float rn_power_of_two(int32_t n) {
    const uint32_t bits = ((uint32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* e^t for t <= 0, within 1 unit in the last place down to FLT_MIN, below it within FLT_MIN * 1e-7;
 * NaN gives NaN. With t = n ln 2 + r, |r| <= ln 2 / 2: e^t = 2^n (1 + r + r^2 p(r)). */
static inline float rn_exp_negative(float t) {
    const float shift = 12582912; /* 1.5 * 2^23: adding it rounds to an integer, the low bits */
    const float bounded = t < -104 ? -104 : t; /* e^-104 is 0 in float */
    const float shifted = bounded * 1.44269504f + shift, n = shifted - shift;
    const float r = bounded - n * 0.693359375f - n * -2.12194440e-4f; /* the first exactly */
    int32_t power;
    memcpy(&power, &shifted, sizeof power);
    power -= 0x4b400000;             /* the bits of shift */
    const int32_t half = power >> 1; /* 2^n itself may be too small for a float */
    const float p =
        (((1.38142216e-3f * r + 8.36889911e-3f) * r + 4.16684039e-2f) * r + 0.166665196f) * r +
        0.49999994f;
    return (1 + (r + r * r * p)) * rn_power_of_two(half) * rn_power_of_two(power - half);
}

/* log(1 + e) for e in 0..1, within 2 units in the last place. With s = e / (2 + e):
 * log(1 + e) = log((1 + s) / (1 - s)) = 2 s + s^3 p(s^2). */
static inline float rn_log1p_unit(float e) {
    const float s = e / (2 + e), u = s * s;
    const float p = ((0.280244589f * u + 0.279991418f) * u + 0.400216997f) * u + 0.666664124f;
    return 2 * s + s * (u * p);
}

#endif
#endif
