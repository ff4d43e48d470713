/* Odd pictures that are read all the same, and rightly, by detect, evaluate and train. A test is
 * named after the number of its case. */
#include "bad_pictures.h"
#include "suite.h"

/* odd.jpg as it is now: detect finds nothing, in it as in a set of others. */
static void is_read(int width, int height) {
    char want[256];
    DETECT("--json", "odd.jpg");
    snprintf(want, sizeof want,
             "{\"file\": \"odd.jpg\", \"width\": %d, \"height\": %d, \"detections\": []}\n", width,
             height);
    run_gave(0, want, "");
    rn_image_free(&image);
    ck_assert_int_eq(rn_image_read(&image, temp_path("odd_det.jpg"), NULL), RN_OK);
    is_size(width, height);
}

static void file_is_read(int width, int height) {
    temp_bytes("odd.jpg", file.data, file.size);
    is_read(width, height);
}

/* odd.jpg as it is now, in a set: nobody says anything, no number is none. */
static void is_used(void) {
    mkdir(temp_path("set"), 0777);
    ck_assert_int_eq(rename(temp_path("odd.jpg"), temp_path("set/odd.jpg")), 0);
    write_set(PICTURES, "odd.jpg", "");
    evaluate();
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(run_code, 0);
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"images\": 20,"));
    ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"unreadable_images\": 0}"));
    train();
    ck_assert_str_eq(train_said(), TWENTY);
    ck_assert_int_eq(run_code, 0);
}

/* As drawn by detect, through a JPEG. */
static void is_near(int x, int y, int r, int g, int b) {
    const uint8_t *p = image.pixels + 3 * (y * image.width + x);
    ck_assert_msg(abs(p[0] - r) <= 4 && abs(p[1] - g) <= 4 && abs(p[2] - b) <= 4,
                  "pixel (%d, %d) is (%d, %d, %d), want (%d, %d, %d)", x, y, p[0], p[1], p[2], r, g,
                  b);
}

START_TEST(line_08_a_single_pixel) {
    png(1, 1, 8, 2, "\0\1\2\3", 4);
    file_is_read(1, 1);
    DETECT("-t", "0", "--no-image", "odd.jpg"); /* all that it thinks of: within the pixel */
    ck_assert_int_eq(run_code, 0);
    ck_assert_str_eq(run_err, "");
    int boxes = 0;
    for (char *line = strtok(run_out, "\n"); line; line = strtok(NULL, "\n"), boxes++) {
        double score, x1, y1, x2, y2;
        int end = 0;
        ck_assert_int_eq(sscanf(line, "odd.jpg\t%*[a-z]\t%lf\t%lf\t%lf\t%lf\t%lf%n", &score, &x1,
                                &y1, &x2, &y2, &end),
                         5);
        ck_assert_msg(line[end] == '\0' && score >= 0 && score < 0.5 && 0 <= x1 && x1 <= x2 &&
                          x2 <= 1 && 0 <= y1 && y1 <= y2 && y2 <= 1,
                      "%s", line);
    }
    ck_assert_int_gt(boxes, 0);
    is_used();
}
END_TEST

/* Its shorter side would be 0.06 pixels. */
START_TEST(line_09_a_strip) {
    static uint8_t rows[40000];
    png(1, 20000, 8, 0, rows, 40000);
    file_is_read(1, 20000);
    is_used();
    png(20000, 1, 8, 0, rows, 20001);
    file_is_read(20000, 1);
    is_used();
}
END_TEST

START_TEST(line_10_sixteen_bits) {
    png(2, 1, 16, 2, "\0\x60\x34\x80\xff\xa0\x01\x60\0\x80\0\xa0\0", 13);
    file_is_read(2, 1);
    is_near(0, 0, 0x60, 0x80, 0xa0);
    is_used();
    png(2, 1, 16, 0, "\0\x60\x34\x60\xcd", 5);
    file_is_read(2, 1);
    is_near(0, 0, 0x60, 0x60, 0x60);
}
END_TEST

