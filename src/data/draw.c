/* draw.c: lines, text, boxes and their labels on a picture. */
#include "data/draw.h"
#include "base/memory.h"

#include <math.h>
#include <stb_truetype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char rn_font[]; /* font.S */

enum { MIN_TEXT = 11, MAX_TEXT = 64 };

/* Told apart by hue and by lightness, on light and on dark pictures. */
static const rn_color palette[RN_DRAW_COLORS] = {
    {255, 59, 48}, {0, 122, 255}, {52, 199, 89}, {255, 149, 0},  {175, 82, 222}, {0, 199, 190},
    {255, 45, 85}, {255, 204, 0}, {88, 86, 214}, {162, 132, 94}, {50, 173, 230}, {255, 105, 180}};

rn_color rn_draw_color(int label) {
    return palette[(unsigned)label % RN_DRAW_COLORS];
}

/* The nearest pixel edge; what is farther than any picture reaches is brought near enough to count
 * with. */
static int edge(float at) {
    const float far = 1 << 30;
    return (int)lroundf(at < -far ? -far : at > far ? far : at);
}

static void blend(rn_image *image, int x, int y, rn_color c, int alpha) {
    if (x < 0 || y < 0 || x >= image->width || y >= image->height) return;
    uint8_t *p = image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    p[0] = (uint8_t)(p[0] + (c.r - p[0]) * alpha / 255);
    p[1] = (uint8_t)(p[1] + (c.g - p[1]) * alpha / 255);
    p[2] = (uint8_t)(p[2] + (c.b - p[2]) * alpha / 255);
}

void rn_draw_fill(rn_image *image, rn_area a, rn_color c, int alpha) {
    a.x0 = a.x0 < 0 ? 0 : a.x0;
    a.y0 = a.y0 < 0 ? 0 : a.y0;
    a.x1 = a.x1 > image->width ? image->width : a.x1;
    a.y1 = a.y1 > image->height ? image->height : a.y1;
    for (int y = a.y0; y < a.y1; y++)
        for (int x = a.x0; x < a.x1; x++) blend(image, x, y, c, alpha);
}

/* How much of a pixel a line covers, 0..1: as far as the distance of the pixel's centre falls short
 * of `reach`. */
static float line_cover(const rn_line *line, float reach, int x, int y) {
    const float dx = line->x1 - line->x0, dy = line->y1 - line->y0, length2 = dx * dx + dy * dy;
    const float px = (float)x + 0.5f - line->x0, py = (float)y + 0.5f - line->y0;
    const float along = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
    const float t = fminf(fmaxf(along, 0), 1);
    return fminf(fmaxf(reach - hypotf(px - t * dx, py - t * dy), 0), 1);
}

/* Column by column, or row by row where it is steep: in each the few pixels about the line. */
void rn_draw_line(rn_image *image, rn_line line, float width, rn_color c) {
    const float reach = width / 2 + 0.5f, around = 1.5f * reach + 1; /* at 45 degrees: 1.42 */
    const bool steep = fabsf(line.y1 - line.y0) > fabsf(line.x1 - line.x0);
    const float from = steep ? line.y0 : line.x0, to = steep ? line.y1 : line.x1;
    const float low = steep ? line.x0 : line.y0, high = steep ? line.x1 : line.y1;
    const int first = edge(fminf(from, to) - reach - 1), last = edge(fmaxf(from, to) + reach + 1);
    const int side = steep ? image->height : image->width;
    for (int a = first < 0 ? 0 : first; a <= last && a < side; a++) {
        const float t = from == to ? 0 : ((float)a + 0.5f - from) / (to - from);
        const float centre = low + fminf(fmaxf(t, 0), 1) * (high - low);
        for (int b = edge(centre - around); b <= edge(centre + around); b++) {
            const int x = steep ? b : a, y = steep ? a : b;
            blend(image, x, y, c, (int)(255 * line_cover(&line, reach, x, y)));
        }
    }
}

/* The frame lies on the box's edge, half inside and half outside; of an odd width the larger half
 * is inside, so that a box as large as the picture shows all sides. */
static void frame(rn_image *image, const rn_box *box, int width, rn_color c) {
    const int x0 = edge(box->x1) - width / 2, y0 = edge(box->y1) - width / 2;
    const int x1 = edge(box->x2) + width / 2, y1 = edge(box->y2) + width / 2;
    rn_draw_fill(image, (rn_area){x0, y0, x1, y0 + width}, c, 235);
    rn_draw_fill(image, (rn_area){x0, y1 - width, x1, y1}, c, 235);
    rn_draw_fill(image, (rn_area){x0, y0 + width, x0 + width, y1 - width}, c, 235);
    rn_draw_fill(image, (rn_area){x1 - width, y0 + width, x1, y1 - width}, c, 235);
}

/* ---- text ---- */

struct rn_pen {
    stbtt_fontinfo font;
    float scale;
    int ascent, height; /* pixels: baseline below the top, and the whole line */
    uint8_t *glyph;     /* [glyph_size] coverage of one glyph */
    size_t glyph_size;
    bool failed; /* a glyph was left out for want of memory */
};

static void pen_free(rn_pen *p) {
    free(p->glyph);
    free(p);
}

