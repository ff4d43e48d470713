/* evaluate: the twelve COCO numbers, VOC's, curves and confusions of a model on a data set or of a
 * results file. */
#include "cli.h"
#include "cli_files.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODEL, SPLIT, JSON, RESULTS, PLOTS, THRESHOLD, SAVE_THRESHOLD, SET, THREADS, ISA, QUIET };

static const cli_option options[] = {
    {"model", 'm', "MODEL",
     "model file, ours or a .pth of PyTorch (default: the one that comes with the program, else "
     "$RETINANET_MODEL)"},
    {"split", 0, "NAME", "split of DATA (default: val, else valid, else test)"},
    {"json", 0, "FILE", "write the numbers with every digit to FILE, - for stdout"},
    {"results", 0, "FILE", "write the model's detections to FILE, as COCO results"},
    {"plots", 0, "FOLDER",
     "write precision-recall curves and the confusion matrix: pictures and CSV"},
    {"threshold", 't', "SCORE",
     "the confusion matrix counts detections from SCORE (default: where F1 is best)"},
    {"save-threshold", 0, NULL,
     "store the score where F1 is best in MODEL: detect shows boxes from there"},
    {"set", 0, "KEY=VALUE",
     "set a key of the model's configuration, e.g. bn_eps=0 or classes=cat,dog, for this run"},
    {"threads", 0, "N", "threads (default: one a core)"},
    {"isa", 0, "SET", "vector instructions: best (default), plain, avx2 or avx512"},
    {"quiet", 'q', NULL, "say nothing on stderr but errors"}};

typedef struct request {
    const char *model, *json, *plots;
    const char *inputs[2];
    int n_inputs;
    rn_evaluate_options options;
    bool save_threshold, quiet;
    cli_list set;
} request;

/* ---- the report as text ---- */

/* What each number measures, in the reference's words. */
static const struct {
    const char *metric, *area, *ious;
    int detections;
} lines[RN_COCO_STATS] = {
    {"(AP)", "all", "0.50:0.95", 100},    {"(AP)", "all", "0.50", 100},
    {"(AP)", "all", "0.75", 100},         {"(AP)", "small", "0.50:0.95", 100},
    {"(AP)", "medium", "0.50:0.95", 100}, {"(AP)", "large", "0.50:0.95", 100},
    {"(AR)", "all", "0.50:0.95", 1},      {"(AR)", "all", "0.50:0.95", 10},
    {"(AR)", "all", "0.50:0.95", 100},    {"(AR)", "small", "0.50:0.95", 100},
    {"(AR)", "medium", "0.50:0.95", 100}, {"(AR)", "large", "0.50:0.95", 100}};

static void print_stats(const rn_report *r) {
    for (int i = 0; i < RN_COCO_STATS; i++)
        printf(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
               lines[i].metric[2] == 'P' ? "Average Precision" : "Average Recall", lines[i].metric,
               lines[i].ious, lines[i].area, lines[i].detections, r->stats[i]);
}

static void print_classes(const rn_report *r) {
    int width = 5;
    for (size_t i = 0; i < r->n_classes; i++) {
        int length = 0;
        while (r->classes[i].name[length]) length++;
        if (length > width) width = length;
    }
    printf("\n%-*s      AP    AP50     VOC   VOC07      F1  at score\n", width, "class");
    for (size_t i = 0; i < r->n_classes; i++) {
        const rn_class_report *c = &r->classes[i];
        printf("%-*s  %6.3f  %6.3f  %6.3f  %6.3f  %6.3f    %6.3f\n", width, c->name, c->ap, c->ap50,
               c->voc_ap, c->voc07_ap, c->curve.best_f1, c->curve.best_f1_score);
    }
    printf("\nVOC AP %.3f over all points, %.3f over 11 points (VOC07), at IoU 0.50\n", r->voc_ap,
           r->voc07_ap);
    printf("best F1 %.3f at score %.3f; %zu images, %zu objects, %zu detections\n",
           r->curve.best_f1, r->curve.best_f1_score, r->n_images, r->n_objects, r->n_detections);
}

/* ---- and as JSON ---- */

