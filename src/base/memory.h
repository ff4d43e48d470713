/* memory.h: checked allocation. Sizes are multiplied with overflow checks; failure is RN_ENOMEM
 * with the size named. */
#ifndef RN_BASE_MEMORY_H
#define RN_BASE_MEMORY_H

#include "base/status.h"

#define RN_ALIGN 64 /* bytes: a cache line, and an AVX-512 register */

/* *out = a * b; false if that overflows size_t. */
bool rn_mul(size_t *out, size_t a, size_t b);

/* *out = `count` zeroed elements of `size` bytes, aligned to RN_ALIGN, never NULL on success (count
 * 0 gives one byte). `out` is the address of a pointer of any object type. Freed with free().
 * RN_ENOMEM leaves *out NULL. */
RN_MUST_USE rn_status rn_alloc(void *out, size_t count, size_t size);

/* The same, not zeroed: for what is written whole. Memory that nobody has written counts for
 * nothing. */
RN_MUST_USE rn_status rn_alloc_unset(void *out, size_t count, size_t size);

/* Give the pages that lie wholly in these bytes back to the system: what they held is lost, and the
 * block is to be freed all the same. */
void rn_release(void *memory, size_t bytes);

/* Before a block of `bytes` is first written: let it have large pages if it is large itself. A page
 * fault for every 4 kB costs more than what is then done with them. rn_alloc does so. */
void rn_advise_large(void *memory, size_t bytes);

/* Grow *array (malloc'ed or NULL, `*cap` elements of `size` bytes) so that it holds at least
 * `need`; doubles. RN_ENOMEM leaves the array as it was. The new elements are not initialised.
 * `array` is the address of a pointer of any object type. */
RN_MUST_USE rn_status rn_reserve(void *array, size_t *cap, size_t need, size_t size);

/* *out = a malloc'ed copy of `text`. */
RN_MUST_USE rn_status rn_strdup(char **out, const char *text);

/* *out = malloc'ed printf. */
RN_MUST_USE rn_status rn_asprintf(char **out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes of memory that could still be had: the least of what MemAvailable, the cgroup's
 * limit and RLIMIT_AS leave; SIZE_MAX if unknown. */
size_t rn_memory_available(void);

/* Peak resident size of this process in bytes, 0 if unknown. */
size_t rn_memory_peak(void);

#endif
