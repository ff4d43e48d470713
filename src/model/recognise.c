/* recognise.c: what model a file without metadata holds, by the names and shapes of its tensors. */
#include "base/memory.h"
#include "model/build.h"
#include "model/coco_columns.h"
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const rn_tensor *tensor(const rn_tensor_file *file, const char *name) {
    return rn_tensor_file_find(file, name);
}

/* Whether the backbone's batch norm does not move its statistics: nothing counts its batches. */
static bool is_frozen(const rn_tensor_file *file) {
    return tensor(file, "backbone.body.bn1.running_mean") &&
           !tensor(file, "backbone.body.bn1.num_batches_tracked");
}

/* ---- older names ---- */

/* *out = today's name of a tensor that torchvision up to 0.12 named otherwise, malloc'ed; NULL: it
 * has today's name. A layer is a convolution with its norm and ReLU now; in the heads the older
 * number counted the ReLUs too. */
static rn_status name_of_today(char **out, const char *name) {
    static const struct {
        const char *prefix;
        int step;
    } lists[] = {{"backbone.fpn.inner_blocks.", 1},
                 {"backbone.fpn.layer_blocks.", 1},
                 {"head.classification_head.conv.", 2},
                 {"head.regression_head.conv.", 2}};
    *out = NULL;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const size_t n = strlen(lists[i].prefix);
        if (strncmp(name, lists[i].prefix, n) != 0) continue;
        const int number = name[n] - '0'; /* no list has more than nine */
        const char *rest = name + n + 1;
        if (number < 0 || number > 9 || number % lists[i].step != 0) continue;
        if (strcmp(rest, ".weight") != 0 && strcmp(rest, ".bias") != 0) continue;
        return rn_asprintf(out, "%s%d.0%s", lists[i].prefix, number / lists[i].step, rest);
    }
    return RN_OK;
}

rn_status rn_weights_rename(double *bn_eps, rn_tensor_file *file) {
    bool older = false;
    for (size_t i = 0; i < file->n_tensors; i++) {
        char *name;
        RN_TRY(name_of_today(&name, file->tensors[i].name));
        if (!name) continue;
        if (tensor(file, name)) { /* it has both: this one is left over */
            free(name);
            continue;
        }
        free(file->tensors[i].name);
        file->tensors[i].name = name;
        older = true;
    }
    /* torchvision 0.9 began to add 1e-5 where its frozen batch norm had added nothing, and does not
     * with the weights published before (overwrite_eps). */
    *bn_eps = older && is_frozen(file) ? 0 : 1e-5;
    return RN_OK;
}

/* ---- the network's shape ---- */

/* A size of a tensor; 0 if that is not there. */
static int side(const rn_tensor_file *file, const char *name, int dim) {
    const rn_tensor *t = tensor(file, name);
    return t && dim < t->n_dims && t->dims[dim] <= INT32_MAX ? (int)t->dims[dim] : 0;
}

/* How many of PREFIX.0.SUFFIX, PREFIX.1.SUFFIX ... there are, at most MOST. */
static int count(const rn_tensor_file *file, const char *prefix, const char *suffix) {
    enum { MOST = 24 }; /* one more than any stage has */
    for (int n = 0; n < MOST; n++) {
        char name[RN_PARAM_NAME];
        snprintf(name, sizeof name, "%s.%d.%s", prefix, n, suffix);
        if (!tensor(file, name)) return n;
    }
    return MOST;
}

/* The depth whose stages have as many blocks as the file's; 0 for none. */
static int find_depth(const rn_tensor_file *file) {
    static const int depths[] = {10, 18, 34, 50, 101};
    const bool bottleneck = tensor(file, "backbone.body.layer1.0.conv3.weight");
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        const int *blocks = rn_resnet_blocks(depths[i]);
        bool same = bottleneck == (depths[i] >= 50);
        for (int stage = 0; stage < RN_RESNET_STAGES && same; stage++) {
            char prefix[64];
            snprintf(prefix, sizeof prefix, "backbone.body.layer%d", stage + 1);
            same = count(file, prefix, "conv1.weight") == blocks[stage];
        }
        if (same) return depths[i];
    }
    return 0;
}

/* What names and shapes tell of the network; whether all of it is there, is for later. */
static rn_model_config find_shape(const rn_tensor_file *file) {
    static const char p6[] = "backbone.fpn.extra_blocks.p6.weight";
    rn_model_config shape = {.depth = find_depth(file),
                             .width = side(file, "backbone.body.conv1.weight", 0),
                             .fpn_channels = side(file, p6, 0),
                             .head_depth = count(file, "head.classification_head.conv", "0.weight"),
                             .norm = RN_NORM_GROUP};
    /* torchvision's rule: P6 takes P5 if it has as many channels as P5. */
    shape.p6_from = side(file, p6, 1) == shape.fpn_channels ? RN_P6_FROM_P5 : RN_P6_FROM_C5;
    if (tensor(file, "backbone.body.bn1.running_mean"))
        shape.norm = is_frozen(file) ? RN_NORM_FROZEN : RN_NORM_BATCH;
    shape.fpn_norm = tensor(file, "backbone.fpn.inner_blocks.0.1.weight") ? RN_BRANCH_NORM_GROUP
                                                                          : RN_BRANCH_NORM_NONE;
    shape.head_norm = tensor(file, "head.classification_head.conv.0.1.weight")
                          ? RN_BRANCH_NORM_GROUP
                          : RN_BRANCH_NORM_NONE;
    return shape;
}

