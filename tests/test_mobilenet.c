/* MobileNetV2 as src/model builds it: its shape, and with ../shared's weights every layer against
 * torch (tests/golden/mobilenet_make.py). */
#include "golden_features.h"
#include "suite.h"

/* ---- the graph ---- */

static const rn_param *param(const char *name) {
    const rn_param *p = rn_graph_param(&network.graph, name);
    ck_assert_msg(p != NULL, "%s is missing", name);
    return p;
}

static void check_conv(const char *name, int out, int in, int kernel) {
    const rn_param *p = param(name);
    ck_assert_msg(p->out == out && p->in == in && p->kernel == kernel, "%s: [%d, %d, %d]", name,
                  p->out, p->in, p->kernel);
}

/* Names and shapes as torchvision's mobilenet_v2().features has them, but for the last layer. */
START_TEST(names_and_shapes) {
    use("mobile", 32, RN_NORM_FROZEN);
    check_conv("backbone.body.0.0.weight", 32, 3, 3);
    check_conv("backbone.body.1.conv.0.0.weight", 32, 1, 3);
    check_conv("backbone.body.1.conv.1.weight", 16, 32, 1);
    check_conv("backbone.body.2.conv.0.0.weight", 96, 16, 1);
    check_conv("backbone.body.2.conv.1.0.weight", 96, 1, 3);
    check_conv("backbone.body.2.conv.2.weight", 24, 96, 1);
    check_conv("backbone.body.17.conv.2.weight", 320, 960, 1);
    ck_assert_int_eq(param("backbone.body.1.conv.2.running_var")->out, 16);
    ck_assert_int_eq(param("backbone.body.2.conv.3.weight")->out, 24);
    ck_assert_int_eq(param("backbone.body.17.conv.1.1.bias")->out, 960);
    ck_assert_ptr_null(rn_graph_param(&network.graph, "backbone.body.18.0.weight"));
    size_t convolutions = 0, numbers = 0;
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        if (strncmp(p->name, "backbone.body.", 14) != 0 || p->kind != RN_PARAM_CONV_WEIGHT)
            continue;
        convolutions++;
        numbers += p->count;
    }
    ck_assert_uint_eq(convolutions, 51);
    ck_assert_uint_eq(
        numbers,
        1780160); /* 3504872 - (1281000 + 412160) of layer 18 and the classifier - 31552 of norms */
    drop();
}
END_TEST

/* The taps: channels and strides. */
START_TEST(stages) {
    static const int channels[RN_STAGES] = {16, 24, 32, 96, 320};
    rn_plan plan;
    use("mobile", 32, RN_NORM_FROZEN);
    ck_assert_int_eq(rn_plan_create(&plan, &network.graph, RN_INFERENCE, 1, 64, 96), RN_OK);
    for (int s = 0; s < RN_STAGES; s++) {
        const rn_shape *shape = &plan.shape[network.stage[s]];
        ck_assert_int_eq(shape->c, channels[s]);
        ck_assert_int_eq(shape->h, 64 >> (s + 1));
        ck_assert_int_eq(shape->w, 96 >> (s + 1));
    }
    rn_plan_free(&plan);
    drop();
}
END_TEST

/* torchvision's _make_divisible: width 0.35 (of 16: 5.6) gives 8, of 24 (8.4) 8, of 32 16, of 320
 * 112; 0.75 of 24 (18) 24, since 16 would take more than a tenth away. */
START_TEST(width_multiplier) {
    use("mobile", 11, RN_NORM_GROUP);
    ck_assert_int_eq(network.graph.nodes[network.stage[0]].channels, 8);
    ck_assert_int_eq(network.graph.nodes[network.stage[1]].channels, 8);
    ck_assert_int_eq(network.graph.nodes[network.stage[2]].channels, 16);
    ck_assert_int_eq(network.graph.nodes[network.stage[4]].channels, 112);
    drop();
    use("mobile", 24, RN_NORM_GROUP);
    ck_assert_int_eq(network.graph.nodes[network.stage[1]].channels, 24);
    drop();
}
END_TEST

START_TEST(groups_that_do_not_divide) {
    ck_assert_int_eq(rn_model_config_preset(&config, "mobile"), RN_OK);
    config.norm = RN_NORM_GROUP;
    config.group_channels = 3;
    config.fpn_channels = 96;
    ck_assert_int_eq(rn_model_config_check(&config), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(),
                     "mobilenet_v2's channels: got 8, want a multiple of group_channels (3)");
    config.groups = 32;
    ck_assert_int_eq(rn_model_config_check(&config), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(),
                     "mobilenet_v2's channels: got 8, want a multiple of groups (32)");
    config.groups = 4; /* then group_channels is of no use */
    ck_assert_int_eq(rn_model_config_check(&config), RN_OK);
    rn_model_config_free(&config);
}
END_TEST

/* ---- the features ---- */

START_TEST(golden_features) {
    if (!mobilenet_is_missing()) check_mobilenet(RN_TESTS "/golden/mobilenet_v2.txt");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mobilenet");
    TCase *tests = tcase_create("mobilenet");
    tcase_add_test(tests, names_and_shapes);
    tcase_add_test(tests, stages);
    tcase_add_test(tests, width_multiplier);
    tcase_add_test(tests, groups_that_do_not_divide);
    tcase_add_test(tests, golden_features);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
