#include "data/json.h"
#include "base/memory.h"
#include "base/number.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What the grammar lets follow. */
enum {
    VALUE,         /* behind a ',' of an array, a key, or at the start */
    FIRST_ELEMENT, /* behind '[': a value or ']' */
    KEY,           /* behind a ',' of an object */
    FIRST_KEY,     /* behind '{': a key or '}' */
    NEXT,          /* behind a value: ',', the end of what is open, or that of the text */
};

/* ---- characters ---- */

enum { BLANK = 1, WORD = 2, PLAIN = 4 };

/* BLANK between tokens; WORD in numbers and literals; PLAIN stands for itself in a string. */
static const unsigned char class_of[256] = {
    ['\t'] = BLANK,
    ['\n'] = BLANK,
    ['\r'] = BLANK,
    [' '] = BLANK | PLAIN,
    ['!'] = PLAIN,
    ['#' ... '*'] = PLAIN,
    ['+'] = WORD | PLAIN,
    [','] = PLAIN,
    ['-' ... '.'] = WORD | PLAIN,
    ['/'] = PLAIN,
    ['0' ... '9'] = WORD | PLAIN,
    [':' ... '@'] = PLAIN,
    ['A' ... 'Z'] = WORD | PLAIN,
    ['['] = PLAIN,
    [']' ... '^'] = PLAIN,
    ['_'] = WORD | PLAIN,
    ['`'] = PLAIN,
    ['a' ... 'z'] = WORD | PLAIN,
    ['{' ... 0x7f] = PLAIN,
};

/* The byte at an offset; 0 at the end, and never any further. */
static unsigned char byte_at(const rn_json *json, size_t offset) {
    return (unsigned char)json->text[offset];
}

static bool is_continuation(unsigned char c) {
    return (c & 0xc0) == 0x80;
}

/* Bytes of the UTF-8 character at `s`, 0 if it is none: no overlong forms, no surrogates, nothing
 * above U+10FFFF (Unicode, table 3-7). The zero behind the text ends every sequence. */
static size_t utf8_size(const unsigned char *s) {
    const unsigned char c = s[0];
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    if (c < 0xe0) return is_continuation(s[1]) ? 2 : 0;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (s[1] < low || s[1] > high || !is_continuation(s[2])) return 0;
    if (c < 0xf0) return 3;
    return is_continuation(s[3]) ? 4 : 0;
}

bool rn_is_utf8(const char *text) {
    size_t size;
    while (*text && (size = utf8_size((const unsigned char *)text)) > 0) text += size;
    return *text == '\0';
}

/* A code point of up to 0x10ffff in `out`; returns its bytes. */
static size_t utf8_write(char *out, unsigned point) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* ---- start and end ---- */

rn_status rn_json_open(rn_json *json, const char *path, const char *text, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    *json = (rn_json){.path = path, .text = text, .size = size, .expect = VALUE};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        json->text += 3;
        json->size -= 3;
    } else if (size >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff) ||
                             s[0] == 0 || s[1] == 0)) {
        return rn_json_fail(json, 0, "encoding (got UTF-16 or UTF-32, want UTF-8)");
    }
    if (json->size == 0) return rn_json_fail(json, 0, "empty file (want JSON)");
    return RN_OK;
}

void rn_json_free(rn_json *json) {
    free(json->unescaped);
    free(json->keys);
    *json = (rn_json){0};
}

/* ---- refusals ---- */

/* The text at json->at is not what the grammar wants. */
static rn_status syntax_error(const rn_json *json, const char *want) {
    const unsigned char c = byte_at(json, json->at);
    if (json->at == json->size)
        return rn_json_fail(json, json->at, "not JSON (got the end of the file, want %s)", want);
    if (c > ' ' && c < 0x7f)
        return rn_json_fail(json, json->at, "not JSON (got '%c', want %s)", c, want);
    return rn_json_fail(json, json->at, "not JSON (got byte 0x%02x, want %s)", c, want);
}

/* ---- strings ---- */

/* Four hexadecimal digits at `s`, -1 if they are none. */
static int hex4(const char *s) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = s[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (c - 'A' + 10);
        else
            return -1;
    }
    return value;
}

