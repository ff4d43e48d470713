/* losslab.h: what the files of losslab share. Functions that return int give 0, or the exit code
 * with the message out. */
#ifndef LOSSLAB_H
#define LOSSLAB_H

#include "cli.h"
#include "cli_files.h"
#include "losslab_json.h"

#include <limits.h>

enum {
    LAB_MAX_ARMS = 64,
    LAB_MAX_SEEDS = 32,
    LAB_MAX_CLAIMS = 32,
    LAB_MAX_SETTINGS = 48,
    LAB_NAME = 64, /* bytes of the name of an experiment, an arm or a setting, with its zero */
    LAB_EXIT_USAGE = 1,
    LAB_EXIT_INPUT = 2,
    LAB_EXIT_MEMORY = 3,
    LAB_EXIT_OUTPUT = 5
};

/* ---- losslab_experiment.c ---- */

typedef struct lab_setting {
    const char *key, *value; /* as in `train --set KEY=VALUE` */
} lab_setting;

/* Where the pictures come from: a path, or a recipe of scenes that is made on the spot. */
typedef struct lab_data {
    const char *path; /* with ${VARIABLES}; NULL: scenes */
    rn_scenes_options scenes;
} lab_data;

/* One way to train. */
typedef struct lab_arm {
    const char *name;
    lab_setting settings[LAB_MAX_SETTINGS]; /* the experiment's, then its own over them */
    int n_settings;
    lab_data data;
    int data_group; /* the first arm that has the same */
    int after;      /* starts from the best model of that arm and seed; -1: from random weights */
    const char *series; /* of its plot; NULL: none */
    double x;           /* its place on the axis, where it has a series */
} lab_arm;

typedef enum lab_sign { LAB_LESS = -1, LAB_SAME = 0, LAB_MORE = 1 } lab_sign;

/* That the mean of some arms is more (less, the same) than that of others; with `best` the arm that
 * is best in the other seeds stands for its side. With arms2 the lead of arms over `over` is
 * compared with that of arms2 over over2. */
typedef struct lab_claim {
    const char *text; /* for people; NULL: none */
    int arms[LAB_MAX_ARMS], n_arms;
    int over[LAB_MAX_ARMS], n_over;
    int arms2[LAB_MAX_ARMS], n_arms2; /* none: no lead to compare with */
    int over2[LAB_MAX_ARMS], n_over2;
    int metric; /* a column of LAB_METRICS */
    bool best;
    lab_sign expect;
    double margin; /* differences within it are none; 0: not said */
} lab_claim;

typedef struct lab_experiment {
    char path[PATH_MAX]; /* of its file */
    const char *name, *title, *question, *prediction;
    const char *preset;
    const char *x_label; /* of the plot of its series; NULL: none */
    int folds;           /* > 0: the seeds are the folds of a cross-validation */
    lab_arm arms[LAB_MAX_ARMS];
    int n_arms;
    int seeds[LAB_MAX_SEEDS];
    int n_seeds;
    int first_seed; /* of the file, whichever are run: its models are measured closely */
    lab_claim claims[LAB_MAX_CLAIMS];
    int n_claims;
    lab_json *json; /* owns every text above */
} lab_experiment;

/* Read and check an experiment; every setting is tried. Zero-initialised on failure. */
int lab_experiment_read(lab_experiment *out, const char *path);
void lab_experiment_free(lab_experiment *e);
/* The file of NAME_OR_FILE: itself where it ends in .json, else NAME.json among those known. */
int lab_experiment_find(char out[], size_t size, const char *name_or_file);
/* study/ beside the program or in ../share/retinanet; false if there is none. */
bool lab_study_folder(char out[], size_t size);
/* Print the experiments that are known. */
int lab_list(void);

/* The options of arm `arm` with that seed. */
int lab_arm_options(rn_train_options **out, const lab_experiment *e, int arm, int seed);
/* A setting's name as options have it: '-' is '_'. */
void lab_plain_key(char out[LAB_NAME], const char *key);
/* FNV-1a of `text` and its final zero, going on from `hash`; LAB_HASH begins. */
#define LAB_HASH 14695981039346656037u
uint64_t lab_hash_text(uint64_t hash, const char *text);
/* Whether both name the same pictures. */
bool lab_same_data(const lab_data *a, const lab_data *b);
/* What makes the result of an arm: another value is another result. FNV-1a of data and settings,
 * whatever their order. */
