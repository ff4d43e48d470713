#include "base/field.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes compared; bytes of a value and of all names in a message. */
enum { MAX_NAME = 64, MAX_SHOWN = 200, MAX_NAMES = 256 };

static bool same_char(char a, char b) {
    return (a == '-' ? '_' : a) == (b == '-' ? '_' : b);
}

static bool same_name(const char *a, const char *b) {
    for (;; a++, b++) {
        if (!same_char(*a, *b)) return false;
        if (!*a) return true;
    }
}

const rn_field *rn_field_find(const rn_field *fields, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (same_name(fields[i].name, name)) return &fields[i];
    return NULL;
}

static size_t min3(size_t a, size_t b, size_t c) {
    const size_t least = a < b ? a : b;
    return least < c ? least : c;
}

size_t rn_edit_distance(const char *a, const char *b) {
    size_t row[MAX_NAME + 1];
    const size_t n = strnlen(a, MAX_NAME), m = strnlen(b, MAX_NAME);
    for (size_t k = 0; k <= m; k++) row[k] = k;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= m; k++) {
            const size_t above = row[k];
            row[k] = min3(row[k - 1] + 1, above + 1, diagonal + !same_char(a[i - 1], b[k - 1]));
            diagonal = above;
        }
    }
    return row[m];
}

const char *rn_field_nearest(const rn_field *fields, size_t n, const char *name) {
    const char *nearest = NULL;
    size_t least = 4; /* more edits than three are another word */
    for (size_t i = 0; i < n; i++) {
        const size_t distance = rn_edit_distance(fields[i].name, name);
        const size_t length = strlen(fields[i].name);
        if (distance >= least || 2 * distance > length) continue; /* "foo" is no "lr" */
        least = distance;
        nearest = fields[i].name;
    }
    return nearest;
}

/* ---- from text ---- */

/* The names of choices as "SEPARATOR a SEPARATOR b". */
static void list_choices(char *out, size_t size, const rn_field *field, const char *separator) {
    out[0] = '\0';
    for (int i = 0; field->choices && field->choices[i]; i++) {
        const size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", separator, field->choices[i]);
    }
}

static rn_status out_of_range(const rn_field *field, const char *value, size_t size) {
    char low[32], high[32], names[MAX_SHOWN];
    rn_format_double(low, field->min);
    rn_format_double(high, field->max);
    list_choices(names, sizeof names, field, " or ");
    return rn_fail(RN_EINVAL, "%s: got %.*s, want %s..%s%s", field->name,
                   (int)(size < MAX_SHOWN ? size : MAX_SHOWN), value, low, high, names);
}

/* The position of a choice by name, -1 for none. */
static int find_choice(const rn_field *field, const char *value) {
    for (int i = 0; field->choices && field->choices[i]; i++)
        if (same_name(field->choices[i], value)) return i;
    return -1;
}

/* The choice that a number stands for, NULL for none. */
static const char *choice_of(const rn_field *field, double number) {
    for (int i = 0; field->choices && field->choices[i]; i++)
        if (number == -1 - i) return field->choices[i];
    return NULL;
}

static rn_status set_int(void *at, const rn_field *field, const char *value) {
    int64_t number; /* compared as an integer: as a double 2^53 + 1 would be 2^53 */
    if (!rn_parse_int(&number, value, strlen(value)) || number < (int64_t)field->min ||
        number > (int64_t)field->max)
        return out_of_range(field, value, strlen(value));
    if (field->type == RN_FIELD_INT)
        *(int *)at = (int)number;
    else
        *(uint64_t *)at = (uint64_t)number;
    return RN_OK;
}

static rn_status set_double(double *at, const rn_field *field, const char *value, size_t size) {
    double number;
    if (!rn_parse_double(&number, value, size) ||
        ((number < field->min || number > field->max) && !choice_of(field, number)))
        return out_of_range(field, value, size);
    *at = number;
    return RN_OK;
}

/* A double that may have a name. */
static rn_status set_named(double *at, const rn_field *field, const char *value) {
    const int choice = find_choice(field, value);
    if (choice < 0) return set_double(at, field, value, strlen(value));
    *at = -1 - choice;
    return RN_OK;
}

static rn_status set_bool(bool *at, const rn_field *field, const char *value) {
    const bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return rn_fail(RN_EINVAL, "%s: got %s, want true or false", field->name, value);
    *at = yes;
    return RN_OK;
}

