/* Status and error text, checked memory, random numbers, numbers as text. */
#include "base/isa.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "suite.h"
#include "temp_folder.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sys/resource.h>

/* The sanitizers stop at an allocation that cannot be had; here it must fail as it does without. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* ---- status ---- */

START_TEST(exit_codes) {
    ck_assert_int_eq(rn_status_exit_code(RN_OK), 0);
    ck_assert_int_eq(rn_status_exit_code(RN_EINVAL), 1);
    ck_assert_int_eq(rn_status_exit_code(RN_EINPUT), 2);
    ck_assert_int_eq(rn_status_exit_code(RN_ENOMEM), 3);
    ck_assert_int_eq(rn_status_exit_code(RN_EDIVERGED), 4);
    ck_assert_int_eq(rn_status_exit_code(RN_EIO), 5);
}
END_TEST

START_TEST(error_text_is_one_bounded_line) {
    char *text = NULL;
    ck_assert_int_eq(rn_fail(RN_EINPUT, "%s: %d", "a\nb\x7f\xc3\xa4", 7), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), "a?b?\xc3\xa4: 7"); /* UTF-8 passes */
    ck_assert_int_eq(rn_fail_prefix(RN_EIO, "photo.jpg"), RN_EIO);
    ck_assert_str_eq(rn_error_text(), "photo.jpg: a?b?\xc3\xa4: 7");
    ck_assert_int_eq(rn_asprintf(&text, "%05000d", 1), RN_OK);
    ck_assert_int_eq(rn_fail(RN_EIO, "%s", text), RN_EIO);
    ck_assert_uint_eq(strlen(rn_error_text()), 1023);
    free(text);
}
END_TEST

static void *fail_elsewhere(void *before) {
    *(bool *)before = rn_error_text()[0] == '\0';
    (void)rn_fail(RN_EIO, "theirs");
    return NULL;
}

START_TEST(error_text_is_each_threads_own) {
    pthread_t thread;
    bool empty = false;
    (void)rn_fail(RN_EIO, "ours");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, &empty), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(empty);
    ck_assert_str_eq(rn_error_text(), "ours");
}
END_TEST

static rn_status try_twice(rn_status first, int *reached) {
    RN_TRY(first);
    ++*reached;
    return RN_OK;
}

START_TEST(try_returns_at_once) {
    int reached = 0;
    ck_assert_int_eq(try_twice(RN_EIO, &reached), RN_EIO);
    ck_assert_int_eq(reached, 0);
    ck_assert_int_eq(try_twice(RN_OK, &reached), RN_OK);
    ck_assert_int_eq(reached, 1);
}
END_TEST

/* ---- memory ---- */

START_TEST(products_that_overflow) {
    size_t product;
    ck_assert(rn_mul(&product, SIZE_MAX, 1) && product == SIZE_MAX);
    ck_assert(rn_mul(&product, 0, SIZE_MAX) && product == 0);
    ck_assert(rn_mul(&product, (size_t)1 << 32, ((size_t)1 << 32) - 1));
    ck_assert(!rn_mul(&product, (size_t)1 << 32, (size_t)1 << 32));
    ck_assert(!rn_mul(&product, SIZE_MAX, 2));
}
END_TEST

START_TEST(memory_is_aligned_and_zero) {
    for (size_t count = 0; count < 300; count += 13) {
        uint8_t *bytes = NULL;
        ck_assert_int_eq(rn_alloc(&bytes, count, 3), RN_OK);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_uint_eq((uintptr_t)bytes % RN_ALIGN, 0);
        for (size_t i = 0; i < 3 * count; i++) ck_assert_uint_eq(bytes[i], 0);
        memset(bytes, 0xff, 3 * count); /* the next one is zero all the same */
        free(bytes);
    }
}
END_TEST

