#include "model/transfer.h"
#include "base/memory.h"
#include "base/names.h"
#include "model/build.h"
#include "nn/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const body = "backbone.body.";

/* ---- what a file is ---- */

void rn_donor_close(rn_donor *donor) {
    rn_tensor_file_close(&donor->tensors);
    rn_model_config_free(&donor->config);
    free(donor->path);
    *donor = (rn_donor){0};
}

static bool has(const rn_donor *donor, const char *name) {
    return rn_tensor_file_find(&donor->tensors, name) != NULL;
}

/* A classifier by its first names, a detector by what rn_model_recognise knows. */
static rn_status recognise(rn_donor *donor) {
    const char *name;
    if (has(donor, "conv1.weight") && has(donor, "layer1.0.conv1.weight")) {
        donor->kind = RN_DONOR_RESNET;
        donor->folded = has(donor, "conv1.bias");
    } else if (has(donor, "features.0.0.weight") && has(donor, "features.1.conv.0.0.weight")) {
        donor->kind = RN_DONOR_MOBILENET;
        donor->folded = has(donor, "features.0.0.bias");
    } else if (has(donor, "00.conv.weight") && has(donor, "01.dw.weight")) {
        donor->kind = RN_DONOR_MOBILENET;
        donor->numbered = true;
        donor->folded = has(donor, "00.conv.bias");
    }
    RN_TRY(rn_weights_rename(&donor->bn_eps, &donor->tensors));
    if (donor->kind != RN_DONOR_DETECTOR) return RN_OK;
    RN_TRY(rn_model_recognise(&donor->config, &name, &donor->tensors));
    donor->has_config = name != NULL;
    donor->config.bn_eps = donor->bn_eps; /* the names are of today now, whatever they were */
    return RN_OK;
}

rn_status rn_donor_open(rn_donor *out, const char *path) {
    rn_donor donor = {0};
    rn_status status;
    *out = donor;
    if ((status = rn_strdup(&donor.path, path)) != RN_OK) goto done;
    if ((status = rn_tensor_file_open(&donor.tensors, path)) != RN_OK) goto done;
    status = rn_model_read_config(&donor.config, &donor.has_config, &donor.tensors, path);
    if (status == RN_OK && !donor.has_config) status = recognise(&donor);
done:
    if (status == RN_OK)
        *out = donor;
    else
        rn_donor_close(&donor);
    return status;
}

/* ---- the configuration that the weights want ---- */

/* Set a field and remember that it has changed. */
static rn_status grant(rn_model_config *config, rn_donor *donor, const char *name,
                       const char *value) {
    size_t n;
    const rn_field *table = rn_model_config_fields(&n), *field = rn_field_find(table, n, name);
    char old[256];
    rn_field_format(old, sizeof old, config, field);
    if (rn_field_set(config, field, value) != RN_OK) return rn_fail_prefix(RN_EINPUT, donor->path);
    char new[256];
    rn_field_format(new, sizeof new, config, field);
    const size_t used = strlen(donor->changes);
    if (strcmp(old, new) != 0)
        snprintf(donor->changes + used, sizeof donor->changes - used, "%s%s=%s", used ? ", " : "",
                 name, new);
    return RN_OK;
}

/* What a choice of the configuration is called. */
static const char *name_of(const char *field, int choice) {
    size_t n;
    const rn_field *table = rn_model_config_fields(&n);
    return rn_field_find(table, n, field)->choices[choice];
}

static rn_status check_fit(const rn_model_config *config, const rn_donor *donor) {
    const bool mobile = donor->kind == RN_DONOR_MOBILENET;
    const int backbone = mobile ? RN_BACKBONE_MOBILENET_V2 : RN_BACKBONE_RESNET;
    if (donor->kind == RN_DONOR_DETECTOR) return RN_OK;
    if (config->backbone != backbone)
        return rn_fail(RN_EINVAL, "%s: weights of a %s, but the backbone is %s (try --preset %s)",
                       donor->path, name_of("backbone", backbone),
                       name_of("backbone", config->backbone), mobile ? "mobile" : "r18");
    const char *stem = donor->numbered ? "00.conv.weight"
                       : mobile        ? "features.0.0.weight"
                                       : "conv1.weight";
    const rn_tensor *first = rn_tensor_file_find(&donor->tensors, stem);
    const int width = mobile ? rn_mobilenet_channels(config, 32) : config->width;
    if (first->dims[0] != (size_t)width)
        return rn_fail(RN_EINVAL,
                       "%s: a stem of %zu channels, but the network's has %d (try --preset %s, or "
                       "another width)",
                       donor->path, first->dims[0], width, mobile ? "mobile" : "r18");
    const bool bottlenecks = has(donor, "layer1.0.conv3.weight");
    if (!mobile && bottlenecks != (config->depth >= 50))
        return rn_fail(
            RN_EINVAL,
            "%s: a ResNet %s bottlenecks, but the network's depth is %d (try --preset %s)",
            donor->path, bottlenecks ? "with" : "without", config->depth,
            bottlenecks ? "r50" : "r18");
    if (donor->folded && config->norm != RN_NORM_FROZEN)
        return rn_fail(RN_EINVAL,
                       "%s: batch norm is folded into its convolutions, which wants --set "
                       "norm=frozen (got %s)",
                       donor->path, name_of("norm", config->norm));
    if (config->norm == RN_NORM_GROUP)
        return rn_fail(RN_EINVAL,
                       "%s: trained with batch norm, which wants --set norm=frozen or norm=batch "
                       "(got group)",
                       donor->path);
    return RN_OK;
}

