#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/layout.h"
#include "data/voc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX_BYTES ((size_t)256 << 20)

/* One annotation file of the set. */
typedef struct entry {
    char *stem; /* the file's name without .xml */
    char *path;
    rn_voc_file file;
    bool listed; /* in the split */
} entry;

/* All of a set's annotations, whatever the split. */
typedef struct voc {
    rn_places places; /* JPEGImages or images */
    entry *entries;   /* [n] by name */
    size_t n, cap;
    char **classes; /* [n_classes] of all entries, sorted */
    size_t n_classes;
    char **splits; /* [n_splits] names of ImageSets/Main/NAME.txt */
    size_t n_splits;
    size_t *chosen; /* [n_chosen] entries of the split, in its order */
    size_t n_chosen;
} voc;

static void free_voc(voc *v) {
    for (size_t i = 0; i < v->n; i++) {
        free(v->entries[i].stem);
        free(v->entries[i].path);
        rn_voc_free(&v->entries[i].file);
    }
    free(v->entries);
    rn_free_names(v->classes, v->n_classes);
    rn_free_names(v->splits, v->n_splits);
    free(v->chosen);
    rn_places_free(&v->places);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- annotations ---- */

/* *folder = DATA/first or DATA/second, whichever is there; NULL if neither is. */
static rn_status find_folder(char **folder, const char *data, const char *first,
                             const char *second) {
    RN_TRY(rn_path_join(folder, data, first));
    if (rn_path_is_folder(*folder)) return RN_OK;
    free(*folder);
    RN_TRY(rn_path_join(folder, data, second));
    if (rn_path_is_folder(*folder)) return RN_OK;
    free(*folder);
    *folder = NULL;
    return RN_OK;
}

/* Names of `folder` that end in `suffix`, without it; sorted. No folder: none. */
static rn_status list_stems(char ***stems, size_t *n, const char *folder, const char *suffix) {
    const size_t cut = strlen(suffix);
    size_t kept = 0;
    *stems = NULL;
    *n = 0;
    if (!folder || !rn_path_is_folder(folder)) return RN_OK;
    RN_TRY(rn_folder_list(stems, n, folder));
    for (size_t i = 0; i < *n; i++) {
        char *name = (*stems)[i];
        const size_t size = strlen(name);
        if (size > cut && strcmp(name + size - cut, suffix) == 0) {
            name[size - cut] = '\0';
            (*stems)[kept++] = name;
        } else {
            free(name);
        }
    }
    *n = kept;
    if (kept > 0) /* "a.b" and "a" have changed places */
        qsort(*stems, kept, sizeof **stems, compare_names);
    return RN_OK;
}

static rn_status read_entries(voc *v, const char *folder) {
    char **stems;
    size_t n;
    rn_status status;
    RN_TRY(list_stems(&stems, &n, folder, ".xml"));
    status = rn_alloc(&v->entries, n, sizeof *v->entries);
    for (size_t i = 0; i < n && status == RN_OK; i++) {
        entry *e = &v->entries[v->n++];
        e->stem = stems[i];
        stems[i] = NULL;
        status = rn_asprintf(&e->path, "%s/%s.xml", folder, e->stem);
        if (status == RN_OK) status = rn_voc_read(&e->file, e->path);
    }
    rn_free_names(stems, n);
    return status;
}

/* The classes of all annotations, sorted, each once. */
static rn_status collect_classes(voc *v) {
    const char **all = NULL;
    size_t n = 0, cap = 0;
    rn_status status = RN_OK;
    for (size_t i = 0; i < v->n; i++) {
        const rn_voc_file *file = &v->entries[i].file;
        if ((status = rn_reserve(&all, &cap, n + file->n_objects, sizeof *all)) != RN_OK) goto done;
        for (size_t k = 0; k < file->n_objects; k++) all[n++] = file->objects[k].name;
    }
    if (n > 0) qsort(all, n, sizeof *all, compare_names);
    if ((status = rn_alloc(&v->classes, n, sizeof *v->classes)) != RN_OK) goto done;
    for (size_t i = 0; i < n && status == RN_OK; i++) {
        if (i > 0 && strcmp(all[i], all[i - 1]) == 0) continue;
        if ((status = rn_strdup(&v->classes[v->n_classes], all[i])) == RN_OK) v->n_classes++;
    }
done:
    free(all);
    return status;
}

/* ---- splits ---- */

/* A set without lists is one split, called "all". */
static rn_status list_splits(voc *v, const char *data) {
    char *folder;
    RN_TRY(rn_path_join(&folder, data, "ImageSets/Main"));
    rn_status status = list_stems(&v->splits, &v->n_splits, folder, ".txt");
    free(folder);
    if (status != RN_OK || v->n_splits > 0) return status;
    free(v->splits);
    RN_TRY(rn_alloc(&v->splits, 1, sizeof *v->splits));
    RN_TRY(rn_strdup(&v->splits[0], "all"));
    v->n_splits = 1;
    return RN_OK;
}

static int compare_stem(const void *key, const void *e) {
    return strcmp(key, ((const entry *)e)->stem);
}

/* The entry a line of a list names. "NAME" or, in the lists of one class, "NAME  -1"; a name may
 * hold blanks itself, so the whole line is tried first. Cuts the line. */
static entry *find_entry(const voc *v, char *line) {
    entry *found = bsearch(line, v->entries, v->n, sizeof *v->entries, compare_stem);
    if (found) return found;
    char *blank = strpbrk(line, " \t") ? line + strlen(line) : NULL;
    while (blank && blank > line && !strchr(" \t", blank[-1])) blank--;
    int64_t flag;
    if (!blank || !rn_parse_int(&flag, blank, strlen(blank)) || flag < -1 || flag > 1) return NULL;
    while (blank > line && strchr(" \t", blank[-1])) blank--;
    *blank = '\0';
    return bsearch(line, v->entries, v->n, sizeof *v->entries, compare_stem);
}

static rn_status choose_listed(voc *v, rn_dataset *set, const char *path) {
    uint8_t *bytes;
    size_t size, number = 0;
    rn_status status = RN_OK;
    RN_TRY(rn_file_read(&bytes, &size, path, LIST_MAX_BYTES));
    char *text = (char *)bytes, *line;
    while (status == RN_OK && (line = rn_next_line(&text)) != NULL) {
        number++;
        if (*line == '\0') continue;
        entry *e = find_entry(v, line);
        if (!e)
            status = rn_fail(RN_EINPUT, "%s:%zu:1: no annotation of that name (got \"%s\")", path,
                             number, line);
        else if (e->listed)
            status = rn_dataset_note(set, "skipped: %s:%zu:1: \"%s\" is listed twice", path, number,
                                     line);
        else {
            e->listed = true;
            v->chosen[v->n_chosen++] = (size_t)(e - v->entries);
        }
    }
    free(bytes);
    return status;
}

static rn_status choose_entries(voc *v, rn_part *part, rn_dataset *set, const rn_request *request) {
    size_t split;
    char *path;
    RN_TRY(list_splits(v, request->data));
    RN_TRY(rn_split_choose(&split, part, v->splits, v->n_splits, v->n_splits, request));
    RN_TRY(rn_alloc(&v->chosen, v->n, sizeof *v->chosen));
    RN_TRY(rn_asprintf(&path, "%s/ImageSets/Main/%s.txt", request->data, v->splits[split]));
    rn_status status = RN_OK;
    if (rn_path_exists(path))
        status = choose_listed(v, set, path);
    else
        for (size_t i = 0; i < v->n; i++) v->chosen[v->n_chosen++] = i;
    free(path);
    return status;
}

/* ---- the set ---- */

/* The picture that the xml names, else one that bears the xml's own name. */
static rn_status find_picture(rn_record *record, const voc *v, const entry *e) {
    static const char *const endings[] = {"jpg", "jpeg", "png", "bmp", "JPG", "JPEG", "PNG", "BMP"};
    if (e->file.filename) {
        RN_TRY(rn_strdup(&record->file, e->file.filename));
        RN_TRY(rn_places_find(&record->path, &v->places, record->file, e->path));
    }
    for (size_t i = 0; i < sizeof endings / sizeof *endings && !record->path; i++) {
        char *file;
        RN_TRY(rn_asprintf(&file, "%s.%s", e->stem, endings[i]));
        const rn_status status = rn_places_find(&record->path, &v->places, file, e->path);
        if (record->path || !record->file) {
            free(record->file);
            record->file = file;
        } else {
            free(file);
        }
        RN_TRY(status);
    }
    return RN_OK;
}

/* Width and height as the xml says, else as the picture's header does. */
static rn_status find_size(rn_dataset *set, rn_record *record, const entry *e) {
    record->width = e->file.width;
    record->height = e->file.height;
    if ((record->width > 0 && record->height > 0) || !record->path) return RN_OK;
    record->width = record->height = 0;
    const rn_status status = rn_record_size(&record->width, &record->height, record);
    if (status == RN_EINPUT) /* such a picture is counted as bad when it is read */
        return rn_dataset_note(set, "%s: no size, nor can it be had from the picture", e->path);
    RN_TRY(status);
    return rn_dataset_note(set, "%s: no size, taken from the picture: %dx%d", e->path,
                           record->width, record->height);
}

/* VOC counts pixels from 1 and both ends belong to the box: half-open, that is (xmin - 1, xmax).
 * Boxes are tested before that 1 would give an empty one a width. */
static rn_status add_object(rn_dataset *set, size_t *cap, const voc *v, const rn_voc_object *o,
                            const char *path) {
    if (o->xmin >= o->xmax || o->ymin >= o->ymax) {
        set->n_skipped++;
        return rn_dataset_note(set, "skipped: %s:%zu:%zu: an empty box, %g..%g x %g..%g", path,
                               o->line, o->column, o->xmin, o->xmax, o->ymin, o->ymax);
    }
    const double x = fmax(o->xmin - 1, 0), y = fmax(o->ymin - 1, 0);
    char **name = bsearch(&o->name, v->classes, v->n_classes, sizeof *v->classes, compare_names);
    RN_TRY(rn_reserve(&set->objects, cap, set->n_objects + 1, sizeof *set->objects));
    set->objects[set->n_objects] = (rn_object){.x = x,
                                               .y = y,
                                               .w = o->xmax - x,
                                               .h = o->ymax - y,
                                               .area = (o->xmax - x) * (o->ymax - y),
                                               .label = (int)(name - v->classes),
                                               .difficult = o->difficult,
                                               .id = (int64_t)set->n_objects + 1};
    set->n_objects++;
    return RN_OK;
}

static rn_status add_record(rn_dataset *set, size_t *cap, const voc *v, const entry *e,
                            rn_part part) {
    rn_record *record = &set->records[set->n_records++];
    RN_TRY(find_picture(record, v, e));
    if (!rn_part_has(part, record->file)) {
        free(record->file);
        free(record->path);
        *record = (rn_record){0};
        set->n_records--;
        return RN_OK;
    }
    RN_TRY(find_size(set, record, e));
    record->id = (int64_t)set->n_records;
    record->first_object = set->n_objects;
    for (size_t i = 0; i < e->file.n_objects; i++)
        RN_TRY(add_object(set, cap, v, &e->file.objects[i], e->path));
    record->n_objects = set->n_objects - record->first_object;
    return RN_OK;
}

/* The classes that the train split shows are those that can be learnt; the ids stay. */
static rn_status drop_unused_classes(rn_dataset *set) {
    char **used;
    bool *is_used = NULL;
    size_t n = 0;
    rn_status status;
    RN_TRY(rn_alloc(&used, set->n_classes, sizeof *used));
    if ((status = rn_alloc(&is_used, set->n_classes, sizeof *is_used)) == RN_OK) {
        for (size_t i = 0; i < set->n_objects; i++) is_used[set->objects[i].label] = true;
        for (size_t i = 0; i < set->n_classes; i++)
            if (is_used[i]) used[n++] = set->class_names[i];
        if (n < set->n_classes) status = rn_dataset_match_classes(set, used, n);
    }
    free(is_used);
    free(used);
    return status;
}

static rn_status read_voc(voc *v, const char *data) {
    char *folder = NULL;
    rn_status status;
    if ((status = find_folder(&folder, data, "Annotations", "annotations")) == RN_OK &&
        (status = read_entries(v, folder)) == RN_OK && (status = collect_classes(v)) == RN_OK &&
        (status = rn_places_add(&v->places, data, "JPEGImages")) == RN_OK)
        status = rn_places_add(&v->places, data, "images");
    free(folder);
    return status;
}

static rn_status open_set(rn_dataset *out, const rn_request *request) {
    voc v = {0};
    rn_part part;
    size_t cap = 0;
    rn_status status;
    if ((status = read_voc(&v, request->data)) != RN_OK ||
        (status = rn_strdup(&out->name, request->data)) != RN_OK ||
        (status = choose_entries(&v, &part, out, request)) != RN_OK ||
        (status = rn_alloc(&out->records, v.n_chosen, sizeof *out->records)) != RN_OK)
        goto done;
    for (size_t i = 0; i < v.n_chosen && status == RN_OK; i++)
        status = add_record(out, &cap, &v, &v.entries[v.chosen[i]], part);
    if (status != RN_OK ||
        (status = rn_dataset_take_classes(out, &v.classes, v.n_classes)) != RN_OK)
        goto done;
    if (request->use == RN_SPLIT_TRAIN && part == RN_PART_ALL) status = drop_unused_classes(out);
done:
    free_voc(&v);
    return status;
}

static rn_status list_names(char ***names, size_t *n, const char *data) {
    voc v = {0};
    const rn_status status = list_splits(&v, data);
    if (status == RN_OK) {
        *names = v.splits;
        *n = v.n_splits;
        v.splits = NULL;
    }
    free_voc(&v);
    return status;
}

static rn_status recognise(bool *is, const char *data) {
    char *folder = NULL, **stems = NULL;
    size_t n = 0;
    rn_status status = find_folder(&folder, data, "Annotations", "annotations");
    if (status == RN_OK) status = list_stems(&stems, &n, folder, ".xml");
    *is = n > 0;
    rn_free_names(stems, n);
    free(folder);
    return status == RN_ENOMEM ? status : RN_OK;
}

const rn_format rn_format_voc = {
    .looks = "VOC: Annotations/*.xml with JPEGImages or images",
    .recognise = recognise,
    .splits = list_names,
    .open = open_set,
};
