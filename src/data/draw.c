/* draw.c: boxes and their labels on a picture. */
#include "base/memory.h"
#include "data/image.h"

#include <math.h>
#include <stb_truetype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char rn_font[]; /* font.S */

enum { MIN_TEXT = 11, MAX_TEXT = 64, PALETTE = 12 };

typedef struct color {
    uint8_t r, g, b;
} color;

/* Told apart by hue and by lightness, on light and on dark pictures. */
static const color palette[PALETTE] = {
    {255, 59, 48}, {0, 122, 255}, {52, 199, 89}, {255, 149, 0},  {175, 82, 222}, {0, 199, 190},
    {255, 45, 85}, {255, 204, 0}, {88, 86, 214}, {162, 132, 94}, {50, 173, 230}, {255, 105, 180}};

/* A label that is no class has a colour all the same. */
static color color_of(int label) {
    return palette[(unsigned)label % PALETTE];
}

/* The nearest pixel edge; what is farther than any picture reaches is brought near enough to count
 * with. */
static int edge(float at) {
    const float far = 1 << 30;
    return (int)lroundf(at < -far ? -far : at > far ? far : at);
}

static void blend(rn_image *image, int x, int y, color c, int alpha) {
    if (x < 0 || y < 0 || x >= image->width || y >= image->height) return;
    uint8_t *p = image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    p[0] = (uint8_t)(p[0] + (c.r - p[0]) * alpha / 255);
    p[1] = (uint8_t)(p[1] + (c.g - p[1]) * alpha / 255);
    p[2] = (uint8_t)(p[2] + (c.b - p[2]) * alpha / 255);
}

/* x0 <= x < x1, y0 <= y < y1, clipped to the picture. */
static void fill(rn_image *image, int x0, int y0, int x1, int y1, color c, int alpha) {
    x0 = x0 < 0 ? 0 : x0;
    y0 = y0 < 0 ? 0 : y0;
    x1 = x1 > image->width ? image->width : x1;
    y1 = y1 > image->height ? image->height : y1;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) blend(image, x, y, c, alpha);
}

/* The frame lies on the box's edge, half inside and half outside; of an odd width the larger half
 * is inside, so that a box as large as the picture shows all sides. */
static void frame(rn_image *image, const rn_box *box, int width, color c) {
    const int x0 = edge(box->x1) - width / 2, y0 = edge(box->y1) - width / 2;
    const int x1 = edge(box->x2) + width / 2, y1 = edge(box->y2) + width / 2;
    fill(image, x0, y0, x1, y0 + width, c, 235);
    fill(image, x0, y1 - width, x1, y1, c, 235);
    fill(image, x0, y0 + width, x0 + width, y1 - width, c, 235);
    fill(image, x1 - width, y0 + width, x1, y1 - width, c, 235);
}

/* ---- text ---- */

typedef struct pen {
    stbtt_fontinfo font;
    float scale;
    int ascent, height; /* pixels: baseline below the top, and the whole line */
    uint8_t *glyph;     /* [glyph_size] coverage of one glyph */
    size_t glyph_size;
    bool failed; /* a glyph was left out for want of memory */
} pen;

static rn_status pen_open(pen *p, int height) {
    int ascent, descent, gap;
    if (!stbtt_InitFont(&p->font, rn_font, 0))
        return rn_fail(RN_EINVAL, "the built-in font cannot be read");
    p->font.userdata = &p->failed; /* see stb.c */
    p->scale = stbtt_ScaleForPixelHeight(&p->font, (float)height);
    stbtt_GetFontVMetrics(&p->font, &ascent, &descent, &gap);
    p->ascent = (int)lroundf((float)ascent * p->scale);
    p->height = height;
    p->glyph_size = (size_t)height * (size_t)height * 8;
    return rn_alloc(&p->glyph, p->glyph_size, 1);
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

static float advance_of(const pen *p, int character) {
    int advance, bearing;
    stbtt_GetCodepointHMetrics(&p->font, character, &advance, &bearing);
    return (float)advance * p->scale;
}

static int text_width(const pen *p, const char *text) {
    float x = 0;
    while (*text) x += advance_of(p, next_character(&text));
    return (int)ceilf(x);
}

static void draw_text(rn_image *image, const pen *p, float x, int y, const char *text, color c) {
    while (*text) {
        const int character = next_character(&text);
        const float shift = x - floorf(x);
        int x0, y0, x1, y1;
        stbtt_GetCodepointBitmapBoxSubpixel(&p->font, character, p->scale, p->scale, shift, 0, &x0,
                                            &y0, &x1, &y1);
        const int w = x1 - x0, h = y1 - y0;
        if (w > 0 && h > 0 && (size_t)w * (size_t)h <= p->glyph_size) {
            stbtt_MakeCodepointBitmapSubpixel(&p->font, p->glyph, w, h, w, p->scale, p->scale,
                                              shift, 0, character);
            for (int v = 0; v < h; v++)
                for (int u = 0; u < w; u++)
                    blend(image, (int)floorf(x) + x0 + u, y + p->ascent + y0 + v, c,
                          p->glyph[v * w + u]);
        }
        x += advance_of(p, character);
    }
}

/* A tab in the class's colour on the box's upper edge, moved into the picture where it would stick
 * out. */
static void label(rn_image *image, const pen *p, const rn_box *box, const char *name, int line,
                  color c) {
    char text[128];
    const int pad = p->height / 5 + 1;
    snprintf(text, sizeof text, "%.100s %.2f", name, (double)box->score);
    const int w = text_width(p, text) + 2 * pad, h = p->height + pad;
    int x = edge(box->x1) - line / 2, y = edge(box->y1) - line / 2 - h;
    if (y < 0) y = edge(box->y1) + line / 2;
    if (x + w > image->width) x = image->width - w;
    if (x < 0) x = 0;
    if (y + h > image->height) y = image->height - h;
    if (y < 0) y = 0;
    fill(image, x, y, x + w, y + h, c, 225);
    const int luminance = (299 * c.r + 587 * c.g + 114 * c.b) / 1000;
    const color ink = luminance > 140 ? (color){16, 16, 16} : (color){255, 255, 255};
    draw_text(image, p, (float)(x + pad), y + pad / 2, text, ink);
}

static bool has_place(const rn_box *box) {
    return !isnan(box->x1) && !isnan(box->y1) && !isnan(box->x2) && !isnan(box->y2);
}

rn_status rn_image_draw(rn_image *image, const rn_box *boxes, size_t n, char *const *class_names,
                        size_t n_classes) {
    const int side = image->width < image->height ? image->width : image->height;
    const int line = side / 250 < 1 ? 1 : side / 250 > 8 ? 8 : side / 250;
    const int text = side / 32 < MIN_TEXT ? MIN_TEXT : side / 32 > MAX_TEXT ? MAX_TEXT : side / 32;
    pen p = {0};
    RN_TRY(pen_open(&p, text));
    for (size_t i = n; i-- > 0;) /* the best on top */
        if (has_place(&boxes[i])) frame(image, &boxes[i], line, color_of(boxes[i].label));
    for (size_t i = n; i-- > 0;) {
        const int k = boxes[i].label;
        const char *name = k >= 0 && (size_t)k < n_classes ? class_names[k] : "?";
        if (has_place(&boxes[i])) label(image, &p, &boxes[i], name, line, color_of(k));
    }
    free(p.glyph);
    return p.failed ? rn_fail(RN_ENOMEM, "cannot allocate a glyph") : RN_OK;
}
