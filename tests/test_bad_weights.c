/* The lines of bad-inputs.md about weights (up to 62), with the programs as a user runs them. */
#include "bad_weights.h"
#include "suite.h"

#include <math.h>

/* m.safetensors as a model, as weights to start from and as a checkpoint: refused with one line,
 * and nothing in the folder is other than before. */
static void refused(const char *text) {
    unlink(temp_path("old/last.safetensors"));
    ck_assert_int_eq(link(temp_path("m.safetensors"), temp_path("old/last.safetensors")), 0);
    const uint64_t state = temp_state();
    RUN(DETECT);
    refused_with("detect", "m.safetensors", text);
    RUN(EVALUATE);
    refused_with("evaluate", "m.safetensors", text);
    RUN("train", "--resume", "old");
    refused_with("train", "old/last.safetensors", text);
    RUN(TRAIN, "--weights", "m.safetensors", "-o", "run");
    refused_with("train", "m.safetensors", text);
    ck_assert(temp_state() == state);
}

/* The same for a file made by hand. */
static void refused_header(const char *header, size_t size, const char *text) {
    raw_file("m.safetensors", strlen(header), header, size);
    refused(text);
}

/* ---- the container ---- */

START_TEST(line_56_under_eight_bytes) {
    static const char bytes[] = "1234567";
    for (size_t n = 0; n < 8; n++) {
        char text[64];
        temp_bytes("m.safetensors", bytes, n);
        snprintf(text, sizeof text, "offset 0: %zu bytes, want at least 8", n);
        refused(text);
    }
}
END_TEST

START_TEST(line_57_header_length) {
    raw_file("m.safetensors", UINT64_MAX, "{}", 0);
    refused("offset 0: a header of 18446744073709551615 bytes, want at most 2 (no safetensors "
            "file?)");
    raw_file("m.safetensors", 3, "{}", 0); /* one over the file */
    refused("offset 0: a header of 3 bytes, want at most 2 (no safetensors file?)");
    /* one over 100 MB, which the file really holds: sparse, so it costs nothing on the disk */
    raw_file("m.safetensors", 100000001, "{}", 0);
    ck_assert_int_eq(truncate(temp_path("m.safetensors"), 100000100), 0);
    RUN(DETECT);
    refused_with("detect", "m.safetensors",
                 "offset 0: a header of 100000001 bytes, want at most 100000000 (no safetensors "
                 "file?)");
}
END_TEST

START_TEST(line_58_shape_product) {
    refused_header("{" TENSOR("a", "F32", "4294967296,4294967296", "0,0") "}", 0,
                   "offset 8: tensor a: the product of its shape overflows");
    refused_header("{" TENSOR("a", "F32", "4294967296,1073741824", "0,0") "}", 0, /* its bytes */
                   "offset 8: tensor a: 0 bytes for 4611686018427387904 numbers of F32");
}
END_TEST

START_TEST(line_59_places) {
    refused_header("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("b", "U8", "4", "3,7") "}", 7,
                   "offset 116: tensor b overlaps the one before");
    refused_header("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("b", "U8", "2", "5,7") "}", 7,
                   "offset 118: tensor b leaves a hole before it");
    refused_header("{" TENSOR("a", "U8", "4", "1,5") "}", 5,
                   "offset 62: tensor a leaves a hole before it");
    refused_header("{" TENSOR("a", "F32", "2", "0,8") "}", 7,
                   "offset 8: tensor a: ends at byte 8 of 7");
    refused_header("{" TENSOR("a", "U8", "4", "0,4") "}", 6,
                   "offset 65: 2 bytes belong to no tensor");
}
END_TEST

START_TEST(line_60_length) {
    refused_header("{" TENSOR("a", "F32", "2", "0,4") "}", 4,
                   "offset 8: tensor a: 4 bytes for 2 numbers of F32");
    refused_header("{" TENSOR("a", "I64", "1", "0,4") "}", 4,
                   "offset 8: tensor a: 4 bytes for 1 numbers of I64");
    refused_header("{" TENSOR("a", "U8", "0", "0,4") "}", 4,
                   "offset 8: tensor a: 4 bytes for 0 numbers of U8");
}
END_TEST

/* ---- tensors and the network ---- */

START_TEST(line_61_duplicate) {
    refused_header("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("a", "U8", "4", "4,8") "}", 8,
                   "offset 8: tensor a stands twice");
}
END_TEST

