#include "data/scenes_texture.h"

#include <math.h>
#include <stdbool.h>

#define PI 3.14159265f

float rn_clamp01(float x) {
    return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
}

float rn_mix(float a, float b, float t) {
    return a + (b - a) * t;
}

float rn_smoothstep(float low, float high, float x) {
    float t = rn_clamp01((x - low) / (high - low));
    return t * t * (3.0f - 2.0f * t);
}

rn_color rn_color_mix(rn_color a, rn_color b, float t) {
    return (rn_color){rn_mix(a.r, b.r, t), rn_mix(a.g, b.g, t), rn_mix(a.b, b.b, t)};
}

rn_color rn_color_scale(rn_color a, float factor) {
    return (rn_color){a.r * factor, a.g * factor, a.b * factor};
}

/* ---- Noise ---- */

/* A fixed random number in [0, 1) for every lattice point. */
static float lattice(uint32_t seed, int x, int y) {
    uint32_t h = seed + (uint32_t)x * 0x8da6b343u + (uint32_t)y * 0xd8163841u;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return (float)((h ^ (h >> 15)) >> 8) * 0x1p-24f;
}

/* floor() without the call: |x| stays far below 2^31 here. */
static int floor_int(float x) {
    int i = (int)x;
    return i - (x < (float)i);
}

static float value_noise(uint32_t seed, float x, float y) {
    int ix = floor_int(x), iy = floor_int(y);
    float fx = x - (float)ix, fy = y - (float)iy;
    fx = fx * fx * (3.0f - 2.0f * fx);
    fy = fy * fy * (3.0f - 2.0f * fy);
    float top = rn_mix(lattice(seed, ix, iy), lattice(seed, ix + 1, iy), fx);
    float bottom = rn_mix(lattice(seed, ix, iy + 1), lattice(seed, ix + 1, iy + 1), fx);
    return rn_mix(top, bottom, fy);
}

float rn_noise(uint32_t seed, float x, float y, int octaves) {
    float sum = 0.0f, weight = 1.0f, total = 0.0f;
    for (int i = 0; i < octaves; i++) {
        sum += weight * value_noise(seed + (uint32_t)i * 0x9e3779b9u, x, y);
        total += weight;
        weight *= 0.5f;
        x *= 2.0f;
        y *= 2.0f;
    }
    return sum / total;
}

/* Cellular noise (Worley 1996): distances to the nearest and the second nearest of one random point
 * a cell, and a random number for the nearest. */
static void cells(uint32_t seed, float x, float y, float *first, float *second, float *id) {
    int ix = floor_int(x), iy = floor_int(y);
    float best = 9.0f, next = 9.0f;
    for (int cy = iy - 1; cy <= iy + 1; cy++) {
        for (int cx = ix - 1; cx <= ix + 1; cx++) {
            float dx = (float)cx + lattice(seed, cx, cy) - x;
            float dy = (float)cy + lattice(seed + 1, cx, cy) - y;
            float d = dx * dx + dy * dy;
            if (d < best) {
                next = best;
                best = d;
                *id = lattice(seed + 2, cx, cy);
            } else if (d < next) {
                next = d;
            }
        }
    }
    *first = sqrtf(best);
    *second = sqrtf(next);
}

/* ---- Patterns: each a number, most of the time within 0..1, at (x, y) ---- */

static float wood(uint32_t seed, float x, float y) {
    float warp = rn_noise(seed, x * 1.3f, y * 3.0f, 2);
    float rings = 0.5f + 0.5f * sinf(2.0f * PI * (y * 5.0f + 3.0f * warp));
    return 0.55f * rings + 0.45f * rn_noise(seed + 7, x * 4.0f, y * 70.0f, 2);
}

static float gravel(uint32_t seed, float x, float y) {
    float first, second, id = 0.0f;
    cells(seed, x * 15.0f, y * 15.0f, &first, &second, &id);
    float gap = rn_smoothstep(0.02f, 0.22f, second - first);
    return gap * (0.25f + 0.75f * id - 0.3f * first) +
           0.1f * value_noise(seed, x * 90.0f, y * 90.0f);
}

static float fibre(uint32_t seed, float x, float y) {
    float best = 0.0f;
    for (int layer = 0; layer < 3; layer++) {
        float a = ((float)layer - 1.0f) * 0.45f + lattice(seed, layer, 0) * 0.3f;
        float u = x * cosf(a) + y * sinf(a), v = y * cosf(a) - x * sinf(a);
        float blade = value_noise(seed + (uint32_t)layer * 31u, u * 9.0f, v * 60.0f);
        if (blade > best) best = blade;
    }
    return best * 1.4f - 0.4f;
}

static float weave(uint32_t seed, float x, float y) {
    float u = x * 34.0f, v = y * 34.0f;
    int iu = floor_int(u), iv = floor_int(v);
    bool over = ((iu + iv) & 1) != 0;
    float across = over ? u - (float)iu : v - (float)iv;
    float thread = over ? lattice(seed, iu, 0) : lattice(seed + 1, iv, 0);
    return sinf(PI * across) * (0.55f + 0.45f * thread) * (over ? 1.0f : 0.8f);
}