static bool is_preset(const rn_model_config *preset, const rn_model_config *shape) {
    return preset->depth == shape->depth && preset->width == shape->width &&
           preset->fpn_channels == shape->fpn_channels && preset->head_depth == shape->head_depth &&
           preset->fpn_norm == shape->fpn_norm && preset->head_norm == shape->head_norm &&
           preset->p6_from == shape->p6_from;
}

/* ---- torchvision ---- */

/* What its detectors do otherwise than ours by default (torchvision 0.14,
 * models/detection/retinanet.py). 32 groups are those of the second version's heads and usual for
 * backbones; no tensor tells. */
static const char torchvision[] =
    "{\"groups\": 32, \"anchor_rounded\": true, \"anchor_offset\": 0, \"size_shorter\": 800, "
    "\"size_longer\": 1333, \"antialias\": false, \"max_detections\": 300, \"keep_empty\": true, "
    "\"nms\": \"moved\"}";

static bool is_torchvision(const rn_model_config *shape) {
    return shape->depth >= 18 && shape->width == 64 && shape->fpn_channels == 256 &&
           shape->head_depth == 4;
}

static const char *torchvision_name(const rn_model_config *shape) {
    const bool heads = shape->head_norm == RN_BRANCH_NORM_GROUP,
               from_p5 = shape->p6_from == RN_P6_FROM_P5;
    if (shape->depth == 50 && from_p5 && !heads) return "torchvision's retinanet_resnet50_fpn";
    if (shape->depth == 50 && !from_p5 && heads) return "torchvision's retinanet_resnet50_fpn_v2";
    return shape->depth == 18   ? "torchvision's RetinaNet on resnet18"
           : shape->depth == 34 ? "torchvision's RetinaNet on resnet34"
           : shape->depth == 50 ? "torchvision's RetinaNet on resnet50"
                                : "torchvision's RetinaNet on resnet101";
}

/* ---- classes ---- */

bool rn_class_is_unnamed(const char *name, size_t label) {
    char text[32];
    snprintf(text, sizeof text, "class %zu", label);
    return strcmp(name, text) == 0;
}

/* A shape tells how many classes there are, no tensor their names: "class 0", "class 1" ...; of
 * torchvision's the first is the background, and 91 are COCO's. */
static rn_status name_classes(rn_model_config *config, size_t n, bool of_torchvision) {
    const bool coco = of_torchvision && n == RN_COCO_COLUMNS;
    char(*texts)[32] = NULL, **names = NULL;
    int64_t *ids = NULL;
    rn_status status;
    if ((status = rn_alloc(&texts, n, sizeof *texts)) != RN_OK) goto done;
    if ((status = rn_alloc(&names, n, sizeof *names)) != RN_OK) goto done;
    if ((status = rn_alloc(&ids, n, sizeof *ids)) != RN_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        if (coco || (of_torchvision && i == 0))
            snprintf(texts[i], sizeof texts[i], "%s", rn_coco_columns[i]);
        else
            snprintf(texts[i], sizeof texts[i], "class %zu", i);
        names[i] = texts[i];
        ids[i] = (int64_t)i;
    }
    status = rn_model_config_set_classes(config, names, ids, n);
done:
    free(texts);
    free(names);
    free(ids);
    return status;
}

/* As many classes as the last layer has outputs an anchor; 0 for none, or too many to be one. */
static size_t count_classes(const rn_tensor_file *file, const rn_model_config *config) {
    enum { MOST = 10000 };
    const rn_tensor *logits = tensor(file, "head.classification_head.cls_logits.bias");
    const size_t n =
        logits ? logits->count / (size_t)(config->n_anchor_scales * config->n_anchor_ratios) : 0;
    return n <= MOST ? n : 0;
}

/* ---- the whole ---- */

/* The configuration whose network has this shape, without classes; *name NULL: none. */
static rn_status find_config(rn_model_config *config, const char **name,
                             const rn_model_config *shape) {
    static const char *const presets[] = {"nano", "small"};
    for (size_t i = 0; i < sizeof presets / sizeof *presets && !*name; i++) {
        RN_TRY(rn_model_config_preset(config, presets[i]));
        if (is_preset(config, shape)) *name = presets[i];
    }
    if (!*name && is_torchvision(shape)) {
        RN_TRY(rn_model_config_from_json(config, torchvision, "torchvision", NULL, NULL));
        *name = torchvision_name(shape);
    }
    config->depth = shape->depth;
    config->width = shape->width;
    config->fpn_channels = shape->fpn_channels;
    config->head_depth = shape->head_depth;
    config->norm = shape->norm;
    config->fpn_norm = shape->fpn_norm;
    config->head_norm = shape->head_norm;
    config->p6_from = shape->p6_from;
    return RN_OK;
}

rn_status rn_model_recognise(rn_model_config *out, const char **name, rn_tensor_file *file) {
    rn_model_config config = {0};
    const char *found = NULL;
    double bn_eps;
    *name = NULL;
    *out = config;
    RN_TRY(rn_weights_rename(&bn_eps, file));
    const rn_model_config shape = find_shape(file);
    RN_TRY(find_config(&config, &found, &shape));
    const size_t classes = found ? count_classes(file, &config) : 0;
    if (classes == 0) return RN_OK;
    config.bn_eps = bn_eps;
    RN_TRY(name_classes(&config, classes, is_torchvision(&shape)));
    *out = config;
    *name = found;
    return RN_OK;
}
