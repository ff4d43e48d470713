#include "model/build.h"

#include <stdio.h>

/* A convolution NAME.0 and, where the configuration has one, its normalisation NAME.1 (which then
 * replaces the bias). */
static rn_status add_conv(rn_graph *graph, int *value, int in, const char *name, rn_conv_spec spec,
                          bool norm, const rn_model_config *config) {
    char part[RN_PARAM_NAME];
    const bool relu = spec.relu;
    snprintf(part, sizeof part, "%s.0", name);
    spec.bias = !norm;
    spec.relu = relu && !norm;
    RN_TRY(rn_graph_conv(graph, value, in, part, &spec));
    if (!norm) return RN_OK;
    snprintf(part, sizeof part, "%s.1", name);
    return rn_graph_norm(graph, value, *value, part, RN_NORM_GROUP,
                         rn_norm_groups(config, spec.channels), relu);
}

rn_status rn_build_fpn(rn_graph *graph, int p[5], const int c[3], const rn_model_config *config) {
    const int channels = config->fpn_channels;
    const bool norm = config->fpn_norm == RN_BRANCH_NORM_GROUP;
    const rn_conv_spec inner = {channels, 1, 1, 0, true, false},
                       layer = {channels, 3, 1, 1, true, false};
    const rn_conv_spec down = {channels, 3, 2, 1, true, false};
    char name[64];
    int top = RN_NO_VALUE;
    for (int l = 2; l >= 0; l--) {
        int lateral;
        snprintf(name, sizeof name, "backbone.fpn.inner_blocks.%d", l);
        RN_TRY(add_conv(graph, &lateral, c[l], name, inner, norm, config));
        if (top == RN_NO_VALUE)
            top = lateral;
        else
            RN_TRY(rn_graph_upsample_add(graph, &top, lateral, top));
        snprintf(name, sizeof name, "backbone.fpn.layer_blocks.%d", l);
        RN_TRY(add_conv(graph, &p[l], top, name, layer, norm, config));
    }
    const int source = config->p6_from == RN_P6_FROM_C5 ? c[2] : p[2];
    int active;
    RN_TRY(rn_graph_conv(graph, &p[3], source, "backbone.fpn.extra_blocks.p6", &down));
    RN_TRY(rn_graph_relu(graph, &active, p[3]));
    return rn_graph_conv(graph, &p[4], active, "backbone.fpn.extra_blocks.p7", &down);
}

rn_status rn_build_head(rn_graph *graph, int *out, int feature, const char *head, const char *last,
                        int channels, const rn_model_config *config) {
    const bool norm = config->head_norm == RN_BRANCH_NORM_GROUP;
    const rn_conv_spec tower = {config->fpn_channels, 3, 1, 1, true, true},
                       final = {channels, 3, 1, 1, true, false};
    char name[96];
    int value = feature;
    for (int i = 0; i < config->head_depth; i++) {
        snprintf(name, sizeof name, "head.%s.conv.%d", head, i);
        RN_TRY(add_conv(graph, &value, value, name, tower, norm, config));
    }
    snprintf(name, sizeof name, "head.%s.%s", head, last);
    return rn_graph_conv(graph, out, value, name, &final);
}
