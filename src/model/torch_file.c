#include "model/torch_file.h"
#include "base/memory.h"
#include "model/pickle.h"
#include "model/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 100 }; /* bytes of a file's text in a message */

/* A run of numbers that tensors are views of. */
typedef struct storage {
    const char *key; /* in the file's bytes; `key_size` of them, without a zero */
    size_t key_size;
    rn_dtype dtype;
    size_t count, bytes;       /* elements, and what they take */
    size_t at;                 /* of the pickle that names it first, in the file */
    size_t offset;             /* of the data in the file; 0: not found yet */
    const rn_zip_entry *entry; /* whose checksum is still to be verified; NULL: none */
} storage;

typedef struct reader {
    rn_tensor_file *file;
    const char *path;
    rn_pickle pickle;
    storage *storages; /* [n_storages] by key */
    size_t n_storages;
    rn_zip_entry *entries; /* of a zip file, all of them */
    size_t n_entries;
} reader;

static size_t place(const reader *r, const rn_pickle_object *object) {
    return r->pickle.base + object->at;
}

static const char *text_of(const reader *r, const rn_pickle_object *object) {
    return (const char *)r->pickle.bytes + object->at;
}

/* For "%.*s". */
static int shown(size_t size) {
    return size < SHOWN ? (int)size : SHOWN;
}

/* ---- storages ---- */

static int by_key(const void *a, const void *b) {
    const storage *x = a, *y = b;
    const size_t n = x->key_size < y->key_size ? x->key_size : y->key_size;
    const int order = memcmp(x->key, y->key, n);
    return order ? order : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

static rn_status bad_storage(const reader *r, size_t at, const storage *s, const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: storage %.*s %s", r->path, at, shown(s->key_size),
                   s->key, what);
}

/* What the pickle says of one, in a STORAGE object. */
static rn_status describe(storage *s, const reader *r, const rn_pickle_object *object) {
    uint32_t item = object->first;
    (void)rn_pickle_item(&r->pickle, &item); /* "storage" */
    const rn_pickle_object *type = rn_pickle_item(&r->pickle, &item);
    const rn_pickle_object *key = rn_pickle_item(&r->pickle, &item);
    (void)rn_pickle_item(&r->pickle, &item); /* location: "cpu", "cuda:0" */
    const rn_pickle_object *count = rn_pickle_item(&r->pickle, &item);
    *s = (storage){.key = text_of(r, key),
                   .key_size = key->size,
                   .dtype = rn_pickle_dtype(type),
                   .count = (size_t)count->number,
                   .at = place(r, object)};
    if (rn_mul(&s->bytes, s->count, rn_dtype_size(s->dtype)) && s->bytes <= r->file->size)
        return RN_OK;
    return rn_fail(RN_EINPUT,
                   "%s: offset %zu: storage %.*s: %zu numbers of %s in a file of %zu bytes",
                   r->path, s->at, shown(s->key_size), s->key, s->count, rn_dtype_name(s->dtype),
                   r->file->size);
}

/* All that the pickle names, each once. */
static rn_status list_storages(reader *r) {
    const rn_pickle *p = &r->pickle;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < p->n_objects; i++) n += p->objects[i].kind == RN_PICKLE_STORAGE;
    RN_TRY(rn_alloc(&r->storages, n, sizeof *r->storages));
    for (size_t i = 0; i < p->n_objects; i++)
        if (p->objects[i].kind == RN_PICKLE_STORAGE)
            RN_TRY(describe(&r->storages[r->n_storages++], r, &p->objects[i]));
    qsort(r->storages, n, sizeof *r->storages, by_key);
    for (size_t i = 0; i < n; i++) {
        const storage *s = &r->storages[i];
        const storage *before = kept > 0 ? &r->storages[kept - 1] : NULL;
        if (!before || by_key(before, s) != 0)
            r->storages[kept++] = *s;
        else if (before->dtype != s->dtype || before->count != s->count)
            return bad_storage(r, s->at, s, "has another type or length elsewhere");
    }
    r->n_storages = kept;
    return RN_OK;
}

static storage *find_storage(const reader *r, const rn_pickle_object *key) {
    const storage wanted = {.key = text_of(r, key), .key_size = key->size};
    if (r->n_storages == 0) return NULL;
    return bsearch(&wanted, r->storages, r->n_storages, sizeof wanted, by_key);
}

/* ---- the zip format ---- */

