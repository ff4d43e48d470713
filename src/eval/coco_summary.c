/* The numbers of an evaluation: the reference's summarize, and the curve of all classes. */
#include "base/memory.h"
#include "eval/coco_tables.h"

#include <stdlib.h>

/* ---- means ---- */

/* numpy's pairwise sum, whose order of additions decides the last digits. */
static double pairwise_sum(const double *a, size_t n) {
    enum { LANES = 8, BLOCK = 128 };
    if (n < LANES) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += a[i];
        return sum;
    }
    if (n <= BLOCK) {
        double r[LANES];
        size_t i = LANES;
        for (size_t k = 0; k < LANES; k++) r[k] = a[k];
        for (; i + LANES <= n; i += LANES)
            for (size_t k = 0; k < LANES; k++) r[k] += a[i + k];
        double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        for (; i < n; i++) sum += a[i];
        return sum;
    }
    const size_t half = n / 2 - n / 2 % LANES;
    return pairwise_sum(a, half) + pairwise_sum(a + half, n - half);
}

/* Mean of the values > -1 of values[0 .. n * stride) in steps of `stride`, -1 if there are none.
 * `room` is for n. */
static double mean(const double *values, size_t n, size_t stride, double *room) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i * stride] > -1) room[count++] = values[i * stride];
    return count ? pairwise_sum(room, count) / (double)count : -1;
}

/* Mean precision of all classes over IoU thresholds t .. t + n_ious - 1 at one area. */
static double mean_precision(const rn_eval_tables *tables, size_t area, size_t t, size_t n_ious,
                             double *room) {
    const size_t row = RN_EVAL_RECALLS * tables->n_classes;
    return mean(tables->precision + (area * RN_EVAL_IOUS + t) * row, n_ious * row, 1, room);
}

static void average(rn_evaluation *out, const rn_eval_tables *tables, double *room) {
    enum { IOU_75 = 5 };
    const size_t n_recall = RN_EVAL_IOUS * tables->n_classes;
    out->stats[0] = mean_precision(tables, 0, 0, RN_EVAL_IOUS, room);
    out->stats[1] = mean_precision(tables, 0, 0, 1, room);
    out->stats[2] = mean_precision(tables, 0, IOU_75, 1, room);
    for (size_t area = 1; area < RN_EVAL_AREAS; area++)
        out->stats[2 + area] = mean_precision(tables, area, 0, RN_EVAL_IOUS, room);
    for (size_t l = 0; l < RN_EVAL_LIMITS; l++)
        out->stats[6 + l] = mean(tables->recall + l * n_recall, n_recall, 1, room);
    out->voc_ap = mean(&tables->voc_ap[0][0], tables->n_classes, 2, room);
    out->voc07_ap = mean(&tables->voc_ap[0][1], tables->n_classes, 2, room);
}

static void average_classes(rn_evaluation *out, const rn_eval_tables *tables, double *room) {
    enum { LIMIT_100 = 2 };
    const size_t n_classes = tables->n_classes;
    const double *recall = tables->recall + LIMIT_100 * RN_EVAL_IOUS * n_classes;
    for (size_t k = 0; k < n_classes; k++) {
        const double *precision = tables->precision + k; /* area 0 comes first */
        out->per_class[k] = (rn_class_metrics){
            .category_id = tables->truth->category_ids[k],
            .name = tables->truth->class_names[k],
            .ap = mean(precision, RN_EVAL_IOUS * RN_EVAL_RECALLS, n_classes, room),
            .ap50 = mean(precision, RN_EVAL_RECALLS, n_classes, room),
            .recall = mean(recall + k, RN_EVAL_IOUS, n_classes, room),
            .voc_ap = tables->voc_ap[k][0],
            .voc07_ap = tables->voc_ap[k][1],
            .curve = tables->curves[k]};
        for (size_t r = 0; r < RN_EVAL_RECALLS; r++)
            out->precision50[k * RN_EVAL_RECALLS + r] = precision[r * n_classes];
    }
}

/* ---- all classes together ---- */

/* All classes' detections that count at IoU .50 by falling score, in tables->ranked; index: 1 for
 * those that are right. Returns how many. */
static size_t pool(rn_eval_tables *tables) {
    const uint64_t bit = rn_eval_bit(0, 0);
    size_t n = 0;
    for (size_t i = 0; i < tables->first_detection[tables->n_classes]; i++)
        if (!(tables->sorted[i].ignored & bit)) /* n <= i: nothing unread is overwritten */
            tables->ranked[n++] =
                (rn_ranked){tables->ranked[i].score, (tables->sorted[i].matched & bit) != 0};
    rn_rank(tables->ranked, n, tables->spare);
    return n;
}

static void draw_curve(rn_evaluation *out, rn_eval_tables *tables) {
    const size_t n = pool(tables);
    out->curve.points = tables->points + tables->first_detection[tables->n_classes];
    for (size_t k = 0; k < tables->n_classes; k++) out->curve.n_objects += tables->n_positive[k][0];
    for (size_t i = 0; i < n; i++)
        rn_curve_add(&out->curve, tables->ranked[i].score, tables->ranked[i].index == 1);
    rn_curve_finish(&out->curve);
    out->points = tables->points; /* the classes' too */
    tables->points = NULL;
}

rn_status rn_eval_summarize(rn_evaluation *out, rn_eval_tables *tables) {
    const size_t most = (size_t)RN_EVAL_IOUS * RN_EVAL_RECALLS;
    double *room = NULL;
    rn_status status;
    if ((status = rn_alloc(&out->per_class, tables->n_classes, sizeof *out->per_class)) != RN_OK ||
        (status = rn_alloc(&out->precision50, tables->n_classes,
                           RN_EVAL_RECALLS * sizeof *out->precision50)) != RN_OK ||
        (status = rn_alloc(&room, tables->n_classes, most * sizeof *room)) != RN_OK)
        goto done;
    out->n_classes = tables->n_classes;
    average(out, tables, room);
    average_classes(out, tables, room);
    draw_curve(out, tables);
done:
    free(room);
    return status;
}
