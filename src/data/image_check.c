#include "data/image_check.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

enum { PNG_SIGNATURE = 8, PNG_CHUNK = 12, BMP_HEADER = 54, MAX_SCANS = 100 };

static rn_status fault(const char *name, size_t offset, const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: %s", name, offset, what);
}

static uint32_t big32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little32(const uint8_t *p) {
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int big16(const uint8_t *p) {
    return p[0] << 8 | p[1];
}

/* A broken block says nothing about the picture: as if it were not there, but with a warning. */
static void take_exif(rn_picture_info *info, const uint8_t *tiff, size_t size) {
    const int orientation = rn_exif_orientation(tiff, size);
    if (orientation > 0)
        info->orientation = orientation;
    else
        info->warning = "broken EXIF: taken as upright";
}

/* ---- JPEG (ITU T.81, annex B) ---- */

static bool is_frame(uint8_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* The next marker at or behind *at, whose segment begins at *at afterwards (its length field); 0 at
 * the end of the file. In entropy-coded data 0xff is followed by 0 or a restart marker. */
static uint8_t next_marker(const uint8_t *bytes, size_t size, size_t *at) {
    for (size_t i = *at; i + 1 < size; i++) {
        if (bytes[i] != 0xff || bytes[i + 1] == 0xff) continue;
        const uint8_t marker = bytes[i + 1];
        if (marker == 0 || (marker >= 0xd0 && marker <= 0xd7) || marker == 0x01) continue;
        *at = i + 2;
        return marker;
    }
    *at = size;
    return 0;
}

/* Bytes of the segment at `at`, its length field included; 0 if it does not fit. */
static size_t segment_size(const uint8_t *bytes, size_t size, size_t at) {
    if (size - at < 2) return 0;
    const size_t n = (size_t)big16(bytes + at);
    return n >= 2 && n <= size - at ? n : 0;
}

static rn_status jpeg_header(rn_picture_info *info, const uint8_t *bytes, size_t size,
                             const char *name) {
    size_t at = 2;
    int transform = -1; /* of the colours, as Adobe's marker says: 0 none, 1 YCbCr, 2 YCCK */
    for (;;) {
        const uint8_t marker = next_marker(bytes, size, &at);
        const size_t n = marker && marker != 0xd9 ? segment_size(bytes, size, at) : 0;
        if (n == 0) return fault(name, at, "the JPEG ends within its header");
        if (marker == 0xe1 && n >= 8 && memcmp(bytes + at + 2, "Exif\0\0", 6) == 0)
            take_exif(info, bytes + at + 8, n - 8);
        if (marker == 0xee && n >= 14 && memcmp(bytes + at + 2, "Adobe", 6) == 0)
            transform = bytes[at + 13];
        if (is_frame(marker)) {
            if (n < 8) return fault(name, at, "a JPEG frame header that is too short");
            info->height = big16(bytes + at + 3);
            info->width = big16(bytes + at + 5);
            /* Without Adobe's word nobody knows whether 4 are CMYK, and which way up. */
            if (bytes[at + 7] == 4 && transform != 0 && transform != 2)
                return fault(name, at,
                             "a JPEG of 4 components without Adobe's marker (CMYK or YCCK?)");
            return RN_OK;
        }
        if (marker == 0xda) return fault(name, at, "a JPEG scan without a frame");
        at += n;
    }
}

/* The body of a DHT segment: tables of a class and number, 16 counts and as many codes as they say.
 * More than 256 would not fit into stb_image's tables, which it does not check. */
static bool huffman_fits(const uint8_t *body, size_t size) {
    while (size > 0) {
        size_t codes = 0;
        if (size < 17) return false;
        for (int i = 1; i <= 16; i++) codes += body[i];
        if (codes > 256 || codes > size - 17) return false;
        body += 17 + codes;
        size -= 17 + codes;
    }
    return true;
}

/* Every segment fits, there is a scan, and the end marker is there: a cut file has none. */
static rn_status jpeg_whole(const uint8_t *bytes, size_t size, const char *name) {
    size_t at = 2;
    int scans = 0; /* encoders make about ten; each may cost a walk over all pixels and no bytes */
    for (;;) {
        const uint8_t marker = next_marker(bytes, size, &at);
        if (marker == 0) return fault(name, size, "the JPEG is cut: its end marker is missing");
        if (marker == 0xd9) return scans ? RN_OK : fault(name, at, "the JPEG ends without a scan");
        const size_t n = segment_size(bytes, size, at);
        if (n == 0) return fault(name, at, "the JPEG is cut within a segment");
        if (marker == 0xc4 && !huffman_fits(bytes + at + 2, n - 2))
            return fault(name, at, "a JPEG Huffman table that does not fit");
        if (marker == 0xda && ++scans > MAX_SCANS)
            return fault(name, at, "a JPEG of more than 100 scans");
        at += n;
    }
}

/* ---- PNG (W3C, second edition) ---- */

size_t rn_png_find(size_t *length, const uint8_t *bytes, size_t size, const char *type) {
    for (size_t at = PNG_SIGNATURE; size - at >= PNG_CHUNK; at += PNG_CHUNK + *length) {
        *length = big32(bytes + at);
        if (*length > size - at - PNG_CHUNK) break; /* cut: png_whole says so */
        if (memcmp(bytes + at + 4, type, 4) == 0) return at;
    }
    return 0;
}

static rn_status png_header(rn_picture_info *info, const uint8_t *bytes, size_t size,
                            const char *name) {
    if (size < PNG_SIGNATURE + PNG_CHUNK + 13 || memcmp(bytes + 12, "IHDR", 4) != 0)
        return fault(name, PNG_SIGNATURE, "the PNG ends within its header");
    const uint32_t width = big32(bytes + 16), height = big32(bytes + 20);
    if (width > INT32_MAX || height > INT32_MAX) return fault(name, 16, "a PNG size over 2^31");
    info->width = (int)width;
    info->height = (int)height;
    size_t length;
    const size_t exif = rn_png_find(&length, bytes, size, "eXIf");
    if (exif) take_exif(info, bytes + exif + 8, length);
    return RN_OK;
}

static rn_status png_whole(const uint8_t *bytes, size_t size, const char *name) {
    size_t at = PNG_SIGNATURE, data = 0;
    for (;;) {
        if (size - at < PNG_CHUNK)
            return fault(name, at, "the PNG is cut: its IEND chunk is missing");
        const size_t n = big32(bytes + at);
        if (n > size - at - PNG_CHUNK) return fault(name, at, "the PNG is cut within a chunk");
        if (rn_crc32(0, bytes + at + 4, n + 4) != big32(bytes + at + 8 + n))
            return rn_fail(RN_EINPUT, "%s: offset %zu: PNG chunk %.4s has a wrong checksum", name,
                           at, (const char *)bytes + at + 4);
        if (memcmp(bytes + at + 4, "IDAT", 4) == 0) data += n;
        if (memcmp(bytes + at + 4, "IEND", 4) == 0)
            return data > 0 ? RN_OK : fault(name, at, "a PNG without image data");
        at += PNG_CHUNK + n;
    }
}

/* ---- BMP ---- */

static rn_status bmp_header(rn_picture_info *info, const uint8_t *bytes, size_t size,
                            const char *name) {
    if (size < BMP_HEADER || little32(bytes + 14) < 40)
        return fault(name, 14, "a BMP header that is cut or older than BITMAPINFO");
    const uint32_t width = little32(bytes + 18), height = little32(bytes + 22);
    if (width == 0 || width > INT32_MAX || height == 0 || height == 0x80000000u)
        return fault(name, 18, "a BMP without pixels");
    info->width = (int)width;
    info->height = height > INT32_MAX ? (int)-height : (int)height; /* negative: top row first */
    return RN_OK;
}

/* Every pixel of `bits` (1, 4 or 8) has a colour: stb_image would read whatever lies behind the
 * palette, which ends where the rows begin. */
static rn_status bmp_colours(const rn_picture_info *info, const uint8_t *bytes, size_t bits,
                             const char *name) {
    const size_t first = little32(bytes + 10), palette = 14 + (size_t)little32(bytes + 14);
    const size_t colours = first > palette ? (first - palette) / 4 : 0;
    const size_t row = ((size_t)info->width * bits + 31) / 32 * 4;
    for (size_t y = 0; y < (size_t)info->height; y++)
        for (size_t x = 0; x < (size_t)info->width; x++) {
            const size_t at = first + y * row + x * bits / 8, shift = 8 - bits - x * bits % 8;
            const size_t colour = (size_t)(bytes[at] >> shift) & ((1u << bits) - 1);
            if (colour >= colours)
                return rn_fail(RN_EINPUT, "%s: offset %zu: a BMP with colour %zu of %zu", name, at,
                               colour, colours);
        }
    return RN_OK;
}

static rn_status bmp_whole(const rn_picture_info *info, const uint8_t *bytes, size_t size,
                           const char *name) {
    const uint64_t first = little32(bytes + 10),
                   bits = (uint64_t)bytes[28] | (uint64_t)bytes[29] << 8;
    const uint64_t row = ((uint64_t)info->width * bits + 31) / 32 * 4,
                   need = first + row * (uint64_t)info->height;
    const uint32_t compression = little32(bytes + 30);
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return rn_fail(RN_EINPUT,
                       "%s: offset 28: a BMP of %u bits a pixel, want 1, 4, 8, 16, 24 or 32", name,
                       (unsigned)bits);
    if (first < 14 + (uint64_t)little32(bytes + 14))
        return fault(name, 10, "a BMP whose pixels begin within its header");
    /* 3: bit fields, rows as long as without. The others have no size of their own. */
    if ((compression == 0 || compression == 3) && need > size)
        return rn_fail(RN_EINPUT, "%s: offset %zu: the BMP is cut: %zu bytes, want %llu", name,
                       size, size, (unsigned long long)need);
    if (compression == 0 && (bits == 1 || bits == 4 || bits == 8))
        return bmp_colours(info, bytes, bits, name);
    return RN_OK;
}

/* ---- all ---- */

/* Formats that people have and we do not read. */
static const char *unsupported(const uint8_t *bytes, size_t size) {
    if (size >= 6 && memcmp(bytes, "GIF8", 4) == 0) return "GIF";
    if (size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "WebP";
    if (size >= 4 && memcmp(bytes, "8BPS", 4) == 0) return "PSD";
    if (size >= 10 && memcmp(bytes, "#?RADIANCE", 10) == 0) return "HDR";
    if (size >= 4 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0))
        return "TIFF";
    if (size >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0) return "HEIF or AVIF";
    /* TGA has no signature: an image type, no colour map, a pixel depth. */
    if (size > 18 && bytes[0] == 0 && bytes[1] == 0 && (bytes[2] == 2 || bytes[2] == 10) &&
        (bytes[16] == 24 || bytes[16] == 32))
        return "TGA";
    return NULL;
}

rn_status rn_picture_header(rn_picture_info *info, const uint8_t *bytes, size_t size,
                            const char *name) {
    char start[5] = "";
    *info = (rn_picture_info){.orientation = 1};
    if (size == 0) return fault(name, 0, "an empty file, want JPEG, PNG or BMP");
    if (size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) {
        info->kind = RN_PICTURE_JPEG;
        return jpeg_header(info, bytes, size, name);
    }
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) {
        info->kind = RN_PICTURE_PNG;
        return png_header(info, bytes, size, name);
    }
    if (size >= 2 && memcmp(bytes, "BM", 2) == 0) {
        info->kind = RN_PICTURE_BMP;
        return bmp_header(info, bytes, size, name);
    }
    const char *kind = unsupported(bytes, size);
    if (kind)
        return rn_fail(RN_EINPUT, "%s: offset 0: unsupported %s (want JPEG, PNG or BMP)", name,
                       kind);
    for (size_t i = 0; i < 4 && i < size; i++)
        start[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    return rn_fail(RN_EINPUT, "%s: offset 0: not JPEG/PNG/BMP, starts with '%s'", name, start);
}

rn_status rn_picture_whole(const rn_picture_info *info, const uint8_t *bytes, size_t size,
                           const char *name) {
    switch (info->kind) {
    case RN_PICTURE_JPEG:
        return jpeg_whole(bytes, size, name);
    case RN_PICTURE_PNG:
        return png_whole(bytes, size, name);
    case RN_PICTURE_BMP:
        return bmp_whole(info, bytes, size, name);
    }
    return RN_OK;
}
