/* COCO json that is refused, by evaluate and train. A test is named after the number of its case.
 */
#include "bad_coco.h"
#include "suite.h"

START_TEST(line_18_empty) {
    truth_is_refused("^", "empty file (want JSON)");
    truth_is_refused(" \n ^", "not JSON (got the end of the file, want a value)");
    results_are_refused("^", "empty file (want JSON)");
}
END_TEST

/* `bytes` in the place of every json file. */
static void bytes_are_refused(const char *bytes, size_t size, const char *what) {
    truth_is_refused("^", "empty file (want JSON)"); /* makes the files, and the mark's place */
    temp_bytes("gt.json", bytes, size);
    temp_bytes("set/train.json", bytes, size);
    temp_bytes("set/val.json", bytes, size);
    evaluate_files();
    is_refused("evaluate", "gt.json", what);
    evaluate_set();
    is_refused("evaluate", "set/val.json", what);
    train_dry();
    is_refused("train", "set/train.json", what);
    temp_text("gt.json", TRUTH);
    temp_bytes("dt.json", bytes, size);
    evaluate_files();
    is_refused("evaluate", "dt.json", what);
}

START_TEST(line_19_utf_16) {
    static const char what[] = "encoding (got UTF-16 or UTF-32, want UTF-8)";
    bytes_are_refused("\xff\xfe{\0}\0", 6, what);
    bytes_are_refused("\xfe\xff\0{\0}", 6, what);
    bytes_are_refused("{\0}\0", 4, what);
    bytes_are_refused("\0[\0]", 4, what);
    bytes_are_refused("\xff\xfe\0\0{\0\0\0", 8, what);
}
END_TEST

START_TEST(line_20_text_after_the_end) {
    truth_is_refused(TRUTH "\n ^x", "text after the end (got 'x')");
    truth_is_refused(TRUTH "^{}", "text after the end (got '{')");
    truth_is_refused(TRUTH "^\x01", "text after the end (got byte 0x01)");
    results_are_refused(HIT "^]", "text after the end (got ']')");
    results_are_refused("[]\n^[]", "text after the end (got '[')");
}
END_TEST

START_TEST(line_21_cut_in_a_string) {
    static const char what[] = "string is cut (got the end of the file, want '\"')";
    truth_is_refused("{\"images\":[{\"id\":7,\"file_name\":^\"a.b", what);
    truth_is_refused("{" IMAGES ",^\"annotat", what);
    truth_is_refused("{" IMAGES ",\"x\":^\"\\", what);
    results_are_refused("[{\"image_id\":7,^\"categ", what);
    /* and elsewhere */
    truth_is_refused("{" IMAGES "," ANNOTATIONS "^",
                     "not JSON (got the end of the file, want ',' or '}')");
    results_are_refused("[{" OF BOX ",\"score\":0.5},\n^",
                        "not JSON (got the end of the file, want a value)");
}
END_TEST

START_TEST(line_22_a_hundred_thousand_brackets) {
    enum { DEEP = 100000 };
    static char text[DEEP + 64];
    static const struct {
        const char *head;
        int more; /* that may be open behind it */
    } truths[] = {{"", 64},
                  {"{\"images\":", 63},
                  {"{\"x\":", 63},
                  {"{\"annotations\":[{\"x\":", 61}},
      results[] = {{"", 64}, {"[{\"x\":", 62}};
    for (int i = 0; i < 6; i++) {
        const char *head = i < 4 ? truths[i].head : results[i - 4].head;
        const size_t first = strlen(head), more = (size_t)(i < 4 ? truths[i] : results[i - 4]).more;
        strcpy(text, head);
        memset(text + first, '[', DEEP);
        text[first + more] = '^';
        text[first + DEEP] = '\0';
        if (i < 4)
            truth_is_refused(text, "nested deeper than 64");
        else
            results_are_refused(text, "nested deeper than 64");
    }
}
END_TEST

START_TEST(line_23_a_key_missing) {
    truth_is_refused("^{" ANNOTATIONS "," CATEGORIES "}", "ground truth has no \"images\"");
    truth_is_refused("^{" IMAGES "," CATEGORIES "}", "ground truth has no \"annotations\"");
    truth_is_refused("\n^{" IMAGES "," ANNOTATIONS "}", "ground truth has no \"categories\"");
    truth_is_refused(IMAGE("^{\"file_name\":\"a.bmp\"}"), "image has no \"id\"");
    truth_is_refused(IMAGE("^{\"id\":7}"), "image has no \"file_name\"");
    truth_is_refused(NOTES("^{" OF BOX "}"), "annotation has no \"id\"");
    truth_is_refused(NOTES("^{\"id\":1,\"category_id\":3," BOX "}"),
                     "annotation has no \"image_id\"");
    truth_is_refused(NOTES("^{\"id\":1,\"image_id\":7," BOX "}"),
                     "annotation has no \"category_id\"");
    truth_is_refused(NOTES("^{\"id\":1," OF "\"area\":3}"), "annotation has no \"bbox\"");
    truth_is_refused(CATEGORY("^{\"name\":\"key\"}"), "category has no \"id\"");
    truth_is_refused(CATEGORY("^{\"id\":3}"), "category has no \"name\"");
    results_are_refused("[^{\"category_id\":3," BOX ",\"score\":1}]",
                        "detection has no \"image_id\"");
    results_are_refused("[^{\"image_id\":7," BOX ",\"score\":1}]",
                        "detection has no \"category_id\"");
    results_are_refused("[^{" OF "\"score\":1}]", "detection has no \"bbox\"");
}
END_TEST

