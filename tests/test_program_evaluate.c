#include "suite.h"
#include "tiny_model.h"

#include <retinanet.h>

/* ---- two files ---- */

#define PICTURE "{\"id\": 3, \"file_name\": \"a.jpg\", \"width\": 200, \"height\": 200}"

/* One large object of category 7, none of category 9, and a box of IoU 0.78 with it: right for the
 * six thresholds .50 to .75. */
static void two_files(void) {
    temp_open();
    temp_text("gt.json", "{\"images\": [" PICTURE "],\n"
                         "\"annotations\": [{\"id\": 1, \"image_id\": 3, \"category_id\": 7, "
                         "\"bbox\": [10, 10, 100, 100], \"area\": 10000, \"iscrowd\": 0}],\n"
                         "\"categories\": [{\"id\": 9, \"name\": \"sea horse\"}, "
                         "{\"id\": 7, \"name\": \"b\\\"7\\\"\"}]}\n");
    temp_text("dt.json", "[{\"image_id\": 3, \"category_id\": 7, \"bbox\": [10, 10, 100, 78], "
                         "\"score\": 0.75}]");
}

static const char lines[] =
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.600\n"
    " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 1.000\n"
    " Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 1.000\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.600\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.600\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.600\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.600\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.600\n";

START_TEST(the_twelve_lines) {
    RUN("evaluate", "gt.json", "dt.json");
    ck_assert_int_eq(run_code, 0);
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(strncmp(run_out, lines, strlen(lines)), 0);
    ck_assert_str_eq(run_out + strlen(lines),
                     "\nclass          AP    AP50     VOC   VOC07      F1  at score\n"
                     "b\"7\"        0.600   1.000   1.000   1.000   1.000     0.750\n"
                     "sea horse  -1.000  -1.000  -1.000  -1.000   0.000     0.500\n"
                     "\nVOC AP 1.000 over all points, 1.000 over 11 points (VOC07), at IoU 0.50\n"
                     "best F1 1.000 at score 0.750; 1 images, 1 objects, 1 detections\n");
}
END_TEST

/* The numbers of "stats", in order. */
static void read_stats(double stats[RN_COCO_STATS], const char *json) {
    static const char head[] = "{\"stats\": [";
    ck_assert_msg(strncmp(json, head, strlen(head)) == 0, "%s", json);
    char *at = (char *)json + strlen(head);
    for (int i = 0; i < RN_COCO_STATS; i++) {
        stats[i] = strtod(at, &at);
        ck_assert_int_eq(*at++, i < RN_COCO_STATS - 1 ? ',' : ']');
    }
}

START_TEST(numbers_as_json) {
    static const double want[] = {0.6, 1, 1, -1, -1, 0.6, 0.6, 0.6, 0.6, -1, -1, 0.6};
    static char json[4096];
    double stats[RN_COCO_STATS];
    RUN("evaluate", "gt.json", "dt.json", "--json", "o.json");
    ck_assert_int_eq(strncmp(run_out, lines, strlen(lines)), 0);
    run_read(json, sizeof json, "o.json");
    read_stats(stats, json);
    for (int i = 0; i < RN_COCO_STATS; i++) ck_assert_double_eq_tol(stats[i], want[i], 1e-15);
    ck_assert_ptr_nonnull(
        strstr(json, "{\"category_id\": 9, \"name\": \"sea horse\", \"AP\": -1, \"AP50\": -1, "
                     "\"VOC_AP\": -1, \"VOC07_AP\": -1, \"best_f1\": 0, \"best_f1_score\": 0.5, "
                     "\"objects\": 0}"));
    ck_assert_ptr_nonnull(strstr(json, "\n \"VOC_AP\": 1, \"VOC07_AP\": 1,\n"));
    ck_assert_ptr_nonnull(strstr(json, "{\"category_id\": 7, \"name\": \"b\\\"7\\\"\", \"AP\": "));
    ck_assert_ptr_nonnull(strstr(json, "\"best_f1\": 1, \"best_f1_score\": 0.75,"));
    ck_assert_ptr_nonnull(strstr(json, "\"images\": 1, \"objects\": 1, \"detections\": 1, "
                                       "\"ignored_detections\": 0, \"unreadable_images\": 0}"));
    RUN("evaluate", "gt.json", "dt.json", "--json", "-");
    run_gave(0, json, "");
    RUN("evaluate", "gt.json", "dt.json", "--json", "/dev/stdout", "-q");
    ck_assert_ptr_nonnull(strstr(run_out, json));
}
END_TEST

