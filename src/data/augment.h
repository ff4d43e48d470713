/* augment.h: what chance does to one training picture and its boxes. A view is drawn first, from
 * the sample's own random stream; pixels and boxes then follow it, so they cannot disagree. */
#ifndef RN_DATA_AUGMENT_H
#define RN_DATA_AUGMENT_H

#include "base/random.h"
#include "data/loader.h"

/* How a picture lies in its region of the canvas, the top left width x height pixels. */
typedef struct rn_view {
    int width, height;                      /* of the region, canvas pixels */
    rn_crop crop;                           /* of the picture; larger than it when scaled down */
    bool flip, vflip;                       /* mirrored left-right, top-bottom */
    float brightness, contrast, saturation; /* factors; 1 changes nothing */
} rn_view;

/* Draw a view of an image_w x image_h picture whose region is width x height: with a scale s the
 * crop has 1/s of the picture's sides, at a random place inside of the picture (s > 1) or around
 * it (s < 1). The stream advances by the same number of draws whatever `augment` holds. */
rn_view rn_augment_draw(rn_random *random, const rn_augment *augment, int image_w, int image_h,
                        int width, int height);

/* The view's pixels into a canvas [canvas_h, canvas_w, 3]; zero outside of the picture. Colour
 * factors act on values in 0..1 in the order brightness b, contrast c (about the mean grey m of
 * what is seen), saturation s (about the pixel's own grey), which is one affine map a pixel:
 *
 *     v' = c b (s v + (1 - s) grey(v)) + (1 - c) b m,   clamped to 0..1
 *
 * RN_ENOMEM. */
RN_MUST_USE rn_status rn_augment_image(float *canvas, int canvas_w, int canvas_h,
                                       const rn_image *image, const rn_view *view,
                                       const rn_geometry *geometry, rn_resizer *resizer);

/* Objects [n] as targets in canvas pixels, clipped to the view's region; writes to `out` (room for
 * n) and returns how many. Of a box with a side under 1 pixel nothing is left; one that shows less
 * than a quarter of its area, or a crowd, is to be ignored. */
size_t rn_augment_targets(rn_target *out, const rn_object *objects, size_t n, const rn_view *view);

#endif
