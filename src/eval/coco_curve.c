/* Precision over recall of a class: the reference's accumulate, for every area and IoU threshold.
 */
#include "eval/coco_tables.h"

#include <float.h>

const rn_eval_limit rn_eval_limits[RN_EVAL_LIMITS] = {{1, 0},   {10, 0},  {100, 0},
                                                      {100, 1}, {100, 2}, {100, 3}};

/* One curve's way through its class. */
typedef struct curve {
    const rn_verdict *verdicts; /* [n] by falling score */
    size_t n;
    size_t n_positive; /* >= 1 */
    uint64_t bit;      /* of the area and threshold */
} curve;

/* precision[i] = that at true positive i, i = 0 .. in order of score; returns their number. Only
 * there does recall move, and only there can precision be the highest of all that follow, so that
 * nothing else is asked of the curve. */
static size_t draw(const curve *c, double *precision) {
    size_t n_true = 0, n_false = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->verdicts[i].ignored & c->bit) continue;
        if (!(c->verdicts[i].matched & c->bit)) {
            n_false++;
            continue;
        }
        const double tp = (double)++n_true, fp = (double)n_false;
        precision[n_true - 1] = tp / (fp + tp + DBL_EPSILON); /* the reference's np.spacing(1) */
    }
    return n_true;
}

/* Precision interpolated at the recall thresholds: out[r * stride] = the highest precision at any
 * recall of at least thresholds[r], 0 where that is not reached. */
static void interpolate(double *out, size_t stride, double *precision, size_t n_true,
                        size_t n_positive, const double thresholds[RN_EVAL_RECALLS]) {
    size_t i = 0;
    for (size_t k = n_true; k > 1; k--)
        if (precision[k - 1] > precision[k - 2]) precision[k - 2] = precision[k - 1];
    for (size_t r = 0; r < RN_EVAL_RECALLS; r++) {
        while (i < n_true && (double)(i + 1) / (double)n_positive < thresholds[r]) i++;
        out[r * stride] = i < n_true ? precision[i] : 0;
    }
}

/* Recall with at most `detections` an image. */
static double recall_within(const curve *c, int detections) {
    size_t n_true = 0;
    for (size_t i = 0; i < c->n; i++)
        n_true += (c->verdicts[i].matched & ~c->verdicts[i].ignored & c->bit) &&
                  c->verdicts[i].rank < (size_t)detections;
    return (double)n_true / (double)c->n_positive;
}

static void sort_verdicts(rn_eval_tables *tables, size_t label) {
    const size_t start = tables->first_detection[label], n = tables->n_kept[label];
    rn_ranked *ranked = tables->ranked + start;
    for (size_t i = 0; i < n; i++) ranked[i].index = start + i;
    rn_rank(ranked, n, tables->spare + start);
    for (size_t i = 0; i < n; i++) tables->sorted[start + i] = tables->verdicts[ranked[i].index];
}

void rn_eval_curves(rn_eval_tables *tables, size_t label) {
    const size_t start = tables->first_detection[label], n_classes = tables->n_classes;
    sort_verdicts(tables, label);
    for (size_t area = 0; area < RN_EVAL_AREAS; area++) {
        if (tables->n_positive[label][area] == 0) continue; /* stays -1 */
        for (size_t t = 0; t < RN_EVAL_IOUS; t++) {
            const curve c = {.verdicts = tables->sorted + start,
                             .n = tables->n_kept[label],
                             .n_positive = tables->n_positive[label][area],
                             .bit = rn_eval_bit(area, t)};
            double *precision =
                tables->precision + (area * RN_EVAL_IOUS + t) * RN_EVAL_RECALLS * n_classes + label;
            const size_t n_true = draw(&c, tables->curve + start);
            interpolate(precision, n_classes, tables->curve + start, n_true, c.n_positive,
                        tables->recalls);
            for (size_t l = 0; l < RN_EVAL_LIMITS; l++)
                if (rn_eval_limits[l].area == (int)area)
                    tables->recall[(l * RN_EVAL_IOUS + t) * n_classes + label] =
                        recall_within(&c, rn_eval_limits[l].detections);
        }
    }
}
