#include "data/scenes_shape.h"

#include "data/scenes_texture.h"
#include <math.h>
#include <stdbool.h>

#define PI 3.14159265f

/* ---- Distances (Quilez, "2D distance functions") ---- */

static float length(float x, float y) {
    return sqrtf(x * x + y * y);
}

static float box(float x, float y, float half_w, float half_h) {
    float dx = fabsf(x) - half_w, dy = fabsf(y) - half_h;
    return length(fmaxf(dx, 0.0f), fmaxf(dy, 0.0f)) + fminf(fmaxf(dx, dy), 0.0f);
}

/* Segment from (0, 0) to (to, 0) whose radius runs from r0 to r1. */
static float taper(float x, float y, float to, float r0, float r1) {
    float t = rn_clamp01(x / to);
    return length(x - t * to, y) - rn_mix(r0, r1, t);
}

/* Pointed oval on the x axis: the meet of two circles through (+-half_l, 0) and (0, +-half_w). */
static float lens(float x, float y, float half_l, float half_w) {
    float radius = (half_l * half_l + half_w * half_w) / (2.0f * half_w);
    return length(x, fabsf(y) + radius - half_w) - radius;
}

static float ellipse(float x, float y, float rx, float ry) {
    float k = length(x / rx, y / ry), gradient = length(x / (rx * rx), y / (ry * ry));
    return gradient > 1e-6f ? k * (k - 1.0f) / gradient : -fminf(rx, ry);
}

/* Turn (x, y) into the nearest of n equal sectors, whose middle is the x axis. */
static void fold(float *x, float *y, int n) {
    float sector = 2.0f * PI / (float)n, r = length(*x, *y);
    float angle = atan2f(*y, *x);
    angle -= sector * floorf(angle / sector + 0.5f);
    *x = r * cosf(angle);
    *y = r * sinf(angle);
}

/* A rounded edge of `width` around a flat top. */
static float bevel(float distance, float width) {
    float t = 1.0f - rn_clamp01(-distance / width);
    return width * sqrtf(1.0f - t * t);
}

/* 1 on the line at distance 0, falling to 0 at `width`. */
static float line(float distance, float width) {
    return 1.0f - rn_smoothstep(0.4f * width, width, fabsf(distance));
}

/* ---- The classes ---- */

/* a: bow radius, b: shaft half width, c: depth of the last tooth, n: bit 0 a third tooth, bit 1 a
 * square bow */
static rn_relief key(const rn_shape *s, float x, float y) {
    int teeth = 2 + (s->n & 1);
    float bx = x + 0.58f;
    float bow = (s->n & 2) ? box(bx, y, s->a - 0.12f, s->a - 0.12f) - 0.12f : length(bx, y) - s->a;
    float shaft = box(x - 0.3f, y, 0.7f, s->b);
    float d = fminf(bow, shaft);
    for (int i = 0; i < teeth; i++) {
        float depth = i == 0 ? s->c : 0.17f + 0.05f * (float)(i & 1);
        d = fminf(d, box(x - 0.91f + 0.235f * (float)i, y - depth, 0.085f, depth));
    }
    float hole = length(bx + 0.06f, y) - 0.5f * s->a;
    d = fmaxf(d, -hole);
    return (rn_relief){d, bevel(d, 0.1f), 1.0f - 0.25f * line(bow + 0.08f, 0.05f)};
}

/* a: depth of the teeth, b: radius of the hole, c > 0: round windows, n: teeth */
static rn_relief gear(const rn_shape *s, float x, float y) {
    float r = length(x, y);
    float wave = cosf((float)s->n * atan2f(y, x)) * 2.2f;
    float tooth = fmaxf(-1.0f, fminf(1.0f, wave));
    float d = (r - 0.98f + s->a - s->a * tooth) * 0.85f;
    d = fmaxf(d, s->b - r);
    if (s->c > 0.0f) {
        float wx = x, wy = y;
        fold(&wx, &wy, 5);
        d = fmaxf(d, s->c - length(wx - 0.5f, wy));
    }
    float rim = rn_smoothstep(0.6f, 0.66f, r) - 0.8f * rn_smoothstep(s->b + 0.1f, s->b + 0.16f, r);
    return (rn_relief){d, bevel(d, 0.08f) + 0.06f * rim, 1.0f};
}

