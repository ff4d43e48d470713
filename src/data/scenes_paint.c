/* From a layout to pixels: table, then every thing from the bottom upwards with its shadow, then
 * the light and the sensor. */
#include "data/scenes.h"

#include "base/memory.h"
#include "data/scenes_texture.h"
#include <math.h>
#include <stdlib.h>

#define PI 3.14159265f

/* The reliefs of one thing over a window of the picture and its surroundings. Every point is
 * evaluated once, and serves outline, slope and shadow alike. */
typedef struct stamp {
    rn_relief *at;  /* [h, w] */
    int x, y, w, h; /* window, pixels */
} stamp;

typedef struct light {
    float x, y, z;  /* unit vector towards the lamp; y downwards, z up from the table */
    float ambient;  /* 0..1 */
    float softness; /* of the shadows' edge, as a share of their length */
    float darkness; /* of the shadows */
    int reach;      /* longest shadow, pixels */
} light;

typedef struct canvas {
    rn_color *pixels; /* [height, width] */
    int width, height;
    float unit; /* 1 / shorter side: pixels to the textures' coordinates */
} canvas;

/* What a thing is made of. */
typedef struct material {
    rn_texture texture;
    float gloss, shininess;
    float opacity;
    float lift; /* length of its shadow, share of light.reach */
} material;

static float uniform(rn_random *random, float low, float high) {
    return (float)rn_random_uniform(random, low, high);
}

static light light_draw(rn_random *random, const rn_scene *scene) {
    float azimuth = uniform(random, 0.0f, 2.0f * PI), height = uniform(random, 0.6f, 1.2f);
    return (light){.x = cosf(azimuth) * cosf(height),
                   .y = sinf(azimuth) * cosf(height),
                   .z = sinf(height),
                   .ambient = uniform(random, 0.35f, 0.6f),
                   .softness = uniform(random, 0.5f, 1.5f),
                   .darkness = uniform(random, 0.3f, 0.6f),
                   .reach = 2 + scene->shorter / 24};
}

static void paint_table(const canvas *c, rn_random *random, float clutter) {
    rn_color base = rn_color_draw(random);
    float grey =
        (base.r + base.g + base.b) / 3.0f; /* tables are less gaudy than what lies on them */
    base = rn_color_mix(base, (rn_color){grey, grey, grey}, uniform(random, 0.0f, 0.6f));
    rn_texture table = rn_texture_draw(random, base, 0.2f + 0.7f * clutter);
    uint32_t seed = (uint32_t)rn_random_next(random);
    float patches = uniform(random, 0.0f, 0.6f) * clutter;
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            float u = (float)x * c->unit, v = (float)y * c->unit;
            float worn = 1.0f + patches * (rn_noise(seed, u * 4.0f, v * 4.0f, 3) - 0.5f);
            rn_color color = rn_texture_at(&table, u, v);
            c->pixels[(size_t)y * (size_t)c->width + (size_t)x] = rn_color_scale(color, worn);
        }
    }
}

/* The mean colour of what lies under the extent of `thing`. */
static rn_color color_below(const canvas *c, const rn_thing *thing) {
    rn_color sum = {0.0f, 0.0f, 0.0f};
    float n = 0.0f;
    for (int i = 0; i < 64; i++) {
        int x = thing->x1 + (thing->x2 - thing->x1) * (2 * (i % 8) + 1) / 16;
        int y = thing->y1 + (thing->y2 - thing->y1) * (2 * (i / 8) + 1) / 16;
        if (x < 0 || y < 0 || x >= c->width || y >= c->height) continue;
        const rn_color *p = &c->pixels[(size_t)y * (size_t)c->width + (size_t)x];
        sum.r += p->r, sum.g += p->g, sum.b += p->b;
        n += 1.0f;
    }
    return n > 0.0f ? rn_color_scale(sum, 1.0f / n) : sum;
}

/* A random material. Its colour stands off from what is below, by the same rule for objects and
 * look-alikes: nothing is to be found by its contrast, nothing is to be invisible either. */
static material material_draw(rn_random *random, rn_thing_role role, rn_color below) {
    const float least = 0.28f; /* distance of two colours in RGB */
    rn_color base = rn_color_draw(random);
    for (int i = 0; i < 6; i++) {
        float r = base.r - below.r, g = base.g - below.g, b = base.b - below.b;
        if (r * r + g * g + b * b >= least * least) break;
        base = rn_color_draw(random);
    }
    bool loose = role == RN_THING_OBJECT || role == RN_THING_OTHER;
    float gloss = uniform(random, -0.3f, 0.9f), contrast = uniform(random, 0.1f, 0.75f);
    material m = {
        .texture = rn_texture_draw(random, base, contrast),
        .gloss = fmaxf(0.0f, gloss),
        .shininess = uniform(random, 6.0f, 40.0f),
        .opacity = role == RN_THING_MARK ? uniform(random, 0.2f, 0.7f) : 1.0f,
        .lift = loose                    ? uniform(random, 0.35f, 1.0f)
                : role == RN_THING_SHEET ? 0.25f
                                         : 0.0f,
    };
    if (loose) m.texture.frequency *= 1.8f;
    return m;
}

