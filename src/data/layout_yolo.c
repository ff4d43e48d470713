#include "base/file.h"
#include "base/memory.h"
#include "data/json.h"
#include "data/layout.h"
#include "data/yolo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX_BYTES ((size_t)64 << 10)
enum { MAX_CLASSES = 10000 }; /* where nothing names them */

/* A set: what data.yaml or, without one, its folders say. */
typedef struct yolo {
    char *yaml; /* path of data.yaml, or DATA/ */
    rn_yolo_data data;
} yolo;

static void free_yolo(yolo *y) {
    free(y->yaml);
    rn_yolo_data_free(&y->data);
}

/* ---- data.yaml, or what tells as much ---- */

static bool is_yaml(const char *name) {
    const size_t size = strlen(name);
    return (size > 5 && strcmp(name + size - 5, ".yaml") == 0) ||
           (size > 4 && strcmp(name + size - 4, ".yml") == 0);
}

/* *out = DATA itself, DATA/data.yaml, or the only yaml file in DATA; NULL if there is none. */
static rn_status find_yaml(char **out, const char *data) {
    char **names = NULL;
    size_t n = 0, found = 0, at = 0;
    *out = NULL;
    if (!rn_path_is_folder(data))
        return is_yaml(data) && rn_path_exists(data) ? rn_strdup(out, data) : RN_OK;
    RN_TRY(rn_folder_list(&names, &n, data));
    for (size_t i = 0; i < n; i++) {
        if (!is_yaml(names[i])) continue;
        at = i;
        found++;
        if (strcmp(names[i], "data.yaml") != 0) continue;
        found = 1;
        break;
    }
    const rn_status status = found == 1 ? rn_path_join(out, data, names[at]) : RN_OK;
    rn_free_names(names, n);
    return status;
}

/* Whether DATA has both folders. */
static rn_status has_folders(bool *has, const yolo *y, const char *images, const char *labels) {
    const char *const names[] = {images, labels};
    *has = true;
    for (size_t i = 0; i < 2 && *has; i++) {
        char *path;
        RN_TRY(rn_asprintf(&path, "%s%s", y->yaml, names[i]));
        *has = rn_path_is_folder(path);
        free(path);
    }
    return RN_OK;
}

/* Add a split if both folders are there. */
static rn_status add_split(yolo *y, const char *name, const char *images, const char *labels) {
    bool has;
    RN_TRY(has_folders(&has, y, images, labels));
    if (!has) return RN_OK;
    rn_yolo_split *split = &y->data.splits[y->data.n_splits++];
    RN_TRY(rn_strdup(&split->name, name));
    RN_TRY(rn_alloc(&split->sources, 1, sizeof *split->sources));
    split->n = 1;
    return rn_strdup(&split->sources[0].text, images);
}

/* NAME as a split: images/NAME with labels/NAME, or NAME/images with NAME/labels. */
static rn_status try_name(yolo *y, const char *name, bool below_images) {
    char *images = NULL, *labels = NULL;
    const char *before = below_images ? "/" : "", *behind = below_images ? name : "";
    const char *top = below_images ? "" : name, *slash = below_images ? "" : "/";
    rn_status status = rn_asprintf(&images, "%s%simages%s%s", top, slash, before, behind);
    if (status == RN_OK)
        status = rn_asprintf(&labels, "%s%slabels%s%s", top, slash, before, behind);
    if (status == RN_OK) status = add_split(y, name, images, labels);
    free(images);
    free(labels);
    return status;
}

static rn_status try_names(yolo *y, bool below_images) {
    char **names = NULL, *folder;
    size_t n = 0;
    RN_TRY(rn_asprintf(&folder, "%s%s", y->yaml, below_images ? "images" : ""));
    rn_status status = rn_folder_list(&names, &n, folder);
    free(folder);
    if (status == RN_OK) status = rn_alloc(&y->data.splits, n + 1, sizeof *y->data.splits);
    for (size_t i = 0; i < n && status == RN_OK; i++) status = try_name(y, names[i], below_images);
    rn_free_names(names, n);
    return status;
}

