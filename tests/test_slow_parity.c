/* The golden numbers are what torch says today: golden/ops_make.py makes them again and compares.
 * Skips where Debian's python3-torchvision is missing. */
#include "suite.h"
#include "temp_folder.h"

#include <stdbool.h>

static int python(const char *script, const char *arguments) {
    char command[1024];
    snprintf(command, sizeof command, "/usr/bin/python3 %s %s", script, arguments);
    return system(command);
}

static bool have_torch(void) {
    const bool have = python("-c", "'import torch, torchvision' 2>/dev/null") == 0;
    if (!have) printf("skipped: /usr/bin/python3 has no torchvision\n");
    return have;
}

START_TEST(golden_numbers_are_torchs) {
    if (!have_torch()) return;
    ck_assert_int_eq(python("'" RN_GOLDEN "/ops_make.py'", "--check"), 0);
}
END_TEST

/* A flipped bit in a number of each file is found. */
START_TEST(another_number_is_found) {
    static const char *const files[] = {"ops.safetensors", "detection.safetensors"};
    if (!have_torch()) return;
    temp_open();
    for (int i = 0; i < 2; i++) {
        static char bytes[1 << 19];
        char path[512];
        snprintf(path, sizeof path, "%s/%s", RN_GOLDEN, files[i]);
        FILE *file = fopen(path, "rb");
        ck_assert_ptr_nonnull(file);
        const size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        ck_assert(size > 1000 && size < sizeof bytes);
        bytes[size - 2] ^= 1;
        temp_bytes(i ? "changed/detection.safetensors" : "changed/ops.safetensors", bytes, size);
    }
    char arguments[256], out[4096];
    snprintf(arguments, sizeof arguments, "--check %s >%s", temp_path("changed"), temp_path("out"));
    ck_assert_int_ne(python("'" RN_GOLDEN "/ops_make.py'", arguments), 0);
    FILE *file = fopen(temp_path("out"), "r");
    ck_assert_ptr_nonnull(file);
    out[fread(out, 1, sizeof out - 1, file)] = '\0';
    fclose(file);
    ck_assert_ptr_nonnull(strstr(out, "ops.safetensors: resize.3.out differs"));
    ck_assert_ptr_nonnull(strstr(out, "detection.safetensors: post.labels differs"));
    temp_close();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("parity, live");
    TCase *tests = tcase_create("torch");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, golden_numbers_are_torchs);
    tcase_add_test(tests, another_number_is_found);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
