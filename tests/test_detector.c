#include "model/detector.h"
#include "model_files.h"
#include "suite.h"

#include <math.h>

static rn_detector *det;

enum { MOST = 300 };

static void setup(void) {
    temp_open();
    config = tiny_config();
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.2); /* scores near 0.2: candidates everywhere */
}

static void teardown(void) {
    rn_detector_close(det);
    det = NULL;
    rn_network_free(&network);
    rn_model_config_free(&config);
    free(weights);
    temp_close();
}

static void open_saved(const rn_detector_options *options) {
    rn_detector_close(det);
    save_model("m.safetensors");
    ck_assert_msg(rn_detector_open(&det, temp_path("m.safetensors"), options) == RN_OK, "%s",
                  rn_error_text());
}

/* A picture of noise, the same for the same size; grey: all 128. */
static rn_image picture(int width, int height, bool grey) {
    rn_image image = {
        .width = width, .height = height, .pixels = malloc((size_t)width * (size_t)height * 3)};
    uint32_t state = (uint32_t)(width * 31 + height);
    ck_assert_ptr_nonnull(image.pixels);
    for (size_t i = 0; i < (size_t)width * (size_t)height * 3; i++) {
        state = state * 1664525u + 1013904223u;
        image.pixels[i] = grey ? 128 : (uint8_t)(state >> 24);
    }
    return image;
}

static size_t run(rn_box boxes[MOST], int width, int height) {
    rn_image image = picture(width, height, false);
    size_t n = 12345;
    memset(boxes, 0xff, MOST * sizeof *boxes);
    ck_assert_msg(rn_detector_run(det, &image, boxes, MOST, &n) == RN_OK, "%s", rn_error_text());
    rn_image_free(&image);
    return n;
}

/* Within the picture, of known classes, by falling score, each over the threshold. */
static void check_boxes(const rn_box *boxes, size_t n, int width, int height) {
    ck_assert_uint_le(n, (size_t)config.max_detections);
    for (size_t i = 0; i < n; i++) {
        const rn_box *b = &boxes[i];
        ck_assert_msg(b->x1 >= 0 && b->x1 <= b->x2 && b->x2 <= (float)width && b->y1 >= 0 &&
                          b->y1 <= b->y2 && b->y2 <= (float)height,
                      "%g %g %g %g in %dx%d", (double)b->x1, (double)b->y1, (double)b->x2,
                      (double)b->y2, width, height);
        ck_assert(b->score > 0.05f && b->score <= 1);
        ck_assert(b->label >= 0 && b->label < TINY_CLASSES);
        ck_assert(i == 0 || b->score <= boxes[i - 1].score);
    }
}

/* ---- what a model file says ---- */

START_TEST(classes_of_the_file) {
    config.show_threshold = 0.375;
    open_saved(NULL);
    ck_assert_uint_eq(rn_detector_classes(det), 3);
    ck_assert_str_eq(rn_detector_class_name(det, 0), "cat");
    ck_assert_str_eq(rn_detector_class_name(det, 2), "owl");
    ck_assert_str_eq(rn_detector_class_names(det)[1], "dog");
    ck_assert_int_eq(rn_detector_category_id(det, 1), 18);
    ck_assert_int_eq(rn_detector_category_id(det, 2), 5);
    ck_assert(rn_detector_show_threshold(det) == 0.375f);
    ck_assert_str_eq(rn_detector_class_name(det, 3), "?"); /* not there, but no crash */
    ck_assert_str_eq(rn_detector_class_name(det, -1), "?");
    ck_assert_int_eq(rn_detector_category_id(det, 3), -1);
    rn_detector_close(NULL);
}
END_TEST

static void open_refused(const char *name, rn_status status, const char *text) {
    char want[512];
    rn_detector *none = (rn_detector *)&config;
    snprintf(want, sizeof want, "%s: %s", temp_path(name), text);
    ck_assert_int_eq(rn_detector_open(&none, temp_path(name), NULL), status);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(none);
}

START_TEST(refuses_what_is_no_model) {
    char text[128];
    open_refused("none", RN_EINPUT, "cannot open: No such file or directory");
    temp_text("empty", "");
    open_refused("empty", RN_EINPUT, "offset 0: 0 bytes, want at least 8");
    temp_text("page", "<html><body>404</body></html>");
    open_refused("page", RN_EINPUT,
                 "offset 0: a header of 7078601349733312572 bytes, want at most 21 (no safetensors "
                 "file?)");
    open_refused(".", RN_EINPUT, "is a folder");
    tiny_param(&network, weights, "head.regression_head.bbox_reg.bias")[1] = (real)NAN;
    save_model("nan");
    snprintf(text, sizeof text,
             "offset %zu: tensor head.regression_head.bbox_reg.bias: number 1 is not finite",
             data_at("nan", "head.regression_head.bbox_reg.bias") + 4);
    open_refused("nan", RN_EINPUT, text);
}
END_TEST

