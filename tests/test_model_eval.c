/* Reports of files and of models: ids, counts, notes, pictures that cannot be read. */
#include "eval/model_eval.h"
#include "suite.h"
#include "temp_folder.h"
#include "tiny_network.h"

#include <math.h>

static rn_report report;
static char notes[4096];
static int n_progress;

static void note(void *context, const char *line) {
    (void)context;
    ck_assert_uint_lt(strlen(notes) + strlen(line) + 2, sizeof notes);
    strcat(strcat(notes, line), "\n");
}

static void progress(void *context, const char *line) {
    (void)context;
    ck_assert_ptr_nonnull(strstr(line, "detecting: picture "));
    n_progress++;
}

static const rn_hooks hooks = {.message = note, .progress = progress};

static void setup(void) {
    temp_open();
    notes[0] = '\0';
    n_progress = 0;
}

static void teardown(void) {
    rn_report_free(&report);
    temp_close();
}

static void check_empty(void) {
    ck_assert(!report.classes && report.n_classes == 0 && report.n_images == 0);
    ck_assert(report.n_bad == 0 && report.stats[0] == 0);
}

/* ---- files ---- */

#define TRUTH                                                                                      \
    "{\"images\": [{\"id\": 5, \"file_name\": \"a\"}, {\"id\": 6, \"file_name\": \"b\"}],\n"       \
    "\"categories\": [{\"id\": 2, \"name\": \"cup\"}, {\"id\": 8, \"name\": \"jar\"}],\n"          \
    "\"annotations\": [{\"id\": 0, \"image_id\": 5, \"category_id\": 2, \"bbox\": [0, 0, 10, "     \
    "10]}, "                                                                                       \
    "{\"id\": 1, \"image_id\": 6, \"category_id\": 2, \"bbox\": [0, 0, 10, 10]}]}"
#define ROW(image, category)                                                                       \
    "{\"image_id\": " #image ", \"category_id\": " #category                                       \
    ", \"bbox\": [0, 0, 10, 10], \"score\": 0.5}"

static rn_status evaluate_files(const char *results, int threads) {
    temp_text("truth.json", TRUTH);
    temp_text("results.json", results);
    rn_report_free(&report);
    const rn_evaluate_options options = {.threads = threads, .score = -1};
    return rn_evaluate_files(&report, temp_path("truth.json"), temp_path("results.json"), &options,
                             &hooks);
}

START_TEST(a_report_of_files) {
    const char *const results =
        "[" ROW(5, 2) "," ROW(6, 7) "," ROW(5, 9) "," ROW(6, 8) "," ROW(5, 2) "]";
    for (int threads = 0; threads <= 3; threads++) {
        notes[0] = '\0';
        ck_assert_msg(evaluate_files(results, threads) == RN_OK, "%s", rn_error_text());
        ck_assert_uint_eq(report.n_images, 2);
        ck_assert_uint_eq(report.n_objects, 2);
        ck_assert_uint_eq(report.n_detections, 3);
        ck_assert_uint_eq(report.n_unknown, 2);
        ck_assert_uint_eq(report.n_bad, 0);
        ck_assert_double_eq_tol(report.stats[0], 51.0 / 101,
                                1e-12); /* one of two, id 0, is found */
        ck_assert_double_eq_tol(report.stats[8], 0.5, 1e-12);
        ck_assert_uint_eq(report.n_classes, 2);
        ck_assert_str_eq(report.classes[0].name, "cup");
        ck_assert_int_eq(report.classes[1].category_id, 8);
        ck_assert_double_eq_tol(report.classes[0].ap50, 51.0 / 101, 1e-12);
        ck_assert(report.classes[1].ap == -1 && report.classes[1].ap50 == -1);
        ck_assert_double_eq_tol(report.curve.best_f1, 2.0 / 5,
                                1e-15); /* one right of three, two objects */
        ck_assert_str_eq(notes, "2 detections of categories that the truth has not: ignored\n"
                                "annotation id 0: matched like any other (the reference code never "
                                "counts it as found)\n");
    }
    rn_report_free(&report);
    check_empty();
}
END_TEST

START_TEST(no_detections) {
    ck_assert_int_eq(evaluate_files("[]", 1), RN_OK);
    ck_assert(report.stats[0] == 0 && report.stats[8] == 0 && report.curve.best_f1_score == 0.5);
    ck_assert_uint_eq(report.n_detections, 0);
}
END_TEST