static void stamp_fill(stamp *s, const rn_thing *thing, const canvas *c, int reach) {
    int x1 = thing->x1 - reach, y1 = thing->y1 - reach;
    int x2 = thing->x2 + reach, y2 = thing->y2 + reach;
    s->x = x1 > -reach ? x1 : -reach;
    s->y = y1 > -reach ? y1 : -reach;
    s->w = (x2 < c->width + reach ? x2 : c->width + reach) - s->x;
    s->h = (y2 < c->height + reach ? y2 : c->height + reach) - s->y;
    for (int y = 0; y < s->h; y++) {
        for (int x = 0; x < s->w; x++) {
            rn_relief relief = rn_thing_at(thing, s->x + x, s->y + y);
            s->at[(size_t)y * (size_t)s->w + (size_t)x] = relief;
        }
    }
}

/* The relief at pixel (x, y), that of the window's border outside of it. */
static const rn_relief *stamp_at(const stamp *s, int x, int y) {
    x -= s->x, y -= s->y;
    x = x < 0 ? 0 : x >= s->w ? s->w - 1 : x;
    y = y < 0 ? 0 : y >= s->h ? s->h - 1 : y;
    return &s->at[(size_t)y * (size_t)s->w + (size_t)x];
}

/* Share of the pixel that the thing covers: its distance in pixels, by the distance's own slope. */
static float coverage(const stamp *s, int x, int y) {
    float dx = 0.5f * (stamp_at(s, x + 1, y)->distance - stamp_at(s, x - 1, y)->distance);
    float dy = 0.5f * (stamp_at(s, x, y + 1)->distance - stamp_at(s, x, y - 1)->distance);
    float slope = sqrtf(dx * dx + dy * dy) + 1e-6f;
    return rn_clamp01(0.5f - stamp_at(s, x, y)->distance / slope);
}

static float clamp_slope(float slope) {
    return fmaxf(-2.5f, fminf(2.5f, slope));
}

/* Blinn and Phong's light on the relief; the flat table has diffuse 1. */
static rn_color shaded(const stamp *s, int x, int y, float scale, const material *m, const light *l,
                       rn_color color) {
    float half = 0.5f * scale;
    float sx = half * (stamp_at(s, x + 1, y)->height - stamp_at(s, x - 1, y)->height);
    float sy = half * (stamp_at(s, x, y + 1)->height - stamp_at(s, x, y - 1)->height);
    float nx = -clamp_slope(sx), ny = -clamp_slope(sy);
    float norm = 1.0f / sqrtf(nx * nx + ny * ny + 1.0f);
    float diffuse = fmaxf(0.0f, (nx * l->x + ny * l->y + l->z) * norm) / l->z;
    float hx = l->x, hy = l->y, hz = l->z + 1.0f; /* half way to the camera, which is above */
    float facing = (nx * hx + ny * hy + hz) * norm / sqrtf(hx * hx + hy * hy + hz * hz);
    float glint = m->gloss * powf(fmaxf(0.0f, facing), m->shininess) * 0.6f;
    float shade = l->ambient + (1.0f - l->ambient) * fminf(diffuse, 1.6f);
    color = rn_color_scale(color, shade * stamp_at(s, x, y)->tone);
    return (rn_color){color.r + glint, color.g + glint, color.b + glint};
}

static void paint_thing(const canvas *c, stamp *s, const rn_thing *thing, const material *m,
                        const light *l) {
    float length = m->lift * (float)l->reach;
    int sx = (int)lroundf(-l->x * length), sy = (int)lroundf(-l->y * length);
    float blur = thing->pose.scale / (1.0f + l->softness * length);
    stamp_fill(s, thing, c, l->reach);
    int x1 = s->x > 0 ? s->x : 0, y1 = s->y > 0 ? s->y : 0;
    for (int y = y1; y < s->y + s->h && y < c->height; y++) {
        rn_color *row = c->pixels + (size_t)y * (size_t)c->width;
        for (int x = x1; x < s->x + s->w && x < c->width; x++) {
            if (m->lift > 0.0f) { /* the shadow, soft by the distance from the caster's outline */
                float shadow = 0.5f - stamp_at(s, x - sx, y - sy)->distance * blur;
                shadow = rn_smoothstep(0.0f, 1.0f, shadow);
                row[x] = rn_color_scale(row[x], 1.0f - l->darkness * shadow);
            }
            float share = coverage(s, x, y) * m->opacity;
            if (share <= 0.0f) continue;
            /* the texture moves and turns with the thing, not with the table */
            const rn_pose *p = &thing->pose;
            float dx = (float)x - p->x, dy = (float)y - p->y, k = p->scale * c->unit;
            float u = (p->inverse[0] * dx + p->inverse[1] * dy) * k;
            float v = (p->inverse[2] * dx + p->inverse[3] * dy) * k;
            rn_color color = rn_texture_at(&m->texture, u, v);
            if (thing->role != RN_THING_MARK) color = shaded(s, x, y, p->scale, m, l, color);
            row[x] = rn_color_mix(row[x], color, share);
        }
    }
}