/* What weights that no configuration comes with were trained with. A classifier's pictures were
 * normalised as ImageNet's, the numbered ones' by RGB / 127.5 - 1. */
static const char *wish_of_other(char text[256], const rn_donor *donor, const char *field,
                                 const rn_model_config *config) {
    const char *metadata = rn_tensor_file_metadata(&donor->tensors, field);
    if (strcmp(field, "bn_eps") == 0) {
        snprintf(text, 256, "%.17g", donor->bn_eps);
        return config->norm == RN_NORM_GROUP ? NULL : text;
    }
    if (donor->kind == RN_DONOR_DETECTOR) return NULL;
    if (strcmp(field, "same_padding") == 0) return donor->numbered ? "true" : "false";
    const bool mean = strcmp(field, "mean") == 0;
    if (!mean && strcmp(field, "std") != 0) return NULL; /* the norm is check_fit's */
    if (metadata) return metadata;
    if (donor->numbered) return "0.5,0.5,0.5";
    return mean ? "0.485,0.456,0.406" : "0.229,0.224,0.225";
}

/* What a detector was trained with. Frozen and trained batch norm have the same parameters. */
static const char *wish_of_model(char text[256], const rn_donor *donor, const char *field,
                                 const rn_model_config *config) {
    const bool grouped = donor->config.norm == RN_NORM_GROUP;
    size_t n;
    const rn_field *table = rn_model_config_fields(&n);
    if (strcmp(field, "norm") == 0 && grouped == (config->norm == RN_NORM_GROUP)) return NULL;
    if (strncmp(field, "group", 5) == 0 && config->norm != RN_NORM_GROUP && !config->fpn_norm &&
        !config->head_norm)
        return NULL; /* of none */
    rn_field_format(text, 256, &donor->config, rn_field_find(table, n, field));
    return text;
}

/* The longer side and the shorter one are the run's to choose: what was theirs is said. */
static void compare_sizes(rn_donor *donor, const rn_model_config *config) {
    const rn_model_config *theirs = &donor->config;
    if (theirs->size_longer == config->size_longer && theirs->size_shorter == config->size_shorter)
        return;
    snprintf(donor->sizes, sizeof donor->sizes, "size_longer=%d, size_shorter=%d, here %d and %d",
             theirs->size_longer, theirs->size_shorter, config->size_longer, config->size_shorter);
}

rn_status rn_donor_adapt(rn_model_config *config, rn_donor *donor, rn_is_given *is_given,
                         const void *context) {
    static const char *const taken[] = {
        "bn_eps",       "mean",          "std",           "same_padding",   "norm",
        "fpn_norm",     "head_norm",     "groups",        "group_channels", "p6_from",
        "anchor_sides", "anchor_scales", "anchor_ratios", "anchor_offset",  "anchor_rounded",
        "antialias"};
    RN_TRY(check_fit(config, donor));
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        char text[256];
        const char *value = donor->has_config ? wish_of_model(text, donor, taken[i], config)
                                              : wish_of_other(text, donor, taken[i], config);
        if (value && !is_given(context, taken[i])) RN_TRY(grant(config, donor, taken[i], value));
    }
    if (donor->has_config) compare_sizes(donor, config);
    return rn_model_config_check(config) == RN_OK ? RN_OK : rn_fail_prefix(RN_EINPUT, donor->path);
}

/* ---- where a parameter stands in the file ---- */

enum { NAME = RN_PARAM_NAME + 32 };

/* Layer N of torchvision's features has its convolutions at 3 N - 3, 3 N - 2, 3 N - 1 in the order
 * in which they run (layer 1 lacks the first, layer 0 is number 0 alone). False for no such. */