/* A block of large pages is one like others: all zero, all to be written, given back by free(). */
START_TEST(large_blocks) {
    enum { SIZE = (16 << 20) + 3 };
    uint8_t *bytes;
    for (int time = 0; time < 2; time++) { /* the second may be memory that was used before */
        errno = EDOM;
        ck_assert_int_eq(rn_alloc(&bytes, SIZE, 1), RN_OK);
        rn_advise_large(bytes, SIZE); /* again does nothing */
        rn_advise_large(bytes + 5, SIZE - 5);
        ck_assert_int_eq(errno, EDOM);
        size_t sum = 0;
        for (size_t i = 0; i < SIZE; i++) sum += bytes[i];
        ck_assert_uint_eq(sum, 0);
        memset(bytes, 0xff, SIZE);
        free(bytes);
    }
    rn_advise_large(NULL, 0);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

/* What lies in whole pages is gone, what lies beside them stays. */
START_TEST(memory_given_back) {
    enum { SIZE = 1 << 20 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *bytes;
    ck_assert_int_eq(rn_alloc_unset(&bytes, SIZE, 1), RN_OK);
    ck_assert_uint_eq((uintptr_t)bytes % RN_ALIGN, 0);
    memset(bytes, 7, SIZE);
    errno = EDOM;
    rn_release(bytes + 100, page - 1); /* no whole page */
    rn_release(bytes, 0);
    rn_release(NULL, 0);
    size_t sum = 0;
    for (size_t i = 0; i < SIZE; i++) sum += bytes[i];
    ck_assert_uint_eq(sum, 7 * SIZE);
    rn_release(bytes + 1, SIZE - 2);
    ck_assert_int_eq(errno, EDOM);
    sum = 0;
    for (size_t i = 0; i < SIZE; i++) sum += bytes[i];
    ck_assert_uint_le(sum, 7 * 2 * page);
    ck_assert(bytes[0] == 7 && bytes[SIZE - 1] == 7);
    memset(bytes, 8, SIZE);
    free(bytes);
}
END_TEST

START_TEST(memory_that_cannot_be_had) {
    char here = 0, *bytes = &here;
    ck_assert_int_eq(rn_alloc(&bytes, SIZE_MAX / 2, 4), RN_ENOMEM);
    ck_assert_str_eq(rn_error_text(), "cannot allocate 9223372036854775807 x 4 bytes");
    ck_assert_ptr_null(bytes);
    bytes = &here;
    ck_assert_int_eq(rn_alloc(&bytes, 1, SIZE_MAX), RN_ENOMEM);
    ck_assert_ptr_null(bytes);
    ck_assert_int_eq(rn_alloc(&bytes, (size_t)1 << 60, 1), RN_ENOMEM);
    ck_assert_str_eq(rn_error_text(), "cannot allocate 1152921504606846976 bytes");
}
END_TEST

START_TEST(arrays_grow) {
    int *array = NULL, *before;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(rn_reserve(&array, &cap, (size_t)i + 1, sizeof *array), RN_OK);
        ck_assert_uint_gt(cap, (size_t)i);
        array[i] = i;
    }
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(array[i], i);
    ck_assert_uint_eq(cap, 1024);
    before = array;
    ck_assert_int_eq(rn_reserve(&array, &cap, 1024, sizeof *array), RN_OK);
    ck_assert_ptr_eq(array, before); /* there was room */
    ck_assert_int_eq(rn_reserve(&array, &cap, SIZE_MAX - 1, sizeof *array), RN_ENOMEM);
    ck_assert_int_eq(rn_reserve(&array, &cap, (size_t)1 << 60, sizeof *array), RN_ENOMEM);
    ck_assert_ptr_eq(array, before);
    ck_assert_uint_eq(cap, 1024);
    ck_assert_int_eq(array[999], 999);
    free(array);
}
END_TEST

START_TEST(copies_of_text) {
    char *text = NULL;
    ck_assert_int_eq(rn_strdup(&text, ""), RN_OK);
    ck_assert_str_eq(text, "");
    free(text);
    ck_assert_int_eq(rn_asprintf(&text, "%s-%d", "a", 5), RN_OK);
    ck_assert_str_eq(text, "a-5");
    free(text);
}
END_TEST

/* Under RLIMIT_AS the room left is told, and what does not fit is refused. */
START_TEST(address_space_is_limited) {
    enum { ROOM = 256 << 20 };
    struct rlimit limit, small;
    unsigned long pages = 0;
    char *bytes = NULL;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_uint_gt(rn_memory_available(), 0);
    small = limit;
    small.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ROOM;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &small), 0);
    const size_t available = rn_memory_available();
    const rn_status status = rn_alloc(&bytes, 2, ROOM);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_uint_le(available, ROOM + (1 << 20));
    ck_assert_int_eq(status, RN_ENOMEM);
    ck_assert_str_eq(rn_error_text(), "cannot allocate 536870912 bytes");
    ck_assert_ptr_null(bytes);
}
END_TEST

