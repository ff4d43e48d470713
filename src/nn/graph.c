#include "nn/graph.h"
#include "base/memory.h"
#include "nn/op.h"

#include <stdlib.h>
#include <string.h>

void rn_graph_free(rn_graph *graph) {
    free(graph->nodes);
    free(graph->params);
    free(graph->outputs);
    *graph = (rn_graph){0};
}

/* Append `node`; *value is its number. */
static rn_status append(rn_graph *graph, int *value, rn_node node) {
    RN_TRY(rn_reserve(&graph->nodes, &graph->cap_nodes, graph->n_nodes + 1, sizeof *graph->nodes));
    *value = (int)graph->n_nodes;
    graph->nodes[graph->n_nodes++] = node;
    return RN_OK;
}

/* A node without parameters, of the channels of its first input. */
static rn_node plain(const rn_graph *graph, const rn_op *op, int a, int b) {
    return (rn_node){.op = op,
                     .in = {a, b},
                     .param = {RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM},
                     .channels = graph->nodes[a].channels};
}

/* Find or make the parameter PREFIX.SUFFIX; `want` says all but its name. */
static rn_status parameter(rn_graph *graph, int *index, const char *prefix, const char *suffix,
                           rn_param want) {
    if (strlen(prefix) + strlen(suffix) + 2 > sizeof want.name)
        return rn_fail(RN_EINVAL, "parameter name too long: %s.%s", prefix, suffix);
    strcat(strcat(strcpy(want.name, prefix), "."), suffix);
    const rn_param *found = rn_graph_param(graph, want.name);
    if (found) {
        if (found->out != want.out || found->in != want.in || found->kernel != want.kernel)
            return rn_fail(RN_EINVAL, "%s: shared with another shape", want.name);
        if (found->kind != want.kind || found->trained != want.trained)
            return rn_fail(RN_EINVAL, "%s: shared with another kind", want.name);
        *index = (int)(found - graph->params);
        return RN_OK;
    }
    RN_TRY(
        rn_reserve(&graph->params, &graph->cap_params, graph->n_params + 1, sizeof *graph->params));
    want.count = (size_t)want.out * (size_t)want.in * (size_t)want.kernel * (size_t)want.kernel;
    *index = (int)graph->n_params;
    graph->params[graph->n_params++] = want;
    return RN_OK;
}

static rn_param vector_of(rn_param_kind kind, int channels, bool trained) {
    return (rn_param){.kind = kind, .out = channels, .in = 1, .kernel = 1, .trained = trained};
}

rn_status rn_graph_input(rn_graph *graph, int *value, int channels) {
    graph->eps = graph->bn_eps = 1e-5;
    graph->momentum = 0.1;
    return append(graph, value,
                  (rn_node){.op = &rn_op_input,
                            .in = {RN_NO_VALUE, RN_NO_VALUE},
                            .param = {RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM},
                            .channels = channels});
}

rn_status rn_graph_conv(rn_graph *graph, int *value, int in, const char *name,
                        const rn_conv_spec *spec) {
    rn_node node = plain(graph, &rn_op_conv, in, RN_NO_VALUE);
    rn_param weight = {.kind = RN_PARAM_CONV_WEIGHT,
                       .out = spec->channels,
                       .in = node.channels,
                       .kernel = spec->kernel,
                       .trained = true};
    RN_TRY(parameter(graph, &node.param[0], name, "weight", weight));
    if (spec->bias) {
        rn_param bias = vector_of(RN_PARAM_CONV_BIAS, spec->channels, true);
        RN_TRY(parameter(graph, &node.param[1], name, "bias", bias));
    }
    node.channels = spec->channels;
    node.kernel = spec->kernel;
    node.stride = spec->stride;
    node.pad = spec->pad;
    node.relu = spec->relu ? RN_RELU : RN_LINEAR;
    return append(graph, value, node);
}

rn_status rn_graph_depthwise(rn_graph *graph, int *value, int in, const char *name,
                             const rn_conv_spec *spec) {
    rn_node node = plain(graph, &rn_op_depthwise, in, RN_NO_VALUE);
    const rn_param weight = {.kind = RN_PARAM_CONV_WEIGHT,
                             .out = node.channels,
                             .in = 1,
                             .kernel = spec->kernel,
                             .trained = true};
    RN_TRY(parameter(graph, &node.param[0], name, "weight", weight));
    node.kernel = spec->kernel;
    node.stride = spec->stride;
    node.pad = spec->pad;
    return append(graph, value, node);
}

