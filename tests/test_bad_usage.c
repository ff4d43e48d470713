/* The lines of bad-inputs.md about the command line, with the programs as a user runs them. */
#include "model_files.h"
#include "run_program.h"
#include "suite.h"
#include "tiny_model.h"

/* A set, a model that finds nothing with a score of 1, two pictures, two files for evaluate. */
static void make(void) {
    temp_open();
    tiny_set("set", 5);
    model_make(RN_NORM_GROUP);
    save_model("m.safetensors");
    model_free();
    temp_bmp("a.bmp", 64, 64, 9);
    temp_bmp("b.bmp", 64, 64, 10);
    temp_text("gt.json", "{\"images\": [{\"id\": 3, \"file_name\": \"a.bmp\", \"width\": 64, "
                         "\"height\": 64}], \"annotations\": [],\n"
                         "\"categories\": [{\"id\": 7, \"name\": \"cat\"}]}\n");
    temp_text("dt.json", "[]");
}

#define DETECT(...) RUN("detect", "-m", "m.safetensors", "-t", "1", __VA_ARGS__)

static bool there(const char *name) {
    struct stat info;
    return stat(temp_path(name), &info) == 0;
}

/* ---- options ---- */

START_TEST(line_67_unknown_option) {
    const uint64_t state = temp_state();
    RUN("train", "set", "--epohcs", "3");
    run_refused(1, "train: error: unknown option --epohcs (did you mean --epochs?)");
    RUN("train", "--max_step=3");
    run_refused(1, "train: error: unknown option --max_step (did you mean --max-steps?)");
    RUN("train", "set", "--set", "anchor_side=3");
    run_refused(1, "train: error: unknown option anchor_side (did you mean anchor_sides?)");
    RUN("detect", "--treshold", "0.5", "a.bmp");
    run_refused(1, "detect: error: unknown option --treshold (did you mean --threshold?)");
    RUN("evaluate", "--jsno", "a");
    run_refused(1, "evaluate: error: unknown option --jsno (did you mean --json?)");
    RUN("bench", "infer", "--pre-set=nano");
    run_refused(1, "bench: error: unknown option --pre-set (did you mean --preset?)");
    RUN("scenes", "--clases", "3");
    run_refused(1, "scenes: error: unknown option --clases (did you mean --classes?)");
    RUN("scenes", "--hlep");
    run_refused(1, "scenes: error: unknown option --hlep (did you mean --help?)");
    RUN("bench", "--rhubarb");
    run_refused(1, "bench: error: unknown option --rhubarb (try --help)");
    RUN("detect", "-x");
    run_refused(1, "detect: error: unknown option -x (try --help)");
    RUN("detect", "--a\nb\x7f");
    run_refused(1, "detect: error: unknown option --a?b? (try --help)");
    ck_assert(temp_state() == state);
}
END_TEST

/* Each with the arguments that would be right but for the number: program, option, value, text. */
static void refused_numbers(const char *const (*cases)[4], size_t n) {
    const uint64_t state = temp_state();
    for (size_t i = 0; i < n; i++) {
        const char *program = cases[i][0], *option = cases[i][1], *value = cases[i][2];
        char want[256], pair[64];
        snprintf(want, sizeof want, "%s: error: %s", program, cases[i][3]);
        snprintf(pair, sizeof pair, "%s=%s", option, value);
        if (strcmp(program, "train") == 0)
            RUN("train", "set", "--preset", "nano", "-o", "run", option, value);
        else if (strcmp(program, "detect") == 0)
            RUN("detect", "-m", "m.safetensors", "a.bmp", option, value);
        else if (strcmp(program, "evaluate") == 0)
            RUN("evaluate", "gt.json", "dt.json", option, value);
        else if (strcmp(program, "bench") == 0)
            RUN("bench", "infer", "--preset", "nano", option, value);
        else
            RUN("scenes", "-o", "new", option, value);
        run_refused(1, want);
        RUN(program, pair); /* attached to the option */
        run_refused(1, want);
    }
    ck_assert(temp_state() == state);
}

#define REFUSED_NUMBERS(cases) refused_numbers(cases, sizeof cases / sizeof *cases)

