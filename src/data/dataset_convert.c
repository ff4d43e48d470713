/* A set of one format as a set of another. */
#include "base/file.h"
#include "base/memory.h"
#include "data/dataset_write.h"
#include "data/json.h"
#include "data/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PICTURE_BYTES ((size_t)1 << 30)

static const rn_set_format *const formats[] = {
    [RN_DATA_COCO] = &rn_set_format_coco,
    [RN_DATA_VOC] = &rn_set_format_voc,
    [RN_DATA_YOLO] = &rn_set_format_yolo,
};

typedef struct converter {
    const char *data, *folder;
    const rn_set_format *to;
    bool pictures;
    const rn_hooks *hooks;
    char **splits; /* [n_splits] */
    size_t n_splits;
    char **class_names; /* [n_classes] of all splits, where those are to have the same */
    bool *used;         /* [n_classes] a box is of the class */
    size_t n_classes, cap_classes;
    /* what could not be said */
    size_t n_crowd, n_difficult, n_clipped, n_empty, n_thin, n_unsized, n_nameless;
} converter;

/* ---- splits and classes ---- */

static bool has(char *const *names, size_t n, const char *name) {
    return rn_find_name(names, n, name) < n;
}

/* VOC's lists of one class (dog_train beside train) and COCO's other annotations (captions_val2017
 * beside val2017) are no splits of boxes; trainval only repeats train and val. */
static bool is_split(const converter *c, const char *name) {
    for (const char *tail = name; (tail = strchr(tail, '_')) != NULL;)
        if (has(c->splits, c->n_splits, ++tail)) return false;
    return strcmp(name, "trainval") != 0 || !has(c->splits, c->n_splits, "train") ||
           !has(c->splits, c->n_splits, "val");
}

static rn_status find_splits(converter *c) {
    bool *keep;
    size_t kept = 0;
    RN_TRY(rn_dataset_splits(&c->splits, &c->n_splits, c->data));
    RN_TRY(rn_alloc(&keep, c->n_splits, sizeof *keep));
    for (size_t i = 0; i < c->n_splits; i++) keep[i] = is_split(c, c->splits[i]);
    for (size_t i = 0; i < c->n_splits; i++) {
        if (keep[i]) {
            c->splits[kept++] = c->splits[i];
            continue;
        }
        rn_tell(c->hooks, "%s: left out, the other splits have its pictures", c->splits[i]);
        free(c->splits[i]);
    }
    c->n_splits = kept;
    free(keep);
    return RN_OK;
}

/* The classes of all splits, each once, in the order in which they are met. */
static rn_status collect_classes(converter *c) {
    for (size_t s = 0; s < c->n_splits; s++) {
        rn_dataset set;
        rn_status status = RN_OK;
        RN_TRY(rn_dataset_open(&set, c->data, c->splits[s], RN_SPLIT_WHOLE));
        for (size_t i = 0; i < set.n_classes && status == RN_OK; i++) {
            if (has(c->class_names, c->n_classes, set.class_names[i])) continue;
            status = rn_reserve(&c->class_names, &c->cap_classes, c->n_classes + 1,
                                sizeof *c->class_names);
            if (status != RN_OK) break;
            status = rn_strdup(&c->class_names[c->n_classes], set.class_names[i]);
            if (status == RN_OK) c->n_classes++;
        }
        rn_dataset_free(&set);
        RN_TRY(status);
    }
    return rn_alloc(&c->used, c->n_classes, sizeof *c->used);
}

/* ---- what the format can say ---- */

/* The record with its size. False if none can be had, or if the format needs the upright picture's
 * and the annotation means another: it counts as stored, before the EXIF rotation, or is wrong. */
static rn_status find_size(bool *fits, const converter *c, rn_record *record) {
    rn_record bare = {.path = record->path};
    const bool known = record->width > 0 && record->height > 0;
    int width, height;
    *fits = known;
    if (known && !c->to->needs_sizes) return RN_OK;
    const rn_status status = rn_record_size(&width, &height, &bare);
    if (status == RN_EINPUT) { /* unreadable: not even a set of shares knows the boxes then */
        *fits = false;
        return RN_OK;
    }
    RN_TRY(status);
    *fits = !known || (record->width == width && record->height == height);
    record->width = width;
    record->height = height;
    return RN_OK;
}

/* False for an object that the format cannot say. */
static bool fit_object(converter *c, rn_object *o, const rn_record *record) {
    c->n_difficult += o->difficult && !c->to->has_difficult;
    if (o->crowd && !c->to->has_crowds) {
        c->n_crowd++;
        return false;
    }
    if (!c->to->clips) return true;
    const double x2 = fmin(o->x + o->w, record->width), y2 = fmin(o->y + o->h, record->height);
    const bool clipped = o->x < 0 || o->y < 0 || x2 < o->x + o->w || y2 < o->y + o->h;
    if (clipped) {
        o->x = fmax(o->x, 0);
        o->y = fmax(o->y, 0);
        o->w = x2 - o->x;
        o->h = y2 - o->y;
    }
    const bool solid = o->w > 0 && o->h > 0;
    const bool fits = o->x + c->to->least < x2 && o->y + c->to->least < y2;
    c->n_empty += !solid;
    c->n_thin += solid && !fits;
    c->n_clipped += clipped && solid && fits;
    return solid && fits;
}

