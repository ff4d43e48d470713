#include "model/tensor_file.h"
#include "base/memory.h"
#include "model/half.h"
#include "model/safetensors.h"
#include "model/torch_file.h"

#include <stdlib.h>
#include <string.h>

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

bool rn_dtype_find(rn_dtype *out, const char *name) {
    for (size_t i = 0; i < N_DTYPES; i++) {
        if (strcmp(dtypes[i].name, name) != 0) continue;
        *out = (rn_dtype)i;
        return true;
    }
    return false;
}

/* ---- files ---- */

rn_status rn_tensor_file_open(rn_tensor_file *out, const char *path) {
    rn_tensor_file file = {0};
    *out = file;
    RN_TRY(rn_file_read(&file.bytes, &file.size, path, MAX_FILE));
    file.torch = rn_torch_is(file.bytes, file.size);
    const rn_status status =
        file.torch ? rn_torch_read(&file, path) : rn_safetensors_read(&file, path);
    if (status == RN_OK)
        *out = file;
    else
        rn_tensor_file_close(&file);
    return status;
}

void rn_tensor_file_close(rn_tensor_file *file) {
    for (size_t i = 0; i < file->n_tensors; i++) free(file->tensors[i].name);
    for (size_t i = 0; i < file->n_metadata; i++) {
        free(file->metadata[i].key);
        free(file->metadata[i].value);
    }
    free(file->tensors);
    free(file->metadata);
    free(file->bytes);
    *file = (rn_tensor_file){0};
}

const rn_tensor *rn_tensor_file_find(const rn_tensor_file *file, const char *name) {
    for (size_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *rn_tensor_file_metadata(const rn_tensor_file *file, const char *key) {
    for (size_t i = 0; i < file->n_metadata; i++)
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    return NULL;
}

void rn_tensor_file_remove(rn_tensor_file *file, const rn_tensor *tensor) {
    const size_t i = (size_t)(tensor - file->tensors);
    if (!file->torch)
        rn_release(file->bytes + tensor->offset, tensor->count * rn_dtype_size(tensor->dtype));
    free(tensor->name);
    memmove(&file->tensors[i], &file->tensors[i + 1],
            (--file->n_tensors - i) * sizeof *file->tensors);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const rn_tensor *)a)->name, ((const rn_tensor *)b)->name);
}

rn_status rn_tensor_file_check_names(rn_tensor_file *file, size_t offset, const char *path) {
    if (file->n_tensors > 0) qsort(file->tensors, file->n_tensors, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %s stands twice", path, offset,
                           file->tensors[i].name);
    return RN_OK;
}

/* ---- numbers ---- */

size_t rn_tensor_place(const rn_tensor *t, size_t i) {
    size_t place = 0;
    if (!t->strided) return i;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        place += i % t->dims[d] * t->strides[d];
        i /= t->dims[d];
    }
    return place;
}

bool rn_tensor_reals(real *out, const rn_tensor *t) {
    const size_t size = rn_dtype_size(t->dtype);
    for (size_t i = 0; i < t->count; i++) {
        const uint8_t *p = t->data + rn_tensor_place(t, i) * size;
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
