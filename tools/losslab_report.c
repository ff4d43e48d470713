/* losslab_report.c: tables, verdicts and plots of the experiments that were run. */
#include "losslab_html.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_RESULTS = 64, SHUFFLES = 2000 };

typedef struct report {
    lab_result *results[MAX_RESULTS];
    int n;
} report;

/* ---- reading ---- */

/* The seeds that the table has, by size. */
static void take_seeds(lab_result *r) {
    lab_experiment *e = &r->e;
    e->n_seeds = 0;
    for (size_t i = 0; i < r->table.n; i++) {
        const int seed = r->table.cells[i].seed;
        int k = e->n_seeds;
        bool known = false;
        for (int j = 0; j < e->n_seeds; j++) known = known || e->seeds[j] == seed;
        if (known || k == LAB_MAX_SEEDS) continue;
        for (; k > 0 && e->seeds[k - 1] > seed; k--) e->seeds[k] = e->seeds[k - 1];
        e->seeds[k] = seed;
        e->n_seeds++;
    }
}

/* A table without its experiment: arms by name, nothing claimed. */
static void take_names(lab_result *r) {
    lab_experiment *e = &r->e;
    e->name = e->title = r->table.experiment;
    e->question = e->prediction = "";
    for (size_t i = 0; i < r->table.n; i++) {
        bool known = false;
        for (int a = 0; a < e->n_arms; a++)
            known = known || strcmp(e->arms[a].name, r->table.cells[i].arm) == 0;
        if (!known && e->n_arms < LAB_MAX_ARMS)
            e->arms[e->n_arms++] = (lab_arm){.name = r->table.cells[i].arm, .after = -1};
    }
}

/* Rows of other settings than the experiment's say nothing of it. */
static int check_settings(const lab_result *r, const char *csv) {
    for (size_t i = 0; i < r->table.n && r->e.json; i++) {
        const lab_cell *cell = &r->table.cells[i];
        for (int a = 0; a < r->e.n_arms; a++) {
            if (strcmp(r->e.arms[a].name, cell->arm) != 0) continue;
            const unsigned long long hash = lab_arm_hash(&r->e, a);
            if (cell->hash == hash) continue;
            (void)cli_usage_error("%s: arm %s was made with other settings (%016llx) than those of "
                                  "%s.json (%016llx)",
                                  csv, cell->arm, (unsigned long long)cell->hash, r->e.name, hash);
            return LAB_EXIT_INPUT;
        }
    }
    return 0;
}

static int add_result(report *out, const char *csv) {
    char json[PATH_MAX + 8];
    if (out->n == MAX_RESULTS) return cli_usage_error("more than %d tables", MAX_RESULTS);
    lab_result *r = calloc(1, sizeof *r);
    if (!r) return cli_error(RN_ENOMEM);
    out->results[out->n++] = r;
    int code = lab_table_read(&r->table, csv);
    if (code) return code;
    snprintf(json, sizeof json, "%.*s.json", (int)(strlen(csv) - 4), csv);
    snprintf(r->folder, sizeof r->folder, "%s", csv);
    char *slash = strrchr(r->folder, '/');
    strcpy(slash ? slash : r->folder, slash ? "" : ".");
    if (access(json, F_OK) == 0)
        code = lab_experiment_read(&r->e, json);
    else
        take_names(r);
    if (code) return code;
    code = check_settings(r, csv);
    if (code) return code;
    take_seeds(r);
    for (int c = 0; c < r->e.n_claims; c++)
        lab_grid_of(&r->grids[c], &r->e, &r->table, r->e.claims[c].metric);
    lab_judge(r->findings, &r->e, r->grids);
    return 0;
}

static int add_folder(report *out, const char *folder) {
    char **tables;
    int n;
    int code = lab_list_tables(&tables, &n, folder);
    for (int i = 0; i < n && code == 0; i++) code = add_result(out, tables[i]);
    lab_free_tables(tables, n);
    if (n > 0 || code) return code;
    (void)cli_usage_error("%s: no tables (NAME.csv) in it", folder);
    return LAB_EXIT_INPUT;
}

