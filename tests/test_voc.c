#include "data/voc.h"
#include "suite.h"
#include "temp_folder.h"

static rn_voc_file file;

/* Read `xml` as a.xml; the status. */
static rn_status read_xml(const char *xml) {
    temp_text("a.xml", xml);
    return rn_voc_read(&file, temp_path("a.xml"));
}

/* `xml` is refused with FOLDER/a.xml: followed by `text`. */
static void refused(const char *xml, const char *text) {
    char want[512];
    ck_assert_int_eq(read_xml(xml), RN_EINPUT);
    snprintf(want, sizeof want, "%s:%s", temp_path("a.xml"), text);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(file.objects);
    ck_assert_ptr_null(file.filename);
}

START_TEST(reads_an_annotation) {
    ck_assert_int_eq(
        read_xml(
            "<annotation verified=\"yes\">\n"
            "  <folder>JPEGImages</folder><filename> b 1.jpg </filename>\n"
            "  <size><width>640</width><height>480.0</height><depth>3</depth></size>\n"
            "  <object>\n"
            "    <name>d&amp;g</name><difficult>1</difficult>\n"
            "    <bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax> 30 </xmax><ymax>4e1</ymax></bndbox>\n"
            "  </object>\n"
            "  <object><bndbox><ymax>9</ymax><xmax>8</xmax><ymin>0</ymin><xmin>-1</xmin></bndbox>"
            "<name>cat</name><difficult/></object>\n"
            "</annotation>\n"),
        RN_OK);
    ck_assert_str_eq(file.filename, "b 1.jpg");
    ck_assert_int_eq(file.width, 640);
    ck_assert_int_eq(file.height, 480);
    ck_assert_uint_eq(file.n_objects, 2);
    const rn_voc_object *o = file.objects;
    ck_assert_str_eq(o[0].name, "d&g");
    ck_assert(o[0].xmin == 1 && o[0].ymin == 2.5 && o[0].xmax == 30 && o[0].ymax == 40);
    ck_assert(o[0].difficult);
    ck_assert_uint_eq(o[0].line, 4);
    ck_assert_uint_eq(o[0].column, 3);
    ck_assert_str_eq(o[1].name, "cat");
    ck_assert(o[1].xmin == -1 && o[1].ymin == 0 && o[1].xmax == 8 && o[1].ymax == 9);
    ck_assert(!o[1].difficult);
    rn_voc_free(&file);
}
END_TEST

START_TEST(reads_a_background) {
    ck_assert_int_eq(read_xml("\xef\xbb\xbf<annotation><size><width/><height></height></size>"
                              "<filename/></annotation>"),
                     RN_OK);
    ck_assert_ptr_null(file.filename);
    ck_assert_int_eq(file.width, 0);
    ck_assert_int_eq(file.height, 0);
    ck_assert_uint_eq(file.n_objects, 0);
    rn_voc_free(&file);
}
END_TEST

#define BOX(x1, y1, x2, y2)                                                                        \
    "<bndbox><xmin>" x1 "</xmin><ymin>" y1 "</ymin><xmax>" x2 "</xmax><ymax>" y2 "</ymax></"       \
    "bndbox>"

START_TEST(leaves_the_parts_of_an_object_alone) {
    ck_assert_int_eq(
        read_xml("<annotation><object><name>person</name>"
                 "<part><name>head</name>" BOX("5", "6", "7", "8") "</part>" BOX(
                     "1", "2", "30", "40") "<part><name>hand</name>" BOX("9", "9", "10",
                                                                         "10") "</part></object>"
                                                                               "</annotation>"),
        RN_OK);
    ck_assert_uint_eq(file.n_objects, 1);
    ck_assert_str_eq(file.objects[0].name, "person");
    ck_assert(file.objects[0].xmin == 1 && file.objects[0].ymax == 40);
    rn_voc_free(&file);
    refused("<annotation><object><name>person</name>\n"
            "<part>" BOX("5", "6", "7", "8") "</part></object></annotation>",
            "2:87: the object of line 1 has no <xmin> in its <bndbox>");
}
END_TEST

