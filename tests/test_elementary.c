/* The exponential and the logarithm of the focal loss in float, against the C library in double. */
#include "detection/elementary.h"
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* Units in the last place of a float near `want`. */
static double ulps(float got, double want) {
    int exponent;
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1, exponent - FLT_MANT_DIG);
}

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every 1999th float from 0 to infinity, negated. */
START_TEST(exponential) {
    double worst = 0;
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 1999) {
        const float t = -from_bits(bits);
        const double want = exp((double)t);
        const float got = rn_exp_negative(t);
        if (want < (double)FLT_MIN) {
            if (fabs((double)got - want) > 1e-7 * (double)FLT_MIN)
                ck_abort_msg("e^%.9g: got %.9g, want %.9g", (double)t, (double)got, want);
            continue;
        }
        const double error = ulps(got, want);
        if (error > 1) ck_abort_msg("e^%.9g: got %.9g, want %.9g", (double)t, (double)got, want);
        worst = fmax(worst, error);
    }
    printf("exponential: %.3f units in the last place\n", worst);
}
END_TEST

START_TEST(exponential_at_the_ends) {
    ck_assert(rn_exp_negative(0) == 1);
    ck_assert(rn_exp_negative(-0.0f) == 1);
    ck_assert(rn_exp_negative(-1e4f) == 0);
    ck_assert(rn_exp_negative(-FLT_MAX) == 0);
    ck_assert(rn_exp_negative(-INFINITY) == 0);
    ck_assert(isnan(rn_exp_negative(NAN)));
    ck_assert(isnan(rn_exp_negative(-NAN)));
}
END_TEST

/* Every 509th float from FLT_MIN to 1. */
START_TEST(logarithm) {
    double worst = 0;
    for (uint32_t bits = 0x00800000u; bits <= 0x3f800000u; bits += 509) {
        const float e = from_bits(bits);
        const double want = log1p((double)e);
        const double error = ulps(rn_log1p_unit(e), want);
        if (error > 2)
            ck_abort_msg("log(1 + %.9g): got %.9g, want %.9g", (double)e, (double)rn_log1p_unit(e),
                         want);
        worst = fmax(worst, error);
    }
    ck_assert(rn_log1p_unit(0) == 0);
    ck_assert(rn_log1p_unit(1) == 0.69314718f);
    ck_assert(isnan(rn_log1p_unit(NAN)));
    printf("logarithm: %.3f units in the last place\n", worst);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("elementary");
    TCase *tests = tcase_create("elementary");
    tcase_add_test(tests, exponential);
    tcase_add_test(tests, exponential_at_the_ends);
    tcase_add_test(tests, logarithm);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
