/* small_set.h: a set and its detections, box by box, and what rn_evaluate says of them. */
#ifndef RN_TESTS_SMALL_SET_H
#define RN_TESTS_SMALL_SET_H

#include "eval/coco_eval.h"
#include "suite.h"
#include "temp_folder.h"

enum { TEXT = 1 << 16 };

static char objects[TEXT], detections[TEXT];
static int n_objects, n_detections;
static rn_dataset truth;
static rn_results results;
static rn_evaluation e;

static inline void setup(void) {
    temp_open();
    objects[0] = detections[0] = '\0';
    n_objects = n_detections = 0;
}

static inline void release(void) {
    rn_evaluation_free(&e);
    rn_results_free(&results);
    rn_dataset_free(&truth);
}

static inline void teardown(void) {
    release();
    temp_close();
}

typedef struct place {
    double x, y, w, h;
} place;

static inline void append(char *list, const char *text) {
    ck_assert_uint_lt(strlen(list) + strlen(text), TEXT);
    strcat(list, text);
}

/* An object; area 0: w * h. */
static inline void object(int image, int category, place p, double area, bool crowd) {
    char text[256];
    snprintf(
        text, sizeof text,
        "%s{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"bbox\": [%.17g, %.17g, %.17g, "
        "%.17g], \"area\": %.17g, \"iscrowd\": %d}",
        n_objects ? "," : "", n_objects + 1, image, category, p.x, p.y, p.w, p.h,
        area > 0 ? area : p.w * p.h, crowd);
    n_objects++;
    append(objects, text);
}

static inline void detection(int image, int category, place p, double score) {
    char text[256];
    snprintf(text, sizeof text,
             "%s{\"image_id\": %d, \"category_id\": %d, \"bbox\": [%.17g, %.17g, %.17g, %.17g], "
             "\"score\": %.17g}",
             n_detections++ ? "," : "", image, category, p.x, p.y, p.w, p.h, score);
    append(detections, text);
}

/* Images 1, 2, 3 and the categories 3 "cup", 7 "jar", 9 "pot". */
static inline void evaluate_with(rn_threads *threads) {
    static char text[2 * TEXT];
    release();
    snprintf(text, sizeof text,
             "{\"images\": [{\"id\": 2, \"file_name\": \"b\"}, {\"id\": 1, \"file_name\": \"a\"}, "
             "{\"id\": 3, \"file_name\": \"c\"}], \"annotations\": [%s], \"categories\": "
             "[{\"id\": 7, \"name\": \"jar\"}, {\"id\": 3, \"name\": \"cup\"}, "
             "{\"id\": 9, \"name\": \"pot\"}]}",
             objects);
    temp_text("truth.json", text);
    snprintf(text, sizeof text, "[%s]", detections);
    temp_text("results.json", text);
    ck_assert_msg(rn_coco_read(&truth, temp_path("truth.json")) == RN_OK, "%s", rn_error_text());
    ck_assert_msg(rn_results_read(&results, temp_path("results.json"), &truth) == RN_OK, "%s",
                  rn_error_text());
    ck_assert_int_eq(rn_evaluate(&e, &truth, &results, threads), RN_OK);
}

static inline void evaluate(void) {
    evaluate_with(NULL);
}

static const place square = {10, 10, 40, 40}, far_off = {200, 200, 40, 40};

static inline void no_detections(void) {
    detections[0] = '\0';
    n_detections = 0;
}

#endif
