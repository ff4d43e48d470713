#include "losslab_json.h"
#include "cli.h"
#include "cli_files.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64, MAX_BYTES = 512 << 20, EXIT_INPUT = 2, EXIT_MEMORY = 3 };

typedef struct reader {
    const char *path;
    const char *start, *at; /* the text ends with 0 */
    const char *known;      /* the place of which line and column were asked last; NULL: none */
    int line, column;       /* of it */
    int code;               /* of the first fault, whose message is out */
} reader;

/* Counted on from the last place, or a large file would take the square of its size. */
static int column_of(reader *r, const char *at, int *line) {
    if (!r->known || at < r->known) {
        r->known = r->start;
        r->line = r->column = 1;
    }
    for (; r->known < at; r->known++) {
        if (*r->known == '\n') {
            r->line++;
            r->column = 1;
        } else if (((unsigned char)*r->known & 0xc0) != 0x80) {
            r->column++;
        }
    }
    *line = r->line;
    return r->column;
}

static void *fail(reader *r, const char *at, const char *what) {
    int line;
    const int column = column_of(r, at, &line);
    if (r->code == 0) {
        (void)cli_usage_error("%s:%d:%d: %s", r->path, line, column, what);
        r->code = EXIT_INPUT;
    }
    return NULL;
}

static void *no_memory(reader *r) {
    if (r->code == 0) (void)cli_usage_error("%s: not enough memory", r->path);
    r->code = EXIT_MEMORY;
    return NULL;
}

/* Behind a fault r->at may stand anywhere. */
static void skip_blanks(reader *r) {
    if (r->code == 0) r->at += strspn(r->at, " \t\r\n");
}

static lab_json *create(reader *r, lab_json_type type) {
    lab_json *value = calloc(1, sizeof *value);
    if (!value) return no_memory(r);
    value->type = type;
    return value;
}

/* ---- texts ---- */

static int hex4(const char *text) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return -1;
        value = 16 * value + digit;
    }
    return value;
}

