/* Each allocation of a program fails once: it ends with exit code 3 and one line, and frees all
 * that it has. */
#include "bad_environment.h"
#include "fault_run.h"
#include "suite.h"
#include "torch_model.h"

#ifdef RN_FAULT_SHIM

#include "base/random.h"

#include <errno.h>

/* Each of the first, then so many of the others; with $RN_FAULT_ALL in the environment, each. */
enum { ALL = 400, SAMPLE = 200 };

static char whole_out[sizeof run_out];
static long whole_live;
static uint64_t whole_state;
static size_t n_survived;

/* What the call left behind is as if it had never been; without it all files are as the unhurt run
 * left them. */
static void (*undo)(void);

/* With allocation `at` failing. Where one may fail (the C library does without a buffer) all is as
 * in the unhurt run. */
static bool fails_once(size_t at, const char *const *args) {
    if (undo) undo();
    if (!fault_run(FAULT_MEMORY, at, ENOMEM, FAULT_FAIL, args)) return false;
    const size_t size = strlen(run_out);
    if (run_code == 0) {
        run_gave(0, whole_out, "");
        n_survived++;
    } else {
        fault_refused(3, args[0]);
        ck_assert_msg(strncmp(run_out, whole_out, size) == 0 &&
                          (size == 0 || run_out[size - 1] == '\n'),
                      "%s, allocation %zu: half a line: %s", args[0], at, run_out);
    }
    ck_assert_msg(undo || temp_state() == whole_state, "%s, allocation %zu: other files: %d %s",
                  args[0], at, run_code, run_err);
    ck_assert_msg(fault_last->live <= whole_live, "%s, allocation %zu: %ld left, not %ld: %s",
                  args[0], at, (long)fault_last->live, whole_live, run_err);
    return true;
}

static void each_fails_once(const char *what, const char *const *args) {
    rn_random random = rn_random_seed(3, 0, 0);
    size_t failed = 0;
    n_survived = 0;
    if (undo) undo();
    ck_assert(!fault_run(FAULT_MEMORY, 0, ENOMEM, FAULT_FAIL, args));
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_str_eq(run_err, "");
    strcpy(whole_out, run_out);
    whole_live = fault_last->live;
    whole_state = temp_state();
    const size_t n = fault_last->calls;
    ck_assert_uint_gt(n, 0);
    const size_t first = n <= ALL + SAMPLE || getenv("RN_FAULT_ALL") ? SIZE_MAX : ALL;
    while (failed < first && fails_once(failed + 1, args)) failed++;
    for (int i = 0; i < SAMPLE && first == ALL; i++)
        failed += fails_once(ALL + 1 + rn_random_below(&random, (uint32_t)(n - ALL)), args);
    printf("%s: %zu allocations, %zu made to fail, %zu of them done without\n", what, n, failed,
           n_survived);
    ck_assert_uint_gt(failed, 0);
}

static void start(void) {
    make();
    fault_open();
    undo = NULL;
}

START_TEST(detect) {
    each_fails_once("detect", ARGS("detect", "-m", "m.safetensors", "-t", "0.0001", "-q",
                                   "--threads", "2", "-o", "out", "a.bmp"));
}
END_TEST

START_TEST(convert_torch) {
    make_models();
    unlink(temp_path("older.pth")); /* what is there is looked at after every run */
    unlink(temp_path("s.safetensors"));
    each_fails_once("convert", ARGS("convert", "zip.pth", "o.safetensors"));
}
END_TEST

START_TEST(evaluate_files) {
    each_fails_once("evaluate, two files", ARGS("evaluate", "gt.json", "dt.json", "-q", "--threads",
                                                "2", "--json", "o.json"));
}
END_TEST

/* The encoder of PNG pictures asks for memory many thousand times. */
START_TEST(evaluate_plots) {
    each_fails_once("evaluate --plots",
                    ARGS("evaluate", "gt.json", "dt.json", "-q", "--threads", "2", "--plots", "p"));
}
END_TEST

static void no_scenes(void) {
    nftw(temp_path("scenes"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(scenes) {
    undo = no_scenes;
    each_fails_once("scenes", ARGS("scenes", "-o", "scenes", "--train", "1", "--val", "0", "--size",
                                   "32", "-q", "--threads", "1"));
}
END_TEST

START_TEST(evaluate_model) {
    run_args(tiny_args("run", ARGS("-q", "--set", "epochs=8"))); /* it finds some of train */
    ck_assert_msg(run_code == 0, "%s", run_err);
    each_fails_once("evaluate, a model",
                    ARGS("evaluate", "set", "--split", "train", "-m", "run/best.safetensors", "-q",
                         "--threads", "2", "--json", "o.json", "--results", "r.json",
                         "--save-threshold"));
}
END_TEST

/* Nothing is left that would stand in the way of the next try. */
static void no_run(void) {
    ck_assert(!there("run") || there("run/last.safetensors"));
    nftw(temp_path("run"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(train_new) {
    undo = no_run;
    each_fails_once("train", tiny_args("run", ARGS("-q", "--threads", "2", "--max-steps", "1")));
}
END_TEST

static uint8_t *last;
static size_t last_size;

/* A checkpoint is all that a run needs. */
static void first_step(void) {
    no_run();
    temp_bytes("run/last.safetensors", last, last_size);
}

START_TEST(train_resume) {
    one_step("run");
    last = file_bytes(&last_size, "run/last.safetensors");
    undo = first_step;
    each_fails_once("train --resume",
                    ARGS("train", "--resume", "run", "-q", "--threads", "2", "--max-steps", "2"));
    free(last);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("fault_memory");
    TCase *tcase = tcase_create("fault_memory");
    tcase_add_checked_fixture(tcase, start, temp_close);
    tcase_set_timeout(tcase, getenv("RN_FAULT_ALL") ? 0 : 600);
    tcase_add_test(tcase, detect);
    tcase_add_test(tcase, convert_torch);
    tcase_add_test(tcase, evaluate_files);
    tcase_add_test(tcase, evaluate_plots);
    tcase_add_test(tcase, scenes);
    tcase_add_test(tcase, evaluate_model);
    tcase_add_test(tcase, train_new);
    tcase_add_test(tcase, train_resume);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}

#else

int main(void) {
    puts("skipped: test_slow_fault_memory, no shim stands before a sanitizer");
    return 0;
}

#endif
