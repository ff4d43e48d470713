/* convert_set.h: sets of the temporary folder from one format into another, and what must be the
 * same in both. */
#ifndef RN_TESTS_CONVERT_SET_H
#define RN_TESTS_CONVERT_SET_H

#include "data/layout.h"
#include "open_set.h"

#include <math.h>
#include <retinanet.h>

/* Text behind text in `out`. */
#define ADD(out, ...) snprintf((out) + strlen(out), sizeof(out) - strlen(out), __VA_ARGS__)

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- converting ---- */

static char told[8192]; /* the messages, a line each */

static inline void tell(void *context, const char *line) {
    (void)context;
    ck_assert_ptr_null(strchr(line, '\n'));
    ADD(told, "%s\n", line);
}

static inline rn_status try_convert(const char *from, const char *folder, rn_data_format to,
                                    bool with_pictures) {
    const rn_hooks hooks = {.message = tell};
    told[0] = '\0';
    return rn_data_convert(from[0] == '/' ? from : temp_path(from), temp_path(folder), to,
                           with_pictures, &hooks);
}

static inline void convert(const char *from, const char *folder, rn_data_format to) {
    ck_assert_msg(try_convert(from, folder, to, true) == RN_OK, "%s", rn_error_text());
}

/* `text` with '@' for the temporary folder. */
static inline void said(const char *got, const char *text) {
    char want[8192];
    size_t n = 0;
    want[0] = '\0';
    for (; *text; text++)
        n += (size_t)snprintf(want + n, sizeof want - n, *text == '@' ? "%s" : "%.1s",
                              *text == '@' ? temp_root : text);
    ck_assert_str_eq(got, want);
}

static inline void not_converted(const char *from, const char *folder, rn_data_format to,
                                 rn_status status, const char *text) {
    ck_assert_int_eq(try_convert(from, folder, to, true), status);
    said(rn_error_text(), text);
}

static inline rn_dataset whole(const char *folder, const char *split) {
    rn_dataset got;
    const rn_status status =
        rn_dataset_open(&got, folder[0] == '/' ? folder : temp_path(folder), split, RN_SPLIT_WHOLE);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
    return got;
}

/* ---- what a format keeps ---- */

static inline void become(rn_dataset *s, rn_data_format to) {
    bool *keep = calloc(s->n_objects + 1, sizeof *keep);
    for (size_t i = 0; i < s->n_objects; i++) {
        rn_object *o = &s->objects[i];
        keep[i] = to != RN_DATA_YOLO || !o->crowd;
        if (to == RN_DATA_VOC) o->difficult = o->difficult || o->crowd;
        if (to != RN_DATA_VOC) o->difficult = false;
        if (to != RN_DATA_COCO) o->crowd = false;
        if (to != RN_DATA_COCO) o->area = o->w * o->h;
    }
    rn_dataset_keep(s, NULL, keep);
    free(keep);
}

static inline int compare_files(const void *a, const void *b) {
    return strcmp(((const rn_record *)a)->file, ((const rn_record *)b)->file);
}

static inline void same_bytes(const char *a, const char *b) {
    uint8_t *x, *y;
    size_t n, m;
    ck_assert_int_eq(rn_file_read(&x, &n, a, 1 << 28), RN_OK);
    ck_assert_int_eq(rn_file_read(&y, &m, b, 1 << 28), RN_OK);
    ck_assert_uint_eq(n, m);
    ck_assert_int_eq(memcmp(x, y, n), 0);
    free(x);
    free(y);
}

static inline bool is_whole(const rn_object *o) {
    return o->x == floor(o->x) && o->y == floor(o->y) && o->w == floor(o->w) && o->h == floor(o->h);
}

/* Whole pixels are to be exact where no shares come between. */
static inline void same_object(const rn_object *o, const rn_object *p, bool shares,
                               const char *file) {
    const double tolerance = is_whole(o) && !shares ? 0 : 1e-9;
    ck_assert_msg(fabs(o->x - p->x) <= tolerance && fabs(o->y - p->y) <= tolerance &&
                      fabs(o->w - p->w) <= tolerance && fabs(o->h - p->h) <= tolerance,
                  "%s: (%.17g, %.17g, %.17g x %.17g), want (%.17g, %.17g, %.17g x %.17g)", file,
                  p->x, p->y, p->w, p->h, o->x, o->y, o->w, o->h);
    ck_assert_int_eq(o->crowd, p->crowd);
    ck_assert_int_eq(o->difficult, p->difficult);
    ck_assert_double_eq_tol(o->area, p->area, 1e-9 * (1 + o->area));
}

static inline void same_set(rn_dataset *a, rn_dataset *b, bool shares) {
    ck_assert_uint_gt(a->n_records, 0);
    ck_assert_uint_eq(a->n_records, b->n_records);
    ck_assert_uint_eq(a->n_objects, b->n_objects);
    ck_assert_uint_eq(a->n_classes, b->n_classes);
    qsort(a->records, a->n_records, sizeof *a->records, compare_files);
    qsort(b->records, b->n_records, sizeof *b->records, compare_files);
    for (size_t i = 0; i < a->n_records; i++) {
        const rn_record *r = &a->records[i], *q = &b->records[i];
        ck_assert_str_eq(r->file, q->file);
        ck_assert_int_eq(r->width, q->width);
        ck_assert_int_eq(r->height, q->height);
        ck_assert_uint_eq(r->n_objects, q->n_objects);
        same_bytes(r->path, q->path);
        for (size_t k = 0; k < r->n_objects; k++) {
            const rn_object *o = &a->objects[r->first_object + k];
            const rn_object *p = &b->objects[q->first_object + k];
            ck_assert_str_eq(a->class_names[o->label], b->class_names[p->label]);
            same_object(o, p, shares, r->file);
        }
    }
}

/* The split of the folders a and b, the second made of the first by way of the formats. */
static inline void same_split(const char *a, const char *b, const char *split,
                              const rn_data_format *way, int n) {
    rn_dataset x = whole(a, split), y = whole(b, split);
    bool shares = false;
    for (int i = 0; i < n; i++) {
        if (i > 0) become(&x, way[i]);
        shares = shares || way[i] == RN_DATA_YOLO;
    }
    same_set(&x, &y, shares);
    rn_dataset_free(&x);
    rn_dataset_free(&y);
}

#endif
