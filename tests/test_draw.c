/* Boxes and labels: which pixels change, and to what. */
#include "data/draw.h"
#include "suite.h"

#include <check.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pictures lie between guards, so that a write outside of them shows. */
enum { GUARD = 4096, GUARD_BYTE = 0xa5 };
static uint8_t *blocks[2];
static rn_image image, other;

static char dog[] = "dog", cat[] = "cat", question[] = "?";
static char *names[] = {dog, cat};

static void make(rn_image *out, int width, int height, uint8_t shade) {
    uint8_t **block = out == &image ? &blocks[0] : &blocks[1];
    const size_t size = 3 * (size_t)width * (size_t)height;
    free(*block);
    *block = malloc(size + 2 * GUARD);
    ck_assert_ptr_nonnull(*block);
    memset(*block, GUARD_BYTE, size + 2 * GUARD);
    *out = (rn_image){.width = width, .height = height, .pixels = *block + GUARD};
    memset(out->pixels, shade, size);
}

static void teardown(void) {
    for (int i = 0; i < 2; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

static void draw_named(rn_image *on, const rn_box *boxes, size_t n, char *const *classes,
                       size_t n_classes) {
    const size_t size = 3 * (size_t)on->width * (size_t)on->height;
    ck_assert_int_eq(rn_image_draw(on, boxes, n, classes, n_classes), RN_OK);
    bool whole = true;
    for (size_t i = 0; i < GUARD; i++)
        whole &= on->pixels[i - GUARD] == GUARD_BYTE && on->pixels[size + i] == GUARD_BYTE;
    ck_assert(whole);
}

static void draw(rn_image *on, rn_box box) {
    draw_named(on, &box, 1, names, 2);
}

static bool same(void) {
    return memcmp(image.pixels, other.pixels, 3 * (size_t)image.width * (size_t)image.height) == 0;
}

static bool is_color(int x, int y, int r, int g, int b) {
    const uint8_t *p = image.pixels + 3 * (y * image.width + x);
    return p[0] == r && p[1] == g && p[2] == b;
}

static bool is_black(int x, int y) {
    return is_color(x, y, 0, 0, 0);
}

/* (255, 59, 48), the first class's colour, over black: a frame covers 235, a label 225 of 255. */
static bool is_frame(int x, int y) {
    return is_color(x, y, 235, 54, 44);
}

static bool is_tab(int x, int y) {
    return is_color(x, y, 225, 52, 42);
}

/* Tab, its ink, or tab over a frame. */
static bool is_covered(int x, int y) {
    return !is_black(x, y) && !is_frame(x, y);
}

/* Columns of the tab whose upper left corner is (x, y). */
static int tab_width(int x, int y) {
    int n = 0;
    while (x + n < image.width && is_covered(x + n, y)) n++;
    return n;
}

/* ---- frames ---- */

enum { TAB = 14 }; /* rows of a label on a small picture: text of 11 and 3 around it */

START_TEST(a_box_changes_its_frame_and_its_tab) {
    make(&image, 100, 80, 0);
    draw(&image, (rn_box){10.4f, 20.6f, 60.4f, 49.5f, 0.91f, 0}); /* 10..60, 21..50 */
    const int width = tab_width(10, 7);
    ck_assert_int_gt(width, 40); /* "dog 0.91" of 11 pixels */
    ck_assert_int_lt(width, 70);
    ck_assert(is_tab(10, 7) && is_tab(9 + width, 7) && is_tab(10, 20) && is_tab(9 + width, 20));
    for (int y = 0; y < 80; y++)
        for (int x = 0; x < 100; x++) {
            const bool tab = y >= 21 - TAB && y < 21 && x >= 10 && x < 10 + width;
            const bool inside = x >= 10 && x < 60 && y >= 21 && y < 50;
            const bool edge = x == 10 || x == 59 || y == 21 || y == 49;
            ck_assert_msg(tab              ? !is_black(x, y)
                          : inside && edge ? is_frame(x, y)
                                           : is_black(x, y),
                          "pixel (%d, %d)", x, y);
        }
}
END_TEST

START_TEST(a_box_of_the_whole_picture_shows_all_sides) {
    make(&image, 120, 60, 0);
    draw(&image, (rn_box){0, 0, 120, 60, 0.5f, 0});
    for (int x = 0; x < 120; x++) ck_assert(is_frame(x, 59));
    for (int y = 20; y < 60; y++) {
        ck_assert(is_frame(0, y));
        ck_assert(is_frame(119, y));
        ck_assert(is_black(1, y) || y == 59);
    }
    ck_assert(is_frame(119, 0)); /* beside the tab, which lies below the edge here */
    ck_assert(is_covered(0, 1));
}
END_TEST

/* Columns of the left and the right line of a box (side/4 .. side/2) in a picture of `side`. */
static void has_lines(int side, int width, int before) {
    make(&image, side, side, 0);
    draw(&image,
         (rn_box){(float)side / 4, (float)side / 2, (float)side / 2, (float)side * 0.75f, 0.5f, 0});
    const int y = side * 5 / 8;
    for (int x = 0; x < side; x++) {
        const bool left = x >= side / 4 - before && x < side / 4 - before + width;
        const bool right = x >= side / 2 + before - width && x < side / 2 + before;
        ck_assert_msg(left || right ? is_frame(x, y) : is_black(x, y), "column %d of %d", x, side);
    }
}

START_TEST(lines_grow_with_the_picture_about_the_edge) {
    has_lines(64, 1, 0);
    has_lines(496, 1, 0);
    has_lines(500, 2, 1);
    has_lines(760, 3, 1); /* the odd one lies inside, on both sides */
    has_lines(2400, 8, 4);
}
END_TEST

START_TEST(the_best_box_is_on_top) {
    const rn_box boxes[] = {{10, 30, 60, 50, 0.9f, 0}, {10, 30, 60, 50, 0.8f, 1}};
    make(&image, 100, 80, 0);
    draw_named(&image, boxes, 2, names, 2);
    /* (0, 122, 255) at 235/255 over black, then (255, 59, 48) over that */
    ck_assert(is_color(40, 49, 235, 64, 63));
    make(&other, 100, 80, 0);
    draw_named(&other, (rn_box[]){boxes[1], boxes[0]}, 2, names, 2);
    ck_assert(!same());
}
END_TEST

START_TEST(no_boxes_change_nothing) {
    make(&image, 9, 7, 33);
    make(&other, 9, 7, 33);
    draw_named(&image, NULL, 0, names, 2);
    ck_assert(same());
}
END_TEST

/* ---- classes ---- */

START_TEST(colours_go_by_label) {
    char *many[30];
    for (int i = 0; i < 30; i++) many[i] = dog;
    for (int a = 0; a < 24; a++)
        for (int b = a + 1; b < 24; b++) {
            const rn_box one = {10, 30, 60, 50, 0.5f, a}, two = {10, 30, 60, 50, 0.5f, b};
            make(&image, 70, 60, 200);
            make(&other, 70, 60, 200);
            draw_named(&image, &one, 1, many, 30);
            draw_named(&other, &two, 1, many, 30);
            ck_assert_int_eq(same(), b - a == 12); /* twelve colours, then again */
        }
}
END_TEST

/* A label that is no class is a question mark, in whatever colour. */
START_TEST(unknown_labels_are_drawn) {
    static const int labels[] = {2, 3, 12, INT_MAX, -1, -5, -12, INT_MIN};
    char *marks[100];
    for (int i = 0; i < 100; i++) marks[i] = question;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        bool found = false;
        make(&image, 100, 80, 0);
        draw(&image, (rn_box){10, 30, 60, 50, 0.5f, labels[i]});
        for (int color = 0; color < 12 && !found; color++) {
            const rn_box box = {10, 30, 60, 50, 0.5f, color};
            make(&other, 100, 80, 0);
            draw_named(&other, &box, 1, marks, 100);
            found = same();
        }
        ck_assert_msg(found, "label %d", labels[i]);
    }
}
END_TEST

/* Both pictures with one box, named `a` and `b`; are they the same? */
static bool same_names(const char *a, const char *b) {
    char first[512], second[512], *one = first, *two = second;
    const rn_box box = {10, 30, 60, 50, 0.5f, 0};
    strcpy(first, a);
    strcpy(second, b);
    make(&image, 400, 60, 0);
    make(&other, 400, 60, 0);
    draw_named(&image, &box, 1, &one, 1);
    draw_named(&other, &box, 1, &two, 1);
    return same();
}

START_TEST(names_are_utf8) {
    char longer[512];
    ck_assert(same_names("", ""));
    ck_assert(!same_names("dog", "cat"));
    ck_assert(!same_names("e", "\xc3\xa9"));
    ck_assert(!same_names("\xc3\xa8", "\xc3\xa9"));
    ck_assert(!same_names("\xe2\x82\xac", "\xef\xbf\xbd")); /* the euro, not the replacement */
    ck_assert(same_names("a\xff", "a\xef\xbf\xbd"));        /* no character: U+FFFD */
    ck_assert(same_names("a\x80", "a\xef\xbf\xbd"));
    ck_assert(same_names("\xc3", "\xef\xbf\xbd"));
    ck_assert(same_names("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"));
    ck_assert(same_names("\xc3z", "\xef\xbf\xbdz"));
    memset(longer, 'i', 300);
    longer[300] = '\0';
    ck_assert(same_names(longer, longer + 200)); /* cut at 100 bytes */
}
END_TEST

/* ---- labels ---- */

START_TEST(text_is_anti_aliased) {
    bool level[256] = {false};
    int n = 0;
    make(&image, 100, 80, 0);
    draw(&image, (rn_box){10, 30, 60, 50, 0.91f, 0});
    const int width = tab_width(10, 30 - TAB);
    for (int y = 30 - TAB; y < 30; y++)
        for (int x = 10; x < 10 + width; x++) {
            const uint8_t *p = image.pixels + 3 * (y * 100 + x);
            ck_assert_int_ge(p[1], 52); /* between the tab and white */
            level[p[1]] = true;
        }
    int lightest = 0;
    for (int i = 0; i < 256; i++) {
        n += level[i];
        if (level[i]) lightest = i;
    }
    ck_assert_int_gt(n, 10);
    ck_assert_int_gt(lightest, 200); /* white ink, not a haze */
    ck_assert(level[52]);
    make(&other, 100, 80, 0);
    draw(&other, (rn_box){10, 30, 60, 50, 0.92f, 0});
    ck_assert(!same()); /* the score is there */
    make(&other, 100, 80, 0);
    draw(&other, (rn_box){10, 30, 60, 50, 0.9149f, 0});
    ck_assert(same()); /* in two digits */
}
END_TEST

/* A tab of the usual size stands at (x, y), whole and alone in the picture. */
static void tab_at(int width, int x, int y) {
    for (int v = 0; v < image.height; v++)
        for (int u = 0; u < image.width; u++) {
            const bool inside = u >= x && u < x + width && v >= y && v < y + TAB;
            ck_assert_msg(is_covered(u, v) == inside, "pixel (%d, %d), tab at (%d, %d)", u, v, x,
                          y);
        }
}

START_TEST(labels_stay_inside) {
    make(&image, 200, 100, 0);
    draw(&image, (rn_box){50, 50, 90, 80, 0.91f, 0});
    const int width = tab_width(50, 50 - TAB);
    ck_assert_int_gt(width, 40);
    static const struct {
        rn_box box;
        int y;
    } cases[] = {
        {{50, TAB, 90, 80, 0.91f, 0}, 0},           /* fits just so above */
        {{180, 50, 199, 80, 0.91f, 0}, 50 - TAB},   /* at the right */
        {{-30, 50, 20, 80, 0.91f, 0}, 50 - TAB},    /* begins left of the picture */
        {{50, TAB - 1, 90, 80, 0.91f, 0}, TAB - 1}, /* no room above: below the edge */
        {{50, 500, 90, 900, 0.91f, 0}, 100 - TAB},  /* below the picture */
        {{900, -90, 990, -50, 0.91f, 0}, 0},        /* above and beside it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int x1 = (int)cases[i].box.x1;
        make(&image, 200, 100, 0);
        draw(&image, cases[i].box);
        tab_at(width, x1 < 0 ? 0 : x1 + width > 200 ? 200 - width : x1, cases[i].y);
    }
}
END_TEST

START_TEST(pictures_smaller_than_a_label) {
    static const int sizes[][2] = {{1, 1}, {1, 30}, {30, 1}, {13, 13}, {40, 14}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make(&image, sizes[i][0], sizes[i][1], 0);
        draw(&image, (rn_box){0, 0, (float)sizes[i][0], (float)sizes[i][1], 0.5f, 0});
        ck_assert(!is_black(0, 0));
    }
}
END_TEST

/* In a picture too narrow for it the tab begins at the left and is cut, pixel for pixel. */
START_TEST(tabs_are_cut_at_the_right) {
    const rn_box box = {0, 40, 5, 60, 0.91f, 0};
    make(&image, 100, 80, 0);
    draw(&image, box);
    for (int width = 5; width < 40; width++) {
        make(&other, width, 80, 0);
        draw(&other, box);
        for (int y = 0; y < 80; y++)
            ck_assert_mem_eq(other.pixels + 3 * width * y, image.pixels + 3 * 100 * y,
                             3 * (size_t)width);
    }
}
END_TEST

/* ---- boxes that are none ---- */

START_TEST(wild_boxes_do_no_harm) {
    static const float wild[] = {NAN,           -INFINITY,     INFINITY, -2147483648.0f,
                                 2147483520.0f, 4294967296.0f, -3e38f,   12};
    enum { N = sizeof wild / sizeof *wild };
    make(&image, 40, 30, 0);
    for (int i = 0; i < N * N * N * N; i++)
        draw(&image, (rn_box){wild[i % N], wild[i / N % N], wild[i / N / N % N],
                              wild[i / N / N / N], wild[i % N], 1});
}
END_TEST

/* Its edges are far outside, whatever their low 32 bits are. */
START_TEST(huge_boxes_have_no_edge_inside) {
    static const float far[] = {4294967296.0f, -4294967296.0f, 2147483648.0f, -3e38f, INFINITY};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        make(&image, 100, 80, 0);
        draw(&image, (rn_box){far[i], 40, far[i], 70, 0.5f, 0});
        for (int y = 41; y < 80; y++)
            for (int x = 0; x < 100; x++) ck_assert(is_black(x, y));
    }
    make(&image, 100, 80, 0);
    draw(&image, (rn_box){-INFINITY, 40, INFINITY, 70, 0.5f, 0});
    for (int x = 0; x < 100; x++) ck_assert(is_frame(x, 40) && is_black(x, 41) && is_frame(x, 69));
}
END_TEST

START_TEST(a_box_without_a_place_is_not_drawn) {
    for (int i = 0; i < 4; i++) {
        float v[4] = {10, 30, 60, 50};
        v[i] = NAN;
        make(&image, 100, 80, 7);
        make(&other, 100, 80, 7);
        draw(&image, (rn_box){v[0], v[1], v[2], v[3], 0.5f, 0});
        ck_assert_msg(same(), "coordinate %d", i);
    }
}
END_TEST

/* ---- lines ---- */

static const rn_color white = {255, 255, 255};

/* Brightness of a pixel of black and white. */
static int light(const rn_image *of, int x, int y) {
    return of->pixels[3 * (y * of->width + x)];
}

/* From (10, 20.5) to (30, 20.5), 3 pixels thick: rows 19, 20, 21 full, the ends round. */
START_TEST(a_level_line) {
    make(&image, 50, 40, 0);
    rn_draw_line(&image, (rn_line){10, 20.5f, 30, 20.5f}, 3, white);
    for (int x = 10; x < 30; x++) {
        ck_assert(light(&image, x, 19) == 255 && light(&image, x, 20) == 255);
        ck_assert(light(&image, x, 21) == 255);
        ck_assert(light(&image, x, 18) == 0 && light(&image, x, 22) == 0);
    }
    ck_assert(light(&image, 9, 20) == 255 && light(&image, 8, 20) == 127);
    ck_assert(light(&image, 7, 20) == 0 && light(&image, 32, 20) == 0);
    ck_assert(light(&image, 8, 19) < light(&image, 8, 20));
}
END_TEST

/* Whichever way it goes a line is the same, mirrored or turned. */
START_TEST(lines_in_all_directions) {
    for (int i = 0; i < 40; i++) {
        const float x = (float)i, y = 37.25f - (float)i / 3;
        make(&image, 40, 40, 0);
        make(&other, 40, 40, 0);
        rn_draw_line(&image, (rn_line){3, 5, x, y}, 2, white);
        rn_draw_line(&other, (rn_line){x, y, 3, 5}, 2, white);
        for (int v = 0; v < 40; v++)
            for (int u = 0; u < 40; u++)
                ck_assert_int_le(abs(light(&image, u, v) - light(&other, u, v)), 1);
        make(&other, 40, 40, 0);
        rn_draw_line(&other, (rn_line){5, 3, y, x}, 2, white);
        for (int v = 0; v < 40; v++)
            for (int u = 0; u < 40; u++)
                ck_assert_int_le(abs(light(&image, u, v) - light(&other, v, u)), 1);
    }
}
END_TEST

/* At 45 degrees the width is that across the line: about sqrt(2) times as many pixels a column. */
START_TEST(a_slanting_line) {
    int sum = 0;
    make(&image, 60, 60, 0);
    rn_draw_line(&image, (rn_line){5, 5, 55, 55}, 4, white);
    for (int y = 0; y < 60; y++) sum += light(&image, 30, y);
    ck_assert_double_eq_tol(sum / 255.0, 4 * 1.41421356, 0.1);
}
END_TEST

START_TEST(a_dot_and_lines_outside) {
    make(&image, 40, 30, 0);
    rn_draw_line(&image, (rn_line){20, 15, 20, 15}, 10, white); /* its centre a pixel's corner */
    ck_assert(light(&image, 20, 15) == 255 && light(&image, 16, 15) == 255);
    ck_assert(light(&image, 23, 14) == 255 && light(&image, 26, 15) == 0);
    ck_assert(light(&image, 24, 18) == 0 || light(&image, 24, 18) < 255);
    make(&image, 40, 30, 0);
    make(&other, 40, 30, 0);
    rn_draw_line(&image, (rn_line){-50, -50, -3, 1000}, 2, white);
    rn_draw_line(&image, (rn_line){100, 3, 1e9f, 4}, 2, white);
    ck_assert(same());
    rn_draw_line(&image, (rn_line){-1e4f, 15.5f, 1e4f, 15.5f}, 2, white);
    ck_assert(light(&image, 0, 15) == 255 && light(&image, 39, 15) == 255);
    ck_assert(light(&image, 20, 13) == 0);
}
END_TEST

/* ---- text ---- */

/* Written upwards, text is what it is to the right, turned to the left. */
START_TEST(text_upwards) {
    rn_pen *pen;
    int inked = 0;
    make(&image, 120, 40, 0);
    make(&other, 40, 120, 0);
    ck_assert_int_eq(rn_pen_open(&pen, 20), RN_OK);
    ck_assert_int_gt(rn_pen_width(pen, "class 7"), 50);
    rn_pen_write(pen, &image, 8, 10, "class 7", white, RN_RIGHTWARDS);
    rn_pen_write(pen, &other, 10, 120 - 8, "class 7", white, RN_UPWARDS);
    ck_assert_int_eq(rn_pen_close(pen), RN_OK);
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 120; x++) {
            ck_assert_int_eq(light(&image, x, y), light(&other, y, 119 - x));
            inked += light(&image, x, y) > 200;
        }
    ck_assert_int_gt(inked, 100);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("draw");
    TCase *tests = tcase_create("draw");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_box_changes_its_frame_and_its_tab);
    tcase_add_test(tests, a_box_of_the_whole_picture_shows_all_sides);
    tcase_add_test(tests, lines_grow_with_the_picture_about_the_edge);
    tcase_add_test(tests, the_best_box_is_on_top);
    tcase_add_test(tests, no_boxes_change_nothing);
    tcase_add_test(tests, colours_go_by_label);
    tcase_add_test(tests, unknown_labels_are_drawn);
    tcase_add_test(tests, names_are_utf8);
    tcase_add_test(tests, text_is_anti_aliased);
    tcase_add_test(tests, labels_stay_inside);
    tcase_add_test(tests, pictures_smaller_than_a_label);
    tcase_add_test(tests, tabs_are_cut_at_the_right);
    tcase_add_test(tests, wild_boxes_do_no_harm);
    tcase_add_test(tests, huge_boxes_have_no_edge_inside);
    tcase_add_test(tests, a_box_without_a_place_is_not_drawn);
    tcase_add_test(tests, a_level_line);
    tcase_add_test(tests, lines_in_all_directions);
    tcase_add_test(tests, a_slanting_line);
    tcase_add_test(tests, a_dot_and_lines_outside);
    tcase_add_test(tests, text_upwards);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
