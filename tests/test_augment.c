#include "data/augment.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const rn_augment plain = {.scale_min = 1, .scale_max = 1};
static const rn_geometry unit = {.longer = 8, .std = {1, 1, 1}}; /* 0..1 as they are */

/* ---- the view ---- */

START_TEST(no_strength_gives_the_plain_picture) {
    for (uint64_t i = 0; i < 20; i++) {
        rn_random random = rn_random_seed(7, 0, i);
        const rn_view v = rn_augment_draw(&random, &plain, 640, 480, 320, 240);
        ck_assert(v.crop.x == 0 && v.crop.y == 0 && v.crop.w == 640 && v.crop.h == 480);
        ck_assert(!v.flip && !v.vflip);
        ck_assert(v.brightness == 1 && v.contrast == 1 && v.saturation == 1);
        ck_assert(v.width == 320 && v.height == 240);
    }
}
END_TEST

START_TEST(mirrors_come_as_often_as_asked) {
    const rn_augment a = {.flip = 0.5f, .vflip = 0.25f, .scale_min = 1, .scale_max = 1};
    rn_random random = rn_random_seed(1, 2, 3);
    int flips = 0, vflips = 0;
    for (int i = 0; i < 4000; i++) {
        const rn_view v = rn_augment_draw(&random, &a, 10, 10, 10, 10);
        flips += v.flip;
        vflips += v.vflip;
    }
    ck_assert_int_ge(flips, 1880);
    ck_assert_int_le(flips, 2120);
    ck_assert_int_ge(vflips, 890);
    ck_assert_int_le(vflips, 1110);
    const rn_augment always = {.flip = 1, .vflip = 1, .scale_min = 1, .scale_max = 1};
    const rn_view v = rn_augment_draw(&random, &always, 10, 10, 10, 10);
    ck_assert(v.flip && v.vflip);
}
END_TEST

START_TEST(scale_crops_inside_or_places_around) {
    const rn_augment a = {.scale_min = 0.5f, .scale_max = 2, .color = 0.4f};
    rn_random random = rn_random_seed(1, 2, 3);
    double least = 10, most = 0;
    int larger = 0;
    for (int i = 0; i < 2000; i++) {
        const rn_view v = rn_augment_draw(&random, &a, 400, 300, 200, 150);
        const double s = 400 / v.crop.w;
        least = fmin(least, s);
        most = fmax(most, s);
        larger += s > 1;
        ck_assert_double_eq_tol(v.crop.h, 300 / s, 1e-9);
        if (s > 1) {
            ck_assert(v.crop.x >= 0 && v.crop.x + v.crop.w <= 400 + 1e-9);
            ck_assert(v.crop.y >= 0 && v.crop.y + v.crop.h <= 300 + 1e-9);
        } else {
            ck_assert(v.crop.x <= 0 && v.crop.x + v.crop.w >= 400 - 1e-9);
            ck_assert(v.crop.y <= 0 && v.crop.y + v.crop.h >= 300 - 1e-9);
        }
        ck_assert(v.brightness >= 0.6f && v.brightness <= 1.4f);
        ck_assert(v.contrast >= 0.6f && v.contrast <= 1.4f);
        ck_assert(v.saturation >= 0.6f && v.saturation <= 1.4f);
    }
    ck_assert(least >= 0.5 && least < 0.51 && most <= 2 && most > 1.96);
    ck_assert_int_ge(larger, 900); /* log-uniform: as often larger as smaller */
    ck_assert_int_le(larger, 1100);
}
END_TEST

START_TEST(every_option_takes_the_same_draws) {
    const rn_augment all = {
        .flip = 1, .vflip = 1, .scale_min = 0.5f, .scale_max = 2, .color = 0.5f};
    rn_random a = rn_random_seed(3, 1, 4), b = a;
    (void)rn_augment_draw(&a, &plain, 64, 48, 32, 24);
    (void)rn_augment_draw(&b, &all, 640, 480, 64, 48);
    ck_assert_uint_eq(rn_random_next(&a), rn_random_next(&b));
}
END_TEST

/* ---- boxes ---- */

static rn_view whole(int width, int height) {
    return (rn_view){.width = width,
                     .height = height,
                     .crop = {0, 0, 2 * width, 2 * height},
                     .brightness = 1,
                     .contrast = 1,
                     .saturation = 1};
}

/* The target of one box (NULL if it is dropped). */
static const rn_target *target_of(double x, double y, double w, double h, const rn_view *view) {
    static rn_target target;
    const rn_object object = {.x = x, .y = y, .w = w, .h = h, .label = 3};
    const size_t n = rn_augment_targets(&target, &object, 1, view);
    ck_assert_uint_le(n, 1);
    if (n) ck_assert_int_eq(target.label, 3);
    return n ? &target : NULL;
}

