/* gemm_kernel.h: the loops of gemm.c. The includer defines what vector_kernel.h says, and
 *
 *   KERNEL_TILES(X)   X(panels, rows) for every width of tile, widest first; the accumulators and
 *                     one row of b must fit in the registers */

#include "ops/vector_kernel.h"

/* Fetches what lies `reals` behind p: an address, for it may be behind the array. */
INLINE void KERNEL(fetch)(const real *p, ptrdiff_t reals) {
    __builtin_prefetch((const void *)((uintptr_t)p + (uintptr_t)reals * sizeof(real)));
}

/* c += a b for one tile, held in registers. `rows`, `panels` and `even` are constants after
 * inlining. even: row r of a begins at a[0] + r * apart and goes on by 1; then three pointers serve
 * twelve rows, where one each would not fit in the registers, and the rows of the next tile are
 * likely to lie behind them. No processor foresees rows that are read side by side, nor a panel
 * that begins a page: they are fetched here, and so are the vectors of `next`, one for each of b.
 */
INLINE void KERNEL(tile)(real *const *c, const real *const *a, const rn_gemm *gemm,
                         const tile_finish *finish, const real *b, const int rows, const int panels,
                         const real *next, const bool even) {
    enum { PARTS = RN_LANES / LANES };
    KERNEL(vector) sum[TILE_ROWS][RN_GEMM_PANELS * PARTS];
    const int n = panels * PARTS;
    const size_t step = gemm->step, b_step = gemm->b_step, b_stride = gemm->b_stride;
    const ptrdiff_t apart = even ? a[1] - a[0] : 0;
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < panels; i++) {
        __builtin_prefetch(c[r] + i * RN_LANES, 1); /* it comes while the sums are made */
        if (finish && finish->residual[0]) __builtin_prefetch(finish->residual[r] + i * RN_LANES);
    }
    const real *quad[TILE_ROWS / 4] = {a[0], rows > 4 ? a[4] : a[0], rows > 8 ? a[8] : a[0]};
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < n; i++) sum[r][i] =
        (KERNEL(vector)){0};
    for (size_t k = 0, at = 0; k < gemm->depth; k++, at += step, b += b_step, next += b_step) {
        __builtin_prefetch(next, 0, 2);
        if (even && k % RN_LANES == 0)
            UNROLL for (int r = 0; r < rows; r++) KERNEL(fetch)(quad[0], (rows + r) * apart);
        KERNEL(vector) column[RN_GEMM_PANELS * PARTS];
        UNROLL for (int i = 0; i < n; i++) column[i] =
            VECTOR_CONST(b + (size_t)(i / PARTS) * b_stride + i % PARTS * LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            const real x = even ? quad[r / 4][r % 4 * apart] : a[r][at];
            UNROLL for (int i = 0; i < n; i++) sum[r][i] += x * column[i];
        }
        if (even) UNROLL for (int i = 0; i < TILE_ROWS / 4; i++) quad[i]++;
    }
    if (!gemm->clear)
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < n; i++) sum[r][i] +=
            VECTOR(c[r] + i * LANES);
    if (finish) {
        UNROLL for (int i = 0; i < n; i++) {
            const KERNEL(vector) scale = VECTOR_CONST(finish->scale + i * LANES),
                                 shift = VECTOR_CONST(finish->shift + i * LANES);
            UNROLL for (int r = 0; r < rows; r++) sum[r][i] = sum[r][i] * scale + shift;
            if (finish->residual[0])
                UNROLL for (int r = 0; r < rows; r++) sum[r][i] +=
                    VECTOR_CONST(finish->residual[r] + i * LANES);
            if (finish->activation == RN_RELU)
                UNROLL for (int r = 0; r < rows; r++) sum[r][i] =
                    KERNEL(activate)(sum[r][i], RN_RELU);
            else if (finish->activation == RN_RELU6)
                UNROLL for (int r = 0; r < rows; r++) sum[r][i] =
                    KERNEL(activate)(sum[r][i], RN_RELU6);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < n; i++)
        VECTOR(c[r] + i * LANES) = sum[r][i];
}

/* All rows of the columns from panel `first` on. Rows behind the last compute the last one again,
 * into `spare`; columns behind the last live in `edge` alone. */
INLINE void KERNEL(strip)(const rn_gemm *gemm, int first, const int rows, const int panels) {
    real spare[RN_GEMM_COLUMNS] = {0}, edge[TILE_ROWS][RN_GEMM_COLUMNS],
         residual[TILE_ROWS][RN_GEMM_COLUMNS];
    const int skip = first * RN_LANES, left = gemm->columns - skip, width = panels * RN_LANES;
    const real *b = gemm->b + (size_t)first * gemm->b_stride;
    const size_t bytes = (size_t)(left < width ? left : width) * sizeof(real);
    tile_finish finish;
    for (size_t done = 0; done < gemm->rows; done += (size_t)rows) {
        const real *a[TILE_ROWS];
        real *c[TILE_ROWS];
        const size_t rest = gemm->rows - done;
        const int used = rest < (size_t)rows ? (int)rest : rows;
        for (int r = 0; r < rows; r++) {
            a[r] = gemm->a[done + (size_t)(r < used ? r : used - 1)];
            c[r] = r < used ? gemm->c[done + (size_t)r] + skip : spare;
        }
        if (left < width) {
            for (int r = 0; r < rows; r++) {
                memset(edge[r], 0, sizeof edge[r]);
                if (!gemm->clear) memcpy(edge[r], c[r], bytes);
                c[r] = edge[r];
            }
        }
        const tile_finish *end = start_finish(&finish, gemm, done, used, skip);
        const size_t panel = done / (size_t)rows; /* a panel of `next` a tile */
        const real *next = gemm->next && panel < (size_t)panels
                               ? gemm->next + ((size_t)first + panel) * gemm->b_stride
                               : b;
        if (end && end->residual[0] && left < width) {
            for (int r = 0; r < rows; r++) {
                memset(residual[r], 0, sizeof residual[r]);
                memcpy(residual[r], finish.residual[r], bytes);
                finish.residual[r] = residual[r];
            }
        }
        if (used <= rows / 2) /* half a tile does for the last rows */
            KERNEL(tile)(c, a, gemm, end, b, rows / 2, panels, next, false);
        else if (used == rows && are_even(gemm, a, rows))
            KERNEL(tile)(c, a, gemm, end, b, rows, panels, next, true);
        else
            KERNEL(tile)(c, a, gemm, end, b, rows, panels, next, false);
        for (int r = 0; left < width && r < used; r++)
            memcpy(gemm->c[done + (size_t)r] + skip, edge[r], bytes);
    }
}

static KERNEL_TARGET void KERNEL(run)(const rn_gemm *gemm) {
    const int panels = (gemm->columns + RN_LANES - 1) / RN_LANES;
    for (int first = 0; first < panels;) {
#define X(count, height)                                                                           \
    if (panels - first >= count) {                                                                 \
        KERNEL(strip)(gemm, first, height, count);                                                 \
        first += count;                                                                            \
        continue;                                                                                  \
    }
        KERNEL_TILES(X)
#undef X
    }
}

#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_BYTES
#undef KERNEL_TILES
