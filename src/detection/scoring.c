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

/* The sum over the others is that over all less one, but for the largest, which would leave nothing
 * of it but rounding. */
static void softmax_odds(real *odds, const real *x, int n) {
    int top = 0;
    real sum = 0;
    for (int j = 1; j < n; j++)
        if (x[j] > x[top]) top = j;
    for (int j = 0; j < n; j++) sum += exp(x[j] - x[top]);
    for (int k = 0; k < n - 1; k++)
        odds[k] =
            x[k] - (k == top ? rn_log_sum_exp(x, n, k) : x[top] + log(sum - exp(x[k] - x[top])));
}

/* No class of an anchor has higher odds: softmax has the background among the others, the product
 * of objectness and class is at most the smaller. */
static real most_odds(const real *x, int n_classes, rn_scoring scoring) {
    const real last = x[n_classes];
    real most = x[0];
    for (int k = 1; k < n_classes; k++) most = x[k] > most ? x[k] : most;
    if (scoring == RN_SCORING_SOFTMAX) return most - last;
    return most < last ? most : last;
}

void rn_scoring_log_odds(real *odds, const real *logits, size_t n_anchors, int n_classes,
                         rn_scoring scoring, real least) {
    const int n = rn_scoring_logits(scoring, n_classes);
    if (scoring == RN_SCORING_SIGMOID) {
        memcpy(odds, logits, n_anchors * (size_t)n * sizeof *odds);
        return;
    }
    for (size_t i = 0; i < n_anchors; i++, odds += n_classes, logits += n) {
        if (most_odds(logits, n_classes, scoring) < least)
            for (int k = 0; k < n_classes; k++) odds[k] = -INFINITY;
        else if (scoring == RN_SCORING_SOFTMAX)
            softmax_odds(odds, logits, n);
        else
            for (int k = 0; k < n_classes; k++) odds[k] = both(logits[n_classes], logits[k]);
    }
}
