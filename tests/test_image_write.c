/* Pictures written: what comes back, the mark, and that a failure leaves the old file. */
#include "picture_files.h"
#include "suite.h"

#include <signal.h>
#include <sys/resource.h>

static rn_image made;

static void setup(void) {
    temp_open();
}

static void teardown(void) {
    rn_image_free(&image);
    rn_image_free(&made);
    temp_close();
}

static void make(int width, int height) {
    rn_image_free(&made);
    made = (rn_image){
        .width = width, .height = height, .pixels = malloc((size_t)width * (size_t)height * 3)};
    ck_assert_ptr_nonnull(made.pixels);
}

static void make_noise(int width, int height) {
    uint32_t state = 1;
    make(width, height);
    for (int i = 0; i < 3 * width * height; i++)
        made.pixels[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
}

static void writes(const char *name, bool annotated) {
    const rn_status status = annotated ? rn_image_write_annotated(&made, temp_path(name))
                                       : rn_image_write(&made, temp_path(name));
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

static void reads(const char *name) {
    rn_image_free(&image);
    ck_assert_msg(rn_image_read(&image, temp_path(name), NULL) == RN_OK, "%s", rn_error_text());
    is_size(made.width, made.height);
}

static void load(const char *name) {
    uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path(name), 1 << 20), RN_OK);
    file.size = 0;
    put(&file, bytes, size);
    free(bytes);
}

static void check_count(size_t want) {
    char **names;
    size_t count;
    ck_assert_int_eq(rn_folder_list(&names, &count, temp_root), RN_OK);
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
    ck_assert_uint_eq(count, want);
}

/* ---- round trips ---- */

START_TEST(png_comes_back_exactly) {
    static const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {3, 5}, {64, 33}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int annotated = 0; annotated < 2; annotated++) {
            make_noise(sizes[i][0], sizes[i][1]);
            writes("a.PNG", annotated);
            load("a.PNG");
            ck_assert_mem_eq(file.data, "\x89PNG", 4);
            reads("a.PNG");
            ck_assert_mem_eq(image.pixels, made.pixels, (size_t)made.width * made.height * 3);
        }
}
END_TEST

/* Flat fields of the six full colours and grey: quality 92 keeps their mean within a step or two.
 */
START_TEST(jpeg_keeps_colours_and_places) {
    static const uint8_t colors[8][3] = {{255, 0, 0},     {0, 255, 0},   {0, 0, 255},
                                         {255, 255, 0},   {0, 255, 255}, {255, 0, 255},
                                         {128, 128, 128}, {0, 0, 0}};
    make(64, 16);
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 64; x++)
            memcpy(made.pixels + 3 * (64 * y + x), colors[(x / 8 + y / 8) % 8], 3);
    writes("a.jpg", false);
    reads("a.jpg");
    for (int i = 0; i < 3 * 64 * 16; i++)
        ck_assert_int_le(abs(image.pixels[i] - made.pixels[i]), 4);
}
END_TEST

START_TEST(jpeg_of_any_size) {
    static const int sizes[][2] = {{1, 1}, {1, 9}, {17, 1}, {9, 17}, {65535, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int w = sizes[i][0], h = sizes[i][1];
        make(w, h);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) /* a slope, to see a shift of the last, partial block */
                memset(made.pixels + 3 * (w * y + x), 100 + 4 * (x % 16) + 4 * y, 3);
        writes("a.JPeG", true);
        load("a.JPeG");
        ck_assert_mem_eq(file.data, "\xff\xd8\xff", 3);
        reads("a.JPeG");
        for (int k = 0; k < 3 * w * h; k++)
            ck_assert_int_le(abs(image.pixels[k] - made.pixels[k]), 6);
        if (w > 1000) continue;
        writes("b.jpg", false);
        rn_image marked = image;
        image = (rn_image){0};
        reads("b.jpg"); /* the mark changes no pixel */
        ck_assert_mem_eq(image.pixels, marked.pixels, (size_t)(3 * w * h));
        rn_image_free(&marked);
    }
}
END_TEST

/* ---- the mark ---- */

START_TEST(the_mark_stands_where_readers_look) {
    make_noise(5, 4);
    writes("a.jpg", true);
    load("a.jpg");
    ck_assert_mem_eq(file.data,
                     "\xff\xd8\xff\xfe\0\x24"
                     "written by detect (RetinaNet in C)\xff\xe0",
                     42);
    writes("a.png", true);
    load("a.png");
    ck_assert_mem_eq(file.data + 33,
                     "\0\0\0\x2btEXtSoftware\0"
                     "written by detect (RetinaNet in C)",
                     51);
    reads("a.png"); /* which checks each chunk's sum */
}
END_TEST

