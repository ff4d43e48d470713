#include "model/build.h"

#include <stdio.h>
#include <string.h>

/* values[i] = a convolution NAME.0 of it and, where the configuration has one, its normalisation
 * NAME.1 (which then replaces the bias). */
static rn_status add_convs(rn_graph *graph, int *values, int n, const char *name, rn_conv_spec spec,
                           bool norm, const rn_model_config *config) {
    char part[RN_PARAM_NAME];
    const bool relu = spec.relu;
    snprintf(part, sizeof part, "%s.0", name);
    spec.bias = !norm;
    spec.relu = relu && !norm;
    for (int i = 0; i < n; i++) RN_TRY(rn_graph_conv(graph, &values[i], values[i], part, &spec));
    if (!norm) return RN_OK;
    snprintf(part, sizeof part, "%s.1", name);
    for (int i = 0; i < n; i++)
        RN_TRY(rn_graph_norm(graph, &values[i], values[i], part, RN_NORM_GROUP,
                             rn_norm_groups(config, spec.channels), relu));
    return RN_OK;
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
        int lateral = c[l];
        snprintf(name, sizeof name, "backbone.fpn.inner_blocks.%d", l);
        RN_TRY(add_convs(graph, &lateral, 1, name, inner, norm, config));
        if (top == RN_NO_VALUE)
            top = lateral;
        else
            RN_TRY(rn_graph_upsample_add(graph, &top, lateral, top));
        snprintf(name, sizeof name, "backbone.fpn.layer_blocks.%d", l);
        p[l] = top;
        RN_TRY(add_convs(graph, &p[l], 1, name, layer, norm, config));
    }
    const int source = config->p6_from == RN_P6_FROM_C5 ? c[2] : p[2];
    int active;
    RN_TRY(rn_graph_conv(graph, &p[3], source, "backbone.fpn.extra_blocks.p6", &down));
    RN_TRY(rn_graph_relu(graph, &active, p[3]));
    return rn_graph_conv(graph, &p[4], active, "backbone.fpn.extra_blocks.p7", &down);
}

rn_status rn_build_head(rn_graph *graph, int out[RN_LEVELS], const int p[RN_LEVELS],
                        const char *head, const char *last, int channels,
                        const rn_model_config *config) {
    const bool norm = config->head_norm == RN_BRANCH_NORM_GROUP;
    const rn_conv_spec tower = {config->fpn_channels, 3, 1, 1, true, true},
                       final = {channels, 3, 1, 1, true, false};
    char name[96];
    memcpy(out, p, RN_LEVELS * sizeof *out);
    for (int i = 0; i < config->head_depth; i++) {
        snprintf(name, sizeof name, "head.%s.conv.%d", head, i);
        RN_TRY(add_convs(graph, out, RN_LEVELS, name, tower, norm, config));
    }
    for (int l = 0; l < RN_LEVELS && config->head_dropout > 0; l++)
        RN_TRY(rn_graph_dropout(graph, &out[l], out[l], config->head_dropout));
    snprintf(name, sizeof name, "head.%s.%s", head, last);
    for (int l = 0; l < RN_LEVELS; l++) RN_TRY(rn_graph_conv(graph, &out[l], out[l], name, &final));
    return RN_OK;
}
