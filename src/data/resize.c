/* resize.c: from bytes to network input in two passes: rows are filtered horizontally as the
 * vertical filter asks for them. Every sum runs over its taps in order, so neither threads nor
 * vectors show in the result. */
#include "base/memory.h"
#include "data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rn_resizer_free(rn_resizer *resizer) {
    free(resizer->buffer);
    *resizer = (rn_resizer){.threads = resizer->threads};
}

static int at_least_one(double side) {
    return side < 1 ? 1 : (int)side;
}

void rn_geometry_size(int *out_w, int *out_h, const rn_geometry *geometry, int width, int height) {
    const int least = width < height ? width : height, most = width < height ? height : width;
    /* torchvision's: scale in float32, sides floored. PyTorch divides a number by a tensor as the
     * tensor's reciprocal times the number, rounded twice: 427x640 becomes 799x1199. */
    if (geometry->shorter > 0) {
        float scale = 1 / (float)least * (float)geometry->shorter;
        const float limit = 1 / (float)most * (float)geometry->longer;
        if (limit < scale) scale = limit;
        *out_w = at_least_one(floor((double)width * (double)scale));
        *out_h = at_least_one(floor((double)height * (double)scale));
        return;
    }
    const double scale = (double)geometry->longer / most;
    *out_w = at_least_one(floor(width * scale + 0.5));
    *out_h = at_least_one(floor(height * scale + 0.5));
}

/* The filter of one axis: output i is the sum of weight[i * taps + k] * input[first[i] + k], k <
 * n[i]. Taps that would reach outside of the picture are left out, and what is left is scaled to
 * sum 1; an output whose centre lies outside has none. */
typedef struct filter {
    int outputs, taps;
    int *first, *n;
    float *weight;
} filter;

/* A triangle of half width max(1, step) source pixels around each output's centre (without
 * antialias: 1). */
static int filter_taps(double step, bool antialias) {
    const double radius = antialias && step > 1 ? step : 1;
    return (int)ceil(2 * radius) + 2;
}

static void filter_fill(filter *f, double start, double step, int size, bool antialias, bool flip) {
    const double radius = antialias && step > 1 ? step : 1;
    for (int i = 0; i < f->outputs; i++) {
        const int out = flip ? f->outputs - 1 - i : i;
        const double centre =
            start + (i + 0.5) * step; /* pixel p covers p..p+1, its centre is p + 0.5 */
        int first = (int)floor(centre - radius - 0.5), n = 0;
        float *weight = f->weight + (size_t)out * (size_t)f->taps, sum = 0;
        if (first < 0) first = 0;
        f->first[out] = first;
        if (centre >= 0 && centre <= size) {
            for (; first + n < size && n < f->taps; n++) {
                const double distance = fabs(first + n + 0.5 - centre) / radius;
                weight[n] = distance < 1 ? (float)(1 - distance) : 0;
                sum += weight[n];
            }
        }
        while (n > 0 && weight[n - 1] == 0) n--;
        for (int k = 0; k < n; k++) weight[k] /= sum;
        f->n[out] = n;
    }
}

enum { BAND = 32 }; /* output rows a task */

/* What a worker keeps of the picture. */
typedef struct ring {
    float *source; /* [image width, 3], and one more: a source row in floats */
    float *rows;   /* [taps, row] filtered rows: source row r stands at r % taps */
    int *held;     /* [taps] source row in each place, -1 for none */
} ring;

typedef struct workspace {
    const rn_image *image;
    float *canvas;
    int canvas_w;
    filter x, y;
    size_t row;           /* floats of a filtered row, and some more */
    float *scale, *shift; /* [row] from a filtered row to normalised values; 0 outside */
    ring *rings;          /* [workers] */
} workspace;

/* *at = the next `count` elements of `size` bytes of the block at `memory` (NULL: nowhere yet),
 * whose first *used bytes are taken. */
static void place(void *at, void *memory, size_t *used, size_t count, size_t size) {
    void *here = memory ? (char *)memory + *used : NULL;
    memcpy(at, &here, sizeof here); /* any object pointer type */
    *used += (count * size + RN_ALIGN - 1) / RN_ALIGN * RN_ALIGN;
}

static void place_filter(filter *f, void *memory, size_t *used) {
    const size_t n = (size_t)f->outputs;
    place(&f->first, memory, used, n, sizeof *f->first);
    place(&f->n, memory, used, n, sizeof *f->n);
    place(&f->weight, memory, used, n * (size_t)f->taps, sizeof *f->weight);
}

/* Lay the workspace out at `memory`, or NULL to learn its size, which is returned. */
static size_t lay_out(workspace *w, void *memory, int workers) {
    const size_t taps = (size_t)w->y.taps;
    size_t used = 0;
    place_filter(&w->x, memory, &used);
    place_filter(&w->y, memory, &used);
    place(&w->scale, memory, &used, w->row, sizeof *w->scale);
    place(&w->shift, memory, &used, w->row, sizeof *w->shift);
    place(&w->rings, memory, &used, (size_t)workers, sizeof *w->rings);
    for (int i = 0; i < workers; i++) {
        ring r;
        place(&r.source, memory, &used, (size_t)w->image->width * 3 + 1, sizeof *r.source);
        place(&r.rows, memory, &used, taps * w->row, sizeof *r.rows);
        place(&r.held, memory, &used, taps, sizeof *r.held);
        for (size_t k = 0; memory && k < taps; k++) r.held[k] = -1;
        if (memory) w->rings[i] = r;
    }
    return used;
}

