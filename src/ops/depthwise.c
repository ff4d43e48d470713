#include "ops/depthwise.h"
#include <string.h>

enum { PARTS = 4, MAX_TAPS = RN_DEPTHWISE_KERNEL * RN_DEPTHWISE_KERNEL, WEIGHT_BLOCKS = 32 };

/* The pixels that meet in one pixel of the result, each with its row of weights, c reals. */
typedef struct tap_list {
    int n;
    const real *in[MAX_TAPS], *weight[MAX_TAPS];
} tap_list;

/* A stretch of an output row and the input pixels that one tap sees from there. */
typedef struct product_row {
    const real *dout, *in; /* dout `c` reals from one pixel to the next, in `step` */
    size_t n, c, step;
} product_row;

#if defined(__x86_64__)
#define KERNEL(name)  name##_avx512
#define KERNEL_TARGET __attribute__((target("avx512f")))
#define KERNEL_BYTES  64
#include "ops/depthwise_kernel.h"

#define KERNEL(name)  name##_avx2
#define KERNEL_TARGET __attribute__((target("avx2")))
#define KERNEL_BYTES  32
#include "ops/depthwise_kernel.h"
#endif

#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define KERNEL_BYTES 16
#include "ops/depthwise_kernel.h"

typedef struct kernels {
    void (*sum_taps)(real *out, const tap_list *taps, size_t c, bool add);
    void (*add_products)(real *sums, const product_row *row);
} kernels;

static kernels kernels_of(const rn_exec *exec) {
    const rn_isa isa = rn_isa_choose(exec->isa);
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) return (kernels){sum_taps_avx512, add_products_avx512};
    if (isa == RN_ISA_AVX2) return (kernels){sum_taps_avx2, add_products_avx2};
#endif
    (void)isa;
    return (kernels){sum_taps_plain, add_products_plain};
}

typedef struct depthwise_job {
    const rn_conv_dims *dims;
    kernels kernels;
    real *out;             /* of forward and backward data */
    const real *in, *dout; /* in: what forward and backward data read */
    real *shared; /* packed weights [kernel, kernel, c], or sums [blocks, kernel, kernel, c] */
    size_t blocks, rows; /* backward weight: `rows` rows of the output a block */
} depthwise_job;

static size_t taps_of(const rn_conv_dims *d) {
    return (size_t)d->kernel * (size_t)d->kernel;
}

/* Cut by shape alone; sums of blocks are added in order. */
static size_t block_rows(const rn_conv_dims *d) {
    return ((size_t)d->batch * (size_t)d->out_h + WEIGHT_BLOCKS - 1) / WEIGHT_BLOCKS;
}

static size_t count_blocks(const rn_conv_dims *d) {
    return ((size_t)d->batch * (size_t)d->out_h + block_rows(d) - 1) / block_rows(d);
}

rn_scratch rn_depthwise_scratch(const rn_conv_dims *d) {
    return (rn_scratch){0, count_blocks(d) * taps_of(d) * (size_t)d->in_c};
}

/* packed[tap][channel] = weight[channel][tap] */
static real *pack(const rn_exec *exec, const real *weight, const rn_conv_dims *d) {
    const size_t taps = taps_of(d), c = (size_t)d->in_c;
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < c; i++) exec->shared[t * c + i] = weight[i * taps + t];
    return exec->shared;
}

static void add_tap(tap_list *taps, const depthwise_job *job, size_t pixel, int ky, int kx) {
    const size_t c = (size_t)job->dims->in_c;
    taps->in[taps->n] = job->in + pixel * c;
    taps->weight[taps->n++] = job->shared + (size_t)(ky * job->dims->kernel + kx) * c;
}

/* ---- forward: out[y][x] = sum over taps k of in[(y, x) * stride + shift - pad + k] w[k] ---- */

static void forward_task(void *context, size_t task, int worker) {
    (void)worker;
    const depthwise_job *job = context;
    const rn_conv_dims *d = job->dims;
    const size_t image = task / (size_t)d->out_h, c = (size_t)d->in_c;
    const int top = (int)(task % (size_t)d->out_h) * d->stride + d->shift_y - d->pad;
    real *out = job->out + task * (size_t)d->out_w * c;
    for (int ox = 0; ox < d->out_w; ox++, out += c) {
        const int left = ox * d->stride + d->shift_x - d->pad;
        tap_list taps = {.n = 0};
        for (int ky = top < 0 ? -top : 0; ky < d->kernel && top + ky < d->in_h; ky++) {
            const size_t row = (image * (size_t)d->in_h + (size_t)(top + ky)) * (size_t)d->in_w;
            for (int kx = left < 0 ? -left : 0; kx < d->kernel && left + kx < d->in_w; kx++)
                add_tap(&taps, job, row + (size_t)(left + kx), ky, kx);
        }
        job->kernels.sum_taps(out, &taps, c, false);
    }
}

void rn_depthwise_forward(const rn_exec *exec, real *out, const real *in, const real *weight,
                          const rn_conv_dims *dims) {
    depthwise_job job = {.dims = dims,
                         .kernels = kernels_of(exec),
                         .out = out,
                         .in = in,
                         .shared = pack(exec, weight, dims)};
    rn_threads_run(exec->threads, (size_t)dims->batch * (size_t)dims->out_h, forward_task, &job);
}