static int add_input(report *out, const char *input) {
    struct stat info;
    if (stat(input, &info) != 0) {
        (void)cli_usage_error("%s: cannot open: %s", input, strerror(errno));
        return LAB_EXIT_INPUT;
    }
    if (S_ISDIR(info.st_mode)) return add_folder(out, input);
    const size_t n = strlen(input);
    if (n > 4 && strcmp(input + n - 4, ".csv") == 0) return add_result(out, input);
    return cli_usage_error("%s: want a folder or a table that ends in .csv", input);
}

static void free_report(report *r) {
    for (int i = 0; i < r->n; i++) {
        lab_experiment_free(&r->results[i]->e);
        lab_table_free(&r->results[i]->table);
        free(r->results[i]);
    }
}

/* ---- sentences ---- */

/* The arms of one side of claim c; where the best counts, the one that is best over all seeds. */
static void join_names(char out[256], const lab_result *r, int c, const int *arms, int n) {
    const lab_arm *known = r->e.arms;
    if (r->e.claims[c].best && n > 1) {
        const int best = lab_best_arm(&r->grids[c], arms, n, -1);
        snprintf(out, 256, "%s (the best of %d)", known[best].name, n);
        return;
    }
    out[0] = '\0';
    for (int i = 0; i < n; i++)
        snprintf(out + strlen(out), 256 - strlen(out), "%s%s", i ? ", " : "", known[arms[i]].name);
    if (n > 1) snprintf(out + strlen(out), 256 - strlen(out), " (mean)");
}

void lab_conclusion(char out[], size_t size, const lab_result *r, int c) {
    const lab_claim *claim = &r->e.claims[c];
    const lab_finding *f = &r->findings[c];
    const double unit = lab_metric_unit(claim->metric);
    char arms[256], over[256], than[600] = "";
    if (claim->n_arms2 > 0) {
        join_names(arms, r, c, claim->arms2, claim->n_arms2);
        join_names(over, r, c, claim->over2, claim->n_over2);
        snprintf(than, sizeof than, ", less that of %s minus that of %s", arms, over);
    }
    join_names(arms, r, c, claim->arms, claim->n_arms);
    join_names(over, r, c, claim->over, claim->n_over);
    int n = snprintf(out, size, "%s of %s minus that of %s%s: ", lab_metric_text(claim->metric),
                     arms, over, than);
    const size_t used = n > 0 && (size_t)n < size ? (size_t)n : size - 1;
    if (f->difference.n == 0)
        snprintf(out + used, size - used, "not measured yet");
    else if (f->difference.n == 1)
        snprintf(out + used, size - used, "%+.3g by one %s, which has no interval",
                 unit * f->difference.mean, r->e.folds ? "fold" : "seed");
    else
        snprintf(out + used, size - used,
                 "%+.3g (95%% interval %+.3g to %+.3g, %d paired %s, Holm's p %.2g)%s",
                 unit * f->difference.mean, unit * f->difference.low, unit * f->difference.high,
                 f->difference.n, r->e.folds ? "folds" : "seeds", f->p,
                 f->equivalent ? ", within the margin" : "");
}

static const char *verdict_class(lab_verdict verdict) {
    return verdict == LAB_HOLDS ? "holds" : verdict == LAB_HOLDS_NOT ? "not" : "unclear";
}

static void claim_text(char out[768], const lab_result *r, int c) {
    static const char *const signs[] = {"less than", "the same as", "more than"};
    const lab_claim *claim = &r->e.claims[c];
    char arms[256], over[256];
    join_names(arms, r, c, claim->arms, claim->n_arms);
    join_names(over, r, c, claim->over, claim->n_over);
    if (claim->text)
        snprintf(out, 768, "%s", claim->text);
    else
        snprintf(out, 768, "%s has %s %s in %s", arms, signs[claim->expect + 1], over,
                 lab_metric_text(claim->metric));
}

