/* curves.c: results.csv as a picture: the losses and what val says, over the epochs. */
#include "base/number.h"
#include "eval/plot.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 70, TOP = 60, WIDTH = 400, HEIGHT = 300, PANEL = LEFT + WIDTH + 30, BELOW = 60 };

/* Two columns of the table on one scale from 0 to `most`. */
typedef struct panel {
    const char *table; /* the rows, without the header */
    int left;          /* pixels */
    int columns[2];
    const char *names[2];
    double epochs, most;
} panel;

/* The next row of a table that was read or written here; NULL behind the last. */
static const char *next_row(const char *row) {
    const char *end = strchr(row, '\n');
    return end && end[1] ? end + 1 : NULL;
}

/* False for an empty cell. */
static bool cell(double *out, const char *row, int column) {
    for (; column > 0; column--) {
        row += strcspn(row, ",\n");
        if (*row != ',') return false;
        row++;
    }
    return rn_parse_double(out, row, strcspn(row, ",\n"));
}

static double largest(const char *table, int column) {
    double most = 0, value;
    for (const char *row = table; row; row = next_row(row))
        if (cell(&value, row, column)) most = fmax(most, value);
    return most;
}

static float pixel_x(const panel *p, double epoch) {
    return (float)p->left + 0.5f + WIDTH * (float)(epoch / p->epochs);
}

static float pixel_y(const panel *p, double value) {
    return TOP + 0.5f + HEIGHT * (float)(1 - value / p->most);
}

static void draw_axes(rn_plot *plot, const panel *p) {
    enum { STEPS = 4 };
    for (int i = STEPS; i >= 0; i--) { /* the axes over the grid */
        char text[32];
        const double epoch = p->epochs * i / STEPS, value = p->most * i / STEPS;
        const float x = pixel_x(p, epoch), y = pixel_y(p, value);
        const rn_color color = i == 0 ? RN_PLOT_INK : RN_PLOT_GRID;
        rn_draw_line(&plot->image, (rn_line){x, TOP, x, TOP + HEIGHT}, 1, color);
        rn_draw_line(&plot->image, (rn_line){pixel_x(p, 0), y, pixel_x(p, p->epochs), y}, 1, color);
        snprintf(text, sizeof text, "%.4g", epoch);
        rn_plot_text(plot, (int)x, TOP + HEIGHT + 6, text, RN_ALIGN_MIDDLE, LEFT);
        snprintf(text, sizeof text, "%.3g", value);
        rn_plot_text(plot, p->left - 8, (int)y - RN_PLOT_TEXT / 2, text, RN_ALIGN_RIGHT, LEFT);
    }
    rn_plot_text(plot, p->left + WIDTH / 2, TOP + HEIGHT + 30, "epoch", RN_ALIGN_MIDDLE, WIDTH);
}

/* Column `i` of the panel, and its name above, in its half. Where a cell is empty the line goes on
 * to the next. */
static void draw_column(rn_plot *plot, const panel *p, int i) {
    const rn_color color = rn_draw_color(i);
    const int x = p->left + i * WIDTH / 2;
    rn_line line = {0};
    double epoch, value;
    int n = 0;
    rn_draw_fill(&plot->image, (rn_area){x, TOP - 25, x + 22, TOP - 20}, color, 255);
    rn_plot_text(plot, x + 30, TOP - 30, p->names[i], RN_ALIGN_LEFT, WIDTH / 2 - 30);
    for (const char *row = p->table; row; row = next_row(row)) {
        if (!cell(&epoch, row, 0) || !cell(&value, row, p->columns[i])) continue;
        if (value < 0) continue; /* an AP of nothing */
        line.x1 = pixel_x(p, epoch);
        line.y1 = pixel_y(p, value);
        if (n++ == 0) line = (rn_line){line.x1, line.y1, line.x1, line.y1};
        rn_draw_line(&plot->image, line, 2, color);
        line.x0 = line.x1;
        line.y0 = line.y1;
    }
}

rn_status rn_run_plot(const rn_run_folder *folder) {
    const char *table = next_row(folder->results); /* behind the header */
    const double epochs = table ? largest(table, 0) : 0;
    if (epochs <= 0) return RN_OK;
    const double loss = fmax(largest(table, 3), largest(table, 4));
    const panel panels[] = {
        {table, LEFT, {3, 4}, {"class loss", "box loss"}, epochs, loss > 0 ? loss : 1},
        {table, PANEL + LEFT, {9, 10}, {"val AP", "val AP50"}, epochs, 1}};
    char *pictures = NULL;
    rn_plot plot;
    RN_TRY(rn_run_path(&pictures, folder, "pictures"));
    rn_status status = rn_plot_open(&plot);
    if (status == RN_OK) status = rn_plot_resize(&plot, 2 * PANEL, TOP + HEIGHT + BELOW);
    for (int k = 0; k < 2 && status == RN_OK; k++) {
        draw_axes(&plot, &panels[k]);
        for (int i = 0; i < 2; i++) draw_column(&plot, &panels[k], i);
    }
    status = rn_plot_close(&plot, status, pictures, "curves.png");
    free(pictures);
    return status;
}
