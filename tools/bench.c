/* bench: how fast the network is on this machine, through the very code that detect and train run.
 */
#include "cli.h"
#include "cli_files.h"

#include <stdio.h>
#include <string.h>

enum {
    PRESET,
    MODEL,
    SET,
    SIZE,
    BATCH,
    CLASSES,
    THREADS,
    ISA,
    RUNS,
    INPUT,
    OUTPUTS,
    DATA,
    JSON,
    QUIET
};

static const cli_option options[] = {
    {"preset", 0, "NAME|FILE.json", "network: nano, small, r18 (default), r50"},
    {"model", 'm', "FILE", "weights and configuration of this model, in place of a preset's"},
    {"set", 0, "KEY=VALUE", "set a key of the configuration, in training any of its options too"},
    {"size", 0, "S|HxW", "input in pixels (default 320)"},
    {"batch", 0, "N", "pictures a training step (default 1)"},
    {"classes", 0, "K", "classes (default 91)"},
    {"threads", 0, "N", "threads (default: one a core)"},
    {"isa", 0, "SET", "vector instructions: best (default), plain, avx2 or avx512"},
    {"runs", 0, "N", "timed runs, behind one that is not (default 10)"},
    {"input", 0, "FILE", "floats [batch, height, width, 3] in place of noise"},
    {"outputs", 0, "FILE", "infer: write what the heads gave, and the boxes, as floats"},
    {"data", 0, "DATA", "train: let the loader prepare this set's pictures, as training does"},
    {"json", 0, "FILE", "write the figures to FILE, - for stdout"},
    {"quiet", 'q', NULL, "say nothing on stderr but errors"}};

/* "320" or "800x1216": height x width. */
static bool parse_size(cli *c, rn_bench_options *o) {
    const char *cross = strchr(c->value, 'x');
    const char *whole = c->value;
    char height[16];
    if (!cross) {
        if (!cli_int(c, &o->height, 32, 8192)) return false;
        o->width = o->height;
        return true;
    }
    snprintf(height, sizeof height, "%.*s", (int)(cross - whole), whole);
    c->value = height;
    if (!cli_int(c, &o->height, 32, 8192)) return false;
    c->value = cross + 1;
    return cli_int(c, &o->width, 32, 8192);
}

typedef struct job {
    rn_bench_options options;
    cli_list set;
    const char *json;
    bool train;
} job;

static bool take_option(cli *c, int option, job *j) {
    rn_bench_options *o = &j->options;
    switch (option) {
    case PRESET:
        o->preset = c->value;
        return true;
    case MODEL:
        o->model = c->value;
        return true;
    case SET:
        return cli_append(c, &j->set);
    case SIZE:
        return parse_size(c, o);
    case BATCH:
        return cli_int(c, &o->batch, 1, 1024);
    case CLASSES:
        return cli_int(c, &o->classes, 1, 10000);
    case THREADS:
        return cli_int(c, &o->threads, 1, 1024);
    case ISA:
        o->isa = c->value;
        return true;
    case RUNS:
        return cli_int(c, &o->runs, 1, 100000);
    case INPUT:
        o->input = c->value;
        return true;
    case OUTPUTS:
        o->outputs = c->value;
        return true;
    case DATA:
        o->data = c->value;
        return true;
    case JSON:
        j->json = c->value;
        return true;
    default:
        return true; /* QUIET */
    }
}

/* 0, or the exit code with the message out. */
static int check_usage(const job *j, const char *mode) {
    const rn_bench_options *o = &j->options;
    const char *const read[] = {o->preset, o->model, o->input, o->data};
    const char *const written[] = {j->json, o->outputs};
    if (!mode || (!j->train && strcmp(mode, "infer") != 0))
        return cli_usage_error("want infer or train");
    if (o->preset && o->model) return cli_usage_error("one of --preset and --model is enough");
    if (j->train && o->outputs) return cli_usage_error("--outputs is for infer");
    if (!j->train && o->data) return cli_usage_error("--data is for train");
    if (o->data && o->input) return cli_usage_error("one of --data and --input is enough");
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        for (size_t k = 0; k < sizeof read / sizeof *read; k++)
            if (written[i] && read[k] && cli_same_file(written[i], read[k]))
                return cli_usage_error("%s: the output would replace an input", written[i]);
    return 0;
}

/* GFLOPS of so much work in so many ms; 0 where there is none of either. */
static double speed(double gflop, double ms) {
    return ms > 0 ? 1e3 * gflop / ms : 0;
}

