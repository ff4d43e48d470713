/* bad_environment.h: what the tests of the environment begin with, and look for at the end. */
#ifndef RN_TESTS_BAD_ENVIRONMENT_H
#define RN_TESTS_BAD_ENVIRONMENT_H

#include "model_files.h"
#include "tiny_model.h"

#include <dirent.h>

/* A set, a model that finds nothing with a score of 1, a picture, two files for evaluate. */
static inline void make(void) {
    temp_open();
    tiny_set("set", 5);
    model_make(RN_NORM_GROUP);
    save_model("m.safetensors");
    model_free();
    temp_bmp("a.bmp", 64, 64, 9);
    temp_text("gt.json", "{\"images\": [{\"id\": 3, \"file_name\": \"a.bmp\", \"width\": 64, "
                         "\"height\": 64}], \"annotations\": [{\"id\": 1, \"image_id\": 3, "
                         "\"category_id\": 7, \"bbox\": [8, 8, 33.5, 32], \"area\": 1072, "
                         "\"iscrowd\": 0}], \"categories\": [{\"id\": 7, \"name\": \"cat\"}]}\n");
    temp_text("dt.json", "[{\"image_id\": 3, \"category_id\": 7, \"bbox\": [8.25, 8, 33, 32], "
                         "\"score\": 0.75}]");
}

#define DETECT(...) RUN("detect", "-m", "m.safetensors", "-t", "1", __VA_ARGS__)

static inline bool there(const char *name) {
    struct stat info;
    return stat(temp_path(name), &info) == 0;
}

/* A tiny run of one step of four an epoch. */
static inline void one_step(const char *run) {
    run_args(tiny_args(run, ARGS("-q", "--max-steps", "1")));
    ck_assert_msg(run_code == 0, "%s", run_err);
}

/* Until the file is there. */
static inline void wait_for(const char *name) {
    for (int i = 0; i < 6000 && !there(name); i++) run_sleep(0.01);
    ck_assert(there(name));
}

/* No half-written file in `folder`. */
static inline void no_temporary(const char *folder) {
    struct dirent *entry;
    DIR *dir = opendir(temp_path(folder));
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)))
        ck_assert_msg(!strstr(entry->d_name, ".tmp"), "%s", entry->d_name);
    closedir(dir);
}

#endif