/* The rest of a class's object. */
static void put_class(FILE *file, const rn_class_report *c) {
    fprintf(file,
            ", \"AP\": %.17g, \"AP50\": %.17g, \"VOC_AP\": %.17g, \"VOC07_AP\": %.17g, "
            "\"best_f1\": %.17g, \"best_f1_score\": %.17g, \"objects\": %zu}",
            c->ap, c->ap50, c->voc_ap, c->voc07_ap, c->curve.best_f1, c->curve.best_f1_score,
            c->curve.n_objects);
}

/* 0, or the exit code with the message out. */
static int write_json(const char *path, const rn_report *r) {
    cli_output out;
    const int code = cli_output_open(&out, path);
    if (code != 0) return code;
    fprintf(out.file, "{\"stats\": [");
    for (int i = 0; i < RN_COCO_STATS; i++)
        fprintf(out.file, "%s%.17g", i ? ", " : "", r->stats[i]);
    fprintf(out.file, "],\n \"per_class\": [");
    for (size_t i = 0; i < r->n_classes; i++) {
        fprintf(out.file, "%s\n  {\"category_id\": %" PRId64 ", \"name\": ", i ? "," : "",
                r->classes[i].category_id);
        cli_put_json_text(out.file, r->classes[i].name);
        put_class(out.file, &r->classes[i]);
    }
    fprintf(out.file,
            "],\n \"VOC_AP\": %.17g, \"VOC07_AP\": %.17g,\n \"best_f1\": %.17g, "
            "\"best_f1_score\": %.17g,\n \"images\": %zu, \"objects\": %zu, \"detections\": "
            "%zu, \"ignored_detections\": %zu, \"unreadable_images\": %zu}\n",
            r->voc_ap, r->voc07_ap, r->curve.best_f1, r->curve.best_f1_score, r->n_images,
            r->n_objects, r->n_detections, r->n_unknown, r->n_bad);
    return cli_output_close(&out);
}

/* ---- the command line ---- */

/* False with *code set if an output would replace what it is made of, or the other output. */
static bool check_outputs(const request *r, int *code) {
    const char *const outputs[] = {r->json, r->options.results};
    const char *const inputs[] = {r->inputs[0], r->inputs[1], r->model};
    for (size_t o = 0; o < 2; o++)
        for (size_t i = 0; outputs[o] && i < sizeof inputs / sizeof *inputs; i++)
            if (inputs[i] && cli_same_file(outputs[o], inputs[i])) {
                *code = cli_usage_error("%s: the output would replace an input", outputs[o]);
                return false;
            }
    if (!r->json || !r->options.results) return true;
    if (strcmp(r->json, r->options.results) != 0 && !cli_same_file(r->json, r->options.results))
        return true;
    *code = cli_usage_error("%s: two outputs would be one file", r->json);
    return false;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* False with *code set for options that do not go together. */
static bool check_request(const request *r, int *code) {
    const char *extra = r->model             ? "--model"
                        : r->options.results ? "--results"
                        : r->save_threshold  ? "--save-threshold"
                        : r->set.n > 0       ? "--set"
                        : r->options.isa     ? "--isa"
                                             : NULL;
    if (r->n_inputs == 0)
        *code = cli_usage_error("want DATA, or GROUND_TRUTH.json DETECTIONS.json");
    else if (r->n_inputs == 2 && extra)
        *code = cli_usage_error("DETECTIONS.json and %s do not go together", extra);
    else if (r->n_inputs == 2 && r->options.split && !is_folder(r->inputs[0]))
        *code = cli_usage_error("GROUND_TRUTH.json and --split do not go together");
    else if (r->save_threshold && !r->model) /* not into the one that comes with the program */
        *code = cli_usage_error("--save-threshold is for --model");
    else if (r->save_threshold && r->set.n > 0)
        *code = cli_usage_error("--save-threshold and --set do not go together");
    else if (r->options.results && strcmp(r->options.results, "-") == 0)
        *code = cli_usage_error("--results: got -, want a file: stdout has the numbers");
    else if (r->options.score >= 0 && !r->plots)
        *code = cli_usage_error("--threshold is for --plots");
    else
        return check_outputs(r, code);
    return false;
}

/* False with *code set where the program ends at once. */
static bool parse(request *r, char **argv, int *code) {
    cli c;
    cli_open(&c, argv,
             "DATA [-m MODEL] [OPTIONS]\nGROUND_TRUTH.json|DATA DETECTIONS.json [OPTIONS]", options,
             sizeof options / sizeof *options);
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        bool ok = true;
        switch (option) {
        case CLI_STOP:
            ok = false;
            break;
        case CLI_POSITIONAL:
            if (r->n_inputs == 2) {
                *code = cli_usage_error("got %s behind two files", c.value);
                return false;
            }
            r->inputs[r->n_inputs++] = c.value;
            break;
        case MODEL:
            r->model = c.value;
            break;
        case SPLIT:
            r->options.split = c.value;
            break;
        case JSON:
            r->json = c.value;
            break;
        case RESULTS:
            r->options.results = c.value;
            break;
        case PLOTS:
            r->plots = c.value;
            r->options.confusion = true;
            break;
        case THRESHOLD:
            ok = cli_double(&c, &r->options.score, 0, 1);
            break;
        case SAVE_THRESHOLD:
            r->save_threshold = true;
            break;
        case SET:
            ok = cli_append(&c, &r->set);
            break;
        case THREADS:
            ok = cli_int(&c, &r->options.threads, 1, 1024);
            break;
        case ISA:
            r->options.isa = c.value;
            break;
        default:
            r->quiet = true;
        }
        if (!ok) {
            *code = c.exit_code;
            return false;
        }
    }
    return check_request(r, code);
}

