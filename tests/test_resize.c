/* From a picture to a network's input, held against a slow filter in double precision. */
#include "data/image.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sizes ---- */

static void is_size(int longer, int shorter, int w, int h, int want_w, int want_h) {
    const rn_geometry g = {.longer = longer, .shorter = shorter};
    for (int turned = 0; turned < 2; turned++) {
        int out_w = -1, out_h = -1;
        rn_geometry_size(&out_w, &out_h, &g, turned ? h : w, turned ? w : h);
        ck_assert_msg(out_w == (turned ? want_h : want_w) && out_h == (turned ? want_w : want_h),
                      "%dx%d, longer %d, shorter %d: %dx%d", turned ? h : w, turned ? w : h, longer,
                      shorter, out_w, out_h);
    }
}

START_TEST(longer_side_rule_rounds) {
    is_size(320, 0, 640, 480, 320, 240);
    is_size(320, 0, 320, 320, 320, 320);
    is_size(320, 0, 1, 1, 320, 320);
    is_size(320, 0, 100, 75, 320, 240);
    is_size(10, 0, 4, 3, 10, 8);          /* 7.5 */
    is_size(320, 0, 1000, 663, 320, 212); /* 212.16 */
    is_size(320, 0, 1000, 665, 320, 213); /* 212.8 */
    is_size(32, 0, 20000, 1, 32, 1);      /* 0.0016, never 0 */
    is_size(1, 0, 3, 2, 1, 1);
    is_size(1, 0, 1000, 1000, 1, 1);
}
END_TEST

/* PyTorch divides 800 by a tensor as float(float(1 / least) * 800): twice rounded, so that 800 is
 * met or just missed. Likewise the longer side's limit; the sides are floored. */
START_TEST(shorter_side_rule_is_torchvisions) {
    is_size(1333, 800, 640, 427, 1199, 799); /* x 1.873536229: 799.99997 */
    is_size(1333, 800, 500, 375, 1066, 799); /* x 2.133333206: 799.99995 */
    is_size(1333, 800, 640, 480, 1066, 800); /* x 1.666666746: 800.00004; rounded once, below 800 */
    is_size(1333, 800, 800, 600, 1066, 800); /* x 1.333333373 */
    is_size(1333, 800, 640, 640, 800, 800);
    is_size(1333, 800, 1333, 800, 1333, 800);
    is_size(1333, 800, 1600, 400, 1332, 333);  /* the limit: x 0.833124995, 1332.99999 */
    is_size(1333, 800, 2, 1, 1333, 666);       /* exact */
    is_size(1333, 800, 20000, 1, 1332, 1);     /* 0.07, never 0 */
    is_size(4096, 1024, 512, 256, 2048, 1024); /* powers of two: exact */
}
END_TEST

/* ---- the filter ---- */

static const rn_geometry soft = {
    .antialias = true, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};
static const rn_geometry hard = {
    .antialias = false, .mean = {0.5f, 0.25f, 0}, .std = {1, 0.5f, 0.25f}};
static const rn_geometry unit = {.antialias = true, .std = {1, 1, 1}};
static const rn_geometry unit_hard = {.antialias = false, .std = {1, 1, 1}};

typedef struct task {
    int w, h; /* of the picture */
    rn_crop crop;
    int out_w, out_h, canvas_w, canvas_h;
    bool flip;
} task;

static rn_resizer resizer;
static rn_image image;
static float *canvas;

static void teardown(void) {
    rn_resizer_free(&resizer);
    rn_image_free(&image);
    free(canvas);
    canvas = NULL;
}

