#include "data/yolo.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_yolo_data empty;
    const char *path = fuzz_file(data, size);
    rn_yolo_data set;
    memset(&set, 0x55, sizeof set);
    if (!fuzz_read(rn_yolo_data_read(&set, path), path)) {
        FUZZ_CHECK(memcmp(&set, &empty, sizeof set) == 0);
        return 0;
    }
    FUZZ_CHECK(set.n_classes > 0 && set.n_splits > 0);
    FUZZ_CHECK(!set.root || set.root[0]);
    for (size_t i = 0; i < set.n_classes; i++)
        FUZZ_CHECK(set.class_names[i] && set.class_names[i][0]);
    for (size_t s = 0; s < set.n_splits; s++) {
        FUZZ_CHECK(set.splits[s].name && set.splits[s].n > 0);
        for (size_t i = 0; i < set.splits[s].n; i++)
            FUZZ_CHECK(set.splits[s].sources[i].text[0] && set.splits[s].sources[i].line > 0);
    }
    rn_yolo_data_free(&set);
    return 0;
}
