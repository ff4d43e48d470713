#include "model/config.h"
#include "suite.h"
#include "temp_folder.h"

#include <math.h>

static rn_model_config config;

static rn_status parse(const char *json) {
    return rn_model_config_from_json(&config, json, "a.json", NULL, NULL);
}

/* `json` is refused as RN_EINPUT with exactly "a.json: " and `text`, and leaves nothing behind. */
static void refused(const char *json, const char *text) {
    char want[512];
    snprintf(want, sizeof want, "a.json: %s", text);
    ck_assert_int_eq(parse(json), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(config.class_names);
    ck_assert_ptr_null(config.category_ids);
    ck_assert_uint_eq(config.n_classes, 0);
}

START_TEST(the_default_is_the_papers) {
    const rn_model_config c = rn_model_config_default();
    ck_assert_int_eq(c.depth, 18);
    ck_assert_int_eq(c.width, 64);
    ck_assert_int_eq(c.fpn_channels, 256);
    ck_assert_int_eq(c.head_depth, 4);
    ck_assert_int_eq(c.n_anchor_sides, 5);
    ck_assert_int_eq(c.n_anchor_scales, 3);
    ck_assert_int_eq(c.n_anchor_ratios, 3);
    ck_assert(c.anchor_sides[4] == 512);
    ck_assert_double_eq_tol(c.anchor_scales[1], cbrt(2), 1e-15);
    ck_assert_double_eq_tol(c.anchor_scales[2], cbrt(4), 1e-15);
    ck_assert(c.anchor_ratios[0] == 0.5 && c.anchor_ratios[2] == 2);
    ck_assert(c.anchor_offset == 0.5 && !c.anchor_rounded && c.antialias);
    ck_assert(c.mean[0] == 0.485 && c.mean[2] == 0.406 && c.std[1] == 0.224);
    ck_assert(c.score_threshold == 0.05 && c.nms_iou == 0.5 && c.show_threshold == 0.5);
    ck_assert_int_eq(c.topk_candidates, 1000);
    ck_assert_int_eq(c.max_detections, 100);
    ck_assert_int_eq(c.p6_from, RN_P6_FROM_C5);
    ck_assert_int_eq(c.size_longer, 512);
    ck_assert_uint_eq(c.n_classes, 0);
    ck_assert_int_eq(rn_model_config_check(&c), RN_OK);
}
END_TEST

/* Each field, whatever its type, goes to JSON and back to the same bits; so do classes. */
START_TEST(json_there_and_back) {
    char text[3][24] = {"red \"cell\"\n", "", "Thrombozyt\xc3\xa4n"};
    char *const names[] = {text[0], text[1], text[2]};
    const int64_t ids[] = {0, -7, INT64_C(9007199254740992)};
    rn_model_config from = rn_model_config_default();
    char *json = NULL, *again = NULL;
    from.depth = 50;
    from.p6_from = RN_P6_FROM_P5;
    from.nms = 1;
    from.norm = 2;
    from.anchor_rounded = true;
    from.n_anchor_ratios = 1;
    from.anchor_ratios[0] = 0.30000000000000004;
    from.score_threshold = 0.1;
    from.show_threshold = 1e-300;
    ck_assert_int_eq(rn_model_config_set_classes(&from, names, ids, 3), RN_OK);
    ck_assert_int_eq(rn_model_config_to_json(&json, &from), RN_OK);
    ck_assert_int_eq(parse(json), RN_OK);
    ck_assert_int_eq(rn_model_config_to_json(&again, &config), RN_OK);
    ck_assert_str_eq(json, again);
    ck_assert_int_eq(config.depth, 50);
    ck_assert_int_eq(config.norm, 2);
    ck_assert(config.anchor_rounded);
    ck_assert_int_eq(config.n_anchor_ratios, 1);
    ck_assert(config.anchor_ratios[0] == 0.30000000000000004);
    ck_assert(config.anchor_scales[1] == from.anchor_scales[1]);
    ck_assert(config.show_threshold == 1e-300);
    ck_assert_uint_eq(config.n_classes, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(config.class_names[i], names[i]);
        ck_assert_int_eq(config.category_ids[i], ids[i]);
    }
    rn_model_config_free(&from);
    rn_model_config_free(&config);
    free(json);
    free(again);
}
END_TEST

START_TEST(copies_are_independent) {
    char first[] = "one", second[] = "two", third[] = "three";
    char *const one[] = {first}, *const two[] = {second, third};
    const int64_t ids[] = {1, 2};
    rn_model_config a = rn_model_config_default(), b;
    a.width = 24;
    ck_assert_int_eq(rn_model_config_copy(&b, &a), RN_OK); /* no classes */
    ck_assert_uint_eq(b.n_classes, 0);
    rn_model_config_free(&b);
    ck_assert_int_eq(rn_model_config_set_classes(&a, one, ids, 1), RN_OK);
    ck_assert_int_eq(rn_model_config_copy(&b, &a), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&a, two, ids, 2), RN_OK);
    ck_assert_uint_eq(a.n_classes, 2);
    ck_assert_str_eq(a.class_names[1], "three");
    rn_model_config_free(&a);
    ck_assert_ptr_null(a.class_names);
    ck_assert_int_eq(b.width, 24);
    ck_assert_uint_eq(b.n_classes, 1);
    ck_assert_str_eq(b.class_names[0], "one");
    rn_model_config_free(&b);
}
END_TEST

