/* Runs with each loss of the table: they train, the first loss is its closed form, and the bits are
 * the same however a run is cut and spread over threads. */
#include "detection/loss_table.h"
#include "suite.h"
#include "tiny_train.h"

#include <math.h>

typedef struct choice {
    const char *loss, *name, *value; /* an option besides */
} choice;

static const choice choices[] = {
    {"focal", "alpha", "none"},     {"ce", "seed", "3"},
    {"alpha-ce", "alpha", "auto"},  {"focal-star", "gamma", "4"},
    {"poly-focal", "gamma", "1.5"}, {"slope-focal", "slope-floor", "0.5"},
    {"ohem", "ohem-batch", "32"},   {"ohem", "ohem-ratio", "true"},
    {"sampling-free", "seed", "3"}, {"ghm", "ghm-bins", "10"},
    {"ghm", "ghm-momentum", "0"},   {"softmax-focal", "seed", "3"},
    {"objectness", "seed", "3"},    {"objectness", "gamma", "2"},
};
enum { CHOICES = sizeof choices / sizeof *choices };

START_TEST(each_loss_is_here) {
    for (int kind = 0; kind < RN_LOSS_KINDS; kind++) {
        bool found = false;
        for (int i = 0; i < CHOICES; i++)
            found |= strcmp(choices[i].loss, rn_loss_info_of((rn_loss_kind)kind)->name) == 0;
        ck_assert_msg(found, "%s", rn_loss_info_of((rn_loss_kind)kind)->name);
    }
}
END_TEST

/* Stopped within the second epoch of four and gone on with, by other numbers of threads. */
START_TEST(stopped_and_resumed) {
    const choice *c = &choices[_i];
    ok(train("set", "whole", PAIRS("loss", c->loss, c->name, c->value, "threads", "2")));
    ck_assert(result.finished && result.best_ap > 0);
    ok(train("set", "cut",
             PAIRS("loss", c->loss, c->name, c->value, "threads", "1", "max-steps", "6")));
    ok(resume("cut", PAIRS("threads", "3")));
    ck_assert_uint_eq(result.steps, TINY_STEPS);
    tiny_same_run(temp_path("whole"), temp_path("cut"));
    ck_assert_uint_eq(lines_with("whole/log.txt", "warning: the first class loss"), 0);
}
END_TEST

/* What the head gives more of is decoded by whoever opens the file. */
START_TEST(models_of_other_scorings) {
    static const char *const losses[] = {"softmax-focal", "objectness"};
    static const char *const scorings[] = {"softmax", "objectness"};
    rn_evaluate_options options = RN_EVALUATE_OPTIONS_DEFAULT;
    char text[64];
    options.split = "train";
    for (int i = 0; i < 2; i++) {
        const char *run = losses[i];
        rn_report report = {0};
        rn_detector *det = NULL;
        rn_image image = {0};
        rn_box box[100];
        size_t n = 0;
        ok(train("set", run, PAIRS("loss", losses[i])));
        char *best =
            strdup(temp_path(i ? "objectness/best.safetensors" : "softmax-focal/best.safetensors"));
        ok(rn_evaluate_model(&report, best, temp_path("set"), &options, NULL));
        ck_assert(result.best_ap > 0 && fabs(report.stats[0] - result.best_ap) < 1e-12);
        rn_report_free(&report);
        ok(rn_detector_open(&det, best, NULL));
        ok(rn_image_read(&image, temp_path("set/images/train_000001.jpg"), NULL));
        ok(rn_detector_run(det, &image, box, 100, &n));
        ck_assert_uint_gt(n, 0);
        for (size_t k = 0; k < n; k++)
            ck_assert(box[k].score > 0.05f && box[k].score <= 1 && box[k].label < 2);
        rn_image_free(&image);
        rn_detector_close(det);
        ok(rn_model_to_onnx(best, temp_path("a.onnx"), NULL));
        ok(rn_model_convert(best, temp_path("half.safetensors"), RN_WEIGHTS_HALF, NULL));
        ok(rn_model_set_show_threshold(temp_path("half.safetensors"), 0.25));
        rn_tensor_file half = tiny_open(temp_path("half.safetensors"));
        snprintf(text, sizeof text, "\"scoring\": \"%s\"", scorings[i]);
        ck_assert_ptr_nonnull(strstr(rn_tensor_file_metadata(&half, "config"), text));
        rn_tensor_file_close(&half);
        free(best);
    }
    /* As many numbers, of another meaning: the head begins anew. */
    ok(train("set", "after",
             PAIRS("loss", "objectness", "weights", temp_path("softmax-focal/best.safetensors"),
                   "max-steps", "1")));
    ck_assert_uint_eq(lines_with("after/log.txt", "class head reset: its scoring is softmax, "
                                                  "here objectness"),
                      1);
}
END_TEST

static void rename_key(uint8_t *bytes, size_t size, const char *key, const char *name) {
    uint8_t *at = memmem(bytes, size, key, strlen(key));
    ck_assert_ptr_nonnull(at);
    memcpy(at, name, strlen(name));
}

/* What a loss remembers cannot be left out. */
START_TEST(a_checkpoint_that_lacks_the_state) {
    uint8_t *bytes;
    size_t size;
    ok(train("set", "run", PAIRS("loss", "ghm", "ghm-bins", "10", "max-steps", "4")));
    ok(rn_file_read(&bytes, &size, temp_path("run/last.safetensors"), 1 << 24));
    rename_key(bytes, size, "\"loss_state\"", "\"lost_state\"");
    rename_key(bytes, size, "\"crc32\"", "\"crc31\""); /* is not looked at */
    temp_bytes("run/last.safetensors", bytes, size);
    free(bytes);
    ck_assert_int_eq(resume("run", PAIRS("max-steps", "5")), RN_EINPUT);
    ck_assert_ptr_nonnull(
        strstr(rn_error_text(), "last.safetensors: offset 8: \"loss_state\": want 10 numbers"));
}
END_TEST

static void refused(const char *const *pairs, const char *text) {
    ck_assert_int_eq(train("set", "run", pairs), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
}

/* What another loss has would be taken for what it is not. */
START_TEST(parameters_of_another_loss) {
    refused(PAIRS("loss", "ce", "gamma", "2"), "gamma: the loss ce has none (its parameters: -)");
    refused(PAIRS("slope-floor", "0.5"),
            "slope_floor: the loss focal has none (its parameters: gamma alpha)");
    refused(PAIRS("loss", "focal-star", "gamma", "0"),
            "gamma: got 0, want more for focal-star, which divides by it");
    refused(PAIRS("loss", "softmax-focal", "alpha", "auto"),
            "alpha: got auto, want a number or none for softmax-focal");
    ck_assert(!there("run"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train losses");
    TCase *tests = tcase_create("losses");
    tcase_add_checked_fixture(tests, make_set, temp_close);
    tcase_add_test(tests, each_loss_is_here);
    tcase_add_loop_test(tests, stopped_and_resumed, 0, CHOICES);
    tcase_add_test(tests, models_of_other_scorings);
    tcase_add_test(tests, a_checkpoint_that_lacks_the_state);
    tcase_add_test(tests, parameters_of_another_loss);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
