#include "ops/norm.h"
#include <string.h>

/* All three normalisations are, on the way out, out = in * scale + shift with a scale and a shift
 * for every (image, channel); what differs is where these come from. Batch norm is group norm with
 * one channel a group on a tensor whose images are laid end to end as one.
 *
 * Statistics: a task takes one block of rows of one image and leaves the mean and the sum of
 * squared deviations of each channel; blocks and channels are then merged in order, in double (Chan
 * et al., Updating formulae, 1979). A block is cut by the shape, so the bits do not depend on the
 * threads. */
enum {
    MAX_BLOCKS = 64,     /* of one image */
    BLOCK_REALS = 32768, /* at least, of a block */
    STRIPE = 64,         /* channels and */
    SLICE = 32,          /* rows that stay in the level 1 cache for the second look */
};

typedef struct norm_job {
    const rn_norm_dims *dims;
    size_t blocks, rows; /* of an image; of a block */
    real *out, *mean, *rstd, *din;
    const real *in, *dout, *weight, *bias;
    real eps;
    rn_activation relu;
    real *first, *second;    /* [batch, blocks, c] what a block leaves */
    real *scale, *shift, *k; /* [batch, c] coefficients; k: of `in` in backward */
} norm_job;

static size_t blocks_of(const rn_norm_dims *d) {
    const size_t n = d->pixels * (size_t)d->c / BLOCK_REALS;
    return n < 1 ? 1 : n > MAX_BLOCKS ? MAX_BLOCKS : n;
}

static rn_norm_dims flattened(const rn_norm_dims *d) {
    return (rn_norm_dims){
        .batch = 1, .pixels = (size_t)d->batch * d->pixels, .c = d->c, .groups = d->c};
}

static size_t shared_reals(const rn_norm_dims *d) {
    return (size_t)d->batch * (size_t)d->c * (2 * blocks_of(d) + 3);
}

rn_scratch rn_norm_scratch(const rn_norm_dims *dims) {
    const rn_norm_dims flat = flattened(dims);
    const size_t group = shared_reals(dims), batch = shared_reals(&flat);
    return (rn_scratch){0, group > batch ? group : batch};
}

/* The partial sums and coefficients are shared by all. */
static norm_job job_of(const rn_exec *exec, const rn_norm_dims *d) {
    norm_job job = {.dims = d, .blocks = blocks_of(d)};
    job.rows = (d->pixels + job.blocks - 1) / job.blocks;
    const size_t vectors = (size_t)d->batch * (size_t)d->c;
    job.first = exec->shared;
    job.second = job.first + vectors * job.blocks;
    job.scale = job.second + vectors * job.blocks;
    job.shift = job.scale + vectors;
    job.k = job.shift + vectors;
    return job;
}

/* Rows [begin, end) of the image a task works on; empty for the last blocks of an odd cut. */
typedef struct norm_block {
    size_t image, begin, end;
} norm_block;

static norm_block block_of(const norm_job *job, size_t task) {
    const size_t pixels = job->dims->pixels;
    norm_block b = {.image = task / job->blocks, .begin = task % job->blocks * job->rows};
    if (b.begin > pixels) b.begin = pixels;
    b.end = b.begin + job->rows < pixels ? b.begin + job->rows : pixels;
    return b;
}

static void run_blocks(const rn_exec *exec, rn_task_fn *fn, norm_job *job) {
    rn_threads_run(exec->threads, (size_t)job->dims->batch * job->blocks, fn, job);
}

/* ---- out = in * scale + shift ---- */

static void apply_task(void *context, size_t task, int worker) {
    (void)worker;
    const norm_job *job = context;
    const norm_block b = block_of(job, task);
    const size_t c = (size_t)job->dims->c, first = b.image * job->dims->pixels;
    const real *scale = job->scale + b.image * c, *shift = job->shift + b.image * c;
    for (size_t row = first + b.begin; row < first + b.end; row++) {
        const real *in = job->in + row * c;
        real *out = job->out + row * c;
        if (job->relu == RN_RELU) {
            for (size_t i = 0; i < c; i++) {
                const real x = in[i] * scale[i] + shift[i];
                out[i] = x < 0 ? 0 : x; /* NaN stays */
            }
        } else if (job->relu == RN_RELU6) {
            for (size_t i = 0; i < c; i++) {
                const real x = in[i] * scale[i] + shift[i];
                out[i] = x < 0 ? 0 : x > 6 ? 6 : x;
            }
        } else {
            for (size_t i = 0; i < c; i++) out[i] = in[i] * scale[i] + shift[i];
        }
    }
}

