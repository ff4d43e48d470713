#include "model/onnx.h"
#include "base/memory.h"
#include "model/protobuf.h"
#include "nn/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of the messages in onnx.proto3. */
enum {
    MODEL_IR = 1,
    MODEL_PRODUCER = 2,
    MODEL_GRAPH = 7,
    MODEL_OPERATORS = 8,
    MODEL_METADATA = 14
};
enum { OPERATORS_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { ATTR_IS_FLOAT = 1, ATTR_IS_INT = 2, ATTR_IS_STRING = 3, ATTR_IS_INTS = 7 };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_BYTES = 9 };
enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_LENGTH = 1, DIM_NAME = 2 };

enum { IR_VERSION = 8, OPERATORS = 17 };

typedef struct onnx {
    rn_protobuf *out;
    const rn_network *network;
    const rn_tensor_entry *entries;
    bool *written; /* [n_params]: shared parameters are written once */
} onnx;

/* ---- names ---- */

typedef struct name {
    char text[160];
} name;

/* Value i of the graph is "i" here; the first is the input. */
static name whole(int value) {
    name n = {"images"};
    if (value > 0) snprintf(n.text, sizeof n.text, "%d", value);
    return n;
}

/* What belongs to the calculation of a value: "i.PART". */
static name part(int value, const char *suffix) {
    name n;
    snprintf(n.text, sizeof n.text, "%d.%s", value, suffix);
    return n;
}

static name param(const onnx *o, const rn_node *node, int slot) {
    name n;
    snprintf(n.text, sizeof n.text, "%s", o->entries[node->param[slot]].name);
    return n;
}

static name nothing(void) {
    return (name){""};
}

/* What a node gives; a ReLU comes behind "i.linear". */
static name result(const onnx *o, int value) {
    return o->network->graph.nodes[value].relu ? part(value, "linear") : whole(value);
}

/* ---- nodes and attributes ---- */

#define NAMES(...) (const name[]){__VA_ARGS__}, sizeof(const name[]){__VA_ARGS__} / sizeof(name)

/* Attributes may follow until rn_protobuf_end. */
static size_t begin_node(const onnx *o, const char *op, name out, const name *in, size_t n_in) {
    const size_t node = rn_protobuf_begin(o->out, GRAPH_NODE);
    for (size_t i = 0; i < n_in; i++) rn_protobuf_string(o->out, NODE_INPUT, in[i].text);
    rn_protobuf_string(o->out, NODE_OUTPUT, out.text);
    rn_protobuf_string(o->out, NODE_OP, op);
    return node;
}

static void put_node(const onnx *o, const char *op, name out, const name *in, size_t n_in) {
    rn_protobuf_end(o->out, begin_node(o, op, out, in, n_in));
}

static size_t begin_attribute(const onnx *o, const char *key, int type) {
    const size_t attribute = rn_protobuf_begin(o->out, NODE_ATTRIBUTE);
    rn_protobuf_string(o->out, ATTR_NAME, key);
    rn_protobuf_int(o->out, ATTR_TYPE, type);
    return attribute;
}

static void put_int(const onnx *o, const char *key, int64_t value) {
    const size_t attribute = begin_attribute(o, key, ATTR_IS_INT);
    rn_protobuf_int(o->out, ATTR_I, value);
    rn_protobuf_end(o->out, attribute);
}

static void put_ints(const onnx *o, const char *key, const int64_t *values, size_t n) {
    const size_t attribute = begin_attribute(o, key, ATTR_IS_INTS);
    for (size_t i = 0; i < n; i++) rn_protobuf_int(o->out, ATTR_INTS, values[i]);
    rn_protobuf_end(o->out, attribute);
}

static void put_float(const onnx *o, const char *key, double value) {
    const size_t attribute = begin_attribute(o, key, ATTR_IS_FLOAT);
    rn_protobuf_float(o->out, ATTR_F, (float)value);
    rn_protobuf_end(o->out, attribute);
}

static void put_text(const onnx *o, const char *key, const char *value) {
    const size_t attribute = begin_attribute(o, key, ATTR_IS_STRING);
    rn_protobuf_string(o->out, ATTR_S, value);
    rn_protobuf_end(o->out, attribute);
}

static void put_window(const onnx *o, const rn_node *node) {
    const int64_t kernel = node->kernel, stride = node->stride, pad = node->pad;
    put_ints(o, "kernel_shape", (int64_t[]){kernel, kernel}, 2);
    put_ints(o, "strides", (int64_t[]){stride, stride}, 2);
    if (node->same)
        put_text(o, "auto_pad", "SAME_UPPER"); /* TensorFlow's: the odd zero stands behind */
    else
        put_ints(o, "pads", (int64_t[]){pad, pad, pad, pad}, 4);
}

