/* fault.h: one call of a program made to fail. fault_shim.c, loaded before the C library, reads
 * what to do from a file that it shares with the test, and writes there what came of it. */
#ifndef RN_TESTS_FAULT_H
#define RN_TESTS_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum fault_kind {
    FAULT_MEMORY, /* malloc and its kin, pthread_create */
    FAULT_OUTPUT  /* open for writing, write, fsync, rename, ... */
} fault_kind;

typedef enum fault_way {
    FAULT_FAIL,      /* the call fails */
    FAULT_SHORT,     /* a write takes half; then all goes on */
    FAULT_SHORT_FAIL /* a write takes half, and the next one fails */
} fault_way;

enum { FAULT_CALLS = 1 << 15 };

typedef struct fault_call {
    char what[8];  /* "write" */
    char file[32]; /* the end of its path */
} fault_call;

typedef struct fault {
    /* The test's wish. */
    fault_kind kind;
    size_t at; /* number of the call, from 1; 0: none fails */
    int error; /* errno of the failure */
    fault_way way;

    /* The answer. */
    atomic_size_t calls;          /* of the kind */
    atomic_bool hit;              /* call `at` was made */
    atomic_bool ended;            /* by main's return or exit() */
    atomic_long live;             /* allocations that were not freed then; 0 where others look */
    fault_call call[FAULT_CALLS]; /* output: what call i + 1 was */
} fault;

#endif
