/* stb.c: the one file that holds stb's code. Memory in, memory out: stb opens no files here. */
#include "data/image_check.h"

_Thread_local size_t rn_stb_limit;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <stdbool.h>
#include <stdlib.h>
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
/* A JPEG may leave out tables and scans that stb then uses: let it find zeros, not old memory, by
 * which its Huffman decoder would index. */
#define STBI_MALLOC(size) calloc(1, size)
/* Only the data of a PNG grow, those in the file and those inflated, the latter to 4 GB. */
#define STBI_REALLOC(p, size)                                                                      \
    ((size) > rn_stb_limit ? (void *)(rn_stb_limit = 0) : realloc(p, size))
#define STBI_FREE(p) free(p)
#include <stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
/* Without memory a glyph is left out in silence: the font's userdata, a bool, tells of it. */
static void *glyph_memory(size_t size, bool *failed) {
    void *memory = malloc(size);
    if (!memory && failed) *failed = true;
    return memory;
}
#define STBTT_malloc(size, failed) glyph_memory(size, failed)
#define STBTT_free(p, failed)      ((void)(failed), free(p))
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb_truetype.h>
#pragma GCC diagnostic pop
