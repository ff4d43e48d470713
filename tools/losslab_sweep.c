/* losslab_sweep.c: gamma and alpha by cross-validation, and whether focusing pays on this data: an
 * experiment that is written here. */
#include "losslab_run.h"
#include "losslab_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_VALUES = 16 };

/* Values of "0,0.5,2", as they are written. */
typedef struct values {
    char texts[MAX_VALUES][16];
    int n;
} values;

static int take_values(values *out, const char *name, const char *list, double low, double high,
                       bool open) {
    out->n = 0;
    while (out->n < MAX_VALUES) {
        const size_t size = strcspn(list, ",");
        char *end, *text = out->texts[out->n];
        snprintf(text, sizeof out->texts[0], "%.*s", size < 15 ? (int)size : 15, list);
        const double value = strtod(text, &end);
        const bool number = size > 0 && size < 15 && !*end && !text[strspn(text, "0123456789.")];
        if (!number || value < low || value > high || (open && (value == low || value == high)))
            return cli_usage_error("--%s: got \"%.*s\", want %s", name, (int)size, list,
                                   open ? "numbers between 0 and 1, such as 0.25,0.5"
                                        : "numbers from 0 to 10, such as 0,0.5,2");
        snprintf(text, sizeof out->texts[0], "%.9g", value); /* ".5" is 0.5 */
        out->n++;
        if (!list[size]) return 0;
        list += size + 1;
    }
    return cli_usage_error("--%s: more than %d values", name, MAX_VALUES);
}

static int put_settings(FILE *file, const lab_sweep_options *o) {
    fputs("  \"settings\": {\"loss\": ", file);
    cli_put_json_text(file, o->loss);
    for (int i = 0; i < o->set.n; i++) {
        char key[LAB_NAME];
        const char *equals = strchr(o->set.texts[i], '=');
        if (!equals || equals - o->set.texts[i] >= LAB_NAME)
            return cli_usage_error("--set: got \"%s\", want KEY=VALUE", o->set.texts[i]);
        snprintf(key, sizeof key, "%.*s", (int)(equals - o->set.texts[i]), o->set.texts[i]);
        fputs(", ", file);
        cli_put_json_text(file, key);
        fputs(": ", file);
        cli_put_json_text(file, equals + 1);
    }
    fputs("},\n", file);
    return 0;
}

static void put_name(FILE *file, const char *gamma, const char *alpha) {
    fprintf(file, "\"gamma%s-alpha%s\"", gamma, alpha);
}

/* The arms of gamma 0, or those of all others. */
static void put_arms(FILE *file, const values *gammas, const values *alphas, bool zero) {
    bool first = true;
    for (int a = 0; a < alphas->n; a++)
        for (int g = 0; g < gammas->n; g++) {
            if ((atof(gammas->texts[g]) == 0) != zero) continue;
            if (!first) fputs(", ", file);
            put_name(file, gammas->texts[g], alphas->texts[a]);
            first = false;
        }
}

/* Focal loss of gamma 0 is cross entropy: where it is among others, they can be told apart. */
static void put_claim(FILE *file, const lab_sweep_options *o, const values *gammas,
                      const values *alphas) {
    int zeros = 0;
    for (int g = 0; g < gammas->n; g++) zeros += atof(gammas->texts[g]) == 0;
    if (strcmp(o->loss, "focal") != 0 || zeros == 0 || zeros == gammas->n) return;
    fputs(",\n  \"claims\": [\n    {\"text\": \"Focal loss finds more than cross entropy (gamma "
          "0), each at its best\", \"best\": true, \"margin\": 0.01,\n     \"arms\": [",
          file);
    put_arms(file, gammas, alphas, false);
    fputs("],\n     \"over\": [", file);
    put_arms(file, gammas, alphas, true);
    fputs("]}\n  ]", file);
}

