#include "base/random.h"
#include "model_files.h"
#include "suite.h"

#include <math.h>

static rn_tensor_file file;

/* ---- files made by hand ---- */

static void make_length(uint64_t length, const char *header, size_t size) {
    raw_file("a.safetensors", length, header, size);
}

static rn_status open_made(void) {
    return rn_tensor_file_open(&file, temp_path("a.safetensors"));
}

/* a.safetensors is refused with "FILE: " and `text`, and leaves nothing behind. */
static void refused_file(const char *text) {
    char want[512];
    ck_assert_int_eq(open_made(), RN_EINPUT);
    snprintf(want, sizeof want, "%s: %s", temp_path("a.safetensors"), text);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(file.bytes);
    ck_assert_ptr_null(file.tensors);
    ck_assert_uint_eq(file.n_tensors, 0);
}

static void refused(const char *header, size_t size, const char *text) {
    make_length(strlen(header), header, size);
    refused_file(text);
}

static void accepted(const char *header, size_t size) {
    make_length(strlen(header), header, size);
    ck_assert_msg(open_made() == RN_OK, "%s", rn_error_text());
}

START_TEST(reads_a_file_made_by_hand) {
    accepted(
        "{" TENSOR("b", "I64", "1", "12,20") ", \"__metadata__\": {\"k\":\"v\",\"a\":\"\"}," TENSOR(
            "e", "F32", "0,3", "12,12") "," TENSOR("s", "U8", "",
                                                   "20,21") "," TENSOR("a", "F16", "2, 3",
                                                                       "0,12") "}   ",
        21);
    ck_assert_uint_eq(file.n_tensors, 4);
    const rn_tensor *a = rn_tensor_file_find(&file, "a"), *b = rn_tensor_file_find(&file, "b"),
                    *e = rn_tensor_file_find(&file, "e"), *s = rn_tensor_file_find(&file, "s");
    ck_assert(a && b && e && s);
    ck_assert_ptr_eq(a, &file.tensors[0]); /* in the order of the data */
    ck_assert_ptr_eq(e, &file.tensors[1]);
    ck_assert_int_eq(a->dtype, RN_F16);
    ck_assert_int_eq(a->n_dims, 2);
    ck_assert(a->dims[0] == 2 && a->dims[1] == 3 && a->count == 6);
    ck_assert_int_eq(a->data[11], 11);
    ck_assert_int_eq(b->data[0], 12);
    ck_assert_uint_eq(e->count, 0);
    ck_assert_int_eq(s->n_dims, 0);
    ck_assert_uint_eq(s->count, 1);
    ck_assert_ptr_null(rn_tensor_file_find(&file, "c"));
    ck_assert_str_eq(rn_tensor_file_metadata(&file, "k"), "v");
    ck_assert_str_eq(rn_tensor_file_metadata(&file, "a"), "");
    ck_assert_ptr_null(rn_tensor_file_metadata(&file, "b"));
    real numbers[6];
    ck_assert(!rn_tensor_reals(numbers, b));
    ck_assert(rn_tensor_reals(numbers, e));
    rn_tensor_file_close(&file);
    ck_assert_ptr_null(file.bytes);
    accepted("{}", 0);
    ck_assert_uint_eq(file.n_tensors, 0);
    rn_tensor_file_close(&file);
}
END_TEST

/* bad-inputs 56, 57 */
START_TEST(refuses_a_wrong_length) {
    temp_bytes("a.safetensors", "", 0);
    refused_file("offset 0: 0 bytes, want at least 8");
    temp_bytes("a.safetensors", "1234567", 7);
    refused_file("offset 0: 7 bytes, want at least 8");
    make_length(UINT64_MAX, "{}", 0);
    refused_file(
        "offset 0: a header of 18446744073709551615 bytes, want at most 2 (no safetensors file?)");
    make_length(100000001, "{}", 0);
    refused_file("offset 0: a header of 100000001 bytes, want at most 2 (no safetensors file?)");
    make_length(3, "{}", 0);
    refused_file("offset 0: a header of 3 bytes, want at most 2 (no safetensors file?)");
    make_length(0, "{}", 0);
    refused_file("offset 8: the header is no JSON object");
    make_length(1, "{}", 0);
    refused_file("offset 8: the header is no valid JSON");
}
END_TEST

