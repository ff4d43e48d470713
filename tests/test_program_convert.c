#include "run_program.h"
#include "suite.h"
#include "tiny_network.h"

#include <retinanet.h>

/* "set", YOLO's, and "m.safetensors". */
static void setup(void) {
    rn_model_config config = tiny_config();
    rn_network network = tiny_network(&config);
    real *weights = tiny_weights(&network, 0.2);
    temp_open();
    ck_assert_int_eq(rn_model_save(temp_path("m.safetensors"), &config, &network.graph, weights),
                     RN_OK);
    free(weights);
    rn_network_free(&network);
    rn_model_config_free(&config);
    temp_bmp("set/images/train/a.bmp", 16, 8, 0);
    temp_text("set/labels/train/a.txt", "0 0.5 0.5 0.5 0.5\n1 0.5 1 0.5 0.5\n");
    temp_bmp("set/images/val/b.bmp", 16, 8, 0);
    temp_text("set/labels/val/b.txt", "");
    temp_text("set/data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n");
}

static bool there(const char *name) {
    return access(temp_path(name), F_OK) == 0;
}

static size_t size_of(const char *name) {
    struct stat info;
    ck_assert_int_eq(stat(temp_path(name), &info), 0);
    return (size_t)info.st_size;
}

/* ---- what works ---- */

START_TEST(help_and_version) {
    RUN("convert", "--help");
    run_gave(0,
             "usage: convert MODEL OUT.safetensors [--half] [--set KEY=VALUE]\n"
             "       convert MODEL OUT.onnx [--set KEY=VALUE]\n"
             "       convert data DATA FOLDER --to coco|voc|yolo [OPTIONS]\n"
             "\n"
             "options:\n"
             "      --to FORMAT         format of the data set: coco, voc or yolo\n"
             "      --half              store the model's weights in 16 bits: half the file\n"
             "      --set KEY=VALUE     set a key of the model's configuration, e.g. bn_eps=0 "
             "or classes=cat,dog\n"
             "      --no-pictures       write the annotations alone\n"
             "  -q, --quiet             say nothing but errors\n"
             "  -h, --help              show this and exit\n"
             "      --version           show the version and exit\n",
             "");
    RUN("convert", "--version");
    run_gave(0, "convert " RN_VERSION "\n", "");
}
END_TEST

START_TEST(models_are_written) {
    RUN("convert", "m.safetensors", "f.safetensors");
    run_gave(0, "", "");
    ck_assert_uint_eq(size_of("f.safetensors"), size_of("m.safetensors"));
    RUN("convert", "--half", "m.safetensors", "h.safetensors");
    run_gave(0, "", "");
    ck_assert_uint_lt(size_of("h.safetensors"), size_of("m.safetensors") * 2 / 3);
    RUN("convert", "-q", "--half", "--", "h.safetensors", "-x.safetensors");
    run_gave(0, "", "");
    ck_assert_uint_eq(size_of("-x.safetensors"), size_of("h.safetensors"));
    RUN("convert", "m.safetensors", "h.safetensors"); /* replaces what is there */
    run_gave(0, "", "");
    ck_assert_uint_eq(size_of("h.safetensors"), size_of("m.safetensors"));
}
END_TEST

/* What --set says is in the file, and stays. */
START_TEST(configuration_is_set) {
    rn_tensor_file file;
    RUN("convert", "m.safetensors", "s.safetensors", "--set", "bn_eps=0.25", "--set=nms-iou=0.75");
    run_gave(0, "", "");
    RUN("convert", "s.safetensors", "t.safetensors", "--half");
    run_gave(0, "", "");
    ck_assert_int_eq(rn_tensor_file_open(&file, temp_path("t.safetensors")), RN_OK);
    const char *json = rn_tensor_file_metadata(&file, "config");
    ck_assert_ptr_nonnull(strstr(json, "\"bn_eps\": 0.25"));
    ck_assert_ptr_nonnull(strstr(json, "\"nms_iou\": 0.75"));
    rn_tensor_file_close(&file);
    RUN("convert", "m.safetensors", "u.safetensors", "--set", "bn_esp=0");
    run_refused(1, "convert: error: configuration: unknown key bn_esp (did you mean bn_eps?)");
    ck_assert(!there("u.safetensors"));
}
END_TEST

