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

/* JSON's grammar: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool is_number(const char *s, size_t n) {
    size_t i = 0, from;
    if (i < n && s[i] == '-') i++;
    from = i;
    while (i < n && is_digit(s[i])) i++;
    if (i == from || (s[from] == '0' && i > from + 1)) return false;
    if (i < n && s[i] == '.') {
        from = ++i;
        while (i < n && is_digit(s[i])) i++;
        if (i == from) return false;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        if (i < n && (s[i] == '+' || s[i] == '-')) i++;
        from = i;
        while (i < n && is_digit(s[i])) i++;
        if (i == from) return false;
    }
    return i == n;
}

/* Up to 15 digits without exponent: mantissa and power of ten are exact doubles, so one division
 * rounds correctly (Clinger 1990). False leaves the slow way. */
static bool parse_short(double *out, const char *s, size_t n) {
    static const double power[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const size_t sign = n > 0 && s[0] == '-';
    uint64_t mantissa = 0;
    size_t behind_point = 0;
    bool point = false;
    if (n - sign > 16) return false;
    for (size_t i = sign; i < n; i++) {
        if (s[i] == '.') {
            point = true;
            continue;
        }
        if (!is_digit(s[i])) return false;
        mantissa = mantissa * 10 + (uint64_t)(s[i] - '0');
        behind_point += point;
    }
    if (mantissa > 999999999999999u) return false;
    const double value = (double)mantissa / power[behind_point];
    *out = sign ? -value : value;
    return true;
}

/* glibc hands out its static C locale: no cost, nothing to free, no failure. */
static locale_t c_locale(void) {
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool rn_parse_double(double *out, const char *text, size_t size) {
    char copy[512];
    if (!is_number(text, size)) return false;
    if (parse_short(out, text, size)) return true;
    if (size >= sizeof copy) return false;
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
