/* The COCO readers, ground truth and results: what they take as it is, what they refuse, with the
 * whole text. */
#include "data/coco.h"
#include "marked_text.h"
#include "suite.h"

static rn_dataset set;
static rn_results results;

static void teardown(void) {
    rn_results_free(&results);
    rn_dataset_free(&set);
    temp_close();
}

#define IMAGES "\"images\":[{\"id\":7,\"file_name\":\"a.jpg\",\"width\":40,\"height\":30}]"

#define CATEGORIES       "\"categories\":[{\"id\":3,\"name\":\"cat\"}]"
#define IMAGE(fields)    "{\"images\":[" fields "],\"annotations\":[]," CATEGORIES "}"
#define CATEGORY(fields) "{" IMAGES ",\"annotations\":[],\"categories\":[" fields "]}"
#define NOTES(fields)    "{" IMAGES "," CATEGORIES ",\"annotations\":[" fields "]}"
#define BOX              "\"bbox\":[1,2,3,4]"
#define OF               "\"image_id\":7,\"category_id\":3,"

static void reads(const char *text) {
    temp_text("t.json", text);
    rn_dataset_free(&set);
    const rn_status status = rn_coco_read(&set, temp_path("t.json"));
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

static void is_error(const char *file, const char *what) {
    ck_assert_str_eq(rn_error_text(), marked_message(temp_path(file), what));
}

static void refuses(const char *text, const char *what) {
    marked_write("t.json", text);
    rn_dataset_free(&set);
    set.n_records = 77;
    ck_assert_int_eq(rn_coco_read(&set, temp_path("t.json")), RN_EINPUT);
    is_error("t.json", what);
    const rn_dataset empty = {0};
    ck_assert_mem_eq(&set, &empty, sizeof set);
}

/* ---- what is taken ---- */

START_TEST(a_set_is_read_as_given) {
    reads("{\"info\":{\"images\":[1]},\n\"annotations\":["
          "{\"id\":0,\"image_id\":9,\"category_id\":90,\"bbox\":[1.5,2,-3,4],\"x\":[{}]},"
          "{\"id\":-5,\"image_id\":7,\"category_id\":-2,\"bbox\":[0,0,0,0],\"area\":12.5,"
          "\"iscrowd\":1},"
          "{\"id\":3,\"image_id\":9,\"category_id\":-2,\"bbox\":[100,100,5,6],\"iscrowd\":0,"
          "\"segmentation\":[[1,2]]}],\n"
          "\"images\":[{\"id\":9,\"file_name\":\"b/c d.jpg\"},"
          "{\"id\":8,\"file_name\":\"\\u00e9.png\",\"width\":0,\"height\":5},"
          "{\"id\":7,\"file_name\":\"..a\",\"width\":2147483647,\"height\":3}],"
          "\"categories\":[{\"id\":90,\"name\":\"z\"},{\"id\":-2,\"name\":\"a b\"},"
          "{\"id\":5,\"name\":\"Z\",\"supercategory\":\"z\"}]}");
    ck_assert_str_eq(set.name, temp_path("t.json"));
    ck_assert_str_eq(set.notes, "");
    ck_assert_uint_eq(set.n_skipped, 0);
    static const int64_t ids[] = {-2, 5, 90}, image_ids[] = {9, 8, 7};
    static const char *const names[] = {"a b", "Z", "z"};
    static const char *const files[] = {"b/c d.jpg", "\xc3\xa9.png", "..a"};
    static const int sizes[][2] = {{0, 0}, {0, 5}, {2147483647, 3}};
    static const size_t first[] = {0, 2, 2}, count[] = {2, 0, 1};
    ck_assert_uint_eq(set.n_classes, 3);
    ck_assert_uint_eq(set.n_records, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(set.category_ids[i], ids[i]);
        ck_assert_str_eq(set.class_names[i], names[i]);
        ck_assert_int_eq(set.records[i].id, image_ids[i]);
        ck_assert_str_eq(set.records[i].file, files[i]);
        ck_assert_ptr_null(set.records[i].path);
        ck_assert_int_eq(set.records[i].width, sizes[i][0]);
        ck_assert_int_eq(set.records[i].height, sizes[i][1]);
        ck_assert_uint_eq(set.records[i].first_object, first[i]);
        ck_assert_uint_eq(set.records[i].n_objects, count[i]);
    }
    static const rn_object want[] = {
        {.x = 1.5, .y = 2, .w = -3, .h = 4, .area = -12, .label = 2, .id = 0},
        {.x = 100, .y = 100, .w = 5, .h = 6, .area = 30, .label = 0, .id = 3},
        {.area = 12.5, .label = 0, .crowd = true, .id = -5}};
    ck_assert_uint_eq(set.n_objects, 3);
    for (int i = 0; i < 3; i++) {
        const rn_object *o = &set.objects[i], *w = &want[i];
        ck_assert(o->x == w->x && o->y == w->y && o->w == w->w && o->h == w->h);
        ck_assert(o->area == w->area && o->label == w->label && o->crowd == w->crowd);
        ck_assert(!o->difficult);
        ck_assert_int_eq(o->id, w->id);
    }
}
END_TEST

START_TEST(odd_but_right_sets) {
    reads("\xef\xbb\xbf{\"images\":[],\"annotations\":[],\"categories\":[]}");
    ck_assert(set.n_records == 0 && set.n_objects == 0 && set.n_classes == 0);
    reads(NOTES(""));
    ck_assert(set.n_records == 1 && set.n_objects == 0 && set.n_classes == 1);
    ck_assert_uint_eq(set.records[0].n_objects, 0);
    reads(NOTES("{\"id\":9007199254740992," OF BOX ",\"iscrowd\":true},"
                "{\"id\":-9007199254740992," OF BOX ",\"iscrowd\":false}"));
    ck_assert_int_eq(set.objects[0].id, INT64_C(9007199254740992));
    ck_assert_int_eq(set.objects[1].id, -INT64_C(9007199254740992));
    ck_assert(set.objects[0].crowd && !set.objects[1].crowd);
    reads(NOTES("{\"id\":1," OF BOX ",\"area\":0}")); /* a given area counts, even none */
    ck_assert(set.objects[0].area == 0);
    /* the same number as image, annotation and category: three kinds of ids */
    reads("{\"images\":[{\"id\":1,\"file_name\":\"a\"}],\"categories\":[{\"id\":1,\"name\":\"a\"}],"
          "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1," BOX "}]}");
    ck_assert_uint_eq(set.n_objects, 1);
}
END_TEST

/* ---- ground truth that is refused ---- */

START_TEST(texts_that_are_no_set) {
    char *deep = malloc(100001);
    char want[512];
    ck_assert_ptr_nonnull(deep);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    refuses("^", "empty file (want JSON)");
    refuses("^\xff\xfe{\n}\n", "encoding (got UTF-16 or UTF-32, want UTF-8)");
    refuses(NOTES("") "\n ^x", "text after the end (got 'x')");
    refuses("{\"images\":[{\"id\":1,\"file_name\":^\"abc",
            "string is cut (got the end of the file, want '\"')");
    refuses("^[]", "ground truth (got an array, want an object)");
    refuses("^\"x\"", "ground truth (got \"x\", want an object)");
    refuses("\n^{}", "ground truth has no \"images\"");
    refuses("^{" IMAGES "," CATEGORIES "}", "ground truth has no \"annotations\"");
    refuses("^{" IMAGES ",\"annotations\":[]}", "ground truth has no \"categories\"");
    refuses("{\"images\":^{}}", "\"images\" (got an object, want an array)");
    refuses("{\"images\":[],\"annotations\":^null}", "\"annotations\" (got null, want an array)");
    refuses("{\"categories\":^3}", "\"categories\" (got 3, want an array)");
    refuses("{~\"images\":[],^\"images\":[]}", "duplicate key (got \"images\", first at @)");
    refuses("{\"images\":[{\"id\":1,\"file_name\":\"a^\xe9\"}]}", "not UTF-8 (got byte 0xe9)");
    deep[64] = '^';
    refuses(deep, "nested deeper than 64");
    memcpy(deep, "{\"a\":", 5);
    deep[64] = '[';
    deep[68] = '^'; /* behind 1 and 63 of the array's */
    refuses(deep, "nested deeper than 64");
    free(deep);
    ck_assert_int_eq(rn_coco_read(&set, temp_path("none.json")), RN_EINPUT);
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory",
             temp_path("none.json"));
    ck_assert_str_eq(rn_error_text(), want);
}
END_TEST

