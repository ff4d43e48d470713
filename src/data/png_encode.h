/* png_encode.h: a picture as the bytes of a PNG file. Private to src/data. */
#ifndef RN_DATA_PNG_ENCODE_H
#define RN_DATA_PNG_ENCODE_H

#include "base/status.h"

/* Takes the next `size` bytes. */
typedef void rn_take_bytes(void *context, void *bytes, int size);

/* All bytes of the file to take(context, ...). False without memory; then nothing was given. */
bool rn_png_encode(rn_take_bytes *take, void *context, const rn_image *image);

#endif
