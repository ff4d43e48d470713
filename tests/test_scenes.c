#include "base/file.h"
#include "data/coco.h"
#include "suite.h"
#include "temp_folder.h"
#include <check.h>
#include <math.h>
#include <retinanet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 160, CAP = 64 };

/* One rendered picture of the default size, or smaller. */
typedef struct scene {
    rn_image image;
    rn_box boxes[CAP];
    size_t n;
    uint8_t mask[SIDE * SIDE];
} scene;

static void render(scene *s, const rn_scenes_options *options, uint64_t index) {
    rn_status status = rn_scenes_render(&s->image, s->boxes, CAP, &s->n, s->mask, options, index);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

static bool same_pixels(const scene *a, const scene *b) {
    size_t size = (size_t)a->image.width * (size_t)a->image.height * 3;
    return memcmp(a->image.pixels, b->image.pixels, size) == 0;
}

START_TEST(names_are_in_label_order) {
    ck_assert_str_eq(rn_scenes_class_name(0), "key");
    ck_assert_str_eq(rn_scenes_class_name(4), "starfish");
    ck_assert_str_eq(rn_scenes_class_name(RN_SCENES_MAX_CLASSES - 1), "scissors");
    ck_assert_ptr_null(rn_scenes_class_name(-1));
    ck_assert_ptr_null(rn_scenes_class_name(RN_SCENES_MAX_CLASSES));
}
END_TEST

START_TEST(a_picture_is_a_function_of_seed_and_index) {
    static scene a, b;
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    render(&a, &options, 3);
    render(&b, &options, 3);
    ck_assert(same_pixels(&a, &b));
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.boxes, b.boxes, a.n * sizeof *a.boxes);
    rn_image_free(&b.image);
    render(&b, &options, 4);
    ck_assert(!same_pixels(&a, &b));
    rn_image_free(&b.image);
    options.seed = 2;
    render(&b, &options, 3);
    ck_assert(!same_pixels(&a, &b));
    rn_image_free(&b.image);
    rn_image_free(&a.image);
}
END_TEST

/* Extent and size of object `value` in the mask. */
static size_t mask_extent(const scene *s, int value, rn_box *box) {
    size_t area = 0;
    *box = (rn_box){.x1 = SIDE, .y1 = SIDE};
    for (int y = 0; y < s->image.height; y++) {
        for (int x = 0; x < s->image.width; x++) {
            if (s->mask[y * s->image.width + x] != value) continue;
            box->x1 = fminf(box->x1, (float)x), box->x2 = fmaxf(box->x2, (float)x + 1);
            box->y1 = fminf(box->y1, (float)y), box->y2 = fmaxf(box->y2, (float)y + 1);
            area++;
        }
    }
    return area;
}

START_TEST(boxes_are_the_extents_of_the_masks) {
    static scene s;
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.width = 160;
    options.classes = RN_SCENES_MAX_CLASSES;
    options.max_objects = 12;
    size_t seen = 0;
    for (uint64_t i = 0; i < 20; i++) {
        render(&s, &options, i);
        for (size_t k = 0; k < s.n; k++) {
            rn_box extent;
            size_t area = mask_extent(&s, (int)k + 1, &extent);
            const rn_box *box = &s.boxes[k];
            ck_assert_float_eq(box->x1, extent.x1);
            ck_assert_float_eq(box->y1, extent.y1);
            ck_assert_float_eq(box->x2, extent.x2);
            ck_assert_float_eq(box->y2, extent.y2);
            ck_assert_uint_ge(area, 16);
            ck_assert(box->x1 >= 0 && box->y1 >= 0 && box->x2 <= 160 && box->y2 <= SIDE);
            ck_assert(box->label >= 0 && box->label < options.classes);
            ck_assert_float_eq(box->score, 1.0f);
        }
        for (int p = 0; p < 160 * SIDE; p++) ck_assert_uint_le(s.mask[p], s.n);
        seen += s.n;
        rn_image_free(&s.image);
    }
    ck_assert_uint_gt(seen, 60);
}
END_TEST

