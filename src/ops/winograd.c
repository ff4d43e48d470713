#include "ops/winograd.h"
#include "ops/winograd_tiles.h"
#include "ops/winograd_weight.h"
#include <string.h>

/* DEPTH channels of src are summed at a time: sums of sums lie closer to the truth than one long
 * sum, and their U stays in a level 1 cache.
 *
 * Many tiles: all of U is made first; blocks of tiles, whose V stays in a level 2 cache, go past it
 * by strips of BLOCK_PANELS panels of dst. Few tiles: U would cost more than it serves, so V is
 * made first, and each strip of ROUND_PANELS makes its own part of U, which never leaves the cache.
 * BLOCK_TILES and ROUND_TILES are multiples of the rows of gemm.c's tiles. */
enum {
    DEPTH = 64,
    BLOCK_TILES = 48,
    BLOCK_PANELS = RN_GEMM_PANELS,
    ROUND_TILES = 144,
    ROUND_PANELS = 4,
    ROWS = 12,
    PREFETCH = 4, /* rows of weights ahead; a strip's are too far apart for the processor to see */
};

typedef struct winograd_job winograd_job;

/* U of one panel of dst for channels [c, c + depth) of src: u[t * stride + channel * RN_LANES +
 * lane]. */
typedef void weights_fn(real *u, size_t stride, const winograd_job *job, size_t panel, size_t c,
                        size_t depth);

struct winograd_job {
    const rn_exec *exec;
    rn_isa isa;
    rn_tile_kernels kernels;
    rn_tilings tilings;
    size_t src_c, dst_c, panels; /* panels of dst */
    size_t depth;                /* DEPTH, or less where src has fewer channels */
    const real *weight;
    const rn_conv_finish *finish; /* NULL: dst += */
    weights_fn *weights;
    size_t block, blocks, group; /* many tiles: tiles a block; strips a task */
    size_t first, round;         /* few: tiles [first, first + round) */
    size_t strips;               /* of about equally many panels, a task each */
};

/* ---- U = G g G^T ---- */

static size_t u_stride(size_t depth) {
    return depth * RN_LANES + 5 * RN_TILE_LINE; /* panels lie PRODUCTS times this apart */
}

/* Forward: a lane is an output channel, so that squares of the weights are turned first. */
static void forward_weights(real *u, size_t stride, const winograd_job *job, size_t panel, size_t c,
                            size_t depth) {
    enum { STEP = RN_TILE_WEIGHTS * RN_LANES };
    const size_t in_c = job->src_c, row = RN_TILE_WEIGHTS * in_c, first = panel * RN_LANES,
                 rest = job->dst_c - first, lanes = rest < RN_LANES ? rest : RN_LANES;
    real turned[RN_LANES][RN_TILE_WEIGHTS][RN_LANES] = {0};
    for (size_t from = 0; from < depth; from += RN_LANES) {
        const size_t n = depth - from < RN_LANES ? depth - from : RN_LANES;
        const real *weight = job->weight + first * row + c + from;
        for (size_t tap = 0; tap < RN_TILE_WEIGHTS; tap++, weight += in_c) {
            for (size_t lane = 0; lane < lanes; lane++)
                __builtin_prefetch(weight + lane * row + RN_LANES);
            if (lanes == RN_LANES && n == RN_LANES) {
                job->kernels.turn(turned[0][tap], STEP, weight, row);
                continue;
            }
            for (size_t lane = 0; lane < lanes; lane++)
                for (size_t i = 0; i < n; i++) turned[i][tap][lane] = weight[lane * row + i];
        }
        for (size_t i = 0; i < n; i++)
            job->kernels.weight(u + (from + i) * RN_LANES, stride, turned[i][0]);
    }
}

/* Backward: a lane is an input channel; the filter is turned by half a circle. */
static void backward_weights(real *u, size_t stride, const winograd_job *job, size_t panel,
                             size_t c, size_t depth) {
    const size_t in_c = job->dst_c, first = panel * RN_LANES, rest = in_c - first,
                 lanes = rest < RN_LANES ? rest : RN_LANES, row = RN_TILE_WEIGHTS * in_c;
    real taps[RN_TILE_WEIGHTS][RN_LANES] = {0};
    for (size_t o = 0; o < depth; o++) {
        const real *weight = job->weight + (c + o) * row + first;
        for (size_t tap = RN_TILE_WEIGHTS; tap-- > 0; weight += in_c) {
            __builtin_prefetch(weight + PREFETCH * row);
            memcpy(taps[tap], weight, lanes * sizeof(real));
        }
        job->kernels.weight(u + o * RN_LANES, stride, taps[0]);
    }
}

