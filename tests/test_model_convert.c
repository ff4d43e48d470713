#include "base/memory.h"
#include "model/half.h"
#include "suite.h"
#include "temp_folder.h"
#include "tiny_network.h"

#include <math.h>
#include <retinanet.h>

static rn_model_config config;
static rn_network network;
static real *weights;
static rn_tensor_file file;

enum { MOST = 300 };

static void setup(void) {
    temp_open();
    config = tiny_config();
    config.show_threshold = 0.3125;
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.2); /* scores near 0.2: candidates everywhere */
}

static void teardown(void) {
    rn_tensor_file_close(&file);
    rn_network_free(&network);
    rn_model_config_free(&config);
    free(weights);
    temp_close();
}

static void save(const char *name) {
    ck_assert_msg(rn_model_save(temp_path(name), &config, &network.graph, weights) == RN_OK, "%s",
                  rn_error_text());
}

static rn_status try_convert(const char *in, const char *out, rn_weight_type type) {
    return rn_model_convert(temp_path(in), temp_path(out), type, NULL);
}

static void convert(const char *in, const char *out, rn_weight_type type) {
    ck_assert_msg(try_convert(in, out, type) == RN_OK, "%s", rn_error_text());
}

static void open_file(const char *name) {
    rn_tensor_file_close(&file);
    ck_assert_msg(rn_tensor_file_open(&file, temp_path(name)) == RN_OK, "%s", rn_error_text());
    ck_assert(file.verified);
}

static uint8_t *bytes_of(const char *name, size_t *size) {
    static uint8_t *bytes; /* static: or gcc 12 warns of what it would point to */
    ck_assert_int_eq(rn_file_read(&bytes, size, temp_path(name), 1 << 28), RN_OK);
    return bytes;
}

static void same_files(const char *a, const char *b) {
    size_t n, m;
    uint8_t *x = bytes_of(a, &n), *y = bytes_of(b, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_int_eq(memcmp(x, y, n), 0);
    free(x);
    free(y);
}

static bool is_conv(const rn_param *param) {
    return param->kind == RN_PARAM_CONV_WEIGHT;
}

/* The conversion would be a copy. */
START_TEST(float_to_float_is_the_same_file) {
    save("m.safetensors");
    convert("m.safetensors", "f.safetensors", RN_WEIGHTS_FLOAT);
    same_files("m.safetensors", "f.safetensors");
}
END_TEST

START_TEST(halves_are_the_weights_of_convolutions) {
    size_t bytes = 0, n_half = 0, header = 0;
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    open_file("h.safetensors");
    ck_assert_uint_eq(file.n_tensors, network.graph.n_params);
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *param = &network.graph.params[i];
        const rn_tensor *tensor = rn_tensor_file_find(&file, param->name);
        ck_assert_ptr_nonnull(tensor);
        ck_assert_int_eq(tensor->dtype, is_conv(param) ? RN_F16 : RN_F32);
        ck_assert_uint_eq(tensor->count, param->count);
        n_half += is_conv(param) ? param->count : 0;
        bytes += param->count * (is_conv(param) ? 2 : 4);
    }
    memcpy(&header, file.bytes, 8);
    ck_assert_uint_eq(file.size, 8 + header + bytes);
    ck_assert_uint_gt(20 * n_half, 19 * (bytes - 2 * n_half) / 4); /* nearly all of them */
}
END_TEST

START_TEST(the_configuration_goes_along) {
    rn_detector *det;
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    ck_assert_int_eq(rn_detector_open(&det, temp_path("h.safetensors"), NULL), RN_OK);
    ck_assert_uint_eq(rn_detector_classes(det), 3);
    ck_assert_str_eq(rn_detector_class_name(det, 1), "dog");
    ck_assert_int_eq(rn_detector_category_id(det, 2), 5);
    ck_assert(rn_detector_show_threshold(det) == 0.3125f);
    rn_detector_close(det);
}
END_TEST

START_TEST(half_to_half_is_the_same_file) {
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    convert("h.safetensors", "h2.safetensors", RN_WEIGHTS_HALF);
    same_files("h.safetensors", "h2.safetensors");
    convert("h.safetensors", "f.safetensors", RN_WEIGHTS_FLOAT); /* exact, so no way is lost */
    convert("f.safetensors", "h3.safetensors", RN_WEIGHTS_HALF);
    same_files("h.safetensors", "h3.safetensors");
}
END_TEST

/* ---- detections ---- */

/* What a model finds in a picture of noise. */
static size_t detect(rn_box boxes[MOST], const char *name) {
    static uint8_t pixels[64 * 48 * 3];
    const rn_image image = {.width = 64, .height = 48, .pixels = pixels};
    rn_detector *det;
    uint32_t state = 1;
    size_t n = 0;
    for (size_t i = 0; i < sizeof pixels; i++) {
        state = state * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(state >> 24);
    }
    ck_assert_msg(rn_detector_open(&det, temp_path(name), NULL) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_detector_run(det, &image, boxes, MOST, &n), RN_OK);
    rn_detector_close(det);
    ck_assert_uint_gt(n, 10);
    return n;
}

