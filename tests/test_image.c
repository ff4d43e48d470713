/* Pictures of every kind that is read, pixel by pixel. */
#include "data/image.h"
#include "data/image_check.h"
#include "picture_files.h"
#include "suite.h"

static void teardown(void) {
    rn_image_free(&image);
}

/* ---- all ---- */

START_TEST(files_are_told_by_content) {
    temp_open();
    const rn_read_options small = {.max_pixels = 5};
    char want[512];
    png_begin(&file, 3, 2, 8, 2);
    png_data(&file, "\0abcdefghi\0jklmnopqr", 20);
    png_end(&file);
    temp_bytes("a.jpg", file.data, file.size);
    ck_assert_int_eq(rn_image_read(&image, temp_path("a.jpg"), NULL), RN_OK);
    is_size(3, 2);
    is_pixel(2, 1, 'p', 'q', 'r');
    rn_image_free(&image);
    ck_assert_int_eq(rn_image_read(&image, temp_path("a.jpg"), &small), RN_EINPUT);
    snprintf(want, sizeof want, "%s: offset 0: 3x2 is over the limit of 5 pixels (--max-pixels)",
             temp_path("a.jpg"));
    ck_assert_str_eq(rn_error_text(), want);
    image.width = 7;
    ck_assert_int_eq(rn_image_read(&image, temp_path("none"), NULL), RN_EINPUT);
    snprintf(want, sizeof want, "%s: cannot open: No such file or directory", temp_path("none"));
    ck_assert_str_eq(rn_error_text(), want);
    is_size(0, 0);
    temp_close();
}
END_TEST

START_TEST(the_limit_is_the_callers) {
    png(3, 2, 8, 2, "\0abcdefghi\0jklmnopqr", 20);
    ck_assert_int_eq(rn_image_decode(&image, file.data, file.size, "p", 6, true), RN_OK);
    rn_image_free(&image);
    ck_assert_int_eq(rn_image_decode(&image, file.data, file.size, "p", 5, true), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(),
                     "p: offset 0: 3x2 is over the limit of 5 pixels (--max-pixels)");
}
END_TEST

/* ---- PNG ---- */

START_TEST(png_of_any_kind_is_rgb) {
    png(2, 1, 8, 2, "\0\1\2\3\4\5\6", 7);
    decodes(true);
    is_size(2, 1);
    is_pixel(0, 0, 1, 2, 3);
    is_pixel(1, 0, 4, 5, 6);
    png(1, 1, 8, 0, "\0\x90", 2); /* and a picture of one pixel */
    decodes(true);
    is_size(1, 1);
    is_pixel(0, 0, 0x90, 0x90, 0x90);
    png(2, 1, 8, 4, "\0\x40\0\x50\xff", 5); /* alpha is dropped: no black where it is 0 */
    decodes(true);
    is_pixel(0, 0, 0x40, 0x40, 0x40);
    is_pixel(1, 0, 0x50, 0x50, 0x50);
    png(1, 2, 8, 6, "\0\1\2\3\0\0\4\5\6\x80", 10);
    decodes(true);
    is_size(1, 2);
    is_pixel(0, 0, 1, 2, 3);
    is_pixel(0, 1, 4, 5, 6);
    png(2, 1, 16, 2, "\0\x12\x34\xff\xff\x80\x01\0\0\x0f\xff\xab\xcd", 13);
    decodes(true);
    is_pixel(0, 0, 0x12, 0xff, 0x80);
    is_pixel(1, 0, 0, 0x0f, 0xab);
    png(1, 1, 16, 0, "\0\x12\x34", 3);
    decodes(true);
    is_pixel(0, 0, 0x12, 0x12, 0x12);
    png(9, 1, 1, 0, "\0\xa0\x80", 3); /* 1 0 1 0 0 0 0 0 1 */
    decodes(true);
    is_pixel(0, 0, 255, 255, 255);
    is_pixel(1, 0, 0, 0, 0);
    is_pixel(8, 0, 255, 255, 255);
    png(3, 1, 4, 0, "\0\x1f\x80", 3); /* 15 steps of 17 */
    decodes(true);
    is_pixel(0, 0, 17, 17, 17);
    is_pixel(1, 0, 255, 255, 255);
    is_pixel(2, 0, 136, 136, 136);
}
END_TEST

