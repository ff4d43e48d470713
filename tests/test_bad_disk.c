/* The lines of bad-inputs.md about disks, folders and streams, with the programs as a user runs
 * them. */
#include "bad_environment.h"
#include "suite.h"

#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ---- disks and folders ---- */

/* Files end at so many bytes, as on a disk that is full. Stdout is none of them. */
static rlim_t file_bytes_left;

static void full_disk(void) {
    const struct rlimit limit = {file_bytes_left, file_bytes_left};
    signal(SIGXFSZ, SIG_IGN);
    run_redirect(1, "/dev/null", O_WRONLY);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(99);
}

/* Run on until it ends by itself, and be the run that was never disturbed. */
static void goes_on_as_if_nothing_were(const char *run) {
    RUN("train", "--resume", run, "-q");
    ck_assert_msg(run_code == 0, "%s", run_err);
    if (!there("whole")) run_args(tiny_args("whole", ARGS("-q")));
    tiny_same_run(temp_path("whole"), temp_path(run));
}

START_TEST(line_75_full_disk_at_a_checkpoint) {
    size_t sizes[2];
    one_step("run");
    uint8_t *before = file_bytes(&sizes[0], "run/last.safetensors");
    file_bytes_left = 100000;
    run_before = full_disk;
    RUN("train", "--resume", "run", "-q", "--max-steps", "2");
    run_refused(5, "train: error: run/last.safetensors: cannot write: File too large");
    run_before = full_disk; /* and at the end of an epoch, where best.safetensors comes first */
    RUN("train", "--resume", "run", "-q");
    run_refused(5, "train: error: run/best.safetensors: cannot write: File too large");
    ck_assert(!there("run/best.safetensors"));
    uint8_t *after = file_bytes(&sizes[1], "run/last.safetensors");
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(before, after, sizes[0]);
    free(before);
    free(after);
    no_temporary("run");
    goes_on_as_if_nothing_were("run"); /* there is room again */
}
END_TEST

/* No folder is left that would stand in the way of the next try. */
START_TEST(line_75_full_disk_from_the_start) {
    const uint64_t state = temp_state();
    file_bytes_left = 100000;
    run_before = full_disk;
    run_args(tiny_args("run", ARGS("-q")));
    run_refused(5, "train: error: run/last.safetensors: cannot write: File too large");
    ck_assert(temp_state() == state);
    one_step("run");
}
END_TEST

START_TEST(line_75_full_disk_in_detect_and_evaluate) {
    DETECT("a.bmp");
    run_gave(0, "", "");
    temp_text("o.json", "mine");
    const uint64_t state = temp_state();
    file_bytes_left = 200; /* room for what is said on stderr */
    run_before = full_disk;
    DETECT("a.bmp");
    run_refused(5, "detect: error: ./a_det.jpg: cannot write: File too large");
    run_before = full_disk;
    RUN("evaluate", "gt.json", "dt.json", "--json", "o.json");
    run_refused(5, "evaluate: error: o.json: cannot write: File too large");
    ck_assert(temp_state() == state);
}
END_TEST

/* Take from root what lets it write where the mode says no: an exec gives root all of the bounding
 * set. 99 where that is not allowed either. */
static void respect_modes(void) {
    if (geteuid() == 0 && prctl(PR_CAPBSET_DROP, 1 /* CAP_DAC_OVERRIDE */, 0, 0, 0) != 0) _exit(99);
}

