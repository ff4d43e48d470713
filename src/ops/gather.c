#include "ops/gather.h"
#include "ops/gemm.h"
#include <string.h>

/* A task is up to TILE_CELLS cells by some groups of RN_GEMM_COLUMNS channels. A product is at most
 * DEPTH deep, so that its packed weights stay in a cache while the cells go by. Windows whose rows
 * are shorter than SHORT are copied whole: products so shallow would only carry sums about. */
enum { TILE_CELLS = 96, CELL_ROUND = 12, DEPTH = 256, SHORT = 64 };

typedef struct gather_job {
    const rn_exec *exec;
    rn_isa isa;
    const rn_gather *gather;
    real *dst;
    const real *src, *packed, *residual;
    const rn_conv_finish *finish;
    size_t cells, tiles, tile_cells;
    int group; /* groups of channels a task */
} gather_job;

size_t rn_gather_scratch(void) {
    return (size_t)DEPTH * (TILE_CELLS + 1); /* a row of zeros, copies of cut windows */
}

size_t rn_gather_packed(const rn_gather *gather) {
    return rn_gemm_round((size_t)gather->dst_c) * (size_t)gather->taps_h * (size_t)gather->taps_w *
           (size_t)gather->src_c;
}

/* The cells of one tile: their place in both pictures. */
typedef struct cell_tile {
    int n;
    const real *picture[TILE_CELLS]; /* of src */
    int y[TILE_CELLS], x[TILE_CELLS];
    real *c[TILE_CELLS];
} cell_tile;

static void find_cells(cell_tile *out, const gather_job *job, size_t first) {
    const rn_gather *g = job->gather;
    const size_t area = (size_t)g->grid_h * (size_t)g->grid_w, rest = job->cells - first;
    const size_t picture = (size_t)g->src_h * (size_t)g->src_w * (size_t)g->src_c;
    int image = (int)(first / area), gy = (int)(first % area / (size_t)g->grid_w),
        gx = (int)(first % (size_t)g->grid_w);
    out->n = (int)(rest < job->tile_cells ? rest : job->tile_cells);
    for (int i = 0; i < out->n; i++) {
        const size_t row = (size_t)image * (size_t)g->dst_h + (size_t)(gy * g->dst_step + g->dst_y),
                     pixel = row * (size_t)g->dst_w + (size_t)(gx * g->dst_step + g->dst_x);
        out->c[i] = job->dst + pixel * (size_t)g->dst_c;
        out->picture[i] = job->src + (size_t)image * picture;
        out->y[i] = gy * g->step + g->y0;
        out->x[i] = gx * g->step + g->x0;
        if (++gx == g->grid_w) {
            gx = 0;
            if (++gy == g->grid_h) {
                gy = 0;
                image++;
            }
        }
    }
}

/* a[i] = reals [from, to) of row `tap` of cell i's window. */
static void find_rows(const real **a, const cell_tile *tile, const rn_gather *g, int tap, long from,
                      long to, real *scratch) {
    const long c = g->src_c, width = (long)g->src_w * c;
    const real *zeros = scratch;
    real *copy = scratch + DEPTH;
    for (int i = 0; i < tile->n; i++, copy += DEPTH) {
        const int y = tile->y[i] + tap;
        const long start = (long)tile->x[i] * c; /* of the window in its row of src */
        const long low = start + from < 0 ? -start : from,
                   high = start + to > width ? width - start : to;
        if (y < 0 || y >= g->src_h || low >= high) {
            a[i] = zeros;
            continue;
        }
        const real *row = tile->picture[i] + (long)y * width;
        if (low == from && high == to) {
            a[i] = row + start + from;
            continue;
        }
        memset(copy, 0, (size_t)(to - from) * sizeof(real));
        memcpy(copy + (low - from), row + start + low, (size_t)(high - low) * sizeof(real));
        a[i] = copy;
    }
}

/* One tile's channels [channel, channel + columns): where their sums go and what finishes them. */
typedef struct tile_columns {
    int channel, columns;
    real *c[TILE_CELLS];
    const real *residual[TILE_CELLS];
    real scale[RN_GEMM_COLUMNS], shift[RN_GEMM_COLUMNS];
    rn_gemm_finish finish;
} tile_columns;

static void find_columns(tile_columns *out, const cell_tile *tile, const gather_job *job,
                         int channel, bool is_last) {
    const rn_conv_finish *finish = job->finish;
    const int rest = job->gather->dst_c - channel;
    out->channel = channel;
    out->columns = rest < RN_GEMM_COLUMNS ? rest : RN_GEMM_COLUMNS;
    for (int i = 0; i < tile->n; i++) out->c[i] = tile->c[i] + channel;
    if (!finish || !is_last) return;
    rn_conv_finish_columns(out->scale, out->shift, finish, (size_t)channel, (size_t)out->columns);
    for (int i = 0; job->residual && i < tile->n; i++)
        out->residual[i] = job->residual + (out->c[i] - job->dst);
    out->finish = (rn_gemm_finish){out->scale, out->shift, job->residual ? out->residual : NULL,
                                   finish->activation};
}

/* Part of a window: `depth` reals, the first of which is number `at` of the window. */
typedef struct window_part {
    size_t at, depth;
    bool is_first, is_last;
} window_part;