/* a: half width, b: bend, c: strength of the notched edge, n: veins */
static rn_relief leaf(const rn_shape *s, float x, float y) {
    y -= s->b * (x * x - 0.3f);
    float d = lens(x - 0.16f, y, 0.82f, s->a);
    float notch = fabsf(x * 9.0f - floorf(x * 9.0f) - 0.5f) - 0.25f;
    d += s->c * notch;
    float stalk = taper(-x - 0.6f, y, 0.42f, 0.045f, 0.035f);
    float across = fabsf(y), along = (x - 0.8f * across) * (float)s->n;
    float vein = fabsf(along - floorf(along) - 0.5f) / (float)s->n;
    float rib = line(across, 0.06f), ribs = fmaxf(rib, 0.6f * line(vein, 0.035f));
    if (x < -0.6f) ribs = 0.0f;
    float height = 0.35f * sqrtf(fmaxf(0.0f, across)) * rn_clamp01(-d * 6.0f) + bevel(d, 0.05f);
    d = fminf(d, stalk);
    return (rn_relief){d, height - 0.03f * ribs, 1.0f + 0.55f * ribs};
}

/* The body of a mug or cup: a round wall that narrows downwards, and a dark mouth seen from above.
 * a: half width at the top, b: narrowing */
static rn_relief vessel(const rn_shape *s, float x, float y) {
    float half = s->a * (1.0f - s->b * rn_clamp01((y + 0.62f) / 1.4f));
    float top = ellipse(x, y + 0.66f, s->a, 0.17f);
    float side = box(x, y - 0.03f, half - 0.12f, 0.69f - 0.12f) - 0.12f;
    float d = fminf(top, fmaxf(side, -(y + 0.66f)));
    float mouth = ellipse(x, y + 0.66f, s->a - 0.08f, 0.11f);
    float u = fminf(fabsf(x / half), 1.0f);
    float dark = 1.0f - rn_smoothstep(-0.04f, 0.0f, mouth);
    float wall = 0.45f * sqrtf(1.0f - 0.98f * u * u) * (top < 0.0f ? 0.0f : 1.0f);
    return (rn_relief){d, wall, (top < 0.0f ? 1.2f : 1.0f) * (1.0f - 0.72f * dark)};
}

/* a, b: the body's; c: size of the handle */
static rn_relief mug(const rn_shape *s, float x, float y) {
    rn_relief body = vessel(s, x + 0.3f, y);
    float hx = x + 0.34f - s->a, hy = y - 0.02f;
    float handle = fabsf(ellipse(hx, hy, s->c, s->c * 1.05f)) - 0.09f;
    handle =
        fmaxf(handle, -(hx - 0.02f)); /* not inside of the wall, where the mouth would show it */
    if (handle < body.distance) {
        bool outside = body.distance > 0.0f;
        body.distance = handle;
        if (outside) body.height = bevel(handle, 0.09f), body.tone = 1.0f;
    }
    return body;
}

/* a: thickness at the centre, b: at the tips, c: twist of the arms */
static rn_relief starfish(const rn_shape *s, float x, float y) {
    float turn = s->c * length(x, y), u = x * cosf(turn) - y * sinf(turn);
    float v = x * sinf(turn) + y * cosf(turn);
    fold(&u, &v, 5);
    float d = taper(u, v, 0.92f - s->b, s->a, s->b);
    float bead = u * 8.0f;
    bead = length((bead - floorf(bead) - 0.5f) / 8.0f, v);
    float dot = u > 0.1f ? line(bead, 0.055f) : 0.0f;
    return (rn_relief){d, 1.3f * bevel(d, 0.24f) + 0.02f * dot, 1.0f + 0.4f * dot};
}

/* a: half height of the body, b: half height of the tail, c: height of the back fin */
static rn_relief fish(const rn_shape *s, float x, float y) {
    float body = lens(x - 0.2f, y, 0.8f, s->a);
    float u = -0.38f - x; /* from the tail's root backwards */
    float spread = (fabsf(y) - 0.05f - (s->b - 0.05f) * u / 0.58f) * 0.8f;
    float tail = fmaxf(fmaxf(-u, u - 0.6f + 0.25f * (s->b - fabsf(y))), spread);
    float fin = fmaxf(ellipse(x - 0.05f, y + s->a - 0.06f, 0.36f, s->c), y);
    float d = fminf(fminf(body, tail), fin);
    float eye = length(x - 0.68f, y + 0.07f);
    float gill = length(x - 0.8f, y) - 0.36f;
    float scales = sinf(x * 34.0f + y * 17.0f) * sinf(x * 34.0f - y * 17.0f);
    float tone = 1.0f + (x < 0.4f && body < 0.0f ? 0.16f * scales : 0.0f);
    tone *= 1.0f - 0.45f * line(gill, 0.04f) * (x < 0.6f && body < 0.0f ? 1.0f : 0.0f);
    if (body > 0.0f) tone *= 0.8f + 0.2f * sinf((y + x * 0.4f) * 45.0f);
    tone = eye < 0.13f ? rn_mix(0.12f, 1.7f, rn_smoothstep(0.05f, 0.09f, eye)) : tone;
    return (rn_relief){d, bevel(d, 0.06f) + (body < 0.0f ? bevel(body, 0.3f) : 0.0f), tone};
}