/* A header over the limit that the file really holds: sparse, so it costs nothing on the disk. */
START_TEST(refuses_a_huge_header) {
    make_length(100000001, "{}", 0);
    ck_assert_int_eq(truncate(temp_path("a.safetensors"), 100000100), 0);
    refused_file(
        "offset 0: a header of 100000001 bytes, want at most 100000000 (no safetensors file?)");
}
END_TEST

START_TEST(refuses_what_is_no_header) {
    refused("[]", 0, "offset 8: the header is no JSON object");
    refused(" {}", 0, "offset 8: the header is no JSON object");
    refused("{}x", 0, "offset 10: the header is no valid JSON");
    refused("{}\n", 0, "offset 10: the header is no valid JSON");
    refused("{\"a\":}", 0, "offset 13: the header is no valid JSON");
    refused("{\"a\":[[[[[[[[0]]]]]]]]}", 0, "offset 8: the header is nested too deeply");
    refused("{\"__metadata__\":1}", 0, "offset 8: __metadata__ is no object");
    refused("{\"__metadata__\":{\"a\":1}}", 0,
            "offset 8: __metadata__ holds something that is no text");
    refused("{\"a\":1}", 0, "offset 8: tensor a: want dtype, shape and data_offsets");
}
END_TEST

START_TEST(refuses_malformed_tensors) {
    const char *const members = "offset 8: tensor a: want dtype, shape and data_offsets";
    const char *const shape = "offset 8: tensor a: want a shape of at most 8 sizes";
    const char *const range = "offset 8: tensor a: data_offsets are no range";
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, members);
    refused("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
            members);
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":{\"a\":0,\"b\":4}}}", 4,
            members);
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":{\"a\":1},\"data_offsets\":[0,4]}}", 4, members);
    refused("{" TENSOR("a", "F32", "", "0,4,4") "}", 4, members);
    refused("{" TENSOR("a", "F31", "", "0,4") "}", 4, "offset 8: tensor a: unknown dtype F31");
    refused("{" TENSOR("a", "F32", "1,1,1,1,1,1,1,1,1", "0,4") "}", 4, shape);
    refused("{" TENSOR("a", "F32", "-1", "0,4") "}", 4, shape);
    refused("{" TENSOR("a", "F32", "1.5", "0,4") "}", 4, shape);
    refused("{" TENSOR("a", "F32", "1e999", "0,4") "}", 4, shape);
    refused("{" TENSOR("a", "F32", "\"1\"", "0,4") "}", 4, shape);
    refused("{" TENSOR("a", "F32", "1", "4,0") "}", 4, range);
    refused("{" TENSOR("a", "F32", "1", "-4,0") "}", 4, range);
    refused("{" TENSOR("a", "F32", "1", "0,null") "}", 4, range);
}
END_TEST

/* bad-inputs 58 */
START_TEST(refuses_a_product_that_overflows) {
    refused("{" TENSOR("a", "F32", "4294967296,4294967296", "0,0") "}", 0,
            "offset 8: tensor a: the product of its shape overflows");
    refused("{" TENSOR("a", "F32", "4294967296,1073741824", "0,0") "}", 0, /* 2^62 numbers of 4 */
            "offset 8: tensor a: 0 bytes for 4611686018427387904 numbers of F32");
}
END_TEST

/* bad-inputs 59, 60 */
START_TEST(refuses_wrong_places) {
    refused("{" TENSOR("a", "F32", "2", "0,8") "}", 7, "offset 8: tensor a: ends at byte 8 of 7");
    refused("{" TENSOR("a", "F32", "2", "0,4") "}", 4,
            "offset 8: tensor a: 4 bytes for 2 numbers of F32");
    refused("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("b", "U8", "4", "3,7") "}", 7,
            "offset 116: tensor b overlaps the one before");
    refused("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("b", "U8", "4", "0,4") "}", 4,
            "offset 113: tensor b overlaps the one before");
    refused("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("b", "U8", "2", "5,7") "}", 7,
            "offset 118: tensor b leaves a hole before it");
    refused("{" TENSOR("a", "U8", "4", "1,5") "}", 5,
            "offset 62: tensor a leaves a hole before it");
    refused("{" TENSOR("a", "U8", "4", "0,4") "}", 6, "offset 65: 2 bytes belong to no tensor");
    refused("{}", 1, "offset 10: 1 bytes belong to no tensor");
}
END_TEST