/* detect and evaluate need every tensor; train --weights takes what there is, and says what there
 * is not. */
START_TEST(line_61_missing_and_misshapen) {
    static const char *const missing[] = {"backbone.body.conv1.weight",
                                          "backbone.body.bn1.weight",
                                          "backbone.body.bn1.bias",
                                          "backbone.body.layer1.0.conv1.weight",
                                          "backbone.body.layer1.0.bn1.weight",
                                          "backbone.body.layer1.0.bn1.bias",
                                          "backbone.body.layer1.0.conv2.weight",
                                          "backbone.body.layer1.0.bn2.weight",
                                          "backbone.body.layer1.0.bn2.bias"};
    static const char *const last = "head.regression_head.bbox_reg.bias";
    static const char *const shape = "head.regression_head.bbox_reg.weight";
    static const char listed[] =
        "backbone.body.conv1.weight is missing, backbone.body.bn1.weight is missing, "
        "backbone.body.bn1.bias is missing, backbone.body.layer1.0.conv1.weight is missing, "
        "backbone.body.layer1.0.bn1.weight is missing, backbone.body.layer1.0.bn1.bias is "
        "missing, backbone.body.layer1.0.conv2.weight is missing, "
        "backbone.body.layer1.0.bn2.weight is missing, backbone.body.layer1.0.bn2.bias is missing, "
        "head.regression_head.bbox_reg.weight has another shape";
    for (int eleven = 0; eleven < 2; eleven++) {
        char text[1024];
        rn_safetensors_writer w = whole();
        for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) drop(&w, missing[i]);
        rn_tensor_entry *e = entry_of(&w, shape); /* [36, 16, 3, 3] */
        e->dims[0] = 16;
        e->dims[1] = 36;
        if (eleven) drop(&w, last);
        finish(&w, "m.safetensors");
        snprintf(text, sizeof text, "%d tensors do not fit: %s%s", 10 + eleven, listed,
                 eleven ? ", ..." : "");
        RUN(DETECT);
        refused_with("detect", "m.safetensors", text);
        RUN(EVALUATE);
        refused_with("evaluate", "m.safetensors", text);
    }
}
END_TEST

START_TEST(line_61_weights_to_start_from) {
    char want[8192];
    rn_safetensors_writer w = whole();
    drop(&w, "backbone.body.bn1.weight");
    entry_of(&w, "head.regression_head.bbox_reg.bias")->dims[0] = 35;
    finish(&w, "m.safetensors");
    snprintf(want, sizeof want,
             "weights     backbone.body.bn1.weight: not there, left as initialised\n"
             "weights     head.regression_head.bbox_reg.bias: another shape, left as initialised\n"
             "weights     %zu of %zu parameters from m.safetensors\n%s",
             network.graph.n_params - 2, network.graph.n_params, dry_run("set"));
    RUN(TRAIN, "--weights", "m.safetensors", "--dry-run");
    run_gave(0, "", want);
    /* nothing fits: */
    static const char header[] = "{" TENSOR("a", "F32", "1", "0,4") "}";
    raw_file("m.safetensors", strlen(header), header, 4);
    RUN(TRAIN, "--weights", "m.safetensors", "-q", "-o", "run");
    run_refused(2, "train: error: m.safetensors: no tensor fits this network");
    ck_assert_int_ne(access(temp_path("run"), F_OK), 0);
}
END_TEST

/* Six integers that no parameter is, as PyTorch's batch norm leaves them: named once, by whichever
 * program, and nothing else differs. */
