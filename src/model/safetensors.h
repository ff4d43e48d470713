/* safetensors.h: the file format of models and checkpoints (github.com/huggingface/safetensors,
 * format of 2022): 8 bytes of header length, a JSON header, then the tensors' bytes without
 * holes, little endian.
 *
 * Our files begin with their checksum, as "crc32" in __metadata__: the CRC-32 of the whole file
 * with these eight hexadecimal digits as zeros, so that every bit counts, those of names and
 * shapes too. It is verified where it is present. */
#ifndef RN_MODEL_SAFETENSORS_H
#define RN_MODEL_SAFETENSORS_H

#include "model/tensor_file.h"

/* How the header of our files begins; the digits of the checksum follow. */
#define RN_CHECKSUM_KEY "{\"__metadata__\":{\"crc32\":\""
enum { RN_CHECKSUM_DIGITS = 8 };

/* Tensors and metadata from file->bytes, checked whole. RN_EINPUT: "FILE: offset N: what"; what was
 * made so far stays in `file`, for its close. */
RN_MUST_USE rn_status rn_safetensors_read(rn_tensor_file *file, const char *path);

/* ---- writing ---- */

/* What is written, in this order. Nothing is copied: names, values and data must live until
 * rn_safetensors_save. */
typedef struct rn_tensor_entry {
    char name[160];
    rn_dtype dtype; /* RN_F32 or RN_F16; the data are reals always */
    int n_dims;
    size_t dims[RN_TENSOR_DIMS];
    const real *data;
    /* The data are [out, kernel, kernel, in] and the file wants dims = [out, in, kernel, kernel].
     */
    bool permuted;
    const uint8_t *raw; /* instead of data: the bytes as the file is to have them, any dtype */
} rn_tensor_entry;

/* Its bytes as files have them, little endian; how many there are. */
size_t rn_tensor_entry_size(const rn_tensor_entry *entry);
void rn_tensor_entry_encode(uint8_t *bytes, const rn_tensor_entry *entry);

typedef struct rn_safetensors_writer {
    rn_tensor_entry *entries;
    size_t n_entries, cap_entries;
    rn_metadata *metadata;
    size_t n_metadata, cap_metadata;
} rn_safetensors_writer;

RN_MUST_USE rn_status rn_safetensors_add(rn_safetensors_writer *writer,
                                         const rn_tensor_entry *entry);
/* Key and value are copied. */
RN_MUST_USE rn_status rn_safetensors_add_metadata(rn_safetensors_writer *writer, const char *key,
                                                  const char *value);
/* Write beside, sync, rename. RN_EIO leaves what was there. */
RN_MUST_USE rn_status rn_safetensors_save(const rn_safetensors_writer *writer, const char *path);
void rn_safetensors_writer_free(rn_safetensors_writer *writer);

#endif
