/* The confusion matrix as a picture. */
#include "eval/plot.h"
#include "eval/report_files.h"

#include <stdio.h>

enum {
    WISHED = 600,    /* pixels: side of the matrix */
    LEAST_CELL = 16, /* until that makes it larger than MOST */
    MOST_CELL = 72,
    MOST = 2000,
    MOST_LABEL = 180, /* pixels of a class's name */
    TITLE = 40,
    MOST_TITLE = 300,
    SCALE = 110 /* the scale of shades and what is beside it */
};

static const rn_color dark = {8, 60, 130};

/* Where things lie. */
typedef struct layout {
    int n;    /* rows and columns */
    int cell; /* pixels */
    int step; /* of so many rows one has a label */
    int x, y; /* of the first cell */
    int end_x, end_y;
} layout;

static layout lay_out(const rn_report *r, int label) {
    layout l = {.n = (int)r->n_classes + 1};
    l.cell = WISHED / l.n;
    if (l.cell > MOST_CELL) l.cell = MOST_CELL;
    if (l.cell < LEAST_CELL) l.cell = l.n * LEAST_CELL <= MOST ? LEAST_CELL : MOST / l.n;
    l.step = (LEAST_CELL + l.cell - 1) / l.cell;
    l.x = 30 + label + 3 * RN_PLOT_PAD;
    l.y = TITLE;
    l.end_x = l.x + l.n * l.cell;
    l.end_y = l.y + l.n * l.cell;
    return l;
}

static int widest_label(const rn_plot *plot, const rn_report *r) {
    int most = 0;
    for (int i = 0; i <= (int)r->n_classes; i++) {
        const int width = rn_plot_width(plot, rn_report_row(r, (size_t)i), MOST_LABEL);
        if (width > most) most = width;
    }
    return most;
}

/* White for 0, dark for 1. */
static rn_color shade(double share) {
    const int k = (int)(share * 255 + 0.5);
    return (rn_color){(uint8_t)(255 - (255 - dark.r) * k / 255),
                      (uint8_t)(255 - (255 - dark.g) * k / 255),
                      (uint8_t)(255 - (255 - dark.b) * k / 255)};
}

/* ---- the parts ---- */

static void draw_row(rn_plot *plot, const layout *l, const size_t *row, int i) {
    size_t sum = 0;
    for (int k = 0; k < l->n; k++) sum += row[k];
    for (int k = 0; k < l->n; k++) {
        const int x = l->x + k * l->cell, y = l->y + i * l->cell;
        const double share = sum > 0 ? (double)row[k] / (double)sum : 0;
        char text[24];
        rn_draw_fill(&plot->image, (rn_area){x, y, x + l->cell, y + l->cell}, shade(share), 255);
        snprintf(text, sizeof text, "%zu", row[k]);
        const int width = rn_pen_width(plot->pen, text);
        if (row[k] == 0 || width > l->cell - 2 || RN_PLOT_TEXT > l->cell) continue;
        rn_pen_write(plot->pen, &plot->image, (float)(x + (l->cell - width) / 2),
                     (float)(y + (l->cell - RN_PLOT_TEXT) / 2), text,
                     share > 0.5 ? RN_PLOT_WHITE : RN_PLOT_INK, RN_RIGHTWARDS);
    }
}

/* Lines between the cells where these are large enough; always about the whole and before
 * background. */
static void draw_grid(rn_plot *plot, const layout *l) {
    for (int i = 0; i <= l->n; i++) {
        const bool strong = i == 0 || i >= l->n - 1;
        const rn_color color = strong ? RN_PLOT_INK : RN_PLOT_GRID;
        const int x = l->x + i * l->cell, y = l->y + i * l->cell;
        if (!strong && l->cell < 5) continue;
        rn_draw_fill(&plot->image, (rn_area){x, l->y, x + 1, l->end_y + 1}, color, 255);
        rn_draw_fill(&plot->image, (rn_area){l->x, y, l->end_x + 1, y + 1}, color, 255);
    }
}

static void draw_labels(rn_plot *plot, const rn_report *r, const layout *l) {
    char title[80];
    const int half = (l->cell - RN_PLOT_TEXT) / 2;
    for (int i = 0; i < l->n; i++) {
        if (i % l->step != 0 && i != l->n - 1) continue;
        if (i > l->n - 1 - l->step && i != l->n - 1) continue; /* background's is always there */
        rn_plot_text(plot, l->x - RN_PLOT_PAD, l->y + i * l->cell + half,
                     rn_report_row(r, (size_t)i), RN_ALIGN_RIGHT, MOST_LABEL);
        rn_plot_text_up(plot, l->x + i * l->cell + half, l->end_y + RN_PLOT_PAD,
                        rn_report_row(r, (size_t)i), RN_ALIGN_RIGHT, MOST_LABEL);
    }
    snprintf(title, sizeof title, "objects at IoU 0.50, score at least %.2f", r->confusion_score);
    rn_plot_text(plot, l->x, (TITLE - RN_PLOT_TEXT) / 2, title, RN_ALIGN_LEFT,
                 plot->image.width - l->x);
    rn_plot_text_up(plot, RN_PLOT_PAD, (l->y + l->end_y) / 2, "truth", RN_ALIGN_MIDDLE, WISHED);
    rn_plot_text(plot, (l->x + l->end_x) / 2, plot->image.height - RN_PLOT_TEXT - RN_PLOT_PAD,
                 "prediction", RN_ALIGN_MIDDLE, WISHED);
}

/* What the shades mean. */
static void draw_scale(rn_plot *plot, const layout *l) {
    enum { WIDTH = 16, STEPS = 4 };
    const int x = l->end_x + 24, height = l->end_y - l->y;
    for (int y = 0; y < height; y++)
        rn_draw_fill(&plot->image, (rn_area){x, l->end_y - 1 - y, x + WIDTH, l->end_y - y},
                     shade((y + 0.5) / height), 255);
    for (int i = 0; i <= STEPS; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d%%", 100 * i / STEPS);
        rn_plot_text(plot, x + WIDTH + 5, l->end_y - height * i / STEPS - RN_PLOT_TEXT / 2, text,
                     RN_ALIGN_LEFT, SCALE);
    }
    rn_plot_text_up(plot, x + WIDTH + 44, (l->y + l->end_y) / 2, "share of the row",
                    RN_ALIGN_MIDDLE, height);
}

rn_status rn_report_plot_confusion(const rn_report *report, const char *folder) {
    const size_t side = report->n_classes + 1;
    rn_plot plot;
    if (side > MOST) return RN_OK; /* cells of less than a pixel */
    rn_status status = rn_plot_open(&plot);
    if (status != RN_OK) goto done;
    const int label = widest_label(&plot, report);
    const layout l = lay_out(report, label);
    const int below = label + 2 * RN_PLOT_TEXT + 3 * RN_PLOT_PAD;
    const int width = l.end_x - l.x < MOST_TITLE ? MOST_TITLE : l.end_x - l.x;
    if ((status = rn_plot_resize(&plot, l.x + width + SCALE, l.end_y + below)) != RN_OK) goto done;
    for (size_t i = 0; i < side; i++) draw_row(&plot, &l, report->confusion + i * side, (int)i);
    draw_grid(&plot, &l);
    draw_labels(&plot, report, &l);
    draw_scale(&plot, &l);
done:
    return rn_plot_close(&plot, status, folder, "confusion.png");
}
