#include "base/random.h"
#include "detection/dominance.h"
#include "detection/matcher.h"
#include "suite.h"

#include <math.h>

START_TEST(by_hand) {
    const int match[] = {RN_MATCH_BACKGROUND, 0, RN_MATCH_IGNORE, 3, RN_MATCH_BACKGROUND};
    const real gradient[] = {1, -2, 8, -16, 100, -100, 0, -32, -0.5f, 0.25f};
    double sum[RN_SIDES] = {1000, 2000};
    rn_gradient_by_side(sum, gradient, match, 5, 2);
    ck_assert_double_eq(sum[RN_SIDE_BACKGROUND], 1003.75);
    ck_assert_double_eq(sum[RN_SIDE_FOREGROUND], 2056);
    rn_gradient_by_side(sum, gradient, match, 0, 2);
    ck_assert(sum[0] == 1003.75 && sum[1] == 2056);
}
END_TEST

/* Sides in stretches of all lengths, logits of any number. */
START_TEST(once_more) {
    enum { MOST = 211 * 13 };
    static real gradient[MOST];
    static int match[211];
    rn_random random = rn_random_seed(7, 0, 0);
    for (int logits = 1; logits <= 13; logits += 3)
        for (int n = 1; n <= 211; n += 30) {
            double got[RN_SIDES] = {0}, want[RN_SIDES] = {0};
            for (int i = 0; i < n; i++)
                match[i] = i > 0 && rn_random_below(&random, 4) > 0
                               ? match[i - 1]
                               : (int)rn_random_below(&random, 4) - 2;
            for (int i = 0; i < n * logits; i++) {
                gradient[i] = (real)rn_random_normal(&random);
                if (match[i / logits] != -2)
                    want[match[i / logits] >= 0] += fabs((double)gradient[i]);
            }
            rn_gradient_by_side(got, gradient, match, (size_t)n, logits);
            for (int side = 0; side < RN_SIDES; side++)
                ck_assert_double_eq_tol(got[side], want[side], 1e-12 * n * logits);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dominance");
    TCase *tests = tcase_create("dominance");
    tcase_add_test(tests, by_hand);
    tcase_add_test(tests, once_more);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