/* ---- tensors ---- */

/* Room for the tensor's bytes; NULL after a failure. */
static uint8_t *put_tensor(const onnx *o, const char *key, int type, const size_t *dims, int n_dims,
                           size_t size) {
    const size_t tensor = rn_protobuf_begin(o->out, GRAPH_TENSOR);
    for (int i = 0; i < n_dims; i++) rn_protobuf_int(o->out, TENSOR_DIM, (int64_t)dims[i]);
    rn_protobuf_int(o->out, TENSOR_TYPE, type);
    rn_protobuf_string(o->out, TENSOR_NAME, key);
    uint8_t *bytes = rn_protobuf_bytes(o->out, TENSOR_BYTES, size);
    rn_protobuf_end(o->out, tensor);
    return bytes;
}

/* The parameters of a node, unless an earlier one wrote them. A vector that is the operand of a sum
 * or product over [n, c, h, w] has the shape [c, 1, 1]. */
static void put_params(const onnx *o, const rn_node *node, bool operand) {
    for (int slot = 0; slot < RN_NODE_PARAMS; slot++) {
        const int index = node->param[slot];
        if (index == RN_NO_PARAM || o->written[index]) continue;
        const rn_tensor_entry *e = &o->entries[index];
        const size_t column[] = {e->dims[0], 1, 1};
        uint8_t *bytes = put_tensor(o, e->name, TYPE_FLOAT, operand ? column : e->dims,
                                    operand ? 3 : e->n_dims, rn_tensor_entry_size(e));
        if (bytes) rn_tensor_entry_encode(bytes, e);
        o->written[index] = true;
    }
}

static void put_shape(const onnx *o, name key, const int64_t *shape, size_t n) {
    uint8_t *bytes = put_tensor(o, key.text, TYPE_INT64, &n, 1, n * sizeof *shape);
    if (bytes) memcpy(bytes, shape, n * sizeof *shape);
}

/* A vector [n] of one number. */
static void put_constant(const onnx *o, name key, float number, size_t n) {
    uint8_t *bytes = put_tensor(o, key.text, TYPE_FLOAT, &n, 1, n * sizeof number);
    for (size_t i = 0; bytes && i < n; i++)
        memcpy(bytes + i * sizeof number, &number, sizeof number);
}

static void put_scalar(const onnx *o, name key, float number) {
    uint8_t *bytes = put_tensor(o, key.text, TYPE_FLOAT, NULL, 0, sizeof number);
    if (bytes) memcpy(bytes, &number, sizeof number);
}

/* ---- the graph's operations ---- */

static void put_conv(const onnx *o, int value, const rn_node *node) {
    const name in[] = {whole(node->in[0]), param(o, node, 0),
                       node->param[1] == RN_NO_PARAM ? nothing() : param(o, node, 1)};
    put_params(o, node, false);
    const size_t conv =
        begin_node(o, "Conv", result(o, value), in, node->param[1] == RN_NO_PARAM ? 2 : 3);
    put_window(o, node);
    if (node->op == &rn_op_depthwise) put_int(o, "group", node->channels);
    rn_protobuf_end(o->out, conv);
}

static void put_batch_norm(const onnx *o, int value, const rn_node *node) {
    put_params(o, node, false);
    const size_t norm = begin_node(o, "BatchNormalization", result(o, value),
                                   NAMES(whole(node->in[0]), param(o, node, 0), param(o, node, 1),
                                         param(o, node, 2), param(o, node, 3)));
    put_float(o, "epsilon", o->network->graph.bn_eps);
    rn_protobuf_end(o->out, norm);
}

/* GroupNormalization came with operator set 18, was mended in 21 and is not everywhere yet. A group
 * is normalised as one channel that has the pixels of all of the group's. */
static void put_group_norm(const onnx *o, int value, const rn_node *node) {
    const name in = whole(node->in[0]), groups = part(value, "groups"), one = part(value, "one"),
               zero = part(value, "zero"), grouped = part(value, "grouped"),
               normal = part(value, "normal"), shape = part(value, "shape"),
               normalised = part(value, "normalised"), scaled = part(value, "scaled");
    put_params(o, node, true);
    put_shape(o, groups, (int64_t[]){0, node->groups, -1}, 3);
    put_constant(o, one, 1, (size_t)node->groups);
    put_constant(o, zero, 0, (size_t)node->groups);
    put_node(o, "Reshape", grouped, NAMES(in, groups));
    const size_t norm = begin_node(o, "InstanceNormalization", normal, NAMES(grouped, one, zero));
    put_float(o, "epsilon", o->network->graph.eps);
    rn_protobuf_end(o->out, norm);
    put_node(o, "Shape", shape, NAMES(in));
    put_node(o, "Reshape", normalised, NAMES(normal, shape));
    put_node(o, "Mul", scaled, NAMES(normalised, param(o, node, 0)));
    put_node(o, "Add", result(o, value), NAMES(scaled, param(o, node, 1)));
}

