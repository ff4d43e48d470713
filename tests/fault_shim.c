/* Stands between a program and the C library (LD_PRELOAD) and makes one call fail: see fault.h.
 * What stdio writes goes through fopencookie(), as its own write() cannot be stood before. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_FILES = 256 };

static fault *shared; /* NULL: nothing is asked */

static bool is_hit(fault_kind kind, const char *what, const char *file) {
    if (!shared || shared->kind != kind) return false;
    const size_t number = atomic_fetch_add(&shared->calls, 1) + 1;
    if (what && number <= FAULT_CALLS) {
        fault_call *call = &shared->call[number - 1];
        const size_t size = strlen(file), most = sizeof call->file - 1;
        snprintf(call->what, sizeof call->what, "%s", what);
        snprintf(call->file, sizeof call->file, "%s", file + (size > most ? size - most : 0));
    }
    if (number != shared->at) return false;
    atomic_store(&shared->hit, true);
    errno = shared->error;
    return true;
}

/* ---- memory ---- */

/* The next in line: the sanitizer's where the program has one, which looks for leaks itself. */
#define NEXT(result, name, parameters)                                                             \
    __attribute__((weak)) result __interceptor_##name parameters;                                  \
    result __libc_##name parameters;
NEXT(void *, malloc, (size_t))
NEXT(void *, calloc, (size_t, size_t))
NEXT(void *, realloc, (void *, size_t))
NEXT(void *, memalign, (size_t, size_t))
NEXT(void, free, (void *))
#define next(name) (__interceptor_##name ? __interceptor_##name : __libc_##name)

static atomic_long live;

static void *counted(void *p) {
    if (p) atomic_fetch_add(&live, 1);
    return p;
}

static bool no_memory(void) {
    return is_hit(FAULT_MEMORY, NULL, NULL);
}

void *malloc(size_t size) {
    return no_memory() ? NULL : counted(next(malloc)(size));
}

void *calloc(size_t n, size_t size) {
    return no_memory() ? NULL : counted(next(calloc)(n, size));
}

void *realloc(void *p, size_t size) {
    if (no_memory()) return NULL;
    void *moved = next(realloc)(p, size);
    return p ? moved : counted(moved);
}

void *memalign(size_t align, size_t size) {
    return no_memory() ? NULL : counted(next(memalign)(align, size));
}

void *aligned_alloc(size_t align, size_t size) {
    return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size) {
    void *p = memalign(align, size);
    if (!p) return ENOMEM;
    *out = p;
    return 0;
}

/* The sanitizer's would not ask malloc. */
char *strdup(const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

char *strndup(const char *text, size_t most) {
    const size_t size = strnlen(text, most);
    char *copy = malloc(size + 1);
    if (!copy) return NULL;
    copy[size] = '\0';
    return memcpy(copy, text, size);
}

void free(void *p) {
    if (p) atomic_fetch_sub(&live, 1);
    next(free)(p);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
    int (*next_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_memory()) return EAGAIN;
    *(void **)&next_create = dlsym(RTLD_NEXT, "pthread_create");
    return next_create(thread, attributes, run, argument);
}

/* ---- output ---- */

static char names[MAX_FILES][256]; /* of descriptors opened for writing, "" for others */

static const char *name_of(int fd) {
    return fd >= 0 && fd < MAX_FILES ? names[fd] : "";
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    const bool output = (flags & O_ACCMODE) != O_RDONLY || flags & O_DIRECTORY;
    if (output && is_hit(FAULT_OUTPUT, "open", path)) return -1;
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= 0 && fd < MAX_FILES) snprintf(names[fd], sizeof names[fd], "%s", output ? path : "");
    return fd;
}

static ssize_t write_next(int fd, const void *bytes, size_t size) {
    return syscall(SYS_write, fd, bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    static atomic_bool fails;
    const char *name = name_of(fd);
    if (!*name) return write_next(fd, bytes, size);
    if (atomic_exchange(&fails, false)) {
        errno = shared->error;
        return -1;
    }
    if (!is_hit(FAULT_OUTPUT, "write", name)) return write_next(fd, bytes, size);
    if (shared->way == FAULT_FAIL) return -1;
    atomic_store(&fails, shared->way == FAULT_SHORT_FAIL);
    return write_next(fd, bytes, (size + 1) / 2);
}

int fsync(int fd) {
    return is_hit(FAULT_OUTPUT, "fsync", name_of(fd)) ? -1 : (int)syscall(SYS_fsync, fd);
}

/* It closes all the same, as Linux does. */
int close(int fd) {
    const char *name = name_of(fd);
    const bool hit = *name && is_hit(FAULT_OUTPUT, "close", name);
    const int error = errno;
    if (*name) names[fd][0] = '\0';
    if (syscall(SYS_close, fd) != 0) return -1;
    errno = error;
    return hit ? -1 : 0;
}

int flock(int fd, int operation) {
    return is_hit(FAULT_OUTPUT, "flock", name_of(fd)) ? -1 : (int)syscall(SYS_flock, fd, operation);
}

int rename(const char *from, const char *to) {
    if (is_hit(FAULT_OUTPUT, "rename", to)) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode) {
    if (is_hit(FAULT_OUTPUT, "mkdir", path)) return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int unlink(const char *path) {
    if (is_hit(FAULT_OUTPUT, "unlink", path)) return -1;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* A stream's descriptor, as its cookie. As stdio does, it goes on behind a short write. */
static ssize_t stream_write(void *cookie, const char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        const ssize_t n = write((int)(intptr_t)cookie, bytes + done, size - done);
        if (n < 0) break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int stream_close(void *cookie) {
    return close((int)(intptr_t)cookie);
}

static FILE *stream_file; /* one at a time */
static int stream_fd;

FILE *fopen(const char *path, const char *mode) {
    if (mode[0] != 'w' || shared->kind != FAULT_OUTPUT) {
        FILE *(*next_open)(const char *, const char *);
        *(void **)&next_open = dlsym(RTLD_NEXT, "fopen");
        return next_open(path, mode);
    }
    stream_fd = open(path, O_WRONLY | O_CREAT | (strchr(mode, 'x') ? O_EXCL : O_TRUNC), 0666);
    if (stream_fd < 0) return NULL;
    stream_file =
        fopencookie((void *)(intptr_t)stream_fd, "w",
                    (cookie_io_functions_t){.write = stream_write, .close = stream_close});
    return stream_file;
}

int fileno(FILE *file) {
    return file == stream_file ? stream_fd : file->_fileno;
}

/* ---- beginning and end ---- */

void __libc_freeres(void);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("RN_FAULT");
    const int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (memory != MAP_FAILED) shared = memory;
}

__attribute__((destructor)) static void end(void) {
    if (!shared) return;
    fault *f = shared;
    shared = NULL; /* what is done below counts no more */
    if (!__interceptor_free) {
        __libc_freeres(); /* buffers of stdio, stacks kept for the next thread */
        atomic_store(&f->live, atomic_load(&live));
    }
    atomic_store(&f->ended, true);
}
