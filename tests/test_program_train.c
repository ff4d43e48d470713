#include "suite.h"
#include "tiny_model.h"

static void make_set(void) {
    temp_open();
    tiny_set("set", 5);
}

static bool there(const char *name) {
    struct stat info;
    return stat(temp_path(name), &info) == 0;
}

/* A tiny run of one step into `run`. */
static void one_step(const char *run) {
    run_args(tiny_args(run, ARGS("-q", "--max-steps", "1")));
    ck_assert_msg(run_code == 0, "%s", run_err);
}

/* ---- names of runs ---- */

START_TEST(default_names) {
    run_args(tiny_args(NULL, ARGS("--max-steps", "1", "-q")));
    run_gave(0, "runs/set\t1 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    run_args(tiny_args(NULL, ARGS("--max-steps", "2", "-q")));
    run_gave(0, "runs/set-2\t2 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    run_args(tiny_args(NULL, ARGS("--max-steps", "1", "-q")));
    run_gave(0, "runs/set-3\t1 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    ck_assert(there("runs/set/last.safetensors") && there("runs/set-3/results.csv"));
}
END_TEST

START_TEST(a_folder_has_no_ending) {
    ck_assert_int_eq(rename(temp_path("set"), temp_path("v1.5")), 0);
    run_args(ARGS("train", "v1.5/", "--preset", "nano", "--size", "32", "--max-steps", "1", "-q"));
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert(there("runs/v1.5/last.safetensors"));
}
END_TEST

START_TEST(a_named_run) {
    run_args(tiny_args("deep/er/my run/", ARGS("--max-steps", "1", "-q")));
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert(there("deep/er/my run/last.safetensors"));
    run_args(tiny_args("set", ARGS("--max-steps", "1"))); /* where the data lie */
    run_refused(1, "train: error: set: exists already (go on with it by --resume set, or choose "
                   "another -o)");
    ck_assert(!there("set/log.txt"));
    run_args(tiny_args("deep", ARGS("--max-steps", "1")));
    run_refused(1, "train: error: deep: exists already (go on with it by --resume deep, or choose "
                   "another -o)");
}
END_TEST

START_TEST(a_dry_run) {
    run_args(tiny_args(NULL, ARGS("--dry-run", "--threads", "3")));
    ck_assert_int_eq(run_code, 0);
    ck_assert_str_eq(run_out, "");
    ck_assert_ptr_nonnull(strstr(run_err, "8 pictures to train on"));
    ck_assert_ptr_nonnull(strstr(run_err, "64 x 64 pictures, batch 2, 3 threads"));
    ck_assert_ptr_nonnull(strstr(run_err, "schedule    16 steps"));
    ck_assert(!there("runs"));
}
END_TEST

/* ---- what is printed ---- */

START_TEST(no_progress_where_there_is_no_terminal) {
    run_args(tiny_args("run", ARGS("--max-steps", "6", "--threads", "3")));
    ck_assert_int_eq(run_code, 0);
    ck_assert_int_eq(strncmp(run_out, "run\t6 steps\tval AP 0.", 21), 0);
    ck_assert_ptr_null(strchr(run_err, '\r'));
    ck_assert_ptr_null(strchr(run_err, '\033'));
    ck_assert_ptr_nonnull(strstr(run_err, ", 3 threads, "));
}
END_TEST

/* ---- resume ---- */

START_TEST(resumed) {
    one_step("run");
    RUN("train", "--resume", "run", "-q", "--max-steps", "3", "--threads", "2");
    run_gave(0, "run\t3 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    RUN("train", "--resume", "none");
    run_refused(2, "train: error: none: no folder of a run");
    RUN("train", "--resume", "set");
    run_refused(2, "train: error: set: no folder of a run (no last.safetensors in it)");
}
END_TEST

START_TEST(no_data) {
    RUN("train", "nowhere");
    ck_assert_int_eq(run_code, 2);
    ck_assert_int_eq(strncmp(run_err, "train: error: nowhere: ", 23), 0);
    mkdir(temp_path("empty"), 0777);
    RUN("train", "empty");
    ck_assert_int_eq(run_code, 2);
    ck_assert_int_eq(strncmp(run_err, "train: error: empty: ", 21), 0);
    ck_assert(!there("runs"));
    RUN("train", "set", "--preset", "none.json");
    run_refused(2, "train: error: none.json: cannot open: No such file or directory");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train");
    TCase *tcase = tcase_create("train");
    tcase_add_checked_fixture(tcase, make_set, temp_close);
    tcase_set_timeout(tcase, 180); /* for the sanitizers */
    tcase_add_test(tcase, default_names);
    tcase_add_test(tcase, a_folder_has_no_ending);
    tcase_add_test(tcase, a_named_run);
    tcase_add_test(tcase, a_dry_run);
    tcase_add_test(tcase, no_progress_where_there_is_no_terminal);
    tcase_add_test(tcase, resumed);
    tcase_add_test(tcase, no_data);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
