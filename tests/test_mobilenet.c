/* MobileNetV2 as src/model builds it: its shape, and with ../shared's weights every layer against
 * torch (tests/golden/mobilenet_make.py). */
#include "base/memory.h"
#include "model/transfer.h"
#include "nn/op.h"
#include "suite.h"
#include "temp_folder.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WEIGHTS RN_SHARED "/weights/mobilenet_v2_imagenet.safetensors"
#define GOLDEN  RN_FIXTURES "/../golden/"

static rn_model_config config;
static rn_network network;

static void use(int width, int norm) {
    static char a[] = "a", *names[] = {a};
    static const int64_t ids[] = {1};
    ck_assert_int_eq(rn_model_config_preset(&config, "mobile"), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, 1), RN_OK);
    config.width = width;
    config.norm = norm;
    ck_assert_msg(rn_network_build(&network, &config) == RN_OK, "%s", rn_error_text());
}

static void drop(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
}

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
    use(32, RN_NORM_FROZEN);
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
    use(32, RN_NORM_FROZEN);
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
    use(11, RN_NORM_GROUP);
    ck_assert_int_eq(network.graph.nodes[network.stage[0]].channels, 8);
    ck_assert_int_eq(network.graph.nodes[network.stage[1]].channels, 8);
    ck_assert_int_eq(network.graph.nodes[network.stage[2]].channels, 16);
    ck_assert_int_eq(network.graph.nodes[network.stage[4]].channels, 112);
    drop();
    use(24, RN_NORM_GROUP);
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
    ck_assert_str_eq(rn_error_text(), "group_channels: got 3, want a divisor of mobilenet_v2's 8");
    rn_model_config_free(&config);
}
END_TEST

/* ---- the features ---- */

static double worst; /* max|difference| / max|reference| of any layer */

/* The picture of the script, as the network takes it. */
static void fill(real *image, int height, int width) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const int byte = (37 * y + 59 * x + 101 * c + x * y % 17 * 11) % 256;
                image[(y * width + x) * 3 + c] = (real)(byte / 127.5 - 1);
            }
}

/* One line of the golden file against the value that was just computed. */
static void check_layer(FILE *file, const rn_run *run, int node) {
    char name[32];
    size_t count;
    double largest, want;
    const rn_shape *shape = &run->plan->shape[node];
    ck_assert_int_eq(fscanf(file, " layer %31s %zu %lf", name, &count, &largest), 3);
    ck_assert_msg(count == rn_shape_count(shape), "%s: %zu numbers", name, count);
    const real *value = rn_run_value(run, node);
    double difference = 0, maximum = 0;
    for (size_t i = 0; i < count; i++) maximum = fmax(maximum, fabs((double)value[i]));
    difference = fabs(maximum - largest);
    size_t samples = 0;
    for (uint64_t k = 0; fscanf(file, "%lf", &want) == 1; k++, samples++)
        difference = fmax(difference, fabs((double)value[(k * 2654435761 + 40503) % count] - want));
    ck_assert_uint_ge(samples, 12);
    worst = fmax(worst, difference / largest);
    ck_assert_msg(difference <= 1e-5 * largest, "%s of %dx%d: off by %g of %g", name, shape->w,
                  shape->h, difference, largest);
}

/* The backbone over one picture, node by node: a value is overwritten soon. */
static void check_picture(FILE *file, real *weights, int threads) {
    int height, width, layers = 0;
    rn_plan plan;
    rn_exec exec = {0};
    ck_assert_int_eq(fscanf(file, "%d %d", &height, &width), 2);
    ck_assert_int_eq(rn_plan_create(&plan, &network.graph, RN_INFERENCE, 1, height, width), RN_OK);
    rn_run run = {.plan = &plan, .exec = &exec, .weights = weights};
    exec.scratch_stride = plan.scratch;
    ck_assert_int_eq(rn_threads_create(&exec.threads, threads), RN_OK);
    ck_assert_int_eq(rn_alloc(&exec.scratch, (size_t)threads * plan.scratch, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&run.arena, plan.arena, sizeof(real)), RN_OK);
    fill(rn_run_value(&run, 0), height, width);
    for (int i = 0; i <= network.stage[RN_STAGES - 1]; i++) {
        const rn_op *op = network.graph.nodes[i].op;
        op->forward(&run, i);
        if (op != &rn_op_frozen_norm && op != &rn_op_add) continue;
        check_layer(file, &run, i);
        layers++;
    }
    ck_assert_int_eq(layers, 51 + 10);
    rn_plan_free(&plan);
    rn_threads_free(exec.threads);
    free(exec.scratch);
    free(run.arena);
}

static bool no_field(const void *context, const char *field) {
    (void)context;
    (void)field;
    return false;
}

/* Every picture of a golden file; returns how many. */
static int check_file(const char *path) {
    rn_donor donor;
    real *weights;
    char word[16];
    int pictures = 0;
    use(32, RN_NORM_FROZEN);
    ck_assert_msg(rn_donor_open(&donor, WEIGHTS) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_donor_adapt(&config, &donor, no_field, NULL), RN_OK);
    ck_assert_str_eq(donor.changes, ""); /* the preset is what they want */
    ck_assert_int_eq(rn_alloc(&weights, network.graph.n_stored, sizeof *weights), RN_OK);
    rn_network_init(&network, weights, 1, 0.01);
    ck_assert_msg(rn_donor_load(weights, &donor, &network, &config, NULL) == RN_OK, "%s",
                  rn_error_text());
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    worst = 0;
    while (fscanf(file, " %15s", word) == 1) {
        ck_assert_str_eq(word, "picture");
        check_picture(file, weights, 1 + pictures % 3);
        pictures++;
    }
    printf("%s: %d pictures, max|difference| / max|reference| = %.2g\n", path, pictures, worst);
    fclose(file);
    free(weights);
    rn_donor_close(&donor);
    drop();
    return pictures;
}

static bool lacks_weights(void) {
    if (access(WEIGHTS, R_OK) == 0) return false;
    printf("skipped: no %s\n", WEIGHTS);
    return true;
}

START_TEST(golden_features) {
    if (lacks_weights()) return;
    ck_assert_int_eq(check_file(GOLDEN "mobilenet_v2.txt"), 3);
}
END_TEST

/* The same with 2000 samples a layer, where torch is. */
START_TEST(live_features) {
    char command[4096];
    if (lacks_weights()) return;
    if (system("/usr/bin/python3 -c 'import torch' >/dev/null 2>&1") != 0) {
        printf("skipped: no torch for /usr/bin/python3\n");
        return;
    }
    temp_open();
    snprintf(command, sizeof command, "/usr/bin/python3 '%s' '%s' '%s' 2000",
             GOLDEN "mobilenet_make.py", WEIGHTS, temp_path("live.txt"));
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(check_file(temp_path("live.txt")), 3);
    temp_close();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mobilenet");
    TCase *tests = tcase_create("mobilenet");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, names_and_shapes);
    tcase_add_test(tests, stages);
    tcase_add_test(tests, width_multiplier);
    tcase_add_test(tests, groups_that_do_not_divide);
    tcase_add_test(tests, golden_features);
    tcase_add_test(tests, live_features);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
