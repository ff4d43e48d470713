/* Pictures that are refused: which, with which words, and that none of their parts is read. */
#include "data/image.h"
#include "data/image_check.h"
#include "data/png_encode.h"
#include "picture_files.h"
#include "suite.h"

static void teardown(void) {
    rn_image_free(&image);
}

static void holds(const void *bytes, size_t size, const char *want) {
    file.size = 0;
    put(&file, bytes, size);
    refused(want);
}

/* The first n bytes alone, for every n below the whole, from a block of just that size. */
static void no_part_is_read(void) {
    for (size_t n = 0; n < file.size; n++) {
        uint8_t *part = malloc(n + 1);
        ck_assert_ptr_nonnull(part);
        uint8_t *end = part + 1; /* so that the n bytes end where the block does */
        memcpy(end, file.data, n);
        rn_image_free(&image);
        ck_assert_msg(rn_image_decode(&image, end, n, "p", 0, true) == RN_EINPUT,
                      "%zu of %zu bytes were read", n, file.size);
        ck_assert_ptr_null(image.pixels);
        free(part);
    }
}

/* ---- what is no picture ---- */

START_TEST(no_picture_is_named) {
    holds("", 0, "p: offset 0: an empty file, want JPEG, PNG or BMP");
    holds("<html><body>404", 15, "p: offset 0: not JPEG/PNG/BMP, starts with '<htm'");
    holds("\n\x80"
          "A",
          3, "p: offset 0: not JPEG/PNG/BMP, starts with '?\?A'");
    holds("B", 1, "p: offset 0: not JPEG/PNG/BMP, starts with 'B'");
    holds("P6\n4 4\n255\n", 11, "p: offset 0: not JPEG/PNG/BMP, starts with 'P6?4'");
    holds("\xff\xd8", 2, "p: offset 0: not JPEG/PNG/BMP, starts with '?\?'");
    holds("\x89PNG\r\n\n\n", 8, "p: offset 0: not JPEG/PNG/BMP, starts with '?PNG'");
}
END_TEST

START_TEST(other_formats_are_unsupported) {
#define UNSUPPORTED(kind) "p: offset 0: unsupported " kind " (want JPEG, PNG or BMP)"
    holds("GIF89a", 6, UNSUPPORTED("GIF"));
    holds("RIFF\x24\0\0\0WEBPVP8 ", 16, UNSUPPORTED("WebP"));
    holds("8BPS\0\1", 6, UNSUPPORTED("PSD"));
    holds("#?RADIANCE\n", 11, UNSUPPORTED("HDR"));
    holds("II*\0\10\0\0\0", 8, UNSUPPORTED("TIFF"));
    holds("MM\0*\0\0\0\10", 8, UNSUPPORTED("TIFF"));
    holds("\0\0\0\x1c"
          "ftypavif\0\0\0\0",
          16, UNSUPPORTED("HEIF or AVIF"));
    holds("\0\0\2\0\0\0\0\0\0\0\0\0\1\0\1\0\x18\0abc", 21, UNSUPPORTED("TGA"));
    holds("\0\0\12\0\0\0\0\0\0\0\0\0\1\0\1\0\x20\10abc", 21, UNSUPPORTED("TGA"));
    holds("RIFF\x24\0\0\0WAVEfmt ", 16, "p: offset 0: not JPEG/PNG/BMP, starts with 'RIFF'");
#undef UNSUPPORTED
}
END_TEST

/* ---- PNG ---- */

START_TEST(png_damage_is_found) {
    png(3, 2, 8, 2, "\0abcdefghi\0jklmnopqr", 20);
    const size_t size = file.size;
    decodes(true);
    no_part_is_read();
    for (size_t i = 0; i < size; i++) {
        file.data[i] ^= 0x10;
        rn_image_free(&image);
        ck_assert_msg(rn_image_decode(&image, file.data, size, "p", 0, true) == RN_EINPUT,
                      "byte %zu may be wrong", i);
        file.data[i] ^= 0x10;
    }
    file.data[50] ^= 1;
    refused("p: offset 33: PNG chunk IDAT has a wrong checksum");
    file.data[50] ^= 1;
    file.data[size - 1] ^= 1;
    refused("p: offset 76: PNG chunk IEND has a wrong checksum");
    file.data[size - 1] ^= 1;
    file.size = 76;
    refused("p: offset 76: the PNG is cut: its IEND chunk is missing");
    file.size = 70;
    refused("p: offset 33: the PNG is cut within a chunk");
    file.size = 33;
    refused("p: offset 33: the PNG is cut: its IEND chunk is missing");
    file.size = 32;
    refused("p: offset 8: the PNG ends within its header");
    file.size = size;
    put(&file, "trailing", 8); /* behind IEND anything may follow */
    decodes(true);
}
END_TEST

