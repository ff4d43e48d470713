/* torchvision_files.h: the models and pictures of golden/torchvision_make.py, made here by the same
 * formulas (its head comment has them), and its golden numbers held against what ours give. */
#ifndef RN_TESTS_TORCHVISION_FILES_H
#define RN_TESTS_TORCHVISION_FILES_H

#include "base/memory.h"
#include "model/detector.h"
#include "model/network.h"
#include "temp_folder.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>

/* A model of torchvision_make.py's table. */
typedef struct tv_model {
    const char *name;
    int depth, norm, head_norm, p6_from;
    bool older; /* has torchvision's names up to 0.12 */
    int classes;
} tv_model;

/* Those that have golden numbers stand first. */
static const tv_model tv_models[] = {
    {"v1", 50, RN_NORM_BATCH, RN_BRANCH_NORM_NONE, RN_P6_FROM_P5, false, 91},
    {"v1_older", 50, RN_NORM_FROZEN, RN_BRANCH_NORM_NONE, RN_P6_FROM_P5, true, 91},
    {"v2", 50, RN_NORM_BATCH, RN_BRANCH_NORM_GROUP, RN_P6_FROM_C5, false, 91},
    {"r18_group", 18, RN_NORM_GROUP, RN_BRANCH_NORM_NONE, RN_P6_FROM_C5, false, 5},
    {"r18_batch", 18, RN_NORM_BATCH, RN_BRANCH_NORM_NONE, RN_P6_FROM_P5, false, 91},
    {"r34_frozen", 34, RN_NORM_FROZEN, RN_BRANCH_NORM_NONE, RN_P6_FROM_C5, false, 3},
    {"r101_batch", 101, RN_NORM_BATCH, RN_BRANCH_NORM_NONE, RN_P6_FROM_C5, false, 91}};
enum { TV_MODELS = sizeof tv_models / sizeof *tv_models, TV_GOLDEN = 4, TV_PICTURES = 5 };

/* ---- weights ---- */

typedef struct tv_tensor {
    char name[RN_PARAM_NAME];
    bool counter; /* num_batches_tracked: one 64-bit integer */
    int n_dims;
    size_t dims[4], count;
} tv_tensor;

typedef struct tv_state {
    tv_tensor *tensors; /* [n] in the order of their lines "NAME D0 D1 ..." */
    size_t n;
    double gain, bias, delta_gain; /* of the last layers */
} tv_state;

static inline uint64_t tv_fnv1a(uint64_t hash, const char *text) {
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash;
}
#define TV_FNV UINT64_C(0xcbf29ce484222325)

/* -1 <= u < 1 of number i. */
static inline double tv_uniform(uint64_t hash, uint64_t i) {
    uint64_t z = hash + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 40) * 0x1p-23 - 1;
}

