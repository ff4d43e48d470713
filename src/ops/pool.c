#include "ops/pointwise.h"

/* out[y][x] = max over the window at (y, x) * stride - pad, cut to the picture. A NaN wins over all
 * that comes before it and nothing wins over a NaN. */
static inline bool wins(real x, real best) {
    return (x > best) | (x != x);
}

typedef struct pool_job {
    real *out, *din;
    const real *in, *dout;
    const rn_pool_dims *dims;
} pool_job;

/* The part of a window that lies in the picture, along one axis. */
typedef struct pool_span {
    int begin, end;
} pool_span;

static pool_span span_of(const rn_pool_dims *d, int position, int side) {
    const int first = position * d->stride - d->pad, last = first + d->kernel;
    return (pool_span){first < 0 ? 0 : first, last < side ? last : side};
}

static void max_pool_task(void *context, size_t task, int worker) {
    (void)worker;
    const pool_job *job = context;
    const rn_pool_dims *d = job->dims;
    const size_t c = (size_t)d->c, in_w = (size_t)d->in_w;
    const real *picture = job->in + task / (size_t)d->out_h * (size_t)d->in_h * in_w * c;
    const pool_span rows = span_of(d, (int)(task % (size_t)d->out_h), d->in_h);
    real *out = job->out + task * (size_t)d->out_w * c;
    for (int ox = 0; ox < d->out_w; ox++, out += c) {
        const pool_span columns = span_of(d, ox, d->in_w);
        for (size_t i = 0; i < c; i++) out[i] = -INFINITY;
        for (int y = rows.begin; y < rows.end; y++) {
            for (int x = columns.begin; x < columns.end; x++) {
                const real *pixel = picture + ((size_t)y * in_w + (size_t)x) * c;
                for (size_t i = 0; i < c; i++) out[i] = wins(pixel[i], out[i]) ? pixel[i] : out[i];
            }
        }
    }
}

void rn_max_pool_forward(const rn_exec *exec, real *out, const real *in, const rn_pool_dims *dims) {
    pool_job job = {.out = out, .in = in, .dims = dims};
    rn_threads_run(exec->threads, (size_t)dims->batch * (size_t)dims->out_h, max_pool_task, &job);
}

/* Windows overlap, so a task is one stripe of channels of a picture: what it adds to is its own. */
enum { STRIPE = 16 };

/* place[i] = the pixel of the picture where channel i of the window has its maximum. Selects, not
 * branches, which would be guessed wrong most of the time. */
static void find_places(int place[STRIPE], const real *picture, pool_span rows, pool_span columns,
                        size_t n, const rn_pool_dims *d) {
    real best[STRIPE];
    for (size_t i = 0; i < n; i++) {
        best[i] = -INFINITY;
        place[i] = rows.begin * d->in_w + columns.begin;
    }
    for (int y = rows.begin; y < rows.end; y++) {
        for (int x = columns.begin; x < columns.end; x++) {
            const int at = y * d->in_w + x;
            const real *pixel = picture + (size_t)at * (size_t)d->c;
            for (size_t i = 0; i < n; i++) {
                const bool better = wins(pixel[i], best[i]);
                best[i] = better ? pixel[i] : best[i];
                place[i] = better ? at : place[i];
            }
        }
    }
}

static void max_pool_backward_task(void *context, size_t task, int worker) {
    (void)worker;
    const pool_job *job = context;
    const rn_pool_dims *d = job->dims;
    const size_t c = (size_t)d->c, stripes = (c + STRIPE - 1) / STRIPE;
    const size_t image = task / stripes, first = task % stripes * STRIPE;
    const size_t n = c - first < STRIPE ? c - first : STRIPE;
    const size_t offset = image * (size_t)d->in_h * (size_t)d->in_w * c + first;
    const real *picture = job->in + offset;
    real *din = job->din + offset;
    const real *dout = job->dout + image * (size_t)d->out_h * (size_t)d->out_w * c + first;
    for (int oy = 0; oy < d->out_h; oy++) {
        const pool_span rows = span_of(d, oy, d->in_h);
        for (int ox = 0; ox < d->out_w; ox++, dout += c) {
            int place[STRIPE];
            find_places(place, picture, rows, span_of(d, ox, d->in_w), n, d);
            for (size_t i = 0; i < n; i++) din[(size_t)place[i] * c + i] += dout[i];
        }
    }
}

void rn_max_pool_backward(const rn_exec *exec, real *din, const real *dout, const real *in,
                          const rn_pool_dims *dims) {
    pool_job job = {.din = din, .in = in, .dout = dout, .dims = dims};
    const size_t stripes = ((size_t)dims->c + STRIPE - 1) / STRIPE;
    rn_threads_run(exec->threads, (size_t)dims->batch * stripes, max_pool_backward_task, &job);
}
