/* Model files: what is written is read, and what does not fit is told whole (bad-inputs 61-63; the
 * container's faults are test_safetensors.c's). */
#include "model_files.h"
#include "suite.h"

#include <math.h>
#include <unistd.h>

static rn_model_file file;

static void setup(void) {
    temp_open();
    model_make(RN_NORM_FROZEN); /* some parameters are not trained */
}

static void teardown(void) {
    rn_model_file_close(&file);
    model_free();
    temp_close();
}

static void save(void) {
    save_model("m.safetensors");
}

static rn_status open_saved(void) {
    rn_model_file_close(&file);
    return rn_model_file_open(&file, temp_path("m.safetensors"));
}

/* Loading fails with exactly the path, ": " and `text`. */
static void refused(rn_status status, const char *text) {
    char want[2048];
    snprintf(want, sizeof want, "%s: %s", temp_path("m.safetensors"), text);
    ck_assert_int_eq(status, RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}

static void open_refused(const char *text) {
    refused(open_saved(), text);
    ck_assert(!file.path && !file.tensors.bytes && !file.config.class_names);
}

static rn_status load(const char *prefix, real *block) {
    ck_assert_msg(open_saved() == RN_OK, "%s", rn_error_text());
    return rn_model_file_load(&file, block, &network.graph, prefix,
                              strcmp(prefix, "velocity.") == 0);
}

static void load_refused(const char *text) {
    real *block = calloc(network.graph.n_stored, sizeof *block);
    ck_assert_ptr_nonnull(block);
    refused(load("", block), text);
    free(block);
}

/* The same, the fault lying `behind` bytes into the data of `tensor`. */
static void load_refused_at(const char *tensor, size_t behind, const char *text) {
    char with_offset[512];
    snprintf(with_offset, sizeof with_offset, "offset %zu: %s",
             data_at("m.safetensors", tensor) + behind, text);
    load_refused(with_offset);
}

/* ---- there and back ---- */

START_TEST(what_is_saved_is_read) {
    real *block = malloc(network.graph.n_stored * sizeof *block);
    ck_assert_ptr_nonnull(block);
    memset(block, 0xff, network.graph.n_stored * sizeof *block);
    weights[3] = -0.0f;
    config.show_threshold = 0.1;
    save();
    ck_assert_int_eq(load("", block), RN_OK);
    ck_assert_mem_eq(block, weights, network.graph.n_stored * sizeof *block);
    ck_assert(file.tensors.verified);
    ck_assert_str_eq(rn_tensor_file_metadata(&file.tensors, "format"), "retinanet-c 1");
    ck_assert(file.config.depth == 10 && file.config.show_threshold == 0.1);
    ck_assert_uint_eq(file.config.n_classes, 3);
    ck_assert_str_eq(file.config.class_names[2], "owl");
    ck_assert_int_eq(file.config.category_ids[2], 5);
    free(block);
}
END_TEST

/* Ours is [out, kernel, kernel, in], the file's [out, in, kernel, kernel]: weight (o, i, y, x). */
START_TEST(files_hold_torchvisions_layout) {
    const char *const name = "backbone.body.conv1.weight"; /* [8, 3, 7, 7] */
    const size_t dims[] = {8, 3, 7, 7};
    real *w = tiny_param(&network, weights, name), numbers[8 * 3 * 49];
    for (int o = 0; o < 8; o++)
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 7; x++)
                for (int i = 0; i < 3; i++) *w++ = (real)(1000 * o + 100 * i + 10 * y + x);
    save();
    ck_assert_int_eq(open_saved(), RN_OK);
    const rn_tensor *t = rn_tensor_file_find(&file.tensors, name);
    ck_assert(t && t->dtype == RN_F32 && t->n_dims == 4);
    ck_assert_mem_eq(t->dims, dims, sizeof dims);
    ck_assert(rn_tensor_reals(numbers, t));
    for (int o = 0; o < 8; o++)
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < 7; y++)
                for (int x = 0; x < 7; x++)
                    ck_assert(numbers[((o * 3 + i) * 7 + y) * 7 + x] ==
                              (real)(1000 * o + 100 * i + 10 * y + x));
    t = rn_tensor_file_find(&file.tensors, "backbone.body.bn1.running_var");
    ck_assert(t && t->n_dims == 1 && t->dims[0] == 8);
}
END_TEST

