/* ops_exec.h: what the tests of kernels run on: a pool, and scratch that starts as NaN, so that a
 * kernel which reads what it has not written is caught. */
#ifndef RN_TESTS_OPS_EXEC_H
#define RN_TESTS_OPS_EXEC_H

#include "base/memory.h"
#include "base/random.h"
#include "ops/exec.h"
#include <check.h>
#include <stdlib.h>

typedef struct ops_exec {
    rn_exec exec;
    int workers;
    size_t shared;
} ops_exec;

/* Behind each worker's scratch and what they share stands a guard that no kernel may touch. */
enum { OPS_GUARD = 64 };
#define OPS_GUARD_VALUE ((real)12345)

static inline void ops_exec_fill(real *scratch, size_t n) {
    for (size_t i = 0; i < n; i++) scratch[i] = (real)NAN;
    for (size_t i = 0; i < OPS_GUARD; i++) scratch[n + i] = OPS_GUARD_VALUE;
}

static inline ops_exec ops_exec_open(int workers, rn_scratch need) {
    ops_exec e = {.workers = workers, .shared = need.shared};
    e.exec.scratch_stride = (need.own + 15) / 16 * 16 + OPS_GUARD;
    ck_assert_int_eq(rn_alloc(&e.exec.shared, need.shared + OPS_GUARD, sizeof(real)), RN_OK);
    ops_exec_fill(e.exec.shared, need.shared);
    ck_assert_int_eq(
        rn_alloc(&e.exec.scratch, (size_t)workers * e.exec.scratch_stride, sizeof(real)), RN_OK);
    if (workers > 1) ck_assert_int_eq(rn_threads_create(&e.exec.threads, workers), RN_OK);
    for (int w = 0; w < workers; w++)
        ops_exec_fill(rn_exec_scratch(&e.exec, w), e.exec.scratch_stride - OPS_GUARD);
    return e;
}

static inline void ops_exec_close(ops_exec *e) {
    for (int i = 0; i < OPS_GUARD; i++)
        ck_assert(e->exec.shared[e->shared + (size_t)i] == OPS_GUARD_VALUE);
    for (int w = 0; w < e->workers; w++) {
        const real *guard = rn_exec_scratch(&e->exec, w) + e->exec.scratch_stride - OPS_GUARD;
        for (int i = 0; i < OPS_GUARD; i++) ck_assert(guard[i] == OPS_GUARD_VALUE);
    }
    rn_threads_free(e->exec.threads);
    free(e->exec.scratch);
    free(e->exec.shared);
}

/* `n` values in [low, high), the same ones for the same seed; freed with free(). */
static inline real *ops_random(size_t n, double low, double high, uint64_t seed) {
    real *x;
    rn_random random = rn_random_seed(seed, n, 0);
    ck_assert_int_eq(rn_alloc(&x, n, sizeof *x), RN_OK);
    for (size_t i = 0; i < n; i++) x[i] = (real)rn_random_uniform(&random, low, high);
    return x;
}

/* One program: the case given, its exit code. */
static inline int ops_run(TCase *tests, const char *name) {
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
