/* What lies where. Things are placed from the top of the heap downwards, each seeing only the
 * pixels that those above it leave free: what is accepted is final, and its visible part exactly
 * known. */
#include "data/scenes.h"

#include "data/scenes_texture.h"
#include <math.h>

#define PI 3.14159265f

enum {
    TRIES = 80,   /* places tried before an object is left out */
    GRID = 72,    /* points a side when a shape is measured */
    MIN_SIDE = 4, /* pixels: a visible part that is narrower is not worth a label */
};
#define MIN_VISIBLE 0.5f /* share of an object's pixels that must be seen */

static float uniform(rn_random *random, float low, float high) {
    return (float)rn_random_uniform(random, low, high);
}

rn_relief rn_thing_at(const rn_thing *thing, int x, int y) {
    const rn_pose *pose = &thing->pose;
    float dx = (float)x + 0.5f - pose->x, dy = (float)y + 0.5f - pose->y;
    float u = pose->inverse[0] * dx + pose->inverse[1] * dy;
    float v = pose->inverse[2] * dx + pose->inverse[3] * dy;
    float depth = fmaxf(1.0f + pose->tilt_x * u + pose->tilt_y * v, 0.1f);
    return rn_shape_at(&thing->shape, u / depth, v / depth);
}

/* A random pose of scale 1 at the origin. */
static rn_pose pose_draw(rn_random *random, float spin) {
    float angle = uniform(random, -spin, spin);
    float mirror = rn_random_below(random, 2) ? -1.0f : 1.0f;
    float stretch = expf(uniform(random, -0.12f, 0.12f)), shear = uniform(random, -0.15f, 0.15f);
    float c = cosf(angle), s = sinf(angle);
    /* forward = turn * [stretch shear; 0 1/stretch] * diag(mirror, 1), of determinant `mirror` */
    float f00 = c * stretch * mirror, f01 = c * shear - s / stretch;
    float f10 = s * stretch * mirror, f11 = s * shear + c / stretch;
    return (rn_pose){
        .inverse = {f11 * mirror, -f01 * mirror, -f10 * mirror, f00 * mirror},
        .tilt_x = uniform(random, -0.1f, 0.1f),
        .tilt_y = uniform(random, -0.1f, 0.1f),
        .scale = 1.0f,
    };
}

static void pose_scale(rn_pose *pose, float scale) {
    for (int i = 0; i < 4; i++) pose->inverse[i] *= pose->scale / scale;
    pose->scale = scale;
}

/* The extent of a thing of scale 1 at the origin (left, top, right, bottom) and its area. */
typedef struct extent {
    float x1, y1, x2, y2, area;
} extent;

static extent measure(rn_thing *thing) {
    const float reach = 1.6f; /* 1.1 stretched, sheared and tilted */
    extent e = {reach, reach, -reach, -reach, 0.0f};
    pose_scale(&thing->pose, (float)GRID / (2.0f * reach));
    float pixel = 1.0f / thing->pose.scale;
    for (int y = 0; y < GRID; y++) {
        for (int x = 0; x < GRID; x++) {
            if (rn_thing_at(thing, x - GRID / 2, y - GRID / 2).distance >= 0.0f) continue;
            float px = (float)(x - GRID / 2) * pixel, py = (float)(y - GRID / 2) * pixel;
            e.x1 = fminf(e.x1, px), e.x2 = fmaxf(e.x2, px + pixel);
            e.y1 = fminf(e.y1, py), e.y2 = fmaxf(e.y2, py + pixel);
            e.area += pixel * pixel;
        }
    }
    return e;
}

/* A thing in a random pose whose longer side is `side` pixels, centred at the origin of the
 * picture; its area in pixels is returned. */
