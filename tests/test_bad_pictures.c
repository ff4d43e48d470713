/* Pictures that cannot be read, as detect, evaluate and train meet them. A test is named after the
 * number of its case. */
#include "bad_pictures.h"
#include "suite.h"

static uint8_t drawn[1 << 16]; /* bad_det.jpg as it was */
static size_t drawn_size;

static void read_drawn(void) {
    uint8_t *bytes;
    ck_assert_int_eq(rn_file_read(&bytes, &drawn_size, temp_path("bad_det.jpg"), sizeof drawn),
                     RN_OK);
    memcpy(drawn, bytes, drawn_size);
    free(bytes);
}

static void drawn_is_as_it_was(void) {
    static uint8_t before[sizeof drawn];
    const size_t size = drawn_size;
    memcpy(before, drawn, size);
    read_drawn();
    ck_assert_uint_eq(drawn_size, size);
    ck_assert_mem_eq(drawn, before, size);
}

/* good.bmp, and bad_det.jpg as detect drew an earlier bad.bmp. */
static void make_good(void) {
    temp_bmp("good.bmp", 16, 12, 7);
    temp_bmp("bad.bmp", 16, 12, 7);
    DETECT("bad.bmp");
    run_gave(0, "", "");
    unlink(temp_path("bad.bmp"));
    read_drawn();
}

#define GOOD "{\"file\": \"good.bmp\", \"width\": 16, \"height\": 12, \"detections\": []}\n"

/* bad.jpg holds `bytes`: refused alone, skipped among others, the end with --on-bad=fail. */
static void is_refused_with(const char *option, const void *bytes, size_t size, const char *what) {
    char line[400], lines[512];
    temp_bytes("bad.jpg", bytes, size);
    if (!there("good.bmp")) make_good();
    snprintf(line, sizeof line, "detect: error: bad.jpg: %s", what);
    DETECT(option, "bad.jpg");
    run_refused(2, line);
    snprintf(lines, sizeof lines, "%s\ndetect: 1 of 2 pictures could not be read\n", line);
    DETECT(option, "--json", "bad.jpg", "good.bmp");
    run_gave(0, GOOD, lines);
    DETECT(option, "--json", "good.bmp", "bad.jpg");
    run_gave(0, GOOD, lines);
    snprintf(lines, sizeof lines, "%s\n", line);
    DETECT(option, "--json", "--on-bad=fail", "bad.jpg", "good.bmp");
    run_gave(2, "", lines);
    drawn_is_as_it_was();
}

static void is_refused(const void *bytes, size_t size, const char *what) {
    is_refused_with("-t0.5", bytes, size, what); /* which is no matter here */
}

static void file_is_refused(const char *what) {
    is_refused(file.data, file.size, what);
}

/* bad.jpg as it is now, in a set: skipped where it is one of twenty, too many where it is one of
 * nineteen. `size` is its annotation's. */
static void is_skipped(const char *size, const char *what) {
    char skipped[512], want[2048];
    mkdir(temp_path("set"), 0777);
    ck_assert_int_eq(rename(temp_path("bad.jpg"), temp_path("set/bad.jpg")), 0);
    snprintf(skipped, sizeof skipped, "skipped: %s: %s\n", temp_path("set/bad.jpg"), what);
    write_set(PICTURES, "bad.jpg", size);
    evaluate();
    snprintf(want, sizeof want, "%sevaluate: 1 of 20 pictures could not be read\n", skipped);
    ck_assert_str_eq(run_err, want);
    ck_assert_int_eq(run_code, 0);
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"images\": 20,"));
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"unreadable_images\": 1}"));
    train(); /* told of the training set, and of val, which is the same */
    snprintf(want, sizeof want, TWENTY "%s%s1 pictures could not be read and were skipped\n",
             skipped, skipped);
    ck_assert_str_eq(train_said(), want);
    ck_assert_int_eq(run_code, 0);

    char too_many[1024];
    temp_text("o.json", "of before");
    write_set(PICTURES - 1, "bad.jpg", size);
    evaluate();
    snprintf(too_many, sizeof too_many,
             "more than 5%% of the pictures cannot be read (got 1 of 19): %s", skipped + 9);
    snprintf(want, sizeof want, "evaluate: error: set/val.json: %s", too_many);
    run_gave(2, "", want);
    ck_assert_str_eq(text_of("o.json"), "of before");
    train();
    snprintf(want, sizeof want,
             "data        19 pictures to train on (18 without objects), 1 boxes, 1 classes; 19 to "
             "validate\n%strain: error: set/train.json: %s",
             skipped, too_many);
    ck_assert_str_eq(train_said(), want);
    ck_assert_int_eq(run_code, 2);
    ck_assert_str_eq(run_out, "");
}