START_TEST(png_palettes_are_looked_up) {
    png_begin(&file, 5, 1, 2, 3);
    png_chunk(&file, "PLTE", "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    png_chunk(&file, "tRNS", "\0\x80", 2);
    png_data(&file, "\0\x1b\x80", 3); /* 0 1 2 3 2 */
    png_end(&file);
    decodes(true);
    is_size(5, 1);
    is_pixel(0, 0, 1, 2, 3);
    is_pixel(1, 0, 4, 5, 6);
    is_pixel(2, 0, 7, 8, 9);
    is_pixel(3, 0, 10, 11, 12);
    is_pixel(4, 0, 7, 8, 9);
}
END_TEST

/* ---- JPEG ---- */

static const uint8_t six[] = {10, 20, 30, 40, 50, 60};

START_TEST(jpeg_grey_and_colour) {
    jpeg(3, 2, 1, six, -1);
    decodes(true);
    is_size(24, 16);
    is_pixel(0, 0, 10, 10, 10);
    is_pixel(23, 7, 30, 30, 30);
    is_pixel(8, 15, 50, 50, 50);
    jpeg(1, 1, 3, (const uint8_t[]){76, 85, 255}, -1); /* JFIF's red is (76, 85, 255) */
    decodes(true);
    is_pixel(3, 3, 254, 0, 0); /* 76 + 1.402 * 127, 76 - 0.344 * -43 - 0.714 * 127 < 0 */
    jpeg(1, 1, 3, (const uint8_t[]){200, 100, 50}, 0); /* Adobe: RGB as it is */
    decodes(true);
    is_pixel(3, 3, 200, 100, 50);
}
END_TEST

/* Adobe writes inks upside down (255 is none), so red is cyan's sample times black's. */
START_TEST(jpeg_cmyk_is_right_or_refused) {
    const uint8_t inks[] = {255, 128, 0, 255, 200, 100, 50, 51};
    jpeg(2, 1, 4, inks, 0);
    decodes(true);
    is_pixel(0, 0, 255, 128, 0);
    is_pixel(8, 0, 40, 20, 10); /* a fifth */
    jpeg(1, 1, 4, (const uint8_t[]){55, 128, 128, 255}, 2);
    decodes(true);
    is_pixel(0, 0, 200, 200, 200);
    jpeg(1, 1, 4, inks, -1); /* nobody knows whether it is upside down */
    refused("p: offset 73: a JPEG of 4 components without Adobe's marker (CMYK or YCCK?)");
    jpeg(1, 1, 4, inks, 1);
    refused("p: offset 89: a JPEG of 4 components without Adobe's marker (CMYK or YCCK?)");
}
END_TEST

/* ---- orientation ---- */

/* "Exif\0\0", a TIFF header and a directory of two entries, the second the orientation. */
static void exif_make(file_bytes *e, bool big, uint32_t orientation) {
    void (*number)(file_bytes *, uint32_t, int) = big ? put_big : put_little;
    e->size = 0;
    put(e, "Exif\0\0", 6);
    put(e, big ? "MM" : "II", 2);
    number(e, 42, 2);
    number(e, 8, 4);
    number(e, 2, 2);
    const uint32_t entries[2] = {0x0100, 0x0112};
    for (int i = 0; i < 2; i++) {
        number(e, entries[i], 2);
        number(e, 3, 2);
        number(e, 1, 4);
        number(e, i ? orientation : 7, 2);
        number(e, 0, 2);
    }
    number(e, 0, 4);
}

/* six as it is seen: EXIF 2.3 says for each orientation which sides row 0 and column 0 are. */
static const struct {
    int columns, rows;
    int values[6];
} seen[9] = {{3, 2, {10, 20, 30, 40, 50, 60}},  /* none */
             {3, 2, {10, 20, 30, 40, 50, 60}},  /* 1: top, left */
             {3, 2, {30, 20, 10, 60, 50, 40}},  /* 2: top, right */
             {3, 2, {60, 50, 40, 30, 20, 10}},  /* 3: bottom, right */
             {3, 2, {40, 50, 60, 10, 20, 30}},  /* 4: bottom, left */
             {2, 3, {10, 40, 20, 50, 30, 60}},  /* 5: left, top */
             {2, 3, {40, 10, 50, 20, 60, 30}},  /* 6: right, top */
             {2, 3, {60, 30, 50, 20, 40, 10}},  /* 7: right, bottom */
             {2, 3, {30, 60, 20, 50, 10, 40}}}; /* 8: left, bottom */

static void is_seen(int o) {
    is_size(8 * seen[o].columns, 8 * seen[o].rows);
    for (int i = 0; i < 6; i++) {
        const int x = 8 * (i % seen[o].columns), y = 8 * (i / seen[o].columns);
        const int v = seen[o].values[i];
        is_pixel(x, y, v, v, v);
        is_pixel(x + 7, y + 7, v, v, v);
    }
}

START_TEST(orientation_is_applied) {
    file_bytes exif;
    int width, height, orientation;
    for (int big = 0; big < 2; big++)
        for (int o = 1; o <= 8; o++) {
            exif_make(&exif, big, (uint32_t)o);
            const jpeg_spec spec = {.columns = 3,
                                    .rows = 2,
                                    .components = 1,
                                    .values = six,
                                    .adobe = -1,
                                    .exif = exif.data,
                                    .exif_size = exif.size};
            jpeg_make(&file, &spec);
            decodes(true);
            is_seen(o);
            decodes(false);
            is_seen(1);
            ck_assert_int_eq(
                rn_image_probe(&width, &height, &orientation, file.data, file.size, "p"), RN_OK);
            ck_assert(width == 24 && height == 16 && orientation == o); /* as stored */
        }
}
END_TEST

/* Where each pixel of a picture goes: of less than a block, of several tiles. */
static void check_turned(int w, int h, int o, rn_isa isa) {
    rn_image turned = {.width = w, .height = h};
    const size_t size = (size_t)w * (size_t)h * 3;
    turned.pixels = malloc(size); /* to the byte, for the sanitizer */
    ck_assert_ptr_nonnull(turned.pixels);
    for (size_t i = 0; i < size; i++) turned.pixels[i] = (uint8_t)(i % 251);
    ck_assert_int_eq(rn_image_turn(&turned, o, isa), RN_OK);
    ck_assert_int_eq(turned.width, o < 5 ? w : h);
    ck_assert_int_eq(turned.height, o < 5 ? h : w);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int right = w - 1 - x, bottom = h - 1 - y;
            const int to[9][2] = {{x, y},          {x, y},          {right, y},
                                  {right, bottom}, {x, bottom},     {y, x},
                                  {bottom, x},     {bottom, right}, {y, right}};
            const size_t from = 3 * ((size_t)y * (size_t)w + (size_t)x);
            const uint8_t *p = turned.pixels + 3 * (to[o][1] * turned.width + to[o][0]);
            for (size_t c = 0; c < 3; c++)
                if (p[c] != (from + c) % 251)
                    ck_abort_msg("%d x %d, orientation %d: pixel %d, %d went elsewhere", w, h, o, x,
                                 y);
        }
    rn_image_free(&turned);
}