/* ---- tables ---- */

static void put_number(FILE *file, const lab_interval *v, double unit) {
    if (v->n == 0)
        fputs("<td class=\"n\">&ndash;</td>", file);
    else if (isnan(v->low))
        fprintf(file, "<td class=\"n\">%.3g</td>", unit * v->mean);
    else
        fprintf(file, "<td class=\"n\">%.3g &plusmn; %.2g</td>", unit * v->mean,
                unit * (v->high - v->mean));
}

static int count_diverged(const lab_result *r, int arm) {
    int n = 0;
    for (size_t i = 0; i < r->table.n; i++)
        n += r->table.cells[i].diverged && strcmp(r->table.cells[i].arm, r->e.arms[arm].name) == 0;
    return n;
}

static void put_table(FILE *file, const lab_result *r) {
    static const int columns[] = {
        LAB_METRIC_ap,  LAB_METRIC_ap50,          LAB_METRIC_ap75,
        LAB_METRIC_gap, LAB_METRIC_bg_loss_share, LAB_METRIC_bg_grad_share,
        LAB_METRIC_ece, LAB_METRIC_false_alarms};
    static const char *const heads[] = {
        "AP",     "AP50",        "AP75", "train &minus; val", "bg of loss, %", "bg of gradient, %",
        "ECE, %", "false alarms"};
    enum { N = sizeof columns / sizeof *columns };
    lab_grid grids[N];
    bool any[N] = {false};
    for (int k = 0; k < N; k++) {
        lab_grid_of(&grids[k], &r->e, &r->table, columns[k]);
        for (int a = 0; a < r->e.n_arms; a++) any[k] = any[k] || lab_arm_mean(&grids[k], a).n > 0;
    }
    fputs("<div class=\"wide\"><table class=\"keep\"><tr><th>arm</th><th class=\"n\">runs</th>",
          file);
    for (int k = 0; k < N; k++)
        if (any[k]) fprintf(file, "<th class=\"n\">%s</th>", heads[k]);
    fputs("</tr>\n", file);
    for (int a = 0; a < r->e.n_arms; a++) {
        const int diverged = count_diverged(r, a);
        lab_html_text(file, "<tr><td>%s", r->e.arms[a].name);
        if (diverged) fprintf(file, " <span class=\"not\">(%d diverged)</span>", diverged);
        fprintf(file, "</td><td class=\"n\">%d</td>", lab_arm_mean(&grids[0], a).n);
        for (int k = 0; k < N; k++) {
            const lab_interval v = lab_arm_mean(&grids[k], a);
            if (any[k]) put_number(file, &v, lab_metric_unit(columns[k]));
        }
        fputs("</tr>\n", file);
    }
    fputs("</table></div>\n<p class=\"soft\">Means over seeds &plusmn; half of their 95% interval "
          "(Student's t); AP in points of 100, false alarms a picture. A run that "
          "diverged counts as AP 0.</p>\n",
          file);
}

/* ---- plots ---- */

static void put_bars(FILE *file, const lab_result *r, int metric, const char *title,
                     const char *x_label, bool zero) {
    lab_grid grid;
    lab_bar bars[LAB_MAX_ARMS];
    int n = 0;
    lab_grid_of(&grid, &r->e, &r->table, metric);
    for (int a = 0; a < r->e.n_arms; a++) {
        for (int s = 0; s < grid.n_seeds; s++) grid.values[a][s] *= lab_metric_unit(metric);
        const lab_interval v = lab_arm_mean(&grid, a);
        if (v.n > 0)
            bars[n++] =
                (lab_bar){r->e.arms[a].name, v.mean, v.low, v.high, grid.values[a], grid.n_seeds};
    }
    if (n == 0) return;
    lab_svg_bars(file, title, x_label, bars, n, zero);
}

typedef struct points {
    const char *name;
    double x[LAB_MAX_ARMS], y[LAB_MAX_ARMS], low[LAB_MAX_ARMS], high[LAB_MAX_ARMS];
    int n;
} points;