/* ---- V, laid out [chunk of `depth` channels][t][tile][channel of the chunk] ---- */

static size_t chunks_of(size_t c, size_t depth) {
    return rn_divide_up(c, depth);
}

static rn_tile_place place_of(const winograd_job *job, size_t tiles) {
    const size_t t = tiles * job->depth + RN_TILE_LINE;
    return (rn_tile_place){.t = t, .width = job->depth, .chunk = RN_TILE_PRODUCTS * t};
}

static void transform_input(const winograd_job *job, real *v, const rn_tile_place *place,
                            size_t tile_number, const real *zeros) {
    const rn_tile tile = rn_tile_find(&job->tilings, tile_number);
    const real *pixels[RN_TILE_INPUTS];
    rn_tile_inputs(pixels, &tile, job->src_c, zeros);
    job->kernels.input(v, place, pixels, job->src_c);
}

/* ---- a strip: some panels of dst for some tiles ---- */

typedef struct strip {
    size_t first_tile, tiles; /* at most ROUND_TILES */
    size_t panel, panels;     /* of dst */
    const real *v;
    const real *u; /* [panels][t][channel][lane] */
    size_t u_t;    /* from one t to the next */
    real *m;       /* [t][tile][panels * RN_LANES] */
} strip;

static size_t m_stride(size_t tiles, size_t panels) {
    return tiles * panels * RN_LANES + RN_TILE_LINE;
}

/* M[t] += V[t] U[t] over channels [begin, end) of src, where U begins; = instead of += from channel
 * 0 on. */
static void multiply(const winograd_job *job, const strip *s, size_t begin, size_t end) {
    const rn_tile_place place = place_of(job, s->tiles);
    const size_t width = s->panels * RN_LANES;
    const real *a[ROUND_TILES];
    real *c[ROUND_TILES];
    for (size_t t = 0; t < RN_TILE_PRODUCTS; t++) {
        for (size_t i = 0; i < s->tiles; i++)
            c[i] = s->m + t * m_stride(s->tiles, s->panels) + i * width;
        for (size_t k = begin; k < end; k += job->depth) {
            const real *v = s->v + k / job->depth * place.chunk + t * place.t,
                       *u = s->u + t * s->u_t + (k - begin) * RN_LANES;
            const bool is_last = k + job->depth >= end;
            for (size_t i = 0; i < s->tiles; i++) a[i] = v + i * job->depth;
            const rn_gemm gemm = {.c = c,
                                  .a = a,
                                  .b = u,
                                  .rows = s->tiles,
                                  .step = 1,
                                  .depth = end - k < job->depth ? end - k : job->depth,
                                  .b_step = RN_LANES,
                                  .b_stride = RN_TILE_PRODUCTS * s->u_t,
                                  .columns = (int)width,
                                  .clear = k == 0,
                                  .next = !is_last                   ? u + job->depth * RN_LANES
                                          : t + 1 < RN_TILE_PRODUCTS ? s->u + (t + 1) * s->u_t
                                                                     : NULL};
            rn_gemm_run(&gemm, job->isa);
        }
    }
}

/* A^T M A to where the tiles lie in dst. */
static void transform_output(const winograd_job *job, const strip *s) {
    const size_t channel = s->panel * RN_LANES, width = s->panels * RN_LANES,
                 rest = job->dst_c - channel;
    const rn_conv_finish *finish = job->finish;
    real scale[RN_GEMM_COLUMNS], shift[RN_GEMM_COLUMNS];
    const rn_tile_output form = {.scale = scale,
                                 .shift = shift,
                                 .channels = rest < width ? rest : width,
                                 .activation = finish ? finish->activation : RN_LINEAR};
    rn_conv_finish_columns(scale, shift, finish, channel, form.channels);
    for (size_t i = 0; i < s->tiles; i++) {
        const rn_tile tile = rn_tile_find(&job->tilings, s->first_tile + i);
        real *pixels[RN_TILE_OUTPUTS];
        const real *residual[RN_TILE_OUTPUTS];
        const real *added = finish ? tile.in->residual : tile.in->dst;
        rn_tile_outputs(pixels, &tile, job->dst_c, channel, NULL);
        for (int k = 0; added && k < RN_TILE_OUTPUTS; k++)
            residual[k] = pixels[k] ? added + (pixels[k] - tile.in->dst) : NULL;
        job->kernels.output(pixels, added ? residual : NULL, s->m + i * width,
                            m_stride(s->tiles, s->panels), &form);
    }
}

/* ---- many tiles ---- */

static void weights_task(void *context, size_t panel, int worker) {
    const winograd_job *job = context;
    const size_t stride = u_stride(job->src_c);
    (void)worker;
    job->weights(job->exec->shared + panel * RN_TILE_PRODUCTS * stride, stride, job, panel, 0,
                 job->src_c);
}

