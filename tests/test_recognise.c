/* Which model a file without metadata holds. The tensors are names and shapes alone. */
#include "base/memory.h"
#include "model/network.h"
#include "model/weights.h"
#include "suite.h"

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
    } cases[] = {{"nano", RN_NORM_GROUP, 160},  {"small", RN_NORM_GROUP, 320},
                 {"r18", RN_NORM_FROZEN, 512},  {"r18", RN_NORM_GROUP, 512},
                 {"r50", RN_NORM_FROZEN, 1333}, {"r50", RN_NORM_GROUP, 1333}};
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

/* As r50 with frozen statistics, but P6 takes P5. */
START_TEST(torchvisions_model) {
    make_preset("r50", RN_NORM_FROZEN, 91);
    for (size_t i = 0; i < file.n_tensors; i++)
        if (strcmp(file.tensors[i].name, "backbone.fpn.extra_blocks.p6.weight") == 0)
            file.tensors[i].dims[1] = 256;
    recognise();
    ck_assert_str_eq(name, "torchvision");
    ck_assert_uint_eq(config.n_classes, 91);
    ck_assert(config.p6_from == RN_P6_FROM_P5 && config.anchor_rounded && !config.antialias);
    ck_assert(config.anchor_offset == 0 && config.size_shorter == 800 &&
              config.max_detections == 300);
    ck_assert_int_eq(config.norm, RN_NORM_FROZEN);
}
END_TEST

/* ---- none of them ---- */

START_TEST(nothing_is_guessed) {
    rn_tensor_file whole;
    file = (rn_tensor_file){0};
    recognise(); /* no tensor at all */
    ck_assert_ptr_null(name);
    make_preset("nano", RN_NORM_GROUP, 2);
    whole = file;
    file.n_tensors--; /* one is missing */
    recognise();
    ck_assert_ptr_null(name);
    ck_assert_uint_eq(config.n_classes, 0);
    file = whole;
    file.tensors[0].dims[0] = 24; /* one is of another width */
    recognise();
    ck_assert_ptr_null(name);
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
    tcase_add_test(tests, torchvisions_model);
    tcase_add_test(tests, nothing_is_guessed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
