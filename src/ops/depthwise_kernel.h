/* depthwise_kernel.h: the loops of depthwise.c. The includer defines what vector_kernel.h says. */

#include "ops/vector_kernel.h"

/* `parts` vectors of out from channel `at` on. */
INLINE void KERNEL(sum_part)(real *out, const tap_list *taps, size_t at, bool add,
                             const int parts) {
    KERNEL(vector) sum[PARTS];
    UNROLL for (int i = 0; i < parts; i++) sum[i] =
        add ? VECTOR_CONST(out + at + i * LANES) : (KERNEL(vector)){0};
    for (int t = 0; t < taps->n; t++) {
        const real *in = taps->in[t] + at, *weight = taps->weight[t] + at;
        UNROLL for (int i = 0; i < parts; i++) sum[i] +=
            VECTOR_CONST(in + i * LANES) * VECTOR_CONST(weight + i * LANES);
    }
    UNROLL for (int i = 0; i < parts; i++) VECTOR(out + at + i * LANES) = sum[i];
}

/* out[0, c) = sum over taps of in x weight; added to what is there if `add`. */
static KERNEL_TARGET void KERNEL(sum_taps)(real *out, const tap_list *taps, size_t c, bool add) {
    size_t at = 0;
    for (; at + PARTS * LANES <= c; at += PARTS * LANES)
        KERNEL(sum_part)(out, taps, at, add, PARTS);
    for (; at + LANES <= c; at += LANES) KERNEL(sum_part)(out, taps, at, add, 1);
    for (; at < c; at++) {
        real sum = add ? out[at] : 0;
        for (int t = 0; t < taps->n; t++) sum += taps->in[t][at] * taps->weight[t][at];
        out[at] = sum;
    }
}

INLINE void KERNEL(product_part)(real *sums, const product_row *row, size_t at, const int parts) {
    const real *in = row->in + at, *dout = row->dout + at;
    KERNEL(vector) sum[PARTS];
    UNROLL for (int i = 0; i < parts; i++) sum[i] = (KERNEL(vector)){0};
    for (size_t x = 0; x < row->n; x++, dout += row->c, in += row->step)
        UNROLL for (int i = 0; i < parts; i++) sum[i] +=
            VECTOR_CONST(dout + i * LANES) * VECTOR_CONST(in + i * LANES);
    UNROLL for (int i = 0; i < parts; i++) VECTOR(sums + at + i * LANES) += sum[i];
}

/* sums[0, c) += sum over the row's pixels of dout x in. */
static KERNEL_TARGET void KERNEL(add_products)(real *sums, const product_row *row) {
    size_t at = 0;
    for (; at + PARTS * LANES <= row->c; at += PARTS * LANES)
        KERNEL(product_part)(sums, row, at, PARTS);
    for (; at + LANES <= row->c; at += LANES) KERNEL(product_part)(sums, row, at, 1);
    for (; at < row->c; at++) {
        real sum = 0;
        for (size_t x = 0; x < row->n; x++)
            sum += row->dout[x * row->c + at] * row->in[x * row->step + at];
        sums[at] += sum;
    }
}

#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_BYTES