START_TEST(noise_changes_pixels_and_nothing_else) {
    static scene a, b;
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.noise = 0.0f;
    render(&a, &options, 7);
    options.noise = 1.0f;
    render(&b, &options, 7);
    ck_assert(!same_pixels(&a, &b));
    ck_assert_uint_gt(a.n, 0);
    ck_assert_mem_eq(a.boxes, b.boxes, a.n * sizeof *a.boxes);
    ck_assert_mem_eq(a.mask, b.mask, sizeof a.mask);
    rn_image_free(&a.image);
    rn_image_free(&b.image);
}
END_TEST

START_TEST(object_counts_keep_to_their_range) {
    static scene s;
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.min_objects = options.max_objects = 0;
    render(&s, &options, 0);
    ck_assert_uint_eq(s.n, 0);
    for (int p = 0; p < SIDE * SIDE; p++) ck_assert_uint_eq(s.mask[p], 0);
    rn_image_free(&s.image);
    options.min_objects = 2;
    options.max_objects = 5;
    size_t least = CAP, most = 0;
    for (uint64_t i = 0; i < 40; i++) {
        render(&s, &options, i);
        if (s.n < least) least = s.n;
        if (s.n > most) most = s.n;
        rn_image_free(&s.image);
    }
    ck_assert_uint_eq(least, 2);
    ck_assert_uint_eq(most, 5);
}
END_TEST

START_TEST(object_sizes_keep_to_their_range) {
    static scene s;
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.min_size = 0.2f;
    options.max_size = 0.25f;
    options.clutter = 0.0f;
    options.overlap = 0.0f;
    options.classes = RN_SCENES_MAX_CLASSES;
    for (uint64_t i = 0; i < 20; i++) {
        render(&s, &options, i);
        for (size_t k = 0; k < s.n; k++) {
            const rn_box *b = &s.boxes[k];
            float side = fmaxf(b->x2 - b->x1, b->y2 - b->y1);
            ck_assert_float_le(side, 0.25f * SIDE * 1.05f + 1.0f);
            bool cut = b->x1 <= 0 || b->y1 <= 0 || b->x2 >= SIDE || b->y2 >= SIDE;
            if (!cut) ck_assert_float_ge(side, 0.2f * SIDE * 0.93f - 1.0f);
        }
        rn_image_free(&s.image);
    }
}
END_TEST

static float intersection(const rn_box *a, const rn_box *b) {
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    return w > 0 && h > 0 ? w * h : 0;
}