START_TEST(peak_of_memory_grows) {
    enum { SIZE = 64 << 20 };
    char *bytes = NULL;
    const size_t before = rn_memory_peak();
    ck_assert_uint_gt(before, 100 << 10);
    ck_assert_int_eq(rn_alloc(&bytes, SIZE, 1), RN_OK); /* zeroed, hence resident */
    ck_assert_uint_ge(rn_memory_peak(), before + SIZE / 2);
    free(bytes);
    ck_assert_uint_ge(rn_memory_peak(), before + SIZE / 2);
}
END_TEST

/* ---- random ---- */

/* The reference code of Blackman and Vigna gives these from the state 1, 2, 3, 4. */
START_TEST(xoshiro_as_published) {
    static const uint64_t want[] = {
        11520, 0, 1509978240, 1215971899390074240u, 1216172134540287360u, 607988272756665600u};
    rn_random random = {{1, 2, 3, 4}};
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(rn_random_next(&random), want[i]);
}
END_TEST

START_TEST(streams_by_seed_and_place) {
    rn_random random = rn_random_seed(42, 3, 7);
    ck_assert_uint_eq(random.state[0], 0xab2f97746e2ea953u);
    ck_assert_uint_eq(rn_random_next(&random), 1111029714251383819u);
    ck_assert_uint_eq(rn_random_next(&random), 9989984072763696227u);
    /* neighbours and exchanged numbers are streams of their own */
    static const uint64_t keys[][3] = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0},
                                       {0, 1, 2}, {0, 2, 1}, {1, 2, 0}, {2, 1, 0}};
    uint64_t first[8];
    for (int i = 0; i < 8; i++) {
        random = rn_random_seed(keys[i][0], keys[i][1], keys[i][2]);
        first[i] = rn_random_next(&random);
        for (int k = 0; k < i; k++) ck_assert_uint_ne(first[i], first[k]);
    }
}
END_TEST

START_TEST(uniform_and_normal) {
    enum { N = 200000 };
    rn_random random = rn_random_seed(1, 0, 0);
    double sum = 0, normal_sum = 0, squares = 0;
    int beyond = 0;
    for (int i = 0; i < N; i++) {
        const double u = rn_random_uniform(&random, -1, 3), z = rn_random_normal(&random);
        ck_assert(u >= -1 && u < 3);
        ck_assert(isfinite(z));
        sum += u;
        normal_sum += z;
        squares += z * z;
        beyond += fabs(z) > 1.959964;
    }
    /* five standard errors of each */
    ck_assert_double_eq_tol(sum / N, 1, 5 * 1.1547 / sqrt(N));
    ck_assert_double_eq_tol(normal_sum / N, 0, 5 / sqrt(N));
    ck_assert_double_eq_tol(squares / N, 1, 5 * 1.4142 / sqrt(N));
    ck_assert_double_eq_tol(beyond / (double)N, 0.05, 5 * 0.2179 / sqrt(N));
}
END_TEST

