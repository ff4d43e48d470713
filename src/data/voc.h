/* voc.h: one Pascal VOC annotation file (xml), through expat. A document type declaration is
 * refused where it begins, so no entity is ever expanded and nothing outside of the file is read.
 */
#ifndef RN_DATA_VOC_H
#define RN_DATA_VOC_H

#include "base/status.h"

/* One <object>, as written: 1-based pixels, both ends inside of the box. */
typedef struct rn_voc_object {
    char *name;
    double xmin, ymin, xmax, ymax;
    bool difficult;
    size_t line, column; /* of its <object>, from 1 */
} rn_voc_object;

typedef struct rn_voc_file {
    char *filename;         /* of the picture; NULL where the xml names none */
    int width, height;      /* 0 where the xml does not say */
    rn_voc_object *objects; /* [n_objects] in file order */
    size_t n_objects;
    size_t cap; /* private */
} rn_voc_file;

/* Read the annotation at `path`. Values may have decimals; the boxes of an object's parts are not
 * the object's. RN_EINPUT with FILE:LINE:COL (bad-inputs.md 39-43, 47), RN_ENOMEM; on failure *out
 * is empty. */
RN_MUST_USE rn_status rn_voc_read(rn_voc_file *out, const char *path);
void rn_voc_free(rn_voc_file *file); /* and zero it */

#endif