static float thing_draw(rn_thing *thing, rn_random *random, rn_thing_role role, rn_shape_kind kind,
                        float side) {
    *thing = (rn_thing){.role = role, .shape = rn_shape_draw(random, kind)};
    thing->pose = pose_draw(random, rn_shape_spin(kind));
    extent e = measure(thing);
    float scale = side / fmaxf(e.x2 - e.x1, e.y2 - e.y1);
    pose_scale(&thing->pose, scale);
    thing->pose.x = -0.5f * (e.x1 + e.x2) * scale;
    thing->pose.y = -0.5f * (e.y1 + e.y2) * scale;
    /* two pixels more a side: the grid of measure() is coarse */
    float half_w = 0.5f * (e.x2 - e.x1) * scale + 2.0f;
    float half_h = 0.5f * (e.y2 - e.y1) * scale + 2.0f;
    thing->x1 = -(int)ceilf(half_w), thing->x2 = (int)ceilf(half_w);
    thing->y1 = -(int)ceilf(half_h), thing->y2 = (int)ceilf(half_h);
    return e.area * scale * scale;
}

/* Move to a random place where up to `outside` of the extent's sides may lie out of the picture. */
static void thing_place(rn_thing *thing, rn_random *random, const rn_scene *scene, float outside) {
    float slack_x = (0.5f - outside) * (float)(thing->x2 - thing->x1);
    float slack_y = (0.5f - outside) * (float)(thing->y2 - thing->y1);
    slack_x = fminf(slack_x, 0.5f * (float)scene->width);
    slack_y = fminf(slack_y, 0.5f * (float)scene->height);
    int dx = (int)uniform(random, slack_x, (float)scene->width - slack_x);
    int dy = (int)uniform(random, slack_y, (float)scene->height - slack_y);
    thing->pose.x += (float)dx, thing->pose.y += (float)dy;
    thing->x1 += dx, thing->x2 += dx, thing->y1 += dy, thing->y2 += dy;
}

/* Count the free pixels that `thing` covers, find their box, and mark them as `owner` unless 0. */
static size_t cover(rn_box *box, const rn_scene *scene, const rn_thing *thing, uint8_t owner) {
    size_t count = 0;
    int left = scene->width, top = scene->height, right = 0, bottom = 0;
    int x1 = thing->x1 > 0 ? thing->x1 : 0, y1 = thing->y1 > 0 ? thing->y1 : 0;
    for (int y = y1; y < thing->y2 && y < scene->height; y++) {
        uint8_t *row = scene->owner + (size_t)y * (size_t)scene->width;
        for (int x = x1; x < thing->x2 && x < scene->width; x++) {
            if (row[x] != 0 || rn_thing_at(thing, x, y).distance >= 0.0f) continue;
            if (owner != 0) row[x] = owner;
            if (x < left) left = x;
            if (x >= right) right = x + 1;
            if (y < top) top = y;
            bottom = y + 1;
            count++;
        }
    }
    *box = (rn_box){.x1 = (float)left, .y1 = (float)top, .x2 = (float)right, .y2 = (float)bottom};
    return count;
}

static float box_area(const rn_box *box) {
    return (box->x2 - box->x1) * (box->y2 - box->y1);
}

static float box_iou(const rn_box *a, const rn_box *b) {
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    if (w <= 0.0f || h <= 0.0f) return 0.0f;
    return w * h / (box_area(a) + box_area(b) - w * h);
}

/* Whether an object seen in `box` with `visible` of its `area` pixels may lie there. */
static bool acceptable(const rn_scene *scene, const rn_box *box, size_t visible, float area) {
    if ((float)visible < MIN_VISIBLE * area) return false;
    if (box->x2 - box->x1 < MIN_SIDE || box->y2 - box->y1 < MIN_SIDE) return false;
    for (size_t i = 0; i < scene->n_objects; i++) {
        if (box_iou(box, &scene->boxes[i]) > scene->options->overlap) return false;
    }
    return true;
}

/* A length between two shares of the shorter side. */
static float draw_side(rn_random *random, const rn_scene *scene, float low, float high) {
    return (float)scene->shorter * uniform(random, low, high);
}