START_TEST(below_has_no_bias) {
    enum { N = 70000 };
    rn_random random = rn_random_seed(9, 0, 0);
    int count[7] = {0};
    for (int i = 0; i < N; i++) count[rn_random_below(&random, 7)]++;
    for (int i = 0; i < 7; i++) ck_assert_int_lt(abs(count[i] - N / 7), 463); /* 5 sigma */
    ck_assert_uint_eq(rn_random_below(&random, 1), 0);
    /* 3 * 2^62: without rejection a quarter of all draws would favour the lowest third to 1/2 */
    int low = 0;
    for (int i = 0; i < N; i++)
        low += rn_random_below(&random, (uint64_t)3 << 62) < (uint64_t)1 << 62;
    ck_assert_int_lt(abs(low - N / 3), 624);
}
END_TEST

START_TEST(shuffles_hold_everything) {
    size_t index[100], other[100];
    bool seen[100] = {false}, moved = false;
    for (size_t i = 0; i < 100; i++) index[i] = other[i] = i;
    rn_random a = rn_random_seed(5, 0, 0), b = a;
    rn_random_shuffle(&a, index, 100);
    rn_random_shuffle(&b, other, 100);
    for (size_t i = 0; i < 100; i++) {
        ck_assert_uint_lt(index[i], 100);
        ck_assert(!seen[index[i]]);
        seen[index[i]] = true;
        moved |= index[i] != i;
        ck_assert_uint_eq(index[i], other[i]);
    }
    ck_assert(moved);
    rn_random_shuffle(&a, NULL, 0);
    rn_random_shuffle(&a, index, 1);
}
END_TEST

/* ---- numbers ---- */

static double parse(const char *text) {
    double value = 12345;
    ck_assert_msg(rn_parse_double(&value, text, strlen(text)), "%s", text);
    return value;
}

static void check_doubles(void) {
    ck_assert(parse("0") == 0 && !signbit(parse("0")));
    ck_assert(parse("-0") == 0 && signbit(parse("-0")));
    ck_assert(parse("-0.0") == 0 && signbit(parse("-0.0")));
    ck_assert(parse("0.1") == 0x1.999999999999ap-4);
    ck_assert(parse("-1.5e3") == -1500);
    ck_assert(parse("1E+2") == 100);
    ck_assert(parse("0.30000000000000004") == 0x1.3333333333334p-2);
    ck_assert(parse("999999999999999") == 999999999999999.0);
    ck_assert(parse("9007199254740993") == 9007199254740992.0); /* a tie goes to even */
    ck_assert(parse("9007199254740993.00000000001") == 9007199254740994.0);
    ck_assert(parse("1e23") == 0x1.52d02c7e14af6p+76);
    ck_assert(parse("2.2250738585072011e-308") == 0x0.fffffffffffffp-1022);
    ck_assert(parse("5e-324") == 0x1p-1074);
    ck_assert(parse("1e-999") == 0);
    ck_assert(parse("1.7976931348623157e308") == 0x1.fffffffffffffp+1023);
    ck_assert(parse("0.000000000000001") == 1e-15);
}

START_TEST(doubles_are_rounded_correctly) {
    check_doubles();
}
END_TEST

/* Bit for bit what the C library reads, for numbers of every length and of every place of the
 * point, among them those half-way between two doubles and their neighbours. */
