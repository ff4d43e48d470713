/* gemm.h: the one product everything in conv.c comes down to.
 *
 *   c[r][j] += sum over k < depth of a[r][k * step] * b[j / RN_LANES * b_stride + k * b_step
 *                                                        + j % RN_LANES]
 *
 * for r < rows, j < columns. Rows of a and c are given by pointers, so a row of `a` may be a window
 * of a picture read where it lies (no im2col), and with step = channels a column of a tensor. The
 * sum runs over k in order: how rows are grouped does not show in the result. */
#ifndef RN_OPS_GEMM_H
#define RN_OPS_GEMM_H

#include "base/isa.h"
#include "base/real.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* b is packed in panels of one vector of 64 bytes; the widest kernel takes four panels at once. */
enum {
    RN_LANES = 64 / (int)sizeof(real),
    RN_GEMM_PANELS = 4,
    RN_GEMM_COLUMNS = RN_GEMM_PANELS * RN_LANES,
};

/* What an operation does to its output last; a NaN stays one. */
typedef enum rn_activation {
    RN_LINEAR,
    RN_RELU, /* max(x, 0) */
    RN_RELU6 /* min(max(x, 0), 6) (Sandler et al., arXiv:1801.04381) */
} rn_activation;

/* What becomes of a sum: c = activation(c * scale[j] + shift[j] + residual[r][j]). */
typedef struct rn_gemm_finish {
    const real *scale, *shift; /* [columns, rounded up to RN_LANES] */
    const real *const
        *residual; /* [rows] pointers to `columns` reals, may be those of c; or NULL */
    rn_activation activation;
} rn_gemm_finish;

typedef struct rn_gemm {
    real *const *c;       /* [rows] pointers to `columns` reals */
    const real *const *a; /* [rows] pointers to `depth` reals, `step` apart */
    const real *b;        /* packed columns, a vector of each panel at every b_step */
    size_t rows, step, depth, b_step, b_stride;
    int columns;      /* 1..RN_GEMM_COLUMNS; b has zeros behind the last one */
    bool clear;       /* c = instead of c += */
    const real *next; /* b of the product that follows, laid out as this one: it is fetched while
                         this one is made; NULL: not known */
    const rn_gemm_finish *finish; /* NULL: none */
} rn_gemm;

/* Runs in the calling thread. isa: not RN_ISA_BEST, and one that this processor has. */
void rn_gemm_run(const rn_gemm *gemm, rn_isa isa);

static inline size_t rn_gemm_round(size_t n) {
    return (n + RN_LANES - 1) / RN_LANES * RN_LANES;
}

#endif
