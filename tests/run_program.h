/* run_program.h: a program of RN_BIN as a user runs it, in the temporary folder: what it prints,
 * how it ends. */
#ifndef RN_TESTS_RUN_PROGRAM_H
#define RN_TESTS_RUN_PROGRAM_H

#include "temp_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* For the next program alone. */
static const char *run_input;    /* text on its stdin; NULL for none */
static void (*run_before)(void); /* called in its process first; NULL for nothing */

/* Of the last program. */
static char run_out[1 << 16], run_err[1 << 16]; /* stdout and stderr */
static int run_code;                            /* its exit code, or minus the signal it died of */

static inline void run_redirect(int fd, const char *name, int flags) {
    const int file = open(name, flags | O_CLOEXEC, 0666);
    if (file < 0 || dup2(file, fd) < 0) _exit(99);
}

/* Begin: args are the program's name (with a '/': a path from the temporary folder), its arguments
 * and NULL. */
static inline pid_t run_start(const char *const *args) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", strchr(args[0], '/') ? "." : RN_BIN, args[0]);
    if (run_input) temp_text(".in", run_input);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (chdir(temp_root) != 0) _exit(99);
        run_redirect(0, run_input ? ".in" : "/dev/null", O_RDONLY);
        run_redirect(1, ".out", O_WRONLY | O_CREAT | O_TRUNC);
        run_redirect(2, ".err", O_WRONLY | O_CREAT | O_TRUNC);
        if (run_before) run_before();
        execv(path, (char *const *)args);
        _exit(98);
    }
    run_input = NULL;
    run_before = NULL;
    return pid;
}

static inline void run_read(char *text, size_t size, const char *name) {
    FILE *file = fopen(temp_path(name), "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static inline int run_wait(pid_t pid) {
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    run_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    run_read(run_out, sizeof run_out, ".out");
    run_read(run_err, sizeof run_err, ".err");
    return run_code;
}

static inline int run_args(const char *const *args) {
    return run_wait(run_start(args));
}

/* It ended with `code` and printed exactly these. */
static inline void run_gave(int code, const char *out, const char *err) {
    ck_assert_str_eq(run_err, err);
    ck_assert_str_eq(run_out, out);
    ck_assert_int_eq(run_code, code);
}

/* It was refused: nothing on stdout, one line on stderr. */
static inline void run_refused(int code, const char *line) {
    char err[4096];
    snprintf(err, sizeof err, "%s\n", line);
    run_gave(code, "", err);
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { LIMITS_MEMORY = 0 }; /* their shadow alone is larger */
#else
enum { LIMITS_MEMORY = 1 };
#endif

/* In the program's process. */
static inline void limit_memory(rlim_t bytes) {
    const struct rlimit limit = {bytes, bytes};
    if (LIMITS_MEMORY && setrlimit(RLIMIT_AS, &limit) != 0) _exit(99);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define RUN(...)  run_args(ARGS(__VA_ARGS__))

static inline void run_sleep(double seconds) {
    const struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&t, NULL);
}

#endif