static rn_status fit_records(converter *c, rn_dataset *set, bool *records, bool *objects) {
    for (size_t i = 0; i < set->n_records; i++) {
        rn_record *record = &set->records[i];
        if (c->to->names_files && !rn_is_utf8(record->file))
            return rn_fail(RN_EINPUT, "%s: a file name that is not UTF-8 (got \"%s\")", set->name,
                           record->file);
        RN_TRY(find_size(&records[i], c, record));
        c->n_unsized += !records[i];
        for (size_t k = 0; k < record->n_objects && records[i]; k++) {
            const size_t object = record->first_object + k;
            objects[object] = fit_object(c, &set->objects[object], record);
        }
        for (char *at = record->file; !c->to->by_split && *at; at++) /* all lie in one folder */
            if (*at == '/') *at = '_';
    }
    return RN_OK;
}

static rn_status fit(converter *c, rn_dataset *set) {
    bool *records = NULL, *objects = NULL;
    rn_status status;
    if ((status = rn_alloc(&records, set->n_records, sizeof *records)) == RN_OK &&
        (status = rn_alloc(&objects, set->n_objects, sizeof *objects)) == RN_OK &&
        (status = fit_records(c, set, records, objects)) == RN_OK)
        rn_dataset_keep(set, records, objects);
    free(records);
    free(objects);
    RN_TRY(status);
    if (!c->to->same_classes) return RN_OK;
    RN_TRY(rn_dataset_match_classes(set, c->class_names, c->n_classes));
    for (size_t i = 0; i < set->n_objects; i++) c->used[set->objects[i].label] = true;
    return RN_OK;
}

/* ---- writing ---- */

static rn_status copy_file(const char *from, const char *to) {
    uint8_t *bytes;
    size_t size;
    RN_TRY(rn_folder_make_above(to));
    RN_TRY(rn_file_read(&bytes, &size, from, MAX_PICTURE_BYTES));
    const rn_status status = rn_file_write(to, bytes, size);
    free(bytes);
    return status;
}

static rn_status copy_pictures(const converter *c, const rn_dataset *set, const char *split) {
    for (size_t i = 0; i < set->n_records; i++) {
        char *path;
        RN_TRY(rn_asprintf(&path, "%s/%s/%s%s%s", c->folder, c->to->pictures,
                           c->to->by_split ? split : "", c->to->by_split ? "/" : "",
                           set->records[i].file));
        const rn_status status = copy_file(set->records[i].path, path);
        free(path);
        RN_TRY(status);
    }
    return RN_OK;
}

static rn_status convert_split(converter *c, const char *split) {
    rn_dataset set;
    RN_TRY(rn_dataset_open(&set, c->data, split, RN_SPLIT_WHOLE));
    rn_dataset_tell_notes(&set, c->hooks);
    rn_status status = fit(c, &set);
    if (status == RN_OK) status = c->to->write(&set, c->folder, split);
    if (status == RN_OK && c->pictures) status = copy_pictures(c, &set, split);
    if (status == RN_OK)
        rn_tell(c->hooks, "%s: %zu pictures, %zu boxes, %zu classes", split, set.n_records,
                set.n_objects, set.n_classes);
    rn_dataset_free(&set);
    return status;
}

static void tell_losses(const converter *c) {
    size_t n_unused = 0; /* with finish() there is a list of the classes */
    for (size_t i = 0; i < c->n_classes && !c->to->finish; i++) n_unused += !c->used[i];
    if (c->n_crowd > 0)
        rn_tell(c->hooks, "left out: %zu crowd regions, which YOLO cannot say", c->n_crowd);
    if (c->n_difficult > 0)
        rn_tell(c->hooks, "%zu objects marked difficult are written as any others", c->n_difficult);
    if (c->n_clipped > 0)
        rn_tell(c->hooks, "clipped: %zu boxes reached out of their pictures", c->n_clipped);
    if (c->n_empty > 0)
        rn_tell(c->hooks, "left out: %zu boxes that are empty or outside of their pictures",
                c->n_empty);
    if (c->n_thin > 0)
        rn_tell(c->hooks, "left out: %zu boxes of a pixel or less across, which VOC cannot say",
                c->n_thin);
    if (n_unused > 0)
        rn_tell(c->hooks, "left out: %zu classes without a box, which VOC cannot say", n_unused);
    if (c->n_unsized > 0)
        rn_tell(c->hooks,
                "left out: %zu pictures that cannot be read, or not in the annotated size",
                c->n_unsized);
    if (c->n_nameless > 0)
        rn_tell(c->hooks, "%zu splits are not in data.yaml, which knows train, val and test alone",
                c->n_nameless);
}

/* A folder with something in it is somebody's. */
static rn_status check_free(const char *folder) {
    char **names;
    size_t n;
    if (!rn_path_exists(folder)) return RN_OK;
    if (!rn_path_is_folder(folder)) return rn_fail(RN_EINVAL, "%s: is no folder", folder);
    RN_TRY(rn_folder_list(&names, &n, folder));
    rn_free_names(names, n);
    return n == 0 ? RN_OK : rn_fail(RN_EINVAL, "%s: the folder is not empty", folder);
}

rn_status rn_data_convert(const char *data, const char *folder, rn_data_format to, bool pictures,
                          const rn_hooks *hooks) {
    converter c = {
        .data = data, .folder = folder, .to = formats[to], .pictures = pictures, .hooks = hooks};
    rn_status status;
    RN_TRY(check_free(folder));
    if ((status = find_splits(&c)) != RN_OK) goto done;
    if (c.to->same_classes && (status = collect_classes(&c)) != RN_OK) goto done;
    for (size_t i = 0; i < c.n_splits && status == RN_OK; i++)
        status = convert_split(&c, c.splits[i]);
    if (status == RN_OK && c.to->finish)
        status =
            c.to->finish(&c.n_nameless, c.class_names, c.n_classes, folder, c.splits, c.n_splits);
    if (status == RN_OK) tell_losses(&c);
done:
    rn_free_names(c.splits, c.n_splits);
    rn_free_names(c.class_names, c.n_classes);
    free(c.used);
    return status;
}
