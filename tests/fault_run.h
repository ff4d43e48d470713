/* fault_run.h: a program of RN_BIN with one of its calls made to fail. */
#ifndef RN_TESTS_FAULT_RUN_H
#define RN_TESTS_FAULT_RUN_H

#include "fault.h"
#include "run_program.h"

#include <sys/mman.h>

static fault *fault_last; /* the wish and the answer of the last program, shared with it */

/* In the temporary folder, which is open. */
static inline void fault_open(void) {
    const int fd = open(temp_path(".fault"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof *fault_last), 0);
    fault_last = mmap(NULL, sizeof *fault_last, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert(fault_last != MAP_FAILED);
    close(fd);
}

#ifdef RN_FAULT_SHIM

/* In the program's process. */
static inline void fault_load(void) {
    setenv("RN_FAULT", ".fault", 1);
    setenv("LD_PRELOAD", RN_FAULT_SHIM, 1);
}

/* True if the program made call `at`. */
static inline bool fault_run(fault_kind kind, size_t at, int error, fault_way way,
                             const char *const *args) {
    memset(fault_last, 0, sizeof *fault_last);
    fault_last->kind = kind;
    fault_last->at = at;
    fault_last->error = error;
    fault_last->way = way;
    run_before = fault_load;
    run_args(args);
    ck_assert_msg(fault_last->ended, "%s, call %zu: ended with %d: %s", args[0], at, run_code,
                  run_err);
    return fault_last->hit;
}

/* It ended with `code`, the name of the program and one line on stderr. */
static inline void fault_refused(int code, const char *program) {
    char lead[64];
    const char *what = fault_last->call[fault_last->at - 1].what;
    const char *file = fault_last->call[fault_last->at - 1].file;
    snprintf(lead, sizeof lead, "%s: error: ", program);
    ck_assert_msg(run_code == code && strncmp(run_err, lead, strlen(lead)) == 0 &&
                      strchr(run_err, '\n') == run_err + strlen(run_err) - 1,
                  "%s, call %zu %s %s: ended with %d: %s", program, fault_last->at, what, file,
                  run_code, run_err);
}

#endif

#endif
