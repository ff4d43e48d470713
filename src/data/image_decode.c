#include "base/file.h"
#include "base/memory.h"
#include "data/image.h"
#include "data/image_check.h"

#include <errno.h>
#include <limits.h>
#include <stb_image.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_PIXELS = 64000000 };
enum { PNG_DEPTH = 24, PNG_COLOUR = 25 }; /* offsets of the bytes in a PNG's header */
#define MAX_FILE ((size_t)1 << 30)

void rn_image_free(rn_image *image) {
    free(image->pixels);
    *image = (rn_image){0};
}

rn_status rn_image_probe(int *width, int *height, int *orientation, const uint8_t *bytes,
                         size_t size, const char *name) {
    rn_picture_info info;
    RN_TRY(rn_picture_header(&info, bytes, size, name));
    *width = info.width;
    *height = info.height;
    *orientation = info.orientation;
    return RN_OK;
}

/* Sizes that are none, over the limit, or more than the file's bytes could hold, before anything is
 * allocated. A DEFLATE stream grows at most 1032-fold; a JPEG block of 64 pixels takes at least the
 * one bit of its DC coefficient. */
static rn_status check_size(const rn_picture_info *info, size_t size, const char *name,
                            size_t max_pixels) {
    const uint64_t pixels = (uint64_t)info->width * (uint64_t)info->height;
    const uint64_t limit = max_pixels ? max_pixels : DEFAULT_MAX_PIXELS;
    if (pixels == 0)
        return rn_fail(RN_EINPUT, "%s: offset 0: a picture of %dx%d pixels", name, info->width,
                       info->height);
    if (pixels > limit || info->width > INT_MAX / 4 || info->height > INT_MAX / 4)
        return rn_fail(RN_EINPUT,
                       "%s: offset 0: %dx%d is over the limit of %llu pixels (--max-pixels)", name,
                       info->width, info->height, (unsigned long long)limit);
    if ((info->kind == RN_PICTURE_JPEG && pixels / 512 > size) ||
        (info->kind == RN_PICTURE_PNG && pixels / 8 / 1032 > size))
        return rn_fail(RN_EINPUT,
                       "%s: offset %zu: the file is cut: %zu bytes cannot hold %dx%d pixels", name,
                       size, size, info->width, info->height);
    return RN_OK;
}

/* Decode to `channels` bytes a pixel: 3, or 1 for grey. */
static rn_status decode(rn_image *out, const rn_picture_info *info, const uint8_t *bytes,
                        size_t size, const char *name, int channels) {
    int stored;
    if (size > INT_MAX)
        return rn_fail(RN_EINPUT, "%s: offset 0: %zu bytes is too long for a picture", name, size);
    /* Of 16-bit RGBA with interlacing, and doubled: so stb's blocks grow. */
    rn_stb_limit = 2 * (size + (size_t)info->width * (size_t)info->height * 10) + 8192;
    errno = 0; /* stb's own reason for want of memory may read "not of any known type" */
    out->pixels =
        stbi_load_from_memory(bytes, (int)size, &out->width, &out->height, &stored, channels);
    if (out->pixels) return RN_OK;
    if (rn_stb_limit == 0)
        return rn_fail(RN_EINPUT, "%s: offset 0: the PNG holds much more data than %dx%d pixels",
                       name, info->width, info->height);
    if (errno == ENOMEM) return rn_fail(RN_ENOMEM, "%s: not enough memory for its pixels", name);
    return rn_fail(RN_EINPUT, "%s: offset 0: cannot decode: %s", name, stbi_failure_reason());
}

/* Of a palette's numbers; stb_image refuses others. */
static bool is_depth(uint8_t bits) {
    return bits == 1 || bits == 2 || bits == 4 || bits == 8;
}

/* A PNG with a palette. stb_image would take colours from whatever lies behind the palette's end,
 * so it decodes a copy that claims to be grey, whose greys are the numbers of the colours. */
static rn_status decode_palette(rn_image *out, const rn_picture_info *info, const uint8_t *bytes,
                                size_t size, const char *name) {
    size_t length, ignored;
    const size_t palette = rn_png_find(&length, bytes, size, "PLTE");
    const size_t alpha = rn_png_find(&ignored, bytes, size, "tRNS");
    const unsigned step = 255 / ((1u << bytes[PNG_DEPTH]) - 1); /* from one grey to the next */
    rn_image grey = {0};
    uint8_t *copy;
    rn_status status;
    RN_TRY(rn_alloc(&copy, size, 1));
    memcpy(copy, bytes, size);
    copy[PNG_COLOUR] = 0;
    if (alpha) copy[alpha + 7] = 'x'; /* of a grey one it would mean something else */
    if ((status = decode(&grey, info, copy, size, name, 1)) != RN_OK) goto done;
    const size_t n = (size_t)grey.width * (size_t)grey.height;
    if ((status = rn_alloc(&out->pixels, n, 3)) != RN_OK) goto done;
    out->width = grey.width;
    out->height = grey.height;
    for (size_t i = 0; i < n && status == RN_OK; i++) {
        const size_t colour = grey.pixels[i] / step;
        if (palette && colour < length / 3)
            memcpy(out->pixels + 3 * i, bytes + palette + 8 + 3 * colour, 3);
        else
            status = rn_fail(RN_EINPUT, "%s: offset %zu: a PNG with colour %zu of %zu", name,
                             palette, colour, palette ? length / 3 : 0);
    }
done:
    rn_image_free(&grey);
    free(copy);
    return status;
}

rn_status rn_image_decode(rn_image *out, const uint8_t *bytes, size_t size, const char *name,
                          size_t max_pixels, bool orientation) {
    rn_picture_info info;
    rn_status status;
    *out = (rn_image){0};
    RN_TRY(rn_picture_header(&info, bytes, size, name));
    RN_TRY(check_size(&info, size, name, max_pixels));
    RN_TRY(rn_picture_whole(&info, bytes, size, name));
    if (info.kind == RN_PICTURE_PNG && bytes[PNG_COLOUR] == 3 && is_depth(bytes[PNG_DEPTH]))
        status = decode_palette(out, &info, bytes, size, name);
    else
        status = decode(out, &info, bytes, size, name, 3);
    if (status == RN_OK && orientation) status = rn_image_turn(out, info.orientation, RN_ISA_BEST);
    if (status != RN_OK)
        rn_image_free(out);
    else
        out->warning = info.warning;
    return status;
}

rn_status rn_image_read(rn_image *out, const char *path, const rn_read_options *options) {
    const rn_read_options defaults = {0};
    uint8_t *bytes = NULL;
    size_t size;
    *out = (rn_image){0};
    if (!options) options = &defaults;
    RN_TRY(rn_file_read(&bytes, &size, path, MAX_FILE));
    const rn_status status =
        rn_image_decode(out, bytes, size, path, options->max_pixels, !options->ignore_orientation);
    free(bytes);
    return status;
}
