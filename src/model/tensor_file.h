/* tensor_file.h: files of named tensors: what a model, a checkpoint and weights from elsewhere are
 * read from. Two formats, told apart by the first bytes, whatever the file is called: safetensors
 * (safetensors.h) and what torch.save writes (torch_file.h). */
#ifndef RN_MODEL_TENSOR_FILE_H
#define RN_MODEL_TENSOR_FILE_H

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
    /* The elements lie not behind one another, the last dimension's closest, but these numbers of
     * elements apart: torch.save keeps a transposed or channels-last tensor as it was. */
    bool strided;
    size_t strides[RN_TENSOR_DIMS];
} rn_tensor;

typedef struct rn_metadata {
    char *key, *value;
} rn_metadata;

typedef struct rn_tensor_file {
    uint8_t *bytes; /* the whole file */
    size_t size;
    rn_tensor *tensors; /* [n_tensors]; of safetensors in the order of their data */
    size_t n_tensors;
    rn_metadata *metadata; /* [n_metadata] by key; torch.save writes none */
    size_t n_metadata;
    bool verified; /* it has a checksum, and that is right */
    bool torch;    /* torch.save's */
} rn_tensor_file;

/* Read and check a file whole (bad-inputs 56-61, 64). RN_EINPUT: "FILE: offset N: what". */
RN_MUST_USE rn_status rn_tensor_file_open(rn_tensor_file *out, const char *path);
void rn_tensor_file_close(rn_tensor_file *file); /* and zero it */

const rn_tensor *rn_tensor_file_find(const rn_tensor_file *file, const char *name);
const char *rn_tensor_file_metadata(const rn_tensor_file *file,
                                    const char *key); /* NULL if it is not there */

/* Take out a tensor that is not needed any more, with its memory. (That of torch.save's stays: they
 * may share it.) */
void rn_tensor_file_remove(rn_tensor_file *file, const rn_tensor *tensor);

/* For the readers: RN_EINPUT where two tensors share a name, with `offset` as the place that names
 * them. The tensors are sorted by name. */
RN_MUST_USE rn_status rn_tensor_file_check_names(rn_tensor_file *file, size_t offset,
                                                 const char *path);

/* out [tensor->count] = the numbers of an F32, F16, BF16 or F64 tensor; false for another type. */
bool rn_tensor_reals(real *out, const rn_tensor *tensor);
/* How many elements behind `data` number `i` of a tensor stands, counted with the last dimension
 * fastest. */
size_t rn_tensor_place(const rn_tensor *tensor, size_t i);

const char *rn_dtype_name(rn_dtype dtype);
size_t rn_dtype_size(rn_dtype dtype);
/* False for the name of none. */
bool rn_dtype_find(rn_dtype *out, const char *name);

#endif
