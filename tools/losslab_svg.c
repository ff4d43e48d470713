#include "losslab_svg.h"

#include <math.h>
#include <string.h>

/* Of a plot, in its own units: small enough that its 13-unit text can be read on a phone. */
enum { WIDTH = 480, LEFT = 62, RIGHT = 14, HEIGHT = 230, BOTTOM = 44, TEXT = 13, ROW = 26 };
/* Of text, estimated: a browser's sans-serif varies. */
static const double letter_width = 7.6;

/* ---- text ---- */

void lab_put_html(FILE *file, const char *text) {
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", file);
        else if (c == '<')
            fputs("&lt;", file);
        else if (c == '>')
            fputs("&gt;", file);
        else if (c == '"')
            fputs("&quot;", file);
        else
            putc(c < 0x20 && c != '\n' ? '?' : c, file);
    }
}

static void put_text(FILE *file, double x, double y, const char *anchor, const char *class_name,
                     const char *text) {
    fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
            class_name);
    lab_put_html(file, text);
    fputs("</text>\n", file);
}

/* ---- axes ---- */

/* Values low..high on pixels from..to. */
typedef struct axis {
    double low, high, from, to;
    double step; /* of the ticks; 0: a logarithmic axis, whose ticks are powers of ten */
} axis;

static double place(const axis *a, double value) {
    const double low = a->step > 0 ? a->low : log10(a->low);
    const double high = a->step > 0 ? a->high : log10(a->high);
    const double at = a->step > 0 ? value : log10(value);
    return a->from + (a->to - a->from) * (at - low) / (high - low);
}

/* 1, 2 or 5 times a power of ten, so that about `n` of them fill the range. */
static double nice_step(double range, int n) {
    const double raw = range / n, power = pow(10, floor(log10(raw))), part = raw / power;
    return power * (part <= 1.0001 ? 1 : part <= 2.0001 ? 2 : part <= 5.0001 ? 5 : 10);
}

/* Widen low..high to whole ticks. */
static axis make_axis(double low, double high, double from, double to, int n) {
    if (!(high > low)) {
        const double half = low != 0 ? fabs(low) / 10 : 1;
        low -= half;
        high += half;
    }
    const double step = nice_step(high - low, n);
    return (axis){floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, from, to, step};
}

static axis make_log_axis(double low, double high, double from, double to) {
    low = pow(10, floor(log10(low) + 1e-9));
    high = pow(10, ceil(log10(high) - 1e-9));
    return (axis){low, high > low ? high : 10 * low, from, to, 0};
}

static double next_tick(const axis *a, double tick) {
    const double decades = log10(a->high / a->low);
    return a->step > 0 ? tick + a->step : tick * pow(10, decades > 6 ? 2 : 1);
}

static void tick_text(char text[32], const axis *a, double tick) {
    if (a->step > 0 && fabs(tick) < a->step / 1e6) tick = 0; /* no -0, no 1e-17 */
    snprintf(text, 32, "%.6g", tick);
}

