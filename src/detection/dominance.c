#include "detection/dominance.h"
#include "detection/matcher.h"

enum { SUMS = 8 };

/* In a fixed order, several sums at a time: one alone would wait for each addition. */
static double sum_of_lengths(const real *x, size_t n) {
    double sum[SUMS] = {0};
    const size_t whole = n - n % SUMS;
    for (size_t i = 0; i < whole; i += SUMS)
        for (size_t k = 0; k < SUMS; k++) sum[k] += (double)fabs(x[i + k]);
    for (size_t i = whole; i < n; i++) sum[i - whole] += (double)fabs(x[i]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

void rn_gradient_by_side(double sum[RN_SIDES], const real *dlogits, const int *match,
                         size_t n_anchors, int n_logits) {
    const size_t k = (size_t)n_logits;
    for (size_t i = 0, end; i < n_anchors; i = end) { /* anchors of a side that lie together */
        const bool foreground = match[i] >= 0, ignored = match[i] == RN_MATCH_IGNORE;
        for (end = i + 1; end < n_anchors; end++)
            if ((match[end] >= 0) != foreground || (match[end] == RN_MATCH_IGNORE) != ignored)
                break;
        if (ignored) continue;
        sum[foreground ? RN_SIDE_FOREGROUND : RN_SIDE_BACKGROUND] +=
            sum_of_lengths(dlogits + i * k, (end - i) * k);
    }
}