START_TEST(line_68_learning_rate) {
    static const char *const cases[][4] = {
        {"train", "--lr", "nan", "lr: got nan, want 1e-09..100"},
        {"train", "--lr", "-1", "lr: got -1, want 1e-09..100"},
        {"train", "--lr", "1e400", "lr: got 1e400, want 1e-09..100"},
        {"train", "--lr", "0,01", "lr: got 0,01, want 1e-09..100"},
        {"train", "--lr", "inf", "lr: got inf, want 1e-09..100"},
        {"train", "--lr", "0x1p-4", "lr: got 0x1p-4, want 1e-09..100"},
        {"train", "--lr", "", "lr: got , want 1e-09..100"},
        {"train", "--lr", " 1", "lr: got  1, want 1e-09..100"},
        {"train", "--set", "lr=nan", "lr: got nan, want 1e-09..100"},
        {"detect", "--threshold", "nan", "--threshold: got \"nan\", want 0..1"},
        {"detect", "--threshold", "1.01", "--threshold: got \"1.01\", want 0..1"},
        {"detect", "--threshold", "0,5", "--threshold: got \"0,5\", want 0..1"},
        {"detect", "--threshold", "", "--threshold: got \"\", want 0..1"},
        {"detect", "--max-pixels", "0x10", "--max-pixels: got \"0x10\", want 1..2147483647"},
        {"scenes", "--clutter", "inf", "--clutter: got \"inf\", want 0..1"}};
    REFUSED_NUMBERS(cases);
}
END_TEST

START_TEST(line_69_batch) {
    static const char *const cases[][4] = {
        {"train", "--batch", "0", "batch: got 0, want 1..1024"},
        {"train", "--batch", "2147483648", "batch: got 2147483648, want 1..1024"},
        {"train", "--batch", "-1", "batch: got -1, want 1..1024"},
        {"train", "--batch", "1.5", "batch: got 1.5, want 1..1024"},
        {"bench", "--batch", "0", "--batch: got \"0\", want 1..1024"},
        {"bench", "--batch", "2147483648", "--batch: got \"2147483648\", want 1..1024"},
        {"bench", "--size", "31", "--size: got \"31\", want 32..8192"},
        {"bench", "--size", "64x", "--size: got \"\", want 32..8192"},
        {"bench", "--size", "64x64x64", "--size: got \"64x64\", want 32..8192"},
        {"bench", "--runs", "1.5", "--runs: got \"1.5\", want 1..100000"},
        {"bench", "--classes", " 1", "--classes: got \" 1\", want 1..10000"},
        {"scenes", "--objects", "3-99", "--objects: got \"99\", want 0..64"},
        {"scenes", "--seed", "99999999999", "--seed: got \"99999999999\", want 0..2147483647"}};
    REFUSED_NUMBERS(cases);
}
END_TEST

START_TEST(line_70_threads) {
    static const char *const cases[][4] = {
        {"train", "--threads", "0", "threads: got 0, want 1..1024"},
        {"train", "--threads", "10000", "threads: got 10000, want 1..1024"},
        {"detect", "--threads", "0", "--threads: got \"0\", want 1..1024"},
        {"detect", "--threads", "10000", "--threads: got \"10000\", want 1..1024"},
        {"evaluate", "--threads", "0", "--threads: got \"0\", want 1..1024"},
        {"evaluate", "--threads", "10000", "--threads: got \"10000\", want 1..1024"},
        {"bench", "--threads", "0", "--threads: got \"0\", want 1..1024"},
        {"bench", "--threads", "10000", "--threads: got \"10000\", want 1..1024"},
        {"scenes", "--threads", "0", "--threads: got \"0\", want 1..1024"},
        {"scenes", "--threads", "10000", "--threads: got \"10000\", want 1..1024"}};
    REFUSED_NUMBERS(cases);
}
END_TEST

/* ---- files and folders ---- */