START_TEST(marked_files_are_known) {
    make_noise(5, 4);
    writes("a.jpg", true);
    writes("a.png", true);
    writes("b.jpg", false);
    writes("b.png", false);
    temp_text("empty.jpg", "");
    ck_assert(rn_image_is_annotated(temp_path("a.jpg")));
    ck_assert(rn_image_is_annotated(temp_path("a.png")));
    ck_assert(!rn_image_is_annotated(temp_path("b.jpg")));
    ck_assert(!rn_image_is_annotated(temp_path("b.png")));
    ck_assert(!rn_image_is_annotated(temp_path("empty.jpg")));
    ck_assert(!rn_image_is_annotated(temp_path("none.jpg")));
    ck_assert(!rn_image_is_annotated(temp_root));
    writes("a.jpg", false); /* written over by hand: no longer ours */
    ck_assert(!rn_image_is_annotated(temp_path("a.jpg")));
}
END_TEST

START_TEST(a_text_about_the_mark_is_no_picture_of_ours) {
    temp_text("a_det.jpg", "notes: files are \"written by detect (RetinaNet in C)\"\n");
    ck_assert(!rn_image_is_annotated(temp_path("a_det.jpg")));
}
END_TEST

/* ---- failures ---- */

static void fails(const char *name, rn_status want, const char *text) {
    char whole[512];
    snprintf(whole, sizeof whole, "%s: %s", temp_path(name), text);
    ck_assert_int_eq(rn_image_write(&made, temp_path(name)), want);
    ck_assert_str_eq(rn_error_text(), whole);
    ck_assert_int_eq(rn_image_write_annotated(&made, temp_path(name)), want);
    ck_assert_str_eq(rn_error_text(), whole);
}

START_TEST(other_endings_are_refused) {
    static const char *const names[] = {"a.bmp", "a.gif", "jpg", "apng", "a.png.", "a.jpg ", "a"};
    make_noise(5, 4);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fails(names[i], RN_EINVAL, "cannot write this kind of picture (want .jpg or .png)");
    ck_assert_int_eq(rn_image_write(&made, ".png"), RN_EINVAL); /* no name before it */
    ck_assert_str_eq(rn_error_text(),
                     ".png: cannot write this kind of picture (want .jpg or .png)");
    check_count(0);
}
END_TEST

/* JPEG's frame has 16 bits a side: 65536 would be written as 0, and the file lost. */
START_TEST(jpeg_sides_have_an_end) {
    make_noise(65536, 1);
    fails("a.jpg", RN_EINVAL, "65536x1 is too large for JPEG (want sides <= 65535, or .png)");
    made.width = 1;
    made.height = 65536;
    fails("a.jpeg", RN_EINVAL, "1x65536 is too large for JPEG (want sides <= 65535, or .png)");
    check_count(0);
    writes("a.png", false);
    reads("a.png");
    ck_assert_mem_eq(image.pixels, made.pixels, 3 * 65536);
}
END_TEST

START_TEST(a_failure_leaves_the_old_file) {
    static const char *const names[] = {"a.jpg", "a.png"};
    struct rlimit limit, small;
    make_noise(64, 64); /* over 4096 bytes in any format */
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 4096;
    for (int i = 0; i < 2; i++) {
        char want[512];
        temp_text(names[i], "old");
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
        const rn_status plain = rn_image_write(&made, temp_path(names[i]));
        const rn_status marked = rn_image_write_annotated(&made, temp_path(names[i]));
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        ck_assert_int_eq(plain, RN_EIO);
        ck_assert_int_eq(marked, RN_EIO);
        snprintf(want, sizeof want, "%s: cannot write: File too large", temp_path(names[i]));
        ck_assert_str_eq(rn_error_text(), want);
        load(names[i]);
        ck_assert_uint_eq(file.size, 3);
        ck_assert_mem_eq(file.data, "old", 3);
        check_count((size_t)i + 1); /* no temporary is left */
    }
    signal(SIGXFSZ, SIG_DFL);
    fails("none/a.png", RN_EIO, "cannot write: No such file or directory");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("image_write");
    TCase *tests = tcase_create("image_write");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, png_comes_back_exactly);
    tcase_add_test(tests, jpeg_keeps_colours_and_places);
    tcase_add_test(tests, jpeg_of_any_size);
    tcase_add_test(tests, the_mark_stands_where_readers_look);
    tcase_add_test(tests, marked_files_are_known);
    tcase_add_test(tests, a_text_about_the_mark_is_no_picture_of_ours);
    tcase_add_test(tests, other_endings_are_refused);
    tcase_add_test(tests, jpeg_sides_have_an_end);
    tcase_add_test(tests, a_failure_leaves_the_old_file);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
