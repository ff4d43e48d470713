#include "model/safetensors.h"
#include "base/memory.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER = 100000000, MAX_DEPTH = 8 };

static rn_status damaged(const char *path, size_t offset, const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: %s", path, offset, what);
}

/* ---- the header ---- */

/* cJSON recurses; a header needs four levels. False if there are more brackets open than
 * MAX_DEPTH, outside of strings. */
static bool is_shallow(const char *json, size_t size) {
    int depth = 0;
    bool text = false;
    for (size_t i = 0; i < size; i++) {
        if (text) {
            if (json[i] == '\\')
                i++;
            else if (json[i] == '"')
                text = false;
        } else if (json[i] == '"') {
            text = true;
        } else if (json[i] == '{' || json[i] == '[') {
            if (++depth > MAX_DEPTH) return false;
        } else if (json[i] == '}' || json[i] == ']') {
            depth--;
        }
    }
    return true;
}

static bool to_size(size_t *out, const cJSON *item) {
    if (!cJSON_IsNumber(item)) return false;
    const double v = item->valuedouble;
    if (!(v >= 0 && v <= 0x1p53 && v == floor(v))) return false;
    *out = (size_t)v;
    return true;
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const rn_metadata *)a)->key, ((const rn_metadata *)b)->key);
}

static rn_status read_metadata(rn_tensor_file *file, const cJSON *object, const char *path) {
    size_t cap = 0;
    const cJSON *item;
    if (!cJSON_IsObject(object)) return damaged(path, LENGTH_BYTES, "__metadata__ is no object");
    cJSON_ArrayForEach(item, object) {
        if (!cJSON_IsString(item))
            return damaged(path, LENGTH_BYTES, "__metadata__ holds something that is no text");
        RN_TRY(rn_reserve(&file->metadata, &cap, file->n_metadata + 1, sizeof *file->metadata));
        rn_metadata *entry = &file->metadata[file->n_metadata++];
        *entry = (rn_metadata){0};
        RN_TRY(rn_strdup(&entry->key, item->string));
        RN_TRY(rn_strdup(&entry->value, item->valuestring));
    }
    if (file->n_metadata > 0)
        qsort(file->metadata, file->n_metadata, sizeof *file->metadata, by_key);
    for (size_t i = 1; i < file->n_metadata; i++)
        if (by_key(&file->metadata[i - 1], &file->metadata[i]) == 0)
            return rn_fail(RN_EINPUT, "%s: offset 8: metadata key %s stands twice", path,
                           file->metadata[i].key);
    return RN_OK;
}

/* Type, shape and place of one tensor; `first` is where in the file data_offsets count from. */
static rn_status read_tensor(rn_tensor *t, const cJSON *item, const rn_tensor_file *file,
                             size_t first, const char *path) {
    const size_t available = file->size - first;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    const cJSON *side;
    size_t begin, end, bytes;
    /* Three members in all: a second "shape" would be passed over, and read by others. */
    if (cJSON_GetArraySize(item) != 3 || !cJSON_IsString(dtype) || !cJSON_IsArray(shape) ||
        !cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: want dtype, shape and data_offsets",
                       path, t->name);
    if (!rn_dtype_find(&t->dtype, dtype->valuestring))
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: unknown dtype %s", path, t->name,
                       dtype->valuestring);
    t->count = 1;
    cJSON_ArrayForEach(side, shape) {
        size_t n;
        if (t->n_dims == RN_TENSOR_DIMS || !to_size(&n, side))
            return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: want a shape of at most 8 sizes",
                           path, t->name);
        t->dims[t->n_dims++] = n;
        if (!rn_mul(&t->count, t->count, n))
            return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: the product of its shape overflows",
                           path, t->name);
    }
    if (!to_size(&begin, cJSON_GetArrayItem(offsets, 0)) ||
        !to_size(&end, cJSON_GetArrayItem(offsets, 1)) || end < begin)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: data_offsets are no range", path,
                       t->name);
    if (end > available)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: ends at byte %zu of %zu", path, t->name,
                       end, available);
    if (!rn_mul(&bytes, t->count, rn_dtype_size(t->dtype)) || bytes != end - begin)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: %zu bytes for %zu numbers of %s", path,
                       t->name, end - begin, t->count, rn_dtype_name(t->dtype));
    t->offset = first + begin;
    t->data = file->bytes + t->offset;
    return RN_OK;
}

static int by_place(const void *a, const void *b) {
    const rn_tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->count > y->count) -
           (x->count < y->count); /* an empty tensor stands before the next one */
}

/* No name twice; the data lie behind one another, without overlap or hole, to the end of the
 * file. */
