/* pickle.h: Python's pickles as data. A pickle is a program for a small stack machine; this one
 * knows those opcodes of protocols 2 to 5 alone that build dictionaries, lists, tuples, numbers and
 * strings, and of the globals those with which torch.save names tensors and their storages. All
 * else is refused with its name and place: nothing is imported, and there is nothing to call.
 *
 * Every opcode makes at most one object, and a container refers to its items, it does not copy
 * them: memory and time are bounded by the pickle's bytes, however it doubles and nests its lists.
 */
#ifndef RN_MODEL_PICKLE_H
#define RN_MODEL_PICKLE_H

#include "model/tensor_file.h"

typedef enum rn_pickle_kind {
    RN_PICKLE_NONE,
    RN_PICKLE_BOOL,    /* number */
    RN_PICKLE_INT,     /* number */
    RN_PICKLE_NUMBER,  /* of another kind: `size` bytes as they stand in the file */
    RN_PICKLE_TEXT,    /* or bytes: `size` of them */
    RN_PICKLE_TUPLE,   /* items */
    RN_PICKLE_LIST,    /* items */
    RN_PICKLE_DICT,    /* items: key, value, key, value ... */
    RN_PICKLE_GLOBAL,  /* number: its place in the table of those that are known */
    RN_PICKLE_STORAGE, /* items: "storage", type, key, location, numbers */
    RN_PICKLE_TENSOR   /* items: storage, offset, sizes, strides, and what is of no use here */
} rn_pickle_kind;

#define RN_PICKLE_END UINT32_MAX /* of a chain of items */

typedef struct rn_pickle_object {
    uint8_t kind;
    bool named;  /* for whoever makes names of texts */
    uint32_t at; /* in `bytes`: of the opcode, or of a text's or number's first byte */
    union {
        int64_t number;
        uint32_t size;
        struct {
            uint32_t first, last; /* in `items`; RN_PICKLE_END where there is none */
        };
    };
} rn_pickle_object;

typedef struct rn_pickle {
    rn_pickle_object *objects;
    size_t n_objects, cap_objects;
    struct {
        uint32_t object, next;
    } * items; /* chains: of whose objects, and where they go on */
    size_t n_items, cap_items;

    /* The machine's own. */
    const uint8_t *bytes;
    const char *path; /* for messages */
    size_t base;      /* of `bytes` in the file, likewise */
    size_t size, end; /* of `bytes`, and how much of them may be read */
    size_t at, opcode;
    uint32_t *stack, *memo;
    size_t n_stack, cap_stack, n_memo, cap_memo;
} rn_pickle;

/* Begin with the pickles in bytes[0, size), which are at `base` in the file and must live on. */
void rn_pickle_open(rn_pickle *pickle, const uint8_t *bytes, size_t size, size_t base,
                    const char *path);
void rn_pickle_close(rn_pickle *pickle); /* and zero it */

/* Run the next pickle, from pickle->at to behind its end. *root: its object. */
RN_MUST_USE rn_status rn_pickle_next(rn_pickle *pickle, uint32_t *root);

/* The object that `*item` stands for, and on to the next; NULL at the end of the chain. */
rn_pickle_object *rn_pickle_item(const rn_pickle *pickle, uint32_t *item);

/* Whether a text is `name`. */
bool rn_pickle_is(const rn_pickle *pickle, const rn_pickle_object *object, const char *name);

/* The type that a storage's class has. */
rn_dtype rn_pickle_dtype(const rn_pickle_object *global);

/* "a list" and the like, for messages. */
const char *rn_pickle_kind_name(const rn_pickle_object *object);

#endif
