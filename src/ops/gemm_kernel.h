/* gemm_kernel.h: the loops of gemm.c, included once for every instruction set; no include guard.
 * The includer defines
 *
 *   KERNEL(name)      the name for this set
 *   KERNEL_TARGET     its target attribute. (A template inlined from a plain function would not do:
 *                     gcc splits its vectors for the plain target before it inlines.)
 *   KERNEL_BYTES      the size of a register
 *   KERNEL_TILES(X)   X(panels, rows) for every width of tile, widest first; the accumulators and
 *                     one row of b must fit in the registers */

typedef real KERNEL(vector)
    __attribute__((vector_size(KERNEL_BYTES), aligned(sizeof(real)), may_alias));
#define VECTOR(pointer)       (*(KERNEL(vector) *)(pointer))
#define VECTOR_CONST(pointer) (*(const KERNEL(vector) *)(pointer))

/* c += a b for one tile, held in registers. `rows`, `panels` and `even` are constants after
 * inlining. even: row r of a begins at a[0] + r * apart and goes on by 1; then three pointers serve
 * twelve rows, where one each would not fit in the registers. */
static inline __attribute__((always_inline)) KERNEL_TARGET void
KERNEL(tile)(real *const *c, const real *const *a, const rn_gemm *gemm, const real *b,
             const int rows, const int panels, const bool even) {
    enum { LANES = KERNEL_BYTES / (int)sizeof(real), PARTS = RN_LANES / LANES };
    KERNEL(vector) sum[TILE_ROWS][RN_GEMM_PANELS * PARTS];
    const int n = panels * PARTS;
    const size_t step = gemm->step, b_step = gemm->b_step, b_stride = gemm->b_stride;
    const size_t apart = even ? (size_t)(a[1] - a[0]) : 0;
    const real *quad[TILE_ROWS / 4] = {a[0], a[0] + 4 * apart, a[0] + 8 * apart};
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < n; i++) sum[r][i] =
        (KERNEL(vector)){0};
    for (size_t k = 0, at = 0; k < gemm->depth; k++, at += step, b += b_step) {
        KERNEL(vector) column[RN_GEMM_PANELS * PARTS];
        UNROLL for (int i = 0; i < n; i++) column[i] =
            VECTOR_CONST(b + (size_t)(i / PARTS) * b_stride + i % PARTS * LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            const real x = even ? quad[r / 4][(size_t)(r % 4) * apart] : a[r][at];
            UNROLL for (int i = 0; i < n; i++) sum[r][i] += x * column[i];
        }
        if (even)
            UNROLL for (int i = 0; i < TILE_ROWS / 4; i++) quad[i]++;
    }
    if (!gemm->clear)
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < n; i++) sum[r][i] +=
            VECTOR(c[r] + i * LANES);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < n; i++)
        VECTOR(c[r] + i * LANES) = sum[r][i];
}

/* All rows of the columns from panel `first` on. Rows behind the last compute the last one again,
 * into `spare`; columns behind the last live in `edge` alone. */
static inline __attribute__((always_inline)) KERNEL_TARGET void
KERNEL(strip)(const rn_gemm *gemm, int first, const int rows, const int panels) {
    real spare[RN_GEMM_COLUMNS] = {0}, edge[TILE_ROWS][RN_GEMM_COLUMNS];
    const int skip = first * RN_LANES, left = gemm->columns - skip, width = panels * RN_LANES;
    const real *b = gemm->b + (size_t)first * gemm->b_stride;
    for (size_t done = 0; done < gemm->rows; done += (size_t)rows) {
        const real *a[TILE_ROWS];
        real *c[TILE_ROWS];
        const size_t rest = gemm->rows - done;
        const int used = rest < (size_t)rows ? (int)rest : rows;
        for (int r = 0; r < rows; r++) {
            a[r] = gemm->a[done + (size_t)(r < used ? r : used - 1)];
            c[r] = r < used ? gemm->c[done + (size_t)r] + skip : spare;
        }
        if (left >= width) {
            if (used <= rows / 2) /* half a tile does for the last rows */
                KERNEL(tile)(c, a, gemm, b, rows / 2, panels, false);
            else if (used == rows && are_even(gemm, a, rows))
                KERNEL(tile)(c, a, gemm, b, rows, panels, true);
            else
                KERNEL(tile)(c, a, gemm, b, rows, panels, false);
            continue;
        }
        real *e[TILE_ROWS];
        for (int r = 0; r < rows; r++) {
            e[r] = edge[r];
            for (int j = 0; j < width; j++) e[r][j] = j < left ? c[r][j] : 0;
        }
        KERNEL(tile)(e, a, gemm, b, rows, panels, false);
        for (int r = 0; r < used; r++) memcpy(c[r], e[r], (size_t)left * sizeof(real));
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

#undef VECTOR
#undef VECTOR_CONST
#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_BYTES
#undef KERNEL_TILES
