#include "base/file.h"
#include "base/memory.h"
#include "data/image.h"

#include <stb_image_write.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUALITY = 92, MARK_SEARCH = 4096 };
#define MAX_FILE ((size_t)1 << 30)

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

/* The mark as a JPEG comment behind the start marker, or as a PNG tEXt chunk behind IHDR; written
 * with the rest around it. */
static rn_status write_marked(rn_writer *writer, const sink *s, bool png) {
    const size_t at = png ? 33 : 2;
    const size_t n = sizeof mark - 1;
    uint8_t chunk[128];
    size_t size;
    if (png) { /* length, "tEXt", keyword, 0, text, checksum */
        static const char keyword[] = "Software";
        const size_t body = sizeof keyword + n;
        put32(chunk, (uint32_t)body);
        memcpy(chunk + 4, "tEXt", 4);
        memcpy(chunk + 8, keyword, sizeof keyword);
        memcpy(chunk + 8 + sizeof keyword, mark, n);
        put32(chunk + 8 + body, rn_crc32(0, chunk + 4, 4 + body));
        size = 12 + body;
    } else { /* marker, length with itself, text */
        chunk[0] = 0xff;
        chunk[1] = 0xfe;
        chunk[2] = (uint8_t)((n + 2) >> 8);
        chunk[3] = (uint8_t)(n + 2);
        memcpy(chunk + 4, mark, n);
        size = 4 + n;
    }
    RN_TRY(rn_writer_write(writer, s->bytes, at));
    RN_TRY(rn_writer_write(writer, chunk, size));
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
    const int ok =
        png ? stbi_write_png_to_func(take, &s, image->width, image->height, 3, image->pixels, 0)
            : stbi_write_jpg_to_func(take, &s, image->width, image->height, 3, image->pixels,
                                     QUALITY);
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

bool rn_image_is_annotated(const char *path) {
    uint8_t *bytes;
    size_t size;
    if (rn_file_read(&bytes, &size, path, MAX_FILE) != RN_OK) return false;
    const bool found =
        memmem(bytes, size < MARK_SEARCH ? size : MARK_SEARCH, mark, sizeof mark - 1) != NULL;
    free(bytes);
    return found;
}