/* ---- frozen batch norm ---- */

static void affine_scale(real *scale, const real *weight, const real *var, real eps, size_t c) {
    for (size_t i = 0; i < c; i++) scale[i] = weight[i] / sqrt(var[i] + eps);
}

void rn_affine_coefficients(real *scale, real *shift, const real *weight, const real *bias,
                            const real *mean, const real *var, real eps, size_t c) {
    affine_scale(scale, weight, var, eps, c);
    for (size_t i = 0; i < c; i++) shift[i] = bias[i] - mean[i] * scale[i];
}

void rn_affine_forward(const rn_exec *exec, real *out, const real *in, const real *weight,
                       const real *bias, const real *mean, const real *var, real eps,
                       rn_activation relu, const rn_norm_dims *dims) {
    const rn_norm_dims flat = flattened(dims);
    norm_job job = job_of(exec, &flat);
    job.out = out;
    job.in = in;
    job.relu = relu;
    rn_affine_coefficients(job.scale, job.shift, weight, bias, mean, var, eps, (size_t)dims->c);
    run_blocks(exec, apply_task, &job);
}

static void affine_backward_task(void *context, size_t task, int worker) {
    (void)worker;
    const norm_job *job = context;
    const norm_block b = block_of(job, task);
    const size_t c = (size_t)job->dims->c;
    for (size_t row = b.begin; row < b.end; row++)
        for (size_t i = 0; i < c; i++)
            job->din[row * c + i] += job->dout[row * c + i] * job->scale[i];
}

void rn_affine_backward(const rn_exec *exec, real *din, const real *dout, const real *weight,
                        const real *var, real eps, const rn_norm_dims *dims) {
    if (!din) return;
    const rn_norm_dims flat = flattened(dims);
    norm_job job = job_of(exec, &flat);
    job.din = din;
    job.dout = dout;
    affine_scale(job.scale, weight, var, eps, (size_t)dims->c);
    run_blocks(exec, affine_backward_task, &job);
}

/* ---- statistics ---- */

/* Merge mean and sum of squared deviations of `n` values into those of `*count`. */
static void merge(double *count, double *mean, double *square, double n, double m, double s) {
    const double total = *count + n, delta = m - *mean;
    *mean += delta * n / total;
    *square += s + delta * delta * *count * n / total;
    *count = total;
}

/* Channels [0, n) of rows [0, rows): means and sums of squared deviations, each about its own mean.
 * Two looks at what the cache holds. */
static void slice_moments(real *mean, real *square, const real *in, size_t rows, size_t c,
                          size_t n) {
    for (size_t i = 0; i < n; i++) mean[i] = square[i] = 0;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < n; i++) mean[i] += in[row * c + i];
    for (size_t i = 0; i < n; i++) mean[i] /= (real)rows;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < n; i++) {
            const real d = in[row * c + i] - mean[i];
            square[i] += d * d;
        }
    }
}

static void moments_task(void *context, size_t task, int worker) {
    (void)worker;
    const norm_job *job = context;
    const norm_block b = block_of(job, task);
    const size_t c = (size_t)job->dims->c;
    const real *in = job->in + b.image * job->dims->pixels * c;
    for (size_t i = 0; i < c; i += STRIPE) {
        const size_t n = c - i < STRIPE ? c - i : STRIPE;
        double count[STRIPE] = {0}, mean[STRIPE] = {0}, square[STRIPE] = {0};
        real m[STRIPE], s[STRIPE];
        for (size_t row = b.begin; row < b.end; row += SLICE) {
            const size_t rows = b.end - row < SLICE ? b.end - row : SLICE;
            slice_moments(m, s, in + row * c + i, rows, c, n);
            for (size_t j = 0; j < n; j++)
                merge(&count[j], &mean[j], &square[j], (double)rows, (double)m[j], (double)s[j]);
        }
        for (size_t j = 0; j < n; j++) {
            job->first[task * c + i + j] = (real)mean[j];
            job->second[task * c + i + j] = (real)square[j];
        }
    }
}