/* The escape at `s` (its backslash): bytes in *size, code point; -1 if it is none. */
static long parse_escape(const char *s, size_t *size) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    *size = 2;
    if (s[1] != 'u') {
        const char *letter = s[1] ? strchr(letters, s[1]) : NULL;
        return letter ? meanings[letter - letters] : -1;
    }
    *size = 6;
    const int first = hex4(s + 2);
    if (first < 0xd800 || first > 0xdfff) return first;
    if (first > 0xdbff || s[6] != '\\' || s[7] != 'u') return -1; /* a lone surrogate */
    const int second = hex4(s + 8);
    if (second < 0xdc00 || second > 0xdfff) return -1;
    *size = 12;
    return 0x10000 + ((long)(first - 0xd800) << 10) + (second - 0xdc00);
}

/* Replace the escapes of text[0, *size), which are right. */
static rn_status unescape(rn_json *json, const char **text, size_t *size) {
    const char *s = *text, *end = s + *size;
    size_t n = 0;
    RN_TRY(rn_reserve(&json->unescaped, &json->cap, *size, 1)); /* no escape grows */
    while (s < end) {
        size_t used = 1;
        if (*s == '\\')
            n += utf8_write(json->unescaped + n, (unsigned)parse_escape(s, &used));
        else
            json->unescaped[n++] = *s;
        s += used;
    }
    *text = json->unescaped;
    *size = n;
    return RN_OK;
}

/* Bytes of what stands as an escape at `s`, for a message: whole characters. */
static int shown_escape(const unsigned char *s) {
    int n = 2;
    if (s[1] != 'u') return 1 + (int)utf8_size(s + 1);
    while (n < 6 && isxdigit(s[n])) n++;
    return n;
}

/* The string whose opening quote is at json->at. */
static rn_status read_string(rn_json *json, rn_json_token *token) {
    const unsigned char *s = (const unsigned char *)json->text;
    size_t at = json->at + 1, used;
    bool escapes = false;
    while (s[at] != '"') {
        if (class_of[s[at]] & PLAIN) {
            at++;
        } else if (at == json->size || (s[at] == '\\' && at + 1 == json->size)) {
            return rn_json_fail(json, json->at,
                                "string is cut (got the end of the file, want '\"')");
        } else if (s[at] == '\\') {
            if (parse_escape(json->text + at, &used) < 0)
                return rn_json_fail(json, at, "not an escape (got %.*s)", shown_escape(s + at),
                                    json->text + at);
            escapes = true;
            at += used;
        } else if (s[at] < ' ') {
            return rn_json_fail(json, at, "control character in a string (got byte 0x%02x)", s[at]);
        } else {
            used = utf8_size(s + at);
            if (used == 0) return rn_json_fail(json, at, "not UTF-8 (got byte 0x%02x)", s[at]);
            at += used;
        }
    }
    token->text = json->text + json->at + 1;
    token->size = at - json->at - 1;
    json->at = at + 1;
    return escapes ? unescape(json, &token->text, &token->size) : RN_OK;
}

/* ---- keys ---- */

struct rn_json_key {
    uint64_t hash; /* FNV-1a of the text without escapes: two keys of one hash are one */
    size_t offset;
};

static rn_status add_key(rn_json *json, const rn_json_token *token) {
    struct rn_json_key key = {UINT64_C(0xcbf29ce484222325), token->offset};
    for (size_t i = 0; i < token->size; i++)
        key.hash = (key.hash ^ (unsigned char)token->text[i]) * UINT64_C(0x100000001b3);
    RN_TRY(rn_reserve(&json->keys, &json->cap_keys, json->n_keys + 1, sizeof *json->keys));
    json->keys[json->n_keys++] = key;
    return RN_OK;
}

static int compare_keys(const void *a, const void *b) {
    const struct rn_json_key *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->offset < y->offset ? -1 : 1;
}

/* At the end of an object: drop its keys, from `first` on, of which no two may be one. */
static rn_status check_keys(rn_json *json, size_t first) {
    struct rn_json_key *keys = json->keys + first;
    const size_t n = json->n_keys - first;
    json->n_keys = first;
    if (n < 2) return RN_OK;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (keys[i].hash == keys[i - 1].hash)
            return rn_json_duplicate(json, keys[i].offset, keys[i - 1].offset);
    return RN_OK;
}

/* ---- tokens ---- */

static void skip_blanks(rn_json *json) {
    while (class_of[byte_at(json, json->at)] & BLANK) json->at++;
}

