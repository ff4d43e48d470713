/* Precision over recall, and F1 over the score threshold, of every class. */
#include "eval/coco_eval.h"
#include "eval/plot.h"
#include "eval/report_files.h"

#include <math.h>
#include <stdio.h>

enum { LEFT = 70, TOP = 40, SIDE = 600, BELOW = 60, LEGEND = 330, LINE = 20 };
enum { LEGEND_TEXT = 64 };

static const rn_color black = {0, 0, 0};

/* Where a point of a curve lies, both 0..1. */
typedef struct place {
    double x, y;
} place;

typedef struct sheet {
    const char *file, *title, *x, *y;
    place (*point)(const rn_curve *curve, const rn_curve_point *point);
    bool stepped; /* the curve holds its height up to the next point */
    place (*best)(const rn_curve *curve, const rn_curve_point *best);
    void (*legend)(char text[LEGEND_TEXT], const rn_curve *curve, double ap50);
} sheet;

static place precision_over_recall(const rn_curve *curve, const rn_curve_point *p) {
    return (place){(double)p->n_true / (double)curve->n_objects,
                   (double)p->n_true / (double)(p->n_true + p->n_false)};
}

static double within(double score) {
    return fmin(fmax(score, 0), 1);
}

static place f1_over_score(const rn_curve *curve, const rn_curve_point *p) {
    return (place){within(p->score), rn_curve_f1(curve, p)};
}

static place best_threshold(const rn_curve *curve, const rn_curve_point *best) {
    (void)best;
    return (place){within(curve->best_f1_score), curve->best_f1};
}

static void tell_ap50(char text[LEGEND_TEXT], const rn_curve *curve, double ap50) {
    (void)curve;
    snprintf(text, LEGEND_TEXT, "AP50 %.3f", ap50);
}

static void tell_best_f1(char text[LEGEND_TEXT], const rn_curve *curve, double ap50) {
    (void)ap50;
    snprintf(text, LEGEND_TEXT, "F1 %.3f at %.2f", curve->best_f1, curve->best_f1_score);
}

/* Pixels' centres. */
static float pixel_x(double x) {
    return LEFT + 0.5f + SIDE * (float)x;
}

static float pixel_y(double y) {
    return TOP + 0.5f + SIDE * (1 - (float)y);
}

static void draw_step(rn_plot *plot, rn_line line, bool stepped, float width, rn_color color) {
    if (stepped) { /* first across, then up or down */
        rn_draw_line(&plot->image, (rn_line){line.x0, line.y0, line.x1, line.y0}, width, color);
        line.x0 = line.x1;
    }
    rn_draw_line(&plot->image, line, width, color);
}

/* Steps shorter than a pixel are joined: a large set has more points than pixels. */
static void draw_curve(rn_plot *plot, const sheet *s, const rn_curve *curve, float width,
                       rn_color color) {
    const rn_curve_point *best = NULL;
    rn_line line = {0};
    if (curve->n == 0 || curve->n_objects == 0) return;
    for (size_t i = 0; i < curve->n; i++) {
        const place p = s->point(curve, &curve->points[i]);
        line.x1 = pixel_x(p.x);
        line.y1 = pixel_y(p.y);
        if (curve->points[i].score >= curve->best_f1_score) best = &curve->points[i];
        if (i > 0 && i + 1 < curve->n && hypotf(line.x1 - line.x0, line.y1 - line.y0) < 1) continue;
        if (i > 0) draw_step(plot, line, s->stepped, width, color);
        line.x0 = line.x1;
        line.y0 = line.y1;
    }
    if (!best || curve->best_f1 == 0) return;
    const place p = s->best(curve, best);
    const float x = pixel_x(p.x), y = pixel_y(p.y);
    rn_draw_line(&plot->image, (rn_line){x, y, x, y}, 4 + 3 * width, color);
}

