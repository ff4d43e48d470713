#include "base/file.h"
#include "base/memory.h"
#include "data/coco.h"
#include "data/id_map.h"
#include "data/json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* An object before its image and class are known: "annotations" may stand first in the file. */
typedef struct annotation {
    rn_object object;
    int64_t image_id, category_id;
    size_t offset; /* in the text */
} annotation;

typedef struct category {
    int64_t id;
    char *name;
    size_t offset;
} category;

typedef struct reader {
    rn_json json;
    rn_dataset *set; /* its records grow; objects and classes come at the end */
    size_t cap_records;
    size_t *record_offsets; /* [n_records] */
    size_t cap_offsets;
    annotation *annotations; /* [n_annotations] in file order */
    size_t n_annotations, cap_annotations;
    category *categories; /* [n_categories]; by id at the end */
    size_t n_categories, cap_categories;
    rn_id_map image_ids;      /* -> records */
    rn_id_map annotation_ids; /* -> annotations */
    rn_id_map category_ids;   /* -> labels */
} reader;

static rn_status duplicate(const reader *r, size_t offset, const char *what, int64_t id,
                           size_t first) {
    size_t line, column;
    rn_json_place(&r->json, first, &line, &column);
    return rn_json_fail(&r->json, offset, "duplicate %s id (got %lld, first at %zu:%zu)", what,
                        (long long)id, line, column);
}

static rn_status read_id(const reader *r, int64_t *out, const rn_json_token *value,
                         const char *what) {
    return rn_json_int(&r->json, out, value, what, -RN_JSON_MAX_INT, RN_JSON_MAX_INT);
}

/* ---- images ---- */

/* Absolute, or with ".." among its parts. */
static bool leads_out(const char *file) {
    if (file[0] == '/') return true;
    for (const char *part = file; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return true;
    }
    return false;
}

static rn_status read_file_name(const reader *r, char **out, const rn_json_token *value) {
    free(*out);
    *out = NULL;
    RN_TRY(rn_json_text(&r->json, out, value, "\"file_name\" of an image"));
    if (leads_out(*out))
        return rn_json_unwanted(&r->json, value, "\"file_name\" of an image",
                                "a path inside the folder");
    return RN_OK;
}

static rn_status read_side(const reader *r, int *out, const rn_json_token *value,
                           const char *what) {
    int64_t side;
    RN_TRY(rn_json_int(&r->json, &side, value, what, 0, INT_MAX));
    *out = (int)side;
    return RN_OK;
}

static rn_status read_image(reader *r, const rn_json_token *token) {
    enum { ID, FILE_NAME, WIDTH, HEIGHT, KEYS };
    static const char *const keys[KEYS] = {"id", "file_name", "width", "height"};
    rn_json_members members = {.what = "image", .keys = keys, .n = KEYS, .required = 2};
    rn_dataset *set = r->set;
    rn_json_token value;
    size_t key, first;
    RN_TRY(rn_reserve(&set->records, &r->cap_records, set->n_records + 1, sizeof *set->records));
    RN_TRY(rn_reserve(&r->record_offsets, &r->cap_offsets, set->n_records + 1,
                      sizeof *r->record_offsets));
    r->record_offsets[set->n_records] = token->offset;
    rn_record *record = &set->records[set->n_records++];
    *record = (rn_record){0};
    RN_TRY(rn_json_begin(&r->json, &members, token));
    for (;;) {
        RN_TRY(rn_json_member(&r->json, &members, &key, &value));
        if (key == KEYS) break;
        if (key == ID) RN_TRY(read_id(r, &record->id, &value, "\"id\" of an image"));
        if (key == FILE_NAME) RN_TRY(read_file_name(r, &record->file, &value));
        if (key == WIDTH) RN_TRY(read_side(r, &record->width, &value, "\"width\" of an image"));
        if (key == HEIGHT) RN_TRY(read_side(r, &record->height, &value, "\"height\" of an image"));
    }
    RN_TRY(rn_id_map_add(&r->image_ids, &first, record->id, set->n_records - 1));
    if (first == RN_NO_ID) return RN_OK;
    return duplicate(r, token->offset, "image", record->id, r->record_offsets[first]);
}

/* ---- annotations ---- */

static rn_status read_crowd(const reader *r, bool *out, const rn_json_token *value) {
    int64_t flag = value->type == RN_JSON_TRUE;
    if (value->type != RN_JSON_TRUE && value->type != RN_JSON_FALSE)
        RN_TRY(rn_json_int(&r->json, &flag, value, "\"iscrowd\" of an annotation", 0, 1));
    *out = flag == 1;
    return RN_OK;
}

