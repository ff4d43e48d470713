/* losslab_measure.c: what is said of a run that has ended. */
#include "losslab_run.h"

#include <retinanet_lab.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- results.csv ---- */

/* Column `name` of a csv file's header; -1 for none. */
static int find_column(const char *header, const char *name) {
    const size_t size = strlen(name);
    for (int i = 0;; i++) {
        const size_t n = strcspn(header, ",\n");
        if (n == size && strncmp(header, name, n) == 0) return i;
        if (header[n] != ',') return -1;
        header += n + 1;
    }
}

/* Cell `i` of a row, from 0; NULL where there is none. */
static const char *cell_at(const char *row, int i) {
    for (; i > 0 && row; i--) row = strchr(row, ',') ? strchr(row, ',') + 1 : NULL;
    return i < 0 ? NULL : row;
}

static double column(const char *row, int i) {
    const char *cell = cell_at(row, i);
    return !cell || *cell == ',' || *cell == '\n' ? (double)NAN : strtod(cell, NULL);
}

/* The losses at the end, and when val was best. */
static void read_results(lab_cell *cell, const char *run) {
    char path[PATH_MAX + 32], line[1024], header[1024] = "";
    double best = -1;
    snprintf(path, sizeof path, "%s/results.csv", run);
    FILE *file = fopen(path, "r");
    if (!file) return;
    if (!fgets(header, sizeof header, file)) header[0] = '\0';
    const int epoch = find_column(header, "epoch"), step = find_column(header, "step");
    const int seconds = find_column(header, "seconds"), ap = find_column(header, "val_ap");
    const int cls = find_column(header, "cls_loss"), box = find_column(header, "box_loss");
    while (fgets(line, sizeof line, file)) {
        const double value = column(line, ap);
        cell->values[LAB_METRIC_steps] = column(line, step);
        cell->values[LAB_METRIC_seconds] = column(line, seconds);
        cell->values[LAB_METRIC_cls_loss] = column(line, cls);
        cell->values[LAB_METRIC_box_loss] = column(line, box);
        if (!(value > best)) continue;
        best = value;
        cell->values[LAB_METRIC_best_epoch] = column(line, epoch);
    }
    fclose(file);
}

/* ---- curves ---- */

enum { CURVES_PATH = PATH_MAX + 2 * LAB_NAME + 32 };

/* DIR/NAME-curves/ARM.KIND, its folder made. */
static int curves_path(char out[CURVES_PATH], const char *folder, const char *name, const char *arm,
                       const char *kind) {
    snprintf(out, CURVES_PATH, "%s/%s-curves", folder, name);
    const int code = lab_make_folders(out);
    snprintf(out, CURVES_PATH, "%s/%s-curves/%s.%s", folder, name, arm, kind);
    return code;
}

/* Shares of a run's epochs, of all levels and by level; without the files there are none. */
static void put_shares(FILE *out, const char *run) {
    char path[PATH_MAX + 32], line[1024];
    snprintf(path, sizeof path, "%s/results.csv", run);
    FILE *file = fopen(path, "r");
    if (file && fgets(line, sizeof line, file)) {
        const int loss = find_column(line, "bg_loss_share");
        const int gradient = find_column(line, "bg_grad_share");
        while (fgets(line, sizeof line, file)) {
            const double epoch = column(line, 0);
            const double values[] = {column(line, loss), column(line, gradient)};
            static const char *const names[] = {"loss", "gradient"};
            for (int i = 0; i < 2; i++)
                if (!isnan(values[i]))
                    fprintf(out, "%s,%g,%.5g,%.5g\n", names[i], epoch, 1 - values[i], values[i]);
        }
    }
    if (file) fclose(file);
    snprintf(path, sizeof path, "%s/dominance.csv", run);
    file = fopen(path, "r");
    if (file && fgets(line, sizeof line, file)) {
        const int level = find_column(line, "level"), gradient = find_column(line, "bg_grad_share");
        while (fgets(line, sizeof line, file)) {
            const double share = column(line, gradient);
            const char *name = cell_at(line, level);
            if (name && !isnan(share))
                fprintf(out, "gradient %.2s,%g,%.5g,%.5g\n", name, column(line, 0), 1 - share,
                        share);
        }
    }
    if (file) fclose(file);
}

