#include "fuzz_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_tensors(data, size);
    return 0;
}

void fuzz_repair(uint8_t *data, size_t size) {
    fuzz_repair_header(data, size);
}
