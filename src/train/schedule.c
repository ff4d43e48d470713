#include "train/schedule.h"

#include <math.h>

double rn_schedule_lr(const rn_schedule *schedule, uint64_t step) {
    const double total = schedule->steps > 0 ? (double)schedule->steps : 1.0;
    const double done = fmin((double)step / total, 1.0);
    double lr = schedule->lr;
    if (schedule->kind == RN_SCHEDULE_COSINE) {
        const double end = 0.01;
        lr *= end + (1.0 - end) * 0.5 * (1.0 + cos(3.14159265358979323846 * done));
    } else {
        if (done >= 2.0 / 3.0) lr *= 0.1;
        if (done >= 8.0 / 9.0) lr *= 0.1;
    }
    if (step < schedule->warmup) {
        const double share = (double)(step + 1) / (double)schedule->warmup;
        lr *= 0.001 + (1.0 - 0.001) * share;
    }
    return lr;
}
