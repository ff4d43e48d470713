#include "data/voc.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define VOC_MAX_BYTES ((size_t)64 << 20)
#define VOC_MAX_DEPTH 64

/* The elements that are read. A name counts only below its own parent: <part><bndbox> and
 * <part><name> lie below an OTHER. */
typedef enum element {
    DOCUMENT,
    OTHER,
    ANNOTATION,
    FILENAME,
    SIZE,
    WIDTH,
    HEIGHT,
    OBJECT,
    NAME,
    DIFFICULT,
    BNDBOX,
    XMIN,
    YMIN,
    XMAX,
    YMAX
} element;

static const struct {
    const char *name;
    element parent, self;
} elements[] = {
    {"annotation", DOCUMENT, ANNOTATION},
    {"filename", ANNOTATION, FILENAME},
    {"size", ANNOTATION, SIZE},
    {"width", SIZE, WIDTH},
    {"height", SIZE, HEIGHT},
    {"object", ANNOTATION, OBJECT},
    {"name", OBJECT, NAME},
    {"difficult", OBJECT, DIFFICULT},
    {"bndbox", OBJECT, BNDBOX},
    {"xmin", BNDBOX, XMIN},
    {"ymin", BNDBOX, YMIN},
    {"xmax", BNDBOX, XMAX},
    {"ymax", BNDBOX, YMAX},
};
enum { ELEMENTS = sizeof elements / sizeof *elements };

typedef struct reader {
    XML_Parser parser;
    const char *path;
    rn_voc_file *file;
    rn_status status; /* of the first failure; the handlers do nothing behind it */
    element stack[VOC_MAX_DEPTH];
    size_t depth;
    unsigned seen;        /* bit 1 << element: met in the file, or in the object that is open */
    rn_voc_object object; /* the object that is open */
    char *text;           /* [text_size] of the element that is open */
    size_t text_size, text_cap;
} reader;

static element top(const reader *r) {
    return r->depth ? r->stack[r->depth - 1] : DOCUMENT;
}

static const char *element_name(element self) {
    for (size_t i = 0; i < ELEMENTS; i++)
        if (elements[i].self == self) return elements[i].name;
    return "";
}

/* Elements whose text is read: a tag inside would cut it in two. */
static bool is_leaf(element self) {
    return self != DOCUMENT && self != OTHER && self != ANNOTATION && self != SIZE &&
           self != OBJECT && self != BNDBOX;
}

/* Remember the failure and end the parsing. */
static void stop(reader *r, rn_status status) {
    r->status = status;
    XML_StopParser(r->parser, XML_FALSE);
}

/* FILE:LINE:COL of the place that is being parsed: the start of the current tag. */
#define REFUSE(r, format, ...)                                                                     \
    stop((r), rn_fail(RN_EINPUT, "%s:%zu:%zu: " format, (r)->path,                                 \
                      (size_t)XML_GetCurrentLineNumber((r)->parser),                               \
                      (size_t)XML_GetCurrentColumnNumber((r)->parser) + 1, __VA_ARGS__))

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal_subset) {
    reader *r = context;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    if (r->status == RN_OK) REFUSE(r, "DTD not allowed (got <!DOCTYPE %.40s)", name);
}

static element classify(element parent, const char *name) {
    for (size_t i = 0; i < ELEMENTS; i++)
        if (elements[i].parent == parent && strcmp(elements[i].name, name) == 0)
            return elements[i].self;
    return OTHER;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes) {
    reader *r = context;
    const element self = classify(top(r), name);
    (void)attributes;
    if (r->status != RN_OK) return;
    if (r->depth == VOC_MAX_DEPTH) {
        REFUSE(r, "nested deeper than %d", VOC_MAX_DEPTH);
        return;
    }
    if (r->depth == 0 && self != ANNOTATION) {
        REFUSE(r, "not a VOC annotation (got <%.40s>, want <annotation>)", name);
        return;
    }
    if (self != OTHER && self != OBJECT && (r->seen & 1u << self)) {
        REFUSE(r, "a second <%s>", name);
        return;
    }
    if (is_leaf(top(r))) {
        REFUSE(r, "<%s> holds an element (got <%.40s>, want text)", element_name(top(r)), name);
        return;
    }
    r->seen |= 1u << self;
    r->stack[r->depth++] = self;
    r->text_size = 0;
    if (self == OBJECT) {
        r->seen &= ~(1u << NAME | 1u << DIFFICULT | 1u << BNDBOX | 1u << XMIN | 1u << YMIN |
                     1u << XMAX | 1u << YMAX);
        r->object = (rn_voc_object){.line = XML_GetCurrentLineNumber(r->parser),
                                    .column = XML_GetCurrentColumnNumber(r->parser) + 1};
    }
}

static void on_text(void *context, const XML_Char *text, int size) {
    reader *r = context;
    if (r->status != RN_OK || top(r) == OTHER) return;
    const size_t need = r->text_size + (size_t)size;
    const rn_status status = rn_reserve(&r->text, &r->text_cap, need + 1, 1);
    if (status != RN_OK) {
        stop(r, status);
        return;
    }
    memcpy(r->text + r->text_size, text, (size_t)size);
    r->text_size = need;
}