START_TEST(images_are_checked) {
#define ID_WANT ", want an integer of at most 2^53)"
    refuses(IMAGE("^{\"file_name\":\"a\"}"), "image has no \"id\"");
    refuses(IMAGE("{\"id\":1,\"file_name\":\"a\"},\n^{\"id\":2}"), "image has no \"file_name\"");
    refuses(IMAGE("^5"), "image (got 5, want an object)");
    refuses(IMAGE("{\"id\":^\"12\"}"), "\"id\" of an image (got \"12\"" ID_WANT);
    refuses(IMAGE("{\"id\":^1.5}"), "\"id\" of an image (got 1.5" ID_WANT);
    refuses(IMAGE("{\"id\":^9007199254740993}"),
            "\"id\" of an image (got 9007199254740993" ID_WANT);
    refuses(IMAGE("{\"id\":^1e999}"), "not a JSON value or out of range (got 1e999)");
    refuses(IMAGE("~{\"id\":1,\"file_name\":\"a\"},{\"id\":2,\"file_name\":\"b\"},\n"
                  " ^{\"id\":1,\"file_name\":\"c\"}"),
            "duplicate image id (got 1, first at @)");
    refuses(IMAGE("{~\"id\":1,^\"id\":1}"), "duplicate key (got \"id\", first at @)");
    refuses(IMAGE("{\"id\":1,\"file_name\":\"a\",\"width\":^-1}"),
            "\"width\" of an image (got -1, want an integer of 0..2147483647)");
    refuses(IMAGE("{\"id\":1,\"file_name\":\"a\",\"height\":^2147483648}"),
            "\"height\" of an image (got 2147483648, want an integer of 0..2147483647)");
    refuses(IMAGE("{\"id\":1,\"file_name\":\"a\",\"height\":^4.5}"),
            "\"height\" of an image (got 4.5, want an integer of 0..2147483647)");
    refuses(
        IMAGE("{\"id\":1,\"file_name\":^\"\"}"),
        "\"file_name\" of an image (got \"\", want a string that is not empty, without \\u0000)");
    refuses(IMAGE("{\"id\":1,\"file_name\":^null}"),
            "\"file_name\" of an image (got null, want a string)");
}
END_TEST

