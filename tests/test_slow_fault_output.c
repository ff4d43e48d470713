/* Each call that writes fails once, or takes half of what it was given: a program ends with exit
 * code 5 and one line, and each file is the old one or the new one, whole. */
#include "bad_environment.h"
#include "fault_run.h"
#include "suite.h"

#ifdef RN_FAULT_SHIM

#include <errno.h>

static const struct {
    int error;
    fault_way way;
} faults[] = {
    {ENOSPC, FAULT_FAIL}, {EIO, FAULT_FAIL}, {ENOSPC, FAULT_SHORT}, {EIO, FAULT_SHORT_FAIL}};
enum { FAULTS = sizeof faults / sizeof *faults, MANY = 50 };

/* A folder need not be synced, and a short write goes on. */
static bool is_harmless(const char *unneeded) {
    const fault_call *call = &fault_last->call[fault_last->at - 1];
    const size_t size = strlen(call->file);
    return strstr(unneeded, call->what) || (size > 0 && call->file[size - 1] == '/') ||
           (fault_last->way == FAULT_SHORT && strcmp(call->what, "write") == 0);
}

typedef struct fault_case {
    const char *const *args;
    void (*before)(void); /* what the call finds */
    void (*after)(void);  /* looks at what it left */
    const char *folder;   /* of the files */
    const char *unneeded; /* the calls that may fail: close, where fsync has said all before it;
                             mkdir, where the folder is there */
} fault_case;

/* The call `at` fails; false if there is none. */
static bool fails_once(const fault_case *c, size_t at, int error, fault_way way) {
    char behind[64];
    c->before();
    if (!fault_run(FAULT_OUTPUT, at, error, way, c->args)) return false;
    if (is_harmless(c->unneeded)) {
        ck_assert_msg(run_code == 0, "%s: %s", fault_last->call[at - 1].what, run_err);
        ck_assert_str_eq(run_err, "");
    } else {
        fault_refused(5, c->args[0]);
        snprintf(behind, sizeof behind, ": %s\n", strerror(error));
        ck_assert_msg(strstr(run_err, behind), "%s", run_err);
    }
    no_temporary(c->folder);
    c->after();
    return true;
}

static void each_fails_once(const char *what, const fault_case *c) {
    static bool is_write[FAULT_CALLS + 1];
    size_t n = 0, n_writes = 0;
    for (; fails_once(c, n + 1, faults[0].error, faults[0].way); n++) {
        ck_assert_uint_lt(n, FAULT_CALLS);
        is_write[n + 1] = strcmp(fault_last->call[n].what, "write") == 0;
        n_writes += is_write[n + 1];
    }
    /* The short ways are those of a write. Of many writes, each of which failed above, a part, or
     * with $RN_FAULT_ALL in the environment each. */
    const bool all = n_writes < MANY || getenv("RN_FAULT_ALL");
    for (int i = 1; i < FAULTS; i++)
        for (size_t at = 1; at <= n; at++)
            if (is_write[at] ? all || at % 7 == 0 : faults[i].way == FAULT_FAIL)
                ck_assert(fails_once(c, at, faults[i].error, faults[i].way));
    printf("%s: %zu calls, %zu of them writes, each made to fail\n", what, n, n_writes);
    ck_assert_uint_ge(n, n_writes + 4); /* open, fsync, close, rename */
}

/* A file as it was, and as it would have been. */
typedef struct version {
    uint8_t *bytes;
    size_t size;
} version;

static version old_file, new_file;

static version take(const char *name) {
    version v;
    v.bytes = file_bytes(&v.size, name);
    return v;
}

static bool is_version(const version *v, const char *name) {
    version is = take(name);
    const bool same = is.size == v->size && memcmp(is.bytes, v->bytes, v->size) == 0;
    free(is.bytes);
    return same;
}

/* The new one where the program said so. An error that comes behind the rename leaves either. */
static void old_or_new(const char *name) {
    ck_assert_msg(is_version(run_code == 0 ? &new_file : &old_file, name), "%s, %s", name,
                  fault_last->call[fault_last->at - 1].what);
}

static void put_old(const char *name) {
    temp_bytes(name, old_file.bytes, old_file.size);
}

static void free_versions(void) {
    free(old_file.bytes);
    free(new_file.bytes);
}

/* ---- detect and evaluate ---- */

static void old_picture(void) {
    put_old("out/a_det.jpg");
}

static void check_picture(void) {
    old_or_new("out/a_det.jpg");
}

START_TEST(detect) {
    const char *const *args = ARGS("detect", "-m", "m.safetensors", "-t", "1", "-o", "out", "-q",
                                   "--threads", "2", "a.bmp");
    temp_bmp("b/a.bmp", 64, 64, 99);
    DETECT("-o", "out", "b/a.bmp");
    run_gave(0, "", "");
    old_file = take("out/a_det.jpg");
    run_args(args);
    run_gave(0, "", "");
    new_file = take("out/a_det.jpg");
    ck_assert(!is_version(&old_file, "out/a_det.jpg"));
    each_fails_once("detect",
                    &(fault_case){args, old_picture, check_picture, "out", "mkdir close"});
    free_versions();
}
END_TEST

static void old_numbers(void) {
    put_old("o.json");
}

static void check_numbers(void) {
    old_or_new("o.json");
}

START_TEST(evaluate) {
    const char *const *args =
        ARGS("evaluate", "gt.json", "dt.json", "--json", "o.json", "-q", "--threads", "2");
    temp_text("o.json", "mine");
    old_file = take("o.json");
    run_args(args);
    ck_assert_int_eq(run_code, 0);
    new_file = take("o.json");
    each_fails_once("evaluate", &(fault_case){args, old_numbers, check_numbers, ".", ""});
    free_versions();
}
END_TEST

