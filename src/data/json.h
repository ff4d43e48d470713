/* json.h: a pull reader of JSON text (RFC 8259) in memory. No tree is built: the caller asks for
 * one token after the other, and memory is that of the longest string with escapes and of the keys
 * of the objects that are open.
 *
 * Strict: UTF-8 alone (a byte order mark is let pass), numbers by the grammar and within a double,
 * strings closed and without lone surrogates, no key twice in an object (which shows at its end),
 * nothing behind the end, at most RN_JSON_DEPTH levels.
 * Every refusal is RN_EINPUT with "FILE:LINE:COL: what (got X, want Y)"; lines and columns count
 * from 1, columns in characters. */
#ifndef RN_DATA_JSON_H
#define RN_DATA_JSON_H

#include "base/status.h"

enum { RN_JSON_DEPTH = 64, RN_JSON_MEMBERS = 8 };

typedef enum rn_json_type {
    RN_JSON_END, /* of the text */
    RN_JSON_OBJECT,
    RN_JSON_OBJECT_END,
    RN_JSON_ARRAY,
    RN_JSON_ARRAY_END,
    RN_JSON_KEY, /* its value is the next token */
    RN_JSON_STRING,
    RN_JSON_NUMBER,
    RN_JSON_TRUE,
    RN_JSON_FALSE,
    RN_JSON_NULL,
} rn_json_type;

typedef struct rn_json_token {
    rn_json_type type;
    const char *text; /* keys, strings: content without escapes, not zero-terminated, valid until
                         the next token; numbers: as written */
    size_t size;
    double number;
    size_t offset; /* where it begins in the text */
} rn_json_token;

typedef struct rn_json {
    const char *path; /* for messages */
    const char *text; /* text[size] is 0 */
    size_t size;
    /* private */
    size_t at;                     /* next byte to read */
    int expect;                    /* what the grammar lets follow */
    size_t depth;                  /* open arrays and objects */
    bool is_object[RN_JSON_DEPTH]; /* the others are arrays */
    char *unescaped;               /* [cap] */
    size_t cap;
    struct rn_json_key *keys; /* [n_keys] of all objects that are open */
    size_t n_keys, cap_keys;
    size_t first_key[RN_JSON_DEPTH]; /* of the object at each level */
} rn_json;

/* Begin reading text[0, size) with text[size] == 0 (as rn_file_read gives it), which stays the
 * caller's. RN_EINPUT for an empty text and for UTF-16. Free the reader whatever comes. */
RN_MUST_USE rn_status rn_json_open(rn_json *json, const char *path, const char *text, size_t size);
void rn_json_free(rn_json *json);

/* The next token. RN_EINPUT, RN_ENOMEM. */
RN_MUST_USE rn_status rn_json_next(rn_json *json, rn_json_token *token);

/* Whether all of `text` is UTF-8. */
bool rn_is_utf8(const char *text);

/* Pass over the rest of the value that `token` began: to the matching end of an array or object. */
RN_MUST_USE rn_status rn_json_skip(rn_json *json, const rn_json_token *token);

/* ---- messages ---- */

/* Line and column of an offset. Counted from the start of the text: for messages only. */
void rn_json_place(const rn_json *json, size_t offset, size_t *line, size_t *column);

/* RN_EINPUT with "FILE:LINE:COL: " before the formatted text. */
rn_status rn_json_fail(const rn_json *json, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* RN_EINPUT for the key at `offset`, which was met at `first` before. */
rn_status rn_json_duplicate(const rn_json *json, size_t offset, size_t first);

/* RN_EINPUT "FILE:LINE:COL: WHAT (got the token's text, want WANT)". */
rn_status rn_json_unwanted(const rn_json *json, const rn_json_token *token, const char *what,
                           const char *want);

/* ---- objects ---- */

/* The members of an object that are read, and where they were met. */
typedef struct rn_json_members {
    const char *what;        /* "annotation": for messages */
    const char *const *keys; /* [n], n <= RN_JSON_MEMBERS */
    size_t n;
    size_t required; /* keys[0 .. required) must be there */
    /* private */
    size_t object;                  /* offset of the '{' */
    size_t places[RN_JSON_MEMBERS]; /* offset of each key, 0 before it was met */
    size_t next;                    /* the key that is looked for first */
} rn_json_members;

/* Begin an object of `members` with `token`. RN_EINPUT if it is not an object. */
RN_MUST_USE rn_status rn_json_begin(rn_json *json, rn_json_members *members,
                                    const rn_json_token *token);

/* The next member that is read: its position in keys and the first token of its value; the others
 * are skipped. *key = n at the end of the object. RN_EINPUT for a key that comes twice, and at the
 * end for a required one that did not come. */
RN_MUST_USE rn_status rn_json_member(rn_json *json, rn_json_members *members, size_t *key,
                                     rn_json_token *value);

/* ---- values; `what` names them in messages ---- */

/* Integer as grammar has it (1.0 and 1e3 are none) within min..max, at most 2^53 in magnitude. */
RN_MUST_USE rn_status rn_json_int(const rn_json *json, int64_t *out, const rn_json_token *token,
                                  const char *what, int64_t min, int64_t max);
#define RN_JSON_MAX_INT (INT64_C(1) << 53)

RN_MUST_USE rn_status rn_json_double(const rn_json *json, double *out, const rn_json_token *token,
                                     const char *what);

/* The n numbers of an array, which is read to its end; `token` began it. */
RN_MUST_USE rn_status rn_json_doubles(rn_json *json, double *out, size_t n,
                                      const rn_json_token *token, const char *what);

/* *out = a malloc'ed copy of a string that is neither empty nor holds a zero character. */
RN_MUST_USE rn_status rn_json_text(const rn_json *json, char **out, const rn_json_token *token,
                                   const char *what);

#endif
