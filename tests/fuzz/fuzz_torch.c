#include "fuzz.h"
#include "model/torch_file.h"
#include "model/weights.h"

#include <string.h>

/* Its numbers, and every byte of these is within the file. */
static void check_tensor(const rn_tensor_file *file, const rn_tensor *t) {
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
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_tensor_file empty;
    const rn_detector_options options = {.threads = 1};
    rn_detector *det = NULL;
    rn_tensor_file file;
    if (!rn_torch_is(data, size)) return 0; /* another reader's */
    const char *path = fuzz_file(data, size);
    memset(&file, 0x55, sizeof file);
    if (!fuzz_read(rn_tensor_file_open(&file, path), path)) {
        FUZZ_CHECK(memcmp(&file, &empty, sizeof file) == 0);
        return 0;
    }
    FUZZ_CHECK(file.size == size && memcmp(file.bytes, data, size) == 0);
    FUZZ_CHECK(file.torch && file.n_metadata == 0 && file.n_tensors > 0);
    for (size_t i = 0; i < file.n_tensors; i++) check_tensor(&file, &file.tensors[i]);
    rn_tensor_file_close(&file);
    FUZZ_CHECK(!fuzz_read(rn_detector_open(&det, path, &options), path));
    FUZZ_CHECK(!det);
    return 0;
}

/* ---- a zip file's places, sizes and checksums ---- */

static void set(uint8_t *data, size_t at, size_t value) {
    for (int i = 0; i < 4; i++) data[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

/* The next place from `at` on of four bytes, `size` if there is none. */
static size_t find(const uint8_t *data, size_t size, size_t at, const char *signature) {
    while (at + 4 <= size && memcmp(data + at, signature, 4) != 0) at++;
    return at + 4 <= size ? at : size;
}

/* As if each entry went from its header to the next, in the order of the directory. */
void fuzz_repair(uint8_t *data, size_t size) {
    const size_t directory = find(data, size, 0, "PK\1\2");
    size_t local = find(data, size, 0, "PK\3\4"), record = directory;
    if (size < 22 || directory >= size - 22) return;
    while (local + 30 <= directory && record + 46 <= size) {
        const size_t data_at = local + 30 + (size_t)rn_little_endian(data + local + 26, 2) +
                               (size_t)rn_little_endian(data + local + 28, 2);
        size_t next = find(data, size, local + 4, "PK\3\4");
        if (next > directory) next = directory;
        if (data_at > next) return;
        const uint32_t crc = rn_crc32(0, data + data_at, next - data_at);
        for (int i = 0; i < 2; i++) {
            const size_t crc_at = i == 0 ? local + 14 : record + 16;
            set(data, crc_at, crc);
            set(data, crc_at + 4, next - data_at);
            set(data, crc_at + 8, next - data_at);
        }
        set(data, record + 42, local);
        local = next;
        record = find(data, size, record + 4, "PK\1\2");
    }
    set(data, size - 10, size - 22 - directory);
    set(data, size - 6, directory);
}