START_TEST(refuses_too_many_threads) {
    const rn_detector_options options = {.threads = 5000, .score_threshold = -1};
    open_saved(NULL);
    rn_detector *none = det;
    ck_assert_int_eq(rn_detector_open(&none, temp_path("m.safetensors"), &options), RN_EINVAL);
    ck_assert_ptr_null(none);
}
END_TEST

/* ---- boxes known beforehand ---- */

/* The last weights are 0, so that logits and deltas are the biases everywhere: one shape of anchor
 * (1: a square of the level's side) with the logit 2 for "dog", nothing else. */
static void known_outputs(void) {
    const char *const cls = "head.classification_head.cls_logits",
                      *const box = "head.regression_head.bbox_reg";
    const char *const names[] = {cls, box};
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.weight", names[i]);
        const size_t count = rn_graph_param(&network.graph, name)->count;
        memset(tiny_param(&network, weights, name), 0, count * sizeof(real));
        snprintf(name, sizeof name, "%s.bias", names[i]);
        real *bias = tiny_param(&network, weights, name);
        for (int k = 0; k < 9 * (i ? 4 : TINY_CLASSES); k++) bias[k] = i ? 0 : -20;
        if (i == 0) bias[3 * TINY_CLASSES + 1] = 2;
    }
}

static void check_box(const rn_box *b, double x1, double y1, double x2, double y2) {
    const double want[] = {x1, y1, x2, y2}, got[] = {b->x1, b->y1, b->x2, b->y2};
    for (int i = 0; i < 4; i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= 1e-4, "corner %d: %g, want %g", i, got[i], want[i]);
    ck_assert_int_eq(b->label, 1);
    ck_assert_double_eq_tol((double)b->score, 0.880797077977882, 1e-6); /* 1 / (1 + e^-2) */
}

/* 127 x 50 becomes 64 x 25 on a canvas of 64 x 32. The first cell's square is (-12, -12, 20, 20),
 * which the picture's edges cut to (0, 0, 20, 20); the level's next that overlaps none by more than
 * half, (4, -12, 36, 20), is the third cell's: 16 * 20 of 36 * 20. */
START_TEST(boxes_in_the_pixels_of_the_picture) {
    rn_box boxes[MOST];
    known_outputs();
    open_saved(NULL);
    const size_t n = run(boxes, 127, 50);
    const double sx = 127.0 / 64, sy = 50.0 / 25;
    ck_assert_uint_ge(n, 3);
    check_box(&boxes[0], 0, 0, 20 * sx, 20 * sy);
    check_box(&boxes[1], 4 * sx, 0, 36 * sx, 20 * sy);
    check_boxes(boxes, n, 127, 50);
    bool right = false, bottom = false;
    for (size_t i = 0; i < n; i++) {
        right |= boxes[i].x2 == 127;
        bottom |= boxes[i].y2 == 50; /* the canvas's padding is not the picture's */
    }
    ck_assert(right && bottom);
}
END_TEST

/* 128 x 66 becomes 64 x 33 on a canvas of 64 x 64: anchors that lie in the padding alone find
 * nothing, not boxes without height at the picture's edge. */
START_TEST(nothing_is_found_in_the_padding) {
    rn_box boxes[MOST];
    known_outputs();
    open_saved(NULL);
    const size_t n = run(boxes, 128, 66);
    ck_assert_uint_gt(n, 3);
    for (size_t i = 0; i < n; i++)
        ck_assert(boxes[i].y2 > boxes[i].y1 && boxes[i].x2 > boxes[i].x1);
}
END_TEST

/* A picture that is smaller than the network's input is enlarged; its boxes shrink. */
START_TEST(boxes_of_a_small_picture) {
    rn_box boxes[MOST];
    known_outputs();
    open_saved(NULL);
    const size_t n = run(boxes, 4, 2);
    ck_assert_uint_ge(n, 1);
    check_box(&boxes[0], 0, 0, 20 / 16.0, 20 / 16.0);
    check_boxes(boxes, n, 4, 2);
}
END_TEST

static size_t count_at(const rn_box *boxes, size_t n, const rn_box *where) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += boxes[i].x1 == where->x1 && boxes[i].y1 == where->y1 && boxes[i].x2 == where->x2 &&
                 boxes[i].y2 == where->y2;
    return count;
}

