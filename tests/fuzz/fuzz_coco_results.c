#include "data/coco.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_results empty;
    rn_record records[] = {{.id = 1}, {.id = 7}, {.id = -3}};
    int64_t categories[] = {1, 3};
    const rn_dataset truth = {
        .records = records, .n_records = 3, .category_ids = categories, .n_classes = 2};
    const char *path = fuzz_file(data, size);
    rn_results results;
    memset(&results, 0x55, sizeof results);
    if (!fuzz_read(rn_results_read(&results, path, &truth), path)) {
        FUZZ_CHECK(memcmp(&results, &empty, sizeof results) == 0);
        return 0;
    }
    FUZZ_CHECK(results.n + results.n_unknown_category <= size);
    for (size_t i = 0; i < results.n; i++) {
        const rn_result_row *r = &results.rows[i];
        FUZZ_CHECK(r->image_id == 1 || r->image_id == 7 || r->image_id == -3);
        FUZZ_CHECK(r->category_id == 1 || r->category_id == 3);
        FUZZ_CHECK(isfinite(r->x) && isfinite(r->y) && isfinite(r->w) && isfinite(r->h));
        FUZZ_CHECK(isfinite(r->score));
    }
    rn_results_free(&results);
    return 0;
}
