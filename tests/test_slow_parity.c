/* The golden numbers are what torch says today: the scripts in golden/ make them again and compare.
 * Skips where Debian's python3-torchvision is missing. */
#include "suite.h"
#include "temp_folder.h"

#include <stdbool.h>

static const struct {
    const char *script, *file;
    const char *last; /* what it says when the last number of the file is another one */
} parts[] = {
    {"ops_make.py", "ops.safetensors", "ops.safetensors: resize.3.out differs"},
    {"detection_make.py", "detection.safetensors", "detection.safetensors: post.labels differs"},
};
enum { PARTS = sizeof parts / sizeof *parts };

/* Without -B it would leave its bytecode in the tree. */
static int python(const char *arguments) {
    char command[1024];
    snprintf(command, sizeof command, "/usr/bin/python3 -B %s", arguments);
    return system(command);
}

static bool have_torch(void) {
    const bool have = python("-c 'import torch, torchvision' 2>/dev/null") == 0;
    if (!have) printf("skipped: /usr/bin/python3 has no torchvision\n");
    return have;
}

START_TEST(golden_numbers_are_torchs) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, "'%s/golden/%s' --check", RN_TESTS, parts[_i].script);
    if (have_torch()) ck_assert_int_eq(python(arguments), 0);
}
END_TEST

/* One flipped bit, in the last number. */
START_TEST(another_number_is_found) {
    static char bytes[1 << 19], path[512], arguments[1024], out[4096];
    if (!have_torch()) return;
    snprintf(path, sizeof path, "%s/golden/%s", RN_TESTS, parts[_i].file);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    ck_assert(size > 1000 && size < sizeof bytes);
    bytes[size - 2] ^= 1;
    temp_open();
    temp_bytes(parts[_i].file, bytes, size);
    snprintf(arguments, sizeof arguments, "'%s/golden/%s' --check %s >%s", RN_TESTS,
             parts[_i].script, temp_root, temp_path("out"));
    ck_assert_int_ne(python(arguments), 0);
    file = fopen(temp_path("out"), "r");
    ck_assert_ptr_nonnull(file);
    out[fread(out, 1, sizeof out - 1, file)] = '\0';
    fclose(file);
    ck_assert_msg(strstr(out, parts[_i].last), "%s", out);
    temp_close();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("parity, live");
    TCase *tests = tcase_create("torch");
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, golden_numbers_are_torchs, 0, PARTS);
    tcase_add_loop_test(tests, another_number_is_found, 0, PARTS);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