static void is_box(const rn_target *t, float x1, float y1, float x2, float y2, bool ignore) {
    ck_assert_ptr_nonnull(t);
    ck_assert_float_eq_tol(t->x1, x1, 1e-5f);
    ck_assert_float_eq_tol(t->y1, y1, 1e-5f);
    ck_assert_float_eq_tol(t->x2, x2, 1e-5f);
    ck_assert_float_eq_tol(t->y2, y2, 1e-5f);
    ck_assert_int_eq(t->ignore, ignore);
}

START_TEST(boxes_are_scaled_and_mirrored) {
    rn_view v = whole(100, 60);
    is_box(target_of(20, 10, 30, 40, &v), 10, 5, 25, 25, false);
    v.flip = true;
    is_box(target_of(20, 10, 30, 40, &v), 75, 5, 90, 25, false);
    v.vflip = true;
    is_box(target_of(20, 10, 30, 40, &v), 75, 35, 90, 55, false);
    v.flip = false;
    is_box(target_of(20, 10, 30, 40, &v), 10, 35, 25, 55, false);
}
END_TEST

START_TEST(boxes_follow_the_crop) {
    rn_view v = whole(100, 60);
    v.crop = (rn_crop){50, 30, 100, 60}; /* twice as large */
    is_box(target_of(60, 40, 20, 10, &v), 10, 10, 30, 20, false);
    v.crop = (rn_crop){-100, -60, 400, 240}; /* half as large, moved right and down */
    is_box(target_of(60, 40, 20, 8, &v), 40, 25, 45, 27, false);
    v.flip = true;
    is_box(target_of(60, 40, 20, 8, &v), 55, 25, 60, 27, false);
}
END_TEST

START_TEST(cut_boxes_are_clipped_ignored_or_dropped) {
    rn_view v = whole(100, 60);
    v.crop = (rn_crop){50, 30, 100, 60};
    is_box(target_of(40, 40, 40, 10, &v), 0, 10, 30, 20, false); /* 3/4 to be seen */
    is_box(target_of(20, 40, 40, 10, &v), 0, 10, 10, 20, false); /* a quarter: just enough */
    is_box(target_of(19, 40, 40, 10, &v), 0, 10, 9, 20, true);
    is_box(target_of(145, 85, 10, 10, &v), 95, 55, 100, 60, false);
    is_box(target_of(146, 85, 10, 10, &v), 96, 55, 100, 60, true);
    ck_assert_ptr_null(target_of(10.5, 40, 40, 10, &v)); /* half a pixel of it */
    ck_assert_ptr_null(target_of(0, 0, 20, 20, &v));
    ck_assert_ptr_null(target_of(200, 40, 20, 20, &v));
    ck_assert_ptr_null(target_of(60, 40, 0, 10, &v));
    ck_assert_ptr_null(target_of(60, 40, -5, 10, &v));
    v = whole(100, 60);
    ck_assert_ptr_null(target_of(60, 40, 1.9, 10, &v));
    ck_assert_ptr_nonnull(target_of(60, 40, 2, 10, &v));
}
END_TEST

START_TEST(crowds_are_ignored_and_order_is_kept) {
    const rn_object objects[] = {{.x = 2, .y = 2, .w = 8, .h = 8, .label = 1},
                                 {.x = 2, .y = 2, .w = 0, .h = 8, .label = 2},
                                 {.x = 20, .y = 2, .w = 8, .h = 8, .label = 4, .crowd = true},
                                 {.x = 4, .y = 2, .w = 8, .h = 8, .label = 0, .difficult = true}};
    rn_target targets[4];
    const rn_view v = whole(100, 60);
    ck_assert_uint_eq(rn_augment_targets(targets, objects, 4, &v), 3);
    ck_assert_int_eq(targets[0].label, 1);
    ck_assert_int_eq(targets[1].label, 4);
    ck_assert_int_eq(targets[2].label, 0);
    ck_assert(!targets[0].ignore && targets[1].ignore && !targets[2].ignore);
    ck_assert_uint_eq(rn_augment_targets(targets, NULL, 0, &v), 0);
}
END_TEST

/* ---- pixels ---- */

enum { W = 8, H = 4, CANVAS = 12 };

/* 8 x 4, red 16 x, green 32 y, blue 100; laid by `view` into a 12 x 12 canvas. */
static void lay(float canvas[CANVAS][CANVAS][3], const rn_view *view, const rn_geometry *geometry) {
    uint8_t pixels[H][W][3];
    rn_image image = {.width = W, .height = H, .pixels = &pixels[0][0][0]};
    rn_resizer resizer = {0};
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            pixels[y][x][0] = (uint8_t)(16 * x);
            pixels[y][x][1] = (uint8_t)(32 * y);
            pixels[y][x][2] = 100;
        }
    for (int i = 0; i < CANVAS * CANVAS * 3; i++) (&canvas[0][0][0])[i] = NAN;
    ck_assert_int_eq(
        rn_augment_image(&canvas[0][0][0], CANVAS, CANVAS, &image, view, geometry, &resizer),
        RN_OK);
    rn_resizer_free(&resizer);
}

