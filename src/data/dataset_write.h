/* dataset_write.h: a labelled set as files of a format: what rn_data_convert does, a split at a
 * time. */
#ifndef RN_DATA_DATASET_WRITE_H
#define RN_DATA_DATASET_WRITE_H

#include "data/dataset.h"

#include <stdio.h>

/* A format that can be written. */
typedef struct rn_set_format {
    const char *pictures; /* folder of the pictures */
    bool by_split;        /* in it a folder for each split; else all lie together, so names are
                             without folders */
    bool clips;           /* boxes end at the picture's edge, and none is empty */
    double least;         /* pixels that both sides of a box must be over, where it clips */
    bool has_crowds;      /* can say that a box is to be ignored */
    bool has_difficult;
    bool needs_sizes;  /* boxes are shares of the upright picture */
    bool same_classes; /* in all splits */
    bool names_files;  /* the annotations name the pictures, in UTF-8 */
    /* The annotations of one split into `folder`. */
    rn_status (*write)(const rn_dataset *set, const char *folder, const char *split);
    /* What names the splits and classes, behind the last split; NULL for nothing. *n_nameless of
     * the splits it cannot name. */
    rn_status (*finish)(size_t *n_nameless, char *const *class_names, size_t n_classes,
                        const char *folder, char *const *splits, size_t n_splits);
} rn_set_format;

extern const rn_set_format rn_set_format_coco, rn_set_format_voc, rn_set_format_yolo;

/* ---- for the formats ---- */

/* A text being made in memory, to be written as one file. */
typedef struct rn_text_file {
    FILE *stream; /* print here; errors show when it is saved */
    char *text;
    size_t size;
} rn_text_file;

RN_MUST_USE rn_status rn_text_open(rn_text_file *out);
/* Write it to folder/name, whose folders are made, and free it. RN_EINPUT if that is there: two
 * pictures would share it. RN_EIO, RN_ENOMEM. */
RN_MUST_USE rn_status rn_text_save(rn_text_file *file, const char *folder, const char *name);
void rn_text_discard(rn_text_file *file);

/* Shortest text that reads back as the same double. */
void rn_text_double(rn_text_file *file, double value);
/* As a JSON string with its quotes, which is a YAML string too. */
RN_MUST_USE rn_status rn_text_quoted(rn_text_file *file, const char *text);

#endif