START_TEST(png_that_lies_is_refused) {
    png_begin(&file, 1, 1, 8, 0);
    png_end(&file);
    refused("p: offset 33: a PNG without image data");
    png(3, 2, 8, 2, "\0abcdefghi", 10); /* whole, by every checksum, but one row short */
    refused("p: offset 0: cannot decode: Corrupt PNG");
    png(65535, 65535, 8, 2, "", 0);
    refused("p: offset 0: 65535x65535 is over the limit of 64000000 pixels (--max-pixels)");
    png(8000, 8000, 1, 0, "", 0); /* as many as the limit lets */
    refused("p: offset 68: the file is cut: 68 bytes cannot hold 8000x8000 pixels");
    png(8000, 8001, 1, 0, "", 0);
    refused("p: offset 0: 8000x8001 is over the limit of 64000000 pixels (--max-pixels)");
    png(0, 5, 8, 0, "\0", 1);
    refused("p: offset 0: a picture of 0x5 pixels");
    png(5, 0, 8, 0, "\0", 1);
    refused("p: offset 0: a picture of 5x0 pixels");
    png(0x80000000u, 1, 8, 0, "\0", 1);
    refused("p: offset 16: a PNG size over 2^31");
    png(0x7fffffff, 1, 8, 0, "\0", 1);
    refused("p: offset 0: 2147483647x1 is over the limit of 64000000 pixels (--max-pixels)");
    png(1, 1, 8, 0, "\0\1", 2);
    memcpy(file.data + 12, "JHDR", 4);
    refused("p: offset 8: the PNG ends within its header");
}
END_TEST

/* What lies behind a palette is no colour. */
START_TEST(png_colours_are_in_the_palette) {
    static const struct {
        int depth, colours; /* of 8 colours */
        const char *rows;
        int fault; /* the colour that is not there; -1: none */
    } cases[] = {{1, 2, "\0\x40", -1},     {1, 1, "\0\x1f", -1},   {1, 1, "\0\x40", 1},
                 {2, 3, "\0\x18", -1},     {2, 3, "\0\x1c", 3},    {4, 8, "\0\x07\x2f", -1},
                 {4, 8, "\0\x07\x80", 8},  {8, 2, "\0\1\0\1", -1}, {8, 2, "\0\1\0\2", 2},
                 {8, 8, "\0\1\0\xff", 255}};
    static const uint8_t palette[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                      13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[128];
        png_begin(&file, 3, 1, cases[i].depth, 3);
        png_chunk(&file, "PLTE", palette, 3 * (size_t)cases[i].colours);
        png_chunk(&file, "tRNS", "\0", 1);
        png_data(&file, cases[i].rows, 1 + (3 * (size_t)cases[i].depth + 7) / 8);
        png_end(&file);
        snprintf(want, sizeof want, "p: offset 33: a PNG with colour %d of %d", cases[i].fault,
                 cases[i].colours);
        if (cases[i].fault < 0)
            decodes(true);
        else
            refused(want);
    }
    png(3, 1, 8, 3, "\0\0\0\0", 4); /* no palette at all */
    refused("p: offset 0: a PNG with colour 0 of 0");
    png_begin(&file, 3, 1, 0, 3); /* a depth that is none */
    png_data(&file, "\0\0\0\0", 4);
    png_end(&file);
    refused("p: offset 0: cannot decode: PNG not supported: 1/2/4/8/16-bit only");
}
END_TEST

/* The data of a PNG of ours become those of another. */
static void take_data(void *png_file, void *bytes, int size) {
    size_t length;
    const size_t at = rn_png_find(&length, bytes, (size_t)size, "IDAT");
    ck_assert_uint_gt(at, 0);
    png_chunk(png_file, "IDAT", (uint8_t *)bytes + at + 8, length);
}

/* `n` = 3 k + 1 zeros, compressed, as the data of a grey picture. */
static void png_zeros(uint32_t width, uint32_t height, int n) {
    rn_image row = {.width = n / 3, .height = 1, .pixels = calloc((size_t)n, 1)};
    ck_assert_ptr_nonnull(row.pixels);
    png_begin(&file, width, height, 8, 0);
    ck_assert(rn_png_encode(take_data, &file, &row));
    png_end(&file);
    rn_image_free(&row);
}

