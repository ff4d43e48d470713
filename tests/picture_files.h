/* picture_files.h: small JPEG, PNG and BMP files, made byte by byte without the code under test
 * (but for the checksum), so that every pixel's value is known and any field can be wrong. */
#ifndef RN_TESTS_PICTURE_FILES_H
#define RN_TESTS_PICTURE_FILES_H

#include "base/file.h"
#include "data/image.h"
#include "temp_folder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct file_bytes {
    uint8_t data[65536];
    size_t size;
} file_bytes;

static inline void put(file_bytes *f, const void *bytes, size_t size) {
    ck_assert_uint_le(f->size + size, sizeof f->data);
    if (size > 0) memcpy(f->data + f->size, bytes, size);
    f->size += size;
}

static inline void put_byte(file_bytes *f, unsigned value) {
    const uint8_t byte = (uint8_t)value;
    put(f, &byte, 1);
}

/* The `n` low bytes of `value`, the highest first. */
static inline void put_big(file_bytes *f, uint32_t value, int n) {
    for (int i = n - 1; i >= 0; i--) put_byte(f, value >> (8 * i));
}

static inline void put_little(file_bytes *f, uint32_t value, int n) {
    for (int i = 0; i < n; i++) put_byte(f, value >> (8 * i));
}

/* ---- PNG ---- */

static inline void png_chunk(file_bytes *f, const char *type, const void *body, size_t size) {
    put_big(f, (uint32_t)size, 4);
    const size_t at = f->size;
    put(f, type, 4);
    put(f, body, size);
    put_big(f, rn_crc32(0, f->data + at, size + 4), 4);
}

/* Signature and IHDR. color: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA. */
static inline void png_begin(file_bytes *f, uint32_t width, uint32_t height, int depth, int color) {
    file_bytes header = {.size = 0};
    f->size = 0;
    put(f, "\x89PNG\r\n\x1a\n", 8);
    put_big(&header, width, 4);
    put_big(&header, height, 4);
    put_byte(&header, (unsigned)depth);
    put_byte(&header, (unsigned)color);
    put(&header, "\0\0\0", 3);
    png_chunk(f, "IHDR", header.data, header.size);
}

/* IDAT: rows as they are, each behind its filter byte, in one stored block of a zlib stream. */
static inline void png_data(file_bytes *f, const void *rows, size_t size) {
    file_bytes z = {.size = 0};
    uint32_t a = 1, b = 0;
    put(&z, "\x78\x01\x01", 3);
    put_little(&z, (uint32_t)size, 2);
    put_little(&z, ~(uint32_t)size, 2);
    put(&z, rows, size);
    for (size_t i = 0; i < size; i++) {
        a = (a + ((const uint8_t *)rows)[i]) % 65521;
        b = (b + a) % 65521;
    }
    put_big(&z, b << 16 | a, 4);
    png_chunk(f, "IDAT", z.data, z.size);
}

static inline void png_end(file_bytes *f) {
    png_chunk(f, "IEND", NULL, 0);
}

/* ---- JPEG ---- */

typedef struct bit_writer {
    file_bytes *file;
    unsigned bits, n;
} bit_writer;

static inline void put_bits(bit_writer *w, unsigned value, int n) {
    for (int i = n - 1; i >= 0; i--) {
        w->bits = w->bits << 1 | (value >> i & 1);
        if (++w->n < 8) continue;
        put_byte(w->file, w->bits);
        if ((w->bits & 0xff) == 0xff) put_byte(w->file, 0);
        w->bits = w->n = 0;
    }
}

/* A block of 8 x 8 equal samples is its DC coefficient, 8 (value - 128), and no other. */
static inline void put_block(bit_writer *w, int value, int *before) {
    const int dc = 8 * (value - 128), step = dc - *before;
    int category = 0;
    while ((step < 0 ? -step : step) >> category) category++;
    put_bits(w, (unsigned)category, 4);
    put_bits(w, (unsigned)(step < 0 ? step + (1 << category) - 1 : step), category);
    put_bits(w, 0, 1); /* end of block */
    *before = dc;
}

typedef struct jpeg_spec {
    int columns, rows;     /* of blocks of 8 x 8 pixels */
    int components;        /* 1 grey, 3 YCbCr, 4 CMYK or YCCK */
    const uint8_t *values; /* [rows, columns, components] */
    int adobe;             /* the transform that Adobe's marker says; -1: no marker */
    const void *exif;      /* body of an APP1 segment; NULL: none */
    size_t exif_size;
} jpeg_spec;

static inline void jpeg_segment(file_bytes *f, unsigned marker, const void *body, size_t size) {
    put_byte(f, 0xff);
    put_byte(f, marker);
    put_big(f, (uint32_t)size + 2, 2);
    put(f, body, size);
}