/* Uneven light over the whole picture: a gradient, a vignette, a soft shadow from outside. */
typedef struct mood {
    float gain_r, gain_g, gain_b, slope_x, slope_y, vignette, shadow;
    uint32_t seed;
} mood;

static mood mood_draw(rn_random *random, float strength) {
    float exposure = 1.0f + strength * uniform(random, -0.25f, 0.4f);
    float warm = strength * uniform(random, -0.2f, 0.2f), angle = uniform(random, 0.0f, 2.0f * PI);
    float slope = strength * uniform(random, 0.0f, 0.7f);
    return (mood){.gain_r = exposure * (1.0f + warm),
                  .gain_g = exposure,
                  .gain_b = exposure * (1.0f - warm),
                  .slope_x = slope * cosf(angle),
                  .slope_y = slope * sinf(angle),
                  .vignette = strength * uniform(random, 0.0f, 0.8f),
                  .shadow = strength * uniform(random, 0.0f, 0.8f),
                  .seed = (uint32_t)rn_random_next(random)};
}

static float mood_at(const mood *m, float u, float v) {
    float distance = u * u + v * v; /* u, v: -0.5..0.5 */
    float cloud = rn_smoothstep(0.45f, 0.65f, rn_noise(m->seed, u * 2.0f, v * 2.0f, 2));
    return (1.0f + m->slope_x * u + m->slope_y * v) * (1.0f - m->vignette * distance) *
           (1.0f - m->shadow * cloud);
}

/* Four bytes' mean, about normal with mean 0 and deviation 1 (Irwin and Hall), from 32 bits. */
static float noise_of(uint32_t bits) {
    uint32_t sum = (bits & 255) + ((bits >> 8) & 255) + ((bits >> 16) & 255) + (bits >> 24);
    return ((float)sum - 510.0f) * (1.0f / 147.8f);
}

static uint8_t to_byte(float value) {
    return (uint8_t)(rn_clamp01(value) * 255.0f + 0.5f);
}

/* Light and sensor: noise of every pixel, common to the three colours and one each. */
static void develop(rn_image *image, const canvas *c, const mood *m, float sigma,
                    rn_random *grain) {
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            size_t i = (size_t)y * (size_t)c->width + (size_t)x;
            float u = ((float)x + 0.5f) / (float)c->width - 0.5f;
            float v = ((float)y + 0.5f) / (float)c->height - 0.5f;
            float lamp = mood_at(m, u, v);
            uint64_t bits[2] = {rn_random_next(grain), rn_random_next(grain)};
            float common = noise_of((uint32_t)bits[0]);
            rn_color p = c->pixels[i];
            uint8_t *out = image->pixels + 3 * i;
            out[0] = to_byte(p.r * lamp * m->gain_r +
                             sigma * (common + 0.6f * noise_of((uint32_t)(bits[0] >> 32))));
            out[1] = to_byte(p.g * lamp * m->gain_g +
                             sigma * (common + 0.6f * noise_of((uint32_t)bits[1])));
            out[2] = to_byte(p.b * lamp * m->gain_b +
                             sigma * (common + 0.6f * noise_of((uint32_t)(bits[1] >> 32))));
        }
    }
}

rn_status rn_scene_paint(rn_image *image, const rn_scene *scene, rn_random *random,
                         rn_random *grain) {
    rn_status status;
    canvas c = {
        .width = scene->width, .height = scene->height, .unit = 1.0f / (float)scene->shorter};
    stamp s = {0};
    light l = light_draw(random, scene);
    size_t pixels = (size_t)c.width * (size_t)c.height;
    size_t window = (size_t)(c.width + 2 * l.reach) * (size_t)(c.height + 2 * l.reach);
    if ((status = rn_alloc(&c.pixels, pixels, sizeof *c.pixels)) != RN_OK) goto done;
    if ((status = rn_alloc(&s.at, window, sizeof *s.at)) != RN_OK) goto done;
    paint_table(&c, random, scene->options->clutter);
    for (size_t i = scene->n_things; i-- > 0;) {
        const rn_thing *thing = &scene->things[i];
        material m = material_draw(random, thing->role, color_below(&c, thing));
        paint_thing(&c, &s, thing, &m, &l);
    }
    float noise = scene->options->noise;
    mood m = mood_draw(random, noise);
    develop(image, &c, &m, noise * uniform(grain, 0.005f, 0.06f), grain);
done:
    free(s.at);
    free(c.pixels);
    return status;
}