START_TEST(file_names_stay_inside) {
    static const char *const names[] = {"/a",    "../a",           "..",     "a/..", "a/../b",
                                        "a//..", "a/b/../../../c", "./../a", "/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[512], what[256];
        snprintf(text, sizeof text, IMAGE("{\"id\":1,\"file_name\":^\"%s\"}"), names[i]);
        snprintf(what, sizeof what,
                 "\"file_name\" of an image (got \"%s\", want a path inside the folder)", names[i]);
        refuses(text, what);
    }
    refuses(IMAGE("{\"id\":1,\"file_name\":^\"\\u002e./a\"}"), /* however it is written */
            "\"file_name\" of an image (got \"../a\", want a path inside the folder)");
    static const char *const fine[] = {"..a", "a..", "...", "a/..b/c", ".a", "./a", "a..b/c"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        char text[512];
        snprintf(text, sizeof text, IMAGE("{\"id\":1,\"file_name\":\"%s\"}"), fine[i]);
        reads(text);
        ck_assert_str_eq(set.records[0].file, fine[i]);
    }
}
END_TEST

START_TEST(annotations_are_checked) {
    refuses(NOTES("^{" OF BOX "}"), "annotation has no \"id\"");
    refuses(NOTES("^{\"id\":1,\"category_id\":3," BOX "}"), "annotation has no \"image_id\"");
    refuses(NOTES("^{\"id\":1,\"image_id\":7," BOX "}"), "annotation has no \"category_id\"");
    refuses(NOTES("^{\"id\":1," OF "\"area\":3}"), "annotation has no \"bbox\"");
    refuses(NOTES("^[]"), "annotation (got an array, want an object)");
    refuses(NOTES("~{\"id\":4," OF BOX "},\n^{\"id\":4," OF BOX "}"),
            "duplicate annotation id (got 4, first at @)");
    refuses(NOTES("{\"id\":1," OF "~" BOX ",^" BOX "}"),
            "duplicate key (got \"bbox\", first at @)");
    refuses(NOTES("\n^{\"id\":1,\"image_id\":6,\"category_id\":3," BOX "}"),
            "annotation of an unknown image (got image_id 6)");
    refuses(NOTES("^{\"id\":1,\"image_id\":7,\"category_id\":4," BOX "}"),
            "annotation of an unknown category (got category_id 4)");
    refuses(NOTES("{\"id\":^true}"), "\"id\" of an annotation (got true" ID_WANT);
    refuses(NOTES("{\"image_id\":^\"7\"}"), "\"image_id\" of an annotation (got \"7\"" ID_WANT);
    refuses(NOTES("{\"image_id\":^7.0}"), "\"image_id\" of an annotation (got 7.0" ID_WANT);
    refuses(NOTES("{\"category_id\":^null}"), "\"category_id\" of an annotation (got null" ID_WANT);
    refuses(NOTES("{\"iscrowd\":^2}"),
            "\"iscrowd\" of an annotation (got 2, want an integer of 0..1)");
    refuses(NOTES("{\"iscrowd\":^\"0\"}"),
            "\"iscrowd\" of an annotation (got \"0\", want an integer of 0..1)");
    refuses(NOTES("{\"area\":^\"9\"}"), "\"area\" of an annotation (got \"9\", want a number)");
    refuses(NOTES("{\"area\":^null}"), "\"area\" of an annotation (got null, want a number)");
}
END_TEST