/* Baseline, quantised by 1; Huffman codes: 4 bits for each of 12 categories, "0" for end of block.
 */
static inline void jpeg_make(file_bytes *f, const jpeg_spec *spec) {
    const int n = spec->components;
    file_bytes part = {.size = 0};
    bit_writer w = {.file = f};
    int before[4] = {0};
    f->size = 0;
    put(f, "\xff\xd8", 2);
    if (spec->exif) jpeg_segment(f, 0xe1, spec->exif, spec->exif_size);
    if (spec->adobe >= 0) {
        put(&part, "Adobe\0\144\0\0\0\0", 11);
        put_byte(&part, (unsigned)spec->adobe);
        jpeg_segment(f, 0xee, part.data, part.size);
    }
    part.size = 0;
    for (int i = 0; i < 65; i++) put_byte(&part, i > 0);
    jpeg_segment(f, 0xdb, part.data, part.size);
    part.size = 0;
    put_byte(&part, 8);
    put_big(&part, (uint32_t)spec->rows * 8, 2);
    put_big(&part, (uint32_t)spec->columns * 8, 2);
    put_byte(&part, (unsigned)n);
    for (int i = 0; i < n; i++) put_big(&part, (uint32_t)(i + 1) << 16 | 0x1100, 3);
    jpeg_segment(f, 0xc0, part.data, part.size);
    jpeg_segment(f, 0xc4, "\0\0\0\0\14\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\10\11\12\13", 29);
    jpeg_segment(f, 0xc4, "\20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
    part.size = 0;
    put_byte(&part, (unsigned)n);
    for (int i = 0; i < n; i++) put_big(&part, (uint32_t)(i + 1) << 8, 2);
    put(&part, "\0\77\0", 3);
    jpeg_segment(f, 0xda, part.data, part.size);
    for (int i = 0; i < spec->rows * spec->columns * n; i++)
        put_block(&w, spec->values[i], &before[i % n]);
    while (w.n > 0) put_bits(&w, 1, 1);
    put(f, "\xff\xd9", 2);
}

/* ---- BMP ---- */

typedef struct bmp_spec {
    int width, height; /* height < 0: top row first */
    int bits;
    int compression;        /* 0 none, 1 RLE, 3 bit fields */
    const uint8_t *between; /* masks or palette behind the header */
    size_t between_size;
    const uint8_t *pixels; /* rows with their padding */
    size_t pixels_size;
} bmp_spec;

static inline void bmp_make(file_bytes *f, const bmp_spec *spec) {
    const uint32_t first = (uint32_t)(54 + spec->between_size);
    f->size = 0;
    put(f, "BM", 2);
    put_little(f, first + (uint32_t)spec->pixels_size, 4);
    put_little(f, 0, 4);
    put_little(f, first, 4);
    put_little(f, 40, 4);
    put_little(f, (uint32_t)spec->width, 4);
    put_little(f, (uint32_t)spec->height, 4);
    put_little(f, 1, 2);
    put_little(f, (uint32_t)spec->bits, 2);
    put_little(f, (uint32_t)spec->compression, 4);
    for (int i = 0; i < 5; i++) put_little(f, 0, 4);
    put(f, spec->between, spec->between_size);
    put(f, spec->pixels, spec->pixels_size);
}

/* ---- a file and its picture ---- */

static file_bytes file;
static rn_image image;

static inline void decodes(bool orientation) {
    rn_image_free(&image);
    const rn_status status = rn_image_decode(&image, file.data, file.size, "p", 0, orientation);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

/* Refused with the whole text, leaving nothing. */
static inline void refused(const char *want) {
    rn_image_free(&image);
    image.width = 77;
    ck_assert_int_eq(rn_image_decode(&image, file.data, file.size, "p", 0, true), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(image.pixels);
    ck_assert_int_eq(image.width, 0);
}

static inline void is_size(int width, int height) {
    ck_assert_int_eq(image.width, width);
    ck_assert_int_eq(image.height, height);
}

static inline void is_pixel(int x, int y, int r, int g, int b) {
    const uint8_t *p = image.pixels + 3 * (y * image.width + x);
    ck_assert_msg(p[0] == r && p[1] == g && p[2] == b,
                  "pixel (%d, %d) is (%d, %d, %d), want (%d, %d, %d)", x, y, p[0], p[1], p[2], r, g,
                  b);
}

static inline void png(uint32_t width, uint32_t height, int depth, int color, const void *rows,
                       size_t size) {
    png_begin(&file, width, height, depth, color);
    png_data(&file, rows, size);
    png_end(&file);
}

static inline void jpeg(int columns, int rows, int components, const uint8_t *values, int adobe) {
    const jpeg_spec spec = {.columns = columns,
                            .rows = rows,
                            .components = components,
                            .values = values,
                            .adobe = adobe};
    jpeg_make(&file, &spec);
}

#endif
