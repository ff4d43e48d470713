/* Names, shapes and numbers of parameters as torchvision's models have them (resnet18, resnet50,
 * retinanet_resnet50_fpn and its _v2, torchvision 0.13 and later); shapes; initialisation. */
#include "base/memory.h"
#include "model/network.h"
#include "nn/op.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rn_model_config config;
static rn_network network;

static void use_classes(size_t n) {
    char **names = NULL;
    int64_t *ids = NULL;
    ck_assert_int_eq(rn_alloc(&names, n, sizeof *names), RN_OK);
    ck_assert_int_eq(rn_alloc(&ids, n, sizeof *ids), RN_OK);
    static char name[] = "x";
    for (size_t i = 0; i < n; i++) names[i] = name;
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, n), RN_OK);
    free(names);
    free(ids);
}

static void use_preset(const char *preset, size_t classes) {
    ck_assert_msg(rn_model_config_preset(&config, preset) == RN_OK, "%s", rn_error_text());
    use_classes(classes);
}

static void build(void) {
    ck_assert_msg(rn_network_build(&network, &config) == RN_OK, "%s", rn_error_text());
}

static void close_all(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
}

/* ---- names and shapes ---- */

/* A convolution of the backbone: [out, in, kernel, kernel], named as below "backbone.body.". */
typedef struct row {
    const char *name;
    int out, in, kernel;
} row;

static const row r18[] = {{"conv1", 64, 3, 7},
                          {"layer1.0.conv1", 64, 64, 3},
                          {"layer1.0.conv2", 64, 64, 3},
                          {"layer1.1.conv1", 64, 64, 3},
                          {"layer1.1.conv2", 64, 64, 3},
                          {"layer2.0.conv1", 128, 64, 3},
                          {"layer2.0.conv2", 128, 128, 3},
                          {"layer2.0.downsample.0", 128, 64, 1},
                          {"layer2.1.conv1", 128, 128, 3},
                          {"layer2.1.conv2", 128, 128, 3},
                          {"layer3.0.conv1", 256, 128, 3},
                          {"layer3.0.conv2", 256, 256, 3},
                          {"layer3.0.downsample.0", 256, 128, 1},
                          {"layer3.1.conv1", 256, 256, 3},
                          {"layer3.1.conv2", 256, 256, 3},
                          {"layer4.0.conv1", 512, 256, 3},
                          {"layer4.0.conv2", 512, 512, 3},
                          {"layer4.0.downsample.0", 512, 256, 1},
                          {"layer4.1.conv1", 512, 512, 3},
                          {"layer4.1.conv2", 512, 512, 3}};

static const row r50[] = {{"conv1", 64, 3, 7},
                          {"layer1.0.conv1", 64, 64, 1},
                          {"layer1.0.conv2", 64, 64, 3},
                          {"layer1.0.conv3", 256, 64, 1},
                          {"layer1.0.downsample.0", 256, 64, 1},
                          {"layer1.1.conv1", 64, 256, 1},
                          {"layer1.1.conv2", 64, 64, 3},
                          {"layer1.1.conv3", 256, 64, 1},
                          {"layer1.2.conv1", 64, 256, 1},
                          {"layer1.2.conv2", 64, 64, 3},
                          {"layer1.2.conv3", 256, 64, 1},
                          {"layer2.0.conv1", 128, 256, 1},
                          {"layer2.0.conv2", 128, 128, 3},
                          {"layer2.0.conv3", 512, 128, 1},
                          {"layer2.0.downsample.0", 512, 256, 1},
                          {"layer2.1.conv1", 128, 512, 1},
                          {"layer2.1.conv2", 128, 128, 3},
                          {"layer2.1.conv3", 512, 128, 1},
                          {"layer2.2.conv1", 128, 512, 1},
                          {"layer2.2.conv2", 128, 128, 3},
                          {"layer2.2.conv3", 512, 128, 1},
                          {"layer2.3.conv1", 128, 512, 1},
                          {"layer2.3.conv2", 128, 128, 3},
                          {"layer2.3.conv3", 512, 128, 1},
                          {"layer3.0.conv1", 256, 512, 1},
                          {"layer3.0.conv2", 256, 256, 3},
                          {"layer3.0.conv3", 1024, 256, 1},
                          {"layer3.0.downsample.0", 1024, 512, 1},
                          {"layer3.1.conv1", 256, 1024, 1},
                          {"layer3.1.conv2", 256, 256, 3},
                          {"layer3.1.conv3", 1024, 256, 1},
                          {"layer3.2.conv1", 256, 1024, 1},
                          {"layer3.2.conv2", 256, 256, 3},
                          {"layer3.2.conv3", 1024, 256, 1},
                          {"layer3.3.conv1", 256, 1024, 1},
                          {"layer3.3.conv2", 256, 256, 3},
                          {"layer3.3.conv3", 1024, 256, 1},
                          {"layer3.4.conv1", 256, 1024, 1},
                          {"layer3.4.conv2", 256, 256, 3},
                          {"layer3.4.conv3", 1024, 256, 1},
                          {"layer3.5.conv1", 256, 1024, 1},
                          {"layer3.5.conv2", 256, 256, 3},
                          {"layer3.5.conv3", 1024, 256, 1},
                          {"layer4.0.conv1", 512, 1024, 1},
                          {"layer4.0.conv2", 512, 512, 3},
                          {"layer4.0.conv3", 2048, 512, 1},
                          {"layer4.0.downsample.0", 2048, 1024, 1},
                          {"layer4.1.conv1", 512, 2048, 1},
                          {"layer4.1.conv2", 512, 512, 3},
                          {"layer4.1.conv3", 2048, 512, 1},
                          {"layer4.2.conv1", 512, 2048, 1},
                          {"layer4.2.conv2", 512, 512, 3},
                          {"layer4.2.conv3", 2048, 512, 1}};

