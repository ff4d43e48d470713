#include "model/safetensors.h"
#include "suite.h"
#include "temp_folder.h"

#include <math.h>

static rn_tensor_file file;

static rn_status open_made(void) {
    return rn_tensor_file_open(&file, temp_path("a.safetensors"));
}

static const real weights[2 * 3 * 2 * 2] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                            12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
static const real vector[3] = {(real)0.25, INFINITY, (real)-1e-3};

static void save_small(const char *name) {
    rn_safetensors_writer w = {0};
    const rn_tensor_entry entries[] = {
        {"conv.weight", RN_F32, 4, {2, 3, 2, 2}, weights, true, NULL},
        {"plain", RN_F32, 1, {3}, vector, false, NULL},
        {"half \"quoted\"", RN_F16, 1, {3}, vector, false, NULL},
        {"empty", RN_F32, 1, {0}, vector, false, NULL},
        {"scalar", RN_F32, 0, {0}, vector, false, NULL},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        ck_assert_int_eq(rn_safetensors_add(&w, &entries[i]), RN_OK);
    ck_assert_int_eq(rn_safetensors_add_metadata(&w, "config", "{\"crc32\":\"0\"}\n"), RN_OK);
    ck_assert_int_eq(rn_safetensors_add_metadata(&w, "empty", ""), RN_OK);
    ck_assert_int_eq(rn_safetensors_save(&w, temp_path(name)), RN_OK);
    rn_safetensors_writer_free(&w);
    ck_assert_ptr_null(w.entries);
}

static void check_small(const rn_tensor_file *f) {
    real out[24];
    ck_assert_uint_eq(f->n_tensors, 5);
    ck_assert_str_eq(rn_tensor_file_metadata(f, "config"), "{\"crc32\":\"0\"}\n");
    ck_assert_str_eq(rn_tensor_file_metadata(f, "empty"), "");
    const rn_tensor *t = rn_tensor_file_find(f, "conv.weight");
    ck_assert(t && t->n_dims == 4 && t->dims[0] == 2 && t->dims[1] == 3 && t->dims[3] == 2);
    ck_assert(rn_tensor_reals(out, t));
    /* [out, kernel, kernel, in] -> [out, in, kernel, kernel]: of out 0 the four taps of channel 0,
     * of channel 1, of channel 2; then out 1. */
    const real want[] = {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 12, 15, 18, 21};
    for (int i = 0; i < 16; i++) ck_assert(out[i] == want[i]);
    ck_assert(rn_tensor_reals(out, rn_tensor_file_find(f, "plain")));
    ck_assert(out[0] == (real)0.25 && isinf(out[1]) && out[2] == (real)-1e-3f);
    t = rn_tensor_file_find(f, "half \"quoted\"");
    ck_assert(t && t->dtype == RN_F16 && rn_tensor_reals(out, t));
    ck_assert(out[0] == (real)0.25 && isinf(out[1]) && out[2] == (real)-0x1.064p-10f);
    ck_assert_uint_eq(rn_tensor_file_find(f, "empty")->count, 0);
    ck_assert_int_eq(rn_tensor_file_find(f, "scalar")->n_dims, 0);
}

static uint8_t *read_back(const char *name, size_t *size) {
    uint8_t *bytes = NULL;
    ck_assert_int_eq(rn_file_read(&bytes, size, temp_path(name), 1 << 20), RN_OK);
    return bytes;
}

START_TEST(writes_what_it_reads) {
    size_t size, again_size;
    save_small("a.safetensors");
    ck_assert_int_eq(open_made(), RN_OK);
    check_small(&file);
    const size_t data = (size_t)(file.tensors[0].data - file.bytes);
    ck_assert_uint_eq(data % 8, 0);
    ck_assert_uint_eq(file.bytes[8], '{');
    rn_tensor_file_close(&file);
    save_small("a.safetensors"); /* over the old file, the same bytes */
    save_small("b.safetensors");
    uint8_t *bytes = read_back("a.safetensors", &size),
            *again = read_back("b.safetensors", &again_size);
    ck_assert_uint_eq(size, again_size);
    ck_assert_mem_eq(bytes, again, size);
    free(bytes);
    free(again);
    char **names = NULL;
    size_t n = 0;
    ck_assert_int_eq(rn_folder_list(&names, &n, temp_root), RN_OK);
    ck_assert_uint_eq(n, 2); /* and no temporary */
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}
END_TEST

START_TEST(an_empty_file) {
    rn_safetensors_writer w = {0};
    ck_assert_int_eq(rn_safetensors_save(&w, temp_path("a.safetensors")), RN_OK);
    ck_assert_int_eq(open_made(), RN_OK);
    ck_assert_uint_eq(file.n_tensors, 0);
    rn_tensor_file_close(&file);
}
END_TEST

START_TEST(a_folder_that_is_not_there) {
    rn_safetensors_writer w = {0};
    ck_assert_int_eq(rn_safetensors_save(&w, temp_path("none/a.safetensors")), RN_EIO);
}
END_TEST

/* ---- damage (bad-inputs 64) ---- */

/* Every single bit of the file: refused, but in the checksum's own key, which makes it a file
 * without one. */
START_TEST(one_flipped_bit_is_refused) {
    size_t size, unnoticed = 0;
    save_small("b.safetensors");
    uint8_t *bytes = read_back("b.safetensors", &size);
    const uint8_t *key = memmem(bytes, size, "crc32", 5);
    ck_assert_ptr_nonnull(key);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        temp_bytes("a.safetensors", bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (open_made() != RN_OK) continue;
        const size_t at = bit / 8, place = (size_t)(key - bytes);
        ck_assert_msg(at >= place && at < place + 5, "bit %zu of byte %zu", bit % 8, at);
        ck_assert(!file.verified);
        unnoticed++;
        rn_tensor_file_close(&file);
    }
    ck_assert_uint_le(unnoticed, 40);
    temp_bytes("a.safetensors", bytes, size);
    ck_assert_int_eq(open_made(), RN_OK);
    ck_assert(file.verified);
    rn_tensor_file_close(&file);
    bytes[size - 1] ^= 1;
    temp_bytes("a.safetensors", bytes, size);
    ck_assert_int_eq(open_made(), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), ": offset 34: the checksum is "));
    ck_assert_ptr_nonnull(strstr(rn_error_text(), ": damaged"));
    free(bytes);
}
END_TEST