typedef float quad __attribute__((vector_size(16), aligned(sizeof(float)), may_alias));

/* One pixel of three channels is three quarters of a vector; what the fourth holds is overwritten
 * by the next pixel, behind the last one there is room for it. */
static void filter_row(float *out, float *source, const uint8_t *in, const filter *f, int width) {
    int first = width, end = 0;
    for (int i = 0; i < f->outputs; i++) {
        if (f->n[i] == 0) continue;
        first = f->first[i] < first ? f->first[i] : first;
        end = f->first[i] + f->n[i] > end ? f->first[i] + f->n[i] : end;
    }
    for (int i = 3 * first; i < 3 * end; i++) source[i] = in[i];
    for (int i = 0; i < f->outputs; i++, out += 3) {
        const float *p = source + 3 * (size_t)f->first[i];
        const float *weight = f->weight + (size_t)i * (size_t)f->taps;
        quad sum = {0};
        for (int k = 0; k < f->n[i]; k++, p += 3) sum += weight[k] * *(const quad *)p;
        *(quad *)out = sum;
    }
}

/* The horizontally filtered source row, from the ring or made now. */
static const float *source_row(const workspace *w, ring *r, int row) {
    const int at = row % w->y.taps;
    float *out = r->rows + (size_t)at * w->row;
    if (r->held[at] != row) {
        const int width = w->image->width;
        filter_row(out, r->source, w->image->pixels + (size_t)row * (size_t)width * 3, &w->x,
                   width);
        r->held[at] = row;
    }
    return out;
}

static void band_task(void *context, size_t task, int worker) {
    const workspace *w = context;
    const int n = 3 * w->x.outputs, first = (int)task * BAND;
    const int end = w->y.outputs - first < BAND ? w->y.outputs : first + BAND;
    for (int y = first; y < end; y++) {
        float *restrict out = w->canvas + (size_t)y * (size_t)w->canvas_w * 3;
        const float *weight = w->y.weight + (size_t)y * (size_t)w->y.taps;
        memset(out, 0, (size_t)w->canvas_w * 3 * sizeof *out);
        if (w->y.n[y] == 0) continue;
        for (int k = 0; k < w->y.n[y]; k++) {
            const float *in = source_row(w, &w->rings[worker], w->y.first[y] + k);
            const float by = weight[k];
            for (int i = 0; i < n; i++) out[i] += by * in[i];
        }
        for (int i = 0; i < n; i++) out[i] = out[i] * w->scale[i] + w->shift[i];
    }
}

static void set_normalisation(workspace *w, const rn_geometry *geometry) {
    for (int i = 0; i < w->x.outputs; i++)
        for (int c = 0; c < 3; c++) {
            const bool seen = w->x.n[i] > 0;
            w->scale[3 * i + c] = seen ? 1 / (255 * geometry->std[c]) : 0;
            w->shift[3 * i + c] = seen ? -geometry->mean[c] / geometry->std[c] : 0;
        }
}

rn_status rn_resize_normalise(float *canvas, int canvas_w, int canvas_h, int out_w, int out_h,
                              const rn_image *image, const rn_crop *crop, bool flip,
                              const rn_geometry *geometry, rn_resizer *resizer) {
    const double step_x = crop->w / out_w, step_y = crop->h / out_h;
    const int workers = rn_threads_count(resizer->threads);
    workspace w = {.image = image,
                   .canvas = canvas,
                   .canvas_w = canvas_w,
                   .x = {.outputs = out_w, .taps = filter_taps(step_x, geometry->antialias)},
                   .y = {.outputs = out_h, .taps = filter_taps(step_y, geometry->antialias)},
                   .row = (size_t)out_w * 3 + 1};
    const size_t need = lay_out(&w, NULL, workers);
    if (need > resizer->cap) {
        rn_resizer_free(resizer);
        RN_TRY(rn_alloc(&resizer->buffer, need, 1));
        resizer->cap = need;
    }
    lay_out(&w, resizer->buffer, workers);
    filter_fill(&w.x, crop->x, step_x, image->width, geometry->antialias, flip);
    filter_fill(&w.y, crop->y, step_y, image->height, geometry->antialias, false);
    set_normalisation(&w, geometry);
    rn_threads_run(resizer->threads, ((size_t)out_h + BAND - 1) / BAND, band_task, &w);
    const size_t row = (size_t)canvas_w * 3;
    memset(canvas + (size_t)out_h * row, 0, (size_t)(canvas_h - out_h) * row * sizeof *canvas);
    return RN_OK;
}
