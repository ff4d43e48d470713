#include "nn/op.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static rn_graph graph;
static int image;

static void open_graph(void) {
    graph = (rn_graph){0};
    ck_assert_int_eq(rn_graph_input(&graph, &image, 6), RN_OK);
}

static void close_graph(void) {
    rn_graph_free(&graph);
    ck_assert(!graph.nodes && !graph.params && !graph.outputs && graph.n_nodes == 0);
}

static const rn_conv_spec plain = {4, 3, 1, 1, true, false};

static int conv(int in, const char *name, const rn_conv_spec *spec) {
    int value = -7;
    ck_assert_msg(rn_graph_conv(&graph, &value, in, name, spec) == RN_OK, "%s", rn_error_text());
    return value;
}

/* ---- nodes ---- */

static void check_node(int value, const rn_op *op, int a, int b, int channels, bool relu) {
    ck_assert_uint_lt((size_t)value, graph.n_nodes);
    const rn_node *node = &graph.nodes[value];
    ck_assert_ptr_eq(node->op, op);
    ck_assert_int_eq(node->in[0], a);
    ck_assert_int_eq(node->in[1], b);
    ck_assert_int_eq(node->channels, channels);
    ck_assert_int_eq(node->relu, relu);
}

static void check_slots(int value, int a, int b, int c, int d) {
    const int *param = graph.nodes[value].param;
    ck_assert(param[0] == a && param[1] == b && param[2] == c && param[3] == d);
}

START_TEST(builders_append_in_order) {
    const rn_conv_spec spec = {4, 5, 3, 2, false, true};
    int norm, relu, sum, pool, up;
    const int first = conv(image, "a", &spec);
    ck_assert_int_eq(rn_graph_norm(&graph, &norm, first, "n", RN_NORM_GROUP, 2, true), RN_OK);
    ck_assert_int_eq(rn_graph_relu(&graph, &relu, image), RN_OK);
    ck_assert_int_eq(rn_graph_add(&graph, &sum, norm, first, true), RN_OK);
    ck_assert_int_eq(rn_graph_max_pool(&graph, &pool, relu, 3, 2, 1), RN_OK);
    ck_assert_int_eq(rn_graph_upsample_add(&graph, &up, first, sum), RN_OK);
    ck_assert(image == 0 && first == 1 && norm == 2 && relu == 3 && sum == 4 && pool == 5);
    ck_assert_int_eq(up, 6);
    ck_assert_uint_eq(graph.n_nodes, 7);
    check_node(image, &rn_op_input, RN_NO_VALUE, RN_NO_VALUE, 6, false);
    check_node(first, &rn_op_conv, image, RN_NO_VALUE, 4, true);
    check_node(norm, &rn_op_group_norm, first, RN_NO_VALUE, 4, true);
    check_node(relu, &rn_op_relu, image, RN_NO_VALUE, 6, true);
    check_node(sum, &rn_op_add, norm, first, 4, true);
    check_node(pool, &rn_op_max_pool, relu, RN_NO_VALUE, 6, false);
    check_node(up, &rn_op_upsample_add, first, sum, 4, false);
    const rn_node *n = graph.nodes;
    ck_assert(n[first].kernel == 5 && n[first].stride == 3 && n[first].pad == 2);
    ck_assert(n[pool].kernel == 3 && n[pool].stride == 2 && n[pool].pad == 1);
    ck_assert_int_eq(n[norm].groups, 2);
    check_slots(image, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM);
    check_slots(first, 0, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM);
    check_slots(norm, 1, 2, RN_NO_PARAM, RN_NO_PARAM);
    check_slots(up, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM);
    ck_assert(graph.eps == 1e-5 && graph.bn_eps == 1e-5 && graph.momentum == 0.1);
}
END_TEST

/* The array of nodes moves as it grows: nothing may still look at the old one. */
START_TEST(a_long_chain) {
    enum { LENGTH = 3000 };
    int value = image;
    for (int i = 1; i <= LENGTH; i++) {
        ck_assert_int_eq(rn_graph_relu(&graph, &value, value), RN_OK);
        ck_assert_int_eq(value, i);
    }
    for (int i = 1; i <= LENGTH; i++) check_node(i, &rn_op_relu, i - 1, RN_NO_VALUE, 6, true);
}
END_TEST

START_TEST(outputs_in_the_order_given) {
    const int a = conv(image, "a", &plain), b = conv(a, "b", &plain);
    for (int i = 0; i < 20; i++) ck_assert_int_eq(rn_graph_output(&graph, i % 2 ? a : b), RN_OK);
    ck_assert_uint_eq(graph.n_outputs, 20);
    for (int i = 0; i < 20; i++) ck_assert_int_eq(graph.outputs[i], i % 2 ? a : b);
}
END_TEST

/* ---- parameters ---- */

