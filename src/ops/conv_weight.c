#include "ops/conv_weight.h"
#include "ops/gemm.h"
#include <string.h>

/* dweight[o][j] += sum over output pixels p of dout[p][o] * column[p][j], where column[p] is the
 * window of `in` that p reads, kernel * kernel * in_c reals.
 *
 * The columns are cut into chunks as wide as rn_gemm takes, and where that gives few tasks the
 * pixels into splits, whose partial sums are added in order: the cut depends on the shape alone.
 * Within a task BLOCK pixels at a time are packed and multiplied. */
enum { BLOCK = 128, WANTED_TASKS = 32, BIAS_BLOCKS = 32 };

typedef struct pixel_cut {
    size_t pixels;       /* of all output pictures */
    size_t depth;        /* columns: kernel * kernel * in_c */
    size_t chunks;       /* of RN_GEMM_COLUMNS columns */
    size_t splits;       /* of split_pixels pixels */
    size_t split_pixels; /* a multiple of BLOCK */
} pixel_cut;

static pixel_cut cut_of(const rn_conv_dims *d) {
    pixel_cut c = {.pixels = (size_t)d->batch * (size_t)d->out_h * (size_t)d->out_w,
                   .depth = (size_t)d->kernel * (size_t)d->kernel * (size_t)d->in_c};
    c.chunks = rn_divide_up(c.depth, RN_GEMM_COLUMNS);
    const size_t blocks = rn_divide_up(c.pixels, BLOCK),
                 wanted = rn_divide_up(WANTED_TASKS, c.chunks);
    const size_t splits = wanted < blocks ? wanted : blocks;
    c.split_pixels = rn_divide_up(blocks, splits) * BLOCK;
    c.splits = rn_divide_up(c.pixels, c.split_pixels);
    return c;
}

/* ---- scratch ---- */

static size_t packed_reals(void) {
    return (size_t)BLOCK * RN_GEMM_COLUMNS;
}

static size_t sum_reals(const rn_conv_dims *d) {
    return (size_t)d->out_c * RN_GEMM_COLUMNS;
}

size_t rn_conv_bias_shared(const rn_conv_dims *d) {
    return BIAS_BLOCKS * (size_t)d->out_c;
}

rn_scratch rn_conv_weight_scratch(const rn_conv_dims *d) {
    const pixel_cut c = cut_of(d);
    const size_t pointers = 2 * rn_gemm_round((size_t)d->out_c) * sizeof(real *) / sizeof(real);
    const size_t weight = c.splits > 1 ? c.splits * c.chunks * sum_reals(d) : 0,
                 bias = rn_conv_bias_shared(d);
    return (rn_scratch){packed_reals() + sum_reals(d) + pointers, weight > bias ? weight : bias};
}

/* ---- packing ---- */

/* Columns that lie in one panel and in one row of the window, so contiguous in a row of `in`. */
typedef struct column_run {
    int ky, place; /* row of the window; place of the first column in the chunk */
    long from;     /* first column in that row of the window, which is kernel * in_c long */
    int length;    /* <= RN_LANES */
} column_run;

typedef struct column_chunk {
    int columns, n_runs;
    column_run runs[RN_GEMM_COLUMNS];
} column_chunk;

static column_chunk chunk_of(const rn_conv_dims *d, const pixel_cut *cut, size_t index) {
    const size_t first = index * RN_GEMM_COLUMNS, rest = cut->depth - first;
    const long row = (long)d->kernel * d->in_c;
    column_chunk c = {.columns = rest < RN_GEMM_COLUMNS ? (int)rest : RN_GEMM_COLUMNS};
    for (int j = 0; j < c.columns;) {
        const long at = (long)first + j, from = at % row;
        long length = RN_LANES - j % RN_LANES;
        if (length > row - from) length = row - from;
        if (length > c.columns - j) length = c.columns - j;
        c.runs[c.n_runs++] =
            (column_run){.ky = (int)(at / row), .place = j, .from = from, .length = (int)length};
        j += (int)length;
    }
    return c;
}