START_TEST(line_11_grey_alpha_palette) {
    png(2, 1, 8, 0, "\0\x60\x60", 3);
    file_is_read(2, 1);
    is_near(1, 0, 0x60, 0x60, 0x60);
    png(2, 1, 8, 4, "\0\x60\0\x60\xff", 5);
    file_is_read(2, 1);
    is_near(0, 0, 0x60, 0x60, 0x60);
    png(2, 1, 8, 6, "\0\x60\x80\xa0\0\x60\x80\xa0\x80", 9);
    file_is_read(2, 1);
    is_near(0, 0, 0x60, 0x80, 0xa0);
    png_begin(&file, 2, 1, 1, 3);
    png_chunk(&file, "PLTE", "\1\2\3\x60\x80\xa0", 6);
    png_data(&file, "\0\xc0", 2);
    png_end(&file);
    file_is_read(2, 1);
    is_near(0, 0, 0x60, 0x80, 0xa0);
    is_used();
    jpeg(1, 1, 1, (const uint8_t[]){0x60}, -1);
    file_is_read(8, 8);
    is_near(3, 3, 0x60, 0x60, 0x60);
}
END_TEST

/* Adobe's marker says what the four are. */
START_TEST(line_12_cmyk_that_is_known) {
    jpeg(1, 1, 4, (const uint8_t[]){200, 100, 50, 255}, 0); /* upside down: none is 255 */
    file_is_read(8, 8);
    is_near(3, 3, 200, 100, 50);
    jpeg(1, 1, 4, (const uint8_t[]){55, 128, 128, 255}, 2); /* YCCK */
    file_is_read(8, 8);
    is_near(3, 3, 200, 200, 200);
    is_used();
}
END_TEST

START_TEST(line_17_a_png_named_jpg) {
    png(3, 2, 8, 2, "\0abcdefghi\0jklmnopqr", 20);
    file_is_read(3, 2);
    is_used();
    write_noise("noise.jpg");
    ck_assert_int_eq(rename(temp_path("noise.jpg"), temp_path("noise.png")), 0);
    DETECT("--json", "--no-image", "noise.png"); /* and the other way round */
    run_gave(0, "{\"file\": \"noise.png\", \"width\": 64, \"height\": 64, \"detections\": []}\n",
             "");
}
END_TEST

/* ---- EXIF ---- */

/* "Exif\0\0", a TIFF header and a directory of one entry: the orientation. */
static void exif_make(file_bytes *e, unsigned orientation) {
    e->size = 0;
    put(e, "Exif\0\0II\52\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0", 24);
    put_little(e, orientation, 4);
    put_little(e, 0, 4);
}

enum { COLUMNS = 3, ROWS = 2 }; /* of blocks, seen upright */
static const uint8_t seen[ROWS * COLUMNS] = {10, 220, 30, 140, 50, 180};

/* A JPEG that is seen as `seen`, stored so that it takes orientation `o`: EXIF 2.3 says for each
 * which sides row 0 and column 0 are. */
static void turned_jpeg(const char *name, int o) {
    static const char *const stored[9] = {NULL,     "012345", "210543", "543210", "345012",
                                          "031425", "251403", "524130", "304152"};
    uint8_t values[6];
    file_bytes exif;
    for (int i = 0; i < 6; i++) values[i] = seen[stored[o][i] - '0'];
    exif_make(&exif, (unsigned)o);
    const jpeg_spec spec = {.columns = o < 5 ? COLUMNS : ROWS,
                            .rows = o < 5 ? ROWS : COLUMNS,
                            .components = 1,
                            .values = values,
                            .adobe = -1,
                            .exif = exif.data,
                            .exif_size = exif.size};
    jpeg_make(&file, &spec);
    temp_bytes(name, file.data, file.size);
}

/* Eight files of one picture: the same boxes to the last digit. */
START_TEST(line_13_orientation_in_detect) {
    static char first[sizeof run_out];
    for (int o = 1; o <= 8; o++) {
        turned_jpeg("turned.jpg", o);
        DETECT("-t", "0", "--json", "turned.jpg");
        ck_assert_str_eq(run_err, "");
        ck_assert_int_eq(run_code, 0);
        if (o == 1) strcpy(first, run_out);
        ck_assert(strcmp(run_out, first) == 0); /* too long for Check to show */
        DETECT("--json", "turned.jpg");         /* without boxes */
        run_gave(0,
                 "{\"file\": \"turned.jpg\", \"width\": 24, \"height\": 16, \"detections\": []}\n",
                 "");
        rn_image_free(&image);
        ck_assert_int_eq(rn_image_read(&image, temp_path("turned_det.jpg"), NULL), RN_OK);
        is_size(24, 16);
        for (int i = 0; i < 6; i++)
            is_near(8 * (i % 3) + 4, 8 * (i / 3) + 4, seen[i], seen[i], seen[i]);
    }
    ck_assert_ptr_nonnull(strstr(first, "\"box\": "));
}
END_TEST

