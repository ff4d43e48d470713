/* COCO sets and results that are odd but taken, sets that cannot be trained on, and pictures out of
 * the folder. A test is named after the number of its case. */
#include "bad_coco.h"
#include "suite.h"

static void write_set(const char *text) {
    write_picture();
    temp_text("gt.json", text);
    temp_text("set/train.json", text);
    temp_text("set/val.json", text);
}

/* All numbers are written, and `said` is all that is said on stderr. */
static void is_evaluated(const char *said) {
    ck_assert_str_eq(run_err, said);
    ck_assert_int_eq(run_code, 0);
}

static void is_stat(int index, double want) {
    ck_assert_double_eq_tol(stat_of(index), want, 1e-12);
}

#define DATA(pictures, empty, boxes)                                                               \
    "data        " #pictures " pictures to train on (" #empty " without objects), " #boxes         \
    " boxes, 1 classes; " #pictures " to validate\n"

/* train describes the data like this. */
static void is_described(const char *said) {
    train_dry();
    ck_assert_str_eq(train_said(), said);
    ck_assert_str_eq(run_out, "");
    ck_assert_int_eq(run_code, 0);
}

START_TEST(line_19_a_byte_order_mark) {
    write_set("\xef\xbb\xbf" TRUTH);
    temp_text("dt.json", "\xef\xbb\xbf" HIT);
    evaluate_files();
    is_evaluated("");
    is_stat(0, 1);
    evaluate_set();
    is_evaluated("");
    is_described(DATA(1, 0, 1));
}
END_TEST

START_TEST(line_25_the_largest_ids) {
    static const char *const ids[] = {"9007199254740992", "-9007199254740992", "0"};
    for (int i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"images\":[{\"id\":%s,\"file_name\":\"a.bmp\"}],\"categories\":[{\"id\":%s,"
                 "\"name\":\"key\"}],\"annotations\":[{\"id\":1%s,\"image_id\":%s,"
                 "\"category_id\":%s," BOX "}]}",
                 ids[i], ids[i], i == 2 ? "" : "1", ids[i], ids[i]);
        write_set(text);
        snprintf(text, sizeof text, "[{\"image_id\":%s,\"category_id\":%s," BOX ",\"score\":0.5}]",
                 ids[i], ids[i]);
        temp_text("dt.json", text);
        evaluate_files();
        is_evaluated("");
        is_stat(0, 1);
        snprintf(text, sizeof text, "{\"category_id\": %s, \"name\": \"key\", ", ids[i]);
        ck_assert_ptr_nonnull(strstr(text_of("o.json"), text));
        is_described(DATA(1, 0, 1));
    }
}
END_TEST

/* The reference takes 0 for "unmatched". */
START_TEST(line_26_annotation_id_0) {
    write_set(NOTES("{\"id\":0," OF BOX "}"));
    temp_text("dt.json", HIT);
    evaluate_files();
    is_evaluated("annotation id 0: matched like any other (the reference code never counts it as "
                 "found)\n");
    is_stat(0, 1);
    is_stat(8, 1);
    is_described(DATA(1, 0, 1));
}
END_TEST

START_TEST(line_28_results_of_no_category) {
    write_set(TRUTH);
    temp_text("dt.json",
              "[{\"image_id\":7,\"category_id\":4," BOX ",\"score\":0.9},{" OF BOX
              ",\"score\":0.5},{\"image_id\":7,\"category_id\":-1," BOX ",\"score\":0.9}]");
    evaluate_files();
    is_evaluated("2 detections of categories that the truth has not: ignored\n");
    is_stat(0, 1);
    ck_assert_ptr_nonnull(
        strstr(text_of("o.json"), "\"detections\": 1, \"ignored_detections\": 2, "));
}
END_TEST

START_TEST(line_30_boxes_without_area) {
    write_set(NOTES("{\"id\":1," OF "\"bbox\":[8,9,0,20]},{\"id\":2," OF "\"bbox\":[8,9,30,0]},"
                    "{\"id\":3," OF BOX "},{\"id\":4," OF "\"bbox\":[8,9,-3,20]},"
                    "{\"id\":5," OF "\"bbox\":[8,9,30,-0.5]}"));
    is_described(
        DATA(1, 0, 1) "data        4 objects skipped:\n"
                      "            skipped: a.bmp: object 1, an empty box (8, 9, 0 x 20)\n"
                      "            skipped: a.bmp: object 2, an empty box (8, 9, 30 x 0)\n"
                      "            skipped: a.bmp: object 4, an empty box (8, 9, -3 x 20)\n"
                      "            skipped: a.bmp: object 5, an empty box (8, 9, 30 x "
                      "-0.5)\n");
    evaluate_set();
    is_evaluated("");
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"objects\": 5, "));
}
END_TEST

