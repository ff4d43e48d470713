/* layout.h: what the formats that rn_dataset_open recognises have in common: splits, the pictures'
 * places, and the editing of a set that was read. Private to dataset_*.c and layout_*.c. */
#ifndef RN_DATA_LAYOUT_H
#define RN_DATA_LAYOUT_H

#include "base/names.h"
#include "data/dataset.h"

/* What rn_dataset_open was asked for. */
typedef struct rn_request {
    const char *data;
    const char *split; /* NULL: the default of `use` */
    rn_split_use use;
} rn_request;

/* A format: recognise() says whether DATA looks like one, failing for want of memory alone;
 * splits() names those there are (freed by rn_free_names), open() reads the split asked for. Every
 * record it gives has a path; objects are as the format gives them. */
typedef struct rn_format {
    const char *looks; /* what is looked for, in words */
    rn_status (*recognise)(bool *is, const char *data);
    rn_status (*splits)(char ***names, size_t *n, const char *data);
    rn_status (*open)(rn_dataset *out, const rn_request *request);
} rn_format;

extern const rn_format rn_format_coco, rn_format_voc, rn_format_yolo;

/* ---- splits ---- */

/* Which of a split's pictures are meant. */
typedef enum rn_part {
    RN_PART_ALL,
    RN_PART_TRAIN, /* of a set without val: those that the hash of the name leaves to train */
    RN_PART_VAL    /* the 20% that it does not */
} rn_part;

/* Choose among a set's splits names[n].
 *
 *   given   the split whose own file was given as DATA, n for none: it stands for train, or for val
 *           if it bears a name of those
 *
 * By default train, else trainval, else the only one; val, else valid, else test. "val" also finds
 * "val2017". Where none is for val, val is a part of train by hash. RN_EINPUT lists those there. */
RN_MUST_USE rn_status rn_split_choose(size_t *index, rn_part *part, char *const *names, size_t n,
                                      size_t given, const rn_request *request);

/* Whether picture `file` is in the part: a function of its name alone. */
bool rn_part_has(rn_part part, const char *file);

/* ---- pictures ---- */

#define RN_PICTURE_FOLDERS 5

/* Where a set's pictures may lie, in the order tried. Zero-initialise. */
typedef struct rn_places {
    char *folders[RN_PICTURE_FOLDERS]; /* absolute, links resolved */
    size_t n;
} rn_places;

/* Add folder/name (name NULL: folder itself) if it is a folder. */
RN_MUST_USE rn_status rn_places_add(rn_places *places, const char *folder, const char *name);
void rn_places_free(rn_places *places);

/* *path = the first file called `file` in `places`, NULL if there is none. `source` names the
 * annotation in the message. RN_EINPUT if `file` is absolute, climbs by "..", or is a link that
 * leads out of its place (bad-inputs.md 34). */
RN_MUST_USE rn_status rn_places_find(char **path, const rn_places *places, const char *file,
                                     const char *source);

/* ---- lists ---- */

/* The next line of *text without its end and the blanks around it, nor a byte order mark; NULL
 * behind the last. Cuts the text. */
char *rn_next_line(char **text);

/* ---- editing ---- */

/* Append a line to the set's notes. */
RN_MUST_USE rn_status rn_dataset_note(rn_dataset *set, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drop the records and objects whose flag is false; NULL keeps all. */
void rn_dataset_keep(rn_dataset *set, const bool *records, const bool *objects);

/* Drop the records without a path, each with a note. RN_EINPUT, naming the first, if they are more
 * than 5%. */
RN_MUST_USE rn_status rn_dataset_drop_missing(rn_dataset *set);

/* Give the set these classes with ids from 1; *names is taken, and NULL afterwards. */
RN_MUST_USE rn_status rn_dataset_take_classes(rn_dataset *set, char ***names, size_t n);

#endif