static size_t n_found;

static void check_param(const char *name, rn_param_kind kind, int out, int in, int kernel,
                        bool trained) {
    const rn_param *p = rn_graph_param(&network.graph, name);
    ck_assert_msg(p != NULL, "%s is missing", name);
    ck_assert_msg(p->kind == kind && p->out == out && p->in == in && p->kernel == kernel &&
                      p->trained == trained,
                  "%s: kind %d, [%d, %d, %d, %d], trained %d", name, p->kind, p->out, p->in,
                  p->kernel, p->kernel, p->trained);
    n_found++;
}

static void check_conv(const char *name, int out, int in, int kernel, bool bias) {
    char text[RN_PARAM_NAME];
    snprintf(text, sizeof text, "%s.weight", name);
    check_param(text, RN_PARAM_CONV_WEIGHT, out, in, kernel, true);
    snprintf(text, sizeof text, "%s.bias", name);
    if (bias)
        check_param(text, RN_PARAM_CONV_BIAS, out, 1, 1, true);
    else
        ck_assert_ptr_null(rn_graph_param(&network.graph, text));
}

static void check_norm(const char *name, int channels, rn_norm_kind kind) {
    static const char *const part[] = {"weight", "bias", "running_mean", "running_var"};
    static const rn_param_kind kinds[] = {RN_PARAM_NORM_WEIGHT, RN_PARAM_NORM_BIAS,
                                          RN_PARAM_NORM_MEAN, RN_PARAM_NORM_VAR};
    char text[RN_PARAM_NAME];
    for (int i = 0; i < (kind == RN_NORM_GROUP ? 2 : 4); i++) {
        snprintf(text, sizeof text, "%s.%s", name, part[i]);
        check_param(text, kinds[i], channels, 1, 1, kind != RN_NORM_FROZEN && i < 2);
    }
}

/* The norm behind convN is bnN, that behind downsample.0 is downsample.1. */
static void check_body(const row *rows, size_t n, rn_norm_kind kind) {
    for (size_t i = 0; i < n; i++) {
        char name[96];
        snprintf(name, sizeof name, "backbone.body.%s", rows[i].name);
        check_conv(name, rows[i].out, rows[i].in, rows[i].kernel, false);
        char *conv = strstr(name, "conv");
        const size_t last = strlen(name) - 1;
        if (conv)
            snprintf(conv, 8, "bn%c", rows[i].name[strlen(rows[i].name) - 1]);
        else
            name[last] = '1';
        check_norm(name, rows[i].out, kind);
    }
}

