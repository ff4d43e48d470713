/* Weights from elsewhere: what a file is taken for, where its tensors go, what it asks of the
 * configuration, and what is said. */
#include "model/transfer.h"
#include "model_files.h"
#include "ops/norm.h"
#include "ops_exec.h"
#include "suite.h"

#include <math.h>

static rn_donor donor;
static char said[1 << 16]; /* every line, each ended by '\n' */

static void hear(void *context, const char *line) {
    (void)context;
    ck_assert_uint_lt(strlen(said) + strlen(line) + 2, sizeof said);
    strcat(strcat(said, line), "\n");
}

static const rn_hooks hooks = {.message = hear};

static size_t times(const char *text) {
    size_t n = 0;
    for (const char *p = said; (p = strstr(p, text)); p += strlen(text)) n++;
    return n;
}

/* ---- files ---- */

static rn_safetensors_writer writer;
static real numbers[1 << 16]; /* what tensors are made of: all different */

static void add_tensor(const char *name, int n_dims, const size_t dims[4], const real *data) {
    rn_tensor_entry e = {.dtype = RN_F32, .n_dims = n_dims, .data = data};
    snprintf(e.name, sizeof e.name, "%s", name);
    memcpy(e.dims, dims, (size_t)n_dims * sizeof *dims);
    ck_assert_int_eq(rn_safetensors_add(&writer, &e), RN_OK);
}

static void add_vector(const char *name, size_t n, const real *data) {
    add_tensor(name, 1, (const size_t[4]){n}, data);
}

static void add_conv(const char *name, size_t out, size_t in, size_t kernel) {
    add_tensor(name, 4, (const size_t[4]){out, in, kernel, kernel}, numbers);
}

/* `prefix` + what stands behind "backbone.body." of every parameter of the backbone, as a
 * classifier of torchvision has it. */
static void add_classifier(const char *prefix) {
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        char name[160];
        if (strncmp(p->name, "backbone.body.", 14) != 0) continue;
        snprintf(name, sizeof name, "%s%s", prefix, p->name + 14);
        if (p->kind == RN_PARAM_CONV_WEIGHT)
            add_conv(name, (size_t)p->out, (size_t)p->in, (size_t)p->kernel);
        else
            add_vector(name, p->count, numbers + i);
        char *end = strstr(name, ".running_mean");
        if (!end) continue;
        strcpy(end, ".num_batches_tracked");
        add_vector(name, 1, numbers);
    }
}

static void save(const char *name) {
    ck_assert_msg(rn_safetensors_save(&writer, temp_path(name)) == RN_OK, "%s", rn_error_text());
    rn_safetensors_writer_free(&writer);
}

/* ---- the network ---- */

static void use(int backbone, int norm) {
    config = tiny_config();
    config.backbone = backbone;
    config.norm = norm;
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.01);
}

static void setup(void) {
    temp_open();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) numbers[i] = (real)(i + 1) / 1024;
    said[0] = '\0';
}

static void teardown(void) {
    rn_donor_close(&donor);
    model_free();
    temp_close();
}

static bool none_given(const void *context, const char *field) {
    (void)context;
    (void)field;
    return false;
}

static bool mean_given(const void *context, const char *field) {
    (void)context;
    return strcmp(field, "mean") == 0 || strcmp(field, "norm") == 0;
}

static void open_file(const char *name) {
    ck_assert_msg(rn_donor_open(&donor, temp_path(name)) == RN_OK, "%s", rn_error_text());
}

static void adapt(void) {
    ck_assert_msg(rn_donor_adapt(&config, &donor, none_given, NULL) == RN_OK, "%s",
                  rn_error_text());
}

static void load(void) {
    ck_assert_msg(rn_donor_load(weights, &donor, &network, &config, &hooks) == RN_OK, "%s",
                  rn_error_text());
}

static void refused(const char *text) {
    char want[512];
    ck_assert_int_eq(rn_donor_adapt(&config, &donor, none_given, NULL), RN_EINVAL);
    snprintf(want, sizeof want, "%s: %s", donor.path, text);
    ck_assert_str_eq(rn_error_text(), want);
}

