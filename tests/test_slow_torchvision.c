/* As test_torchvision, with pictures of torchvision's own size; and where torchvision is installed,
 * with every number of what it gives now, of more models, read from the files that torch.save
 * wrote.
 */
#include "model/safetensors.h"
#include "run_program.h"
#include "suite.h"
#include "torchvision_files.h"

#include <cjson/cJSON.h>

/* ---- golden numbers ---- */

START_TEST(whole_pictures) {
    ck_assert_int_eq(tv_same(&tv_models[_i ? 2 : 0], "_full"), 1); /* v1 and v2 */
}
END_TEST

/* ---- live ---- */

static const char script[] = "/usr/bin/python3 " RN_TESTS "/golden/torchvision_make.py";

static const struct {
    int width, height, shorter, longer;
} pictures[TV_PICTURES] = {{640, 427, 800, 1333},
                           {333, 500, 192, 320},
                           {97, 64, 192, 320},
                           {1333, 402, 192, 320},
                           {800, 800, 192, 320}};

static bool installed(void) {
    char command[600];
    snprintf(command, sizeof command, "%s >/dev/null 2>&1", script);
    if (system(command) == 0) return true;
    printf("skipped: /usr/bin/python3 has no torchvision\n");
    return false;
}

/* All of a level's logits or deltas, as far off as the largest of them says. */
static void same_level(tv_worst *worst, const rn_tensor_file *file, const char *kind, int level,
                       const real *got, size_t n) {
    char name[32];
    double most = 0, off = 0;
    snprintf(name, sizeof name, "%s%d", kind, level);
    const rn_tensor *want = rn_tensor_file_find(file, name);
    ck_assert_ptr_nonnull(want);
    ck_assert_uint_eq(want->count, n);
    for (size_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, want->data + 4 * i, 4);
        most = tv_max(most, fabs((double)value));
        off = tv_max(off, fabs((double)value - (double)got[i]));
    }
    ck_assert_msg(most > 0.01 && off <= 1e-4 * most, "%s: off by %g of %g", name, off, most);
    worst->heads = tv_max(worst->heads, off / most);
}

static size_t read_boxes(rn_box *boxes, const rn_tensor_file *file) {
    const rn_tensor *corners = rn_tensor_file_find(file, "boxes"),
                    *scores = rn_tensor_file_find(file, "scores"),
                    *labels = rn_tensor_file_find(file, "labels");
    ck_assert(corners && scores && labels && labels->count <= TV_MOST);
    for (size_t i = 0; i < labels->count; i++) {
        float label;
        memcpy(&boxes[i].x1, corners->data + 16 * i, 16);
        memcpy(&boxes[i].score, scores->data + 4 * i, 4);
        memcpy(&label, labels->data + 4 * i, 4);
        boxes[i].label = (int)label;
    }
    return labels->count;
}

static void same_run(const tv_model *model, int picture) {
    static rn_box want[TV_MOST], got[TV_MOST];
    tv_worst worst = {0};
    char name[64];
    rn_detector *det = NULL;
    rn_tensor_file file;
    rn_level_output levels[RN_LEVELS];
    rn_image image = {0};
    size_t n = 0;
    snprintf(name, sizeof name, "%s_%d.safetensors", model->name, picture);
    ck_assert_msg(rn_tensor_file_open(&file, temp_path(name)) == RN_OK, "%s", rn_error_text());
    snprintf(name, sizeof name, "picture%d.bmp", picture);
    ck_assert_msg(rn_image_read(&image, temp_path(name), NULL) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(image.width, pictures[picture].width);
    ck_assert_int_eq(image.height, pictures[picture].height);
    snprintf(name, sizeof name, "%s.pth", model->name);
    tv_open(&det, temp_path(name), pictures[picture].shorter, pictures[picture].longer);
    ck_assert_msg(rn_detector_run(det, &image, got, TV_MOST, &n) == RN_OK, "%s", rn_error_text());
    rn_detector_outputs(det, levels);
    for (int l = 0; l < RN_LEVELS; l++) {
        same_level(&worst, &file, "logits", l, levels[l].logits,
                   levels[l].n_anchors * rn_detector_classes(det));
        same_level(&worst, &file, "deltas", l, levels[l].deltas, 4 * levels[l].n_anchors);
    }
    const size_t n_want = read_boxes(want, &file);
    ck_assert_uint_ge(n_want, 20);
    tv_same_boxes(&worst, want, n_want, got, n);
    tv_print(model, &image, n, &worst);
    rn_detector_close(det);
    rn_image_free(&image);
    rn_tensor_file_close(&file);
}

/* What `detect --json` prints of a picture: the column as category_id and COCO's name. */
static void same_printed(const tv_model *model) {
    static rn_box want[TV_MOST], got[TV_MOST];
    tv_worst worst = {0};
    char name[64];
    rn_tensor_file file;
    size_t n = 0;
    snprintf(name, sizeof name, "%s_1.safetensors", model->name);
    ck_assert_msg(rn_tensor_file_open(&file, temp_path(name)) == RN_OK, "%s", rn_error_text());
    const size_t n_want = read_boxes(want, &file);
    snprintf(name, sizeof name, "%s.pth", model->name);
    RUN("detect", "-m", name, "--json", "--no-image", "-q", "-t", "0.05", "--set",
        "size_shorter=192", "--set", "size_longer=320", "picture1.bmp");
    ck_assert_msg(run_code == 0, "%s", run_err);
    cJSON *line = cJSON_Parse(run_out);
    const cJSON *list = cJSON_GetObjectItem(line, "detections"), *item;
    cJSON_ArrayForEach(item, list) {
        const cJSON *box = cJSON_GetObjectItem(item, "box");
        rn_box *b = &got[n++];
        ck_assert_uint_le(n, n_want);
        b->label = (int)cJSON_GetObjectItem(item, "category_id")->valuedouble;
        b->score = (float)cJSON_GetObjectItem(item, "score")->valuedouble;
        b->x1 = (float)cJSON_GetArrayItem(box, 0)->valuedouble;
        b->y1 = (float)cJSON_GetArrayItem(box, 1)->valuedouble;
        b->x2 = (float)cJSON_GetArrayItem(box, 2)->valuedouble;
        b->y2 = (float)cJSON_GetArrayItem(box, 3)->valuedouble;
    }
    tv_same_boxes(&worst, want, n_want, got, n);
    cJSON_Delete(line);
    rn_tensor_file_close(&file);
}

START_TEST(what_torchvision_gives_now) {
    char command[800];
    if (!installed()) return;
    snprintf(command, sizeof command, "%s live %s %s", script, temp_root, tv_models[_i].name);
    ck_assert_int_eq(system(command), 0);
    for (int i = 0; i < TV_PICTURES; i++) same_run(&tv_models[_i], i);
    same_printed(&tv_models[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("slow_torchvision");
    TCase *tests = tcase_create("slow_torchvision");
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_set_timeout(tests, 900);
    tcase_add_loop_test(tests, whole_pictures, 0, 2);
    tcase_add_loop_test(tests, what_torchvision_gives_now, 0, TV_MODELS);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
