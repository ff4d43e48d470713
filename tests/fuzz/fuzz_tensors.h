/* fuzz_tensors.h: what the targets for files of tensors share. */
#ifndef RN_TESTS_FUZZ_TENSORS_H
#define RN_TESTS_FUZZ_TENSORS_H

#include "fuzz.h"
#include "model/weights.h"

#include <inttypes.h>
#include <string.h>

/* Its numbers, and every byte of these is within the file. */
static inline void fuzz_check_tensor(const rn_tensor_file *file, const rn_tensor *t) {
    const size_t size = rn_dtype_size(t->dtype);
    size_t count = 1;
    FUZZ_CHECK(t->n_dims >= 0 && t->n_dims <= RN_TENSOR_DIMS);
    for (int d = 0; d < t->n_dims; d++) count *= t->dims[d];
    FUZZ_CHECK(count == t->count && count <= file->size);
    FUZZ_CHECK(t->offset <= file->size && t->data == file->bytes + t->offset);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK((rn_tensor_place(t, i) + 1) * size <= file->size - t->offset);
    FUZZ_CHECK(rn_tensor_file_find(file, t->name) == t);
    real *numbers = malloc(count * sizeof *numbers + 1);
    FUZZ_CHECK(numbers);
    (void)rn_tensor_reals(numbers, t);
    free(numbers);
}

/* The file, and the model that it may be. A whole model is too long for an input: this one always
 * lacks tensors. */
static inline void fuzz_tensors(const uint8_t *data, size_t size) {
    static const rn_tensor_file empty;
    const rn_detector_options options = {.threads = 1};
    const char *path = fuzz_file(data, size);
    rn_detector *det = NULL;
    rn_tensor_file file;
    memset(&file, 0x55, sizeof file);
    if (!fuzz_read(rn_tensor_file_open(&file, path), path)) {
        FUZZ_CHECK(memcmp(&file, &empty, sizeof file) == 0);
        return;
    }
    FUZZ_CHECK(file.size == size && memcmp(file.bytes, data, size) == 0);
    FUZZ_CHECK(!file.torch || (file.n_metadata == 0 && file.n_tensors > 0));
    for (size_t i = 0; i < file.n_tensors; i++) fuzz_check_tensor(&file, &file.tensors[i]);
    for (size_t i = 0; i < file.n_metadata; i++)
        FUZZ_CHECK(rn_tensor_file_metadata(&file, file.metadata[i].key) == file.metadata[i].value);
    rn_tensor_file_close(&file);
    FUZZ_CHECK(!fuzz_read(rn_detector_open(&det, path, &options), path));
    FUZZ_CHECK(!det);
}

/* ---- safetensors ---- */

/* The end of the object that begins at data[8], `size` if it has none. */
static inline size_t fuzz_header_end(const uint8_t *data, size_t size) {
    size_t depth = 0;
    bool text = false;
    for (size_t i = 8; i < size; i++) {
        if (text && data[i] == '\\')
            i++;
        else if (data[i] == '"')
            text = !text;
        else if (!text && data[i] == '{')
            depth++;
        else if (!text && data[i] == '}' && --depth == 0)
            return i + 1;
    }
    return size;
}

/* The length of the header as it is now, then our checksum where there is one. */
static inline void fuzz_repair_header(uint8_t *data, size_t size) {
    const size_t digits = 8 + strlen(RN_CHECKSUM_KEY);
    char crc[RN_CHECKSUM_DIGITS + 1];
    if (size < 9 || data[8] != '{') return;
    size_t end = fuzz_header_end(data, size);
    while (end < size && data[end] == ' ') end++;
    for (int i = 0; i < 8; i++) data[i] = (uint8_t)((end - 8) >> (8 * i));
    if (size < digits + RN_CHECKSUM_DIGITS ||
        memcmp(data + 8, RN_CHECKSUM_KEY, strlen(RN_CHECKSUM_KEY)) != 0)
        return;
    memset(data + digits, '0', RN_CHECKSUM_DIGITS);
    snprintf(crc, sizeof crc, "%08" PRIx32, rn_crc32(0, data, size));
    memcpy(data + digits, crc, RN_CHECKSUM_DIGITS);
}

#endif