START_TEST(every_cut_is_refused) {
    size_t size;
    save_small("b.safetensors");
    uint8_t *bytes = read_back("b.safetensors", &size);
    for (size_t n = 0; n < size; n++) {
        temp_bytes("a.safetensors", bytes, n);
        ck_assert_int_eq(open_made(), RN_EINPUT);
    }
    free(bytes);
}
END_TEST

/* Python's reading of our file, where there is a Python. */
START_TEST(python_reads_ours) {
    char command[1024];
    snprintf(command, sizeof command, "%s/checks/tensors.py", RN_SHARED);
    if (!rn_path_exists(command) || system("python3 -c pass 2>/dev/null") != 0) {
        printf("skipped: %s or python3 is missing\n", command);
        return;
    }
    save_small("a.safetensors");
    save_small("b.safetensors");
    snprintf(command, sizeof command, "python3 %s/checks/tensors.py %s %s >%s", RN_SHARED,
             temp_path("a.safetensors"), temp_path("b.safetensors"), temp_path("out"));
    ck_assert_int_eq(system(command), 0);
    size_t size;
    uint8_t *out = read_back("out", &size);
    ck_assert_str_eq((char *)out, "5 tensors equal\n");
    free(out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("safetensors_write");
    TCase *tests = tcase_create("safetensors_write");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_add_test(tests, writes_what_it_reads);
    tcase_add_test(tests, an_empty_file);
    tcase_add_test(tests, a_folder_that_is_not_there);
    tcase_add_test(tests, one_flipped_bit_is_refused);
    tcase_add_test(tests, every_cut_is_refused);
    tcase_add_test(tests, python_reads_ours);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