static bool numbered_name(char out[NAME], const char *rest, const char *suffix) {
    int layer, used = 0, place;
    if (sscanf(rest, "%d.%n", &layer, &used) != 1 || used == 0) return false;
    rest += used;
    if (strcmp(rest, "0") == 0 && layer == 0)
        place = 0;
    else if (layer == 1)
        place = strcmp(rest, "conv.0.0") == 0 ? 1 : 2;
    else if (strcmp(rest, "conv.0.0") == 0)
        place = 3 * layer - 3;
    else
        place = strcmp(rest, "conv.1.0") == 0 ? 3 * layer - 2 : 3 * layer - 1;
    const bool depthwise = layer > 0 && place % 3 == 1;
    snprintf(out, NAME, "%02d.%s.%s", place, depthwise ? "dw" : "conv", suffix);
    return true;
}

/* The name in the file of a parameter of the network; false if the file cannot have it. */
static bool donor_name(char out[NAME], const rn_donor *donor, const char *name) {
    const char *rest = name + strlen(body), *dot = strrchr(name, '.');
    if (donor->kind == RN_DONOR_DETECTOR) {
        snprintf(out, NAME, "%s", name);
        return true;
    }
    if (strncmp(name, body, strlen(body)) != 0) return false;
    if (donor->numbered) {
        char conv[NAME];
        snprintf(conv, sizeof conv, "%.*s", (int)(dot - rest), rest);
        return numbered_name(out, conv, dot + 1);
    }
    snprintf(out, NAME, "%s%s", donor->kind == RN_DONOR_MOBILENET ? "features." : "", rest);
    return true;
}

/* The convolution whose output a parameter of a norm is applied to, NULL for none. */
static const rn_param *convolution_before(const rn_graph *graph, const rn_param *param) {
    const int index = (int)(param - graph->params);
    for (size_t i = 1; i < graph->n_nodes; i++) {
        const rn_node *node = &graph->nodes[i], *in = &graph->nodes[node->in[0]];
        for (int k = 0; k < RN_NODE_PARAMS; k++)
            if (node->param[k] == index)
                return in->op == &rn_op_conv || in->op == &rn_op_depthwise
                           ? &graph->params[in->param[0]]
                           : NULL;
    }
    return NULL;
}

/* ---- loading ---- */

typedef struct loading {
    const rn_donor *donor;
    const rn_graph *graph;
    real *weights, *scratch;
    const char *prefix; /* of the tensors to use: "ema." of a checkpoint with an average */
    bool *used;         /* [n_tensors] */
    size_t loaded;
    bool other_classes;
    const rn_hooks *hooks;
} loading;

static bool is_class_head(const char *name) {
    return strncmp(name, "head.classification_head.cls_logits.", 36) == 0;
}

/* PREFIX + name; NULL if it is not there. */
static const rn_tensor *find(const loading *l, const char *name) {
    char full[NAME + 8];
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    return rn_tensor_file_find(&l->donor->tensors, full);
}

/* The tensor that a parameter takes its numbers from; NULL for none. Of folded weights the bias of
 * a norm is that of the convolution before. */
static const rn_tensor *tensor_for(const loading *l, const rn_param *param) {
    char name[NAME];
    if (l->donor->folded && param->kind != RN_PARAM_CONV_WEIGHT) {
        const rn_param *conv = convolution_before(l->graph, param);
        if (!conv || !donor_name(name, l->donor, conv->name)) return NULL;
        strcpy(strrchr(name, '.'), ".bias");
    } else if (!donor_name(name, l->donor, param->name)) {
        return NULL;
    }
    return find(l, name);
}

/* The other numbers of a norm whose bias was folded. */
static bool is_implied(const rn_donor *donor, const rn_param *param) {
    return donor->folded && (param->kind == RN_PARAM_NORM_WEIGHT ||
                             param->kind == RN_PARAM_NORM_MEAN || param->kind == RN_PARAM_NORM_VAR);
}

static void fill_implied(const loading *l, const rn_param *param) {
    real value = 0;
    if (param->kind == RN_PARAM_NORM_WEIGHT) value = 1;
    if (param->kind == RN_PARAM_NORM_VAR) value = 1 - (real)l->graph->bn_eps;
    for (size_t i = 0; i < param->count; i++) l->weights[param->offset + i] = value;
}