static float marble(uint32_t seed, float x, float y) {
    float warp = rn_noise(seed, x * 3.0f, y * 3.0f, 4);
    return sqrtf(fabsf(sinf(PI * (x * 2.0f + 3.5f * warp))));
}

static float speckle(uint32_t seed, float x, float y) {
    float first, second, id = 0.0f;
    cells(seed, x * 22.0f, y * 22.0f, &first, &second, &id);
    float chip = 1.0f - rn_smoothstep(0.18f + 0.2f * id, 0.3f + 0.2f * id, first);
    return 0.35f * rn_noise(seed, x * 12.0f, y * 12.0f, 3) + chip * (id < 0.5f ? 0.65f : -0.1f);
}

static float stripe(uint32_t seed, float x, float y) {
    float wave = rn_smoothstep(-0.25f, 0.25f, sinf(2.0f * PI * 7.0f * x));
    if (seed & 1) wave = 0.5f * (wave + rn_smoothstep(-0.25f, 0.25f, sinf(2.0f * PI * 7.0f * y)));
    return 0.8f * wave + 0.2f * rn_noise(seed, x * 40.0f, y * 40.0f, 2);
}

static float tile(uint32_t seed, float x, float y) {
    float v = y * 4.0f;
    int row = floor_int(v);
    float u = x * ((seed & 1) ? 4.0f : 1.3f) + lattice(seed, row, 9);
    int column = floor_int(u);
    float fu = u - (float)column, fv = v - (float)row;
    float edge = fminf(fminf(fu, 1.0f - fu) * ((seed & 1) ? 1.0f : 3.0f), fminf(fv, 1.0f - fv));
    float tone = 0.35f + 0.35f * lattice(seed, column, row);
    float grain = rn_noise(seed + (uint32_t)row, x * 10.0f, y * 60.0f, 3);
    return rn_smoothstep(0.01f, 0.06f, edge) * (tone + 0.4f * grain);
}

static float pattern_at(const rn_texture *texture, float x, float y) {
    uint32_t seed = texture->seed;
    switch (texture->pattern) {
    case RN_PATTERN_WOOD:
        return wood(seed, x, y);
    case RN_PATTERN_GRAVEL:
        return gravel(seed, x, y);
    case RN_PATTERN_FIBRE:
        return fibre(seed, x, y);
    case RN_PATTERN_WEAVE:
        return weave(seed, x, y);
    case RN_PATTERN_MARBLE:
        return marble(seed, x, y);
    case RN_PATTERN_SPECKLE:
        return speckle(seed, x, y);
    case RN_PATTERN_STRIPE:
        return stripe(seed, x, y);
    case RN_PATTERN_TILE:
        return tile(seed, x, y);
    case RN_PATTERN_MOTTLE:
    case RN_PATTERNS:
        break;
    }
    return 1.6f * rn_noise(seed, x * 7.0f, y * 7.0f, 5) - 0.3f;
}

rn_color rn_texture_at(const rn_texture *texture, float x, float y) {
    float u = (x * texture->cos_a + y * texture->sin_a) * texture->frequency;
    float v = (y * texture->cos_a - x * texture->sin_a) * texture->frequency;
    float t = rn_clamp01(pattern_at(texture, u, v));
    return rn_color_mix(texture->low, texture->high, t);
}

/* ---- Random draws ---- */

static float uniform(rn_random *random, float low, float high) {
    return (float)rn_random_uniform(random, low, high);
}

/* Hue 0..6, saturation and value 0..1. */
static rn_color from_hsv(float hue, float saturation, float value) {
    float part[3];
    for (int i = 0; i < 3; i++) {
        float k = fmodf((i == 0 ? 5.0f : i == 1 ? 3.0f : 1.0f) + hue, 6.0f);
        float ramp = rn_clamp01(fminf(k, 4.0f - k));
        part[i] = value * (1.0f - saturation * ramp);
    }
    return (rn_color){part[0], part[1], part[2]};
}

rn_color rn_color_draw(rn_random *random) {
    float value = uniform(random, 0.25f, 0.95f);
    switch (rn_random_below(random, 4)) {
    case 0:
        return from_hsv(uniform(random, 0.0f, 6.0f), uniform(random, 0.0f, 0.12f), value);
    case 1:
    case 2:
        return from_hsv(uniform(random, 0.3f, 1.0f), uniform(random, 0.2f, 0.65f), value);
    default:
        return from_hsv(uniform(random, 0.0f, 6.0f), uniform(random, 0.3f, 0.8f), value);
    }
}

rn_texture rn_texture_draw(rn_random *random, rn_color base, float contrast) {
    float angle = uniform(random, 0.0f, 2.0f * PI);
    rn_color other = rn_color_draw(random);
    float spread = uniform(random, 0.15f, 0.6f) * contrast;
    float darker = 1.0f - uniform(random, 0.2f, 0.7f) * contrast;
    rn_texture texture = {
        .pattern = (rn_pattern)rn_random_below(random, RN_PATTERNS),
        .seed = (uint32_t)rn_random_next(random),
        .frequency = uniform(random, 0.7f, 1.5f),
        .cos_a = cosf(angle),
        .sin_a = sinf(angle),
        .low = rn_color_scale(rn_color_mix(base, other, spread), darker),
        .high = base,
    };
    return texture;
}