/* The entry FOLDER/NAME, where FOLDER is what data.pkl lies in: torch.save calls it as the file. */
static const rn_zip_entry *find_entry(const reader *r, const rn_zip_entry *pickle, const char *name,
                                      size_t size) {
    char path[512];
    const int folder = (int)(pickle->name_size - strlen("data.pkl"));
    if ((size_t)folder + size >= sizeof path || memchr(name, '\0', size)) return NULL;
    snprintf(path, sizeof path, "%.*s%.*s", folder, pickle->name, (int)size, name);
    return rn_zip_find(r->entries, r->n_entries, path);
}

static rn_status find_pickle(const rn_zip_entry **out, const reader *r) {
    static const char name[] = "/data.pkl";
    const size_t size = strlen(name);
    *out = NULL;
    for (size_t i = 0; i < r->n_entries; i++) {
        const rn_zip_entry *e = &r->entries[i];
        if (e->name_size <= size || e->name_size > 256 ||
            memcmp(e->name + e->name_size - size, name, size) != 0 ||
            memchr(e->name, '/', e->name_size - size) || memchr(e->name, '\0', e->name_size))
            continue;
        if (*out)
            return rn_fail(RN_EINPUT, "%s: offset %zu: a second data.pkl", r->path, e->header);
        *out = e;
    }
    if (*out) return RN_OK;
    return rn_fail(RN_EINPUT, "%s: offset 0: a zip file without data.pkl: not from torch.save",
                   r->path);
}

static rn_status check_byte_order(const reader *r, const rn_zip_entry *pickle) {
    static const char name[] = "byteorder", little[] = "little";
    const rn_zip_entry *e = find_entry(r, pickle, name, strlen(name));
    if (!e) return RN_OK; /* before PyTorch 2.0, which wrote what the machine had */
    if (e->size == strlen(little) && memcmp(r->file->bytes + e->offset, little, e->size) == 0)
        return RN_OK;
    return rn_fail(RN_EINPUT, "%s: offset %zu: byteorder %.*s, want little", r->path, e->offset,
                   shown(e->size), (const char *)r->file->bytes + e->offset);
}

static rn_status find_data(reader *r, const rn_zip_entry *pickle) {
    for (size_t i = 0; i < r->n_storages; i++) {
        storage *s = &r->storages[i];
        char name[256];
        snprintf(name, sizeof name, "data/%.*s", shown(s->key_size), s->key);
        s->entry = s->key_size <= SHOWN ? find_entry(r, pickle, name, 5 + s->key_size) : NULL;
        if (!s->entry) return bad_storage(r, s->at, s, "is not in the file");
        s->offset = s->entry->offset;
        if (s->entry->size != s->bytes)
            return rn_fail(RN_EINPUT,
                           "%s: offset %zu: storage %.*s: %zu bytes for %zu numbers of %s", r->path,
                           s->offset, shown(s->key_size), s->key, s->entry->size, s->count,
                           rn_dtype_name(s->dtype));
    }
    return RN_OK;
}

static rn_status read_zip(reader *r, uint32_t *root) {
    const uint8_t *bytes = r->file->bytes;
    const rn_zip_entry *pickle;
    RN_TRY(rn_zip_read(&r->entries, &r->n_entries, bytes, r->file->size, r->path));
    RN_TRY(find_pickle(&pickle, r));
    RN_TRY(check_byte_order(r, pickle));
    RN_TRY(rn_zip_check(pickle, bytes, r->path));
    rn_pickle_open(&r->pickle, bytes + pickle->offset, pickle->size, pickle->offset, r->path);
    RN_TRY(rn_pickle_next(&r->pickle, root));
    if (r->pickle.at != pickle->size)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %zu bytes behind the pickle", r->path,
                       pickle->offset + r->pickle.at, pickle->size - r->pickle.at);
    RN_TRY(list_storages(r));
    return find_data(r, pickle);
}

/* ---- the older format ---- */

enum { PROTOCOL = 1001 };

/* The first pickle: 0x1950a86a20f9469cfc6c. */
static rn_status read_magic(reader *r) {
    static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    uint32_t root;
    RN_TRY(rn_pickle_next(&r->pickle, &root));
    const rn_pickle_object *number = &r->pickle.objects[root];
    if (number->kind == RN_PICKLE_NUMBER && number->size == sizeof magic &&
        memcmp(r->pickle.bytes + number->at, magic, sizeof magic) == 0)
        return RN_OK;
    return rn_fail(RN_EINPUT, "%s: offset 0: a pickle without torch.save's magic number", r->path);
}

