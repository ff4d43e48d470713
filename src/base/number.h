/* number.h: numbers as text, whatever the locale, exactly. */
#ifndef RN_BASE_NUMBER_H
#define RN_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal floating point (JSON's grammar: no hex, no inf, no nan, no leading '+' or blanks) in all
 * of text[0, size). False if it is not one, or if it overflows (1e999), or if it
 * is longer than 511 bytes. Correctly rounded. *out is written on success alone. */
bool rn_parse_double(double *out, const char *text, size_t size);

/* Integer in all of text[0, size): [-]digits. False if it is not one or does not fit. */
bool rn_parse_int(int64_t *out, const char *text, size_t size);

/* The shortest text that reads back as the same double, in out[32]; "null" for NaN and infinities.
 * Returns its length. */
size_t rn_format_double(char out[32], double value);

#endif
