#include "data/voc.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_voc_file empty;
    const char *path = fuzz_file(data, size);
    rn_voc_file file;
    memset(&file, 0x55, sizeof file);
    if (!fuzz_read(rn_voc_read(&file, path), path)) {
        FUZZ_CHECK(memcmp(&file, &empty, sizeof file) == 0);
        return 0;
    }
    FUZZ_CHECK(file.width >= 0 && file.height >= 0);
    FUZZ_CHECK(!file.filename || file.filename[0]);
    for (size_t i = 0; i < file.n_objects; i++) {
        const rn_voc_object *o = &file.objects[i];
        FUZZ_CHECK(o->name && o->name[0] && o->line > 0 && o->column > 0);
        FUZZ_CHECK(isfinite(o->xmin) && isfinite(o->ymin));
        FUZZ_CHECK(isfinite(o->xmax) && isfinite(o->ymax));
    }
    rn_voc_free(&file);
    return 0;
}