/* What is loaded is not held twice, and cannot be loaded again. */
START_TEST(what_is_read_is_taken_out) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    real *block = calloc(network.graph.n_stored, sizeof *block);
    const rn_tensor *largest = NULL;
    ck_assert_ptr_nonnull(block);
    save();
    ck_assert_int_eq(open_saved(), RN_OK);
    ck_assert_uint_eq(file.tensors.n_tensors, network.graph.n_params);
    for (size_t i = 0; i < file.tensors.n_tensors; i++)
        if (!largest || file.tensors.tensors[i].count > largest->count)
            largest = &file.tensors.tensors[i];
    const uint8_t *data = largest->data;
    const size_t size = largest->count * sizeof(float);
    size_t left = 0;
    ck_assert_uint_gt(size, 8 * page);
    ck_assert_int_eq(rn_model_file_load(&file, block, &network.graph, "", false), RN_OK);
    ck_assert_uint_eq(file.tensors.n_tensors, 0);
    for (size_t i = 0; i < size; i++) left += data[i] != 0;
    ck_assert_uint_lt(left, 2 * page);
    ck_assert_int_eq(rn_model_file_load(&file, block, &network.graph, "", false), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "tensors do not fit: "));
    free(block);
}
END_TEST

/* Blocks of a checkpoint lie side by side; a velocity has trained parameters only. */
START_TEST(prefixes_tell_blocks_apart) {
    const size_t n = network.graph.n_stored, trained = network.graph.n_trained;
    real *ema = malloc(n * sizeof *ema), *velocity = malloc(n * sizeof *velocity);
    real *block = calloc(n, sizeof *block);
    ck_assert(ema && velocity && block && trained < n);
    for (size_t i = 0; i < n; i++) {
        ema[i] = weights[i] + 1;
        velocity[i] = weights[i] + 2;
    }
    rn_safetensors_writer w = whole();
    ck_assert_int_eq(rn_weights_add(&w, ema, &network.graph, "ema.", false), RN_OK);
    ck_assert_int_eq(rn_weights_add(&w, velocity, &network.graph, "velocity.", true), RN_OK);
    finish(&w, "m.safetensors");
    ck_assert_int_eq(load("ema.", block), RN_OK);
    ck_assert_mem_eq(block, ema, n * sizeof *block);
    memset(block, 0, n * sizeof *block);
    ck_assert_int_eq(load("velocity.", block), RN_OK);
    ck_assert_mem_eq(block, velocity, trained * sizeof *block);
    for (size_t i = trained; i < n; i++) ck_assert(block[i] == 0);
    ck_assert_int_eq(load("", block), RN_OK);
    ck_assert_mem_eq(block, weights, n * sizeof *block);
    ck_assert_ptr_null(rn_tensor_file_find(&file.tensors, "velocity.backbone.body.bn1.weight"));
    free(ema);
    free(velocity);
    free(block);
}
END_TEST

START_TEST(half_precision_is_read) {
    real *block = calloc(network.graph.n_stored, sizeof *block);
    ck_assert_ptr_nonnull(block);
    tiny_param(&network, weights, "backbone.body.bn1.bias")[2] = (real)-0.125;
    rn_safetensors_writer w = whole();
    for (size_t i = 0; i < w.n_entries; i++) w.entries[i].dtype = RN_F16;
    finish(&w, "m.safetensors");
    ck_assert_int_eq(load("", block), RN_OK);
    ck_assert(tiny_param(&network, block, "backbone.body.bn1.bias")[2] == (real)-0.125);
    for (size_t i = 0; i < network.graph.n_stored; i++) /* 11 bits, 2^-24 at the least */
        ck_assert(fabs(block[i] - weights[i]) <= fmax(fabs(weights[i]) / 2048, (real)0x1p-25));
    free(block);
}
END_TEST

START_TEST(a_failed_save_leaves_what_was) {
    save();
    real *block = calloc(network.graph.n_stored, sizeof *block);
    ck_assert_ptr_nonnull(block);
    char path[300], want[700];
    snprintf(path, sizeof path, "%s/none/m.safetensors", temp_root);
    snprintf(want, sizeof want, "%s: cannot write: No such file or directory", path);
    ck_assert_int_eq(rn_model_save(path, &config, &network.graph, weights), RN_EIO);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_int_eq(load("", block), RN_OK);
    free(block);
}
END_TEST

/* ---- no model ---- */

START_TEST(refuses_what_is_no_model) {
    static const char *const text = "offset 8: no model of this program (its metadata lack "
                                    "\"format\": \"retinanet-c 1\")";
    save_metadata("m.safetensors", NULL, "{}");
    open_refused(text);
    save_metadata("m.safetensors", "pt", "{}");
    open_refused(text);
    save_metadata("m.safetensors", "retinanet-c", "{}");
    open_refused(text);
    temp_text("m.safetensors", "<html>");
    open_refused("offset 0: 6 bytes, want at least 8");
    const char bare[] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    temp_bytes("m.safetensors", bare, sizeof bare);
    open_refused(text);
}
END_TEST

