/* options.h: the options of a training run: one table makes the struct, its defaults, the parser,
 * the checks and --help. */
#ifndef RN_TRAIN_OPTIONS_H
#define RN_TRAIN_OPTIONS_H

#include "base/field.h"
#include "data/loader.h"
#include "model/config.h"
#include "model/criterion.h"
#include "train/optimizer.h"

enum { RN_OPTION_TEXT = 1024 }; /* bytes of a path or split name, with the final zero */

/* What `alpha` and `slope_floor_background` are where a name stands for the number. */
#define RN_ALPHA_NONE (-1.0)
#define RN_ALPHA_AUTO (-2.0)
#define RN_FLOOR_AUTO (-1.0)

/* INT(name, default, min, max, help), REAL likewise, NAMED a REAL that may be one of choices_NAME
 * in options.c, BOOL(name, default, help), TEXT(name, default, help), SEED, CHOICE(name, default,
 * help) likewise. Names are what --help shows with '-' for '_'. gamma and alpha have the defaults
 * of the loss (detection/loss_table.h). */
#define RN_TRAIN_OPTION_LIST(INT, REAL, NAMED, BOOL, TEXT, SEED, CHOICE)                           \
    TEXT(preset, "small", "network: nano, small, mobile, r18, r50 or a preset file")               \
    TEXT(weights, "", "to start from: a model, or an ImageNet ResNet or MobileNetV2 as backbone")  \
    INT(freeze, 0, 0, 5,                                                                           \
        "stages of the backbone that keep the weights given: 1 is the stem, 5 all of it")          \
    INT(epochs, 60, 1, 100000, "horizon of the schedule")                                          \
    INT(batch, 8, 1, 1024, "pictures a step")                                                      \
    INT(size, 0, 0, 8192, "longer side of the pictures; 0: the preset's")                          \
    REAL(lr, 0.01, 1e-9, 100, "peak learning rate for batch 16; scaled by batch / 16")             \
    CHOICE(loss, 0, "classification loss:" RN_LOSS_NAMES)                                          \
    REAL(gamma, 2, 0, 10, "focusing of the focal losses; 0 gives cross entropy")                   \
    NAMED(alpha, 0.25, 1e-6, 0.999999,                                                             \
          "weight of the FOREGROUND, background has 1 - alpha; none; auto: by 1/frequency")        \
    REAL(star_beta, 1, -10, 10, "focal-star: beta of sigmoid(gamma x_t + beta)")                   \
    REAL(poly_epsilon, -1, -1, 10, "poly-focal: weight of (1 - p_t)^(gamma + 1)")                  \
    REAL(slope_floor, 0.17, 0, 1,                                                                  \
         "slope-focal: share of cross entropy's slope that the foreground keeps")                  \
    NAMED(slope_floor_background, RN_FLOOR_AUTO, 0, 1,                                             \
          "slope-focal: the background's; auto: slope-floor * prior / (1 - prior)")                \
    INT(ohem_batch, 128, 1, 100000, "ohem: examples kept of a picture")                            \
    REAL(ohem_nms, 0.5, 0, 1, "ohem: those that overlap a harder one by more are left out")        \
    BOOL(ohem_ratio, false, "ohem: one foreground example to three of the background")             \
    INT(ghm_bins, 30, 1, 1000, "ghm: bins of the length of gradient")                              \
    REAL(ghm_momentum, 0.75, 0, 0.9999, "ghm: of the bins' counts")                                \
    REAL(prior, 0.01, 1e-6, 0.5, "probability of foreground that the class bias begins with")      \
    SEED(seed, 1, "of weights, order and augmentation")                                            \
    INT(threads, 0, 1, 1024, "threads (default: one a core)")                                      \
    CHOICE(isa, 0, "vector instructions of the network, best: the widest there are")               \
    REAL(time, 0, 0, 1e9, "stop after so long, e.g. 30m, 1.5h, 90s; 0: no limit")                  \
    INT(max_steps, 0, 0, 1000000000, "stop after so many steps in all; 0: no limit")               \
    TEXT(train_split, "", "split to train on; default train, else trainval")                       \
    TEXT(val_split, "", "split to validate on; default val, else valid, else test")                \
    BOOL(dry_run, false, "say what would be trained, then end")                                    \
    CHOICE(optimizer, 0, "sgd, or adamw with beta2 .99 (wants a lr about 20 times smaller)")       \
    REAL(momentum, 0.9, 0, 0.9999, "of SGD; beta1 of AdamW")                                       \
    REAL(decay, 1e-4, 0, 1, "weight decay on convolution weights")                                 \
    REAL(clip, 10, 0, 1e9, "largest norm of the gradient; 0: no clipping")                         \
    REAL(ema, 0.998, 0, 0.999999, "decay of the average of the weights; 0: no average")            \
    INT(warmup, 500, 0, 1000000, "steps of warm-up, at most a tenth of all")                       \
    CHOICE(schedule, 0, "learning rate over time")                                                 \
    CHOICE(box_loss, 0, "smooth_l1, of the deltas; giou, of the boxes")                            \
    REAL(beta, 1.0 / 9.0, 0, 10,                                                                   \
         "joint of smooth L1; 0: L1, as torchvision's first RetinaNet has it")                     \
    REAL(box_weight, 1, 0, 100, "weight of the box loss")                                          \
    REAL(foreground_iou, 0.5, 0.01, 1, "anchors with at least this IoU are foreground")            \
    REAL(background_iou, 0.4, 0, 1, "anchors with less are background; between: ignored")          \
    BOOL(low_quality, true, "also the best anchor of each box is foreground")                      \
    REAL(flip, 0.5, 0, 1, "probability of a left-right mirror")                                    \
    REAL(vflip, 0, 0, 1, "probability of a top-bottom mirror")                                     \
    REAL(scale_min, 0.8, 0.1, 10, "scale jitter: smallest factor")                                 \
    REAL(scale_max, 1.25, 0.1, 10, "scale jitter: largest factor")                                 \
    REAL(color, 0.2, 0, 0.9, "strength of brightness, contrast and saturation jitter")             \
    INT(patience, 0, 0, 100000,                                                                    \
        "stop early after so many epochs without a better AP; 0: a third of the epochs")           \
    INT(eval_every, 1, 1, 100000, "epochs from one validation to the next")                        \
    INT(workers, 1, 1, 64, "threads that prepare pictures")

