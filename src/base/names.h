/* names.h: lists of names, of classes or of splits. */
#ifndef RN_BASE_NAMES_H
#define RN_BASE_NAMES_H

#include <stddef.h>

/* Position of `name` in names[n], n if it is not there. */
size_t rn_find_name(char *const *names, size_t n, const char *name);

/* "a, b, c" in out[size], cut with "..." where it is too long. */
void rn_join_names(char *out, size_t size, char *const *names, size_t n);

/* Free names[n] and the array. */
void rn_free_names(char **names, size_t n);

#endif
