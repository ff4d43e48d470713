/* Precision over recall of a class: the reference's accumulate, for every area and IoU threshold;
 * VOC's two averages; and the curve itself at IoU .50. */
#include "eval/coco_tables.h"

#include <float.h>

const rn_eval_limit rn_eval_limits[RN_EVAL_LIMITS] = {{1, 0},   {10, 0},  {100, 0},
                                                      {100, 1}, {100, 2}, {100, 3}};

/* One curve's way through its class. */
typedef struct walk {
    const rn_verdict *verdicts; /* [n] by falling score */
    size_t n;
    size_t n_positive; /* >= 1 */
    uint64_t bit;      /* of the area and threshold */
} walk;

/* precision[i] = that at true positive i, i = 0 .. in order of score; returns their number. Only
 * there does recall move, and only there can precision be the highest of all that follow, so that
 * nothing else is asked of the curve. */
static size_t draw(const walk *c, double *precision) {
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
static double recall_within(const walk *c, int detections) {
    size_t n_true = 0;
    for (size_t i = 0; i < c->n; i++)
        n_true += (c->verdicts[i].matched & ~c->verdicts[i].ignored & c->bit) &&
                  c->verdicts[i].rank < (size_t)detections;
    return (double)n_true / (double)c->n_positive;
}

static void sort_verdicts(rn_eval_tables *tables, size_t label) {
    const size_t start = tables->first_detection[label],
                 n = tables->first_detection[label + 1] - start;
    rn_ranked *ranked = tables->ranked + start;
    for (size_t i = 0; i < n; i++) ranked[i].index = start + i;
    rn_rank(ranked, n, tables->spare + start);
    for (size_t i = 0; i < n; i++) tables->sorted[start + i] = tables->verdicts[ranked[i].index];
}

/* ---- PASCAL VOC ---- */

/* The mean over recall of precision, interpolated as above: over all points (VOC 2010 and later),
 * and over the recalls 0, .1 .. 1 (VOC 2007). `precisions` has room for n. */
static void average_voc(double ap[2], const rn_verdict *verdicts, size_t n, size_t n_wanted,
                        double *precisions) {
    size_t n_true = 0, n_false = 0;
    ap[0] = ap[1] = n_wanted > 0 ? 0 : -1;
    if (n_wanted == 0) return;
    for (size_t i = 0; i < n; i++) {
        n_false += verdicts[i].voc == RN_VOC_FALSE;
        if (verdicts[i].voc != RN_VOC_TRUE) continue;
        n_true++;
        precisions[n_true - 1] = (double)n_true / (double)(n_true + n_false);
    }
    for (size_t k = n_true; k > 1; k--)
        if (precisions[k - 1] > precisions[k - 2]) precisions[k - 2] = precisions[k - 1];
    for (size_t i = 0; i < n_true; i++) ap[0] += precisions[i];
    for (size_t t = 0, i = 0; t <= 10; t++) {
        while (i < n_true && 10 * (i + 1) < t * n_wanted) i++; /* recall (i + 1) / n_wanted */
        ap[1] += i < n_true ? precisions[i] : 0;
    }
    ap[0] /= (double)n_wanted;
    ap[1] /= 11;
}

/* ---- the curve at IoU .50 ---- */

void rn_curve_add(rn_curve *curve, double score, bool is_true) {
    if (curve->n == 0 || curve->points[curve->n - 1].score != score) {
        curve->points[curve->n] = curve->n == 0 ? (rn_curve_point){0} : curve->points[curve->n - 1];
        curve->points[curve->n++].score = score;
    }
    rn_curve_point *last = &curve->points[curve->n - 1];
    if (is_true)
        last->n_true++;
    else
        last->n_false++;
}

void rn_curve_finish(rn_curve *curve) {
    curve->best_f1 = 0;
    curve->best_f1_score = 0.5;
    for (size_t i = 0; i < curve->n; i++) {
        const rn_curve_point *p = &curve->points[i];
        const double f1 = rn_curve_f1(curve, p);
        if (f1 <= curve->best_f1) continue;
        curve->best_f1 = f1;
        curve->best_f1_score = i + 1 < curve->n ? (p[0].score + p[1].score) / 2 : p->score;
    }
}

static void draw_curve(rn_eval_tables *tables, size_t label) {
    const uint64_t bit = rn_eval_bit(0, 0);
    const size_t start = tables->first_detection[label];
    rn_curve *curve = &tables->curves[label];
    curve->points = tables->points + start;
    curve->n_objects = tables->n_positive[label][0];
    for (size_t i = start; i < tables->first_detection[label + 1]; i++)
        if (!(tables->sorted[i].ignored & bit))
            rn_curve_add(curve, tables->ranked[i].score, (tables->sorted[i].matched & bit) != 0);
    rn_curve_finish(curve);
}

/* ---- a class ---- */

void rn_eval_curves(rn_eval_tables *tables, size_t label) {
    const size_t start = tables->first_detection[label], n_classes = tables->n_classes;
    const size_t n = tables->first_detection[label + 1] - start;
    sort_verdicts(tables, label);
    draw_curve(tables, label);
    average_voc(tables->voc_ap[label], tables->sorted + start, n, tables->n_wanted[label],
                tables->precisions + start);
    for (size_t area = 0; area < RN_EVAL_AREAS; area++) {
        if (tables->n_positive[label][area] == 0) continue; /* stays -1 */
        for (size_t t = 0; t < RN_EVAL_IOUS; t++) {
            const walk c = {.verdicts = tables->sorted + start,
                            .n = n,
                            .n_positive = tables->n_positive[label][area],
                            .bit = rn_eval_bit(area, t)};
            double *precision =
                tables->precision + (area * RN_EVAL_IOUS + t) * RN_EVAL_RECALLS * n_classes + label;
            const size_t n_true = draw(&c, tables->precisions + start);
            interpolate(precision, n_classes, tables->precisions + start, n_true, c.n_positive,
                        tables->recalls);
            for (size_t l = 0; l < RN_EVAL_LIMITS; l++)
                if (rn_eval_limits[l].area == (int)area)
                    tables->recall[(l * RN_EVAL_IOUS + t) * n_classes + label] =
                        recall_within(&c, rn_eval_limits[l].detections);
        }
    }
}