/* The splits that the set's folders stand for; "all" where images/ and labels/ have none. */
static rn_status find_splits(yolo *y) {
    bool below_images;
    RN_TRY(has_folders(&below_images, y, "images", "labels"));
    RN_TRY(try_names(y, below_images));
    return below_images && y->data.n_splits == 0 ? add_split(y, "all", "images", "labels") : RN_OK;
}

/* The class that line `number` names. */
static rn_status add_class(rn_yolo_data *data, size_t *cap, const char *name, const char *path,
                           size_t number) {
    if (!rn_is_utf8(name)) return rn_fail(RN_EINPUT, "%s:%zu:1: not UTF-8", path, number);
    if (data->n_classes != number - 1)
        return rn_fail(RN_EINPUT,
                       "%s:%zu:1: names (got %.60s behind an empty line, want a name a line)", path,
                       number, name);
    for (size_t i = 0; i < data->n_classes; i++)
        if (strcmp(data->class_names[i], name) == 0)
            return rn_fail(RN_EINPUT, "%s:%zu:1: names (got %.60s twice, want each once)", path,
                           number, name);
    RN_TRY(rn_reserve(&data->class_names, cap, data->n_classes + 1, sizeof *data->class_names));
    RN_TRY(rn_strdup(&data->class_names[data->n_classes], name));
    data->n_classes++;
    return RN_OK;
}

/* Names from classes.txt, a line each, as labelling tools write it; none if it is not there. */
static rn_status read_class_list(rn_yolo_data *data, const char *path) {
    uint8_t *bytes;
    size_t size, cap = 0, number = 0;
    rn_status status = RN_OK;
    char *line;
    if (!rn_path_exists(path)) return RN_OK;
    RN_TRY(rn_file_read(&bytes, &size, path, LIST_MAX_BYTES));
    char *text = (char *)bytes;
    while (status == RN_OK && (line = rn_next_line(&text)) != NULL) {
        number++;
        if (*line) status = add_class(data, &cap, line, path, number);
    }
    free(bytes);
    return status;
}

/* The classes are numbers up to the largest of all splits. */
static rn_status count_classes(size_t *n, const yolo *y) {
    rn_status status = RN_OK;
    *n = 0;
    for (size_t s = 0; s < y->data.n_splits && status == RN_OK; s++) {
        rn_yolo_pictures pictures;
        RN_TRY(rn_yolo_list(&pictures, &y->data, s, y->yaml));
        for (size_t i = 0; i < pictures.n && status == RN_OK; i++) {
            rn_yolo_file file;
            if (!pictures.entries[i].label) continue;
            if ((status = rn_yolo_read(&file, pictures.entries[i].label, MAX_CLASSES)) != RN_OK)
                break;
            for (size_t k = 0; k < file.n; k++)
                if ((size_t)file.boxes[k].label >= *n) *n = (size_t)file.boxes[k].label + 1;
            rn_yolo_free(&file);
        }
        rn_yolo_pictures_free(&pictures);
    }
    return status;
}

static rn_status find_classes(yolo *y) {
    static const char *const lists[] = {"classes.txt", "labels/classes.txt"};
    size_t n;
    for (size_t i = 0; i < 2 && y->data.n_classes == 0; i++) {
        char *path;
        RN_TRY(rn_asprintf(&path, "%s%s", y->yaml, lists[i]));
        const rn_status status = read_class_list(&y->data, path);
        free(path);
        RN_TRY(status);
    }
    if (y->data.n_classes > 0) return RN_OK;
    RN_TRY(count_classes(&n, y));
    RN_TRY(rn_alloc(&y->data.class_names, n, sizeof *y->data.class_names));
    for (; y->data.n_classes < n; y->data.n_classes++)
        RN_TRY(rn_asprintf(&y->data.class_names[y->data.n_classes], "%zu", y->data.n_classes));
    return RN_OK;
}