START_TEST(halves_are_the_rounded_weights) {
    rn_box half[MOST], rounded[MOST];
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *param = &network.graph.params[i];
        for (size_t k = 0; is_conv(param) && k < param->count; k++)
            weights[param->offset + k] =
                rn_half_to_float(rn_float_to_half(weights[param->offset + k]));
    }
    save("r.safetensors");
    const size_t n = detect(half, "h.safetensors");
    ck_assert_uint_eq(detect(rounded, "r.safetensors"), n);
    ck_assert_int_eq(memcmp(half, rounded, n * sizeof *half), 0);
}
END_TEST

/* A relative error of 2^-11 a weight: each of the best boxes is found again. */
START_TEST(halves_find_what_floats_find) {
    rn_box whole[MOST], half[MOST];
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    detect(whole, "m.safetensors");
    const size_t n = detect(half, "h.safetensors");
    for (size_t i = 0; i < 10; i++) {
        const rn_box *a = &whole[i];
        bool found = false;
        for (size_t k = 0; k < n && !found; k++) {
            const rn_box *b = &half[k];
            found = a->label == b->label && fabsf(a->score - b->score) < 1e-3f &&
                    fabsf(a->x1 - b->x1) < 0.1f && fabsf(a->y1 - b->y1) < 0.1f &&
                    fabsf(a->x2 - b->x2) < 0.1f && fabsf(a->y2 - b->y2) < 0.1f;
        }
        ck_assert_msg(found, "box %zu of score %g is not found", i, (double)a->score);
    }
}
END_TEST

/* ---- checkpoints ---- */

/* A checkpoint as a run writes it: weights, `average` times them as the average (0: none), and a
 * velocity. */
static void checkpoint(const char *name, real average) {
    rn_safetensors_writer writer = {0};
    const size_t n = network.graph.n_stored;
    real *ema = malloc(n * sizeof *ema);
    ck_assert_ptr_nonnull(ema);
    for (size_t i = 0; i < n; i++) ema[i] = average * weights[i];
    ck_assert_int_eq(rn_model_add_metadata(&writer, &config), RN_OK);
    ck_assert_int_eq(rn_safetensors_add_metadata(&writer, "position", "17"), RN_OK);
    ck_assert_int_eq(rn_weights_add(&writer, weights, &network.graph, "", false), RN_OK);
    if (average != 0)
        ck_assert_int_eq(rn_weights_add(&writer, ema, &network.graph, "ema.", false), RN_OK);
    ck_assert_int_eq(rn_weights_add(&writer, weights, &network.graph, "velocity.", true), RN_OK);
    ck_assert_int_eq(rn_safetensors_save(&writer, temp_path(name)), RN_OK);
    rn_safetensors_writer_free(&writer);
    free(ema);
}

START_TEST(a_checkpoint_gives_its_average) {
    checkpoint("last.safetensors", 0.5f);
    convert("last.safetensors", "f.safetensors", RN_WEIGHTS_FLOAT);
    for (size_t i = 0; i < network.graph.n_stored; i++) weights[i] *= 0.5f;
    save("want.safetensors");
    same_files("f.safetensors", "want.safetensors"); /* neither velocity nor position */
}
END_TEST

START_TEST(a_checkpoint_without_average_gives_its_weights) {
    checkpoint("last.safetensors", 0);
    convert("last.safetensors", "f.safetensors", RN_WEIGHTS_FLOAT);
    save("want.safetensors");
    same_files("f.safetensors", "want.safetensors");
}
END_TEST

/* ---- what is refused ---- */

static void refused(rn_status status, const char *name, const char *text) {
    char want[1024];
    snprintf(want, sizeof want, "%s: %s", temp_path(name), text);
    ck_assert_int_eq(status, RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}

#define WEIGHT "head.regression_head.bbox_reg.weight"
#define BIAS   "head.regression_head.bbox_reg.bias"

START_TEST(weights_that_are_too_large) {
    real *weight = tiny_param(&network, weights, WEIGHT);
    weight[5] = -65520;
    tiny_param(&network, weights, BIAS)[0] = 1e6f;
    save("m.safetensors");
    temp_text("h.safetensors", "mine");
    refused(try_convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF), "m.safetensors",
            "tensor " WEIGHT ": too large for half precision (got -65520, want below 65520)");
    size_t size;
    uint8_t *bytes = bytes_of("h.safetensors", &size);
    ck_assert_str_eq((char *)bytes, "mine");
    free(bytes);
    convert("m.safetensors", "f.safetensors", RN_WEIGHTS_FLOAT);
    weight[5] = 65519.996f; /* the last that rounds to 65504; biases stay floats */
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    weight[5] = 65504;
    save("m.safetensors");
    convert("m.safetensors", "h2.safetensors", RN_WEIGHTS_HALF);
    same_files("h.safetensors", "h2.safetensors");
}
END_TEST

