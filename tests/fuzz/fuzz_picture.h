/* fuzz_picture.h: the body of the targets for JPEG, PNG and BMP. */
#ifndef RN_TESTS_FUZZ_PICTURE_H
#define RN_TESTS_FUZZ_PICTURE_H

#include "data/image.h"
#include "fuzz.h"

#include <string.h>

/* Of the picture: what a few kilobytes may blow up to. */
enum { FUZZ_MAX_PIXELS = 1 << 20 };

/* Inputs with another signature are passed over: a corpus holds one format. */
static inline int fuzz_picture(const uint8_t *data, size_t size, const char *signature) {
    rn_image image = {.width = 77};
    int width, height, orientation;
    unsigned sum = 0;
    if (size < strlen(signature) || memcmp(data, signature, strlen(signature)) != 0) return 0;
    const rn_status status = rn_image_decode(&image, data, size, "p", FUZZ_MAX_PIXELS, true);
    if (!fuzz_read(status, "p: offset ")) {
        FUZZ_CHECK(!image.pixels && image.width == 0 && image.height == 0);
        return 0;
    }
    FUZZ_CHECK(rn_image_probe(&width, &height, &orientation, data, size, "p") == RN_OK);
    FUZZ_CHECK(orientation >= 1 && orientation <= 8);
    FUZZ_CHECK(image.width == (orientation < 5 ? width : height));
    FUZZ_CHECK(image.height == (orientation < 5 ? height : width));
    FUZZ_CHECK(width > 0 && height > 0 && (int64_t)width * height <= FUZZ_MAX_PIXELS);
    for (size_t i = 0; i < (size_t)width * (size_t)height * 3; i++) sum += image.pixels[i];
    FUZZ_CHECK(sum <= (unsigned)width * (unsigned)height * 3 * 255);
    rn_image_free(&image);
    return 0;
}

#endif
