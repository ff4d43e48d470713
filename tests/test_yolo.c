#include "data/yolo.h"
#include "suite.h"
#include "temp_folder.h"

#include <locale.h>

static void close_all(void) {
    temp_close();
}

/* ---- label files ---- */

static rn_yolo_file labels;

/* Read `text` as a.txt, of 3 classes; the status. */
static rn_status read_labels(const char *text) {
    temp_text("a.txt", text);
    return rn_yolo_read(&labels, temp_path("a.txt"), 3);
}

/* `text` is refused with FOLDER/a.txt: followed by `want`. */
static void refused(const char *text, const char *want) {
    char line[512];
    ck_assert_int_eq(read_labels(text), RN_EINPUT);
    snprintf(line, sizeof line, "%s:%s", temp_path("a.txt"), want);
    ck_assert_str_eq(rn_error_text(), line);
    ck_assert_ptr_null(labels.boxes);
    ck_assert_uint_eq(labels.n, 0);
}

/* `text` gives these boxes, each as "line:class x y width height" with '*' if repeated. */
static void gives(const char *text, const char *want) {
    char got[1024] = "";
    ck_assert_msg(read_labels(text) == RN_OK, "%s", rn_error_text());
    for (size_t i = 0; i < labels.n; i++) {
        const rn_yolo_box *b = &labels.boxes[i];
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%zu:%d %.17g %.17g %.17g %.17g%s",
                 i ? ", " : "", b->line, (int)b->label, b->x, b->y, b->width, b->height,
                 b->repeated ? "*" : "");
    }
    ck_assert_str_eq(got, want);
    rn_yolo_free(&labels);
    ck_assert_ptr_null(labels.boxes);
}

START_TEST(labels_are_read) {
    gives("0 0.5 0.25 0.125 0.75\n2 0 1 1 0\n", "1:0 0.5 0.25 0.125 0.75, 2:2 0 1 1 0");
    gives("1 5e-1 2.5E-01 1e0 -0\n", "1:1 0.5 0.25 1 -0");
    gives("01 0.5 0.5 0.5 0.5", "1:1 0.5 0.5 0.5 0.5");
}
END_TEST

START_TEST(ends_of_lines_and_blanks) {
    gives("0 0.5 0.5 0.25 0.25\r\n1 0.5 0.5 0.25 0.25\r\n",
          "1:0 0.5 0.5 0.25 0.25, 2:1 0.5 0.5 0.25 0.25");
    gives("0 0.5 0.5 0.25 0.25", "1:0 0.5 0.5 0.25 0.25");
    gives("0 0.5 0.5 0.25 0.25\r", "1:0 0.5 0.5 0.25 0.25");
    gives("\xef\xbb\xbf"
          "0 0.5 0.5 0.25 0.25\n",
          "1:0 0.5 0.5 0.25 0.25");
    gives("\n\r\n \t \n0 0.5 0.5 0.25 0.25\n\n\n", "4:0 0.5 0.5 0.25 0.25");
    gives("\t0\t0.5  0.5\t \t0.25 0.25 \t\n", "1:0 0.5 0.5 0.25 0.25");
}
END_TEST

START_TEST(no_labels) {
    gives("", "");
    gives("\n", "");
    gives("\xef\xbb\xbf", "");
    gives(" \t\r\n\r\n", "");
}
END_TEST

START_TEST(repeated_lines) {
    gives("0 0.5 0.5 0.25 0.25\n1 0.5 0.5 0.25 0.25\n0 0.50 5e-1 0.25 0.25\n"
          "0 0.5 0.5 0.25 0.26\n0 0.5 0.5 0.25 0.25\n",
          "1:0 0.5 0.5 0.25 0.25, 2:1 0.5 0.5 0.25 0.25, 3:0 0.5 0.5 0.25 0.25*, "
          "4:0 0.5 0.5 0.25 0.26000000000000001, 5:0 0.5 0.5 0.25 0.25*");
}
END_TEST

