#include "suite.h"
#include "tiny_model.h"

#include <dirent.h>
#include <sys/resource.h>

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

static void odd_environment(void) {
    setenv("LC_ALL", "tr_TR.UTF-8", 1);
    setenv("OMP_NUM_THREADS", "7", 1);
    setenv("OPENBLAS_NUM_THREADS", "13", 1);
}

/* --threads wins; no bit depends on the locale or on the threads that others would like. */
START_TEST(the_environment_does_not_matter) {
    static char first[sizeof run_out];
    run_args(tiny_args("a", ARGS("--max-steps", "6", "--threads", "1")));
    ck_assert_int_eq(run_code, 0);
    strcpy(first, run_out);
    ck_assert_int_eq(strncmp(first, "a\t6 steps\tval AP 0.", 19), 0);
    ck_assert_ptr_null(strchr(run_err, '\r')); /* no progress bar: it is no terminal */
    ck_assert_ptr_null(strchr(run_err, '\033'));
    run_before = odd_environment;
    run_args(tiny_args("b", ARGS("--max-steps", "6", "--threads", "3")));
    ck_assert_int_eq(run_code, 0);
    ck_assert_ptr_nonnull(strstr(run_err, ", 3 threads, "));
    ck_assert_str_eq(run_out + 1, first + 1); /* the run's name aside */
    tiny_same_run(temp_path("a"), temp_path("b"));
}
END_TEST

static void close_stdout(void) {
    close(1);
}

static void close_stderr(void) {
    close(2);
}

START_TEST(nobody_listens) {
    run_before = close_stderr; /* what would be said there must not land in RUN/.lock */
    run_args(tiny_args("quiet", ARGS("--max-steps", "1")));
    ck_assert_int_eq(run_code, 0);
    struct stat info;
    ck_assert_int_eq(stat(temp_path("quiet/.lock"), &info), 0);
    ck_assert_int_eq(info.st_size, 0);
    run_before = close_stdout;
    run_args(tiny_args("run", ARGS("-q", "--max-steps", "1")));
    run_gave(5, "", "");
    ck_assert_uint_eq(tiny_position("run"), 1); /* trained it has */
}
END_TEST

/* ---- resume ---- */

START_TEST(resumed) {
    one_step("run");
    RUN("train", "--resume", "run", "-q", "--max-steps", "3", "--threads", "2");
    run_gave(0, "run\t3 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    RUN("train", "--resume", "run", "--lr", "0.1");
    run_refused(1, "train: error: lr: cannot change in a resumed run (threads, max-steps, time "
                   "and epochs can)");
    RUN("train", "--resume", "run", "--epochs", "9");
    run_refused(1, "train: error: epochs: may change only when the run has finished");
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

/* ---- signals ---- */

/* Wait until `run` has begun its second epoch or so: its results have a row. */
static void wait_for_row(const char *run) {
    char name[64];
    snprintf(name, sizeof name, "%s/results.csv", run);
    for (int i = 0; i < 6000 && !there(name); i++) run_sleep(0.01);
    ck_assert(there(name));
}

static pid_t start_long(const char *run) {
    const pid_t pid = run_start(tiny_args(run, ARGS("-q", "--set", "epochs=10000")));
    wait_for_row(run);
    return pid;
}

START_TEST(stopped_by_a_signal) {
    static const struct {
        const char *run;
        int signal, code;
    } cases[] = {{"int", SIGINT, 130}, {"term", SIGTERM, 143}};
    for (int i = 0; i < 2; i++) {
        char max[32], want[128];
        const pid_t pid = start_long(cases[i].run);
        const unsigned long long before = tiny_position(cases[i].run);
        ck_assert_int_eq(kill(pid, cases[i].signal), 0);
        run_wait(pid);
        run_gave(cases[i].code, "", "");
        const unsigned long long after = tiny_position(cases[i].run);
        ck_assert_uint_ge(after, before);
        snprintf(max, sizeof max, "%llu", after + 1);
        RUN("train", "--resume", cases[i].run, "--max-steps", max, "-q");
        ck_assert_int_eq(run_code, 0);
        snprintf(want, sizeof want, "%s\t%llu steps\t", cases[i].run, after + 1);
        ck_assert_msg(strncmp(run_out, want, strlen(want)) == 0, "%s", run_out);
    }
}
END_TEST

/* The second one does not wait for the step; what was saved is whole. */
START_TEST(stopped_by_two_signals) {
    const pid_t pid = start_long("run");
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    run_wait(pid);
    ck_assert(run_code == 130 || run_code == 143);
    rn_safetensors last = tiny_open(temp_path("run/last.safetensors"));
    rn_safetensors_close(&last);
}
END_TEST

/* ---- no room ---- */

static void small_files(void) {
    const struct rlimit limit = {100000, 100000};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(99);
}

/* What a disk that is full does: the old checkpoint stays to the bit, no temporary is left. */
START_TEST(a_full_disk) {
    uint8_t *bytes[2];
    size_t sizes[2];
    struct dirent *entry;
    one_step("run");
    ck_assert_int_eq(rn_file_read(&bytes[0], &sizes[0], temp_path("run/last.safetensors"), 1 << 24),
                     RN_OK);
    run_before = small_files;
    RUN("train", "--resume", "run", "-q", "--max-steps", "2");
    run_refused(5, "train: error: run/last.safetensors: cannot write: File too large");
    ck_assert_int_eq(rn_file_read(&bytes[1], &sizes[1], temp_path("run/last.safetensors"), 1 << 24),
                     RN_OK);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
    DIR *dir = opendir(temp_path("run"));
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir))) ck_assert_ptr_null(strstr(entry->d_name, ".tmp"));
    closedir(dir);
    RUN("train", "--resume", "run", "-q"); /* there is room again */
    ck_assert_int_eq(run_code, 0);
    ck_assert_uint_eq(tiny_position("run"), TINY_STEPS);
}
END_TEST

