/* bad_weights.h: the folder that the tests of bad weights and checkpoints begin with, and the ways
 * into the programs. */
#ifndef RN_TESTS_BAD_WEIGHTS_H
#define RN_TESTS_BAD_WEIGHTS_H

#include "model_files.h"
#include "run_program.h"
#include "tiny_run.h"

/* ---- the folder: a set of two classes, a picture, a preset for the model, a run ---- */

#define PRESET                                                                                     \
    "{\"depth\": 10, \"width\": 8, \"fpn_channels\": 16, \"head_depth\": 1, \"head_norm\": "       \
    "\"group\", \"size_longer\": 64}"

static inline void make(void) {
    static const int64_t ids[] = {1, 2};
    char *names[] = {(char *)rn_scenes_class_name(0), (char *)rn_scenes_class_name(1)};
    temp_open();
    tiny_set("set", 5);
    temp_bmp("a.bmp", 48, 64, 9);
    temp_text("p.json", PRESET);
    temp_text("old/.lock", "");
    temp_text("old/log.txt", "");
    ck_assert_int_eq(mkdir(temp_path("old/pictures"), 0777), 0);
    config = tiny_config();
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, 2), RN_OK);
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.01);
}

static inline void clean(void) {
    model_free();
    temp_close();
}

/* ---- the four ways in ---- */

#define DETECT   "detect", "-m", "m.safetensors", "--no-image", "-t", "0", "a.bmp"
#define EVALUATE "evaluate", "set", "-m", "m.safetensors", "--json", "-"
#define OPTIONS  "--preset", "p.json", "--threads", "2"
#define TRAIN    "train", "set", OPTIONS

/* A run of one step in "run". */
static inline void one_step(const char *data) {
    RUN("train", data, OPTIONS, "--max-steps", "1", "-q", "-o", "run");
    ck_assert_msg(run_code == 0, "%s", run_err);
}

static inline void refused_with(const char *program, const char *name, const char *text) {
    char want[2048];
    snprintf(want, sizeof want, "%s: error: %s: %s", program, name, text);
    run_refused(2, want);
}

/* What a dry run says on stderr, without the weights' part. */
static inline const char *dry_run(const char *data) {
    static char text[4096];
    RUN("train", data, OPTIONS, "--dry-run");
    ck_assert_msg(run_code == 0 && strlen(run_err) < sizeof text, "%s", run_err);
    return strcpy(text, run_err);
}

#endif