static int write_experiment(const lab_sweep_options *o, const values *gammas, const values *alphas,
                            const char *path) {
    cli_output output;
    int code = cli_output_open(&output, path);
    if (code) return code;
    FILE *file = output.file;
    fputs("{\n  \"name\": \"sweep\",\n  \"title\": \"Gamma and alpha by cross-validation\",\n"
          "  \"question\": \"Which gamma and alpha give the best AP on pictures that were not "
          "trained on?\",\n  \"prediction\": \"gamma 2 with alpha 0.25, as in the paper's Table "
          "1b.\",\n  \"x_label\": \"gamma\",\n  \"data\": ",
          file);
    cli_put_json_text(file, o->data);
    fputs(",\n  \"preset\": ", file);
    cli_put_json_text(file, o->preset);
    fprintf(file, ",\n  \"folds\": %d,\n", o->folds);
    code = put_settings(file, o);
    fputs("  \"arms\": [", file);
    for (int a = 0; a < alphas->n; a++)
        for (int g = 0; g < gammas->n; g++) {
            fprintf(file, "%s\n    {\"name\": ", a + g ? "," : "");
            put_name(file, gammas->texts[g], alphas->texts[a]);
            fprintf(file,
                    ", \"series\": \"alpha %s\", \"x\": %.15g, \"settings\": {\"gamma\": \"%s\", "
                    "\"alpha\": \"%s\"}}",
                    alphas->texts[a], atof(gammas->texts[g]), gammas->texts[g], alphas->texts[a]);
        }
    fputs("\n  ]", file);
    put_claim(file, o, gammas, alphas);
    fputs("\n}\n", file);
    const int closed = cli_output_close(&output);
    return code ? code : closed;
}

/* The table of means, best first by a mark, as of the folds that are done. */
static int print_table(const lab_experiment *e, const char *folder) {
    char path[PATH_MAX];
    lab_table table;
    int best = -1;
    snprintf(path, sizeof path, "%s/%s.csv", folder, e->name);
    const int code = lab_table_read(&table, path);
    lab_grid *grid = calloc(1, sizeof *grid);
    if (code || !grid) {
        free(grid);
        lab_table_free(&table); /* empty where it could not be read */
        return code ? code : cli_error(RN_ENOMEM);
    }
    lab_grid_of(grid, e, &table, LAB_METRIC_ap);
    for (int a = 0; a < e->n_arms; a++) {
        const double mean = lab_arm_mean(grid, a).mean;
        if (!isnan(mean) && (best < 0 || mean > lab_arm_mean(grid, best).mean)) best = a;
    }
    for (int a = 0; a < e->n_arms; a++) {
        const lab_interval v = lab_arm_mean(grid, a);
        if (v.n > 0)
            printf("%s\tAP %.4f\t%.4f..%.4f\t%d folds%s\n", e->arms[a].name, v.mean, v.low, v.high,
                   v.n, a == best ? "\tbest" : "");
    }
    free(grid);
    lab_table_free(&table);
    return 0;
}

int lab_sweep(lab_sweep_options *o, bool *stopped) {
    char data[PATH_MAX], path[PATH_MAX];
    values gammas, alphas;
    int code = take_values(&gammas, "gamma", o->gammas, 0, 10, false);
    if (code == 0) code = take_values(&alphas, "alpha", o->alphas, 0, 1, true);
    if (code == 0 && gammas.n * alphas.n > LAB_MAX_ARMS)
        code = cli_usage_error("more than %d pairs of gamma and alpha", LAB_MAX_ARMS);
    if (code) return code;
    if (realpath(o->data, data)) o->data = data; /* the same set from another folder */
    lab_experiment *e = calloc(1, sizeof *e);
    if (!e) return cli_error(RN_ENOMEM);
    snprintf(path, sizeof path, "%s/.sweep.%ld.json", o->folder, (long)getpid());
    code = lab_make_folders(o->folder);
    if (code == 0) code = write_experiment(o, &gammas, &alphas, path);
    if (code == 0) code = lab_experiment_read(e, path);
    (void)unlink(path); /* lab_run puts it in its place when it has looked at what is there */
    o->run.folder = o->folder;
    if (code == 0) code = lab_run(e, &o->run, stopped);
    if (code == 0) code = print_table(e, o->folder);
    lab_experiment_free(e);
    free(e);
    return code;
}