START_TEST(doubles_are_the_librarys) {
    rn_random r = rn_random_seed(5, 0, 0);
    for (int i = 0; i < 50000; i++) {
        char text[64];
        const int digits = 1 + (int)rn_random_below(&r, 24), point = (int)rn_random_below(&r, 24);
        int n = 0;
        if (rn_random_below(&r, 4) == 0) text[n++] = '-';
        if (point >= digits) n += sprintf(text + n, "0.%0*d", point - digits + 1, 0);
        for (int k = 0; k < digits; k++) {
            if (k > 0 && k == digits - point) text[n++] = '.';
            text[n++] =
                (char)('0' + (k == 0 ? 1 + rn_random_below(&r, 9) : rn_random_below(&r, 10)));
        }
        text[n] = '\0';
        const double got = parse(text), want = strtod(text, NULL);
        ck_assert_msg(memcmp(&got, &want, sizeof got) == 0, "%s: %a, want %a", text, got, want);
    }
    for (int i = 0; i < 5000; i++) { /* odd / 2^54 .. 2^64 in all its digits: ties among doubles */
        const uint64_t odd = (UINT64_C(1) << 53 | rn_random_next(&r) >> 11) << 1 | 1;
        char text[64];
        for (int more = -1; more <= 1; more++) {
            snprintf(text, sizeof text, "%" PRIu64 "%s", odd + (uint64_t)more, i % 2 ? ".0" : "");
            const double got = parse(text), want = strtod(text, NULL);
            ck_assert_msg(got == want, "%s: %a, want %a", text, got, want);
        }
    }
}
END_TEST

START_TEST(no_doubles) {
    static const char *const texts[] = {"",       "-",     "+1",  " 1",   "1 ",   "01",
                                        "-01",    ".5",    "1.",  "1.e5", "1e",   "1e+",
                                        "0x1",    "inf",   "nan", "-inf", "1,5",  "1e999",
                                        "-1e999", "1e5.5", "1_0", "--1",  "1.2.3"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value = 7;
        ck_assert_msg(!rn_parse_double(&value, texts[i], strlen(texts[i])), "%s", texts[i]);
        ck_assert(value == 7);
    }
    double value;
    ck_assert(!rn_parse_double(&value, "1\0002", 3));
    ck_assert(rn_parse_double(&value, "123", 2) && value == 12); /* not a byte beyond */
    char longest[512];
    memset(longest, '3', sizeof longest);
    longest[1] = '.';
    ck_assert(rn_parse_double(&value, longest, 511) && value == 10.0 / 3);
    ck_assert(!rn_parse_double(&value, longest, 512));
}
END_TEST

START_TEST(integers) {
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"42", 42},
                {"-42", -42},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "1.5",
                                      "1e3",
                                      " 1",
                                      "1 ",
                                      "0x10",
                                      "--",
                                      "12a",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    int64_t value = 7;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert(rn_parse_int(&value, good[i].text, strlen(good[i].text)));
        ck_assert_int_eq(value, good[i].value);
    }
    value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(!rn_parse_int(&value, bad[i], strlen(bad[i])), "%s", bad[i]);
        ck_assert_int_eq(value, 7);
    }
}
END_TEST

static void check_format(double value, const char *want) {
    char text[32];
    ck_assert_uint_eq(rn_format_double(text, value), strlen(want));
    ck_assert_str_eq(text, want);
}

static void check_formats(void) {
    check_format(0, "0");
    check_format(-0.0, "-0");
    check_format(0.1, "0.1");
    check_format(0.1 + 0.2, "0.30000000000000004");
    check_format(1.0 / 3, "0.3333333333333333");
    check_format(9007199254740991.0, "9007199254740991");
    check_format(1e23, "1e+23");
    check_format(-2.5e-8, "-2.5e-08");
    check_format(0x1p-1074, "5e-324");
    check_format(-0x1.fffffffffffffp+1023, "-1.7976931348623157e+308");
    check_format((double)NAN, "null");
    check_format((double)-INFINITY, "null");
}

START_TEST(doubles_as_text) {
    check_formats();
}
END_TEST

START_TEST(text_gives_the_same_bits_back) {
    rn_random random = rn_random_seed(3, 0, 0);
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = rn_random_next(&random);
        double value, back;
        char text[32];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        ck_assert_uint_lt(rn_format_double(text, value), sizeof text);
        back = parse(text);
        ck_assert_mem_eq(&back, &value, sizeof value);
    }
}
END_TEST

/* The decimal comma of a locale changes nothing. The locale is compiled where the machine has its
 * sources but not the locale. */