/* Parameter `name` holds `want`, which the file has as [out, in, kernel, kernel]. */
static void check_param(const char *name, const real *want) {
    const rn_param *p = rn_graph_param(&network.graph, name);
    ck_assert_msg(p != NULL, "%s", name);
    const size_t taps = (size_t)(p->kernel * p->kernel), in = (size_t)p->in;
    for (size_t i = 0; i < p->count; i++) {
        const size_t tap = i % taps, channel = i / taps % in, out = i / (taps * in);
        ck_assert_msg(weights[p->offset + (out * taps + tap) * in + channel] == want[i], "%s[%zu]",
                      name, i);
    }
}

static void check_constant(const char *name, real want) {
    const rn_param *p = rn_graph_param(&network.graph, name);
    for (size_t i = 0; i < p->count; i++) ck_assert(weights[p->offset + i] == want);
}

/* ---- classifiers ---- */

START_TEST(a_resnet) {
    use(RN_BACKBONE_RESNET, RN_NORM_FROZEN);
    add_classifier("");
    add_tensor("fc.weight", 2, (const size_t[4]){10, 64}, numbers);
    add_vector("fc.bias", 10, numbers);
    save("r.safetensors");
    open_file("r.safetensors");
    ck_assert(donor.kind == RN_DONOR_RESNET && !donor.folded && !donor.has_config);
    adapt();
    ck_assert_str_eq(donor.changes, "");
    load();
    size_t backbone = 0;
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        if (strncmp(p->name, "backbone.body.", 14) != 0) continue;
        backbone++;
        check_param(p->name, p->kind == RN_PARAM_CONV_WEIGHT ? numbers : numbers + i);
    }
    ck_assert_uint_eq(backbone, 60); /* 12 convolutions, 12 norms of 4 */
    ck_assert_uint_eq(times("not there, left as initialised\n"), network.graph.n_params - 60);
    ck_assert_uint_eq(
        times("weights     head.regression_head.bbox_reg.bias: not there, left as initialised\n"),
        1);
    ck_assert_uint_eq(times("weights     fc.weight: dropped, no place in this network\n"), 1);
    ck_assert_uint_eq(times("dropped, no place"), 2);
    ck_assert_uint_eq(times("weights     12 num_batches_tracked: dropped, not needed\n"), 1);
    char want[300];
    snprintf(want, sizeof want, "weights     60 of %zu parameters from %s, a ResNet\n",
             network.graph.n_params, donor.path);
    ck_assert_uint_eq(times(want), 1);
}
END_TEST

/* out = in * 1 / sqrt(1 - eps + eps) + (bias - 0 * 1): each number exactly in + bias. */
static void check_identity_norm(const char *conv) {
    char name[4][128];
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    const real *p[4];
    real in[16], out[16];
    for (int k = 0; k < 4; k++) {
        snprintf(name[k], sizeof name[k], "%s.%s", conv, parts[k]);
        p[k] = tiny_param(&network, weights, name[k]);
    }
    const rn_norm_dims d = {.batch = 1, .pixels = 2, .c = 8, .groups = 1};
    ops_exec e = ops_exec_open(1, rn_norm_scratch(&d));
    for (int i = 0; i < 16; i++) in[i] = (real)(1.1 * i - 3.3);
    rn_affine_forward(&e.exec, out, in, p[0], p[1], p[2], p[3], (real)network.graph.bn_eps,
                      RN_LINEAR, &d);
    for (int i = 0; i < 16; i++) ck_assert(out[i] == in[i] + p[1][i % 8]);
    ops_exec_close(&e);
}

