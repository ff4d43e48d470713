/* number.c: [1] Clinger, How to read floating point numbers accurately, PLDI 1990. */
#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A decimal number: digits * 10^exponent. */
typedef struct decimal {
    uint64_t digits; /* wraps where there are more than MOST_DIGITS */
    int n_digits;    /* behind leading zeros */
    int exponent;
    bool negative;
} decimal;
enum { MOST_DIGITS = 19, MOST_EXPONENT = 9999 }; /* 10^19 - 1 fits 64 bits */

/* Digits from s[*i] on; returns how many. */
static size_t scan_digits(decimal *d, const char *s, size_t n, size_t *i) {
    const size_t from = *i;
    for (; *i < n && is_digit(s[*i]); ++*i) {
        d->digits = d->digits * 10 + (uint64_t)(s[*i] - '0');
        d->n_digits += d->n_digits > 0 || s[*i] != '0';
    }
    return *i - from;
}

/* JSON's grammar: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool scan(decimal *d, const char *s, size_t n) {
    size_t i = 0, count;
    *d = (decimal){.negative = n > 0 && s[0] == '-'};
    if (d->negative) i++;
    const size_t first = i;
    count = scan_digits(d, s, n, &i);
    if (count == 0 || (s[first] == '0' && count > 1)) return false;
    if (i < n && s[i] == '.') {
        i++;
        count = scan_digits(d, s, n, &i);
        if (count == 0) return false;
        d->exponent = -(int)count;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        decimal e = {0};
        i++;
        const bool down = i < n && s[i] == '-';
        if (i < n && (s[i] == '+' || s[i] == '-')) i++;
        if (scan_digits(&e, s, n, &i) == 0) return false;
        const int size = e.n_digits <= 4 ? (int)e.digits : MOST_EXPONENT;
        d->exponent += down ? -size : size;
    }
    return i == n;
}

__extension__ typedef unsigned __int128 wide;

/* a / b, correctly rounded. Both are at least 1, b is at most 10^19. */
static double divide(uint64_t a, uint64_t b) {
    const int up = __builtin_clzll(a);
    const wide n = (wide)(a << up) << 64, q = n / b; /* 2^63 <= q < 2^128 */
    const uint64_t high = (uint64_t)(q >> 64);
    const int down = high ? 64 - __builtin_clzll(high) : 0;
    const bool rest = q * b != n || q >> down << down != q;
    /* At least 63 bits, of which a double keeps 53: the last one need but say that more follows. */
    const uint64_t top = (uint64_t)(q >> down) | rest;
    return ldexp((double)top, down - 64 - up);
}

/* The double nearest to `d` where integers alone can tell it; false leaves the slow way. */
static bool convert(double *out, const decimal *d) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->n_digits > MOST_DIGITS || d->exponent < -22 || d->exponent > 0) return false;
    const size_t places = (size_t)-d->exponent;
    double value;
    if (d->digits <= UINT64_C(1) << 53) /* both are exact: one division rounds correctly [1] */
        value = (double)d->digits / power[places];
    else if (places <= MOST_DIGITS)
        value = divide(d->digits, (uint64_t)power[places]);
    else
        return false;
    *out = d->negative ? -value : value;
    return true;
}

/* glibc hands out its static C locale: no cost, nothing to free, no failure. */
static locale_t c_locale(void) {
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool rn_parse_double(double *out, const char *text, size_t size) {
    char copy[512];
    decimal d;
    if (size >= sizeof copy || !scan(&d, text, size)) return false;
    if (convert(out, &d)) return true;
    memcpy(copy, text, size);
    copy[size] = '\0';
    const locale_t c = c_locale();
    if (!c) return false;
    const double value = strtod_l(copy, NULL, c);
    freelocale(c);
    if (!isfinite(value)) return false;
    *out = value;
    return true;
}

bool rn_parse_int(int64_t *out, const char *text, size_t size) {
    const bool negative = size > 0 && text[0] == '-';
    int64_t value = 0;
    if (size == negative) return false;
    for (size_t i = negative; i < size; i++) {
        if (!is_digit(text[i])) return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_sub_overflow(value, text[i] - '0', &value))
            return false; /* downwards: INT64_MIN has no positive */
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    return true;
}

size_t rn_format_double(char out[32], double value) {
    if (!isfinite(value)) {
        strcpy(out, "null");
        return 4;
    }
    const locale_t c = c_locale(), before = uselocale(c); /* of this thread alone */
    /* 15 digits survive a normal double, and %g drops their zeros; a subnormal may need but one. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        double back;
        snprintf(out, 32, "%.*g", digits, value);
        if (rn_parse_double(&back, out, strlen(out)) && back == value) break;
    }
    uselocale(before);
    freelocale(c);
    return strlen(out);
}
