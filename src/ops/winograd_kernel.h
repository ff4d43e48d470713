/* winograd_kernel.h: the loops of winograd_transform.c. Vectors run over channels. The includer
 * defines what vector_kernel.h says, and
 *
 *   KERNEL_LOW, KERNEL_HIGH   the lanes of two vectors dealt out one by one, see there */

#include "ops/vector_kernel.h"

/* B^T of one line. */
INLINE void KERNEL(input_line)(KERNEL(vector) out[SIDE], const KERNEL(vector) in[SIDE]) {
    const KERNEL(vector) even = in[4] - 4 * in[2], odd = in[3] - 4 * in[1];
    const KERNEL(vector) even2 = in[4] - in[2], odd2 = 2 * (in[3] - in[1]);
    out[0] = 4 * in[0] - 5 * in[2] + in[4];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = 4 * in[1] - 5 * in[3] + in[5];
}

/* A^T of one line. */
INLINE void KERNEL(output_line)(KERNEL(vector) out[STEP], const KERNEL(vector) in[SIDE]) {
    const KERNEL(vector) a = in[1] + in[2], b = in[1] - in[2], c = in[3] + in[4], d = in[3] - in[4];
    out[0] = in[0] + a + c;
    out[1] = b + 2 * d;
    out[2] = a + 4 * c;
    out[3] = b + 8 * d + in[5];
}

/* A of one line: the transposed of output_line. */
INLINE void KERNEL(gradient_line)(KERNEL(vector) out[SIDE], const KERNEL(vector) in[STEP]) {
    const KERNEL(vector) even = in[0] + in[2], odd = in[1] + in[3];
    const KERNEL(vector) even2 = in[0] + 4 * in[2], odd2 = 2 * in[1] + 8 * in[3];
    out[0] = in[0];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = in[3];
}

/* G of one line. */
INLINE void KERNEL(weight_line)(KERNEL(vector) out[SIDE], const KERNEL(vector) in[TAPS]) {
    const KERNEL(vector) even = (in[0] + in[2]) * (real)(-1.0 / 6), odd = in[1] * (real)(1.0 / 6);
    const KERNEL(vector) even2 = in[0] * (real)(1.0 / 24) + in[2] * (real)(1.0 / 6),
                         odd2 = in[1] * (real)(1.0 / 12);
    out[0] = in[0] * (real)0.25;
    out[1] = even - odd;
    out[2] = even + odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = in[2];
}

/* G^T of one line: the transposed of weight_line. */
INLINE void KERNEL(dweight_line)(KERNEL(vector) out[TAPS], const KERNEL(vector) in[SIDE]) {
    const KERNEL(vector) a = (in[1] + in[2]) * (real)(1.0 / 6), c = in[3] + in[4];
    out[0] = in[0] * (real)0.25 - a + c * (real)(1.0 / 24);
    out[1] = (in[2] - in[1]) * (real)(1.0 / 6) + (in[3] - in[4]) * (real)(1.0 / 12);
    out[2] = c * (real)(1.0 / 6) - a + in[5];
}

/* LINE along the columns, then along the rows: to[y, x] of n x n vectors from m x m. */
#define BOTH_WAYS(LINE, n, m, load, store)                                                         \
    KERNEL(vector) half[n][m];                                                                     \
    UNROLL for (int x = 0; x < m; x++) {                                                           \
        KERNEL(vector) in[m], out[n];                                                              \
        UNROLL for (int y = 0; y < m; y++) in[y] = load(y * m + x);                                \
        KERNEL(LINE)(out, in);                                                                     \
        UNROLL for (int y = 0; y < n; y++) half[y][x] = out[y];                                    \
    }                                                                                              \
    UNROLL for (int y = 0; y < n; y++) {                                                           \
        KERNEL(vector) out[n];                                                                     \
        KERNEL(LINE)(out, half[y]);                                                                \
        UNROLL for (int x = 0; x < n; x++) store(y *n + x, out[x]);                                \
    }

/* The vector from channel `c` on. */
INLINE void KERNEL(input_part)(real *v, size_t stride, const real *const *pixels, size_t c){
#define LOAD(i)         VECTOR_CONST(pixels[i] + c)
#define STORE(i, value) VECTOR(v + (size_t)(i)*stride) = value
    BOTH_WAYS(input_line, SIDE, SIDE, LOAD, STORE)
#undef LOAD
}

INLINE void KERNEL(gradient_part)(real *v, size_t stride, const real *const *pixels, size_t c){
#define LOAD(i) VECTOR_CONST(pixels[i] + c)
    BOTH_WAYS(gradient_line, SIDE, STEP, LOAD, STORE)
#undef LOAD
#undef STORE
}

INLINE size_t KERNEL(place_of)(const rn_tile_place *place, size_t c) {
    return c / place->width * place->chunk + c % place->width;
}

/* The last channels of a tile's pixels, with zeros behind them. */
static KERNEL_TARGET void KERNEL(copy_tail)(real *tail, const real **copies,
                                            const real *const *pixels, int n, size_t c,
                                            size_t rest) {
    for (int i = 0; i < n; i++) {
        for (size_t j = 0; j < LANES; j++)
            tail[i * LANES + (int)j] = j < rest ? pixels[i][c + j] : 0;
        copies[i] = tail + i * LANES;
    }
}