static void check_param(const char *name, rn_param_kind kind, int out, int in, int kernel,
                        size_t offset, bool trained) {
    const rn_param *p = rn_graph_param(&graph, name);
    ck_assert_msg(p != NULL, "%s is missing", name);
    ck_assert_str_eq(p->name, name);
    ck_assert_int_eq(p->kind, kind);
    ck_assert(p->out == out && p->in == in && p->kernel == kernel);
    ck_assert_uint_eq(p->count, (size_t)(out * in * kernel * kernel));
    ck_assert_msg(p->offset == offset, "%s at %zu, want %zu", name, p->offset, offset);
    ck_assert_int_eq(p->trained, trained);
}

/* Trained ones first, each part in order of creation, without gaps. */
START_TEST(parameters_lie_one_behind_the_other) {
    const rn_conv_spec wide = {2, 1, 1, 0, true, false};
    int a = conv(image, "a", &plain), b;
    ck_assert_int_eq(rn_graph_norm(&graph, &a, a, "a.frozen", RN_NORM_FROZEN, 0, false), RN_OK);
    ck_assert_int_eq(rn_graph_norm(&graph, &a, a, "a.batch", RN_NORM_BATCH, 0, false), RN_OK);
    ck_assert_int_eq(rn_graph_norm(&graph, &a, a, "a.group", RN_NORM_GROUP, 4, false), RN_OK);
    b = conv(a, "b", &wide);
    ck_assert_int_eq(graph.nodes[b].channels, 2);
    rn_graph_finish(&graph);
    ck_assert_uint_eq(graph.n_params, 2 + 4 + 4 + 2 + 2);
    check_param("a.weight", RN_PARAM_CONV_WEIGHT, 4, 6, 3, 0, true); /* 216 */
    check_param("a.bias", RN_PARAM_CONV_BIAS, 4, 1, 1, 216, true);
    check_param("a.batch.weight", RN_PARAM_NORM_WEIGHT, 4, 1, 1, 220, true);
    check_param("a.batch.bias", RN_PARAM_NORM_BIAS, 4, 1, 1, 224, true);
    check_param("a.group.weight", RN_PARAM_NORM_WEIGHT, 4, 1, 1, 228, true);
    check_param("a.group.bias", RN_PARAM_NORM_BIAS, 4, 1, 1, 232, true);
    check_param("b.weight", RN_PARAM_CONV_WEIGHT, 2, 4, 1, 236, true);
    check_param("b.bias", RN_PARAM_CONV_BIAS, 2, 1, 1, 244, true);
    ck_assert_uint_eq(graph.n_trained, 246);
    check_param("a.frozen.weight", RN_PARAM_NORM_WEIGHT, 4, 1, 1, 246, false);
    check_param("a.frozen.bias", RN_PARAM_NORM_BIAS, 4, 1, 1, 250, false);
    check_param("a.frozen.running_mean", RN_PARAM_NORM_MEAN, 4, 1, 1, 254, false);
    check_param("a.frozen.running_var", RN_PARAM_NORM_VAR, 4, 1, 1, 258, false);
    check_param("a.batch.running_mean", RN_PARAM_NORM_MEAN, 4, 1, 1, 262, false);
    check_param("a.batch.running_var", RN_PARAM_NORM_VAR, 4, 1, 1, 266, false);
    ck_assert_uint_eq(graph.n_stored, 270);
    ck_assert_ptr_null(rn_graph_param(&graph, "a"));
    ck_assert_ptr_null(rn_graph_param(&graph, "a.weight."));
    ck_assert_ptr_null(rn_graph_param(&graph, "a.group.running_mean"));
    ck_assert_ptr_null(rn_graph_param(&graph, ""));
}
END_TEST

START_TEST(a_graph_without_parameters) {
    rn_graph_finish(&graph);
    ck_assert(graph.n_params == 0 && graph.n_trained == 0 && graph.n_stored == 0);
}
END_TEST

START_TEST(one_name_is_one_parameter) {
    const rn_conv_spec same = {6, 3, 1, 1, true, false}, strided = {6, 3, 2, 1, true, true},
                       bare = {6, 3, 1, 1, false, false};
    const int a = conv(image, "head", &same), b = conv(a, "head", &strided),
              c = conv(b, "head", &bare);
    int n, m;
    ck_assert_uint_eq(graph.n_params, 2);
    check_slots(a, 0, 1, RN_NO_PARAM, RN_NO_PARAM);
    check_slots(b, 0, 1, RN_NO_PARAM, RN_NO_PARAM);
    check_slots(c, 0, RN_NO_PARAM, RN_NO_PARAM, RN_NO_PARAM);
    ck_assert(graph.nodes[b].stride == 2 && graph.nodes[b].relu && !graph.nodes[a].relu);
    ck_assert_int_eq(rn_graph_norm(&graph, &n, a, "n", RN_NORM_GROUP, 2, false), RN_OK);
    ck_assert_int_eq(rn_graph_norm(&graph, &m, b, "n", RN_NORM_GROUP, 3, false), RN_OK);
    ck_assert_uint_eq(graph.n_params, 4);
    check_slots(n, 2, 3, RN_NO_PARAM, RN_NO_PARAM);
    check_slots(m, 2, 3, RN_NO_PARAM, RN_NO_PARAM);
    conv(c, "head2", &same); /* the start of a name is not the name */
    ck_assert_uint_eq(graph.n_params, 6);
    rn_graph_finish(&graph);
    ck_assert_uint_eq(graph.n_stored, 2 * (6 * 6 * 9 + 6) + 2 * 6);
}
END_TEST

