#include "data/layout.h"
#include "base/file.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_SHARE 20 /* one picture in so many may be missing */
#define VAL_SHARE     5  /* one picture in so many is val, where a set has no splits */

static const char *const train_names[] = {"train", "trainval"};
static const char *const val_names[] = {"val", "valid", "test"};
enum {
    TRAIN_NAMES = sizeof train_names / sizeof *train_names,
    VAL_NAMES = sizeof val_names / sizeof *val_names
};

/* ---- splits ---- */

/* "val2017" and "val_small" are called val; "valid" is not. */
static bool is_called(const char *name, const char *split) {
    const size_t size = strlen(split);
    return strncmp(name, split, size) == 0 && !isalpha((unsigned char)name[size]);
}

static bool is_val(const char *name) {
    for (size_t i = 0; i < VAL_NAMES; i++)
        if (is_called(name, val_names[i])) return true;
    return false;
}

/* *index = the split called `split`, n if there is none. */
static rn_status find_split(size_t *index, char *const *names, size_t n, const char *split,
                            const char *data) {
    *index = rn_find_name(names, n, split);
    if (*index < n) return RN_OK;
    for (size_t i = 0; i < n; i++) {
        if (!is_called(names[i], split)) continue;
        if (*index < n)
            return rn_fail(RN_EINPUT, "%s: two splits could be \"%s\" (got %s and %s)", data, split,
                           names[*index], names[i]);
        *index = i;
    }
    return RN_OK;
}

static rn_status find_first(size_t *index, char *const *names, size_t n, const char *const *splits,
                            size_t n_splits, const char *data) {
    *index = n;
    for (size_t i = 0; i < n_splits && *index == n; i++)
        RN_TRY(find_split(index, names, n, splits[i], data));
    return RN_OK;
}

static rn_status no_split(const rn_request *request, const char *wanted, char *const *names,
                          size_t n) {
    char there[400];
    rn_join_names(there, sizeof there, names, n);
    return rn_fail(RN_EINPUT, "%s: no split \"%s\" (there: %s)", request->data, wanted, there);
}

rn_status rn_split_choose(size_t *index, rn_part *part, char *const *names, size_t n, size_t given,
                          const rn_request *request) {
    const char *data = request->data, *split = request->split;
    bool for_val = request->use == RN_SPLIT_VAL, found = false;
    size_t train, val;
    *part = RN_PART_ALL;
    if (request->use == RN_SPLIT_WHOLE) {
        *index = rn_find_name(names, n, split);
        return *index < n ? RN_OK : no_split(request, split, names, n);
    }
    if (split) {
        RN_TRY(find_split(index, names, n, split, data));
        found = *index < n;
        for_val = strcmp(split, "val") == 0;
        if (!for_val && strcmp(split, "train") != 0)
            return found ? RN_OK : no_split(request, split, names, n);
        if (for_val && found) return RN_OK;
    } /* "train", or a "val" that is not there: they may name the parts of a set without val */
    RN_TRY(find_first(&train, names, n, train_names, TRAIN_NAMES, data));
    RN_TRY(find_first(&val, names, n, val_names, VAL_NAMES, data));
    if (given < n && !found) *(is_val(names[given]) ? &val : &train) = given;
    if (train == n && val == n && n == 1) train = 0;
    if (split && !found && val < n) return no_split(request, split, names, n);
    if (for_val && val < n) {
        *index = val;
        return RN_OK;
    }
    if (train == n) return no_split(request, for_val ? "val" : "train", names, n);
    *index = train;
    if (val == n) *part = for_val ? RN_PART_VAL : RN_PART_TRAIN;
    return RN_OK;
}

/* FNV-1a, 64 bits; its low bits are mixed by the finaliser of splitmix64. */
static uint64_t hash_name(const char *name) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++) h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

bool rn_part_has(rn_part part, const char *file) {
    return part == RN_PART_ALL || (hash_name(file) % VAL_SHARE == 0) == (part == RN_PART_VAL);
}

/* ---- pictures ---- */

rn_status rn_places_add(rn_places *places, const char *folder, const char *name) {
    char *joined = NULL, *resolved = NULL;
    rn_status status = RN_OK;
    if (name) RN_TRY(rn_path_join(&joined, folder, name));
    const char *path = joined ? joined : folder;
    if (rn_path_is_folder(path)) status = rn_path_resolve(&resolved, path);
    free(joined);
    if (resolved) places->folders[places->n++] = resolved;
    return status;
}

void rn_places_free(rn_places *places) {
    for (size_t i = 0; i < places->n; i++) free(places->folders[i]);
    *places = (rn_places){0};
}

