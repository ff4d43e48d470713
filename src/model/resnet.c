#include "model/build.h"

#include <stdio.h>

int rn_norm_groups(const rn_model_config *config, int channels) {
    return config->groups > 0 ? config->groups : channels / config->group_channels;
}

/* A convolution without bias and its normalisation: PREFIX.CONV and PREFIX.NORM. */
typedef struct conv_norm {
    const char *conv, *norm;
    int channels, kernel, stride;
    bool relu;
} conv_norm;

static rn_status add_conv_norm(rn_graph *graph, int *value, int in, const char *prefix,
                               const conv_norm *part, const rn_model_config *config) {
    char name[RN_PARAM_NAME];
    const rn_conv_spec spec = {part->channels,   part->kernel, part->stride,
                               part->kernel / 2, false,        false};
    snprintf(name, sizeof name, "%s.%s", prefix, part->conv);
    RN_TRY(rn_graph_conv(graph, value, in, name, &spec));
    snprintf(name, sizeof name, "%s.%s", prefix, part->norm);
    return rn_graph_norm(graph, value, *value, name, (rn_norm_kind)config->norm,
                         rn_norm_groups(config, part->channels), part->relu);
}

/* Two 3x3 convolutions, or a bottleneck 1x1, 3x3, 1x1, around an identity (projected where the
 * shape changes). */
static rn_status add_block(rn_graph *graph, int *value, const char *prefix, int width, int stride,
                           const rn_model_config *config) {
    const bool bottleneck = config->depth >= 50;
    const int out = bottleneck ? 4 * width : width, in = graph->nodes[*value].channels;
    const conv_norm basic[] = {{"conv1", "bn1", width, 3, stride, true},
                               {"conv2", "bn2", width, 3, 1, false}};
    const conv_norm deep[] = {{"conv1", "bn1", width, 1, 1, true},
                              {"conv2", "bn2", width, 3, stride, true},
                              {"conv3", "bn3", out, 1, 1, false}};
    const conv_norm projection = {"downsample.0", "downsample.1", out, 1, stride, false};
    int identity = *value, branch = *value;
    for (int i = 0; i < (bottleneck ? 3 : 2); i++)
        RN_TRY(add_conv_norm(graph, &branch, branch, prefix, bottleneck ? &deep[i] : &basic[i],
                             config));
    if (stride != 1 || in != out)
        RN_TRY(add_conv_norm(graph, &identity, identity, prefix, &projection, config));
    return rn_graph_add(graph, value, branch, identity, true);
}

const int *rn_resnet_blocks(int depth) {
    static const struct {
        int depth, blocks[RN_RESNET_STAGES];
    } table[] = {{10, {1, 1, 1, 1}},
                 {18, {2, 2, 2, 2}},
                 {34, {3, 4, 6, 3}},
                 {50, {3, 4, 6, 3}},
                 {101, {3, 4, 23, 3}}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].depth == depth) return table[i].blocks;
    return NULL;
}

rn_status rn_build_resnet(rn_graph *graph, int stage[RN_STAGES], int image,
                          const rn_model_config *config) {
    const char *body = "backbone.body";
    const int *blocks = rn_resnet_blocks(config->depth);
    int value = image;
    const conv_norm stem = {"conv1", "bn1", config->width, 7, 2, true};
    RN_TRY(add_conv_norm(graph, &value, value, body, &stem, config));
    stage[0] = value;
    RN_TRY(rn_graph_max_pool(graph, &value, value, 3, 2, 1));
    for (int layer = 0; layer < RN_RESNET_STAGES; layer++) {
        for (int i = 0; i < blocks[layer]; i++) {
            char prefix[64];
            snprintf(prefix, sizeof prefix, "%s.layer%d.%d", body, layer + 1, i);
            RN_TRY(add_block(graph, &value, prefix, config->width << layer,
                             layer > 0 && i == 0 ? 2 : 1, config));
        }
        stage[layer + 1] = value;
    }
    return RN_OK;
}
