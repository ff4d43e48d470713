/* yolo.h: YOLO annotations: a label file (a line a box, in shares of the picture) and data.yaml,
 * which names the classes and where each split's pictures lie. */
#ifndef RN_DATA_YOLO_H
#define RN_DATA_YOLO_H

#include "base/status.h"

/* ---- label files ---- */

/* A line "class x y width height": the centre and the sides, in shares of the picture's. */
typedef struct rn_yolo_box {
    int64_t label;
    double x, y, width, height; /* 0..1 */
    size_t line;                /* from 1 */
    bool repeated;              /* an earlier line says the same */
} rn_yolo_box;

typedef struct rn_yolo_file {
    rn_yolo_box *boxes; /* [n] in file order */
    size_t n;
    size_t cap; /* private */
} rn_yolo_file;

/* Read a label file; an empty one has no boxes. Labels are integers in 0 .. n_classes - 1.
 * RN_EINPUT with FILE:LINE:COL (bad-inputs.md 48-52), RN_ENOMEM; on failure *out is empty. */
RN_MUST_USE rn_status rn_yolo_read(rn_yolo_file *out, const char *path, size_t n_classes);
void rn_yolo_free(rn_yolo_file *file); /* and zero it */

/* ---- data.yaml ---- */

/* Where pictures of a split lie: a folder or a list of files, as written. */
typedef struct rn_yolo_source {
    char *text;
    size_t line, column; /* from 1 */
} rn_yolo_source;

typedef struct rn_yolo_split {
    char *name;
    rn_yolo_source *sources; /* [n], n > 0 */
    size_t n;
} rn_yolo_split;

typedef struct rn_yolo_data {
    char *root;         /* the key "path"; NULL where there is none */
    char **class_names; /* [n_classes] */
    size_t n_classes;
    rn_yolo_split *splits; /* [n_splits], n_splits > 0 */
    size_t n_splits;
} rn_yolo_data;

/* Read the keys path, train, val, valid, test, nc and names (a list, or a map from 0 on); the
 * others are passed over. RN_EINPUT with FILE:LINE:COL, also where there is no split, or names are
 * missing or not as many as nc says; RN_ENOMEM; on failure *out is empty. */
RN_MUST_USE rn_status rn_yolo_data_read(rn_yolo_data *out, const char *path);
void rn_yolo_data_free(rn_yolo_data *data); /* and zero it */

/* ---- pictures ---- */

typedef struct rn_yolo_picture {
    char *file;  /* as a list names it, or from the source's folder on */
    char *path;  /* NULL: listed, but not there */
    char *label; /* path of the label file; NULL: there is none */
} rn_yolo_picture;

typedef struct rn_yolo_pictures {
    rn_yolo_picture *entries; /* [n] by file */
    size_t n;
    size_t n_unsupported; /* GIF, WebP, ... that were passed over */
    size_t cap;           /* private */
} rn_yolo_pictures;

/* The pictures of a split, each file once, and where their labels lie: in labels/ for a picture in
 * images/, else beside it.
 *
 *   yaml    path of data.yaml, or of the set's folder with a '/' behind it: the sources are looked
 *           for from there on
 *
 * RN_EINPUT for a source that is not there, a listed file that leads out of the list's folder, two
 * pictures of one name; RN_ENOMEM; on failure *out is empty. */
RN_MUST_USE rn_status rn_yolo_list(rn_yolo_pictures *out, const rn_yolo_data *data, size_t split,
                                   const char *yaml);
void rn_yolo_pictures_free(rn_yolo_pictures *pictures); /* and zero it */

#endif
