/* protobuf.h: write messages in Protocol Buffers' encoding
 * (protobuf.dev/programming-guides/encoding), as much of it as ONNX files need.
 *
 * A message is written as it comes, behind what is there. Want of memory is kept in `status`, after
 * which nothing more is written: look once, at the end. */
#ifndef RN_MODEL_PROTOBUF_H
#define RN_MODEL_PROTOBUF_H

#include "base/status.h"

typedef struct rn_protobuf {
    uint8_t *bytes; /* [size], malloc'ed */
    size_t size, cap;
    rn_status status; /* RN_OK, or of the first failure */
} rn_protobuf;

void rn_protobuf_free(rn_protobuf *out); /* and zero it */

void rn_protobuf_int(rn_protobuf *out, unsigned field, int64_t value);
void rn_protobuf_float(rn_protobuf *out, unsigned field, float value);
void rn_protobuf_string(rn_protobuf *out, unsigned field, const char *text);

/* Room for `size` bytes as a field; NULL after a failure. Valid until the next call. */
uint8_t *rn_protobuf_bytes(rn_protobuf *out, unsigned field, size_t size);

/* A message as a field: what is written between begin and end, to which begin's answer is given. */
size_t rn_protobuf_begin(rn_protobuf *out, unsigned field);
void rn_protobuf_end(rn_protobuf *out, size_t begin);

#endif