static inline bool tv_ends(const char *name, const char *end) {
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The numbers of a tensor are a + b u. */
static inline void tv_spread(double *a, double *b, const tv_tensor *t, const tv_state *state) {
    const double fan_in = t->n_dims == 4 ? (double)(t->dims[1] * t->dims[2] * t->dims[3]) : 1;
    *a = 0;
    if (t->n_dims == 4) {
        *b = sqrt(6.0 / fan_in);
        if (strncmp(t->name, "backbone.body.", 14) == 0) *b /= 32;
        if (strncmp(t->name, "backbone.fpn.", 13) == 0) *b = sqrt(3.0 / fan_in);
        if (tv_ends(t->name, "cls_logits.weight")) *b = sqrt(3.0 / fan_in) * state->gain;
        if (tv_ends(t->name, "bbox_reg.weight")) *b = sqrt(3.0 / fan_in) * state->delta_gain;
    } else if (tv_ends(t->name, ".running_var")) {
        *a = 0x1p-10;
        *b = 0x1p-11;
    } else if (tv_ends(t->name, ".running_mean")) {
        *b = 0x1p-8;
    } else if (tv_ends(t->name, "cls_logits.bias")) {
        *a = state->bias;
        *b = 1;
    } else if (tv_ends(t->name, ".bias")) {
        *b = 0.125;
    } else if (tv_ends(t->name, ".bn2.weight") || tv_ends(t->name, ".bn3.weight")) {
        *a = 0.5;
        *b = 0.125;
    } else {
        *a = 1;
        *b = 0.25;
    }
}

/* "inner_blocks.0.0.weight" to "inner_blocks.0.weight", "conv.3.0.bias" to "conv.6.bias". */
static inline void tv_older_name(char *name) {
    static const char *const lists[] = {".inner_blocks.", ".layer_blocks.", "_head.conv."};
    for (int i = 0; i < 3; i++) {
        char *at = strstr(name, lists[i]);
        if (!at) continue;
        at += strlen(lists[i]); /* a digit, ".0", the rest */
        if (i == 2) *at = (char)('0' + 2 * (*at - '0'));
        memmove(at + 1, at + 3, strlen(at + 3) + 1);
    }
}

static inline void tv_line(char line[256], const tv_tensor *t) {
    int n = snprintf(line, 256, "%s", t->name);
    for (int i = 0; i < t->n_dims; i++)
        n += snprintf(line + n, 256 - (size_t)n, " %zu", t->dims[i]);
    snprintf(line + n, 256 - (size_t)n, "\n");
}

static inline int tv_by_line(const void *a, const void *b) {
    char x[256], y[256];
    tv_line(x, a);
    tv_line(y, b);
    return strcmp(x, y);
}

/* The state dict that torchvision would give the model, if our names and shapes are its. */
static inline tv_state tv_list(const tv_model *model) {
    rn_model_config config = rn_model_config_default();
    rn_network network;
    tv_state state = {0};
    static char name[] = "x";
    char *names[91];
    int64_t ids[91] = {0};
    for (int i = 0; i < 91; i++) names[i] = name;
    config.depth = model->depth;
    config.norm = model->norm;
    config.head_norm = model->head_norm;
    config.p6_from = model->p6_from;
    config.groups = 32;
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, (size_t)model->classes),
                     RN_OK);
    ck_assert_msg(rn_network_build(&network, &config) == RN_OK, "%s", rn_error_text());
    state.tensors = calloc(2 * network.graph.n_params, sizeof *state.tensors);
    ck_assert_ptr_nonnull(state.tensors);
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        tv_tensor *t = &state.tensors[state.n++];
        const size_t kernel = (size_t)p->kernel;
        *t = (tv_tensor){.n_dims = p->kind == RN_PARAM_CONV_WEIGHT ? 4 : 1,
                         .dims = {(size_t)p->out, (size_t)p->in, kernel, kernel},
                         .count = p->count};
        strcpy(t->name, p->name);
        if (p->kind != RN_PARAM_NORM_VAR || model->norm != RN_NORM_BATCH) continue;
        t = &state.tensors[state.n++];
        *t = (tv_tensor){.counter = true, .count = 1};
        strcpy(t->name, p->name);
        strcpy(strrchr(t->name, '.'), ".num_batches_tracked");
    }
    rn_network_free(&network);
    rn_model_config_free(&config);
    qsort(state.tensors, state.n, sizeof *state.tensors, tv_by_line);
    return state;
}

static inline size_t tv_bytes(const tv_tensor *t) {
    return t->count * (t->counter ? 8 : 4);
}

static inline void tv_write_header(FILE *file, const tv_state *state, bool older) {
    char *text = NULL;
    size_t size = 0, at = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < state->n; i++) {
        const tv_tensor *t = &state->tensors[i];
        char name[RN_PARAM_NAME];
        strcpy(name, t->name);
        if (older) tv_older_name(name);
        fprintf(out, "%c\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? ',' : '{', name,
                t->counter ? "I64" : "F32");
        for (int k = 0; k < t->n_dims; k++) fprintf(out, "%s%zu", k ? "," : "", t->dims[k]);
        fprintf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + tv_bytes(t));
        at += tv_bytes(t);
    }
    fprintf(out, "}");
    ck_assert_int_eq(fclose(out), 0);
    const uint64_t length = size; /* the machines that the tests run on are little endian */
    ck_assert_uint_eq(fwrite(&length, 8, 1, file), 1);
    ck_assert_uint_eq(fwrite(text, size, 1, file), 1);
    free(text);
}

/* The state dict as a safetensors file in the temporary folder. */
static inline void tv_save(const char *name, const tv_state *state, bool older) {
    FILE *file = fopen(temp_path(name), "wb");
    ck_assert_ptr_nonnull(file);
    tv_write_header(file, state, older);
    for (size_t i = 0; i < state->n; i++) {
        const tv_tensor *t = &state->tensors[i];
        const uint64_t hash = tv_fnv1a(TV_FNV, t->name);
        double a, b;
        float *values = calloc(t->count, 8); /* a counter is zero */
        ck_assert_ptr_nonnull(values);
        tv_spread(&a, &b, t, state);
        for (size_t k = 0; k < t->count && !t->counter; k++)
            values[k] = (float)(a + b * tv_uniform(hash, k));
        ck_assert_uint_eq(fwrite(values, tv_bytes(t), 1, file), 1);
        free(values);
    }
    ck_assert_int_eq(fclose(file), 0);
}

