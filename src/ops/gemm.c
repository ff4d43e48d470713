/* Compiled with -ffp-contract=fast, as winograd_transform.c is: sum += x * column is to be one FMA
 * where the processor has it. */
#include "ops/gemm.h"
#include <string.h>

enum { TILE_ROWS = 12 };

/* Whether the rows lie evenly apart, each contiguous. */
static bool are_even(const rn_gemm *gemm, const real *const *a, int rows) {
    bool even = gemm->step == 1;
    for (int r = 2; r < rows; r++) even = even && a[r] - a[r - 1] == a[1] - a[0];
    return even;
}

/* rn_gemm_finish for the rows and columns of a tile. */
typedef struct tile_finish {
    const real *scale, *shift;
    const real *residual[TILE_ROWS]; /* the first is NULL: none */
    rn_activation activation;
} tile_finish;

/* For rows [done, done + used) and columns from `skip` on; NULL if nothing is to be done. Rows
 * behind the last take the last one's. */
static const tile_finish *start_finish(tile_finish *out, const rn_gemm *gemm, size_t done, int used,
                                       int skip) {
    const rn_gemm_finish *finish = gemm->finish;
    if (!finish) return NULL;
    out->scale = finish->scale + skip;
    out->shift = finish->shift + skip;
    out->activation = finish->activation;
    out->residual[0] = NULL;
    for (int r = 0; finish->residual && r < TILE_ROWS; r++)
        out->residual[r] = finish->residual[done + (size_t)(r < used ? r : used - 1)] + skip;
    return out;
}

#if defined(__x86_64__)
/* 32 registers: 24 accumulators, 2 to 4 of b. */
#define KERNEL(name)    name##_avx512
#define KERNEL_TARGET   __attribute__((target("avx512f")))
#define KERNEL_BYTES    64
#define KERNEL_TILES(X) X(4, 6) X(3, 8) X(2, 12) X(1, 12)
#include "ops/gemm_kernel.h"

/* 16 registers of half a vector: 12 accumulators, 2 of b. */
#define KERNEL(name)    name##_avx2
#define KERNEL_TARGET   __attribute__((target("avx2,fma")))
#define KERNEL_BYTES    32
#define KERNEL_TILES(X) X(1, 6)
#include "ops/gemm_kernel.h"
#endif

/* A quarter of a vector a register. */
#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define KERNEL_BYTES    16
#define KERNEL_TILES(X) X(1, 2)
#include "ops/gemm_kernel.h"

void rn_gemm_run(const rn_gemm *gemm, rn_isa isa) {
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) {
        run_avx512(gemm);
        return;
    }
    if (isa == RN_ISA_AVX2) {
        run_avx2(gemm);
        return;
    }
#endif
    (void)isa;
    run_plain(gemm);
}