/* a: half distance of the holes, b: their radius, c: width of the rim */
static rn_relief button(const rn_shape *s, float x, float y) {
    float r = length(x, y), d = r - 0.97f;
    float hole = length(fabsf(x) - s->a, fabsf(y) - s->a) - s->b;
    float rim = rn_smoothstep(0.92f - s->c, 0.97f - s->c, r);
    d = fmaxf(d, -hole);
    return (rn_relief){d, bevel(d, 0.07f) + 0.1f * rim, 1.0f - 0.15f * line(hole, 0.08f)};
}

/* a: half the opening angle, b: radius of the finger rings, c: half width of the blades */
static rn_relief scissors(const rn_shape *s, float x, float y) {
    rn_relief out = {9.0f, 0.0f, 1.0f};
    for (int side = -1; side <= 1; side += 2) {
        float ca = cosf(s->a), sa = sinf(s->a) * (float)side;
        float u = x * ca + y * sa, v = y * ca - x * sa;
        float blade = taper(u + 0.1f, v, 1.08f, s->c, 0.015f);
        float shank = taper(-u, v, 0.5f, 0.07f, 0.06f);
        float ring = fabsf(length(u + 0.72f, v + 0.13f * (float)side) - s->b) - 0.065f;
        float handle = fminf(shank, ring), d = fminf(blade, handle);
        if (d > out.distance) continue;
        out = (rn_relief){d, bevel(d, 0.07f), handle < blade ? 0.55f : 1.15f};
    }
    float pivot = length(x, y) - 0.05f;
    if (pivot < 0.0f) out.tone = 0.4f;
    return out;
}

/* ---- The look-alikes ---- */

/* a: width of the rim, 0 for none */
static rn_relief disc(const rn_shape *s, float x, float y) {
    float r = length(x, y), d = r - 0.95f;
    return (rn_relief){d, bevel(d, 0.1f) + 0.06f * rn_smoothstep(0.9f - s->a, 0.95f - s->a, r),
                       1.0f};
}

/* a: half thickness */
static rn_relief ring(const rn_shape *s, float x, float y) {
    float d = fabsf(length(x, y) - 0.95f + s->a) - s->a;
    return (rn_relief){d, bevel(d, s->a), 1.0f};
}

/* a: half height */
static rn_relief oval(const rn_shape *s, float x, float y) {
    float d = ellipse(x, y, 0.95f, s->a);
    return (rn_relief){d, bevel(d, 0.3f), 1.0f};
}

/* a: half width, b: taper, c: bend */
static rn_relief stick(const rn_shape *s, float x, float y) {
    float d = taper(x + 0.9f, y - s->c * (x * x - 0.4f), 1.8f, s->a, s->a * s->b);
    return (rn_relief){d, bevel(d, s->a), 1.0f};
}

/* a, b: phases, c: strength of the lobes, n: lobes */
static rn_relief blob(const rn_shape *s, float x, float y) {
    float angle = atan2f(y, x);
    float wobble = sinf((float)s->n * angle + s->a) + 0.7f * sinf(2.0f * angle + s->b);
    float d = (length(x, y) - 0.78f - s->c * wobble) * 0.9f;
    return (rn_relief){d, bevel(d, 0.35f), 1.0f};
}

/* a: half the opening angle, b: half thickness */
static rn_relief arc(const rn_shape *s, float x, float y) {
    float sa = sinf(s->a), ca = cosf(s->a), ay = fabsf(y);
    bool within = sa * x > ca * ay; /* in the arc's sector around the x axis */
    float d = within ? fabsf(length(x, y) - 0.85f) : length(x - 0.85f * ca, ay - 0.85f * sa);
    return (rn_relief){d - s->b, bevel(d - s->b, s->b), 1.0f};
}

/* a: rounding, n: corners */
static rn_relief polygon(const rn_shape *s, float x, float y) {
    fold(&x, &y, s->n);
    float half = 0.9f * sinf(PI / (float)s->n), apothem = 0.9f * cosf(PI / (float)s->n) - s->a;
    float past = fmaxf(fabsf(y) - half + s->a, 0.0f);
    float d = (x > apothem ? length(x - apothem, past) : x - apothem) - s->a;
    return (rn_relief){d, bevel(d, 0.12f), 1.0f};
}

/* a: half width of the bowl, b: half width of the handle */
static rn_relief spoon(const rn_shape *s, float x, float y) {
    float bowl = ellipse(x + 0.55f, y, 0.42f, s->a), shaft = taper(x + 0.3f, y, 1.25f, s->b, s->b);
    float d = fminf(bowl, shaft), hollow = rn_clamp01(-(bowl + 0.06f) / 0.2f);
    return (rn_relief){d, bevel(d, 0.08f) - 0.15f * hollow, 1.0f};
}