/* A thousand times its size is what a file can become, whatever it claims to hold. */
START_TEST(png_with_more_data_than_pixels_is_refused) {
    png_zeros(1, 1, 1000000);
    refused("p: offset 0: the PNG holds much more data than 1x1 pixels");
    png_zeros(999, 1000, 1000000);
    decodes(true);
    is_size(999, 1000);
    png_zeros(1, 1, 3001); /* a little more is let pass */
    decodes(true);
    is_size(1, 1);
}
END_TEST

/* ---- JPEG ---- */

START_TEST(jpeg_cut_anywhere_is_refused) {
    uint8_t values[4 * 4 * 3];
    for (int i = 0; i < 48; i++) values[i] = (uint8_t)(37 * i);
    jpeg(4, 4, 3, values, -1);
    decodes(true);
    no_part_is_read();
    const size_t size = file.size;
    file.size = size - 40;
    char want[128];
    snprintf(want, sizeof want, "p: offset %zu: the JPEG is cut: its end marker is missing",
             size - 40);
    refused(want);
    file.size = 3;
    refused("p: offset 3: the JPEG ends within its header");
    file.size = 40; /* in the table of steps */
    refused("p: offset 4: the JPEG ends within its header");
    file.size = 93; /* behind the frame's segment, in a table of codes */
    refused("p: offset 92: the JPEG is cut within a segment");
    file.size = 90; /* just behind the frame's */
    refused("p: offset 90: the JPEG is cut: its end marker is missing");
}
END_TEST

/* As a camera writes it: filtered, with many codes, cut at half. */
START_TEST(jpeg_cut_at_half_gives_no_grey) {
    uint8_t pixels[64 * 64 * 3], *bytes;
    const rn_image noise = {.width = 64, .height = 64, .pixels = pixels};
    size_t size;
    char want[128];
    uint32_t state = 1;
    temp_open();
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
    ck_assert_int_eq(rn_image_write(&noise, temp_path("n.jpg")), RN_OK);
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path("n.jpg"), 1 << 20), RN_OK);
    ck_assert_int_eq(rn_image_decode(&image, bytes, size, "p", 0, true), RN_OK);
    rn_image_free(&image);
    ck_assert_int_eq(rn_image_decode(&image, bytes, size / 2, "p", 0, true), RN_EINPUT);
    snprintf(want, sizeof want, "p: offset %zu: the JPEG is cut: its end marker is missing",
             size / 2);
    ck_assert_str_eq(rn_error_text(), want);
    free(bytes);
    temp_close();
}
END_TEST

/* A frame that claims `width` x `height`, and an end marker behind it. */
static void jpeg_claim(uint32_t width, uint32_t height) {
    file.size = 0;
    put(&file, "\xff\xd8\xff\xc0\0\13\10", 7);
    put_big(&file, height, 2);
    put_big(&file, width, 2);
    put(&file, "\1\1\21\0\xff\xd9", 6);
}

START_TEST(jpeg_that_lies_is_refused) {
    jpeg_claim(16000, 16000);
    refused("p: offset 0: 16000x16000 is over the limit of 64000000 pixels (--max-pixels)");
    jpeg_claim(8000, 8000);
    refused("p: offset 17: the file is cut: 17 bytes cannot hold 8000x8000 pixels");
    jpeg_claim(5, 0);
    refused("p: offset 0: a picture of 5x0 pixels");
    jpeg_claim(8, 8);
    refused("p: offset 17: the JPEG ends without a scan");
    file.data[5] = 7; /* bytes of the frame's segment */
    refused("p: offset 4: a JPEG frame header that is too short");
    file.data[5] = 200;
    refused("p: offset 4: the JPEG ends within its header");
    file.data[3] = 0xda;
    file.data[5] = 11;
    refused("p: offset 4: a JPEG scan without a frame");
    holds("\xff\xd8\xff\xd9", 4, "p: offset 4: the JPEG ends within its header");
    jpeg(1, 1, 1, (const uint8_t[]){10}, -1);
    file.data[file.size - 3] = 0xff; /* the samples' codes: now none that the tables know */
    file.data[file.size - 4] = 0xfe;
    refused("p: offset 0: cannot decode: Corrupt JPEG");
}
END_TEST

/* A grey block, and behind its scan a DHT segment at byte 153: `n` codes of 16 bits, of which
 * `stored` are there. */