rn_status rn_pen_open(rn_pen **out, int height) {
    int ascent, descent, gap;
    rn_pen *p;
    *out = NULL;
    RN_TRY(rn_alloc(&p, 1, sizeof *p));
    if (!stbtt_InitFont(&p->font, rn_font, 0)) {
        pen_free(p);
        return rn_fail(RN_EINVAL, "the built-in font cannot be read");
    }
    p->font.userdata = &p->failed; /* see stb.c */
    p->scale = stbtt_ScaleForPixelHeight(&p->font, (float)height);
    stbtt_GetFontVMetrics(&p->font, &ascent, &descent, &gap);
    p->ascent = (int)lroundf((float)ascent * p->scale);
    p->height = height;
    p->glyph_size = (size_t)height * (size_t)height * 8;
    const rn_status status = rn_alloc(&p->glyph, p->glyph_size, 1);
    if (status == RN_OK)
        *out = p;
    else
        pen_free(p);
    return status;
}

rn_status rn_pen_close(rn_pen *p) {
    if (!p) return RN_OK;
    const bool failed = p->failed;
    pen_free(p);
    return failed ? rn_fail(RN_ENOMEM, "cannot allocate a glyph") : RN_OK;
}

/* The next character of UTF-8 text; a byte that is none stands for U+FFFD. */
static int next_character(const char **text) {
    const unsigned char *p = (const unsigned char *)*text;
    const int more = p[0] < 0x80 ? 0 : p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc2 ? 1 : -1;
    int c = more == 0 ? p[0] : p[0] & (0x3f >> (more > 0 ? more : 0));
    *text += 1;
    if (more < 0) return 0xfffd;
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0xfffd;
        c = c << 6 | (p[i] & 0x3f);
    }
    *text += more;
    return c;
}

static float advance_of(const rn_pen *p, int character) {
    int advance, bearing;
    stbtt_GetCodepointHMetrics(&p->font, character, &advance, &bearing);
    return (float)advance * p->scale;
}

int rn_pen_width(const rn_pen *p, const char *text) {
    float x = 0;
    while (*text) x += advance_of(p, next_character(&text));
    return (int)ceilf(x);
}

void rn_pen_write(rn_pen *p, rn_image *image, float x, float y, const char *text, rn_color c,
                  rn_direction direction) {
    float along = direction == RN_UPWARDS ? -y : x; /* where the text has come, in its direction */
    const int across = (int)(direction == RN_UPWARDS ? x : y) + p->ascent;
    while (*text) {
        const int character = next_character(&text);
        const float shift = along - floorf(along);
        int x0, y0, x1, y1;
        stbtt_GetCodepointBitmapBoxSubpixel(&p->font, character, p->scale, p->scale, shift, 0, &x0,
                                            &y0, &x1, &y1);
        const int w = x1 - x0, h = y1 - y0;
        if (w > 0 && h > 0 && (size_t)w * (size_t)h <= p->glyph_size) {
            stbtt_MakeCodepointBitmapSubpixel(&p->font, p->glyph, w, h, w, p->scale, p->scale,
                                              shift, 0, character);
            for (int v = 0; v < h; v++)
                for (int u = 0; u < w; u++) {
                    const int a = (int)floorf(along) + x0 + u, b = across + y0 + v;
                    if (direction == RN_UPWARDS)
                        blend(image, b, -1 - a, c, p->glyph[v * w + u]);
                    else
                        blend(image, a, b, c, p->glyph[v * w + u]);
                }
        }
        along += advance_of(p, character);
    }
}

/* A tab in the class's colour on the box's upper edge, moved into the picture where it would stick
 * out. */
static void label(rn_image *image, rn_pen *p, const rn_box *box, const char *name, int line,
                  rn_color c) {
    char text[128];
    const int pad = p->height / 5 + 1;
    snprintf(text, sizeof text, "%.100s %.2f", name, (double)box->score);
    const int w = rn_pen_width(p, text) + 2 * pad, h = p->height + pad;
    int x = edge(box->x1) - line / 2, y = edge(box->y1) - line / 2 - h;
    if (y < 0) y = edge(box->y1) + line / 2;
    if (x + w > image->width) x = image->width - w;
    if (x < 0) x = 0;
    if (y + h > image->height) y = image->height - h;
    if (y < 0) y = 0;
    rn_draw_fill(image, (rn_area){x, y, x + w, y + h}, c, 225);
    const int luminance = (299 * c.r + 587 * c.g + 114 * c.b) / 1000;
    const rn_color ink = luminance > 140 ? (rn_color){16, 16, 16} : (rn_color){255, 255, 255};
    rn_pen_write(p, image, (float)(x + pad), (float)(y + pad / 2), text, ink, RN_RIGHTWARDS);
}

static bool has_place(const rn_box *box) {
    return !isnan(box->x1) && !isnan(box->y1) && !isnan(box->x2) && !isnan(box->y2);
}

rn_status rn_image_draw(rn_image *image, const rn_box *boxes, size_t n, char *const *class_names,
                        size_t n_classes) {
    const int side = image->width < image->height ? image->width : image->height;
    const int line = side / 250 < 1 ? 1 : side / 250 > 8 ? 8 : side / 250;
    const int text = side / 32 < MIN_TEXT ? MIN_TEXT : side / 32 > MAX_TEXT ? MAX_TEXT : side / 32;
    rn_pen *p;
    RN_TRY(rn_pen_open(&p, text));
    for (size_t i = n; i-- > 0;) /* the best on top */
        if (has_place(&boxes[i])) frame(image, &boxes[i], line, rn_draw_color(boxes[i].label));
    for (size_t i = n; i-- > 0;) {
        const int k = boxes[i].label;
        const char *name = k >= 0 && (size_t)k < n_classes ? class_names[k] : "?";
        if (has_place(&boxes[i])) label(image, p, &boxes[i], name, line, rn_draw_color(k));
    }
    return rn_pen_close(p);
}