/* Folded, and the last layer missing, as resnet18_imagenet_to_layer3.safetensors is. */
START_TEST(a_folded_resnet) {
    use(RN_BACKBONE_RESNET, RN_NORM_FROZEN);
    add_conv("conv1.weight", 8, 3, 7);
    add_vector("conv1.bias", 8, numbers + 5);
    for (size_t l = 1; l <= 3; l++) {
        const size_t out = (size_t)4 << l, in = l == 1 ? 8 : out / 2;
        char name[64];
        for (int k = 1; k <= 2; k++) {
            snprintf(name, sizeof name, "layer%zu.0.conv%d.weight", l, k);
            add_conv(name, out, k == 1 ? in : out, 3);
            snprintf(name, sizeof name, "layer%zu.0.conv%d.bias", l, k);
            add_vector(name, out, numbers + 10 * l + (size_t)k);
        }
        if (l == 1) continue;
        snprintf(name, sizeof name, "layer%zu.0.downsample.0.weight", l);
        add_conv(name, out, in, 1);
        snprintf(name, sizeof name, "layer%zu.0.downsample.0.bias", l);
        add_vector(name, out, numbers + 10 * l + 3);
    }
    ck_assert_int_eq(rn_safetensors_add_metadata(&writer, "mean", "0.5,0.25,0.125"), RN_OK);
    save("r.safetensors");
    open_file("r.safetensors");
    ck_assert(donor.kind == RN_DONOR_RESNET && donor.folded);
    adapt();
    ck_assert_str_eq(donor.changes, "mean=0.5,0.25,0.125");
    ck_assert_double_eq(config.mean[2], 0.125);
    load();
    check_param("backbone.body.conv1.weight", numbers);
    check_param("backbone.body.bn1.bias", numbers + 5);
    check_param("backbone.body.layer2.0.bn2.bias", numbers + 22);
    check_param("backbone.body.layer3.0.downsample.1.bias", numbers + 33);
    check_constant("backbone.body.layer3.0.downsample.1.weight", 1);
    check_constant("backbone.body.layer3.0.downsample.1.running_mean", 0);
    check_constant("backbone.body.layer3.0.downsample.1.running_var", 1 - (real)1e-5);
    check_identity_norm("backbone.body.bn1");
    ck_assert_uint_eq(
        times("weights     backbone.body.layer4.0.conv1.weight: not there, left as initialised\n"),
        1);
    ck_assert_uint_eq(times("backbone.body.layer4"), 15); /* 3 convolutions, 3 norms of 4 */
    ck_assert_uint_eq(times("backbone.body."), 15);
    ck_assert_uint_eq(times(", a ResNet with folded batch norm\n"), 1);
    ck_assert_uint_eq(times("weights     as they were trained: mean=0.5,0.25,0.125\n"), 1);
    ck_assert_uint_eq(times("dropped"), 0);
}
END_TEST

/* torchvision's MobileNetV2: its padding and normalisation replace those of the preset. */
START_TEST(a_mobilenet) {
    use(RN_BACKBONE_MOBILENET_V2, RN_NORM_BATCH);
    config.same_padding = true;
    config.std[0] = 0.5;
    add_classifier("features.");
    add_conv("features.18.0.weight", 16, 80, 1);
    save("m.safetensors");
    open_file("m.safetensors");
    ck_assert(donor.kind == RN_DONOR_MOBILENET && !donor.folded && !donor.numbered);
    adapt();
    ck_assert_str_eq(donor.changes, "std=0.229,0.224,0.225, same_padding=false");
    load();
    check_param("backbone.body.17.conv.1.0.weight", numbers);
    ck_assert_uint_eq(times("backbone.body."), 0); /* nothing of it is missing */
    ck_assert_uint_eq(times("features.18.0.weight: dropped"), 1);
    ck_assert_uint_eq(times("dropped, no place"), 1);
}
END_TEST

/* Convolutions numbered as they run; each bias begins with its number. */
START_TEST(a_numbered_mobilenet) {
    char name[64];
    int number = 0;
    use(RN_BACKBONE_MOBILENET_V2, RN_NORM_FROZEN);
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        if (strncmp(p->name, "backbone.body.", 14) != 0 || p->kind != RN_PARAM_CONV_WEIGHT)
            continue;
        snprintf(name, sizeof name, "%02d.%s.weight", number, p->in == 1 ? "dw" : "conv");
        add_conv(name, (size_t)p->out, (size_t)p->in, (size_t)p->kernel);
        strcpy(strrchr(name, '.'), ".bias");
        add_vector(name, (size_t)p->out, numbers + number++);
    }
    ck_assert_int_eq(number, 51);
    save("m.safetensors");
    open_file("m.safetensors");
    ck_assert(donor.kind == RN_DONOR_MOBILENET && donor.folded && donor.numbered);
    adapt();
    ck_assert_str_eq(donor.changes, "mean=0.5,0.5,0.5, std=0.5,0.5,0.5, same_padding=true");
    ck_assert(config.same_padding);
    load();
    ck_assert_uint_eq(times("backbone.body."), 0);
    ck_assert_uint_eq(times("dropped"), 0);
    check_param("backbone.body.0.1.bias", numbers);
    check_param("backbone.body.1.conv.0.1.bias", numbers + 1);
    check_param("backbone.body.1.conv.2.bias", numbers + 2);
    check_param("backbone.body.2.conv.0.1.bias", numbers + 3);
    check_param("backbone.body.2.conv.1.1.bias", numbers + 4);
    check_param("backbone.body.2.conv.3.bias", numbers + 5);
    check_param("backbone.body.17.conv.0.1.bias", numbers + 48);
    check_param("backbone.body.17.conv.1.1.bias", numbers + 49);
    check_param("backbone.body.17.conv.3.bias", numbers + 50);
}
END_TEST

