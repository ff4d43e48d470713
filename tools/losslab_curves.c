/* losslab_curves.c: what was measured of the models of an experiment's first seed. */
#include "losslab_html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 512 };

/* Two columns over x. */
typedef struct curve {
    double x[MAX_POINTS], foreground[MAX_POINTS], background[MAX_POINTS];
    int n;
} curve;

/* Curve `name` of an arm; n = 0 where it was not measured. */
static void read_curve(curve *out, const lab_result *r, int arm, const char *name) {
    char path[2 * PATH_MAX], line[256];
    out->n = 0;
    snprintf(path, sizeof path, "%s/%s-curves/%s.csv", r->folder, r->e.name, r->e.arms[arm].name);
    FILE *file = fopen(path, "r");
    const size_t size = strlen(name);
    while (file && fgets(line, sizeof line, file) && out->n < MAX_POINTS) {
        const int i = out->n;
        if (strncmp(line, name, size) == 0 && line[size] == ',' &&
            sscanf(line + size, ",%lf,%lf,%lf", &out->x[i], &out->foreground[i],
                   &out->background[i]) == 3)
            out->n++;
    }
    if (file) fclose(file);
}

static void put_chart(FILE *file, const lab_chart *chart) {
    if (chart->n == 0) return;
    lab_svg_lines(file, chart);
}

/* Figure 4: one line a gamma, of the model of one arm. */
static void put_figure4(FILE *file, const lab_result *r, int arm, curve *curves) {
    static const char *const names[] = {"figure4 0", "figure4 0.5", "figure4 1", "figure4 2"};
    static const char *const labels[] = {"\xce\xb3=0", "\xce\xb3=0.5", "\xce\xb3=1", "\xce\xb3=2"};
    for (int background = 0; background < 2; background++) {
        char title[160];
        lab_chart chart = {.title = title,
                           .x_label = background ? "% of background, easiest first"
                                                 : "% of foreground, easiest first",
                           .y_label = "cumulative normalised loss",
                           .min_y = 0,
                           .max_y = 1};
        snprintf(title, sizeof title, "Figure 4, %s: model of %s",
                 background ? "background" : "foreground", r->e.arms[arm].name);
        for (int g = 0; g < 4; g++) {
            read_curve(&curves[g], r, arm, names[g]);
            if (curves[g].n == 0) continue;
            chart.lines[chart.n++] =
                (lab_line){.name = labels[g],
                           .x = curves[g].x,
                           .y = background ? curves[g].background : curves[g].foreground,
                           .n = curves[g].n};
        }
        put_chart(file, &chart);
    }
}

/* One line an arm. */
static void put_arms(FILE *file, const lab_result *r, curve *curves, lab_chart chart,
                     const char *name, bool background) {
    for (int a = 0; a < r->e.n_arms && chart.n < LAB_MAX_LINES; a++) {
        curve *c = &curves[chart.n];
        read_curve(c, r, a, name);
        if (c->n < 2) continue;
        chart.lines[chart.n++] = (lab_line){.name = r->e.arms[a].name,
                                            .x = c->x,
                                            .y = background ? c->background : c->foreground,
                                            .n = c->n,
                                            .dots = strcmp(name, "reliability") == 0,
                                            .steps = strcmp(name, "norms") == 0};
    }
    if (chart.n > 0 && chart.n < LAB_MAX_LINES && strcmp(name, "reliability") == 0) {
        static const double ends[] = {0, 1};
        chart.lines[chart.n++] = (lab_line){.name = "calibrated", .x = ends, .y = ends, .n = 2};
    }
    put_chart(file, &chart);
}

/* Over the epochs, one line a level, of one arm. */
static void put_levels(FILE *file, const lab_result *r, int arm, curve *curves) {
    static const char *const names[] = {"gradient P3", "gradient P4", "gradient P5", "gradient P6",
                                        "gradient P7"};
    char title[160];
    lab_chart chart = {.title = title,
                       .x_label = "epoch",
                       .y_label = "share of sum |dL/dx|",
                       .min_y = 0,
                       .max_y = 1};
    snprintf(title, sizeof title, "Background's share of the gradient by level: %s",
             r->e.arms[arm].name);
    for (int l = 0; l < 5; l++) {
        read_curve(&curves[l], r, arm, names[l]);
        if (curves[l].n < 2) continue;
        chart.lines[chart.n++] = (lab_line){.name = names[l] + strlen("gradient "),
                                            .x = curves[l].x,
                                            .y = curves[l].background,
                                            .n = curves[l].n};
    }
    put_chart(file, &chart);
}

static void put_pictures(FILE *file, const lab_result *r) {
    bool open = false;
    for (int a = 0; a < r->e.n_arms; a++) {
        char path[2 * PATH_MAX];
        snprintf(path, sizeof path, "%s/%s-curves/%s.jpg", r->folder, r->e.name, r->e.arms[a].name);
        FILE *picture = fopen(path, "rb");
        if (!picture) continue;
        fclose(picture);
        if (!open)
            fputs(
                "<h3>False alarms</h3>\n<p class=\"soft\">For each arm's model (first seed) the "
                "picture with the most of them, of twelve scenes without any object or of a set's "
                "val: whatever is framed is a false alarm.</p>\n<div class=\"pictures\">\n",
                file);
        open = true;
        (void)lab_html_picture(file, path, r->e.arms[a].name);
    }
    if (open) fputs("</div>\n", file);
}

/* The first or last arm whose model was measured; -1 for none. */
static int measured_arm(const lab_result *r, curve *buffer, bool last) {
    for (int i = 0; i < r->e.n_arms; i++) {
        const int a = last ? r->e.n_arms - 1 - i : i;
        read_curve(buffer, r, a, "figure4 0");
        if (buffer->n > 0) return a;
    }
    return -1;
}

void lab_curves(FILE *file, const lab_result *r) {
    curve *curves = calloc(LAB_MAX_LINES, sizeof *curves);
    if (!curves) return;
    const int first = measured_arm(r, curves, false), last = measured_arm(r, curves, true);
    if (first >= 0) {
        fputs("<h3>What the loss is made of</h3>\n<p class=\"soft\">Measured on val with the "
              "models of the first seed.</p>\n<div class=\"pair\">\n",
              file);
        put_figure4(file, r, first, curves);
        if (last != first) put_figure4(file, r, last, curves);
        put_arms(file, r, curves,
                 (lab_chart){.title = "Background's share of the gradient, in training",
                             .x_label = "epoch",
                             .y_label = "share of sum |dL/dx|",
                             .min_y = 0,
                             .max_y = 1},
                 "gradient", true);
        put_levels(file, r, first, curves);
        put_arms(file, r, curves,
                 (lab_chart){.title = "Background logits by length of gradient",
                             .x_label = "g = |p - target| (GHM)",
                             .y_label = "logits",
                             .log_y = true},
                 "norms", true);
        put_arms(file, r, curves,
                 (lab_chart){.title = "Reliability: precision of detections by score",
                             .x_label = "mean score of the bin",
                             .y_label = "precision at IoU .5",
                             .min_y = 0,
                             .max_y = 1},
                 "reliability", false);
        fputs("</div>\n", file);
    }
    put_pictures(file, r);
    free(curves);
}
