/* status.h: how every fallible function in src/ reports failure.
 *
 *     RN_TRY(rn_file_read(&bytes, &size, path, limit));          return at once, nothing to undo
 *     if ((status = f(...)) != RN_OK) goto done;                 unwind at one label
 *     return rn_fail(RN_EINPUT, "%s: offset %zu: %s", ...);      say what, once, where it is known
 */
#ifndef RN_BASE_STATUS_H
#define RN_BASE_STATUS_H

#include <retinanet.h>

/* Return from the calling function when `call` fails; its error text stands. */
#define RN_TRY(call)                                                                               \
    do {                                                                                           \
        rn_status rn_try_status = (call);                                                          \
        if (rn_try_status != RN_OK) return rn_try_status;                                          \
    } while (0)

/* Store the formatted text for rn_error_text() in this thread (truncated at 1023 bytes; control
 * characters in it are shown as '?', so it stays one line) and return `status`. */
rn_status rn_fail(rn_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "PREFIX: " before the current error text; returns `status`. For a caller that knows the file.
 */
rn_status rn_fail_prefix(rn_status status, const char *prefix);

/* Give a message to hooks->message, as one line; hooks may be NULL. */
void rn_tell(const rn_hooks *hooks, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Control characters become '?': names may hold anything, and a message stays one line. */
void rn_one_line(char *text);

#endif
