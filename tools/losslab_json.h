/* losslab_json.h: a strict JSON file as a tree that knows its places, so that what is wrong in an
 * experiment is told by line and column. */
#ifndef LOSSLAB_JSON_H
#define LOSSLAB_JSON_H

#include <stdio.h>

typedef enum lab_json_type {
    LAB_JSON_NULL,
    LAB_JSON_BOOL,
    LAB_JSON_NUMBER,
    LAB_JSON_TEXT,
    LAB_JSON_ARRAY,
    LAB_JSON_OBJECT
} lab_json_type;

typedef struct lab_json {
    lab_json_type type;
    char *key;              /* of a member of an object, else NULL */
    int line, column;       /* where the member or value begins, from 1 */
    char *text;             /* of a text; of a number as it is written; "true", "false" */
    double number;          /* finite */
    struct lab_json *child; /* first item or member */
    struct lab_json *next;  /* item or member behind this one */
} lab_json;

/* Read a file. 0 with *root to be freed, or the exit code with the message out: 2 for what is no
 * JSON (RFC 8259; UTF-8 byte order mark let pass), a key twice, more than 64 levels. */
int lab_json_read(lab_json **root, const char *path);
void lab_json_free(lab_json *value);

/* The member of that name; NULL if `object` has none or is none. */
lab_json *lab_json_get(const lab_json *object, const char *key);
/* Items or members of `value`. */
size_t lab_json_count(const lab_json *value);

/* Write it back: numbers to the letter. */
void lab_json_write(FILE *file, const lab_json *value);

#endif