static void add_point(points *p, double x, const lab_interval *v) {
    int i = p->n++;
    for (; i > 0 && p->x[i - 1] > x; i--) {
        p->x[i] = p->x[i - 1];
        p->y[i] = p->y[i - 1];
        p->low[i] = p->low[i - 1];
        p->high[i] = p->high[i - 1];
    }
    p->x[i] = x;
    p->y[i] = 100 * v->mean;
    p->low[i] = 100 * v->low;
    p->high[i] = 100 * v->high;
}

/* AP over the arms' x, a line a series. */
static void put_series(FILE *file, const lab_result *r) {
    static points series[LAB_MAX_LINES];
    lab_chart chart = {.title = "AP, with 95% intervals",
                       .x_label = r->e.x_label ? r->e.x_label : "x",
                       .y_label = "AP, points"};
    lab_grid grid;
    int n = 0;
    lab_grid_of(&grid, &r->e, &r->table, LAB_METRIC_ap);
    for (int a = 0; a < r->e.n_arms; a++) {
        const lab_arm *arm = &r->e.arms[a];
        const lab_interval v = lab_arm_mean(&grid, a);
        int k = 0;
        if (!arm->series || v.n == 0) continue;
        while (k < n && strcmp(series[k].name, arm->series) != 0) k++;
        if (k == LAB_MAX_LINES) continue;
        if (k == n) series[n++] = (points){.name = arm->series};
        add_point(&series[k], arm->x, &v);
    }
    if (n == 0) return;
    for (int k = 0; k < n; k++)
        chart.lines[chart.n++] = (lab_line){.name = series[k].name,
                                            .x = series[k].x,
                                            .y = series[k].y,
                                            .low = series[k].low,
                                            .high = series[k].high,
                                            .n = series[k].n,
                                            .dots = true};
    lab_svg_lines(file, &chart);
}

/* ---- sections ---- */

static void put_claims(FILE *file, const lab_result *r) {
    char text[2048], wanted[768];
    if (r->e.n_claims == 0) return;
    fputs("<h3>Conclusions</h3>\n<ul>\n", file);
    for (int c = 0; c < r->e.n_claims; c++) {
        const lab_verdict verdict = r->findings[c].verdict;
        claim_text(wanted, r, c);
        lab_conclusion(text, sizeof text, r, c);
        lab_html_text(file, "<li class=\"claim\"><b>%s</b>: <span class=\"tag %s\">%s</span>. %s.",
                      wanted, verdict_class(verdict), lab_verdict_text(verdict), text);
        fputs("</li>\n", file);
    }
    fputs("</ul>\n", file);
    const double rate = lab_false_alarm_rate(&r->e, r->grids, SHUFFLES, 1);
    if (rate >= 0 && r->e.n_seeds > 1)
        fprintf(file,
                "<p class=\"soft\">Control: with the arms' names shuffled within each seed, %d "
                "times, a difference was \"found\" in %.1f%% of the cases (at most about 5%% is "
                "what the method promises%s).</p>\n",
                SHUFFLES, 100 * rate,
                r->e.n_seeds < 4 ? "; with so few seeds few shuffles differ, so the rate is coarse"
                                 : "");
}

static void put_result(FILE *file, const lab_result *r) {
    const bool asks = r->e.question[0] || r->e.prediction[0];
    lab_html_text(file, "<section id=\"%s\"><h2>%s</h2>\n", r->e.name, r->e.title);
    if (asks)
        lab_html_text(file,
                      "<div class=\"ask\"><p><b>Question.</b> %s</p><p><b>Prediction, made before "
                      "the runs.</b> %s</p></div>\n",
                      r->e.question, r->e.prediction);
    put_claims(file, r);
    put_table(file, r);
    fputs("<div class=\"pair\">\n", file);
    put_series(file, r);
    put_bars(file, r, LAB_METRIC_ap, "AP by arm",
             "points; dot: mean, rings: seeds, line: 95% interval", false);
    put_bars(file, r, LAB_METRIC_bg_grad_share, "Background's share of the gradient", "%", true);
    put_bars(file, r, LAB_METRIC_gap, "AP on train minus AP on val", "points", true);
    fputs("</div>\n", file);
    lab_curves(file, r);
    lab_html_text(file,
                  "<p class=\"soft\">Again: <code>losslab run %s.json</code>; table: %s.csv</p>"
                  "</section>\n",
                  r->e.name, r->e.name);
}