START_TEST(line_23_a_wrong_type) {
    truth_is_refused("^[]", "ground truth (got an array, want an object)");
    truth_is_refused("^3", "ground truth (got 3, want an object)");
    truth_is_refused("{\"images\":^{}}", "\"images\" (got an object, want an array)");
    truth_is_refused("{\"annotations\":^null}", "\"annotations\" (got null, want an array)");
    truth_is_refused("{\"categories\":^\"key\"}", "\"categories\" (got \"key\", want an array)");
    truth_is_refused(IMAGE("^5"), "image (got 5, want an object)");
    truth_is_refused(IMAGE("{\"file_name\":^7}"),
                     "\"file_name\" of an image (got 7, want a string)");
    truth_is_refused(
        IMAGE("{\"file_name\":^\"\"}"),
        "\"file_name\" of an image (got \"\", want a string that is not empty, without \\u0000)");
    truth_is_refused(IMAGE("{\"width\":^\"64\"}"),
                     "\"width\" of an image (got \"64\", want an integer of 0..2147483647)");
    truth_is_refused(IMAGE("{\"height\":^-1}"),
                     "\"height\" of an image (got -1, want an integer of 0..2147483647)");
    truth_is_refused(NOTES("^[]"), "annotation (got an array, want an object)");
    truth_is_refused(NOTES("{\"area\":^\"9\"}"),
                     "\"area\" of an annotation (got \"9\", want a number)");
    truth_is_refused(NOTES("{\"iscrowd\":^2}"),
                     "\"iscrowd\" of an annotation (got 2, want an integer of 0..1)");
    truth_is_refused(CATEGORY("^\"key\""), "category (got \"key\", want an object)");
    truth_is_refused(CATEGORY("{\"name\":^3}"), "\"name\" of a category (got 3, want a string)");
    results_are_refused("[^5]", "detection (got 5, want an object)");
    results_are_refused("[{\"score\":^\"0.5\"}]",
                        "\"score\" of a detection (got \"0.5\", want a number)");
}
END_TEST

START_TEST(line_24_duplicate_keys) {
    truth_is_refused("{~" IMAGES ",^" IMAGES "}", "duplicate key (got \"images\", first at @)");
    truth_is_refused(IMAGE("{~\"id\":7,\"file_name\":\"a.bmp\",\n^\"id\":7}"),
                     "duplicate key (got \"id\", first at @)");
    truth_is_refused(NOTES("{\"id\":1," OF "~" BOX ",^" BOX "}"),
                     "duplicate key (got \"bbox\", first at @)");
    truth_is_refused(CATEGORY("{\"id\":3,~\"name\":\"key\",^\"name\":\"key\"}"),
                     "duplicate key (got \"name\", first at @)");
    /* of what is passed over, too, however it is written */
    truth_is_refused("{~\"info\":1,\n^\"inf\\u006f\":2," IMAGES "," ANNOTATIONS "," CATEGORIES "}",
                     "duplicate key (got \"inf\\u006f\", first at @)");
    truth_is_refused(
        NOTES("{\"id\":1," OF BOX ",\"attributes\":{~\"a\":1,\"b\":[{\"a\":2}],^\"a\":3}}"),
        "duplicate key (got \"a\", first at @)");
    results_are_refused("[{" OF BOX ",~\"score\":1,^\"score\":1}]",
                        "duplicate key (got \"score\", first at @)");
    results_are_refused("[{" OF BOX ",\"score\":1,~\"x\":1,^\"x\":1}]",
                        "duplicate key (got \"x\", first at @)");
}
END_TEST

