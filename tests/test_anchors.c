/* Anchors: the paper's and torchvision's, corner by corner. */
#include "detection/anchors.h"
#include "suite.h"

#include <check.h>
#include <math.h>

static const rn_anchor_spec paper = {.sides = {32, 64, 128, 256, 512},
                                     .scales = {1, 1.2599210498948732, 1.5874010519681994},
                                     .ratios = {0.5, 1, 2},
                                     .n_scales = 3,
                                     .n_ratios = 3,
                                     .offset = 0.5};

static rn_anchor_spec torchvision(void) {
    rn_anchor_spec spec = paper;
    spec.offset = 0;
    spec.rounded = true;
    return spec;
}

static void assert_corners(const real *got, double x1, double y1, double x2, double y2) {
    const double want[4] = {x1, y1, x2, y2};
    for (int i = 0; i < 4; i++)
        ck_assert_msg(got[i] == (real)want[i], "corner %d: got %.9g, want %.9g", i, (double)got[i],
                      want[i]);
}

START_TEST(anchors_per_cell) {
    rn_anchor_spec spec = paper;
    ck_assert_int_eq(rn_anchors_per_cell(&spec), 9);
    spec.n_ratios = 1;
    ck_assert_int_eq(rn_anchors_per_cell(&spec), 3);
    spec.n_scales = spec.n_ratios = 5;
    ck_assert_int_eq(rn_anchors_per_cell(&spec), RN_MAX_CELL_ANCHORS);
}
END_TEST

/* Half sides of P3: 16 s / sqrt(r) and 16 s sqrt(r); the first centre is half a stride in. */
START_TEST(first_cell_of_the_paper) {
    real out[9][4];
    rn_anchors_level(out[0], &paper, 0, 1, 1, 8, 8);
    assert_corners(out[0], 4 - 22.627416998, 4 - 11.313708499, 4 + 22.627416998, 4 + 11.313708499);
    assert_corners(out[1], 4 - 28.508758980, 4 - 14.254379490, 4 + 28.508758980, 4 + 14.254379490);
    assert_corners(out[2], 4 - 35.918785546, 4 - 17.959392773, 4 + 35.918785546, 4 + 17.959392773);
    assert_corners(out[3], -12, -12, 20, 20);
    assert_corners(out[4], 4 - 20.158736798, 4 - 20.158736798, 4 + 20.158736798, 4 + 20.158736798);
    assert_corners(out[5], 4 - 25.398416831, 4 - 25.398416831, 4 + 25.398416831, 4 + 25.398416831);
    assert_corners(out[6], 4 - 11.313708499, 4 - 22.627416998, 4 + 11.313708499, 4 + 22.627416998);
    assert_corners(out[7], 4 - 14.254379490, 4 - 28.508758980, 4 + 14.254379490, 4 + 28.508758980);
    assert_corners(out[8], 4 - 17.959392773, 4 - 35.918785546, 4 + 17.959392773, 4 + 35.918785546);
}
END_TEST

/* Whatever the ratio, an anchor has the area (side * scale)^2. */
START_TEST(areas_and_ratios_of_every_level) {
    static const double areas[RN_LEVELS] = {1024, 4096, 16384, 65536, 262144};
    static const double growth[3] = {1, 1.5874010519681994, 2.5198420997897464};
    static const double ratios[3] = {0.5, 1, 2};
    for (int level = 0; level < RN_LEVELS; level++) {
        real out[9][4];
        rn_anchors_level(out[0], &paper, level, 1, 1, 8 << level, 8 << level);
        for (int a = 0; a < 9; a++) {
            const double w = (double)out[a][2] - (double)out[a][0],
                         h = (double)out[a][3] - (double)out[a][1];
            const double area = areas[level] * growth[a % 3];
            ck_assert_double_eq_tol(w * h / area, 1, 1e-6);
            ck_assert_double_eq_tol(h / w / ratios[a / 3], 1, 1e-6);
            ck_assert_double_eq_tol((double)(out[a][0] + out[a][2]) / 2, 4 << level, 1e-4);
            ck_assert_double_eq_tol((double)(out[a][1] + out[a][3]) / 2, 4 << level, 1e-4);
        }
    }
}
END_TEST

/* Rows of cells, cells of a row, anchors of a cell; a stride an axis. */
START_TEST(cells_go_along_rows) {
    const rn_anchor_spec spec = {.sides = {0, 4},
                                 .scales = {1, 2},
                                 .ratios = {1},
                                 .n_scales = 2,
                                 .n_ratios = 1,
                                 .offset = 0.5};
    real out[2 * 3 * 2 + 1][4];
    for (int i = 0; i < 4; i++) out[12][i] = 77;
    rn_anchors_level(out[0], &spec, 1, 2, 3, 20, 10);
    assert_corners(out[0], 3, 8, 7, 12);
    assert_corners(out[1], 1, 6, 9, 14);
    assert_corners(out[2], 13, 8, 17, 12);
    assert_corners(out[4], 23, 8, 27, 12);
    assert_corners(out[5], 21, 6, 29, 14);
    assert_corners(out[6], 3, 28, 7, 32);
    assert_corners(out[11], 21, 26, 29, 34);
    assert_corners(out[12], 77, 77, 77, 77); /* and no further */
}
END_TEST