START_TEST(line_61_extra_tensors) {
    static char detected[sizeof run_out], evaluated[sizeof run_out];
    static const char names[] = "backbone.body.bn1.num_batches_tracked, "
                                "backbone.body.bn2.num_batches_tracked, "
                                "backbone.body.bn3.num_batches_tracked, "
                                "backbone.body.bn4.num_batches_tracked, "
                                "backbone.body.bn5.num_batches_tracked, ...\n";
    static const real count[2] = {NAN, 1};
    const size_t n_params = network.graph.n_params;
    char line[512], want[8192];
    save_model("m.safetensors");
    RUN(DETECT);
    run_gave(0, run_out, "");
    ck_assert_uint_gt(strlen(run_out), 0);
    strcpy(detected, run_out);
    RUN(EVALUATE);
    run_gave(0, run_out, "");
    strcpy(evaluated, run_out);
    rn_safetensors_writer w = whole();
    for (int i = 1; i <= 6; i++) {
        rn_tensor_entry e = {.dtype = RN_F32, .n_dims = 1, .dims = {2}, .data = count};
        snprintf(e.name, sizeof e.name, "backbone.body.bn%d.num_batches_tracked", i);
        ck_assert_int_eq(rn_safetensors_add(&w, &e), RN_OK);
    }
    finish(&w, "m.safetensors");
    for (int i = 1; i <= 6; i++) { /* two F32 are one I64 */
        char from[128], to[128];
        snprintf(from, sizeof from, "bn%d.num_batches_tracked\":{\"dtype\":\"F32\",\"shape\":[2]",
                 i);
        snprintf(to, sizeof to, "bn%d.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[1]", i);
        patch("m.safetensors", from, to);
    }
    snprintf(line, sizeof line, "m.safetensors: 6 tensors have no place in this network: %s",
             names);
    RUN(DETECT, "a.bmp"); /* once, not for each picture */
    ck_assert_str_eq(run_err, line);
    ck_assert_int_eq(strncmp(run_out, detected, strlen(detected)), 0);
    ck_assert_str_eq(run_out + strlen(detected), detected);
    RUN(DETECT, "-q");
    run_gave(0, detected, "");
    RUN(EVALUATE);
    run_gave(0, evaluated, line);
    snprintf(want, sizeof want,
             "weights     %zu of %zu parameters from m.safetensors\n"
             "weights     6 num_batches_tracked: dropped, not needed\n%s",
             n_params, n_params, dry_run("set"));
    RUN(TRAIN, "--weights", "m.safetensors", "--dry-run");
    run_gave(0, "", want);
}
END_TEST

/* The tensors of a preset tell which it is, though not what its classes are called; weights to
 * start from need no more than fit. */
START_TEST(line_61_no_metadata) {
    static char detected[sizeof run_out];
    char want[8192];
    save_model("m.safetensors"); /* of no preset */
    strip_metadata("m.safetensors");
    RUN(DETECT);
    refused_with("detect", "m.safetensors",
                 "offset 8: no model of this program (its metadata lack \"format\": \"retinanet-c "
                 "1\")");
    snprintf(want, sizeof want, "weights     %zu of %zu parameters from m.safetensors\n%s",
             network.graph.n_params, network.graph.n_params, dry_run("set"));
    RUN(TRAIN, "--weights", "m.safetensors", "--dry-run");
    run_gave(0, "", want);
    RUN("train", "set", "--preset", "nano", "--max-steps", "1", "-q", "-o", "run");
    ck_assert_int_eq(run_code, 0);
    ck_assert_int_eq(rename(temp_path("run/best.safetensors"), temp_path("m.safetensors")), 0);
    RUN(DETECT, "--json");
    run_gave(0, run_out, "");
    for (char *in = run_out, *out = detected; (*out = *in); in++, out++) { /* "key", 1: "class 0" */
        static const char *const from[] = {"\"key\", \"category_id\": 1,",
                                           "\"gear\", \"category_id\": 2,"};
        static const char *const to[] = {"\"class 0\", \"category_id\": 0,",
                                         "\"class 1\", \"category_id\": 1,"};
        for (int i = 0; i < 2; i++) {
            if (strncmp(in, from[i], strlen(from[i])) != 0) continue;
            strcpy(out, to[i]);
            in += strlen(from[i]) - 1;
            out += strlen(to[i]) - 1;
            break;
        }
    }
    ck_assert_ptr_nonnull(strstr(detected, "\"class 1\""));
    strip_metadata("m.safetensors");
    RUN(DETECT, "--json");
    run_gave(
        0, detected,
        "m.safetensors: without metadata; its tensors are those of nano with 2 classes, unnamed "
        "(--set classes=A,B,...)\n");
    RUN(DETECT, "--json", "-q");
    run_gave(0, detected, "");
    RUN(EVALUATE); /* whose names the data do not have */
    run_gave(
        2, "",
        "m.safetensors: without metadata; its tensors are those of nano with 2 classes, unnamed "
        "(--set classes=A,B,...)\n"
        "evaluate: error: set/val.json: class \"key\" was not trained (known: class 0, class "
        "1)\n");
    RUN("convert", "run/last.safetensors", "m.safetensors");
    run_gave(0, "", "");
    patch("m.safetensors", "bbox_reg.bias", "bbox_reg.bios");
    strip_metadata("m.safetensors");
    RUN(DETECT); /* what lacks is named here too */
    refused_with("detect", "m.safetensors",
                 "1 tensors do not fit: head.regression_head.bbox_reg.bias is missing");
}
END_TEST

