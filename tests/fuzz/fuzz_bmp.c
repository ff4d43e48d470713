#include "fuzz_picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_picture(data, size, "BM");
}
