/* draw.h: filled rectangles, lines and text on a picture; whatever leaves the picture is cut. */
#ifndef RN_DATA_DRAW_H
#define RN_DATA_DRAW_H

#include "base/status.h"

typedef struct rn_color {
    uint8_t r, g, b;
} rn_color;

/* The colour of a class, on light and on dark pictures; they come again after RN_DRAW_COLORS. A
 * label that is no class has a colour all the same. */
enum { RN_DRAW_COLORS = 12 };
rn_color rn_draw_color(int label);

/* Whole pixels x0 <= x < x1, y0 <= y < y1. */
typedef struct rn_area {
    int x0, y0, x1, y1;
} rn_area;

/* alpha 0..255: how much of what was there is covered. */
void rn_draw_fill(rn_image *image, rn_area area, rn_color color, int alpha);

/* A line `width` pixels thick with round ends, anti-aliased; pixel centres lie at halves. */
typedef struct rn_line {
    float x0, y0, x1, y1;
} rn_line;
void rn_draw_line(rn_image *image, rn_line line, float width, rn_color color);

/* ---- text ---- */

/* Writes text of one height, in pixels of a whole line, in DejaVu Sans. */
typedef struct rn_pen rn_pen;
RN_MUST_USE rn_status rn_pen_open(rn_pen **out, int height); /* RN_ENOMEM */
/* RN_ENOMEM if anything that was written lacks a glyph for want of memory. NULL is fine. */
RN_MUST_USE rn_status rn_pen_close(rn_pen *pen);

int rn_pen_width(const rn_pen *pen, const char *text); /* pixels */

/* Write UTF-8 `text` to the right, (x, y) being its upper left corner; or upwards, turned to the
 * left, (x, y) being its lower left corner. */
typedef enum rn_direction { RN_RIGHTWARDS, RN_UPWARDS } rn_direction;
void rn_pen_write(rn_pen *pen, rn_image *image, float x, float y, const char *text, rn_color ink,
                  rn_direction direction);

#endif
