/* marked_text.h: texts with a '^' where a message is to point, and a '~' where it says "first at".
 */
#ifndef RN_TESTS_MARKED_TEXT_H
#define RN_TESTS_MARKED_TEXT_H

#include "temp_folder.h"

/* "LINE:COL" of '^' and of '~', of the text that was written last. */
static char marked_place[32], marked_first[32];

/* Write `text` without its marks as `name`. */
static inline void marked_write(const char *name, const char *text) {
    char *plain = malloc(strlen(text) + 1);
    size_t n = 0, line = 1, column = 1;
    ck_assert_ptr_nonnull(plain);
    for (const char *s = text; *s; s++) {
        if (*s == '^' || *s == '~') {
            snprintf(*s == '^' ? marked_place : marked_first, 32, "%zu:%zu", line, column);
            continue;
        }
        column = *s == '\n' ? 1 : column + 1;
        line += *s == '\n';
        plain[n++] = *s;
    }
    temp_bytes(name, plain, n);
    free(plain);
}

/* The message on `file`: "FILE:LINE:COL: WHAT", where a '@' in `what` stands for the place of '~'.
 */
static inline const char *marked_message(const char *file, const char *what) {
    static char text[1024];
    const char *at = strchr(what, '@');
    const int before = at ? (int)(at - what) : (int)strlen(what);
    snprintf(text, sizeof text, "%s:%s: %.*s%s%s", file, marked_place, before, what,
             at ? marked_first : "", at ? at + 1 : "");
    return text;
}

#endif