/* Whether one of the path's parts is "..". */
static bool climbs(const char *file) {
    while (file) {
        if (file[0] == '.' && file[1] == '.' && (file[2] == '/' || file[2] == '\0')) return true;
        file = strchr(file, '/');
        if (file) file++;
    }
    return false;
}

static bool is_below(const char *path, const char *folder) {
    const size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || strcmp(folder, "/") == 0);
}

rn_status rn_places_find(char **path, const rn_places *places, const char *file,
                         const char *source) {
    *path = NULL;
    if (file[0] == '/' || climbs(file))
        return rn_fail(RN_EINPUT, "%s: file name leads out of the folder (got \"%s\")", source,
                       file);
    for (size_t i = 0; i < places->n; i++) {
        char *joined, *resolved = NULL;
        rn_status status = RN_OK;
        RN_TRY(rn_path_join(&joined, places->folders[i], file));
        if (!rn_path_is_folder(joined)) status = rn_path_resolve(&resolved, joined);
        const bool leaves = resolved && !is_below(resolved, places->folders[i]);
        if (resolved && !leaves)
            *path = joined;
        else
            free(joined);
        free(resolved);
        RN_TRY(status);
        if (leaves)
            return rn_fail(RN_EINPUT, "%s: file name is a link out of the folder (got \"%s\")",
                           source, file);
        if (*path) return RN_OK;
    }
    return RN_OK;
}

/* ---- lists ---- */

char *rn_next_line(char **text) {
    static const char bom[] = "\xef\xbb\xbf";
    char *line = *text;
    if (*line == '\0') return NULL;
    char *end = strchr(line, '\n');
    *text = end ? end + 1 : line + strlen(line);
    if (!end) end = *text;
    if (strncmp(line, bom, strlen(bom)) == 0) line += strlen(bom);
    while (end > line && strchr(" \t\r", end[-1])) end--;
    *end = '\0';
    return line + strspn(line, " \t");
}

/* ---- editing ---- */

rn_status rn_dataset_note(rn_dataset *set, const char *format, ...) {
    char line[1024];
    size_t size = set->notes ? strlen(set->notes) : 0, cap = set->notes ? size + 1 : 0;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    rn_one_line(line);
    RN_TRY(rn_reserve(&set->notes, &cap, size + strlen(line) + sizeof "\n", 1));
    sprintf(set->notes + size, "%s\n", line);
    return RN_OK;
}

void rn_dataset_keep(rn_dataset *set, const bool *records, const bool *objects) {
    size_t n_records = 0, n_objects = 0;
    for (size_t i = 0; i < set->n_records; i++) {
        rn_record record = set->records[i];
        if (records && !records[i]) {
            free(record.file);
            free(record.path);
            continue;
        }
        const size_t first = n_objects, end = record.first_object + record.n_objects;
        for (size_t k = record.first_object; k < end; k++)
            if (!objects || objects[k]) set->objects[n_objects++] = set->objects[k];
        record.first_object = first;
        record.n_objects = n_objects - first;
        set->records[n_records++] = record;
    }
    set->n_records = n_records;
    set->n_objects = n_objects;
}

rn_status rn_dataset_drop_missing(rn_dataset *set) {
    const char *first = NULL;
    size_t n_missing = 0;
    bool *keep;
    rn_status status = RN_OK;
    RN_TRY(rn_alloc(&keep, set->n_records, sizeof *keep));
    for (size_t i = 0; i < set->n_records; i++) {
        keep[i] = set->records[i].path != NULL;
        if (keep[i]) continue;
        if (n_missing++ == 0) first = set->records[i].file;
    }
    if (n_missing * MISSING_SHARE > set->n_records)
        status = rn_fail(RN_EINPUT, "%s: %zu of %zu pictures are missing, the first is \"%s\"",
                         set->name, n_missing, set->n_records, first);
    for (size_t i = 0; i < set->n_records && status == RN_OK; i++)
        if (!keep[i])
            status = rn_dataset_note(set, "skipped: %s: no such picture", set->records[i].file);
    if (status == RN_OK && n_missing > 0) rn_dataset_keep(set, keep, NULL);
    free(keep);
    return status;
}

rn_status rn_dataset_take_classes(rn_dataset *set, char ***names, size_t n) {
    set->class_names = *names;
    set->n_classes = n;
    *names = NULL;
    RN_TRY(rn_alloc(&set->category_ids, n, sizeof *set->category_ids));
    for (size_t i = 0; i < n; i++) set->category_ids[i] = (int64_t)i + 1;
    return RN_OK;
}