static void jpeg_codes(int n, size_t stored) {
    static const uint8_t codes[300];
    file_bytes table = {.size = 0};
    put(&table, codes, 15);
    put_byte(&table, n > 255 ? 255 : 0); /* 15 bits */
    put_byte(&table, (unsigned)(n > 255 ? n - 255 : n));
    put(&table, codes, stored);
    jpeg(1, 1, 1, (const uint8_t[]){10}, -1);
    file.size -= 2;
    jpeg_segment(&file, 0xc4, table.data, table.size);
    put(&file, "\xff\xd9", 2);
}

/* stb_image would write past its tables of 256 codes. */
START_TEST(jpeg_with_a_huge_huffman_table_is_refused) {
    jpeg_codes(256, 256);
    decodes(true);
    jpeg_codes(257, 257);
    refused("p: offset 153: a JPEG Huffman table that does not fit");
    jpeg_codes(5, 4);
    refused("p: offset 153: a JPEG Huffman table that does not fit");
    jpeg_codes(5, 6);
    refused("p: offset 153: a JPEG Huffman table that does not fit");
}
END_TEST

/* Each of thousands of empty scans, of a dozen bytes, walks the whole picture: minutes of a
 * decoder's time. */
START_TEST(jpeg_of_too_many_scans_is_refused) {
    for (int extra = 99; extra <= 100; extra++) {
        jpeg(1, 1, 1, (const uint8_t[]){10}, -1);
        file.data[72] = 0xc2; /* progressive */
        file.data[147] = 0;   /* its first scan: DC alone */
        file.size -= 2;
        for (int i = 0; i < extra; i++) {
            jpeg_segment(&file, 0xda, "\1\1\0\1\77\20", 6);
            put(&file, "\0\0\0", 3);
        }
        put(&file, "\xff\xd9", 2);
        if (extra < 100) decodes(true);
    }
    refused("p: offset 1440: a JPEG of more than 100 scans");
}
END_TEST

/* What the file leaves out is zero to the decoder, never what its memory held before. */
START_TEST(jpeg_without_a_part_reads_no_old_memory) {
    jpeg(1, 1, 1, (const uint8_t[]){10}, -1);
    memmove(file.data + 117, file.data + 139, file.size - 139); /* the AC codes' table */
    file.size -= 22;
    decodes(true);
    is_pixel(7, 7, 10, 10, 10);

    jpeg(1, 1, 3, (const uint8_t[]){200, 90, 90}, 0);
    memcpy(file.data + 163, "\0\10\1\1\0\0\77\0", 8); /* a scan of red alone */
    memmove(file.data + 171, file.data + 175, file.size - 175);
    file.size -= 4;
    decodes(true);
    is_pixel(7, 7, 200, 0, 0);
}
END_TEST

/* ---- BMP ---- */

START_TEST(bmp_cut_anywhere_is_refused) {
    const uint8_t zeros[16] = {0}, masks[] = {0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0};
    bmp_spec spec = {.width = 2, .height = 2, .bits = 24, .pixels = zeros, .pixels_size = 16};
    bmp_make(&file, &spec);
    decodes(true);
    no_part_is_read();
    spec.height = -2;
    bmp_make(&file, &spec);
    decodes(true);
    no_part_is_read();
    spec.bits = 32;
    bmp_make(&file, &spec);
    decodes(true);
    no_part_is_read();
    spec.compression = 3; /* bit fields */
    spec.between = masks;
    spec.between_size = sizeof masks;
    bmp_make(&file, &spec);
    decodes(true);
    no_part_is_read();
    file.size = 81;
    refused("p: offset 81: the BMP is cut: 81 bytes, want 82");
    spec = (bmp_spec){.width = 9,
                      .height = 2,
                      .bits = 1,
                      .between = zeros,
                      .between_size = 8,
                      .pixels = zeros,
                      .pixels_size = 8};
    bmp_make(&file, &spec);
    decodes(true);
    no_part_is_read();
}
END_TEST

