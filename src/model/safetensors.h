/* safetensors.h: the file format of models and checkpoints (github.com/huggingface/safetensors,
 * format of 2022): 8 bytes of header length, a JSON header, then the tensors' bytes without
 * holes, little endian.
 *
 * Our files begin with their checksum, as "crc32" in __metadata__: the CRC-32 of the whole file
 * with these eight hexadecimal digits as zeros, so that every bit counts, those of names and
 * shapes too. It is verified where it is present. */
#ifndef RN_MODEL_SAFETENSORS_H
#define RN_MODEL_SAFETENSORS_H

#include "base/file.h"
#include "base/real.h"
#include "base/status.h"

enum { RN_TENSOR_DIMS = 8 };

typedef enum rn_dtype {
    RN_F32,
    RN_F16,
    RN_BF16,
    RN_F64,
    RN_I64,
    RN_I32,
    RN_I16,
    RN_I8,
    RN_U8,
    RN_BOOL
} rn_dtype;

typedef struct rn_tensor {
    char *name;
    rn_dtype dtype;
    int n_dims;
    size_t dims[RN_TENSOR_DIMS];
    size_t count;        /* elements */
    const uint8_t *data; /* inside of the file's bytes, not aligned */
    size_t offset;       /* of the data in the file */
} rn_tensor;

/* How the header of our files begins; the digits of the checksum follow. */
#define RN_CHECKSUM_KEY "{\"__metadata__\":{\"crc32\":\""
enum { RN_CHECKSUM_DIGITS = 8 };

typedef struct rn_metadata {
    char *key, *value;
} rn_metadata;

typedef struct rn_safetensors {
    uint8_t *bytes; /* the whole file */
    size_t size;
    rn_tensor *tensors; /* [n_tensors] in the order of their data */
    size_t n_tensors;
    rn_metadata *metadata; /* [n_metadata] by key */
    size_t n_metadata;
    bool verified; /* it has a checksum, and that is right */
} rn_safetensors;

/* Read and check a file whole (bad-inputs 56-61, 64). RN_EINPUT: "FILE: offset N: what". */
RN_MUST_USE rn_status rn_safetensors_open(rn_safetensors *out, const char *path);
void rn_safetensors_close(rn_safetensors *file); /* and zero it */

const rn_tensor *rn_safetensors_find(const rn_safetensors *file, const char *name);
const char *rn_safetensors_metadata(const rn_safetensors *file,
                                    const char *key); /* NULL if it is not there */

/* out [tensor->count] = the numbers of an F32, F16, BF16 or F64 tensor; false for another type. */
bool rn_tensor_reals(real *out, const rn_tensor *tensor);

const char *rn_dtype_name(rn_dtype dtype);
size_t rn_dtype_size(rn_dtype dtype);

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
