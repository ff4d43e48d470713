#include "ops/gather.h"
#include "ops/gemm.h"
#include <string.h>

/* A task is (64 bytes * 4 of channels, up to TILE_CELLS cells); a product is at most DEPTH deep, so
 * that its packed weights stay in a level 2 cache while the cells of the tile go by. */
enum { TILE_CELLS = 96, CELL_ROUND = 12, DEPTH = 768 };

typedef struct gather_job {
    const rn_exec *exec;
    rn_isa isa;
    const rn_gather *gather;
    real *dst;
    const real *src, *packed, *residual;
    const rn_conv_finish *finish;
    size_t cells, tiles, tile_cells;
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

static void find_cells(cell_tile *out, const gather_job *job, size_t first, int channel) {
    const rn_gather *g = job->gather;
    const size_t area = (size_t)g->grid_h * (size_t)g->grid_w, rest = job->cells - first;
    const size_t picture = (size_t)g->src_h * (size_t)g->src_w * (size_t)g->src_c;
    int image = (int)(first / area), gy = (int)(first % area / (size_t)g->grid_w),
        gx = (int)(first % (size_t)g->grid_w);
    out->n = (int)(rest < job->tile_cells ? rest : job->tile_cells);
    for (int i = 0; i < out->n; i++) {
        const size_t row = (size_t)image * (size_t)g->dst_h + (size_t)(gy * g->dst_step + g->dst_y),
                     pixel = row * (size_t)g->dst_w + (size_t)(gx * g->dst_step + g->dst_x);
        out->c[i] = job->dst + pixel * (size_t)g->dst_c + channel;
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

/* One tile's channels [channel, channel + columns): what finishes its sums. */
typedef struct tile_finish {
    rn_gemm_finish gemm;
    real scale[RN_GEMM_COLUMNS], shift[RN_GEMM_COLUMNS];
    const real *residual[TILE_CELLS];
} tile_finish;

static void find_finish(tile_finish *out, const cell_tile *tile, const gather_job *job, int channel,
                        int columns) {
    const rn_conv_finish *finish = job->finish;
    for (int j = 0; j < RN_GEMM_COLUMNS; j++) {
        out->scale[j] = finish->scale && j < columns ? finish->scale[channel + j] : 1;
        out->shift[j] = finish->shift && j < columns ? finish->shift[channel + j] : 0;
    }
    out->gemm = (rn_gemm_finish){out->scale, out->shift, NULL, finish->activation};
    if (!job->residual) return;
    for (int i = 0; i < tile->n; i++) out->residual[i] = job->residual + (tile->c[i] - job->dst);
    out->gemm.residual = out->residual;
}

static void run_task(void *context, size_t task, int worker) {
    const gather_job *job = context;
    const rn_gather *g = job->gather;
    real *scratch = rn_exec_scratch(job->exec, worker);
    const int channel = (int)(task / job->tiles) * RN_GEMM_COLUMNS, rest = g->dst_c - channel;
    const int columns = rest < RN_GEMM_COLUMNS ? rest : RN_GEMM_COLUMNS;
    const long window = (long)g->taps_w * g->src_c; /* one row of it */
    const size_t b_stride = (size_t)g->taps_h * (size_t)window * RN_LANES;
    const real *a[TILE_CELLS];
    cell_tile cells;
    find_cells(&cells, job, task % job->tiles * job->tile_cells, channel);
    tile_finish finish;
    if (job->finish) find_finish(&finish, &cells, job, channel, columns);
    memset(scratch, 0, DEPTH * sizeof(real));
    for (int tap = 0; tap < g->taps_h; tap++) {
        for (long from = 0; from < window; from += DEPTH) {
            const long to = window - from < DEPTH ? window : from + DEPTH;
            const bool is_last = tap == g->taps_h - 1 && to == window;
            find_rows(a, &cells, g, tap, from, to, scratch);
            const rn_gemm gemm = {.c = cells.c,
                                  .a = a,
                                  .b = job->packed + (size_t)(channel / RN_LANES) * b_stride +
                                       (size_t)(tap * window + from) * RN_LANES,
                                  .rows = (size_t)cells.n,
                                  .step = 1,
                                  .depth = (size_t)(to - from),
                                  .b_step = RN_LANES,
                                  .b_stride = b_stride,
                                  .columns = columns,
                                  .clear = job->finish && tap == 0 && from == 0,
                                  .finish = is_last && job->finish ? &finish.gemm : NULL};
            rn_gemm_run(&gemm, job->isa);
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
    /* Equal tiles: 100 cells are two of 60 and 40, not 96 and 4. */
    const size_t tiles = (job.cells + TILE_CELLS - 1) / TILE_CELLS;
    job.tile_cells = (job.cells + tiles - 1) / tiles;
    job.tile_cells = (job.tile_cells + CELL_ROUND - 1) / CELL_ROUND * CELL_ROUND;
    job.tiles = (job.cells + job.tile_cells - 1) / job.tile_cells;
    const size_t groups = ((size_t)g->dst_c + RN_GEMM_COLUMNS - 1) / RN_GEMM_COLUMNS;
    /* All tiles of one group of channels first: its weights stay in the cache. */
    rn_threads_run(exec->threads, groups * job.tiles, run_task, &job);
}
