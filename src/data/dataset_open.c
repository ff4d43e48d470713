#include "base/file.h"
#include "base/memory.h"
#include "data/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order tried, the surer signs first: any json file could be COCO's. */
static const rn_format *const formats[] = {&rn_format_voc, &rn_format_yolo, &rn_format_coco};
enum { FORMATS = sizeof formats / sizeof *formats };

static rn_status not_recognised(const char *data) {
    char looks[600] = "";
    if (!rn_path_exists(data)) return rn_fail(RN_EINPUT, "%s: no such file or folder", data);
    for (size_t i = 0, used = 0; i < FORMATS && used < sizeof looks; i++)
        used += (size_t)snprintf(looks + used, sizeof looks - used, "%s%s", i ? "; " : "",
                                 formats[i]->looks);
    return rn_fail(RN_EINPUT, "%s: no data set (looked for %s)", data, looks);
}

static int compare_files(const void *a, const void *b) {
    return strcmp((*(rn_record *const *)a)->file, (*(rn_record *const *)b)->file);
}

/* A picture that is there twice would be in train and val, or count twice. */
static rn_status check_unique(const rn_dataset *set) {
    const rn_record **sorted;
    rn_status status = RN_OK;
    RN_TRY(rn_alloc(&sorted, set->n_records, sizeof *sorted));
    for (size_t i = 0; i < set->n_records; i++) sorted[i] = &set->records[i];
    qsort(sorted, set->n_records, sizeof *sorted, compare_files);
    for (size_t i = 1; i < set->n_records && status == RN_OK; i++)
        if (strcmp(sorted[i - 1]->file, sorted[i]->file) == 0)
            status = rn_fail(RN_EINPUT, "%s: the picture \"%s\" is there twice", set->name,
                             sorted[i]->file);
    free(sorted);
    return status;
}

/* ---- objects fit for training ---- */

/* Clip to the picture, if its size is known; false if the box is empty then. */
static bool clip_object(rn_object *o, const rn_record *record, size_t *n_clipped) {
    double x1 = o->x, y1 = o->y, x2 = o->x + o->w, y2 = o->y + o->h;
    if (record->width > 0 && record->height > 0) {
        x1 = fmin(fmax(x1, 0), record->width);
        x2 = fmin(fmax(x2, 0), record->width);
        y1 = fmin(fmax(y1, 0), record->height);
        y2 = fmin(fmax(y2, 0), record->height);
    }
    if (x2 <= x1 || y2 <= y1) return false;
    if (x1 != o->x || y1 != o->y || x2 != o->x + o->w || y2 != o->y + o->h) {
        *o = (rn_object){.x = x1,
                         .y = y1,
                         .w = x2 - x1,
                         .h = y2 - y1,
                         .area = o->area,
                         .label = o->label,
                         .crowd = o->crowd,
                         .difficult = o->difficult,
                         .id = o->id};
        ++*n_clipped;
    }
    return true;
}

/* Skip degenerate objects and those outside of their picture, clip the others. */
static rn_status clean_objects(rn_dataset *set) {
    size_t n_clipped = 0;
    rn_status status = RN_OK;
    bool *keep;
    RN_TRY(rn_alloc(&keep, set->n_objects, sizeof *keep));
    for (size_t i = 0; i < set->n_records && status == RN_OK; i++) {
        const rn_record *record = &set->records[i];
        const size_t end = record->first_object + record->n_objects;
        for (size_t k = record->first_object; k < end && status == RN_OK; k++) {
            rn_object *o = &set->objects[k];
            const bool solid = o->w > 0 && o->h > 0;
            keep[k] = solid && clip_object(o, record, &n_clipped);
            if (keep[k]) continue;
            set->n_skipped++;
            status =
                rn_dataset_note(set, "skipped: %s: object %lld, %s (%g, %g, %g x %g)", record->file,
                                (long long)o->id, solid ? "outside of the picture" : "an empty box",
                                o->x, o->y, o->w, o->h);
        }
    }
    if (status == RN_OK) rn_dataset_keep(set, NULL, keep);
    if (status == RN_OK && n_clipped > 0)
        status =
            rn_dataset_note(set, "clipped: %zu boxes reached out of their pictures", n_clipped);
    free(keep);
    return status;
}

/* ---- opening ---- */

