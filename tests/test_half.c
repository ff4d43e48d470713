#include "model/half.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <string.h>

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The value by the definition of binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static double value_of(unsigned half) {
    const int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
    const double magnitude =
        exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

START_TEST(known_values) {
    static const struct {
        uint16_t half;
        float value;
    } pairs[] = {
        {0x0000, 0.0f},     {0x3c00, 1.0f},     {0xc000, -2.0f},    {0x3555, 0.333251953125f},
        {0x7bff, 65504.0f}, {0x0400, 0x1p-14f}, {0x0001, 0x1p-24f}, {0x03ff, 0x1.ff8p-15f},
        {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        ck_assert(rn_half_to_float(pairs[i].half) == pairs[i].value);
        ck_assert_uint_eq(rn_float_to_half(pairs[i].value), pairs[i].half);
    }
    ck_assert_uint_eq(to_bits(rn_half_to_float(0x8000)), 0x80000000u);
    ck_assert_uint_eq(rn_float_to_half(-0.0f), 0x8000);
}
END_TEST

START_TEST(every_half_there_and_back) {
    for (unsigned h = 0; h < 0x10000; h++) {
        const float value = rn_half_to_float((uint16_t)h);
        if ((h >> 10 & 31) == 31) {
            ck_assert((h & 1023) ? isnan(value) : isinf(value));
            continue;
        }
        ck_assert((double)value == value_of(h));
        ck_assert_uint_eq(rn_float_to_half(value), h);
    }
}
END_TEST

/* Between neighbours a and b: the middle goes to the even one, a step either side to the nearer. */
START_TEST(rounds_to_nearest_ties_to_even) {
    for (unsigned h = 0; h < 0x7bff; h++) {
        const float middle = (float)((value_of(h) + value_of(h + 1)) / 2); /* exact */
        const unsigned even = h % 2 ? h + 1 : h;
        ck_assert_uint_eq(rn_float_to_half(middle), even);
        ck_assert_uint_eq(rn_float_to_half(nextafterf(middle, 0)), h);
        ck_assert_uint_eq(rn_float_to_half(nextafterf(middle, INFINITY)), h + 1);
        ck_assert_uint_eq(rn_float_to_half(-middle), even | 0x8000);
    }
}
END_TEST

START_TEST(extremes) {
    ck_assert_uint_eq(rn_float_to_half(nextafterf(65520.0f, 0)), 0x7bff);
    ck_assert_uint_eq(rn_float_to_half(65520.0f), 0x7c00);
    ck_assert_uint_eq(rn_float_to_half(0x1.fffffep127f), 0x7c00);
    ck_assert_uint_eq(rn_float_to_half(-1e30f), 0xfc00);
    ck_assert_uint_eq(rn_float_to_half(0x1p-25f), 0);
    ck_assert_uint_eq(rn_float_to_half(nextafterf(0x1p-25f, 1)), 1);
    ck_assert_uint_eq(rn_float_to_half(0x1p-149f), 0);
    const uint32_t nans[] = {0x7fc00000, 0x7f800001, 0xffffffff}; /* quiet, signalling, negative */
    for (int i = 0; i < 3; i++) {
        const uint16_t half = rn_float_to_half(from_bits(nans[i]));
        ck_assert_uint_eq(half & 0x7c00, 0x7c00);
        ck_assert_uint_ne(half & 0x03ff, 0);
    }
}
END_TEST

START_TEST(bfloat_is_the_upper_half) {
    ck_assert(rn_bfloat_to_float(0x3f80) == 1.0f);
    ck_assert(rn_bfloat_to_float(0xc049) == -3.140625f);
    ck_assert(rn_bfloat_to_float(0x0001) == 0x1p-133f);
    ck_assert(rn_bfloat_to_float(0x7f80) == INFINITY);
    ck_assert(isnan(rn_bfloat_to_float(0x7fc1)));
    for (unsigned b = 0; b < 0x7f80; b++)
        ck_assert_uint_eq(to_bits(rn_bfloat_to_float((uint16_t)b)), b << 16);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("half");
    TCase *tests = tcase_create("half");
    tcase_add_test(tests, known_values);
    tcase_add_test(tests, every_half_there_and_back);
    tcase_add_test(tests, rounds_to_nearest_ties_to_even);
    tcase_add_test(tests, extremes);
    tcase_add_test(tests, bfloat_is_the_upper_half);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
