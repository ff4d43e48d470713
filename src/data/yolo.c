#include "data/yolo.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YOLO_MAX_BYTES ((size_t)64 << 20)
enum { FIELDS = 5 };

static const char *const field_names[FIELDS] = {"class", "x", "y", "width", "height"};

/* A line, cut at its blanks. */
typedef struct line {
    const char *path;
    const char *text; /* where the line begins */
    size_t number;    /* from 1 */
    const char *fields[FIELDS];
    size_t sizes[FIELDS];
    size_t n; /* fields there are, more than FIELDS too */
} line;

void rn_yolo_free(rn_yolo_file *file) {
    free(file->boxes);
    *file = (rn_yolo_file){0};
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static void cut(line *l, const char *end) {
    l->n = 0;
    for (const char *at = l->text; at < end;) {
        while (at < end && is_blank(*at)) at++;
        const char *start = at;
        while (at < end && !is_blank(*at)) at++;
        if (at == start) break;
        if (l->n < FIELDS) {
            l->fields[l->n] = start;
            l->sizes[l->n] = (size_t)(at - start);
        }
        l->n++;
    }
}

/* A polygon has an odd number of fields from 7 on. */
static const char *suspicion(size_t n) {
    if (n == FIELDS + 1) return "; a confidence does not belong here";
    return n > FIELDS && n % 2 == 1 ? "; is it a segmentation label?" : "";
}

static rn_status refuse(const line *l, size_t field, const char *want) {
    enum { SHOWN = 40 };
    char got[SHOWN + 1];
    size_t size = l->sizes[field] < SHOWN ? l->sizes[field] : SHOWN;
    for (size_t i = 0; i < size; i++) { /* a message is one line of text, whatever the file holds */
        const char c = l->fields[field][i];
        got[i] = (unsigned char)c < 0x20 || (unsigned char)c >= 0x7f ? '?' : c;
    }
    got[size] = '\0';
    return rn_fail(RN_EINPUT, "%s:%zu:%zu: %s (got %s, want %s)", l->path, l->number,
                   (size_t)(l->fields[field] - l->text) + 1, field_names[field], got, want);
}

static rn_status parse_box(rn_yolo_box *box, const line *l, size_t n_classes) {
    double share[FIELDS];
    char want[64];
    if (l->n != FIELDS)
        return rn_fail(RN_EINPUT,
                       "%s:%zu:1: fields of the line (got %zu, want 5: class x y width height%s)",
                       l->path, l->number, l->n, suspicion(l->n));
    *box = (rn_yolo_box){.line = l->number};
    if (!rn_parse_int(&box->label, l->fields[0], l->sizes[0]) || box->label < 0 ||
        (uint64_t)box->label >= n_classes) {
        snprintf(want, sizeof want, "an integer in 0..%zu", n_classes - 1);
        return refuse(l, 0, want);
    }
    for (size_t i = 1; i < FIELDS; i++)
        if (!rn_parse_double(&share[i], l->fields[i], l->sizes[i]) ||
            !(share[i] >= 0 && share[i] <= 1))
            return refuse(l, i, "a share of the picture, 0..1");
    box->x = share[1];
    box->y = share[2];
    box->width = share[3];
    box->height = share[4];
    return RN_OK;
}

static int compare_boxes(const void *a, const void *b) {
    const rn_yolo_box *p = *(rn_yolo_box *const *)a, *q = *(rn_yolo_box *const *)b;
    if (p->label != q->label) return p->label < q->label ? -1 : 1;
    const double d[] = {p->x - q->x, p->y - q->y, p->width - q->width, p->height - q->height};
    for (size_t i = 0; i < sizeof d / sizeof *d; i++)
        if (d[i] != 0) return d[i] < 0 ? -1 : 1;
    return 0;
}

static int compare_boxes_then_lines(const void *a, const void *b) {
    const int order = compare_boxes(a, b);
    const rn_yolo_box *p = *(rn_yolo_box *const *)a, *q = *(rn_yolo_box *const *)b;
    return order ? order : p->line < q->line ? -1 : 1;
}

static rn_status mark_repeated(rn_yolo_file *file) {
    rn_yolo_box **sorted;
    RN_TRY(rn_alloc(&sorted, file->n, sizeof *sorted));
    for (size_t i = 0; i < file->n; i++) sorted[i] = &file->boxes[i];
    qsort(sorted, file->n, sizeof *sorted, compare_boxes_then_lines);
    for (size_t i = 1; i < file->n; i++)
        sorted[i]->repeated = compare_boxes(&sorted[i - 1], &sorted[i]) == 0;
    free(sorted);
    return RN_OK;
}

static rn_status read_lines(rn_yolo_file *out, const char *text, const char *end, const char *path,
                            size_t n_classes) {
    line l = {.path = path, .text = text};
    while (l.text < end) {
        const char *stop = memchr(l.text, '\n', (size_t)(end - l.text));
        if (!stop) stop = end;
        l.number++;
        cut(&l, stop);
        if (l.n > 0) {
            RN_TRY(rn_reserve(&out->boxes, &out->cap, out->n + 1, sizeof *out->boxes));
            RN_TRY(parse_box(&out->boxes[out->n], &l, n_classes));
            out->n++;
        }
        l.text = stop + 1;
    }
    return mark_repeated(out);
}

rn_status rn_yolo_read(rn_yolo_file *out, const char *path, size_t n_classes) {
    static const char bom[] = "\xef\xbb\xbf";
    uint8_t *bytes;
    size_t size;
    *out = (rn_yolo_file){0};
    RN_TRY(rn_file_read(&bytes, &size, path, YOLO_MAX_BYTES));
    const char *text = (char *)bytes, *end = text + size;
    if (strncmp(text, bom, strlen(bom)) == 0) text += strlen(bom);
    const rn_status status = read_lines(out, text, end, path, n_classes);
    free(bytes);
    if (status != RN_OK) rn_yolo_free(out);
    return status;
}