/* By name, by another name, by a link: what is read is not written. */
START_TEST(line_71_output_is_input) {
    ck_assert_int_eq(symlink("a.bmp", temp_path("a_det.jpg")), 0);
    ck_assert_int_eq(symlink("gt.json", temp_path("link")), 0);
    ck_assert_int_eq(link(temp_path("a.bmp"), temp_path("c.bmp")), 0);
    ck_assert_int_eq(link(temp_path("b.bmp"), temp_path("c_det.jpg")), 0);
    temp_text("p.json", "{\"width\": 16, \"fpn_channels\": 16}");
    const uint64_t state = temp_state();
    DETECT("--force", "a.bmp");
    run_refused(1, "detect: error: ./a_det.jpg: the output would replace the input");
    DETECT("--force", "c.bmp", "b.bmp"); /* c_det.jpg is b.bmp, still to be read */
    run_refused(1, "detect: error: ./c_det.jpg: the output would replace an input");
    RUN("evaluate", "gt.json", "dt.json", "--json", "gt.json");
    run_refused(1, "evaluate: error: gt.json: the output would replace an input");
    RUN("evaluate", "gt.json", "dt.json", "--json", "./dt.json");
    run_refused(1, "evaluate: error: ./dt.json: the output would replace an input");
    RUN("evaluate", "gt.json", "dt.json", "--json", "link");
    run_refused(1, "evaluate: error: link: the output would replace an input");
    RUN("evaluate", "set", "-m", "m.safetensors", "--json", "m.safetensors");
    run_refused(1, "evaluate: error: m.safetensors: the output would replace an input");
    RUN("bench", "infer", "--preset", "p.json", "--json", "./p.json");
    run_refused(1, "bench: error: ./p.json: the output would replace an input");
    RUN("train", "set", "-o", "set");
    run_refused(1, "train: error: set: exists already (go on with it by --resume set, or choose "
                   "another -o)");
    RUN("train", "set", "-o", "gt.json");
    run_refused(1, "train: error: gt.json: exists already (go on with it by --resume gt.json, or "
                   "choose another -o)");
    RUN("scenes", "-o", "set");
    run_refused(1, "scenes: error: set/train.json: exists; the folder holds a set already");
    ck_assert(temp_state() == state);
}
END_TEST

START_TEST(line_72_folder_in_use) {
    const pid_t pid = run_start(tiny_args("run", ARGS("-q", "--set", "epochs=10000")));
    for (int i = 0; i < 6000 && !there("run/results.csv"); i++) run_sleep(0.01);
    RUN("train", "--resume", "run");
    run_refused(1, "train: error: run: another process is training in this folder");
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(run_wait(pid), -SIGKILL);
    RUN("train", "--resume", "run", "--max-steps", "1", "-q"); /* the lock died with it */
    ck_assert_int_eq(run_code, 0);
}
END_TEST

#define NO_SET                                                                                     \
    "no data set (looked for VOC: Annotations/*.xml with JPEGImages or images; YOLO: data.yaml, "  \
    "or images/<split> with labels/<split>; COCO: <split>.json or "                                \
    "annotations/instances_<split>.json)"

/* Each ends at once: none waits for a writer, none reads without end. */
static void refused_file(const char *name, const char *text) {
    char line[512], preset[64];
    snprintf(preset, sizeof preset, "%s%s", *name == '/' ? "" : "./", name);
#define REFUSED(program, file, why)                                                                \
    snprintf(line, sizeof line, program ": error: %s: %s", file, why);                             \
    run_refused(2, line)
    RUN("detect", "-m", name, "a.bmp");
    REFUSED("detect", name, text);
    RUN("evaluate", name, "dt.json");
    REFUSED("evaluate", name, strcmp(text, "is a folder") == 0 ? NO_SET : text);
    RUN("evaluate", "gt.json", name);
    REFUSED("evaluate", name, text);
    RUN("evaluate", "set", "-m", name);
    REFUSED("evaluate", name, text);
    RUN("train", "set", "--weights", name, "-o", "run");
    REFUSED("train", name, text);
    RUN("train", "set", "--preset", preset, "-o", "run");
    REFUSED("train", preset, text);
    RUN("bench", "infer", "--preset", preset);
    REFUSED("bench", preset, text);
    RUN("train", name, "-o", "run");
    REFUSED("train", name, NO_SET);
    RUN("evaluate", name, "-m", "m.safetensors");
    REFUSED("evaluate", name, NO_SET);
}

START_TEST(line_73_no_file) {
    char line[128];
    ck_assert_int_eq(mkdir(temp_path("folder"), 0777), 0);
    ck_assert_int_eq(mkdir(temp_path("folder.jpg"), 0777), 0);
    ck_assert_int_eq(mkfifo(temp_path("fifo.jpg"), 0600), 0);
    const uint64_t state = temp_state();
    refused_file("folder", "is a folder");
    refused_file("fifo.jpg", "not a regular file");
    refused_file("/dev/zero", "not a regular file");
    DETECT("fifo.jpg");
    REFUSED("detect", "fifo.jpg", "not a regular file");
    DETECT("/dev/zero");
    REFUSED("detect", "/dev/zero", "not a regular file");
    DETECT("folder.jpg");
    REFUSED("detect", "folder.jpg", "no pictures (.jpg, .png, .bmp) in this folder");
    run_input = "folder.jpg\n"; /* of a list, each line is a picture */
    DETECT("-");
    REFUSED("detect", "folder.jpg", "is a folder");
    RUN("train", "--resume", "folder");
    REFUSED("train", "folder", "no folder of a run (no last.safetensors in it)");
    RUN("train", "--resume", "fifo.jpg");
    REFUSED("train", "fifo.jpg", "no folder of a run");
    RUN("train", "--resume", "gt.json");
    REFUSED("train", "gt.json", "no folder of a run");
    ck_assert(temp_state() == state);
}
END_TEST

