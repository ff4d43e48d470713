/* network.h: RetinaNet as a graph: a backbone (ResNet or MobileNetV2), FPN, two heads shared by
 * five levels. */
#ifndef RN_MODEL_NETWORK_H
#define RN_MODEL_NETWORK_H

#include "detection/anchors.h"
#include "detection/scoring.h"
#include "model/config.h"
#include "nn/graph.h"
#include "nn/plan.h"

/* Batches are padded to multiples of this, so that every FPN level is twice the next. */
enum { RN_SIZE_MULTIPLE = 32 };

typedef struct rn_network {
    rn_graph graph;
    int cls_logits[RN_LEVELS]; /* values [n, h, w, anchors per cell * logits]: that is [n, h * w *
                                  anchors, logits] */
    int bbox_reg[RN_LEVELS];   /* values [n, h, w, anchors per cell * 4] */
    int stage[RN_STAGES];      /* the last value of each stage of the backbone */
    int anchors_per_cell;
    int classes;
    int logits; /* of an anchor: one more than classes where the scoring is not by sigmoid */
    rn_scoring scoring;
} rn_network;

/* Build the graph that `config` describes, under torchvision's parameter names. RN_EINVAL for a
 * configuration that makes no network, RN_ENOMEM. */
RN_MUST_USE rn_status rn_network_build(rn_network *out, const rn_model_config *config);
void rn_network_free(rn_network *network);

/* Make the first `stages` stages of the backbone (0..RN_STAGES: 1 is the stem, 2 with layer1 ...)
 * constants: their parameters are not trained, their batch norm is frozen, and backward ends above
 * them. Moves the parameters in the block: call before any memory of them exists, and copy no block
 * whole to a network that is not frozen. */
void rn_network_freeze(rn_network *network, int stages);

/* Fill weights [graph.n_stored] for training from scratch. Backbone: He normal by fan-out; FPN: He
 * uniform by fan-in; heads: N(0, 0.01), biases 0, but the class bias -ln((1 - prior) / prior) ([1],
 * section 4.1); with objectness that of objectness alone, with softmax ln(classes (1 - prior) /
 * prior) that of the background alone. Each parameter has a random stream of its own, (seed, its
 * number). */
void rn_network_init(const rn_network *network, real *weights, uint64_t seed, double prior);

/* Anchors of a plan's levels: *out = [total, 4], malloc'ed, level behind level; count[l] of them
 * belong to level l. */
RN_MUST_USE rn_status rn_network_anchors(real **out, size_t count[RN_LEVELS],
                                         const rn_network *network, const rn_model_config *config,
                                         const rn_plan *plan);

/* Multiply-adds of a node's forward, times two: floating point operations. Convolutions alone
 * count. */
double rn_network_node_flops(const rn_plan *plan, int node);
/* Of one forward walk over `plan`'s shapes. */
double rn_network_flops(const rn_network *network, const rn_plan *plan);

#endif
