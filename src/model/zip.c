#include "model/zip.h"
#include "base/file.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCAL = 0x04034b50, /* signatures */
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    END_64 = 0x06064b50,
    LOCATOR_64 = 0x07064b50,
    LOCAL_SIZE = 30, /* and sizes of what they begin, without names and extras */
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    END_64_SIZE = 56,
    LOCATOR_64_SIZE = 20,
    ENCRYPTED = 1, /* flags */
    SIZES_BEHIND = 8,
    SHOWN = 100 /* bytes of a name in a message */
};

typedef struct archive {
    const uint8_t *bytes;
    size_t size;
    const char *path;
} archive;

static rn_status damaged(const archive *a, size_t offset, const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: %s", a->path, offset, what);
}

static rn_status damaged_entry(const archive *a, size_t offset, const rn_zip_entry *entry,
                               const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: zip entry %.*s %s", a->path, offset,
                   entry->name_size < SHOWN ? (int)entry->name_size : SHOWN, entry->name, what);
}

static uint64_t number(const archive *a, size_t at, int bytes) {
    return rn_little_endian(a->bytes + at, bytes);
}

/* Whether `n` bytes from `at` on are before `end`. */
static bool within(uint64_t at, uint64_t n, uint64_t end) {
    return at <= end && n <= end - at;
}

/* ---- the end: where the directory is ---- */

typedef struct directory {
    uint64_t n, offset, size;
} directory;

/* A 64-bit record stands before the end where there is a locator for it, and holds the numbers that
 * the end has no room for. Whatever both have must agree. */
static rn_status read_end_64(directory *d, size_t *end, const archive *a) {
    static const int at[] = {32, 40, 48}, end_at[] = {10, 12, 16}, end_bytes[] = {2, 4, 4};
    uint64_t *const numbers[] = {&d->n, &d->size, &d->offset};
    const size_t plain = *end;
    if (plain < LOCATOR_64_SIZE + END_64_SIZE ||
        number(a, plain - LOCATOR_64_SIZE, 4) != LOCATOR_64)
        return RN_OK;
    const size_t locator = plain - LOCATOR_64_SIZE;
    const uint64_t record = number(a, locator + 8, 8);
    if (record != locator - END_64_SIZE || number(a, (size_t)record, 4) != END_64 ||
        number(a, (size_t)record + 4, 8) != END_64_SIZE - 12)
        return damaged(a, locator, "the zip directory's 64-bit end is not where it is said to be");
    for (int i = 0; i < 3; i++) {
        const uint64_t most = UINT64_MAX >> (64 - 8 * end_bytes[i]);
        *numbers[i] = number(a, (size_t)record + (size_t)at[i], 8);
        const uint64_t other = number(a, plain + (size_t)end_at[i], end_bytes[i]);
        if (other != *numbers[i] && other != most)
            return damaged(a, plain, "the two ends of the zip directory do not agree");
    }
    *end = (size_t)record;
    return RN_OK;
}

static rn_status read_end(directory *d, const archive *a) {
    if (a->size < END_SIZE || number(a, a->size - END_SIZE, 4) != END)
        return damaged(a, a->size, "no end of a zip directory here: cut off?");
    size_t end = a->size - END_SIZE;
    *d = (directory){number(a, end + 10, 2), number(a, end + 16, 4), number(a, end + 12, 4)};
    RN_TRY(read_end_64(d, &end, a));
    if (!within(d->offset, d->size, end) || d->offset + d->size != end)
        return rn_fail(RN_EINPUT,
                       "%s: offset %zu: a zip directory of %" PRIu64 " bytes at %" PRIu64
                       " does not end here",
                       a->path, end, d->size, d->offset);
    if (d->n > d->size / CENTRAL_SIZE)
        return rn_fail(RN_EINPUT,
                       "%s: offset %zu: a zip directory of %" PRIu64 " bytes for %" PRIu64
                       " entries",
                       a->path, end, d->size, d->n);
    return RN_OK;
}

/* ---- entries ---- */

/* Replace those of three numbers that are all ones by the 64-bit ones in the extra field 1. */
static bool read_extra_64(uint64_t *const numbers[3], const archive *a, size_t at, size_t size) {
    bool wanted = false;
    for (int i = 0; i < 3; i++) wanted = wanted || (numbers[i] && *numbers[i] == UINT32_MAX);
    for (const size_t end = at + size; wanted && end - at >= 4;) {
        const uint64_t id = number(a, at, 2), n = number(a, at + 2, 2);
        at += 4;
        if (n > end - at) return false;
        if (id != 1) {
            at += n;
            continue;
        }
        size_t used = 0;
        for (int i = 0; i < 3; i++) {
            if (!numbers[i] || *numbers[i] != UINT32_MAX) continue;
            if (n - used < 8) return false;
            *numbers[i] = number(a, at + used, 8);
            used += 8;
        }
        return true;
    }
    return !wanted;
}