/* Two classes at one place are two boxes; suppressed over all classes, the better is left. */
START_TEST(suppression_within_a_class_or_over_all) {
    rn_detector_options options = RN_DETECTOR_OPTIONS_DEFAULT;
    rn_box boxes[MOST];
    known_outputs();
    tiny_param(&network, weights, "head.classification_head.cls_logits.bias")[3 * 3 + 2] = 1;
    open_saved(&options);
    size_t n = run(boxes, 64, 64);
    ck_assert_uint_eq(count_at(boxes, n, &boxes[0]), 2);
    options.nms_agnostic = 1;
    open_saved(&options);
    n = run(boxes, 64, 64);
    ck_assert_uint_eq(count_at(boxes, n, &boxes[0]), 1);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(boxes[i].label, 1);
    options.nms_agnostic = 0;
    config.nms = 1; /* the model's own word */
    open_saved(&options);
    n = run(boxes, 64, 64);
    ck_assert_uint_eq(count_at(boxes, n, &boxes[0]), 1);
}
END_TEST

START_TEST(thresholds_of_candidates) {
    rn_detector_options options = RN_DETECTOR_OPTIONS_DEFAULT;
    rn_box boxes[MOST];
    known_outputs();
    config.score_threshold = 0.9;
    open_saved(NULL);
    ck_assert_uint_eq(run(boxes, 64, 64), 0); /* the model's own */
    options.score_threshold = 0.88f;
    open_saved(&options);
    ck_assert_uint_gt(run(boxes, 64, 64), 0);
    options.score_threshold = 0.8808f;
    open_saved(&options);
    ck_assert_uint_eq(run(boxes, 64, 64), 0);
    options.score_threshold = 0; /* is a threshold, not "the default": the logits of -20 pass */
    open_saved(&options);
    const size_t n = run(boxes, 64, 64);
    ck_assert(n > 0 && boxes[n - 1].score < 1e-8f);
}
END_TEST

/* ---- pictures of every shape ---- */

