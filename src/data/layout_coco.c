#include "base/file.h"
#include "base/memory.h"
#include "data/coco.h"
#include "data/layout.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "instances_"
#define SUFFIX ".json"

/* The annotation files of a set: one a split. */
typedef struct sources {
    char *root;   /* the set's folder */
    char **names; /* [n] of the splits: the file's name without instances_ and .json */
    char **paths; /* [n] */
    size_t n, cap_names, cap_paths;
} sources;

static void free_sources(sources *s) {
    free(s->root);
    rn_free_names(s->names, s->n);
    rn_free_names(s->paths, s->n);
    *s = (sources){0};
}

static bool is_json(const char *name) {
    const size_t size = strlen(name), suffix = strlen(SUFFIX);
    return size > suffix && strcmp(name + size - suffix, SUFFIX) == 0;
}

static rn_status add_source(sources *s, const char *folder, const char *file) {
    const char *start = strncmp(file, PREFIX, strlen(PREFIX)) == 0 ? file + strlen(PREFIX) : file;
    char *name = NULL, *path = NULL;
    rn_status status;
    if ((status = rn_reserve(&s->names, &s->cap_names, s->n + 1, sizeof *s->names)) != RN_OK ||
        (status = rn_reserve(&s->paths, &s->cap_paths, s->n + 1, sizeof *s->paths)) != RN_OK ||
        (status = rn_asprintf(&name, "%.*s", (int)(strlen(start) - strlen(SUFFIX)), start)) !=
            RN_OK ||
        (status = rn_path_join(&path, folder, file)) != RN_OK) {
        free(name);
        return status;
    }
    s->names[s->n] = name;
    s->paths[s->n++] = path;
    return RN_OK;
}

/* The json files that lie in `folder`. */
static rn_status add_folder(sources *s, const char *folder) {
    char **files;
    size_t n;
    rn_status status = RN_OK;
    RN_TRY(rn_folder_list(&files, &n, folder));
    for (size_t i = 0; i < n && status == RN_OK; i++)
        if (is_json(files[i])) status = add_source(s, folder, files[i]);
    rn_free_names(files, n);
    return status;
}

/* The sources around DATA; *given is the one that DATA itself is, n if it is a folder. */
static rn_status find_sources(sources *s, size_t *given, const char *data) {
    char *folder = NULL;
    rn_status status;
    *s = (sources){0};
    if (rn_path_is_folder(data)) {
        if ((status = rn_strdup(&s->root, data)) == RN_OK &&
            (status = add_folder(s, data)) == RN_OK &&
            (status = rn_path_join(&folder, data, "annotations")) == RN_OK &&
            rn_path_is_folder(folder))
            status = add_folder(s, folder);
        *given = s->n;
    } else if ((status = rn_path_parent(&folder, data)) == RN_OK &&
               (status = add_folder(s, folder)) == RN_OK) {
        *given = 0;
        while (*given < s->n && strcmp(rn_path_name(s->paths[*given]), rn_path_name(data)) != 0)
            ++*given;
        /* DATA/annotations/instances_train.json: the pictures lie beside annotations/. */
        if (strcmp(rn_path_name(folder), "annotations") == 0)
            status = rn_path_parent(&s->root, folder);
        else
            status = rn_strdup(&s->root, folder);
    }
    free(folder);
    if (status != RN_OK) free_sources(s);
    return status;
}

static rn_status recognise(bool *is, const char *data) {
    sources s;
    size_t given;
    *is = !rn_path_is_folder(data) && is_json(data) && rn_path_exists(data);
    if (!rn_path_is_folder(data)) return RN_OK;
    const rn_status status = find_sources(&s, &given, data);
    *is = s.n > 0;
    free_sources(&s);
    return status == RN_ENOMEM ? status : RN_OK;
}

/* images/SPLIT, images, SPLIT, beside the file of annotations, or in the set's own folder. */
static rn_status find_places(rn_places *places, const sources *s, size_t split) {
    char *images = NULL, *beside = NULL;
    rn_status status;
    if ((status = rn_path_join(&images, s->root, "images")) == RN_OK &&
        (status = rn_places_add(places, images, s->names[split])) == RN_OK &&
        (status = rn_places_add(places, images, NULL)) == RN_OK &&
        (status = rn_places_add(places, s->root, s->names[split])) == RN_OK &&
        (status = rn_places_add(places, s->root, NULL)) == RN_OK &&
        (status = rn_path_parent(&beside, s->paths[split])) == RN_OK)
        status = rn_places_add(places, beside, NULL);
    free(images);
    free(beside);
    return status;
}

/* Leave only the pictures of `part`. */
static rn_status keep_part(rn_dataset *set, rn_part part) {
    bool *keep;
    RN_TRY(rn_alloc(&keep, set->n_records, sizeof *keep));
    for (size_t i = 0; i < set->n_records; i++) keep[i] = rn_part_has(part, set->records[i].file);
    rn_dataset_keep(set, keep, NULL);
    free(keep);
    return RN_OK;
}

static rn_status open_set(rn_dataset *out, const rn_request *request) {
    sources s;
    rn_places places = {0};
    size_t given, split = 0;
    rn_part part = RN_PART_ALL;
    rn_status status;
    RN_TRY(find_sources(&s, &given, request->data));
    if ((status = rn_split_choose(&split, &part, s.names, s.n, given, request)) != RN_OK ||
        (status = rn_coco_read(out, s.paths[split])) != RN_OK ||
        (status = keep_part(out, part)) != RN_OK ||
        (status = find_places(&places, &s, split)) != RN_OK)
        goto done;
    for (size_t i = 0; i < out->n_records && status == RN_OK; i++)
        status =
            rn_places_find(&out->records[i].path, &places, out->records[i].file, s.paths[split]);
done:
    rn_places_free(&places);
    free_sources(&s);
    return status;
}

static rn_status list_splits(char ***names, size_t *n, const char *data) {
    sources s;
    size_t given;
    RN_TRY(find_sources(&s, &given, data));
    *names = s.names;
    *n = s.n;
    s.names = NULL;
    free_sources(&s);
    return RN_OK;
}

const rn_format rn_format_coco = {
    .looks = "COCO: <split>.json or annotations/instances_<split>.json",
    .recognise = recognise,
    .splits = list_splits,
    .open = open_set,
};
