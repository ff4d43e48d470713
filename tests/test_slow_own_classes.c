/* A detector of torchvision's that was trained on classes of one's own: its file names none. */
#include "bad_weights.h"
#include "suite.h"
#include "torch_model.h"

/* own.pth: torchvision's RetinaNet on resnet18, three columns of which the first is the background.
 * It sees column 2 on every anchor that is a square of its level's side, and nothing else; the
 * first on a picture of 64 x 64 is (-16, -16, 16, 16). */
static void make_own(void) {
    static const char *const last[] = {"head.classification_head.cls_logits.weight",
                                       "head.regression_head.bbox_reg.weight",
                                       "head.regression_head.bbox_reg.bias"};
    rn_safetensors_writer w = {0};
    config.depth = 18;
    config.width = 64;
    config.fpn_channels = 256;
    config.head_depth = 4;
    config.head_norm = RN_BRANCH_NORM_NONE;
    config.norm = RN_NORM_BATCH;
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.01);
    for (int i = 0; i < 3; i++)
        memset(tiny_param(&network, weights, last[i]), 0,
               rn_graph_param(&network.graph, last[i])->count * sizeof *weights);
    real *bias = tiny_param(&network, weights, "head.classification_head.cls_logits.bias");
    for (int i = 0; i < 9 * TINY_CLASSES; i++) bias[i] = -20;
    bias[3 * TINY_CLASSES + 2] = 2; /* ratio 1, scale 1 */
    ck_assert_int_eq(rn_weights_add(&w, weights, &network.graph, "", false), RN_OK);
    finish(&w, "own.safetensors");
    make_pth("own.pth", "own.safetensors", false, false);
}

#define OWN_SET                                                                                    \
    "{\"images\": [{\"id\": 5, \"file_name\": \"0.bmp\", \"width\": 64, \"height\": 64}], "        \
    "\"annotations\": [{\"id\": 1, \"image_id\": 5, \"category_id\": 40, \"bbox\": [0, 0, 16, "    \
    "16]}], "                                                                                      \
    "\"categories\": [{\"id\": 30, \"name\": \"cup\"}, {\"id\": 40, \"name\": \"jar\"}]}"

/* set: a picture with a jar where the model sees its first; there is no cup. */
static void make_own_set(void) {
    temp_bmp("set/images/0.bmp", 64, 64, 7);
    temp_text("set/val.json", OWN_SET);
    temp_text("set/train.json", OWN_SET);
}

static void make_all(void) {
    temp_open();
    config = tiny_config();
    make_own();
    make_own_set();
}

#define JAR   "{\"category_id\": 40, \"name\": \"jar\", \"AP\": "
#define SMALL "--set", "size_shorter=64", "--set", "size_longer=64"
#define GUESSED                                                                                    \
    "own.pth: without metadata; its tensors are those of torchvision's RetinaNet on resnet18 "     \
    "with 3 classes"
#define COUNTERS                                                                                   \
    "own.pth: 3 tensors have no place in this network: backbone.body.bn0.num_batches_tracked, "    \
    "backbone.body.bn1.num_batches_tracked, backbone.body.bn2.num_batches_tracked\n"

/* The data's classes are none of the model's until these are named; then everything is found. */
START_TEST(evaluated_on_its_own_data) {
    static char first[sizeof run_out];
    RUN("evaluate", "set", "-m", "own.pth", SMALL, "-q");
    run_refused(2, "evaluate: error: set/val.json: class \"jar\" was not trained (known: "
                   "__background__, class 1, class 2)");
    RUN("evaluate", "set", "-m", "own.pth", SMALL, "--set", "classes=cup,jar", "--json", "-", "-q");
    ck_assert_int_eq(run_code, 0);
    ck_assert_str_eq(run_err, "");
    strcpy(first, run_out);
    const char *jar = strstr(first, JAR);
    ck_assert_msg(jar != NULL, "%s", first);
    ck_assert_double_eq_tol(strtod(jar + strlen(JAR), NULL), 1, 1e-12);
    RUN("convert", "own.pth", "named.safetensors", SMALL, "--set", "classes=cup,jar");
    run_gave(0, "", "");
    RUN("evaluate", "set", "-m", "named.safetensors", "--json", "-");
    run_gave(0, first, "");
    RUN("evaluate", "set", "-m", "own.pth", SMALL, "--set", "classes=cup,cup");
    run_refused(1, "evaluate: error: classes: cup stands twice");
}
END_TEST

/* The category id is the column, as of any file of torchvision. */
START_TEST(detected_by_name) {
    RUN("detect", "-m", "own.pth", SMALL, "--no-image", "--json", "set/images/0.bmp");
    ck_assert_int_eq(run_code, 0);
    ck_assert_str_eq(run_err, GUESSED ", unnamed (--set classes=A,B,...)\n" COUNTERS);
    ck_assert_ptr_nonnull(strstr(run_out, "{\"label\": \"class 2\", \"category_id\": 2, "));
    RUN("detect", "-m", "own.pth", SMALL, "--no-image", "--json", "--set", "classes=cup,jar",
        "set/images/0.bmp");
    ck_assert_int_eq(run_code, 0);
    ck_assert_str_eq(run_err, GUESSED "\n" COUNTERS);
    ck_assert_ptr_nonnull(strstr(run_out, "{\"label\": \"jar\", \"category_id\": 2, "));
    ck_assert_ptr_null(strstr(run_out, "\"category_id\": 1,"));
}
END_TEST

/* To start from it brings along what makes its numbers mean the same. */
START_TEST(weights_to_start_from) {
    RUN("train", "set", "--preset", "r18", "--weights", "own.pth", "--dry-run");
    ck_assert_msg(run_code == 0, "%s", run_err);
    static const char want[] =
        "weights     class head reset: trained on 3 classes (__background__, class 1, class 2), "
        "here 2 (cup, jar)\n"
        "weights     134 of 136 parameters from own.pth\n"
        "weights     as they were trained: anchor_offset=0, anchor_rounded=true, antialias=false\n"
        "weights     trained on pictures of size_longer=1333, size_shorter=800, here 512 and 0\n"
        "weights     3 num_batches_tracked: dropped, not needed\n";
    ck_assert_msg(strncmp(run_err, want, strlen(want)) == 0, "%s", run_err);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("own_classes");
    TCase *tests = tcase_create("own_classes");
    tcase_add_unchecked_fixture(tests, make_all, clean);
    tcase_set_timeout(tests, 300); /* for the sanitizers */
    tcase_add_test(tests, evaluated_on_its_own_data);
    tcase_add_test(tests, detected_by_name);
    tcase_add_test(tests, weights_to_start_from);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
