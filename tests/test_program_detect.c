#include "suite.h"
#include "tiny_model.h"

#include <retinanet.h>

#include <stdarg.h>

/* ---- what it must print, by the library ---- */

static char want[1 << 16];

static void expect(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void expect(const char *format, ...) {
    const size_t used = strlen(want);
    va_list args;
    va_start(args, format);
    vsnprintf(want + used, sizeof want - used, format, args);
    va_end(args);
}

/* Add the lines of picture `file`. threshold < 0: the model's. Returns the boxes shown. */
static size_t expect_picture(const char *file, bool json, float threshold) {
    rn_detector_options o = RN_DETECTOR_OPTIONS_DEFAULT;
    rn_detector *det = NULL;
    rn_image image = {0};
    rn_box box[1000];
    size_t n = 0, shown = 0;
    o.score_threshold = threshold;
    ck_assert_int_eq(rn_detector_open(&det, temp_path("model.safetensors"), &o), RN_OK);
    ck_assert_int_eq(rn_image_read(&image, temp_path(file), NULL), RN_OK);
    ck_assert_int_eq(rn_detector_run(det, &image, box, 1000, &n), RN_OK);
    const float least = threshold < 0 ? rn_detector_show_threshold(det) : threshold;
    if (json)
        expect("{\"file\": \"%s\", \"width\": %d, \"height\": %d, \"detections\": [", file,
               image.width, image.height);
    for (size_t i = 0; i < n; i++) {
        const char *label = rn_detector_class_name(det, box[i].label);
        const double x1 = (double)box[i].x1, y1 = (double)box[i].y1, x2 = (double)box[i].x2,
                     y2 = (double)box[i].y2, score = (double)box[i].score;
        if (box[i].score < least) continue;
        if (json)
            expect("%s{\"label\": \"%s\", \"category_id\": %lld, \"score\": %.6f, \"box\": [%.2f, "
                   "%.2f, %.2f, %.2f]}",
                   shown ? ", " : "", label, (long long)rn_detector_category_id(det, box[i].label),
                   score, x1, y1, x2, y2);
        else
            expect("%s\t%s\t%.4f\t%.1f\t%.1f\t%.1f\t%.1f\n", file, label, score, x1, y1, x2, y2);
        shown++;
    }
    if (json) expect("]}\n");
    rn_image_free(&image);
    rn_detector_close(det);
    return shown;
}

/* Each test in a folder of its own, with three pictures, the model a link away. */
static char model_folder[64];

static void make_model(void) {
    tiny_model();
    strcpy(model_folder, temp_root);
}

static void remove_model(void) {
    strcpy(temp_root, model_folder);
    temp_close();
}

static void open_folder(void) {
    char from[128];
    static const char *const names[][2] = {{"model.safetensors", "model.safetensors"},
                                           {"set/images/val_000000.jpg", "a.jpg"},
                                           {"set/images/val_000001.jpg", "b.jpg"},
                                           {"set/images/val_000002.jpg", "c d.jpg"}};
    temp_open();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(from, sizeof from, "%s/%s", model_folder, names[i][0]);
        ck_assert_int_eq(link(from, temp_path(names[i][1])), 0);
    }
    want[0] = '\0';
}

static void close_folder(void) {
    temp_close();
    strcpy(temp_root, model_folder);
}

static bool there(const char *name) {
    struct stat info;
    return stat(temp_path(name), &info) == 0;
}

#define DETECT(...) RUN("detect", "-m", "model.safetensors", __VA_ARGS__)

/* ---- lines ---- */

START_TEST(a_line_a_box) {
    size_t boxes = expect_picture("a.jpg", false, -1);
    DETECT("a.jpg");
    run_gave(0, want, "");
    ck_assert(there("a_det.jpg") && rn_image_is_annotated(temp_path("a_det.jpg")));
    want[0] = '\0';
    boxes += expect_picture("a.jpg", false, 0.05f);
    expect_picture("c d.jpg", false, 0.05f);
    DETECT("-t", "0.05", "--no-image", "a.jpg", "c d.jpg");
    run_gave(0, want, "");
    ck_assert(!there("c d_det.jpg"));
    ck_assert_uint_gt(boxes, 3); /* there is something to compare */
}
END_TEST