/* ---- refusals: the whole text, and no node more than before ---- */

static void refused(rn_status status, size_t nodes, const char *text) {
    ck_assert_int_eq(status, RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert_uint_eq(graph.n_nodes, nodes);
}

START_TEST(refuses_another_shape_under_a_name) {
    const rn_conv_spec channels = {5, 3, 1, 1, true, false}, kernel = {4, 1, 1, 0, true, false};
    const char *const text = "a.weight: shared with another shape";
    const int a = conv(image, "a", &plain);
    int out;
    refused(rn_graph_conv(&graph, &out, image, "a", &channels), 2, text);
    refused(rn_graph_conv(&graph, &out, image, "a", &kernel), 2, text);
    refused(rn_graph_conv(&graph, &out, a, "a", &plain), 2, text); /* 4 channels in, not 6 */
    refused(rn_graph_norm(&graph, &out, a, "a", RN_NORM_GROUP, 1, false), 2, text);
    ck_assert_int_eq(rn_graph_norm(&graph, &out, image, "n", RN_NORM_BATCH, 1, false), RN_OK);
    refused(rn_graph_norm(&graph, &out, a, "n", RN_NORM_BATCH, 1, false), 3,
            "n.weight: shared with another shape");
    ck_assert_uint_eq(graph.n_params, 6);
}
END_TEST

/* Of one shape, but one is trained and the other not, or a convolution and a norm: what the second
 * asks for would silently not be so. */
START_TEST(refuses_another_kind_under_a_name) {
    const rn_conv_spec depth = {6, 1, 1, 0, true, false};
    int narrow, out;
    ck_assert_int_eq(rn_graph_norm(&graph, &out, image, "n", RN_NORM_FROZEN, 1, false), RN_OK);
    refused(rn_graph_norm(&graph, &out, image, "n", RN_NORM_BATCH, 1, false), 2,
            "n.weight: shared with another kind");
    const rn_conv_spec one = {1, 1, 1, 0, false, false};
    narrow = conv(image, "one", &one);
    conv(narrow, "c", &depth); /* weight [6, 1, 1, 1], as a norm's of six channels */
    refused(rn_graph_norm(&graph, &out, image, "c", RN_NORM_GROUP, 1, false), 4,
            "c.weight: shared with another kind");
}
END_TEST

START_TEST(refuses_channels_that_do_not_fit) {
    const int a = conv(image, "a", &plain);
    int out;
    refused(rn_graph_add(&graph, &out, a, image, false), 2, "sum of 4 and 6 channels");
    refused(rn_graph_upsample_add(&graph, &out, image, a), 2, "sum of 6 and 4 channels");
    const char *const format[] = {
        "n: 0 groups do not divide 4 channels", "n: -2 groups do not divide 4 channels",
        "n: 3 groups do not divide 4 channels", "n: 8 groups do not divide 4 channels"};
    const int groups[] = {0, -2, 3, 8};
    for (int i = 0; i < 4; i++)
        refused(rn_graph_norm(&graph, &out, a, "n", RN_NORM_GROUP, groups[i], false), 2, format[i]);
    ck_assert_uint_eq(graph.n_params, 2); /* none of a norm that is refused */
}
END_TEST

/* 111 characters and the final zero fill a name; one more is refused, not cut. */
START_TEST(refuses_a_name_that_is_too_long) {
    const rn_conv_spec bare = {4, 3, 1, 1, false, false};
    char name[RN_PARAM_NAME + 8], text[2 * RN_PARAM_NAME];
    int out;
    memset(name, 'x', sizeof name);
    name[RN_PARAM_NAME - 1 - 7] = '\0'; /* ".weight" follows */
    conv(image, name, &bare);
    ck_assert_uint_eq(strlen(graph.params[0].name), RN_PARAM_NAME - 1);
    ck_assert_str_eq(graph.params[0].name + RN_PARAM_NAME - 1 - 8, "x.weight");
    name[RN_PARAM_NAME - 1 - 7] = 'x';
    name[RN_PARAM_NAME - 7] = '\0';
    strcat(strcat(strcpy(text, "parameter name too long: "), name), ".weight");
    refused(rn_graph_conv(&graph, &out, image, name, &bare), 2, text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("graph");
    TCase *tests = tcase_create("graph");
    tcase_add_checked_fixture(tests, open_graph, close_graph);
    tcase_add_test(tests, builders_append_in_order);
    tcase_add_test(tests, a_long_chain);
    tcase_add_test(tests, outputs_in_the_order_given);
    tcase_add_test(tests, parameters_lie_one_behind_the_other);
    tcase_add_test(tests, a_graph_without_parameters);
    tcase_add_test(tests, one_name_is_one_parameter);
    tcase_add_test(tests, refuses_another_shape_under_a_name);
    tcase_add_test(tests, refuses_another_kind_under_a_name);
    tcase_add_test(tests, refuses_channels_that_do_not_fit);
    tcase_add_test(tests, refuses_a_name_that_is_too_long);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