/* bad-inputs 61 */
START_TEST(refuses_names_twice) {
    refused("{" TENSOR("a", "U8", "4", "0,4") "," TENSOR("a", "U8", "4", "4,8") "}", 8,
            "offset 8: tensor a stands twice");
    refused("{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}", 0,
            "offset 8: metadata key a stands twice");
    refused("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "offset 8: __metadata__ stands twice");
}
END_TEST

START_TEST(refuses_what_is_no_file) {
    ck_assert_int_eq(rn_tensor_file_open(&file, temp_root), RN_EINPUT);
    ck_assert_int_eq(rn_tensor_file_open(&file, temp_path("none")), RN_EINPUT);
    ck_assert_int_eq(rn_tensor_file_open(&file, "/dev/zero"), RN_EINPUT);
}
END_TEST

/* ---- numbers ---- */

START_TEST(converts_every_float_type) {
    const struct {
        uint16_t half[2], bfloat[2];
        double wide;
        float single;
    } data = {{0x3c00, 0xc000}, {0x3f80, 0xc049}, 0.1, -0.0f};
    char header[1024];
    uint8_t bytes[1024];
    snprintf(header, sizeof header,
             "{" TENSOR("h", "F16", "2", "0,4") "," TENSOR("b", "BF16", "2", "4,8") "," TENSOR(
                 "d", "F64", "1", "8,16") "," TENSOR("f", "F32", "1", "16,20") "}");
    const uint64_t length = strlen(header);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, &data, 20);
    temp_bytes("a.safetensors", bytes, 8 + length + 20);
    ck_assert_int_eq(open_made(), RN_OK);
    real out[2];
    ck_assert(rn_tensor_reals(out, rn_tensor_file_find(&file, "h")));
    ck_assert(out[0] == 1 && out[1] == -2);
    ck_assert(rn_tensor_reals(out, rn_tensor_file_find(&file, "b")));
    ck_assert(out[0] == 1 && out[1] == (real)-3.140625);
    ck_assert(rn_tensor_reals(out, rn_tensor_file_find(&file, "d")));
    ck_assert(out[0] == (real)0.1);
    ck_assert(rn_tensor_reals(out, rn_tensor_file_find(&file, "f")));
    ck_assert(out[0] == 0 && signbit(out[0]));
    rn_tensor_file_close(&file);
}
END_TEST

START_TEST(names_and_sizes_of_types) {
    ck_assert_str_eq(rn_dtype_name(RN_BF16), "BF16");
    ck_assert_str_eq(rn_dtype_name(RN_BOOL), "BOOL");
    ck_assert_uint_eq(rn_dtype_size(RN_BF16), 2);
    ck_assert_uint_eq(rn_dtype_size(RN_I64), 8);
    ck_assert_uint_eq(rn_dtype_size(RN_BOOL), 1);
}
END_TEST

START_TEST(a_checksum_in_another_place) {
    refused("{\"__metadata__\":{\"a\":\"b\",\"crc32\":\"00000000\"}}", 0,
            "offset 8: crc32 stands not where this program writes it: saved again by another "
            "program? Remove it from the metadata");
    accepted("{\"__metadata__\":{\"a\":\"b\"}}", 0);
    ck_assert(!file.verified);
    rn_tensor_file_close(&file);
}
END_TEST

/* Mutations of every kind, seeded: refused or read, never a crash; what is read can be walked
 * whole. */
