/* losslab_table.c: NAME.csv, a row a run. */
#include "losslab.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *text;
    double unit;
} metrics[] = {
#define X(name, unit, text) {#name, text, unit},
    LAB_METRICS(X)
#undef X
};

const char *lab_metric_name(int metric) {
    return metrics[metric].name;
}

const char *lab_metric_text(int metric) {
    return metrics[metric].text;
}

double lab_metric_unit(int metric) {
    return metrics[metric].unit;
}

int lab_metric_find(const char *name) {
    for (int i = 0; i < LAB_N_METRICS; i++)
        if (strcmp(metrics[i].name, name) == 0) return i;
    return -1;
}

/* ---- reading ---- */

int lab_cannot_read(const char *path) {
    (void)cli_usage_error("%s: cannot read: %s", path, strerror(errno));
    return LAB_EXIT_INPUT;
}

/* The next cell of a row, cut off at its comma; NULL behind the last. */
static char *next_cell(char **row) {
    char *cell = *row;
    if (!cell) return NULL;
    char *comma = strchr(cell, ',');
    if (comma) *comma = '\0';
    *row = comma ? comma + 1 : NULL;
    return cell;
}

static bool parse_number(double *out, const char *cell) {
    char *end;
    *out = NAN;
    if (!*cell) return true;
    if (cell[strspn(cell, "0123456789+-.e")]) return false;
    *out = strtod(cell, &end);
    return !*end && isfinite(*out);
}

/* False where the row is none of this program's. */
static bool parse_row(lab_table *table, lab_cell *out, char *row) {
    char *cell = next_cell(&row), *end;
    if (!cell || !*cell || strlen(cell) >= LAB_NAME) return false;
    if (table->experiment[0] && strcmp(table->experiment, cell) != 0) return false;
    strcpy(table->experiment, cell);
    cell = next_cell(&row);
    if (!cell || !*cell || strlen(cell) >= LAB_NAME) return false;
    strcpy(out->arm, cell);
    cell = next_cell(&row);
    if (!cell || !isdigit((unsigned char)*cell)) return false;
    const long seed = strtol(cell, &end, 10);
    if (*end || seed > INT_MAX) return false;
    out->seed = (int)seed;
    for (int i = 0; i < LAB_N_METRICS; i++)
        if (!(cell = next_cell(&row)) || !parse_number(&out->values[i], cell)) return false;
    cell = next_cell(&row);
    if (!cell || (strcmp(cell, "ok") != 0 && strcmp(cell, "diverged") != 0)) return false;
    out->diverged = *cell == 'd';
    cell = next_cell(&row);
    if (!cell || strlen(cell) >= sizeof out->version) return false;
    strcpy(out->version, cell);
    cell = next_cell(&row);
    if (!cell || row) return false;
    out->hash = strtoull(cell, &end, 16);
    return !*end;
}

static void put_header(FILE *file) {
    fputs("experiment,arm,seed", file);
    for (int i = 0; i < LAB_N_METRICS; i++) fprintf(file, ",%s", metrics[i].name);
    fputs(",status,version,settings\n", file);
}

static bool is_header(const char *line) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) return false;
    put_header(file);
    const bool same =
        fclose(file) == 0 && strncmp(text, line, strlen(line)) == 0 && size == strlen(line) + 1;
    free(text);
    return same;
}

static int append(lab_table *table, const lab_cell *cell) {
    lab_cell *cells = realloc(table->cells, (table->n + 1) * sizeof *cells);
    if (!cells) return cli_error(RN_ENOMEM);
    table->cells = cells;
    cells[table->n++] = *cell;
    return 0;
}

int lab_table_read(lab_table *out, const char *path) {
    char *line = NULL;
    size_t cap = 0;
    ssize_t size;
    int code = 0;
    *out = (lab_table){0};
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT) return 0;
    if (!file) return lab_cannot_read(path);
    for (int n = 1; code == 0 && (size = getline(&line, &cap, file)) > 0; n++) {
        lab_cell cell = {0};
        if (line[size - 1] == '\n') line[--size] = '\0';
        const bool ok = n == 1 ? is_header(line) : parse_row(out, &cell, line);
        if (!ok) {
            (void)cli_usage_error("%s:%d:1: no table of losslab", path, n);
            code = LAB_EXIT_INPUT;
        } else if (n > 1) {
            code = append(out, &cell);
        }
    }
    if (code == 0 && !feof(file)) /* rows that are not seen must not be written over */
        code = lab_cannot_read(path);
    free(line);
    fclose(file);
    if (code) lab_table_free(out);
    return code;
}

void lab_table_free(lab_table *table) {
    free(table->cells);
    *table = (lab_table){0};
}

const lab_cell *lab_table_find(const lab_table *table, const char *arm, int seed) {
    for (size_t i = 0; i < table->n; i++)
        if (table->cells[i].seed == seed && strcmp(table->cells[i].arm, arm) == 0)
            return &table->cells[i];
    return NULL;
}

/* ---- the tables of a folder ---- */

static int is_csv(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot > entry->d_name && strcmp(dot, ".csv") == 0;
}

int lab_list_tables(char ***out, int *n, const char *folder) {
    struct dirent **names = NULL;
    int code = 0;
    const int found = scandir(folder, &names, is_csv, alphasort);
    *n = 0;
    *out = found > 0 ? calloc((size_t)found, sizeof **out) : NULL;
    if (found > 0 && !*out) code = cli_error(RN_ENOMEM);
    for (int i = 0; i < found; i++) {
        if (code == 0 && asprintf(&(*out)[i], "%s/%s", folder, names[i]->d_name) < 0) {
            (*out)[i] = NULL;
            code = cli_error(RN_ENOMEM);
        }
        *n += code == 0;
        free(names[i]);
    }
    if (found >= 0) free(names);
    if (code) lab_free_tables(*out, *n);
    if (code) *n = 0, *out = NULL;
    return code;
}

void lab_free_tables(char **tables, int n) {
    for (int i = 0; i < n; i++) free(tables[i]);
    free(tables);
}

/* ---- writing ---- */

int lab_table_add(lab_table *table, const lab_cell *cell, const char *path) {
    cli_output output;
    int code = append(table, cell);
    if (code == 0) code = cli_output_open(&output, path);
    if (code) return code;
    put_header(output.file);
    for (size_t i = 0; i < table->n; i++) {
        const lab_cell *c = &table->cells[i];
        fprintf(output.file, "%s,%s,%d", table->experiment, c->arm, c->seed);
        for (int m = 0; m < LAB_N_METRICS; m++) {
            putc(',', output.file);
            if (!isnan(c->values[m])) fprintf(output.file, "%.9g", c->values[m]);
        }
        fprintf(output.file, ",%s,%s,%016llx\n", c->diverged ? "diverged" : "ok", c->version,
                (unsigned long long)c->hash);
    }
    return cli_output_close(&output);
}