START_TEST(refuses_what_is_not_well_formed) {
    refused("", "1:1: not well-formed xml: no element found");
    refused("<annotation>\n  <size></annotation>", "2:11: not well-formed xml: mismatched tag");
    refused("<annotation/>\n<annotation/>",
            "2:1: not well-formed xml: junk after document element");
    refused("<annotation>\xff</annotation>",
            "1:13: not well-formed xml: not well-formed (invalid token)");
    refused("<annotation>&nbsp;</annotation>", "1:13: not well-formed xml: undefined entity");
    refused("<html/>", "1:1: not a VOC annotation (got <html>, want <annotation>)");
}
END_TEST

START_TEST(refuses_a_document_type) {
    refused("<?xml version=\"1.0\"?>\n"
            "<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n"
            "<annotation><filename>&b;</filename></annotation>",
            "2:16: DTD not allowed (got <!DOCTYPE lolz)");
    refused("<!DOCTYPE annotation SYSTEM \"file:///etc/passwd\"><annotation/>",
            "1:49: DTD not allowed (got <!DOCTYPE annotation)");
}
END_TEST

START_TEST(refuses_deep_nesting) {
    enum { DEEP = 100000 };
    char *xml = malloc(DEEP * 3 + 16);
    ck_assert_ptr_nonnull(xml);
    strcpy(xml, "<annotation>");
    for (size_t i = 0; i < DEEP; i++) memcpy(xml + 12 + 3 * i, "<a>", 4);
    refused(xml, "1:202: nested deeper than 64");
    free(xml);
}
END_TEST

START_TEST(refuses_what_is_missing_or_no_number) {
    refused("<annotation>\n<object><name>a</name></object></annotation>",
            "2:23: the object of line 2 has no <xmin> in its <bndbox>");
    refused("<annotation>\n<object>" BOX("1", "2", "3", "4") "</object></annotation>",
            "2:82: the object of line 2 has no <name>");
    refused("<annotation><object><name>a</name>" BOX("one", "2", "3", "4") "</object></annotation>",
            "1:52: <xmin> is not a number (got \"one\")");
    refused("<annotation><object>" BOX("1", "2", "nan", "4") "</object></annotation>",
            "1:66: <xmax> is not a number (got \"nan\")");
    refused("<annotation><object>" BOX("1", "2", "3", "") "</object></annotation>",
            "1:77: <ymax> is not a number (got \"\")");
    refused("<annotation><size><width>6.5</width></size></annotation>",
            "1:29: <width> is not a number of pixels (got \"6.5\")");
    refused("<annotation><size><height>-1</height></size></annotation>",
            "1:29: <height> is not a number of pixels (got \"-1\")");
    refused("<annotation><object><difficult>yes</difficult></object></annotation>",
            "1:35: <difficult> is not a flag (got \"yes\", want 0 or 1)");
}
END_TEST

START_TEST(refuses_what_could_be_read_in_two_ways) {
    refused("<annotation><object>" BOX("1", "2", "3", "4") BOX("1", "2", "3", "4") "</object>"
                                                                                   "</annotation>",
            "1:94: a second <bndbox>");
    refused("<annotation><filename>a</filename><filename>b</filename></annotation>",
            "1:35: a second <filename>");
    refused("<annotation><size><width>1<b/>2</width></size></annotation>",
            "1:27: <width> holds an element (got <b>, want text)");
}
END_TEST

START_TEST(refuses_a_missing_file) {
    ck_assert_int_eq(rn_voc_read(&file, temp_path("none.xml")), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "none.xml"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("voc");
    TCase *tests = tcase_create("voc");
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_add_test(tests, reads_an_annotation);
    tcase_add_test(tests, reads_a_background);
    tcase_add_test(tests, leaves_the_parts_of_an_object_alone);
    tcase_add_test(tests, refuses_what_is_not_well_formed);
    tcase_add_test(tests, refuses_a_document_type);
    tcase_add_test(tests, refuses_deep_nesting);
    tcase_add_test(tests, refuses_what_is_missing_or_no_number);
    tcase_add_test(tests, refuses_what_could_be_read_in_two_ways);
    tcase_add_test(tests, refuses_a_missing_file);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