static void make_noise(int width, int height) {
    uint32_t state = 7;
    rn_image_free(&image);
    image = (rn_image){
        .width = width, .height = height, .pixels = malloc((size_t)(3 * width * height))};
    ck_assert_ptr_nonnull(image.pixels);
    for (int i = 0; i < 3 * width * height; i++)
        image.pixels[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
}

/* Into a canvas full of what was there before. */
static void resize(const task *t, const rn_geometry *g) {
    const size_t n = 3 * (size_t)t->canvas_w * (size_t)t->canvas_h;
    free(canvas);
    canvas = malloc(n * sizeof *canvas);
    ck_assert_ptr_nonnull(canvas);
    for (size_t i = 0; i < n; i++) canvas[i] = NAN;
    ck_assert_int_eq(rn_resize_normalise(canvas, t->canvas_w, t->canvas_h, t->out_w, t->out_h,
                                         &image, &t->crop, t->flip, g, &resizer),
                     RN_OK);
}

/* Source coordinate of the centre of output i. */
static double centre_of(int i, int outputs, double start, double size, bool flip) {
    return start + ((flip ? outputs - 1 - i : i) + 0.5) * size / outputs;
}

static double triangle(double distance, double radius) {
    const double v = 1 - fabs(distance) / radius;
    return v > 0 ? v : 0;
}

/* One output: every pixel of the picture under the triangles, their weights scaled to sum 1; 0 if
 * its centre lies outside. */
static double reference(const task *t, const rn_geometry *g, int x, int y, int c) {
    const double cx = centre_of(x, t->out_w, t->crop.x, t->crop.w, t->flip);
    const double cy = centre_of(y, t->out_h, t->crop.y, t->crop.h, false);
    const double step_x = t->crop.w / t->out_w, step_y = t->crop.h / t->out_h;
    const double rx = g->antialias && step_x > 1 ? step_x : 1;
    const double ry = g->antialias && step_y > 1 ? step_y : 1;
    double sum = 0, weights = 0;
    if (cx < 0 || cx > t->w || cy < 0 || cy > t->h) return 0;
    for (int v = 0; v < t->h; v++)
        for (int u = 0; u < t->w; u++) {
            const double weight = triangle(u + 0.5 - cx, rx) * triangle(v + 0.5 - cy, ry);
            weights += weight;
            sum += weight * image.pixels[3 * (v * t->w + u) + c];
        }
    return (sum / weights / 255 - (double)g->mean[c]) / (double)g->std[c];
}

static void is_right(const task *t, const rn_geometry *g) {
    if (image.width != t->w || image.height != t->h) make_noise(t->w, t->h);
    resize(t, g);
    for (int y = 0; y < t->canvas_h; y++)
        for (int x = 0; x < t->canvas_w; x++)
            for (int c = 0; c < 3; c++) {
                const double got = (double)canvas[3 * (y * t->canvas_w + x) + c];
                const bool pad = x >= t->out_w || y >= t->out_h;
                const double want = pad ? 0 : reference(t, g, x, y, c);
                /* exactly 0 where there is no picture, else float's rounding of a few sums */
                ck_assert_msg(want == 0 ? got == 0 : fabs(got - want) < 4e-6,
                              "%dx%d to %dx%d, output (%d, %d): %.9g, want %.9g", t->w, t->h,
                              t->out_w, t->out_h, x, y, got, want);
            }
}

START_TEST(scaling_agrees_with_the_slow_filter) {
    static const task tasks[] = {
        {8, 6, {0, 0, 8, 6}, 8, 6, 8, 6, false},         /* as it is */
        {8, 6, {0, 0, 8, 6}, 19, 13, 32, 32, false},     /* larger */
        {40, 30, {0, 0, 40, 30}, 17, 13, 32, 16, false}, /* smaller */
        {40, 30, {0, 0, 40, 30}, 3, 2, 3, 2, false},     /* much smaller */
        {40, 30, {0, 0, 40, 30}, 1, 1, 4, 4, false},
        {30, 12, {0, 0, 30, 12}, 10, 24, 10, 24, false}, /* smaller across, larger down */
        {1, 1, {0, 0, 1, 1}, 5, 4, 6, 5, false},
        {1, 200, {0, 0, 1, 200}, 1, 32, 32, 32, false}, /* a strip */
        {200, 1, {0, 0, 200, 1}, 32, 1, 32, 32, false},
        {2, 2, {0, 0, 2, 2}, 31, 1, 31, 1, false},
    };
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        for (int flip = 0; flip < 2; flip++) {
            task t = tasks[i];
            t.flip = flip;
            is_right(&t, &soft);
            is_right(&t, &hard);
        }
}
END_TEST

START_TEST(crops_agree_and_reach_outside) {
    static const rn_crop crops[] = {
        {3, 2, 10, 8},          /* inside */
        {2.25, 1.5, 11.3, 9.7}, /* between pixels */
        {-6, -4, 32, 24},       /* around the picture */
        {-5.5, 3, 10, 20},      /* over the left and lower edges */
        {15, -7, 14, 9},        /* over the right and upper edges */
        {19.99, 15.99, 3, 3},   /* but a hair of it */
        {-30, -30, 10, 10},     /* beside it */
        {25, 0, 10, 16},
        {0, 0, 0.5, 0.5}, /* less than a pixel */
        {-1000, -1000, 2020, 2016},
    };
    for (size_t i = 0; i < sizeof crops / sizeof *crops; i++)
        for (int flip = 0; flip < 2; flip++) {
            const task t = {20, 16, crops[i], 21, 11, 23, 12, flip};
            is_right(&t, &soft);
            is_right(&t, &hard);
        }
}
END_TEST

/* A resizer serves pictures of any size after each other, with nothing of the one before. */
START_TEST(the_scratch_is_used_again) {
    const task big = {40, 30, {0, 0, 40, 30}, 20, 15, 20, 15, false};
    const task small = {4, 3, {0, 0, 4, 3}, 5, 4, 5, 4, true};
    is_right(&small, &soft);
    is_right(&big, &soft);
    const size_t cap = resizer.cap;
    is_right(&small, &soft);
    is_right(&big, &hard);
    ck_assert_uint_eq(resizer.cap, cap);
    memset(resizer.buffer, 0xff, resizer.cap); /* NaN in every weight and row */
    is_right(&big, &soft);
    rn_resizer_free(&resizer);
    ck_assert_ptr_null(resizer.buffer);
    ck_assert_uint_eq(resizer.cap, 0);
    is_right(&big, &soft);
}
END_TEST

/* ---- by hand ---- */

static void row_is(const rn_geometry *g, const uint8_t *pixels, int n, int outputs, bool flip,
                   const double *want) {
    const task t = {n, 1, {0, 0, n, 1}, outputs, 1, outputs, 1, flip};
    make_noise(n, 1);
    for (int i = 0; i < 3 * n; i++) image.pixels[i] = pixels[i / 3];
    resize(&t, g);
    for (int i = 0; i < 3 * outputs; i++)
        ck_assert_msg(fabs((double)canvas[i] * 255 - want[i / 3]) < 1e-4, "output %d: %g, want %g",
                      i / 3, (double)canvas[i] * 255, want[i / 3]);
}

START_TEST(rows_worked_out_by_hand) {
    const uint8_t two[] = {0, 255}, four[] = {0, 0, 255, 255}, five[] = {10, 20, 40, 80, 160};
    row_is(&unit, two, 2, 4, false, (double[]){0, 63.75, 191.25, 255});
    row_is(&unit, two, 2, 4, true, (double[]){255, 191.25, 63.75, 0});
    row_is(&unit, two, 2, 1, false, (double[]){127.5});
    /* radius 2 about 1 and 3: weights 3/4, 3/4, 1/4 and none beyond the edge */
    row_is(&unit, four, 4, 2, false, (double[]){255.0 / 7, 255 * 6.0 / 7});
    row_is(&unit_hard, four, 4, 2, false, (double[]){0, 255});
    row_is(&unit_hard, five, 5, 1, true, (double[]){40}); /* the pixel in the middle */
    row_is(&unit, five, 5, 5, true, (double[]){160, 80, 40, 20, 10});
    /* radius 5 about 2.5: weights 3/5, 4/5, 1, 4/5, 3/5, sum 19/5 */
    row_is(&unit, five, 5, 1, false, (double[]){(30 + 80 + 200 + 320 + 480) / 19.0});
}
END_TEST

START_TEST(channels_are_normalised_apart) {
    const task t = {1, 1, {0, 0, 1, 1}, 1, 1, 2, 1, false};
    make_noise(1, 1);
    image.pixels[0] = 255;
    image.pixels[1] = 51;
    image.pixels[2] = 102;
    resize(&t, &hard);
    ck_assert_float_eq_tol(canvas[0], 0.5f, 1e-6f);                /* (1 - 0.5) / 1 */
    ck_assert_float_eq_tol(canvas[1], -0.1f, 1e-6f);               /* (0.2 - 0.25) / 0.5 */
    ck_assert_float_eq_tol(canvas[2], 1.6f, 1e-6f);                /* 0.4 / 0.25 */
    ck_assert(canvas[3] == 0 && canvas[4] == 0 && canvas[5] == 0); /* not -mean / std */
}
END_TEST

/* The whole way of a strip of 1 x 20000. */
START_TEST(a_strip_keeps_a_pixel) {
    int w, h;
    const rn_geometry g = {.longer = 320, .antialias = true, .std = {1, 1, 1}};
    make_noise(1, 20000);
    memset(image.pixels, 200, 3 * 20000);
    rn_geometry_size(&w, &h, &g, 1, 20000);
    ck_assert(w == 1 && h == 320);
    const task t = {1, 20000, {0, 0, 1, 20000}, w, h, 32, 320, false};
    resize(&t, &g);
    for (int y = 0; y < 320; y++)
        for (int x = 0; x < 32; x++)
            ck_assert_float_eq_tol(canvas[3 * (32 * y + x)], x == 0 ? 200.0f / 255 : 0, 1e-6f);
}
END_TEST

/* 100 rows of output are several tasks; the sides are no multiples of a vector. */
START_TEST(any_number_of_threads) {
    const task t = {61, 217, {-3, 4.5, 60, 220}, 43, 100, 64, 128, true};
    const size_t n = 3 * (size_t)t.canvas_w * (size_t)t.canvas_h;
    make_noise(t.w, t.h);
    resize(&t, &unit);
    float *want = canvas;
    canvas = NULL;
    for (int count = 1; count <= 4; count++) {
        rn_threads *threads;
        ck_assert_int_eq(rn_threads_create(&threads, count), RN_OK);
        resizer.threads = threads;
        resize(&t, &unit);
        ck_assert_int_eq(memcmp(canvas, want, n * sizeof *want), 0);
        rn_resizer_free(&resizer);
        ck_assert_ptr_eq(resizer.threads, threads); /* the caller's */
        resizer.threads = NULL;
        rn_threads_free(threads);
    }
    free(want);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("resize");
    TCase *tests = tcase_create("resize");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, longer_side_rule_rounds);
    tcase_add_test(tests, shorter_side_rule_is_torchvisions);
    tcase_add_test(tests, scaling_agrees_with_the_slow_filter);
    tcase_add_test(tests, crops_agree_and_reach_outside);
    tcase_add_test(tests, the_scratch_is_used_again);
    tcase_add_test(tests, rows_worked_out_by_hand);
    tcase_add_test(tests, channels_are_normalised_apart);
    tcase_add_test(tests, a_strip_keeps_a_pixel);
    tcase_add_test(tests, any_number_of_threads);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