/* The splits alone: the classes are not looked for where only the folders tell. */
static rn_status read_splits(yolo *y, const char *data) {
    *y = (yolo){0};
    RN_TRY(find_yaml(&y->yaml, data));
    if (y->yaml) return rn_yolo_data_read(&y->data, y->yaml);
    RN_TRY(rn_path_join(&y->yaml, data, ""));
    return find_splits(y);
}

/* ---- records ---- */

/* The picture's size makes pixels of shares. Where it cannot be read, which is told when the
 * picture is, the boxes stay shares: they count as missed. */
static rn_status find_size(rn_record *record, double *width, double *height) {
    *width = *height = 1;
    if (!record->path) return RN_OK;
    const rn_status status = rn_record_size(&record->width, &record->height, record);
    if (status == RN_EINPUT) {
        record->width = record->height = 0;
        return RN_OK;
    }
    *width = record->width;
    *height = record->height;
    return status;
}

static rn_status add_objects(rn_dataset *set, size_t *cap, const rn_yolo_file *file,
                             const char *label, double width, double height) {
    for (size_t i = 0; i < file->n; i++) {
        const rn_yolo_box *box = &file->boxes[i];
        if (box->repeated) {
            set->n_skipped++;
            RN_TRY(rn_dataset_note(set, "skipped: %s:%zu:1: the same box as before", label,
                                   box->line));
            continue;
        }
        RN_TRY(rn_reserve(&set->objects, cap, set->n_objects + 1, sizeof *set->objects));
        const double w = box->width * width, h = box->height * height;
        set->objects[set->n_objects] = (rn_object){.x = box->x * width - w / 2,
                                                   .y = box->y * height - h / 2,
                                                   .w = w,
                                                   .h = h,
                                                   .area = w * h,
                                                   .label = (int)box->label,
                                                   .id = (int64_t)set->n_objects + 1};
        set->n_objects++;
    }
    return RN_OK;
}

static rn_status add_record(rn_dataset *set, size_t *cap, const rn_yolo_picture *picture) {
    rn_record *record = &set->records[set->n_records++];
    rn_yolo_file file = {0};
    double width, height;
    RN_TRY(rn_strdup(&record->file, picture->file));
    if (picture->path) RN_TRY(rn_strdup(&record->path, picture->path));
    RN_TRY(find_size(record, &width, &height));
    record->id = (int64_t)set->n_records;
    record->first_object = set->n_objects;
    if (picture->label) RN_TRY(rn_yolo_read(&file, picture->label, set->n_classes));
    const rn_status status = add_objects(set, cap, &file, picture->label, width, height);
    rn_yolo_free(&file);
    record->n_objects = set->n_objects - record->first_object;
    return status;
}

/* Pictures without labels are background; a split without any label file is not understood. */
static rn_status check_labels(rn_dataset *set, const rn_yolo_pictures *pictures, rn_part part) {
    size_t labels = 0, background = 0;
    for (size_t i = 0; i < pictures->n; i++) {
        const rn_yolo_picture *picture = &pictures->entries[i];
        labels += picture->label != NULL;
        background += picture->path && !picture->label && rn_part_has(part, picture->file);
    }
    if (pictures->n_unsupported > 0)
        RN_TRY(rn_dataset_note(set, "skipped: %zu pictures that are no JPEG, PNG or BMP",
                               pictures->n_unsupported));
    if (pictures->n == 0)
        return rn_fail(RN_EINPUT, "%s: no JPEG, PNG or BMP picture in this split", set->name);
    if (labels == 0)
        return rn_fail(RN_EINPUT,
                       "%s: no labels for \"%s\", nor for any other picture (want a .txt of its "
                       "name in labels/, or beside it)",
                       set->name, pictures->entries[0].file);
    if (background == 0) return RN_OK;
    return rn_dataset_note(set, "%zu pictures without a label file are taken as background",
                           background);
}

