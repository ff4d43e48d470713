#include "base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LARGE = 4 << 20 }; /* bytes: there is a page of 2 MB in it wherever it begins */

bool rn_mul(size_t *out, size_t a, size_t b) {
    return !__builtin_mul_overflow(a, b, out);
}

/* For the whole pages in a block. */
static void advise(void *memory, size_t bytes, int advice) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)memory;
    const uintptr_t first = (start + page - 1) / page * page, end = (start + bytes) / page * page;
    const int kept = errno;
    if (first < end) (void)madvise((char *)memory + (first - start), end - first, advice);
    errno = kept; /* advice may be refused */
}

void rn_advise_large(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE) advise(memory, bytes, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}

void rn_release(void *memory, size_t bytes) {
    advise(memory, bytes, MADV_DONTNEED);
}

static rn_status allocate(void *out, size_t count, size_t size, bool zero) {
    size_t bytes;
    void *memory = NULL;
    memcpy(out, &memory, sizeof memory); /* any object pointer type */
    if (!rn_mul(&bytes, count, size) || bytes > PTRDIFF_MAX - RN_ALIGN)
        return rn_fail(RN_ENOMEM, "cannot allocate %zu x %zu bytes", count, size);
    bytes = bytes > 0 ? bytes : 1;
    if (posix_memalign(&memory, RN_ALIGN, bytes) != 0)
        return rn_fail(RN_ENOMEM, "cannot allocate %zu bytes", bytes);
    rn_advise_large(memory, bytes);
    if (zero) memset(memory, 0, bytes);
    memcpy(out, &memory, sizeof memory);
    return RN_OK;
}

rn_status rn_alloc(void *out, size_t count, size_t size) {
    return allocate(out, count, size, true);
}

rn_status rn_alloc_unset(void *out, size_t count, size_t size) {
    return allocate(out, count, size, false);
}

rn_status rn_reserve(void *array, size_t *cap, size_t need, size_t size) {
    size_t grown = *cap < 8 ? 8 : *cap, bytes;
    void *memory;
    if (need <= *cap) return RN_OK;
    while (grown < need)
        if (!rn_mul(&grown, grown, 2)) grown = need;
    if (!rn_mul(&bytes, grown, size))
        return rn_fail(RN_ENOMEM, "cannot allocate %zu x %zu bytes", grown, size);
    memcpy(&memory, array, sizeof memory);
    memory = realloc(memory, bytes);
    if (!memory) return rn_fail(RN_ENOMEM, "cannot allocate %zu bytes", bytes);
    memcpy(array, &memory, sizeof memory);
    *cap = grown;
    return RN_OK;
}

rn_status rn_strdup(char **out, const char *text) {
    *out = strdup(text);
    return *out ? RN_OK : rn_fail(RN_ENOMEM, "cannot allocate %zu bytes", strlen(text) + 1);
}

rn_status rn_asprintf(char **out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int length = vasprintf(out, format, args);
    va_end(args);
    if (length >= 0) return RN_OK;
    *out = NULL;
    return rn_fail(RN_ENOMEM, "cannot allocate a text");
}

/* The number behind `key` in a small text file of the kernel's, times `unit`; SIZE_MAX if there is
 * none. */
static size_t read_number(const char *path, const char *key, size_t unit) {
    char line[256];
    size_t value = SIZE_MAX;
    FILE *file = fopen(path, "re");
    if (!file) return SIZE_MAX;
    while (fgets(line, sizeof line, file)) {
        char *end;
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const unsigned long long number = strtoull(line + strlen(key), &end, 10);
        if (end != line + strlen(key) && number < SIZE_MAX / unit) value = (size_t)number * unit;
        break;
    }
    fclose(file);
    return value;
}

static size_t left_of(size_t limit, size_t used) {
    if (limit == SIZE_MAX || used == SIZE_MAX) return SIZE_MAX;
    return limit > used ? limit - used : 0;
}

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

/* What a container's memory controller (version 2, then 1) leaves. Its usage counts cached file
 * pages, which the kernel drops before it refuses memory: a long look at pictures must not read as
 * a full machine. */
static size_t cgroup_available(void) {
    static const struct {
        const char *limit, *used, *stat, *cached;
    } versions[] = {{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                     "/sys/fs/cgroup/memory.stat", "inactive_file "},
                    {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                     "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                     "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file "}};
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        const size_t limit = read_number(versions[i].limit, "", 1);
        const size_t cached = read_number(versions[i].stat, versions[i].cached, 1);
        size_t used = read_number(versions[i].used, "", 1);
        if (used != SIZE_MAX && cached < used) used -= cached;
        least = min_size(least, left_of(limit, used));
    }
    return least;
}

size_t rn_memory_available(void) {
    const size_t least =
        min_size(read_number("/proc/meminfo", "MemAvailable:", 1024), cgroup_available());
    struct rlimit address;
    if (getrlimit(RLIMIT_AS, &address) != 0 || address.rlim_cur == RLIM_INFINITY) return least;
    const size_t used = read_number("/proc/self/statm", "", (size_t)sysconf(_SC_PAGESIZE));
    return min_size(least, left_of((size_t)address.rlim_cur, used));
}

/* Not getrusage(): its ru_maxrss starts from the size of the program that forked this one. */
size_t rn_memory_peak(void) {
    const size_t peak = read_number("/proc/self/status", "VmHWM:", 1024);
    return peak == SIZE_MAX ? 0 : peak;
}