static void check_fpn(int c3, int channels, int p6_in) {
    for (int l = 0; l < 3; l++) {
        char name[64];
        snprintf(name, sizeof name, "backbone.fpn.inner_blocks.%d.0", l);
        check_conv(name, channels, c3 << l, 1, true);
        snprintf(name, sizeof name, "backbone.fpn.layer_blocks.%d.0", l);
        check_conv(name, channels, channels, 3, true);
    }
    check_conv("backbone.fpn.extra_blocks.p6", channels, p6_in, 3, true);
    check_conv("backbone.fpn.extra_blocks.p7", channels, channels, 3, true);
}

static void check_heads(int depth, int channels, int classes, bool norm) {
    static const char *const heads[] = {"classification_head", "regression_head"};
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < depth; i++) {
            char name[64];
            snprintf(name, sizeof name, "head.%s.conv.%d.0", heads[h], i);
            check_conv(name, channels, channels, 3, !norm);
            name[strlen(name) - 1] = '1';
            if (norm) check_norm(name, channels, RN_NORM_GROUP);
        }
    check_conv("head.classification_head.cls_logits", 9 * classes, channels, 3, true);
    check_conv("head.regression_head.bbox_reg", 9 * 4, channels, 3, true);
}

START_TEST(resnet18_by_name) {
    use_preset("r18", 80);
    build();
    n_found = 0;
    check_body(r18, sizeof r18 / sizeof *r18, RN_NORM_FROZEN);
    check_fpn(128, 256, 512);
    check_heads(4, 256, 80, false);
    ck_assert_uint_eq(n_found, 20 * 5 + 16 + 20);
    ck_assert_uint_eq(network.graph.n_params, n_found); /* and none besides */
    ck_assert(network.anchors_per_cell == 9 && network.classes == 80);
}
END_TEST

START_TEST(resnet50_by_name) {
    use_preset("r50", 91);
    build();
    n_found = 0;
    check_body(r50, sizeof r50 / sizeof *r50, RN_NORM_FROZEN);
    check_fpn(512, 256, 2048);
    check_heads(4, 256, 91, false);
    ck_assert_uint_eq(n_found, 53 * 5 + 16 + 20);
    ck_assert_uint_eq(network.graph.n_params, n_found);
}
END_TEST

START_TEST(torchvisions_second_version_by_name) {
    use_preset("r50", 91);
    config.norm = RN_NORM_BATCH;
    config.head_norm = RN_BRANCH_NORM_GROUP;
    build();
    n_found = 0;
    check_body(r50, sizeof r50 / sizeof *r50, RN_NORM_BATCH);
    check_fpn(512, 256, 2048);
    check_heads(4, 256, 91, true);
    ck_assert_uint_eq(network.graph.n_params, n_found);
    ck_assert_uint_eq(network.graph.n_trained, 38198935); /* as torchvision's documentation says */
}
END_TEST

/* torchvision's documentation counts what is trained: 34014999 for the first version, whose P6
 * comes from P5; of the classifiers (11689512 and so on) the trunk is what is left without "fc". */
START_TEST(numbers_of_parameters) {
    static const struct {
        int depth;
        size_t trunk;
    } body[] = {{10, 4905792},
                {18, 11689512 - 513000},
                {34, 21797672 - 513000},
                {50, 25557032 - 2049000},
                {101, 44549160 - 2049000}};
    use_preset("r50", 91);
    config.p6_from = RN_P6_FROM_P5;
    build();
    check_conv("backbone.fpn.extra_blocks.p6", 256, 256, 3, true);
    ck_assert_uint_eq(network.graph.n_trained, 34014999);
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        size_t count = 0;
        rn_network_free(&network);
        config.depth = body[i].depth;
        config.norm = RN_NORM_BATCH;
        build();
        for (size_t k = 0; k < network.graph.n_params; k++) {
            const rn_param *p = &network.graph.params[k];
            if (p->trained && strncmp(p->name, "backbone.body.", 14) == 0) count += p->count;
        }
        ck_assert_uint_eq(count, body[i].trunk);
    }
}
END_TEST

START_TEST(sizes_of_the_presets) {
    use_preset("nano", 8);
    build();
    ck_assert(network.graph.n_stored > 800000 && network.graph.n_stored < 1200000);
    ck_assert_uint_eq(network.graph.n_stored, network.graph.n_trained); /* no running statistics */
    close_all();
    use_preset("small", 80);
    build();
    ck_assert(network.graph.n_stored > 3000000 && network.graph.n_stored <= 6000000);
}
END_TEST

/* ---- nodes ---- */