START_TEST(line_76_read_only_folder) {
    one_step("run");
    ck_assert_int_eq(mkdir(temp_path("out"), 0777), 0);
    ck_assert_int_eq(chmod(temp_path("run"), 0555), 0);
    ck_assert_int_eq(chmod(temp_path("out"), 0555), 0);
    const uint64_t state = temp_state();
    run_before = respect_modes;
    RUN("train", "--resume", "run");
    if (run_code == 99) {
        puts("skipped: line_76_read_only_folder, root may write everywhere here");
    } else {
        run_refused(5, "train: error: run: cannot write: Permission denied");
        run_before = respect_modes;
        run_args(tiny_args("out/new", ARGS(NULL)));
        run_refused(5, "train: error: out/new: cannot make the folder: Permission denied");
        run_before = respect_modes;
        run_args(tiny_args("out/deep/new", ARGS(NULL)));
        run_refused(5, "train: error: out/deep/new: cannot make the folder: No such file or "
                       "directory");
        run_before = respect_modes;
        DETECT("a.bmp", "-o", "out");
        run_refused(5, "detect: error: out/a_det.jpg: cannot write: Permission denied");
        run_before = respect_modes;
        RUN("evaluate", "gt.json", "dt.json", "--json", "out/o.json");
        ck_assert_str_eq(run_err, "evaluate: error: out/o.json: cannot write: Permission denied\n");
        ck_assert_int_eq(run_code, 5);
    }
    ck_assert(temp_state() == state);
    ck_assert_int_eq(chmod(temp_path("run"), 0777), 0);
    ck_assert_int_eq(chmod(temp_path("out"), 0777), 0);
    goes_on_as_if_nothing_were("run");
}
END_TEST

/* Where not even root can make one. */
START_TEST(line_76_no_folder) {
    const uint64_t state = temp_state();
    run_args(tiny_args("gt.json/run", ARGS(NULL)));
    run_refused(5, "train: error: gt.json/run: cannot make the folder: Not a directory");
    DETECT("a.bmp", "-o", "gt.json");
    run_refused(5, "detect: error: gt.json/a_det.jpg: cannot write: Not a directory");
    RUN("scenes", "-o", "gt.json/set");
    run_refused(5, "scenes: error: gt.json/set/images: cannot make the folder: Not a directory");
    ck_assert(temp_state() == state);
}
END_TEST

/* ---- streams ---- */

static void close_stdout(void) {
    close(1);
}

static void close_stderr(void) {
    close(2);
}

static void full_stdout(void) {
    run_redirect(1, "/dev/full", O_WRONLY);
}

/* A pipe whose reader has gone. */
static void broken_stdout(void) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], 1) < 0) _exit(99);
    close(ends[0]);
    close(ends[1]);
}

START_TEST(line_78_closed_stdout) {
    static const char *const programs[] = {"train", "detect", "evaluate",
                                           "bench", "scenes", "losslab"};
    static void (*const closed[])(void) = {close_stdout, broken_stdout};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        char want[128];
        for (int k = 0; k < 2; k++) {
            run_before = closed[k];
            RUN(programs[i], "--help");
            run_gave(5, "", "");
            run_before = closed[k];
            RUN(programs[i], "--version");
            run_gave(5, "", "");
        }
        run_before = full_stdout;
        RUN(programs[i], "--version");
        snprintf(want, sizeof want, "%s: error: stdout: cannot write: No space left on device",
                 programs[i]);
        run_refused(5, want);
        run_before = close_stdout; /* the first thing that is wrong decides */
        RUN(programs[i], "--rhubarb");
        snprintf(want, sizeof want, "%s: error: unknown option --rhubarb (try --help)",
                 programs[i]);
        run_refused(1, want);
    }
    for (int k = 0; k < 2; k++) { /* and where there are results */
        run_before = closed[k];
        DETECT("--json", "--no-image", "a.bmp");
        run_gave(5, "", "");
        run_before = closed[k];
        RUN("evaluate", "gt.json", "dt.json");
        run_gave(5, "", "");
        run_before = closed[k];
        RUN("evaluate", "gt.json", "dt.json", "--json", "-");
        run_gave(5, "", "");
        char run[8];
        snprintf(run, sizeof run, "run%d", k);
        run_before = closed[k];
        run_args(tiny_args(run, ARGS("-q", "--max-steps", "1")));
        run_gave(5, "", "");
        ck_assert_uint_eq(tiny_position(run), 1); /* trained it has */
    }
    run_before = full_stdout;
    RUN("evaluate", "gt.json", "dt.json");
    run_refused(5, "evaluate: error: stdout: cannot write: No space left on device");
}
END_TEST

