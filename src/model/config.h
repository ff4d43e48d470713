/* config.h: what makes one RetinaNet differ from another: the network's shape, its anchors, how
 * pictures come in and boxes go out. Read from a preset file or from the metadata of a model file;
 * both are the same JSON. */
#ifndef RN_MODEL_CONFIG_H
#define RN_MODEL_CONFIG_H

#include "base/field.h"
#include "data/image.h"
#include "detection/anchors.h"

/* Stages of a backbone, each behind a stride: the stem, then those that end in C2, C3, C4, C5. */
enum { RN_STAGES = 5, RN_C3 = 2 };

enum { RN_BACKBONE_RESNET, RN_BACKBONE_MOBILENET_V2 };
enum { RN_BRANCH_NORM_NONE, RN_BRANCH_NORM_GROUP };
enum { RN_P6_FROM_C5, RN_P6_FROM_P5 };

/* INT(name, default, min, max, help), REAL likewise, BOOL(name, default, help), CHOICE(name,
 * default, help), an int whose names are choices_NAME in config.c, LIST(name, most, min, max, help,
 * defaults...). */
#define RN_MODEL_CONFIG_LIST(INT, REAL, BOOL, CHOICE, LIST)                                        \
    CHOICE(backbone, 0, "what finds the features")                                                 \
    INT(depth, 18, 10, 101, "ResNet: 10, 18, 34, 50 or 101")                                       \
    INT(width, 64, 8, 256,                                                                         \
        "channels of the first stage; mobilenet_v2: of the stem, 32 is its 1.0")                   \
    INT(fpn_channels, 256, 8, 1024, "channels of P3..P7 and of the heads")                         \
    INT(head_depth, 4, 0, 8, "3x3 convolutions of a head before its last")                         \
    CHOICE(norm, 0, "normalisation of the backbone")                                               \
    CHOICE(fpn_norm, 0, "normalisation of the FPN")                                                \
    CHOICE(head_norm, 0, "normalisation of the heads")                                             \
    REAL(head_dropout, 0, 0, 0.9, "share of the heads' last features that training drops")         \
    INT(group_channels, 8, 1, 256, "channels a group of GroupNorm")                                \
    INT(groups, 0, 0, 256, "groups of every GroupNorm; 0: as group_channels says")                 \
    REAL(bn_eps, 1e-5, 0, 1, "what batch norm adds to the variance")                               \
    BOOL(same_padding, false, "mobilenet_v2 pads as TensorFlow does, not as torch")                \
    CHOICE(p6_from, 0, "where P6 comes from")                                                      \
    LIST(anchor_sides, RN_LEVELS, 1, 4096, "anchor side of P3..P7", 32, 64, 128, 256, 512)         \
    LIST(anchor_scales, RN_MAX_SCALES, 0.1, 10, "times the side", 1, 1.2599210498948732,           \
         1.5874010519681994)                                                                       \
    LIST(anchor_ratios, RN_MAX_RATIOS, 0.05, 20, "height to width", 0.5, 1, 2)                     \
    REAL(anchor_offset, 0.5, 0, 1, "centre of the first cell, in cells")                           \
    BOOL(anchor_rounded, false, "torchvision's rounding")                                          \
    INT(size_shorter, 0, 0, 8192, "shorter side wished for; 0: the longer side decides")           \
    INT(size_longer, 512, 32, 8192, "longer side, or its limit")                                   \
    BOOL(antialias, true, "widen the resizing filter when shrinking")                              \
    LIST(mean, 3, -10, 10, "of RGB in 0..1", 0.485, 0.456, 0.406)                                  \
    LIST(std, 3, 1e-3, 10, "of RGB in 0..1", 0.229, 0.224, 0.225)                                  \
    CHOICE(scoring, 0, "how logits are scores: sigmoid, or with one more: softmax, objectness")    \
    REAL(score_threshold, 0.05, 0, 1, "candidates have a higher score")                            \
    INT(topk_candidates, 1000, 1, 100000, "candidates a level")                                    \
    REAL(nms_iou, 0.5, 0, 1, "boxes that overlap more are one")                                    \
    INT(max_detections, 100, 1, 10000, "boxes a picture")                                          \
    BOOL(keep_empty, false, "keep boxes without area in the picture, as torchvision does")         \
    CHOICE(nms, 0, "suppress within a class, over all, or within as torchvision does")             \
    REAL(show_threshold, 0.5, 0, 1, "score from which detect shows a box: best F1 on val")

typedef struct rn_model_config {
#define INT(name, ...)  int name;
#define REAL(name, ...) double name;
#define BOOL(name, ...) bool name;
#define LIST(name, most, ...)                                                                      \
    double name[most];                                                                             \
    int n_##name;
    RN_MODEL_CONFIG_LIST(INT, REAL, BOOL, INT, LIST)
#undef INT
#undef REAL
#undef BOOL
#undef LIST
    char **class_names;    /* [n_classes] */
    int64_t *category_ids; /* [n_classes] of the data set it was trained on */
    size_t n_classes;
} rn_model_config;

/* The table that the list above makes; *n fields. */
const rn_field *rn_model_config_fields(size_t *n);

rn_model_config rn_model_config_default(void);      /* the paper's, without classes */
void rn_model_config_free(rn_model_config *config); /* and zero it */
RN_MUST_USE rn_status rn_model_config_copy(rn_model_config *out, const rn_model_config *config);

/* Set fields from texts "KEY=VALUE"; `pairs` ends with NULL, and may be NULL for none.
 * "classes=A,B,C" names the classes anew; their ids stay, and so may the name of torchvision's
 * background. RN_EINVAL for an unknown key (the nearest is named), a value out of its range, or
 * what makes no network. */
RN_MUST_USE rn_status rn_model_config_set(rn_model_config *config, const char *const *pairs);

/* Copy the class names and ids. */
RN_MUST_USE rn_status rn_model_config_set_classes(rn_model_config *config, char *const *names,
                                                  const int64_t *ids, size_t n);

/* What makes no network is RN_EINVAL: a depth that there is not, channels no multiple of
 * group_channels, lists of a wrong length. */
RN_MUST_USE rn_status rn_model_config_check(const rn_model_config *config);

rn_geometry rn_model_config_geometry(const rn_model_config *config);

/* Every field and the classes as one JSON object, malloc'ed; numbers read back as they were. */
RN_MUST_USE rn_status rn_model_config_to_json(char **out, const rn_model_config *config);

/* What a preset says for training: key and value as text. */
typedef rn_status rn_preset_default(void *context, const char *key, const char *value);

/* Set the fields that `json` names over the defaults; `name` is for messages. An object under
 * "train" is given to `train` (NULL: ignored), key by key. RN_EINPUT for an unknown key (the
 * nearest is named) or a wrong value. */
RN_MUST_USE rn_status rn_model_config_from_json(rn_model_config *out, const char *json,
                                                const char *name, rn_preset_default *train,
                                                void *context);

/* A preset by name (nano, small, mobile, r18, r50: built in) or from a file (a name with '/' or
 * '.'). */
RN_MUST_USE rn_status rn_model_config_preset_train(rn_model_config *out, const char *preset,
                                                   rn_preset_default *train, void *context);
RN_MUST_USE rn_status rn_model_config_preset(rn_model_config *out, const char *preset);

#endif