START_TEST(offset_counts_in_cells) {
    rn_anchor_spec spec = {.sides = {2}, .scales = {1}, .ratios = {1}, .n_scales = 1};
    spec.n_ratios = 1;
    spec.offset = 0.25;
    real out[2][4];
    rn_anchors_level(out[0], &spec, 0, 1, 2, 8, 16);
    assert_corners(out[0], 3, 1, 5, 3);
    assert_corners(out[1], 19, 1, 21, 3);
}
END_TEST

START_TEST(no_cells) {
    real out[4] = {77, 77, 77, 77};
    rn_anchors_level(out, &paper, 0, 0, 5, 8, 8);
    rn_anchors_level(out, &paper, 0, 5, 0, 8, 8);
    rn_anchors_level(NULL, &paper, 0, 0, 0, 8, 8);
    assert_corners(out, 77, 77, 77, 77);
}
END_TEST

/* ---- torchvision's ---- */

/* Half of width and height by level and anchor. Sides 32, 40, 50 ... 512, 645, 812; the squares
 * 50.5, 80.5, 101.5 and 322.5 go to the even neighbour. */
static const int rounded_halves[RN_LEVELS][9][2] = {
    {{23, 11}, {28, 14}, {35, 18}, {16, 16}, {20, 20}, {25, 25}, {11, 23}, {14, 28}, {18, 35}},
    {{45, 23}, {57, 28}, {71, 36}, {32, 32}, {40, 40}, {50, 50}, {23, 45}, {28, 57}, {36, 71}},
    {{91, 45},
     {114, 57},
     {144, 72},
     {64, 64},
     {80, 80},
     {102, 102},
     {45, 91},
     {57, 114},
     {72, 144}},
    {{181, 91},
     {228, 114},
     {287, 144},
     {128, 128},
     {161, 161},
     {203, 203},
     {91, 181},
     {114, 228},
     {144, 287}},
    {{362, 181},
     {456, 228},
     {574, 287},
     {256, 256},
     {322, 322},
     {406, 406},
     {181, 362},
     {228, 456},
     {287, 574}},
};

START_TEST(torchvision_cells) {
    const rn_anchor_spec spec = torchvision();
    for (int level = 0; level < RN_LEVELS; level++) {
        real out[9][4];
        rn_anchors_level(out[0], &spec, level, 1, 1, 8 << level, 8 << level);
        for (int a = 0; a < 9; a++) {
            const int w = rounded_halves[level][a][0], h = rounded_halves[level][a][1];
            assert_corners(out[a], -w, -h, w, h);
        }
    }
}
END_TEST

/* P7 of 800 pixels has 7 cells a side and the stride 800 // 7. */
START_TEST(torchvision_grid_of_level_7) {
    const rn_anchor_spec spec = torchvision();
    real out[7 * 7][9][4];
    rn_anchors_level(out[0][0], &spec, 4, 7, 7, 114, 114);
    assert_corners(out[0][3], -256, -256, 256, 256);
    assert_corners(out[1][3], 114 - 256, -256, 114 + 256, 256);
    assert_corners(out[7][0], -362, 114 - 181, 362, 114 + 181);
    assert_corners(out[48][8], 684 - 287, 684 - 574, 684 + 287, 684 + 574);
}
END_TEST

/* Odd sides give halves of .5 all the way: 0.5, 1.5, 2.5, 3.5 to 0, 2, 2, 4, on both sides of 0. */
START_TEST(ties_go_to_even) {
    rn_anchor_spec spec = {.scales = {1}, .ratios = {1}, .n_scales = 1, .n_ratios = 1};
    static const int half[] = {0, 2, 2, 4, 4, 6};
    spec.rounded = true;
    for (int i = 0; i < 6; i++) {
        real out[4];
        spec.sides[2] = 2 * i + 1.9; /* truncated to 2 i + 1 */
        rn_anchors_level(out, &spec, 2, 1, 1, 8, 8);
        assert_corners(out, -half[i], -half[i], half[i], half[i]);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("anchors");
    TCase *tests = tcase_create("anchors");
    tcase_add_test(tests, anchors_per_cell);
    tcase_add_test(tests, first_cell_of_the_paper);
    tcase_add_test(tests, areas_and_ratios_of_every_level);
    tcase_add_test(tests, cells_go_along_rows);
    tcase_add_test(tests, offset_counts_in_cells);
    tcase_add_test(tests, no_cells);
    tcase_add_test(tests, torchvision_cells);
    tcase_add_test(tests, torchvision_grid_of_level_7);
    tcase_add_test(tests, ties_go_to_even);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
