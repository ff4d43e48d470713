/* schedule.h: the learning rate of each step. */
#ifndef RN_TRAIN_SCHEDULE_H
#define RN_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum rn_schedule_kind { RN_SCHEDULE_COSINE, RN_SCHEDULE_STEP } rn_schedule_kind;

typedef struct rn_schedule {
    rn_schedule_kind kind;
    double lr;       /* the peak: the rate for a batch of 16 times batch / 16 */
    uint64_t warmup; /* steps of linear growth from lr / 1000 */
    uint64_t steps;  /* the horizon: cosine ends at lr / 100 there; step divides by 10 at 2/3 and at
                        8/9 of it, as [1] does */
} rn_schedule;

/* The rate of step 0, 1, ...; beyond the horizon that of its end. */
double rn_schedule_lr(const rn_schedule *schedule, uint64_t step);

#endif
