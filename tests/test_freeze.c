/* Stages that are not trained: what --freeze leaves alone, and that nothing else notices. */
#include "suite.h"
#include "tiny_train.h"

#include "model/network.h"

#define STEM  "backbone.body.conv1.weight"
#define BLOCK "backbone.body.layer1.0.conv1.weight"
#define NEXT  "backbone.body.layer2.0.conv1.weight"

static const float *numbers_of(const rn_tensor_file *file, const char *name, size_t *count) {
    const rn_tensor *t = rn_tensor_file_find(file, name);
    ck_assert_msg(t != NULL, "%s is missing", name);
    *count = t->count;
    return (const float *)(const void *)t->data;
}

static bool equal(const rn_tensor_file *a, const rn_tensor_file *b, const char *name) {
    size_t n, m;
    const void *x = numbers_of(a, name, &n), *y = numbers_of(b, name, &m);
    ck_assert_uint_eq(n, m);
    return memcmp(x, y, n * sizeof(float)) == 0;
}

/* "start", a run of one epoch: weights to begin with. */
static const char *start(const char *const *pairs) {
    static char path[256];
    make_set();
    ok(train("set", "start", pairs));
    snprintf(path, sizeof path, "%s", temp_path("start/best.safetensors"));
    return path;
}

/* The stem and layer1 stand still in every block of the checkpoint; what lies above moves. */
START_TEST(frozen_stages_stay) {
    for (int adamw = 0; adamw < 2; adamw++) {
        const char *path = start(PAIRS("max-steps", "4", "norm", "batch"));
        ok(train("set", "run",
                 PAIRS("weights", path, "freeze", "2", "norm", "batch", "optimizer",
                       adamw ? "adamw" : "sgd", "max-steps", "6")));
        rn_tensor_file a = tiny_open(path), b = tiny_open(temp_path("run/last.safetensors"));
        for (size_t i = 0; i < a.n_tensors; i++) {
            const char *name = a.tensors[i].name;
            char velocity[160], ema[160];
            const bool frozen = strncmp(name, "backbone.body.conv1", 19) == 0 ||
                                strncmp(name, "backbone.body.bn1", 17) == 0 ||
                                strncmp(name, "backbone.body.layer1", 20) == 0;
            const bool statistic = strstr(name, ".running_") != NULL;
            snprintf(velocity, sizeof velocity, "velocity.%s", name);
            snprintf(ema, sizeof ema, "ema.%s", name);
            ck_assert_msg(equal(&a, &b, name) == frozen, "%s", name);
            ck_assert_int_eq(!rn_tensor_file_find(&b, velocity), frozen || statistic);
            if (!frozen) continue;
            size_t n;
            const float *w = numbers_of(&a, name, &n), *e = numbers_of(&b, ema, &n);
            ck_assert_msg(memcmp(w, e, n * sizeof(float)) == 0, "%s", ema);
        }
        rn_tensor_file_close(&a);
        rn_tensor_file_close(&b);
        ck_assert_uint_eq(lines_with("run/log.txt", "batch norm, the first 2 stages frozen: "), 1);
        ck_assert_uint_eq(lines_with("run/args.json", "\"freeze\": 2,"), 1);
        temp_close();
    }
}
END_TEST

/* Without clipping, which sees all gradients together, one step moves the rest as if nothing were
 * frozen. */
START_TEST(the_rest_is_trained_as_before) {
    const char *path = start(PAIRS("max-steps", "4"));
    ok(train("set", "free", PAIRS("weights", path, "clip", "0", "max-steps", "1")));
    ok(train("set", "held", PAIRS("weights", path, "clip", "0", "max-steps", "1", "freeze", "2")));
    rn_tensor_file a = tiny_open(temp_path("free/last.safetensors")),
                   b = tiny_open(temp_path("held/last.safetensors"));
    ck_assert(!equal(&a, &b, STEM) && !equal(&a, &b, BLOCK));
    ck_assert(equal(&a, &b, NEXT) && equal(&a, &b, "velocity." NEXT));
    ck_assert(equal(&a, &b, "ema.head.regression_head.bbox_reg.weight"));
    rn_tensor_file_close(&a);
    rn_tensor_file_close(&b);
    temp_close();
}
END_TEST

