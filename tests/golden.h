/* golden.h: numbers of torch and torchvision in tests/golden, and ours against them.
 * golden/NAME_make.py makes NAME.safetensors and says what the numbers are. */
#ifndef RN_TESTS_GOLDEN_H
#define RN_TESTS_GOLDEN_H

#include "base/memory.h"
#include "model/safetensors.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rn_tensor_file golden;

static inline void golden_open(const char *file) {
    char path[512];
    snprintf(path, sizeof path, "%s/golden/%s", RN_TESTS, file);
    ck_assert_msg(rn_tensor_file_open(&golden, path) == RN_OK, "%s", rn_error_text());
}

static inline void golden_close(void) {
    rn_tensor_file_close(&golden);
}

/* NULL: there is none of that name. */
static inline const rn_tensor *golden_find(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static inline const rn_tensor *golden_find(const char *format, ...) {
    char name[64];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    return rn_tensor_file_find(&golden, name);
}

/* How many there are of PREFIX.0.SUFFIX, PREFIX.1.SUFFIX ... */
static inline int golden_cases(const char *prefix, const char *suffix) {
    int n = 0;
    while (golden_find("%s.%d.%s", prefix, n, suffix)) n++;
    return n;
}

/* Its numbers, freed with free(); *n of them, where n is not NULL. */
static inline real *golden_reals(size_t *n, const rn_tensor *t) {
    real *x;
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(rn_alloc(&x, t->count, sizeof *x), RN_OK);
    ck_assert(rn_tensor_reals(x, t));
    if (n) *n = t->count;
    return x;
}

static inline int *golden_ints(size_t *n, const rn_tensor *t) {
    int *x;
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(t->dtype, RN_I32);
    ck_assert_int_eq(rn_alloc(&x, t->count, sizeof *x), RN_OK);
    if (t->count > 0) memcpy(x, t->data, t->count * sizeof *x); /* both are little-endian */
    if (n) *n = t->count;
    return x;
}

/* A few whole numbers, e.g. a case's dimensions. */
static inline void golden_few(int *out, size_t n, const rn_tensor *t) {
    size_t count;
    int *x = golden_ints(&count, t);
    ck_assert_uint_eq(count, n);
    memcpy(out, x, n * sizeof *x);
    free(x);
}

/* max |got - want| / max |want|; infinite where a number is missing or none. */
static inline double golden_difference(const real *got, size_t n, const rn_tensor *t) {
    size_t count;
    double most = 0, difference = 0;
    real *want = golden_reals(&count, t);
    for (size_t i = 0; i < n && n == count; i++) {
        const double d = fabs((double)got[i] - (double)want[i]);
        difference = fmax(difference, isnan(d) ? INFINITY : d);
        most = fmax(most, fabs((double)want[i]));
    }
    free(want);
    if (n != count) return INFINITY;
    return difference > 0 ? difference / most : 0;
}

/* Assert that it is at most `tolerance`; *worst keeps the largest. */
static inline void golden_compare(double *worst, const real *got, size_t n, const rn_tensor *t,
                                  double tolerance) {
    const double difference = golden_difference(got, n, t);
    ck_assert_msg(difference <= tolerance, "%s: max|difference| / max|reference| is %.3g", t->name,
                  difference);
    *worst = fmax(*worst, difference);
}

/* series() of golden_files.py: `n` numbers in [-1, 1), freed with free(). */
static inline real *golden_series(size_t n, uint32_t seed) {
    real *x;
    ck_assert_int_eq(rn_alloc(&x, n, sizeof *x), RN_OK);
    for (size_t i = 0; i < n; i++) {
        uint32_t h = (uint32_t)i + seed * 2654435769u;
        h = (h ^ h >> 16) * 0x85EBCA6Bu;
        h = (h ^ h >> 13) * 0xC2B2AE35u;
        h ^= h >> 16;
        x[i] = (real)((float)(h >> 8) / 0x1p23f - 1);
    }
    return x;
}

#endif