/* 0, or the exit code with the message out. */
static int save_threshold(const char *model, const rn_curve *curve) {
    if (curve->best_f1 == 0) {
        (void)cli_usage_error("%s: nothing was found: no threshold to save", model);
        return rn_status_exit_code(RN_EINPUT);
    }
    const rn_status status = rn_model_set_show_threshold(model, curve->best_f1_score);
    return status == RN_OK ? 0 : cli_error(status);
}

/* What cannot be written shows before the work, not behind it. 0, or the exit code with the message
 * out. */
static int check_places(const request *r) {
    const char *const files[] = {r->json, r->options.results, r->save_threshold ? r->model : NULL};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const int code = files[i] ? cli_output_check(files[i]) : 0;
        if (code != 0) return code;
    }
    return r->plots ? cli_folder_check(r->plots) : 0;
}

/* All that is asked for besides the text. */
static int write_files(const request *r, const rn_report *report) {
    int code = r->json ? write_json(r->json, report) : 0;
    if (code == 0 && r->plots) {
        const rn_status status = rn_report_write(report, r->plots);
        if (status != RN_OK) code = cli_error(status);
    }
    if (code == 0 && r->save_threshold) code = save_threshold(r->model, &report->curve);
    return code;
}

int main(int argc, char **argv) {
    cli_screen screen = {.terminal = isatty(2)};
    const rn_hooks hooks = {
        .context = &screen, .message = cli_show_message, .progress = cli_show_progress};
    request r = {.options = RN_EVALUATE_OPTIONS_DEFAULT};
    rn_report report = {0};
    rn_status status;
    char model[PATH_MAX];
    int code = 0;
    (void)argc;
    if (!parse(&r, argv, &code)) return cli_close(code);
    if ((code = check_places(&r)) != 0) return cli_close(code);
    r.options.set = r.set.texts;
    screen.quiet = r.quiet;
    if (r.n_inputs == 1 && !r.model) {
        if (!cli_default_model(model)) return cli_close(rn_status_exit_code(RN_EINPUT));
        r.model = model;
    }
    if (r.n_inputs == 2)
        status = rn_evaluate_files(&report, r.inputs[0], r.inputs[1], &r.options, &hooks);
    else
        status = rn_evaluate_model(&report, r.model, r.inputs[0], &r.options, &hooks);
    cli_end_progress(&screen);
    if (status != RN_OK) return cli_close(cli_error(status));
    if (!r.json || r.json[0] != '-' || r.json[1]) {
        print_stats(&report);
        print_classes(&report);
    }
    if (report.n_bad > 0 && !r.quiet)
        fprintf(stderr, "evaluate: %zu of %zu pictures could not be read\n", report.n_bad,
                report.n_images);
    code = write_files(&r, &report);
    rn_report_free(&report);
    return cli_close(code);
}