START_TEST(files_that_cannot_be_used) {
    char want[512];
    ck_assert_int_eq(evaluate_files("[" ROW(7, 2) "]", 1), RN_EINPUT);
    snprintf(want, sizeof want,
             "%s:1:2: detection in an image that the ground truth has not (got "
             "image_id 7)",
             temp_path("results.json"));
    ck_assert_str_eq(rn_error_text(), want);
    check_empty();
    ck_assert_int_eq(evaluate_files("[]", 5000), RN_EINVAL);
    check_empty();
    report.n_images = 3;
    ck_assert_int_eq(
        rn_evaluate_files(&report, temp_path("none"), temp_path("results.json"), NULL, NULL),
        RN_EINPUT);
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory", temp_path("none"));
    ck_assert_str_eq(rn_error_text(), want);
    check_empty();
}
END_TEST

/* ---- models ---- */

/* A model that sees a "dog", its class 1, on every anchor that is a square of its level's side, and
 * nothing else. On a picture of 64 x 64 the first is (-12, -12, 20, 20), cut to (0, 0, 20, 20). */
static void save_model(void) {
    rn_model_config config = tiny_config();
    rn_network network = tiny_network(&config);
    real *weights = tiny_weights(&network, 0.01);
    const char *const names[] = {"head.classification_head.cls_logits.weight",
                                 "head.regression_head.bbox_reg.weight"};
    for (int i = 0; i < 2; i++)
        memset(tiny_param(&network, weights, names[i]), 0,
               rn_graph_param(&network.graph, names[i])->count * sizeof *weights);
    real *bias = tiny_param(&network, weights, "head.classification_head.cls_logits.bias");
    for (int i = 0; i < 9 * TINY_CLASSES; i++) bias[i] = -20;
    bias[3 * TINY_CLASSES + 1] = 2;
    ck_assert_int_eq(rn_model_save(temp_path("m.safetensors"), &config, &network.graph, weights),
                     RN_OK);
    free(weights);
    rn_network_free(&network);
    rn_model_config_free(&config);
}

/* data/val.json: `n` pictures of 64 x 64 with a dog, whose id here is 40, at (0, 0, 20, 20); the
 * first `bad` of them cannot be read. */
static void save_set(int n, int bad, const char *class_name) {
    static char text[16384];
    size_t used = (size_t)snprintf(
        text, sizeof text, "{\"categories\": [{\"id\": 40, \"name\": \"%s\"}], \"images\": [",
        class_name);
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/images/%02d.bmp", i);
        if (i < bad)
            temp_text(name, "no picture");
        else
            temp_bmp(name, 64, 64, 7);
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s{\"id\": %d, \"file_name\": \"%02d.bmp\", \"width\": 64, "
                                 "\"height\": 64}",
                                 i ? "," : "", 100 + i, i);
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "], \"annotations\": [");
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s{\"id\": %d, \"image_id\": %d, \"category_id\": 40, \"bbox\": "
                                 "[0, 0, 20, 20]}",
                                 i ? "," : "", 1 + i, 100 + i);
    used += (size_t)snprintf(text + used, sizeof text - used, "]}");
    ck_assert_uint_lt(used, sizeof text);
    temp_text("data/val.json", text);
}

static rn_status evaluate_model(void) {
    rn_report_free(&report);
    return rn_evaluate_model(&report, temp_path("m.safetensors"), temp_path("data"), NULL, &hooks);
}

START_TEST(boxes_in_the_sets_own_ids) {
    rn_detector *det;
    rn_dataset set;
    rn_results results;
    size_t n_bad = 9, first = 0;
    save_model();
    save_set(3, 0, "dog");
    ck_assert_int_eq(rn_detector_open(&det, temp_path("m.safetensors"), NULL), RN_OK);
    ck_assert_msg(rn_dataset_open(&set, temp_path("data"), NULL, RN_SPLIT_VAL) == RN_OK, "%s",
                  rn_error_text());
    ck_assert_int_eq(rn_dataset_match_classes(&set, rn_detector_class_names(det), 3), RN_OK);
    ck_assert_int_eq(rn_detect_set(&results, &n_bad, det, &set, NULL), RN_OK);
    ck_assert_uint_eq(n_bad, 0);
    ck_assert(results.n > 3 && results.n % 3 == 0); /* the same in three equal pictures */
    for (size_t i = 0; i < results.n; i++) {
        const rn_result_row *row = &results.rows[i];
        ck_assert_int_eq(row->category_id, 40);
        ck_assert_int_eq(row->image_id, (int64_t)(100 + i / (results.n / 3)));
        ck_assert_double_eq_tol(row->score, 0.880797077977882, 1e-6);
        first += row->x == 0 && row->y == 0 && fabs(row->w - 20) < 1e-4 && fabs(row->h - 20) < 1e-4;
    }
    ck_assert_uint_eq(first, 3);
    rn_results_free(&results);
    rn_dataset_free(&set);
    rn_detector_close(det);
}
END_TEST

static size_t n_seen;

