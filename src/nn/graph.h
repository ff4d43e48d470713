/* graph.h: a network as a flat array of nodes in execution order.
 *
 * Node i produces value i; its inputs are earlier values. Parameters are named and lie one behind
 * the other in one flat block, so that the optimizer, clipping and saving are single loops; a
 * parameter may serve many nodes (the heads serve five levels), because backward adds. A graph
 * knows channels but no picture sizes: plan.h adds those. */
#ifndef RN_NN_GRAPH_H
#define RN_NN_GRAPH_H

#include "base/real.h"
#include "base/status.h"
#include "ops/pointwise.h"

typedef struct rn_op rn_op; /* op.h */

enum { RN_NO_VALUE = -1, RN_NO_PARAM = -1, RN_NODE_INPUTS = 2, RN_NODE_PARAMS = 4 };
enum { RN_PARAM_NAME = 112 }; /* bytes, with the final zero */

/* What a parameter is: decides initialisation, weight decay and the layout in files. */
typedef enum rn_param_kind {
    RN_PARAM_CONV_WEIGHT, /* [out, kernel, kernel, in] here, [out, in, kernel, kernel] in files;
                             depthwise: in = 1 */
    RN_PARAM_CONV_BIAS,
    RN_PARAM_NORM_WEIGHT,
    RN_PARAM_NORM_BIAS,
    RN_PARAM_NORM_MEAN, /* running statistics: stored, not trained */
    RN_PARAM_NORM_VAR,
} rn_param_kind;

typedef struct rn_param {
    char name[RN_PARAM_NAME]; /* torchvision's state_dict name */
    rn_param_kind kind;
    int out, in, kernel; /* vectors have in = kernel = 1 */
    size_t count;        /* out * in * kernel * kernel */
    size_t offset;       /* reals from the start of the block */
    bool trained;        /* has a gradient; all trained parameters stand before all others */
} rn_param;

typedef struct rn_node {
    const rn_op *op;
    int in[RN_NODE_INPUTS];    /* values, RN_NO_VALUE for none */
    int param[RN_NODE_PARAMS]; /* weight, bias, running mean, running var; RN_NO_PARAM for none */
    int channels;              /* of the output */
    int kernel, stride, pad;   /* convolution and pooling */
    bool same;                 /* convolution: where TensorFlow pads, see rn_graph_pad_same */
    int groups;                /* group norm */
    double rate;               /* dropout */
    rn_activation relu;        /* on the output */
} rn_node;

typedef struct rn_graph {
    rn_node *nodes; /* [n_nodes] in execution order */
    size_t n_nodes, cap_nodes;
    rn_param *params; /* [n_params] in order of creation */
    size_t n_params, cap_params;
    size_t n_trained; /* reals of trained parameters; valid after rn_graph_finish */
    size_t n_stored;  /* reals of all parameters */
    int *outputs; /* [n_outputs] values that outlive the forward walk and start the backward walk */
    size_t n_outputs, cap_outputs;
    double eps;      /* of group norm; 1e-5 */
    double bn_eps;   /* of batch norm, frozen or not; 1e-5 */
    double momentum; /* of batch norm's running statistics; 0.1 */
} rn_graph;

void rn_graph_free(rn_graph *graph); /* and zero it */

/* Builders: append a node and give its value. RN_ENOMEM, or RN_EINVAL when inputs do not fit. */
RN_MUST_USE rn_status rn_graph_input(rn_graph *graph, int *value, int channels);

/* A convolution `name`.weight (and `name`.bias). A name that exists already is shared. */
typedef struct rn_conv_spec {
    int channels, kernel, stride, pad;
    bool bias, relu;
} rn_conv_spec;
RN_MUST_USE rn_status rn_graph_conv(rn_graph *graph, int *value, int in, const char *name,
                                    const rn_conv_spec *spec);
/* A depthwise convolution `name`.weight: one filter a channel, neither bias nor ReLU. Of `spec`
 * kernel, stride and pad count. */
RN_MUST_USE rn_status rn_graph_depthwise(rn_graph *graph, int *value, int in, const char *name,
                                         const rn_conv_spec *spec);
/* Let a convolution of either kind, of an odd kernel with pad = kernel / 2, pad as TensorFlow's
 * SAME does: its output is as large as before, but where the stride leaves an odd zero over, that
 * stands below or to the right. */
void rn_graph_pad_same(rn_graph *graph, int value);

typedef enum rn_norm_kind { RN_NORM_GROUP, RN_NORM_BATCH, RN_NORM_FROZEN } rn_norm_kind;
/* A normalisation `name`.weight, .bias (and .running_mean, .running_var). `groups` matters for
 * RN_NORM_GROUP. */
RN_MUST_USE rn_status rn_graph_norm(rn_graph *graph, int *value, int in, const char *name,
                                    rn_norm_kind kind, int groups, rn_activation relu);
RN_MUST_USE rn_status rn_graph_relu(rn_graph *graph, int *value, int in);
/* Dropout with that rate, 0 <= rate < 1: in an inference plan the identity. */
RN_MUST_USE rn_status rn_graph_dropout(rn_graph *graph, int *value, int in, double rate);
RN_MUST_USE rn_status rn_graph_add(rn_graph *graph, int *value, int a, int b, bool relu);
RN_MUST_USE rn_status rn_graph_max_pool(rn_graph *graph, int *value, int in, int kernel, int stride,
                                        int pad);
/* lateral + nearest(top) at the lateral's size. */
RN_MUST_USE rn_status rn_graph_upsample_add(rn_graph *graph, int *value, int lateral, int top);
RN_MUST_USE rn_status rn_graph_output(rn_graph *graph, int value);

/* Lay the parameters out, trained ones first. Call once, after the last builder. */
void rn_graph_finish(rn_graph *graph);

/* The parameter of that name, NULL if there is none. */
const rn_param *rn_graph_param(const rn_graph *graph, const char *name);

#endif
