#include "ops/pointwise.h"
#include "base/random.h"

enum { BLOCK = 32768 }; /* reals of a task */

typedef struct pointwise_job {
    real *out;
    const real *a, *b;
    size_t n;
    bool relu;
} pointwise_job;

static void run_blocks(const rn_exec *exec, rn_task_fn *fn, pointwise_job *job) {
    rn_threads_run(exec->threads, (job->n + BLOCK - 1) / BLOCK, fn, job);
}

static size_t block_end(const pointwise_job *job, size_t task) {
    return (task + 1) * BLOCK < job->n ? (task + 1) * BLOCK : job->n;
}

/* ---- ReLU: out = max(in, 0), a NaN stays one ---- */

static void relu_task(void *context, size_t task, int worker) {
    (void)worker;
    const pointwise_job *job = context;
    const size_t end = block_end(job, task);
    for (size_t i = task * BLOCK; i < end; i++) job->out[i] = job->a[i] < 0 ? 0 : job->a[i];
}

void rn_relu_forward(const rn_exec *exec, real *out, const real *in, size_t n) {
    run_blocks(exec, relu_task, &(pointwise_job){.out = out, .a = in, .n = n});
}

static void relu_mask_task(void *context, size_t task, int worker) {
    (void)worker;
    const pointwise_job *job = context;
    const size_t end = block_end(job, task);
    for (size_t i = task * BLOCK; i < end; i++) job->out[i] = job->a[i] <= 0 ? 0 : job->out[i];
}

void rn_relu_mask(const rn_exec *exec, real *dout, const real *out, size_t n) {
    run_blocks(exec, relu_mask_task, &(pointwise_job){.out = dout, .a = out, .n = n});
}

static void relu6_mask_task(void *context, size_t task, int worker) {
    (void)worker;
    const pointwise_job *job = context;
    const size_t end = block_end(job, task);
    for (size_t i = task * BLOCK; i < end; i++)
        job->out[i] = ((job->a[i] <= 0) | (job->a[i] >= 6)) ? 0 : job->out[i];
}

void rn_relu6_mask(const rn_exec *exec, real *dout, const real *out, size_t n) {
    run_blocks(exec, relu6_mask_task, &(pointwise_job){.out = dout, .a = out, .n = n});
}

/* ---- sum: out = a + b ---- */

static void add_task(void *context, size_t task, int worker) {
    (void)worker;
    const pointwise_job *job = context;
    const size_t end = block_end(job, task);
    if (!job->relu) {
        for (size_t i = task * BLOCK; i < end; i++) job->out[i] = job->a[i] + job->b[i];
        return;
    }
    for (size_t i = task * BLOCK; i < end; i++) {
        const real x = job->a[i] + job->b[i];
        job->out[i] = x < 0 ? 0 : x;
    }
}

void rn_add_forward(const rn_exec *exec, real *out, const real *a, const real *b, bool relu,
                    size_t n) {
    run_blocks(exec, add_task, &(pointwise_job){.out = out, .a = a, .b = b, .n = n, .relu = relu});
}

void rn_add_backward(const rn_exec *exec, real *din, const real *dout, size_t n) {
    rn_add_forward(exec, din, din, dout, false, n);
}

/* ---- top-down step: out[y][x] = lateral[y][x] + top[y * in_h / out_h][x * in_w / out_w] ---- */

typedef struct upsample_job {
    real *out;
    const real *lateral, *top;
    const rn_upsample_dims *dims;
} upsample_job;

static void upsample_task(void *context, size_t task, int worker) {
    (void)worker;
    const upsample_job *job = context;
    const rn_upsample_dims *d = job->dims;
    const size_t c = (size_t)d->c, out_w = (size_t)d->out_w, in_w = (size_t)d->in_w;
    const size_t image = task / (size_t)d->out_h, y = task % (size_t)d->out_h;
    const size_t from = y * (size_t)d->in_h / (size_t)d->out_h;
    const real *top = job->top + (image * (size_t)d->in_h + from) * in_w * c;
    const real *lateral = job->lateral + task * out_w * c;
    real *out = job->out + task * out_w * c;
    for (size_t x = 0; x < out_w; x++, lateral += c, out += c) {
        const real *pixel = top + x * in_w / out_w * c;
        for (size_t i = 0; i < c; i++) out[i] = lateral[i] + pixel[i];
    }
}

