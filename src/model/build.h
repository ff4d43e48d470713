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

/* ResNet (He et al., arXiv:1512.03385) without its classifier: c[0..2] = C3, C4, C5 (strides 8, 16,
 * 32). Bottlenecks carry their stride in the 3x3, as torchvision's do. */
RN_MUST_USE rn_status rn_build_resnet(rn_graph *graph, int c[3], int image,
                                      const rn_model_config *config);

/* Feature pyramid (Lin et al., arXiv:1612.03144, with P6 and P7 of [1]): p[0..4] = P3..P7 from
 * c[0..2]. */
RN_MUST_USE rn_status rn_build_fpn(rn_graph *graph, int p[5], const int c[3],
                                   const rn_model_config *config);

/* One head's tower and its last convolution on one level. `branch` is
 * "classification_head.cls_logits" and so on in parts. */
RN_MUST_USE rn_status rn_build_head(rn_graph *graph, int *out, int feature, const char *head,
                                    const char *last, int channels, const rn_model_config *config);

#endif
