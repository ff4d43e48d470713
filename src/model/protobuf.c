#include "model/protobuf.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, LENGTH = 2, FIXED_32 = 5 }; /* wire types */

/* A length that is known only later has this many bytes: a varint may have leading zeros. */
enum { LENGTH_BYTES = 5 };

void rn_protobuf_free(rn_protobuf *out) {
    free(out->bytes);
    *out = (rn_protobuf){0};
}

static uint8_t *room(rn_protobuf *out, size_t size) {
    if (out->status == RN_OK && size > SIZE_MAX - out->size)
        out->status = rn_fail(RN_ENOMEM, "out of memory (%zu bytes)", size);
    if (out->status == RN_OK) out->status = rn_reserve(&out->bytes, &out->cap, out->size + size, 1);
    if (out->status != RN_OK) return NULL;
    uint8_t *bytes = out->bytes + out->size;
    out->size += size;
    return bytes;
}

/* Seven bits a byte, the least first; the eighth says that more follow. */
static void put_varint(rn_protobuf *out, uint64_t value) {
    do {
        uint8_t *byte = room(out, 1);
        if (!byte) return;
        *byte = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value > 0);
}

static void put_tag(rn_protobuf *out, unsigned field, unsigned type) {
    put_varint(out, field << 3 | type);
}

void rn_protobuf_int(rn_protobuf *out, unsigned field, int64_t value) {
    put_tag(out, field, VARINT);
    put_varint(out, (uint64_t)value);
}

void rn_protobuf_float(rn_protobuf *out, unsigned field, float value) {
    put_tag(out, field, FIXED_32);
    uint8_t *bytes = room(out, sizeof value);
    if (bytes) memcpy(bytes, &value, sizeof value); /* little endian, as the machines we know */
}

uint8_t *rn_protobuf_bytes(rn_protobuf *out, unsigned field, size_t size) {
    put_tag(out, field, LENGTH);
    put_varint(out, size);
    return room(out, size);
}

void rn_protobuf_string(rn_protobuf *out, unsigned field, const char *text) {
    const size_t size = strlen(text);
    uint8_t *bytes = rn_protobuf_bytes(out, field, size);
    if (bytes) memcpy(bytes, text, size);
}

size_t rn_protobuf_begin(rn_protobuf *out, unsigned field) {
    put_tag(out, field, LENGTH);
    (void)room(out, LENGTH_BYTES);
    return out->size;
}

void rn_protobuf_end(rn_protobuf *out, size_t begin) {
    if (out->status != RN_OK) return;
    const size_t size = out->size - begin;
    for (int i = 0; i < LENGTH_BYTES; i++)
        out->bytes[begin - LENGTH_BYTES + (size_t)i] =
            (uint8_t)((size >> 7 * i & 127) | (i < LENGTH_BYTES - 1 ? 128 : 0));
}
