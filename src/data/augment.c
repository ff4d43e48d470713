#include "data/augment.h"

#include <math.h>

#define MIN_SIDE    1.0  /* canvas pixels; what is smaller is no object any more */
#define MIN_VISIBLE 0.25 /* share of a box's area; with less it is a hint of an object at best */

static const float grey[3] = {0.299f, 0.587f, 0.114f}; /* ITU-R BT.601 luma; the sum is 1 */

rn_view rn_augment_draw(rn_random *random, const rn_augment *augment, int image_w, int image_h,
                        int width, int height) {
    const double flip = rn_random_uniform(random, 0, 1);
    const double vflip = rn_random_uniform(random, 0, 1);
    const double scale = rn_random_uniform(random, 0, 1);
    const double x = rn_random_uniform(random, 0, 1), y = rn_random_uniform(random, 0, 1);
    const double low = log((double)augment->scale_min), high = log((double)augment->scale_max);
    const double s = exp(low + (high - low) * scale), color = (double)augment->color;
    rn_view view = {.width = width,
                    .height = height,
                    .crop = {.w = image_w / s, .h = image_h / s},
                    .flip = flip < (double)augment->flip,
                    .vflip = vflip < (double)augment->vflip};
    view.crop.x = x * (image_w - view.crop.w); /* s < 1: negative, the picture lies inside */
    view.crop.y = y * (image_h - view.crop.h);
    view.brightness = (float)(1 + color * rn_random_uniform(random, -1, 1));
    view.contrast = (float)(1 + color * rn_random_uniform(random, -1, 1));
    view.saturation = (float)(1 + color * rn_random_uniform(random, -1, 1));
    return view;
}

/* Pixels of a canvas row whose centres lie in the picture: [*first, *end). `start` and `step` lead
 * from pixel to source coordinate: start + (pixel + 1/2) step. */
static void visible_span(int *first, int *end, double start, double step, int size, int limit) {
    *first = 0;
    while (*first < limit && start + (*first + 0.5) * step < 0) (*first)++;
    *end = limit;
    while (*end > *first && start + (*end - 0.5) * step >= size) (*end)--;
}

/* v' = A v + t on normalised values v, clamped to those of black and white. */
typedef struct color_map {
    float a[3][3], t[3], black[3], white[3];
} color_map;

/* With n = (v - mean) / std on both sides of the map in augment.h; s I + (1 - s) 1 grey^T keeps
 * greys as they are. */
static color_map compose_color(const rn_view *view, const rn_geometry *geometry, float mean_grey) {
    const float gain = view->contrast * view->brightness;
    const float lift = (1 - view->contrast) * view->brightness * mean_grey;
    color_map map;
    for (int i = 0; i < 3; i++) {
        float sum = lift - geometry->mean[i];
        for (int j = 0; j < 3; j++) {
            const float m = (1 - view->saturation) * grey[j] + (i == j ? view->saturation : 0);
            map.a[i][j] = gain * m * geometry->std[j] / geometry->std[i];
            sum += gain * m * geometry->mean[j];
        }
        map.t[i] = sum / geometry->std[i];
        map.black[i] = (0 - geometry->mean[i]) / geometry->std[i];
        map.white[i] = (1 - geometry->mean[i]) / geometry->std[i];
    }
    return map;
}

/* A window of the canvas: what the picture covers. */
typedef struct window {
    float *pixels; /* its top left */
    size_t stride; /* floats from row to row */
    int width, height;
} window;

/* Mean over the window of grey(v), v = n std + mean. */
static float mean_grey(const window *w, const rn_geometry *geometry) {
    double sum[3] = {0}, result = 0;
    for (int y = 0; y < w->height; y++) {
        const float *row = w->pixels + (size_t)y * w->stride;
        float part[3] = {0};
        for (int x = 0; x < w->width; x++)
            for (int c = 0; c < 3; c++) part[c] += row[3 * x + c];
        for (int c = 0; c < 3; c++) sum[c] += (double)part[c];
    }
    for (int c = 0; c < 3; c++) {
        const double mean = sum[c] / ((double)w->width * w->height);
        result += (double)grey[c] * (mean * (double)geometry->std[c] + (double)geometry->mean[c]);
    }
    return (float)result;
}