/* Not of the picture that cannot be read; the third of them is one too many. */
static rn_status see(void *context, const rn_record *record, const rn_image *image) {
    rn_level_output levels[RN_LEVELS];
    rn_detector_outputs(context, levels);
    ck_assert_uint_eq(levels[0].n_anchors, 9 * 8 * 8);
    ck_assert_float_eq(levels[0].logits[3 * TINY_CLASSES + 1], 2);
    ck_assert_int_ne(record->id, 100);
    ck_assert_int_eq(image->width, 64);
    return ++n_seen == 3 ? rn_fail(RN_EDIVERGED, "enough") : RN_OK;
}

START_TEST(someone_looks_at_each_picture) {
    rn_detector *det;
    rn_dataset set;
    rn_results results;
    size_t n_bad;
    save_model();
    save_set(20, 1, "dog");
    ck_assert_int_eq(rn_detector_open(&det, temp_path("m.safetensors"), NULL), RN_OK);
    ck_assert_int_eq(rn_dataset_open(&set, temp_path("data"), NULL, RN_SPLIT_VAL), RN_OK);
    ck_assert_int_eq(rn_dataset_match_classes(&set, rn_detector_class_names(det), 3), RN_OK);
    const rn_detected each = {.run = see, .context = det};
    ck_assert_int_eq(rn_detect_set_with(&results, &n_bad, det, &set, &each, NULL), RN_EDIVERGED);
    ck_assert(n_seen == 3 && n_bad == 1 && results.n == 0 && !results.rows);
    rn_dataset_free(&set);
    rn_detector_close(det);
}
END_TEST

START_TEST(a_report_of_a_model) {
    save_model();
    save_set(4, 0, "dog");
    ck_assert_msg(evaluate_model() == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(report.n_images, 4);
    ck_assert_uint_eq(report.n_objects, 4);
    ck_assert_uint_eq(report.n_bad, 0);
    ck_assert_int_eq(n_progress, 4);
    ck_assert_double_eq_tol(report.stats[8], 1, 1e-12); /* AR 100 */
    ck_assert_double_eq_tol(report.stats[6], 1, 1e-12); /* AR 1: the first of equal scores */
    ck_assert_uint_eq(report.n_classes, 3);             /* the model's, in its order */
    ck_assert_str_eq(report.classes[0].name, "cat");
    ck_assert_str_eq(report.classes[1].name, "dog");
    ck_assert_int_eq(report.classes[1].category_id, 40);
    ck_assert(report.classes[0].ap == -1 && report.classes[1].ap > 0);
}
END_TEST

/* One of twenty is 5%: passed over, told and counted, its object missed. One of nineteen is more.
 */
START_TEST(pictures_that_cannot_be_read) {
    char want[512];
    save_model();
    save_set(20, 1, "dog");
    ck_assert_msg(evaluate_model() == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(report.n_bad, 1);
    ck_assert_uint_eq(report.n_images, 20);
    ck_assert_double_eq_tol(report.stats[8], 19.0 / 20, 1e-12);
    snprintf(want, sizeof want, "skipped: %s: offset 0: not JPEG/PNG/BMP, starts with 'no p'\n",
             temp_path("data/images/00.bmp"));
    ck_assert_str_eq(notes, want);
    save_set(19, 1, "dog");
    ck_assert_int_eq(evaluate_model(), RN_EINPUT);
    snprintf(want, sizeof want,
             "%s: more than 5%% of the pictures cannot be read (got 1 of 19): %s: offset 0: not "
             "JPEG/PNG/BMP, starts with 'no p'",
             temp_path("data/val.json"), temp_path("data/images/00.bmp"));
    ck_assert_str_eq(rn_error_text(), want);
    check_empty();
    save_set(20, 2, "dog");
    ck_assert_int_eq(evaluate_model(), RN_EINPUT);
    check_empty();
}
END_TEST

START_TEST(classes_that_the_model_lacks) {
    save_model();
    save_set(2, 0, "cow");
    ck_assert_int_eq(evaluate_model(), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "cow"));
    check_empty();
    temp_text("m.safetensors", "none");
    ck_assert_int_eq(evaluate_model(), RN_EINPUT);
    check_empty();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_eval");
    TCase *tests = tcase_create("model_eval");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_report_of_files);
    tcase_add_test(tests, no_detections);
    tcase_add_test(tests, files_that_cannot_be_used);
    tcase_add_test(tests, boxes_in_the_sets_own_ids);
    tcase_add_test(tests, someone_looks_at_each_picture);
    tcase_add_test(tests, a_report_of_a_model);
    tcase_add_test(tests, pictures_that_cannot_be_read);
    tcase_add_test(tests, classes_that_the_model_lacks);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