static rn_status read_annotation(reader *r, const rn_json_token *token) {
    enum { ID, IMAGE_ID, CATEGORY_ID, BBOX, AREA, ISCROWD, KEYS };
    static const char *const keys[KEYS] = {"id",   "image_id", "category_id",
                                           "bbox", "area",     "iscrowd"};
    rn_json_members members = {.what = "annotation", .keys = keys, .n = KEYS, .required = 4};
    annotation a = {.offset = token->offset};
    double box[4];
    bool has_area = false;
    rn_json_token value;
    size_t key, first;
    RN_TRY(rn_json_begin(&r->json, &members, token));
    for (;;) {
        RN_TRY(rn_json_member(&r->json, &members, &key, &value));
        if (key == KEYS) break;
        if (key == ID) RN_TRY(read_id(r, &a.object.id, &value, "\"id\" of an annotation"));
        if (key == IMAGE_ID)
            RN_TRY(read_id(r, &a.image_id, &value, "\"image_id\" of an annotation"));
        if (key == CATEGORY_ID)
            RN_TRY(read_id(r, &a.category_id, &value, "\"category_id\" of an annotation"));
        if (key == BBOX)
            RN_TRY(rn_json_doubles(&r->json, box, 4, &value, "\"bbox\" of an annotation"));
        if (key == AREA) {
            RN_TRY(rn_json_double(&r->json, &a.object.area, &value, "\"area\" of an annotation"));
            has_area = true;
        }
        if (key == ISCROWD) RN_TRY(read_crowd(r, &a.object.crowd, &value));
    }
    a.object.x = box[0];
    a.object.y = box[1];
    a.object.w = box[2];
    a.object.h = box[3];
    if (!has_area) a.object.area = box[2] * box[3];
    RN_TRY(rn_reserve(&r->annotations, &r->cap_annotations, r->n_annotations + 1,
                      sizeof *r->annotations));
    r->annotations[r->n_annotations++] = a;
    RN_TRY(rn_id_map_add(&r->annotation_ids, &first, a.object.id, r->n_annotations - 1));
    if (first == RN_NO_ID) return RN_OK;
    return duplicate(r, token->offset, "annotation", a.object.id, r->annotations[first].offset);
}

/* ---- categories ---- */

static rn_status read_category(reader *r, const rn_json_token *token) {
    enum { ID, NAME, KEYS };
    static const char *const keys[KEYS] = {"id", "name"};
    rn_json_members members = {.what = "category", .keys = keys, .n = KEYS, .required = 2};
    rn_json_token value;
    size_t key;
    RN_TRY(
        rn_reserve(&r->categories, &r->cap_categories, r->n_categories + 1, sizeof *r->categories));
    category *c = &r->categories[r->n_categories++];
    *c = (category){.offset = token->offset};
    RN_TRY(rn_json_begin(&r->json, &members, token));
    for (;;) {
        RN_TRY(rn_json_member(&r->json, &members, &key, &value));
        if (key == KEYS) return RN_OK;
        if (key == ID) RN_TRY(read_id(r, &c->id, &value, "\"id\" of a category"));
        if (key == NAME) RN_TRY(rn_json_text(&r->json, &c->name, &value, "\"name\" of a category"));
    }
}

