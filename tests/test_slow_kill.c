/* kill -9 at any moment costs no more than the steps since the last checkpoint: whatever was
 * killed how often, with whatever number of threads, the finished run is the one that never was.
 * With two steps an epoch a run saves so often that many a kill lands within a save. */
#include "base/file.h"
#include "base/random.h"
#include "run_program.h"
#include "suite.h"
#include "tiny_run.h"

#include <dirent.h>

enum { KILLS = 200, MAX_ARGS = 64 };

/* A new run, or the rest of one that has a checkpoint. */
static pid_t start(const char *run, const char *threads) {
    static const char *const more[] = {"--epochs", "24", "--batch", "4", "--set", "eval-every=3"};
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
        snprintf(options[i], sizeof options[i], "%s=%s", tiny_options[i][0], tiny_options[i][1]);
        args[n++] = "--set";
        args[n++] = options[i];
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) args[n++] = more[i];
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

/* Half-written files in the folder. */
static size_t leftovers(const char *folder) {
    size_t n = 0;
    DIR *dir = opendir(temp_path(folder));
    if (!dir) return 0;
    for (struct dirent *entry; (entry = readdir(dir));) n += strstr(entry->d_name, ".tmp") != NULL;
    closedir(dir);
    return n;
}

/* Whatever file there is, is whole. */
static void check_files(const char *run) {
    static const char *const names[] = {"last.safetensors", "best.safetensors"};
    for (int i = 0; i < 2; i++) {
        char name[128];
        struct stat info;
        snprintf(name, sizeof name, "%s/%s", run, names[i]);
        if (stat(temp_path(name), &info) != 0) continue;
        rn_tensor_file file = tiny_open(temp_path(name));
        ck_assert_uint_gt(file.n_tensors, 0);
        rn_tensor_file_close(&file);
    }
}

/* RUN/name of the whole run and of the one that was killed hold the same bytes. */
static void same_bytes(const char *name) {
    static const char *const runs[] = {"whole", "cut"};
    uint8_t *bytes[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", runs[i], name);
        ck_assert_msg(rn_file_read(&bytes[i], &size[i], temp_path(path), 1 << 30) == RN_OK, "%s",
                      rn_error_text());
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_msg(memcmp(bytes[0], bytes[1], size[0]) == 0, "the two %s differ", name);
    free(bytes[0]);
    free(bytes[1]);
}

/* The number of threads is among the options that a checkpoint holds: those of the process that
 * wrote the last one. */
static bool same_threads(void) {
    rn_tensor_file x = tiny_open(temp_path("whole/last.safetensors"));
    rn_tensor_file y = tiny_open(temp_path("cut/last.safetensors"));
    const bool same =
        strcmp(rn_tensor_file_metadata(&x, "options"), rn_tensor_file_metadata(&y, "options")) == 0;
    rn_tensor_file_close(&x);
    rn_tensor_file_close(&y);
    return same;
}

/* The run that was killed ended as the whole one did, and nothing half-written lies about. Returns
 * whether last.safetensors was the same to the last byte. */
static bool check_finished(void) {
    ck_assert_msg(run_code == 0, "%s", run_err);
    tiny_same_run(temp_path("whole"), temp_path("cut"));
    same_bytes("best.safetensors");
    ck_assert_uint_eq(leftovers("cut") + leftovers("cut/pictures"), 0);
    if (!same_threads()) return false;
    same_bytes("last.safetensors");
    return true;
}

START_TEST(killed_again_and_again) {
    static const char *const threads[] = {"1", "2", "3", "4"};
    rn_random random = rn_random_seed(77, 0, 0);
    int kills = 0, finished = 0, same = 0, resumed = 0, within = 0, pictures = 0;
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
            within += leftovers("cut") > 0;
            pictures += leftovers("cut/pictures") > 0;
        } else { /* it was done before: compare, and kill another one */
            same += check_finished();
            nftw(temp_path("cut"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
            finished++;
        }
    }
    run_wait(start("cut", "2"));
    same += check_finished();
    ck_assert_int_gt(same, 0);
    printf("%d kills, %d of them past the first epoch, %d within a save, %d while a picture was "
           "written; %d runs compared, %d of them to the last byte of last.safetensors\n",
           kills, resumed, within, pictures, finished + 1, same);
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