/* One (image, group): its mean and rstd, and the scale and shift of its channels. Returns the sum
 * of squared deviations. */
static double finish_group(norm_job *job, size_t image, size_t group) {
    const size_t c = (size_t)job->dims->c, width = c / (size_t)job->dims->groups;
    double count = 0, mean = 0, square = 0;
    for (size_t block = 0; block < job->blocks; block++) {
        const size_t task = image * job->blocks + block;
        const norm_block b = block_of(job, task);
        if (b.begin == b.end) continue;
        for (size_t i = group * width; i < (group + 1) * width; i++)
            merge(&count, &mean, &square, (double)(b.end - b.begin),
                  (double)job->first[task * c + i], (double)job->second[task * c + i]);
    }
    const double rstd = 1 / sqrt(square / count + (double)job->eps);
    for (size_t i = group * width; i < (group + 1) * width; i++) {
        const double scale = (double)job->weight[i] * rstd;
        job->scale[image * c + i] = (real)scale;
        job->shift[image * c + i] = (real)((double)job->bias[i] - mean * scale);
    }
    if (job->mean) {
        job->mean[image * (size_t)job->dims->groups + group] = (real)mean;
        job->rstd[image * (size_t)job->dims->groups + group] = (real)rstd;
    }
    return square;
}

/* ---- group norm: out = (in - mean) * rstd * weight + bias ---- */

void rn_group_norm_forward(const rn_exec *exec, real *out, real *mean, real *rstd, const real *in,
                           const real *weight, const real *bias, real eps, rn_activation relu,
                           const rn_norm_dims *dims) {
    norm_job job = job_of(exec, dims);
    job.out = out;
    job.mean = mean;
    job.rstd = rstd;
    job.in = in;
    job.weight = weight;
    job.bias = bias;
    job.eps = eps;
    job.relu = relu;
    run_blocks(exec, moments_task, &job);
    for (int image = 0; image < dims->batch; image++)
        for (int group = 0; group < dims->groups; group++)
            (void)finish_group(&job, (size_t)image, (size_t)group);
    run_blocks(exec, apply_task, &job);
}

/* With h = (in - mean) * rstd and g = dout * weight, over the n values of a group
 *
 *   dweight += sum of dout h,  dbias += sum of dout,
 *   din += rstd * (g - (sum of g + h * sum of g h) / n).
 *
 * A block leaves the sums of dout and of dout h of each channel. */
static void backward_sums_task(void *context, size_t task, int worker) {
    (void)worker;
    const norm_job *job = context;
    const norm_block b = block_of(job, task);
    const size_t c = (size_t)job->dims->c, groups = (size_t)job->dims->groups;
    const size_t first = b.image * job->dims->pixels;
    for (size_t i = 0; i < c; i += STRIPE) {
        const size_t n = c - i < STRIPE ? c - i : STRIPE;
        real mean[STRIPE], rstd[STRIPE], sum[STRIPE] = {0}, sum_h[STRIPE] = {0};
        for (size_t j = 0; j < n; j++) {
            const size_t group = b.image * groups + (i + j) / (c / groups);
            mean[j] = job->mean[group];
            rstd[j] = job->rstd[group];
        }
        for (size_t row = first + b.begin; row < first + b.end; row++) {
            const real *in = job->in + row * c + i, *dout = job->dout + row * c + i;
            for (size_t j = 0; j < n; j++) {
                sum[j] += dout[j];
                sum_h[j] += dout[j] * (in[j] - mean[j]) * rstd[j];
            }
        }
        memcpy(job->first + task * c + i, sum, n * sizeof(real));
        memcpy(job->second + task * c + i, sum_h, n * sizeof(real));
    }
}