/* A third of the channels: 11 of 32, which become 16. */
START_TEST(a_mobilenet_whose_width_is_rounded) {
    use(RN_BACKBONE_MOBILENET_V2, RN_NORM_FROZEN);
    config.width = 11;
    add_conv("00.conv.weight", 16, 3, 3);
    add_conv("01.dw.weight", 16, 1, 3);
    save("m.safetensors");
    open_file("m.safetensors");
    adapt();
    config.width = 32;
    refused(
        "a stem of 16 channels, but the network's has 32 (try --preset mobile, or another width)");
}
END_TEST

/* What the user has set stays. */
START_TEST(given_fields_stay) {
    use(RN_BACKBONE_MOBILENET_V2, RN_NORM_FROZEN);
    add_conv("00.conv.weight", 8, 3, 3);
    add_vector("00.conv.bias", 8, numbers);
    add_conv("01.dw.weight", 8, 1, 3);
    save("m.safetensors");
    open_file("m.safetensors");
    ck_assert_int_eq(rn_donor_adapt(&config, &donor, mean_given, NULL), RN_OK);
    ck_assert_str_eq(donor.changes, "std=0.5,0.5,0.5, same_padding=true");
    ck_assert_double_eq(config.mean[0], 0.485);
}
END_TEST

START_TEST(networks_that_cannot_take_it) {
    use(RN_BACKBONE_RESNET, RN_NORM_FROZEN);
    add_classifier("");
    save("r.safetensors");
    open_file("r.safetensors");
    config.norm = RN_NORM_GROUP;
    refused("trained with batch norm, which wants --set norm=frozen or norm=batch (got group)");
    config.norm = RN_NORM_BATCH;
    adapt();
    config.backbone = RN_BACKBONE_MOBILENET_V2;
    refused("weights of a resnet, but the backbone is mobilenet_v2 (try --preset r18)");
    config.backbone = RN_BACKBONE_RESNET;
    config.width = 16;
    refused("a stem of 8 channels, but the network's has 16 (try --preset r18, or another width)");
    config.width = 8;
    config.depth = 50;
    refused("a ResNet without bottlenecks, but the network's depth is 50 (try --preset r18)");
    rn_donor_close(&donor);
    add_conv("conv1.weight", 8, 3, 7);
    add_vector("conv1.bias", 8, numbers);
    add_conv("layer1.0.conv1.weight", 8, 8, 3);
    save("f.safetensors");
    open_file("f.safetensors");
    config.depth = 10;
    config.norm = RN_NORM_BATCH;
    refused(
        "batch norm is folded into its convolutions, which wants --set norm=frozen (got batch)");
}
END_TEST

