/* The ONNX file of a network: its operations in order and, where onnxruntime is installed for node,
 * its outputs beside ours. */
#include "model/onnx.h"
#include "model/weights.h"
#include "nn/op.h"
#include "ops_exec.h"
#include "suite.h"
#include "temp_folder.h"
#include "tiny_network.h"

#include <math.h>
#include <retinanet.h>

static rn_model_config config;
static rn_network network;
static real *weights;

static void setup(void) {
    temp_open();
    config = tiny_config();
}

static void teardown(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
    free(weights);
    weights = NULL;
    temp_close();
}

/* The configuration's network with weights that leave no path idle. */
static void make(void) {
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.2);
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *param = &network.graph.params[i];
        rn_random random = rn_random_seed(5, i, 1);
        if (param->kind == RN_PARAM_CONV_WEIGHT) continue;
        const bool factor = param->kind == RN_PARAM_NORM_WEIGHT || param->kind == RN_PARAM_NORM_VAR;
        for (size_t k = 0; k < param->count; k++)
            weights[param->offset + k] +=
                (real)rn_random_uniform(&random, factor ? -0.2 : -0.5, factor ? 0.4 : 0.5);
    }
    ck_assert_msg(rn_model_save(temp_path("m.safetensors"), &config, &network.graph, weights) ==
                      RN_OK,
                  "%s", rn_error_text());
    ck_assert_msg(rn_model_to_onnx(temp_path("m.safetensors"), temp_path("m.onnx"), NULL) == RN_OK,
                  "%s", rn_error_text());
}

/* ---- the file ---- */

static uint64_t varint(const uint8_t **at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return value;
    }
}

/* The next field of a message: its number; its bytes, or none where it is a number. */
static unsigned next_field(const uint8_t **at, const uint8_t **bytes, size_t *size) {
    const uint64_t tag = varint(at);
    *size = 0;
    if ((tag & 7) == 0) varint(at);
    if ((tag & 7) == 5) *at += 4;
    if ((tag & 7) == 2) {
        *size = varint(at);
        *bytes = *at;
        *at += *size;
    }
    return (unsigned)(tag >> 3);
}

/* Append the texts of field `wanted` of a message, a space behind each. */
static void texts(char *out, const uint8_t *at, size_t size, unsigned wanted) {
    for (const uint8_t *end = at + size, *bytes = NULL; at < end;) {
        size_t n;
        if (next_field(&at, &bytes, &n) == wanted)
            sprintf(out + strlen(out), "%.*s ", (int)n, (const char *)bytes);
    }
}

static int n_of(const char *text, const char *word) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++) n++;
    return n;
}

enum { MODEL_GRAPH = 7, GRAPH_NODE = 1, GRAPH_OUTPUT = 12, NODE_OP = 4, INFO_NAME = 1 };

START_TEST(operations_and_outputs) {
    static uint8_t *file;
    static char operations[4096], outputs[512];
    const uint8_t *bytes = NULL, *graph = NULL;
    size_t size, n, graph_size = 0;
    config.head_depth = 1;
    config.head_dropout = 0.2;
    make();
    ck_assert_int_eq(rn_file_read(&file, &size, temp_path("m.onnx"), 1 << 26), RN_OK);
    for (const uint8_t *at = file; at < file + size;)
        if (next_field(&at, &bytes, &n) == MODEL_GRAPH) graph = bytes, graph_size = n;
    ck_assert_ptr_nonnull(graph);
    for (const uint8_t *at = graph; at < graph + graph_size;) {
        const unsigned field = next_field(&at, &bytes, &n);
        if (field == GRAPH_NODE) texts(operations, bytes, n, NODE_OP);
        if (field == GRAPH_OUTPUT) texts(outputs, bytes, n, INFO_NAME);
    }
    free(file);
    ck_assert_str_eq(outputs, "cls_logits.P3 bbox_reg.P3 cls_logits.P4 bbox_reg.P4 cls_logits.P5 "
                              "bbox_reg.P5 cls_logits.P6 bbox_reg.P6 cls_logits.P7 bbox_reg.P7 ");
#define NORM  "Reshape InstanceNormalization Shape Reshape Mul Add "
#define FIRST "Conv " NORM "Relu MaxPool "
    ck_assert_int_eq(strncmp(operations, FIRST, strlen(FIRST)), 0);
    ck_assert_ptr_nonnull(strstr(operations, "Conv Shape Shape Concat Resize Add Conv "));
    /* stem, 4 blocks, 3 projections; 3 + 3 + 2 of the FPN; on 5 levels 2 heads of 2 */
    ck_assert_int_eq(n_of(operations, "Conv "), 1 + 4 * 2 + 3 + 3 + 3 + 2 + 5 * 2 * 2);
    ck_assert_int_eq(n_of(operations, "InstanceNormalization "), 1 + 4 * 2 + 3 + 5 * 2);
    ck_assert_int_eq(n_of(operations, "Resize "), 2);
    ck_assert_int_eq(n_of(operations, "Conv Transpose Reshape "), 1); /* all levels at the end */
    ck_assert_int_eq(n_of(operations, "Transpose Reshape "), 10);
    ck_assert_int_eq(n_of(operations, "Identity "), 10); /* dropout */
}
END_TEST

/* ---- beside onnxruntime ---- */