/* din += dout * scale + in * k + shift */
static void backward_apply_task(void *context, size_t task, int worker) {
    (void)worker;
    const norm_job *job = context;
    const norm_block b = block_of(job, task);
    const size_t c = (size_t)job->dims->c, first = b.image * job->dims->pixels;
    const real *scale = job->scale + b.image * c, *shift = job->shift + b.image * c,
               *k = job->k + b.image * c;
    for (size_t row = first + b.begin; row < first + b.end; row++) {
        const real *in = job->in + row * c, *dout = job->dout + row * c;
        real *din = job->din + row * c;
        for (size_t i = 0; i < c; i++) din[i] += dout[i] * scale[i] + in[i] * k[i] + shift[i];
    }
}

/* The sums of one (image, group) over its blocks: into dweight and dbias, and into the coefficients
 * of din. */
static void finish_backward(norm_job *job, real *dweight, real *dbias, size_t image, size_t group) {
    const size_t c = (size_t)job->dims->c, groups = (size_t)job->dims->groups, width = c / groups;
    const double mean = (double)job->mean[image * groups + group],
                 rstd = (double)job->rstd[image * groups + group];
    double sum_g = 0, sum_gh = 0;
    for (size_t i = group * width; i < (group + 1) * width; i++) {
        double sum = 0, sum_h = 0;
        for (size_t block = 0; block < job->blocks; block++) {
            const size_t at = (image * job->blocks + block) * c + i;
            sum += (double)job->first[at];
            sum_h += (double)job->second[at];
        }
        if (dweight) dweight[i] += (real)sum_h;
        if (dbias) dbias[i] += (real)sum;
        sum_g += sum * (double)job->weight[i];
        sum_gh += sum_h * (double)job->weight[i];
    }
    const double n = (double)width * job->dims->pixels;
    const double k = -rstd * rstd * sum_gh / n;
    for (size_t i = group * width; i < (group + 1) * width; i++) {
        job->scale[image * c + i] = (real)(rstd * (double)job->weight[i]);
        job->k[image * c + i] = (real)k;
        job->shift[image * c + i] = (real)(-rstd * sum_g / n - k * mean);
    }
}

void rn_group_norm_backward(const rn_exec *exec, real *din, real *dweight, real *dbias,
                            const real *dout, const real *in, const real *mean, const real *rstd,
                            const real *weight, const rn_norm_dims *dims) {
    norm_job job = job_of(exec, dims);
    job.din = din;
    job.dout = dout;
    job.in = in;
    job.mean = (real *)mean; /* only read */
    job.rstd = (real *)rstd;
    job.weight = weight;
    run_blocks(exec, backward_sums_task, &job);
    for (int image = 0; image < dims->batch; image++)
        for (int group = 0; group < dims->groups; group++)
            finish_backward(&job, dweight, dbias, (size_t)image, (size_t)group);
    if (din) run_blocks(exec, backward_apply_task, &job);
}

/* ---- batch norm: one group a channel, all images as one ---- */

void rn_batch_norm_forward(const rn_exec *exec, real *out, real *mean, real *rstd,
                           real *running_mean, real *running_var, const real *in,
                           const real *weight, const real *bias, real eps, real momentum,
                           rn_activation relu, const rn_norm_dims *dims) {
    const rn_norm_dims flat = flattened(dims);
    norm_job job = job_of(exec, &flat);
    job.out = out;
    job.mean = mean;
    job.rstd = rstd;
    job.in = in;
    job.weight = weight;
    job.bias = bias;
    job.eps = eps;
    job.relu = relu;
    run_blocks(exec, moments_task, &job);
    const double unbiased = flat.pixels > 1 ? flat.pixels - 1 : 1; /* one value: variance 0 */
    for (size_t i = 0; i < (size_t)flat.c; i++) {
        const double var = finish_group(&job, 0, i) / unbiased;
        if (!running_mean) continue;
        running_mean[i] += momentum * (mean[i] - running_mean[i]);
        running_var[i] += momentum * ((real)var - running_var[i]);
    }
    run_blocks(exec, apply_task, &job);
}

void rn_batch_norm_backward(const rn_exec *exec, real *din, real *dweight, real *dbias,
                            const real *dout, const real *in, const real *mean, const real *rstd,
                            const real *weight, const rn_norm_dims *dims) {
    const rn_norm_dims flat = flattened(dims);
    rn_group_norm_backward(exec, din, dweight, dbias, dout, in, mean, rstd, weight, &flat);
}
