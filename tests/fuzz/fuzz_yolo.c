#include "data/yolo.h"
#include "fuzz.h"

#include <string.h>

enum { CLASSES = 20 };

static bool is_share(double x) {
    return x >= 0 && x <= 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_yolo_file empty;
    const char *path = fuzz_file(data, size);
    rn_yolo_file file;
    memset(&file, 0x55, sizeof file);
    if (!fuzz_read(rn_yolo_read(&file, path, CLASSES), path)) {
        FUZZ_CHECK(memcmp(&file, &empty, sizeof file) == 0);
        return 0;
    }
    for (size_t i = 0; i < file.n; i++) {
        const rn_yolo_box *box = &file.boxes[i];
        FUZZ_CHECK(box->label >= 0 && box->label < CLASSES && box->line > 0);
        FUZZ_CHECK(is_share(box->x) && is_share(box->y));
        FUZZ_CHECK(is_share(box->width) && is_share(box->height));
    }
    rn_yolo_free(&file);
    return 0;
}
