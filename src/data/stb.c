/* stb.c: the one file that holds stb's code. Memory in, memory out: stb opens no files here. */
#include "base/memory.h"
#include "data/image_check.h"
#include "data/png_encode.h"

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
static void *picture_memory(size_t size) {
    void *memory = calloc(1, size);
    if (memory) rn_advise_large(memory, size);
    return memory;
}
/* A JPEG may leave out tables and scans that stb then uses: let it find zeros, not old memory, by
 * which its Huffman decoder would index. */
#define STBI_MALLOC(size) picture_memory(size)
/* Only the data of a PNG grow, those in the file and those inflated, the latter to 4 GB. */
#define STBI_REALLOC(p, size)                                                                      \
    ((size) > rn_stb_limit ? (void *)(rn_stb_limit = 0) : realloc(p, size))
#define STBI_FREE(p) free(p)
#include <stb_image.h>
/* stb's PNG encoder writes through what a failed realloc has returned. So a failed one does not
 * return: it goes back to rn_png_encode, and what the encoder had is freed there. */
#include <setjmp.h>
typedef struct png_block {
    struct png_block *next, **link; /* link: what points to this one */
} png_block;
static _Thread_local struct {
    jmp_buf without_memory;
    png_block *blocks;
} png;

static void png_unlink(png_block *b) {
    *b->link = b->next;
    if (b->next) b->next->link = b->link;
}

static void *png_realloc(void *old, size_t size) {
    png_block *b = old ? (png_block *)old - 1 : NULL;
    if (b) png_unlink(b);
    png_block *moved = realloc(b, sizeof *b + size);
    if (!moved) {
        free(b);
        longjmp(png.without_memory, 1);
    }
    *moved = (png_block){.next = png.blocks, .link = &png.blocks};
    if (png.blocks) png.blocks->link = &moved->next;
    png.blocks = moved;
    return moved + 1;
}

static void png_free(void *p) {
    if (!p) return;
    png_unlink((png_block *)p - 1);
    free((png_block *)p - 1);
}
#define STBIW_MALLOC(size)     png_realloc(NULL, size)
#define STBIW_REALLOC(p, size) png_realloc(p, size)
#define STBIW_FREE(p)          png_free(p)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

bool rn_png_encode(rn_take_bytes *take, void *context, const rn_image *image) {
    volatile int done = 0;
    if (setjmp(png.without_memory) == 0)
        done =
            stbi_write_png_to_func(take, context, image->width, image->height, 3, image->pixels, 0);
    while (png.blocks) png_free(png.blocks + 1);
    return done;
}
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
