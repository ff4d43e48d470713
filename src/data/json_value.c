#include "base/memory.h"
#include "base/number.h"
#include "data/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40 }; /* bytes of a token that a message shows */

/* ---- messages ---- */

void rn_json_place(const rn_json *json, size_t offset, size_t *line, size_t *column) {
    *line = *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (json->text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)json->text[i] & 0xc0) != 0x80) { /* UTF-8: one a character */
            ++*column;
        }
    }
}

rn_status rn_json_fail(const rn_json *json, size_t offset, const char *format, ...) {
    char text[512];
    size_t line, column;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rn_json_place(json, offset, &line, &column);
    return rn_fail(RN_EINPUT, "%s:%zu:%zu: %s", json->path, line, column, text);
}

rn_status rn_json_duplicate(const rn_json *json, size_t offset, size_t first) {
    const char *name = json->text + offset + 1; /* behind its quote */
    size_t size = 0, line, column;
    while (size < SHOWN && name[size] != '"') size += name[size] == '\\' ? 2 : 1;
    while (((unsigned char)name[size] & 0xc0) == 0x80) size--; /* no half character */
    rn_json_place(json, first, &line, &column);
    return rn_json_fail(json, offset, "duplicate key (got \"%.*s%s\", first at %zu:%zu)", (int)size,
                        name, name[size] == '"' ? "" : "...", line, column);
}

rn_status rn_json_unwanted(const rn_json *json, const rn_json_token *token, const char *what,
                           const char *want) {
    const char *quote = token->type == RN_JSON_STRING ? "\"" : "", *dots = "";
    if (token->type == RN_JSON_OBJECT || token->type == RN_JSON_ARRAY)
        return rn_json_fail(json, token->offset, "%s (got %s, want %s)", what,
                            token->type == RN_JSON_OBJECT ? "an object" : "an array", want);
    size_t size = token->size;
    if (size > SHOWN) {
        size = SHOWN;
        while (((unsigned char)token->text[size] & 0xc0) == 0x80) size--; /* no half character */
        dots = "...";
    }
    return rn_json_fail(json, token->offset, "%s (got %s%.*s%s%s, want %s)", what, quote, (int)size,
                        token->text, dots, quote, want);
}

/* ---- objects ---- */

rn_status rn_json_begin(rn_json *json, rn_json_members *members, const rn_json_token *token) {
    if (token->type != RN_JSON_OBJECT) {
        RN_TRY(rn_json_skip(json, token)); /* what is no JSON is told first */
        return rn_json_unwanted(json, token, members->what, "an object");
    }
    members->object = token->offset;
    members->next = 0;
    memset(members->places, 0, sizeof members->places);
    return RN_OK;
}

/* Position of the key in members->keys, n if it is none of them. Objects of a list mostly hold
 * their keys in the same order: the search goes on where the last one ended. */
static size_t find_key(rn_json_members *members, const rn_json_token *key) {
    for (size_t i = 0; i < members->n; i++) {
        const size_t k = members->next;
        members->next = k + 1 < members->n ? k + 1 : 0;
        if (strlen(members->keys[k]) == key->size &&
            memcmp(members->keys[k], key->text, key->size) == 0)
            return k;
    }
    return members->n;
}

static rn_status check_required(const rn_json *json, const rn_json_members *members) {
    for (size_t i = 0; i < members->required; i++)
        if (!members->places[i])
            return rn_json_fail(json, members->object, "%s has no \"%s\"", members->what,
                                members->keys[i]);
    return RN_OK;
}

rn_status rn_json_member(rn_json *json, rn_json_members *members, size_t *key,
                         rn_json_token *value) {
    for (;;) {
        rn_json_token name;
        RN_TRY(rn_json_next(json, &name));
        *key = members->n;
        if (name.type == RN_JSON_OBJECT_END) return check_required(json, members);
        const size_t found = find_key(members, &name);
        if (found < members->n) {
            if (members->places[found]) /* at once: its value must not be read twice */
                return rn_json_duplicate(json, name.offset, members->places[found]);
            members->places[found] = name.offset;
        }
        RN_TRY(rn_json_next(json, value));
        *key = found;
        if (found < members->n) return RN_OK;
        RN_TRY(rn_json_skip(json, value));
    }
}

/* ---- values ---- */

rn_status rn_json_int(const rn_json *json, int64_t *out, const rn_json_token *token,
                      const char *what, int64_t min, int64_t max) {
    char want[80];
    int64_t value;
    if (token->type == RN_JSON_NUMBER && rn_parse_int(&value, token->text, token->size) &&
        value >= min && value <= max) {
        *out = value;
        return RN_OK;
    }
    if (min == -RN_JSON_MAX_INT && max == RN_JSON_MAX_INT)
        snprintf(want, sizeof want, "an integer of at most 2^53");
    else
        snprintf(want, sizeof want, "an integer of %lld..%lld", (long long)min, (long long)max);
    return rn_json_unwanted(json, token, what, want);
}

rn_status rn_json_double(const rn_json *json, double *out, const rn_json_token *token,
                         const char *what) {
    if (token->type != RN_JSON_NUMBER) return rn_json_unwanted(json, token, what, "a number");
    *out = token->number;
    return RN_OK;
}

rn_status rn_json_doubles(rn_json *json, double *out, size_t n, const rn_json_token *token,
                          const char *what) {
    char want[32];
    size_t count = 0;
    rn_json_token element;
    snprintf(want, sizeof want, "an array of %zu numbers", n);
    if (token->type != RN_JSON_ARRAY) return rn_json_unwanted(json, token, what, want);
    for (;; count++) {
        RN_TRY(rn_json_next(json, &element));
        if (element.type == RN_JSON_ARRAY_END) break;
        if (element.type != RN_JSON_NUMBER) return rn_json_unwanted(json, &element, what, want);
        if (count < n) out[count] = element.number;
    }
    if (count == n) return RN_OK;
    return rn_json_fail(json, token->offset, "%s (got %zu numbers, want %zu)", what, count, n);
}

rn_status rn_json_text(const rn_json *json, char **out, const rn_json_token *token,
                       const char *what) {
    if (token->type != RN_JSON_STRING) return rn_json_unwanted(json, token, what, "a string");
    if (token->size == 0 || memchr(token->text, '\0', token->size))
        return rn_json_unwanted(json, token, what, "a string that is not empty, without \\u0000");
    *out = strndup(token->text, token->size);
    return *out ? RN_OK : rn_fail(RN_ENOMEM, "cannot allocate %zu bytes", token->size + 1);
}