START_TEST(orientation_of_every_pixel) {
    static const int sizes[][2] = {{1, 1}, {1, 9},   {9, 1},    {4, 6},
                                   {6, 4}, {75, 41}, {150, 70}, {64, 128}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int o = 0; o <= 8; o++)
            for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++)
                check_turned(sizes[i][0], sizes[i][1], o, (rn_isa)isa);
}
END_TEST

START_TEST(png_orientation_is_applied) {
    file_bytes exif;
    int width, height, orientation;
    exif_make(&exif, true, 6);
    for (int behind = 0; behind < 2; behind++) { /* the picture's data, as some write it */
        png_begin(&file, 2, 1, 8, 0);
        if (!behind) png_chunk(&file, "eXIf", exif.data + 6, exif.size - 6);
        png_data(&file, "\0\20\40", 3);
        if (behind) png_chunk(&file, "eXIf", exif.data + 6, exif.size - 6);
        png_end(&file);
        decodes(true);
        is_size(1, 2);
        is_pixel(0, 0, 16, 16, 16);
        is_pixel(0, 1, 32, 32, 32);
        ck_assert_ptr_null(image.warning);
        decodes(false);
        is_size(2, 1);
        ck_assert_int_eq(rn_image_probe(&width, &height, &orientation, file.data, file.size, "p"),
                         RN_OK);
        ck_assert(width == 2 && height == 1 && orientation == 6);
    }
}
END_TEST