/* ---- names ---- */

#define ODD "\"b\\\xff\xc3\xa4 \t"

START_TEST(line_74_odd_names_in_detect) {
    ck_assert_int_eq(rename(temp_path("a.bmp"), temp_path("-a.bmp")), 0);
    ck_assert_int_eq(rename(temp_path("b.bmp"), temp_path(ODD ".bmp")), 0);
    ck_assert_int_eq(link(temp_path("-a.bmp"), temp_path("my photo.bmp")), 0);
    DETECT("--json", "--", "-a.bmp", ODD ".bmp", "my photo.bmp");
    /* JSON is UTF-8 whatever the file is called */
    run_gave(0,
             "{\"file\": \"-a.bmp\", \"width\": 64, \"height\": 64, \"detections\": []}\n"
             "{\"file\": \"\\\"b\\\\\\ufffd\xc3\xa4 \\u0009.bmp\", \"width\": 64, \"height\": 64, "
             "\"detections\": []}\n"
             "{\"file\": \"my photo.bmp\", \"width\": 64, \"height\": 64, \"detections\": []}\n",
             "");
    ck_assert(there("-a_det.jpg") && there(ODD "_det.jpg") && there("my photo_det.jpg"));
    DETECT("-a.bmp");
    run_refused(1, "detect: error: unknown option -a (try --help)");
    DETECT("--", "-none.bmp");
    run_refused(2, "detect: error: -none.bmp: cannot open: No such file or directory");
}
END_TEST

START_TEST(line_74_odd_names_in_evaluate) {
    static char first[sizeof run_out];
    RUN("evaluate", "gt.json", "dt.json");
    ck_assert_int_eq(run_code, 0);
    strcpy(first, run_out);
    ck_assert_int_eq(rename(temp_path("gt.json"), temp_path("-gt " ODD ".json")), 0);
    ck_assert_int_eq(rename(temp_path("dt.json"), temp_path("-dt.json")), 0);
    RUN("evaluate", "--json", ODD "/no.json", "--", "-gt " ODD ".json", "-dt.json");
    run_gave(5, "",
             "evaluate: error: \"b\\\xff\xc3\xa4 ?/no.json: cannot write: No such file "
             "or directory\n");
    RUN("evaluate", "--json=" ODD, "--", "-gt " ODD ".json", "-dt.json");
    run_gave(0, first, "");
    ck_assert(there(ODD));
    RUN("evaluate", "-dt.json", "x");
    run_refused(1, "evaluate: error: unknown option -d (try --help)");
}
END_TEST

/* The run's name goes through its own files: args.json, the checkpoint, and back. */
START_TEST(line_74_odd_names_in_train) {
    ck_assert_int_eq(rename(temp_path("set"), temp_path("-my " ODD)), 0);
    RUN("train", "--preset", "nano", "--size", "32", "--batch", "2", "--max-steps", "1", "-q", "-o",
        "-run " ODD, "--", "-my " ODD);
    run_gave(0, "-run " ODD "\t1 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    RUN("train", "--resume", "-run " ODD, "--max-steps", "2", "-q");
    run_gave(0, "-run " ODD "\t2 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    RUN("train", "--preset", "nano", "--size", "32", "--batch", "2", "--max-steps", "1", "-q", "--",
        "-my " ODD);
    run_gave(0, "runs/-my " ODD "\t1 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    RUN("train", "-my " ODD);
    run_refused(1, "train: error: unknown option -m (try --help)");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_usage");
    TCase *tcase = tcase_create("usage");
    tcase_add_checked_fixture(tcase, make, temp_close);
    tcase_set_timeout(tcase, 180); /* for the sanitizers */
    tcase_add_test(tcase, line_67_unknown_option);
    tcase_add_test(tcase, line_68_learning_rate);
    tcase_add_test(tcase, line_69_batch);
    tcase_add_test(tcase, line_70_threads);
    tcase_add_test(tcase, line_71_output_is_input);
    tcase_add_test(tcase, line_72_folder_in_use);
    tcase_add_test(tcase, line_73_no_file);
    tcase_add_test(tcase, line_74_odd_names_in_detect);
    tcase_add_test(tcase, line_74_odd_names_in_evaluate);
    tcase_add_test(tcase, line_74_odd_names_in_train);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
