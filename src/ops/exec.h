/* exec.h: what a kernel runs on: the pool and each worker's scratch. Kernels cannot fail and
 * allocate nothing. */
#ifndef RN_OPS_EXEC_H
#define RN_OPS_EXEC_H

#include "base/isa.h"
#include "base/real.h"
#include "base/threads.h"
#include <stddef.h>

typedef struct rn_exec {
    rn_threads *threads;   /* NULL: the caller alone */
    real *scratch;         /* [workers, scratch_stride], 64-byte aligned */
    size_t scratch_stride; /* reals a worker; a multiple of 16 */
    real *shared;          /* what a kernel's tasks share; 64-byte aligned */
    rn_isa isa;            /* RN_ISA_BEST, or the widest that may be used */
} rn_exec;

/* Reals of scratch that a kernel needs. */
typedef struct rn_scratch {
    size_t own;    /* of each worker */
    size_t shared; /* of all together */
} rn_scratch;

static inline size_t rn_divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

static inline real *rn_exec_scratch(const rn_exec *exec, int worker) {
    return exec->scratch + (size_t)worker * exec->scratch_stride;
}

/* The block of memory that `need` comes to, in reals, and an exec that lies in it: the workers' own
 * parts, then what they share. */
static inline size_t rn_exec_reals(rn_scratch need, const rn_threads *threads) {
    return (need.own + 15) / 16 * 16 * (size_t)rn_threads_count(threads) + need.shared;
}

static inline rn_exec rn_exec_of(rn_threads *threads, real *block, rn_scratch need) {
    const size_t stride = (need.own + 15) / 16 * 16;
    return (rn_exec){.threads = threads,
                     .scratch = block,
                     .scratch_stride = stride,
                     .shared = block + stride * (size_t)rn_threads_count(threads)};
}

static inline rn_scratch rn_scratch_larger(rn_scratch a, rn_scratch b) {
    return (rn_scratch){a.own > b.own ? a.own : b.own, a.shared > b.shared ? a.shared : b.shared};
}

#endif