static rn_status find_format(const rn_format **out, const char *data) {
    *out = NULL;
    for (size_t i = 0; i < FORMATS && !*out; i++) {
        bool is;
        RN_TRY(formats[i]->recognise(&is, data));
        if (is) *out = formats[i];
    }
    return *out ? RN_OK : not_recognised(data);
}

static rn_status open_request(rn_dataset *out, const rn_request *request) {
    const rn_format *format;
    RN_TRY(find_format(&format, request->data));
    RN_TRY(format->open(out, request));
    RN_TRY(check_unique(out));
    RN_TRY(rn_dataset_drop_missing(out));
    if (!out->notes) RN_TRY(rn_strdup(&out->notes, ""));
    if (request->use != RN_SPLIT_TRAIN) return RN_OK;
    RN_TRY(clean_objects(out));
    if (out->n_objects == 0)
        return rn_fail(RN_EINPUT, "%s: nothing to learn: no object in %zu pictures", out->name,
                       out->n_records);
    return RN_OK;
}

rn_status rn_dataset_open(rn_dataset *out, const char *data, const char *split, rn_split_use use) {
    const rn_request request = {.data = data, .split = split, .use = use};
    *out = (rn_dataset){0};
    const rn_status status = open_request(out, &request);
    if (status != RN_OK) rn_dataset_free(out);
    return status;
}

rn_status rn_dataset_splits(char ***names, size_t *n, const char *data) {
    const rn_format *format;
    *names = NULL;
    *n = 0;
    RN_TRY(find_format(&format, data));
    return format->splits(names, n, data);
}

/* ---- classes ---- */

/* map[label of the set] = index in names, n_names if it is not there. RN_EINPUT if that label has
 * an object. */
static rn_status map_labels(size_t *map, const rn_dataset *set, char *const *names,
                            size_t n_names) {
    for (size_t i = 0; i < set->n_classes; i++)
        map[i] = rn_find_name(names, n_names, set->class_names[i]);
    for (size_t i = 0; i < set->n_objects; i++) {
        const int label = set->objects[i].label;
        char known[600];
        if (map[label] < n_names) continue;
        rn_join_names(known, sizeof known, names, n_names);
        return rn_fail(RN_EINPUT, "%s: class \"%s\" was not trained (known: %s)", set->name,
                       set->class_names[label], known);
    }
    return RN_OK;
}

/* Names and ids of the new order; a class that the set lacks gets an id that the set does not use.
 */
static rn_status order_classes(char **new_names, int64_t *new_ids, const rn_dataset *set,
                               char *const *names, size_t n_names) {
    int64_t unused = 1;
    for (size_t i = 0; i < set->n_classes; i++)
        if (set->category_ids[i] >= unused) unused = set->category_ids[i] + 1;
    for (size_t i = 0; i < n_names; i++) {
        const size_t old = rn_find_name(set->class_names, set->n_classes, names[i]);
        new_ids[i] = old < set->n_classes ? set->category_ids[old] : unused++;
        RN_TRY(rn_strdup(&new_names[i], names[i]));
    }
    return RN_OK;
}

rn_status rn_dataset_match_classes(rn_dataset *set, char *const *names, size_t n_names) {
    size_t *map = NULL;
    char **new_names = NULL;
    int64_t *new_ids = NULL;
    rn_status status;
    if ((status = rn_alloc(&map, set->n_classes, sizeof *map)) != RN_OK ||
        (status = map_labels(map, set, names, n_names)) != RN_OK ||
        (status = rn_alloc(&new_ids, n_names, sizeof *new_ids)) != RN_OK ||
        (status = rn_alloc(&new_names, n_names, sizeof *new_names)) != RN_OK ||
        (status = order_classes(new_names, new_ids, set, names, n_names)) != RN_OK)
        goto done;
    for (size_t i = 0; i < set->n_classes && status == RN_OK; i++)
        if (map[i] == n_names)
            status = rn_dataset_note(set, "class \"%s\" has no object here and is left out",
                                     set->class_names[i]);
    if (status != RN_OK) goto done;
    for (size_t i = 0; i < set->n_objects; i++)
        set->objects[i].label = (int)map[set->objects[i].label];
    rn_free_names(set->class_names, set->n_classes);
    free(set->category_ids);
    set->class_names = new_names;
    set->category_ids = new_ids;
    set->n_classes = n_names;
    new_names = NULL;
    new_ids = NULL;
done:
    rn_free_names(new_names, new_names ? n_names : 0);
    free(new_ids);
    free(map);
    return status;
}