/* bad-inputs 62 */
START_TEST(refuses_another_version) {
    static const char *const versions[] = {"2",   "10",    "0", "-1", "", "99999999999999999999",
                                           "1.5", "1 beta"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char format[64], text[128];
        snprintf(format, sizeof format, "retinanet-c %s", versions[i]);
        snprintf(text, sizeof text, "offset 8: format version %s, this program knows up to 1",
                 versions[i]);
        save_metadata("m.safetensors", format, "{}");
        open_refused(text);
    }
}
END_TEST

START_TEST(refuses_a_wrong_configuration) {
    static const char *const one = "{\"classes\": [{\"id\": 1, \"name\": \"a\"}]%s}";
    char json[200];
    save_metadata("m.safetensors", "retinanet-c 1", NULL);
    open_refused("offset 8: the metadata lack \"config\"");
    save_metadata("m.safetensors", "retinanet-c 1", "{");
    open_refused("__metadata__ config: offset 1: no valid JSON");
    save_metadata("m.safetensors", "retinanet-c 1", "{}");
    open_refused("__metadata__ config: names no class");
    save_metadata("m.safetensors", "retinanet-c 1", "{\"classes\": []}");
    open_refused("__metadata__ config: names no class");
    snprintf(json, sizeof json, one, ", \"wdith\": 8");
    save_metadata("m.safetensors", "retinanet-c 1", json);
    open_refused("__metadata__ config: unknown key wdith (did you mean width?)");
    snprintf(json, sizeof json, one, ", \"width\": 20");
    save_metadata("m.safetensors", "retinanet-c 1", json);
    open_refused("__metadata__ config: width: got 20, want a multiple of group_channels (8)");
    snprintf(json, sizeof json, one, ", \"depth\": 20");
    save_metadata("m.safetensors", "retinanet-c 1", json);
    open_refused("__metadata__ config: depth: got 20, want 10, 18, 34, 50 or 101");
    snprintf(json, sizeof json, one, "");
    save_metadata("m.safetensors", "retinanet-c 1", json);
    ck_assert_int_eq(open_saved(), RN_OK);
}
END_TEST

START_TEST(refuses_a_file_that_is_not_there) {
    char want[300];
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory",
             temp_path("m.safetensors"));
    ck_assert_int_eq(open_saved(), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}
END_TEST

/* ---- tensors that do not fit: bad-inputs 61 ---- */

START_TEST(lists_missing_tensors) {
    rn_safetensors_writer w = whole();
    drop(&w, "head.regression_head.bbox_reg.bias");
    finish(&w, "m.safetensors");
    load_refused("1 tensors do not fit: head.regression_head.bbox_reg.bias is missing");
    w = whole();
    drop(&w, "head.regression_head.bbox_reg.bias");
    drop(&w, "backbone.body.bn1.running_mean");
    entry_of(&w, "backbone.body.conv1.weight")->dims[0] = 4; /* its first half */
    finish(&w, "m.safetensors");
    load_refused("3 tensors do not fit: backbone.body.conv1.weight has another shape, "
                 "backbone.body.bn1.running_mean is missing, "
                 "head.regression_head.bbox_reg.bias is missing");
}
END_TEST

static const char *const eleven[] = {"backbone.body.conv1.weight",
                                     "backbone.body.bn1.weight",
                                     "backbone.body.bn1.bias",
                                     "backbone.body.bn1.running_mean",
                                     "backbone.body.bn1.running_var",
                                     "backbone.body.layer1.0.conv1.weight",
                                     "backbone.body.layer1.0.bn1.weight",
                                     "backbone.body.layer1.0.bn1.bias",
                                     "backbone.body.layer1.0.bn1.running_mean",
                                     "backbone.body.layer1.0.bn1.running_var",
                                     "backbone.body.layer1.0.conv2.weight"};

/* Ten are listed, with or without an eleventh. */
static void check_list(int missing) {
    char text[1024];
    rn_safetensors_writer w = whole();
    snprintf(text, sizeof text, "%d tensors do not fit: ", missing);
    for (int i = 0; i < missing; i++) {
        drop(&w, eleven[i]);
        if (i < 10) strcat(strcat(strcat(text, i ? ", " : ""), eleven[i]), " is missing");
    }
    if (missing > 10) strcat(text, ", ...");
    finish(&w, "m.safetensors");
    load_refused(text);
}

START_TEST(lists_up_to_ten) {
    check_list(10);
    check_list(11);
}
END_TEST

START_TEST(a_block_that_is_not_there) {
    real *block = calloc(network.graph.n_stored, sizeof *block);
    char start[128];
    ck_assert_ptr_nonnull(block);
    save();
    ck_assert_int_eq(load("ema.", block), RN_EINPUT);
    snprintf(start, sizeof start,
             "%zu tensors do not fit: ema.backbone.body.conv1.weight is "
             "missing, ",
             network.graph.n_params);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), start));
    const size_t length = strlen(rn_error_text());
    ck_assert_str_eq(rn_error_text() + length - 5, ", ...");
    free(block);
}
END_TEST