START_TEST(refuses_what_is_no_configuration) {
    refused("", "offset 0: no valid JSON");
    refused("{\"depth\": 18", "offset 12: no valid JSON");
    refused("{} x", "offset 3: no valid JSON");
    refused("[]", "want a JSON object");
    refused("{\"widht\": 16}", "unknown key widht (did you mean width?)");
    refused("{\"momentum\": 16}", "unknown key momentum");
    refused("{\"width\": 16, \"width\": 32}", "width stands twice");
    refused("{\"train\": 1}", "train: want an object");
}
END_TEST

START_TEST(refuses_wrong_values) {
    refused("{\"width\": 7}", "width: got 7, want 8..256");
    refused("{\"width\": 16.5}", "width: got 16.5, want 8..256");
    refused("{\"nms_iou\": 1e999}", "nms_iou: got null, want 0..1");
    refused("{\"norm\": \"layer\"}", "norm: got layer, want one of: group, batch, frozen");
    refused("{\"mean\": [0.5, \"0.5\", 0.5]}", "mean: want a list of numbers");
    refused("{\"anchor_scales\": []}", "anchor_scales: got , want 0.1..10");
    refused("{\"anchor_scales\": [1, 1, 1, 1, 1, 1]}",
            "anchor_scales: got 1,1,1,1,1,1, want at most 5 numbers");
}
END_TEST

START_TEST(refuses_wrong_types) {
    refused("{\"width\": \"16\"}", "width: want a number");
    refused("{\"width\": true}", "width: want a number");
    refused("{\"width\": null}", "width: want a number");
    refused("{\"width\": [16]}", "width: want a number");
    refused("{\"nms_iou\": \"0.5\"}", "nms_iou: want a number");
    refused("{\"antialias\": 1}", "antialias: want true or false");
    refused("{\"antialias\": \"true\"}", "antialias: want true or false");
    refused("{\"norm\": 1}", "norm: want a text");
    refused("{\"mean\": \"0,0,0\"}", "mean: want a list of numbers");
    refused("{\"mean\": {\"a\": 1, \"b\": 1, \"c\": 1}}", "mean: want a list of numbers");
}
END_TEST

START_TEST(refuses_wrong_classes) {
    const char *const want = "classes: want {\"id\": 1, \"name\": \"...\"}";
    refused("{\"classes\": {}}", "classes: want a list");
    refused("{\"classes\": [1]}", want);
    refused("{\"classes\": [{\"name\": \"a\"}]}", want);
    refused("{\"classes\": [{\"id\": \"1\", \"name\": \"a\"}]}", want);
    refused("{\"classes\": [{\"id\": 1.5, \"name\": \"a\"}]}", want);
    refused("{\"classes\": [{\"id\": 1e999, \"name\": \"a\"}]}", want);
    refused("{\"classes\": [{\"id\": 1, \"name\": \"a\"}], \"width\": 1}",
            "width: got 1, want 8..256");
}
END_TEST