void rn_upsample_add_forward(const rn_exec *exec, real *out, const real *lateral, const real *top,
                             const rn_upsample_dims *dims) {
    upsample_job job = {.out = out, .lateral = lateral, .top = top, .dims = dims};
    rn_threads_run(exec->threads, (size_t)dims->batch * (size_t)dims->out_h, upsample_task, &job);
}

/* The first i with i * in / out >= position. */
static size_t first_reader(size_t position, size_t in, size_t out) {
    return (position * out + in - 1) / in;
}

/* dtop[y][x] += sum of dout over the pixels that read it: one task a row of dtop, so that no two
 * write the same place. */
static void upsample_backward_task(void *context, size_t task, int worker) {
    (void)worker;
    const upsample_job *job = context;
    const rn_upsample_dims *d = job->dims;
    const size_t c = (size_t)d->c, out_w = (size_t)d->out_w, in_w = (size_t)d->in_w;
    const size_t in_h = (size_t)d->in_h, out_h = (size_t)d->out_h;
    const size_t image = task / in_h, top_y = task % in_h;
    const size_t end = first_reader(top_y + 1, in_h, out_h);
    real *dtop = job->out + task * in_w * c;
    for (size_t y = first_reader(top_y, in_h, out_h); y < end; y++) {
        const real *dout = job->top + (image * out_h + y) * out_w * c;
        for (size_t x = 0; x < out_w; x++, dout += c) {
            real *pixel = dtop + x * in_w / out_w * c;
            for (size_t i = 0; i < c; i++) pixel[i] += dout[i];
        }
    }
}

void rn_upsample_backward(const rn_exec *exec, real *dtop, const real *dout,
                          const rn_upsample_dims *dims) {
    upsample_job job = {.out = dtop, .top = dout, .dims = dims};
    rn_threads_run(exec->threads, (size_t)dims->batch * (size_t)dims->in_h, upsample_backward_task,
                   &job);
}

/* ---- dropout: out = in * kept / (1 - rate) ---- */

typedef struct dropout_job {
    pointwise_job blocks; /* first: the tasks are its */
    uint64_t draw, least; /* kept: whose number is not below */
    real scale;
} dropout_job;

/* The number of place i, 0 .. 2^32 - 1. */
static inline uint64_t number_of(uint64_t draw, size_t i) {
    return rn_random_mix(draw + (uint64_t)i * RN_RANDOM_STEP) >> 32;
}

static void dropout_task(void *context, size_t task, int worker) {
    (void)worker;
    const dropout_job *job = context;
    const pointwise_job *b = &job->blocks;
    const size_t end = block_end(b, task);
    for (size_t i = task * BLOCK; i < end; i++)
        b->out[i] = number_of(job->draw, i) < job->least ? 0 : b->a[i] * job->scale;
}

static void dropout_back_task(void *context, size_t task, int worker) {
    (void)worker;
    const dropout_job *job = context;
    const pointwise_job *b = &job->blocks;
    const size_t end = block_end(b, task);
    for (size_t i = task * BLOCK; i < end; i++)
        b->out[i] += number_of(job->draw, i) < job->least ? 0 : b->a[i] * job->scale;
}

static void run_dropout(const rn_exec *exec, rn_task_fn *fn, real *out, const real *in, double rate,
                        uint64_t draw, size_t n) {
    dropout_job job = {.blocks = {.out = out, .a = in, .n = n},
                       .draw = draw,
                       .least = (uint64_t)(rate * 0x1p32),
                       .scale = (real)(1 / (1 - rate))};
    run_blocks(exec, fn, &job.blocks);
}

void rn_dropout_forward(const rn_exec *exec, real *out, const real *in, double rate, uint64_t draw,
                        size_t n) {
    run_dropout(exec, dropout_task, out, in, rate, draw, n);
}

void rn_dropout_backward(const rn_exec *exec, real *din, const real *dout, double rate,
                         uint64_t draw, size_t n) {
    run_dropout(exec, dropout_back_task, din, dout, rate, draw, n);
}