static int write_curves(const rn_lab_report *report, const lab_experiment *e, int arm,
                        const char *run, const char *folder) {
    char path[CURVES_PATH];
    cli_output output;
    int code = curves_path(path, folder, e->name, e->arms[arm].name, "csv");
    if (code == 0) code = cli_output_open(&output, path);
    if (code) return code;
    fputs("curve,x,foreground,background\n", output.file);
    for (int g = 0; g < RN_LAB_GAMMAS; g++)
        for (int i = 0; i < RN_LAB_POINTS; i++)
            fprintf(output.file, "figure4 %g,%d,%.5g,%.5g\n", report->curves[g].gamma, i,
                    report->curves[g].foreground[i], report->curves[g].background[i]);
    for (int i = 0; i < RN_LAB_NORM_BINS; i++)
        fprintf(output.file, "norms,%.5g,%zu,%zu\n", (i + 0.5) / RN_LAB_NORM_BINS,
                report->foreground_norms[i], report->background_norms[i]);
    for (int i = 0; i < RN_LAB_SCORE_BINS; i++) /* precision, and the detections it is of */
        if (report->reliability[i].n > 0)
            fprintf(output.file, "reliability,%.5g,%.5g,%zu\n", report->reliability[i].score,
                    report->reliability[i].precision, report->reliability[i].n);
    put_shares(output.file, run);
    return cli_output_close(&output);
}

static int copy_file(const char *from, const char *to) {
    char buffer[1 << 14];
    cli_output output;
    FILE *file = fopen(from, "rb");
    if (!file) return 0; /* a diverged run has none */
    int code = cli_output_open(&output, to);
    if (code == 0) {
        for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;)
            fwrite(buffer, 1, n, output.file);
        const bool read = !ferror(file);
        code = cli_output_close(&output);
        if (code == 0 && !read) code = lab_cannot_read(from);
    }
    fclose(file);
    return code;
}

int lab_copy_curves(const char *folder, const char *from, const char *from_arm, const char *to,
                    const char *to_arm) {
    static const char *const kinds[] = {"csv", "jpg"};
    char source[CURVES_PATH], target[CURVES_PATH];
    int code = 0;
    for (int i = 0; i < 2 && code == 0; i++) {
        code = curves_path(target, folder, to, to_arm, kinds[i]);
        if (code == 0) code = curves_path(source, folder, from, from_arm, kinds[i]);
        if (code == 0) code = copy_file(source, target);
    }
    return code;
}

/* ---- false alarms ---- */

/* False detections a picture at the threshold where F1 is best. */
static double false_alarms(const rn_report *report) {
    size_t n = 0;
    for (size_t i = 0; i < report->curve.n; i++)
        if (report->curve.points[i].score >= report->curve.best_f1_score)
            n = report->curve.points[i].n_false;
    return report->n_images > 0 ? (double)n / (double)report->n_images : (double)NAN;
}

/* ---- the whole ---- */

/* A measure that a set has not comes as -1. */
static double known(double value) {
    return value < 0 ? (double)NAN : value;
}

/* The value of a setting; `initial` where it is not set. */
static const char *setting(const lab_arm *arm, const char *plain, const char *initial) {
    for (int i = 0; i < arm->n_settings; i++) {
        char key[LAB_NAME];
        lab_plain_key(key, arm->settings[i].key);
        if (strcmp(key, plain) == 0) return arm->settings[i].value;
    }
    return initial;
}

/* AP on the pictures that were trained on: of the split that is named, else train, else trainval.
 */