START_TEST(line_24_duplicate_ids) {
    truth_is_refused(
        IMAGE("~{\"id\":7,\"file_name\":\"a.bmp\"},{\"id\":8,\"file_name\":\"b.bmp\"},\n"
              " ^{\"id\":7,\"file_name\":\"c.bmp\"}"),
        "duplicate image id (got 7, first at @)");
    truth_is_refused(NOTES("~{\"id\":4," OF BOX "},\n{\"id\":5," OF BOX "},^{\"id\":4," OF BOX "}"),
                     "duplicate annotation id (got 4, first at @)");
    truth_is_refused(CATEGORY("~{\"id\":4,\"name\":\"b\"},{\"id\":2,\"name\":\"a\"},\n"
                              "^{\"id\":4,\"name\":\"c\"}"),
                     "duplicate category id (got 4, first at @)");
}
END_TEST

/* In a set of pictures; two files may be compared all the same, as the reference does. */
START_TEST(line_24_a_picture_that_is_there_twice) {
    static const char text[] =
        "{\"images\":[{\"id\":7,\"file_name\":\"a.bmp\"},{\"id\":8,\"file_name\":\"b.bmp\"},"
        "{\"id\":9,\"file_name\":\"a.bmp\"}]," ANNOTATIONS "," CATEGORIES "}";
    write_picture();
    temp_bmp("set/b.bmp", 64, 48, 9);
    temp_text("set/train.json", text);
    temp_text("set/val.json", text);
    temp_text("dt.json", HIT);
    evaluate_set();
    run_refused(2, "evaluate: error: set/val.json: the picture \"a.bmp\" is there twice");
    train_dry();
    run_refused(2, "train: error: set/train.json: the picture \"a.bmp\" is there twice");
    RUN("evaluate", "set/val.json", "dt.json", "--json", "o.json");
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    ck_assert_double_eq_tol(stat_of(0), 1, 1e-12);
}
END_TEST

/* Every id of the ground truth and of results: an exact integer. */
START_TEST(line_25_ids) {
    static const char *const values[] = {"\"12\"", "1.5", "9007199254740993",  "1e999",
                                         "1.0",    "1e3", "-9007199254740993", "true"};
    static const struct {
        const char *before, *what, *behind;
    } places[] = {
        {"{\"images\":[{\"id\":", "\"id\" of an image", "}]}"},
        {"{\"annotations\":[{\"id\":", "\"id\" of an annotation", "}]}"},
        {"{\"annotations\":[{\"image_id\":", "\"image_id\" of an annotation", "}]}"},
        {"{\"annotations\":[{\"category_id\":", "\"category_id\" of an annotation", "}]}"},
        {"{\"categories\":[{\"id\":", "\"id\" of a category", "}]}"},
        {"[{\"image_id\":", "\"image_id\" of a detection", "}]"},
        {"[{\"category_id\":", "\"category_id\" of a detection", "}]"}};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char text[128], what[128];
            snprintf(text, sizeof text, "%s^%s%s", places[p].before, values[v], places[p].behind);
            if (strcmp(values[v], "1e999") == 0)
                snprintf(what, sizeof what, "not a JSON value or out of range (got 1e999)");
            else
                snprintf(what, sizeof what, "%s (got %s, want an integer of at most 2^53)",
                         places[p].what, values[v]);
            if (text[0] == '{')
                truth_is_refused(text, what);
            else
                results_are_refused(text, what);
        }
}
END_TEST

START_TEST(line_27_an_annotation_of_no_image) {
    truth_is_refused(
        NOTES("{\"id\":1," OF BOX "},\n^{\"id\":2,\"image_id\":6,\"category_id\":3," BOX "}"),
        "annotation of an unknown image (got image_id 6)");
}
END_TEST

START_TEST(line_28_an_annotation_of_no_category) {
    truth_is_refused(NOTES("^{\"id\":1,\"image_id\":7,\"category_id\":4," BOX "}"),
                     "annotation of an unknown category (got category_id 4)");
}
END_TEST

START_TEST(line_29_boxes) {
    static const struct {
        const char *bbox, *what; /* with a blank in front: behind "bbox" of what */
    } cases[] = {{"^[1,2,3]", " (got 3 numbers, want 4)"},
                 {"^[1,2,3,4,5]", " (got 5 numbers, want 4)"},
                 {"^[]", " (got 0 numbers, want 4)"},
                 {"[^\"1\",\"2\",\"3\",\"4\"]", " (got \"1\", want an array of 4 numbers)"},
                 {"^\"1 2 3 4\"", " (got \"1 2 3 4\", want an array of 4 numbers)"},
                 {"^null", " (got null, want an array of 4 numbers)"},
                 {"[1,2,^null,4]", " (got null, want an array of 4 numbers)"},
                 {"[1,2,^NaN,4]", "not a JSON value or out of range (got NaN)"},
                 {"[1,2,^nan,4]", "not a JSON value or out of range (got nan)"},
                 {"[1,2,3,^Infinity]", "not a JSON value or out of range (got Infinity)"},
                 {"[^-Infinity,2,3,4]", "not a JSON value or out of range (got -Infinity)"},
                 {"[1,2,3,^1e999]", "not a JSON value or out of range (got 1e999)"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], what[256];
        snprintf(text, sizeof text, NOTES("{\"id\":1," OF "\"bbox\":%s}"), cases[i].bbox);
        const bool ours = cases[i].what[0] == ' ';
        snprintf(what, sizeof what, "%s%s", ours ? "\"bbox\" of an annotation" : "", cases[i].what);
        truth_is_refused(text, what);
        snprintf(text, sizeof text, "[{" OF "\"score\":0.5,\"bbox\":%s}]", cases[i].bbox);
        snprintf(what, sizeof what, "%s%s", ours ? "\"bbox\" of a detection" : "", cases[i].what);
        results_are_refused(text, what);
    }
}
END_TEST

