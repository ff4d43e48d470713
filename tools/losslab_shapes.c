/* losslab_shapes.c: experiment A, the losses of one logit as functions: no training. */
#include "losslab_html.h"

#include <retinanet_loss.h>

#include <math.h>
#include <string.h>

enum { POINTS = 241, MAX_SHAPES = 6 };
#define REACH 6.0 /* x_t = -REACH .. REACH */

typedef struct shape {
    char label[48];
    rn_loss loss;
    double value[POINTS], slope[POINTS];
} shape;

/* Value and derivative at x_t of a foreground logit, without alpha. */
static rn_status sample(double *value, double *slope, double x, const rn_loss *loss) {
    const float logit = (float)x;
    const int target = 0;
    float derivative = 0;
    const rn_status status = rn_loss_sum(value, &derivative, &logit, &target, NULL, 1, 1, loss);
    *slope = (double)derivative;
    return status;
}

static double probability(double x) {
    return 1 / (1 + exp(-x));
}

static double logit(double p) {
    return log(p / (1 - p));
}

static rn_status make_shape(shape *out, const char *name, double gamma) {
    rn_status status = rn_loss_named(&out->loss, name);
    if (status != RN_OK) return status;
    out->loss.alpha = -1;
    out->loss.gamma = (float)gamma;
    if (strcmp(name, "ce") == 0)
        snprintf(out->label, sizeof out->label, "ce");
    else
        snprintf(out->label, sizeof out->label, "%s \xce\xb3=%g", name, gamma);
    for (int i = 0; i < POINTS && status == RN_OK; i++)
        status = sample(&out->value[i], &out->slope[i], REACH * (2.0 * i / (POINTS - 1) - 1),
                        &out->loss);
    return status;
}

static void put_chart(FILE *file, const char *title, const char *x_label, const char *y_label,
                      const double *x, const shape *shapes, int n, bool slopes, double low,
                      double high) {
    lab_chart chart = {.title = title,
                       .x_label = x_label,
                       .y_label = y_label,
                       .min_y = low,
                       .max_y = high,
                       .n = n};
    for (int k = 0; k < n; k++)
        chart.lines[k] = (lab_line){.name = shapes[k].label,
                                    .x = x,
                                    .y = slopes ? shapes[k].slope : shapes[k].value,
                                    .n = POINTS};
    lab_svg_lines(file, &chart);
}

/* Slopes beyond p_t = .75 in shares of cross entropy's: what "flat" comes to. */
static rn_status put_table(FILE *file, const shape *shapes, int n) {
    static const double p_t[] = {0.5, 0.6, 0.75, 0.9, 0.95, 0.99};
    enum { N = sizeof p_t / sizeof *p_t };
    rn_status status = RN_OK;
    double value, slope;
    fputs("<h3>Slope in shares of cross entropy's</h3>\n<div class=\"wide\"><table "
          "class=\"keep\"><tr>"
          "<th>at p<sub>t</sub> =</th>",
          file);
    for (int i = 0; i < N; i++) fprintf(file, "<th class=\"n\">%g</th>", p_t[i]);
    fputs("</tr>\n", file);
    for (int k = 0; k < n && status == RN_OK; k++) {
        lab_html_text(file, "<tr><td>%s</td>", shapes[k].label);
        for (int i = 0; i < N && status == RN_OK; i++) {
            status = sample(&value, &slope, logit(p_t[i]), &shapes[k].loss);
            fprintf(file, "<td class=\"n\">%.4f</td>", slope / (p_t[i] - 1));
        }
        fputs("</tr>\n", file);
    }
    fputs("</table></div>\n", file);
    return status;
}

static rn_status put_conclusion(FILE *file, const shape *focal) {
    double value, middle = 0, at75 = 0, at95 = 0;
    rn_status status = sample(&value, &middle, 0, &focal->loss);
    if (status == RN_OK) status = sample(&value, &at75, logit(0.75), &focal->loss);
    if (status == RN_OK) status = sample(&value, &at95, logit(0.95), &focal->loss);
    fprintf(file,
            "<ul><li>Focal loss with &gamma; = 2 goes flat: at p<sub>t</sub> = .75 its slope is "
            "%.0f%% of cross entropy's, at .95 it is %.2g%%; from p<sub>t</sub> = .5 to .95 it "
            "falls by a factor of %.0f, cross entropy's by one of %.0f.</li></ul>\n",
            100 * at75 / (0.75 - 1), 100 * at95 / (0.95 - 1), middle / at95, 0.5 / 0.05);
    return status;
}

int lab_shapes(FILE *file) {
    static const struct {
        const char *name;
        double gamma;
    } known[] = {{"ce", 0},    {"focal", 0.5},    {"focal", 1},
                 {"focal", 2}, {"focal-star", 2}, {"slope-focal", 2}};
    enum { N = sizeof known / sizeof *known, FOCAL = 3 };
    static shape shapes[N];
    static double x[POINTS], p[POINTS];
    rn_status status = RN_OK;
    for (int i = 0; i < POINTS; i++) {
        x[i] = REACH * (2.0 * i / (POINTS - 1) - 1);
        p[i] = probability(x[i]);
    }
    for (int k = 0; k < N && status == RN_OK; k++)
        status = make_shape(&shapes[k], known[k].name, known[k].gamma);
    if (status != RN_OK) return cli_error(status);
    fputs("<section id=\"shapes\"><h2>A. Loss shapes and slopes</h2>\n"
          "<p>The losses of one logit, without &alpha;, from the library's own functions: "
          "x<sub>t</sub> = y x, p<sub>t</sub> = sigmoid(x<sub>t</sub>). The first plot is Figure 1 "
          "of the paper (Lin et al. 2017).</p>\n<div class=\"pair\">\n",
          file);
    put_chart(file, "Loss over probability (Figure 1)", "p_t, probability of the true class",
              "loss", p, shapes, N, false, 0, 5);
    put_chart(file, "Loss over logit", "x_t", "loss", x, shapes, N, false, 0, 6);
    put_chart(file, "Slope over logit", "x_t", "d loss / d x_t", x, shapes, N, true, -1.2, 0);
    put_chart(file, "Slope over probability", "p_t, probability of the true class",
              "d loss / d x_t", p, shapes, N, true, -1.2, 0);
    fputs("</div>\n", file);
    status = put_table(file, shapes, N);
    if (status == RN_OK) status = put_conclusion(file, &shapes[FOCAL]);
    fputs("</section>\n", file);
    return status == RN_OK ? 0 : cli_error(status);
}
