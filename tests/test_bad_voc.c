/* Bad and odd VOC sets, as train and evaluate meet them. A test is named after the number of its
 * case. */
#include "bad_inputs.h"
#include "marked_text.h"
#include "suite.h"

#define CORNERS(x1, y1, x2, y2)                                                                    \
    "<bndbox><xmin>" #x1 "</xmin><ymin>" #y1 "</ymin><xmax>" #x2 "</xmax><ymax>" #y2               \
    "</ymax></bndbox>"
#define OBJECT(name, x1, y1, x2, y2)                                                               \
    "<object><name>" name "</name>" CORNERS(x1, y1, x2, y2) "</object>\n"
#define SIZE "<size><width>64</width><height>48</height></size>\n"

/* Annotations/STEM.xml holds `xml`; its picture is 64 x 48. */
static void write_pair(const char *stem, const char *xml) {
    char name[64];
    snprintf(name, sizeof name, "set/Annotations/%s.xml", stem);
    temp_text(name, xml);
    snprintf(name, sizeof name, "set/JPEGImages/%s.bmp", stem);
    temp_bmp(name, 64, 48, 7);
}

/* The set of one picture, a, which is train and val. */
static void write_one(const char *xml) {
    write_pair("a", xml);
    temp_text("set/ImageSets/Main/train.txt", "a\n");
    temp_text("set/ImageSets/Main/val.txt", "a\n");
}

static void train_dry(void) {
    RUN("train", "set", "--preset", "nano", "--size", "64", "--dry-run", "--threads", "1",
        "--batch", "1");
}

static void evaluate(void) {
    RUN("evaluate", "set", "-m", "model.safetensors", "--json", "o.json");
}

static void is_described(const char *said) {
    train_dry();
    ck_assert_str_eq(train_said(), said);
    ck_assert_str_eq(run_out, "");
    ck_assert_int_eq(run_code, 0);
}

static void is_evaluated(const char *said) {
    evaluate();
    ck_assert_str_eq(run_err, said);
    ck_assert_int_eq(run_code, 0);
}

static void has(const char *json) {
    ck_assert_msg(strstr(text_of("o.json"), json) != NULL, "%s in %s", json, text_of("o.json"));
}

/* A set of four of which one is `xml`, which is not even in a list: all of it is refused. */
static void is_refused(const char *xml, const char *what) {
    char want[1200];
    const char *good = "<annotation>" SIZE OBJECT("key", 1, 1, 9, 9) "</annotation>";
    write_one(good);
    write_pair("b", good);
    write_pair("c", good);
    write_pair("bad", "");
    temp_text("o.json", "of before");
    marked_write("set/Annotations/bad.xml", xml);
    train_dry();
    snprintf(want, sizeof want, "train: error: %s\n",
             marked_message("set/Annotations/bad.xml", what));
    run_gave(2, "", want);
    ck_assert(!there("runs"));
    evaluate();
    snprintf(want, sizeof want, "evaluate: error: %s\n",
             marked_message("set/Annotations/bad.xml", what));
    run_gave(2, "", want);
    ck_assert_str_eq(text_of("o.json"), "of before");
}

START_TEST(line_39_not_well_formed) {
#define NOT "not well-formed xml: "
    is_refused("^", NOT "no element found");
    is_refused("<annotation>\n  <size></^annotation>", NOT "mismatched tag");
    is_refused("<annotation/>\n^<annotation/>", NOT "junk after document element");
    is_refused("<annotation>\n^<object", NOT "unclosed token");
    is_refused("<annotation>^\xff</annotation>", NOT "not well-formed (invalid token)");
    is_refused("<annotation>^&nbsp;</annotation>", NOT "undefined entity");
    is_refused("^{\"images\": []}", NOT "not well-formed (invalid token)");
    is_refused("^<html/>", "not a VOC annotation (got <html>, want <annotation>)");
}
END_TEST

START_TEST(line_40_document_types) {
    is_refused("<!DOCTYPE annotation^><annotation/>", "DTD not allowed (got <!DOCTYPE annotation)");
    is_refused(
        "<?xml version=\"1.0\"?>\n"
        "<!DOCTYPE lolz ^[<!ENTITY lol \"lol\"><!ENTITY lol1 \"&lol;&lol;&lol;&lol;\">"
        "<!ENTITY lol2 \"&lol1;&lol1;&lol1;&lol1;\"><!ENTITY lol3 \"&lol2;&lol2;&lol2;\">]>\n"
        "<annotation><filename>&lol3;</filename></annotation>",
        "DTD not allowed (got <!DOCTYPE lolz)");
    /* nothing else is opened: a FIFO that nobody writes to would never end */
    ck_assert_int_eq(mkfifo(temp_path("fifo"), 0600), 0);
    is_refused("<!DOCTYPE a SYSTEM \"../../fifo\"^><annotation/>",
               "DTD not allowed (got <!DOCTYPE a)");
    is_refused("<!DOCTYPE a ^[<!ENTITY x SYSTEM \"../../fifo\">]>"
               "<annotation><filename>&x;</filename></annotation>",
               "DTD not allowed (got <!DOCTYPE a)");
}
END_TEST