/* The `skip`-th node that reads parameter `name`, NULL behind the last. */
static const rn_node *node_of(const char *name, int skip) {
    const rn_param *p = rn_graph_param(&network.graph, name);
    ck_assert_msg(p != NULL, "%s is missing", name);
    for (size_t i = 0; i < network.graph.n_nodes; i++)
        if (network.graph.nodes[i].param[0] == (int)(p - network.graph.params) && skip-- == 0)
            return &network.graph.nodes[i];
    return NULL;
}

static void check_conv_node(const char *name, int stride, int pad, bool relu) {
    const rn_node *node = node_of(name, 0);
    ck_assert_msg(node->stride == stride && node->pad == pad && node->relu == relu,
                  "%s: stride %d, pad %d, relu %d", name, node->stride, node->pad, node->relu);
}

START_TEST(strides_and_relus) {
    use_preset("r50", 3);
    build();
    check_conv_node("backbone.body.conv1.weight", 2, 3, false);
    check_conv_node("backbone.body.layer1.0.conv2.weight", 1, 1, false);
    check_conv_node("backbone.body.layer2.0.conv1.weight", 1, 0, false);
    check_conv_node("backbone.body.layer2.0.conv2.weight", 2, 1, false);
    check_conv_node("backbone.body.layer2.0.conv3.weight", 1, 0, false);
    check_conv_node("backbone.body.layer2.0.downsample.0.weight", 2, 0, false);
    check_conv_node("backbone.body.layer2.1.conv2.weight", 1, 1, false);
    check_conv_node("backbone.fpn.inner_blocks.2.0.weight", 1, 0, false);
    check_conv_node("backbone.fpn.layer_blocks.0.0.weight", 1, 1, false);
    check_conv_node("backbone.fpn.extra_blocks.p6.weight", 2, 1, false);
    check_conv_node("backbone.fpn.extra_blocks.p7.weight", 2, 1, false);
    check_conv_node("head.regression_head.conv.3.0.weight", 1, 1, true);
    check_conv_node("head.regression_head.bbox_reg.weight", 1, 1, false);
    ck_assert(node_of("backbone.body.bn1.weight", 0)->relu);
    ck_assert(node_of("backbone.body.layer2.0.bn1.weight", 0)->relu);
    ck_assert(node_of("backbone.body.layer2.0.bn2.weight", 0)->relu);
    ck_assert(!node_of("backbone.body.layer2.0.bn3.weight", 0)->relu); /* only behind the sum */
    ck_assert(!node_of("backbone.body.layer2.0.downsample.1.weight", 0)->relu);
    close_all();
    use_preset("r18", 3);
    build();
    check_conv_node("backbone.body.layer2.0.conv1.weight", 2, 1, false);
    check_conv_node("backbone.body.layer2.0.conv2.weight", 1, 1, false);
}
END_TEST

START_TEST(heads_serve_five_levels) {
    use_preset("nano", 3);
    build();
    ck_assert_ptr_nonnull(node_of("head.classification_head.conv.1.0.weight", 4));
    ck_assert_ptr_null(node_of("head.classification_head.conv.1.0.weight", 5));
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_node *nodes = network.graph.nodes;
        ck_assert_ptr_eq(node_of("head.classification_head.cls_logits.weight", l),
                         &nodes[network.cls_logits[l]]);
        ck_assert_ptr_eq(node_of("head.regression_head.bbox_reg.weight", l),
                         &nodes[network.bbox_reg[l]]);
    }
    ck_assert_uint_eq(network.graph.n_outputs, 10);
    ck_assert(!node_of("head.regression_head.conv.0.0.weight", 0)->relu); /* behind its norm */
    ck_assert(node_of("head.regression_head.conv.0.1.weight", 0)->relu);
    ck_assert_int_eq(node_of("head.regression_head.conv.0.1.weight", 0)->groups, 8);
}
END_TEST

/* Before the last convolution of each head and level; what serves five levels still stands
 * together, as one job wants it. */
START_TEST(dropout_in_the_heads) {
    use_preset("nano", 3);
    config.head_dropout = 0.2;
    build();
    const rn_node *nodes = network.graph.nodes;
    for (int l = 0; l < RN_LEVELS; l++) {
        const int outputs[] = {network.cls_logits[l], network.bbox_reg[l]};
        for (int i = 0; i < 2; i++) {
            const rn_node *before = &nodes[nodes[outputs[i]].in[0]];
            ck_assert_ptr_eq(before->op, &rn_op_dropout);
            ck_assert(before->rate == 0.2);
        }
        if (l > 0) ck_assert_int_eq(network.cls_logits[l], network.cls_logits[l - 1] + 1);
    }
}
END_TEST

