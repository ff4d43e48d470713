/* Files that earlier versions wrote must be read for ever. fixtures/model_1.safetensors: format
 * version 1, with 32-bit and 16-bit tensors, by `convert --half` of 0.1.0; of a network with depth
 * 10, width 8, 2 classes. Never make it anew: a new format gets a file of its own. */
#include "suite.h"

#include <retinanet.h>
#include <string.h>

static const char *const model_1 = RN_TESTS "/fixtures/model_1.safetensors";

/* A picture that no generator of ours can change. */
static rn_image make_picture(void) {
    rn_image image = {.width = 64, .height = 48};
    image.pixels = malloc((size_t)64 * 48 * 3);
    ck_assert_ptr_nonnull(image.pixels);
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++) {
            const bool disc = (x - 30) * (x - 30) + (y - 24) * (y - 24) < 144;
            uint8_t *pixel = image.pixels + 3 * (y * 64 + x);
            pixel[0] = (uint8_t)(disc ? 220 : 60 + x);
            pixel[1] = (uint8_t)(disc ? 180 - y : 90);
            pixel[2] = (uint8_t)(disc ? 40 : 70 + y);
        }
    return image;
}

/* What the version that wrote it found; other processors round the last digits otherwise. */
START_TEST(model_of_version_1) {
    static const rn_box want[] = {
        {16.0920f, 7.0062f, 42.0579f, 33.8354f, 0.443005f, 1},
        {16.2055f, 6.6174f, 42.4304f, 32.9415f, 0.226799f, 0},
        {13.3093f, 23.2561f, 43.7086f, 42.8787f, 0.198513f, 0},
        {2.3307f, 1.6025f, 36.2496f, 29.7558f, 0.194807f, 1},
        {13.5579f, 21.7510f, 41.7546f, 42.7259f, 0.186041f, 1},
    };
    rn_detector *det = NULL;
    rn_image image = make_picture();
    rn_box boxes[100];
    size_t n = 0;
    ck_assert_msg(rn_detector_open(&det, model_1, NULL) == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(rn_detector_classes(det), 2);
    ck_assert_str_eq(rn_detector_class_name(det, 0), "key");
    ck_assert_str_eq(rn_detector_class_name(det, 1), "gear");
    ck_assert_int_eq(rn_detector_category_id(det, 1), 2);
    ck_assert_float_eq_tol(rn_detector_show_threshold(det), 0.302688f, 1e-6);
    ck_assert_int_eq(rn_detector_run(det, &image, boxes, 100, &n), RN_OK);
    ck_assert_uint_eq(n, 96);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ck_assert_int_eq(boxes[i].label, want[i].label);
        ck_assert_float_eq_tol(boxes[i].score, want[i].score, 1e-4);
        ck_assert_float_eq_tol(boxes[i].x1, want[i].x1, 0.01);
        ck_assert_float_eq_tol(boxes[i].y1, want[i].y1, 0.01);
        ck_assert_float_eq_tol(boxes[i].x2, want[i].x2, 0.01);
        ck_assert_float_eq_tol(boxes[i].y2, want[i].y2, 0.01);
    }
    rn_detector_close(det);
    rn_image_free(&image);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("fixture");
    TCase *tests = tcase_create("fixture");
    tcase_add_test(tests, model_of_version_1);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