static char *put_utf8(char *out, int code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* The character behind "\u", a pair of surrogates as one; 0 for none (U+0000 would end a text). */
static int unicode(reader *r) {
    int code = hex4(r->at);
    if (code <= 0 || (code >= 0xdc00 && code < 0xe000)) return 0;
    r->at += 4;
    if (code < 0xd800 || code >= 0xe000) return code;
    const int low = r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2) : -1;
    if (low < 0xdc00 || low >= 0xe000) return 0;
    r->at += 6;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* The text that begins with the quote at r->at. */
static char *text(reader *r) {
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *begin = r->at++, *p = r->at;
    while (*p && *p != '"') p += p[0] == '\\' && p[1] ? 2 : 1;
    char *out = malloc((size_t)(p - r->at) + 1), *end = out;
    if (!out) return no_memory(r);
    while (*r->at != '"') {
        const unsigned char c = (unsigned char)*r->at;
        if (c < 0x20) {
            fail(r, c ? r->at : begin, c ? "control character in a text" : "text without its end");
        } else if (c != '\\') {
            *end++ = *r->at++;
        } else if (r->at[1] == 'u') {
            const char *place = r->at;
            r->at += 2;
            const int code = unicode(r);
            if (code == 0) fail(r, place, "no character");
            end = put_utf8(end, code);
        } else {
            const char *escape = r->at[1] ? strchr(escapes, r->at[1]) : NULL;
            if (!escape) fail(r, r->at, "unknown escape");
            if (escape) *end++ = meant[escape - escapes];
            r->at += 2;
        }
        if (r->code) {
            free(out);
            return NULL;
        }
    }
    r->at++;
    *end = '\0';
    return out;
}

/* ---- numbers ---- */

static const char *digits(const char *p) {
    return p + strspn(p, "0123456789");
}

static lab_json *number(reader *r) {
    const char *begin = r->at, *p = begin + (*begin == '-');
    const char *whole = p;
    p = digits(p);
    bool ok = p > whole && (*whole != '0' || p == whole + 1);
    if (ok && *p == '.') {
        const char *end = digits(p + 1);
        ok = end > p + 1;
        p = end;
    }
    if (ok && (*p == 'e' || *p == 'E')) {
        const char *exponent = p + 1 + (p[1] == '+' || p[1] == '-');
        p = digits(exponent);
        ok = p > exponent;
    }
    if (!ok) return fail(r, begin, "no JSON value");
    lab_json *value = create(r, LAB_JSON_NUMBER);
    if (!value) return NULL;
    value->text = strndup(begin, (size_t)(p - begin));
    value->number = strtod(begin, NULL);
    r->at = p;
    if (!value->text) no_memory(r);
    if (!isfinite(value->number)) fail(r, begin, "number too large");
    return value;
}

/* ---- values ---- */

static lab_json *read_value(reader *r, int depth);

static lab_json *word(reader *r) {
    static const struct {
        const char *name;
        lab_json_type type;
    } words[] = {{"null", LAB_JSON_NULL}, {"true", LAB_JSON_BOOL}, {"false", LAB_JSON_BOOL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t size = strlen(words[i].name);
        if (strncmp(r->at, words[i].name, size) != 0) continue;
        lab_json *value = create(r, words[i].type);
        r->at += size;
        if (value && !(value->text = strdup(words[i].name))) no_memory(r);
        return value;
    }
    return number(r);
}

/* The key of a member and its colon. */
static char *read_key(reader *r, const lab_json *object) {
    const char *begin = r->at;
    if (*r->at != '"') return fail(r, r->at, "want a key");
    char *key = text(r);
    if (!key) return NULL;
    skip_blanks(r);
    if (lab_json_get(object, key))
        fail(r, begin, "this key is there already");
    else if (*r->at != ':')
        fail(r, r->at, "want ':'");
    r->at++;
    skip_blanks(r);
    return key;
}

/* What stands between brackets. */
static void read_items(reader *r, lab_json *value, int depth) {
    const bool is_object = value->type == LAB_JSON_OBJECT;
    const char close = is_object ? '}' : ']';
    lab_json **next = &value->child;
    r->at++;
    skip_blanks(r);
    if (*r->at == close) {
        r->at++;
        return;
    }
    for (;;) {
        int line;
        const int column = column_of(r, r->at, &line);
        char *key = is_object ? read_key(r, value) : NULL;
        *next = r->code ? NULL : read_value(r, depth + 1);
        if (!*next) {
            free(key);
            return;
        }
        (*next)->key = key;
        if (key) {
            (*next)->line = line;
            (*next)->column = column;
        }
        next = &(*next)->next;
        skip_blanks(r);
        if (r->code || *r->at == close) break;
        if (*r->at++ != ',') {
            fail(r, r->at - 1, is_object ? "want ',' or '}'" : "want ',' or ']'");
            return;
        }
        skip_blanks(r);
    }
    r->at++;
}

static lab_json *read_value(reader *r, int depth) {
    int line;
    const int column = column_of(r, r->at, &line);
    lab_json *value;
    if (depth > MAX_DEPTH) return fail(r, r->at, "nested deeper than 64");
    if (*r->at == '{' || *r->at == '[') {
        value = create(r, *r->at == '{' ? LAB_JSON_OBJECT : LAB_JSON_ARRAY);
        if (value) read_items(r, value, depth);
    } else if (*r->at == '"') {
        value = create(r, LAB_JSON_TEXT);
        if (value) value->text = text(r);
    } else {
        value = word(r);
    }
    if (value) {
        value->line = line;
        value->column = column;
    }
    return value;
}

/* ---- files ---- */

static char *read_file(reader *r) {
    FILE *file = fopen(r->path, "rb");
    char *bytes = NULL;
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    if (size >= 0 && size <= MAX_BYTES) {
        rewind(file);
        bytes = malloc((size_t)size + 1);
        if (bytes && fread(bytes, 1, (size_t)size, file) != (size_t)size) {
            free(bytes);
            bytes = NULL;
            size = -1;
        } else if (bytes) {
            bytes[size] = '\0';
        }
    }
    if (!bytes && size >= 0) {
        no_memory(r);
    } else if (!bytes) {
        (void)cli_usage_error("%s: cannot read: %s", r->path, strerror(errno ? errno : EIO));
        r->code = EXIT_INPUT;
    } else if (strlen(bytes) != (size_t)size) {
        r->start = bytes;
        fail(r, bytes + strlen(bytes), "zero byte");
    }
    if (file) fclose(file);
    return bytes;
}

int lab_json_read(lab_json **root, const char *path) {
    reader r = {.path = path};
    errno = 0;
    char *bytes = read_file(&r);
    *root = NULL;
    if (r.code == 0) {
        r.start = bytes;
        r.at = bytes + (strncmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
        skip_blanks(&r);
        if (!*r.at)
            fail(&r, r.at, "empty");
        else
            *root = read_value(&r, 0);
        skip_blanks(&r);
        if (r.code == 0 && *r.at) fail(&r, r.at, "text behind the end");
    }
    free(bytes);
    if (r.code == 0) return 0;
    lab_json_free(*root);
    *root = NULL;
    return r.code;
}

void lab_json_free(lab_json *value) {
    while (value) {
        lab_json *next = value->next;
        lab_json_free(value->child);
        free(value->key);
        free(value->text);
        free(value);
        value = next;
    }
}

lab_json *lab_json_get(const lab_json *object, const char *key) {
    if (!object || object->type != LAB_JSON_OBJECT) return NULL;
    for (lab_json *m = object->child; m; m = m->next)
        if (m->key && strcmp(m->key, key) == 0) return m;
    return NULL;
}

size_t lab_json_count(const lab_json *value) {
    size_t n = 0;
    for (const lab_json *item = value ? value->child : NULL; item; item = item->next) n++;
    return n;
}

void lab_json_write(FILE *file, const lab_json *value) {
    const bool is_object = value->type == LAB_JSON_OBJECT;
    if (!is_object && value->type != LAB_JSON_ARRAY) {
        if (value->type == LAB_JSON_TEXT)
            cli_put_json_text(file, value->text);
        else
            fputs(value->text, file);
        return;
    }
    putc(is_object ? '{' : '[', file);
    for (const lab_json *item = value->child; item; item = item->next) {
        if (is_object) {
            cli_put_json_text(file, item->key);
            fputs(": ", file);
        }
        lab_json_write(file, item);
        if (item->next) fputs(", ", file);
    }
    putc(is_object ? '}' : ']', file);
}