/* The products of one part of the windows with the channels of groups [group, end). */
static void multiply(const gather_job *job, const cell_tile *cells, const real *const *a,
                     const window_part *part, int group, int end) {
    const rn_gather *g = job->gather;
    const size_t b_stride = (size_t)g->taps_h * (size_t)g->taps_w * (size_t)g->src_c * RN_LANES;
    tile_columns t;
    for (; group < end && group * RN_GEMM_COLUMNS < g->dst_c; group++) {
        find_columns(&t, cells, job, group * RN_GEMM_COLUMNS, part->is_last);
        const rn_gemm gemm = {.c = t.c,
                              .a = a,
                              .b = job->packed + (size_t)(t.channel / RN_LANES) * b_stride +
                                   part->at * RN_LANES,
                              .rows = (size_t)cells->n,
                              .step = 1,
                              .depth = part->depth,
                              .b_step = RN_LANES,
                              .b_stride = b_stride,
                              .columns = t.columns,
                              .clear = job->finish && part->is_first,
                              .finish = job->finish && part->is_last ? &t.finish : NULL};
        rn_gemm_run(&gemm, job->isa);
    }
}

/* a[i] = a copy of the whole window of cell i. */
static void copy_windows(const real **a, const cell_tile *tile, const rn_gather *g, real *copy) {
    const long c = g->src_c, width = (long)g->src_w * c, row = (long)g->taps_w * c;
    for (int i = 0; i < tile->n; i++) {
        const long start = (long)tile->x[i] * c;
        const long low = start < 0 ? -start : 0, high = start + row > width ? width - start : row;
        a[i] = copy;
        for (int tap = 0; tap < g->taps_h; tap++, copy += row) {
            const int y = tile->y[i] + tap;
            const real *from = tile->picture[i] + (long)y * width + start;
            if (y < 0 || y >= g->src_h || low >= high) {
                memset(copy, 0, (size_t)row * sizeof(real));
            } else if (high - low == row) {
                for (long k = 0; k < row; k++) copy[k] = from[k]; /* too few for a call */
            } else {
                memset(copy, 0, (size_t)row * sizeof(real));
                memcpy(copy + low, from + low, (size_t)(high - low) * sizeof(real));
            }
        }
    }
}

static bool is_short(const rn_gather *g) {
    const long row = (long)g->taps_w * g->src_c;
    return g->taps_h > 1 && row < SHORT && g->taps_h * row <= DEPTH;
}

static void run_task(void *context, size_t task, int worker) {
    const gather_job *job = context;
    const rn_gather *g = job->gather;
    real *scratch = rn_exec_scratch(job->exec, worker);
    const int group = (int)(task / job->tiles) * job->group, end = group + job->group;
    const long window = (long)g->taps_w * g->src_c; /* one row of it */
    const real *a[TILE_CELLS];
    cell_tile cells;
    find_cells(&cells, job, task % job->tiles * job->tile_cells);
    if (is_short(g)) {
        const window_part all = {0, (size_t)(g->taps_h * window), true, true};
        copy_windows(a, &cells, g, scratch);
        multiply(job, &cells, a, &all, group, end);
        return;
    }
    memset(scratch, 0, DEPTH * sizeof(real));
    for (int tap = 0; tap < g->taps_h; tap++) {
        for (long from = 0; from < window; from += DEPTH) {
            const long to = window - from < DEPTH ? window : from + DEPTH;
            const window_part part = {.at = (size_t)(tap * window + from),
                                      .depth = (size_t)(to - from),
                                      .is_first = tap == 0 && from == 0,
                                      .is_last = tap == g->taps_h - 1 && to == window};
            find_rows(a, &cells, g, tap, from, to, scratch);
            multiply(job, &cells, a, &part, group, end);
        }
    }
}

void rn_gather_run(const rn_exec *exec, const rn_gather *gather, real *dst, const real *src,
                   const real *packed, const real *residual, const rn_conv_finish *finish) {
    const rn_gather *g = gather;
    gather_job job = {.exec = exec,
                      .isa = rn_isa_choose(exec->isa),
                      .gather = gather,
                      .dst = dst,
                      .src = src,
                      .packed = packed,
                      .residual = residual,
                      .finish = finish,
                      .cells = (size_t)g->batch * (size_t)g->grid_h * (size_t)g->grid_w};
    if (job.cells == 0) return;
    /* Equal tiles: 100 cells are two of 60 and 40, not 96 and 4. Cells do not meet, so that the cut
     * may look at the number of threads: it does not show in the result. */
    const size_t workers = (size_t)rn_threads_count(exec->threads);
    const size_t tiles = rn_divide_up(job.cells, TILE_CELLS);
    job.tile_cells = rn_divide_up(rn_divide_up(job.cells, tiles), CELL_ROUND) * CELL_ROUND;
    job.tiles = rn_divide_up(job.cells, job.tile_cells);
    const size_t groups = rn_divide_up((size_t)g->dst_c, RN_GEMM_COLUMNS);
    const size_t wanted = rn_divide_up(4 * workers, job.tiles); /* tasks a tile */
    job.group = (int)(wanted < groups ? rn_divide_up(groups, wanted) : 1);
    rn_threads_run(exec->threads, rn_divide_up(groups, (size_t)job.group) * job.tiles, run_task,
                   &job);
}
