#include "model/build.h"

#include <stdio.h>

/* A convolution without bias, its normalisation and ReLU6: LAYER.CONV and LAYER.NORM. */
typedef struct conv_norm {
    const char *conv, *norm;
    int channels, kernel, stride;
    bool depthwise;
    rn_activation relu;
} conv_norm;

static rn_status add_conv_norm(rn_graph *graph, int *value, int layer, const conv_norm *part,
                               const rn_model_config *config) {
    char name[RN_PARAM_NAME];
    const rn_conv_spec spec = {.channels = part->channels,
                               .kernel = part->kernel,
                               .stride = part->stride,
                               .pad = part->kernel / 2};
    snprintf(name, sizeof name, "backbone.body.%d.%s", layer, part->conv);
    if (part->depthwise)
        RN_TRY(rn_graph_depthwise(graph, value, *value, name, &spec));
    else
        RN_TRY(rn_graph_conv(graph, value, *value, name, &spec));
    if (config->same_padding) rn_graph_pad_same(graph, *value);
    snprintf(name, sizeof name, "backbone.body.%d.%s", layer, part->norm);
    return rn_graph_norm(graph, value, *value, name, (rn_norm_kind)config->norm,
                         rn_norm_groups(config, part->channels), part->relu);
}

/* Inverted residual: 1x1 to `expansion` times the channels, 3x3 depthwise, 1x1 without activation,
 * around an identity where the shape stays (section 3.3). */
static rn_status add_block(rn_graph *graph, int *value, int layer, int expansion, int channels,
                           int stride, const rn_model_config *config) {
    const int identity = *value, in = graph->nodes[*value].channels, wide = in * expansion;
    const conv_norm expanded[] = {{"conv.0.0", "conv.0.1", wide, 1, 1, false, RN_RELU6},
                                  {"conv.1.0", "conv.1.1", wide, 3, stride, true, RN_RELU6},
                                  {"conv.2", "conv.3", channels, 1, 1, false, RN_LINEAR}};
    const conv_norm plain[] = {{"conv.0.0", "conv.0.1", wide, 3, stride, true, RN_RELU6},
                               {"conv.1", "conv.2", channels, 1, 1, false, RN_LINEAR}};
    for (int i = 0; i < (expansion > 1 ? 3 : 2); i++)
        RN_TRY(
            add_conv_norm(graph, value, layer, expansion > 1 ? &expanded[i] : &plain[i], config));
    if (stride != 1 || in != channels) return RN_OK;
    return rn_graph_add(graph, value, *value, identity, false);
}

/* As torchvision rounds: to a multiple, but never down by more than a tenth. */
int rn_mobilenet_channels(const rn_model_config *config, int channels) {
    const int m = RN_MOBILENET_MULTIPLE, exact = channels * config->width; /* 32 times too large */
    int result = (exact / 32 + m / 2) / m * m;
    if (result < m) result = m;
    return 10 * 32 * result < 9 * exact ? result + m : result;
}

rn_status rn_build_mobilenet(rn_graph *graph, int stage[RN_STAGES], int image,
                             const rn_model_config *config) {
    static const struct {
        int expansion, channels, blocks, stride, stage; /* stage that it ends, -1 for none */
    } rows[] = {{1, 16, 1, 1, 0}, {6, 24, 2, 2, 1},   {6, 32, 3, 2, 2}, {6, 64, 4, 2, -1},
                {6, 96, 3, 1, 3}, {6, 160, 3, 2, -1}, {6, 320, 1, 1, 4}};
    const conv_norm stem = {"0", "1", rn_mobilenet_channels(config, 32), 3, 2, false, RN_RELU6};
    int value = image, layer = 0;
    RN_TRY(add_conv_norm(graph, &value, layer++, &stem, config));
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        for (int i = 0; i < rows[row].blocks; i++)
            RN_TRY(add_block(graph, &value, layer++, rows[row].expansion,
                             rn_mobilenet_channels(config, rows[row].channels),
                             i == 0 ? rows[row].stride : 1, config));
        if (rows[row].stage >= 0) stage[rows[row].stage] = value;
    }
    return RN_OK;
}