START_TEST(line_01_zero_bytes) {
    is_refused("", 0, "offset 0: an empty file, want JPEG, PNG or BMP");
    is_skipped("", "offset 0: an empty file, want JPEG, PNG or BMP");
}
END_TEST

START_TEST(line_02_text_or_html_named_jpg) {
    is_refused("No pictures today.\n", 19, "offset 0: not JPEG/PNG/BMP, starts with 'No p'");
    is_refused("<html><body>404</body></html>", 29,
               "offset 0: not JPEG/PNG/BMP, starts with '<htm'");
    is_skipped(", \"width\": 16, \"height\": 12", "offset 0: not JPEG/PNG/BMP, starts with '<htm'");
}
END_TEST

START_TEST(line_03_jpeg_cut_at_half) {
    uint8_t *bytes;
    size_t size;
    char what[128];
    write_noise("whole.jpg");
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path("whole.jpg"), 1 << 20), RN_OK);
    snprintf(what, sizeof what, "offset %zu: the JPEG is cut: its end marker is missing", size / 2);
    is_refused(bytes, size / 2, what);
    is_skipped("", what);
    free(bytes);
}
END_TEST

START_TEST(line_04_bmp_cut) {
    const uint8_t rows[24] = {0};
    const bmp_spec spec = {.width = 3, .height = 2, .bits = 24, .pixels = rows, .pixels_size = 24};
    bmp_make(&file, &spec);
    file.size = 65;
    file_is_refused("offset 65: the BMP is cut: 65 bytes, want 78");
    is_skipped("", "offset 65: the BMP is cut: 65 bytes, want 78");
}
END_TEST

/* Headers that claim 16000 x 16000, with next to nothing behind them. */
static void claim_jpeg(void) {
    file.size = 0;
    put(&file, "\xff\xd8\xff\xc0\0\13\10\76\200\76\200\1\1\21\0\xff\xd9", 17);
}

static void claim_png(void) {
    png(16000, 16000, 8, 2, "\0", 1);
}

static void claim_bmp(void) {
    const bmp_spec spec = {
        .width = 16000, .height = 16000, .bits = 24, .pixels = file.data, .pixels_size = 4};
    bmp_make(&file, &spec);
}

/* What they claim would be 768 MB. */
static void little_memory(void) {
    limit_memory((rlim_t)500 << 20);
}

START_TEST(line_05_16000_x_16000_without_data) {
    static const struct {
        void (*claim)(void);
        const char *what; /* where the limit lets it pass */
    } cases[] = {
        {claim_jpeg, "offset 17: the file is cut: 17 bytes cannot hold 16000x16000 pixels"},
        {claim_png, "offset 69: the file is cut: 69 bytes cannot hold 16000x16000 pixels"},
        {claim_bmp, "offset 58: the BMP is cut: 58 bytes, want 768000054"}};
    for (size_t i = 0; i < 3; i++) {
        char want[256];
        cases[i].claim();
        file_is_refused(
            "offset 0: 16000x16000 is over the limit of 64000000 pixels (--max-pixels)");
        is_refused_with("--max-pixels=300000000", file.data, file.size, cases[i].what);
        run_before = little_memory;
        DETECT("--max-pixels=300000000", "bad.jpg");
        snprintf(want, sizeof want, "detect: error: bad.jpg: %s", cases[i].what);
        run_refused(2, want);
    }
    is_skipped("", "offset 0: 16000x16000 is over the limit of 64000000 pixels (--max-pixels)");
}
END_TEST

START_TEST(line_06_png_bomb) {
    static const char what[] =
        "offset 0: 65535x65535 is over the limit of 64000000 pixels (--max-pixels)";
    png(65535, 65535, 8, 2, "\0", 1);
    file_is_refused(what);
    is_skipped("", what);
    png(20, 11, 8, 0, (const uint8_t[11 * 21]){0}, 11 * 21); /* the good one has 192 pixels */
    is_refused_with("--max-pixels=219", file.data, file.size,
                    "offset 0: 20x11 is over the limit of 219 pixels (--max-pixels)");
}
END_TEST

