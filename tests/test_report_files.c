/* The files of a report: tables word for word, pictures by their size and some pixels. */
#include "eval/report_files.h"
#include "small_set.h"

static rn_report report;

/* Right .9, wrong .8, right .5 of two cups; a jar is taken for a cup's place at .75, and no pot. */
static void make_report(void) {
    object(1, 3, square, 0, false);
    object(2, 3, square, 0, false);
    object(1, 7, far_off, 0, false);
    detection(1, 3, square, 0.9);
    detection(3, 3, square, 0.8);
    detection(1, 3, far_off, 0.75);
    detection(2, 3, square, 0.5);
    evaluate();
    const rn_evaluate_options options = {.confusion = true, .score = -1};
    ck_assert_msg(rn_evaluate_files(&report, temp_path("truth.json"), temp_path("results.json"),
                                    &options, NULL) == RN_OK,
                  "%s", rn_error_text());
}

static void drop(void) {
    rn_report_free(&report);
    teardown();
}

static void write_report(void) {
    ck_assert_msg(rn_report_write(&report, temp_path("out/plots")) == RN_OK, "%s", rn_error_text());
}

static void check_text(const char *name, const char *want) {
    static char got[8192];
    FILE *file = fopen(temp_path(name), "rb");
    ck_assert_ptr_nonnull(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(got, want);
}

START_TEST(tables) {
    make_report();
    ck_assert(report.confusion_score == 0.5); /* F1 4 / (4 + 3) is the best; nothing is below */
    write_report();
    check_text("out/plots/pr.csv", "class,score,true,false,precision,recall,f1\n"
                                   "(all),0.9,1,0,1,0.3333333333333333,0.5\n"
                                   "(all),0.5,2,2,0.5,0.6666666666666666,0.5714285714285714\n"
                                   "cup,0.9,1,0,1,0.5,0.6666666666666666\n"
                                   "cup,0.5,2,2,0.5,1,0.6666666666666666\n");
    check_text("out/plots/confusion.csv", "truth,cup,jar,pot,background\n"
                                          "cup,2,0,0,0\n"
                                          "jar,1,0,0,0\n"
                                          "pot,0,0,0,0\n"
                                          "background,1,0,0,0\n");
}
END_TEST

static rn_image image;

static void read_picture(const char *name, int width, int height) {
    rn_image_free(&image);
    ck_assert_msg(rn_image_read(&image, temp_path(name), NULL) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(image.width, width);
    ck_assert_int_eq(image.height, height);
}

static bool is(int x, int y, int r, int g, int b) {
    const uint8_t *p = image.pixels + 3 * (y * image.width + x);
    return p[0] == r && p[1] == g && p[2] == b;
}

/* The axes' origin is (70, 640), 1 lies 600 pixels on; the first class is (255, 59, 48). */
START_TEST(pictures_of_curves) {
    make_report();
    write_report();
    read_picture("out/plots/pr_curve.png", 1000, 700);
    ck_assert(is(0, 0, 255, 255, 255) && is(999, 699, 255, 255, 255));
    ck_assert(is(400, 310, 255, 255, 255)); /* between the lines of the grid */
    ck_assert(is(370, 160, 255, 59, 48));   /* cups: down from 1 to 1/3 at recall 1/2 */
    ck_assert(is(269, 160, 0, 0, 0));       /* all: the same at recall 1/3 */
    ck_assert(is(470, 340, 0, 0, 0));       /* the dot at (2/3, 1/2) */
    ck_assert(is(473, 342, 0, 0, 0));
    ck_assert(is(100, 560, 255, 255, 255));
    read_picture("out/plots/f1_curve.png", 1000, 700);
    ck_assert(is(370, 297, 0, 0, 0)); /* the dot at (.5, 4/7) */
    ck_assert(is(100, 105, 255, 255, 255));
    rn_image_free(&image);
}
END_TEST

START_TEST(picture_of_a_matrix) {
    make_report();
    write_report();
    ck_assert_int_eq(rn_image_read(&image, temp_path("out/plots/confusion.png"), NULL), RN_OK);
    /* four cells of 72 behind the labels: "background" is the widest */
    int x = 0, y = 40;
    while (x < image.width && !is(x, y + 150, 40, 40, 40)) x++;
    ck_assert_int_gt(x, 80);
    ck_assert_int_lt(x, 200);
    ck_assert_int_eq(image.width, x + 300 + 110);
    ck_assert(is(x + 10, y + 10, 8, 60, 130));     /* both cups are found */
    ck_assert(is(x + 10, y + 82, 8, 60, 130));     /* the jar is a cup */
    ck_assert(is(x + 82, y + 10, 255, 255, 255));  /* no cup is a jar */
    ck_assert(is(x + 10, y + 154, 255, 255, 255)); /* there is no pot */
    ck_assert(is(x + 10, y + 226, 8, 60, 130));    /* and a cup where nothing is */
    ck_assert(is(x + 72, y + 10, 225, 225, 225));  /* lines of the grid */
    ck_assert(is(x + 216, y + 10, 40, 40, 40));
    ck_assert(is(x + 288, y + 288, 40, 40, 40));
    rn_image_free(&image);
}
END_TEST

START_TEST(names_that_a_table_quotes) {
    static char odd[] = "a,\"b\"\nc";
    make_report();
    free(report.classes[0].name);
    report.classes[0].name = strdup(odd);
    write_report();
    check_text("out/plots/confusion.csv", "truth,\"a,\"\"b\"\"\nc\",jar,pot,background\n"
                                          "\"a,\"\"b\"\"\nc\",2,0,0,0\n"
                                          "jar,1,0,0,0\n"
                                          "pot,0,0,0,0\n"
                                          "background,1,0,0,0\n");
}
END_TEST

START_TEST(without_a_matrix) {
    make_report();
    free(report.confusion);
    report.confusion = NULL;
    write_report();
    ck_assert_int_eq(access(temp_path("out/plots/pr.csv"), F_OK), 0);
    ck_assert_int_ne(access(temp_path("out/plots/confusion.csv"), F_OK), 0);
    ck_assert_int_ne(access(temp_path("out/plots/confusion.png"), F_OK), 0);
}
END_TEST

START_TEST(nothing_to_show) {
    const rn_report empty = {0};
    ck_assert_int_eq(rn_report_write(&empty, temp_path("out")), RN_OK);
    check_text("out/pr.csv", "class,score,true,false,precision,recall,f1\n");
    read_picture("out/pr_curve.png", 1000, 700);
    rn_image_free(&image);
}
END_TEST

/* Many classes: cells of 16 pixels, then smaller ones; the legend says how many it leaves out. */
START_TEST(many_classes) {
    enum { MANY = 300 };
    static size_t matrix[(MANY + 1) * (MANY + 1)];
    static rn_class_report classes[MANY];
    static rn_curve_point points[MANY] = {{0}};
    rn_report many = {.classes = classes, .n_classes = 80, .confusion = matrix};
    for (size_t k = 0; k < MANY; k++) {
        static char name[] = "a name that is too long to be shown whole by any of the pictures";
        points[k] = (rn_curve_point){0.5, 1, k};
        classes[k] = (rn_class_report){.name = name, .curve = {&points[k], 1, 1, 0.5, 0.5}};
    }
    ck_assert_int_eq(rn_report_write(&many, temp_path("out")), RN_OK);
    read_picture("out/confusion.png", 30 + 180 + 24 + 81 * 16 + 110, 40 + 81 * 16 + 180 + 54);
    many.n_classes = MANY;
    ck_assert_int_eq(rn_report_write(&many, temp_path("out")), RN_OK);
    read_picture("out/confusion.png", 30 + 180 + 24 + 301 * 6 + 110, 40 + 301 * 6 + 180 + 54);
    rn_image_free(&image);
}
END_TEST

START_TEST(a_folder_that_cannot_be) {
    char want[512];
    make_report();
    temp_text("file", "");
    ck_assert_int_eq(rn_report_write(&report, temp_path("file/plots")), RN_EIO);
    snprintf(want, sizeof want, "%s", temp_path("file"));
    ck_assert_ptr_nonnull(strstr(rn_error_text(), want));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("report_files");
    TCase *tests = tcase_create("report_files");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, drop);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, pictures_of_curves);
    tcase_add_test(tests, picture_of_a_matrix);
    tcase_add_test(tests, names_that_a_table_quotes);
    tcase_add_test(tests, without_a_matrix);
    tcase_add_test(tests, nothing_to_show);
    tcase_add_test(tests, many_classes);
    tcase_add_test(tests, a_folder_that_cannot_be);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