START_TEST(a_line_of_json_a_picture) {
    expect_picture("a.jpg", true, -1);
    expect_picture("c d.jpg", true, -1);
    DETECT("--json", "--no-image", "a.jpg", "c d.jpg");
    run_gave(0, want, "");
    want[0] = '\0';
    ck_assert_uint_gt(expect_picture("b.jpg", true, 0.05f), 1);
    DETECT("--json", "--no-image", "--threshold=0.05", "b.jpg");
    run_gave(0, want, "");
    DETECT("--json", "--no-image", "-t1", "b.jpg"); /* nothing found is an answer too */
    run_gave(0, "{\"file\": \"b.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n", "");
}
END_TEST

START_TEST(threads_do_not_matter) {
    static const char *const threads[] = {"1", "2", "3", "8"};
    expect_picture("b.jpg", false, 0.05f);
    for (int i = 0; i < 4; i++) {
        DETECT("-t", "0.05", "--no-image", "--threads", threads[i], "b.jpg");
        run_gave(0, want, "");
    }
}
END_TEST

static size_t lines_of(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

/* The digits may differ, what is found does not. */
START_TEST(instruction_sets) {
    const size_t boxes = expect_picture("b.jpg", false, 0.05f);
    DETECT("-t", "0.05", "--no-image", "--isa", "best", "b.jpg");
    run_gave(0, want, "");
    DETECT("-t", "0.05", "--no-image", "--isa", "plain", "b.jpg");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_uint_eq(lines_of(run_out), boxes);
    DETECT("--isa", "sse9", "b.jpg");
    run_refused(1, "detect: error: instructions sse9: want best, plain, avx2 or avx512");
}
END_TEST

/* ---- folders and lists ---- */

START_TEST(a_folder) {
    temp_text("notes.txt", "none of ours");
    ck_assert_int_eq(rename(temp_path("b.jpg"), temp_path("B.JPG")), 0);
    DETECT("-t", "1", "--json", "--no-image", ".");
    run_gave(0,
             "{\"file\": \"./B.JPG\", \"width\": 64, \"height\": 64, \"detections\": []}\n"
             "{\"file\": \"./a.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n"
             "{\"file\": \"./c d.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n",
             "");
    mkdir(temp_path("empty"), 0777);
    DETECT("empty");
    run_refused(2, "detect: error: empty: no pictures (.jpg, .png, .bmp) in this folder");
}
END_TEST

START_TEST(a_list_on_stdin) {
    run_input = "a.jpg\r\n\nc d.jpg\nb.jpg"; /* a blank line, no end of the last */
    DETECT("-t", "1", "--json", "--no-image", "-");
    run_gave(0,
             "{\"file\": \"a.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n"
             "{\"file\": \"c d.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n"
             "{\"file\": \"b.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n",
             "");
    DETECT("--no-image", "-"); /* an empty list */
    run_gave(0, "", "");
}
END_TEST

/* ---- annotated pictures ---- */

START_TEST(a_foreign_picture_stays) {
    temp_text("a_det.jpg", "mine");
    DETECT("-t", "1", "a.jpg");
    ck_assert_str_eq(
        run_err,
        "detect: error: ./a_det.jpg: exists, and detect did not write it (--force replaces it)\n");
    ck_assert_int_eq(run_code, 5);
    static char text[64];
    run_read(text, sizeof text, "a_det.jpg");
    ck_assert_str_eq(text, "mine");
    DETECT("-t", "1", "--force", "a.jpg");
    run_gave(0, "", "");
    ck_assert(rn_image_is_annotated(temp_path("a_det.jpg")));
    DETECT("-t", "1", "a.jpg"); /* its own it replaces */
    run_gave(0, "", "");
}
END_TEST

START_TEST(where_pictures_go) {
    mkdir(temp_path("more"), 0777);
    ck_assert_int_eq(link(temp_path("b.jpg"), temp_path("more/a.jpg")), 0);
    DETECT("-t", "1", "-o", "out", "a.jpg", "more/a.jpg", "a.jpg");
    run_gave(0, "", "");
    ck_assert(there("out/a_det.jpg") && there("out/a_det-2.jpg") && there("out/a_det-3.jpg"));
    ck_assert(!there("a_det.jpg") && !there("more/a_det.jpg"));
    DETECT("-t", "1", "more/a.jpg"); /* into the current folder, not beside the input */
    ck_assert(there("a_det.jpg") && !there("more/a_det.jpg"));
    DETECT("-t", "1", "-o", "no/where", "a.jpg");
    run_refused(5, "detect: error: no/where/a_det.jpg: cannot write: No such file or directory");
}
END_TEST

/* ---- what cannot be read ---- */

START_TEST(missing_pictures_among_others) {
    DETECT("-t", "1", "--json", "bad.jpg", "a.jpg", "none.jpg");
    run_gave(0, "{\"file\": \"a.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n",
             "detect: error: bad.jpg: cannot open: No such file or directory\n"
             "detect: error: none.jpg: cannot open: No such file or directory\n"
             "detect: 2 of 3 pictures could not be read\n");
    DETECT("-t", "1", "--json", "--on-bad=fail", "b.jpg", "none.jpg", "a.jpg");
    run_gave(2, "{\"file\": \"b.jpg\", \"width\": 64, \"height\": 64, \"detections\": []}\n",
             "detect: error: none.jpg: cannot open: No such file or directory\n"
             "detect: 1 of 2 pictures could not be read\n");
    DETECT("none.jpg");
    run_refused(2, "detect: error: none.jpg: cannot open: No such file or directory");
    DETECT("-q", "none.jpg", "bad.jpg");
    run_gave(2, "",
             "detect: error: none.jpg: cannot open: No such file or directory\n"
             "detect: error: bad.jpg: cannot open: No such file or directory\n");
}
END_TEST

START_TEST(no_model) {
    RUN("detect", "-m", "none", "a.jpg");
    run_refused(2, "detect: error: none: cannot open: No such file or directory");
}
END_TEST

/* ---- the default model ---- */

static void no_default(void) {
    unsetenv("RETINANET_MODEL");
}

static void default_by_name(void) {
    setenv("RETINANET_MODEL", "model.safetensors", 1);
}

/* A program elsewhere: beside it, in ../share/retinanet, by the environment, in this order. */
START_TEST(the_default_model) {
    char from[512];
    snprintf(from, sizeof from, "%s/detect", RN_BIN);
    mkdir(temp_path("bin"), 0777);
    uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(rn_file_read(&bytes, &size, from, (size_t)1 << 30), RN_OK);
    temp_bytes("bin/detect", bytes, size);
    free(bytes);
    ck_assert_int_eq(chmod(temp_path("bin/detect"), 0755), 0);
    run_before = no_default;
    RUN("bin/detect", "-t", "1", "--no-image", "a.jpg");
    run_refused(2, "detect: error: no model: give -m MODEL or set RETINANET_MODEL");
    run_before = default_by_name;
    RUN("bin/detect", "-t", "1", "--no-image", "a.jpg");
    run_gave(0, "", "");
    temp_text("share/retinanet/default.safetensors", "1234567");
    run_before = default_by_name;
    RUN("bin/detect", "-t", "1", "--no-image", "a.jpg");
    ck_assert_ptr_nonnull(strstr(run_err, "/bin/../share/retinanet/default.safetensors: "));
    ck_assert_int_eq(run_code, 2);
    ck_assert_int_eq(link(temp_path("model.safetensors"), temp_path("bin/default.safetensors")), 0);
    run_before = no_default;
    RUN("bin/detect", "-t", "1", "--no-image", "a.jpg");
    run_gave(0, "", "");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("detect");
    TCase *tcase = tcase_create("detect");
    tcase_add_unchecked_fixture(tcase, make_model, remove_model);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_set_timeout(tcase, 120); /* for the sanitizers */
    tcase_add_test(tcase, a_line_a_box);
    tcase_add_test(tcase, a_line_of_json_a_picture);
    tcase_add_test(tcase, threads_do_not_matter);
    tcase_add_test(tcase, instruction_sets);
    tcase_add_test(tcase, a_folder);
    tcase_add_test(tcase, a_list_on_stdin);
    tcase_add_test(tcase, a_foreign_picture_stays);
    tcase_add_test(tcase, where_pictures_go);
    tcase_add_test(tcase, missing_pictures_among_others);
    tcase_add_test(tcase, no_model);
    tcase_add_test(tcase, the_default_model);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