START_TEST(refuses_what_does_not_fit_together) {
    refused("{\"width\": 20}", "width: got 20, want a multiple of group_channels (8)");
    refused("{\"fpn_channels\": 100, \"head_norm\": \"group\"}",
            "fpn_channels: got 100, want a multiple of group_channels (8)");
    refused("{\"fpn_channels\": 100, \"fpn_norm\": \"group\"}",
            "fpn_channels: got 100, want a multiple of group_channels (8)");
    refused("{\"anchor_sides\": [32, 64, 128, 256]}", "anchor_sides: got 4 numbers, want 5");
    refused("{\"std\": [0.2, 0.2]}", "mean, std: want 3 numbers each");
    refused("{\"size_shorter\": 800, \"size_longer\": 512}",
            "size_shorter: got 800, want at most size_longer (512)");
    refused("{\"width\": 48, \"groups\": 32}", "width: got 48, want a multiple of groups (32)");
    refused("{\"width\": 32, \"groups\": 32, \"fpn_channels\": 40, \"head_norm\": \"group\"}",
            "fpn_channels: got 40, want a multiple of groups (32)");
    ck_assert_int_eq(parse("{\"width\": 20, \"norm\": \"batch\", \"fpn_channels\": 100}"), RN_OK);
    rn_model_config_free(&config);
}
END_TEST

/* As `--set KEY=VALUE` does. */
START_TEST(fields_are_set_by_name) {
    static const char *const good[] = {"bn_eps=0", "size-longer=640", "anchor_sides=8,16,32,64,128",
                                       "antialias=false", NULL};
    static const struct {
        const char *pair, *text;
    } bad[] = {{"bn_eps", "configuration: got bn_eps, want KEY=VALUE"},
               {"", "configuration: got , want KEY=VALUE"},
               {"=1", "configuration: unknown key "},
               {"bn_epz=1", "configuration: unknown key bn_epz (did you mean bn_eps?)"},
               {"bn_eps=-1", "bn_eps: got -1, want 0..1"},
               {"bn_eps=", "bn_eps: got , want 0..1"},
               {"depth=20", "depth: got 20, want 10, 18, 34, 50 or 101"}};
    config = rn_model_config_default();
    ck_assert_int_eq(rn_model_config_set(&config, NULL), RN_OK);
    ck_assert(config.bn_eps == 1e-5);
    ck_assert_msg(rn_model_config_set(&config, good) == RN_OK, "%s", rn_error_text());
    ck_assert(config.bn_eps == 0 && config.size_longer == 640 && !config.antialias);
    ck_assert(config.anchor_sides[0] == 8 && config.anchor_sides[4] == 128);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const pairs[] = {bad[i].pair, NULL};
        config = rn_model_config_default();
        ck_assert_int_eq(rn_model_config_set(&config, pairs), RN_EINVAL);
        ck_assert_str_eq(rn_error_text(), bad[i].text);
    }
}
END_TEST