/* Frozen parameters stand elsewhere in memory than in the network that detects. */
START_TEST(validation_sees_the_weights_that_are_saved) {
    const rn_evaluate_options on_train = {.split = "train", .score = -1};
    rn_report report = {0};
    const char *path = start(PAIRS("epochs", "12"));
    const double before = result.best_ap;
    ok(train("set", "run", PAIRS("weights", path, "freeze", "2", "lr", "1e-9", "epochs", "1")));
    ok(rn_evaluate_model(&report, temp_path("run/best.safetensors"), temp_path("set"), &on_train,
                         NULL));
    ck_assert_double_gt(before, 0);
    ck_assert(result.best_ap == report.stats[0] && result.best_ap == before);
    rn_report_free(&report);
    temp_close();
}
END_TEST

/* Stopped and resumed, and with 1, 2 and 4 threads: the same run. */
static void check_runs(const char *const *first, const char *backbone) {
    const char *path = start(first);
    static const char *const threads[] = {"1", "2", "4"};
    for (int i = 0; i < 3; i++) {
        ok(train("set", threads[i],
                 PAIRS("weights", path, "freeze", "3", "backbone", backbone, "threads", threads[i],
                       "epochs", "2")));
        if (i > 0) tiny_same_run(temp_path("1"), temp_path(threads[i]));
    }
    ok(train("set", "cut",
             PAIRS("weights", path, "freeze", "3", "backbone", backbone, "epochs", "2", "max-steps",
                   "3")));
    ok(resume("cut", PAIRS("threads", "2")));
    tiny_same_run(temp_path("1"), temp_path("cut"));
    temp_close();
}

START_TEST(threads_and_resuming) {
    check_runs(PAIRS("max-steps", "4"), "resnet");
}
END_TEST

START_TEST(mobilenet_threads_and_resuming) {
    check_runs(PAIRS("max-steps", "4", "backbone", "mobilenet_v2"), "mobilenet_v2");
}
END_TEST

/* Nothing below is computed backwards: no gradients, less memory. */
START_TEST(backward_ends_above) {
    static char a[] = "a", *names[] = {a};
    static const int64_t ids[] = {1};
    static const char *const presets[] = {"nano", "mobile"};
    for (int i = 0; i < 2; i++) {
        rn_model_config config;
        rn_network network;
        rn_plan plan;
        size_t arena[RN_STAGES + 1], trained[RN_STAGES + 1];
        ok(rn_model_config_preset(&config, presets[i]));
        ok(rn_model_config_set_classes(&config, names, ids, 1));
        for (int stages = 0; stages <= RN_STAGES; stages++) {
            ok(rn_network_build(&network, &config));
            rn_network_freeze(&network, stages);
            ok(rn_plan_create(&plan, &network.graph, RN_TRAINING, 2, 64, 64));
            arena[stages] = plan.arena;
            trained[stages] = network.graph.n_trained;
            for (int v = 0; v < (int)network.graph.n_nodes; v++)
                ck_assert_int_eq(plan.gradient[v] == SIZE_MAX,
                                 v == 0 || (stages > 0 && v <= network.stage[stages - 1]) ||
                                     (stages == 1 && v == network.stage[0] + 1 &&
                                      network.graph.nodes[v].param[0] == RN_NO_PARAM));
            if (stages > 0) ck_assert_uint_lt(trained[stages], trained[stages - 1]);
            if (stages > 0) ck_assert_uint_le(arena[stages], arena[stages - 1]);
            rn_plan_free(&plan);
            rn_network_free(&network);
        }
        ck_assert_uint_lt(2 * arena[RN_STAGES], arena[0]);
        rn_model_config_free(&config);
    }
}
END_TEST

START_TEST(refused) {
    make_set();
    ck_assert_int_eq(train("set", "run", PAIRS("freeze", "1")), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(),
                     "freeze: got 1 without --weights: it would keep random numbers");
    rn_train_options *o = tiny();
    ck_assert_int_eq(rn_train_options_set(o, "freeze", "6"), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "freeze: got 6, want 0..5");
    rn_train_options_free(o);
    ck_assert(!there("run"));
    temp_close();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("freeze");
    TCase *tests = tcase_create("freeze");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, frozen_stages_stay);
    tcase_add_test(tests, the_rest_is_trained_as_before);
    tcase_add_test(tests, validation_sees_the_weights_that_are_saved);
    tcase_add_test(tests, threads_and_resuming);
    tcase_add_test(tests, mobilenet_threads_and_resuming);
    tcase_add_test(tests, backward_ends_above);
    tcase_add_test(tests, refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