static int compare_offsets(const category *x, const category *y) {
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int compare_names(const void *a, const void *b) {
    const category *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : compare_offsets(x, y);
}

static int compare_ids(const void *a, const void *b) {
    const category *x = a, *y = b;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : compare_offsets(x, y);
}

static rn_status check_names(reader *r) {
    category *c = r->categories;
    if (r->n_categories > 0) qsort(c, r->n_categories, sizeof *c, compare_names);
    for (size_t i = 1; i < r->n_categories; i++) {
        size_t line, column;
        if (strcmp(c[i - 1].name, c[i].name) != 0) continue;
        rn_json_place(&r->json, c[i - 1].offset, &line, &column);
        return rn_json_fail(&r->json, c[i].offset,
                            "duplicate category name (got \"%s\", first at %zu:%zu)", c[i].name,
                            line, column);
    }
    return RN_OK;
}

/* The set's classes, ascending by id. */
static rn_status finish_categories(reader *r) {
    rn_dataset *set = r->set;
    category *c = r->categories;
    size_t first;
    RN_TRY(check_names(r));
    if (r->n_categories > 0) qsort(c, r->n_categories, sizeof *c, compare_ids);
    RN_TRY(rn_alloc(&set->class_names, r->n_categories, sizeof *set->class_names));
    RN_TRY(rn_alloc(&set->category_ids, r->n_categories, sizeof *set->category_ids));
    for (size_t i = 0; i < r->n_categories; i++) {
        RN_TRY(rn_id_map_add(&r->category_ids, &first, c[i].id, i));
        if (first != RN_NO_ID)
            return duplicate(r, c[i].offset, "category", c[i].id, c[first].offset);
        set->category_ids[i] = c[i].id;
        set->class_names[i] = c[i].name;
        c[i].name = NULL;
        set->n_classes++;
    }
    return RN_OK;
}

/* ---- the file ---- */

/* The set's objects, grouped by record: a counting sort, which keeps the order of the file. */
static rn_status finish_objects(reader *r) {
    rn_dataset *set = r->set;
    size_t next = 0;
    for (size_t i = 0; i < r->n_annotations; i++) {
        annotation *a = &r->annotations[i];
        const size_t record = rn_id_map_find(&r->image_ids, a->image_id);
        const size_t label = rn_id_map_find(&r->category_ids, a->category_id);
        if (record == RN_NO_ID)
            return rn_json_fail(&r->json, a->offset,
                                "annotation of an unknown image (got image_id %lld)",
                                (long long)a->image_id);
        if (label == RN_NO_ID)
            return rn_json_fail(&r->json, a->offset,
                                "annotation of an unknown category (got category_id %lld)",
                                (long long)a->category_id);
        a->object.label = (int)label;
        set->records[record].n_objects++;
    }
    RN_TRY(rn_alloc(&set->objects, r->n_annotations, sizeof *set->objects));
    set->n_objects = r->n_annotations;
    for (size_t i = 0; i < set->n_records; i++) {
        set->records[i].first_object = next;
        next += set->records[i].n_objects;
        set->records[i].n_objects = 0; /* counted anew below */
    }
    for (size_t i = 0; i < r->n_annotations; i++) {
        const annotation *a = &r->annotations[i];
        rn_record *record = &set->records[rn_id_map_find(&r->image_ids, a->image_id)];
        set->objects[record->first_object + record->n_objects++] = a->object;
    }
    return RN_OK;
}

static rn_status read_list(reader *r, const rn_json_token *list, const char *what,
                           rn_status (*read_item)(reader *, const rn_json_token *)) {
    rn_json_token item;
    if (list->type != RN_JSON_ARRAY) return rn_json_unwanted(&r->json, list, what, "an array");
    for (;;) {
        RN_TRY(rn_json_next(&r->json, &item));
        if (item.type == RN_JSON_ARRAY_END) return RN_OK;
        RN_TRY(read_item(r, &item));
    }
}

static rn_status read_set(reader *r) {
    enum { IMAGES, ANNOTATIONS, CATEGORIES, KEYS };
    static const char *const keys[KEYS] = {"images", "annotations", "categories"};
    rn_json_members members = {.what = "ground truth", .keys = keys, .n = KEYS, .required = KEYS};
    rn_json_token token;
    size_t key;
    RN_TRY(rn_json_next(&r->json, &token));
    RN_TRY(rn_json_begin(&r->json, &members, &token));
    for (;;) {
        RN_TRY(rn_json_member(&r->json, &members, &key, &token));
        if (key == KEYS) break;
        if (key == IMAGES) RN_TRY(read_list(r, &token, "\"images\"", read_image));
        if (key == ANNOTATIONS) RN_TRY(read_list(r, &token, "\"annotations\"", read_annotation));
        if (key == CATEGORIES) RN_TRY(read_list(r, &token, "\"categories\"", read_category));
    }
    RN_TRY(rn_json_next(&r->json, &token)); /* nothing may follow */
    RN_TRY(finish_categories(r));
    return finish_objects(r);
}

static void free_reader(reader *r) {
    for (size_t i = 0; i < r->n_categories; i++) free(r->categories[i].name);
    free(r->categories);
    free(r->annotations);
    free(r->record_offsets);
    rn_id_map_free(&r->image_ids);
    rn_id_map_free(&r->annotation_ids);
    rn_id_map_free(&r->category_ids);
    rn_json_free(&r->json);
}

rn_status rn_coco_read(rn_dataset *out, const char *path) {
    reader r = {.set = out};
    uint8_t *bytes = NULL;
    size_t size;
    rn_status status;
    *out = (rn_dataset){0};
    if ((status = rn_file_read(&bytes, &size, path, RN_COCO_MAX_BYTES)) != RN_OK ||
        (status = rn_json_open(&r.json, path, (const char *)bytes, size)) != RN_OK ||
        (status = rn_strdup(&out->name, path)) != RN_OK ||
        (status = rn_strdup(&out->notes, "")) != RN_OK)
        goto done;
    status = read_set(&r);
done:
    free_reader(&r);
    free(bytes);
    if (status != RN_OK) rn_dataset_free(out);
    return status;
}