/* Our outputs, one level behind the other; freed with free(). */
static real *ours(size_t *count, int n, int h, int w, const real *image) {
    rn_plan plan;
    real *arena, *out;
    ck_assert_msg(rn_plan_create(&plan, &network.graph, RN_INFERENCE, n, h, w) == RN_OK, "%s",
                  rn_error_text());
    ck_assert_int_eq(rn_alloc(&arena, plan.arena, sizeof *arena), RN_OK);
    ops_exec e = ops_exec_open(1, plan.scratch);
    const rn_run run = {.plan = &plan, .exec = &e.exec, .weights = weights, .arena = arena};
    memcpy(rn_run_value(&run, 0), image, rn_shape_count(&plan.shape[0]) * sizeof *image);
    rn_forward(&run);
    *count = 0;
    for (size_t i = 0; i < network.graph.n_outputs; i++)
        *count += rn_shape_count(&plan.shape[network.graph.outputs[i]]);
    ck_assert_int_eq(rn_alloc(&out, *count, sizeof *out), RN_OK);
    real *at = out;
    for (size_t i = 0; i < network.graph.n_outputs; i++) {
        const int value = network.graph.outputs[i];
        const size_t size = rn_shape_count(&plan.shape[value]);
        memcpy(at, rn_run_value(&run, value), size * sizeof *at);
        at += size;
    }
    ops_exec_close(&e);
    free(arena);
    rn_plan_free(&plan);
    return out;
}

/* The picture as ONNX has it, [n, 3, h, w], to a file. */
static void write_planes(const char *name, int n, int h, int w, const real *image) {
    static float *planes;
    const size_t pixels = (size_t)h * (size_t)w;
    ck_assert_int_eq(rn_alloc(&planes, (size_t)n * 3 * pixels, sizeof *planes), RN_OK);
    for (size_t i = 0; i < (size_t)n * pixels; i++)
        for (size_t c = 0; c < 3; c++)
            planes[(i / pixels * 3 + c) * pixels + i % pixels] = (float)image[3 * i + c];
    temp_bytes(name, planes, (size_t)n * 3 * pixels * sizeof *planes);
    free(planes);
}

/* The largest difference, over the largest number, of all outputs for `n` pictures; -1 if there is
 * no onnxruntime. */
static double difference(int n, int h, int w) {
    static uint8_t *bytes;
    char command[1024];
    size_t count, size;
    double most = 0, largest = 0;
    real *image = ops_random((size_t)n * (size_t)h * (size_t)w * 3, -2, 2, 9);
    real *out = ours(&count, n, h, w, image);
    write_planes("in.f32", n, h, w, image);
    free(image);
    snprintf(
        command, sizeof command,
        "cd %s && NODE_PATH=\"%s:$NODE_PATH\" node %s/onnx_run.js m.onnx in.f32 %d %d %d out.f32 "
        ">shapes 2>error",
        temp_root, RN_NODE_MODULES, RN_TESTS, n, h, w);
    const int code = system(command) >> 8;
    if (code == 77 || code == 127) {
        free(out);
        return -1;
    }
    ck_assert_msg(code == 0, "onnxruntime: exit code %d", code);
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path("out.f32"), 1 << 28), RN_OK);
    ck_assert_uint_eq(size, count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        float theirs;
        memcpy(&theirs, bytes + i * sizeof theirs, sizeof theirs);
        most = fmax(most, fabs((double)out[i] - (double)theirs));
        largest = fmax(largest, fabs((double)theirs));
        ck_assert(!isnan(theirs));
    }
    free(bytes);
    free(out);
    return most / largest;
}

static void compare(const char *what, int n, int h, int w) {
    const double d = difference(n, h, w);
    if (d < 0) {
        printf("skipped: test_onnx, %s: no onnxruntime-node\n", what);
        return;
    }
    printf("%s, %d x %d x %d: max|difference| / max|reference| = %.2g\n", what, n, h, w, d);
    ck_assert_msg(d <= 1e-4, "%s: %g", what, d);
}

START_TEST(group_norm) {
    config.fpn_norm = RN_BRANCH_NORM_GROUP;
    make();
    compare("group norm", 1, 64, 96);
    compare("group norm", 3, 96, 64);
    compare("group norm", 2, 77, 50); /* levels that are not twice the next */
}
END_TEST

START_TEST(frozen_norm) {
    config.norm = RN_NORM_FROZEN;
    config.head_norm = RN_BRANCH_NORM_NONE;
    config.depth = 18;
    config.width = 16;
    make();
    compare("frozen norm, R18", 2, 64, 64);
}
END_TEST

START_TEST(bottlenecks) {
    config.norm = RN_NORM_BATCH;
    config.p6_from = RN_P6_FROM_P5;
    config.depth = 50;
    config.head_depth = 4;
    make();
    compare("batch norm, R50, P6 from P5", 1, 128, 64);
}
END_TEST

START_TEST(mobilenet) {
    config.backbone = RN_BACKBONE_MOBILENET_V2;
    config.norm = RN_NORM_FROZEN;
    config.same_padding = _i == 1;
    make();
    compare(_i ? "MobileNetV2, TensorFlow's padding" : "MobileNetV2", 2, 64, 96);
    compare(_i ? "MobileNetV2, TensorFlow's padding" : "MobileNetV2", 1, 63, 50);
}
END_TEST

START_TEST(failures) {
    make();
    ck_assert_int_eq(rn_model_to_onnx(temp_path("none.safetensors"), temp_path("m.onnx"), NULL),
                     RN_EINPUT);
    ck_assert_int_eq(
        rn_model_to_onnx(temp_path("m.safetensors"), temp_path("no/such/m.onnx"), NULL), RN_EIO);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx");
    TCase *tcase = tcase_create("onnx");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, operations_and_outputs);
    tcase_add_test(tcase, group_norm);
    tcase_add_test(tcase, frozen_norm);
    tcase_add_test(tcase, bottlenecks);
    tcase_add_loop_test(tcase, mobilenet, 0, 2);
    tcase_add_test(tcase, failures);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