static void add_object(rn_scene *scene, rn_random *random) {
    const rn_scenes_options *o = scene->options;
    int label = (int)rn_random_below(random, (uint64_t)o->classes);
    for (int i = 0; i < TRIES; i++) {
        rn_thing thing;
        rn_box box;
        float side = draw_side(random, scene, o->min_size, o->max_size);
        float area = thing_draw(&thing, random, RN_THING_OBJECT, (rn_shape_kind)label, side);
        thing_place(&thing, random, scene, 0.12f);
        size_t visible = cover(&box, scene, &thing, 0);
        if (!acceptable(scene, &box, visible, area)) continue;
        (void)cover(&box, scene, &thing, (uint8_t)(1 + scene->n_objects));
        box.label = label;
        box.score = 1.0f;
        scene->boxes[scene->n_objects++] = box;
        scene->things[scene->n_things++] = thing;
        return;
    }
}

static void add_other(rn_scene *scene, rn_random *random) {
    int others = RN_SHAPE_SHEET - RN_SHAPE_CLASSES;
    rn_shape_kind kind =
        (rn_shape_kind)(RN_SHAPE_CLASSES + (int)rn_random_below(random, (uint64_t)others));
    rn_thing *thing = &scene->things[scene->n_things++];
    rn_box box;
    (void)thing_draw(thing, random, RN_THING_OTHER, kind, draw_side(random, scene, 0.06f, 0.34f));
    thing_place(thing, random, scene, 0.4f);
    (void)cover(&box, scene, thing, RN_OWNER_OTHER);
}

static void add_mark(rn_scene *scene, rn_random *random) {
    static const rn_shape_kind marks[] = {RN_SHAPE_RING, RN_SHAPE_STICK, RN_SHAPE_BLOB,
                                          RN_SHAPE_ARC, RN_SHAPE_STICK};
    rn_shape_kind kind = marks[rn_random_below(random, sizeof marks / sizeof *marks)];
    rn_thing *thing = &scene->things[scene->n_things++];
    (void)thing_draw(thing, random, RN_THING_MARK, kind, draw_side(random, scene, 0.08f, 0.6f));
    /* pens and wet cups leave thinner lines than the things of the same outline have */
    if (kind == RN_SHAPE_RING || kind == RN_SHAPE_STICK) thing->shape.a *= 0.3f;
    if (kind == RN_SHAPE_ARC) thing->shape.b *= 0.3f;
    thing_place(thing, random, scene, 0.5f);
}

static void add_sheet(rn_scene *scene, rn_random *random) {
    rn_thing *thing = &scene->things[scene->n_things++];
    float side = draw_side(random, scene, 0.5f, 1.2f);
    (void)thing_draw(thing, random, RN_THING_SHEET, RN_SHAPE_SHEET, side);
    thing_place(thing, random, scene, 0.5f);
}

/* A random count between `least` and `most`, both scaled by the clutter. */
static size_t draw_count(rn_random *random, const rn_scene *scene, float least, float most) {
    return (size_t)(scene->options->clutter * uniform(random, least, most) + 0.5f);
}

void rn_scene_layout(rn_scene *scene, rn_random *random) {
    const rn_scenes_options *o = scene->options;
    uint64_t span = (uint64_t)(o->max_objects - o->min_objects + 1);
    size_t objects = (size_t)o->min_objects + (size_t)rn_random_below(random, span);
    size_t others = draw_count(random, scene, 3.0f, 16.0f);
    size_t order[RN_SCENES_MAX_THINGS];
    for (size_t i = 0; i < objects + others; i++) order[i] = i;
    rn_random_shuffle(random, order, objects + others);
    scene->n_things = scene->n_objects = 0;
    for (size_t i = 0; i < objects + others; i++) {
        if (order[i] < objects) {
            add_object(scene, random);
        } else {
            add_other(scene, random);
        }
    }
    for (size_t n = draw_count(random, scene, 0.0f, 14.0f); n > 0; n--) add_mark(scene, random);
    for (size_t n = draw_count(random, scene, 0.0f, 3.4f); n > 0; n--) add_sheet(scene, random);
}
