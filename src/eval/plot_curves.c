/* Precision over recall, and F1 over the score threshold, of every class. */
#include "eval/plot.h"
#include "eval/report_files.h"

#include <math.h>
#include <stdio.h>

enum { LEFT = 70, TOP = 40, SIDE = 600, BELOW = 60, LEGEND = 330, LINE = 20 };

static const rn_color black = {0, 0, 0};

/* Where a point of a curve lies, both 0..1. */
typedef struct place {
    double x, y;
} place;
typedef place place_fn(const rn_curve *curve, const rn_curve_point *point);

typedef struct sheet {
    const char *title, *x, *y;
    place_fn *place;
} sheet;

static place precision_over_recall(const rn_curve *curve, const rn_curve_point *p) {
    return (place){(double)p->n_true / (double)curve->n_objects,
                   (double)p->n_true / (double)(p->n_true + p->n_false)};
}

static place f1_over_score(const rn_curve *curve, const rn_curve_point *p) {
    return (place){fmin(fmax(p->score, 0), 1), rn_curve_f1(curve, p)};
}

static float pixel_x(double x) {
    return LEFT + SIDE * (float)x;
}

static float pixel_y(double y) {
    return TOP + SIDE * (1 - (float)y);
}

/* Steps shorter than a pixel are joined: a large set has more points than pixels. */
static void draw_curve(rn_plot *plot, const rn_curve *curve, place_fn *at, float width,
                       rn_color color) {
    const rn_curve_point *best = NULL;
    rn_line line = {0};
    if (curve->n == 0 || curve->n_objects == 0) return;
    for (size_t i = 0; i < curve->n; i++) {
        const place p = at(curve, &curve->points[i]);
        line.x1 = pixel_x(p.x);
        line.y1 = pixel_y(p.y);
        if (curve->points[i].score >= curve->best_f1_score) best = &curve->points[i];
        if (i > 0 && i + 1 < curve->n && hypotf(line.x1 - line.x0, line.y1 - line.y0) < 1) continue;
        if (i > 0) rn_draw_line(&plot->image, line, width, color);
        line.x0 = line.x1;
        line.y0 = line.y1;
    }
    if (!best || curve->best_f1 == 0) return;
    const place p = at(curve, best);
    const float x = pixel_x(p.x), y = pixel_y(p.y);
    rn_draw_line(&plot->image, (rn_line){x, y, x, y}, 4 + 3 * width, color);
}

static void draw_axes(rn_plot *plot, const sheet *s) {
    enum { STEPS = 10 };
    for (int i = 0; i <= STEPS; i++) {
        char text[16];
        const float x = pixel_x((double)i / STEPS), y = pixel_y((double)i / STEPS);
        const rn_color color = i == 0 ? RN_PLOT_INK : RN_PLOT_GRID;
        rn_draw_line(&plot->image, (rn_line){x, TOP, x, TOP + SIDE}, 1, color);
        rn_draw_line(&plot->image, (rn_line){LEFT, y, LEFT + SIDE, y}, 1, color);
        snprintf(text, sizeof text, "%d.%d", i / 10, i % 10);
        rn_plot_text(plot, (int)x, TOP + SIDE + 6, text, RN_ALIGN_MIDDLE, LEFT);
        rn_plot_text(plot, LEFT - 8, (int)y - RN_PLOT_TEXT / 2, text, RN_ALIGN_RIGHT, LEFT);
    }
    rn_plot_text(plot, LEFT + SIDE / 2, 12, s->title, RN_ALIGN_MIDDLE, SIDE);
    rn_plot_text(plot, LEFT + SIDE / 2, TOP + SIDE + 30, s->x, RN_ALIGN_MIDDLE, SIDE);
    rn_plot_text_up(plot, 12, TOP + SIDE / 2, s->y, RN_ALIGN_MIDDLE, SIDE);
}

/* ---- the legend ---- */

/* Line `row` of the legend: a name and the best F1. */
static void draw_entry(rn_plot *plot, int row, const char *name, const rn_curve *curve,
                       rn_color color) {
    char text[64];
    const int x = LEFT + SIDE + 20, y = TOP + row * LINE, right = LEFT + SIDE + LEGEND - 16;
    snprintf(text, sizeof text, "F1 %.3f at %.2f", curve->best_f1, curve->best_f1_score);
    rn_draw_fill(&plot->image, (rn_area){x, y + 5, x + 22, y + 10}, color, 255);
    rn_plot_text(plot, right, y, text, RN_ALIGN_RIGHT, LEGEND);
    rn_plot_text(plot, x + 30, y, name, RN_ALIGN_LEFT,
                 right - x - 38 - rn_plot_width(plot, text, LEGEND));
}

static void draw_legend(rn_plot *plot, const rn_report *r) {
    enum { ROWS = SIDE / LINE };
    int row = 0;
    size_t left_out = 0;
    draw_entry(plot, row++, "all classes", &r->curve, black);
    for (size_t k = 0; k < r->n_classes; k++) {
        if (r->classes[k].curve.n_objects == 0) continue;
        if (row < ROWS - 1)
            draw_entry(plot, row++, r->classes[k].name, &r->classes[k].curve,
                       rn_draw_color((int)(k % RN_DRAW_COLORS)));
        else
            left_out++;
    }
    if (left_out > 0) {
        char text[64];
        snprintf(text, sizeof text, "and %zu more: pr.csv has them", left_out);
        rn_plot_text(plot, LEFT + SIDE + 50, TOP + row * LINE, text, RN_ALIGN_LEFT, LEGEND);
    }
}

/* ---- the files ---- */

static rn_status plot_curves(const rn_report *r, const sheet *s, const char *folder,
                             const char *name) {
    rn_plot plot;
    rn_status status = rn_plot_open(&plot);
    if (status == RN_OK) status = rn_plot_resize(&plot, LEFT + SIDE + LEGEND, TOP + SIDE + BELOW);
    if (status != RN_OK) goto done;
    draw_axes(&plot, s);
    for (size_t k = 0; k < r->n_classes; k++)
        draw_curve(&plot, &r->classes[k].curve, s->place, 1.5f,
                   rn_draw_color((int)(k % RN_DRAW_COLORS)));
    draw_curve(&plot, &r->curve, s->place, 3, black);
    draw_legend(&plot, r);
done:
    return rn_plot_close(&plot, status, folder, name);
}

rn_status rn_report_plot_curves(const rn_report *report, const char *folder) {
    const sheet pr = {"precision over recall at IoU 0.50, a dot where F1 is best", "recall",
                      "precision", precision_over_recall};
    const sheet f1 = {"F1 over the score threshold at IoU 0.50", "score threshold", "F1",
                      f1_over_score};
    RN_TRY(plot_curves(report, &pr, folder, "pr_curve.png"));
    return plot_curves(report, &f1, folder, "f1_curve.png");
}