static void draw_axes(rn_plot *plot, const sheet *s) {
    enum { STEPS = 10 };
    for (int i = STEPS; i >= 0; i--) { /* the axes over the grid */
        char text[16];
        const float x = pixel_x((double)i / STEPS), y = pixel_y((double)i / STEPS);
        const rn_color color = i == 0 ? RN_PLOT_INK : RN_PLOT_GRID;
        rn_draw_line(&plot->image, (rn_line){x, pixel_y(1), x, pixel_y(0)}, 1, color);
        rn_draw_line(&plot->image, (rn_line){pixel_x(0), y, pixel_x(1), y}, 1, color);
        snprintf(text, sizeof text, "%d.%d", i / 10, i % 10);
        rn_plot_text(plot, (int)x, TOP + SIDE + 6, text, RN_ALIGN_MIDDLE, LEFT);
        rn_plot_text(plot, LEFT - 8, (int)y - RN_PLOT_TEXT / 2, text, RN_ALIGN_RIGHT, LEFT);
    }
    rn_plot_text(plot, LEFT + SIDE / 2, 12, s->title, RN_ALIGN_MIDDLE, SIDE);
    rn_plot_text(plot, LEFT + SIDE / 2, TOP + SIDE + 30, s->x, RN_ALIGN_MIDDLE, SIDE);
    rn_plot_text_up(plot, 12, TOP + SIDE / 2, s->y, RN_ALIGN_MIDDLE, SIDE);
}

/* ---- the legend ---- */

/* Line `row` of the legend: a name and what the sheet says of its curve. */
static void draw_entry(rn_plot *plot, int row, const char *name, const char *said, rn_color color) {
    const int x = LEFT + SIDE + 20, y = TOP + row * LINE, right = LEFT + SIDE + LEGEND - 16;
    rn_draw_fill(&plot->image, (rn_area){x, y + 5, x + 22, y + 10}, color, 255);
    rn_plot_text(plot, right, y, said, RN_ALIGN_RIGHT, LEGEND);
    rn_plot_text(plot, x + 30, y, name, RN_ALIGN_LEFT,
                 right - x - 38 - rn_plot_width(plot, said, LEGEND));
}

static void draw_legend(rn_plot *plot, const sheet *s, const rn_report *r) {
    enum { ROWS = SIDE / LINE, AP50 = 1 };
    char said[LEGEND_TEXT];
    int row = 0;
    size_t left_out = 0;
    s->legend(said, &r->curve, r->stats[AP50]);
    draw_entry(plot, row++, "all classes", said, black);
    for (size_t k = 0; k < r->n_classes; k++) {
        const rn_class_report *c = &r->classes[k];
        if (c->curve.n_objects == 0) continue;
        s->legend(said, &c->curve, c->ap50);
        if (row < ROWS - 1)
            draw_entry(plot, row++, c->name, said, rn_draw_color((int)(k % RN_DRAW_COLORS)));
        else
            left_out++;
    }
    if (left_out == 0) return;
    snprintf(said, sizeof said, "and %zu more: pr.csv has them", left_out);
    rn_plot_text(plot, LEFT + SIDE + 50, TOP + row * LINE, said, RN_ALIGN_LEFT, LEGEND);
}

/* ---- the files ---- */

static rn_status plot_curves(const rn_report *r, const sheet *s, const char *folder) {
    rn_plot plot;
    rn_status status = rn_plot_open(&plot);
    if (status == RN_OK) status = rn_plot_resize(&plot, LEFT + SIDE + LEGEND, TOP + SIDE + BELOW);
    if (status != RN_OK) goto done;
    draw_axes(&plot, s);
    for (size_t k = 0; k < r->n_classes; k++)
        draw_curve(&plot, s, &r->classes[k].curve, 1.5f, rn_draw_color((int)(k % RN_DRAW_COLORS)));
    draw_curve(&plot, s, &r->curve, 3, black);
    draw_legend(&plot, s, r);
done:
    return rn_plot_close(&plot, status, folder, s->file);
}

rn_status rn_report_plot_curves(const rn_report *report, const char *folder) {
    const sheet pr = {.file = "pr_curve.png",
                      .title = "precision over recall at IoU 0.50, a dot where F1 is best",
                      .x = "recall",
                      .y = "precision",
                      .point = precision_over_recall,
                      .best = precision_over_recall,
                      .legend = tell_ap50};
    const sheet f1 = {.file = "f1_curve.png",
                      .title = "F1 over the score threshold at IoU 0.50",
                      .x = "score threshold",
                      .y = "F1",
                      .point = f1_over_score,
                      .stepped = true,
                      .best = best_threshold,
                      .legend = tell_best_f1};
    RN_TRY(plot_curves(report, &pr, folder));
    return plot_curves(report, &f1, folder);
}