static void block_task(void *context, size_t task, int worker) {
    const winograd_job *job = context;
    const size_t first = task % job->blocks * job->block, rest = job->tilings.tiles - first;
    const size_t begin = task / job->blocks * job->group * BLOCK_PANELS,
                 end = begin + job->group * BLOCK_PANELS;
    strip s = {.first_tile = first,
               .tiles = rest < job->block ? rest : job->block,
               .u_t = u_stride(job->src_c)};
    const rn_tile_place place = place_of(job, s.tiles);
    real *zeros = rn_exec_scratch(job->exec, worker), *v = zeros + rn_gemm_round(job->src_c);
    s.v = v;
    s.m = v + chunks_of(job->src_c, job->depth) * place.chunk;
    memset(zeros, 0, job->src_c * sizeof(real));
    for (size_t i = 0; i < s.tiles; i++)
        transform_input(job, v + i * job->depth, &place, first + i, zeros);
    for (size_t panel = begin; panel < end && panel < job->panels; panel += BLOCK_PANELS) {
        s.panel = panel;
        s.panels = job->panels - panel < BLOCK_PANELS ? job->panels - panel : BLOCK_PANELS;
        s.u = job->exec->shared + panel * RN_TILE_PRODUCTS * s.u_t;
        multiply(job, &s, 0, job->src_c);
        transform_output(job, &s);
    }
}

/* Tiles do not meet, so that this cut, unlike others, may look at the number of threads: it does
 * not show in the result. Where blocks are few, tasks take groups of strips. */
static void run_blocks(winograd_job *job) {
    const size_t tiles = job->tilings.tiles, strips = rn_divide_up(job->panels, BLOCK_PANELS);
    const size_t workers = (size_t)rn_threads_count(job->exec->threads);
    const size_t wanted = rn_divide_up(rn_divide_up(tiles, BLOCK_TILES), workers) * workers;
    job->block = rn_divide_up(rn_divide_up(tiles, wanted), ROWS) * ROWS;
    job->blocks = rn_divide_up(tiles, job->block);
    job->group = rn_divide_up(strips, rn_divide_up(workers, job->blocks));
    rn_threads_run(job->exec->threads, job->panels, weights_task, job);
    rn_threads_run(job->exec->threads, job->blocks * rn_divide_up(strips, job->group), block_task,
                   job);
}

static size_t block_scratch(size_t src_c, size_t depth) {
    const size_t v = chunks_of(src_c, depth) * (BLOCK_TILES * depth + RN_TILE_LINE);
    return rn_gemm_round(src_c) + RN_TILE_PRODUCTS * (v + m_stride(BLOCK_TILES, BLOCK_PANELS));
}

/* ---- few tiles ---- */

static void round_input_task(void *context, size_t i, int worker) {
    const winograd_job *job = context;
    const rn_tile_place place = place_of(job, job->round);
    real *zeros = rn_exec_scratch(job->exec, worker);
    memset(zeros, 0, job->src_c * sizeof(real));
    transform_input(job, job->exec->shared + i * job->depth, &place, job->first + i, zeros);
}

static void round_strip_task(void *context, size_t task, int worker) {
    const winograd_job *job = context;
    const size_t panel = task * job->panels / job->strips,
                 behind = (task + 1) * job->panels / job->strips;
    real *u = rn_exec_scratch(job->exec, worker);
    const strip s = {.first_tile = job->first,
                     .tiles = job->round,
                     .panel = panel,
                     .panels = behind - panel,
                     .v = job->exec->shared,
                     .u = u,
                     .u_t = u_stride(job->depth),
                     .m = u + ROUND_PANELS * RN_TILE_PRODUCTS * u_stride(job->depth)};
    for (size_t c = 0; c < job->src_c; c += job->depth) {
        const size_t end = job->src_c - c < job->depth ? job->src_c : c + job->depth;
        for (size_t i = 0; i < s.panels; i++)
            job->weights(u + i * RN_TILE_PRODUCTS * s.u_t, s.u_t, job, panel + i, c, end - c);
        multiply(job, &s, c, end);
    }
    transform_output(job, &s);
}

/* Each worker has equally many strips; nor does this cut show. */
static void run_rounds(winograd_job *job) {
    const size_t tiles = job->tilings.tiles,
                 most = rn_divide_up(tiles, rn_divide_up(tiles, ROUND_TILES));
    const size_t workers = (size_t)rn_threads_count(job->exec->threads);
    const size_t fewest = rn_divide_up(job->panels, ROUND_PANELS),
                 even = rn_divide_up(fewest, workers) * workers;
    job->strips = even < job->panels ? even : job->panels;
    for (; job->first < tiles; job->first += most) {
        job->round = tiles - job->first < most ? tiles - job->first : most;
        rn_threads_run(job->exec->threads, job->round, round_input_task, job);
        rn_threads_run(job->exec->threads, job->strips, round_strip_task, job);
    }
}