/* a: half width, b: half height, c: rounding */
static rn_relief sheet(const rn_shape *s, float x, float y) {
    float d = box(x, y, s->a - s->c, s->b - s->c) - s->c;
    return (rn_relief){d, bevel(d, 0.015f), 1.0f};
}

/* ---- Table of kinds ---- */

typedef struct range {
    float low, high;
} range;

/* How each kind is drawn: its function, the ranges of a, b, c and n, and its spin. */
static const struct {
    rn_relief (*at)(const rn_shape *shape, float x, float y);
    range a, b, c;
    int n_low, n_high;
    float spin;
} kinds[RN_SHAPES] = {
    [RN_SHAPE_KEY] = {key, {0.38f, 0.46f}, {0.085f, 0.11f}, {0.19f, 0.25f}, 0, 3, 0.6f},
    [RN_SHAPE_GEAR] = {gear, {0.09f, 0.12f}, {0.18f, 0.34f}, {-0.15f, 0.15f}, 8, 12, PI},
    [RN_SHAPE_LEAF] = {leaf, {0.38f, 0.5f}, {-0.2f, 0.2f}, {0.0f, 0.08f}, 4, 6, 0.6f},
    [RN_SHAPE_MUG] = {mug, {0.5f, 0.6f}, {0.0f, 0.28f}, {0.32f, 0.4f}, 0, 0, 0.4f},
    [RN_SHAPE_STARFISH] = {starfish, {0.24f, 0.32f}, {0.09f, 0.14f}, {-0.4f, 0.4f}, 0, 0, PI},
    [RN_SHAPE_FISH] = {fish, {0.3f, 0.42f}, {0.32f, 0.45f}, {0.14f, 0.26f}, 0, 0, 0.6f},
    [RN_SHAPE_BUTTON] = {button, {0.24f, 0.3f}, {0.1f, 0.14f}, {0.12f, 0.22f}, 0, 0, PI},
    [RN_SHAPE_SCISSORS] = {scissors, {0.14f, 0.32f}, {0.18f, 0.22f}, {0.07f, 0.11f}, 0, 0, 0.6f},
    [RN_SHAPE_DISC] = {disc, {0.0f, 0.25f}, {0}, {0}, 0, 0, PI},
    [RN_SHAPE_RING] = {ring, {0.08f, 0.24f}, {0}, {0}, 0, 0, PI},
    [RN_SHAPE_OVAL] = {oval, {0.35f, 0.75f}, {0}, {0}, 0, 0, PI},
    [RN_SHAPE_STICK] = {stick, {0.03f, 0.1f}, {0.2f, 1.0f}, {-0.3f, 0.3f}, 0, 0, PI},
    [RN_SHAPE_BLOB] = {blob, {0.0f, 6.0f}, {0.0f, 6.0f}, {0.03f, 0.13f}, 2, 4, PI},
    [RN_SHAPE_ARC] = {arc, {0.6f, 2.4f}, {0.04f, 0.13f}, {0}, 0, 0, PI},
    [RN_SHAPE_POLYGON] = {polygon, {0.02f, 0.15f}, {0}, {0}, 3, 6, PI},
    [RN_SHAPE_CUP] = {vessel, {0.5f, 0.7f}, {0.0f, 0.35f}, {0}, 0, 0, 0.6f},
    [RN_SHAPE_SPOON] = {spoon, {0.24f, 0.36f}, {0.05f, 0.08f}, {0}, 0, 0, PI},
    [RN_SHAPE_SHEET] = {sheet, {0.6f, 0.85f}, {0.3f, 0.6f}, {0.01f, 0.12f}, 0, 0, PI},
};

static float draw(rn_random *random, range r) {
    return (float)rn_random_uniform(random, r.low, r.high);
}

rn_shape rn_shape_draw(rn_random *random, rn_shape_kind kind) {
    rn_shape shape = {.kind = kind};
    shape.a = draw(random, kinds[kind].a);
    shape.b = draw(random, kinds[kind].b);
    shape.c = draw(random, kinds[kind].c);
    int span = kinds[kind].n_high - kinds[kind].n_low + 1;
    shape.n = kinds[kind].n_low + (int)rn_random_below(random, (uint64_t)span);
    return shape;
}

float rn_shape_spin(rn_shape_kind kind) {
    return kinds[kind].spin;
}

rn_relief rn_shape_at(const rn_shape *shape, float x, float y) {
    return kinds[shape->kind].at(shape, x, y);
}
