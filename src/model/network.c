#include "model/network.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/build.h"
#include "nn/op.h"

#include <stdlib.h>
#include <string.h>

void rn_network_free(rn_network *network) {
    rn_graph_free(&network->graph);
    *network = (rn_network){0};
}

static rn_anchor_spec anchor_spec(const rn_model_config *config) {
    rn_anchor_spec spec = {.n_scales = (int)config->n_anchor_scales,
                           .n_ratios = (int)config->n_anchor_ratios,
                           .offset = config->anchor_offset,
                           .rounded = config->anchor_rounded};
    memcpy(spec.sides, config->anchor_sides, sizeof spec.sides);
    memcpy(spec.scales, config->anchor_scales, sizeof spec.scales);
    memcpy(spec.ratios, config->anchor_ratios, sizeof spec.ratios);
    return spec;
}

static rn_status build(rn_network *network, const rn_model_config *config) {
    rn_graph *graph = &network->graph;
    int image, p[RN_LEVELS];
    RN_TRY(rn_graph_input(graph, &image, 3));
    graph->bn_eps = config->bn_eps;
    if (config->backbone == RN_BACKBONE_MOBILENET_V2)
        RN_TRY(rn_build_mobilenet(graph, network->stage, image, config));
    else
        RN_TRY(rn_build_resnet(graph, network->stage, image, config));
    RN_TRY(rn_build_fpn(graph, p, network->stage + RN_C3, config));
    const int a = network->anchors_per_cell;
    RN_TRY(rn_build_head(graph, network->cls_logits, p, "classification_head", "cls_logits",
                         a * network->logits, config));
    RN_TRY(
        rn_build_head(graph, network->bbox_reg, p, "regression_head", "bbox_reg", a * 4, config));
    for (int l = 0; l < RN_LEVELS; l++) {
        RN_TRY(rn_graph_output(graph, network->cls_logits[l]));
        RN_TRY(rn_graph_output(graph, network->bbox_reg[l]));
    }
    rn_graph_finish(graph);
    return RN_OK;
}

rn_status rn_network_build(rn_network *out, const rn_model_config *config) {
    const rn_anchor_spec spec = anchor_spec(config);
    rn_network network = {
        .anchors_per_cell = rn_anchors_per_cell(&spec),
        .classes = (int)config->n_classes,
        .logits = rn_scoring_logits((rn_scoring)config->scoring, (int)config->n_classes),
        .scoring = (rn_scoring)config->scoring};
    *out = (rn_network){0};
    RN_TRY(rn_model_config_check(config));
    if (network.classes < 1) return rn_fail(RN_EINVAL, "a model needs at least one class");
    const rn_status status = build(&network, config);
    if (status == RN_OK)
        *out = network;
    else
        rn_network_free(&network);
    return status;
}

void rn_network_freeze(rn_network *network, int stages) {
    rn_graph *graph = &network->graph;
    if (stages < 1) return;
    for (int i = 0; i <= network->stage[stages - 1]; i++) {
        rn_node *node = &graph->nodes[i];
        for (int k = 0; k < RN_NODE_PARAMS; k++)
            if (node->param[k] != RN_NO_PARAM) graph->params[node->param[k]].trained = false;
        if (node->op == &rn_op_batch_norm) node->op = &rn_op_frozen_norm;
    }
    rn_graph_finish(graph);
}

/* ---- initialisation ---- */

static bool begins(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void init_conv(real *weight, const rn_param *param, rn_random *random) {
    const double area = (double)param->kernel * param->kernel;
    if (begins(param->name, "head.")) {
        for (size_t i = 0; i < param->count; i++)
            weight[i] = (real)(0.01 * rn_random_normal(random));
    } else if (begins(param->name, "backbone.fpn.")) { /* He uniform, gain 1: sqrt(3 / fan_in) */
        const double bound = sqrt(3.0 / (param->in * area));
        for (size_t i = 0; i < param->count; i++)
            weight[i] = (real)rn_random_uniform(random, -bound, bound);
    } else { /* He normal: sqrt(2 / fan_out); a depthwise filter feeds one channel */
        const double deviation = sqrt(2.0 / ((param->in == 1 ? 1 : param->out) * area));
        for (size_t i = 0; i < param->count; i++)
            weight[i] = (real)(deviation * rn_random_normal(random));
    }
}

/* Bias of an anchor's logit k, before anything is learnt. */
static real class_bias(const rn_network *network, int k, double prior) {
    const double odds = (1 - prior) / prior;
    const bool last = k == network->logits - 1;
    switch (network->scoring) {
    case RN_SCORING_SIGMOID:
        break;
    case RN_SCORING_SOFTMAX:
        return last ? (real)log(network->classes * odds) : 0;
    case RN_SCORING_OBJECTNESS:
        return last ? (real)-log(odds) : 0;
    }
    return (real)-log(odds);
}

void rn_network_init(const rn_network *network, real *weights, uint64_t seed, double prior) {
    const rn_graph *graph = &network->graph;
    for (size_t i = 0; i < graph->n_params; i++) {
        const rn_param *param = &graph->params[i];
        real *weight = weights + param->offset;
        rn_random random = rn_random_seed(seed, i, 0);
        real value = 0;
        if (param->kind == RN_PARAM_CONV_WEIGHT) {
            init_conv(weight, param, &random);
            continue;
        }
        if (param->kind == RN_PARAM_NORM_WEIGHT || param->kind == RN_PARAM_NORM_VAR) value = 1;
        const bool is_class = strcmp(param->name, "head.classification_head.cls_logits.bias") == 0;
        for (size_t k = 0; k < param->count; k++)
            weight[k] =
                is_class ? class_bias(network, (int)(k % (size_t)network->logits), prior) : value;
    }
}

/* ---- what follows from a plan ---- */

rn_status rn_network_anchors(real **out, size_t count[RN_LEVELS], const rn_network *network,
                             const rn_model_config *config, const rn_plan *plan) {
    const rn_anchor_spec spec = anchor_spec(config);
    const rn_shape *image = &plan->shape[0];
    size_t total = 0;
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_shape *shape = &plan->shape[network->bbox_reg[l]];
        count[l] = (size_t)shape->h * (size_t)shape->w * (size_t)network->anchors_per_cell;
        total += count[l];
    }
    RN_TRY(rn_alloc(out, total, 4 * sizeof **out));
    real *anchors = *out;
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_shape *shape = &plan->shape[network->bbox_reg[l]];
        /* torchvision divides the padded size by the grid; ours is the level's stride, which
         * differs where the size is no multiple. */
        const double stride_y = spec.rounded ? image->h / shape->h : 8 << l;
        const double stride_x = spec.rounded ? image->w / shape->w : 8 << l;
        rn_anchors_level(anchors, &spec, l, shape->h, shape->w, stride_y, stride_x);
        anchors += 4 * count[l];
    }
    return RN_OK;
}

double rn_network_node_flops(const rn_plan *plan, int i) {
    const rn_node *node = &plan->graph->nodes[i];
    if (node->kernel == 0 || node->param[0] == RN_NO_PARAM) return 0;
    return 2.0 * (double)rn_shape_count(&plan->shape[i]) * plan->graph->params[node->param[0]].in *
           node->kernel * node->kernel;
}

double rn_network_flops(const rn_network *network, const rn_plan *plan) {
    double flops = 0;
    for (size_t i = 0; i < network->graph.n_nodes; i++)
        flops += rn_network_node_flops(plan, (int)i);
    return flops;
}