/* The header before the data says the same, or leaves size and checksum to what is behind them. */
static rn_status read_local(rn_zip_entry *e, const archive *a, const directory *d) {
    const size_t at = e->header;
    if (!within(at, LOCAL_SIZE, d->offset) || number(a, at, 4) != LOCAL)
        return damaged_entry(a, at, e, "has no header here");
    const size_t name_size = number(a, at + 26, 2), extra = number(a, at + 28, 2);
    uint64_t packed = number(a, at + 18, 4), size = number(a, at + 22, 4);
    const uint32_t crc = (uint32_t)number(a, at + 14, 4);
    uint64_t *const numbers[] = {&size, &packed, NULL};
    e->offset = at + LOCAL_SIZE + name_size + extra;
    if (!within(e->offset, e->size, d->offset))
        return damaged_entry(a, at, e, "runs into the directory");
    if (name_size != e->name_size || memcmp(a->bytes + at + LOCAL_SIZE, e->name, name_size) != 0 ||
        number(a, at + 8, 2) != 0 || !read_extra_64(numbers, a, at + LOCAL_SIZE + name_size, extra))
        return damaged_entry(a, at, e, "is another in the directory");
    if ((number(a, at + 6, 2) & SIZES_BEHIND) && size == 0 && packed == 0 && crc == 0) return RN_OK;
    if (size != e->size || packed != e->size || crc != e->crc)
        return damaged_entry(a, at, e, "has another size or checksum in the directory");
    return RN_OK;
}

/* The entry whose record begins at *at, and on to the next. */
static rn_status read_entry(rn_zip_entry *e, size_t *at, const archive *a, const directory *d) {
    const size_t begin = *at, end = (size_t)(d->offset + d->size);
    if (!within(begin, CENTRAL_SIZE, end) || number(a, begin, 4) != CENTRAL)
        return damaged(a, begin, "no entry of the zip directory here");
    const size_t name = number(a, begin + 28, 2), extra = number(a, begin + 30, 2),
                 comment = number(a, begin + 32, 2);
    uint64_t packed = number(a, begin + 20, 4), size = number(a, begin + 24, 4),
             header = number(a, begin + 42, 4);
    uint64_t *const numbers[] = {&size, &packed, &header};
    if (!within(begin + CENTRAL_SIZE, name + extra + comment, end))
        return damaged(a, begin, "an entry of the zip directory runs past its end");
    *at = begin + CENTRAL_SIZE + name + extra + comment;
    e->name = (const char *)a->bytes + begin + CENTRAL_SIZE;
    e->name_size = name;
    if (!read_extra_64(numbers, a, begin + CENTRAL_SIZE + name, extra))
        return damaged_entry(a, begin, e, "lacks its 64-bit sizes");
    if (number(a, begin + 8, 2) & ENCRYPTED) return damaged_entry(a, begin, e, "is encrypted");
    if (number(a, begin + 10, 2) != 0 || packed != size)
        return damaged_entry(a, begin, e, "is compressed: torch.save stores them as they are");
    e->crc = (uint32_t)number(a, begin + 16, 4);
    e->header = (size_t)header;
    e->size = (size_t)size;
    return read_local(e, a, d);
}

/* ---- all of them ---- */

static int by_place(const void *a, const void *b) {
    const rn_zip_entry *x = a, *y = b;
    return (x->header > y->header) - (x->header < y->header);
}

static int by_name(const void *a, const void *b) {
    const rn_zip_entry *x = a, *y = b;
    const size_t n = x->name_size < y->name_size ? x->name_size : y->name_size;
    const int order = memcmp(x->name, y->name, n);
    return order ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static rn_status check_entries(rn_zip_entry *entries, size_t n, const archive *a) {
    qsort(entries, n, sizeof *entries, by_place);
    for (size_t i = 1; i < n; i++)
        if (entries[i].header < entries[i - 1].offset + entries[i - 1].size)
            return damaged_entry(a, entries[i].header, &entries[i], "overlaps the one before");
    qsort(entries, n, sizeof *entries, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&entries[i - 1], &entries[i]) == 0)
            return damaged_entry(a, entries[i].header, &entries[i], "stands twice");
    return RN_OK;
}

rn_status rn_zip_read(rn_zip_entry **out, size_t *n, const uint8_t *bytes, size_t size,
                      const char *path) {
    const archive a = {bytes, size, path};
    rn_zip_entry *entries = NULL;
    directory d;
    *out = NULL;
    *n = 0;
    RN_TRY(read_end(&d, &a));
    RN_TRY(rn_alloc(&entries, (size_t)d.n, sizeof *entries));
    size_t at = (size_t)d.offset;
    rn_status status = RN_OK;
    for (uint64_t i = 0; i < d.n && status == RN_OK; i++)
        status = read_entry(&entries[i], &at, &a, &d);
    if (status == RN_OK && at != d.offset + d.size)
        status = damaged(&a, at, "the zip directory holds more than its entries");
    if (status == RN_OK) status = check_entries(entries, (size_t)d.n, &a);
    if (status == RN_OK) {
        *out = entries;
        *n = (size_t)d.n;
    } else {
        free(entries);
    }
    return status;
}

const rn_zip_entry *rn_zip_find(const rn_zip_entry *entries, size_t n, const char *name) {
    const rn_zip_entry key = {.name = name, .name_size = strlen(name)};
    return n > 0 ? bsearch(&key, entries, n, sizeof *entries, by_name) : NULL;
}

rn_status rn_zip_check(const rn_zip_entry *entry, const uint8_t *bytes, const char *path) {
    const archive a = {.bytes = bytes, .path = path};
    const uint32_t crc = rn_crc32(0, bytes + entry->offset, entry->size);
    char text[80];
    if (crc == entry->crc) return RN_OK;
    snprintf(text, sizeof text,
             "has the checksum %08" PRIx32 ", the file says %08" PRIx32 ": damaged", crc,
             entry->crc);
    return damaged_entry(&a, entry->offset, entry, text);
}