START_TEST(line_07_png_with_a_bad_crc) {
    png(3, 2, 8, 0, "\0abc\0def", 8);
    file.data[29] ^= 1; /* of the header */
    file_is_refused("offset 8: PNG chunk IHDR has a wrong checksum");
    file.data[29] ^= 1;
    file.data[50] ^= 1; /* a pixel */
    file_is_refused("offset 33: PNG chunk IDAT has a wrong checksum");
    is_skipped("", "offset 33: PNG chunk IDAT has a wrong checksum");
}
END_TEST

START_TEST(line_15_formats_that_are_not_read) {
    static const struct {
        const char *name, *bytes;
        size_t size;
    } cases[] = {{"GIF", "GIF89a\1\0\1\0\0\0\0;", 14},
                 {"WebP", "RIFF\x24\0\0\0WEBPVP8 ", 16},
                 {"PSD", "8BPS\0\1\0\0\0\0\0\0", 12},
                 {"HDR", "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", 34},
                 {"TGA", "\0\0\2\0\0\0\0\0\0\0\0\0\1\0\1\0\x18\0abc", 21},
                 {"TIFF", "II*\0\10\0\0\0", 8},
                 {"HEIF or AVIF", "\0\0\0\x1c\146typavif\0\0\0\0", 16}};
    char what[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(what, sizeof what, "offset 0: unsupported %s (want JPEG, PNG or BMP)",
                 cases[i].name);
        is_refused(cases[i].bytes, cases[i].size, what);
    }
    is_skipped("", what);
}
END_TEST

START_TEST(line_16_a_size_that_is_not_the_annotations) {
    static const char *const sizes[] = {", \"width\": 17, \"height\": 12",
                                        ", \"width\": 16, \"height\": 11",
                                        ", \"width\": 12, \"height\": 16"};
    static const char *const whats[] = {"not of the annotated size (got 16x12, want 17x12)",
                                        "not of the annotated size (got 16x12, want 16x11)",
                                        "not of the annotated size (got 16x12, want 12x16)"};
    for (int i = 0; i < 3; i++) {
        temp_bmp("bad.jpg", 16, 12, 7);
        is_skipped(sizes[i], whats[i]);
    }
}
END_TEST

START_TEST(line_11_a_colour_beyond_the_palette) {
    const uint8_t colours[8] = {0}, row[4] = {0, 1, 2, 0};
    const bmp_spec spec = {.width = 3,
                           .height = 1,
                           .bits = 8,
                           .between = colours,
                           .between_size = 8,
                           .pixels = row,
                           .pixels_size = 4};
    bmp_make(&file, &spec);
    file_is_refused("offset 64: a BMP with colour 2 of 2");
    png_begin(&file, 3, 1, 8, 3);
    png_chunk(&file, "PLTE", colours, 6);
    png_data(&file, "\0\0\1\2", 4);
    png_end(&file);
    file_is_refused("offset 33: a PNG with colour 2 of 2");
    is_skipped("", "offset 33: a PNG with colour 2 of 2");
}
END_TEST

/* Nobody knows whether it is upside down. */
START_TEST(line_12_cmyk_that_is_not_known) {
    static const char what[] =
        "offset 73: a JPEG of 4 components without Adobe's marker (CMYK or YCCK?)";
    jpeg(1, 1, 4, (const uint8_t[]){200, 100, 50, 255}, -1);
    file_is_refused(what);
    is_skipped("", what);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_pictures");
    TCase *tests = add_case(suite, "bad_pictures");
    tcase_add_test(tests, line_01_zero_bytes);
    tcase_add_test(tests, line_02_text_or_html_named_jpg);
    tcase_add_test(tests, line_03_jpeg_cut_at_half);
    tcase_add_test(tests, line_04_bmp_cut);
    tcase_add_test(tests, line_05_16000_x_16000_without_data);
    tcase_add_test(tests, line_06_png_bomb);
    tcase_add_test(tests, line_07_png_with_a_bad_crc);
    tcase_add_test(tests, line_11_a_colour_beyond_the_palette);
    tcase_add_test(tests, line_12_cmyk_that_is_not_known);
    tcase_add_test(tests, line_15_formats_that_are_not_read);
    tcase_add_test(tests, line_16_a_size_that_is_not_the_annotations);
    return suite_run(suite);
}
