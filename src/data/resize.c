/* resize.c: from bytes to network input in two passes: rows are filtered horizontally as the
 * vertical filter asks for them. */
#include "base/memory.h"
#include "data/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rn_resizer_free(rn_resizer *resizer) {
    free(resizer->buffer);
    *resizer = (rn_resizer){0};
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

/* Both filters and `rows` filtered rows in one block. */
typedef struct workspace {
    filter x, y;
    float *rows; /* [rows, out_w * 3] a ring: source row r stands at r % ring */
    int *held;   /* [ring] source row in each place, -1 for none */
    int ring;
} workspace;

static size_t align(size_t bytes) {
    return (bytes + RN_ALIGN - 1) / RN_ALIGN * RN_ALIGN;
}

/* Lay a filter out at `at` (NULL: nowhere yet); returns its size. */
static size_t place_filter(filter *f, char *at) {
    const size_t n = (size_t)f->outputs, ints = align(n * sizeof(int));
    const size_t size = 2 * ints + align(n * (size_t)f->taps * sizeof(float));
    if (!at) return size;
    f->first = (int *)(void *)at;
    f->n = (int *)(void *)(at + ints);
    f->weight = (float *)(void *)(at + 2 * ints);
    return size;
}

static rn_status prepare(workspace *w, rn_resizer *resizer, int out_w, int out_h, double step_x,
                         double step_y, bool antialias) {
    w->x = (filter){.outputs = out_w, .taps = filter_taps(step_x, antialias)};
    w->y = (filter){.outputs = out_h, .taps = filter_taps(step_y, antialias)};
    w->ring = w->y.taps;
    const size_t row = (size_t)out_w * 3 * sizeof(float);
    const size_t need = place_filter(&w->x, NULL) + place_filter(&w->y, NULL) +
                        align((size_t)w->ring * sizeof(int)) + align((size_t)w->ring * row);
    if (need > resizer->cap) {
        rn_resizer_free(resizer);
        RN_TRY(rn_alloc(&resizer->buffer, need, 1));
        resizer->cap = need;
    }
    char *at = resizer->buffer;
    at += place_filter(&w->x, at);
    at += place_filter(&w->y, at);
    w->held = (int *)(void *)at;
    w->rows = (float *)(void *)(at + align((size_t)w->ring * sizeof(int)));
    for (int i = 0; i < w->ring; i++) w->held[i] = -1;
    return RN_OK;
}

static void filter_row(float *out, const uint8_t *in, const filter *f) {
    for (int i = 0; i < f->outputs; i++, out += 3) {
        const uint8_t *p = in + 3 * (size_t)f->first[i];
        const float *weight = f->weight + (size_t)i * (size_t)f->taps;
        float r = 0, g = 0, b = 0;
        for (int k = 0; k < f->n[i]; k++, p += 3) {
            r += weight[k] * p[0];
            g += weight[k] * p[1];
            b += weight[k] * p[2];
        }
        out[0] = r;
        out[1] = g;
        out[2] = b;
    }
}

/* The horizontally filtered source row, from the ring or made now. */
static const float *source_row(workspace *w, const rn_image *image, int row) {
    const int place = row % w->ring;
    float *out = w->rows + (size_t)place * (size_t)w->x.outputs * 3;
    if (w->held[place] != row) {
        filter_row(out, image->pixels + (size_t)row * (size_t)image->width * 3, &w->x);
        w->held[place] = row;
    }
    return out;
}

static void normalise_row(float *row, const filter *x, const rn_geometry *geometry) {
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1 / (255 * geometry->std[c]);
        shift[c] = -geometry->mean[c] / geometry->std[c];
    }
    for (int i = 0; i < x->outputs; i++)
        for (int c = 0; c < 3; c++)
            row[3 * i + c] = x->n[i] > 0 ? row[3 * i + c] * scale[c] + shift[c] : 0;
}

rn_status rn_resize_normalise(float *canvas, int canvas_w, int canvas_h, int out_w, int out_h,
                              const rn_image *image, const rn_crop *crop, bool flip,
                              const rn_geometry *geometry, rn_resizer *resizer) {
    const double step_x = crop->w / out_w, step_y = crop->h / out_h;
    const size_t row = (size_t)canvas_w * 3;
    workspace w;
    RN_TRY(prepare(&w, resizer, out_w, out_h, step_x, step_y, geometry->antialias));
    filter_fill(&w.x, crop->x, step_x, image->width, geometry->antialias, flip);
    filter_fill(&w.y, crop->y, step_y, image->height, geometry->antialias, false);
    memset(canvas, 0, row * (size_t)canvas_h * sizeof *canvas);
    for (int y = 0; y < out_h; y++) {
        float *out = canvas + (size_t)y * row;
        const float *weight = w.y.weight + (size_t)y * (size_t)w.y.taps;
        if (w.y.n[y] == 0) continue;
        for (int k = 0; k < w.y.n[y]; k++) {
            const float *in = source_row(&w, image, w.y.first[y] + k);
            for (int i = 0; i < 3 * out_w; i++) out[i] += weight[k] * in[i];
        }
        normalise_row(out, &w.x, geometry);
    }
    return RN_OK;
}