/* Annotated as it is stored or as it is seen: so it is shown to the network. */
START_TEST(line_13_orientation_in_train_and_evaluate) {
    static const char *const sizes[] = {", \"width\": 16, \"height\": 24",
                                        ", \"width\": 24, \"height\": 16"};
    for (int upright = 0; upright < 2; upright++) {
        turned_jpeg("set/turned.jpg", 6);
        write_set(2, "turned.jpg", sizes[upright]); /* after a picture that becomes 32 x 24 */
        run_args(tiny_args("run", ARGS("--max-steps", "1", "--set", "size=32", "--set", "flip=0",
                                       "--set", "vflip=0", "--set", "scale-min=1", "--set",
                                       "scale-max=1", "--set", "color=0")));
        ck_assert_str_eq(train_said(), "data        2 pictures to train on (1 without objects), 1 "
                                       "boxes, 1 classes; 2 to validate\n");
        ck_assert_int_eq(run_code, 0);
        for (int i = 0; i < 2 && (i == 0 || (image.width == 32 && image.height == 24)); i++) {
            rn_image_free(&image);
            ck_assert_int_eq(rn_image_read(&image,
                                           temp_path(i ? "run/pictures/train_2.jpg"
                                                       : "run/pictures/train_1.jpg"),
                                           NULL),
                             RN_OK);
        }
        is_size(upright ? 32 : 21, upright ? 21 : 32);
        if (upright)
            is_near(28, 17, 180, 180, 180);
        else
            is_near(17, 28, 140, 140, 140);
        nftw(temp_path("run"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
        evaluate();
        ck_assert_str_eq(run_err, "");
        ck_assert_int_eq(run_code, 0);
        ck_assert_ptr_nonnull(strstr(text_of("o.json"), "\"unreadable_images\": 0}"));
    }
}
END_TEST

START_TEST(line_14_broken_exif) {
    static const struct {
        size_t at;
        uint8_t value;
        size_t size;
    } faults[] = {{6, 'X', 32}, {8, 43, 32}, {10, 200, 32}, {18, 4, 32},
                  {24, 0, 32},  {24, 9, 32}, {25, 1, 32},   {0, 'E', 27}}; /* the last is cut */
    char warning[256], want[1024];
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        file_bytes exif;
        exif_make(&exif, 6);
        exif.data[faults[i].at] = faults[i].value;
        const jpeg_spec spec = {.columns = COLUMNS,
                                .rows = ROWS,
                                .components = 1,
                                .values = seen,
                                .adobe = -1,
                                .exif = exif.data,
                                .exif_size = faults[i].size};
        jpeg_make(&file, &spec);
        temp_bytes("odd.jpg", file.data, file.size);
        DETECT("--json", "odd.jpg");
        run_gave(0, "{\"file\": \"odd.jpg\", \"width\": 24, \"height\": 16, \"detections\": []}\n",
                 "detect: warning: odd.jpg: broken EXIF: taken as upright\n");
        DETECT("--json", "-q", "odd.jpg");
        ck_assert_str_eq(run_err, "");
    }
    mkdir(temp_path("set"), 0777);
    ck_assert_int_eq(rename(temp_path("odd.jpg"), temp_path("set/odd.jpg")), 0);
    write_set(PICTURES, "odd.jpg", "");
    snprintf(warning, sizeof warning, "warning: %s: broken EXIF: taken as upright\n",
             temp_path("set/odd.jpg"));
    evaluate();
    ck_assert_str_eq(run_err, warning);
    ck_assert_int_eq(run_code, 0);
    train(); /* told of the training set, and of val, which is the same */
    snprintf(want, sizeof want, TWENTY "%s%s", warning, warning);
    ck_assert_str_eq(train_said(), want);
    ck_assert_int_eq(run_code, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_pictures_read");
    TCase *tests = add_case(suite, "bad_pictures_read");
    tcase_add_test(tests, line_08_a_single_pixel);
    tcase_add_test(tests, line_09_a_strip);
    tcase_add_test(tests, line_10_sixteen_bits);
    tcase_add_test(tests, line_11_grey_alpha_palette);
    tcase_add_test(tests, line_12_cmyk_that_is_known);
    tcase_add_test(tests, line_13_orientation_in_detect);
    tcase_add_test(tests, line_13_orientation_in_train_and_evaluate);
    tcase_add_test(tests, line_14_broken_exif);
    tcase_add_test(tests, line_17_a_png_named_jpg);
    return suite_run(suite);
}