static const char *const plots[] = {"p/pr.csv", "p/pr_curve.png", "p/f1_curve.png",
                                    "p/confusion.csv", "p/confusion.png"};
enum { PLOTS = sizeof plots / sizeof *plots };
static version new_plots[PLOTS];

static void old_plots(void) {
    for (int i = 0; i < PLOTS; i++) put_old(plots[i]);
}

/* Those before the fault are new, those behind it old. */
static void check_plots(void) {
    bool is_new = true;
    for (int i = 0; i < PLOTS; i++) {
        is_new = is_new && is_version(&new_plots[i], plots[i]);
        ck_assert_msg(is_new || is_version(&old_file, plots[i]), "%s", plots[i]);
    }
    ck_assert(is_new == (run_code == 0));
}

START_TEST(evaluate_plots) {
    const char *const *args =
        ARGS("evaluate", "gt.json", "dt.json", "--plots", "p", "-q", "--threads", "2");
    temp_text("old", "mine");
    old_file = take("old");
    run_args(args);
    ck_assert_msg(run_code == 0, "%s", run_err);
    for (int i = 0; i < PLOTS; i++) new_plots[i] = take(plots[i]);
    each_fails_once("evaluate --plots",
                    &(fault_case){args, old_plots, check_plots, "p", "mkdir close"});
    for (int i = 0; i < PLOTS; i++) free(new_plots[i].bytes);
    free(old_file.bytes);
}
END_TEST

static void old_model(void) {
    put_old("best.safetensors");
}

static void check_model(void) {
    old_or_new("best.safetensors");
}

START_TEST(evaluate_save_threshold) {
    const char *const *args = ARGS("evaluate", "set", "--split", "train", "-m", "best.safetensors",
                                   "--save-threshold", "-q", "--threads", "2");
    run_args(tiny_args("run", ARGS("-q", "--threads", "2", "--epochs", "8")));
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(rename(temp_path("run/best.safetensors"), temp_path("best.safetensors")), 0);
    ck_assert_int_eq(rn_model_set_show_threshold(temp_path("best.safetensors"), 0.9375), RN_OK);
    old_file = take("best.safetensors");
    run_args(args);
    ck_assert_msg(run_code == 0, "%s", run_err);
    new_file = take("best.safetensors");
    ck_assert(!is_version(&old_file, "best.safetensors"));
    each_fails_once("evaluate --save-threshold",
                    &(fault_case){args, old_model, check_model, ".", "close"});
    free_versions();
}
END_TEST

/* ---- train ---- */

static void remove_run(const char *run) {
    nftw(temp_path(run), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* A checkpoint is all that a run needs. */
static void old_run(void) {
    remove_run("run");
    put_old("run/last.safetensors");
}

static version new_best;
static char new_rows[8192];

/* Each file is the old one or the new one; the first time that they stand so, the run goes on from
 * there as if nothing were. */
static void check_run(void) {
    static bool seen[8];
    char rows[8192];
    const bool is_old = is_version(&old_file, "run/last.safetensors");
    const bool has_best = there("run/best.safetensors"), has_rows = there("run/results.csv");
    ck_assert(is_old || is_version(&new_file, "run/last.safetensors"));
    ck_assert(!has_best || is_version(&new_best, "run/best.safetensors"));
    if (has_rows) {
        tiny_rows(rows, temp_path("run"));
        ck_assert_str_eq(rows, new_rows);
    }
    ck_assert(run_code != 0 || (!is_old && has_best && has_rows));
    if (there("run/pictures")) no_temporary("run/pictures");
    bool *known = &seen[is_old + 2 * has_best + 4 * has_rows];
    if (*known) return;
    *known = true;
    RUN("train", "--resume", "run", "-q", "--threads", "2");
    ck_assert_msg(run_code == 0, "%s", run_err);
    tiny_same_run(temp_path("whole"), temp_path("run"));
    no_temporary("run");
}

/* The end of an epoch: best.safetensors, results.csv, the pictures, last.safetensors. */
START_TEST(train) {
    const char *const *args =
        ARGS("train", "--resume", "run", "-q", "--threads", "2", "--max-steps", "4");
    const char *const *whole = ARGS("-q", "--threads", "2", "--epochs", "2");
    run_args(tiny_args("whole", whole));
    ck_assert_msg(run_code == 0, "%s", run_err);
    run_args(tiny_args("run", ARGS("-q", "--threads", "2", "--epochs", "2", "--max-steps", "3")));
    ck_assert_msg(run_code == 0, "%s", run_err);
    old_file = take("run/last.safetensors");
    old_run();
    run_args(args);
    ck_assert_msg(run_code == 0, "%s", run_err);
    new_file = take("run/last.safetensors");
    new_best = take("run/best.safetensors");
    tiny_rows(new_rows, temp_path("run"));
    each_fails_once("train --resume", &(fault_case){args, old_run, check_run, "run", "close"});
    free_versions();
    free(new_best.bytes);
}
END_TEST

static void start(void) {
    make();
    fault_open();
}

int main(void) {
    Suite *suite = suite_create("fault_output");
    TCase *tcase = tcase_create("fault_output");
    tcase_add_checked_fixture(tcase, start, temp_close);
    tcase_set_timeout(tcase, getenv("RN_FAULT_ALL") ? 0 : 600);
    tcase_add_test(tcase, detect);
    tcase_add_test(tcase, evaluate);
    tcase_add_test(tcase, evaluate_plots);
    tcase_add_test(tcase, evaluate_save_threshold);
    tcase_add_test(tcase, train);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}

#else

int main(void) {
    puts("skipped: test_slow_fault_output, no shim stands before a sanitizer");
    return 0;
}

#endif