START_TEST(line_36_duplicate_category_names) {
    truth_is_refused(CATEGORY("{\"id\":2,\"name\":\"a\"},~{\"id\":9,\"name\":\"key\"},\n"
                              "^{\"id\":4,\"name\":\"key\"}"),
                     "duplicate category name (got \"key\", first at @)");
    truth_is_refused(CATEGORY("~{\"id\":9,\"name\":\"k\\u0065y\"},^{\"id\":4,\"name\":\"key\"}"),
                     "duplicate category name (got \"key\", first at @)");
}
END_TEST

START_TEST(line_37_results_that_are_none) {
    results_are_refused("[{" OF BOX ",\"score\":^NaN}]",
                        "not a JSON value or out of range (got NaN)");
    results_are_refused("[{" OF BOX ",\"score\":^null}]",
                        "\"score\" of a detection (got null, want a number)");
    results_are_refused("[{" OF BOX ",\"score\":^1e999}]",
                        "not a JSON value or out of range (got 1e999)");
    results_are_refused("[^{" OF BOX "}]", "detection has no \"score\"");
    results_are_refused("[{" OF BOX ",\"score\":1},\n^{\"image_id\":6,\"category_id\":3," BOX
                        ",\"score\":1}]",
                        "detection in an image that the ground truth has not (got image_id 6)");
    results_are_refused("^{\"annotations\":[]}", "detections (got an object, want an array)");
    results_are_refused("^null", "detections (got null, want an array)");
}
END_TEST

START_TEST(line_38_invalid_utf_8) {
    static const struct {
        const char *bytes, *what;                             /* a '^' before the byte at fault */
    } cases[] = {{"a^\xe9.bmp", "not UTF-8 (got byte 0xe9)"}, /* Latin-1 */
                 {"^\x80", "not UTF-8 (got byte 0x80)"},      /* a tail alone */
                 {"^\xc0\xaf", "not UTF-8 (got byte 0xc0)"},  /* a '/' in two bytes */
                 {"^\xed\xa0\x80", "not UTF-8 (got byte 0xed)"}, /* half of a pair */
                 {"^\xf4\x90\x80\x80", "not UTF-8 (got byte 0xf4)"} /* beyond U+10FFFF */};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, IMAGE("{\"id\":7,\"file_name\":\"%s\"}"), cases[i].bytes);
        truth_is_refused(text, cases[i].what);
        snprintf(text, sizeof text, CATEGORY("{\"id\":3,\"name\":\"%s\"}"), cases[i].bytes);
        truth_is_refused(text, cases[i].what);
        snprintf(text, sizeof text, "{\"x%s\":1}", cases[i].bytes);
        truth_is_refused(text, cases[i].what);
        snprintf(text, sizeof text, "[{\"x\":\"%s\"}]", cases[i].bytes);
        results_are_refused(text, cases[i].what);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_coco");
    TCase *tests = add_case(suite, "bad_coco");
    tcase_add_test(tests, line_18_empty);
    tcase_add_test(tests, line_19_utf_16);
    tcase_add_test(tests, line_20_text_after_the_end);
    tcase_add_test(tests, line_21_cut_in_a_string);
    tcase_add_test(tests, line_22_a_hundred_thousand_brackets);
    tcase_add_test(tests, line_23_a_key_missing);
    tcase_add_test(tests, line_23_a_wrong_type);
    tcase_add_test(tests, line_24_duplicate_keys);
    tcase_add_test(tests, line_24_duplicate_ids);
    tcase_add_test(tests, line_24_a_picture_that_is_there_twice);
    tcase_add_test(tests, line_25_ids);
    tcase_add_test(tests, line_27_an_annotation_of_no_image);
    tcase_add_test(tests, line_28_an_annotation_of_no_category);
    tcase_add_test(tests, line_29_boxes);
    tcase_add_test(tests, line_36_duplicate_category_names);
    tcase_add_test(tests, line_37_results_that_are_none);
    tcase_add_test(tests, line_38_invalid_utf_8);
    return suite_run(suite);
}
