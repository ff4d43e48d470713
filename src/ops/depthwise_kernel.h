/* depthwise_kernel.h: the loops of depthwise.c, included once for every instruction set; no include
 * guard. The includer defines KERNEL(name), KERNEL_TARGET and KERNEL_BYTES as for gemm_kernel.h. */

typedef real KERNEL(vector)
    __attribute__((vector_size(KERNEL_BYTES), aligned(sizeof(real)), may_alias));
#define VECTOR(pointer)       (*(KERNEL(vector) *)(pointer))
#define VECTOR_CONST(pointer) (*(const KERNEL(vector) *)(pointer))

/* `parts` vectors of out from channel `at` on. */
static inline __attribute__((always_inline)) KERNEL_TARGET void
KERNEL(sum_part)(real *out, const tap_list *taps, size_t at, bool add, const int parts) {
    enum { LANES = KERNEL_BYTES / (int)sizeof(real) };
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
    enum { LANES = KERNEL_BYTES / (int)sizeof(real) };
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

static inline __attribute__((always_inline)) KERNEL_TARGET void
KERNEL(product_part)(real *sums, const product_row *row, size_t at, const int parts) {
    enum { LANES = KERNEL_BYTES / (int)sizeof(real) };
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
    enum { LANES = KERNEL_BYTES / (int)sizeof(real) };
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

#undef VECTOR
#undef VECTOR_CONST
#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_BYTES
