/* The lines of bad-inputs.md about weights, with the programs as a user runs them. */
#include "model_files.h"
#include "run_program.h"
#include "suite.h"
#include "tiny_run.h"

#include <math.h>

/* ---- the folder: a set of two classes, a picture, a preset for the model, a run ---- */

#define PRESET                                                                                     \
    "{\"depth\": 10, \"width\": 8, \"fpn_channels\": 16, \"head_depth\": 1, \"head_norm\": "       \
    "\"group\", \"size_longer\": 64}"

static void make(void) {
    static const int64_t ids[] = {1, 2};
    char *names[] = {(char *)rn_scenes_class_name(0), (char *)rn_scenes_class_name(1)};
    temp_open();
    tiny_set("set", 5);
    temp_bmp("a.bmp", 48, 64, 9);
    temp_text("p.json", PRESET);
    temp_text("old/.lock", "");
    temp_text("old/log.txt", "");
    ck_assert_int_eq(mkdir(temp_path("old/pictures"), 0777), 0);
    config = tiny_config();
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, 2), RN_OK);
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.01);
}

static void clean(void) {
    model_free();
    temp_close();
}

/* ---- the four ways in ---- */

#define DETECT   "detect", "-m", "m.safetensors", "--no-image", "-t", "0", "a.bmp"
#define EVALUATE "evaluate", "set", "-m", "m.safetensors", "--json", "-"
#define OPTIONS  "--preset", "p.json", "--threads", "2"
#define TRAIN    "train", "set", OPTIONS

/* A run of one step in "run". */
static void one_step(const char *data) {
    RUN("train", data, OPTIONS, "--max-steps", "1", "-q", "-o", "run");
    ck_assert_msg(run_code == 0, "%s", run_err);
}

static void refused_with(const char *program, const char *name, const char *text) {
    char want[2048];
    snprintf(want, sizeof want, "%s: error: %s: %s", program, name, text);
    run_refused(2, want);
}

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

/* What a dry run says on stderr, without the weights' part. */
static const char *dry_run(const char *data) {
    static char text[4096];
    RUN("train", data, OPTIONS, "--dry-run");
    ck_assert_msg(run_code == 0 && strlen(run_err) < sizeof text, "%s", run_err);
    return strcpy(text, run_err);
}

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
             "weights     6 tensors have no place in this network: %s%s",
             n_params, n_params, names, dry_run("set"));
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
    run_gave(0, detected,
             "m.safetensors: without metadata; its tensors are those of nano with 2 classes\n");
    RUN(DETECT, "--json", "-q");
    run_gave(0, detected, "");
    RUN(EVALUATE); /* whose names the data do not have */
    run_gave(2, "",
             "m.safetensors: without metadata; its tensors are those of nano with 2 classes\n"
             "evaluate: error: set/val.json: class \"key\" was not trained (known: class 0, class "
             "1)\n");
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

/* The number as the file counts, [out, in, kernel, kernel]; the first one where there are more. */
START_TEST(line_63_nan) {
    static const struct {
        const char *tensor;
        size_t index;
        float number;
    } cases[] = {{"head.regression_head.bbox_reg.bias", 35, INFINITY},
                 {"backbone.body.conv1.weight", 368, -INFINITY},
                 {"backbone.body.conv1.weight", 7, NAN}};
    char text[160];
    save_model("m.safetensors");
    for (int i = 0; i < 3; i++) {
        poke("m.safetensors", cases[i].tensor, cases[i].index, cases[i].number);
        snprintf(text, sizeof text, "offset %zu: tensor %s: number %zu is not finite",
                 data_at("m.safetensors", cases[i].tensor) + 4 * cases[i].index, cases[i].tensor,
                 cases[i].index);
        RUN(DETECT);
        refused_with("detect", "m.safetensors", text);
        RUN(EVALUATE);
        refused_with("evaluate", "m.safetensors", text);
        RUN(TRAIN, "--weights", "m.safetensors", "-o", "run");
        refused_with("train", "m.safetensors", text);
        ck_assert_int_ne(access(temp_path("run"), F_OK), 0);
    }
    /* in what a checkpoint has besides */
    one_step("set");
    poke("run/last.safetensors", "velocity.backbone.body.bn1.bias", 3, NAN);
    snprintf(text, sizeof text,
             "offset %zu: tensor velocity.backbone.body.bn1.bias: number 3 is not finite",
             data_at("run/last.safetensors", "velocity.backbone.body.bn1.bias") + 12);
    const uint64_t state = temp_state();
    RUN("train", "--resume", "run");
    refused_with("train", "run/last.safetensors", text);
    ck_assert(temp_state() == state);
}
END_TEST