static void put_relu(const onnx *o, int value, const rn_node *node) {
    put_node(o, "Relu", whole(value), NAMES(whole(node->in[0])));
}

/* Nothing is dropped in use. */
static void put_dropout(const onnx *o, int value, const rn_node *node) {
    put_node(o, "Identity", result(o, value), NAMES(whole(node->in[0])));
}

static void put_add(const onnx *o, int value, const rn_node *node) {
    put_node(o, "Add", result(o, value), NAMES(whole(node->in[0]), whole(node->in[1])));
}

static void put_max_pool(const onnx *o, int value, const rn_node *node) {
    const size_t pool = begin_node(o, "MaxPool", result(o, value), NAMES(whole(node->in[0])));
    put_window(o, node);
    rn_protobuf_end(o->out, pool);
}

/* Dimensions [from, to) of a value. */
static void put_dims(const onnx *o, name out, int value, int from, int to) {
    const size_t shape = begin_node(o, "Shape", out, NAMES(whole(value)));
    put_int(o, "start", from);
    put_int(o, "end", to);
    rn_protobuf_end(o->out, shape);
}

static void put_upsample_add(const onnx *o, int value, const rn_node *node) {
    const int lateral = node->in[0], top = node->in[1];
    const name channels = part(value, "channels"), side = part(value, "side"),
               size = part(value, "size"), large = part(value, "large");
    put_dims(o, channels, top, 0, 2);
    put_dims(o, side, lateral, 2, 4);
    size_t node_begin = begin_node(o, "Concat", size, NAMES(channels, side));
    put_int(o, "axis", 0);
    rn_protobuf_end(o->out, node_begin);
    node_begin = begin_node(o, "Resize", large, NAMES(whole(top), nothing(), nothing(), size));
    put_text(o, "mode", "nearest");
    put_text(o, "coordinate_transformation_mode", "asymmetric"); /* pixel i is i / scale ... */
    put_text(o, "nearest_mode", "floor");                        /* ... rounded down */
    rn_protobuf_end(o->out, node_begin);
    put_node(o, "Add", result(o, value), NAMES(whole(lateral), large));
}

static void put_activation(const onnx *o, int value, rn_activation activation) {
    const name linear = part(value, "linear"), zero = part(value, "low"), six = part(value, "high");
    if (activation == RN_RELU) put_node(o, "Relu", whole(value), NAMES(linear));
    if (activation != RN_RELU6) return;
    put_scalar(o, zero, 0);
    put_scalar(o, six, 6);
    put_node(o, "Clip", whole(value), NAMES(linear, zero, six));
}

static rn_status put_value(const onnx *o, int value) {
    static const struct {
        const rn_op *op;
        void (*put)(const onnx *o, int value, const rn_node *node);
    } table[] = {{&rn_op_conv, put_conv},
                 {&rn_op_depthwise, put_conv},
                 {&rn_op_group_norm, put_group_norm},
                 {&rn_op_batch_norm, put_batch_norm},
                 {&rn_op_frozen_norm, put_batch_norm},
                 {&rn_op_relu, put_relu},
                 {&rn_op_dropout, put_dropout},
                 {&rn_op_add, put_add},
                 {&rn_op_max_pool, put_max_pool},
                 {&rn_op_upsample_add, put_upsample_add}};
    const rn_node *node = &o->network->graph.nodes[value];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].op != node->op) continue;
        table[i].put(o, value, node);
        if (node->op != &rn_op_relu) put_activation(o, value, node->relu);
        return RN_OK;
    }
    return rn_fail(RN_EINVAL, "no ONNX is known for the operation %s", node->op->name);
}

/* ---- inputs and outputs ---- */

/* A dimension of a length, or of a name where that differs from call to call. */
typedef struct dimension {
    const char *name;
    int length;
} dimension;

