/* losslab_run.c: the runs of an experiment, one (arm, seed) after the other. */
#include "losslab_run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- signals and time ---- */

static volatile sig_atomic_t signals, last_signal;

static void on_signal(int number) {
    last_signal = number;
    if (++signals > 1) _exit(128 + number);
}

void lab_catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int lab_signal(void) {
    return signals > 0 ? (int)last_signal : 0;
}

double lab_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_over(const lab_run_options *o) {
    return signals > 0 || (o->deadline > 0 && lab_now() >= o->deadline);
}

/* ---- folders ---- */

int lab_make_folders(const char *path) {
    char part[PATH_MAX];
    struct stat info;
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        (void)mkdir(part, 0777); /* a failure shows at the last one */
        *p = '/';
    }
    if (mkdir(part, 0777) == 0 || (stat(part, &info) == 0 && S_ISDIR(info.st_mode))) return 0;
    (void)cli_usage_error("%s: cannot make the folder: %s", path, strerror(errno));
    return LAB_EXIT_OUTPUT;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw) {
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

void lab_remove_folder(const char *path) {
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int lab_put_folder(const char *part, const char *out) {
    if (rename(part, out) == 0) return 0;
    const int error = errno;
    lab_remove_folder(part);
    if (error == EEXIST || error == ENOTEMPTY) return 0; /* another process was there first */
    (void)cli_usage_error("%s: cannot write: %s", out, strerror(error));
    return LAB_EXIT_OUTPUT;
}

/* One process at a time works at NAME in DIR. */
static int lock(int *fd, const char *folder, const char *name) {
    char path[PATH_MAX + LAB_NAME];
    snprintf(path, sizeof path, "%s/.%s.lock", folder, name);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0) {
        (void)cli_usage_error("%s: cannot write: %s", path, strerror(errno));
        return LAB_EXIT_OUTPUT;
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return 0;
    return cli_usage_error("%s: another process works at %s here", folder, name);
}

/* ---- a run ---- */

typedef struct runner {
    const lab_experiment *e;
    const lab_run_options *o;
    cli_screen screen;
    lab_table table;
    char table_path[PATH_MAX + LAB_NAME];
    bool stopped; /* the run of now was told to stop */
    int done, n_cells;
    char heading[256]; /* of the progress line */
} runner;

void lab_run_folder(char out[], size_t size, const lab_experiment *e, const char *folder, int arm,
                    int seed) {
    snprintf(out, size, "%s/runs/%s/%s-%d-%08x", folder, e->name, e->arms[arm].name, seed,
             (unsigned)lab_arm_hash(e, arm));
}

static bool stop_hook(void *context) {
    runner *r = context;
    if (is_over(r->o)) r->stopped = true;
    return r->stopped;
}

static void progress_hook(void *context, const char *line) {
    runner *r = context;
    char text[512];
    snprintf(text, sizeof text, "%s  %s", r->heading, line);
    cli_show_progress(&r->screen, text);
}

static rn_status set_threads(rn_train_options *options, const runner *r) {
    char text[16];
    snprintf(text, sizeof text, "%d", r->o->threads);
    return r->o->threads > 0 ? rn_train_options_set(options, "threads", text) : RN_OK;
}

/* The options of a fresh run: an arm that comes after another starts from its weights. */
static int fresh_options(rn_train_options **out, const runner *r, int arm, int seed) {
    const int after = r->e->arms[arm].after;
    char path[PATH_MAX], weights[PATH_MAX + 32];
    int code = lab_arm_options(out, r->e, arm, seed);
    if (code) return code;
    rn_status status = set_threads(*out, r);
    if (status == RN_OK && after >= 0) {
        lab_run_folder(path, sizeof path, r->e, r->o->folder, after, seed);
        snprintf(weights, sizeof weights, "%s/best.safetensors", path);
        status = rn_train_options_set(*out, "weights", weights);
    }
    return status == RN_OK ? 0 : cli_error(status);
}

static int resume_options(rn_train_options **out, const runner *r) {
    rn_status status = rn_train_options_create(out);
    if (status == RN_OK) status = set_threads(*out, r);
    return status == RN_OK ? 0 : cli_error(status);
}

/* Train, or go on with what a kill has left. */
static int train(rn_status *status, bool *resumed, runner *r, const char *data, const char *run,
                 int arm, int seed) {
    const rn_hooks hooks = {.context = r, .progress = progress_hook, .stop = stop_hook};
    char last[PATH_MAX + 32];
    rn_train_options *options = NULL;
    rn_train_result result;
    snprintf(last, sizeof last, "%s/last.safetensors", run);
    const bool resume = *resumed = access(last, F_OK) == 0;
    if (!resume) lab_remove_folder(run); /* killed at its start */
    int code = resume ? resume_options(&options, r) : fresh_options(&options, r, arm, seed);
    if (code == 0) {
        r->stopped = false;
        *status = resume ? rn_train_resume(&result, run, options, &hooks)
                         : rn_train(&result, data, run, options, &hooks);
        if (result.finished) r->stopped = false;
        if (*status != RN_OK && *status != RN_EDIVERGED) code = cli_error(*status);
    }
    cli_end_progress(&r->screen);
    rn_train_options_free(options);
    return code;
}

/* Whether another arm will start from this one's weights. */
static bool is_wanted(const lab_experiment *e, int arm) {
    for (int i = 0; i < e->n_arms; i++)
        if (e->arms[i].after == arm) return true;
    return false;
}

static void remove_heavy(const lab_experiment *e, const char *run, int arm) {
    static const char *const names[] = {"last.safetensors", ".lock", "detections.json",
                                        "best.safetensors"};
    char path[PATH_MAX + 32];
    const int n = is_wanted(e, arm) ? 3 : 4;
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", run, names[i]);
        (void)unlink(path);
    }
}

/* Row `row` of a run that has ended. */
static int add_row(runner *r, const lab_cell *row) {
    const int code = lab_table_add(&r->table, row, r->table_path);
    if (code) return code;
    printf("%s\t%s\t%d\tAP %.4f\tAP50 %.4f\t%s\n", r->e->name, row->arm, row->seed,
           row->values[LAB_METRIC_ap], row->values[LAB_METRIC_ap50],
           row->diverged ? "diverged" : "ok");
    fflush(stdout);
    return 0;
}

/* Whether a table is one that `run` wrote, and not anybody's NAME.csv. */
static bool has_experiment(const char *table) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%.*s.json", (int)(strlen(table) - 4), table);
    return access(path, F_OK) == 0;
}