/* A number, true, false or null. */
static rn_status read_word(rn_json *json, rn_json_token *token) {
    static const struct {
        const char *text;
        rn_json_type type;
    } literals[] = {{"true", RN_JSON_TRUE}, {"false", RN_JSON_FALSE}, {"null", RN_JSON_NULL}};
    const char *text = json->text + json->at;
    size_t size = 0;
    while (class_of[(unsigned char)text[size]] & WORD) size++;
    if (size == 0) return syntax_error(json, "a value");
    token->text = text;
    token->size = size;
    token->type = RN_JSON_NUMBER;
    if (!rn_parse_double(&token->number, text, size)) {
        size_t i = 0;
        while (i < 3 && (strlen(literals[i].text) != size || memcmp(literals[i].text, text, size)))
            i++;
        if (i == 3)
            return rn_json_fail(json, json->at, "not a JSON value or out of range (got %.*s)",
                                size > 40 ? 40 : (int)size, text);
        token->type = literals[i].type;
    }
    json->at += size;
    json->expect = NEXT;
    return RN_OK;
}

static rn_status open_level(rn_json *json, rn_json_token *token, bool is_object) {
    if (json->depth == RN_JSON_DEPTH)
        return rn_json_fail(json, json->at, "nested deeper than %d", RN_JSON_DEPTH);
    token->type = is_object ? RN_JSON_OBJECT : RN_JSON_ARRAY;
    json->first_key[json->depth] = json->n_keys;
    json->is_object[json->depth++] = is_object;
    json->expect = is_object ? FIRST_KEY : FIRST_ELEMENT;
    json->at++;
    return RN_OK;
}

static rn_status close_level(rn_json *json, rn_json_token *token) {
    json->depth--;
    token->type = json->is_object[json->depth] ? RN_JSON_OBJECT_END : RN_JSON_ARRAY_END;
    json->expect = NEXT;
    json->at++;
    return check_keys(json, json->first_key[json->depth]);
}

static rn_status read_value(rn_json *json, rn_json_token *token) {
    switch (byte_at(json, json->at)) {
    case '{':
        return open_level(json, token, true);
    case '[':
        return open_level(json, token, false);
    case '"':
        token->type = RN_JSON_STRING;
        json->expect = NEXT;
        return read_string(json, token);
    default:
        return read_word(json, token);
    }
}

static rn_status read_key(rn_json *json, rn_json_token *token) {
    if (byte_at(json, json->at) != '"')
        return syntax_error(json, json->expect == FIRST_KEY ? "a key or '}'" : "a key");
    token->type = RN_JSON_KEY;
    RN_TRY(read_string(json, token));
    RN_TRY(add_key(json, token));
    skip_blanks(json);
    if (byte_at(json, json->at) != ':') return syntax_error(json, "':'");
    json->at++;
    json->expect = VALUE;
    return RN_OK;
}

/* Behind a value that is no element or member: only the end may follow. */
static rn_status read_end(rn_json *json, rn_json_token *token) {
    token->type = RN_JSON_END;
    if (json->at == json->size) return RN_OK;
    const unsigned char c = byte_at(json, json->at);
    if (c > ' ' && c < 0x7f)
        return rn_json_fail(json, json->at, "text after the end (got '%c')", c);
    return rn_json_fail(json, json->at, "text after the end (got byte 0x%02x)", c);
}

rn_status rn_json_next(rn_json *json, rn_json_token *token) {
    skip_blanks(json);
    if (json->expect == NEXT && json->depth > 0 && byte_at(json, json->at) == ',') {
        json->expect = json->is_object[json->depth - 1] ? KEY : VALUE;
        json->at++;
        skip_blanks(json);
    }
    const unsigned char c = byte_at(json, json->at);
    token->offset = json->at;
    switch (json->expect) {
    case FIRST_ELEMENT:
        return c == ']' ? close_level(json, token) : read_value(json, token);
    case KEY:
        return read_key(json, token);
    case FIRST_KEY:
        return c == '}' ? close_level(json, token) : read_key(json, token);
    case NEXT:
        if (json->depth == 0) return read_end(json, token);
        if (c == (json->is_object[json->depth - 1] ? '}' : ']')) return close_level(json, token);
        return syntax_error(json, json->is_object[json->depth - 1] ? "',' or '}'" : "',' or ']'");
    default:
        return read_value(json, token);
    }
}

rn_status rn_json_skip(rn_json *json, const rn_json_token *token) {
    rn_json_token inner;
    if (token->type != RN_JSON_OBJECT && token->type != RN_JSON_ARRAY) return RN_OK;
    for (const size_t outside = json->depth - 1; json->depth > outside;)
        RN_TRY(rn_json_next(json, &inner));
    return RN_OK;
}
