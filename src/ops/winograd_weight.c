#include "ops/winograd_weight.h"
#include "ops/winograd.h"
#include "ops/winograd_tiles.h"
#include <string.h>

/* dweight += G^T (sum over tiles of (A dout A^T) V) G, products by element, the transposed of the
 * forward pass.
 *
 * A slab of tiles is transformed; then each task sums them for ROWS channels of dout and
 * RN_GEMM_COLUMNS of in, DEPTH tiles at a time (sums of sums lie closer to the truth than one long
 * sum), and turns what it has back into weights. Slabs come one behind the other, cut by shape
 * alone. */
enum { SLAB = 256, DEPTH = 128, ROWS = 24 };

typedef struct weight_job {
    const rn_exec *exec;
    rn_isa isa;
    rn_tile_kernels kernels;
    rn_tilings tilings; /* src: in, dst: dout, only read */
    size_t in_c, out_c;
    size_t first, slab; /* tiles [first, first + slab) */
    real *v, *dm;       /* of the slab: [panel][t][tile][lane] */
    real *dweight;
} weight_job;

static size_t t_stride(size_t slab) {
    return slab * RN_LANES + RN_TILE_LINE;
}

static size_t panel_stride(size_t slab) {
    return RN_TILE_PRODUCTS * t_stride(slab);
}

static size_t slab_reals(size_t slab, size_t c) {
    return rn_gemm_round(c) / RN_LANES * panel_stride(slab);
}

/* Where channel `c` of product `t` of the slab's first tile lies. */
static size_t slab_place(size_t slab, size_t c, size_t t) {
    return c / RN_LANES * panel_stride(slab) + t * t_stride(slab) + c % RN_LANES;
}

static void transform_task(void *context, size_t i, int worker) {
    const weight_job *job = context;
    const rn_tile_place place = {
        .t = t_stride(job->slab), .width = RN_LANES, .chunk = panel_stride(job->slab)};
    real *zeros = rn_exec_scratch(job->exec, worker);
    const rn_tile tile = rn_tile_find(&job->tilings, job->first + i);
    const real *in[RN_TILE_INPUTS];
    real *dout[RN_TILE_OUTPUTS];
    memset(zeros, 0, (job->in_c > job->out_c ? job->in_c : job->out_c) * sizeof(real));
    rn_tile_inputs(in, &tile, job->in_c, zeros);
    rn_tile_outputs(dout, &tile, job->out_c, 0, zeros);
    job->kernels.input(job->v + i * RN_LANES, &place, in, job->in_c);
    job->kernels.gradient(job->dm + i * RN_LANES, &place, (const real *const *)dout, job->out_c);
}

static size_t sum_stride(void) {
    return ROWS * RN_GEMM_COLUMNS + RN_TILE_LINE;
}

static void sum_task(void *context, size_t task, int worker) {
    const weight_job *job = context;
    const size_t strips = rn_divide_up(job->in_c, RN_GEMM_COLUMNS);
    const size_t o = task / strips * ROWS, i = task % strips * RN_GEMM_COLUMNS;
    const size_t rows = job->out_c - o < ROWS ? job->out_c - o : ROWS,
                 columns = job->in_c - i < RN_GEMM_COLUMNS ? job->in_c - i : RN_GEMM_COLUMNS;
    real *sums = rn_exec_scratch(job->exec, worker);
    const real *a[ROWS];
    real *c[ROWS];
    for (size_t t = 0; t < RN_TILE_PRODUCTS; t++) {
        for (size_t r = 0; r < rows; r++) c[r] = sums + t * sum_stride() + r * RN_GEMM_COLUMNS;
        for (size_t k = 0; k < job->slab; k += DEPTH) {
            const real *v = job->v + slab_place(job->slab, i, t) + k * RN_LANES;
            for (size_t r = 0; r < rows; r++)
                a[r] = job->dm + slab_place(job->slab, o + r, t) + k * RN_LANES;
            const rn_gemm gemm = {.c = c,
                                  .a = a,
                                  .b = v,
                                  .rows = rows,
                                  .step = RN_LANES,
                                  .depth = job->slab - k < DEPTH ? job->slab - k : DEPTH,
                                  .b_step = RN_LANES,
                                  .b_stride = panel_stride(job->slab),
                                  .columns = (int)rn_gemm_round(columns),
                                  .clear = k == 0,
                                  .next = k + DEPTH < job->slab ? v + DEPTH * RN_LANES
                                          : t + 1 < RN_TILE_PRODUCTS
                                              ? job->v + slab_place(job->slab, i, t + 1)
                                              : NULL};
            rn_gemm_run(&gemm, job->isa);
        }
    }
    for (size_t r = 0; r < rows; r++)
        job->kernels.dweight(job->dweight + (o + r) * RN_TILE_WEIGHTS * job->in_c + i, job->in_c,
                             sums + r * RN_GEMM_COLUMNS, sum_stride(), columns);
}

void rn_winograd_backward_weight(const rn_exec *exec, real *dweight, const rn_conv_part *parts,
                                 size_t n) {
    const rn_isa isa = rn_isa_choose(exec->isa);
    weight_job job = {.exec = exec,
                      .isa = isa,
                      .kernels = rn_tile_kernels_of(isa),
                      .in_c = (size_t)parts->dims.in_c,
                      .out_c = (size_t)parts->dims.out_c,
                      .v = exec->shared,
                      .dweight = dweight};
    for (size_t i = 0; i < n; i++)
        rn_tilings_add(&job.tilings, &parts[i].dims, parts[i].in, (real *)parts[i].dout);
    const size_t tiles = job.tilings.tiles, most = rn_divide_up(tiles, rn_divide_up(tiles, SLAB));
    job.dm = job.v + slab_reals(most, job.in_c);
    const size_t tasks = rn_divide_up(job.out_c, ROWS) * rn_divide_up(job.in_c, RN_GEMM_COLUMNS);
    for (; job.first < tiles; job.first += most) {
        job.slab = tiles - job.first < most ? tiles - job.first : most;
        rn_threads_run(exec->threads, job.slab, transform_task, &job);
        rn_threads_run(exec->threads, tasks, sum_task, &job);
    }
}

rn_scratch rn_winograd_weight_scratch(size_t in_c, size_t out_c, size_t tiles) {
    const size_t slab = tiles < SLAB ? tiles : SLAB,
                 zeros = rn_gemm_round(in_c > out_c ? in_c : out_c),
                 sums = RN_TILE_PRODUCTS * sum_stride();
    return (rn_scratch){.own = sums > zeros ? sums : zeros,
                        .shared = slab_reals(slab, in_c) + slab_reals(slab, out_c)};
}