/* A name for each class, or for each but the background; the ids stay. */
START_TEST(classes_are_named) {
    static const struct {
        const char *names, *text; /* of three classes, of which the first is the background */
    } bad[] = {{"a", "classes: got 1 names, want 2, or one more with the background"},
               {"", "classes: got 1 names, want 2, or one more with the background"},
               {"a,b,c,d", "classes: got 4 names, want 2, or one more with the background"},
               {",", "classes: name 1 is empty"},
               {"a,b,", "classes: name 3 is empty"},
               {"a,b\xff,c", "classes: name 2 is not UTF-8"},
               {"a,b,a", "classes: a stands twice"}};
    char text[3][24] = {"__background__", "class 1", "class 2"}, pair[64];
    char *const names[] = {text[0], text[1], text[2]};
    const char *const pairs[] = {"bn_eps=0", pair, "nms_iou=0.25", NULL};
    const int64_t ids[] = {0, 40, 2};
    config = rn_model_config_default();
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, 3), RN_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(pair, sizeof pair, "classes=%s", bad[i].names);
        ck_assert_int_eq(rn_model_config_set(&config, pairs), RN_EINVAL);
        ck_assert_str_eq(rn_error_text(), bad[i].text);
        ck_assert_str_eq(config.class_names[1], "class 1");
    }
    strcpy(pair, "classes=sea horse,b");
    ck_assert_msg(rn_model_config_set(&config, pairs) == RN_OK, "%s", rn_error_text());
    ck_assert(config.bn_eps == 0 && config.nms_iou == 0.25 && config.n_classes == 3);
    ck_assert_str_eq(config.class_names[0], "__background__");
    ck_assert_str_eq(config.class_names[1], "sea horse");
    ck_assert_str_eq(config.class_names[2], "b");
    ck_assert(config.category_ids[0] == 0 && config.category_ids[1] == 40);
    strcpy(pair, "classes=x,y,z");
    ck_assert_int_eq(rn_model_config_set(&config, pairs), RN_OK);
    ck_assert_str_eq(config.class_names[0], "x");
    ck_assert_str_eq(config.class_names[2], "z");
    strcpy(pair, "classes=x,y"); /* there is no background any more */
    ck_assert_int_eq(rn_model_config_set(&config, pairs), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "classes: got 2 names, want 3");
    rn_model_config_free(&config);
    ck_assert_int_eq(rn_model_config_set(&config, pairs), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "classes: got 2 names, want 0");
}
END_TEST

START_TEST(refuses_deep_nesting) {
    enum { DEEP = 100000 };
    char *json = malloc(DEEP + 1);
    ck_assert_ptr_nonnull(json);
    memset(json, '[', DEEP);
    json[DEEP] = '\0';
    ck_assert_int_eq(parse(json), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "no valid JSON"));
    free(json);
}
END_TEST

/* ---- presets ---- */

typedef struct pairs {
    char text[256];
    const char *bad; /* a key to refuse */
} pairs;

static rn_status collect(void *context, const char *key, const char *value) {
    pairs *p = context;
    const size_t used = strlen(p->text);
    if (p->bad && strcmp(p->bad, key) == 0) return RN_EINVAL;
    snprintf(p->text + used, sizeof p->text - used, "%s=%s;", key, value);
    return RN_OK;
}

START_TEST(presets_are_built_in) {
    char *folder = getcwd(NULL, 0);
    ck_assert_ptr_nonnull(folder);
    ck_assert_int_eq(chdir("/"), 0); /* any folder does */
    ck_assert_int_eq(rn_model_config_preset(&config, "r50"), RN_OK);
    ck_assert_int_eq(config.depth, 50);
    ck_assert_int_eq(config.width, 64);
    ck_assert_int_eq(config.fpn_channels, 256);
    ck_assert_int_eq(config.head_depth, 4);
    ck_assert_int_eq(config.norm, 2);
    ck_assert_int_eq(rn_model_config_preset(&config, "r18"), RN_OK);
    ck_assert_int_eq(config.depth, 18);
    ck_assert_int_eq(config.norm, 2);
    ck_assert_int_eq(rn_model_config_preset(&config, "small"), RN_OK);
    ck_assert_int_eq(config.width, 32);
    ck_assert_int_eq(rn_model_config_preset(&config, "nano"), RN_OK);
    ck_assert_int_eq(config.width, 16);
    ck_assert_int_eq(config.fpn_channels, 64);
    ck_assert_int_eq(config.norm, 0);
    ck_assert_int_eq(config.head_norm, RN_BRANCH_NORM_GROUP);
    ck_assert_int_eq(chdir(folder), 0);
    free(folder);
}
END_TEST

