/* Boxes to deltas and back. */
#include "base/random.h"
#include "detection/box_coder.h"
#include "suite.h"

#include <check.h>
#include <float.h>
#include <math.h>

static void assert_numbers(const real *got, double a, double b, double c, double d) {
    const double want[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        const double error = fabs((double)got[i] - want[i]);
        ck_assert_msg(error <= 2 * FLT_EPSILON * fmax(1e-3, fabs(want[i])),
                      "number %d: got %.9g, want %.9g", i, (double)got[i], want[i]);
    }
}

START_TEST(known_deltas) {
    const real anchor[4] = {10, 20, 20, 40}; /* centre 15, 30; 10 x 20 */
    real delta[4];
    rn_box_encode(delta, anchor, anchor);
    assert_numbers(delta, 0, 0, 0, 0);
    rn_box_encode(delta, (real[4]){15, 25, 25, 45}, anchor); /* moved by 5, 5 */
    assert_numbers(delta, 0.5, 0.25, 0, 0);
    rn_box_encode(delta, (real[4]){5, 25, 25, 35}, anchor); /* the same centre, 20 x 10 */
    assert_numbers(delta, 0, 0, 0.69314718056, -0.69314718056);
    rn_box_encode(delta, (real[4]){-10, -20, 0, 40}, anchor); /* centre -5, 10; 10 x 60 */
    assert_numbers(delta, -2, -1, 0, 1.09861228867);
}
END_TEST

START_TEST(known_boxes) {
    const real anchor[4] = {10, 20, 20, 40};
    real box[4];
    rn_box_decode(box, (real[4]){0, 0, 0, 0}, anchor);
    assert_numbers(box, 10, 20, 20, 40);
    rn_box_decode(box, (real[4]){(real)0.5, (real)0.25, 0, 0}, anchor);
    assert_numbers(box, 15, 25, 25, 45);
    rn_box_decode(box, (real[4]){-2, -1, (real)0.69314718056, (real)-0.69314718056}, anchor);
    assert_numbers(box, -15, 5, 5, 15);
}
END_TEST

/* exp(log(1000 / 16)) = 62.5 times the anchor's side, each side for itself; small ones are not
 * bounded, moves neither. */
START_TEST(scales_are_clamped) {
    const real anchor[4] = {-1, -2, 1, 2};
    static const real over[] = {(real)4.1352, 5, 100, (real)1e30, INFINITY};
    real box[4];
    for (size_t i = 0; i < sizeof over / sizeof *over; i++) {
        rn_box_decode(box, (real[4]){0, 0, over[i], 0}, anchor);
        assert_numbers(box, -62.5, -2, 62.5, 2);
        rn_box_decode(box, (real[4]){0, 0, 0, over[i]}, anchor);
        assert_numbers(box, -1, -125, 1, 125);
    }
    rn_box_decode(box, (real[4]){0, 0, 4, (real)4.125}, anchor); /* under it: as they are */
    assert_numbers(box, -54.598150033, -123.735618540, 54.598150033, 123.735618540);
    rn_box_decode(box, (real[4]){0, 0, -20, -INFINITY}, anchor);
    assert_numbers(box, -2.0611536e-9, 0, 2.0611536e-9, 0);
    rn_box_decode(box, (real[4]){1000, -1000, 0, 0}, anchor);
    assert_numbers(box, 1999, -4002, 2001, -3998);
}
END_TEST

/* A NaN in a delta is one in the box: not a box of the greatest size allowed. */
START_TEST(nan_stays) {
    const real anchor[4] = {0, 0, 10, 10};
    for (int i = 0; i < 4; i++) {
        real delta[4] = {0, 0, 0, 0}, box[4];
        delta[i] = NAN;
        rn_box_decode(box, delta, anchor);
        ck_assert(isnan(box[i % 2]) && isnan(box[i % 2 + 2]));
        ck_assert(box[1 - i % 2] == 0 && box[3 - i % 2] == 10);
    }
}
END_TEST

/* A box with corner in [-200, 600) and sides within 40 times the anchor's, either way. */
static void random_pair(real box[4], real anchor[4], rn_random *random) {
    for (int i = 0; i < 2; i++) {
        const double side = rn_random_uniform(random, 4, 600);
        const double scale = exp(rn_random_uniform(random, -3.7, 3.7));
        anchor[i] = (real)rn_random_uniform(random, -200, 600);
        anchor[i + 2] = anchor[i] + (real)side;
        box[i] = (real)rn_random_uniform(random, -200, 600);
        box[i + 2] = box[i] + (real)(side * scale);
    }
}

START_TEST(there_and_back) {
    rn_random random = rn_random_seed(3, 0, 0);
    for (int n = 0; n < 10000; n++) {
        real box[4], anchor[4], delta[4], back[4];
        random_pair(box, anchor, &random);
        rn_box_encode(delta, box, anchor);
        rn_box_decode(back, delta, anchor);
        for (int i = 0; i < 4; i++) { /* rounding of a few numbers of the size of the largest */
            double size = 0;
            for (int k = i % 2; k < 4; k += 2)
                size = fmax(size, fmax(fabs((double)box[k]), fabs((double)anchor[k])));
            ck_assert_double_le(fabs((double)back[i] - (double)box[i]), 8 * FLT_EPSILON * size);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("box_coder");
    TCase *tests = tcase_create("box_coder");
    tcase_add_test(tests, known_deltas);
    tcase_add_test(tests, known_boxes);
    tcase_add_test(tests, scales_are_clamped);
    tcase_add_test(tests, nan_stays);
    tcase_add_test(tests, there_and_back);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
