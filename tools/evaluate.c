/* evaluate: the twelve COCO numbers, of a model on a data set or of a results file. */
#include "cli.h"
#include "cli_files.h"

#include <inttypes.h>
#include <unistd.h>

enum { MODEL, SPLIT, JSON, THREADS, QUIET };

static const cli_option options[] = {
    {"model", 'm', "MODEL",
     "model file (default: the one that comes with the program, else $RETINANET_MODEL)"},
    {"split", 0, "NAME", "split of DATA (default: val, else valid, else test)"},
    {"json", 0, "FILE", "write the numbers with every digit to FILE, - for stdout"},
    {"threads", 0, "N", "threads (default: one a core)"},
    {"quiet", 'q', NULL, "say nothing on stderr but errors"}};

typedef struct request {
    const char *model, *split, *json;
    const char *inputs[2];
    int n_inputs, threads;
    bool quiet;
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
    printf("\n%-*s      AP    AP50\n", width, "class");
    for (size_t i = 0; i < r->n_classes; i++)
        printf("%-*s  %6.3f  %6.3f\n", width, r->classes[i].name, r->classes[i].ap,
               r->classes[i].ap50);
    printf("\nbest F1 %.3f at score %.3f; %zu images, %zu objects, %zu detections\n", r->best_f1,
           r->best_f1_score, r->n_images, r->n_objects, r->n_detections);
}

/* ---- and as JSON ---- */

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
        fprintf(out.file, ", \"AP\": %.17g, \"AP50\": %.17g}", r->classes[i].ap,
                r->classes[i].ap50);
    }
    fprintf(out.file,
            "],\n \"best_f1\": %.17g, \"best_f1_score\": %.17g,\n \"images\": %zu, \"objects\": "
            "%zu, \"detections\": %zu, \"ignored_detections\": %zu, \"unreadable_images\": %zu}\n",
            r->best_f1, r->best_f1_score, r->n_images, r->n_objects, r->n_detections, r->n_unknown,
            r->n_bad);
    return cli_output_close(&out);
}

/* ---- the command line ---- */

/* False with *code set if the numbers would replace a file that they are made of. */
static bool check_output(const request *r, int *code) {
    const char *const inputs[] = {r->inputs[0], r->inputs[1], r->model};
    for (size_t i = 0; r->json && i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i] && cli_same_file(r->json, inputs[i])) {
            *code = cli_usage_error("%s: the output would replace an input", r->json);
            return false;
        }
    return true;
}

/* False with *code set where the program ends at once. */
static bool parse(request *r, char **argv, int *code) {
    cli c;
    cli_open(&c, argv, "DATA [-m MODEL] [OPTIONS]\nGROUND_TRUTH.json DETECTIONS.json [OPTIONS]",
             options, sizeof options / sizeof *options);
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
            r->split = c.value;
            break;
        case JSON:
            r->json = c.value;
            break;
        case THREADS:
            ok = cli_int(&c, &r->threads, 1, 1024);
            break;
        default:
            r->quiet = true;
        }
        if (!ok) {
            *code = c.exit_code;
            return false;
        }
    }
    if (r->n_inputs == 1 || (r->n_inputs == 2 && !r->model && !r->split))
        return check_output(r, code);
    *code = cli_usage_error(r->n_inputs == 0 ? "want DATA, or GROUND_TRUTH.json DETECTIONS.json"
                                             : "two files take neither --model nor --split");
    return false;
}

int main(int argc, char **argv) {
    cli_screen screen = {.terminal = isatty(2)};
    const rn_hooks hooks = {
        .context = &screen, .message = cli_show_message, .progress = cli_show_progress};
    request r = {0};
    rn_report report = {0};
    rn_status status;
    char model[PATH_MAX];
    int code = 0;
    (void)argc;
    if (!parse(&r, argv, &code)) return cli_close(code);
    screen.quiet = r.quiet;
    if (r.n_inputs == 1 && !r.model) {
        if (!cli_default_model(model)) return cli_close(rn_status_exit_code(RN_EINPUT));
        r.model = model;
    }
    if (r.n_inputs == 2)
        status = rn_evaluate_files(&report, r.inputs[0], r.inputs[1], r.threads, &hooks);
    else
        status = rn_evaluate_model(&report, r.model, r.inputs[0], r.split, r.threads, &hooks);
    cli_end_progress(&screen);
    if (status != RN_OK) return cli_close(cli_error(status));
    if (!r.json || r.json[0] != '-' || r.json[1]) {
        print_stats(&report);
        print_classes(&report);
    }
    if (report.n_bad > 0 && !r.quiet)
        fprintf(stderr, "evaluate: %zu of %zu pictures could not be read\n", report.n_bad,
                report.n_images);
    if (r.json) code = write_json(r.json, &report);
    rn_report_free(&report);
    return cli_close(code);
}