uint64_t lab_arm_hash(const lab_experiment *e, int arm);
/* The whole text of a data path or recipe. */
int lab_data_open(char out[], size_t size, const lab_data *data, const char *folder, int threads);

/* ---- losslab_table.c ---- */

/* Columns of numbers of NAME.csv: name, unit of a difference in reports (100: in percent points),
 * what people call it. Empty cells are NAN. */
#define LAB_METRICS(X)                                                                             \
    X(ap, 100, "AP")                                                                               \
    X(ap50, 100, "AP50")                                                                           \
    X(ap75, 100, "AP75")                                                                           \
    X(best_epoch, 1, "best epoch")                                                                 \
    X(steps, 1, "steps")                                                                           \
    X(seconds, 1, "seconds")                                                                       \
    X(cls_loss, 1, "class loss")                                                                   \
    X(box_loss, 1, "box loss")                                                                     \
    X(train_ap, 100, "AP on train")                                                                \
    X(gap, 100, "AP on train minus AP")                                                            \
    X(ece, 100, "ECE")                                                                             \
    X(bg_loss_share, 100, "background's share of the loss")                                        \
    X(bg_grad_share, 100, "background's share of the gradient")                                    \
    X(false_alarms, 1, "false alarms a picture")

typedef enum lab_metric {
#define X(name, unit, text) LAB_METRIC_##name,
    LAB_METRICS(X)
#undef X
        LAB_N_METRICS
} lab_metric;

const char *lab_metric_name(int metric);
const char *lab_metric_text(int metric);
double lab_metric_unit(int metric);
int lab_metric_find(const char *name); /* -1: none of that name */

/* A row of NAME.csv: one run. */
typedef struct lab_cell {
    char arm[LAB_NAME];
    int seed;
    double values[LAB_N_METRICS];
    bool diverged; /* its AP is 0: it finds nothing */
    char version[16];
    uint64_t hash; /* lab_arm_hash */
} lab_cell;

typedef struct lab_table {
    char experiment[LAB_NAME];
    lab_cell *cells;
    size_t n;
} lab_table;

/* The message of a file that errno says something of, and its exit code. */
int lab_cannot_read(const char *path);

/* NAME.csv; without the file the table is empty. */
int lab_table_read(lab_table *out, const char *path);
void lab_table_free(lab_table *table);
/* Every NAME.csv of a folder, sorted; to be freed together. */
int lab_list_tables(char ***out, int *n, const char *folder);
void lab_free_tables(char **tables, int n);
const lab_cell *lab_table_find(const lab_table *table, const char *arm, int seed);
/* Append a row and write the file anew, beside it first. */
int lab_table_add(lab_table *table, const lab_cell *cell, const char *path);

/* ---- losslab_run.c ---- */

typedef struct lab_run_options {
    const char *folder;
    const char *only; /* that arm alone; NULL: all */
    int threads;
    double deadline; /* seconds of the monotonic clock; 0: none */
    bool quiet;
} lab_run_options;

/* Train every cell that DIR/NAME.csv lacks; *stopped where a signal or the deadline ended it. */
int lab_run(lab_experiment *e, const lab_run_options *o, bool *stopped);
/* Signals end the run of now, resumably; the second one the program. */
void lab_catch_signals(void);
int lab_signal(void); /* the last one; 0 for none */
double lab_now(void); /* seconds of the monotonic clock */

/* ---- losslab_html.c and losslab_report.c ---- */

/* A page of all tables in the folders and files of `inputs`, with what stands beside them. */
int lab_report(const char *const *inputs, int n, const char *output);

/* ---- losslab_sweep.c ---- */

typedef struct lab_sweep_options {
    const char *data, *folder, *loss, *preset;
    const char *gammas, *alphas; /* "0,1,2" */
    int folds;
    cli_list set;
    lab_run_options run;
} lab_sweep_options;

int lab_sweep(lab_sweep_options *o, bool *stopped);

#endif