static const int sizes[][2] = {{64, 64},  {640, 480}, {33, 77}, {1, 1},     {200, 50}, {1, 2000},
                               {2000, 1}, {64, 64},   {2, 3},   {640, 480}, {65, 63}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

/* One detector for all, growing and shrinking, against a fresh one for each: the same bits. */
START_TEST(one_picture_after_the_other) {
    static rn_box boxes[MOST], fresh[MOST];
    open_saved(NULL);
    for (size_t i = 0; i < N_SIZES; i++) {
        const int w = sizes[i][0], h = sizes[i][1];
        rn_detector *kept = det;
        const size_t n = run(boxes, w, h);
        check_boxes(boxes, n, w, h);
        ck_assert_msg(w < 33 || h < 33 || n > 0, "nothing found in %dx%d", w, h);
        ck_assert_int_eq(rn_detector_open(&det, temp_path("m.safetensors"), NULL), RN_OK);
        ck_assert_uint_eq(run(fresh, w, h), n);
        ck_assert_mem_eq(boxes, fresh, n * sizeof *boxes);
        rn_detector_close(det);
        det = kept;
    }
}
END_TEST

START_TEST(threads_change_no_bit) {
    static rn_box boxes[3][MOST];
    size_t n[3];
    for (int t = 0; t < 3; t++) {
        const rn_detector_options options = {.threads = 1 << t, .score_threshold = -1};
        open_saved(&options);
        n[t] = run(boxes[t], 300, 200);
    }
    ck_assert_uint_gt(n[0], 10);
    for (int t = 1; t < 3; t++) {
        ck_assert_uint_eq(n[t], n[0]);
        ck_assert_mem_eq(boxes[t], boxes[0], n[0] * sizeof boxes[0][0]);
    }
}
END_TEST

/* bad-inputs 8: nothing is there, and nothing is NaN. */
START_TEST(a_grey_pixel) {
    rn_image image = picture(1, 1, true);
    rn_box boxes[MOST];
    size_t n = 7;
    free(weights);
    weights = tiny_weights(&network, 0.01);
    open_saved(NULL);
    ck_assert_int_eq(rn_detector_run(det, &image, boxes, MOST, &n), RN_OK);
    ck_assert_uint_eq(n, 0);
    rn_image_free(&image);
    const rn_detector_options all = {.score_threshold = 0};
    open_saved(&all);
    n = run(boxes, 1, 1);
    ck_assert_uint_gt(n, 0);
    for (size_t i = 0; i < n; i++)
        ck_assert(boxes[i].x2 <= 1 && boxes[i].y2 <= 1 && boxes[i].score > 0);
}
END_TEST

START_TEST(room_for_fewer_boxes) {
    rn_box boxes[MOST], few[MOST];
    size_t n = 9;
    open_saved(NULL);
    ck_assert_uint_gt(run(boxes, 100, 80), 5);
    rn_image image = picture(100, 80, false);
    memset(few, 0, sizeof few);
    ck_assert_int_eq(rn_detector_run(det, &image, few, 5, &n), RN_OK);
    ck_assert_uint_eq(n, 5);
    ck_assert_mem_eq(few, boxes, 5 * sizeof *few);
    ck_assert(few[5].score == 0);
    ck_assert_int_eq(rn_detector_run(det, &image, NULL, 0, &n), RN_OK);
    ck_assert_uint_eq(n, 0);
    rn_image_free(&image);
    config.max_detections = 3;
    open_saved(NULL);
    ck_assert_uint_eq(run(few, 100, 80), 3);
    ck_assert_mem_eq(few, boxes, 3 * sizeof *few);
}
END_TEST

START_TEST(an_image_without_pixels) {
    rn_box boxes[MOST], again[MOST];
    open_saved(NULL);
    const size_t n = run(boxes, 70, 60);
    rn_image real_one = picture(70, 60, false);
    uint8_t *pixels = real_one.pixels;
    const rn_image bad[] = {{.pixels = NULL},
                            {.width = 70, .height = 60},
                            {.height = 60, .pixels = pixels},
                            {.width = 70, .pixels = pixels},
                            {.width = -70, .height = 60, .pixels = pixels}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t found = 5;
        ck_assert_int_eq(rn_detector_run(det, &bad[i], again, MOST, &found), RN_EINVAL);
        ck_assert_str_eq(rn_error_text(), "the image has no pixels");
        ck_assert_uint_eq(found, 0);
    }
    rn_image_free(&real_one);
    ck_assert_uint_eq(run(again, 70, 60), n); /* the detector stays usable */
    ck_assert_mem_eq(again, boxes, n * sizeof *boxes);
}
END_TEST

/* ---- made from what is in memory ---- */

START_TEST(created_with_borrowed_threads) {
    rn_threads *threads;
    rn_box boxes[MOST], saved[MOST];
    ck_assert_int_eq(rn_threads_create(&threads, 2), RN_OK);
    ck_assert_int_eq(rn_detector_create(&det, &config, threads, NULL), RN_OK);
    for (size_t i = 0; i < network.graph.n_stored; i++) ck_assert(rn_detector_weights(det)[i] == 0);
    ck_assert_uint_eq(rn_detector_graph(det)->n_stored, network.graph.n_stored);
    memcpy(rn_detector_weights(det), weights, network.graph.n_stored * sizeof *weights);
    const size_t n = run(boxes, 100, 70);
    ck_assert_int_eq(rn_detector_current_plan(det)->shape[0].w, 64);
    ck_assert_int_eq(rn_detector_current_plan(det)->shape[0].h, 64); /* 45, rounded up */
    ck_assert(rn_detector_flops(det) == rn_network_flops(&network, rn_detector_current_plan(det)));
    open_saved(NULL);
    ck_assert_uint_eq(run(saved, 100, 70), n);
    ck_assert_mem_eq(saved, boxes, n * sizeof *boxes);
    rn_threads_free(threads);
    config.depth = 11;
    rn_detector *none = det;
    ck_assert_int_eq(rn_detector_create(&none, &config, NULL, NULL), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "depth: got 11, want 10, 18, 34, 50 or 101");
    ck_assert_ptr_null(none);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("detector");
    TCase *tests = tcase_create("detector");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, classes_of_the_file);
    tcase_add_test(tests, refuses_what_is_no_model);
    tcase_add_test(tests, refuses_too_many_threads);
    tcase_add_test(tests, boxes_in_the_pixels_of_the_picture);
    tcase_add_test(tests, nothing_is_found_in_the_padding);
    tcase_add_test(tests, boxes_of_a_small_picture);
    tcase_add_test(tests, suppression_within_a_class_or_over_all);
    tcase_add_test(tests, thresholds_of_candidates);
    tcase_add_test(tests, one_picture_after_the_other);
    tcase_add_test(tests, threads_change_no_bit);
    tcase_add_test(tests, a_grey_pixel);
    tcase_add_test(tests, room_for_fewer_boxes);
    tcase_add_test(tests, an_image_without_pixels);
    tcase_add_test(tests, created_with_borrowed_threads);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
