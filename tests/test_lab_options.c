/* Where the loss that a finished model is measured under comes from. */
#include "model/weights.h"
#include "suite.h"
#include "temp_folder.h"
#include "tiny_network.h"
#include "train/lab_options.h"

static rn_train_options options;

/* The model file "m.safetensors", with "options" as a checkpoint has them, or NULL. */
static void save_model(const char *text) {
    rn_model_config config = tiny_config();
    rn_network network = tiny_network(&config);
    real *weights = tiny_weights(&network, 0.01);
    rn_safetensors_writer writer = {0};
    ck_assert_int_eq(rn_model_add_metadata(&writer, &config), RN_OK);
    if (text) ck_assert_int_eq(rn_safetensors_add_metadata(&writer, "options", text), RN_OK);
    ck_assert_int_eq(rn_weights_add(&writer, weights, &network.graph, "", false), RN_OK);
    ck_assert_int_eq(rn_safetensors_save(&writer, temp_path("m.safetensors")), RN_OK);
    rn_safetensors_writer_free(&writer);
    free(weights);
    rn_network_free(&network);
    rn_model_config_free(&config);
}

static rn_status read_with(rn_scoring scoring, const char *first, const char *second) {
    const char *const texts[] = {first, second, NULL};
    return rn_lab_train_options(&options, temp_path("m.safetensors"), first ? texts : NULL,
                                scoring);
}

static void is(rn_status status, rn_loss_kind loss, double gamma, double alpha) {
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(options.loss, (int)loss);
    ck_assert_double_eq(options.gamma, gamma);
    ck_assert_double_eq(options.alpha, alpha);
}

START_TEST(without_a_run) {
    save_model(NULL);
    is(read_with(RN_SCORING_SIGMOID, NULL, NULL), RN_LOSS_FOCAL, 2, 0.25);
    ck_assert_double_eq(options.foreground_iou, 0.5);
    is(read_with(RN_SCORING_SOFTMAX, NULL, NULL), RN_LOSS_SOFTMAX_FOCAL, 2, 0.25);
    is(read_with(RN_SCORING_OBJECTNESS, NULL, NULL), RN_LOSS_OBJECTNESS, 0, -1);
    is(read_with(RN_SCORING_OBJECTNESS, "gamma=2", NULL), RN_LOSS_OBJECTNESS, 2, -1);
    is(read_with(RN_SCORING_SIGMOID, "gamma=0.5", "alpha=none"), RN_LOSS_FOCAL, 0.5, -1);
    is(read_with(RN_SCORING_SIGMOID, "loss=ce", NULL), RN_LOSS_CE, 0, -1);
}
END_TEST

START_TEST(args_beside_the_model) {
    save_model(NULL);
    temp_text("args.json",
              "{\"version\": \"x\", \"options\": {\"loss\": \"poly-focal\", \"gamma\": "
              "1.5, \"alpha\": \"none\", \"poly_epsilon\": 3, \"foreground_iou\": "
              "0.7}, \"model\": {}}");
    is(read_with(RN_SCORING_SIGMOID, NULL, NULL), RN_LOSS_POLY_FOCAL, 1.5, -1);
    ck_assert(options.poly_epsilon == 3 && options.foreground_iou == 0.7);
    is(read_with(RN_SCORING_SIGMOID, "alpha=0.5", NULL), RN_LOSS_POLY_FOCAL, 1.5, 0.5);
    /* Another loss, or the same anew, has its own defaults; matching is still the run's. */
    is(read_with(RN_SCORING_SIGMOID, "loss=alpha-ce", NULL), RN_LOSS_ALPHA_CE, 0, 0.75);
    ck_assert_double_eq(options.foreground_iou, 0.7);
    is(read_with(RN_SCORING_SIGMOID, "gamma=1", "loss=poly-focal"), RN_LOSS_POLY_FOCAL, 1, 0.25);
    ck_assert_double_eq(options.poly_epsilon, -1);
}
END_TEST

START_TEST(a_checkpoint_comes_first) {
    save_model("{\"loss\": \"focal\", \"gamma\": 0.5, \"alpha\": 0.5}");
    temp_text("args.json", "no JSON at all");
    is(read_with(RN_SCORING_SIGMOID, NULL, NULL), RN_LOSS_FOCAL, 0.5, 0.5);
}
END_TEST

static void refused(rn_status got, rn_status want, const char *text) {
    ck_assert_int_eq(got, want);
    ck_assert_msg(strstr(rn_error_text(), text) != NULL, "%s", rn_error_text());
}

START_TEST(what_is_refused) {
    save_model(NULL);
    refused(read_with(RN_SCORING_SIGMOID, "loss", NULL), RN_EINVAL, "loss: want OPTION=VALUE");
    refused(read_with(RN_SCORING_SIGMOID, "loss=ce", "gamma=1"), RN_EINVAL, "the loss ce has none");
    refused(read_with(RN_SCORING_SIGMOID, "loss=focal-star", "gamma=0"), RN_EINVAL, "gamma: got 0");
    refused(read_with(RN_SCORING_SIGMOID, "head_depth=1", NULL), RN_EINVAL,
            "head_depth: an option of the model");
    refused(read_with(RN_SCORING_SIGMOID, "foreground_iou=0.3", NULL), RN_EINVAL,
            "background_iou: got 0.4, want at most foreground_iou (0.3)");
    refused(read_with(RN_SCORING_SOFTMAX, "loss=ce", NULL), RN_EINVAL,
            "loss: got ce, which has other scores than the model");
    temp_text("args.json", "[]");
    refused(read_with(RN_SCORING_SIGMOID, NULL, NULL), RN_EINPUT,
            "args.json: no JSON with \"options\"");
    save_model("{\"gamma\": \"x\"}");
    refused(read_with(RN_SCORING_SIGMOID, NULL, NULL), RN_EINPUT, "m.safetensors: gamma");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_options");
    TCase *tests = tcase_create("lab_options");
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_add_test(tests, without_a_run);
    tcase_add_test(tests, args_beside_the_model);
    tcase_add_test(tests, a_checkpoint_comes_first);
    tcase_add_test(tests, what_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
