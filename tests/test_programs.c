/* What all programs have in common: help and usage errors; scenes. */
#include "run_program.h"
#include "suite.h"

#include <retinanet.h>

static const char *const programs[] = {"train", "detect", "evaluate", "bench", "scenes", "losslab"};
enum { PROGRAMS = sizeof programs / sizeof *programs };

/* ---- help ---- */

START_TEST(help) {
    static const char *const usages[] = {
        "usage: train DATA [OPTIONS]\n       train --resume RUN [OPTIONS]\n\noptions:\n",
        "usage: detect [OPTIONS] IMAGE|FOLDER|- ...\n\noptions:\n",
        ("usage: evaluate DATA [-m MODEL] [OPTIONS]\n"
         "       evaluate GROUND_TRUTH.json|DATA DETECTIONS.json [OPTIONS]\n\noptions:\n"),
        "usage: bench infer|train [OPTIONS]\n\noptions:\n",
        "usage: scenes -o FOLDER [OPTIONS]\n\noptions:\n",
        "usage: losslab list\n"};
    static const char last[] = "  -h, --help              show this and exit\n"
                               "      --version           show the version and exit\n";
    static char first[sizeof run_out];
    for (int i = 0; i < PROGRAMS; i++) {
        RUN(programs[i], "--help");
        ck_assert_int_eq(run_code, 0);
        ck_assert_str_eq(run_err, "");
        ck_assert_int_eq(strncmp(run_out, usages[i], strlen(usages[i])), 0);
        ck_assert_uint_gt(strlen(run_out), sizeof last);
        ck_assert_str_eq(run_out + strlen(run_out) - strlen(last), last);
        ck_assert_ptr_nonnull(strstr(run_out, "\n  -q, --quiet "));
        strcpy(first, run_out);
        RUN(programs[i], "-h");
        run_gave(0, first, "");
        RUN(programs[i], "--threads", "1", "--help", "--nonsense"); /* answered where it stands */
        run_gave(0, first, "");
    }
}
END_TEST

START_TEST(versions) {
    for (int i = 0; i < PROGRAMS; i++) {
        char want[64];
        snprintf(want, sizeof want, "%s %s\n", programs[i], RN_VERSION);
        RUN(programs[i], "--version");
        run_gave(0, want, "");
    }
}
END_TEST

/* Every option that cli.md promises. */
START_TEST(options_are_listed) {
    static const char *const lists[PROGRAMS] = {
        ("--output --resume --set --preset --weights --epochs --batch --size --lr --loss --gamma "
         "--alpha --prior --seed --threads --time --max-steps --train-split --val-split --dry-run"),
        "--model --output --threshold --json --no-image --threads --on-bad --max-pixels --force",
        "--model --split --json --results --plots --threshold --save-threshold --threads",
        "--preset --size --batch --classes --threads --runs --json",
        "--output --seed --train --val --size --classes --threads",
        "--output --only --seeds --time --threads --gamma --alpha --folds --loss --preset --set"};
    for (int i = 0; i < PROGRAMS; i++) {
        char list[512];
        strcpy(list, lists[i]);
        RUN(programs[i], "--help");
        for (char *name = strtok(list, " "); name; name = strtok(NULL, " ")) {
            char want[64];
            snprintf(want, sizeof want, "%s ", name);
            ck_assert_msg(strstr(run_out, want) != NULL, "%s of %s", name, programs[i]);
        }
    }
}
END_TEST

/* ---- usage errors: exit 1, one line ---- */

START_TEST(values_missing_or_too_many) {
    RUN("detect", "-m");
    run_refused(1, "detect: error: option --model needs a value (MODEL)");
    RUN("evaluate", "a", "--json");
    run_refused(1, "evaluate: error: option --json needs a value (FILE)");
    RUN("detect", "--json=a", "b");
    run_refused(1, "detect: error: option --json takes no value (got \"a\")");
    RUN("train", "set", "--dry-run=false");
    run_refused(1, "train: error: option --dry-run takes no value (got \"false\")");
    RUN("train", "set", "--set", "epochs");
    run_refused(1, "train: error: epochs: got , want 1..100000");
    RUN("detect", "a.jpg", "--nms", "all");
    run_refused(1, "detect: error: got all, want class or agnostic");
    RUN("detect", "a.jpg", "--on-bad", "stop");
    run_refused(1, "detect: error: got stop, want skip or fail");
    RUN("bench", "--help=x");
    run_refused(1, "bench: error: option --help takes no value (got \"x\")");
}
END_TEST

START_TEST(inputs_missing_or_too_many) {
    RUN("train");
    run_refused(1, "train: error: want DATA or --resume RUN");
    RUN("train", "a", "b");
    run_refused(1, "train: error: one DATA is enough, got a and b");
    RUN("train", "a", "--resume", "r");
    run_refused(1, "train: error: --resume RUN takes neither DATA nor -o");
    RUN("train", "--resume", "r", "-o", "x");
    run_refused(1, "train: error: --resume RUN takes neither DATA nor -o");
    RUN("detect", "-q");
    run_refused(1, "detect: error: want at least one IMAGE, FOLDER or -");
    RUN("evaluate");
    run_refused(1, "evaluate: error: want DATA, or GROUND_TRUTH.json DETECTIONS.json");
    RUN("evaluate", "a", "b", "c");
    run_refused(1, "evaluate: error: got c behind two files");
    RUN("evaluate", "a", "b", "-m", "c");
    run_refused(1, "evaluate: error: DETECTIONS.json and --model do not go together");
    RUN("evaluate", "a", "b", "--set", "bn_eps=0");
    run_refused(1, "evaluate: error: DETECTIONS.json and --set do not go together");
    RUN("bench");
    run_refused(1, "bench: error: want infer or train");
    RUN("bench", "both");
    run_refused(1, "bench: error: want infer or train");
    RUN("bench", "infer", "train");
    run_refused(1, "bench: error: one of infer and train is enough");
    RUN("scenes");
    run_refused(1, "scenes: error: no -o FOLDER given (try --help)");
    RUN("scenes", "-o", "a", "b");
    run_refused(1, "scenes: error: unexpected \"b\" (try --help)");
}
END_TEST

/* ---- scenes ---- */

START_TEST(scenes_makes_a_set_once) {
    RUN("scenes", "-o", "a set", "--train", "2", "--val", "1", "--size", "48x32", "--classes", "8",
        "--objects", "1-2", "--threads", "1");
    run_gave(0, "a set: 2 train and 1 val pictures of 48x32, 8 classes\n", "");
    ck_assert_int_eq(access(temp_path("a set/val.json"), R_OK), 0);
    RUN("scenes", "-o", "a set", "--train", "1");
    run_refused(1, "scenes: error: a set/train.json: exists; the folder holds a set already");
    temp_text("file", "mine");
    RUN("scenes", "-o", "file/set");
    run_refused(5, "scenes: error: file/set/images: cannot make the folder: Not a directory");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("programs");
    TCase *tcase = tcase_create("programs");
    tcase_add_checked_fixture(tcase, temp_open, temp_close);
    tcase_set_timeout(tcase, 120); /* for the sanitizers */
    tcase_add_test(tcase, help);
    tcase_add_test(tcase, versions);
    tcase_add_test(tcase, options_are_listed);
    tcase_add_test(tcase, values_missing_or_too_many);
    tcase_add_test(tcase, inputs_missing_or_too_many);
    tcase_add_test(tcase, scenes_makes_a_set_once);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