struct rn_train_options {
#define INT(name, ...)  int name;
#define REAL(name, ...) double name;
#define BOOL(name, ...) bool name;
#define TEXT(name, ...) char name[RN_OPTION_TEXT];
#define SEED(name, ...) uint64_t name;
    RN_TRAIN_OPTION_LIST(INT, REAL, REAL, BOOL, TEXT, SEED, INT)
#undef INT
#undef REAL
#undef BOOL
#undef TEXT
#undef SEED
    bool
        given[128]; /* per field: set by the user, so that a preset's default does not replace it */
    bool by_preset[128]; /* per field: set by the preset, so that the loss's default does not */
    struct rn_override {
        char *key, *value;
    } * overrides; /* of the model's fields, applied behind the preset */
    size_t n_overrides, cap_overrides;
    bool extended; /* resumed with more epochs */
};

/* Defaults alone. */
rn_train_options rn_train_options_defaults(void);
RN_MUST_USE rn_status rn_train_options_copy(rn_train_options *out, const rn_train_options *options);
void rn_train_options_clear(rn_train_options *options); /* free what it owns */

/* *model = the preset's configuration with the overrides and --size, group norm in place of frozen
 * batch norm where there are no weights to start from; the preset's training defaults
 * into the options that the user has not given, and behind them the loss's. RN_EINVAL besides for a
 * parameter of another loss. */
RN_MUST_USE rn_status rn_train_options_model(rn_model_config *model, rn_train_options *options);

/* A part of it: gamma and alpha as the loss has them where neither user nor preset said, and the
 * scoring of the loss. RN_EINVAL for a parameter that the loss has not: it would be taken for what
 * it is not. */
RN_MUST_USE rn_status rn_train_options_loss(rn_model_config *model, rn_train_options *options);

/* The same for the options of a run that is over, where `given` was set over them to look at its
 * model in another way: where a loss is given, the parameters that are not are its defaults.
 * RN_EINVAL besides for a loss of another scoring than the model's. */
RN_MUST_USE rn_status rn_train_options_reset_loss(rn_train_options *options, rn_scoring scoring);

/* Whether the user has set that option of training. */
bool rn_train_options_given(const rn_train_options *options, const char *name);

/* Whether the user has set that field of the model. */
bool rn_train_options_overrides(const rn_train_options *options, const char *key);

/* Into the options of a stopped run, those of `given` that may change: threads, max_steps and time,
 * and epochs if it had finished. RN_EINVAL names all others. */
RN_MUST_USE rn_status rn_train_options_resume(rn_train_options *run, const rn_train_options *given,
                                              bool finished);

/* All fields as a JSON object, malloc'ed, and back. */
RN_MUST_USE rn_status rn_train_options_to_json(char **out, const rn_train_options *options);
RN_MUST_USE rn_status rn_train_options_from_json(rn_train_options *out, const char *json,
                                                 const char *name);

/* What the other parts want to know of them. alpha auto takes the training set: it has none here.
 */
rn_criterion_options rn_criterion_options_of(const rn_train_options *options);
rn_optimizer_options rn_optimizer_options_of(const rn_train_options *options);
rn_loader_options rn_loader_options_of(const rn_train_options *options,
                                       const rn_model_config *config); /* without hooks */

#endif
