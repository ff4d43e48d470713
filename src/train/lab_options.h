/* lab_options.h: the loss under which a finished model is measured. */
#ifndef RN_TRAIN_LAB_OPTIONS_H
#define RN_TRAIN_LAB_OPTIONS_H

#include "train/options.h"

/* The options of the run that the model at `path` is of, with `texts` "OPTION=VALUE" over them:
 * those in a checkpoint, or in the args.json beside the file, else the defaults. NULL ends `texts`,
 * which may be NULL. `scoring`: the model's. RN_EINVAL for an option that is none or belongs to
 * another loss, or a loss of another scoring; RN_EINPUT for an args.json that cannot be read. Owns
 * nothing. */
RN_MUST_USE rn_status rn_lab_train_options(rn_train_options *out, const char *path,
                                           const char *const *texts, rn_scoring scoring);

#endif
