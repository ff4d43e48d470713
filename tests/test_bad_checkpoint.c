/* The lines of bad-inputs.md about weights (from 63 on) and checkpoints, with the programs as a
 * user runs them. */
#include "bad_weights.h"
#include "suite.h"

#include <math.h>

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
             "weights     class head reset: trained on 2 classes (key, gear), here 3 (key, gear, "
             "leaf)\n"
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

int main(void) {
    Suite *suite = suite_create("bad_checkpoint");
    TCase *tcase = tcase_create("checkpoint");
    tcase_add_checked_fixture(tcase, make, clean);
    tcase_set_timeout(tcase, 180); /* for the sanitizers */
    tcase_add_test(tcase, line_63_nan);
    tcase_add_test(tcase, line_64_flipped_bit);
    tcase_add_test(tcase, line_65_class_count);
    tcase_add_test(tcase, line_66_resume_with_other_options);
    tcase_add_test(tcase, line_66_resume_with_other_data);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