/* The second and the third: the format's version and what the machine was. */
static rn_status read_system(reader *r) {
    uint32_t root;
    RN_TRY(rn_pickle_next(&r->pickle, &root));
    const rn_pickle_object *object = &r->pickle.objects[root];
    if (object->kind != RN_PICKLE_INT || object->number != PROTOCOL)
        return rn_fail(RN_EINPUT, "%s: offset %zu: this version of torch.save's format is unknown",
                       r->path, place(r, object));
    RN_TRY(rn_pickle_next(&r->pickle, &root));
    object = &r->pickle.objects[root];
    if (object->kind != RN_PICKLE_DICT)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %s where a dictionary of the system is due",
                       r->path, place(r, object), rn_pickle_kind_name(object));
    for (uint32_t item = object->first; item != RN_PICKLE_END;) {
        const rn_pickle_object *key = rn_pickle_item(&r->pickle, &item);
        const rn_pickle_object *value = rn_pickle_item(&r->pickle, &item);
        if (rn_pickle_is(&r->pickle, key, "little_endian") &&
            !(value->kind == RN_PICKLE_BOOL && value->number == 1))
            return rn_fail(RN_EINPUT, "%s: offset %zu: not little-endian", r->path,
                           place(r, value));
    }
    return RN_OK;
}

/* The data of a storage: the number of its elements in 8 bytes, then these. */
static rn_status read_data(storage *s, const reader *r, size_t *at) {
    const size_t size = r->file->size;
    if (s->offset > 0) return bad_storage(r, *at, s, "stands twice");
    if (size - *at < 8) return bad_storage(r, *at, s, "is cut off");
    const uint64_t count = rn_little_endian(r->file->bytes + *at, 8);
    if (count != s->count)
        return rn_fail(RN_EINPUT,
                       "%s: offset %zu: storage %.*s: %" PRIu64 " numbers, the pickle says %zu",
                       r->path, *at, shown(s->key_size), s->key, count, s->count);
    s->offset = *at + 8;
    if (size - s->offset < s->bytes) return bad_storage(r, s->offset, s, "is cut off");
    *at = s->offset + s->bytes;
    return RN_OK;
}

static rn_status read_older(reader *r, uint32_t *root) {
    rn_pickle *p = &r->pickle;
    uint32_t keys;
    rn_pickle_open(p, r->file->bytes, r->file->size, 0, r->path);
    RN_TRY(read_magic(r));
    RN_TRY(read_system(r));
    RN_TRY(rn_pickle_next(p, root));
    RN_TRY(rn_pickle_next(p, &keys));
    RN_TRY(list_storages(r));
    const rn_pickle_object *list = &p->objects[keys];
    if (list->kind != RN_PICKLE_LIST)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %s where a list of the storages is due", r->path,
                       place(r, list), rn_pickle_kind_name(list));
    size_t at = p->at;
    for (uint32_t item = list->first; item != RN_PICKLE_END;) {
        const rn_pickle_object *key = rn_pickle_item(p, &item);
        storage *s = key->kind == RN_PICKLE_TEXT ? find_storage(r, key) : NULL;
        if (!s)
            return rn_fail(RN_EINPUT, "%s: offset %zu: a storage that no tensor has", r->path,
                           place(r, key));
        RN_TRY(read_data(s, r, &at));
    }
    for (size_t i = 0; i < r->n_storages; i++)
        if (r->storages[i].offset == 0)
            return bad_storage(r, r->storages[i].at, &r->storages[i], "is not in the file");
    if (at != r->file->size)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %zu bytes belong to no storage", r->path, at,
                       r->file->size - at);
    return RN_OK;
}

/* ---- the state dict ---- */

/* Add a name to a list of at most ten. */
static void list_name(char *text, size_t size, size_t n, int length, const char *name) {
    enum { MOST = 10 };
    const size_t used = strlen(text);
    if (n < MOST)
        snprintf(text + used, size - used, "%s%.*s", n ? ", " : "", length, name);
    else if (n == MOST)
        snprintf(text + used, size - used, ", ...");
}

static bool has_tensors(const reader *r, const rn_pickle_object *dict) {
    for (uint32_t item = dict->first; item != RN_PICKLE_END;) {
        (void)rn_pickle_item(&r->pickle, &item);
        if (rn_pickle_item(&r->pickle, &item)->kind == RN_PICKLE_TENSOR) return true;
    }
    return false;
}