#define FOUR ", want an array of 4 numbers)"
START_TEST(boxes_are_four_finite_numbers) {
    refuses(NOTES("{\"bbox\":^[1,2,3]}"), "\"bbox\" of an annotation (got 3 numbers, want 4)");
    refuses(NOTES("{\"bbox\":^[1,2,3,4,5]}"), "\"bbox\" of an annotation (got 5 numbers, want 4)");
    refuses(NOTES("{\"bbox\":[1,2,^\"3\",4]}"), "\"bbox\" of an annotation (got \"3\"" FOUR);
    refuses(NOTES("{\"bbox\":[1,2,^null,4]}"), "\"bbox\" of an annotation (got null" FOUR);
    refuses(NOTES("{\"bbox\":^null}"), "\"bbox\" of an annotation (got null" FOUR);
    refuses(NOTES("{\"bbox\":[1,2,^NaN,4]}"), "not a JSON value or out of range (got NaN)");
    refuses(NOTES("{\"bbox\":[1,2,3,^-Infinity]}"),
            "not a JSON value or out of range (got -Infinity)");
    refuses(NOTES("{\"bbox\":[^1e999,2,3,4]}"), "not a JSON value or out of range (got 1e999)");
}
END_TEST

START_TEST(categories_are_checked) {
    refuses(CATEGORY("^{\"name\":\"a\"}"), "category has no \"id\"");
    refuses(CATEGORY("^{\"id\":1}"), "category has no \"name\"");
    refuses(CATEGORY("^\"cat\""), "category (got \"cat\", want an object)");
    refuses(CATEGORY("{\"id\":^\"1\"}"), "\"id\" of a category (got \"1\"" ID_WANT);
    refuses(CATEGORY("{\"id\":1,\"name\":^7}"), "\"name\" of a category (got 7, want a string)");
    refuses(CATEGORY("~{\"id\":4,\"name\":\"b\"},{\"id\":2,\"name\":\"a\"},\n"
                     "^{\"id\":4,\"name\":\"c\"}"),
            "duplicate category id (got 4, first at @)");
    refuses(CATEGORY("~{\"id\":9,\"name\":\"b\"},{\"id\":2,\"name\":\"a\"},\n"
                     "^{\"id\":4,\"name\":\"b\"}"),
            "duplicate category name (got \"b\", first at @)");
    refuses(CATEGORY("{\"id\":2,\"name\":\"a\"},~{\"id\":9,\"name\":\"b\"},^{\"id\":4,"
                     "\"name\":\"b\"},{\"id\":3,\"name\":\"b\"}"),
            "duplicate category name (got \"b\", first at @)");
    reads(
        CATEGORY("{\"id\":4,\"name\":\"b\"},{\"id\":2,\"name\":\"B\"},{\"id\":3,\"name\":\"b \"}"));
    ck_assert_uint_eq(set.n_classes, 3); /* three names, though much alike */
}
END_TEST

