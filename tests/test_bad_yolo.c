/* Lines 48 to 55 of the bad inputs, YOLO's, as a user meets them. */
#include "run_program.h"
#include "suite.h"

/* Ten pictures of 64 x 64 in images/train and one in images/val, with a box each of class 0 or 1.
 */
static void make_set(void) {
    char name[64];
    temp_open();
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "set/images/train/p%d.bmp", i);
        temp_bmp(name, 64, 64, 0);
        snprintf(name, sizeof name, "set/labels/train/p%d.txt", i);
        temp_text(name, i % 2 ? "1 0.5 0.5 0.5 0.5\n" : "0 0.5 0.5 0.25 0.25\n");
    }
    temp_bmp("set/images/val/v.bmp", 64, 64, 0);
    temp_text("set/labels/val/v.txt", "0 0.5 0.5 0.5 0.5\n");
    temp_text("set/data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n");
}

static int dry_run(void) {
    return RUN("train", "set", "--dry-run", "--preset", "nano", "--size", "64", "--threads", "1");
}

/* With `label` as the third picture's labels both programs refuse the set. */
static void refused(const char *label, const char *text) {
    char line[512];
    temp_text("set/labels/train/p2.txt", label);
    dry_run();
    snprintf(line, sizeof line, "train: error: set/labels/train/p2.txt:%s", text);
    run_refused(2, line);
    RUN("evaluate", "set", "--split", "train");
    snprintf(line, sizeof line, "evaluate: error: set/labels/train/p2.txt:%s", text);
    run_refused(2, line);
    ck_assert(access(temp_path("runs"), F_OK) != 0);
}

/* With it the set is taken, and this is said of it. */
static void taken(const char *label, const char *text) {
    temp_text("set/labels/train/p2.txt", label);
    ck_assert_msg(dry_run() == 0, "%s", run_err);
    ck_assert_str_eq(run_out, "");
    char *rest = strstr(run_err, "anchors ");
    ck_assert_ptr_nonnull(rest);
    *rest = '\0'; /* the rest is not of the data */
    ck_assert_str_eq(run_err, text);
}

START_TEST(line_48_fields) {
    refused("0 0.5 0.5 0.25\n", "1:1: fields of the line (got 4, want 5: class x y width height)");
    refused("0 0.5 0.5 0.25 0.25 0.99\n",
            "1:1: fields of the line (got 6, want 5: class x y width height; a confidence does "
            "not belong here)");
    refused("0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n",
            "2:1: fields of the line (got 9, want 5: class x y width height; is it a segmentation "
            "label?)");
}
END_TEST

START_TEST(line_49_outside_of_the_picture) {
    refused("0 1.07 0.5 0.25 0.25\n", "1:3: x (got 1.07, want a share of the picture, 0..1)");
    refused("0 0.5 -0.04 0.25 0.25\n", "1:7: y (got -0.04, want a share of the picture, 0..1)");
}
END_TEST

START_TEST(line_50_classes) {
    refused("2 0.5 0.5 0.25 0.25\n", "1:1: class (got 2, want an integer in 0..1)");
    refused("1.0 0.5 0.5 0.25 0.25\n", "1:1: class (got 1.0, want an integer in 0..1)");
    refused("-1 0.5 0.5 0.25 0.25\n", "1:1: class (got -1, want an integer in 0..1)");
}
END_TEST

static void german(void) {
    setenv("LC_ALL", "de_DE.UTF-8", 1);
}

START_TEST(line_51_comma_decimals) {
    run_before = german;
    refused("0 0,5 0,5 0,25 0,25\n", "1:3: x (got 0,5, want a share of the picture, 0..1)");
    run_before = german;
    taken("0 0.5 0.5 0.25 0.25\n",
          "data        10 pictures to train on (0 without objects), 10 boxes, 2 classes; 1 to "
          "validate\n");
}
END_TEST

START_TEST(line_52_no_numbers) {
    refused("0 nan 0.5 0.25 0.25\n", "1:3: x (got nan, want a share of the picture, 0..1)");
    refused("0 0.5 inf 0.25 0.25\n", "1:7: y (got inf, want a share of the picture, 0..1)");
    refused("0 0.5 0.5 0x1p-2 0.25\n",
            "1:11: width (got 0x1p-2, want a share of the picture, 0..1)");
}
END_TEST

START_TEST(line_53_ends_of_lines) {
    static const char said[] = "data        10 pictures to train on (0 without objects), 11 boxes, "
                               "2 classes; 1 to validate\n";
    taken("0 0.5 0.5 0.25 0.25\r\n1 0.5 0.5 0.25 0.25\r\n", said);
    taken("0 0.5 0.5 0.25 0.25\n1 0.5 0.5 0.25 0.25", said);
}
END_TEST

START_TEST(line_54_background) {
    taken("", "data        10 pictures to train on (1 without objects), 9 boxes, 2 classes; 1 to "
              "validate\n");
    unlink(temp_path("set/labels/train/p4.txt"));
    taken("", "data        10 pictures to train on (2 without objects), 8 boxes, 2 classes; 1 to "
              "validate\n"
              "            1 pictures without a label file are taken as background\n");
}
END_TEST

START_TEST(line_55_repeated_lines) {
    taken("0 0.5 0.5 0.25 0.25\n0 0.5 0.5 0.25 0.250\n",
          "data        10 pictures to train on (0 without objects), 10 boxes, 2 classes; 1 to "
          "validate\n"
          "data        1 objects skipped:\n"
          "            skipped: set/labels/train/p2.txt:2:1: the same box as before\n");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_yolo");
    TCase *tests = tcase_create("bad_yolo");
    tcase_add_checked_fixture(tests, make_set, temp_close);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, line_48_fields);
    tcase_add_test(tests, line_49_outside_of_the_picture);
    tcase_add_test(tests, line_50_classes);
    tcase_add_test(tests, line_51_comma_decimals);
    tcase_add_test(tests, line_52_no_numbers);
    tcase_add_test(tests, line_53_ends_of_lines);
    tcase_add_test(tests, line_54_background);
    tcase_add_test(tests, line_55_repeated_lines);
    return suite_run(suite);
}
