#include "base/file.h"
#include "fuzz_picture.h"

static const char signature[] = "\x89PNG\r\n\x1a\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_picture(data, size, signature);
}

/* The checksum of every chunk that fits; one that is longer than the file is made to reach its end.
 */
void fuzz_repair(uint8_t *data, size_t size) {
    for (size_t at = strlen(signature); at + 12 <= size;) {
        size_t n = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 |
                   data[at + 3];
        if (n > size - at - 12) {
            n = size - at - 12;
            for (int i = 0; i < 4; i++) data[at + (size_t)i] = (uint8_t)(n >> (24 - 8 * i));
        }
        const uint32_t crc = rn_crc32(0, data + at + 4, n + 4);
        for (int i = 0; i < 4; i++) data[at + 8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + n;
    }
}