/* "+5.1 (+2.5 to +7.5)" in the metric's unit; empty without a measurement. */
static void short_figure(char out[64], const lab_result *r, int c) {
    const lab_interval *d = &r->findings[c].difference;
    const double unit = lab_metric_unit(r->e.claims[c].metric);
    out[0] = '\0';
    if (d->n == 1) snprintf(out, 64, "%+.3g by one seed", unit * d->mean);
    if (d->n > 1)
        snprintf(out, 64, "%+.3g (%+.3g to %+.3g)", unit * d->mean, unit * d->low, unit * d->high);
}

/* A line a claim: experiment, verdict, figure, claim. */
static void print_verdicts(const report *all) {
    char wanted[768], figure[64];
    for (int i = 0; i < all->n; i++)
        for (int c = 0; c < all->results[i]->e.n_claims; c++) {
            const lab_result *r = all->results[i];
            claim_text(wanted, r, c);
            short_figure(figure, r, c);
            printf("%s\t%s\t%s\t%s\n", r->e.name, lab_verdict_text(r->findings[c].verdict), figure,
                   wanted);
        }
}

static void put_summary(FILE *file, const report *all) {
    int counts[3] = {0}, n = 0;
    char wanted[768], figure[64];
    for (int i = 0; i < all->n; i++)
        for (int c = 0; c < all->results[i]->e.n_claims; c++, n++)
            counts[all->results[i]->findings[c].verdict]++;
    if (n == 0) return;
    fprintf(file,
            "<section id=\"summary\"><p>%d claims: %d &times; holds, %d &times; does not hold, %d "
            "&times; cannot tell."
            "</p>\n<div class=\"wide\"><table><tr><th>experiment</th><th>claim</th>"
            "<th>verdict</th><th>difference, 95%% interval</th></tr>\n",
            n, counts[LAB_HOLDS], counts[LAB_HOLDS_NOT], counts[LAB_CANNOT_TELL]);
    for (int i = 0; i < all->n; i++)
        for (int c = 0; c < all->results[i]->e.n_claims; c++) {
            const lab_verdict verdict = all->results[i]->findings[c].verdict;
            claim_text(wanted, all->results[i], c);
            short_figure(figure, all->results[i], c);
            lab_html_text(file,
                          "<tr><td><a href=\"#%s\">%s</a></td><td>%s</td><td class=\"tag %s\">%s"
                          "</td><td>%s</td></tr>\n",
                          all->results[i]->e.name, all->results[i]->e.name, wanted,
                          verdict_class(verdict), lab_verdict_text(verdict), figure);
        }
    fputs("</table></div></section>\n", file);
}

int lab_report(const char *const *inputs, int n, const char *output) {
    report all = {.n = 0};
    cli_output page;
    int code = cli_output_check(output);
    for (int i = 0; i < n && code == 0; i++) code = add_input(&all, inputs[i]);
    if (code == 0) code = cli_output_open(&page, output);
    if (code == 0) {
        lab_html_begin(page.file);
        put_summary(page.file, &all);
        code = lab_shapes(page.file);
        for (int i = 0; i < all.n; i++) put_result(page.file, all.results[i]);
        lab_html_end(page.file);
        const int closed = cli_output_close(&page);
        code = code ? code : closed;
        if (code == 0 && strcmp(output, "-") != 0) print_verdicts(&all);
    }
    free_report(&all);
    return code;
}