START_TEST(sets_are_written) {
    RUN("convert", "data", "set", "c", "--to", "coco");
    run_gave(0, "", "train: 1 pictures, 2 boxes, 2 classes\nval: 1 pictures, 0 boxes, 2 classes\n");
    ck_assert(there("c/annotations/instances_train.json") && there("c/images/val/b.bmp"));
    RUN("convert", "data", "set/data.yaml", "v", "--to=voc");
    run_gave(0, "",
             "train: 1 pictures, 2 boxes, 2 classes\nval: 1 pictures, 0 boxes, 2 classes\n"
             "clipped: 1 boxes reached out of their pictures\n");
    ck_assert(there("v/Annotations/a.xml") && there("v/JPEGImages/a.bmp"));
    RUN("convert", "--no-pictures", "data", "c", "y", "--to", "yolo", "--quiet");
    run_gave(0, "", "");
    ck_assert(there("y/data.yaml") && there("y/labels/val/b.txt") && !there("y/images"));
}
END_TEST

/* ---- the command line ---- */

START_TEST(words_that_are_wrong) {
    static const char models[] =
        "convert: error: want MODEL OUT.safetensors, MODEL OUT.onnx, or data DATA FOLDER";
    static const char data[] = "convert: error: want data DATA FOLDER --to FORMAT";
    RUN("convert");
    run_refused(1, models);
    RUN("convert", "m.safetensors");
    run_refused(1, models);
    RUN("convert", "a", "b", "c");
    run_refused(1, models);
    RUN("convert", "data");
    run_refused(1, data);
    RUN("convert", "data", "set", "--to", "coco");
    run_refused(1, data);
    RUN("convert", "data", "set", "out", "more", "--to", "coco");
    run_refused(1, "convert: error: unexpected \"more\" (try --help)");
    RUN("convert", "data", "set", "out");
    run_refused(1, "convert: error: no --to coco, voc or yolo given");
    ck_assert(!there("out"));
}
END_TEST

START_TEST(options_that_are_wrong) {
    static const char sets[] = "convert: error: --to and --no-pictures are for data sets: convert "
                               "data DATA FOLDER";
    RUN("convert", "data", "set", "out", "--to", "COCO");
    run_refused(1, "convert: error: --to: got COCO, want coco, voc or yolo");
    RUN("convert", "data", "set", "out", "--to=");
    run_refused(1, "convert: error: --to: got , want coco, voc or yolo");
    RUN("convert", "data", "set", "out", "--to");
    run_refused(1, "convert: error: option --to needs a value (FORMAT)");
    RUN("convert", "data", "set", "out", "--to", "voc", "--half");
    run_refused(1, "convert: error: --half and --set are for models");
    RUN("convert", "data", "set", "out", "--to", "voc", "--set", "bn_eps=0");
    run_refused(1, "convert: error: --half and --set are for models");
    RUN("convert", "m.safetensors", "o.safetensors", "--to", "coco");
    run_refused(1, sets);
    RUN("convert", "m.safetensors", "o.safetensors", "--no-pictures");
    run_refused(1, sets);
    RUN("convert", "m.safetensors", "o.onnx", "--half");
    run_refused(1, "convert: error: --half is for .safetensors");
    RUN("convert", "m.safetensors", "o.safetensors", "--haf");
    run_refused(1, "convert: error: unknown option --haf (did you mean --half?)");
    RUN("convert", "m.safetensors", "o.safetensors", "-x");
    run_refused(1, "convert: error: unknown option -x (try --help)");
    RUN("convert", "m.safetensors", "o.safetensors", "--half=1");
    run_refused(1, "convert: error: option --half takes no value (got \"1\")");
    ck_assert(!there("out") && !there("o.safetensors") && !there("o.onnx"));
}
END_TEST