/* The row of another experiment in DIR that had the same data, settings and seed: the same bits,
 * which need no second training. */
static int reuse(bool *found, runner *r, int arm, int seed) {
    const lab_experiment *e = r->e;
    const uint64_t hash = lab_arm_hash(e, arm);
    char **tables = NULL;
    int n = 0, code = 0;
    *found = false;
    if (is_wanted(e, arm)) return 0; /* its weights are needed, not its numbers alone */
    code = lab_list_tables(&tables, &n, r->o->folder);
    for (int i = 0; i < n && code == 0 && !*found; i++) {
        lab_table table = {0};
        if (has_experiment(tables[i])) code = lab_table_read(&table, tables[i]);
        for (size_t k = 0; k < table.n && !*found; k++) {
            lab_cell cell = table.cells[k];
            if (cell.hash != hash || cell.seed != seed || strcmp(cell.version, RN_VERSION) != 0)
                continue;
            *found = true;
            if (seed == e->first_seed && seed == table.cells[0].seed) /* whose curves they are */
                code = lab_copy_curves(r->o->folder, table.experiment, cell.arm, e->name,
                                       e->arms[arm].name);
            strcpy(cell.arm, e->arms[arm].name);
            if (code == 0) code = add_row(r, &cell);
        }
        lab_table_free(&table);
    }
    lab_free_tables(tables, n);
    return code;
}

/* The pictures of an arm. */
static int open_data(char out[], size_t size, const runner *r, int arm) {
    const lab_experiment *e = r->e;
    const int code = lab_data_open(out, size, &e->arms[arm].data, r->o->folder, r->o->threads);
    return code || e->folds == 0 ? code : lab_copy_open(out, size, e->folds, r->o->folder);
}

/* The weights that an arm starts from: where they are not there any more (a study that was moved)
 * trained again. *status is RN_EDIVERGED where there are none, as their run diverged. */
static int train_base(rn_status *status, runner *r, int arm, int seed) {
    const int base = r->e->arms[arm].after;
    const lab_cell *row = lab_table_find(&r->table, r->e->arms[base].name, seed);
    char data[PATH_MAX], run[PATH_MAX], weights[PATH_MAX + 32];
    bool resumed;
    lab_run_folder(run, sizeof run, r->e, r->o->folder, base, seed);
    snprintf(weights, sizeof weights, "%s/best.safetensors", run);
    *status = row && row->diverged ? RN_EDIVERGED : RN_OK;
    if (*status != RN_OK || access(weights, F_OK) == 0) return 0;
    int code = 0;
    if (r->e->arms[base].after >= 0) code = train_base(status, r, base, seed);
    if (code == 0 && *status == RN_OK) code = open_data(data, sizeof data, r, base);
    if (code == 0 && *status == RN_OK) code = train(status, &resumed, r, data, run, base, seed);
    return code;
}

static int run_cell(runner *r, int arm, int seed) {
    const lab_experiment *e = r->e;
    const lab_arm *a = &e->arms[arm];
    lab_cell cell = {.seed = seed, .hash = lab_arm_hash(e, arm), .version = RN_VERSION};
    char data[PATH_MAX], run[PATH_MAX];
    rn_status status = RN_OK;
    bool resumed = false;
    snprintf(cell.arm, sizeof cell.arm, "%s", a->name);
    int code = open_data(data, sizeof data, r, arm);
    lab_run_folder(run, sizeof run, e, r->o->folder, arm, seed);
    if (code == 0 && a->after >= 0) code = train_base(&status, r, arm, seed);
    if (code == 0 && !r->stopped && status == RN_OK)
        code = train(&status, &resumed, r, data, run, arm, seed);
    if (code || r->stopped) return code;
    cell.diverged = status == RN_EDIVERGED;
    code = lab_measure_cell(&cell, e, arm, data, run, r->o);
    if (resumed) cell.values[LAB_METRIC_seconds] = NAN; /* those of its last part */
    if (code == 0) code = add_row(r, &cell);
    if (code == 0) remove_heavy(e, run, arm);
    return code;
}