static rn_status measure_train(lab_cell *cell, const lab_experiment *e, int arm, const char *model,
                               const char *data, rn_evaluate_options *options) {
    const char *named = setting(&e->arms[arm], "train_split", NULL);
    rn_report report = {0};
    char fold[64];
    snprintf(fold, sizeof fold, "fold%d_train", cell->seed);
    options->split = e->folds ? fold : named ? named : "train";
    rn_status status = rn_evaluate_model(&report, model, data, options, NULL);
    if (status == RN_EINPUT && !e->folds && !named) {
        options->split = "trainval";
        status = rn_evaluate_model(&report, model, data, options, NULL);
    }
    if (status == RN_OK) {
        cell->values[LAB_METRIC_train_ap] = known(report.stats[0]);
        cell->values[LAB_METRIC_gap] =
            cell->values[LAB_METRIC_train_ap] - cell->values[LAB_METRIC_ap];
    }
    rn_report_free(&report);
    return status;
}

static int measure_model(lab_cell *cell, const lab_experiment *e, int arm, const char *data,
                         const char *run, const lab_run_options *o) {
    rn_evaluate_options options = RN_EVALUATE_OPTIONS_DEFAULT;
    rn_lab_options lab_options = RN_LAB_OPTIONS_DEFAULT;
    rn_report report = {0};
    char model[PATH_MAX + 32], detections[PATH_MAX + 32], picture[CURVES_PATH], val[64];
    const bool first = cell->seed == e->first_seed;
    double *values = cell->values;
    rn_lab_report *lab = calloc(1, sizeof *lab);
    if (!lab) return cli_error(RN_ENOMEM);
    snprintf(model, sizeof model, "%s/best.safetensors", run);
    if (access(model, F_OK) != 0) {
        free(lab);
        return cli_usage_error("arm %s was not validated once: no val, or max-steps before that",
                               cell->arm);
    }
    snprintf(val, sizeof val, "%s", setting(&e->arms[arm], "val_split", ""));
    if (e->folds) snprintf(val, sizeof val, "fold%d_val", cell->seed);
    snprintf(detections, sizeof detections, "%s/detections.json", run);
    if (first) options.results = detections;
    options.threads = lab_options.threads = o->threads;
    if (val[0]) options.split = lab_options.split = val;
    rn_status status = rn_evaluate_model(&report, model, data, &options, NULL);
    if (status == RN_OK) {
        values[LAB_METRIC_ap] = known(report.stats[0]);
        values[LAB_METRIC_ap50] = known(report.stats[1]);
        values[LAB_METRIC_ap75] = known(report.stats[2]);
        values[LAB_METRIC_false_alarms] = false_alarms(&report);
        status = rn_lab_measure(lab, model, data, &lab_options, NULL);
    }
    if (status == RN_OK) {
        values[LAB_METRIC_ece] = known(lab->ece);
        values[LAB_METRIC_bg_loss_share] = known(lab->all.bg_loss_share);
        values[LAB_METRIC_bg_grad_share] = known(lab->all.bg_grad_share);
    }
    options.results = NULL;
    if (status == RN_OK) status = measure_train(cell, e, arm, model, data, &options);
    int code = status == RN_OK ? 0 : cli_error(status);
    if (code == 0 && first)
        code = curves_path(picture, o->folder, e->name, e->arms[arm].name, "jpg");
    /* The run counts without a picture too: what was wrong has been said. */
    if (code == 0 && first && e->arms[arm].data.path)
        (void)lab_draw_alarms(picture, data, e->folds, val, model, detections, o->folder);
    else if (code == 0 && first)
        (void)lab_draw_empty(picture, model, &e->arms[arm].data.scenes);
    if (code == 0 && first) code = write_curves(lab, e, arm, run, o->folder);
    rn_report_free(&report);
    free(lab);
    return code;
}

int lab_measure_cell(lab_cell *cell, const lab_experiment *e, int arm, const char *data,
                     const char *run, const lab_run_options *o) {
    for (int i = 0; i < LAB_N_METRICS; i++) cell->values[i] = NAN;
    read_results(cell, run);
    if (!cell->diverged) return measure_model(cell, e, arm, data, run, o);
    /* What it had learnt until then is no result: who trains gets nothing. */
    cell->values[LAB_METRIC_ap] = cell->values[LAB_METRIC_ap50] = 0;
    cell->values[LAB_METRIC_ap75] = 0;
    cell->values[LAB_METRIC_best_epoch] = NAN;
    return 0;
}