static size_t round_scratch(size_t src_c, size_t depth) {
    const size_t u = ROUND_PANELS * u_stride(depth), zeros = rn_gemm_round(src_c);
    const size_t all = RN_TILE_PRODUCTS * (u + m_stride(ROUND_TILES, ROUND_PANELS));
    return all > zeros ? all : zeros;
}

/* ---- the passes ---- */

static bool are_few(size_t tiles) {
    return tiles <= ROUND_TILES;
}

static size_t depth_of(size_t src_c) {
    return src_c < DEPTH ? rn_gemm_round(src_c) : DEPTH;
}

static winograd_job job_of(const rn_exec *exec, int src_c, int dst_c, const real *weight) {
    const rn_isa isa = rn_isa_choose(exec->isa);
    return (winograd_job){.exec = exec,
                          .isa = isa,
                          .kernels = rn_tile_kernels_of(isa),
                          .src_c = (size_t)src_c,
                          .dst_c = (size_t)dst_c,
                          .panels = rn_gemm_round((size_t)dst_c) / RN_LANES,
                          .depth = depth_of((size_t)src_c),
                          .weight = weight};
}

static void run(winograd_job *job) {
    if (are_few(job->tilings.tiles))
        run_rounds(job);
    else
        run_blocks(job);
}

void rn_winograd_forward(const rn_exec *exec, const rn_conv_part *parts, size_t n,
                         const real *weight, const rn_conv_finish *finish) {
    winograd_job job = job_of(exec, parts->dims.in_c, parts->dims.out_c, weight);
    job.weights = forward_weights;
    job.finish = finish;
    for (size_t i = 0; i < n; i++)
        rn_tilings_add(&job.tilings, &parts[i].dims, parts[i].in, parts[i].out)->residual =
            parts[i].residual;
    run(&job);
}

void rn_winograd_backward_data(const rn_exec *exec, const rn_conv_part *parts, size_t n,
                               const real *weight) {
    winograd_job job = job_of(exec, parts->dims.out_c, parts->dims.in_c, weight);
    job.weights = backward_weights;
    for (size_t i = 0; i < n; i++)
        if (parts[i].din) rn_tilings_add(&job.tilings, &parts[i].dims, parts[i].dout, parts[i].din);
    run(&job);
}

/* ---- which shapes, and their scratch ---- */

bool rn_winograd_fits(const rn_conv_dims *d) {
    return d->kernel == RN_TILE_TAPS && d->stride == 1 && d->pad == 1 && d->shift_y == 0 &&
           d->shift_x == 0 && d->in_c >= RN_WINOGRAD_CHANNELS && d->out_c >= RN_WINOGRAD_CHANNELS;
}

/* Of the pass from src to dst. Backward data may leave parts out, and so have few tiles where
 * forward has many. */
static rn_scratch pass_scratch(size_t src_c, size_t dst_c, size_t tiles) {
    const size_t depth = depth_of(src_c), few = tiles < ROUND_TILES ? tiles : ROUND_TILES;
    const size_t v = chunks_of(src_c, depth) * (few * depth + RN_TILE_LINE),
                 u = rn_gemm_round(dst_c) / RN_LANES * u_stride(src_c);
    rn_scratch scratch = {round_scratch(src_c, depth), RN_TILE_PRODUCTS * v};
    if (are_few(tiles)) return scratch;
    return rn_scratch_larger(scratch,
                             (rn_scratch){block_scratch(src_c, depth), RN_TILE_PRODUCTS * u});
}

rn_scratch rn_winograd_scratch(const rn_conv_part *parts, size_t n, rn_conv_passes passes) {
    const size_t in_c = (size_t)parts->dims.in_c, out_c = (size_t)parts->dims.out_c;
    rn_tilings tilings = {0};
    for (size_t i = 0; i < n; i++) rn_tilings_add(&tilings, &parts[i].dims, NULL, NULL);
    const rn_scratch forward = pass_scratch(in_c, out_c, tilings.tiles);
    if (passes == RN_CONV_FORWARD) return forward;
    const rn_scratch data = pass_scratch(out_c, in_c, tilings.tiles),
                     weight = rn_winograd_weight_scratch(in_c, out_c, tilings.tiles);
    return rn_scratch_larger(forward, rn_scratch_larger(data, weight));
}