START_TEST(what_is_no_model) {
    refused(try_convert("none", "o.safetensors", RN_WEIGHTS_HALF), "none",
            "cannot open: No such file or directory");
    refused(try_convert("", "o.safetensors", RN_WEIGHTS_HALF), "", "is a folder");
    temp_text("short", "hello");
    ck_assert_int_eq(try_convert("short", "o.safetensors", RN_WEIGHTS_HALF), RN_EINPUT);
    tiny_param(&network, weights, BIAS)[2] = NAN;
    save("nan");
    ck_assert_int_eq(try_convert("nan", "o.safetensors", RN_WEIGHTS_FLOAT), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), BIAS));
    ck_assert(!rn_path_exists(temp_path("o.safetensors")));
}
END_TEST

START_TEST(a_flipped_bit) {
    size_t size;
    save("m.safetensors");
    uint8_t *bytes = bytes_of("m.safetensors", &size);
    bytes[size - 5] ^= 1;
    temp_bytes("m.safetensors", bytes, size);
    free(bytes);
    temp_text("o.safetensors", "mine");
    ck_assert_int_eq(try_convert("m.safetensors", "o.safetensors", RN_WEIGHTS_HALF), RN_EINPUT);
    bytes = bytes_of("o.safetensors", &size);
    ck_assert_str_eq((char *)bytes, "mine");
    free(bytes);
}
END_TEST

START_TEST(outputs_that_cannot_be_written) {
    char want[512];
    save("m.safetensors");
    ck_assert_int_eq(try_convert("m.safetensors", "no/o.safetensors", RN_WEIGHTS_HALF), RN_EIO);
    snprintf(want, sizeof want, "%s: cannot write: No such file or directory",
             temp_path("no/o.safetensors"));
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_int_eq(
        rn_model_convert(temp_path("m.safetensors"), "/dev/full", RN_WEIGHTS_HALF, NULL), RN_EIO);
    ck_assert_str_eq(rn_error_text(), "/dev/full: cannot write: No space left on device");
}
END_TEST

/* The library lets the output be the input. */
START_TEST(in_place) {
    save("m.safetensors");
    convert("m.safetensors", "h.safetensors", RN_WEIGHTS_HALF);
    convert("m.safetensors", "m.safetensors", RN_WEIGHTS_HALF);
    same_files("m.safetensors", "h.safetensors");
}
END_TEST

/* A kilobyte that claims a network of gigabytes is refused before memory is asked for. */
START_TEST(a_small_file_of_a_huge_network) {
    enum { MOST_MEMORY = 200 << 20 };
    rn_safetensors_writer writer = {0};
    rn_model_config huge = tiny_config();
    huge.depth = 101;
    huge.width = 256;
    huge.fpn_channels = 1024;
    ck_assert_int_eq(rn_model_add_metadata(&writer, &huge), RN_OK);
    ck_assert_int_eq(rn_safetensors_save(&writer, temp_path("huge.safetensors")), RN_OK);
    rn_safetensors_writer_free(&writer);
    rn_model_config_free(&huge);
    const size_t before = rn_memory_peak();
    ck_assert_int_eq(try_convert("huge.safetensors", "h.safetensors", RN_WEIGHTS_HALF), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "backbone.body.conv1.weight is missing"));
    ck_assert_uint_lt(rn_memory_peak() - before, MOST_MEMORY);
    ck_assert_int_ne(access(temp_path("h.safetensors"), F_OK), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_convert");
    TCase *tests = tcase_create("model_convert");
    tcase_add_checked_fixture(tests, setup, teardown);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, float_to_float_is_the_same_file);
    tcase_add_test(tests, halves_are_the_weights_of_convolutions);
    tcase_add_test(tests, the_configuration_goes_along);
    tcase_add_test(tests, half_to_half_is_the_same_file);
    tcase_add_test(tests, halves_are_the_rounded_weights);
    tcase_add_test(tests, halves_find_what_floats_find);
    tcase_add_test(tests, a_checkpoint_gives_its_average);
    tcase_add_test(tests, a_checkpoint_without_average_gives_its_weights);
    tcase_add_test(tests, weights_that_are_too_large);
    tcase_add_test(tests, what_is_no_model);
    tcase_add_test(tests, a_flipped_bit);
    tcase_add_test(tests, outputs_that_cannot_be_written);
    tcase_add_test(tests, in_place);
    tcase_add_test(tests, a_small_file_of_a_huge_network);
    return suite_run(suite);
}