START_TEST(as_many_fields_as_a_box_has) {
    refused("0 0.5 0.5 0.25\n", "1:1: fields of the line (got 4, want 5: class x y width height)");
    refused("0 0.5 0.5 0.25 0.25\n0.5\n",
            "2:1: fields of the line (got 1, want 5: class x y width height)");
    refused("0 0.5 0.5 0.25 0.25 0.9\n",
            "1:1: fields of the line (got 6, want 5: class x y width height; a confidence does "
            "not belong here)");
    refused("0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n",
            "1:1: fields of the line (got 9, want 5: class x y width height; is it a segmentation "
            "label?)");
    refused("\n\n0 0.1 0.1 0.9 0.1 0.9 0.9",
            "3:1: fields of the line (got 7, want 5: class x y width height; is it a segmentation "
            "label?)");
    refused("0 0.5 0.5 0.25 0.25\r1 0.5 0.5 0.25 0.25\r", /* no line ends so */
            "1:1: fields of the line (got 10, want 5: class x y width height)");
    refused("0,0.5,0.5,0.25,0.25\n",
            "1:1: fields of the line (got 1, want 5: class x y width height)");
}
END_TEST

START_TEST(shares_of_the_picture) {
    refused("0 1.07 0.5 0.25 0.25\n", "1:3: x (got 1.07, want a share of the picture, 0..1)");
    refused("0 0.5 -0.04 0.25 0.25\n", "1:7: y (got -0.04, want a share of the picture, 0..1)");
    refused("0 0.5 0.5 320 0.25\n", "1:11: width (got 320, want a share of the picture, 0..1)");
    refused("0 0.5 0.5 0.25 1.0000000000000002\n",
            "1:16: height (got 1.0000000000000002, want a share of the picture, 0..1)");
    refused("\n\xef\xbb\xbf", "2:1: fields of the line (got 1, want 5: class x y width height)");
    refused("\xef\xbb\xbf"
            "0 2 0.5 0.25 0.25\n",
            "1:3: x (got 2, want a share of the picture, 0..1)");
}
END_TEST

START_TEST(classes_that_there_are) {
    refused("0 0.5 0.5 0.25 0.25\r\n3 0.5 0.5 0.25 0.25\r\n",
            "2:1: class (got 3, want an integer in 0..2)");
    refused("2.0 0.5 0.5 0.25 0.25\n", "1:1: class (got 2.0, want an integer in 0..2)");
    refused("-1 0.5 0.5 0.25 0.25\n", "1:1: class (got -1, want an integer in 0..2)");
    refused("  cat 0.5 0.5 0.25 0.25\n", "1:3: class (got cat, want an integer in 0..2)");
    refused("18446744073709551616 0.5 0.5 0.25 0.25\n",
            "1:1: class (got 18446744073709551616, want an integer in 0..2)");
}
END_TEST

START_TEST(numbers_without_a_locale) {
    setlocale(LC_ALL, "de_DE.UTF-8");
    refused("0 0,5 0,5 0,25 0,25\n", "1:3: x (got 0,5, want a share of the picture, 0..1)");
    gives("0 0.5 0.5 0.25 0.25\n", "1:0 0.5 0.5 0.25 0.25");
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(what_is_no_number) {
    static const char *const wrong[] = {"nan",  "NaN", "inf",   "-inf",  "infinity", "0x1p-1",
                                        "0x0",  ".5",  "1.",    "+0.5",  "1e999",    "-1e999",
                                        "0.5f", "--1", "0.5.5", "\"1\"", "1e",       "00.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[128], want[256];
        snprintf(text, sizeof text, "0 0.5 0.5 0.25 %s\n", wrong[i]);
        snprintf(want, sizeof want, "1:16: height (got %s, want a share of the picture, 0..1)",
                 wrong[i]);
        refused(text, want);
    }
}
END_TEST

/* Nothing that a terminal would obey, nor half a page of it. */
START_TEST(messages_are_a_line_of_text) {
    refused("0 0.5 0.5 0.25 \x1b[2J\n",
            "1:16: height (got ?[2J, want a share of the picture, 0..1)");
    refused("0 0.5 0.5 0.25 \xff\xc3\xa4\n",
            "1:16: height (got ???, want a share of the picture, 0..1)");
    refused("0 0.5 0.5 0.25 0123456789012345678901234567890123456789012345\n",
            "1:16: height (got 0123456789012345678901234567890123456789, want a share of the "
            "picture, 0..1)");
    temp_bytes("a.txt", "0 0.5 0.5 0.25 0.\0005\n", 20);
    ck_assert_int_eq(rn_yolo_read(&labels, temp_path("a.txt"), 3), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "a.txt:1:16: height (got 0.?"));
}
END_TEST

