#include "ops/conv.h"
#include "ops/conv_weight.h"
#include "ops/gather.h"
#include "ops/gemm.h"
#include "ops/winograd.h"
#include <string.h>

/* ---- windows ---- */

static rn_gather forward_gather(const rn_conv_dims *d) {
    return (rn_gather){.batch = d->batch,
                       .src_h = d->in_h,
                       .src_w = d->in_w,
                       .src_c = d->in_c,
                       .taps_h = d->kernel,
                       .taps_w = d->kernel,
                       .step = d->stride,
                       .y0 = d->shift_y - d->pad,
                       .x0 = d->shift_x - d->pad,
                       .grid_h = d->out_h,
                       .grid_w = d->out_w,
                       .dst_h = d->out_h,
                       .dst_w = d->out_w,
                       .dst_c = d->out_c,
                       .dst_step = 1};
}

/* Along one axis, the input positions i = class + stride * g. They meet the taps
 * k = first + stride * (count - 1 - t) for t < count, which read output position
 * (i + pad - k) / stride = g + start + t: a window that slides by one. */
typedef struct parity {
    int grid, first, count, start;
} parity;

static parity parity_of(const rn_conv_dims *d, int class, int side, int pad) {
    parity p = {.grid = side > class ? (side - class - 1) / d->stride + 1 : 0,
                .first = (class + pad) % d->stride};
    p.count = d->kernel > p.first ? (d->kernel - p.first - 1) / d->stride + 1 : 0;
    p.start = (class + pad - p.first) / d->stride - (p.count - 1);
    return p;
}

static parity parity_y(const rn_conv_dims *d, int class) {
    return parity_of(d, class, d->in_h, d->pad - d->shift_y);
}

static parity parity_x(const rn_conv_dims *d, int class) {
    return parity_of(d, class, d->in_w, d->pad - d->shift_x);
}

static rn_gather backward_gather(const rn_conv_dims *d, int class_y, int class_x) {
    const parity y = parity_y(d, class_y), x = parity_x(d, class_x);
    return (rn_gather){.batch = d->batch,
                       .src_h = d->out_h,
                       .src_w = d->out_w,
                       .src_c = d->out_c,
                       .taps_h = y.count,
                       .taps_w = x.count,
                       .step = 1,
                       .y0 = y.start,
                       .x0 = x.start,
                       .grid_h = y.grid,
                       .grid_w = x.grid,
                       .dst_h = d->in_h,
                       .dst_w = d->in_w,
                       .dst_c = d->in_c,
                       .dst_step = d->stride,
                       .dst_y = class_y,
                       .dst_x = class_x};
}

/* ---- scratch ---- */

rn_scratch rn_conv_scratch(const rn_conv_part *parts, size_t n, rn_conv_passes passes) {
    const rn_conv_dims *d = &parts->dims;
    const rn_gather forward = forward_gather(d);
    const size_t taps = (size_t)d->kernel * (size_t)d->kernel;
    const size_t turned = rn_gemm_round((size_t)d->in_c) * (size_t)d->out_c * taps;
    if (rn_winograd_fits(d)) {
        rn_scratch scratch = rn_winograd_scratch(parts, n, passes);
        for (size_t i = 0; passes == RN_CONV_ALL && i < n; i++)
            scratch =
                rn_scratch_larger(scratch, (rn_scratch){0, rn_conv_bias_shared(&parts[i].dims)});
        return scratch;
    }
    rn_scratch scratch = {rn_gather_scratch(), rn_gather_packed(&forward)};
    if (passes == RN_CONV_FORWARD) return scratch;
    scratch = rn_scratch_larger(scratch, (rn_scratch){0, turned});
    for (size_t i = 0; i < n; i++)
        scratch = rn_scratch_larger(scratch, rn_conv_weight_scratch(&parts[i].dims));
    return scratch;
}

/* ---- forward: out[p][o] = sum over taps t, c of in[p * stride + t - pad][c] w[o][t][c]
 */

typedef struct packing {
    const rn_conv_dims *dims;
    real *packed;
    const real *weight;
    const rn_gather *gather; /* backward: the class, its first tap and the taps' order */
    int first_y, first_x;
} packing;

/* packed[panel][k][lane] = weight[panel * RN_LANES + lane][k] for k < kernel * kernel * in_c */
static void pack_forward(void *context, size_t panel, int worker) {
    (void)worker;
    const packing *p = context;
    const rn_conv_dims *d = p->dims;
    const size_t depth = (size_t)d->kernel * (size_t)d->kernel * (size_t)d->in_c;
    const size_t rest = (size_t)d->out_c - panel * RN_LANES;
    const size_t lanes = rest < RN_LANES ? rest : RN_LANES;
    const real *weight = p->weight + panel * RN_LANES * depth;
    real *packed = p->packed + panel * RN_LANES * depth;
    if (lanes < RN_LANES) memset(packed, 0, RN_LANES * depth * sizeof(real));
    /* A cache line of every row at a time. */
    for (size_t from = 0; from < depth; from += RN_LANES) {
        const size_t to = depth - from < RN_LANES ? depth : from + RN_LANES;
        for (size_t lane = 0; lane < lanes; lane++)
            for (size_t k = from; k < to; k++)
                packed[k * RN_LANES + lane] = weight[lane * depth + k];
    }
}

