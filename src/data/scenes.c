#include "data/scenes.h"

#include "base/memory.h"
#include <stdlib.h>
#include <string.h>

static const char *const class_names[RN_SCENES_MAX_CLASSES] = {
    "key", "gear", "leaf", "mug", "starfish", "fish", "button", "scissors",
};
_Static_assert((int)RN_SHAPE_CLASSES == RN_SCENES_MAX_CLASSES, "a shape for every class");

const char *rn_scenes_class_name(int label) {
    return label >= 0 && label < RN_SCENES_MAX_CLASSES ? class_names[label] : NULL;
}

static rn_status check_range(const char *name, double low, double high, double least, double most) {
    if (low >= least && low <= high && high <= most) return RN_OK; /* false for NaN */
    return rn_fail(RN_EINVAL, "scenes: %s (got %g to %g, want %g to %g)", name, low, high, least,
                   most);
}

static rn_status check_value(const char *name, double value, double least, double most) {
    if (value >= least && value <= most) return RN_OK;
    return rn_fail(RN_EINVAL, "scenes: %s (got %g, want %g to %g)", name, value, least, most);
}

rn_status rn_scenes_check(const rn_scenes_options *o) {
    RN_TRY(check_value("train pictures", o->train, 0, 1000000));
    RN_TRY(check_value("val pictures", o->val, 0, 1000000));
    RN_TRY(check_value("width", o->width, 32, 2048));
    RN_TRY(check_value("height", o->height, 32, 2048));
    RN_TRY(check_range("objects", o->min_objects, o->max_objects, 0, RN_SCENES_MAX_OBJECTS));
    RN_TRY(check_range("object size", o->min_size, o->max_size, 0.04f, 0.9f));
    RN_TRY(check_value("classes", o->classes, 1, RN_SCENES_MAX_CLASSES));
    RN_TRY(check_value("clutter", o->clutter, 0, 1));
    RN_TRY(check_value("noise", o->noise, 0, 1));
    return check_value("overlap", o->overlap, 0, 1);
}

/* Other bytes of the mask than objects' become 0. */
static void copy_mask(uint8_t *mask, const uint8_t *owner, size_t pixels) {
    for (size_t i = 0; i < pixels; i++) mask[i] = owner[i] == RN_OWNER_OTHER ? 0 : owner[i];
}

rn_status rn_scenes_render(rn_image *out, rn_box *boxes, size_t cap, size_t *n_boxes, uint8_t *mask,
                           const rn_scenes_options *options, uint64_t index) {
    *out = (rn_image){0};
    *n_boxes = 0;
    RN_TRY(rn_scenes_check(options));
    if (cap < (size_t)options->max_objects) {
        return rn_fail(RN_EINVAL, "scenes: room for boxes (got %zu, want %d)", cap,
                       options->max_objects);
    }
    rn_status status;
    rn_scene *scene = NULL;
    uint8_t *owner = NULL;
    int width = options->width, height = options->height;
    size_t pixels = (size_t)width * (size_t)height;
    /* streams of their own, so that --noise leaves the layout and the colours alone */
    rn_random layout = rn_random_seed(options->seed, index, 0);
    rn_random colors = rn_random_seed(options->seed, index, 1);
    rn_random grain = rn_random_seed(options->seed, index, 2);
    if ((status = rn_alloc(&scene, 1, sizeof *scene)) != RN_OK) goto done;
    if ((status = rn_alloc(&owner, pixels, 1)) != RN_OK) goto done;
    if ((status = rn_alloc(&out->pixels, pixels, 3)) != RN_OK) goto done;
    out->width = width;
    out->height = height;
    *scene = (rn_scene){.options = options,
                        .width = width,
                        .height = height,
                        .shorter = width < height ? width : height,
                        .owner = owner};
    rn_scene_layout(scene, &layout);
    if ((status = rn_scene_paint(out, scene, &colors, &grain)) != RN_OK) goto done;
    if (scene->n_objects > 0) memcpy(boxes, scene->boxes, scene->n_objects * sizeof *boxes);
    *n_boxes = scene->n_objects;
    if (mask != NULL) copy_mask(mask, owner, pixels);
done:
    if (status != RN_OK) {
        free(out->pixels);
        *out = (rn_image){0};
    }
    free(owner);
    free(scene);
    return status;
}
