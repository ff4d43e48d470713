/* Models of torchvision 0.14.1, of their own state dicts, give its boxes: golden/torchvision_*.txt,
 * made by golden/torchvision_make.py. Pictures are resized to 192 pixels here, so that it takes
 * seconds; test_slow_torchvision has them whole. */
#include "suite.h"
#include "torchvision_files.h"

START_TEST(as_torchvision) {
    ck_assert_int_eq(tv_same(&tv_models[_i], ""), TV_PICTURES);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("torchvision");
    TCase *tests = tcase_create("torchvision");
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, as_torchvision, 0, TV_GOLDEN);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
