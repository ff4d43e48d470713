/* temp_folder.h: a folder of a test's own, filled with small files and removed with all it holds.
 */
#ifndef RN_TESTS_TEMP_FOLDER_H
#define RN_TESTS_TEMP_FOLDER_H

#include <check.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temp_root[64];

static inline void temp_open(void) {
    strcpy(temp_root, "/tmp/rn_test_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(temp_root));
}

static int temp_remove(const char *path, const struct stat *info, int type, struct FTW *ftw) {
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void temp_close(void) {
    nftw(temp_root, temp_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of `name` in the folder; good for the next seven calls. */
static inline const char *temp_path(const char *name) {
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", temp_root, name);
    return path;
}

/* Write a file; the folders that its name holds are made. */
static void temp_bytes(const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", temp_root, name);
    for (char *slash = strchr(path + strlen(temp_root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void temp_text(const char *name, const char *text) {
    temp_bytes(name, text, strlen(text));
}

static uint64_t temp_sum;

static int temp_add(const char *path, const struct stat *info, int type, struct FTW *ftw) {
    const char *name = path + strlen(temp_root);
    uint64_t hash = 14695981039346656037u;           /* FNV-1a */
    if (ftw->level == 1 && name[1] == '.') return 0; /* the streams of run_program.h */
    for (; *name; name++) hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    FILE *file = type == FTW_F && S_ISREG(info->st_mode) ? fopen(path, "rb") : NULL;
    for (int c; file && (c = getc(file)) != EOF;) hash = (hash ^ (uint8_t)c) * 1099511628211u;
    if (file) fclose(file);
    temp_sum += hash; /* in whatever order they come */
    return 0;
}

/* The same as long as no file or folder was made, changed or lost. */
static inline uint64_t temp_state(void) {
    temp_sum = 0;
    ck_assert_int_eq(nftw(temp_root, temp_add, 16, FTW_PHYS), 0);
    return temp_sum;
}

/* A 24-bit BMP whose pixel (x, y) is (8 x, 8 y, shade) mod 256; its rows are stored bottom up. */
static inline void temp_bmp(const char *name, int width, int height, uint8_t shade) {
    const size_t stride = ((size_t)width * 3 + 3) / 4 * 4;
    const uint32_t size = (uint32_t)(54 + stride * (size_t)height);
    uint8_t *bytes = calloc(size, 1);
    ck_assert_ptr_nonnull(bytes);
    const uint32_t header[] = {size, 0, 54, 40, (uint32_t)width, (uint32_t)height, 24u << 16 | 1};
    memcpy(bytes, "BM", 2);
    memcpy(bytes + 2, header, sizeof header); /* the machines we build for are little-endian */
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = bytes + 54 + stride * (size_t)(height - 1 - y) + 3 * (size_t)x;
            pixel[0] = shade;
            pixel[1] = (uint8_t)(8 * y);
            pixel[2] = (uint8_t)(8 * x);
        }
    temp_bytes(name, bytes, size);
    free(bytes);
}

#endif
