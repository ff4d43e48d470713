/* exec.h: what a kernel runs on: the pool and each worker's scratch. Kernels cannot fail and
 * allocate nothing. */
#ifndef RN_OPS_EXEC_H
#define RN_OPS_EXEC_H

#include "base/real.h"
#include "base/threads.h"

typedef struct rn_exec {
    rn_threads *threads;   /* NULL: the caller alone */
    real *scratch;         /* [workers, scratch_stride], 64-byte aligned; what a kernel's tasks
                              share lies in worker 0's, behind what worker 0 uses alone */
    size_t scratch_stride; /* reals a worker; a multiple of 16 */
} rn_exec;

static inline real *rn_exec_scratch(const rn_exec *exec, int worker) {
    return exec->scratch + (size_t)worker * exec->scratch_stride;
}

#endif
