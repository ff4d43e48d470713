/* Live comparisons of backbones with torch, where that is installed: MobileNetV2 with ../shared's
 * weights layer by layer; classifiers of torchvision with random weights, and ../shared's folded
 * ResNet, at C3, C4 and C5. */
#include "golden_features.h"
#include "suite.h"
#include "temp_folder.h"

#define FOLDED RN_SHARED "/weights/resnet18_imagenet_to_layer3.safetensors"

static int first_stage, last_stage;

static bool is_tap(int node) {
    for (int s = first_stage; s <= last_stage; s++)
        if (node == network.stage[s]) return true;
    return false;
}

static void check(const char *preset, int width, const char *weights_path, const char *features,
                  int stages) {
    real *weights = use_weights(preset, width, weights_path);
    first_stage = RN_C3;
    last_stage = RN_C3 + stages - 1;
    ck_assert_int_eq(check_features(temp_path(features), weights, is_tap), 2 * stages);
    free(weights);
    drop();
}

static bool torch_is_missing(void) {
    if (system("/usr/bin/python3 -c 'import torchvision' >/dev/null 2>&1") == 0) return false;
    printf("skipped: no torchvision for /usr/bin/python3\n");
    return true;
}

/* As test_mobilenet.c, with 2000 samples a layer. */
START_TEST(every_layer_of_mobilenet) {
    char command[4096];
    if (mobilenet_is_missing() || torch_is_missing()) return;
    temp_open();
    snprintf(command, sizeof command, "/usr/bin/python3 '%s' '%s' '%s' 2000",
             RN_TESTS "/golden/mobilenet_make.py", MOBILENET, temp_path("live.txt"));
    ck_assert_int_eq(system(command), 0);
    check_mobilenet(temp_path("live.txt"));
    temp_close();
}
END_TEST

START_TEST(classifiers) {
    char command[4096];
    const bool folded = access(FOLDED, R_OK) == 0;
    if (torch_is_missing()) return;
    if (!folded) printf("skipped: no %s\n", FOLDED);
    temp_open();
    snprintf(command, sizeof command, "/usr/bin/python3 '%s' '%s' %s",
             RN_TESTS "/golden/backbones_make.py", temp_root, folded ? "'" FOLDED "'" : "");
    ck_assert_int_eq(system(command), 0);
    check("r18", 64, temp_path("resnet18.safetensors"), "resnet18.txt", 3);
    check("r50", 64, temp_path("resnet50.safetensors"), "resnet50.txt", 3);
    check("mobile", 32, temp_path("mobilenet_v2.safetensors"), "mobilenet_v2.txt", 3);
    if (folded) check("r18", 64, FOLDED, "folded.txt", 2);
    temp_close();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backbones");
    TCase *tests = tcase_create("backbones");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, every_layer_of_mobilenet);
    tcase_add_test(tests, classifiers);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
