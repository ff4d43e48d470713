/* image_check.h: what a picture file claims and whether it is whole, found out without decoding.
 * stb_image 2.27 fills what is missing with grey, reads BMPs over their end and checks no PNG
 * checksum, so this is done before it sees the bytes. Private to src/data. */
#ifndef RN_DATA_IMAGE_CHECK_H
#define RN_DATA_IMAGE_CHECK_H

#include "base/status.h"

typedef enum rn_picture_kind { RN_PICTURE_JPEG, RN_PICTURE_PNG, RN_PICTURE_BMP } rn_picture_kind;

typedef struct rn_picture_info {
    rn_picture_kind kind;
    int width, height;
    int orientation;     /* EXIF's, 1..8; 1 where there is none or it is broken */
    const char *warning; /* as in rn_image */
} rn_picture_info;

/* Sniff the kind, read the header. RN_EINPUT with "NAME: offset N: what". */
RN_MUST_USE rn_status rn_picture_header(rn_picture_info *info, const uint8_t *bytes, size_t size,
                                        const char *name);
/* Walk the whole file: cut or damaged is RN_EINPUT. */
RN_MUST_USE rn_status rn_picture_whole(const rn_picture_info *info, const uint8_t *bytes,
                                       size_t size, const char *name);

/* What stb_image may let one block grow to in this thread, set before it is called; 0 afterwards if
 * a block wanted more. stb_image 2.27 inflates without a limit and can be told by nothing else. */
extern _Thread_local size_t rn_stb_limit;

/* Offset of the first chunk of a PNG that is called `type`, 0 if there is none; *length of its
 * content, which begins 8 bytes on. */
size_t rn_png_find(size_t *length, const uint8_t *bytes, size_t size, const char *type);

/* The orientation in an EXIF block, which is a TIFF file; 1 if it says none, 0 if it is broken. */
int rn_exif_orientation(const uint8_t *tiff, size_t size);

#endif