static float area_of(const rn_box *b) {
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

/* The highest IoU of two boxes over some pictures. */
static float highest_iou(float overlap) {
    static scene s;
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.overlap = overlap;
    options.max_objects = 10;
    float highest = 0.0f;
    for (uint64_t i = 0; i < 25; i++) {
        render(&s, &options, i);
        for (size_t a = 0; a < s.n; a++) {
            for (size_t b = 0; b < a; b++) {
                float common = intersection(&s.boxes[a], &s.boxes[b]);
                float both = area_of(&s.boxes[a]) + area_of(&s.boxes[b]) - common;
                highest = fmaxf(highest, common / both);
            }
        }
        rn_image_free(&s.image);
    }
    return highest;
}

START_TEST(overlap_is_bounded) {
    ck_assert_float_eq(highest_iou(0.0f), 0.0f);
    float some = highest_iou(0.2f);
    ck_assert(some > 0.1f && some <= 0.2f);
    ck_assert_float_gt(highest_iou(0.6f), 0.2f);
}
END_TEST

START_TEST(classes_are_the_first_k) {
    static scene s;
    for (int k = 1; k <= RN_SCENES_MAX_CLASSES; k += 7) {
        rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
        options.classes = k;
        options.min_objects = 4;
        unsigned seen = 0;
        for (uint64_t i = 0; i < 20; i++) {
            render(&s, &options, i);
            for (size_t b = 0; b < s.n; b++) seen |= 1u << s.boxes[b].label;
            rn_image_free(&s.image);
        }
        ck_assert_uint_eq(seen, (1u << k) - 1);
    }
}
END_TEST

/* Mean absolute difference of neighbouring pixels: how busy a picture is. */
static double busyness(const rn_scenes_options *options) {
    static scene s;
    double sum = 0;
    for (uint64_t i = 0; i < 10; i++) {
        render(&s, options, i);
        for (int p = 3; p < SIDE * SIDE * 3; p++) {
            sum += abs(s.image.pixels[p] - s.image.pixels[p - 3]);
        }
        rn_image_free(&s.image);
    }
    return sum / (10.0 * SIDE * SIDE * 3);
}

START_TEST(clutter_and_noise_make_pictures_busier) {
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.clutter = options.noise = 0.0f;
    double plain = busyness(&options);
    options.clutter = 1.0f;
    double cluttered = busyness(&options);
    options.noise = 1.0f;
    double noisy = busyness(&options);
    ck_assert_double_gt(cluttered, 1.3 * plain);
    ck_assert_double_gt(noisy, 1.3 * cluttered);
}
END_TEST

START_TEST(options_out_of_range_are_refused) {
    static scene s;
    const rn_scenes_options ok = RN_SCENES_OPTIONS_DEFAULT;
    rn_scenes_options bad[10];
    const char *words[10] = {"width",   "height",  "objects", "objects", "object size",
                             "classes", "clutter", "noise",   "overlap", "train pictures"};
    for (int i = 0; i < 10; i++) bad[i] = ok;
    bad[0].width = 31;
    bad[1].height = 2049;
    bad[2].min_objects = 7;
    bad[3].max_objects = 65;
    bad[4].min_size = 0.01f;
    bad[5].classes = RN_SCENES_MAX_CLASSES + 1;
    bad[6].clutter = NAN;
    bad[7].noise = 1.5f;
    bad[8].overlap = -0.1f;
    bad[9].train = -1;
    for (int i = 0; i < 10; i++) {
        rn_status status = rn_scenes_render(&s.image, s.boxes, CAP, &s.n, s.mask, &bad[i], 0);
        ck_assert_int_eq(status, RN_EINVAL);
        ck_assert_ptr_nonnull(strstr(rn_error_text(), words[i]));
        ck_assert_ptr_null(s.image.pixels);
    }
    ck_assert_int_eq(rn_scenes_render(&s.image, s.boxes, 5, &s.n, s.mask, &ok, 0), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "scenes: room for boxes (got 5, want 6)");
    ck_assert_int_eq(rn_scenes_write("/nonexistent/set", &bad[5], 1), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "scenes: classes (got 9, want 1 to 8)");
}
END_TEST

/* ---- Files ---- */

static rn_scenes_options small_set(void) {
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    options.train = 5;
    options.val = 2;
    options.width = 96;
    options.height = 80;
    options.min_objects = 1;
    return options;
}

static void write_set(const char *name, const rn_scenes_options *options, int threads) {
    rn_status status = rn_scenes_write(temp_path(name), options, threads);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

/* Whether two folders hold the same files with the same bytes. */
static bool same_files(const char *a, const char *b) {
    char command[600];
    (void)snprintf(command, sizeof command, "diff -rq '%s' '%s' >/dev/null", temp_path(a),
                   temp_path(b));
    return system(command) == 0;
}

START_TEST(files_are_the_same_with_any_number_of_threads) {
    rn_scenes_options options = small_set();
    write_set("one", &options, 1);
    write_set("three", &options, 3);
    ck_assert(same_files("one", "three"));
    options.seed = 2;
    write_set("other", &options, 3);
    ck_assert(!same_files("one", "other"));
}
END_TEST

START_TEST(the_json_tells_what_was_rendered) {
    static scene s;
    rn_dataset truth = {0};
    rn_scenes_options options = small_set();
    write_set("set", &options, 2);
    rn_status status = rn_coco_read(&truth, temp_path("set/val.json"));
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(truth.n_records, 2);
    ck_assert_uint_eq(truth.n_classes, 5);
    ck_assert_str_eq(truth.class_names[2], "leaf");
    ck_assert_int_eq(truth.category_ids[0], 1);
    for (size_t i = 0; i < truth.n_records; i++) {
        const rn_record *record = &truth.records[i];
        render(&s, &options, RN_SCENES_VAL_INDEX + i);
        ck_assert_int_eq(record->width, 96);
        ck_assert_int_eq(record->height, 80);
        ck_assert_uint_eq(record->n_objects, s.n);
        for (size_t k = 0; k < s.n; k++) {
            const rn_object *object = &truth.objects[record->first_object + k];
            rn_box extent;
            ck_assert_double_eq(object->area, (double)mask_extent(&s, (int)k + 1, &extent));
            ck_assert_double_eq(object->x, extent.x1);
            ck_assert_double_eq(object->y + object->h, extent.y2);
            ck_assert_int_eq(object->label, s.boxes[k].label);
        }
        rn_image_free(&s.image);
    }
    rn_dataset_free(&truth);
}
END_TEST

START_TEST(masks_hold_the_object_numbers) {
    static scene s;
    rn_image mask;
    rn_scenes_options options = small_set();
    write_set("set", &options, 1);
    ck_assert_int_eq(rn_image_read(&mask, temp_path("set/masks/train_000004.png"), NULL), RN_OK);
    render(&s, &options, 4);
    for (int p = 0; p < 96 * 80; p++) ck_assert_uint_eq(mask.pixels[3 * p + 1], s.mask[p]);
    rn_image_free(&mask);
    rn_image_free(&s.image);
    options.masks = false;
    write_set("plain", &options, 1);
    ck_assert(rn_path_exists(temp_path("plain/images")));
    ck_assert(!rn_path_exists(temp_path("plain/masks")));
}
END_TEST

START_TEST(a_set_is_not_written_over) {
    rn_scenes_options options = small_set();
    options.train = 0;
    write_set("set", &options, 1);
    ck_assert_int_eq(rn_scenes_write(temp_path("set"), &options, 1), RN_EINVAL);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "val.json: exists"));
    temp_text("file", "mine");
    ck_assert_int_eq(rn_scenes_write(temp_path("file/below"), &options, 1), RN_EIO);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "cannot make the folder"));
    write_set("new/below", &options, 1); /* the folders above are made */
    ck_assert(rn_path_exists(temp_path("new/below/val.json")));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("scenes");
    TCase *render_case = tcase_create("render"), *files = tcase_create("files");
    tcase_set_timeout(render_case, 120);
    tcase_set_timeout(files, 120);
    tcase_add_test(render_case, names_are_in_label_order);
    tcase_add_test(render_case, a_picture_is_a_function_of_seed_and_index);
    tcase_add_test(render_case, boxes_are_the_extents_of_the_masks);
    tcase_add_test(render_case, noise_changes_pixels_and_nothing_else);
    tcase_add_test(render_case, object_counts_keep_to_their_range);
    tcase_add_test(render_case, object_sizes_keep_to_their_range);
    tcase_add_test(render_case, overlap_is_bounded);
    tcase_add_test(render_case, classes_are_the_first_k);
    tcase_add_test(render_case, clutter_and_noise_make_pictures_busier);
    tcase_add_test(render_case, options_out_of_range_are_refused);
    tcase_add_checked_fixture(files, temp_open, temp_close);
    tcase_add_test(files, files_are_the_same_with_any_number_of_threads);
    tcase_add_test(files, the_json_tells_what_was_rendered);
    tcase_add_test(files, masks_hold_the_object_numbers);
    tcase_add_test(files, a_set_is_not_written_over);
    suite_add_tcase(suite, render_case);
    suite_add_tcase(suite, files);
    return suite_run(suite);
}
