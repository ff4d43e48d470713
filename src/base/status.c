#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one mutable state of the library, but for a limit in stb.c: each thread's last error. */
static _Thread_local char error_text[1024];

const char *rn_error_text(void) {
    return error_text;
}

int rn_status_exit_code(rn_status status) {
    switch (status) {
#define X(name, code, text)                                                                        \
    case name:                                                                                     \
        return code;
        RN_STATUS_LIST(X)
#undef X
    }
    return 1;
}

void rn_one_line(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

void rn_tell(const rn_hooks *hooks, const char *format, ...) {
    char line[5120]; /* a path and a text */
    va_list args;
    if (!hooks || !hooks->message) return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    rn_one_line(line);
    hooks->message(hooks->context, line);
}

rn_status rn_fail(rn_status status, const char *format, ...) {
    char text[sizeof error_text]; /* the arguments may lie in error_text */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rn_one_line(text);
    memcpy(error_text, text, sizeof text);
    return status;
}

rn_status rn_fail_prefix(rn_status status, const char *prefix) {
    return rn_fail(status, "%s: %s", prefix, error_text);
}
