#include "detection/scoring.h"

#include <string.h>

int rn_scoring_logits(rn_scoring scoring, int n_classes) {
    return n_classes + (scoring != RN_SCORING_SIGMOID);
}

real rn_log_sum_exp(const real *x, int n, int without) {
    real most = -INFINITY, sum = 0;
    for (int j = 0; j < n; j++)
        if (j != without && x[j] > most) most = x[j];
    for (int j = 0; j < n; j++)
        if (j != without) sum += exp(x[j] - most);
    return n > (without >= 0 && without < n) ? most + log(sum) : -INFINITY;
}

static real both(real o, real x) {
    const real terms[3] = {-o, -x, -o - x};
    return -rn_log_sum_exp(terms, 3, -1);
}

void rn_scoring_log_odds(real *odds, const real *logits, size_t n_anchors, int n_classes,
                         rn_scoring scoring) {
    const int n = rn_scoring_logits(scoring, n_classes);
    if (scoring == RN_SCORING_SIGMOID) {
        memcpy(odds, logits, n_anchors * (size_t)n * sizeof *odds);
        return;
    }
    for (size_t i = 0; i < n_anchors; i++, odds += n_classes, logits += n)
        for (int k = 0; k < n_classes; k++)
            odds[k] = scoring == RN_SCORING_SOFTMAX ? logits[k] - rn_log_sum_exp(logits, n, k)
                                                    : both(logits[n_classes], logits[k]);
}
