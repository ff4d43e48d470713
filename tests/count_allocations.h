/* count_allocations.h: what a program asks of malloc and its kin, by standing in their place. Not
 * under the sanitizers, which stand there already. */
#ifndef RN_TESTS_COUNT_ALLOCATIONS_H
#define RN_TESTS_COUNT_ALLOCATIONS_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_size_t allocations __attribute__((unused)), allocated_bytes;

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define COUNTS_ALLOCATIONS 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static void count(size_t bytes) {
    atomic_fetch_add(&allocations, 1);
    atomic_fetch_add(&allocated_bytes, bytes);
}

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    count(n * size);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
    count(size);
    return __libc_realloc(p, size);
}

void *memalign(size_t align, size_t size) {
    count(size);
    return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size) {
    count(size);
    return __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size) {
    count(size);
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}
#else
#define COUNTS_ALLOCATIONS 0
#endif
#endif
