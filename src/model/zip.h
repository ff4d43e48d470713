/* zip.h: the directory of a zip file whose entries are stored, not compressed, as torch.save writes
 * it (PKWARE's APPNOTE.TXT 6.3, with its 64-bit records).
 *
 * Everything is said twice in a zip file, before each entry's data and in the directory at the end;
 * readers that believe one half can be shown other bytes than those that believe the other. Here
 * both must agree, and entries must not overlap. */
#ifndef RN_MODEL_ZIP_H
#define RN_MODEL_ZIP_H

#include "base/status.h"

typedef struct rn_zip_entry {
    const char *name; /* in the file's bytes; `name_size` of them, without a zero */
    size_t name_size;
    size_t header;       /* where in the file its local header begins */
    size_t offset, size; /* of its data */
    uint32_t crc;
} rn_zip_entry;

/* *out = the `n` entries of bytes[0, size), malloc'ed, sorted by name. RN_EINPUT: "FILE: offset N:
 * what". On failure *out is NULL. */
RN_MUST_USE rn_status rn_zip_read(rn_zip_entry **out, size_t *n, const uint8_t *bytes, size_t size,
                                  const char *path);

/* NULL if it is not there. */
const rn_zip_entry *rn_zip_find(const rn_zip_entry *entries, size_t n, const char *name);

/* RN_EINPUT where the checksum is not that of the data. */
RN_MUST_USE rn_status rn_zip_check(const rn_zip_entry *entry, const uint8_t *bytes,
                                   const char *path);

#endif