static rn_status no_state_dict(const reader *r, const rn_pickle_object *dict) {
    char found[400] = "";
    size_t n = 0;
    for (uint32_t item = dict->first; item != RN_PICKLE_END;) {
        const rn_pickle_object *key = rn_pickle_item(&r->pickle, &item);
        (void)rn_pickle_item(&r->pickle, &item);
        if (key->kind == RN_PICKLE_TEXT)
            list_name(found, sizeof found, n++, key->size < 30 ? (int)key->size : 30,
                      text_of(r, key));
    }
    return rn_fail(RN_EINPUT,
                   "%s: offset %zu: no state dict: found %s (want tensors, or a dictionary of them "
                   "as state_dict, model or model_state_dict)",
                   r->path, place(r, dict), n ? found : "nothing");
}

static rn_status find_state_dict(const rn_pickle_object **out, const reader *r,
                                 const rn_pickle_object *root) {
    static const char *const names[] = {"state_dict", "model", "model_state_dict"};
    enum { N_NAMES = sizeof names / sizeof *names };
    const rn_pickle_object *under[N_NAMES] = {0};
    char found[200] = "";
    size_t n = 0;
    if (root->kind != RN_PICKLE_DICT)
        return rn_fail(RN_EINPUT, "%s: offset %zu: %s, want a dictionary of tensors", r->path,
                       place(r, root), rn_pickle_kind_name(root));
    for (uint32_t item = root->first; item != RN_PICKLE_END;) {
        const rn_pickle_object *key = rn_pickle_item(&r->pickle, &item);
        const rn_pickle_object *value = rn_pickle_item(&r->pickle, &item);
        for (int i = 0; i < N_NAMES; i++) /* of a key that stands twice the last one holds */
            if (rn_pickle_is(&r->pickle, key, names[i])) under[i] = value;
    }
    if (has_tensors(r, root)) {
        *out = root;
        list_name(found, sizeof found, n++, SHOWN, "tensors of its own");
    }
    for (int i = 0; i < N_NAMES; i++) {
        if (!under[i] || under[i]->kind != RN_PICKLE_DICT || !has_tensors(r, under[i])) continue;
        *out = under[i];
        list_name(found, sizeof found, n++, SHOWN, names[i]);
    }
    if (n == 0) return no_state_dict(r, root);
    if (n == 1) return RN_OK;
    return rn_fail(RN_EINPUT, "%s: offset %zu: more than one state dict: found %s: keep one",
                   r->path, place(r, root), found);
}

/* ---- tensors ---- */

static rn_status bad_tensor(const reader *r, size_t at, const rn_tensor *t, const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %s: %s", r->path, at, t->name, what);
}

/* A tuple of at most 8 numbers from 0 on; false if it is not one. */
static bool read_sizes(size_t out[RN_TENSOR_DIMS], int *n, const reader *r,
                       const rn_pickle_object *tuple) {
    *n = 0;
    if (tuple->kind != RN_PICKLE_TUPLE) return false;
    for (uint32_t item = tuple->first; item != RN_PICKLE_END;) {
        const rn_pickle_object *size = rn_pickle_item(&r->pickle, &item);
        if (*n == RN_TENSOR_DIMS || size->kind != RN_PICKLE_INT || size->number < 0) return false;
        out[(*n)++] = (size_t)size->number;
    }
    return true;
}

/* *last = how far behind the first element the furthest one stands. False if that overflows. */
static bool last_element(size_t *last, const rn_tensor *t) {
    *last = 0;
    for (int d = 0; d < t->n_dims; d++) {
        size_t step;
        if (t->dims[d] == 0) {
            *last = 0;
            return true;
        }
        if (!rn_mul(&step, t->dims[d] - 1, t->strides[d]) || step > SIZE_MAX - *last) return false;
        *last += step;
    }
    return true;
}

static bool is_strided(const rn_tensor *t) {
    size_t next = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        if (t->dims[d] != 1 && t->strides[d] != next) return t->count > 0;
        next *= t->dims[d];
    }
    return false;
}

/* Every element lies in the storage, and none stands for many: a few bytes must not claim a large
 * tensor. */
static rn_status check_view(const reader *r, size_t at, const rn_tensor *t, const storage *s,
                            int64_t offset) {
    size_t last;
    if (offset < 0 || (size_t)offset > s->count || !last_element(&last, t) ||
        (t->count > 0 && last >= s->count - (size_t)offset))
        return rn_fail(RN_EINPUT,
                       "%s: offset %zu: tensor %s: reaches past the %zu numbers of its storage",
                       r->path, at, t->name, s->count);
    if (t->count > s->count)
        return rn_fail(RN_EINPUT,
                       "%s: offset %zu: tensor %s: %zu numbers from a storage of %zu: expanded, "
                       "save its clone()",
                       r->path, at, t->name, t->count, s->count);
    return RN_OK;
}

