/* tiny_run.h: training runs of a second or less, and whether two of them are one: every tensor of
 * their checkpoints bit for bit, where they stand, and the rows of results.csv. */
#ifndef RN_TESTS_TINY_RUN_H
#define RN_TESTS_TINY_RUN_H

#include "model/safetensors.h"
#include "temp_folder.h"

/* 8 train and 3 val pictures of 64 x 64 in the temporary folder. */
static inline void tiny_set(const char *name, uint64_t seed) {
    rn_scenes_options o = RN_SCENES_OPTIONS_DEFAULT;
    o.seed = seed;
    o.train = 8;
    o.val = 3;
    o.width = o.height = 64;
    o.max_objects = 3;
    o.min_size = 0.3f;
    o.max_size = 0.7f;
    o.classes = 2;
    o.masks = false;
    ck_assert_msg(rn_scenes_write(temp_path(name), &o, 2) == RN_OK, "%s", rn_error_text());
}

/* What makes a run tiny: 4 steps an epoch, augmentation, the average and several workers on. With
 * the prior of 0.2 all candidates count from the first step, and on the pictures that it is trained
 * on AP is above 0 and differs from one validation to the next, however a processor rounds. */
static const char *const tiny_options[][2] = {
    {"preset", "nano"},    {"optimizer", "sgd"},
    {"decay", "1e-4"},     {"size", "64"},
    {"width", "8"},        {"fpn-channels", "16"},
    {"batch", "2"},        {"epochs", "4"},
    {"workers", "3"},      {"anchor-sides", "16,24,32,48,64"},
    {"ema", "0.9"},        {"prior", "0.2"},
    {"vflip", "0.3"},      {"head-depth", "1"},
    {"lr", "0.05"},        {"patience", "99"},
    {"val-split", "train"}};
enum { TINY_OPTIONS = sizeof tiny_options / sizeof *tiny_options, TINY_STEPS = 16 };

static inline rn_tensor_file tiny_open(const char *path) {
    rn_tensor_file file;
    ck_assert_msg(rn_tensor_file_open(&file, path) == RN_OK, "%s", rn_error_text());
    ck_assert(file.verified);
    return file;
}

/* a/name and b/name hold the same tensors. `ema` and `velocity` of a checkpoint are among them. */
static inline void tiny_same_tensors(const char *a, const char *b, const char *name) {
    char paths[2][512];
    snprintf(paths[0], sizeof paths[0], "%s/%s", a, name);
    snprintf(paths[1], sizeof paths[1], "%s/%s", b, name);
    rn_tensor_file x = tiny_open(paths[0]), y = tiny_open(paths[1]);
    ck_assert_uint_gt(x.n_tensors, 0);
    ck_assert_uint_eq(x.n_tensors, y.n_tensors);
    for (size_t i = 0; i < x.n_tensors; i++) {
        const rn_tensor *p = &x.tensors[i], *q = &y.tensors[i];
        ck_assert_str_eq(p->name, q->name);
        ck_assert_int_eq(p->dtype, q->dtype);
        ck_assert_uint_eq(p->count, q->count);
        ck_assert_msg(memcmp(p->data, q->data, p->count * rn_dtype_size(p->dtype)) == 0,
                      "%s of %s and %s differ", p->name, paths[0], paths[1]);
    }
    for (int i = 0; i < 3; i++) { /* where they stand, the sums with every bit; what the model is */
        static const char *const keys[] = {"position", "config", "level_sums"};
        const char *p = rn_tensor_file_metadata(&x, keys[i]);
        const char *q = rn_tensor_file_metadata(&y, keys[i]);
        ck_assert_int_eq(!p, !q);
        if (p) ck_assert_str_eq(p, q);
    }
    rn_tensor_file_close(&x);
    rn_tensor_file_close(&y);
}

/* Steps that run/last.safetensors holds; 0 where there is none. */
static inline unsigned long long tiny_position(const char *run) {
    char name[128];
    struct stat info;
    snprintf(name, sizeof name, "%s/last.safetensors", run);
    if (stat(temp_path(name), &info) != 0) return 0;
    rn_tensor_file file = tiny_open(temp_path(name));
    const char *position = rn_tensor_file_metadata(&file, "position");
    ck_assert_ptr_nonnull(position);
    const unsigned long long steps = strtoull(position, NULL, 10);
    rn_tensor_file_close(&file);
    return steps;
}

/* The rows of run/name that end an epoch; of results.csv without the two columns that hold times.
 */
static inline void tiny_table(char *out, size_t cap, const char *run, const char *name) {
    char line[1024], path[512];
    const bool timed = strcmp(name, "results.csv") == 0;
    size_t used = 0;
    snprintf(path, sizeof path, "%s/%s", run, name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    out[0] = '\0';
    while (fgets(line, sizeof line, file)) {
        if (line[strcspn(line, ".,")] == '.') continue; /* a fraction of an epoch */
        int column = 0;
        for (const char *p = line; *p; p++) {
            if (*p == ',') column++;
            if (!timed || (column != 7 && column != 8)) /* images_per_s, seconds */
                out[used++] = *p;
            ck_assert_uint_lt(used, cap - 1);
        }
    }
    out[used] = '\0';
    fclose(file);
}

static inline void tiny_rows(char out[8192], const char *run) {
    tiny_table(out, 8192, run, "results.csv");
}

/* The two finished runs are one. */
static inline void tiny_same_run(const char *a, const char *b) {
    static char x[1 << 16], y[1 << 16];
    tiny_same_tensors(a, b, "last.safetensors");
    tiny_same_tensors(a, b, "best.safetensors");
    tiny_rows(x, a);
    tiny_rows(y, b);
    ck_assert_str_eq(x, y);
    tiny_table(x, sizeof x, a, "dominance.csv");
    tiny_table(y, sizeof y, b, "dominance.csv");
    ck_assert_str_eq(x, y);
}

#endif
