#include "base/file.h"
#include "base/memory.h"
#include "data/image.h"
#include "data/png_encode.h"

#include <fcntl.h>
#include <stb_image_write.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { QUALITY = 92, JPEG_SIDE = 65535 };

static const char mark[] = "written by detect (RetinaNet in C)";

/* Bytes that stb hands over piece by piece. */
typedef struct sink {
    uint8_t *bytes;
    size_t size, cap;
    rn_status status;
} sink;

static void take(void *context, void *data, int size) {
    sink *s = context;
    if (s->status == RN_OK) s->status = rn_reserve(&s->bytes, &s->cap, s->size + (size_t)size, 1);
    if (s->status != RN_OK) return;
    memcpy(s->bytes + s->size, data, (size_t)size);
    s->size += (size_t)size;
}

static void put32(uint8_t *out, uint32_t value) {
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Where the mark stands: behind a JPEG's start marker, or behind a PNG's IHDR. */
static size_t mark_place(bool png) {
    return png ? 33 : 2;
}

/* The mark as a JPEG comment or as a PNG tEXt chunk; returns its size. */
static size_t make_mark(uint8_t chunk[128], bool png) {
    static const char keyword[] = "Software";
    const size_t n = sizeof mark - 1, body = sizeof keyword + n;
    if (!png) { /* marker, length with itself, text */
        chunk[0] = 0xff;
        chunk[1] = 0xfe;
        chunk[2] = (uint8_t)((n + 2) >> 8);
        chunk[3] = (uint8_t)(n + 2);
        memcpy(chunk + 4, mark, n);
        return 4 + n;
    }
    put32(chunk, (uint32_t)body); /* length, "tEXt", keyword, 0, text, checksum */
    memcpy(chunk + 4, "tEXt", 4);
    memcpy(chunk + 8, keyword, sizeof keyword);
    memcpy(chunk + 8 + sizeof keyword, mark, n);
    put32(chunk + 8 + body, rn_crc32(0, chunk + 4, 4 + body));
    return 12 + body;
}

static rn_status write_marked(rn_writer *writer, const sink *s, bool png) {
    const size_t at = mark_place(png);
    uint8_t chunk[128];
    RN_TRY(rn_writer_write(writer, s->bytes, at));
    RN_TRY(rn_writer_write(writer, chunk, make_mark(chunk, png)));
    return rn_writer_write(writer, s->bytes + at, s->size - at);
}

static bool ends_with(const char *path, const char *ending) {
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && strcasecmp(path + n - m, ending) == 0;
}

static rn_status encode_and_write(const rn_image *image, const char *path, bool marked) {
    const bool png = ends_with(path, ".png");
    sink s = {.status = RN_OK};
    rn_writer *writer = NULL;
    rn_status status;
    if (!png && !ends_with(path, ".jpg") && !ends_with(path, ".jpeg"))
        return rn_fail(RN_EINVAL, "%s: cannot write this kind of picture (want .jpg or .png)",
                       path);
    if (!png && (image->width > JPEG_SIDE || image->height > JPEG_SIDE))
        return rn_fail(RN_EINVAL, "%s: %dx%d is too large for JPEG (want sides <= %d, or .png)",
                       path, image->width, image->height, JPEG_SIDE);
    const int ok = png ? rn_png_encode(take, &s, image)
                       : stbi_write_jpg_to_func(take, &s, image->width, image->height, 3,
                                                image->pixels, QUALITY);
    status = s.status;
    if (status == RN_OK && (!ok || s.size < 64))
        status = rn_fail(RN_ENOMEM, "%s: cannot encode the picture", path);
    if (status != RN_OK) goto done;
    if ((status = rn_writer_open(&writer, path)) != RN_OK) goto done;
    status = marked ? write_marked(writer, &s, png) : rn_writer_write(writer, s.bytes, s.size);
    if (status != RN_OK) goto done;
    status = rn_writer_commit(writer);
    writer = NULL;
done:
    rn_writer_abort(writer);
    free(s.bytes);
    return status;
}

rn_status rn_image_write(const rn_image *image, const char *path) {
    return encode_and_write(image, path, false);
}

rn_status rn_image_write_annotated(const rn_image *image, const char *path) {
    return encode_and_write(image, path, true);
}

/* The mark in its very place: a picture that was edited and saved since is its owner's. */
static bool is_marked(const uint8_t *bytes, size_t size, bool png) {
    uint8_t chunk[128];
    const size_t at = mark_place(png), n = make_mark(chunk, png);
    return size >= at + n && memcmp(bytes + at, chunk, n) == 0;
}

bool rn_image_is_annotated(const char *path) {
    uint8_t start[256];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    const ssize_t n = fd < 0 ? -1 : read(fd, start, sizeof start);
    if (fd >= 0) close(fd);
    return n > 0 && (is_marked(start, (size_t)n, false) || is_marked(start, (size_t)n, true));
}
