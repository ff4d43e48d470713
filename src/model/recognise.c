/* recognise.c: what model a file without metadata holds, by the names and shapes of its tensors. */
#include "base/memory.h"
#include "model/network.h"
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What torchvision's retinanet_resnet50_fpn (1.0) does otherwise than the preset r50. Its classes
 * count from a background that it never finds. */
static const char torchvision[] =
    "{\"depth\": 50, \"width\": 64, \"fpn_channels\": 256, \"head_depth\": 4, \"norm\": "
    "\"frozen\", \"p6_from\": \"p5\", \"anchor_rounded\": true, \"anchor_offset\": 0, "
    "\"size_shorter\": 800, \"size_longer\": 1333, \"antialias\": false, \"max_detections\": 300}";

/* Classes "class 0", "class 1" ...: a shape tells how many, no tensor their names. */
static rn_status number_classes(rn_model_config *config, size_t n) {
    char(*texts)[32] = NULL, **names = NULL;
    int64_t *ids = NULL;
    rn_status status;
    if ((status = rn_alloc(&texts, n, sizeof *texts)) != RN_OK) goto done;
    if ((status = rn_alloc(&names, n, sizeof *names)) != RN_OK) goto done;
    if ((status = rn_alloc(&ids, n, sizeof *ids)) != RN_OK) goto done;
    for (size_t i = 0; i < n; i++) {
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
    const rn_tensor *logits = rn_tensor_file_find(file, "head.classification_head.cls_logits.bias");
    const size_t n =
        logits ? logits->count / (size_t)(config->n_anchor_scales * config->n_anchor_ratios) : 0;
    return n <= MOST ? n : 0;
}

/* Whether every parameter of the configuration's network is there. */
static rn_status try_config(bool *fits, rn_model_config *config, const rn_tensor_file *file) {
    const size_t classes = count_classes(file, config);
    rn_network network;
    *fits = classes > 0;
    if (!*fits) return RN_OK;
    RN_TRY(number_classes(config, classes));
    RN_TRY(rn_network_build(&network, config));
    for (size_t i = 0; i < network.graph.n_params && *fits; i++) {
        const rn_tensor *tensor = rn_tensor_file_find(file, network.graph.params[i].name);
        *fits = tensor && rn_weights_fit(tensor, &network.graph.params[i]);
    }
    rn_network_free(&network);
    return RN_OK;
}

rn_status rn_model_recognise(rn_model_config *out, const char **name, const rn_tensor_file *file) {
    static const char *const names[] = {"nano", "small", "r18", "r50", "torchvision"};
    enum { N_NAMES = sizeof names / sizeof *names, TORCHVISION = N_NAMES - 1 };
    *name = NULL;
    *out = (rn_model_config){0};
    for (int i = 0; i < 2 * N_NAMES; i++) {
        const char *candidate = names[i % N_NAMES];
        rn_model_config config;
        bool fits = false;
        rn_status status;
        if (i % N_NAMES == TORCHVISION)
            status = rn_model_config_from_json(&config, torchvision, candidate, NULL, NULL);
        else
            status = rn_model_config_preset(&config, candidate);
        if (i >= N_NAMES) config.norm = RN_NORM_GROUP; /* as when trained from scratch */
        if (status == RN_OK) status = try_config(&fits, &config, file);
        if (status == RN_OK && fits) {
            *out = config;
            *name = candidate;
            return RN_OK;
        }
        rn_model_config_free(&config);
        RN_TRY(status);
    }
    return RN_OK;
}