/* to[0, length) = row[at, at + length), zeros outside [0, width). */
static inline void copy_cut(real *to, const real *row, long at, int length, long width) {
    if (at >= 0 && at + length <= width) {
        if (length == RN_LANES)
            memcpy(to, row + at, RN_LANES * sizeof(real)); /* two or so moves */
        else
            for (int i = 0; i < length; i++) to[i] = row[at + i];
        return;
    }
    for (int i = 0; i < length; i++) to[i] = at + i >= 0 && at + i < width ? row[at + i] : 0;
}

/* packed[pixel][lane] of one run, for output pixels [first, first + n): a stretch of one row of the
 * output at a time, so that the inner loop only steps to the right. */
static void pack_run(real *packed, const column_run *run, const real *in, size_t first, size_t n,
                     const rn_conv_dims *d) {
    const size_t out_w = (size_t)d->out_w;
    const long width = (long)d->in_w * d->in_c, step = (long)d->stride * d->in_c;
    for (size_t pixel = first; pixel < first + n;) {
        const size_t row = pixel / out_w, ox = pixel % out_w;
        const size_t rest = first + n - pixel, count = rest < out_w - ox ? rest : out_w - ox;
        const int y = (int)(row % (size_t)d->out_h) * d->stride + d->shift_y - d->pad + run->ky;
        const bool inside = y >= 0 && y < d->in_h;
        const size_t image = row / (size_t)d->out_h;
        const real *source =
            inside ? in + (image * (size_t)d->in_h + (size_t)y) * (size_t)width : in; /* not read */
        long at = ((long)ox * d->stride + d->shift_x - d->pad) * d->in_c + run->from;
        for (size_t i = 0; i < count; i++, packed += RN_LANES, at += step)
            copy_cut(packed, source, at, run->length, inside ? width : 0);
        pixel += count;
    }
}

/* packed[panel][pixel][lane] = the chunk's columns of output pixels [first, first + n) */
static void pack_columns(real *packed, const column_chunk *chunk, const real *in, size_t first,
                         size_t n, const rn_conv_dims *d) {
    for (int i = 0; i < chunk->n_runs; i++) {
        const column_run *run = &chunk->runs[i];
        const size_t panel = (size_t)(run->place / RN_LANES), lane = (size_t)run->place % RN_LANES;
        pack_run(packed + panel * BLOCK * RN_LANES + lane, run, in, first, n, d);
    }
    /* Behind the last column the products are not used, but what is multiplied is to be finite. */
    const size_t last = (size_t)chunk->columns % RN_LANES;
    if (last == 0) return;
    packed += (size_t)(chunk->columns / RN_LANES) * BLOCK * RN_LANES;
    for (size_t i = 0; i < n; i++)
        for (size_t j = last; j < RN_LANES; j++) packed[i * RN_LANES + j] = 0;
}

/* ---- weight ---- */

typedef struct weight_job {
    const rn_exec *exec;
    rn_isa isa;
    const rn_conv_dims *dims;
    pixel_cut cut;
    real *dweight, *partial; /* partial [splits][chunks][out_c][RN_GEMM_COLUMNS] */
    const real *dout, *in;
} weight_job;

static void add_sums(const weight_job *job, const real *sums, size_t index, int columns) {
    for (int o = 0; o < job->dims->out_c; o++) {
        real *dweight = job->dweight + (size_t)o * job->cut.depth + index * RN_GEMM_COLUMNS;
        const real *sum = sums + (size_t)o * RN_GEMM_COLUMNS;
        for (int j = 0; j < columns; j++) dweight[j] += sum[j];
    }
}

