/* losslab_svg.h: plots as SVG, each a figure of a page, whose style sheet (losslab_html.c) has the
 * colours: Okabe and Ito's, which the colour-blind tell apart; dashes and markers tell them apart
 * in print.
 */
#ifndef LOSSLAB_SVG_H
#define LOSSLAB_SVG_H

#include <stdbool.h>
#include <stdio.h>

enum { LAB_MAX_LINES = 20 };

/* Points (x, y) by rising x; NANs are gaps. */
typedef struct lab_line {
    const char *name;
    const double *x, *y;
    const double *low, *high; /* intervals of y; NULL: none */
    int n;
    bool dots;  /* a marker a point */
    bool steps; /* a histogram: y holds from half-way before x to half-way behind */
} lab_line;

typedef struct lab_chart {
    const char *title, *x_label, *y_label;
    bool log_y;          /* values <= 0 are gaps */
    double min_y, max_y; /* of the axis; the same: as the values want */
    lab_line lines[LAB_MAX_LINES];
    int n;
} lab_chart;

void lab_svg_lines(FILE *file, const lab_chart *chart);

/* A row with a mean, its interval, and the values that it is of. */
typedef struct lab_bar {
    const char *name;
    double mean, low, high; /* NAN: none */
    const double *values;
    int n;
} lab_bar;

/* Rows one under the other; `from_zero`: bars from 0, else dots on an axis of their range. */
void lab_svg_bars(FILE *file, const char *title, const char *x_label, const lab_bar *bars, int n,
                  bool from_zero);

/* Text with &, <, > and quotes escaped; bytes that are no UTF-8 and control characters as '?'. */
void lab_put_html(FILE *file, const char *text);

#endif
