/* Which model a file without metadata holds. The tensors are names and shapes alone. */
#include "base/memory.h"
#include "model/network.h"
#include "model/weights.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static rn_tensor_file file;
static rn_model_config config;
static const char *name;

/* The file that the configuration's network would be saved as. */
static void make_file(const rn_model_config *model) {
    rn_network network;
    ck_assert_msg(rn_network_build(&network, model) == RN_OK, "%s", rn_error_text());
    const size_t n = network.graph.n_params;
    file = (rn_tensor_file){.n_tensors = n};
    ck_assert_int_eq(rn_alloc(&file.tensors, n, sizeof *file.tensors), RN_OK);
    for (size_t i = 0; i < n; i++) {
        const rn_param *p = &network.graph.params[i];
        const bool conv = p->kind == RN_PARAM_CONV_WEIGHT;
        const size_t kernel = (size_t)p->kernel;
        rn_tensor *t = &file.tensors[i];
        ck_assert_int_eq(rn_strdup(&t->name, p->name), RN_OK);
        *t = (rn_tensor){.name = t->name,
                         .n_dims = conv ? 4 : 1,
                         .dims = {(size_t)p->out, (size_t)p->in, kernel, kernel},
                         .count = p->count};
    }
    rn_network_free(&network);
}

static void make_preset(const char *preset, int norm, size_t classes) {
    char *names[200];
    int64_t ids[200] = {0};
    rn_model_config model;
    for (size_t i = 0; i < classes; i++) names[i] = (char *)"x";
    ck_assert_int_eq(rn_model_config_preset(&model, preset), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&model, names, ids, classes), RN_OK);
    model.norm = norm;
    make_file(&model);
    rn_model_config_free(&model);
}

static void recognise(void) {
    rn_model_config_free(&config);
    ck_assert_msg(rn_model_recognise(&config, &name, &file) == RN_OK, "%s", rn_error_text());
}

static void free_all(void) {
    rn_model_config_free(&config);
    rn_tensor_file_close(&file);
}

/* ---- presets ---- */

START_TEST(every_preset_is_told_from_the_others) {
    static const struct {
        const char *preset;
        int norm, size;
    } cases[] = {
        {"nano", RN_NORM_GROUP, 160}, {"small", RN_NORM_GROUP, 320}, {"nano", RN_NORM_FROZEN, 160}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_preset(cases[i].preset, cases[i].norm, 3 + i);
        recognise();
        ck_assert_str_eq(name, cases[i].preset);
        ck_assert_int_eq(config.norm, cases[i].norm);
        ck_assert_int_eq(config.size_longer, cases[i].size);
        ck_assert_uint_eq(config.n_classes, 3 + i);
        ck_assert_str_eq(config.class_names[2], "class 2");
        ck_assert_int_eq(config.category_ids[2], 2);
        rn_tensor_file_close(&file);
    }
}
END_TEST

/* ---- torchvision ---- */

static rn_tensor *find(const char *tensor) {
    return (rn_tensor *)rn_tensor_file_find(&file, tensor); /* the file is ours */
}

static void rename_tensor(const char *from, const char *to) {
    rn_tensor *t = find(from);
    ck_assert_ptr_nonnull(t);
    free(t->name);
    ck_assert_int_eq(rn_strdup(&t->name, to), RN_OK);
}

static void make_torchvision(int depth, int norm, int head_norm, int p6_from, size_t classes) {
    char *names[200];
    int64_t ids[200] = {0};
    rn_model_config model = rn_model_config_default();
    for (size_t i = 0; i < classes; i++) names[i] = (char *)"x";
    ck_assert_int_eq(rn_model_config_set_classes(&model, names, ids, classes), RN_OK);
    model.depth = depth;
    model.norm = norm;
    model.head_norm = head_norm;
    model.p6_from = p6_from;
    make_file(&model);
    rn_model_config_free(&model);
    if (norm == RN_NORM_BATCH) { /* whose tensor is of no other use here */
        file.tensors = realloc(file.tensors, (file.n_tensors + 1) * sizeof *file.tensors);
        ck_assert_ptr_nonnull(file.tensors);
        rn_tensor *t = &file.tensors[file.n_tensors++];
        *t = (rn_tensor){.dtype = RN_I64, .count = 1};
        ck_assert_int_eq(rn_strdup(&t->name, "backbone.body.bn1.num_batches_tracked"), RN_OK);
    }
}

