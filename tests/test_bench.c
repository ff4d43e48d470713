/* What bench's figures mean: parts that add up to the whole, work counted to the last operation,
 * the same numbers as without it. How fast anything is, no test says. */
#include "model/detector.h"
#include "model_files.h"
#include "suite.h"
#include "tiny_run.h"
#include "train/bench_clock.h"
#include "train/peak.h"

#include <math.h>

static rn_bench_options options;
static rn_bench_result result;

static void setup(void) {
    temp_open();
    options = RN_BENCH_OPTIONS_DEFAULT;
    options.preset = "nano";
    options.width = 96;
    options.height = 64;
    options.classes = 3;
    options.threads = 2;
    options.runs = 2;
}

static void infer(void) {
    ck_assert_msg(rn_bench_infer(&result, &options) == RN_OK, "%s", rn_error_text());
}

static void train(void) {
    ck_assert_msg(rn_bench_train(&result, &options) == RN_OK, "%s", rn_error_text());
}

static void refused(rn_status got, rn_status want, const char *text) {
    ck_assert_int_eq(got, want);
    ck_assert_str_eq(rn_error_text(), text);
}

/* The sums over the kinds. */
static rn_bench_kind total(void) {
    rn_bench_kind sum = {0};
    for (size_t i = 0; i < result.n_kinds; i++) {
        const rn_bench_kind *k = &result.kinds[i];
        sum.layers += k->layers;
        sum.forward_ms += k->forward_ms;
        sum.backward_ms += k->backward_ms;
        sum.forward_gflop += k->forward_gflop;
        sum.backward_gflop += k->backward_gflop;
    }
    return sum;
}

/* "NAME N, " for each kind. */
static const char *kinds(void) {
    static char text[1024];
    text[0] = '\0';
    for (size_t i = 0; i < result.n_kinds; i++)
        sprintf(text + strlen(text), "%s %d, ", result.kinds[i].name, result.kinds[i].layers);
    return text;
}

START_TEST(inference_adds_up) {
    infer();
    const rn_bench_kind sum = total();
    ck_assert_double_eq_tol(result.forward_ms + result.postprocess_ms, result.ms_best, 1e-6);
    ck_assert(sum.forward_ms > 0 && sum.forward_ms <= result.forward_ms);
    ck_assert_double_eq_tol(sum.forward_gflop, result.gflop, 1e-9);
    ck_assert(sum.backward_ms == 0 && sum.backward_gflop == 0);
    ck_assert(result.criterion_ms == 0 && result.backward_ms == 0 && result.optimizer_ms == 0);
    ck_assert(result.width == 96 && result.height == 64 && result.classes == 3);
}
END_TEST

/* The picture wants no gradient: the stem's second pass is left out. */
START_TEST(training_adds_up) {
    options.batch = 2;
    train();
    const rn_bench_kind sum = total(), *stem = &result.kinds[0];
    ck_assert_double_eq_tol(result.forward_ms + result.criterion_ms + result.backward_ms +
                                result.optimizer_ms,
                            result.ms_best, 1e-6);
    ck_assert(sum.forward_ms > 0 && sum.forward_ms <= result.forward_ms);
    ck_assert(sum.backward_ms > 0 && sum.backward_ms <= result.backward_ms * (1 + 1e-9));
    ck_assert_double_eq_tol(3 * sum.forward_gflop, result.gflop, 1e-9);
    ck_assert(stem->layers == 1 && stem->forward_gflop > 0);
    ck_assert_double_eq_tol(sum.backward_gflop, 2 * sum.forward_gflop - stem->forward_gflop, 1e-9);
    ck_assert(result.postprocess_ms == 0 && result.loader_ms == 0);
}
END_TEST

START_TEST(kinds_of_layers) {
    static const char *const set[] = {"width=8", "fpn_channels=8", NULL};
    options.set = set;
    options.runs = 1;
    options.preset = "r18";
    infer();
    ck_assert_str_eq(kinds(),
                     "conv 7x7 stride 2 1, frozen_norm 20, max_pool 1, conv 3x3 66, add 8, "
                     "conv 3x3 stride 2 5, conv 1x1 stride 2 3, conv 1x1 3, "
                     "upsample_add 2, relu 1, ");
    /* 8 channels of 48 x 32 from 3 of 7 x 7 */
    ck_assert_double_eq_tol(result.kinds[0].forward_gflop, 2e-9 * 48 * 32 * 8 * 3 * 49, 1e-12);
    options.preset = "mobile";
    infer();
    ck_assert_ptr_nonnull(strstr(kinds(), "depthwise 3x3 13, "));
    ck_assert_ptr_nonnull(strstr(kinds(), "depthwise 3x3 stride 2 4, "));
}
END_TEST

START_TEST(peak_of_the_processor) {
    static const char *const known[] = {"AVX-512", "AVX2", "plain"};
    const char *isa = NULL;
    rn_threads *threads;
    bool is_known = false;
    ck_assert_int_eq(rn_threads_create(&threads, 2), RN_OK);
    const double gflops = rn_peak_gflops(&isa, threads);
    rn_threads_free(threads);
    ck_assert(gflops > 0 && isfinite(gflops));
    for (int i = 0; i < 3; i++) is_known |= strcmp(isa, known[i]) == 0;
    ck_assert_msg(is_known, "%s", isa);
}
END_TEST

