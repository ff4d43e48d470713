/* scenes_texture.h: procedural surfaces for the generated scenes: value noise, nine patterns, and
 * colours. Pure functions of their arguments. */
#ifndef RN_DATA_SCENES_TEXTURE_H
#define RN_DATA_SCENES_TEXTURE_H

#include "base/random.h"

typedef struct rn_color {
    float r, g, b; /* 0..1 as displayed (no linear light); highlights may go above 1 */
} rn_color;

typedef enum rn_pattern {
    RN_PATTERN_MOTTLE, /* plaster, paper, leather: fractal noise */
    RN_PATTERN_WOOD,
    RN_PATTERN_GRAVEL,
    RN_PATTERN_FIBRE, /* grass, straw, carpet */
    RN_PATTERN_WEAVE,
    RN_PATTERN_MARBLE,
    RN_PATTERN_SPECKLE, /* terrazzo, granite */
    RN_PATTERN_STRIPE,  /* striped or chequered cloth */
    RN_PATTERN_TILE,    /* tiles or boards with seams */
    RN_PATTERNS
} rn_pattern;

/* A surface: a pattern that runs between two colours. */
typedef struct rn_texture {
    rn_pattern pattern;
    uint32_t seed;
    float frequency;    /* 1 is the pattern's natural size in a picture whose shorter side is 1 */
    float cos_a, sin_a; /* direction of the grain */
    rn_color low, high;
} rn_texture;

float rn_clamp01(float x);
float rn_mix(float a, float b, float t); /* a + (b - a) t */
/* 0 below `low`, 1 above `high`, a cubic between; low < high. */
float rn_smoothstep(float low, float high, float x);
rn_color rn_color_mix(rn_color a, rn_color b, float t);
rn_color rn_color_scale(rn_color a, float factor);

/* Value noise summed over `octaves`, each of twice the frequency and half the height, in 0..1. */
float rn_noise(uint32_t seed, float x, float y, int octaves);

/* A colour as things on a table have it: earthen and grey ones more often than strong ones.
 * Objects, distractors and backgrounds all draw from here, so that colour tells nothing about the
 * class. */
rn_color rn_color_draw(rn_random *random);

/* A random surface around `base`. `contrast` 0..1: how far apart its two colours may lie. */
rn_texture rn_texture_draw(rn_random *random, rn_color base, float contrast);

/* The colour at (x, y), in shares of the picture's shorter side. */
rn_color rn_texture_at(const rn_texture *texture, float x, float y);

#endif