/* The text of the element that ends, without the blanks around it; "" if there is none. */
static const char *trimmed(reader *r, size_t *size) {
    static const char blanks[] = " \t\r\n";
    size_t first = 0;
    if (!r->text) {
        *size = 0;
        return "";
    }
    while (r->text_size > 0 && strchr(blanks, r->text[r->text_size - 1]) != NULL) r->text_size--;
    r->text[r->text_size] = '\0';
    while (first < r->text_size && strchr(blanks, r->text[first]) != NULL) first++;
    *size = r->text_size - first;
    return r->text + first;
}

static void take_text(reader *r, char **out) {
    size_t size;
    const char *text = trimmed(r, &size);
    if (size == 0) return; /* the same as if it were not there */
    const rn_status status = rn_strdup(out, text);
    if (status != RN_OK) stop(r, status);
}

static void take_number(reader *r, double *out) {
    size_t size;
    const char *text = trimmed(r, &size);
    if (!rn_parse_double(out, text, size))
        REFUSE(r, "<%s> is not a number (got \"%.40s\")", element_name(top(r)), text);
}

/* An empty <width/> is a size that is missing. */
static void take_side(reader *r, int *out) {
    size_t size;
    double value = 0;
    const char *text = trimmed(r, &size);
    if (size == 0) return;
    if (!rn_parse_double(&value, text, size) || value < 0 || value > INT_MAX ||
        value != (double)(int)value) {
        REFUSE(r, "<%s> is not a number of pixels (got \"%.40s\")", element_name(top(r)), text);
        return;
    }
    *out = (int)value;
}

static void take_flag(reader *r, bool *out) {
    size_t size;
    const char *text = trimmed(r, &size);
    if (size > 1 || (size == 1 && *text != '0' && *text != '1')) {
        REFUSE(r, "<%s> is not a flag (got \"%.40s\", want 0 or 1)", element_name(top(r)), text);
        return;
    }
    *out = size == 1 && *text == '1';
}

/* The open object is complete: into the file's list. */
static void take_object(reader *r) {
    static const element wanted[] = {XMIN, YMIN, XMAX, YMAX};
    rn_voc_file *file = r->file;
    if (!r->object.name) {
        REFUSE(r, "the object of line %zu has no <name>", r->object.line);
        return;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!(r->seen & 1u << wanted[i])) {
            REFUSE(r, "the object of line %zu has no <%s> in its <bndbox>", r->object.line,
                   element_name(wanted[i]));
            return;
        }
    const rn_status status =
        rn_reserve(&file->objects, &file->cap, file->n_objects + 1, sizeof *file->objects);
    if (status != RN_OK) {
        stop(r, status);
        return;
    }
    file->objects[file->n_objects++] = r->object;
    r->object.name = NULL;
}

static void on_end(void *context, const XML_Char *name) {
    reader *r = context;
    (void)name;
    if (r->status != RN_OK) return;
    switch (top(r)) {
    case FILENAME:
        take_text(r, &r->file->filename);
        break;
    case WIDTH:
        take_side(r, &r->file->width);
        break;
    case HEIGHT:
        take_side(r, &r->file->height);
        break;
    case NAME:
        take_text(r, &r->object.name);
        break;
    case DIFFICULT:
        take_flag(r, &r->object.difficult);
        break;
    case XMIN:
        take_number(r, &r->object.xmin);
        break;
    case YMIN:
        take_number(r, &r->object.ymin);
        break;
    case XMAX:
        take_number(r, &r->object.xmax);
        break;
    case YMAX:
        take_number(r, &r->object.ymax);
        break;
    case OBJECT:
        take_object(r);
        break;
    default:
        break;
    }
    r->depth--;
    r->text_size = 0;
}

static rn_status parse(reader *r, const char *bytes, size_t size) {
    r->parser = XML_ParserCreate(NULL);
    if (!r->parser) return rn_fail(RN_ENOMEM, "%s: no memory for the xml parser", r->path);
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    if (XML_Parse(r->parser, bytes, (int)size, 1) == XML_STATUS_OK || r->status != RN_OK)
        return r->status;
    const enum XML_Error error = XML_GetErrorCode(r->parser);
    if (error == XML_ERROR_NO_MEMORY)
        return rn_fail(RN_ENOMEM, "%s: no memory for the xml parser", r->path);
    REFUSE(r, "not well-formed xml: %s", XML_ErrorString(error));
    return r->status;
}

rn_status rn_voc_read(rn_voc_file *out, const char *path) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    *out = (rn_voc_file){0};
    RN_TRY(rn_file_read(&bytes, &size, path, VOC_MAX_BYTES));
    reader r = {.path = path, .file = out};
    const rn_status status = parse(&r, (const char *)bytes, size);
    XML_ParserFree(r.parser);
    free(r.object.name);
    free(r.text);
    free(bytes);
    if (status != RN_OK) rn_voc_free(out);
    return status;
}

void rn_voc_free(rn_voc_file *file) {
    for (size_t i = 0; i < file->n_objects; i++) free(file->objects[i].name);
    free(file->objects);
    free(file->filename);
    *file = (rn_voc_file){0};
}
