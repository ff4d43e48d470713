#include "base/file.h"
#include "data/dataset.h"
#include "data/image.h"

#include <stdlib.h>

#define MAX_PICTURE_BYTES ((size_t)1 << 30)

/* Bytes of the picture, its stored size and EXIF orientation. */
typedef struct picture {
    uint8_t *bytes;
    size_t size;
    int width, height; /* as stored */
    int orientation;   /* 1..8 */
} picture;

static rn_status open_picture(picture *out, const rn_record *record) {
    *out = (picture){0};
    RN_TRY(rn_file_read(&out->bytes, &out->size, record->path, MAX_PICTURE_BYTES));
    const rn_status status = rn_image_probe(&out->width, &out->height, &out->orientation,
                                            out->bytes, out->size, record->path);
    if (status != RN_OK) free(out->bytes);
    return status;
}

static bool is_turned(const picture *p) {
    return p->orientation >= 5; /* 5..8: by a quarter, so the sides change places */
}

rn_status rn_record_read(rn_image *out, const rn_record *record, size_t max_pixels) {
    picture p;
    rn_status status;
    *out = (rn_image){0};
    RN_TRY(open_picture(&p, record));
    const int upright_w = is_turned(&p) ? p.height : p.width;
    const int upright_h = is_turned(&p) ? p.width : p.height;
    const bool known = record->width > 0 && record->height > 0;
    const bool upright = !known || (record->width == upright_w && record->height == upright_h);
    if (upright || (record->width == p.width && record->height == p.height))
        status = rn_image_decode(out, p.bytes, p.size, record->path, max_pixels, upright);
    else
        status = rn_fail(RN_EINPUT, "%s: not of the annotated size (got %dx%d, want %dx%d)",
                         record->path, upright_w, upright_h, record->width, record->height);
    free(p.bytes);
    return status;
}

rn_status rn_record_size(int *width, int *height, const rn_record *record) {
    picture p;
    *width = record->width;
    *height = record->height;
    if (*width > 0 && *height > 0) return RN_OK;
    RN_TRY(open_picture(&p, record));
    *width = is_turned(&p) ? p.height : p.width;
    *height = is_turned(&p) ? p.width : p.height;
    free(p.bytes);
    return RN_OK;
}