/* Metadata that make no configuration. */
START_TEST(a_mean_that_is_none) {
    static const struct {
        const char *mean, *text;
    } cases[] = {{"0.5,x,0.5", "mean: got x, want -10..10"},
                 {"0.5,0.5", "mean, std: want 3 numbers each"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[512];
        use(RN_BACKBONE_RESNET, RN_NORM_FROZEN);
        add_classifier("");
        ck_assert_int_eq(rn_safetensors_add_metadata(&writer, "mean", cases[i].mean), RN_OK);
        save("r.safetensors");
        open_file("r.safetensors");
        ck_assert_int_eq(rn_donor_adapt(&config, &donor, none_given, NULL), RN_EINPUT);
        snprintf(want, sizeof want, "%s: %s", donor.path, cases[i].text);
        ck_assert_str_eq(rn_error_text(), want);
        if (i > 0) break;
        rn_donor_close(&donor);
        model_free();
    }
}
END_TEST

/* A stage that is not to be trained must be there. */
START_TEST(a_frozen_stage_that_is_missing) {
    char want[512];
    use(RN_BACKBONE_RESNET, RN_NORM_FROZEN);
    add_conv("conv1.weight", 8, 3, 7);
    add_vector("conv1.bias", 8, numbers);
    add_conv("layer1.0.conv1.weight", 8, 8, 3);
    save("f.safetensors");
    open_file("f.safetensors");
    rn_network_freeze(&network, 1);
    load();
    rn_network_freeze(&network, 2);
    ck_assert_int_eq(rn_donor_load(weights, &donor, &network, &config, &hooks), RN_EINVAL);
    snprintf(want, sizeof want,
             "%s: backbone.body.layer1.0.conv2.weight is missing, so its stage cannot be frozen",
             donor.path);
    ck_assert_str_eq(rn_error_text(), want);
}
END_TEST

START_TEST(a_number_that_is_none) {
    static const real bad[8] = {0, 0, 0, (real)NAN};
    use(RN_BACKBONE_RESNET, RN_NORM_FROZEN);
    add_conv("conv1.weight", 8, 3, 7);
    add_vector("conv1.bias", 8, bad);
    add_conv("layer1.0.conv1.weight", 8, 8, 3);
    save("f.safetensors");
    open_file("f.safetensors");
    ck_assert_int_eq(rn_donor_load(weights, &donor, &network, &config, &hooks), RN_EINPUT);
    ck_assert_msg(strstr(rn_error_text(), "tensor conv1.bias: number 3 is not finite") != NULL,
                  "%s", rn_error_text());
}
END_TEST

/* ---- detectors ---- */

/* Other classes, or the same ones in another order, reset the last layer of the class head. */
START_TEST(other_classes) {
    static char cat[] = "cat", dog[] = "dog", owl[] = "owl";
    char *swapped[] = {dog, cat, owl};
    static const int64_t ids[] = {1, 2, 3};
    use(RN_BACKBONE_RESNET, RN_NORM_GROUP);
    real *logits = tiny_param(&network, weights, "head.classification_head.cls_logits.weight");
    real *reg = tiny_param(&network, weights, "head.regression_head.bbox_reg.weight");
    const real was = reg[3];
    save_model("d.safetensors");
    open_file("d.safetensors");
    ck_assert(donor.kind == RN_DONOR_DETECTOR && donor.has_config);
    logits[0] = reg[3] = 77;
    adapt();
    load(); /* the same classes, whatever their ids */
    ck_assert(logits[0] != 77 && reg[3] == was);
    ck_assert_uint_eq(times("class head"), 0);
    ck_assert_int_eq(rn_model_config_set_classes(&config, swapped, ids, 3), RN_OK);
    logits[0] = reg[3] = 77;
    said[0] = '\0';
    load();
    ck_assert(logits[0] == 77 && reg[3] == was);
    char want[512];
    snprintf(
        want, sizeof want,
        "weights     class head reset: trained on 3 classes (cat, dog, owl), here 3 (dog, cat, "
        "owl)\nweights     %zu of %zu parameters from %s\n",
        network.graph.n_params - 2, network.graph.n_params, donor.path);
    ck_assert_str_eq(said, want);
}
END_TEST

/* A class that has no name may be any, the background is none. */
START_TEST(classes_without_names) {
    static char none[] = "class 0", dog[] = "dog", two[] = "class 2", back[] = "__background__";
    char *unnamed[] = {none, dog, two}, *torchvision[] = {back, dog, two};
    static const int64_t ids[] = {0, 1, 2};
    use(RN_BACKBONE_RESNET, RN_NORM_GROUP);
    real *logits = tiny_param(&network, weights, "head.classification_head.cls_logits.weight");
    save_model("d.safetensors");
    open_file("d.safetensors");
    adapt();
    ck_assert_int_eq(rn_model_config_set_classes(&donor.config, unnamed, ids, 3), RN_OK);
    logits[0] = 77;
    load();
    ck_assert(logits[0] != 77);
    ck_assert_uint_eq(times("class head"), 0);
    ck_assert_int_eq(rn_model_config_set_classes(&donor.config, torchvision, ids, 3), RN_OK);
    logits[0] = 77;
    load();
    ck_assert(logits[0] == 77);
    ck_assert_uint_eq(
        times("class head reset: trained on 3 classes (__background__, dog, class 2), "
              "here 3 (cat, dog, owl)\n"),
        1);
}
END_TEST

/* Of a checkpoint the average, as detect and convert use it: what best.safetensors would have. */
START_TEST(the_average_of_a_checkpoint) {
    char want[512];
    use(RN_BACKBONE_RESNET, RN_NORM_GROUP);
    real *average = tiny_weights(&network, 0.01);
    for (size_t i = 0; i < network.graph.n_stored; i++) average[i] = (real)0.5;
    rn_safetensors_writer w = whole();
    ck_assert_int_eq(rn_weights_add(&w, average, &network.graph, "ema.", false), RN_OK);
    ck_assert_int_eq(rn_weights_add(&w, weights, &network.graph, "velocity.", true), RN_OK);
    finish(&w, "last.safetensors");
    free(average);
    open_file("last.safetensors");
    adapt();
    load();
    for (size_t i = 0; i < network.graph.n_params; i++)
        check_constant(network.graph.params[i].name, (real)0.5);
    snprintf(want, sizeof want,
             "weights     %zu of %zu parameters from %s, the average of a checkpoint\n",
             network.graph.n_params, network.graph.n_params, donor.path);
    ck_assert_str_eq(said, want); /* nothing is dropped */
}
END_TEST

/* What decides on the meaning of the numbers comes along, the size of the pictures is told. */
START_TEST(anchors_and_branches_come_along) {
    use(RN_BACKBONE_RESNET, RN_NORM_GROUP);
    config.p6_from = RN_P6_FROM_P5;
    config.fpn_norm = RN_BRANCH_NORM_GROUP;
    config.anchor_sides[0] = 24;
    config.n_anchor_ratios = 2;
    config.anchor_offset = 0;
    config.anchor_rounded = true;
    config.antialias = false;
    save_model("d.safetensors");
    open_file("d.safetensors");
    rn_model_config_free(&config);
    config = tiny_config();
    config.size_longer = 128;
    ck_assert_int_eq(rn_donor_adapt(&config, &donor, none_given, NULL), RN_OK);
    ck_assert_str_eq(donor.changes,
                     "fpn_norm=group, p6_from=p5, anchor_sides=24,64,128,256,512, "
                     "anchor_ratios=0.5,1, anchor_offset=0, anchor_rounded=true, antialias=false");
    ck_assert(config.p6_from == RN_P6_FROM_P5 && config.n_anchor_ratios == 2);
    ck_assert_str_eq(donor.sizes, "size_longer=64, size_shorter=0, here 128 and 0");
    ck_assert_int_eq(config.size_longer, 128);
}
END_TEST

/* Our models bring their norm and normalisation along. */
START_TEST(what_a_detector_was_trained_with) {
    use(RN_BACKBONE_RESNET, RN_NORM_GROUP);
    config.mean[1] = 0.25;
    config.groups = 4; /* of 16 channels, as group_channels would have 2 */
    save_model("d.safetensors");
    open_file("d.safetensors");
    config.mean[1] = 0.456;
    config.norm = RN_NORM_FROZEN;
    config.groups = 0;
    adapt();
    ck_assert_str_eq(donor.changes, "mean=0.485,0.25,0.406, norm=group, groups=4");
    ck_assert_int_eq(config.norm, RN_NORM_GROUP);
    ck_assert_int_eq(config.groups, 4);
    donor.config.norm = RN_NORM_BATCH; /* the same parameters as frozen */
    donor.changes[0] = '\0';
    config.norm = RN_NORM_FROZEN;
    adapt();
    ck_assert_str_eq(donor.changes, "");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("transfer");
    TCase *tests = tcase_create("transfer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_resnet);
    tcase_add_test(tests, a_folded_resnet);
    tcase_add_test(tests, a_mobilenet);
    tcase_add_test(tests, a_numbered_mobilenet);
    tcase_add_test(tests, a_mobilenet_whose_width_is_rounded);
    tcase_add_test(tests, given_fields_stay);
    tcase_add_test(tests, networks_that_cannot_take_it);
    tcase_add_test(tests, a_mean_that_is_none);
    tcase_add_test(tests, a_frozen_stage_that_is_missing);
    tcase_add_test(tests, a_number_that_is_none);
    tcase_add_test(tests, other_classes);
    tcase_add_test(tests, classes_without_names);
    tcase_add_test(tests, the_average_of_a_checkpoint);
    tcase_add_test(tests, anchors_and_branches_come_along);
    tcase_add_test(tests, what_a_detector_was_trained_with);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