/* Before the 1 is subtracted: 5..5 is no box of one pixel. */
START_TEST(line_41_empty_boxes) {
    write_one("<annotation>" SIZE OBJECT("key", 5, 5, 5, 9) OBJECT("key", 5, 9, 9, 9) OBJECT(
        "key", 1, 1, 2, 2) OBJECT("key", 9, 5, 8, 9) OBJECT("key", 5, 9, 9, 8) "</annotation>");
#define EMPTY(line, box) "skipped: set/Annotations/a.xml:" #line ":1: an empty box, " box "\n"
    is_described(
        "data        1 pictures to train on (0 without objects), 1 boxes, 1 classes; 1 to "
        "validate\n"
        "data        4 objects skipped:\n"
        "            " EMPTY(2, "5..5 x 5..9") "            " EMPTY(
            3,
            "5..9 x 9..9") "            " EMPTY(5,
                                                "9..8 x 5..9") "            " EMPTY(6,
                                                                                    "5..9 x "
                                                                                    "9..8") "dat"
                                                                                            "a  "
                                                                                            "   "
                                                                                            "   "
                                                                                            "val"
                                                                                            ": "
                                                                                            "4 "
                                                                                            "obj"
                                                                                            "ect"
                                                                                            "s "
                                                                                            "ski"
                                                                                            "ppe"
                                                                                            "d:"
                                                                                            "\n"
                                                                                            "   "
                                                                                            "   "
                                                                                            "   "
                                                                                            "   "
                                                                                            "val"
                                                                                            ":"
                                                                                            " " EMPTY(2, "5..5 x 5..9") "            val: " EMPTY(3, "5..9 x 9..9") "            val: " EMPTY(
                                                                                                5,
                                                                                                "9."
                                                                                                ".8"
                                                                                                " x"
                                                                                                " 5"
                                                                                                ".."
                                                                                                "9") "            val: " EMPTY(6,
                                                                                                                               "5..9 x 9..8"));
    is_evaluated(EMPTY(2, "5..5 x 5..9") EMPTY(3, "5..9 x 9..9") EMPTY(5, "9..8 x 5..9")
                     EMPTY(6, "5..9 x 9..8"));
    has("\"images\": 1, \"objects\": 1, ");
}
END_TEST

START_TEST(line_41_bccd) {
    if (!rn_path_is_folder(RN_SHARED "/datasets/bccd")) {
        printf("skipped: %s/datasets is missing\n", RN_SHARED);
        return;
    }
    char want[4096];
    const char *folder = RN_SHARED "/datasets/bccd";
    RUN("train", folder, "--preset", "nano", "--size", "64", "--dry-run", "--train-split",
        "trainval", "--val-split", "test");
    snprintf(want, sizeof want,
             "data        292 pictures to train on (0 without objects), 3941 boxes, 3 classes; 72 "
             "to validate\n"
             "data        2 objects skipped:\n"
             "            skipped: %s/Annotations/BloodImage_00338.xml:158:2: an empty box, "
             "504..504 x 337..337\n"
             "            skipped: %s/Annotations/BloodImage_00343.xml:50:2: an empty box, "
             "181..181 x 329..329\n",
             folder, folder);
    ck_assert_str_eq(train_said(), want);
    ck_assert_int_eq(run_code, 0);
}
END_TEST

/* 0 is 1: nothing reaches out of the picture to be clipped. */
START_TEST(line_42_decimals_and_zero) {
    write_one("<annotation>" SIZE OBJECT("key", 0, 0, 64, 48) OBJECT("key", 1, 1, 64.0, 48.0)
                  OBJECT("key", 0.5, 2.75, 10.25, 1e1) "</annotation>");
    is_described("data        1 pictures to train on (0 without objects), 3 boxes, 1 classes; 1 to "
                 "validate\n");
    is_evaluated("");
    has("\"images\": 1, \"objects\": 3, ");
    is_refused("<annotation><object><name>key</name><bndbox><xmin>1,5^</xmin>",
               "<xmin> is not a number (got \"1,5\")");
    is_refused("<annotation><object><name>key</name><bndbox><xmin>nan^</xmin>",
               "<xmin> is not a number (got \"nan\")");
}
END_TEST

