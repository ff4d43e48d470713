/* trainer.h: the state of a run, shared by the files of src/train. Private. */
#ifndef RN_TRAIN_TRAINER_H
#define RN_TRAIN_TRAINER_H

#include "data/coco.h"
#include "data/loader.h"
#include "model/detector.h"
#include "model/weights.h"
#include "train/options.h"
#include "train/run.h"
#include "train/schedule.h"
#include "train/step.h"

/* Where a run stands: all that a checkpoint holds besides the tensors. */
typedef struct rn_position {
    uint64_t step;      /* steps done */
    uint64_t best_step; /* of best.safetensors; 0 for none yet */
    double best_ap;     /* on val, -1 for none */
    double best_ap50;
    bool finished; /* the horizon was reached, or early stopping ended the run */
    /* Sums since the last row of results.csv, so that a resumed run writes the row of one that
     * never stopped. */
    uint64_t sum_steps;
    double sum_cls, sum_box, sum_norm, sum_positives;
    rn_level_losses sum_levels[RN_LEVELS];
} rn_position;

/* What the anchors make of the training set, without augmentation. */
typedef struct rn_coverage {
    size_t anchors; /* of a picture */
    size_t boxes;
    size_t uncovered; /* boxes whose best IoU with any anchor is below the foreground threshold */
    size_t positives, negatives; /* anchors of all pictures */
    size_t *positives_of;        /* [classes] */
} rn_coverage;

/* Anchor sides that would leave fewer boxes uncovered. */
typedef struct rn_anchor_fit {
    bool found;
    double sides[RN_LEVELS];
    double uncovered; /* share of the boxes, 0..1 */
} rn_anchor_fit;

#define RN_UNCOVERED_FEW 0.05 /* a share of uncovered boxes that nobody need care about */

typedef struct rn_trainer {
    rn_train_options options;
    rn_hooks hooks;
    rn_run_folder folder;
    char *data; /* as the user named it */
    rn_dataset train, val;
    bool has_val;
    rn_model_config config;
    rn_network network;
    real *weights; /* [graph.n_stored] */
    rn_threads *threads;
    rn_loader *loader;
    rn_step step;
    rn_coverage coverage;
    rn_anchor_fit fit;
    real *class_alpha; /* [classes] of alpha auto, else NULL */
    size_t planned;    /* bytes of the step and its batches, the weights aside */
    rn_schedule schedule;
    rn_position position;
    double start;  /* seconds of the monotonic clock */
    double paused; /* seconds since then that were spent validating and saving */
} rn_trainer;

/* checkpoint.c */

/* Write RUN/last.safetensors: weights, average, velocity, configuration, options and position. */
RN_MUST_USE rn_status rn_checkpoint_save(const rn_trainer *trainer);
/* Open RUN/last.safetensors and take DATA, options, configuration and position from it. */
RN_MUST_USE rn_status rn_checkpoint_open(rn_model_file *file, rn_trainer *trainer);
/* Refuse data that changed since: what differs is said. RN_EINVAL. */
RN_MUST_USE rn_status rn_checkpoint_check_data(const rn_trainer *trainer,
                                               const rn_model_file *file);
/* The tensors into a trainer that is set up. */
RN_MUST_USE rn_status rn_checkpoint_load(rn_trainer *trainer, rn_model_file *file);
/* Write RUN/args.json, for people. */
RN_MUST_USE rn_status rn_args_save(const rn_trainer *trainer);

/* coverage.c */

/* Match every picture of the training set, as it comes in a batch of that canvas, into
 * trainer->coverage. */
RN_MUST_USE rn_status rn_trainer_cover(rn_trainer *trainer, int width, int height);
/* Where more boxes than RN_UNCOVERED_FEW are uncovered: the present sides times 1/4 to 4, rounded,
 * that leave the fewest so, if that is less than half as many; of at most 500 pictures. After
 * rn_trainer_cover. */
RN_MUST_USE rn_status rn_trainer_fit_anchors(rn_anchor_fit *out, const rn_trainer *trainer,
                                             int width, int height);
/* trainer->class_alpha by inverse frequency ([1], section 3.1): with f the share of class k's
 * positive anchors among all that are not ignored, weights 1/f of foreground and 1/(1 - f) of
 * background, divided by their sum, are alpha = 1 - f and 1 - alpha = f, so that either side weighs
 * the same in the column of that class. One anchor more is counted on either side, so that a class
 * without any has a finite weight. */
RN_MUST_USE rn_status rn_trainer_weigh_classes(rn_trainer *trainer);

/* describe.c */

/* Log what the run is about to do: pictures, boxes, classes, negatives to positives, boxes that no
 * anchor covers, parameters, memory. */
void rn_trainer_describe(rn_trainer *trainer);
/* The first class loss against its closed form, rn_criterion_initial_loss: for focal loss alpha
 * (1-pi)^gamma (-ln pi) a positive plus (1-alpha) pi^gamma (-ln(1-pi)) for each other (anchor,
 * class) pair. Logged. */
void rn_trainer_check_first_loss(rn_trainer *trainer, const rn_losses *losses);
/* Warn where the mean class loss of an epoch behind the warm-up is still that of a network that
 * knows nothing. */
void rn_trainer_check_progress(rn_trainer *trainer);

/* validate.c */

/* Evaluate the averaged weights on val; writes best.safetensors when AP is the best so far. The
 * training state is not touched but for position.best_*. */
RN_MUST_USE rn_status rn_trainer_validate(rn_trainer *trainer, double *ap, double *ap50);

/* pictures.c */

/* RUN/pictures/train_N.jpg: the first pictures of a batch as they were augmented, with their
 * targets (score 0: to be ignored). */
RN_MUST_USE rn_status rn_trainer_draw_batch(const rn_trainer *trainer, const rn_batch *batch);
/* RUN/pictures/val_N.jpg: the first pictures of val with what `results` has on them from the
 * configuration's show_threshold on. */
RN_MUST_USE rn_status rn_trainer_draw_val(const rn_trainer *trainer, const rn_results *results);

/* trainer.c: the criterion's options, with the class weights of this run. */
rn_criterion_options rn_trainer_criterion(const rn_trainer *trainer);

void rn_trainer_log(rn_trainer *trainer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void rn_trainer_log_line(void *trainer, const char *line); /* as a hook */

double rn_now(void); /* seconds of the monotonic clock */

#endif