/* 0, or the exit code with the message out. */
static int write_json(const job *j, const rn_bench_result *r) {
    cli_output out;
    const int code = cli_output_open(&out, j->json);
    if (code != 0) return code;
    fprintf(
        out.file,
        "{\"ms_best\": %.3f, \"ms_median\": %.3f, \"images_per_s\": %.4f, \"gflop\": %.4f, "
        "\"peak_mb\": %.1f, \"planned_mb\": %.1f, \"peak_gflops\": %.1f, \"forward_ms\": %.3f, ",
        r->ms_best, r->ms_median, r->images_per_s, r->gflop, r->peak_mb, r->planned_mb,
        r->peak_gflops, r->forward_ms);
    if (j->train)
        fprintf(
            out.file,
            "\"criterion_ms\": %.3f, \"backward_ms\": %.3f, \"optimizer_ms\": %.3f, "
            "\"loader_ms\": %.3f, \"cls_loss\": %.9g, \"box_loss\": %.9g, \"grad_norm\": %.9g, ",
            r->criterion_ms, r->backward_ms, r->optimizer_ms, r->loader_ms, r->cls_loss,
            r->box_loss, r->grad_norm);
    else
        fprintf(out.file, "\"postprocess_ms\": %.3f, \"boxes\": %zu, ", r->postprocess_ms,
                r->boxes);
    fprintf(out.file, "\"kinds\": [");
    for (size_t i = 0; i < r->n_kinds; i++) {
        const rn_bench_kind *k = &r->kinds[i];
        fprintf(
            out.file,
            "%s{\"name\": \"%s\", \"layers\": %d, \"forward_ms\": %.3f, \"forward_gflops\": %.1f",
            i ? ", " : "", k->name, k->layers, k->forward_ms,
            speed(k->forward_gflop, k->forward_ms));
        if (j->train)
            fprintf(out.file, ", \"backward_ms\": %.3f, \"backward_gflops\": %.1f", k->backward_ms,
                    speed(k->backward_gflop, k->backward_ms));
        fprintf(out.file, "}");
    }
    fprintf(out.file, "]}\n");
    return cli_output_close(&out);
}

/* ms, GFLOPS and share of the peak of one walk over one kind; blanks for what has no GFLOPS. */
static void print_walk(double ms, double gflop, double peak) {
    const double gflops = speed(gflop, ms);
    if (gflops > 0)
        printf("  %8.2f  %6.0f  %4.0f%%", ms, gflops, 100 * gflops / peak);
    else
        printf("  %8.2f  %6s  %5s", ms, "", "");
}

/* The table by kind of layer and the other parts, of the fastest run. */
static void print_parts(bool train, const rn_bench_result *r) {
    printf("%s: %.0f GFLOPS at most (fused multiply-adds, measured)\n\n", r->peak_isa,
           r->peak_gflops);
    printf("%-22s %4s  %8s  %6s  %5s", "layers", "", train ? "forward" : "ms", "GFLOPS", "peak");
    if (train) printf("  %8s  %6s  %5s", "backward", "GFLOPS", "peak");
    printf("\n");
    for (size_t i = 0; i < r->n_kinds; i++) {
        const rn_bench_kind *k = &r->kinds[i];
        printf("%-22s %4d", k->name, k->layers);
        print_walk(k->forward_ms, k->forward_gflop, r->peak_gflops);
        if (train) print_walk(k->backward_ms, k->backward_gflop, r->peak_gflops);
        printf("\n");
    }
    if (!train) {
        printf("\nforward %.1f ms, post-processing %.1f ms (%zu boxes)\n", r->forward_ms,
               r->postprocess_ms, r->boxes);
        return;
    }
    printf("\nforward %.1f ms, matching and losses %.1f ms, backward %.1f ms, optimizer %.1f ms; "
           "waiting for the loader %.1f ms a step (%.1f%%)\n",
           r->forward_ms, r->criterion_ms, r->backward_ms, r->optimizer_ms, r->loader_ms,
           100 * r->loader_ms / (r->loader_ms + r->ms_median));
    printf("first step: class loss %.4f, box loss %.4f, gradient norm %.4f\n", r->cls_loss,
           r->box_loss, r->grad_norm);
}

int main(int argc, char **argv) {
    job j = {.options = RN_BENCH_OPTIONS_DEFAULT};
    rn_bench_options *o = &j.options;
    rn_bench_result r;
    const char *mode = NULL;
    cli c;
    int code;
    (void)argc;
    cli_open(&c, argv, "infer|train [OPTIONS]", options, sizeof options / sizeof *options);
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        if (option == CLI_STOP) return cli_close(c.exit_code);
        if (option == CLI_POSITIONAL) {
            if (mode) return cli_close(cli_usage_error("one of infer and train is enough"));
            mode = c.value;
        } else if (!take_option(&c, option, &j)) {
            return cli_close(c.exit_code);
        }
    }
    j.train = mode && strcmp(mode, "train") == 0;
    if ((code = check_usage(&j, mode)) != 0) return cli_close(code);
    o->set = j.set.texts;
    const rn_status status = j.train ? rn_bench_train(&r, o) : rn_bench_infer(&r, o);
    if (status != RN_OK) return cli_close(cli_error(status));
    if (j.json && strcmp(j.json, "-") == 0) return cli_close(write_json(&j, &r));
    printf("%s %s %dx%d, batch %d, %zu classes: best %.1f ms, median %.1f ms, %.2f images/s, %.1f "
           "GFLOP, "
           "%.0f GFLOPS, peak %.0f MB (planned %.0f MB)\n",
           mode,
           o->model    ? o->model
           : o->preset ? o->preset
                       : "r18",
           r.height, r.width, j.train ? o->batch : 1, r.classes, r.ms_best, r.ms_median,
           r.images_per_s, r.gflop, r.gflop / r.ms_best * 1e3, r.peak_mb, r.planned_mb);
    print_parts(j.train, &r);
    return cli_close(j.json ? write_json(&j, &r) : 0);
}
