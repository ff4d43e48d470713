/* losslab_run.h: what the runner, its measurements and the folds share. */
#ifndef LOSSLAB_RUN_H
#define LOSSLAB_RUN_H

#include "losslab.h"

/* `path` and every folder above that is missing. */
int lab_make_folders(const char *path);

/* `path` with all that it holds. */
void lab_remove_folder(const char *path);

/* Folder `part`, ready now, becomes `out`; what another process has put there meanwhile stays. */
int lab_put_folder(const char *part, const char *out);

/* Where arm and seed are trained: DIR/runs/NAME/ARM-SEED-HASH. */
void lab_run_folder(char out[], size_t size, const lab_experiment *e, const char *folder, int arm,
                    int seed);

/* Everything that is said of a run that ended, into the cell; the curves of the first seed into
 * DIR/NAME-curves/ARM.csv, a picture of its false alarms beside them. */
int lab_measure_cell(lab_cell *cell, const lab_experiment *e, int arm, const char *data,
                     const char *run, const lab_run_options *o);

/* In place of `data` (a path): a copy as COCO json in DIR/data, whose splits are fold1_train,
 * fold1_val and so on; those that there are with folds 0. */
int lab_copy_open(char data[], size_t size, int folds, const char *folder);

/* A picture of false alarms into the file `path`: of twelve scenes without any object the one on
 * which most is found; */
int lab_draw_empty(const char *path, const char *model, const rn_scenes_options *recipe);
/* or of the val split of `data` (`split`; "": val, valid or test) the picture on which most
 * detections of the results file are false: those that take no free object of their class at IoU
 * .5, by falling score, from the model's threshold on. `folds`: `data` is a copy that was cut. */
int lab_draw_alarms(const char *path, const char *data, int folds, const char *split,
                    const char *model, const char *results, const char *folder);

/* The curves and picture of one arm serve another, which is the same. */
int lab_copy_curves(const char *folder, const char *from, const char *from_arm, const char *to,
                    const char *to_arm);

#endif
