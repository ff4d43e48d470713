/* winograd_transform.h: the transforms of winograd.h for one tile, on vectors of channels. Private
 * to winograd.c and winograd_weight.c. */
#ifndef RN_OPS_WINOGRAD_TRANSFORM_H
#define RN_OPS_WINOGRAD_TRANSFORM_H

#include "base/isa.h"
#include "ops/gemm.h"

/* A tile is SIDE x SIDE inputs and STEP x STEP outputs of a filter of TAPS x TAPS. */
enum {
    RN_TILE_SIDE = 6,
    RN_TILE_STEP = 4,
    RN_TILE_TAPS = 3,
    RN_TILE_INPUTS = RN_TILE_SIDE * RN_TILE_SIDE,
    RN_TILE_OUTPUTS = RN_TILE_STEP * RN_TILE_STEP,
    RN_TILE_WEIGHTS = RN_TILE_TAPS * RN_TILE_TAPS,
    RN_TILE_PRODUCTS = RN_TILE_INPUTS,
};

/* What is read together lies a cache line off a power of two, or it would all fall into the same
 * few places of the cache. */
enum { RN_TILE_LINE = RN_LANES };

/* Where a transform puts channel c of product t:
 * v[t * this->t + c / width * chunk + c % width], width a multiple of RN_LANES. */
typedef struct rn_tile_place {
    size_t t, width, chunk;
} rn_tile_place;

/* What becomes of y = A^T m A: pixel[c] = activation(y * scale[c] + shift[c] + residual[c]). */
typedef struct rn_tile_output {
    const real *scale, *shift; /* [channels, rounded up to RN_LANES] */
    size_t channels;
    rn_activation activation;
} rn_tile_output;

typedef struct rn_tile_kernels {
    /* B^T d B of pixels [RN_TILE_INPUTS], each `channels` reals. May write to the end of the last
     * vector. */
    void (*input)(real *v, const rn_tile_place *place, const real *const *pixels, size_t channels);
    /* A d A^T of pixels [RN_TILE_OUTPUTS]: the transposed of output. */
    void (*gradient)(real *v, const rn_tile_place *place, const real *const *pixels,
                     size_t channels);
    /* A^T m A of product t at m + t * stride to pixels [RN_TILE_OUTPUTS]; NULL: outside. residual:
     * one a pixel, which it may be, or NULL. */
    void (*output)(real *const *pixels, const real *const *residual, const real *m, size_t stride,
                   const rn_tile_output *form);
    /* u[t * stride + lane] = G g G^T, g[tap] = taps + tap * RN_LANES. */
    void (*weight)(real *u, size_t stride, const real *taps);
    /* dweight[tap * step + c] += G^T u G of product t at u + t * stride, for c < channels: the
     * transposed of weight. */
    void (*dweight)(real *dweight, size_t step, const real *u, size_t stride, size_t channels);
    /* turned[i * step + lane] = rows[lane * row + i] for i, lane < RN_LANES. */
    void (*turn)(real *turned, size_t step, const real *rows, size_t row);
} rn_tile_kernels;

rn_tile_kernels rn_tile_kernels_of(rn_isa isa);

#endif