START_TEST(broken_exif_is_ignored) {
    static const struct {
        size_t at; /* in the TIFF file */
        uint8_t value;
        int orientation; /* 0: broken; 1: there is none */
    } faults[] = {{0, 'X', 0}, {1, 'M', 0}, {2, 43, 0},   {3, 1, 0},  {5, 1, 0},
                  {6, 1, 0},   {7, 1, 0},   {4, 0xf0, 0}, {24, 4, 0}, {30, 0, 0},
                  {30, 9, 0},  {31, 1, 0},  {22, 0, 1},   {8, 1, 1},  {8, 0, 1}};
    file_bytes exif;
    exif_make(&exif, false, 6);
    uint8_t *tiff = exif.data + 6;
    ck_assert_int_eq(rn_exif_orientation(tiff, exif.size - 6), 6);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const uint8_t right = tiff[faults[i].at];
        tiff[faults[i].at] = faults[i].value;
        ck_assert_msg(rn_exif_orientation(tiff, exif.size - 6) == faults[i].orientation,
                      "fault %zu", i);
        tiff[faults[i].at] = right;
    }
    for (size_t n = 0; n < 34; n++) { /* its entry ends at 34 */
        uint8_t *part = malloc(n + 1);
        ck_assert_ptr_nonnull(part);
        memcpy(part + 1, tiff, n);
        ck_assert_int_eq(rn_exif_orientation(part + 1, n), 0);
        free(part);
    }
    tiff[8] = 200; /* more entries than there are: ours stands before the end all the same */
    ck_assert_int_eq(rn_exif_orientation(tiff, exif.size - 6), 6);
    tiff[30] = 9;
    const jpeg_spec spec = {3, 2, 1, six, -1, exif.data, exif.size};
    for (int foreign = 0; foreign < 2; foreign++) {
        exif.data[0] = foreign ? 'e' : 'E'; /* APP1 holds other things too: XMP, say */
        jpeg_make(&file, &spec);
        decodes(true);
        is_seen(1);
        if (foreign)
            ck_assert_ptr_null(image.warning);
        else
            ck_assert_str_eq(image.warning, "broken EXIF: taken as upright");
    }
}
END_TEST

/* ---- BMP ---- */

START_TEST(bmp_rows_and_depths) {
    const uint8_t rows[] = {3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10, 0, 0};
    bmp_spec spec = {.width = 2, .height = 2, .bits = 24, .pixels = rows, .pixels_size = 16};
    bmp_make(&file, &spec);
    decodes(true);
    is_size(2, 2);
    is_pixel(0, 0, 7, 8, 9); /* bottom row first */
    is_pixel(1, 1, 4, 5, 6);
    spec.height = -2;
    bmp_make(&file, &spec);
    decodes(true);
    is_size(2, 2);
    is_pixel(0, 0, 1, 2, 3);
    is_pixel(1, 1, 10, 11, 12);
    const uint8_t palette[] = {3, 2, 1, 0, 6, 5, 4, 0}, indices[] = {0x40, 0, 0, 0};
    spec = (bmp_spec){.width = 3,
                      .height = 1,
                      .bits = 1,
                      .between = palette,
                      .between_size = 8,
                      .pixels = indices,
                      .pixels_size = 4};
    bmp_make(&file, &spec);
    decodes(true);
    is_pixel(0, 0, 1, 2, 3);
    is_pixel(1, 0, 4, 5, 6);
    is_pixel(2, 0, 1, 2, 3);
    const uint8_t masks[] = {0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0};
    const uint8_t wide[] = {1, 2, 3, 0, 4, 5, 6, 0};
    spec = (bmp_spec){.width = 1,
                      .height = 2,
                      .bits = 32,
                      .compression = 3,
                      .between = masks,
                      .between_size = 12,
                      .pixels = wide,
                      .pixels_size = 8};
    bmp_make(&file, &spec); /* masks: red in the lowest byte */
    decodes(true);
    is_pixel(0, 0, 4, 5, 6);
    is_pixel(0, 1, 1, 2, 3);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("image");
    TCase *tests = tcase_create("image");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, files_are_told_by_content);
    tcase_add_test(tests, the_limit_is_the_callers);
    tcase_add_test(tests, png_of_any_kind_is_rgb);
    tcase_add_test(tests, png_palettes_are_looked_up);
    tcase_add_test(tests, jpeg_grey_and_colour);
    tcase_add_test(tests, jpeg_cmyk_is_right_or_refused);
    tcase_add_test(tests, orientation_is_applied);
    tcase_add_test(tests, orientation_of_every_pixel);
    tcase_add_test(tests, png_orientation_is_applied);
    tcase_add_test(tests, broken_exif_is_ignored);
    tcase_add_test(tests, bmp_rows_and_depths);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
