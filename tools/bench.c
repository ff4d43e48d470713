/* bench: how fast the network is on this machine, through the very code that detect and train run.
 */
#include "cli.h"
#include "cli_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRESET, SIZE, BATCH, CLASSES, THREADS, RUNS, JSON, QUIET };

static const cli_option options[] = {
    {"preset", 0, "NAME|FILE.json", "network: nano, small, r18 (default), r50"},
    {"size", 0, "S|HxW", "input in pixels (default 320)"},
    {"batch", 0, "N", "pictures a training step (default 1)"},
    {"classes", 0, "K", "classes (default 91)"},
    {"threads", 0, "N", "threads (default: one a core)"},
    {"runs", 0, "N", "timed runs, behind one that is not (default 10)"},
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

static bool take_option(cli *c, int option, rn_bench_options *o, const char **json) {
    switch (option) {
    case PRESET:
        o->preset = c->value;
        return true;
    case SIZE:
        return parse_size(c, o);
    case BATCH:
        return cli_int(c, &o->batch, 1, 1024);
    case CLASSES:
        return cli_int(c, &o->classes, 1, 10000);
    case THREADS:
        return cli_int(c, &o->threads, 1, 1024);
    case RUNS:
        return cli_int(c, &o->runs, 1, 100000);
    case JSON:
        *json = c->value;
        return true;
    default:
        return true; /* QUIET */
    }
}

/* 0, or the exit code with the message out. */
static int write_json(const char *path, const rn_bench_result *r) {
    cli_output out;
    const int code = cli_output_open(&out, path);
    if (code != 0) return code;
    fprintf(out.file,
            "{\"ms_best\": %.3f, \"ms_median\": %.3f, \"images_per_s\": %.4f, \"gflop\": %.4f, "
            "\"peak_mb\": %.1f, \"planned_mb\": %.1f}\n",
            r->ms_best, r->ms_median, r->images_per_s, r->gflop, r->peak_mb, r->planned_mb);
    return cli_output_close(&out);
}

int main(int argc, char **argv) {
    rn_bench_options o = RN_BENCH_OPTIONS_DEFAULT;
    rn_bench_result r;
    const char *mode = NULL, *json = NULL;
    cli c;
    (void)argc;
    cli_open(&c, argv, "infer|train [OPTIONS]", options, sizeof options / sizeof *options);
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        if (option == CLI_STOP) return cli_close(c.exit_code);
        if (option == CLI_POSITIONAL) {
            if (mode) return cli_close(cli_usage_error("one of infer and train is enough"));
            mode = c.value;
        } else if (!take_option(&c, option, &o, &json)) {
            return cli_close(c.exit_code);
        }
    }
    const bool train = mode && strcmp(mode, "train") == 0;
    if (!mode || (!train && strcmp(mode, "infer") != 0))
        return cli_close(cli_usage_error("want infer or train"));
    if (json && o.preset && cli_same_file(json, o.preset))
        return cli_close(cli_usage_error("%s: the output would replace an input", json));
    const rn_status status = train ? rn_bench_train(&r, &o) : rn_bench_infer(&r, &o);
    if (status != RN_OK) return cli_close(cli_error(status));
    if (json && strcmp(json, "-") == 0) return cli_close(write_json(json, &r));
    printf("%s %s %dx%d, batch %d, %d classes: best %.1f ms, median %.1f ms, %.2f images/s, %.1f "
           "GFLOP, "
           "%.0f GFLOPS, peak %.0f MB (planned %.0f MB)\n",
           mode, o.preset ? o.preset : "r18", o.height, o.width, train ? o.batch : 1, o.classes,
           r.ms_best, r.ms_median, r.images_per_s, r.gflop, r.gflop / r.ms_best * 1e3, r.peak_mb,
           r.planned_mb);
    return cli_close(json ? write_json(json, &r) : 0);
}
