/* threads.h: a pool of pthreads that runs numbered tasks.
 *
 * Determinism rests on one rule: what is summed is cut into tasks by its shape, never by the number
 * of threads, and what tasks sum is added in task order. (Outputs that do not meet may be dealt out
 * to threads as it suits.) `worker` only selects scratch memory, it must not influence a result.
 */
#ifndef RN_BASE_THREADS_H
#define RN_BASE_THREADS_H

#include "base/status.h"

typedef struct rn_threads rn_threads;
typedef void rn_task_fn(void *context, size_t task, int worker);

/* Threads the machine offers this process (affinity respected), >= 1. */
int rn_threads_default(void);

/* A pool of `count` workers (1..1024), the caller of rn_threads_run being worker 0.
 * RN_EINVAL, RN_ENOMEM. */
RN_MUST_USE rn_status rn_threads_create(rn_threads **out, int count);
void rn_threads_free(rn_threads *threads);
int rn_threads_count(const rn_threads *threads);

/* fn(context, task, worker) for every task in [0, tasks), in any order; returns when all are done.
 * Allocates nothing. Not reentrant: one caller at a time a pool, and fn must not call it. threads
 * == NULL runs all in the caller. */
void rn_threads_run(rn_threads *threads, size_t tasks, rn_task_fn *fn, void *context);

#endif
