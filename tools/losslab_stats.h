/* losslab_stats.h: what results say beyond their noise. */
#ifndef LOSSLAB_STATS_H
#define LOSSLAB_STATS_H

#include "losslab.h"

/* Student's t with `df` degrees of freedom: P(T <= t), and the t that is exceeded in absolute value
 * with probability `p`, 0 < p < 1. */
double lab_student_cdf(double t, double df);
double lab_student_quantile(double p, double df);

typedef struct lab_interval {
    int n;            /* values */
    double mean;      /* NAN without values */
    double low, high; /* of the mean, at the level asked for; NAN with less than two values */
    double p;         /* of the mean being 0, two-sided; NAN likewise */
} lab_interval;

/* The mean of values[0..n) and its interval, NANs left out. `alpha` .05 gives 95%. Where all values
 * are the same the interval is that one point. `overlap` is 0 for seeds. Folds train on the same
 * pictures but for a part, so that their variance says too little: it counts 1/n + overlap in place
 * of 1/n, with overlap = pictures of a fold / pictures trained on = 1 / (folds - 1) (Nadeau and
 * Bengio, Inference for the generalization error, 2003). */
lab_interval lab_mean(const double *values, int n, double overlap, double alpha);

/* Results as they are compared: [arms, seeds], NAN where a run is missing. */
typedef struct lab_grid {
    int n_arms, n_seeds;
    double overlap; /* of what the seeds were trained on, as lab_mean wants it */
    double values[LAB_MAX_ARMS][LAB_MAX_SEEDS];
} lab_grid;

void lab_grid_of(lab_grid *out, const lab_experiment *e, const lab_table *table, int metric);

/* Mean and interval of one arm. */
lab_interval lab_arm_mean(const lab_grid *grid, int arm);

/* Of arms[0..n) the one with the highest mean over the seeds that all of them have, without seed
 * `without` (-1: none is left out); the first where there are none such. */
int lab_best_arm(const lab_grid *grid, const int *arms, int n, int without);

typedef enum lab_verdict { LAB_HOLDS, LAB_HOLDS_NOT, LAB_CANNOT_TELL } lab_verdict;
const char *lab_verdict_text(lab_verdict verdict);

typedef struct lab_finding {
    lab_interval difference; /* arms minus over, by paired seeds; 95% */
    double p;                /* Holm's, over the claims of the experiment; NAN: none */
    lab_verdict verdict;
    bool equivalent; /* the difference lies within the margin */
} lab_finding;

/* The verdicts on all claims of an experiment; grids[c] holds the metric of claim c. The best arm
 * of a side is chosen in each seed by the other seeds, so that luck that made it the best does not
 * count for it.
 *
 * A difference is found where Holm's p is below .05: claims that are tried together must not find
 * something by their number alone. Within the margin lies a difference whose interval at level 1 -
 * .05 / claims does. A claim of "more" or "less" holds where the difference is found with that
 * sign, holds not where it is found with the other or lies within the margin; one of "the same"
 * holds within the margin, holds not where a difference is found; else one cannot tell, nor where
 * all values are 0. */
void lab_judge(lab_finding *out, const lab_experiment *e, const lab_grid *grids);

/* The control: how often, of `n` shuffles of the arms' names within each seed, any difference is
 * found, in shares of the claims. Arms of different data are not exchanged. Shuffles that give a
 * claim its own names back, or the opposite ones, in every seed are not counted for it. -1 where
 * none is left. */
double lab_false_alarm_rate(const lab_experiment *e, const lab_grid *grids, int n, uint64_t seed);

#endif