START_TEST(the_locale_does_not_matter) {
    char command[256];
    bool found = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    temp_open();
    if (!found) {
        snprintf(command, sizeof command,
                 "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", temp_root);
        if (system(command) == 0 && setenv("LOCPATH", temp_root, 1) == 0)
            found = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    }
    if (found) {
        char comma[8];
        snprintf(comma, sizeof comma, "%.1f", 0.5);
        ck_assert_str_eq(comma, "0,5"); /* the locale is in force */
        check_doubles();
        check_formats();
        snprintf(comma, sizeof comma, "%.1f", 0.5);
        ck_assert_str_eq(comma, "0,5"); /* and still is */
        setlocale(LC_ALL, "C");
    } else {
        puts("skipped: the_locale_does_not_matter, no German locale here");
    }
    temp_close();
}
END_TEST

START_TEST(instruction_sets_by_name) {
    rn_isa isa;
    ck_assert_int_eq(rn_isa_named(&isa, NULL), RN_OK);
    ck_assert_int_eq(isa, RN_ISA_BEST);
    ck_assert_int_eq(rn_isa_named(&isa, "plain"), RN_OK);
    ck_assert_int_eq(isa, RN_ISA_PLAIN);
    ck_assert_int_eq(rn_isa_named(&isa, "sse9"), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "instructions sse9: want best, plain, avx2 or avx512");
    ck_assert_int_ge(rn_isa_best(), RN_ISA_PLAIN);
    ck_assert_int_eq(rn_isa_choose(RN_ISA_BEST), rn_isa_best());
    ck_assert_int_eq(rn_isa_choose(RN_ISA_PLAIN), RN_ISA_PLAIN);
    for (int k = RN_ISA_PLAIN; k <= RN_ISA_AVX512; k++) {
        const bool has = k <= (int)rn_isa_best();
        ck_assert_int_eq(rn_isa_check((rn_isa)k), has ? RN_OK : RN_EINVAL);
        ck_assert_int_eq(rn_isa_choose((rn_isa)k), has ? k : (int)rn_isa_best());
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base");
    TCase *status = tcase_create("status"), *memory = tcase_create("memory");
    TCase *random = tcase_create("random"), *number = tcase_create("number");
    tcase_add_test(status, instruction_sets_by_name);
    tcase_add_test(status, exit_codes);
    tcase_add_test(status, error_text_is_one_bounded_line);
    tcase_add_test(status, error_text_is_each_threads_own);
    tcase_add_test(status, try_returns_at_once);
    tcase_add_test(memory, products_that_overflow);
    tcase_add_test(memory, memory_is_aligned_and_zero);
    tcase_add_test(memory, large_blocks);
    tcase_add_test(memory, memory_given_back);
    tcase_add_test(memory, memory_that_cannot_be_had);
    tcase_add_test(memory, arrays_grow);
    tcase_add_test(memory, copies_of_text);
    tcase_add_test(memory, address_space_is_limited);
    tcase_add_test(memory, peak_of_memory_grows);
    tcase_add_test(random, xoshiro_as_published);
    tcase_add_test(random, streams_by_seed_and_place);
    tcase_add_test(random, uniform_and_normal);
    tcase_add_test(random, below_has_no_bias);
    tcase_add_test(random, shuffles_hold_everything);
    tcase_add_test(number, doubles_are_rounded_correctly);
    tcase_add_test(number, doubles_are_the_librarys);
    tcase_add_test(number, no_doubles);
    tcase_add_test(number, integers);
    tcase_add_test(number, doubles_as_text);
    tcase_add_test(number, text_gives_the_same_bits_back);
    tcase_add_test(number, the_locale_does_not_matter);
    suite_add_tcase(suite, status);
    suite_add_tcase(suite, memory);
    suite_add_tcase(suite, random);
    suite_add_tcase(suite, number);
    return suite_run(suite);
}
