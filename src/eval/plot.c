#include "eval/plot.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 128 }; /* bytes of a text that are shown at most */

rn_status rn_plot_open(rn_plot *plot) {
    plot->image = (rn_image){0};
    return rn_pen_open(&plot->pen, RN_PLOT_TEXT);
}

rn_status rn_plot_resize(rn_plot *plot, int width, int height) {
    const size_t n = (size_t)width * (size_t)height;
    RN_TRY(rn_alloc(&plot->image.pixels, n, 3));
    memset(plot->image.pixels, 255, 3 * n);
    plot->image.width = width;
    plot->image.height = height;
    return RN_OK;
}

rn_status rn_plot_close(rn_plot *plot, rn_status status, const char *folder, const char *name) {
    char *path = NULL;
    const rn_status drawn = rn_pen_close(plot->pen);
    if (status == RN_OK) status = drawn;
    if (status == RN_OK) status = rn_path_join(&path, folder, name);
    if (status == RN_OK) status = rn_image_write(&plot->image, path);
    free(path);
    rn_image_free(&plot->image);
    return status;
}

/* ---- text ---- */

/* `text` in out[SHOWN], cut with "..." to `most` pixels. */
static void shorten(char out[SHOWN], const rn_plot *plot, const char *text, int most) {
    size_t n = strlen(text);
    snprintf(out, SHOWN, "%s", text);
    while (n > 0 && (n >= SHOWN - 3 || rn_pen_width(plot->pen, out) > most)) {
        n--;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* no half character */
        if (n < SHOWN - 3) snprintf(out, SHOWN, "%.*s...", (int)n, text);
    }
}

int rn_plot_width(const rn_plot *plot, const char *text, int most) {
    char shown[SHOWN];
    shorten(shown, plot, text, most);
    return rn_pen_width(plot->pen, shown);
}

/* Pixels from a text's start to where it is held. */
static int held_at(int width, rn_align align) {
    return align == RN_ALIGN_LEFT ? 0 : align == RN_ALIGN_MIDDLE ? width / 2 : width;
}

void rn_plot_text(rn_plot *plot, int x, int y, const char *text, rn_align align, int most) {
    char shown[SHOWN];
    shorten(shown, plot, text, most);
    x -= held_at(rn_pen_width(plot->pen, shown), align);
    rn_pen_write(plot->pen, &plot->image, (float)x, (float)y, shown, RN_PLOT_INK, RN_RIGHTWARDS);
}

void rn_plot_text_up(rn_plot *plot, int x, int y, const char *text, rn_align align, int most) {
    char shown[SHOWN];
    shorten(shown, plot, text, most);
    y += held_at(rn_pen_width(plot->pen, shown), align);
    rn_pen_write(plot->pen, &plot->image, (float)x, (float)y, shown, RN_PLOT_INK, RN_UPWARDS);
}
