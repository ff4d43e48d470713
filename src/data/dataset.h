/* dataset.h: a labelled set of pictures in memory, whatever the format it was read from. No pixels.
 */
#ifndef RN_DATA_DATASET_H
#define RN_DATA_DATASET_H

#include "base/status.h"

/* One labelled object, in the pixels of its picture as the annotation counts them. */
typedef struct rn_object {
    double x, y, w, h; /* half-open box as COCO writes it: left, top, width, height */
    double area;       /* COCO's "area" where given, else w * h: decides small, medium, large */
    int label;         /* 0-based index into class_names */
    bool crowd;        /* COCO iscrowd: an ignore region, never a positive */
    bool difficult;    /* VOC difficult: ignored in evaluation */
    int64_t id;        /* COCO annotation id; position in the set otherwise */
} rn_object;

/* One picture. */
typedef struct rn_record {
    char *file;          /* as the annotation names it; unique within the set */
    char *path;          /* where the picture lies; NULL when the set was read without pictures */
    int width, height;   /* as annotated; 0 if the annotation does not say */
    int64_t id;          /* COCO image id; position otherwise */
    size_t first_object; /* objects[first_object .. first_object + n_objects) are this picture's, in
                            file order */
    size_t n_objects;    /* 0 is a background picture, which counts */
} rn_record;

typedef struct rn_dataset {
    char *name;            /* for messages: the path given */
    char **class_names;    /* [n_classes] */
    int64_t *category_ids; /* [n_classes] the format's own ids; 1.. where it has none. Ascending for
                              COCO */
    size_t n_classes;
    rn_record *records; /* [n_records] in file order */
    size_t n_records;
    rn_object *objects; /* [n_objects] grouped by record */
    size_t n_objects;
    size_t n_skipped; /* objects left out as degenerate (counted, named in `notes`) */
    char *notes;      /* what was skipped or repaired, a line each; "" if nothing */
} rn_dataset;

void rn_dataset_free(rn_dataset *set); /* and zero it */

/* Which pictures of a set are asked for. */
typedef enum rn_split_use { RN_SPLIT_TRAIN, RN_SPLIT_VAL } rn_split_use;

/* Open DATA: a folder or annotation file of a format that is recognised (COCO json, VOC; see
 * cli.md's rules in README).
 *
 *   split   name ("train", "val", "test", ...) or NULL for the default of `use`: train, else
 * trainval; val, else valid, else test; and where a set has no splits, 20% of the files by a hash
 * of their name are val, the rest train
 *
 * Every record has a path whose file exists; nothing is decoded. RN_EINPUT with FILE:LINE:COL where
 * a file is at fault. */
RN_MUST_USE rn_status rn_dataset_open(rn_dataset *out, const char *data, const char *split,
                                      rn_split_use use);

/* Keep the classes' order of `names` (a model's): labels are remapped. RN_EINPUT names a class that
 * the set has and `names` lacks. */
RN_MUST_USE rn_status rn_dataset_match_classes(rn_dataset *set, char *const *names, size_t n_names);

/* Read a record's picture the way round that its annotation counts: upright (EXIF applied, as
 * detect sees it) if that has the annotated size or none is annotated, as stored if only that has
 * it. max_pixels 0: the default limit. RN_EINPUT if it cannot be decoded or has another size. */
RN_MUST_USE rn_status rn_record_read(rn_image *out, const rn_record *record, size_t max_pixels);
/* Width and height that rn_record_read would give: the annotated, else those of the file's header. */
RN_MUST_USE rn_status rn_record_size(int *width, int *height, const rn_record *record);

#endif