static rn_status check_tensors(rn_tensor_file *file, size_t first, const char *path) {
    size_t at = first;
    RN_TRY(rn_tensor_file_check_names(file, LENGTH_BYTES, path));
    if (file->n_tensors > 0) qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_place);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const rn_tensor *t = &file->tensors[i];
        if (t->offset != at)
            return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %s %s", path, t->offset, t->name,
                           t->offset < at ? "overlaps the one before" : "leaves a hole before it");
        at += t->count * rn_dtype_size(t->dtype);
    }
    if (at != file->size)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %zu bytes belong to no tensor", path, at,
                       file->size - at);
    return RN_OK;
}

static rn_status read_header(rn_tensor_file *file, const cJSON *root, size_t first,
                             const char *path) {
    size_t cap = 0;
    bool metadata = false;
    const cJSON *item;
    cJSON_ArrayForEach(item, root) {
        if (strcmp(item->string, "__metadata__") == 0) {
            if (metadata) return damaged(path, LENGTH_BYTES, "__metadata__ stands twice");
            metadata = true;
            RN_TRY(read_metadata(file, item, path));
            continue;
        }
        RN_TRY(rn_reserve(&file->tensors, &cap, file->n_tensors + 1, sizeof *file->tensors));
        rn_tensor *t = &file->tensors[file->n_tensors++];
        *t = (rn_tensor){0};
        RN_TRY(rn_strdup(&t->name, item->string));
        RN_TRY(read_tensor(t, item, file, first, path));
    }
    return check_tensors(file, first, path);
}

/* ---- checksum ---- */

static rn_status check_crc(rn_tensor_file *file, const char *path) {
    static const char zeros[RN_CHECKSUM_DIGITS + 1] = "00000000";
    const char *stored = rn_tensor_file_metadata(file, "crc32");
    const size_t digits = LENGTH_BYTES + strlen(RN_CHECKSUM_KEY);
    const size_t rest = digits + RN_CHECKSUM_DIGITS;
    char found[RN_CHECKSUM_DIGITS + 1];
    if (!stored) return RN_OK;
    if (file->size < rest || strlen(stored) != RN_CHECKSUM_DIGITS ||
        memcmp(file->bytes + LENGTH_BYTES, RN_CHECKSUM_KEY, strlen(RN_CHECKSUM_KEY)) != 0)
        return damaged(path, LENGTH_BYTES,
                       "crc32 stands not where this program writes it: saved again by another "
                       "program? Remove it from the metadata");
    uint32_t crc = rn_crc32(0, file->bytes, digits);
    crc = rn_crc32(crc, zeros, RN_CHECKSUM_DIGITS);
    crc = rn_crc32(crc, file->bytes + rest, file->size - rest);
    snprintf(found, sizeof found, "%08" PRIx32, crc);
    if (memcmp(file->bytes + digits, found, RN_CHECKSUM_DIGITS) != 0)
        return rn_fail(RN_EINPUT, "%s: offset %zu: the checksum is %s, the file says %s: damaged",
                       path, digits, found, stored);
    file->verified = true;
    return RN_OK;
}

rn_status rn_safetensors_read(rn_tensor_file *file, const char *path) {
    rn_status status;
    if (file->size < LENGTH_BYTES)
        return rn_fail(RN_EINPUT, "%s: offset 0: %zu bytes, want at least 8", path, file->size);
    const uint64_t length = rn_little_endian(file->bytes, LENGTH_BYTES);
    const size_t rest = file->size - LENGTH_BYTES, most = rest < MAX_HEADER ? rest : MAX_HEADER;
    if (length > most)
        return rn_fail(RN_EINPUT,
                       "%s: offset 0: a header of %" PRIu64
                       " bytes, want at most %zu (no safetensors file?)",
                       path, length, most);
    const char *json = (const char *)file->bytes + LENGTH_BYTES;
    const char *data = json + length, *end = NULL;
    if (length == 0 || json[0] != '{')
        return damaged(path, LENGTH_BYTES, "the header is no JSON object");
    if (!is_shallow(json, (size_t)length))
        return damaged(path, LENGTH_BYTES, "the header is nested too deeply");
    errno = 0; /* the only trace of a want of memory */
    cJSON *root = cJSON_ParseWithLengthOpts(json, (size_t)length, &end, false);
    while (root && end < data && *end == ' ') end++;
    if (!root && errno == ENOMEM) return rn_fail(RN_ENOMEM, "%s: no memory for the header", path);
    if (root && end == data)
        status = read_header(file, root, LENGTH_BYTES + (size_t)length, path);
    else
        status = damaged(path, end ? (size_t)((const uint8_t *)end - file->bytes) : LENGTH_BYTES,
                         "the header is no valid JSON");
    cJSON_Delete(root);
    return status == RN_OK ? check_crc(file, path) : status;
}
