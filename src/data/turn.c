/* turn.c: a decoded picture as its EXIF orientation wants it seen. */
#include "base/isa.h"
#include "base/memory.h"
#include "data/image.h"

#include <stdlib.h>
#include <string.h>

enum { TILE_W = 128, TILE_H = 64, BLOCK = 4 };

/* A picture being turned: pixel (x, y) of the new one is that at in + y * down + x * across. */
typedef struct turning {
    uint8_t *out; /* [h, w, 3] */
    int w, h;
    const uint8_t *in, *end;
    ptrdiff_t across, down;
} turning;

/* The pixels of the rectangle. */
static void turn_pixels(const turning *t, int left, int top, int right, int bottom) {
    for (int y = top; y < bottom; y++) {
        const uint8_t *from = t->in + y * t->down + left * t->across;
        uint8_t *to = t->out + 3 * ((size_t)y * (size_t)t->w + (size_t)left);
        for (int x = left; x < right; x++, to += 3, from += t->across) memcpy(to, from, 3);
    }
}

#if defined(__x86_64__)
typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint32_t words __attribute__((vector_size(16)));

/* The four lowest, and the four highest, of eight words, taken in turn from a and b. */
#define LOW(a, b)  __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)

/* BLOCK x BLOCK pixels whose rows and columns change places, four bytes a pixel on the way. Reads
 * and overwrites four bytes more than their rows have. False if it may not: nothing is done. */
__attribute__((target("avx2"))) static bool swap_block(const turning *t, int x, int y) {
    const uint8_t *in = t->in + y * t->down + x * t->across, *first = in;
    uint8_t *out = t->out + 3 * ((size_t)y * (size_t)t->w + (size_t)x);
    const bool mirrored = t->down < 0;
    words column[BLOCK], row[BLOCK];
    if (x + BLOCK + 2 > t->w || y + BLOCK > t->h) return false;
    if (mirrored) first = in += (BLOCK - 1) * t->down;
    if (t->across > 0) first += (BLOCK - 1) * t->across; /* behind the others */
    if (t->end - first < (ptrdiff_t)sizeof(bytes)) return false;
    for (int i = 0; i < BLOCK; i++, in += t->across) {
        const bytes p = *(const bytes *)in;
        column[i] = mirrored ? (words)__builtin_shufflevector(p, p, 9, 10, 11, -1, 6, 7, 8, -1, 3,
                                                              4, 5, -1, 0, 1, 2, -1)
                             : (words)__builtin_shufflevector(p, p, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7,
                                                              8, -1, 9, 10, 11, -1);
    }
    const words even[2] = {LOW(column[0], column[2]), HIGH(column[0], column[2])};
    const words odd[2] = {LOW(column[1], column[3]), HIGH(column[1], column[3])};
    for (int i = 0; i < BLOCK; i++)
        row[i] = i % 2 ? HIGH(even[i / 2], odd[i / 2]) : LOW(even[i / 2], odd[i / 2]);
    for (int i = 0; i < BLOCK; i++, out += 3 * (size_t)t->w) {
        const bytes p = (bytes)row[i];
        *(bytes *)out =
            __builtin_shufflevector(p, p, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    }
    return true;
}
#else
static bool swap_block(const turning *t, int x, int y) {
    (void)t;
    (void)x;
    (void)y;
    return false;
}
#endif

static int min_int(int a, int b) {
    return a < b ? a : b;
}

/* A tile, by blocks from left to right: what one overwrites behind itself, the next ones set. */
static void swap_tile(const turning *t, int left, int top, bool vectors) {
    const int right = min_int(left + TILE_W, t->w), bottom = min_int(top + TILE_H, t->h);
    for (int y = top; y < bottom; y += BLOCK)
        for (int x = left; x < right; x += BLOCK)
            if (!vectors || !swap_block(t, x, y))
                turn_pixels(t, x, y, min_int(x + BLOCK, right), min_int(y + BLOCK, bottom));
}

/* EXIF 2.3: orientation o says where the stored row 0 and column 0 lie. Bit by bit: 5..8 swap the
 * axes, then mirror. */
rn_status rn_image_turn(rn_image *image, int orientation, rn_isa isa) {
    const bool swapped = orientation >= 5;
    const bool mirror_x =
        orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    const bool mirror_y =
        orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    const ptrdiff_t pixel = 3, row = pixel * image->width;
    const size_t size = (size_t)row * (size_t)image->height;
    turning t = {.w = swapped ? image->height : image->width,
                 .h = swapped ? image->width : image->height,
                 .in = image->pixels,
                 .end = image->pixels + size,
                 .across = (swapped ? row : pixel) * (mirror_x ? -1 : 1),
                 .down = (swapped ? pixel : row) * (mirror_y ? -1 : 1)};
    if (orientation <= 1) return RN_OK;
    if (mirror_x) t.in -= t.across * (t.w - 1);
    if (mirror_y) t.in -= t.down * (t.h - 1);
    RN_TRY(rn_alloc_unset(&t.out, size, 1));
    if (!swapped) turn_pixels(&t, 0, 0, t.w, t.h);
    for (int top = 0; swapped && top < t.h; top += TILE_H)
        for (int left = 0; left < t.w; left += TILE_W)
            swap_tile(&t, left, top, rn_isa_choose(isa) != RN_ISA_PLAIN);
    free(image->pixels);
    *image = (rn_image){.width = t.w, .height = t.h, .pixels = t.out};
    return RN_OK;
}