START_TEST(files_that_are_none) {
    char want[512];
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory",
             temp_path("none.txt"));
    ck_assert_int_eq(rn_yolo_read(&labels, temp_path("none.txt"), 3), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    snprintf(want, sizeof want, "%s: is a folder", temp_root);
    ck_assert_int_eq(rn_yolo_read(&labels, temp_root, 3), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}
END_TEST

/* ---- data.yaml ---- */

static rn_yolo_data data;

static rn_status read_yaml(const char *text) {
    temp_text("data.yaml", text);
    return rn_yolo_data_read(&data, temp_path("data.yaml"));
}

static void yaml_refused_bytes(const char *text, size_t size, const char *want) {
    char line[512];
    temp_bytes("data.yaml", text, size);
    ck_assert_int_eq(rn_yolo_data_read(&data, temp_path("data.yaml")), RN_EINPUT);
    snprintf(line, sizeof line, "%s:%s", temp_path("data.yaml"), want);
    ck_assert_str_eq(rn_error_text(), line);
    ck_assert_ptr_null(data.class_names);
    ck_assert_ptr_null(data.splits);
    ck_assert_uint_eq(data.n_classes + data.n_splits, 0);
}

static void yaml_refused(const char *text, const char *want) {
    yaml_refused_bytes(text, strlen(text), want);
}

/* `text` gives "name|name" and "split=source,source@line:column split=..." . */
static void yaml_gives(const char *text, const char *names, const char *splits) {
    char got[1024] = "";
    ck_assert_msg(read_yaml(text) == RN_OK, "%s", rn_error_text());
    for (size_t i = 0; i < data.n_classes; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? "|" : "",
                 data.class_names[i]);
    ck_assert_str_eq(got, names);
    got[0] = '\0';
    for (size_t s = 0; s < data.n_splits; s++) {
        const rn_yolo_split *split = &data.splits[s];
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s=", s ? " " : "", split->name);
        for (size_t i = 0; i < split->n; i++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s@%zu:%zu", i ? "," : "",
                     split->sources[i].text, split->sources[i].line, split->sources[i].column);
    }
    ck_assert_str_eq(got, splits);
}

static void yaml_free(void) {
    rn_yolo_data_free(&data);
    ck_assert_ptr_null(data.class_names);
    ck_assert_ptr_null(data.root);
}

START_TEST(names_as_a_list) {
    yaml_gives("train: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n", "cat|dog",
               "train=images/train@1:8 val=images/val@2:6");
    ck_assert_ptr_null(data.root);
    yaml_free();
    yaml_gives("names:\n- cat\n- sea horse\ntrain: t\n", "cat|sea horse", "train=t@4:8");
    yaml_free();
    yaml_gives("{names: [a], train: t}", "a", "train=t@1:21");
    yaml_free();
}
END_TEST

START_TEST(names_as_a_map) {
    yaml_gives("names:\n  1: dog\n  0: cat\ntrain: t\n", "cat|dog", "train=t@4:8");
    yaml_free();
    yaml_gives("names: {'0': cat}\ntest: t\n", "cat", "test=t@2:7");
    yaml_free();
}
END_TEST

START_TEST(names_are_texts) {
    yaml_gives("names: ['it''s', \"a\\\"b\", yes, null, ~, 12, 1.50, \"\\u00e4\", 0x1f, '# c', "
               "\"a: b\", \"-x\", ' ']\ntrain: t\n",
               "it's|a\"b|yes|null|~|12|1.50|\xc3\xa4|0x1f|# c|a: b|-x| ", "train=t@2:8");
    yaml_free();
}
END_TEST

START_TEST(aliases) {
    yaml_gives("names: &n [cat, dog]\nlabels: *n\ntrain: &t images\nval: *t\n", "cat|dog",
               "train=images@3:8 val=images@3:8");
    yaml_free();
    yaml_refused("names: &n [*n]\ntrain: t\n", "1:8: names (got a list, want a text)");
    yaml_refused("names: [*n]\ntrain: t\n", "1:9: found undefined alias");
}
END_TEST

START_TEST(splits_of_one_or_more_sources) {
    yaml_gives("train: [a/images, b.txt]\nval:\n  - c\nvalid: d\ntest: e\nnames: [x]\n", "x",
               "train=a/images@1:9,b.txt@1:19 val=c@3:5 valid=d@4:8 test=e@5:7");
    yaml_free();
    yaml_gives("train: t\nval:\ntest: # none yet\nvalid: ~\nnames: [x]\n", "x", "train=t@1:8");
    yaml_free();
    yaml_gives("train: t\nval: null\ntest: []\nnames: [x]\n", "x", "train=t@1:8");
    yaml_free();
    yaml_gives("train: 'null'\nnames: [x]\n", "x", "train=null@1:8");
    yaml_free();
    yaml_refused("train: ''\nnames: [x]\n", "1:8: train (got , want a text)");
    yaml_refused("train: [a, [b]]\nnames: [x]\n", "1:12: train (got a list, want a text)");
    yaml_refused("train: {a: b}\nnames: [x]\n", "1:8: train (got a map, want a text)");
}
END_TEST

START_TEST(the_key_path) {
    yaml_gives("path: ../sets/mine # as others write it\ntrain: t\nnames: [x]\n", "x",
               "train=t@2:8");
    ck_assert_str_eq(data.root, "../sets/mine");
    yaml_free();
    yaml_gives("path: /sets/mine\ntrain: t\nnames: [x]\n", "x", "train=t@2:8");
    ck_assert_str_eq(data.root, "/sets/mine");
    yaml_free();
    yaml_gives("path:\ntrain: t\nnames: [x]\n", "x", "train=t@2:8");
    ck_assert_ptr_null(data.root);
    yaml_free();
    yaml_refused("path: [a]\ntrain: t\nnames: [x]\n", "1:7: path (got a list, want a text)");
}
END_TEST

START_TEST(other_keys_are_passed_over) {
    yaml_gives("download: |\n  import os\nroboflow: {license: CC, version: 3}\nnames: [x]\n"
               "[1, 2]: 3\ntrain: t\nkpt_shape: [17, 3]\n",
               "x", "train=t@6:8");
    yaml_free();
    yaml_gives("\xef\xbb\xbf%YAML 1.1\n---\nnames: [x]\ntrain: t\n...\n", "x", "train=t@4:8");
    yaml_free();
}
END_TEST

START_TEST(names_that_are_wrong) {
    yaml_refused("train: t\nnc: 2\n", "1:1: no key \"names\"");
    yaml_refused("train: t\nnames:\n", "2:7: names (got , want a list, or a map from 0 on)");
    yaml_refused("train: t\nnames: cat\n", "2:8: names (got cat, want a list, or a map from 0 on)");
    yaml_refused("train: t\nnames: []\n", "2:8: names (got a list, want at least one)");
    yaml_refused("train: t\nnames: {}\n", "2:8: names (got a map, want at least one)");
    yaml_refused("train: t\nnames: [a, '']\n", "2:12: names (got , want a text)");
    yaml_refused("train: t\nnames: [a, [b]]\n", "2:12: names (got a list, want a text)");
    yaml_refused("train: t\nnames: [a, \"b\\0c\"]\n", "2:12: names (got b, want a text)");
    yaml_refused("train: t\nnames: [cat, dog, cat]\n",
                 "2:8: names (got cat twice, want each once)");
    yaml_refused("train: t\nnames: {0: cat, 1: cat}\n",
                 "2:8: names (got cat twice, want each once)");
    yaml_refused("train: t\nnames: {0: cat, 0: dog}\n",
                 "2:20: names (got dog, want one class a number)");
    yaml_refused("train: t\nnames: {0: cat, 2: dog}\n",
                 "2:17: names (got 2, want an integer in 0..1)");
    yaml_refused("train: t\nnames: {1: cat, 2: dog}\n",
                 "2:17: names (got 2, want an integer in 0..1)");
    yaml_refused("train: t\nnames: {-1: cat}\n", "2:9: names (got -1, want an integer in 0..0)");
    yaml_refused("train: t\nnames: {cat: 0}\n", "2:9: names (got cat, want an integer in 0..0)");
    yaml_refused("train: t\nnames: {0.0: cat}\n", "2:9: names (got 0.0, want an integer in 0..0)");
}
END_TEST

START_TEST(as_many_names_as_nc) {
    yaml_refused("nc: 3\nnames: [a, b]\ntrain: t\n", "1:5: nc (got 3, want 2, as many as names)");
    yaml_refused("names: [a, b]\ntrain: t\nnc: 1\n", "3:5: nc (got 1, want 2, as many as names)");
    yaml_refused("nc: 1e1\nnames: [a]\ntrain: t\n",
                 "1:5: nc (got 1e1, want an integer in 0..1000000)");
    yaml_refused("nc: 99999999999999999999\nnames: [a]\ntrain: t\n",
                 "1:5: nc (got 99999999999999999999, want an integer in 0..1000000)");
    yaml_refused("nc: 2147483648\nnames: [a]\ntrain: t\n",
                 "1:5: nc (got 2147483648, want an integer in 0..1000000)");
    yaml_refused("nc: -1\nnames: [a]\ntrain: t\n",
                 "1:5: nc (got -1, want an integer in 0..1000000)");
    yaml_refused("nc: [1]\nnames: [a]\ntrain: t\n",
                 "1:5: nc (got a list, want an integer in 0..1000000)");
    yaml_refused("nc:\nnames: [a]\ntrain: t\n", "1:4: nc (got , want an integer in 0..1000000)");
}
END_TEST

START_TEST(each_key_once) {
    yaml_refused("train: a\nnames: [x]\ntrain: b\n", "3:1: key (got train, want each key once)");
    yaml_refused("names: [x]\ntrain: b\n'names': [y]\n",
                 "3:1: key (got names, want each key once)");
    yaml_refused("path: a\npath: a\nnames: [x]\ntrain: b\n",
                 "2:1: key (got path, want each key once)");
}
END_TEST

START_TEST(no_split_at_all) {
    yaml_refused("names: [x]\n", "1:1: no key \"train\", \"val\", \"valid\" or \"test\"");
    yaml_refused("names: [x]\ntrain:\nval: []\n",
                 "1:1: no key \"train\", \"val\", \"valid\" or \"test\"");
}
END_TEST

START_TEST(broken_yaml) {
    yaml_refused("train: t\nnames: [a, b\n", "3:1: did not find expected ',' or ']'");
    yaml_refused("train: 't\nnames: [a]\n", "3:1: found unexpected end of stream");
    yaml_refused("train: a: b\n", "1:9: mapping values are not allowed in this context");
    yaml_refused("train: t\n\tnames: [a]\n",
                 "2:1: found a tab character that violates indentation");
    yaml_refused("train: t\n names: [a]\n", "2:7: mapping values are not allowed in this context");
    yaml_refused("train: !!binary [\n", "2:1: did not find expected node content");
}
END_TEST

START_TEST(text_that_is_no_map) {
    static const char none[] = "1:1: no map of keys such as train and names";
    yaml_refused("", none);
    yaml_refused("# nothing\n", none);
    yaml_refused("---\n", none);
    yaml_refused("- a\n- b\n", none);
    yaml_refused("hello", none);
}
END_TEST

START_TEST(bytes_that_are_no_text) {
    yaml_refused("names: [\xff]\n", " offset 8: invalid leading UTF-8 octet");
    yaml_refused("names: [\xc3(]\n", " offset 9: invalid trailing UTF-8 octet");
    yaml_refused("names: [\xed\xa0\x80]\n", " offset 8: invalid Unicode character");
    yaml_refused("names: [a\x1b[2J]\n", " offset 9: control characters are not allowed");
    yaml_refused_bytes("names: [a\0b]\n", 13, " offset 9: control characters are not allowed");
}
END_TEST

START_TEST(values_stay_out_of_the_message) {
    yaml_refused("names: [x]\nnc: \"1\\e[2J\\n\\x7f\"\ntrain: t\n",
                 "2:5: nc (got 1?[2J??, want an integer in 0..1000000)");
    yaml_refused("names: [x]\nnc: 123456789 123456789 123456789 123456789 123456789 123456789 "
                 "123456789\ntrain: t\n",
                 "2:5: nc (got 123456789 123456789 123456789 123456789 123456789 123456789 , "
                 "want an integer in 0..1000000)");
}
END_TEST

START_TEST(many_anchors) {
    char text[4096] = "";
    for (int i = 0; i < 65; i++) snprintf(text + strlen(text), 32, "k%d: &a%d x\n", i, i);
    yaml_refused(text, "65:6: anchors, more than 64");
}
END_TEST

/* Nine levels of ten aliases each would be a thousand million nodes. */
START_TEST(an_alias_bomb) {
    char text[4096] = "train: t\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    strcat(text, "names: *a9\n");
    yaml_refused(text, "10:5: names (got a list, want a text)");
}
END_TEST

/* names: one in the other, `depth` times. */
static void nested(char open, char close, size_t depth, const char *want) {
    static char text[200064];
    const int head = snprintf(text, sizeof text, "train: t\nnames: ");
    memset(text + head, open, depth);
    memset(text + head + depth, close, depth);
    text[(size_t)head + 2 * depth] = '\0';
    yaml_refused(text, want);
}

START_TEST(deep_nesting) {
    nested('[', ']', 100000, "2:71: nested deeper than 64");
    nested('{', '}', 100000, "2:71: nested deeper than 64");
    nested('[', ']', 64, "2:71: nested deeper than 64"); /* the top map is the first */
    nested('[', ']', 63, "2:9: names (got a list, want a text)");
}
END_TEST

START_TEST(yaml_files_that_are_none) {
    char want[512];
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory",
             temp_path("none.yaml"));
    ck_assert_int_eq(rn_yolo_data_read(&data, temp_path("none.yaml")), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    snprintf(want, sizeof want, "%s: is a folder", temp_root);
    ck_assert_int_eq(rn_yolo_data_read(&data, temp_root), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("yolo");
    TCase *txt = tcase_create("labels"), *yaml = tcase_create("data.yaml");
    tcase_add_checked_fixture(txt, temp_open, close_all);
    tcase_add_checked_fixture(yaml, temp_open, close_all);
    suite_add_tcase(suite, txt);
    suite_add_tcase(suite, yaml);
    tcase_add_test(txt, labels_are_read);
    tcase_add_test(txt, ends_of_lines_and_blanks);
    tcase_add_test(txt, no_labels);
    tcase_add_test(txt, repeated_lines);
    tcase_add_test(txt, as_many_fields_as_a_box_has);
    tcase_add_test(txt, shares_of_the_picture);
    tcase_add_test(txt, classes_that_there_are);
    tcase_add_test(txt, numbers_without_a_locale);
    tcase_add_test(txt, what_is_no_number);
    tcase_add_test(txt, messages_are_a_line_of_text);
    tcase_add_test(txt, files_that_are_none);
    tcase_add_test(yaml, names_as_a_list);
    tcase_add_test(yaml, names_as_a_map);
    tcase_add_test(yaml, names_are_texts);
    tcase_add_test(yaml, aliases);
    tcase_add_test(yaml, splits_of_one_or_more_sources);
    tcase_add_test(yaml, the_key_path);
    tcase_add_test(yaml, other_keys_are_passed_over);
    tcase_add_test(yaml, names_that_are_wrong);
    tcase_add_test(yaml, as_many_names_as_nc);
    tcase_add_test(yaml, each_key_once);
    tcase_add_test(yaml, no_split_at_all);
    tcase_add_test(yaml, broken_yaml);
    tcase_add_test(yaml, text_that_is_no_map);
    tcase_add_test(yaml, bytes_that_are_no_text);
    tcase_add_test(yaml, values_stay_out_of_the_message);
    tcase_add_test(yaml, an_alias_bomb);
    tcase_add_test(yaml, many_anchors);
    tcase_add_test(yaml, deep_nesting);
    tcase_add_test(yaml, yaml_files_that_are_none);
    return suite_run(suite);
}