/* ---- pictures ---- */

static inline int64_t tv_triangle(int64_t v, int64_t period) {
    return 255 * llabs(v % (2 * period) - period) / period;
}

static inline rn_image tv_picture(int width, int height) {
    rn_image image = {.width = width, .height = height};
    uint8_t *p = malloc((size_t)width * (size_t)height * 3);
    ck_assert_ptr_nonnull(p);
    image.pixels = p;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int64_t c = 0; c < 3; c++) {
                const int64_t mixed = (x * 73856093) ^ (y * 19349663) ^ ((c + 1) * 83492791);
                const int64_t noise = (uint32_t)mixed * UINT32_C(2654435761) >> 26;
                const int64_t squares = 64 * ((x / 40 ^ y / 28) & 1);
                const int64_t waves =
                    tv_triangle(x * (c + 1) + 3 * y, 97) + tv_triangle(5 * x + (4 - c) * y, 61);
                *p++ = (uint8_t)((waves + squares + noise) * 2 / 5);
            }
    return image;
}

/* ---- comparison ---- */

enum { TV_MOST = 300 }; /* boxes a picture */

/* The largest differences of a picture: of outputs over the level's largest, of scores, of corners
 * in pixels. */
typedef struct tv_worst {
    double heads, score, corner;
} tv_worst;

static inline double tv_max(double a, double b) {
    return a > b ? a : b;
}

static inline void tv_open(rn_detector **det, const char *path, int shorter, int longer) {
    char texts[2][32];
    const char *set[] = {texts[0], texts[1], NULL};
    snprintf(texts[0], sizeof texts[0], "size_shorter=%d", shorter);
    snprintf(texts[1], sizeof texts[1], "size_longer=%d", longer);
    const rn_detector_options options = {.threads = 2, .score_threshold = -1, .set = set};
    ck_assert_msg(rn_detector_open(det, path, &options) == RN_OK, "%s", rn_error_text());
}

/* The same boxes in any order: each of torchvision's has one of ours, of its class, with its score
 * within 1e-4 and its corners within 0.1 pixels. */
static inline void tv_same_boxes(tv_worst *worst, const rn_box *want, size_t n_want,
                                 const rn_box *got, size_t n_got) {
    bool taken[TV_MOST] = {false};
    ck_assert_uint_eq(n_got, n_want);
    for (size_t i = 0; i < n_want; i++) {
        const rn_box *w = &want[i];
        bool found = false;
        for (size_t k = 0; k < n_got && !found; k++) {
            const rn_box *g = &got[k];
            const double score = fabs((double)g->score - (double)w->score);
            double corner = fabs((double)g->x1 - (double)w->x1);
            corner = tv_max(corner, fabs((double)g->y1 - (double)w->y1));
            corner = tv_max(corner, fabs((double)g->x2 - (double)w->x2));
            corner = tv_max(corner, fabs((double)g->y2 - (double)w->y2));
            found = !taken[k] && g->label == w->label && score <= 1e-4 && corner <= 0.1;
            if (!found) continue;
            taken[k] = true;
            worst->score = tv_max(worst->score, score);
            worst->corner = tv_max(worst->corner, corner);
        }
        ck_assert_msg(found, "box %zu of %zu: class %d, score %g, %g %g %g %g is not ours", i,
                      n_want, w->label, (double)w->score, (double)w->x1, (double)w->y1,
                      (double)w->x2, (double)w->y2);
    }
}

/* Read "logit I V" and "delta I V" of every level up to "kept N". */
static inline size_t tv_same_samples(tv_worst *worst, FILE *golden, const rn_detector *det) {
    rn_level_output levels[RN_LEVELS];
    double most[2] = {1, 1};
    char word[16];
    int level = 0, samples = 0;
    size_t index;
    rn_detector_outputs(det, levels);
    while (fscanf(golden, "%15s", word) == 1 && strcmp(word, "kept") != 0) {
        const bool delta = strcmp(word, "delta") == 0;
        double value;
        if (strcmp(word, "level") == 0) {
            ck_assert_int_eq(fscanf(golden, "%d %lf %lf", &level, &most[0], &most[1]), 3);
            ck_assert(level >= 0 && level < RN_LEVELS && most[0] > 0 && most[1] > 0);
            continue;
        }
        ck_assert_int_eq(fscanf(golden, "%zu %lf", &index, &value), 2);
        const size_t per_anchor = delta ? 4 : rn_detector_classes(det);
        ck_assert_uint_lt(index, levels[level].n_anchors * per_anchor);
        const double got = (double)(delta ? levels[level].deltas : levels[level].logits)[index];
        const double off = fabs(got - value) / most[delta];
        ck_assert_msg(off <= 1e-4, "level %d, %s %zu: got %.8g, want %.8g, of at most %g", level,
                      word, index, got, value, most[delta]);
        worst->heads = tv_max(worst->heads, off);
        samples++;
    }
    ck_assert_int_gt(samples, 200);
    ck_assert_int_eq(fscanf(golden, "%zu", &index), 1);
    return index;
}

