/* Which pictures a split of a YOLO set has, and where their labels lie. */
#include "base/file.h"
#include "base/memory.h"
#include "data/layout.h"
#include "data/yolo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define LIST_MAX_BYTES ((size_t)256 << 20)

void rn_yolo_pictures_free(rn_yolo_pictures *pictures) {
    for (size_t i = 0; i < pictures->n; i++) {
        free(pictures->entries[i].file);
        free(pictures->entries[i].path);
        free(pictures->entries[i].label);
    }
    free(pictures->entries);
    *pictures = (rn_yolo_pictures){0};
}

/* Whether the name ends in one of `endings`, which are parted by blanks. */
static bool ends_in(const char *name, const char *endings) {
    const char *dot = strrchr(name, '.');
    const size_t size = dot ? strlen(dot) : 0;
    for (; dot && *endings; endings += strcspn(endings, " "), endings += strspn(endings, " "))
        if (strncasecmp(dot, endings, size) == 0 && strcspn(endings, " ") == size) return true;
    return false;
}

static bool is_picture(const char *name) {
    return ends_in(name, ".jpg .jpeg .png .bmp");
}

/* ---- one picture ---- */

static rn_status find_label(char **out, const char *path) {
    static const char images[] = "/images/";
    const int stem = (int)(strrchr(path, '.') - path);
    const char *found = NULL;
    *out = NULL;
    for (const char *at = path; (at = strstr(at, images)) != NULL; at++) found = at;
    if (found) {
        const int head = (int)(found - path), skip = head + (int)strlen(images);
        RN_TRY(rn_asprintf(out, "%.*s/labels/%.*s.txt", head, path, stem - skip, path + skip));
        if (rn_path_exists(*out)) return RN_OK;
        free(*out);
    }
    RN_TRY(rn_asprintf(out, "%.*s.txt", stem, path));
    if (rn_path_exists(*out)) return RN_OK;
    free(*out);
    *out = NULL;
    return RN_OK;
}

/* Takes `path`, also when it fails. */
static rn_status add_picture(rn_yolo_pictures *out, const char *file, char *path) {
    rn_yolo_picture entry = {.path = path};
    rn_status status;
    if ((status = rn_strdup(&entry.file, file)) == RN_OK &&
        (!path || (status = find_label(&entry.label, path)) == RN_OK) &&
        (status = rn_reserve(&out->entries, &out->cap, out->n + 1, sizeof entry)) == RN_OK) {
        out->entries[out->n++] = entry;
        return RN_OK;
    }
    free(entry.file);
    free(entry.path);
    free(entry.label);
    return status;
}

/* ---- a folder ---- */

/* A folder that is being gone through, in the one above. */
typedef struct folder {
    const struct folder *above;
    dev_t device;
    ino_t number;
} folder;

static rn_status add_folder(rn_yolo_pictures *out, const char *root, const char *below,
                            const folder *above);

/* `file` counts from `root` on. */
static rn_status add_found(rn_yolo_pictures *out, const char *root, const char *file,
                           const folder *in) {
    char *path;
    RN_TRY(rn_path_join(&path, root, file));
    const bool is_folder = rn_path_is_folder(path), exists = rn_path_exists(path);
    if (!is_folder && is_picture(file) && exists) return add_picture(out, file, path);
    free(path);
    if (is_folder) return add_folder(out, root, file, in);
    if (is_picture(file)) return add_picture(out, file, NULL); /* a link to nothing */
    out->n_unsupported += ends_in(file, ".gif .webp .tif .tiff .heic .avif");
    return RN_OK;
}

/* False for a folder that is gone through already: a link leads back up. */
static bool enter(folder *in, const char *path, const folder *above) {
    struct stat info;
    if (stat(path, &info) != 0) return true; /* which the listing will tell */
    *in = (folder){.above = above, .device = info.st_dev, .number = info.st_ino};
    for (; above; above = above->above)
        if (above->device == in->device && above->number == in->number) return false;
    return true;
}

/* The pictures in root/below and its folders. Hidden ones are no one's: a Mac leaves ._a.jpg, a
 * notebook .ipynb_checkpoints/a.jpg. */
static rn_status add_folder(rn_yolo_pictures *out, const char *root, const char *below,
                            const folder *above) {
    char *path, **names = NULL;
    size_t n = 0;
    folder in = {0};
    RN_TRY(rn_path_join(&path, root, below));
    rn_status status = enter(&in, path, above) ? rn_folder_list(&names, &n, path) : RN_OK;
    free(path);
    for (size_t i = 0; i < n && status == RN_OK; i++) {
        char *file = NULL;
        if (names[i][0] == '.') continue;
        status = rn_asprintf(&file, "%s%s%s", below, *below ? "/" : "", names[i]);
        if (status == RN_OK) status = add_found(out, root, file, &in);
        free(file);
    }
    rn_free_names(names, n);
    return status;
}