/* A row of other settings must not pass for the run: refused before anything is written. */
static int check_settings(const runner *r) {
    for (int a = 0; a < r->e->n_arms; a++)
        for (int s = 0; s < r->e->n_seeds; s++) {
            const lab_cell *cell = lab_table_find(&r->table, r->e->arms[a].name, r->e->seeds[s]);
            if (!cell || cell->hash == lab_arm_hash(r->e, a)) continue;
            return cli_usage_error("%s: arm %s was made with other settings (choose another -o)",
                                   r->table_path, cell->arm);
        }
    return 0;
}

static int run_all(runner *r) {
    const lab_experiment *e = r->e;
    char text[300];
    for (int s = 0; s < e->n_seeds; s++) /* whole seeds first: a part is a study already */
        for (int a = 0; a < e->n_arms; a++) {
            if (r->o->only && strcmp(r->o->only, e->arms[a].name) != 0) continue;
            r->done++;
            if (lab_table_find(&r->table, e->arms[a].name, e->seeds[s])) continue;
            if (is_over(r->o)) {
                r->stopped = true;
                return 0;
            }
            snprintf(r->heading, sizeof r->heading, "%d/%d %s, seed %d", r->done, r->n_cells,
                     e->arms[a].name, e->seeds[s]);
            snprintf(text, sizeof text, "%s: %s", e->name, r->heading);
            cli_show_message(&r->screen, text);
            bool found;
            int code = reuse(&found, r, a, e->seeds[s]);
            if (code == 0 && !found) code = run_cell(r, a, e->seeds[s]);
            if (code || r->stopped) return code;
        }
    return 0;
}

/* Whether the file says what `json` does, however it is written. */
static bool is_same_json(const lab_json *json, const char *path) {
    char *texts[2] = {NULL};
    size_t sizes[2];
    lab_json *there = NULL;
    if (access(path, F_OK) != 0 || lab_json_read(&there, path) != 0) return false;
    for (int i = 0; i < 2; i++) {
        FILE *file = open_memstream(&texts[i], &sizes[i]);
        if (file) lab_json_write(file, i ? there : json);
        if (file && fclose(file) != 0) sizes[i] = 0;
    }
    const bool same = texts[0] && texts[1] && sizes[0] == sizes[1] && sizes[0] > 0 &&
                      memcmp(texts[0], texts[1], sizes[0]) == 0;
    free(texts[0]);
    free(texts[1]);
    lab_json_free(there);
    return same;
}

/* DIR/NAME.json, which the report reads beside the results. */
static int save_experiment(const lab_experiment *e, const char *folder) {
    char path[PATH_MAX + LAB_NAME];
    cli_output output;
    snprintf(path, sizeof path, "%s/%s.json", folder, e->name);
    if (cli_same_file(path, e->path) || is_same_json(e->json, path)) return 0;
    const int code = cli_output_open(&output, path);
    if (code) return code;
    lab_json_write(output.file, e->json);
    putc('\n', output.file);
    return cli_output_close(&output);
}

static int check_only(const lab_experiment *e, const char *only) {
    char known[512] = "";
    for (int i = 0; i < e->n_arms; i++) {
        if (strcmp(e->arms[i].name, only) == 0) return 0;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                 e->arms[i].name);
    }
    return cli_usage_error("unknown arm %s (known: %s)", only, known);
}

int lab_run(lab_experiment *e, const lab_run_options *o, bool *stopped) {
    runner r = {.e = e, .o = o, .screen = {.terminal = isatty(2), .quiet = o->quiet}};
    char data[PATH_MAX];
    int fd = -1;
    int code = o->only ? check_only(e, o->only) : 0;
    *stopped = false;
    r.n_cells = (o->only ? 1 : e->n_arms) * e->n_seeds;
    snprintf(data, sizeof data, "%s/data", o->folder);
    snprintf(r.table_path, sizeof r.table_path, "%s/%s.csv", o->folder, e->name);
    if (code == 0) code = lab_make_folders(data);
    if (code == 0) code = lock(&fd, o->folder, e->name);
    if (code == 0) code = lab_table_read(&r.table, r.table_path);
    if (code == 0) code = check_settings(&r);
    if (code == 0) code = save_experiment(e, o->folder);
    if (code == 0) snprintf(r.table.experiment, sizeof r.table.experiment, "%s", e->name);
    if (code == 0) code = run_all(&r);
    *stopped = r.stopped;
    lab_table_free(&r.table);
    if (fd >= 0) close(fd);
    return code;
}