/* CRC-32 a bit at a time, the slow way that the code under test does not go. */
static uint32_t crc_of(const uint8_t *bytes, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* The eight digits stand behind {"__metadata__":{"crc32":" at byte 34 and count as zeros. */
static void flipped_bit_is_told(uint8_t *bytes, size_t size, size_t at, int bit) {
    static uint8_t zeroed[1 << 22];
    char text[128], digits[9] = "";
    ck_assert_uint_le(size, sizeof zeroed);
    bytes[at] ^= (uint8_t)(1u << bit);
    memcpy(zeroed, bytes, size);
    memset(zeroed + 34, '0', 8);
    memcpy(digits, bytes + 34, 8);
    temp_bytes("old/last.safetensors", bytes, size);
    snprintf(text, sizeof text, "offset 34: the checksum is %08x, the file says %s: damaged",
             crc_of(zeroed, size), digits);
    RUN("train", "--resume", "old");
    refused_with("train", "old/last.safetensors", text);
    bytes[at] ^= (uint8_t)(1u << bit);
}

START_TEST(line_64_flipped_bit) {
    size_t size;
    uint64_t header;
    one_step("set");
    uint8_t *bytes = file_bytes(&size, "run/last.safetensors");
    memcpy(&header, bytes, 8);
    const size_t first = 8 + (size_t)header;
    const char *position = strstr((char *)bytes + 8, "\"position\":\"1 ");
    ck_assert_ptr_nonnull(position);
    for (int bit = 0; bit < 8; bit++) {
        flipped_bit_is_told(bytes, size, first, bit);
        flipped_bit_is_told(bytes, size, first + (size - first) / 2, bit);
        flipped_bit_is_told(bytes, size, size - 1, bit);
    }
    flipped_bit_is_told(bytes, size, (size_t)(position - (char *)bytes) + 12, 0); /* step 1 is 0 */
    flipped_bit_is_told(bytes, size, 41, 0); /* the checksum itself */
    const uint64_t state = temp_state();
    bytes[size - 1] ^= 1;
    temp_bytes("m.safetensors", bytes, size);
    bytes[size - 1] ^= 1;
    RUN(DETECT);
    ck_assert_int_eq(run_code, 2);
    RUN(TRAIN, "--weights", "m.safetensors", "-o", "new");
    ck_assert_int_eq(run_code, 2);
    ck_assert_int_eq(unlink(temp_path("m.safetensors")), 0);
    ck_assert(temp_state() == state);
    temp_bytes("old/last.safetensors", bytes, size); /* and with all bits right it goes on */
    RUN("train", "--resume", "old", "--max-steps", "2", "-q");
    run_gave(0, "old\t2 steps\tval AP 0.0000\tAP50 0.0000\n", "");
    free(bytes);
}
END_TEST

/* The model knows two classes. evaluate needs to know those of the data; training begins anew with
 * the layer that tells classes apart, and says so. */
START_TEST(line_65_class_count) {
    char want[8192];
    RUN("scenes", "-o", "three", "--train", "8", "--val", "3", "--size", "64", "--classes", "3",
        "-q");
    ck_assert_int_eq(run_code, 0);
    save_model("m.safetensors");
    RUN("evaluate", "three", "-m", "m.safetensors");
    run_refused(2, "evaluate: error: three/val.json: class \"leaf\" was not trained (known: key, "
                   "gear)");
    RUN("scenes", "-o", "one", "--train", "1", "--val", "3", "--size", "64", "--classes", "1",
        "-q");
    RUN("evaluate", "one", "-m", "m.safetensors", "--json", "-"); /* it need not have them all */
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    snprintf(want, sizeof want,
             "weights     head.classification_head.cls_logits.weight: another shape, left as "
             "initialised\n"
             "weights     head.classification_head.cls_logits.bias: another shape, left as "
             "initialised\n"
             "weights     %zu of %zu parameters from m.safetensors\n%s",
             network.graph.n_params - 2, network.graph.n_params, dry_run("three"));
    RUN("train", "three", OPTIONS, "--dry-run", "--weights", "m.safetensors");
    run_gave(0, "", want);
}
END_TEST

/* A set of one picture; a box of train at (x, 8), of val at (4, y). */
static void own_set(int x, int y) {
    char json[512];
    static const char format[] =
        "{\"images\": [{\"id\": 1, \"file_name\": \"a.bmp\", \"width\": 64, \"height\": "
        "64}],\n\"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, "
        "\"bbox\": [%d, %d, 32, 32], \"area\": 1024, \"iscrowd\": 0}],\n"
        "\"categories\": [{\"id\": 1, \"name\": \"cat\"}]}";
    snprintf(json, sizeof json, format, x, 8);
    temp_text("own/train.json", json);
    snprintf(json, sizeof json, format, 4, y);
    temp_text("own/val.json", json);
    temp_bmp("own/images/a.bmp", 64, 64, 9);
}

START_TEST(line_66_resume_with_other_options) {
    one_step("set");
    const uint64_t state = temp_state();
    RUN("train", "--resume", "run", "--lr", "0.1", "--threads", "1", "--batch", "3", "--set",
        "width=16");
    run_refused(1, "train: error: batch, lr, width: cannot change in a resumed run (threads, "
                   "max-steps, time and epochs can)");
    RUN("train", "--resume", "run", "--preset", "nano");
    run_refused(1, "train: error: preset: cannot change in a resumed run (threads, max-steps, time "
                   "and epochs can)");
    RUN("train", "--resume", "run", "--epochs", "9");
    run_refused(1, "train: error: epochs: may change only when the run has finished");
    ck_assert(temp_state() == state);
}
END_TEST

/* The checksums are Python's: zlib.crc32 of "a.bmp", of the six doubles x, y, 32, 32, label and
 * crowd, of "cat". */
START_TEST(line_66_resume_with_other_data) {
    own_set(16, 4);
    one_step("own");
    own_set(17, 4);
    RUN("train", "--resume", "run");
    run_refused(1, "train: error: run/last.safetensors: the data have changed; train_set was: 1 "
                   "pictures, 1 boxes, 1 classes, checksum f2562a32; is: 1 pictures, 1 boxes, 1 "
                   "classes, checksum 51c0027e");
    own_set(17, 5);
    const uint64_t state = temp_state();
    RUN("train", "--resume", "run");
    run_refused(1, "train: error: run/last.safetensors: the data have changed; train_set was: 1 "
                   "pictures, 1 boxes, 1 classes, checksum f2562a32; is: 1 pictures, 1 boxes, 1 "
                   "classes, checksum 51c0027e; val_set was: 1 pictures, 1 boxes, 1 classes, "
                   "checksum 278b8969; is: 1 pictures, 1 boxes, 1 classes, checksum 49d8dfd6");
    ck_assert(temp_state() == state);
    own_set(16, 4); /* as it was */
    RUN("train", "--resume", "run", "--max-steps", "2", "-q");
    ck_assert_int_eq(run_code, 0);
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
    tcase_add_test(tcase, line_62_version);
    tcase_add_test(tcase, line_63_nan);
    tcase_add_test(tcase, line_64_flipped_bit);
    tcase_add_test(tcase, line_65_class_count);
    tcase_add_test(tcase, line_66_resume_with_other_options);
    tcase_add_test(tcase, line_66_resume_with_other_data);
    tcase_add_test(tcase, configuration);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