static void weight_task(void *context, size_t task, int worker) {
    const weight_job *job = context;
    const rn_conv_dims *d = job->dims;
    const pixel_cut *cut = &job->cut;
    const size_t index = task % cut->chunks, out_c = (size_t)d->out_c;
    const size_t begin = task / cut->chunks * cut->split_pixels, rest = cut->pixels - begin,
                 end = rest < cut->split_pixels ? cut->pixels : begin + cut->split_pixels;
    real *packed = rn_exec_scratch(job->exec, worker);
    real *own = packed + packed_reals();
    real **c = (real **)(own + sum_reals(d));
    const real **a = (const real **)(c + rn_gemm_round(out_c));
    real *sums = cut->splits > 1 ? job->partial + task * sum_reals(d) : own;
    const column_chunk chunk = chunk_of(d, cut, index);
    memset(sums, 0, sum_reals(d) * sizeof(real));
    for (size_t o = 0; o < out_c; o++) c[o] = sums + o * RN_GEMM_COLUMNS;
    const int width = (int)rn_gemm_round((size_t)chunk.columns);
    for (size_t at = begin; at < end; at += BLOCK) {
        const size_t n = end - at < BLOCK ? end - at : BLOCK;
        pack_columns(packed, &chunk, job->in, at, n, d);
        for (size_t o = 0; o < out_c; o++) a[o] = job->dout + at * out_c + o;
        const rn_gemm gemm = {.c = c,
                              .a = a,
                              .b = packed,
                              .rows = out_c,
                              .step = out_c,
                              .depth = n,
                              .b_step = RN_LANES,
                              .b_stride = BLOCK * RN_LANES,
                              .columns = width};
        rn_gemm_run(&gemm, job->isa);
    }
    if (cut->splits == 1) add_sums(job, sums, index, chunk.columns);
}

/* One chunk: its splits in order. */
static void reduce_task(void *context, size_t index, int worker) {
    (void)worker;
    const weight_job *job = context;
    const size_t rest = job->cut.depth - index * RN_GEMM_COLUMNS;
    const int columns = rest < RN_GEMM_COLUMNS ? (int)rest : RN_GEMM_COLUMNS;
    for (size_t split = 0; split < job->cut.splits; split++)
        add_sums(job, job->partial + (split * job->cut.chunks + index) * sum_reals(job->dims),
                 index, columns);
}

void rn_conv_weight_run(const rn_exec *exec, real *dweight, const rn_conv_part *part) {
    weight_job job = {.exec = exec,
                      .isa = rn_isa_choose(exec->isa),
                      .dims = &part->dims,
                      .cut = cut_of(&part->dims),
                      .dweight = dweight,
                      .partial = exec->shared,
                      .dout = part->dout,
                      .in = part->in};
    rn_threads_run(exec->threads, job.cut.chunks * job.cut.splits, weight_task, &job);
    if (job.cut.splits > 1) rn_threads_run(exec->threads, job.cut.chunks, reduce_task, &job);
}

/* ---- bias: dbias[o] += sum over output pixels of dout[p][o] ---- */

static size_t bias_rows(const pixel_cut *cut) {
    return rn_divide_up(cut->pixels, BIAS_BLOCKS);
}

static void bias_task(void *context, size_t block, int worker) {
    (void)worker;
    const weight_job *job = context;
    const size_t out_c = (size_t)job->dims->out_c, rows = bias_rows(&job->cut);
    const size_t begin = block * rows,
                 end = begin + rows < job->cut.pixels ? begin + rows : job->cut.pixels;
    real *sum = job->partial + block * out_c;
    memset(sum, 0, out_c * sizeof(real));
    for (size_t p = begin; p < end; p++) {
        const real *row = job->dout + p * out_c;
        for (size_t o = 0; o < out_c; o++) sum[o] += row[o];
    }
}

void rn_conv_bias_run(const rn_exec *exec, real *dbias, const rn_conv_part *part) {
    const rn_conv_dims *dims = &part->dims;
    weight_job job = {
        .dims = dims, .cut = cut_of(dims), .partial = exec->shared, .dout = part->dout};
    const size_t out_c = (size_t)dims->out_c;
    const size_t blocks = rn_divide_up(job.cut.pixels, bias_rows(&job.cut));
    rn_threads_run(exec->threads, blocks, bias_task, &job);
    for (size_t block = 0; block < blocks; block++)
        for (size_t o = 0; o < out_c; o++) dbias[o] += job.partial[block * out_c + o];
}
