/* field.h: options from one table. An X-macro makes a struct and its table of rn_field; the
 * functions here set, check and print the fields by name, so that a command line, a preset file and
 * a model file share one parser and one set of ranges. */
#ifndef RN_BASE_FIELD_H
#define RN_BASE_FIELD_H

#include "base/status.h"

typedef enum rn_field_type {
    RN_FIELD_INT,     /* int */
    RN_FIELD_UINT64,  /* uint64_t, up to 2^53 */
    RN_FIELD_DOUBLE,  /* double; where it has `choices`, the name of choice i stands for -1 - i,
                         whatever the range */
    RN_FIELD_BOOL,    /* bool: true, false, 1, 0 */
    RN_FIELD_ENUM,    /* int: position in `choices` */
    RN_FIELD_TEXT,    /* char[size] */
    RN_FIELD_DOUBLES, /* double[size / 8], as "1,2,3"; `count` is the offset of its int number of
                         elements */
} rn_field_type;

typedef struct rn_field {
    const char *name; /* '_' and '-' are the same when it is looked up */
    rn_field_type type;
    size_t offset, size, count;
    double min, max;
    const char *const *choices; /* NULL-terminated; RN_FIELD_ENUM, NULL or not RN_FIELD_DOUBLE */
    const char *help;
} rn_field;

/* The field of that name, NULL if there is none. */
const rn_field *rn_field_find(const rn_field *fields, size_t n, const char *name);

/* The name in the table that `name` was probably meant to be, NULL if none is near. */
const char *rn_field_nearest(const rn_field *fields, size_t n, const char *name);

/* Set one field of `object` from text. RN_EINVAL: "gamma: got -1, want 0..10". */
RN_MUST_USE rn_status rn_field_set(void *object, const rn_field *field, const char *value);

/* The value as text that rn_field_set takes and that gives the same value. Truncated to `size`
 * bytes. */
void rn_field_format(char *out, size_t size, const void *object, const rn_field *field);

/* The same as a JSON value: numbers, true and false, strings, [1, 2]. */
RN_MUST_USE rn_status rn_field_format_json(char **out, const void *object, const rn_field *field);

/* *out = `text` as a JSON string with its quotes, malloc'ed. */
RN_MUST_USE rn_status rn_json_quote(char **out, const char *text);

/* Insertions, deletions and replacements from `a` to `b`, for suggestions; '-' is '_'. Only the
 * first 64 bytes of each count. */
size_t rn_edit_distance(const char *a, const char *b);

#endif