START_TEST(bmp_that_lies_is_refused) {
    const uint8_t row[] = {3, 2, 1, 0};
    bmp_spec spec = {.width = 1, .height = 1, .bits = 24, .pixels = row, .pixels_size = 4};
    bmp_make(&file, &spec);
    file.size = 57;
    refused("p: offset 57: the BMP is cut: 57 bytes, want 58");
    file.size = 53;
    refused("p: offset 14: a BMP header that is cut or older than BITMAPINFO");
    spec.width = spec.height = 8000;
    bmp_make(&file, &spec);
    refused("p: offset 58: the BMP is cut: 58 bytes, want 192000054");
    spec.compression = 3; /* bit fields: the size is known all the same */
    spec.bits = 32;
    bmp_make(&file, &spec);
    refused("p: offset 58: the BMP is cut: 58 bytes, want 256000054");
    spec.height = -16000;
    spec.width = 16000;
    bmp_make(&file, &spec);
    refused("p: offset 0: 16000x16000 is over the limit of 64000000 pixels (--max-pixels)");
    spec = (bmp_spec){.width = 0, .height = 1, .bits = 24, .pixels = row, .pixels_size = 4};
    bmp_make(&file, &spec);
    refused("p: offset 18: a BMP without pixels");
    spec.width = -1;
    bmp_make(&file, &spec);
    refused("p: offset 18: a BMP without pixels");
    spec.width = 1;
    spec.height = INT32_MIN;
    bmp_make(&file, &spec);
    refused("p: offset 18: a BMP without pixels");
    spec.height = 1;
    spec.compression = 1;
    spec.bits = 8;
    bmp_make(&file, &spec);
    refused("p: offset 0: cannot decode: BMP type not supported: RLE");
}
END_TEST

/* What lies behind a palette is no colour. */
START_TEST(bmp_colours_are_in_the_palette) {
    static const struct {
        int bits, colours;
        uint8_t good[4], bad[4]; /* rows of 3 pixels; what pads them may be anything */
        int at, colour;          /* of the fault */
    } cases[] = {{1, 1, {0x1f, 0xff, 0, 0}, {0x40, 0, 0, 0}, 0, 1},
                 {4, 2, {0x01, 0x0f, 0, 0}, {0x01, 0x20, 0, 0}, 1, 2},
                 {8, 2, {1, 0, 1, 9}, {0, 1, 255, 0}, 2, 255}};
    const uint8_t palette[] = {3, 2, 1, 0, 6, 5, 4, 0};
    for (size_t i = 0; i < 3; i++) {
        char want[128];
        bmp_spec spec = {.width = 3,
                         .height = 1,
                         .bits = cases[i].bits,
                         .between = palette,
                         .between_size = 4 * (size_t)cases[i].colours,
                         .pixels = cases[i].good,
                         .pixels_size = 4};
        bmp_make(&file, &spec);
        decodes(true);
        spec.pixels = cases[i].bad;
        bmp_make(&file, &spec);
        snprintf(want, sizeof want, "p: offset %d: a BMP with colour %d of %d",
                 54 + 4 * cases[i].colours + cases[i].at, cases[i].colour, cases[i].colours);
        refused(want);
    }
}
END_TEST

/* stb_image takes every depth above 16 for 32, reads zeros behind the end, and a palette that
 * would end before it begins leaves what the stack held. */
START_TEST(bmp_of_no_depth_or_place_is_refused) {
    static const uint8_t bytes[8 + 4];
    bmp_spec spec = {.width = 1, .height = 1, .bits = 17, .pixels = bytes, .pixels_size = 4};
    bmp_make(&file, &spec);
    refused("p: offset 28: a BMP of 17 bits a pixel, want 1, 4, 8, 16, 24 or 32");
    spec.bits = 0;
    spec.width = spec.height = 8000;
    bmp_make(&file, &spec);
    refused("p: offset 28: a BMP of 0 bits a pixel, want 1, 4, 8, 16, 24 or 32");
    spec = (bmp_spec){1, 1, 1, 0, bytes, 8, bytes, 4};
    bmp_make(&file, &spec);
    decodes(true);
    file.data[10] = 53;
    refused("p: offset 10: a BMP whose pixels begin within its header");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("image_bad");
    TCase *tests = tcase_create("image_bad");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, no_picture_is_named);
    tcase_add_test(tests, other_formats_are_unsupported);
    tcase_add_test(tests, png_damage_is_found);
    tcase_add_test(tests, png_that_lies_is_refused);
    tcase_add_test(tests, png_colours_are_in_the_palette);
    tcase_add_test(tests, png_with_more_data_than_pixels_is_refused);
    tcase_add_test(tests, jpeg_cut_anywhere_is_refused);
    tcase_add_test(tests, jpeg_cut_at_half_gives_no_grey);
    tcase_add_test(tests, jpeg_that_lies_is_refused);
    tcase_add_test(tests, jpeg_with_a_huge_huffman_table_is_refused);
    tcase_add_test(tests, jpeg_of_too_many_scans_is_refused);
    tcase_add_test(tests, jpeg_without_a_part_reads_no_old_memory);
    tcase_add_test(tests, bmp_cut_anywhere_is_refused);
    tcase_add_test(tests, bmp_that_lies_is_refused);
    tcase_add_test(tests, bmp_colours_are_in_the_palette);
    tcase_add_test(tests, bmp_of_no_depth_or_place_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