START_TEST(line_31_boxes_partly_outside) {
    write_set(NOTES("{\"id\":1," OF "\"bbox\":[-8,9,30,20]},{\"id\":2," OF
                    "\"bbox\":[40,30,30,20]},"
                    "{\"id\":3," OF BOX "},{\"id\":4," OF "\"bbox\":[64,0,9,9]},"
                    "{\"id\":5," OF "\"bbox\":[0,-9,9,9]}"));
    is_described(
        DATA(1, 0, 3) "data        2 objects skipped:\n"
                      "            skipped: a.bmp: object 4, outside of the picture (64, 0, "
                      "9 x 9)\n"
                      "            skipped: a.bmp: object 5, outside of the picture (0, -9, "
                      "9 x 9)\n"
                      "            clipped: 2 boxes reached out of their pictures\n");
    write_set(NOTES("{\"id\":4," OF "\"bbox\":[64,0,9,9]}"));
    train_dry(); /* nothing is left */
    run_refused(2, "train: error: set/train.json: nothing to learn: no object in 1 pictures");
}
END_TEST

/* The numbers of the run's only row of results.csv. */
static void read_row(double *cls_loss, double *positives) {
    const char *row = strchr(text_of("run/results.csv"), '\n');
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(sscanf(row, " %*[^,],%*[^,],%*[^,],%lf,%*[^,],%lf", cls_loss, positives), 2);
}

/* a.bmp with an object, b.bmp with `notes`: one step on both. */
static void train_on(const char *notes, double *cls_loss, double *positives) {
    char text[1024];
    snprintf(text, sizeof text,
             "{\"images\":[{\"id\":7,\"file_name\":\"a.bmp\"},{\"id\":8,\"file_name\":\"b.bmp\"}],"
             "\"annotations\":[{\"id\":1," OF BOX "}%s]," CATEGORIES "}",
             notes);
    write_set(text);
    temp_bmp("set/b.bmp", 64, 48, 9);
    run_args(tiny_args("run", ARGS("-q", "--max-steps", "1", "--set", "flip=0", "--set", "vflip=0",
                                   "--set", "scale-min=1", "--set", "scale-max=1")));
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    read_row(cls_loss, positives);
    nftw(temp_path("run"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#define SECOND(fields) ",{\"id\":2,\"image_id\":8,\"category_id\":3,\"bbox\":[4,4,50,40]" fields "}"

/* Neither a positive, as an object is, nor negative, as the background is. */
START_TEST(line_32_a_crowd_in_training) {
    double empty[2], object[2], crowd[2];
    train_on("", &empty[0], &empty[1]);
    train_on(SECOND(""), &object[0], &object[1]);
    train_on(SECOND(",\"iscrowd\":1"), &crowd[0], &crowd[1]);
    ck_assert(empty[1] > 0 && object[1] > empty[1]);
    ck_assert(crowd[1] == empty[1]);
    ck_assert_msg(crowd[0] < 0.95 * empty[0], "%g and %g", crowd[0], empty[0]);
}
END_TEST

/* A detection in it is no mistake, and it is not missed. */
START_TEST(line_32_a_crowd_in_evaluation) {
    static const char *const flags[] = {"1", "true", "0"};
    temp_text("dt.json", "[{" OF BOX ",\"score\":0.5},{" OF "\"bbox\":[1,1,9,9],\"score\":0.9},"
                         "{" OF "\"bbox\":[2,3,9,9],\"score\":0.8}]");
    for (int i = 0; i < 3; i++) {
        char text[512];
        snprintf(
            text, sizeof text,
            NOTES("{\"id\":1," OF BOX "},{\"id\":2," OF "\"bbox\":[0,0,64,48],\"iscrowd\":%s}"),
            flags[i]);
        write_set(text);
        evaluate_files();
        is_evaluated("");
        if (i < 2) {
            is_stat(0, 1);
            is_stat(8, 1);
        } else {
            ck_assert(stat_of(0) < 0.5 && stat_of(8) == 0.5);
        }
    }
}
END_TEST

START_TEST(line_33_gaps_in_category_ids) {
    write_set("{" IMAGES ",\"categories\":[{\"id\":900,\"name\":\"key\"},{\"id\":5,\"name\":"
              "\"gear\"}],\"annotations\":[{\"id\":1,\"image_id\":7,\"category_id\":900," BOX "},"
              "{\"id\":2,\"image_id\":7,\"category_id\":5,\"bbox\":[1,2,40,40]}]}");
    run_args(tiny_args("run", ARGS("-q", "--max-steps", "1")));
    ck_assert_int_eq(run_code, 0);
    RUN("detect", "-m", "run/last.safetensors", "-t", "0", "--no-image", "--json", "set/a.bmp");
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    int boxes = 0;
    for (const char *at = run_out; (at = strstr(at, "{\"label\": ")) != NULL; at++, boxes++)
        ck_assert(strncmp(at, "{\"label\": \"gear\", \"category_id\": 5, ", 36) == 0 ||
                  strncmp(at, "{\"label\": \"key\", \"category_id\": 900, ", 37) == 0);
    ck_assert_int_gt(boxes, 1);
    RUN("evaluate", "set", "-m", "run/last.safetensors", "--json", "o.json");
    is_evaluated("");
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "{\"category_id\": 5, \"name\": \"gear\", "));
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "{\"category_id\": 900, \"name\": \"key\", "));
}
END_TEST

