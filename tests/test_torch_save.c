/* What PyTorch itself saves, where Debian's is installed: every value of every tensor, in both
 * formats, as torch_save.py says. */
#include "model/tensor_file.h"
#include "suite.h"
#include "temp_folder.h"

static rn_tensor_file tensors;
static char open_name[64]; /* of the file in `tensors` */

static void open_file(const char *name) {
    if (strcmp(name, open_name) == 0) return;
    rn_tensor_file_close(&tensors);
    ck_assert_msg(rn_tensor_file_open(&tensors, temp_path(name)) == RN_OK, "%s", rn_error_text());
    snprintf(open_name, sizeof open_name, "%s", name);
}

/* The integer at `p`, two's complement where the type has a sign. */
static int64_t integer(const uint8_t *p, rn_dtype dtype) {
    const int size = (int)rn_dtype_size(dtype);
    const uint64_t bits = rn_little_endian(p, size);
    if (dtype == RN_U8 || dtype == RN_BOOL) return (int64_t)bits;
    return (int64_t)(bits << (64 - 8 * size)) >> (64 - 8 * size);
}

/* One line of expected.txt; `file` and `name` are its first words. */
static void check_tensor(const char *file, const char *name, char *rest) {
    open_file(file);
    const rn_tensor *t = rn_tensor_file_find(&tensors, name);
    ck_assert_msg(t != NULL, "%s: %s is missing", file, name);
    char *word = strtok(rest, " \n");
    ck_assert_str_eq(rn_dtype_name(t->dtype), word);
    ck_assert_int_eq(t->n_dims, atoi(strtok(NULL, " \n")));
    for (int d = 0; d < t->n_dims; d++)
        ck_assert_uint_eq(t->dims[d], strtoul(strtok(NULL, " \n"), NULL, 10));
    real *numbers = calloc(t->count + 1, sizeof *numbers);
    ck_assert_ptr_nonnull(numbers);
    const bool is_real = rn_tensor_reals(numbers, t) && t->dtype <= RN_F64;
    for (size_t i = 0; i < t->count; i++) {
        word = strtok(NULL, " \n");
        ck_assert_msg(word != NULL, "%s: %s has %zu numbers", file, name, t->count);
        const uint8_t *p = t->data + rn_tensor_place(t, i) * rn_dtype_size(t->dtype);
        if (is_real) {
            const real want = (real)strtod(word, NULL);
            ck_assert_msg(memcmp(&numbers[i], &want, sizeof want) == 0, "%s: %s[%zu]: %a, want %a",
                          file, name, i, (double)numbers[i], (double)want);
        } else {
            ck_assert_int_eq(integer(p, t->dtype), strtoll(word, NULL, 10));
        }
    }
    ck_assert_ptr_null(strtok(NULL, " \n"));
    free(numbers);
}

START_TEST(as_torch_saved_it) {
    static char line[1 << 16];
    size_t n = 0, files = 0;
    char before[64] = "";
    if (system("/usr/bin/python3 -c 'import torch' >/dev/null 2>&1") != 0) {
        printf("skipped: /usr/bin/python3 has no torch\n");
        return;
    }
    snprintf(line, sizeof line, "/usr/bin/python3 %s/torch_save.py %s", RN_TESTS, temp_root);
    ck_assert_int_eq(system(line), 0);
    FILE *expected = fopen(temp_path("expected.txt"), "r");
    ck_assert_ptr_nonnull(expected);
    while (fgets(line, sizeof line, expected)) {
        char file[64], name[64];
        int used = 0;
        ck_assert_int_eq(sscanf(line, "%63s %63s %n", file, name, &used), 2);
        if (strcmp(file, before) != 0) {
            ck_assert_uint_eq(n, tensors.n_tensors); /* no tensor besides */
            strcpy(before, file);
            n = 0;
            files++;
        }
        check_tensor(file, name, line + used);
        n++;
    }
    fclose(expected);
    ck_assert_uint_eq(n, tensors.n_tensors);
    ck_assert_uint_eq(files, 24);
}
END_TEST

static void clean(void) {
    rn_tensor_file_close(&tensors);
    temp_close();
}

int main(void) {
    Suite *suite = suite_create("torch_save");
    TCase *tests = tcase_create("torch_save");
    tcase_add_checked_fixture(tests, temp_open, clean);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, as_torch_saved_it);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
