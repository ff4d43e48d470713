/* bench_clock.h: where the time of a run goes: a watch (plan.h) for bench. Private. */
#ifndef RN_TRAIN_BENCH_CLOCK_H
#define RN_TRAIN_BENCH_CLOCK_H

#include "nn/plan.h"

#include <retinanet.h>

typedef struct rn_bench_clock {
    rn_watch watch; /* to be given to what walks */
    const rn_plan *plan;
    double *nodes[2], *best[2]; /* [n_nodes] seconds of each node by rn_walk: this run's, and the
                                   fastest run's */
    double start, begun[2], ended[2]; /* when the run and its walks began and ended */
    double best_ms;                   /* infinite before the first run */
} rn_bench_clock;

/* For runs over `plan`, which must outlive it; *clock must not move, as its watch points to it.
 * RN_ENOMEM. */
RN_MUST_USE rn_status rn_bench_clock_create(rn_bench_clock *clock, const rn_plan *plan);
void rn_bench_clock_free(rn_bench_clock *clock); /* and zero it */

/* A run begins; it ends, which gives its ms. The parts of the fastest so far go into *out. */
void rn_bench_clock_start(rn_bench_clock *clock);
double rn_bench_clock_stop(rn_bench_clock *clock, rn_bench_result *out);

/* out->kinds from the fastest run. RN_EINVAL if there are too many. */
RN_MUST_USE rn_status rn_bench_clock_kinds(rn_bench_result *out, const rn_bench_clock *clock);

#endif
