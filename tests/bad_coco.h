/* bad_coco.h: a small COCO set in the temporary folder, and what the programs say to it. */
#ifndef RN_TESTS_BAD_COCO_H
#define RN_TESTS_BAD_COCO_H

#include "bad_inputs.h"
#include "marked_text.h"

#define IMAGES      "\"images\":[{\"id\":7,\"file_name\":\"a.bmp\",\"width\":64,\"height\":48}]"
#define CATEGORIES  "\"categories\":[{\"id\":3,\"name\":\"key\"}]"
#define OF          "\"image_id\":7,\"category_id\":3,"
#define BOX         "\"bbox\":[8,9,30,20]"
#define ANNOTATIONS "\"annotations\":[{\"id\":1," OF BOX "}]"
#define TRUTH       "{" IMAGES "," ANNOTATIONS "," CATEGORIES "}"
#define HIT         "[{" OF BOX ",\"score\":0.5}]"

/* With the images, the annotations, the categories given instead. */
#define IMAGE(fields)    "{\"images\":[" fields "],\"annotations\":[]," CATEGORIES "}"
#define NOTES(fields)    "{" IMAGES "," CATEGORIES ",\"annotations\":[" fields "]}"
#define CATEGORY(fields) "{" IMAGES ",\"annotations\":[],\"categories\":[" fields "]}"

/* The picture of TRUTH. */
static inline void write_picture(void) {
    temp_bmp("set/a.bmp", 64, 48, 7);
}

static inline void evaluate_files(void) {
    RUN("evaluate", "gt.json", "dt.json", "--json", "o.json");
}

static inline void evaluate_set(void) {
    RUN("evaluate", "set", "-m", "model.safetensors", "--json", "o.json");
}

static inline void train_dry(void) {
    RUN("train", "set", "--preset", "nano", "--size", "64", "--dry-run", "--threads", "1",
        "--batch", "1");
}

/* The program refused `file` at the mark, and what was there is as it was. */
static inline void is_refused(const char *program, const char *file, const char *what) {
    char line[1200];
    snprintf(line, sizeof line, "%s: error: %s\n", program, marked_message(file, what));
    run_gave(2, "", line);
    ck_assert_str_eq(text_of("o.json"), "of before");
    ck_assert(!there("runs"));
}

/* Ground truth that all refuse. */
static inline void truth_is_refused(const char *text, const char *what) {
    temp_text("o.json", "of before");
    temp_text("dt.json", HIT);
    write_picture();
    marked_write("gt.json", text);
    marked_write("set/train.json", text);
    marked_write("set/val.json", text);
    evaluate_files();
    is_refused("evaluate", "gt.json", what);
    evaluate_set();
    is_refused("evaluate", "set/val.json", what);
    train_dry();
    is_refused("train", "set/train.json", what);
}

/* Detections that evaluate refuses. */
static inline void results_are_refused(const char *text, const char *what) {
    temp_text("o.json", "of before");
    temp_text("gt.json", TRUTH);
    marked_write("dt.json", text);
    evaluate_files();
    is_refused("evaluate", "dt.json", what);
}

/* The metric's number, its text as evaluate writes it: "AP" is stats[0]. */
static inline double stat_of(int index) {
    static const char head[] = "{\"stats\": [";
    const char *at = text_of("o.json") + strlen(head);
    ck_assert_int_eq(strncmp(text_of("o.json"), head, strlen(head)), 0);
    while (index-- > 0) at = strchr(at, ',') + 1;
    return strtod(at, NULL);
}

#endif