/* v[place] = B^T d B for c < channels, d[y, x] = pixels[y * SIDE + x][c]. */
static KERNEL_TARGET void KERNEL(transform_input)(real *v, const rn_tile_place *place,
                                                  const real *const *pixels, size_t channels) {
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        KERNEL(input_part)(v + KERNEL(place_of)(place, c), place->t, pixels, c);
    if (c == channels) return;
    real tail[SIDE * SIDE * LANES];
    const real *copies[SIDE * SIDE];
    KERNEL(copy_tail)(tail, copies, pixels, SIDE * SIDE, c, channels - c);
    KERNEL(input_part)(v + KERNEL(place_of)(place, c), place->t, copies, 0);
}

/* v[place] = A d A^T for c < channels, d[y, x] = pixels[y * STEP + x][c]. */
static KERNEL_TARGET void KERNEL(transform_gradient)(real *v, const rn_tile_place *place,
                                                     const real *const *pixels, size_t channels) {
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        KERNEL(gradient_part)(v + KERNEL(place_of)(place, c), place->t, pixels, c);
    if (c == channels) return;
    real tail[STEP * STEP * LANES];
    const real *copies[STEP * STEP];
    KERNEL(copy_tail)(tail, copies, pixels, STEP * STEP, c, channels - c);
    KERNEL(gradient_part)(v + KERNEL(place_of)(place, c), place->t, copies, 0);
}

INLINE KERNEL(vector) KERNEL(load)(const real *from, size_t lanes) {
    if (lanes >= LANES) return VECTOR_CONST(from);
    KERNEL(vector) value = {0};
    for (size_t i = 0; i < lanes; i++) value[i] = from[i];
    return value;
}

INLINE void KERNEL(store)(real *to, KERNEL(vector) value, size_t lanes) {
    if (lanes >= LANES) {
        VECTOR(to) = value;
        return;
    }
    for (size_t i = 0; i < lanes; i++) to[i] = value[i];
}

static KERNEL_TARGET void KERNEL(transform_output)(real *const *pixels, const real *const *residual,
                                                   const real *m, size_t stride,
                                                   const rn_tile_output *form) {
    for (size_t c = 0; c < form->channels; c += LANES) {
        const size_t lanes = form->channels - c;
        const KERNEL(vector) scale = VECTOR_CONST(form->scale + c),
                             shift = VECTOR_CONST(form->shift + c);
#define LOAD(i) VECTOR_CONST(m + (size_t)(i)*stride + c)
#define STORE(i, value)                                                                            \
    if (pixels[i]) {                                                                               \
        KERNEL(vector) sum = (value)*scale + shift;                                                \
        if (residual) sum += KERNEL(load)(residual[i] + c, lanes);                                 \
        KERNEL(store)(pixels[i] + c, KERNEL(activate)(sum, form->activation), lanes);              \
    }
        BOTH_WAYS(output_line, STEP, SIDE, LOAD, STORE)
#undef LOAD
#undef STORE
    }
}

/* turned[i * step + lane] = rows[lane * row + i] for RN_LANES rows and columns: stage by stage the
 * rows' halves are dealt out one by one. */
static KERNEL_TARGET void KERNEL(turn)(real *turned, size_t step, const real *rows, size_t row) {
    for (int lane = 0; lane < RN_LANES; lane += LANES) {
        for (int i = 0; i < RN_LANES; i += LANES) {
            KERNEL(vector) x[LANES], y[LANES];
            UNROLL for (int k = 0; k < LANES; k++) x[k] =
                VECTOR_CONST(rows + (size_t)(lane + k) * row + i);
            UNROLL for (int width = 1; width < LANES; width *= 2) {
                UNROLL for (int k = 0; k < LANES / 2; k++) {
                    y[2 * k] = __builtin_shufflevector(x[k], x[k + LANES / 2], KERNEL_LOW);
                    y[2 * k + 1] = __builtin_shufflevector(x[k], x[k + LANES / 2], KERNEL_HIGH);
                }
                UNROLL for (int k = 0; k < LANES; k++) x[k] = y[k];
            }
            UNROLL for (int k = 0; k < LANES; k++) VECTOR(turned + (size_t)(i + k) * step + lane) =
                x[k];
        }
    }
}

/* u[t * stride + lane] = G g G^T for RN_LANES lanes, g[tap] = taps + tap * RN_LANES. */
static KERNEL_TARGET void KERNEL(transform_weight)(real *u, size_t stride, const real *taps) {
    for (int lane = 0; lane < RN_LANES; lane += LANES) {
#define LOAD(i)         VECTOR_CONST(taps + (i)*RN_LANES + lane)
#define STORE(i, value) VECTOR(u + (size_t)(i)*stride + lane) = value
        BOTH_WAYS(weight_line, SIDE, TAPS, LOAD, STORE)
#undef LOAD
#undef STORE
    }
}

/* dweight[tap * step + c] += G^T u G for c < channels, u[t] = u + t * stride, whole vectors. */
static KERNEL_TARGET void KERNEL(transform_dweight)(real *dweight, size_t step, const real *u,
                                                    size_t stride, size_t channels) {
    for (size_t c = 0; c < channels; c += LANES) {
#define LOAD(i) VECTOR_CONST(u + (size_t)(i)*stride + c)
#define STORE(i, value)                                                                            \
    KERNEL(store)                                                                                  \
    (dweight + (size_t)(i)*step + c,                                                               \
     value + KERNEL(load)(dweight + (size_t)(i)*step + c, channels - c), channels - c)
        BOTH_WAYS(dweight_line, TAPS, SIDE, LOAD, STORE)
#undef LOAD
#undef STORE
    }
}

#undef BOTH_WAYS
#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_BYTES
#undef KERNEL_LOW
#undef KERNEL_HIGH
