#include "eval/calibration.h"

#include <math.h>
#include <string.h>

static size_t bin_of(double score) {
    const double bin = ceil(score * RN_LAB_SCORE_BINS) - 1;
    return bin < 0 ? 0 : bin < RN_LAB_SCORE_BINS ? (size_t)bin : RN_LAB_SCORE_BINS - 1;
}

double rn_calibrate(rn_lab_score_bin bins[RN_LAB_SCORE_BINS], const rn_curve *curve) {
    rn_curve_point before = {0};
    size_t all = 0;
    double error = 0;
    memset(bins, 0, RN_LAB_SCORE_BINS * sizeof *bins);
    for (size_t i = 0; i < curve->n; i++) { /* a point counts all detections of its score or more */
        const rn_curve_point *p = &curve->points[i];
        const size_t n_true = p->n_true - before.n_true;
        const size_t n = n_true + p->n_false - before.n_false;
        rn_lab_score_bin *bin = &bins[bin_of(p->score)];
        bin->n += n;
        bin->n_true += n_true;
        bin->score += p->score * (double)n;
        all += n;
        before = *p;
    }
    for (size_t b = 0; b < RN_LAB_SCORE_BINS; b++) {
        if (bins[b].n == 0) continue;
        const double n = (double)bins[b].n;
        bins[b].score /= n;
        bins[b].precision = (double)bins[b].n_true / n;
        error += fabs(bins[b].precision - bins[b].score) * n;
    }
    return all > 0 ? error / (double)all : -1;
}