START_TEST(outputs_that_are_wrong) {
    static const char *const names[] = {"o", "o.pb", "o.safetensors.bak", "m.safetensors/o", ""};
    for (int i = 0; i < 5; i++) {
        char line[128];
        RUN("convert", "m.safetensors", names[i]);
        snprintf(line, sizeof line,
                 "convert: error: %s: want a name that ends in .safetensors or .onnx", names[i]);
        run_refused(1, line);
    }
    const size_t before = size_of("m.safetensors");
    RUN("convert", "--half", "m.safetensors", "m.safetensors");
    run_refused(1, "convert: error: m.safetensors: the output would replace the input");
    ck_assert_int_eq(symlink("m.safetensors", temp_path("link.safetensors")), 0);
    RUN("convert", "--half", "m.safetensors", "./link.safetensors");
    run_refused(1, "convert: error: ./link.safetensors: the output would replace the input");
    ck_assert_uint_eq(size_of("m.safetensors"), before);
    RUN("convert", "data", "set", "set", "--to", "coco");
    run_refused(1, "convert: error: set: the folder is not empty");
    RUN("convert", "data", "set", "m.safetensors", "--to", "coco");
    run_refused(1, "convert: error: m.safetensors: is no folder");
}
END_TEST

START_TEST(outputs_that_cannot_be_written) {
    RUN("convert", "m.safetensors", "no/o.safetensors");
    run_refused(5, "convert: error: no/o.safetensors: cannot write: No such file or directory");
    RUN("convert", "data", "set", "m.safetensors/out", "--to", "coco");
    run_refused(5, "convert: error: m.safetensors/out/annotations: cannot make the folder: Not a "
                   "directory");
}
END_TEST

START_TEST(inputs_that_are_wrong) {
    RUN("convert", "none.safetensors", "o.safetensors");
    run_refused(2, "convert: error: none.safetensors: cannot open: No such file or directory");
    RUN("convert", "set", "o.safetensors");
    run_refused(2, "convert: error: set: is a folder");
    RUN("convert", "data", "none", "out", "--to", "coco");
    run_refused(2, "convert: error: none: no such file or folder");
    RUN("convert", "data", "m.safetensors", "out", "--to", "coco");
    run_refused(2, "convert: error: m.safetensors: no data set (looked for VOC: Annotations/*.xml "
                   "with JPEGImages or images; YOLO: data.yaml, or images/<split> with "
                   "labels/<split>; COCO: <split>.json or annotations/instances_<split>.json)");
    temp_text("set/labels/val/b.txt", "0 0.5\n");
    RUN("convert", "data", "set", "out", "--to", "coco", "-q");
    run_refused(2, "convert: error: set/labels/val/b.txt:1:1: fields of the line (got 2, want 5: "
                   "class x y width height)");
}
END_TEST

/* What a file names reaches the terminal as text. */
START_TEST(names_with_control_characters) {
    temp_bmp("set/images/train/\x1b[2J.bmp", 16, 8, 0);
    temp_text("set/labels/train/\x1b[2J.txt", "0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n");
    RUN("convert", "data", "set", "c", "--to", "coco");
    run_gave(0, "",
             "skipped: set/labels/train/?[2J.txt:2:1: the same box as before\n"
             "train: 2 pictures, 3 boxes, 2 classes\nval: 1 pictures, 0 boxes, 2 classes\n");
    temp_text("set/labels/train/\x1b[2J.txt", "0\n");
    RUN("convert", "data", "set", "d", "--to", "coco");
    run_refused(2, "convert: error: set/labels/train/?[2J.txt:1:1: fields of the line (got 1, want "
                   "5: class x y width height)");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("program_convert");
    TCase *tests = tcase_create("program_convert");
    tcase_add_checked_fixture(tests, setup, temp_close);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, help_and_version);
    tcase_add_test(tests, models_are_written);
    tcase_add_test(tests, configuration_is_set);
    tcase_add_test(tests, sets_are_written);
    tcase_add_test(tests, words_that_are_wrong);
    tcase_add_test(tests, options_that_are_wrong);
    tcase_add_test(tests, outputs_that_are_wrong);
    tcase_add_test(tests, outputs_that_cannot_be_written);
    tcase_add_test(tests, inputs_that_are_wrong);
    tcase_add_test(tests, names_with_control_characters);
    return suite_run(suite);
}