static void put_x_axis(FILE *file, const axis *x, double top, double bottom, const char *label) {
    char text[32];
    for (double t = x->low; t <= x->high + x->step / 1e3; t = next_tick(x, t)) {
        const double at = place(x, t);
        fprintf(file, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", at, top, bottom);
        tick_text(text, x, t);
        put_text(file, at, bottom + 17, "middle", "tick", text);
    }
    fprintf(file, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", x->from, bottom, x->to);
    put_text(file, (x->from + x->to) / 2, bottom + 36, "middle", "label", label);
}

static void put_y_axis(FILE *file, const axis *y, double left, double right, const char *label) {
    char text[32];
    const double end = y->high * (1 + 1e-9) + y->step / 1e3;
    for (double t = y->low; t <= end; t = next_tick(y, t)) {
        const double at = place(y, t);
        fprintf(file, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", left, at, right);
        tick_text(text, y, t);
        put_text(file, left - 7, at + 4, "end", "tick", text);
    }
    fprintf(file, "<path class=\"axis\" d=\"M%.1f %.1fV%.1f\"/>\n", left, y->from, y->to);
    fprintf(file, "<g transform=\"translate(14 %.1f) rotate(-90)\">", (y->from + y->to) / 2);
    put_text(file, 0, 0, "middle", "label", label);
    fputs("</g>\n", file);
}

/* ---- lines ---- */

static void put_marker(FILE *file, int series, double x, double y) {
    static const char *const shapes[] = {"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
                                         "M-4-4h8v8h-8z",
                                         "M0-5L5 4H-5z",
                                         "M0-5L5 0L0 5L-5 0z",
                                         "M-5-4H5L0 5z",
                                         "M-4-1.5h8v3h-8z",
                                         "M-1.5-4.5h3v9h-3z",
                                         "M-4-4L4 4M-4 4L4-4"};
    fprintf(file, "<path class=\"m s%d\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>\n",
            series % 8, x, y, shapes[series % 8]);
}

static bool visible(const lab_chart *chart, double value) {
    return !isnan(value) && (!chart->log_y || value > 0);
}

static double clamp_y(const axis *y, double value) {
    return place(y, value < y->low ? y->low : value > y->high ? y->high : value);
}

static void put_line(FILE *file, const lab_chart *chart, int series, const axis *x, const axis *y) {
    const lab_line *l = &chart->lines[series];
    bool pen = false;
    fprintf(file, "<path class=\"l s%d d%d\" d=\"", series % 8, series % 8);
    for (int i = 0; i < l->n; i++) {
        if (!visible(chart, l->y[i])) {
            pen = false;
            continue;
        }
        const double at = clamp_y(y, l->y[i]);
        if (l->steps) {
            const double before = i > 0 ? (l->x[i] - l->x[i - 1]) / 2 : (l->x[1] - l->x[0]) / 2;
            const double from = place(x, l->x[i] - before), to = place(x, l->x[i] + before);
            fprintf(file, "%c%.1f %.1fH%.1f", pen ? 'L' : 'M', from, at, to);
        } else {
            fprintf(file, "%c%.1f %.1f", pen ? 'L' : 'M', place(x, l->x[i]), at);
        }
        pen = true;
    }
    fputs("\"/>\n", file);
    for (int i = 0; i < l->n; i++) {
        if (!visible(chart, l->y[i])) continue;
        const double at = place(x, l->x[i]);
        if (l->low && visible(chart, l->low[i])) {
            fprintf(file, "<path class=\"i s%d\" d=\"M%.1f %.1fV%.1fm-3 0h6M%.1f %.1fh6\"/>\n",
                    series % 8, at, clamp_y(y, l->low[i]), clamp_y(y, l->high[i]), at - 3,
                    clamp_y(y, l->low[i]));
        }
        if (l->dots) put_marker(file, series, at, clamp_y(y, l->y[i]));
    }
}

static void widen(double range[2], double value) {
    if (isnan(value)) return;
    range[0] = fmin(range[0], value);
    range[1] = fmax(range[1], value);
}

/* Of all that is drawn; 0..1 where that is nothing. */
static void find_ranges(const lab_chart *chart, double x[2], double y[2]) {
    x[0] = y[0] = INFINITY;
    x[1] = y[1] = -INFINITY;
    for (int k = 0; k < chart->n; k++) {
        const lab_line *l = &chart->lines[k];
        for (int i = 0; i < l->n; i++) {
            if (!visible(chart, l->y[i])) continue;
            widen(x, l->x[i]);
            widen(y, l->y[i]);
            if (!l->low || !visible(chart, l->low[i])) continue;
            widen(y, l->low[i]);
            widen(y, l->high[i]);
        }
    }
    if (!(x[0] <= x[1])) x[0] = 0, x[1] = 1;
    if (!(y[0] <= y[1])) y[0] = chart->log_y ? 0.1 : 0, y[1] = 1;
    if (chart->min_y < chart->max_y) y[0] = chart->min_y, y[1] = chart->max_y;
}

/* The names of the lines under the title, in as many rows as they need, or (file NULL) how many. */
static int put_legend(FILE *file, const lab_chart *chart, double top) {
    double x = LEFT;
    int rows = chart->n > 0;
    for (int k = 0; k < chart->n; k++) {
        const double width = 34 + letter_width * (double)strlen(chart->lines[k].name) + 12;
        if (x > LEFT && x + width > WIDTH) {
            x = LEFT;
            rows++;
        }
        if (file) {
            const double y = top + 18 * rows - 8;
            fprintf(file, "<path class=\"l s%d d%d\" d=\"M%.1f %.1fh28\"/>\n", k % 8, k % 8, x, y);
            if (chart->lines[k].dots) put_marker(file, k, x + 14, y);
            put_text(file, x + 34, y + 4, "start", "tick", chart->lines[k].name);
        }
        x += width;
    }
    return rows;
}

static void open_svg(FILE *file, double height, const char *title) {
    fprintf(file, "<figure><svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", WIDTH, height);
    lab_put_html(file, title);
    fputs("\">\n", file);
    put_text(file, 4, TEXT + 3, "start", "title", title);
}

void lab_svg_lines(FILE *file, const lab_chart *chart) {
    double x_range[2], y_range[2];
    const double top = 24 + 18 * put_legend(NULL, chart, 0) + 10;
    find_ranges(chart, x_range, y_range);
    const axis x = make_axis(x_range[0], x_range[1], LEFT, WIDTH - RIGHT, 6);
    const axis y = chart->log_y ? make_log_axis(y_range[0], y_range[1], top + HEIGHT, top)
                                : make_axis(y_range[0], y_range[1], top + HEIGHT, top, 5);
    open_svg(file, top + HEIGHT + BOTTOM, chart->title);
    put_x_axis(file, &x, top, top + HEIGHT, chart->x_label);
    put_y_axis(file, &y, LEFT, WIDTH - RIGHT, chart->y_label);
    (void)put_legend(file, chart, 24);
    for (int k = 0; k < chart->n; k++) put_line(file, chart, k, &x, &y);
    fputs("</svg>\n</figure>\n", file);
}

/* ---- bars ---- */

void lab_svg_bars(FILE *file, const char *title, const char *x_label, const lab_bar *bars, int n,
                  bool from_zero) {
    double range[2] = {INFINITY, -INFINITY}, left = 60;
    for (int i = 0; i < n; i++) {
        left = fmax(left, letter_width * (double)strlen(bars[i].name) + 12);
        widen(range, bars[i].mean);
        widen(range, bars[i].low);
        widen(range, bars[i].high);
        for (int k = 0; k < bars[i].n; k++) widen(range, bars[i].values[k]);
    }
    if (from_zero) widen(range, 0);
    if (!(range[0] <= range[1])) range[0] = 0, range[1] = 1;
    left = fmin(left, WIDTH / 2);
    const double top = 30, bottom = top + ROW * n;
    const axis x = make_axis(range[0], range[1], left, WIDTH - RIGHT, 5);
    open_svg(file, bottom + BOTTOM, title);
    put_x_axis(file, &x, top, bottom, x_label);
    for (int i = 0; i < n; i++) {
        const double y = top + ROW * (i + 0.5);
        put_text(file, left - 8, y + 4, "end", "tick", bars[i].name);
        if (isnan(bars[i].mean)) continue;
        if (from_zero)
            fprintf(file, "<path class=\"b s0\" d=\"M%.1f %.1fH%.1fv12H%.1fz\"/>\n", place(&x, 0),
                    y - 6, place(&x, bars[i].mean), place(&x, 0));
        for (int k = 0; k < bars[i].n; k++)
            if (!isnan(bars[i].values[k]))
                fprintf(file, "<circle class=\"v\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n",
                        place(&x, bars[i].values[k]), y);
        if (!isnan(bars[i].low))
            fprintf(file, "<path class=\"e\" d=\"M%.1f %.1fH%.1fm0-4v8M%.1f %.1fv8\"/>\n",
                    place(&x, bars[i].low), y, place(&x, bars[i].high), place(&x, bars[i].low),
                    y - 4);
        if (!from_zero) put_marker(file, 0, place(&x, bars[i].mean), y);
    }
    fputs("</svg>\n</figure>\n", file);
}