/* Told before the first step, and no folder is left that stands in the way of the next try. */
START_TEST(a_place_that_cannot_be_written) {
    temp_text("file", "mine");
    run_args(tiny_args("file/run", ARGS("-q")));
    run_refused(5, "train: error: file/run: cannot make the folder: Not a directory");
    run_before = small_files;
    run_args(tiny_args("run", ARGS("-q")));
    run_refused(5, "train: error: run/last.safetensors: cannot write: File too large");
    one_step("run");
}
END_TEST

static void small_memory(void) {
    limit_memory((rlim_t)200 << 20);
}

static void middling_memory(void) {
    limit_memory((rlim_t)1500 << 20);
}

/* Refused with a line, whether an allocation fails or the plan says that it would. */
START_TEST(too_little_memory) {
    if (!LIMITS_MEMORY) {
        puts("skipped: too_little_memory, the sanitizers need more");
        return;
    }
    run_before = small_memory;
    RUN("train", "set", "--preset", "r18", "--size", "512", "--threads", "2", "-o", "run");
    ck_assert_int_eq(run_code, 3);
    ck_assert_str_eq(run_out, "");
    ck_assert_uint_eq(strcspn(run_err, "\n") + 1, strlen(run_err)); /* one line */
    ck_assert_int_eq(strncmp(run_err, "train: error: ", 14), 0);
    ck_assert(!there("run"));
    run_before = middling_memory;
    RUN("train", "set", "--preset", "small", "--size", "1024", "--batch", "8", "-q", "--threads",
        "1", "-o", "run");
    ck_assert_int_eq(run_code, 3);
    ck_assert_int_eq(strncmp(run_err, "train: error: training needs ", 29), 0);
    ck_assert_ptr_nonnull(strstr(run_err, " MB are free: choose a smaller --batch or --size\n"));
    ck_assert(!there("run"));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, make_set, temp_close);
    tcase_set_timeout(tcase, 180); /* for the sanitizers */
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void) {
    Suite *suite = suite_create("train");
    TCase *runs = add_case(suite, "runs"), *stops = add_case(suite, "stops");
    tcase_add_test(runs, default_names);
    tcase_add_test(runs, a_folder_has_no_ending);
    tcase_add_test(runs, a_named_run);
    tcase_add_test(runs, a_dry_run);
    tcase_add_test(runs, the_environment_does_not_matter);
    tcase_add_test(runs, nobody_listens);
    tcase_add_test(runs, resumed);
    tcase_add_test(runs, no_data);
    tcase_add_test(stops, stopped_by_a_signal);
    tcase_add_test(stops, stopped_by_two_signals);
    tcase_add_test(stops, a_full_disk);
    tcase_add_test(stops, a_place_that_cannot_be_written);
    tcase_add_test(stops, too_little_memory);
    return suite_run(suite);
}