void rn_conv_forward(const rn_exec *exec, const rn_conv_part *parts, size_t n, const real *weight,
                     const rn_conv_finish *finish) {
    const rn_conv_dims *dims = &parts->dims;
    if (rn_winograd_fits(dims)) {
        rn_winograd_forward(exec, parts, n, weight, finish);
        return;
    }
    packing pack = {.dims = dims, .packed = exec->shared, .weight = weight};
    const size_t panels = rn_gemm_round((size_t)dims->out_c) / RN_LANES;
    rn_threads_run(exec->threads, panels, pack_forward, &pack);
    for (size_t i = 0; i < n; i++) {
        const rn_gather gather = forward_gather(&parts[i].dims);
        rn_gather_run(exec, &gather, parts[i].out, parts[i].in, pack.packed, parts[i].residual,
                      finish);
    }
}

/* ---- backward data: din[i][c] += sum over taps t, o of dout[(i + pad - t) / stride][o] w[o][t][c]
 *
 * where stride divides i + pad - t. Input positions of one class modulo the stride meet the same
 * taps, so each of the stride^2 classes is a window of its own that slides over dout: nothing is
 * scattered. ---- */

/* packed[panel][ty][tx][o][lane] = weight[o][ky][kx][panel * RN_LANES + lane] */
static void pack_backward(void *context, size_t panel, int worker) {
    (void)worker;
    const packing *p = context;
    const rn_conv_dims *d = p->dims;
    const rn_gather *g = p->gather;
    const size_t rest = (size_t)d->in_c - panel * RN_LANES;
    const size_t lanes = rest < RN_LANES ? rest : RN_LANES;
    const size_t taps = (size_t)d->kernel * (size_t)d->kernel;
    real *packed =
        p->packed + panel * RN_LANES * (size_t)g->taps_h * (size_t)g->taps_w * (size_t)d->out_c;
    if (lanes < RN_LANES)
        memset(packed, 0,
               RN_LANES * (size_t)g->taps_h * (size_t)g->taps_w * (size_t)d->out_c * sizeof(real));
    for (int ty = 0; ty < g->taps_h; ty++) {
        for (int tx = 0; tx < g->taps_w; tx++) {
            const int ky = p->first_y + d->stride * (g->taps_h - 1 - ty),
                      kx = p->first_x + d->stride * (g->taps_w - 1 - tx);
            const real *weight =
                p->weight + (size_t)(ky * d->kernel + kx) * (size_t)d->in_c + panel * RN_LANES;
            for (int o = 0; o < d->out_c; o++, packed += RN_LANES)
                memcpy(packed, weight + (size_t)o * taps * (size_t)d->in_c, lanes * sizeof(real));
        }
    }
}

static void backward_part(const rn_exec *exec, const rn_conv_part *part, const real *weight) {
    const rn_conv_dims *dims = &part->dims;
    const size_t panels = rn_gemm_round((size_t)dims->in_c) / RN_LANES;
    for (int y = 0; y < dims->stride; y++) {
        for (int x = 0; x < dims->stride; x++) {
            const rn_gather gather = backward_gather(dims, y, x);
            if (gather.taps_h == 0 || gather.taps_w == 0) continue; /* read by no output */
            if (gather.grid_h == 0 || gather.grid_w == 0) continue;
            packing pack = {.dims = dims,
                            .packed = exec->shared,
                            .weight = weight,
                            .gather = &gather,
                            .first_y = parity_y(dims, y).first,
                            .first_x = parity_x(dims, x).first};
            rn_threads_run(exec->threads, panels, pack_backward, &pack);
            rn_gather_run(exec, &gather, part->din, part->dout, pack.packed, NULL, NULL);
        }
    }
}

void rn_conv_backward_data(const rn_exec *exec, const rn_conv_part *parts, size_t n,
                           const real *weight) {
    if (rn_winograd_fits(&parts->dims)) {
        rn_winograd_backward_data(exec, parts, n, weight);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (parts[i].din) backward_part(exec, &parts[i], weight);
}

/* ---- backward weight ---- */

void rn_conv_backward_weight(const rn_exec *exec, real *dweight, real *dbias,
                             const rn_conv_part *parts, size_t n) {
    const bool fast = rn_winograd_fits(&parts->dims);
    if (dweight && fast) rn_winograd_backward_weight(exec, dweight, parts, n);
    for (size_t i = 0; i < n; i++) {
        if (dweight && !fast) rn_conv_weight_run(exec, dweight, &parts[i]);
        if (dbias) rn_conv_bias_run(exec, dbias, &parts[i]);
    }
}
