/* A generated set as files: COCO json, pictures and masks. */
#include "data/scenes.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A picture once rendered: what the json says of it, or why it failed. */
typedef struct picture {
    rn_box *boxes; /* [n] */
    size_t *areas; /* [n] visible pixels */
    size_t n;
    rn_status status;
    char *error; /* the text of the thread that failed; NULL if there was no memory for it */
} picture;

typedef struct split {
    const char *name;
    const char *folder;
    const rn_scenes_options *options;
    uint64_t first; /* index of the split's first picture */
    size_t count;
    picture *pictures;  /* [count] */
    atomic_bool failed; /* the pictures not begun are left out */
} split;

/* Grey values as RGB, which is what rn_image_write takes. */
static rn_status write_mask(const char *path, const uint8_t *mask, int width, int height) {
    size_t pixels = (size_t)width * (size_t)height;
    rn_image image = {.width = width, .height = height};
    RN_TRY(rn_alloc(&image.pixels, pixels, 3));
    for (size_t i = 0; i < pixels; i++) memset(image.pixels + 3 * i, mask[i], 3);
    rn_status status = rn_image_write(&image, path);
    rn_image_free(&image);
    return status;
}

static rn_status count_areas(picture *p, const uint8_t *mask, size_t pixels) {
    RN_TRY(rn_alloc(&p->areas, p->n, sizeof *p->areas));
    for (size_t i = 0; i < pixels; i++) {
        if (mask[i] != 0) p->areas[mask[i] - 1]++;
    }
    return RN_OK;
}

static rn_status make_picture(const split *s, size_t index) {
    const rn_scenes_options *o = s->options;
    picture *p = &s->pictures[index];
    size_t pixels = (size_t)o->width * (size_t)o->height, cap = (size_t)o->max_objects;
    rn_status status;
    rn_image image = {0};
    uint8_t *mask = NULL;
    char *path = NULL, *mask_path = NULL;
    if ((status = rn_alloc(&p->boxes, cap, sizeof *p->boxes)) != RN_OK) goto done;
    if ((status = rn_alloc(&mask, pixels, 1)) != RN_OK) goto done;
    status = rn_scenes_render(&image, p->boxes, cap, &p->n, mask, o, s->first + index);
    if (status != RN_OK) goto done;
    if ((status = count_areas(p, mask, pixels)) != RN_OK) goto done;
    status = rn_asprintf(&path, "%s/images/%s_%06zu.jpg", s->folder, s->name, index);
    if (status != RN_OK) goto done;
    if ((status = rn_image_write(&image, path)) != RN_OK || !o->masks) goto done;
    status = rn_asprintf(&mask_path, "%s/masks/%s_%06zu.png", s->folder, s->name, index);
    if (status != RN_OK) goto done;
    status = write_mask(mask_path, mask, o->width, o->height);
done:
    free(mask_path);
    free(path);
    free(mask);
    rn_image_free(&image);
    return status;
}

static void picture_task(void *context, size_t task, int worker) {
    (void)worker;
    split *s = context;
    if (atomic_load(&s->failed)) return;
    picture *p = &s->pictures[task];
    p->status = make_picture(s, task);
    if (p->status == RN_OK) return;
    p->error = strdup(rn_error_text());
    atomic_store(&s->failed, true);
}

/* ---- The json ---- */