START_TEST(mutations_do_not_crash) {
    rn_random random = rn_random_seed(64, 0, 0);
    size_t size, opened = 0;
    static const char header[] =
        "{" TENSOR("a", "F32", "2,2", "0,16") ", \"__metadata__\": {\"k\":\"v\"}," TENSOR(
            "b", "F16", "3", "16,22") "}  ";
    static const char pieces[] = "{}[]\",:0123456789-.eE\\u";
    make_length(strlen(header), header, 22);
    uint8_t *bytes = NULL, changed[512];
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path("a.safetensors"), 1 << 20), RN_OK);
    ck_assert_uint_le(size, sizeof changed);
    for (int round = 0; round < 2000; round++) {
        size_t n = size;
        memcpy(changed, bytes, size);
        for (uint64_t k = rn_random_below(&random, 4) + 1; k > 0; k--) {
            const size_t at = rn_random_below(&random, n);
            switch (rn_random_below(&random, 4)) {
            case 0:
                changed[at] ^= (uint8_t)(1u << rn_random_below(&random, 8));
                break;
            case 1:
                changed[at] = (uint8_t)rn_random_below(&random, 256);
                break;
            case 2:
                changed[at] = (uint8_t)pieces[rn_random_below(&random, sizeof pieces - 1)];
                break;
            default: /* take bytes out, the length as it was or made to fit */
                memmove(changed + at, changed + at + 1, n - at - 1);
                n--;
                if (n > 8 && rn_random_below(&random, 2)) changed[0]--;
            }
        }
        temp_bytes("a.safetensors", changed, n);
        if (open_made() != RN_OK) {
            ck_assert_ptr_nonnull(strstr(rn_error_text(), "a.safetensors: offset "));
            continue;
        }
        opened++;
        for (size_t i = 0; i < file.n_tensors; i++) {
            real numbers[64];
            ck_assert_uint_le(file.tensors[i].count, 64);
            (void)rn_tensor_reals(numbers, &file.tensors[i]);
        }
        rn_tensor_file_close(&file);
    }
    ck_assert_uint_gt(opened, 0); /* else nothing behind the header was tried */
    free(bytes);
}
END_TEST

/* ---- files of others ---- */

START_TEST(reads_the_shared_weights) {
    static const struct {
        const char *name, *tensor, *key, *value;
        size_t tensors, dims[4];
    } files[] = {{"mobilenet_v2_imagenet",
                  "00.conv.weight",
                  "input",
                  "RGB/127.5-1, TF SAME padding, ReLU6 after all but projection convs",
                  106,
                  {32, 3, 3, 3}},
                 {"resnet18_imagenet_to_layer3",
                  "conv1.weight",
                  "std",
                  "0.229,0.224,0.225",
                  30,
                  {64, 3, 7, 7}}};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/weights/%s.safetensors", RN_SHARED, files[i].name);
        if (!rn_path_exists(path)) {
            printf("skipped: %s is missing\n", path);
            continue;
        }
        ck_assert_msg(rn_tensor_file_open(&file, path) == RN_OK, "%s", rn_error_text());
        ck_assert_uint_eq(file.n_tensors, files[i].tensors);
        ck_assert_str_eq(rn_tensor_file_metadata(&file, files[i].key), files[i].value);
        const rn_tensor *t = rn_tensor_file_find(&file, files[i].tensor);
        ck_assert(t && t->dtype == RN_F32 && t->n_dims == 4);
        ck_assert_mem_eq(t->dims, files[i].dims, sizeof files[i].dims);
        real *numbers = calloc(t->count, sizeof *numbers);
        ck_assert(numbers && rn_tensor_reals(numbers, t));
        for (size_t k = 0; k < t->count; k++) ck_assert(isfinite(numbers[k]));
        free(numbers);
        rn_tensor_file_close(&file);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("safetensors");
    TCase *tests = tcase_create("safetensors");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_add_test(tests, reads_a_file_made_by_hand);
    tcase_add_test(tests, refuses_a_wrong_length);
    tcase_add_test(tests, refuses_a_huge_header);
    tcase_add_test(tests, refuses_what_is_no_header);
    tcase_add_test(tests, refuses_malformed_tensors);
    tcase_add_test(tests, refuses_a_product_that_overflows);
    tcase_add_test(tests, refuses_wrong_places);
    tcase_add_test(tests, refuses_names_twice);
    tcase_add_test(tests, refuses_what_is_no_file);
    tcase_add_test(tests, converts_every_float_type);
    tcase_add_test(tests, names_and_sizes_of_types);
    tcase_add_test(tests, a_checksum_in_another_place);
    tcase_add_test(tests, mutations_do_not_crash);
    tcase_add_test(tests, reads_the_shared_weights);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