/* What would be said on a closed stderr must not land in the first file that is opened. */
START_TEST(line_78_closed_stderr) {
    struct stat info;
    run_before = close_stderr;
    run_args(tiny_args("run", ARGS("--max-steps", "1")));
    run_gave(0, "run\t1 steps\tval AP -1.0000\tAP50 -1.0000\n", "");
    ck_assert_int_eq(stat(temp_path("run/.lock"), &info), 0);
    ck_assert_int_eq(info.st_size, 0);
}
END_TEST

/* ---- temporaries ---- */

static void other_tmp(void) {
    setenv("TMPDIR", "/nowhere", 1);
    setenv("TMP", "/nowhere", 1);
}

/* Of what happened in a folder, that `name` came by renaming a temporary beside it, which was made
 * there, and was not itself written to. */
static void came_by_rename(const char *events, ssize_t size, const char *name) {
    bool made = false, moved = false;
    char temporary[256] = "";
    uint32_t cookie = 0;
    for (const char *p = events; p < events + size;) {
        const struct inotify_event *e = (const void *)p;
        const bool is_it = e->len > 0 && strcmp(e->name, name) == 0;
        const bool is_beside = e->len > 0 && !is_it && strncmp(e->name, name, strlen(name)) == 0 &&
                               strstr(e->name, "tmp");
        if (e->mask & IN_CREATE && is_beside) {
            made = true;
            snprintf(temporary, sizeof temporary, "%s", e->name);
        }
        if (e->mask & IN_MOVED_FROM && made && strcmp(e->name, temporary) == 0) cookie = e->cookie;
        if (e->mask & IN_MOVED_TO && is_it && cookie && e->cookie == cookie) moved = true;
        ck_assert_msg(!is_it || !(e->mask & (IN_CREATE | IN_MODIFY)), "%s: written to", name);
        p += sizeof *e + e->len;
    }
    ck_assert_msg(made && moved, "%s: made beside %d, moved %d", name, made, moved);
}

START_TEST(line_82_temporaries) {
    static const struct {
        const char *folder, *names[4];
    } cases[] = {{"run", {"last.safetensors", "best.safetensors", "results.csv", NULL}},
                 {"run/pictures", {"val_1.jpg", NULL}},
                 {"out", {"a_det.jpg", "o.json", NULL}}};
    static char events[3][1 << 16] __attribute__((aligned(8)));
    int watches[3];
    ck_assert_int_eq(mkdir(temp_path("out"), 0777), 0);
    temp_text("out/o.json", "old");
    one_step("run");
    for (int i = 0; i < 3; i++) {
        watches[i] = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (watches[i] < 0 || inotify_add_watch(watches[i], temp_path(cases[i].folder),
                                                IN_CREATE | IN_MODIFY | IN_MOVE) < 0) {
            puts("skipped: line_82_temporaries, no inotify here");
            return;
        }
    }
    run_before = other_tmp;
    RUN("train", "--resume", "run", "-q", "--max-steps", "4");
    ck_assert_int_eq(run_code, 0);
    run_before = other_tmp;
    DETECT("a.bmp", "-o", "out");
    run_gave(0, "", "");
    run_before = other_tmp;
    RUN("evaluate", "gt.json", "dt.json", "--json", "out/o.json");
    ck_assert_int_eq(run_code, 0);
    for (int i = 0; i < 3; i++) {
        const ssize_t size = read(watches[i], events[i], sizeof events[i]);
        close(watches[i]);
        for (int k = 0; cases[i].names[k]; k++) came_by_rename(events[i], size, cases[i].names[k]);
        no_temporary(cases[i].folder);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_disk");
    TCase *tcase = tcase_create("environment");
    tcase_add_checked_fixture(tcase, make, temp_close);
    tcase_set_timeout(tcase, 300); /* for the sanitizers */
    tcase_add_test(tcase, line_75_full_disk_at_a_checkpoint);
    tcase_add_test(tcase, line_75_full_disk_from_the_start);
    tcase_add_test(tcase, line_75_full_disk_in_detect_and_evaluate);
    tcase_add_test(tcase, line_76_read_only_folder);
    tcase_add_test(tcase, line_76_no_folder);
    tcase_add_test(tcase, line_78_closed_stdout);
    tcase_add_test(tcase, line_78_closed_stderr);
    tcase_add_test(tcase, line_82_temporaries);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