START_TEST(threads_do_not_matter) {
    static char first[sizeof run_out];
    RUN("evaluate", "gt.json", "dt.json", "--threads", "1");
    strcpy(first, run_out);
    RUN("evaluate", "gt.json", "dt.json", "--threads", "7");
    run_gave(0, first, "");
}
END_TEST

START_TEST(curves_and_confusions) {
    static const char *const files[] = {"p/pr.csv", "p/pr_curve.png", "p/f1_curve.png",
                                        "p/confusion.csv", "p/confusion.png"};
    char text[256];
    RUN("evaluate", "gt.json", "dt.json", "--plots", "p");
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(strncmp(run_out, lines, strlen(lines)), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ck_assert_msg(access(temp_path(files[i]), F_OK) == 0, "%s is missing", files[i]);
    run_read(text, sizeof text, "p/confusion.csv");
    ck_assert_str_eq(text, "truth,\"b\"\"7\"\"\",sea horse,background\n"
                           "\"b\"\"7\"\"\",1,0,0\nsea horse,0,0,0\nbackground,0,0,0\n");
    RUN("evaluate", "gt.json", "dt.json", "--plots", "p", "-t", "0.8", "-q");
    ck_assert_int_eq(run_code, 0);
    run_read(text, sizeof text, "p/confusion.csv");
    ck_assert_str_eq(text, "truth,\"b\"\"7\"\"\",sea horse,background\n"
                           "\"b\"\"7\"\"\",0,0,1\nsea horse,0,0,0\nbackground,0,0,0\n");
    RUN("evaluate", "gt.json", "dt.json", "--plots", "a/b/p", "-q");
    ck_assert_int_eq(run_code, 0);
    ck_assert_int_eq(access(temp_path("a/b/p/pr.csv"), F_OK), 0);
}
END_TEST

/* ---- refused ---- */

START_TEST(options_that_do_not_go_together) {
    static const char *const alone[][2] = {{"--results", "o.json"},
                                           {"-m", "m.safetensors"},
                                           {"--save-threshold", NULL},
                                           {"--isa", "plain"}};
    static const char *const names[] = {"--results", "--model", "--save-threshold", "--isa"};
    char line[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        run_args((const char *const[]){"evaluate", "gt.json", "dt.json", alone[i][0], alone[i][1],
                                       NULL});
        snprintf(line, sizeof line, "evaluate: error: DETECTIONS.json and %s do not go together",
                 names[i]);
        run_refused(1, line);
    }
    RUN("evaluate", "gt.json", "dt.json", "--split", "val");
    run_refused(1, "evaluate: error: GROUND_TRUTH.json and --split do not go together");
    RUN("evaluate", "gt.json", "dt.json", "-t", "0.5");
    run_refused(1, "evaluate: error: --threshold is for --plots");
    RUN("evaluate", "set", "--save-threshold");
    run_refused(1, "evaluate: error: --save-threshold is for --model");
    RUN("evaluate", "set", "-m", "model.safetensors", "--save-threshold", "--set", "nms_iou=0.3");
    run_refused(1, "evaluate: error: --save-threshold and --set do not go together");
    RUN("evaluate", "set", "-m", "m", "--results", "r.json", "--json", "r.json");
    run_refused(1, "evaluate: error: r.json: two outputs would be one file");
    RUN("evaluate", "set", "-m", "m", "--results", "-");
    run_refused(1, "evaluate: error: --results: got -, want a file: stdout has the numbers");
    RUN("evaluate", "gt.json", "-m", "m", "--results", "gt.json");
    run_refused(1, "evaluate: error: gt.json: the output would replace an input");
    RUN("evaluate");
    run_refused(1, "evaluate: error: want DATA, or GROUND_TRUTH.json DETECTIONS.json");
}
END_TEST

START_TEST(files_that_are_none) {
    RUN("evaluate", "none.json", "dt.json");
    run_refused(2, "evaluate: error: none.json: cannot open: No such file or directory");
    RUN("evaluate", "gt.json", "none.json", "--json", "o.json");
    run_refused(2, "evaluate: error: none.json: cannot open: No such file or directory");
    ck_assert_int_ne(access(temp_path("o.json"), F_OK), 0);
}
END_TEST

START_TEST(output_that_cannot_be_written) {
    static char after[64];
    /* before anything else is done */
    RUN("evaluate", "gt.json", "none.json", "--json", "no/o.json");
    run_refused(5, "evaluate: error: no/o.json: cannot write: No such file or directory");
    RUN("evaluate", "none", "-m", "none", "--results", "no/r.json");
    run_refused(5, "evaluate: error: no/r.json: cannot write: No such file or directory");
    RUN("evaluate", "none", "-m", "no/m.safetensors", "--save-threshold");
    run_refused(5, "evaluate: error: no/m.safetensors: cannot write: No such file or directory");
    RUN("evaluate", "gt.json", "none.json", "--plots", "gt.json/p");
    run_refused(5, "evaluate: error: gt.json/p: cannot write: Not a directory");
    RUN("evaluate", "gt.json", "none.json", "--plots", "gt.json");
    run_refused(5, "evaluate: error: gt.json: cannot write: Not a directory");
    RUN("evaluate", "gt.json", "dt.json", "--json", "/dev/full");
    ck_assert_str_eq(run_err,
                     "evaluate: error: /dev/full: cannot write: No space left on device\n");
    ck_assert_int_eq(run_code, 5);
    mkdir(temp_path("o.json"), 0777);
    RUN("evaluate", "gt.json", "dt.json", "--json", "o.json");
    run_refused(5, "evaluate: error: o.json: cannot write: Is a directory");
    /* a file that is there is replaced, through a link too */
    temp_text("old.json", "old");
    ck_assert_int_eq(symlink("old.json", temp_path("link")), 0);
    RUN("evaluate", "gt.json", "dt.json", "--json", "link");
    ck_assert_int_eq(run_code, 0);
    run_read(after, sizeof after, "old.json");
    ck_assert_int_eq(strncmp(after, "{\"stats\"", 8), 0);
}
END_TEST

/* ---- a model on a data set ---- */

static void close_files(void) {
    temp_close();
}

START_TEST(a_model) {
    rn_report report = {0};
    double stats[RN_COCO_STATS];
    char counts[128];
    ck_assert_msg(rn_evaluate_model(&report, temp_path("model.safetensors"), temp_path("set"), NULL,
                                    NULL) == RN_OK,
                  "%s", rn_error_text());
    RUN("evaluate", "set", "-m", "model.safetensors", "--json", "-");
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    read_stats(stats, run_out);
    for (int i = 0; i < RN_COCO_STATS; i++) ck_assert(stats[i] == report.stats[i]);
    snprintf(counts, sizeof counts, "\"images\": 3, \"objects\": %zu, \"detections\": %zu,",
             report.n_objects, report.n_detections);
    ck_assert_ptr_nonnull(strstr(run_out, counts));
    rn_report_free(&report);
    RUN("evaluate", "set", "-m", "model.safetensors", "--split", "train", "--json", "-");
    ck_assert_ptr_nonnull(strstr(run_out, "\"images\": 8, "));
    read_stats(stats, run_out);
    ck_assert(stats[0] > 0); /* it was trained on these */
}
END_TEST

/* The digits may differ, what is found does not. */
START_TEST(instruction_sets) {
    static char best[sizeof run_out];
    double stats[RN_COCO_STATS], plain[RN_COCO_STATS];
    RUN("evaluate", "set", "-m", "model.safetensors", "--split", "train", "--json", "-");
    strcpy(best, run_out);
    RUN("evaluate", "set", "-m", "model.safetensors", "--split", "train", "--json", "-", "--isa",
        "best");
    run_gave(0, best, "");
    read_stats(stats, best);
    RUN("evaluate", "set", "-m", "model.safetensors", "--split", "train", "--json", "-", "--isa",
        "plain");
    ck_assert_msg(run_code == 0, "%s", run_err);
    read_stats(plain, run_out);
    for (int i = 0; i < RN_COCO_STATS; i++) ck_assert_double_eq_tol(plain[i], stats[i], 1e-3);
    RUN("evaluate", "set", "-m", "model.safetensors", "--isa", "sse9");
    run_refused(1, "evaluate: error: instructions sse9: want best, plain, avx2 or avx512");
}
END_TEST

/* What is written reads back: the same report, to the last digit, from the split's file and from
 * its folder. */
START_TEST(detections_as_a_results_file) {
    static char first[sizeof run_out];
    static const char *const truths[] = {"set/val.json", "set"};
    RUN("evaluate", "set", "-m", "model.safetensors", "--results", "r.json", "--json", "-");
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    strcpy(first, run_out);
    ck_assert_ptr_null(strstr(first, "\"detections\": 0,"));
    for (size_t i = 0; i < 2; i++) {
        RUN("evaluate", truths[i], "r.json", "--json", "-");
        run_gave(0, first, "");
    }
    RUN("evaluate", "set", "-m", "model.safetensors", "--results", "no/r.json");
    run_refused(5, "evaluate: error: no/r.json: cannot write: No such file or directory");
}
END_TEST

/* A class of the model that the set has not has no id there, and another class may have it
 * elsewhere. */
START_TEST(detections_of_classes_that_the_set_has_not) {
    static char text[1 << 16];
    temp_text("set/one.json",
              "{\"images\": [{\"id\": 3, \"file_name\": \"images/val_000001.jpg\", \"width\": 64, "
              "\"height\": 64}], \"annotations\": [], "
              "\"categories\": [{\"id\": 1, \"name\": \"gear\"}]}");
    RUN("evaluate", "set", "--split", "one", "-m", "model.safetensors", "--results", "r.json");
    run_gave(0, run_out, "");
    run_read(text, sizeof text, "r.json");
    ck_assert_ptr_nonnull(strstr(text, "\"category_id\": 1,"));
    ck_assert_ptr_null(strstr(text, "\"category_id\": 2,"));
}
END_TEST

/* detect shows boxes from where F1 was best. */
START_TEST(the_best_threshold_is_saved) {
    static char all[sizeof run_out];
    rn_detector *det;
    ck_assert_int_eq(rn_model_convert(temp_path("model.safetensors"), temp_path("copy.safetensors"),
                                      RN_WEIGHTS_FLOAT, NULL),
                     RN_OK);
    ck_assert_int_eq(rn_model_set_show_threshold(temp_path("copy.safetensors"), 1), RN_OK);
    RUN("detect", "-m", "copy.safetensors", "--no-image", "set/images");
    run_gave(0, "", "");
    RUN("evaluate", "set", "-m", "copy.safetensors", "--split", "train", "--save-threshold",
        "--json", "-");
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    const char *total = strstr(run_out, "],\n \"VOC_AP\"");
    ck_assert_ptr_nonnull(total);
    const double best =
        strtod(strstr(total, "\"best_f1_score\": ") + strlen("\"best_f1_score\": "), NULL);
    ck_assert_int_eq(rn_detector_open(&det, temp_path("copy.safetensors"), NULL), RN_OK);
    ck_assert_float_eq(rn_detector_show_threshold(det), (float)best);
    rn_detector_close(det);
    RUN("detect", "-m", "copy.safetensors", "--no-image", "set/images");
    ck_assert_int_eq(run_code, 0);
    ck_assert_uint_gt(strlen(run_out), 0);
    strcpy(all, run_out);
    char score[32];
    snprintf(score, sizeof score, "%.9g", (double)(float)best);
    RUN("detect", "-m", "model.safetensors", "--no-image", "-t", score, "set/images");
    ck_assert_str_eq(run_out, all);
}
END_TEST

START_TEST(a_model_and_data_that_do_not_fit) {
    RUN("evaluate", "nowhere", "-m", "model.safetensors");
    ck_assert_int_eq(run_code, 2);
    ck_assert_int_eq(strncmp(run_err, "evaluate: error: nowhere: ", 26), 0);
    RUN("evaluate", "set", "-m", "model.safetensors", "--split", "tset");
    ck_assert_int_eq(run_code, 2);
    ck_assert_ptr_nonnull(strstr(run_err, "tset"));
    RUN("scenes", "-o", "three", "--train", "1", "--val", "1", "--size", "64", "--classes", "3",
        "-q");
    RUN("evaluate", "three", "-m", "model.safetensors");
    ck_assert_int_eq(run_code, 2); /* 65: a class that the model does not know */
    ck_assert_str_eq(run_out, "");
    ck_assert_ptr_nonnull(strstr(run_err, rn_scenes_class_name(2)));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluate");
    TCase *files = tcase_create("files"), *model = tcase_create("model");
    tcase_add_checked_fixture(files, two_files, close_files);
    tcase_add_unchecked_fixture(model, tiny_model, close_files);
    tcase_set_timeout(model, 120); /* for the sanitizers */
    tcase_add_test(files, the_twelve_lines);
    tcase_add_test(files, numbers_as_json);
    tcase_add_test(files, threads_do_not_matter);
    tcase_add_test(files, files_that_are_none);
    tcase_add_test(files, output_that_cannot_be_written);
    tcase_add_test(files, curves_and_confusions);
    tcase_add_test(files, options_that_do_not_go_together);
    tcase_add_test(model, a_model);
    tcase_add_test(model, instruction_sets);
    tcase_add_test(model, detections_as_a_results_file);
    tcase_add_test(model, detections_of_classes_that_the_set_has_not);
    tcase_add_test(model, the_best_threshold_is_saved);
    tcase_add_test(model, a_model_and_data_that_do_not_fit);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, model);
    return suite_run(suite);
}
