/* scenes.h: a generated scene between its two steps: the layout decides what lies where, the paint
 * turns it into pixels. Public part in retinanet.h. */
#ifndef RN_DATA_SCENES_H
#define RN_DATA_SCENES_H

#include "base/status.h"
#include "data/scenes_shape.h"

enum {
    RN_SCENES_MAX_OBJECTS = 64,
    RN_SCENES_MAX_THINGS = 128 /* objects, look-alikes, marks and sheets of one picture */
};

/* Where a shape lies: local = q / (1 + tilt . q) with q = inverse (pixel - centre). */
typedef struct rn_pose {
    float x, y;           /* centre, pixels */
    float inverse[4];     /* [2, 2] pixels to the shape's units: turn, mirror, stretch, shear */
    float tilt_x, tilt_y; /* a mild perspective */
    float scale;          /* pixels a unit of the shape */
} rn_pose;

typedef enum rn_thing_role {
    RN_THING_OBJECT, /* labelled */
    RN_THING_OTHER,  /* a look-alike: drawn like an object, not labelled */
    RN_THING_MARK,   /* a stain or stroke on the table: no relief, no shadow */
    RN_THING_SHEET   /* paper, cloth, a book: large and low */
} rn_thing_role;

typedef struct rn_thing {
    rn_thing_role role;
    rn_shape shape;
    rn_pose pose;
    int x1, y1, x2, y2; /* half-open extent in pixels; may reach out of the picture */
} rn_thing;

typedef struct rn_scene {
    const rn_scenes_options *options;
    int width, height, shorter;            /* pixels */
    rn_thing things[RN_SCENES_MAX_THINGS]; /* topmost first */
    size_t n_things;
    uint8_t *owner; /* [height, width] 0 free, 1 + index of the object seen there, RN_OWNER_OTHER;
                       the caller's */
    rn_box boxes[RN_SCENES_MAX_OBJECTS]; /* tight around what is visible */
    size_t n_objects;
} rn_scene;
enum { RN_OWNER_OTHER = 255 };

/* RN_EINVAL naming the first option out of range. */
RN_MUST_USE rn_status rn_scenes_check(const rn_scenes_options *options);

/* The relief of `thing` at the centre of pixel (x, y). */
rn_relief rn_thing_at(const rn_thing *thing, int x, int y);

/* Fill in things, boxes and owner (zeroed by the caller) of a scene whose other fields are set. */
void rn_scene_layout(rn_scene *scene, rn_random *random);

/* Paint the scene that `layout` made into `image`, whose pixels are there. `random` decides colours
 * and light, `grain` the sensor's noise. RN_ENOMEM. */
RN_MUST_USE rn_status rn_scene_paint(rn_image *image, const rn_scene *scene, rn_random *random,
                                     rn_random *grain);

#endif
