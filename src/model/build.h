/* build.h: the parts that network.c puts together. Each appends nodes to a graph, for a
 * configuration that rn_model_config_check has passed. Private to src/model. */
#ifndef RN_MODEL_BUILD_H
#define RN_MODEL_BUILD_H

#include "model/config.h"
#include "nn/graph.h"

enum { RN_RESNET_STAGES = 4 };

/* Groups of a GroupNorm of that many channels. */
int rn_norm_groups(const rn_model_config *config, int channels);

/* How many blocks each stage of a ResNet of that depth has; NULL for a depth that there is not. */
const int *rn_resnet_blocks(int depth);

/* ResNet (He et al., arXiv:1512.03385) without its classifier: stage[i] = the last value of each
 * stage. Bottlenecks carry their stride in the 3x3, as torchvision's do. */
RN_MUST_USE rn_status rn_build_resnet(rn_graph *graph, int stage[RN_STAGES], int image,
                                      const rn_model_config *config);

/* Every channel count of a MobileNetV2 is a multiple of this. */
enum { RN_MOBILENET_MULTIPLE = 8 };
/* What `channels` of its table become for the configuration's width; 32 are the stem's. */
int rn_mobilenet_channels(const rn_model_config *config, int channels);
/* MobileNetV2 (Sandler et al., arXiv:1801.04381, table 2) without its last 1x1 convolution and
 * classifier, under the names of torchvision's mobilenet_backbone: layer N of its `features` is
 * backbone.body.N. stage[i] = the last bottleneck before each stride: outputs of layers 1, 3, 6, 13
 * and 17, linear, of 16, 24, 32, 96 and 320 channels times width / 32. */
RN_MUST_USE rn_status rn_build_mobilenet(rn_graph *graph, int stage[RN_STAGES], int image,
                                         const rn_model_config *config);

/* Feature pyramid (Lin et al., arXiv:1612.03144, with P6 and P7 of [1]): p[0..4] = P3..P7 from
 * c[0..2]. */
RN_MUST_USE rn_status rn_build_fpn(rn_graph *graph, int p[5], const int c[3],
                                   const rn_model_config *config);

/* One head: out[level] = its last convolution `last` on the level p[level]. Layer by layer, all
 * levels of a layer side by side: they share its weights and are computed as one job. */
RN_MUST_USE rn_status rn_build_head(rn_graph *graph, int out[RN_LEVELS], const int p[RN_LEVELS],
                                    const char *head, const char *last, int channels,
                                    const rn_model_config *config);

#endif