static rn_status fill_set(rn_dataset *set, const rn_yolo_pictures *pictures, rn_part part) {
    size_t cap = 0;
    RN_TRY(check_labels(set, pictures, part));
    RN_TRY(rn_alloc(&set->records, pictures->n, sizeof *set->records));
    for (size_t i = 0; i < pictures->n; i++)
        if (rn_part_has(part, pictures->entries[i].file))
            RN_TRY(add_record(set, &cap, &pictures->entries[i]));
    return RN_OK;
}

static rn_status split_names(char ***names, const yolo *y) {
    RN_TRY(rn_alloc(names, y->data.n_splits, sizeof **names));
    for (size_t i = 0; i < y->data.n_splits; i++)
        RN_TRY(rn_strdup(&(*names)[i], y->data.splits[i].name));
    return RN_OK;
}

static rn_status open_set(rn_dataset *out, const rn_request *request) {
    yolo y;
    rn_yolo_pictures pictures = {0};
    char **names = NULL;
    size_t split, n;
    rn_part part;
    rn_status status = read_splits(&y, request->data);
    n = y.data.n_splits;
    if (status != RN_OK || (y.data.n_classes == 0 && (status = find_classes(&y)) != RN_OK) ||
        (status = rn_strdup(&out->name, request->data)) != RN_OK ||
        (status = split_names(&names, &y)) != RN_OK ||
        (status = rn_split_choose(&split, &part, names, n, n, request)) != RN_OK ||
        (status = rn_yolo_list(&pictures, &y.data, split, y.yaml)) != RN_OK ||
        (status = rn_dataset_take_classes(out, &y.data.class_names, y.data.n_classes)) != RN_OK)
        goto done;
    status = fill_set(out, &pictures, part);
done:
    rn_free_names(names, n);
    rn_yolo_pictures_free(&pictures);
    free_yolo(&y);
    return status;
}

static rn_status list_splits(char ***names, size_t *n, const char *data) {
    yolo y;
    rn_status status = read_splits(&y, data);
    *names = NULL;
    *n = y.data.n_splits;
    if (status == RN_OK) status = split_names(names, &y);
    if (status != RN_OK) {
        rn_free_names(*names, *n);
        *names = NULL;
    }
    free_yolo(&y);
    return status;
}

/* By the folders alone. */
static rn_status has_splits(bool *has, const char *data) {
    yolo y = {0};
    *has = false;
    if (!rn_path_is_folder(data)) return RN_OK;
    rn_status status = rn_path_join(&y.yaml, data, "");
    if (status == RN_OK) status = find_splits(&y);
    *has = status == RN_OK && y.data.n_splits > 0;
    free_yolo(&y);
    return status;
}

/* A yaml file of another name may be anything's, and lie beside a json of COCO's. */
static rn_status is_yolo(bool *is, const char *data) {
    char *yaml;
    bool coco = false;
    *is = false;
    RN_TRY(find_yaml(&yaml, data));
    rn_status status = RN_OK;
    if (yaml && rn_path_is_folder(data) && strcmp(rn_path_name(yaml), "data.yaml") != 0)
        status = rn_format_coco.recognise(&coco, data);
    *is = yaml && !coco;
    free(yaml);
    return status != RN_OK || *is ? status : has_splits(is, data);
}

/* What cannot be read is not recognised. */
static rn_status recognise(bool *is, const char *data) {
    const rn_status status = is_yolo(is, data);
    return status == RN_ENOMEM ? status : RN_OK;
}

const rn_format rn_format_yolo = {
    .looks = "YOLO: data.yaml, or images/<split> with labels/<split>",
    .recognise = recognise,
    .splits = list_splits,
    .open = open_set,
};