START_TEST(every_model_of_torchvision) {
    static const struct {
        int depth, norm, head_norm, p6_from;
        const char *name;
    } cases[] = {{50, RN_NORM_FROZEN, 0, RN_P6_FROM_P5, "torchvision's retinanet_resnet50_fpn"},
                 {50, RN_NORM_BATCH, 0, RN_P6_FROM_P5, "torchvision's retinanet_resnet50_fpn"},
                 {50, RN_NORM_BATCH, 1, RN_P6_FROM_C5, "torchvision's retinanet_resnet50_fpn_v2"},
                 {50, RN_NORM_GROUP, 0, RN_P6_FROM_C5, "torchvision's RetinaNet on resnet50"},
                 {18, RN_NORM_GROUP, 0, RN_P6_FROM_C5, "torchvision's RetinaNet on resnet18"},
                 {18, RN_NORM_BATCH, 1, RN_P6_FROM_P5, "torchvision's RetinaNet on resnet18"},
                 {34, RN_NORM_FROZEN, 0, RN_P6_FROM_P5, "torchvision's RetinaNet on resnet34"},
                 {101, RN_NORM_FROZEN, 0, RN_P6_FROM_C5, "torchvision's RetinaNet on resnet101"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_torchvision(cases[i].depth, cases[i].norm, cases[i].head_norm, cases[i].p6_from, 91);
        recognise();
        ck_assert_str_eq(name, cases[i].name);
        ck_assert_int_eq(config.depth, cases[i].depth);
        ck_assert_int_eq(config.norm, cases[i].norm);
        ck_assert_int_eq(config.head_norm, cases[i].head_norm);
        ck_assert_int_eq(config.p6_from, cases[i].p6_from);
        ck_assert(config.anchor_rounded && config.anchor_offset == 0 && !config.antialias);
        ck_assert(config.size_shorter == 800 && config.size_longer == 1333);
        ck_assert(config.max_detections == 300 && config.keep_empty && config.groups == 32);
        ck_assert_int_eq(config.nms, 2); /* moved by class */
        ck_assert(config.bn_eps == 1e-5 && config.score_threshold == 0.05);
        rn_tensor_file_close(&file);
    }
}
END_TEST

/* Where COCO has no category, torchvision has "N/A"; the id is the column. */
START_TEST(classes_of_coco) {
    static const struct {
        int column;
        const char *name;
    } cases[] = {{0, "__background__"}, {1, "person"},  {11, "fire hydrant"}, {12, "N/A"},
                 {13, "stop sign"},     {18, "dog"},    {26, "N/A"},          {29, "N/A"},
                 {30, "N/A"},           {44, "bottle"}, {45, "N/A"},          {66, "N/A"},
                 {68, "N/A"},           {69, "N/A"},    {70, "toilet"},       {71, "N/A"},
                 {82, "refrigerator"},  {83, "N/A"},    {84, "book"},         {90, "toothbrush"}};
    int none = 0;
    make_torchvision(18, RN_NORM_FROZEN, 0, RN_P6_FROM_C5, 91);
    recognise();
    ck_assert_uint_eq(config.n_classes, 91);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_str_eq(config.class_names[cases[i].column], cases[i].name);
        ck_assert_int_eq(config.category_ids[cases[i].column], cases[i].column);
    }
    for (int i = 0; i < 91; i++) none += strcmp(config.class_names[i], "N/A") == 0;
    ck_assert_int_eq(none, 10);
    rn_tensor_file_close(&file);
    make_torchvision(18, RN_NORM_FROZEN, 0, RN_P6_FROM_C5, 90); /* not COCO's columns */
    recognise();
    ck_assert_uint_eq(config.n_classes, 90);
    ck_assert_str_eq(config.class_names[0], "__background__");
    ck_assert_str_eq(config.class_names[89], "class 89");
    ck_assert(rn_class_is_unnamed("class 89", 89) && !rn_class_is_unnamed("class 89", 9));
    rn_tensor_file_close(&file);
    make_preset("nano", RN_NORM_GROUP, 91); /* ours */
    recognise();
    ck_assert_str_eq(config.class_names[0], "class 0");
}
END_TEST

