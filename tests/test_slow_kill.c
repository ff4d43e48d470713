/* kill -9 at any moment costs no more than the steps since the last checkpoint: whatever was
 * killed how often, with whatever number of threads, the finished run is the one that never was. */
#include "base/random.h"
#include "run_program.h"
#include "suite.h"
#include "tiny_run.h"

enum { KILLS = 20, MAX_ARGS = 64 };

/* A new run, or the rest of one that has a checkpoint. */
static pid_t start(const char *run, const char *threads) {
    static char options[TINY_OPTIONS][64];
    const char *args[MAX_ARGS] = {"train", "-q", "--threads", threads};
    char last[128];
    struct stat info;
    int n = 4;
    snprintf(last, sizeof last, "%s/last.safetensors", run);
    if (stat(temp_path(last), &info) == 0) {
        args[n++] = "--resume";
        args[n++] = run;
        return run_start(args);
    }
    nftw(temp_path(run), temp_remove, 16, FTW_DEPTH | FTW_PHYS); /* killed before its first one */
    for (int i = 0; i < TINY_OPTIONS; i++) {
        const bool epochs = strcmp(tiny_options[i][0], "epochs") == 0;
        snprintf(options[i], sizeof options[i], "%s=%s", tiny_options[i][0],
                 epochs ? "24" : tiny_options[i][1]);
        args[n++] = "--set";
        args[n++] = options[i];
    }
    args[n++] = "-o";
    args[n++] = run;
    args[n++] = "set";
    ck_assert_int_lt(n, MAX_ARGS);
    return run_start(args);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Whatever file there is, is whole. */
static void check_files(const char *run) {
    static const char *const names[] = {"last.safetensors", "best.safetensors"};
    for (int i = 0; i < 2; i++) {
        char name[128];
        struct stat info;
        snprintf(name, sizeof name, "%s/%s", run, names[i]);
        if (stat(temp_path(name), &info) != 0) continue;
        rn_safetensors file = tiny_open(temp_path(name));
        ck_assert_uint_gt(file.n_tensors, 0);
        rn_safetensors_close(&file);
    }
}

START_TEST(killed_again_and_again) {
    static const char *const threads[] = {"1", "2", "3", "4"};
    rn_random random = rn_random_seed(77, 0, 0);
    int kills = 0, finished = 0, resumed = 0;
    double whole = now();
    temp_open();
    tiny_set("set", 5);
    ck_assert_msg(run_wait(start("whole", "2")) == 0, "%s", run_err);
    whole = now() - whole;
    while (kills < KILLS) {
        const pid_t pid = start("cut", threads[rn_random_below(&random, 4)]);
        run_sleep(rn_random_uniform(&random, 0, 0.4) * whole);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        const int code = run_wait(pid);
        check_files("cut");
        if (code == -SIGKILL) {
            kills++;
            resumed += tiny_position("cut") > 0;
        } else { /* it was done before: compare, and kill another one */
            ck_assert_msg(code == 0, "%s", run_err);
            tiny_same_run(temp_path("whole"), temp_path("cut"));
            nftw(temp_path("cut"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
            finished++;
        }
    }
    ck_assert_msg(run_wait(start("cut", "3")) == 0, "%s", run_err);
    tiny_same_run(temp_path("whole"), temp_path("cut"));
    printf("%d kills, %d of them past the first epoch; %d runs compared\n", kills, resumed,
           finished + 1);
    temp_close();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kill");
    TCase *tcase = tcase_create("kill");
    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, killed_again_and_again);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