static void put_info(const onnx *o, unsigned field, const char *key, const dimension *dims,
                     int n_dims) {
    const size_t info = rn_protobuf_begin(o->out, field);
    rn_protobuf_string(o->out, VALUE_NAME, key);
    const size_t type = rn_protobuf_begin(o->out, VALUE_TYPE);
    const size_t tensor = rn_protobuf_begin(o->out, TYPE_TENSOR);
    rn_protobuf_int(o->out, TENSOR_ELEMENT, TYPE_FLOAT);
    const size_t shape = rn_protobuf_begin(o->out, TENSOR_SHAPE);
    for (int i = 0; i < n_dims; i++) {
        const size_t dim = rn_protobuf_begin(o->out, SHAPE_DIM);
        if (dims[i].name)
            rn_protobuf_string(o->out, DIM_NAME, dims[i].name);
        else
            rn_protobuf_int(o->out, DIM_LENGTH, dims[i].length);
        rn_protobuf_end(o->out, dim);
    }
    rn_protobuf_end(o->out, shape);
    rn_protobuf_end(o->out, tensor);
    rn_protobuf_end(o->out, type);
    rn_protobuf_end(o->out, info);
}

/* [n, anchors * numbers, h, w] to [n, h * w * anchors, numbers], the order of the anchors. */
static void put_level(const onnx *o, const char *what, int level, int value, int numbers) {
    const name shape = part(value, "list"), last = part(value, "last");
    char key[32], anchors[32];
    snprintf(key, sizeof key, "%s.P%d", what, level + 3);
    snprintf(anchors, sizeof anchors, "anchors_P%d", level + 3);
    put_shape(o, shape, (int64_t[]){0, -1, numbers}, 3);
    const size_t transpose = begin_node(o, "Transpose", last, NAMES(whole(value)));
    put_ints(o, "perm", (int64_t[]){0, 2, 3, 1}, 4);
    rn_protobuf_end(o->out, transpose);
    name out;
    snprintf(out.text, sizeof out.text, "%s", key);
    put_node(o, "Reshape", out, NAMES(last, shape));
    put_info(o, GRAPH_OUTPUT, key, (dimension[]){{"batch", 0}, {anchors, 0}, {NULL, numbers}}, 3);
}

static rn_status put_graph(const onnx *o) {
    const rn_graph *graph = &o->network->graph;
    const size_t begin = rn_protobuf_begin(o->out, MODEL_GRAPH);
    rn_protobuf_string(o->out, GRAPH_NAME, "RetinaNet");
    put_info(o, GRAPH_INPUT, whole(0).text,
             (dimension[]){{"batch", 0}, {NULL, 3}, {"height", 0}, {"width", 0}}, 4);
    for (size_t i = 1; i < graph->n_nodes; i++) RN_TRY(put_value(o, (int)i));
    for (int l = 0; l < RN_LEVELS; l++) {
        put_level(o, "cls_logits", l, o->network->cls_logits[l], o->network->logits);
        put_level(o, "bbox_reg", l, o->network->bbox_reg[l], 4);
    }
    rn_protobuf_end(o->out, begin);
    return RN_OK;
}

static rn_status put_model(const onnx *o, const rn_model_config *config) {
    char *json = NULL;
    RN_TRY(rn_model_config_to_json(&json, config));
    rn_protobuf_int(o->out, MODEL_IR, IR_VERSION);
    rn_protobuf_string(o->out, MODEL_PRODUCER, "retinanet-c");
    size_t begin = rn_protobuf_begin(o->out, MODEL_OPERATORS);
    rn_protobuf_int(o->out, OPERATORS_VERSION, OPERATORS);
    rn_protobuf_end(o->out, begin);
    begin = rn_protobuf_begin(o->out, MODEL_METADATA);
    rn_protobuf_string(o->out, ENTRY_KEY, "config");
    rn_protobuf_string(o->out, ENTRY_VALUE, json);
    rn_protobuf_end(o->out, begin);
    free(json);
    RN_TRY(put_graph(o));
    return o->out->status;
}

rn_status rn_onnx_save(const char *path, const rn_network *network, const rn_model_config *config,
                       const rn_tensor_entry *entries) {
    rn_protobuf out = {0};
    onnx o = {.out = &out, .network = network, .entries = entries};
    rn_status status;
    if ((status = rn_alloc(&o.written, network->graph.n_params, sizeof *o.written)) != RN_OK)
        goto done;
    if ((status = put_model(&o, config)) != RN_OK) goto done;
    if (out.size > INT32_MAX)
        status = rn_fail(RN_EINPUT, "%s: too large for ONNX (%zu bytes, at most %d)", path,
                         out.size, INT32_MAX);
    else
        status = rn_file_write(path, out.bytes, out.size);
done:
    free(o.written);
    rn_protobuf_free(&out);
    return status;
}