/* P6 goes to the heads as it is; P7 is made of ReLU(P6), and P6 of C5 or of P5. */
START_TEST(the_upper_levels) {
    use_preset("r18", 3);
    for (int p5 = 0; p5 <= 1; p5++) {
        config.p6_from = p5 ? RN_P6_FROM_P5 : RN_P6_FROM_C5;
        build();
        const rn_node *nodes = network.graph.nodes;
        const rn_node *p6 = node_of("backbone.fpn.extra_blocks.p6.weight", 0),
                      *p7 = node_of("backbone.fpn.extra_blocks.p7.weight", 0),
                      *head = node_of("head.regression_head.conv.0.0.weight", 3);
        ck_assert_ptr_eq(nodes[p7->in[0]].op, &rn_op_relu);
        ck_assert_ptr_eq(&nodes[nodes[p7->in[0]].in[0]], p6);
        ck_assert_ptr_eq(&nodes[head->in[0]], p6);
        if (p5)
            ck_assert_ptr_eq(&nodes[p6->in[0]], node_of("backbone.fpn.layer_blocks.2.0.weight", 0));
        else
            ck_assert_ptr_eq(nodes[p6->in[0]].op, &rn_op_add); /* the last block's sum */
        rn_network_free(&network);
    }
}
END_TEST

/* group_channels lets the groups grow with the channels, groups does not. */
START_TEST(groups_of_group_norm) {
    use_preset("r18", 3);
    config.norm = RN_NORM_GROUP;
    config.head_norm = RN_BRANCH_NORM_GROUP;
    for (int fixed = 0; fixed < 2; fixed++) {
        int norms = 0;
        config.groups = fixed ? 32 : 0;
        build();
        for (size_t i = 0; i < network.graph.n_nodes; i++) {
            const rn_node *node = &network.graph.nodes[i];
            if (node->op != &rn_op_group_norm) continue;
            ck_assert_int_eq(node->groups, fixed ? 32 : node->channels / 8);
            norms++;
        }
        ck_assert_int_eq(norms, 20 + 2 * 4 * 5);
        rn_network_free(&network);
    }
}
END_TEST

START_TEST(batch_norms_epsilon) {
    use_preset("r18", 3);
    build();
    ck_assert(network.graph.bn_eps == 1e-5 && network.graph.eps == 1e-5);
    rn_network_free(&network);
    config.bn_eps = 0;
    build();
    ck_assert(network.graph.bn_eps == 0 && network.graph.eps == 1e-5);
}
END_TEST

START_TEST(refuses_what_makes_no_network) {
    ck_assert_int_eq(rn_model_config_preset(&config, "nano"), RN_OK);
    ck_assert_int_eq(rn_network_build(&network, &config), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "a model needs at least one class");
    use_classes(2);
    config.depth = 20;
    ck_assert_int_eq(rn_network_build(&network, &config), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "depth: got 20, want 10, 18, 34, 50 or 101");
    config.depth = 18;
    config.group_channels = 5;
    ck_assert_int_eq(rn_network_build(&network, &config), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "width: got 16, want a multiple of group_channels (5)");
    config.group_channels = 32; /* more than there are */
    ck_assert_int_eq(rn_network_build(&network, &config), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "width: got 16, want a multiple of group_channels (32)");
    ck_assert(!network.graph.nodes && network.classes == 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("network");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, close_all);
    tcase_add_test(tests, resnet18_by_name);
    tcase_add_test(tests, resnet50_by_name);
    tcase_add_test(tests, torchvisions_second_version_by_name);
    tcase_add_test(tests, numbers_of_parameters);
    tcase_add_test(tests, sizes_of_the_presets);
    tcase_add_test(tests, strides_and_relus);
    tcase_add_test(tests, heads_serve_five_levels);
    tcase_add_test(tests, dropout_in_the_heads);
    tcase_add_test(tests, the_upper_levels);
    tcase_add_test(tests, groups_of_group_norm);
    tcase_add_test(tests, batch_norms_epsilon);
    tcase_add_test(tests, refuses_what_makes_no_network);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