START_TEST(line_34_file_names_that_lead_out) {
    static const char *const names[] = {"../a.bmp", "/etc/passwd", "x/../../a.bmp", "..", "a/.."};
    temp_bmp("a.bmp", 64, 48, 7);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[512], what[256];
        snprintf(text, sizeof text, IMAGE("{\"id\":7,\"file_name\":^\"%s\"}"), names[i]);
        snprintf(what, sizeof what,
                 "\"file_name\" of an image (got \"%s\", want a path inside the folder)", names[i]);
        truth_is_refused(text, what);
    }
}
END_TEST

START_TEST(line_34_a_link_out_of_the_folder) {
    write_set(TRUTH);
    ck_assert_int_eq(rename(temp_path("set/a.bmp"), temp_path("set/real.bmp")), 0);
    ck_assert_int_eq(symlink("real.bmp", temp_path("set/a.bmp")), 0);
    is_described(DATA(1, 0, 1)); /* one inside of it */
    unlink(temp_path("set/a.bmp"));
    temp_bmp("outside.bmp", 64, 48, 7);
    ck_assert_int_eq(symlink("../outside.bmp", temp_path("set/a.bmp")), 0);
    train_dry();
    run_refused(2, "train: error: set/train.json: file name is a link out of the folder (got "
                   "\"a.bmp\")");
    evaluate_set();
    run_refused(2, "evaluate: error: set/val.json: file name is a link out of the folder (got "
                   "\"a.bmp\")");
}
END_TEST

static const char no_numbers[] =
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = -1.000\n"
    "\nclass      AP    AP50     VOC   VOC07      F1  at score\n"
    "key    -1.000  -1.000  -1.000  -1.000   0.000     0.500\n\n"
    "VOC AP -1.000 over all points, -1.000 over 11 points (VOC07), at IoU 0.50\n"
    "best F1 0.000 at score 0.500; 1 images, 0 objects, 1 detections\n";

START_TEST(line_35_no_annotations) {
    write_set("{" IMAGES ",\"annotations\":[]," CATEGORIES "}");
    temp_text("dt.json", HIT);
    evaluate_files();
    run_gave(0, no_numbers, "");
    evaluate_set();
    is_evaluated("");
    is_stat(0, -1);
    train_dry();
    run_refused(2, "train: error: set/train.json: nothing to learn: no object in 1 pictures");
}
END_TEST

START_TEST(line_37_an_empty_list_of_results) {
    write_set(TRUTH);
    temp_text("dt.json", "[]");
    evaluate_files();
    is_evaluated("");
    is_stat(0, 0);
    is_stat(8, 0);
    is_stat(5, -1); /* there is no large object */
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"objects\": 1, \"detections\": 0, "));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_coco_sets");
    TCase *tests = add_case(suite, "bad_coco_sets");
    tcase_add_test(tests, line_19_a_byte_order_mark);
    tcase_add_test(tests, line_25_the_largest_ids);
    tcase_add_test(tests, line_26_annotation_id_0);
    tcase_add_test(tests, line_28_results_of_no_category);
    tcase_add_test(tests, line_30_boxes_without_area);
    tcase_add_test(tests, line_31_boxes_partly_outside);
    tcase_add_test(tests, line_32_a_crowd_in_training);
    tcase_add_test(tests, line_32_a_crowd_in_evaluation);
    tcase_add_test(tests, line_33_gaps_in_category_ids);
    tcase_add_test(tests, line_34_file_names_that_lead_out);
    tcase_add_test(tests, line_34_a_link_out_of_the_folder);
    tcase_add_test(tests, line_35_no_annotations);
    tcase_add_test(tests, line_37_an_empty_list_of_results);
    return suite_run(suite);
}
