/* open_set.h: a data set of the temporary folder, opened, and what it must hold. */
#ifndef RN_TESTS_OPEN_SET_H
#define RN_TESTS_OPEN_SET_H

#include "base/file.h"
#include "data/dataset.h"
#include "temp_folder.h"

static rn_dataset set;

static inline rn_status open_set(const char *data, const char *split, rn_split_use use) {
    rn_dataset_free(&set);
    return rn_dataset_open(&set, data, split, use);
}

static inline void opens(const char *split, rn_split_use use) {
    const rn_status status = open_set(temp_root, split, use);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

/* Refused with a message that holds `text`. */
static inline void refused(const char *data, const char *split, rn_split_use use,
                           const char *text) {
    ck_assert_int_eq(open_set(data, split, use), RN_EINPUT);
    ck_assert_msg(strstr(rn_error_text(), text) != NULL, "got \"%s\", want \"%s\"", rn_error_text(),
                  text);
    ck_assert_ptr_null(set.records);
}

static inline void close_all(void) {
    rn_dataset_free(&set);
    temp_close();
}

static inline void holds(const char *notes) {
    ck_assert_msg(strstr(set.notes, notes) != NULL, "got \"%s\", want \"%s\"", set.notes, notes);
}

/* The set's files in order, blanks between. */
static inline void has_files(const char *want) {
    char got[1024] = "";
    for (size_t i = 0; i < set.n_records; i++) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? " " : "",
                 set.records[i].file);
        ck_assert_ptr_nonnull(set.records[i].path);
        ck_assert(rn_path_exists(set.records[i].path));
    }
    ck_assert_str_eq(got, want);
}

static inline void has_classes(const char *want) {
    char got[1024] = "";
    for (size_t i = 0; i < set.n_classes; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s:%lld", i ? " " : "",
                 set.class_names[i], (long long)set.category_ids[i]);
    ck_assert_str_eq(got, want);
}

static inline void is_object(size_t i, double x, double y, double w, double h, int label) {
    ck_assert_uint_lt(i, set.n_objects);
    const rn_object *o = &set.objects[i];
    ck_assert_msg(o->x == x && o->y == y && o->w == w && o->h == h && o->label == label,
                  "object %zu is (%g, %g, %g x %g) of %d", i, o->x, o->y, o->w, o->h, o->label);
}

/* Not to be opened: the whole message is `text`, in it '@' for the temporary folder. */
static inline void refused_whole(const char *data, const char *split, rn_split_use use,
                                 const char *text) {
    char want[2048];
    size_t n = 0;
    for (; *text; text++)
        n += (size_t)snprintf(want + n, sizeof want - n, *text == '@' ? "%s" : "%.1s",
                              *text == '@' ? temp_root : text);
    ck_assert_int_eq(open_set(data, split, use), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(set.records);
}

/* JPEG `name`, 16 x 8, red at the left end, with EXIF orientation `orientation`. */
static inline void turned_jpeg(const char *name, uint8_t orientation) {
    uint8_t pixels[8][16][3], *bytes;
    const uint8_t exif[] = {0xff, 0xe1, 0, 34, 'E',         'x', 'i', 'f', 0,    0, 'I', 'I',
                            42,   0,    8, 0,  0,           0,   1,   0,   0x12, 1, 3,   0,
                            1,    0,    0, 0,  orientation, 0,   0,   0,   0,    0, 0,   0};
    const rn_image image = {.width = 16, .height = 8, .pixels = &pixels[0][0][0]};
    size_t size;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 16; x++) {
            pixels[y][x][0] = x < 8 ? 255 : 0;
            pixels[y][x][1] = pixels[y][x][2] = 0;
        }
    ck_assert_int_eq(rn_image_write(&image, temp_path("plain.jpg")), RN_OK);
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path("plain.jpg"), 1 << 20), RN_OK);
    uint8_t *with = malloc(size + sizeof exif);
    ck_assert_ptr_nonnull(with);
    memcpy(with, bytes, 2);
    memcpy(with + 2, exif, sizeof exif);
    memcpy(with + 2 + sizeof exif, bytes + 2, size - 2);
    temp_bytes(name, with, size + sizeof exif);
    free(with);
    free(bytes);
    unlink(temp_path("plain.jpg"));
}

#endif
