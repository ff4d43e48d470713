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

/* Objects of the picture that has most of them, at least 1. */
size_t rn_dataset_most_objects(const rn_dataset *set);

/* Tell of the set's notes, a message each. */
void rn_dataset_tell_notes(const rn_dataset *set, const rn_hooks *hooks);

/* Which pictures of a set are asked for. */
typedef enum rn_split_use {
    RN_SPLIT_TRAIN,
    RN_SPLIT_VAL,
    RN_SPLIT_WHOLE /* the split of the very name given, never a part; objects as for VAL */
} rn_split_use;

/* Open DATA: a folder or annotation file of a format that is recognised.
 *
 *   COCO  <split>.json, or annotations/instances_<split>*.json ("val" finds "val2017"); pictures in
 *         images/<split>, images, <split>, or beside the json. A json file given as DATA stands for
 *         its folder, itself being train, or val where it bears a name of val
 *   VOC   Annotations or annotations, JPEGImages or images, ImageSets/Main/<split>.txt (without
 *         lists all is one split, "all"). Classes are those of all xml files by name, with ids from
 *         1; what the train split does not show is left out for RN_SPLIT_TRAIN, the ids stay
 *
 *   YOLO  data.yaml (or the only yaml file) with its train, val, test and names; without one
 *         images/<split> with labels/<split>, <split>/images with <split>/labels, or images with
 *         labels, and classes.txt or the classes' numbers. Category ids count from 1
 *
 *   split   name ("train", "val", "test", ...) or NULL for the default of `use`: train, else
 *           trainval, else the only one; val, else valid, else test. Where none is for val, the
 *           pictures whose name's hash is a multiple of 5 are val and the rest of train is train
 *           ("train" and "val" then name these parts); in a very small set val may be empty
 *
 * RN_SPLIT_TRAIN: objects are clipped to their pictures and empty ones skipped, with notes; a set
 * without objects is refused. RN_SPLIT_VAL: objects as the format gives them. Every record has a
 * path whose file exists (up to 5% may be missing: skipped, with notes); nothing is decoded.
 * RN_EINPUT with FILE:LINE:COL where a file is at fault (bad-inputs.md 30, 31, 34, 35, 39-55). */
RN_MUST_USE rn_status rn_dataset_open(rn_dataset *out, const char *data, const char *split,
                                      rn_split_use use);

/* The names of DATA's splits, n of them, malloc'ed one by one: "all" where there is but one without
 * a name. RN_EINPUT, RN_ENOMEM; then *names is NULL. */
RN_MUST_USE rn_status rn_dataset_splits(char ***names, size_t *n, const char *data);

/* Give the set the classes `names` (a model's) in their order: labels are remapped, the ids stay,
 * and a name that the set lacks gets an id that it does not use. A class of the set that `names`
 * lacks is left out, with a note, if it has no object; else RN_EINPUT names it and the set is as it
 * was. */
RN_MUST_USE rn_status rn_dataset_match_classes(rn_dataset *set, char *const *names, size_t n_names);

/* Read a record's picture the way round that its annotation counts: upright (EXIF applied, as
 * detect sees it) if that has the annotated size or none is annotated, as stored if only that has
 * it. max_pixels 0: the default limit. RN_EINPUT if it cannot be decoded or has another size. */
RN_MUST_USE rn_status rn_record_read(rn_image *out, const rn_record *record, size_t max_pixels);
/* Width and height that rn_record_read would give: the annotated, else those of the file's header.
 */
RN_MUST_USE rn_status rn_record_size(int *width, int *height, const rn_record *record);

#endif
