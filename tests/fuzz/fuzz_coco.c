#include "data/coco.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

/* The objects lie in a row, record by record; labels are classes. */
static void check_records(const rn_dataset *set) {
    size_t next = 0;
    for (size_t i = 0; i < set->n_records; i++) {
        const rn_record *r = &set->records[i];
        FUZZ_CHECK(r->file && r->file[0] && r->file[0] != '/' && !r->path);
        FUZZ_CHECK(r->width >= 0 && r->height >= 0 && llabs(r->id) <= INT64_C(1) << 53);
        FUZZ_CHECK(r->first_object == next);
        next += r->n_objects;
    }
    FUZZ_CHECK(next == set->n_objects);
    for (size_t i = 0; i < set->n_objects; i++) {
        const rn_object *o = &set->objects[i];
        FUZZ_CHECK(isfinite(o->x) && isfinite(o->y) && isfinite(o->w) && isfinite(o->h));
        FUZZ_CHECK(!isnan(o->area) && llabs(o->id) <= INT64_C(1) << 53);
        FUZZ_CHECK(o->label >= 0 && (size_t)o->label < set->n_classes && !o->difficult);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_dataset empty;
    const char *path = fuzz_file(data, size);
    rn_dataset set;
    memset(&set, 0x55, sizeof set);
    if (!fuzz_read(rn_coco_read(&set, path), path)) {
        FUZZ_CHECK(memcmp(&set, &empty, sizeof set) == 0);
        return 0;
    }
    check_records(&set);
    for (size_t i = 0; i < set.n_classes; i++) {
        FUZZ_CHECK(set.class_names[i][0]);
        FUZZ_CHECK(i == 0 || set.category_ids[i - 1] < set.category_ids[i]);
    }
    FUZZ_CHECK(strcmp(set.name, path) == 0 && strcmp(set.notes, "") == 0 && set.n_skipped == 0);
    rn_dataset_free(&set);
    return 0;
}