/* Of the right number, in another order or grouped otherwise. */
START_TEST(refuses_other_shapes_of_one_count) {
    rn_safetensors_writer w = whole();
    rn_tensor_entry *e = entry_of(&w, "backbone.fpn.layer_blocks.0.0.weight"); /* [16, 16, 3, 3] */
    e->permuted = false;
    e->n_dims = 3;
    e->dims[2] = 9;
    e = entry_of(&w, "head.regression_head.bbox_reg.weight"); /* [36, 16, 3, 3] */
    e->dims[0] = 16;
    e->dims[1] = 36;
    e = entry_of(&w, "backbone.fpn.layer_blocks.0.0.bias"); /* [16] */
    e->n_dims = 2;
    e->dims[0] = 16;
    e->dims[1] = 1;
    finish(&w, "m.safetensors");
    load_refused("3 tensors do not fit: backbone.fpn.layer_blocks.0.0.weight has another shape, "
                 "backbone.fpn.layer_blocks.0.0.bias has another shape, "
                 "head.regression_head.bbox_reg.weight has another shape");
}
END_TEST

/* num_batches_tracked and the like: integers that nobody asks for. */
START_TEST(further_tensors_are_passed_over) {
    real *block = calloc(network.graph.n_stored, sizeof *block), extra[2] = {NAN, 1};
    ck_assert_ptr_nonnull(block);
    rn_safetensors_writer w = whole();
    rn_tensor_entry entry = {
        "backbone.body.bn1.num_batches_tracked", RN_F32, 0, {0}, extra, false, NULL};
    ck_assert_int_eq(rn_safetensors_add(&w, &entry), RN_OK);
    finish(&w, "m.safetensors");
    patch("m.safetensors", "num_batches_tracked\":{\"dtype\":\"F32",
          "num_batches_tracked\":{\"dtype\":\"I32");
    ck_assert_msg(load("", block) == RN_OK, "%s", rn_error_text());
    ck_assert_mem_eq(block, weights, network.graph.n_stored * sizeof *block);
    free(block);
}
END_TEST

START_TEST(refuses_integers_for_weights) {
    save();
    patch("m.safetensors", "backbone.body.bn1.bias\":{\"dtype\":\"F32",
          "backbone.body.bn1.bias\":{\"dtype\":\"I32");
    load_refused_at("backbone.body.bn1.bias", 0,
                    "tensor backbone.body.bn1.bias: dtype I32 holds no weights");
}
END_TEST

/* bad-inputs 63: the number as the file counts, not as the network does. */
START_TEST(names_a_number_that_is_not_finite) {
    const char *const name = "backbone.body.conv1.weight";
    real *w = tiny_param(&network, weights, name);
    w[((2 * 7 + 3) * 7 + 4) * 3 + 1] = (real)NAN; /* out 2, y 3, x 4, in 1: (2 * 3 + 1) * 49 + 25 */
    w[((2 * 7 + 3) * 7 + 5) * 3 + 2] = (real)NAN; /* a later one */
    save();
    load_refused_at(name, 4 * 368, "tensor backbone.body.conv1.weight: number 368 is not finite");
    w[((2 * 7 + 3) * 7 + 4) * 3 + 1] = w[((2 * 7 + 3) * 7 + 5) * 3 + 2] = 0;
    tiny_param(&network, weights, "backbone.body.bn1.running_var")[7] = (real)-INFINITY;
    save();
    load_refused_at("backbone.body.bn1.running_var", 4 * 7,
                    "tensor backbone.body.bn1.running_var: number 7 is not finite");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("weights");
    TCase *tests = tcase_create("weights");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_saved_is_read);
    tcase_add_test(tests, what_is_read_is_taken_out);
    tcase_add_test(tests, files_hold_torchvisions_layout);
    tcase_add_test(tests, prefixes_tell_blocks_apart);
    tcase_add_test(tests, half_precision_is_read);
    tcase_add_test(tests, a_failed_save_leaves_what_was);
    tcase_add_test(tests, refuses_what_is_no_model);
    tcase_add_test(tests, refuses_another_version);
    tcase_add_test(tests, refuses_a_wrong_configuration);
    tcase_add_test(tests, refuses_a_file_that_is_not_there);
    tcase_add_test(tests, lists_missing_tensors);
    tcase_add_test(tests, lists_up_to_ten);
    tcase_add_test(tests, a_block_that_is_not_there);
    tcase_add_test(tests, refuses_other_shapes_of_one_count);
    tcase_add_test(tests, further_tensors_are_passed_over);
    tcase_add_test(tests, refuses_integers_for_weights);
    tcase_add_test(tests, names_a_number_that_is_not_finite);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