static rn_view as_is(void) {
    return (rn_view){.width = W,
                     .height = H,
                     .crop = {0, 0, W, H},
                     .brightness = 1,
                     .contrast = 1,
                     .saturation = 1};
}

static void is_pixel(const float *got, float r, float g, float b) {
    ck_assert_float_eq_tol(got[0], r / 255, 2e-6f);
    ck_assert_float_eq_tol(got[1], g / 255, 2e-6f);
    ck_assert_float_eq_tol(got[2], b / 255, 2e-6f);
}

static float canvas[CANVAS][CANVAS][3];

START_TEST(pixels_are_mirrored_with_the_boxes) {
    rn_view v = as_is();
    lay(canvas, &v, &unit);
    is_pixel(canvas[1][6], 96, 32, 100);
    v.flip = true;
    lay(canvas, &v, &unit);
    is_pixel(canvas[1][1], 96, 32, 100);
    v.vflip = true;
    lay(canvas, &v, &unit);
    is_pixel(canvas[2][1], 96, 32, 100);
    is_pixel(canvas[0][0], 112, 96, 100);
    for (int y = 0; y < CANVAS; y++)
        for (int x = 0; x < CANVAS; x++)
            if (x >= W || y >= H) is_pixel(canvas[y][x], 0, 0, 0);
}
END_TEST

START_TEST(colours_follow_their_formula) {
    const float b = 1.2f, c = 0.8f, s = 0.5f;
    rn_view v = as_is();
    v.brightness = b, v.contrast = c, v.saturation = s;
    /* mean over the picture: red 56, green 48, blue 100 */
    const float m = 0.299f * 56 + 0.587f * 48 + 0.114f * 100;
    const float grey = 0.299f * 96 + 0.587f * 32 + 0.114f * 100;
    const float lift = (1 - c) * b * m, k = c * b;
    lay(canvas, &v, &unit);
    const float want[] = {k * (s * 96 + (1 - s) * grey) + lift,
                          k * (s * 32 + (1 - s) * grey) + lift,
                          k * (s * 100 + (1 - s) * grey) + lift};
    is_pixel(canvas[1][6], want[0], want[1], want[2]);
    is_pixel(canvas[1][W], 0, 0, 0); /* outside stays zero */
    is_pixel(canvas[H][0], 0, 0, 0);
    /* The same through normalisation, and under a mirror. */
    const rn_geometry normal = {
        .longer = 8, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};
    v.flip = true;
    lay(canvas, &v, &normal);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq_tol(canvas[1][1][i] * normal.std[i] + normal.mean[i], want[i] / 255,
                               2e-6f);
    ck_assert(canvas[1][W][0] == 0);
}
END_TEST

START_TEST(colours_stay_between_black_and_white) {
    rn_view v = as_is();
    v.brightness = 4;
    lay(canvas, &v, &unit);
    is_pixel(canvas[1][2], 128, 128, 255);
    v.brightness = 0;
    lay(canvas, &v, &unit);
    is_pixel(canvas[1][2], 0, 0, 0);
}
END_TEST

START_TEST(colours_leave_the_frame_of_a_smaller_picture_zero) {
    rn_view v = as_is();
    v.crop = (rn_crop){-W, -H, 2 * W, 2 * H}; /* half size, in the lower right quarter */
    v.brightness = 0.5f;
    v.contrast = 0.5f; /* lifts black, so a frame that is touched shows */
    const rn_geometry sharp = {.longer = 8, .std = {1, 1, 1}};
    lay(canvas, &v, &sharp);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) ck_assert_int_eq(canvas[y][x][2] > 0, x >= W / 2 && y >= H / 2);
    v.flip = true;
    lay(canvas, &v, &sharp);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) ck_assert_int_eq(canvas[y][x][2] > 0, x < W / 2 && y >= H / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("augment");
    TCase *tests = tcase_create("augment");
    tcase_add_test(tests, no_strength_gives_the_plain_picture);
    tcase_add_test(tests, mirrors_come_as_often_as_asked);
    tcase_add_test(tests, scale_crops_inside_or_places_around);
    tcase_add_test(tests, every_option_takes_the_same_draws);
    tcase_add_test(tests, boxes_are_scaled_and_mirrored);
    tcase_add_test(tests, boxes_follow_the_crop);
    tcase_add_test(tests, cut_boxes_are_clipped_ignored_or_dropped);
    tcase_add_test(tests, crowds_are_ignored_and_order_is_kept);
    tcase_add_test(tests, pixels_are_mirrored_with_the_boxes);
    tcase_add_test(tests, colours_follow_their_formula);
    tcase_add_test(tests, colours_stay_between_black_and_white);
    tcase_add_test(tests, colours_leave_the_frame_of_a_smaller_picture_zero);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