static rn_status load_param(loading *l, const rn_param *param) {
    const rn_tensor *tensor = tensor_for(l, param);
    const bool stays = !param->trained && strncmp(param->name, body, strlen(body)) == 0 &&
                       param->kind == RN_PARAM_CONV_WEIGHT;
    if (tensor) l->used[tensor - l->donor->tensors.tensors] = true;
    if (l->other_classes && is_class_head(param->name)) return RN_OK;
    if (!tensor || (!is_implied(l->donor, param) && !rn_weights_fit(tensor, param))) {
        if (stays)
            return rn_fail(RN_EINVAL, "%s: %s is %s, so its stage cannot be frozen", l->donor->path,
                           param->name, tensor ? "of another shape" : "missing");
        rn_tell(l->hooks, "weights     %s: %s, left as initialised", param->name,
                tensor ? "another shape" : "not there");
        return RN_OK;
    }
    l->loaded++;
    if (is_implied(l->donor, param)) {
        fill_implied(l, param);
        return RN_OK;
    }
    return rn_weights_read(l->weights, l->scratch, tensor, param, l->donor->path);
}

/* Whether the file's detector tells other classes apart, in another order or another way, which is
 * said. One
 * that has no name may be any. */
static bool has_other_classes(const rn_donor *donor, const rn_model_config *config,
                              const rn_hooks *hooks) {
    const rn_model_config *theirs = &donor->config;
    char was[120], is[120];
    bool same = theirs->n_classes == config->n_classes;
    if (!donor->has_config) return false;
    if (theirs->scoring != config->scoring) {
        rn_tell(hooks, "weights     class head reset: its scoring is %s, here %s",
                name_of("scoring", theirs->scoring), name_of("scoring", config->scoring));
        return true;
    }
    for (size_t i = 0; same && i < config->n_classes; i++)
        same = rn_class_is_unnamed(theirs->class_names[i], i) ||
               strcmp(theirs->class_names[i], config->class_names[i]) == 0;
    if (same) return false;
    rn_join_names(was, sizeof was, theirs->class_names, theirs->n_classes);
    rn_join_names(is, sizeof is, config->class_names, config->n_classes);
    rn_tell(hooks, "weights     class head reset: trained on %zu classes (%s), here %zu (%s)",
            theirs->n_classes, was, config->n_classes, is);
    return true;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Tensors that nothing took. What a checkpoint has besides its weights is no news. */
static void tell_dropped(const loading *l) {
    static const char *const blocks[] = {"ema.", "velocity.", "square."};
    const rn_tensor_file *file = &l->donor->tensors;
    size_t counters = 0;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const char *name = file->tensors[i].name;
        bool known = l->used[i] || (l->prefix[0] && rn_graph_param(l->graph, name));
        for (size_t k = 0; k < sizeof blocks / sizeof *blocks && !known; k++)
            known = l->donor->has_config && strncmp(name, blocks[k], strlen(blocks[k])) == 0;
        if (known) continue;
        if (ends_with(name, ".num_batches_tracked"))
            counters++;
        else
            rn_tell(l->hooks, "weights     %s: dropped, no place in this network", name);
    }
    if (counters > 0)
        rn_tell(l->hooks, "weights     %zu num_batches_tracked: dropped, not needed", counters);
}

static void tell_loaded(const loading *l) {
    static const char *const kinds[] = {"", ", a ResNet", ", a MobileNetV2"};
    const rn_donor *d = l->donor;
    rn_tell(l->hooks, "weights     %zu of %zu parameters from %s%s%s%s", l->loaded,
            l->graph->n_params, d->path, kinds[d->kind], d->folded ? " with folded batch norm" : "",
            l->prefix[0] ? ", the average of a checkpoint" : "");
    if (d->changes[0]) rn_tell(l->hooks, "weights     as they were trained: %s", d->changes);
    if (d->sizes[0]) rn_tell(l->hooks, "weights     trained on pictures of %s", d->sizes);
}

rn_status rn_donor_load(real *weights, const rn_donor *donor, const rn_network *network,
                        const rn_model_config *config, const rn_hooks *hooks) {
    const rn_graph *graph = &network->graph;
    loading l = {.donor = donor,
                 .graph = graph,
                 .weights = weights,
                 .prefix = rn_weights_prefix(&donor->tensors, graph),
                 .hooks = hooks};
    size_t most = 1;
    rn_status status;
    for (size_t i = 0; i < graph->n_params; i++)
        if (graph->params[i].count > most) most = graph->params[i].count;
    if ((status = rn_alloc(&l.scratch, most, sizeof *l.scratch)) != RN_OK) goto done;
    if ((status = rn_alloc(&l.used, donor->tensors.n_tensors, sizeof *l.used)) != RN_OK) goto done;
    l.other_classes = has_other_classes(donor, config, hooks);
    for (size_t i = 0; i < graph->n_params; i++)
        if ((status = load_param(&l, &graph->params[i])) != RN_OK) goto done;
    tell_loaded(&l);
    tell_dropped(&l);
    if (l.loaded == 0) status = rn_fail(RN_EINPUT, "%s: no tensor fits this network", donor->path);
done:
    free(l.used);
    free(l.scratch);
    return status;
}