/* Weights of torchvision up to 0.12 to start from: by their names of today, and frozen batch norm
 * adds nothing to the variance unless the user says so; the run goes on with that. */
START_TEST(older_names_to_start_from) {
    static const char want[] = "weights     as they were trained: bn_eps=0\n";
    rn_tensor_file file;
    model_free();
    model_make(RN_NORM_FROZEN);
    rn_safetensors_writer w = whole();
    strcpy(entry_of(&w, "backbone.fpn.inner_blocks.1.0.bias")->name,
           "backbone.fpn.inner_blocks.1.bias");
    finish(&w, "m.safetensors");
    strip_metadata("m.safetensors");
    RUN(TRAIN, "--set", "norm=frozen", "--weights", "m.safetensors", "--dry-run");
    ck_assert_int_eq(run_code, 0);
    ck_assert_ptr_nonnull(strstr(run_err, want));
    ck_assert_ptr_null(strstr(run_err, "inner_blocks"));
    RUN(TRAIN, "--set", "norm=frozen", "--set", "bn-eps=1e-5", "--weights", "m.safetensors",
        "--dry-run");
    ck_assert_int_eq(run_code, 0);
    ck_assert_ptr_null(strstr(run_err, "bn_eps"));
    RUN(TRAIN, "--set", "norm=frozen", "--weights", "m.safetensors", "--max-steps", "1", "-q", "-o",
        "run");
    ck_assert_int_eq(run_code, 0);
    ck_assert_int_eq(rn_tensor_file_open(&file, temp_path("run/last.safetensors")), RN_OK);
    ck_assert_ptr_nonnull(strstr(rn_tensor_file_metadata(&file, "config"), "\"bn_eps\": 0,"));
    rn_tensor_file_close(&file);
}
END_TEST

START_TEST(line_62_version) {
    static const char *const versions[] = {"2", "10", "99999999999999999999"};
    for (int i = 0; i < 3; i++) {
        char format[64], text[128];
        snprintf(format, sizeof format, "retinanet-c %s", versions[i]);
        snprintf(text, sizeof text, "offset 8: format version %s, this program knows up to 1",
                 versions[i]);
        save_metadata("m.safetensors", format, "{}");
        refused(text);
    }
    save_model("m.safetensors"); /* right in all else */
    patch("m.safetensors", "retinanet-c 1", "retinanet-c 7");
    refused("offset 8: format version 7, this program knows up to 1");
}
END_TEST

/* What the metadata hold besides: JSON within JSON, with places of its own. */
START_TEST(configuration) {
    static const char *const cases[][2] = {
        {"{\"width\": 8, ", "__metadata__ config: offset 13: no valid JSON"},
        {"[]", "__metadata__ config: want a JSON object"},
        {"{\"wdith\": 8}", "__metadata__ config: unknown key wdith (did you mean width?)"},
        {"{\"width\": 7}", "__metadata__ config: width: got 7, want 8..256"},
        {"{}", "__metadata__ config: names no class"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        save_metadata("m.safetensors", "retinanet-c 1", cases[i][0]);
        RUN(DETECT);
        refused_with("detect", "m.safetensors", cases[i][1]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_weights");
    TCase *tcase = tcase_create("weights");
    tcase_add_checked_fixture(tcase, make, clean);
    tcase_set_timeout(tcase, 180); /* for the sanitizers */
    tcase_add_test(tcase, line_56_under_eight_bytes);
    tcase_add_test(tcase, line_57_header_length);
    tcase_add_test(tcase, line_58_shape_product);
    tcase_add_test(tcase, line_59_places);
    tcase_add_test(tcase, line_60_length);
    tcase_add_test(tcase, line_61_duplicate);
    tcase_add_test(tcase, line_61_missing_and_misshapen);
    tcase_add_test(tcase, line_61_weights_to_start_from);
    tcase_add_test(tcase, line_61_extra_tensors);
    tcase_add_test(tcase, line_61_no_metadata);
    tcase_add_test(tcase, older_names_to_start_from);
    tcase_add_test(tcase, line_62_version);
    tcase_add_test(tcase, configuration);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