static rn_status set_enum(int *at, const rn_field *field, const char *value) {
    const int choice = find_choice(field, value);
    char names[MAX_NAMES];
    if (choice >= 0) {
        *at = choice;
        return RN_OK;
    }
    list_choices(names, sizeof names, field, ", ");
    return rn_fail(RN_EINVAL, "%s: got %s, want one of: %s", field->name, value, names + 2);
}

static rn_status set_text(char *at, const rn_field *field, const char *value) {
    if (strlen(value) >= field->size)
        return rn_fail(RN_EINVAL, "%s: longer than %zu bytes", field->name, field->size - 1);
    strcpy(at, value);
    return RN_OK;
}

static rn_status set_doubles(void *object, const rn_field *field, const char *value) {
    double numbers[16];
    const size_t most = field->size / sizeof *numbers;
    size_t n = 0;
    for (const char *p = value;;) {
        const char *comma = strchr(p, ',');
        const size_t length = comma ? (size_t)(comma - p) : strlen(p);
        if (n == most || n == sizeof numbers / sizeof *numbers)
            return rn_fail(RN_EINVAL, "%s: got %s, want at most %zu numbers", field->name, value,
                           most);
        RN_TRY(set_double(&numbers[n++], field, p, length));
        if (!comma) break;
        p = comma + 1;
    }
    memcpy((char *)object + field->offset, numbers, n * sizeof *numbers);
    *(int *)(void *)((char *)object + field->count) = (int)n;
    return RN_OK;
}

rn_status rn_field_set(void *object, const rn_field *field, const char *value) {
    void *at = (char *)object + field->offset;
    switch (field->type) {
    case RN_FIELD_INT:
    case RN_FIELD_UINT64:
        return set_int(at, field, value);
    case RN_FIELD_DOUBLE:
        return set_named(at, field, value);
    case RN_FIELD_BOOL:
        return set_bool(at, field, value);
    case RN_FIELD_ENUM:
        return set_enum(at, field, value);
    case RN_FIELD_TEXT:
        return set_text(at, field, value);
    case RN_FIELD_DOUBLES:
        return set_doubles(object, field, value);
    }
    return rn_fail(RN_EINVAL, "%s: no such type", field->name);
}

/* ---- to text ---- */

static void format_doubles(char *out, size_t size, const void *object, const rn_field *field) {
    const double *numbers = (const void *)((const char *)object + field->offset);
    const int n = *(const int *)(const void *)((const char *)object + field->count);
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n && used < size; i++) {
        char number[32];
        rn_format_double(number, numbers[i]);
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", number);
    }
}

void rn_field_format(char *out, size_t size, const void *object, const rn_field *field) {
    const void *at = (const char *)object + field->offset;
    const char *choice;
    char number[32];
    switch (field->type) {
    case RN_FIELD_INT:
        snprintf(out, size, "%d", *(const int *)at);
        break;
    case RN_FIELD_UINT64:
        snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case RN_FIELD_DOUBLE:
        rn_format_double(number, *(const double *)at);
        choice = choice_of(field, *(const double *)at);
        snprintf(out, size, "%s", choice ? choice : number);
        break;
    case RN_FIELD_BOOL:
        snprintf(out, size, "%s", *(const bool *)at ? "true" : "false");
        break;
    case RN_FIELD_ENUM:
        snprintf(out, size, "%s", field->choices[*(const int *)at]);
        break;
    case RN_FIELD_TEXT:
        snprintf(out, size, "%s", (const char *)at);
        break;
    case RN_FIELD_DOUBLES:
        format_doubles(out, size, object, field);
        break;
    }
}

rn_status rn_json_quote(char **out, const char *text) {
    size_t size;
    char *p;
    if (!rn_mul(&size, strlen(text), 6)) return rn_fail(RN_ENOMEM, "cannot allocate a text");
    RN_TRY(rn_alloc(out, size + 3, 1));
    p = *out;
    *p++ = '"';
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') *p++ = '\\';
        if (c < 0x20)
            p += sprintf(p, "\\u%04x", c);
        else
            *p++ = *text;
    }
    *p = '"';
    return RN_OK;
}

rn_status rn_field_format_json(char **out, const void *object, const rn_field *field) {
    char text[2048];
    const bool named =
        field->type == RN_FIELD_DOUBLE &&
        choice_of(field, *(const double *)(const void *)((const char *)object + field->offset));
    rn_field_format(text, sizeof text, object, field);
    if (field->type == RN_FIELD_TEXT || field->type == RN_FIELD_ENUM || named)
        return rn_json_quote(out, text);
    if (field->type == RN_FIELD_DOUBLES) return rn_asprintf(out, "[%s]", text);
    return rn_strdup(out, text);
}
