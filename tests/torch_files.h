/* torch_files.h: files as torch.save writes them, made byte by byte without PyTorch, so that every
 * field can be wrong. */
#ifndef RN_TESTS_TORCH_FILES_H
#define RN_TESTS_TORCH_FILES_H

#include "base/file.h"
#include "temp_folder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

typedef struct made {
    uint8_t *data; /* freed by made_free, or with the test's process */
    size_t size, cap;
} made;

static inline void made_free(made *m) {
    free(m->data);
    *m = (made){0};
}

static inline void add(made *m, const void *bytes, size_t size) {
    if (m->size + size > m->cap) {
        m->cap = 2 * (m->size + size);
        m->data = realloc(m->data, m->cap);
        ck_assert_ptr_nonnull(m->data);
    }
    if (size > 0) memcpy(m->data + m->size, bytes, size);
    m->size += size;
}

/* The `n` low bytes of `value`, the lowest first. */
static inline void add_little(made *m, uint64_t value, int n) {
    for (int i = 0; i < n; i++) {
        const uint8_t byte = (uint8_t)(value >> 8 * i);
        add(m, &byte, 1);
    }
}

static inline void set_little(made *m, size_t at, uint64_t value, int n) {
    ck_assert_uint_le(at + (size_t)n, m->size);
    for (int i = 0; i < n; i++) m->data[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

/* Raw opcodes of a pickle, or anything else without a zero byte. */
static inline void add_raw(made *m, const char *raw) {
    add(m, raw, strlen(raw));
}

/* ---- pickles: protocol 2 ---- */

static inline void add_text(made *m, const char *text) {
    add_raw(m, "X");
    add_little(m, strlen(text), 4);
    add_raw(m, text);
}

static inline void add_int(made *m, int64_t value) {
    const bool small = value >= INT32_MIN && value <= INT32_MAX;
    add_raw(m, small ? "J" : "\x8a\x08");
    add_little(m, (uint64_t)value, small ? 4 : 8);
}

static inline void add_sizes(made *m, int n, const size_t *sizes) {
    add_raw(m, "(");
    for (int i = 0; i < n; i++) add_int(m, (int64_t)sizes[i]);
    add_raw(m, "t");
}

/* Where a state dict or another dictionary begins and ends. */
static inline void begin_dict(made *m) {
    add_raw(m, "ccollections\nOrderedDict\n)R(");
}
static inline void end_dict(made *m) {
    add_raw(m, "u");
}

typedef struct made_tensor {
    const char *type, *key; /* "FloatStorage", "0" */
    int64_t count;          /* of the storage's numbers */
    int64_t offset;
    int n_dims;
    size_t dims[9], strides[9];
    bool older; /* the format: None behind the storage's description */
} made_tensor;

static inline void add_storage(made *m, const made_tensor *t) {
    add_raw(m, "(");
    add_text(m, "storage");
    add_raw(m, "ctorch\n");
    add_raw(m, t->type);
    add_raw(m, "\n");
    add_text(m, t->key);
    add_text(m, "cpu");
    add_int(m, t->count);
    add_raw(m, t->older ? "NtQ" : "tQ");
}

static inline void add_tensor(made *m, const made_tensor *t) {
    add_raw(m, "ctorch._utils\n_rebuild_tensor_v2\n(");
    add_storage(m, t);
    add_int(m, t->offset);
    add_sizes(m, t->n_dims, t->dims);
    add_sizes(m, t->n_dims, t->strides);
    add_raw(m, "\x89"
               "ccollections\nOrderedDict\n)RtR");
}

/* ---- zip ---- */

typedef struct made_zip {
    made file, directory;
    size_t local[400], central[400]; /* where each entry's headers are; `central` in `directory`
                                      * until the end */
    int n;
    size_t end; /* of the 22 bytes at the end */
} made_zip;

static inline void zip_free(made_zip *z) {
    made_free(&z->file);
    made_free(&z->directory);
    *z = (made_zip){0};
}

/* The data begin at a multiple of 64, as torch.save has it. */
static inline void zip_add(made_zip *z, const char *name, const void *data, size_t size) {
    static const uint8_t zeros[64];
    const size_t n = strlen(name), begin = z->file.size + 30 + n + 4,
                 padding = (64 - begin % 64) % 64;
    const uint32_t crc = rn_crc32(0, data, size);
    ck_assert_int_lt(z->n, 400);
    z->local[z->n] = z->file.size;
    z->central[z->n++] = z->directory.size;
    add(&z->directory, "PK\1\2\0\0", 6);
    add(&z->file, "PK\3\4", 4);
    made *const both[] = {&z->file, &z->directory};
    for (int i = 0; i < 2; i++) {
        add_little(both[i], 0, 2); /* version */
        add_little(both[i], 0, 2); /* flags */
        add_little(both[i], 0, 2); /* stored */
        add_little(both[i], 0, 4); /* time */
        add_little(both[i], crc, 4);
        add_little(both[i], size, 4);
        add_little(both[i], size, 4);
        add_little(both[i], n, 2);
        add_little(both[i], i == 0 ? 4 + padding : 0, 2);
    }
    add(&z->directory, zeros, 10); /* comment, disk, attributes */
    add_little(&z->directory, z->local[z->n - 1], 4);
    add_raw(&z->file, name);
    add_raw(&z->directory, name);
    add_raw(&z->file, "FB");
    add_little(&z->file, padding, 2);
    add(&z->file, zeros, padding);
    add(&z->file, data, size);
}

static inline void zip_end(made_zip *z) {
    const size_t at = z->file.size;
    add(&z->file, z->directory.data, z->directory.size);
    for (int i = 0; i < z->n; i++) z->central[i] += at;
    z->end = z->file.size;
    add(&z->file, "PK\5\6\0\0\0\0", 8);
    add_little(&z->file, (uint64_t)z->n, 2);
    add_little(&z->file, (uint64_t)z->n, 2);
    add_little(&z->file, z->directory.size, 4);
    add_little(&z->file, at, 4);
    add_little(&z->file, 0, 2);
}

/* A file of one entry, its 64-bit sizes in every place that has room for them. */
static inline void zip_64(made_zip *z, const char *name, const void *data, size_t size) {
    static const uint8_t ones[12] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint32_t crc = rn_crc32(0, data, size);
    made *f = &z->file, *d = &z->directory;
    add(f, "PK\3\4\x2d\0\0\0\0\0\0\0\0\0", 14);
    add_little(f, crc, 4);
    add(f, ones, 8);
    add_little(f, strlen(name), 2);
    add_little(f, 5 + 20, 2);
    add_raw(f, name);
    add(f, "FB\1\0Z\1\0\x10\0", 9);
    add_little(f, size, 8);
    add_little(f, size, 8);
    add(f, data, size);
    add(d, "PK\1\2\x2d\0\x2d\0\0\0\0\0\0\0\0\0", 16);
    add_little(d, crc, 4);
    add(d, ones, 8);
    add_little(d, strlen(name), 2);
    add_little(d, 28, 2);
    add(d, "\0\0\0\0\0\0\0\0\0\0", 10);
    add(d, ones, 4);
    add_raw(d, name);
    add(d, "\1\0\x18\0", 4);
    add_little(d, size, 8);
    add_little(d, size, 8);
    add_little(d, 0, 8);
    z->central[0] = f->size;
    add(f, d->data, d->size);
    z->end = f->size;
    add(f, "PK\6\6\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0", 24);
    add_little(f, 1, 8);
    add_little(f, 1, 8);
    add_little(f, d->size, 8);
    add_little(f, z->central[0], 8);
    add(f, "PK\6\7\0\0\0\0", 8);
    add_little(f, z->end, 8);
    add_little(f, 1, 4);
    add(f, "PK\5\6\0\0\0\0", 8);
    add(f, ones, 12);
    add_little(f, 0, 2);
}

/* ---- the older format ---- */

/* All that stands before the pickle of the object itself. */
static inline void older_begin(made *m) {
    add(m, "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.", 21);
    add(m, "\x80\2}(X\x10\0\0\0protocol_versionM\xe9\3X\x0d\0\0\0little_endian\x88u.", 49);
}

/* ---- either ---- */

typedef struct made_storage {
    const char *key;
    const void *data;
    size_t count, size; /* of elements; bytes of each */
} made_storage;

/* NAME in the temporary folder = the file of an object's pickle, without its PROTO and STOP, and of
 * `n` storages. */
static inline void save_zip(const char *name, const made *object, const made_storage *storages,
                            int n) {
    made_zip z = {0};
    made pickle = {0};
    add(&pickle, "\x80\2", 2);
    add(&pickle, object->data, object->size);
    add_raw(&pickle, ".");
    zip_add(&z, "archive/data.pkl", pickle.data, pickle.size);
    for (int i = 0; i < n; i++) {
        char path[64];
        snprintf(path, sizeof path, "archive/data/%s", storages[i].key);
        zip_add(&z, path, storages[i].data, storages[i].count * storages[i].size);
    }
    zip_add(&z, "archive/version", "3\n", 2);
    zip_end(&z);
    temp_bytes(name, z.file.data, z.file.size);
    made_free(&pickle);
    zip_free(&z);
}

static inline void save_older(const char *name, const made *object, const made_storage *storages,
                              int n) {
    made whole = {0};
    older_begin(&whole);
    add(&whole, "\x80\2", 2);
    add(&whole, object->data, object->size);
    add(&whole, ".\x80\2](", 5);
    for (int i = 0; i < n; i++) add_text(&whole, storages[i].key);
    add_raw(&whole, "e.");
    for (int i = 0; i < n; i++) {
        add_little(&whole, storages[i].count, 8);
        add(&whole, storages[i].data, storages[i].count * storages[i].size);
    }
    temp_bytes(name, whole.data, whole.size);
    made_free(&whole);
}

#endif