/* ---- a list ---- */

/* A line: the picture's path from the list's folder on. `place` is FILE:LINE:1. */
static rn_status add_listed(rn_yolo_pictures *out, const rn_places *places, const char *line,
                            const char *place) {
    char *path;
    while (strncmp(line, "./", 2) == 0) line += 2;
    if (*line == '\0') return RN_OK;
    if (!is_picture(line))
        return rn_fail(RN_EINPUT, "%s: no picture (got \"%.200s\", want a JPEG, PNG or BMP)", place,
                       line);
    RN_TRY(rn_places_find(&path, places, line, place));
    return add_picture(out, line, path);
}

static rn_status add_list(rn_yolo_pictures *out, const char *list) {
    uint8_t *bytes;
    size_t size, number = 0;
    char *parent = NULL, *line;
    rn_places places = {0};
    rn_status status;
    RN_TRY(rn_file_read(&bytes, &size, list, LIST_MAX_BYTES));
    char *text = (char *)bytes;
    if ((status = rn_path_parent(&parent, list)) == RN_OK)
        status = rn_places_add(&places, parent, NULL);
    while (status == RN_OK && (line = rn_next_line(&text)) != NULL) {
        char *place = NULL;
        status = rn_asprintf(&place, "%s:%zu:1", list, ++number);
        if (status == RN_OK) status = add_listed(out, &places, line, place);
        free(place);
    }
    rn_places_free(&places);
    free(parent);
    free(bytes);
    return status;
}

/* ---- sources ---- */

/* *out = parent/text if that is there, else as it was: NULL. */
static rn_status try_place(char **out, const char *parent, const char *text) {
    if (*out) return RN_OK;
    RN_TRY(rn_path_join(out, parent, text));
    if (rn_path_exists(*out)) return RN_OK;
    free(*out);
    *out = NULL;
    return RN_OK;
}

/* From the key "path" or the folder of data.yaml on. Exports of labelling tools say ../train/images
 * where train/images is meant. NULL if there is no such place. */
static rn_status find_source(char **out, const rn_yolo_data *data, const char *parent,
                             const char *text) {
    const char *inside = text;
    char *root = NULL;
    rn_status status = RN_OK;
    *out = NULL;
    while (strncmp(inside, "../", 3) == 0) inside += 3;
    if (text[0] == '/') return rn_path_exists(text) ? rn_strdup(out, text) : RN_OK;
    if (data->root && data->root[0] == '/')
        status = rn_strdup(&root, data->root);
    else if (data->root)
        status = rn_path_join(&root, parent, data->root);
    if (status == RN_OK && root) status = try_place(out, root, text);
    if (status == RN_OK) status = try_place(out, parent, text);
    if (status == RN_OK) status = try_place(out, parent, inside);
    free(root);
    return status;
}

static rn_status add_source(rn_yolo_pictures *out, const rn_yolo_data *data,
                            const rn_yolo_source *source, const char *yaml) {
    char *parent, *path = NULL;
    RN_TRY(rn_path_parent(&parent, yaml));
    rn_status status = find_source(&path, data, parent, source->text);
    free(parent);
    if (status == RN_OK && !path)
        status = rn_fail(RN_EINPUT, "%s:%zu:%zu: no such folder or list (got \"%s\")", yaml,
                         source->line, source->column, source->text);
    else if (status == RN_OK)
        status = rn_path_is_folder(path) ? add_folder(out, path, "", NULL) : add_list(out, path);
    free(path);
    return status;
}

static int compare_files(const void *a, const void *b) {
    return strcmp(((const rn_yolo_picture *)a)->file, ((const rn_yolo_picture *)b)->file);
}

rn_status rn_yolo_list(rn_yolo_pictures *out, const rn_yolo_data *data, size_t split,
                       const char *yaml) {
    const rn_yolo_split *s = &data->splits[split];
    rn_status status = RN_OK;
    *out = (rn_yolo_pictures){0};
    for (size_t i = 0; i < s->n && status == RN_OK; i++)
        status = add_source(out, data, &s->sources[i], yaml);
    if (out->n > 0) qsort(out->entries, out->n, sizeof *out->entries, compare_files);
    for (size_t i = 1; i < out->n && status == RN_OK; i++)
        if (compare_files(&out->entries[i - 1], &out->entries[i]) == 0)
            status = rn_fail(RN_EINPUT, "%s: two pictures of split %s are called \"%s\"", yaml,
                             s->name, out->entries[i].file);
    if (status != RN_OK) rn_yolo_pictures_free(out);
    return status;
}
