/* bad_pictures.h: a set of twenty pictures, one of them bad or odd, and what runs on it. */
#ifndef RN_TESTS_BAD_PICTURES_H
#define RN_TESTS_BAD_PICTURES_H

#include "bad_inputs.h"
#include "picture_files.h"

enum { PICTURES = 20 };

#define BOX(id, image)                                                                             \
    "{\"id\": " #id ", \"image_id\": " #image ", \"category_id\": 1, \"bbox\": [2, 3, 8, 6]}"

/* set/train.json and set/val.json: `n` pictures, 16 x 12, an object on the first; the last one is
 * `last`, whose size is told by `size`. */
static inline void write_set(int n, const char *last, const char *size) {
    static char json[8192];
    size_t used = (size_t)snprintf(
        json, sizeof json, "{\"categories\": [{\"id\": 1, \"name\": \"key\"}], \"images\": [");
    for (int i = 0; i < n - 1; i++) {
        char name[32];
        snprintf(name, sizeof name, "set/p%02d.bmp", i);
        temp_bmp(name, 16, 12, (uint8_t)i);
        used += (size_t)snprintf(json + used, sizeof json - used,
                                 "{\"id\": %d, \"file_name\": \"p%02d.bmp\", \"width\": 16, "
                                 "\"height\": 12}, ",
                                 i, i);
    }
    snprintf(json + used, sizeof json - used,
             "{\"id\": %d, \"file_name\": \"%s\"%s}], \"annotations\": [" BOX(1, 0) "]}", n, last,
             size);
    temp_text("set/train.json", json);
    temp_text("set/val.json", json);
}

static inline void evaluate(void) {
    RUN("evaluate", "set", "-m", "model.safetensors", "--json", "o.json");
}

/* One step on a batch of all. */
static inline void train(void) {
    static int runs;
    char run[16], batch[16];
    snprintf(run, sizeof run, "run%d", runs++);
    snprintf(batch, sizeof batch, "batch=%d", PICTURES);
    run_args(tiny_args(run, ARGS("--max-steps", "1", "--set", batch)));
}

#define TWENTY                                                                                     \
    "data        20 pictures to train on (19 without objects), 1 boxes, 1 classes; 20 to "         \
    "validate\n"

/* A picture of noise, as an encoder writes it. */
static inline void write_noise(const char *name) {
    static uint8_t pixels[64 * 64 * 3];
    const rn_image noise = {.width = 64, .height = 64, .pixels = pixels};
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
    ck_assert_int_eq(rn_image_write(&noise, temp_path(name)), RN_OK);
}

#endif
