/* image.h: decoding and drawing behind rn_image (public part in retinanet.h), and the way from
 * bytes to a network's input. */
#ifndef RN_DATA_IMAGE_H
#define RN_DATA_IMAGE_H

#include "base/isa.h"
#include "base/status.h"
#include "base/threads.h"

/* Decode a whole JPEG, PNG or BMP file held in memory. `name` is for messages. max_pixels 0 means
 * the default limit (64 million). orientation: apply the EXIF orientation when true. RN_EINPUT:
 * "NAME: offset N: what" (bad-inputs.md 1-7, 15). */
RN_MUST_USE rn_status rn_image_decode(rn_image *out, const uint8_t *bytes, size_t size,
                                      const char *name, size_t max_pixels, bool orientation);

/* Width and height as stored in the header (before EXIF orientation), and the orientation 1..8,
 * without decoding. */
RN_MUST_USE rn_status rn_image_probe(int *width, int *height, int *orientation,
                                     const uint8_t *bytes, size_t size, const char *name);

/* Turn the picture so that it is seen as the EXIF orientation says, 0 (unknown) to 8. isa: what may
 * be used; every set gives the same. RN_ENOMEM leaves it as it was. */
RN_MUST_USE rn_status rn_image_turn(rn_image *image, int orientation, rn_isa isa);

/* How a picture becomes network input; part of the model file. */
typedef struct rn_geometry {
    int shorter;    /* wished shorter side; 0: rule "longer side becomes `longer`" */
    int longer;     /* longer side, or its upper limit when shorter > 0 */
    bool antialias; /* triangle filter widened when shrinking (ours: true; torchvision's: false) */
    float mean[3];  /* RGB, of values in 0..1 */
    float std[3];
} rn_geometry;

/* Size after resizing, each side >= 1. Longer-side rule: round(side * scale). Shorter-side rule as
 * torchvision: float32, floor. */
void rn_geometry_size(int *out_w, int *out_h, const rn_geometry *geometry, int width, int height);

/* Scratch of rn_resize_normalise; grows as needed, reused from call to call. Zero-initialise. */
typedef struct rn_resizer {
    rn_threads *threads; /* that share the work, the caller's; NULL: the caller alone */
    void *buffer;
    size_t cap;
} rn_resizer;
void rn_resizer_free(rn_resizer *resizer);

/* Sample the source rectangle (may reach outside of the picture; what lies outside gives 0 after
 * normalising) bilinearly into the out_w x out_h top left corner of a canvas, as (v/255 - mean)/std
 * floats, NHWC. Rows of the canvas are `canvas_w` pixels; the rest of the canvas is set to zero.
 * `flip` mirrors left-right. Two passes (horizontal, vertical) with precomputed triangle-filter
 * weights; pixel centres at half integers as in PIL and torchvision (align_corners = false).
 * RN_ENOMEM. */
typedef struct rn_crop {
    double x, y, w, h; /* source rectangle in source pixels */
} rn_crop;
RN_MUST_USE rn_status rn_resize_normalise(float *canvas, int canvas_w, int canvas_h, int out_w,
                                          int out_h, const rn_image *image, const rn_crop *crop,
                                          bool flip, const rn_geometry *geometry,
                                          rn_resizer *resizer);

#endif
