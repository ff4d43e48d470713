/* winograd_tiles.h: pictures of several sizes as one list of tiles. Private to winograd.c and
 * winograd_weight.c. */
#ifndef RN_OPS_WINOGRAD_TILES_H
#define RN_OPS_WINOGRAD_TILES_H

#include "ops/conv.h"
#include "ops/winograd_transform.h"

/* A batch of pictures cut into tiles. */
typedef struct rn_tiling {
    const real *src;      /* [batch, h, w, channels of src] */
    real *dst;            /* [batch, h, w, channels of dst] */
    const real *residual; /* as large as dst; NULL: none */
    size_t h, w, tiles_y, tiles_x;
    size_t end; /* the number of the tile behind its last */
} rn_tiling;

typedef struct rn_tilings {
    rn_tiling list[RN_CONV_PARTS];
    size_t n;
    size_t tiles; /* of all together */
} rn_tilings;

/* One tile: its picture and its first output pixel. */
typedef struct rn_tile {
    const rn_tiling *in;
    size_t image, y, x;
} rn_tile;

static inline rn_tiling *rn_tilings_add(rn_tilings *tilings, const rn_conv_dims *d, const real *src,
                                        real *dst) {
    rn_tiling t = {.src = src, .dst = dst, .h = (size_t)d->in_h, .w = (size_t)d->in_w};
    t.tiles_y = rn_divide_up(t.h, RN_TILE_STEP);
    t.tiles_x = rn_divide_up(t.w, RN_TILE_STEP);
    t.end = tilings->tiles += (size_t)d->batch * t.tiles_y * t.tiles_x;
    tilings->list[tilings->n] = t;
    return &tilings->list[tilings->n++];
}

static inline rn_tile rn_tile_find(const rn_tilings *tilings, size_t number) {
    const rn_tiling *t = tilings->list;
    size_t begin = 0;
    for (; number >= t->end; t++) begin = t->end;
    const size_t at = number - begin, area = t->tiles_y * t->tiles_x;
    return (rn_tile){t, at / area, at % area / t->tiles_x * RN_TILE_STEP,
                     at % t->tiles_x * RN_TILE_STEP};
}

/* pixels[RN_TILE_INPUTS] of src, the first one up and left of the first output; `zeros` outside. */
static inline void rn_tile_inputs(const real **pixels, const rn_tile *tile, size_t c,
                                  const real *zeros) {
    const size_t h = tile->in->h, w = tile->in->w;
    const real *src = tile->in->src + tile->image * h * w * c;
    for (size_t i = 0; i < RN_TILE_SIDE; i++) {
        for (size_t j = 0; j < RN_TILE_SIDE; j++) {
            const size_t y = tile->y + i - 1, x = tile->x + j - 1; /* -1 wraps: outside too */
            pixels[i * RN_TILE_SIDE + j] = y < h && x < w ? src + (y * w + x) * c : zeros;
        }
    }
}

/* pixels[RN_TILE_OUTPUTS] of dst from channel `first` of `c` on; `outside` where there is none. */
static inline void rn_tile_outputs(real **pixels, const rn_tile *tile, size_t c, size_t first,
                                   real *outside) {
    const size_t h = tile->in->h, w = tile->in->w;
    real *dst = tile->in->dst + tile->image * h * w * c + first;
    for (size_t i = 0; i < RN_TILE_STEP; i++) {
        for (size_t j = 0; j < RN_TILE_STEP; j++) {
            const size_t y = tile->y + i, x = tile->x + j;
            pixels[i * RN_TILE_STEP + j] = y < h && x < w ? dst + (y * w + x) * c : outside;
        }
    }
}

#endif
