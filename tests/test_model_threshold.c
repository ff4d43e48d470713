/* A model file's score threshold replaced, and nothing else. */
#include "suite.h"
#include "temp_folder.h"
#include "tiny_network.h"

static rn_model_config config;
static rn_network network;
static real *weights;

static void setup(void) {
    temp_open();
    config = tiny_config();
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.2);
}

static void teardown(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
    free(weights);
    temp_close();
}

static void ok(rn_status status) {
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

static void save(const char *name, double threshold) {
    config.show_threshold = threshold;
    ok(rn_model_save(temp_path(name), &config, &network.graph, weights));
}

static void same_files(const char *a, const char *b) {
    uint8_t *x, *y;
    size_t n, m;
    ok(rn_file_read(&x, &n, temp_path(a), 1 << 28));
    ok(rn_file_read(&y, &m, temp_path(b), 1 << 28));
    ck_assert_uint_eq(n, m);
    ck_assert(memcmp(x, y, n) == 0);
    free(x);
    free(y);
}

/* As if it had been saved with it. */
START_TEST(nothing_else_changes) {
    save("a.safetensors", 0.5);
    save("want.safetensors", 0.0625);
    ok(rn_model_set_show_threshold(temp_path("a.safetensors"), 0.0625));
    same_files("a.safetensors", "want.safetensors");
}
END_TEST

START_TEST(half_precision_stays) {
    save("full.safetensors", 0.5);
    ok(rn_model_convert(temp_path("full.safetensors"), temp_path("a.safetensors"), RN_WEIGHTS_HALF,
                        NULL));
    save("full.safetensors", 1);
    ok(rn_model_convert(temp_path("full.safetensors"), temp_path("want.safetensors"),
                        RN_WEIGHTS_HALF, NULL));
    ok(rn_model_set_show_threshold(temp_path("a.safetensors"), 1));
    same_files("a.safetensors", "want.safetensors");
}
END_TEST

/* What a checkpoint holds besides, and tensors of other types. */
static void save_more(const char *name, double threshold) {
    static const uint8_t steps[16] = {1, 2, 3, [15] = 4};
    const rn_tensor_entry entry = {
        .name = "steps", .dtype = RN_I64, .n_dims = 1, .dims = {2}, .raw = steps};
    rn_safetensors_writer writer = {0};
    config.show_threshold = threshold;
    ok(rn_model_add_metadata(&writer, &config));
    ok(rn_safetensors_add_metadata(&writer, "position", "{\"epoch\": 3}"));
    ok(rn_weights_add(&writer, weights, &network.graph, "", false));
    ok(rn_weights_add(&writer, weights, &network.graph, "velocity.", true));
    ok(rn_safetensors_add(&writer, &entry));
    ok(rn_safetensors_save(&writer, temp_path(name)));
    rn_safetensors_writer_free(&writer);
}

START_TEST(everything_is_kept) {
    rn_tensor_file file;
    save_more("a.safetensors", 0.5);
    save_more("want.safetensors", 0.25);
    ok(rn_model_set_show_threshold(temp_path("a.safetensors"), 0.25));
    same_files("a.safetensors", "want.safetensors");
    ok(rn_tensor_file_open(&file, temp_path("a.safetensors")));
    const rn_tensor *steps = rn_tensor_file_find(&file, "steps");
    ck_assert(steps && steps->dtype == RN_I64 && steps->count == 2 && steps->data[15] == 4);
    ck_assert_str_eq(rn_tensor_file_metadata(&file, "position"), "{\"epoch\": 3}");
    rn_tensor_file_close(&file);
}
END_TEST

START_TEST(refused) {
    char want[512];
    save("a.safetensors", 0.5);
    const uint64_t before = temp_state();
    ck_assert_int_eq(rn_model_set_show_threshold(temp_path("a.safetensors"), 1.5), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "score threshold (got 1.5, want 0..1)");
    ck_assert_int_eq(rn_model_set_show_threshold(temp_path("a.safetensors"), -0.1), RN_EINVAL);
    ck_assert_int_eq(rn_model_set_show_threshold(temp_path("none"), 0.5), RN_EINPUT);
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory", temp_path("none"));
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert(temp_state() == before);
    temp_text("text", "no model");
    ck_assert_int_eq(rn_model_set_show_threshold(temp_path("text"), 0.5), RN_EINPUT);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_threshold");
    TCase *tests = tcase_create("model_threshold");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nothing_else_changes);
    tcase_add_test(tests, half_precision_stays);
    tcase_add_test(tests, everything_is_kept);
    tcase_add_test(tests, refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