/* ---- results ---- */

static rn_status read_results(void) {
    reads(
        "{\"images\":[{\"id\":7,\"file_name\":\"a\"},{\"id\":-1,\"file_name\":\"b\"}],"
        "\"annotations\":[],\"categories\":[{\"id\":3,\"name\":\"c\"},{\"id\":9,\"name\":\"d\"}]}");
    rn_results_free(&results);
    return rn_results_read(&results, temp_path("d.json"), &set);
}

static void refuses_results(const char *text, const char *what) {
    const rn_results empty = {0};
    marked_write("d.json", text);
    ck_assert_int_eq(read_results(), RN_EINPUT);
    is_error("d.json", what);
    ck_assert_mem_eq(&results, &empty, sizeof results);
}

START_TEST(results_are_taken_as_given) {
    temp_text("d.json",
              "[{\"image_id\":7,\"category_id\":9,\"bbox\":[-5,1.5,0,-2],\"score\":0.25},\n"
              "{\"score\":1e-300,\"bbox\":[1,2,3,4],\"category_id\":4,\"image_id\":7},"
              "{\"score\":-3,\"bbox\":[1e9,2,3,4],\"category_id\":3,\"image_id\":-1,\"id\":\"x\"},"
              "{\"score\":5,\"bbox\":[1,2,3,4],\"category_id\":-9,\"image_id\":-1},"
              "{\"score\":5,\"bbox\":[1,2,3,4],\"category_id\":9,\"image_id\":7}]\n");
    ck_assert_int_eq(read_results(), RN_OK);
    static const rn_result_row want[] = {
        {7, 9, -5, 1.5, 0, -2, 0.25}, {-1, 3, 1e9, 2, 3, 4, -3}, {7, 9, 1, 2, 3, 4, 5}};
    ck_assert_uint_eq(results.n, 3); /* in the file's order */
    ck_assert_mem_eq(results.rows, want, sizeof want);
    ck_assert_uint_eq(results.n_unknown_category, 2);
    temp_text("d.json", " [ ] ");
    ck_assert_int_eq(read_results(), RN_OK);
    ck_assert_uint_eq(results.n, 0);
    ck_assert_uint_eq(results.n_unknown_category, 0);
}
END_TEST