/* What the pickle says of a tensor, and where it is; its name is there already. */
static rn_status read_tensor(rn_tensor *t, const reader *r, const rn_pickle_object *object) {
    const size_t at = place(r, object);
    uint32_t item = object->first;
    const rn_pickle_object *view = rn_pickle_item(&r->pickle, &item),
                           *offset = rn_pickle_item(&r->pickle, &item),
                           *sizes = rn_pickle_item(&r->pickle, &item),
                           *strides = rn_pickle_item(&r->pickle, &item), *key = NULL;
    int n_strides;
    if (!strides || offset->kind != RN_PICKLE_INT)
        return bad_tensor(r, at, t, "want a storage, an offset, sizes and strides");
    if (!read_sizes(t->dims, &t->n_dims, r, sizes))
        return bad_tensor(r, at, t, "want a shape of at most 8 sizes");
    if (!read_sizes(t->strides, &n_strides, r, strides) || n_strides != t->n_dims)
        return bad_tensor(r, at, t, "want a stride for each size");
    t->count = 1;
    for (int d = 0; d < t->n_dims; d++)
        if (!rn_mul(&t->count, t->count, t->dims[d]))
            return bad_tensor(r, at, t, "the product of its shape overflows");
    item = view->first;
    for (int i = 0; i < 3; i++) key = rn_pickle_item(&r->pickle, &item);
    storage *s = find_storage(r, key); /* it is there: all that are named were listed */
    RN_TRY(check_view(r, at, t, s, offset->number));
    if (s->entry) RN_TRY(rn_zip_check(s->entry, r->file->bytes, r->path));
    s->entry = NULL; /* once, however many tensors share it */
    t->dtype = s->dtype;
    t->offset = s->offset + (size_t)offset->number * rn_dtype_size(s->dtype);
    t->data = r->file->bytes + t->offset;
    t->strided = is_strided(t);
    return RN_OK;
}

/* A text becomes a name once: a pickle could give one long text to every tensor. */
static rn_status read_name(rn_tensor *t, const reader *r, rn_pickle_object *key) {
    const char *name = text_of(r, key);
    if (key->named || memchr(name, '\0', key->size))
        return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %.*s %s", r->path, place(r, key),
                       shown(key->size), name,
                       key->named ? "stands twice" : "has a zero byte in its name");
    key->named = true;
    t->name = strndup(name, key->size);
    return t->name ? RN_OK : rn_fail(RN_ENOMEM, "cannot allocate %u bytes", key->size);
}

static rn_status read_state_dict(const reader *r, const rn_pickle_object *dict) {
    rn_tensor_file *file = r->file;
    size_t cap = 0;
    for (uint32_t item = dict->first; item != RN_PICKLE_END;) {
        rn_pickle_object *key = rn_pickle_item(&r->pickle, &item);
        const rn_pickle_object *value = rn_pickle_item(&r->pickle, &item);
        if (key->kind != RN_PICKLE_TEXT || value->kind != RN_PICKLE_TENSOR) continue;
        RN_TRY(rn_reserve(&file->tensors, &cap, file->n_tensors + 1, sizeof *file->tensors));
        rn_tensor *t = &file->tensors[file->n_tensors++];
        *t = (rn_tensor){0};
        RN_TRY(read_name(t, r, key));
        RN_TRY(read_tensor(t, r, value));
    }
    return rn_tensor_file_check_names(file, place(r, dict), r->path);
}

/* ---- whole files ---- */

static const char zip_start[] = "PK";

bool rn_torch_is(const uint8_t *bytes, size_t size) {
    /* A header of safetensors may be so long that its length begins as these do; it is JSON. */
    if (size < 2 || (size > 8 && bytes[8] == '{')) return false;
    return memcmp(bytes, zip_start, 2) == 0 || (bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5);
}

rn_status rn_torch_read(rn_tensor_file *file, const char *path) {
    reader r = {.file = file, .path = path};
    const rn_pickle_object *dict = NULL;
    uint32_t root;
    rn_status status =
        memcmp(file->bytes, zip_start, 2) == 0 ? read_zip(&r, &root) : read_older(&r, &root);
    if (status != RN_OK) goto done;
    if ((status = find_state_dict(&dict, &r, &r.pickle.objects[root])) != RN_OK) goto done;
    status = read_state_dict(&r, dict);
    file->verified = r.entries != NULL;
done:
    rn_pickle_close(&r.pickle);
    free(r.storages);
    free(r.entries);
    return status;
}
