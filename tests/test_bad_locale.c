/* The lines of bad-inputs.md about variables of the environment: locales, threads of others. */
#include "bad_environment.h"
#include "suite.h"

#include <locale.h>

static const char *locale_name; /* NULL: as it is */

static void set_locale(void) {
    setenv("LC_ALL", locale_name, 1);
    setenv("LANG", locale_name, 1);
    setenv("LANGUAGE", locale_name, 1);
    setenv("LOCPATH", "locales", 1);
}

/* Compiled where it is not installed; where that fails too, only the variables are set. */
static void make_locale(const char *language, const char *name) {
    char command[512];
    snprintf(command, sizeof command,
             "mkdir -p '%s/locales' && localedef -i %s -f UTF-8 '%s/locales/%s' >/dev/null 2>&1",
             temp_root, language, temp_root, name);
    (void)!system(command); /* whether it worked shows below */
    const pid_t pid = fork();
    if (pid == 0) {
        setenv("LOCPATH", temp_path("locales"), 1);
        _exit(setlocale(LC_ALL, name) ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (status != 0) printf("note: no locale %s here, its name alone is set\n", name);
}

START_TEST(line_80_locale) {
    static char text[sizeof run_out], json[sizeof run_out], numbers[sizeof run_out],
        plan[sizeof run_err], args[2][4096];
    static const char *const languages[][2] = {{"de_DE", "de_DE.UTF-8"}, {"tr_TR", "tr_TR.UTF-8"}};
    for (int i = -1; i < 2; i++) { /* first without */
        char run[16], name[32];
        snprintf(run, sizeof run, "run%d", i + 1);
        snprintf(name, sizeof name, "%s/args.json", run);
        if (i >= 0) make_locale(languages[i][0], locale_name = languages[i][1]);
        void (*const before)(void) = i >= 0 ? set_locale : NULL;
        run_before = before;
        RUN("detect", "-m", "m.safetensors", "-t", "0.001", "--no-image", "a.bmp");
        run_gave(0, i < 0 ? strcpy(text, run_out) : text, "");
        ck_assert_ptr_nonnull(strchr(text, '.'));
        run_before = before;
        RUN("detect", "-m", "m.safetensors", "-t", "0.001", "--no-image", "--json", "a.bmp");
        run_gave(0, i < 0 ? strcpy(json, run_out) : json, "");
        run_before = before;
        RUN("evaluate", "gt.json", "dt.json", "--json", "-");
        run_gave(0, i < 0 ? strcpy(numbers, run_out) : numbers, "");
        run_before = before;
        RUN("train", "set", "--preset", "nano", "--lr", "0.0125", "--dry-run", "--threads", "1");
        run_gave(0, "", i < 0 ? strcpy(plan, run_err) : plan);
        run_before = before;
        RUN("train", "set", "--lr", "0,01");
        run_refused(1, "train: error: lr: got 0,01, want 1e-09..100");
        run_before = before;
        one_step(run);
        run_before = before;
        RUN("train", "--resume", run, "-q");
        ck_assert_int_eq(run_code, 0);
        run_read(args[i >= 0], sizeof args[0], name);
        if (i < 0) continue;
        ck_assert_str_eq(args[1], args[0]);
        tiny_same_run(temp_path("run0"), temp_path(run));
    }
}
END_TEST

static void others_threads(void) {
    setenv("OMP_NUM_THREADS", "7", 1);
    setenv("OPENBLAS_NUM_THREADS", "13", 1);
}

static void bad_threads(void) {
    setenv("OMP_NUM_THREADS", "-1,x", 1);
    setenv("OPENBLAS_NUM_THREADS", "", 1);
}

/* Threads of a process; they all run once an epoch is done. */
static int count_threads(pid_t pid) {
    char name[64];
    int n = 0;
    struct dirent *entry;
    snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(name);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir))) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

START_TEST(line_81_threads_of_others) {
    static void (*const before[])(void) = {NULL, others_threads, bad_threads};
    static char plan[2][sizeof run_err];
    int threads[3];
    for (int i = 0; i < 3; i++) {
        char run[16], name[32];
        snprintf(run, sizeof run, "run%d", i);
        snprintf(name, sizeof name, "%s/results.csv", run);
        run_before = before[i];
        run_args(tiny_args(NULL, ARGS("--dry-run", "--threads", "3")));
        run_gave(0, "", i == 0 ? strcpy(plan[0], run_err) : plan[0]);
        ck_assert_ptr_nonnull(strstr(plan[0], ", 3 threads, "));
        run_before = before[i];
        run_args(tiny_args(NULL, ARGS("--dry-run"))); /* one a core, whatever others would like */
        run_gave(0, "", i == 0 ? strcpy(plan[1], run_err) : plan[1]);
        run_before = before[i];
        const pid_t pid =
            run_start(tiny_args(run, ARGS("-q", "--threads", "5", "--epochs", "10000")));
        wait_for(name);
        threads[i] = count_threads(pid);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        run_wait(pid);
        ck_assert_int_eq(threads[i], 5 + 3); /* with the loader's workers */
        nftw(temp_path(run), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
        run_before = before[i];
        run_args(tiny_args(run, ARGS("-q", "--threads", "3")));
        ck_assert_int_eq(run_code, 0);
        tiny_same_run(temp_path("run0"), temp_path(run));
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_locale");
    TCase *tcase = tcase_create("locale");
    tcase_add_checked_fixture(tcase, make, temp_close);
    tcase_set_timeout(tcase, 300); /* for the sanitizers */
    tcase_add_test(tcase, line_80_locale);
    tcase_add_test(tcase, line_81_threads_of_others);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