#define ROW "\"category_id\":3," BOX ",\"score\":0.5}"
START_TEST(results_are_checked) {
    refuses_results("^", "empty file (want JSON)");
    refuses_results("^{\"annotations\":[]}", "detections (got an object, want an array)");
    refuses_results("[^5]", "detection (got 5, want an object)");
    refuses_results("[]^]", "text after the end (got ']')");
    refuses_results("[{\"image_id\":7," ROW ",\n^{\"image_id\":6," ROW "]",
                    "detection in an image that the ground truth has not (got image_id 6)");
    refuses_results("[^{" ROW "]", "detection has no \"image_id\"");
    refuses_results("[^{\"image_id\":7," BOX ",\"score\":1}]", "detection has no \"category_id\"");
    refuses_results("[^{" OF "\"score\":1}]", "detection has no \"bbox\"");
    refuses_results("[^{" OF BOX "}]", "detection has no \"score\"");
    refuses_results("[{\"score\":^NaN}]", "not a JSON value or out of range (got NaN)");
    refuses_results("[{\"score\":^\"0.5\"}]",
                    "\"score\" of a detection (got \"0.5\", want a number)");
    refuses_results("[{\"score\":^null}]", "\"score\" of a detection (got null, want a number)");
    refuses_results("[{\"bbox\":^[1,2,3]}]", "\"bbox\" of a detection (got 3 numbers, want 4)");
    refuses_results("[{\"bbox\":[1,^\"2\",3,4]}]", "\"bbox\" of a detection (got \"2\"" FOUR);
    refuses_results("[{\"image_id\":^7.5}]", "\"image_id\" of a detection (got 7.5" ID_WANT);
    refuses_results("[{\"category_id\":^\"3\"}]",
                    "\"category_id\" of a detection (got \"3\"" ID_WANT);
    refuses_results("[{~\"score\":1,^\"score\":1}]", "duplicate key (got \"score\", first at @)");
    refuses_results("[{\"image_id\":7," ROW "^",
                    "not JSON (got the end of the file, want ',' or ']')");
}
END_TEST

/* Written and read back they are the same bits, more rows than the writer's buffer holds too. */
START_TEST(results_are_written) {
    static rn_result_row rows[1000];
    static char text[4096];
    reads("{" IMAGES ",\"annotations\":[]," CATEGORIES "}");
    rows[0] = (rn_result_row){7, 3, 0.1, -0.0, 10.199999809265137, 1e-300, 0.30000000000000004};
    rows[1] = (rn_result_row){7, 3, 1, 2.5, 3e20, 4, 1};
    const rn_results two = {.rows = rows, .n = 2}, none = {0}, many = {.rows = rows, .n = 1000};
    ck_assert_int_eq(rn_results_write(temp_path("d.json"), &two), RN_OK);
    FILE *file = fopen(temp_path("d.json"), "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(text, "[{\"image_id\": 7, \"category_id\": 3, \"bbox\": [0.1, -0, "
                           "10.199999809265137, 1e-300], \"score\": 0.30000000000000004},\n"
                           "{\"image_id\": 7, \"category_id\": 3, \"bbox\": [1, 2.5, 3e+20, 4], "
                           "\"score\": 1}]\n");
    ck_assert_int_eq(rn_results_write(temp_path("d.json"), &none), RN_OK);
    ck_assert_int_eq(read_results(), RN_OK);
    ck_assert_uint_eq(results.n, 0);
    for (int i = 0; i < 1000; i++)
        rows[i] = (rn_result_row){7, 3, i / 3.0, -i / 7.0, i, 1e9 / (i + 1), 0.001 * i};
    ck_assert_int_eq(rn_results_write(temp_path("d.json"), &many), RN_OK);
    ck_assert_int_eq(read_results(), RN_OK);
    ck_assert_uint_eq(results.n, 1000);
    ck_assert_mem_eq(results.rows, rows, sizeof rows);
    ck_assert_int_eq(rn_results_write(temp_path("none/d.json"), &many), RN_EIO);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("coco");
    TCase *tests = tcase_create("coco");
    tcase_add_checked_fixture(tests, temp_open, teardown);
    tcase_add_test(tests, a_set_is_read_as_given);
    tcase_add_test(tests, odd_but_right_sets);
    tcase_add_test(tests, texts_that_are_no_set);
    tcase_add_test(tests, images_are_checked);
    tcase_add_test(tests, file_names_stay_inside);
    tcase_add_test(tests, annotations_are_checked);
    tcase_add_test(tests, boxes_are_four_finite_numbers);
    tcase_add_test(tests, categories_are_checked);
    tcase_add_test(tests, results_are_taken_as_given);
    tcase_add_test(tests, results_are_checked);
    tcase_add_test(tests, results_are_written);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