/* ---- files ---- */

/* What the detector gives by itself for the numbers in the file. */
START_TEST(input_model_and_outputs) {
    static float input[64 * 96 * 3], want[1 << 16];
    static const char *const set[] = {"score_threshold=0", "max_detections=7", NULL};
    const rn_detector_options det_options = {.threads = 1, .score_threshold = -1, .set = set};
    rn_detector *det;
    rn_level_output levels[RN_LEVELS];
    rn_box boxes[7];
    uint8_t *got = NULL;
    size_t n, size, at = 0;
    model_make(RN_NORM_FROZEN);
    save_model("m.safetensors");
    model_free();
    for (int i = 0; i < 64 * 96 * 3; i++) input[i] = (float)(i % 17) / 8 - 1;
    temp_bytes("in.f32", input, sizeof input);
    options.model = temp_path("m.safetensors");
    options.input = temp_path("in.f32");
    options.outputs = temp_path("out.f32");
    options.set = set;
    infer();
    ck_assert_uint_eq(result.classes, TINY_CLASSES); /* the file's */
    ck_assert_uint_eq(result.boxes, 7);

    ck_assert_int_eq(rn_detector_open(&det, options.model, &det_options), RN_OK);
    ck_assert_int_eq(rn_detector_plan(det, 96, 64), RN_OK);
    memcpy(rn_detector_input(det), input, sizeof input);
    ck_assert_int_eq(rn_detector_forward(det, boxes, &n, 96, 64), RN_OK);
    rn_detector_outputs(det, levels);
    for (int l = 0; l < RN_LEVELS; l++) {
        const size_t anchors = levels[l].n_anchors;
        memcpy(want + at, levels[l].logits, anchors * TINY_CLASSES * sizeof *want);
        at += anchors * TINY_CLASSES;
        memcpy(want + at, levels[l].deltas, anchors * 4 * sizeof *want);
        at += anchors * 4;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(want + at, &boxes[i].x1, 5 * sizeof *want);
        want[at + 5] = (float)boxes[i].label;
        at += 6;
    }
    rn_detector_close(det);
    ck_assert_int_eq(rn_file_read(&got, &size, options.outputs, 1 << 20), RN_OK);
    ck_assert_uint_eq(size, at * sizeof *want);
    ck_assert_mem_eq(got, want, size);
    free(got);
}
END_TEST

START_TEST(files_that_do_not_fit) {
    char text[256];
    temp_bytes("in.f32", "12345678", 8);
    options.input = temp_path("in.f32");
    snprintf(text, sizeof text, "%s: got 8 bytes, want 73728: a float for each of the input",
             options.input);
    refused(rn_bench_infer(&result, &options), RN_EINPUT, text);
    options.batch = 2;
    snprintf(text, sizeof text, "%s: got 8 bytes, want 147456: a float for each of the input",
             options.input);
    refused(rn_bench_train(&result, &options), RN_EINPUT, text);
    options.batch = 0;
    refused(rn_bench_train(&result, &options), RN_EINVAL,
            "bench: size, classes, batch or runs out of range");
}
END_TEST

/* The losses of the first step: of the file's weights, whatever the number of threads. */
START_TEST(first_step) {
    model_make(RN_NORM_FROZEN);
    save_model("m.safetensors");
    model_free();
    options.batch = 2;
    options.runs = 1;
    train();
    const double random = result.cls_loss;
    options.model = temp_path("m.safetensors");
    train();
    const rn_bench_result two = result;
    options.threads = 1;
    train();
    ck_assert(result.cls_loss > 0 && result.box_loss > 0 && result.grad_norm > 0);
    ck_assert(result.cls_loss == two.cls_loss && result.box_loss == two.box_loss);
    ck_assert(result.grad_norm == two.grad_norm && result.cls_loss != random);
    static const char *const set[] = {"box_weight=2", "momentum=0.5", NULL};
    options.set = set;
    train();
    ck_assert(result.cls_loss == two.cls_loss);
    ck_assert_double_eq_tol(result.box_loss / two.box_loss, 2, 1e-6);
}
END_TEST

START_TEST(data_for_the_loader) {
    char text[256];
    tiny_set("set", 5);
    options.data = temp_path("set");
    options.batch = 2;
    options.width = 64;
    train();
    ck_assert(result.width == 64 && result.height == 64 && result.classes == 3);
    ck_assert(result.cls_loss > 0 && result.loader_ms >= 0);
    options.classes = 1;
    snprintf(text, sizeof text, "%s: got 2 classes, want at most the network's 1", options.data);
    refused(rn_bench_train(&result, &options), RN_EINPUT, text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench");
    TCase *tests = tcase_create("bench");
    tcase_add_checked_fixture(tests, setup, temp_close);
    tcase_add_test(tests, inference_adds_up);
    tcase_add_test(tests, training_adds_up);
    tcase_add_test(tests, kinds_of_layers);
    tcase_add_test(tests, peak_of_the_processor);
    tcase_add_test(tests, input_model_and_outputs);
    tcase_add_test(tests, files_that_do_not_fit);
    tcase_add_test(tests, first_step);
    tcase_add_test(tests, data_for_the_loader);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