static rn_status emit(rn_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static rn_status emit(rn_writer *writer, const char *format, ...) {
    char line[512]; /* longer than any line below */
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    return rn_writer_write(writer, line, (size_t)length);
}

static rn_status emit_images(rn_writer *writer, const split *s) {
    RN_TRY(emit(writer, "{\"info\": {\"description\": \"generated scenes\", \"seed\": %llu},\n",
                (unsigned long long)s->options->seed));
    RN_TRY(emit(writer, "\"images\": ["));
    for (size_t i = 0; i < s->count; i++) {
        RN_TRY(emit(writer,
                    "%s\n{\"id\": %zu, \"file_name\": \"%s_%06zu.jpg\", \"width\": %d, "
                    "\"height\": %d}",
                    i > 0 ? "," : "", i + 1, s->name, i, s->options->width, s->options->height));
    }
    return emit(writer, "],\n");
}

static rn_status emit_annotations(rn_writer *writer, const split *s) {
    size_t id = 0; /* from 1: the reference evaluation takes 0 for "no match" */
    RN_TRY(emit(writer, "\"annotations\": ["));
    for (size_t i = 0; i < s->count; i++) {
        const picture *p = &s->pictures[i];
        for (size_t k = 0; k < p->n; k++) {
            const rn_box *b = &p->boxes[k];
            RN_TRY(emit(writer,
                        "%s\n{\"id\": %zu, \"image_id\": %zu, \"category_id\": %d, "
                        "\"bbox\": [%d, %d, %d, %d], \"area\": %zu, \"iscrowd\": 0}",
                        id > 0 ? "," : "", id + 1, i + 1, b->label + 1, (int)b->x1, (int)b->y1,
                        (int)(b->x2 - b->x1), (int)(b->y2 - b->y1), p->areas[k]));
            id++;
        }
    }
    return emit(writer, "],\n");
}

static rn_status emit_categories(rn_writer *writer, const split *s) {
    RN_TRY(emit(writer, "\"categories\": ["));
    for (int k = 0; k < s->options->classes; k++) {
        RN_TRY(emit(writer, "%s\n{\"id\": %d, \"name\": \"%s\"}", k > 0 ? "," : "", k + 1,
                    rn_scenes_class_name(k)));
    }
    return emit(writer, "]}\n");
}

static rn_status write_json(const split *s) {
    char *path = NULL;
    rn_writer *writer = NULL;
    RN_TRY(rn_asprintf(&path, "%s/%s.json", s->folder, s->name));
    rn_status status = rn_writer_open(&writer, path);
    free(path);
    if (status != RN_OK) return status;
    if ((status = emit_images(writer, s)) == RN_OK &&
        (status = emit_annotations(writer, s)) == RN_OK &&
        (status = emit_categories(writer, s)) == RN_OK) {
        return rn_writer_commit(writer);
    }
    rn_writer_abort(writer);
    return status;
}

/* ---- The set ---- */

static rn_status write_split(split *s, rn_threads *threads) {
    if (s->count == 0) return RN_OK;
    RN_TRY(rn_alloc(&s->pictures, s->count, sizeof *s->pictures));
    rn_threads_run(threads, s->count, picture_task, s);
    rn_status status = RN_OK;
    for (size_t i = 0; i < s->count && status == RN_OK; i++) {
        if (s->pictures[i].status == RN_OK) continue;
        const char *error = s->pictures[i].error;
        status = rn_fail(s->pictures[i].status, "%s", error != NULL ? error : "not enough memory");
    }
    if (status == RN_OK) status = write_json(s);
    for (size_t i = 0; i < s->count; i++) {
        free(s->pictures[i].boxes);
        free(s->pictures[i].areas);
        free(s->pictures[i].error);
    }
    free(s->pictures);
    return status;
}

static rn_status make_subfolder(const char *folder, const char *name) {
    char *path = NULL;
    RN_TRY(rn_path_join(&path, folder, name));
    rn_status status = rn_folder_make(path);
    free(path);
    return status;
}

/* A set is there once its json is: what an interrupted run left may be written over. */
static rn_status check_free(const char *folder, const char *name) {
    char *path = NULL;
    RN_TRY(rn_path_join(&path, folder, name));
    rn_status status = RN_OK;
    if (rn_path_exists(path)) {
        status = rn_fail(RN_EINVAL, "%s: exists; the folder holds a set already", path);
    }
    free(path);
    return status;
}

rn_status rn_scenes_write(const char *folder, const rn_scenes_options *options, int n_threads) {
    RN_TRY(rn_scenes_check(options));
    RN_TRY(check_free(folder, "train.json"));
    RN_TRY(check_free(folder, "val.json"));
    RN_TRY(make_subfolder(folder, "images"));
    if (options->masks) RN_TRY(make_subfolder(folder, "masks"));
    rn_threads *threads = NULL;
    RN_TRY(rn_threads_create(&threads, n_threads > 0 ? n_threads : rn_threads_default()));
    split train = {.name = "train",
                   .folder = folder,
                   .options = options,
                   .first = 0,
                   .count = (size_t)options->train};
    split val = {.name = "val",
                 .folder = folder,
                 .options = options,
                 .first = RN_SCENES_VAL_INDEX,
                 .count = (size_t)options->val};
    rn_status status = write_split(&train, threads);
    if (status == RN_OK) status = write_split(&val, threads);
    rn_threads_free(threads);
    return status;
}
