/* run.h: the folder of a run: who may write there, and what lies there. */
#ifndef RN_TRAIN_RUN_H
#define RN_TRAIN_RUN_H

#include "model/criterion.h"

typedef struct rn_run_folder {
    char *path;
    int lock;        /* descriptor of RUN/.lock, held while a process trains there; -1 for none */
    int log;         /* descriptor of RUN/log.txt; -1 for none */
    char *results;   /* text of results.csv so far, with its header */
    char *dominance; /* text of dominance.csv */
} rn_run_folder;

/* Make the folder, which must not exist (RN_EINVAL), and lock it. RN_EIO if it cannot be made. */
RN_MUST_USE rn_status rn_run_create(rn_run_folder *out, const char *path);
/* Lock an existing run's folder. RN_EINVAL if another process trains in it, RN_EINPUT if it is no
 * run. */
RN_MUST_USE rn_status rn_run_open(rn_run_folder *out, const char *path);
void rn_run_close(rn_run_folder *folder);
/* Close and remove a folder that was just made and that nothing was trained in, so that it is not
 * in the way of the next try. What is not ours stays, and the folder with it. */
void rn_run_discard(rn_run_folder *folder);

/* A line to log.txt. Losing one is not worth stopping for, so it cannot fail. */
void rn_run_log(rn_run_folder *folder, const char *line);

/* *out = RUN/name, malloc'ed. */
RN_MUST_USE rn_status rn_run_path(char **out, const rn_run_folder *folder, const char *name);

/* Rows of results.csv, NaN giving an empty cell, and of dominance.csv; the whole files are
 * replaced.
 */
typedef struct rn_results_row {
    double epoch; /* epochs done, a fraction where a stop cut one */
    uint64_t step;
    double lr, cls_loss, box_loss, positives, grad_norm, images_per_s, seconds, val_ap, val_ap50;
    rn_level_losses levels[RN_LEVELS]; /* means over the steps */
} rn_results_row;
/* results.csv ends with bg_loss_share and bg_grad_share of all levels. dominance.csv has a row a
 * level: epoch, step, level ("P3" ...), positives, negatives, ignored, bg_loss_share,
 * bg_grad_share, fg_loss, bg_loss. A share is that of the sums, NaN where there is no loss. */
RN_MUST_USE rn_status rn_run_add_row(rn_run_folder *folder, const rn_results_row *row);
/* Draw the losses and val's AP over the epochs into RUN/pictures/curves.png; nothing without a row.
 * RN_ENOMEM, RN_EIO. */
RN_MUST_USE rn_status rn_run_plot(const rn_run_folder *folder);
/* Drop the rows behind `step`: a killed run may have written rows that its checkpoint has not
 * reached. */
void rn_run_drop_rows(rn_run_folder *folder, uint64_t step);

#endif
