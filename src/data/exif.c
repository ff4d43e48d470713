#include "data/image_check.h"

#include <string.h>

enum { ORIENTATION_TAG = 0x0112, SHORT_TYPE = 3, ENTRY = 12 };

static unsigned get16(const uint8_t *p, bool big) {
    return big ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static size_t get32(const uint8_t *p, bool big) {
    return big ? (size_t)get16(p, big) << 16 | get16(p + 2, big)
               : (size_t)get16(p + 2, big) << 16 | get16(p, big);
}

/* TIFF 6.0: a header "II" or "MM", 42, the offset of a directory; there a count and entries of 12
 * bytes: tag, type, count, value. */
int rn_exif_orientation(const uint8_t *tiff, size_t size) {
    if (size < 8) return 0;
    const bool big = tiff[0] == 'M';
    if (memcmp(tiff, big ? "MM" : "II", 2) != 0 || get16(tiff + 2, big) != 42) return 0;
    const size_t directory = get32(tiff + 4, big);
    if (directory > size || size - directory < 2) return 0;
    const size_t entries = get16(tiff + directory, big);
    for (size_t i = 0; i < entries; i++) {
        const size_t at = directory + 2 + i * ENTRY;
        if (size - directory - 2 < (i + 1) * ENTRY) return 0;
        if (get16(tiff + at, big) != ORIENTATION_TAG) continue;
        const unsigned value = get16(tiff + at + 8, big);
        return get16(tiff + at + 2, big) == SHORT_TYPE && value >= 1 && value <= 8 ? (int)value : 0;
    }
    return 1;
}
