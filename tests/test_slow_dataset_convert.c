/* Real sets through all formats: slow, for each file goes to the disk. */
#include "convert_set.h"
#include "suite.h"

static void shared_round(const char *name, rn_data_format from, const char *const *splits) {
    char source[160];
    snprintf(source, sizeof source, "%s/datasets/%s", RN_SHARED, name);
    if (!rn_path_is_folder(source)) {
        printf("skipped: %s is missing\n", source);
        return;
    }
    const rn_data_format way[] = {from, RN_DATA_COCO, RN_DATA_VOC, RN_DATA_YOLO, from};
    convert(source, "c", RN_DATA_COCO);
    convert("c", "v", RN_DATA_VOC);
    convert("v", "y", RN_DATA_YOLO);
    convert("y", "back", from);
    for (; *splits; splits++) same_split(source, "back", *splits, way, 5);
}

START_TEST(bccd_through_all_formats) {
    shared_round("bccd", RN_DATA_VOC, TEXTS("train", "val", "test"));
}
END_TEST

START_TEST(license_plate_through_all_formats) {
    shared_round("license_plate", RN_DATA_COCO, TEXTS("train", "val"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("slow_dataset_convert");
    TCase *tests = tcase_create("slow_dataset_convert");
    tcase_add_checked_fixture(tests, temp_open, close_all);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, bccd_through_all_formats);
    tcase_add_test(tests, license_plate_through_all_formats);
    return suite_run(suite);
}