static inline void tv_print(const tv_model *model, const rn_image *image, size_t boxes,
                            const tv_worst *worst) {
    printf("%s, %dx%d: outputs within %.1e, %zu boxes within %.1e and %.4f px\n", model->name,
           image->width, image->height, worst->heads, boxes, worst->score, worst->corner);
}

/* The next picture of a golden file: as torchvision, from the outputs to the boxes. False at the
 * file's end. */
static inline bool tv_same_picture(FILE *golden, const tv_model *model, rn_detector *det) {
    static rn_box want[TV_MOST], got[TV_MOST];
    tv_worst worst = {0};
    int width, height;
    size_t n = 0;
    if (fscanf(golden, " picture %d %d", &width, &height) != 2) return false;
    rn_image image = tv_picture(width, height);
    ck_assert_msg(rn_detector_run(det, &image, got, TV_MOST, &n) == RN_OK, "%s", rn_error_text());
    const size_t n_want = tv_same_samples(&worst, golden, det);
    ck_assert_uint_ge(n_want, 20); /* an empty list would agree with any */
    ck_assert_uint_le(n_want, TV_MOST);
    for (size_t i = 0; i < n_want; i++) {
        rn_box *b = &want[i];
        const int fields = fscanf(golden, "%d %f %f %f %f %f", &b->label, &b->score, &b->x1, &b->y1,
                                  &b->x2, &b->y2);
        ck_assert_int_eq(fields, 6);
    }
    tv_same_boxes(&worst, want, n_want, got, n);
    tv_print(model, &image, n_want, &worst);
    rn_image_free(&image);
    return true;
}

/* The first lines of a golden file: the state dict is as torchvision's. */
static inline void tv_same_names(FILE *golden, const tv_state *state, bool older) {
    char line[256];
    size_t n;
    uint64_t want, hash = TV_FNV;
    tv_tensor *named = calloc(state->n, sizeof *named);
    ck_assert_ptr_nonnull(named);
    ck_assert_int_eq(fscanf(golden, " tensors %zu %" SCNx64, &n, &want), 2);
    ck_assert_uint_eq(state->n, n);
    memcpy(named, state->tensors, n * sizeof *named);
    for (size_t i = 0; i < n && older; i++) tv_older_name(named[i].name);
    qsort(named, n, sizeof *named, tv_by_line);
    for (size_t i = 0; i < n; i++) {
        tv_line(line, &named[i]);
        hash = tv_fnv1a(hash, line);
    }
    ck_assert_uint_eq(hash, want);
    free(named);
}

/* Every picture of the golden file torchvision_MODEL + ending, by a detector that opens the model's
 * file. Returns how many. */
static inline int tv_same(const tv_model *model, const char *ending) {
    char path[512];
    int shorter, longer, n = 0;
    rn_detector *det = NULL;
    tv_state state = tv_list(model);
    snprintf(path, sizeof path, "%s/golden/torchvision_%s%s.txt", RN_TESTS, model->name, ending);
    FILE *golden = fopen(path, "r");
    ck_assert_msg(golden != NULL, "%s", path);
    ck_assert_int_eq(
        fscanf(golden, "last %lf %lf %lf", &state.gain, &state.bias, &state.delta_gain), 3);
    tv_same_names(golden, &state, model->older);
    ck_assert_int_eq(fscanf(golden, " size %d %d", &shorter, &longer), 2);
    tv_save("m.safetensors", &state, model->older);
    tv_open(&det, temp_path("m.safetensors"), shorter, longer);
    while (tv_same_picture(golden, model, det)) n++;
    ck_assert(feof(golden));
    fclose(golden);
    rn_detector_close(det);
    free(state.tensors);
    return n;
}

#endif
