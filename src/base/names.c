#include "base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t rn_find_name(char *const *names, size_t n, const char *name) {
    size_t i = 0;
    while (i < n && strcmp(names[i], name) != 0) i++;
    return i;
}

void rn_join_names(char *out, size_t size, char *const *names, size_t n) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *comma = i ? ", " : "";
        const size_t need = strlen(comma) + strlen(names[i]);
        if (used + need + sizeof ", ..." > size) {
            snprintf(out + used, size - used, "%s...", comma);
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", comma, names[i]);
    }
    if (n == 0) snprintf(out, size, "none");
}

void rn_free_names(char **names, size_t n) {
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
}