/* ---- backward data: din[y][x] += sum over taps k of dout[((y, x) + pad - shift - k) / stride]
 * w[k], where stride divides that: a row of din a task, so that no two write the same place ---- */

/* The output position along one axis that input position `at` meets through tap k; -1 for none. */
static int output_of(const rn_conv_dims *d, int at, int k, int out) {
    const int scaled = at - k;
    return scaled >= 0 && scaled % d->stride == 0 && scaled / d->stride < out ? scaled / d->stride
                                                                              : -1;
}

static void backward_data_task(void *context, size_t task, int worker) {
    (void)worker;
    const depthwise_job *job = context;
    const rn_conv_dims *d = job->dims;
    const size_t image = task / (size_t)d->in_h, c = (size_t)d->in_c;
    const int iy = (int)(task % (size_t)d->in_h) + d->pad - d->shift_y;
    real *din = job->out + task * (size_t)d->in_w * c;
    for (int ix = d->pad - d->shift_x; ix < d->in_w + d->pad - d->shift_x; ix++, din += c) {
        tap_list taps = {.n = 0};
        for (int ky = 0; ky < d->kernel; ky++) {
            const int oy = output_of(d, iy, ky, d->out_h);
            if (oy < 0) continue;
            const size_t row = (image * (size_t)d->out_h + (size_t)oy) * (size_t)d->out_w;
            for (int kx = 0; kx < d->kernel; kx++) {
                const int ox = output_of(d, ix, kx, d->out_w);
                if (ox >= 0) add_tap(&taps, job, row + (size_t)ox, ky, kx);
            }
        }
        job->kernels.sum_taps(din, &taps, c, true);
    }
}

void rn_depthwise_backward_data(const rn_exec *exec, real *din, const real *dout,
                                const real *weight, const rn_conv_dims *dims) {
    depthwise_job job = {.dims = dims,
                         .kernels = kernels_of(exec),
                         .out = din,
                         .in = dout,
                         .shared = pack(exec, weight, dims)};
    rn_threads_run(exec->threads, (size_t)dims->batch * (size_t)dims->in_h, backward_data_task,
                   &job);
}

/* ---- backward weight: dweight[k] += sum over pixels of dout[y][x] in[(y, x) * stride + shift -
 * pad
 * + k] ---- */

/* One row of the output through tap (ky, kx). */
static void add_row(const depthwise_job *job, real *sums, size_t row, int ky, int kx) {
    const rn_conv_dims *d = job->dims;
    const size_t c = (size_t)d->in_c;
    const int iy = (int)(row % (size_t)d->out_h) * d->stride + d->shift_y - d->pad + ky,
              first = d->shift_x - d->pad + kx; /* seen from ox = 0 */
    const int begin = first < 0 ? (d->stride - 1 - first) / d->stride : 0;
    int end = d->in_w > first ? (d->in_w - 1 - first) / d->stride + 1 : 0;
    if (end > d->out_w) end = d->out_w;
    if (iy < 0 || iy >= d->in_h || begin >= end) return;
    const size_t in_row = (row / (size_t)d->out_h * (size_t)d->in_h + (size_t)iy) * (size_t)d->in_w;
    const product_row product = {.dout = job->dout + (row * (size_t)d->out_w + (size_t)begin) * c,
                                 .in = job->in + (in_row + (size_t)(begin * d->stride + first)) * c,
                                 .n = (size_t)(end - begin),
                                 .c = c,
                                 .step = (size_t)d->stride * c};
    job->kernels.add_products(sums, &product);
}

static void weight_task(void *context, size_t task, int worker) {
    (void)worker;
    const depthwise_job *job = context;
    const rn_conv_dims *d = job->dims;
    const size_t all = (size_t)d->batch * (size_t)d->out_h, c = (size_t)d->in_c;
    const size_t begin = task * job->rows, end = begin + job->rows < all ? begin + job->rows : all;
    real *sums = job->shared + task * taps_of(d) * c;
    memset(sums, 0, taps_of(d) * c * sizeof *sums);
    for (size_t row = begin; row < end; row++)
        for (int ky = 0; ky < d->kernel; ky++)
            for (int kx = 0; kx < d->kernel; kx++)
                add_row(job, sums + (size_t)(ky * d->kernel + kx) * c, row, ky, kx);
}

void rn_depthwise_backward_weight(const rn_exec *exec, real *dweight, const real *dout,
                                  const real *in, const rn_conv_dims *dims) {
    const size_t taps = taps_of(dims), c = (size_t)dims->in_c;
    depthwise_job job = {.dims = dims,
                         .kernels = kernels_of(exec),
                         .in = in,
                         .dout = dout,
                         .shared = exec->shared,
                         .blocks = count_blocks(dims),
                         .rows = block_rows(dims)};
    rn_threads_run(exec->threads, job.blocks, weight_task, &job);
    for (size_t block = 0; block < job.blocks; block++) {
        const real *sums = job.shared + block * taps * c;
        for (size_t t = 0; t < taps; t++)
            for (size_t i = 0; i < c; i++) dweight[i * taps + t] += sums[t * c + i];
    }
}