void rn_graph_pad_same(rn_graph *graph, int value) {
    graph->nodes[value].same = true;
}

rn_status rn_graph_norm(rn_graph *graph, int *value, int in, const char *name, rn_norm_kind kind,
                        int groups, rn_activation relu) {
    static const rn_op *const op[] = {&rn_op_group_norm, &rn_op_batch_norm, &rn_op_frozen_norm};
    rn_node node = plain(graph, op[kind], in, RN_NO_VALUE);
    const int c = node.channels;
    const bool trained = kind != RN_NORM_FROZEN;
    if (kind == RN_NORM_GROUP && (groups < 1 || c % groups != 0))
        return rn_fail(RN_EINVAL, "%s: %d groups do not divide %d channels", name, groups, c);
    RN_TRY(parameter(graph, &node.param[0], name, "weight",
                     vector_of(RN_PARAM_NORM_WEIGHT, c, trained)));
    RN_TRY(
        parameter(graph, &node.param[1], name, "bias", vector_of(RN_PARAM_NORM_BIAS, c, trained)));
    if (kind != RN_NORM_GROUP) {
        RN_TRY(parameter(graph, &node.param[2], name, "running_mean",
                         vector_of(RN_PARAM_NORM_MEAN, c, false)));
        RN_TRY(parameter(graph, &node.param[3], name, "running_var",
                         vector_of(RN_PARAM_NORM_VAR, c, false)));
    }
    node.groups = groups;
    node.relu = relu;
    return append(graph, value, node);
}

rn_status rn_graph_relu(rn_graph *graph, int *value, int in) {
    rn_node node = plain(graph, &rn_op_relu, in, RN_NO_VALUE);
    node.relu = RN_RELU;
    return append(graph, value, node);
}

rn_status rn_graph_dropout(rn_graph *graph, int *value, int in, double rate) {
    rn_node node = plain(graph, &rn_op_dropout, in, RN_NO_VALUE);
    node.rate = rate;
    return append(graph, value, node);
}

rn_status rn_graph_add(rn_graph *graph, int *value, int a, int b, bool relu) {
    rn_node node = plain(graph, &rn_op_add, a, b);
    if (graph->nodes[b].channels != node.channels)
        return rn_fail(RN_EINVAL, "sum of %d and %d channels", node.channels,
                       graph->nodes[b].channels);
    node.relu = relu ? RN_RELU : RN_LINEAR;
    return append(graph, value, node);
}

rn_status rn_graph_max_pool(rn_graph *graph, int *value, int in, int kernel, int stride, int pad) {
    rn_node node = plain(graph, &rn_op_max_pool, in, RN_NO_VALUE);
    node.kernel = kernel;
    node.stride = stride;
    node.pad = pad;
    return append(graph, value, node);
}

rn_status rn_graph_upsample_add(rn_graph *graph, int *value, int lateral, int top) {
    rn_node node = plain(graph, &rn_op_upsample_add, lateral, top);
    if (graph->nodes[top].channels != node.channels)
        return rn_fail(RN_EINVAL, "sum of %d and %d channels", node.channels,
                       graph->nodes[top].channels);
    return append(graph, value, node);
}

rn_status rn_graph_output(rn_graph *graph, int value) {
    RN_TRY(rn_reserve(&graph->outputs, &graph->cap_outputs, graph->n_outputs + 1,
                      sizeof *graph->outputs));
    graph->outputs[graph->n_outputs++] = value;
    return RN_OK;
}

void rn_graph_finish(rn_graph *graph) {
    size_t offset = 0;
    for (int trained = 1; trained >= 0; trained--) {
        for (size_t i = 0; i < graph->n_params; i++) {
            if (graph->params[i].trained != (trained == 1)) continue;
            graph->params[i].offset = offset;
            offset += graph->params[i].count;
        }
        if (trained) graph->n_trained = offset;
    }
    graph->n_stored = offset;
}

const rn_param *rn_graph_param(const rn_graph *graph, const char *name) {
    for (size_t i = 0; i < graph->n_params; i++)
        if (strcmp(graph->params[i].name, name) == 0) return &graph->params[i];
    return NULL;
}