static void apply_color(const window *w, const color_map *map) {
    for (int y = 0; y < w->height; y++) {
        float *row = w->pixels + (size_t)y * w->stride;
        for (int x = 0; x < w->width; x++) {
            float *v = row + 3 * x;
            const float r = v[0], g = v[1], b = v[2];
            for (int c = 0; c < 3; c++) {
                const float n = map->a[c][0] * r + map->a[c][1] * g + map->a[c][2] * b + map->t[c];
                v[c] = n < map->black[c] ? map->black[c] : n > map->white[c] ? map->white[c] : n;
            }
        }
    }
}

static void mirror_rows(float *canvas, int canvas_w, int width, int height) {
    const size_t stride = (size_t)canvas_w * 3, n = (size_t)width * 3;
    for (int y = 0; y < height / 2; y++) {
        float *a = canvas + (size_t)y * stride, *b = canvas + (size_t)(height - 1 - y) * stride;
        for (size_t i = 0; i < n; i++) {
            const float kept = a[i];
            a[i] = b[i];
            b[i] = kept;
        }
    }
}

rn_status rn_augment_image(float *canvas, int canvas_w, int canvas_h, const rn_image *image,
                           const rn_view *view, const rn_geometry *geometry, rn_resizer *resizer) {
    const rn_crop *crop = &view->crop;
    RN_TRY(rn_resize_normalise(canvas, canvas_w, canvas_h, view->width, view->height, image, crop,
                               view->flip, geometry, resizer));
    if (view->brightness != 1 || view->contrast != 1 || view->saturation != 1) {
        int left, right, top, bottom;
        visible_span(&left, &right, crop->x, crop->w / view->width, image->width, view->width);
        visible_span(&top, &bottom, crop->y, crop->h / view->height, image->height, view->height);
        const int first = view->flip ? view->width - right : left;
        const window w = {.pixels = canvas + ((size_t)top * (size_t)canvas_w + (size_t)first) * 3,
                          .stride = (size_t)canvas_w * 3,
                          .width = right - left,
                          .height = bottom - top};
        if (w.width > 0 && w.height > 0) {
            const color_map map = compose_color(view, geometry, mean_grey(&w, geometry));
            apply_color(&w, &map);
        }
    }
    if (view->vflip) mirror_rows(canvas, canvas_w, view->width, view->height);
    return RN_OK;
}

/* Swap and mirror the ends of an interval in [0, size]. */
static void mirror(double *low, double *high, double size) {
    const double kept = size - *low;
    *low = size - *high;
    *high = kept;
}

size_t rn_augment_targets(rn_target *out, const rn_object *objects, size_t n, const rn_view *view) {
    const rn_crop *crop = &view->crop;
    const double sx = view->width / crop->w, sy = view->height / crop->h;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const rn_object *o = &objects[i];
        double x1 = (o->x - crop->x) * sx, x2 = (o->x + o->w - crop->x) * sx;
        double y1 = (o->y - crop->y) * sy, y2 = (o->y + o->h - crop->y) * sy;
        const double area = (x2 - x1) * (y2 - y1);
        if (view->flip) mirror(&x1, &x2, view->width);
        if (view->vflip) mirror(&y1, &y2, view->height);
        x1 = fmax(x1, 0), x2 = fmin(x2, view->width);
        y1 = fmax(y1, 0), y2 = fmin(y2, view->height);
        if (x2 - x1 < MIN_SIDE || y2 - y1 < MIN_SIDE) continue;
        out[kept++] = (rn_target){.x1 = (float)x1,
                                  .y1 = (float)y1,
                                  .x2 = (float)x2,
                                  .y2 = (float)y2,
                                  .label = o->label,
                                  .ignore = o->crowd || (x2 - x1) * (y2 - y1) < MIN_VISIBLE * area};
    }
    return kept;
}