START_TEST(presets_from_files) {
    pairs p = {0};
    temp_text("a.json", "\xef\xbb\xbf{\"width\": 24, \"train\": {\"lr\": 0.1, \"epochs\": 1000000,"
                        " \"low_quality\": false, \"loss\": \"focal\"}}");
    ck_assert_int_eq(rn_model_config_preset_train(&config, temp_path("a.json"), collect, &p),
                     RN_OK);
    ck_assert_int_eq(config.width, 24);
    ck_assert_str_eq(p.text, "lr=0.1;epochs=1000000;low_quality=false;loss=focal;");
    ck_assert_int_eq(rn_model_config_preset(&config, temp_path("a.json")), RN_OK);
    temp_text("b.json", "{\"train\": {\"lr\": 1, \"lr\": 2}}");
    ck_assert_int_eq(rn_model_config_preset_train(&config, temp_path("b.json"), collect, &p),
                     RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "b.json: train: lr stands twice"));
    p.bad = "epochs";
    ck_assert_int_eq(rn_model_config_preset_train(&config, temp_path("a.json"), collect, &p),
                     RN_EINPUT);
    temp_bytes("zero.json", "{}\0", 3);
    ck_assert_int_eq(rn_model_config_preset(&config, temp_path("zero.json")), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "zero.json: a zero byte in a text file"));
    ck_assert_int_eq(rn_model_config_preset(&config, temp_path("none.json")), RN_EINPUT);
    ck_assert_int_eq(rn_model_config_preset(&config, temp_root), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "is a folder"));
    ck_assert_int_eq(rn_model_config_preset(&config, "r19"), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(),
                     "preset: got r19, want nano, small, mobile, r18, r50 or a file");
}
END_TEST

START_TEST(geometry_is_the_configurations) {
    ck_assert_int_eq(parse("{\"size_shorter\": 800, \"size_longer\": 1333, \"antialias\": false,"
                           " \"std\": [1, 0.5, 0.25]}"),
                     RN_OK);
    const rn_geometry g = rn_model_config_geometry(&config);
    ck_assert_int_eq(g.shorter, 800);
    ck_assert_int_eq(g.longer, 1333);
    ck_assert(!g.antialias);
    ck_assert(g.mean[0] == 0.485f && g.std[0] == 1 && g.std[2] == 0.25f);
}
END_TEST

/* Every field has a help text, a default in its range, and a value that its own text sets. */
START_TEST(the_table_is_sound) {
    size_t n = 0;
    const rn_field *fields = rn_model_config_fields(&n);
    const rn_model_config initial = rn_model_config_default();
    ck_assert_uint_ge(n, 20);
    for (size_t i = 0; i < n; i++) {
        rn_model_config c = {0};
        char text[512], again[512];
        ck_assert_msg(fields[i].help[0] != '\0', "%s has no help", fields[i].name);
        ck_assert_ptr_eq(rn_field_find(fields, n, fields[i].name), &fields[i]);
        rn_field_format(text, sizeof text, &initial, &fields[i]);
        ck_assert_int_eq(rn_field_set(&c, &fields[i], text), RN_OK);
        rn_field_format(again, sizeof again, &c, &fields[i]);
        ck_assert_str_eq(again, text);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_add_test(tests, the_default_is_the_papers);
    tcase_add_test(tests, json_there_and_back);
    tcase_add_test(tests, copies_are_independent);
    tcase_add_test(tests, refuses_what_is_no_configuration);
    tcase_add_test(tests, refuses_wrong_values);
    tcase_add_test(tests, refuses_wrong_types);
    tcase_add_test(tests, refuses_wrong_classes);
    tcase_add_test(tests, refuses_what_does_not_fit_together);
    tcase_add_test(tests, fields_are_set_by_name);
    tcase_add_test(tests, classes_are_named);
    tcase_add_test(tests, refuses_deep_nesting);
    tcase_add_test(tests, presets_are_built_in);
    tcase_add_test(tests, presets_from_files);
    tcase_add_test(tests, geometry_is_the_configurations);
    tcase_add_test(tests, the_table_is_sound);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