/* They would be boxes without area, and one of another class. */
START_TEST(line_43_parts) {
    write_one(
        "<annotation>" SIZE
        "<object><name>key</name><part><name>bow</name>" CORNERS(9, 9, 9, 9) "</part>" CORNERS(
            1, 1, 30, 30) "<part><name>bit</name>" CORNERS(80, 80, 90,
                                                           90) "</part></object>\n</annotation>");
    is_described("data        1 pictures to train on (0 without objects), 1 boxes, 1 classes; 1 to "
                 "validate\n");
    is_evaluated("");
    has("\"images\": 1, \"objects\": 1, ");
    is_refused("<annotation>\n<object><name>key</name><part>" CORNERS(
                   1, 1, 3, 3) "</part>^</object></annotation>",
               "the object of line 2 has no <xmin> in its <bndbox>");
}
END_TEST

START_TEST(line_44_no_size) {
    static const char *const sizes[] = {
        "", "<size/>", "<size><width>0</width><height>0</height></size>",
        "<size><width/><height/></size>", "<size><width>64</width></size>"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char xml[512];
        snprintf(xml, sizeof xml, "<annotation>%s" OBJECT("key", 60, 40, 70, 50) "</annotation>",
                 sizes[i]);
        write_one(xml);
#define TAKEN "set/Annotations/a.xml: no size, taken from the picture: 64x48\n"
        is_described(
            "data        1 pictures to train on (0 without objects), 1 boxes, 1 classes; 1 to "
            "validate\n"
            "            " TAKEN "            clipped: 1 boxes reached out of their pictures\n"
            "            val: " TAKEN);
        is_evaluated(TAKEN);
    }
}
END_TEST

/* AP is -1 where there is nothing to find, 0 where it is not found. */
START_TEST(line_45_difficult) {
    static const char *const flags[] = {"1", "0"};
    for (int i = 0; i < 2; i++) {
        char xml[512], stats[32];
        snprintf(xml, sizeof xml,
                 "<annotation>" SIZE "<object><name>key</name><difficult>%s</difficult>" CORNERS(
                     5, 5, 50, 40) "</object></annotation>",
                 flags[i]);
        write_one(xml);
        is_evaluated("");
        snprintf(stats, sizeof stats, "{\"stats\": [%d, ", i - 1);
        has(stats);
        is_described("data        1 pictures to train on (0 without objects), 1 boxes, 1 classes; "
                     "1 to validate\n");
    }
}
END_TEST

START_TEST(line_46_a_class_that_train_lacks) {
    write_one("<annotation>" SIZE OBJECT("key", 5, 5, 50, 40)
                  OBJECT("gear", 5, 5, 50, 40) "</annotation>");
    write_pair("b", "<annotation>" SIZE OBJECT("dog", 5, 5, 50, 40) "</annotation>");
    temp_text("set/ImageSets/Main/val.txt", "b\n");
    train_dry();
    run_refused(2, "train: error: set: class \"dog\" was not trained (known: gear, key)");
    evaluate();
    run_refused(2, "evaluate: error: set: class \"dog\" was not trained (known: key, gear)");
}
END_TEST

START_TEST(line_47_a_hundred_thousand_tags) {
    enum { DEEP = 100000 };
    static char xml[12 + 3 * DEEP + 2];
    strcpy(xml, "<annotation>");
    for (size_t i = 0; i < DEEP; i++) strcpy(xml + 12 + 3 * i, "<a>");
    memmove(xml + 12 + 3 * 63 + 1, xml + 12 + 3 * 63, 3 * (DEEP - 63) + 1);
    xml[12 + 3 * 63] = '^'; /* the 65th with <annotation> */
    is_refused(xml, "nested deeper than 64");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_voc");
    TCase *tests = add_case(suite, "bad_voc");
    tcase_add_test(tests, line_39_not_well_formed);
    tcase_add_test(tests, line_40_document_types);
    tcase_add_test(tests, line_41_empty_boxes);
    tcase_add_test(tests, line_41_bccd);
    tcase_add_test(tests, line_42_decimals_and_zero);
    tcase_add_test(tests, line_43_parts);
    tcase_add_test(tests, line_44_no_size);
    tcase_add_test(tests, line_45_difficult);
    tcase_add_test(tests, line_46_a_class_that_train_lacks);
    tcase_add_test(tests, line_47_a_hundred_thousand_tags);
    return suite_run(suite);
}
