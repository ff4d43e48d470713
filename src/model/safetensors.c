#include "model/safetensors.h"
#include "base/memory.h"
#include "model/half.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER = 100000000, MAX_DEPTH = 8 };
#define MAX_FILE ((size_t)64 << 30)

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8},
              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U8", 1},  {"BOOL", 1}};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

const char *rn_dtype_name(rn_dtype dtype) {
    return dtypes[dtype].name;
}
size_t rn_dtype_size(rn_dtype dtype) {
    return dtypes[dtype].size;
}

void rn_safetensors_close(rn_safetensors *file) {
    for (size_t i = 0; i < file->n_tensors; i++) free(file->tensors[i].name);
    for (size_t i = 0; i < file->n_metadata; i++) {
        free(file->metadata[i].key);
        free(file->metadata[i].value);
    }
    free(file->tensors);
    free(file->metadata);
    free(file->bytes);
    *file = (rn_safetensors){0};
}

const rn_tensor *rn_safetensors_find(const rn_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *rn_safetensors_metadata(const rn_safetensors *file, const char *key) {
    for (size_t i = 0; i < file->n_metadata; i++)
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    return NULL;
}

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

static rn_status read_metadata(rn_safetensors *file, const cJSON *object, const char *path) {
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
static rn_status read_tensor(rn_tensor *t, const cJSON *item, const rn_safetensors *file,
                             size_t first, const char *path) {
    const size_t available = file->size - first;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    const cJSON *side;
    size_t begin, end, bytes, k = 0;
    /* Three members in all: a second "shape" would be passed over, and read by others. */
    if (cJSON_GetArraySize(item) != 3 || !cJSON_IsString(dtype) || !cJSON_IsArray(shape) ||
        !cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: want dtype, shape and data_offsets",
                       path, t->name);
    while (k < N_DTYPES && strcmp(dtypes[k].name, dtype->valuestring) != 0) k++;
    if (k == N_DTYPES)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: unknown dtype %s", path, t->name,
                       dtype->valuestring);
    t->dtype = (rn_dtype)k;
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
    if (!rn_mul(&bytes, t->count, dtypes[k].size) || bytes != end - begin)
        return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s: %zu bytes for %zu numbers of %s", path,
                       t->name, end - begin, t->count, dtypes[k].name);
    t->offset = first + begin;
    t->data = file->bytes + t->offset;
    return RN_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const rn_tensor *)a)->name, ((const rn_tensor *)b)->name);
}

static int by_place(const void *a, const void *b) {
    const rn_tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->count > y->count) -
           (x->count < y->count); /* an empty tensor stands before the next one */
}

/* No name twice; the data lie behind one another, without overlap or hole, to the end of the
 * file. */
static rn_status check_tensors(rn_safetensors *file, size_t first, const char *path) {
    size_t at = first;
    if (file->n_tensors > 0) qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return rn_fail(RN_EINPUT, "%s: offset 8: tensor %s stands twice", path,
                           file->tensors[i].name);
    if (file->n_tensors > 0) qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_place);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const rn_tensor *t = &file->tensors[i];
        if (t->offset != at)
            return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %s %s", path, t->offset, t->name,
                           t->offset < at ? "overlaps the one before" : "leaves a hole before it");
        at += t->count * dtypes[t->dtype].size;
    }
    if (at != file->size)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %zu bytes belong to no tensor", path, at,
                       file->size - at);
    return RN_OK;
}

static rn_status read_header(rn_safetensors *file, const cJSON *root, size_t first,
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

static rn_status check_crc(rn_safetensors *file, const char *path) {
    static const char zeros[RN_CHECKSUM_DIGITS + 1] = "00000000";
    const char *stored = rn_safetensors_metadata(file, "crc32");
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

rn_status rn_safetensors_open(rn_safetensors *out, const char *path) {
    rn_safetensors file = {0};
    cJSON *root = NULL;
    uint64_t length = 0;
    rn_status status;
    *out = file;
    RN_TRY(rn_file_read(&file.bytes, &file.size, path, MAX_FILE));
    if (file.size < LENGTH_BYTES) {
        status = rn_fail(RN_EINPUT, "%s: offset 0: %zu bytes, want at least 8", path, file.size);
        goto done;
    }
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | file.bytes[i];
    const size_t rest = file.size - LENGTH_BYTES, most = rest < MAX_HEADER ? rest : MAX_HEADER;
    if (length > most) {
        status = rn_fail(RN_EINPUT,
                         "%s: offset 0: a header of %" PRIu64
                         " bytes, want at most %zu (no safetensors file?)",
                         path, length, most);
        goto done;
    }
    const char *json = (const char *)file.bytes + LENGTH_BYTES;
    const uint8_t *data = file.bytes + LENGTH_BYTES + length;
    if (length == 0 || json[0] != '{') {
        status = damaged(path, LENGTH_BYTES, "the header is no JSON object");
        goto done;
    }
    if (!is_shallow(json, (size_t)length)) {
        status = damaged(path, LENGTH_BYTES, "the header is nested too deeply");
        goto done;
    }
    const char *end = NULL;
    errno = 0; /* the only trace of a want of memory */
    root = cJSON_ParseWithLengthOpts(json, (size_t)length, &end, false);
    while (root && end < (const char *)data && *end == ' ') end++;
    if (!root && errno == ENOMEM) {
        status = rn_fail(RN_ENOMEM, "%s: no memory for the header", path);
        goto done;
    }
    if (!root || end != (const char *)data) {
        status = damaged(path, end ? (size_t)(end - (const char *)file.bytes) : LENGTH_BYTES,
                         "the header is no valid JSON");
        goto done;
    }
    if ((status = read_header(&file, root, LENGTH_BYTES + (size_t)length, path)) != RN_OK)
        goto done;
    status = check_crc(&file, path);
done:
    cJSON_Delete(root);
    if (status == RN_OK)
        *out = file;
    else
        rn_safetensors_close(&file);
    return status;
}

bool rn_tensor_reals(real *out, const rn_tensor *t) {
    const uint8_t *p = t->data;
    for (size_t i = 0; i < t->count; i++, p += dtypes[t->dtype].size) {
        uint16_t half;
        float single;
        double wide;
        switch (t->dtype) {
        case RN_F32:
            memcpy(&single, p, 4);
            out[i] = single;
            break;
        case RN_F16:
            memcpy(&half, p, 2);
            out[i] = rn_half_to_float(half);
            break;
        case RN_BF16:
            memcpy(&half, p, 2);
            out[i] = rn_bfloat_to_float(half);
            break;
        case RN_F64:
            memcpy(&wide, p, 8);
            out[i] = (real)wide;
            break;
        default:
            return false;
        }
    }
    return true;
}