/* Every layer of the FPN and the heads by its name of before 0.13. */
static void make_older(void) {
    for (int i = 0; i < 3; i++)
        for (int list = 0; list < 2; list++)
            for (int bias = 0; bias < 2; bias++) {
                const char *block = list ? "layer" : "inner", *end = bias ? "bias" : "weight";
                char from[128], to[128];
                snprintf(from, sizeof from, "backbone.fpn.%s_blocks.%d.0.%s", block, i, end);
                snprintf(to, sizeof to, "backbone.fpn.%s_blocks.%d.%s", block, i, end);
                rename_tensor(from, to);
            }
    for (int i = 0; i < 4; i++)
        for (int list = 0; list < 2; list++)
            for (int bias = 0; bias < 2; bias++) {
                const char *head = list ? "regression" : "classification",
                           *end = bias ? "bias" : "weight";
                char from[128], to[128];
                snprintf(from, sizeof from, "head.%s_head.conv.%d.0.%s", head, i, end);
                snprintf(to, sizeof to, "head.%s_head.conv.%d.%s", head, 2 * i, end);
                rename_tensor(from, to);
            }
}

/* The published weights of the first version: epsilon 0. */
START_TEST(older_names) {
    make_torchvision(50, RN_NORM_FROZEN, 0, RN_P6_FROM_P5, 91);
    make_older();
    recognise();
    ck_assert_str_eq(name, "torchvision's retinanet_resnet50_fpn");
    ck_assert_int_eq(config.norm, RN_NORM_FROZEN);
    ck_assert(config.bn_eps == 0);
    ck_assert_ptr_nonnull(find("backbone.fpn.layer_blocks.2.0.bias"));
    ck_assert_ptr_nonnull(find("head.regression_head.conv.3.0.weight"));
    recognise(); /* they have their names of today now */
    ck_assert(config.bn_eps == 1e-5);
    rn_tensor_file_close(&file);
    make_torchvision(50, RN_NORM_BATCH, 0, RN_P6_FROM_P5, 91);
    make_older();
    recognise(); /* batch norm always added its epsilon */
    ck_assert_int_eq(config.norm, RN_NORM_BATCH);
    ck_assert(config.bn_eps == 1e-5);
    rn_tensor_file_close(&file);
    make_torchvision(18, RN_NORM_FROZEN, 0, RN_P6_FROM_C5, 91);
    rename_tensor("head.regression_head.conv.3.0.weight", "head.regression_head.conv.3.weight");
    recognise(); /* the older ones count by two */
    ck_assert_ptr_nonnull(find("head.regression_head.conv.3.weight"));
    rename_tensor("head.regression_head.conv.3.weight", "head.regression_head.conv.6.weight");
    rename_tensor("head.regression_head.conv.3.0.bias", "head.regression_head.conv.6.bias");
    recognise();
    ck_assert_ptr_nonnull(find("head.regression_head.conv.3.0.weight"));
}
END_TEST

/* ---- none of them ---- */

START_TEST(nothing_is_guessed) {
    file = (rn_tensor_file){0};
    recognise(); /* no tensor at all */
    ck_assert_ptr_null(name);
    make_preset("nano", RN_NORM_GROUP, 2);
    file.tensors[0].dims[0] = 24; /* of another width */
    recognise();
    ck_assert_ptr_null(name);
    ck_assert_uint_eq(config.n_classes, 0);
    file.tensors[0].dims[0] = 16;
    recognise();
    ck_assert_str_eq(name, "nano");
    for (size_t i = 0; i < file.n_tensors; i++)
        if (strcmp(file.tensors[i].name, "head.classification_head.cls_logits.bias") == 0) {
            file.tensors[i].count = 8; /* less than one class */
            recognise();
            ck_assert_ptr_null(name);
            file.tensors[i].count = (size_t)1 << 40; /* more than there is room for */
            recognise();
            ck_assert_ptr_null(name);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("recognise");
    TCase *tests = tcase_create("recognise");
    tcase_add_checked_fixture(tests, NULL, free_all);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_preset_is_told_from_the_others);
    tcase_add_test(tests, every_model_of_torchvision);
    tcase_add_test(tests, classes_of_coco);
    tcase_add_test(tests, older_names);
    tcase_add_test(tests, nothing_is_guessed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
