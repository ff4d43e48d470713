/* losslab_folds.c: a data set as COCO json, cut for cross-validation or as it is. */
#include "losslab_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A picture of the set, in the order of the hashes of their names. */
typedef struct picture {
    uint64_t hash;
    lab_json *image;
    int fold; /* from 1 */
} picture;

static int by_hash(const void *a, const void *b) {
    const picture *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return strcmp(lab_json_get(x->image, "file_name")->text,
                  lab_json_get(y->image, "file_name")->text);
}

static int by_id(const void *a, const void *b) {
    const double x = lab_json_get(((const picture *)a)->image, "id")->number;
    const double y = lab_json_get(((const picture *)b)->image, "id")->number;
    return x < y ? -1 : x > y;
}

static int fold_of(const picture *pictures, size_t n, double id) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (lab_json_get(pictures[middle].image, "id")->number < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n ? pictures[low].fold : 0;
}

/* Sorted by hash and cut into folds of the same size, but for one: the same whatever comes first in
 * the file. Then by id. */
static int cut(picture **out, size_t *n, const lab_json *set, int folds, const char *data) {
    const lab_json *images = lab_json_get(set, "images");
    const size_t count = lab_json_count(images);
    size_t i = 0;
    if ((size_t)folds > count)
        return cli_usage_error("folds: got %d, want at most the pictures of %s (%zu)", folds, data,
                               count);
    picture *pictures = calloc(count, sizeof *pictures);
    if (!pictures) return cli_error(RN_ENOMEM);
    for (lab_json *image = images->child; image; image = image->next, i++)
        pictures[i] =
            (picture){lab_hash_text(LAB_HASH, lab_json_get(image, "file_name")->text), image, 0};
    qsort(pictures, count, sizeof *pictures, by_hash);
    for (i = 0; i < count; i++) pictures[i].fold = 1 + (int)(i * (size_t)folds / count);
    qsort(pictures, count, sizeof *pictures, by_id);
    *out = pictures;
    *n = count;
    return 0;
}

/* Items of a list whose fold is `fold` (in: true) or is not. */
static void put_part(FILE *file, const lab_json *list, const char *id, const picture *pictures,
                     size_t n, int fold, bool in) {
    bool first = true;
    putc('[', file);
    for (const lab_json *item = list ? list->child : NULL; item; item = item->next) {
        const double number = lab_json_get(item, id)->number;
        if ((fold_of(pictures, n, number) == fold) != in) continue;
        if (!first) fputs(",\n", file);
        lab_json_write(file, item);
        first = false;
    }
    putc(']', file);
}

static int write_part(const char *folder, const lab_json *set, const picture *pictures, size_t n,
                      int fold, bool val) {
    char path[PATH_MAX + 96];
    cli_output output;
    snprintf(path, sizeof path, "%s/annotations/instances_fold%d_%s.json", folder, fold,
             val ? "val" : "train");
    const int code = cli_output_open(&output, path);
    if (code) return code;
    fputs("{\"images\": ", output.file);
    put_part(output.file, lab_json_get(set, "images"), "id", pictures, n, fold, val);
    fputs(",\n\"annotations\": ", output.file);
    put_part(output.file, lab_json_get(set, "annotations"), "image_id", pictures, n, fold, val);
    fputs(",\n\"categories\": ", output.file);
    lab_json_write(output.file, lab_json_get(set, "categories"));
    fputs("}\n", output.file);
    return cli_output_close(&output);
}

/* The pictures lie in images/SPLIT: their names become SPLIT/NAME. */
static int add_split(lab_json *set, const char *split) {
    for (lab_json *image = lab_json_get(set, "images")->child; image; image = image->next) {
        lab_json *name = lab_json_get(image, "file_name");
        char *longer = NULL;
        if (asprintf(&longer, "%s/%s", split, name->text) < 0) return cli_error(RN_ENOMEM);
        free(name->text);
        name->text = longer;
    }
    return 0;
}

static int write_folds(const char *folder, const char *data, int folds) {
    static const char *const splits[] = {"train", "trainval"};
    char path[PATH_MAX + 96];
    lab_json *set = NULL;
    picture *pictures = NULL;
    size_t n = 0;
    int split = 0;
    for (; split < 2; split++) {
        snprintf(path, sizeof path, "%s/annotations/instances_%s.json", folder, splits[split]);
        if (access(path, F_OK) == 0) break;
    }
    if (split == 2) {
        (void)cli_usage_error("%s: no split train or trainval to cut", data);
        return LAB_EXIT_INPUT;
    }
    int code = lab_json_read(&set, path); /* as rn_data_convert wrote it */
    if (code == 0) code = cut(&pictures, &n, set, folds, data);
    if (code == 0) code = add_split(set, splits[split]);
    for (int fold = 1; fold <= folds && code == 0; fold++) {
        code = write_part(folder, set, pictures, n, fold, false);
        if (code == 0) code = write_part(folder, set, pictures, n, fold, true);
    }
    free(pictures);
    lab_json_free(set);
    return code;
}

int lab_copy_open(char data[], size_t size, int folds, const char *folder) {
    char out[PATH_MAX], part[PATH_MAX + 32];
    if (snprintf(out, sizeof out, "%s/data/copy-%d-%016llx", folder, folds,
                 (unsigned long long)lab_hash_text(LAB_HASH, data)) >= (int)sizeof out)
        return cli_usage_error("%s: the path is too long", folder);
    if (access(out, F_OK) != 0) {
        snprintf(part, sizeof part, "%s.%ld.tmp", out, (long)getpid());
        const rn_status status = rn_data_convert(data, part, RN_DATA_COCO, true, NULL);
        int code = status == RN_OK ? 0 : cli_error(status);
        if (code == 0 && folds > 0) code = write_folds(part, data, folds);
        if (code) lab_remove_folder(part);
        if (code == 0) code = lab_put_folder(part, out);
        if (code) return code;
    }
    snprintf(data, size, "%s", out);
    return 0;
}
