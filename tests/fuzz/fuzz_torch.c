#include "fuzz_tensors.h"
#include "model/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (rn_torch_is(data, size)) fuzz_tensors(data, size); /* else it is another reader's */
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
