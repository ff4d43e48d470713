#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* What errno says of an input; a lack of memory is none of its faults. */
static rn_status cannot(const char *verb, const char *path) {
    return rn_fail(errno == ENOMEM ? RN_ENOMEM : RN_EINPUT, "%s: cannot %s: %s", path, verb,
                   strerror(errno));
}

static rn_status open_regular(int *fd, size_t *size, const char *path, size_t limit) {
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (*fd < 0) return cannot("open", path);
    if (fstat(*fd, &info) != 0) return cannot("read", path);
    if (S_ISDIR(info.st_mode)) return rn_fail(RN_EINPUT, "%s: is a folder", path);
    if (!S_ISREG(info.st_mode)) return rn_fail(RN_EINPUT, "%s: not a regular file", path);
    if ((uint64_t)info.st_size > limit)
        return rn_fail(RN_EINPUT, "%s: %lld bytes is over the limit of %zu", path,
                       (long long)info.st_size, limit);
    *size = (size_t)info.st_size;
    return RN_OK;
}

rn_status rn_file_read(uint8_t **bytes, size_t *size, const char *path, size_t limit) {
    uint8_t *buffer = NULL;
    size_t want = 0, got = 0;
    int fd = -1;
    rn_status status;
    *bytes = NULL;
    *size = 0;
    if ((status = open_regular(&fd, &want, path, limit)) != RN_OK) goto done;
    buffer = malloc(want + 1);
    if (!buffer) {
        status = rn_fail(RN_ENOMEM, "%s: cannot allocate %zu bytes", path, want);
        goto done;
    }
    while (got < want) {
        const ssize_t n = read(fd, buffer + got, want - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            status = cannot("read", path);
            goto done;
        }
        if (n == 0) break; /* it shrank meanwhile: its readers will say what is missing */
        got += (size_t)n;
    }
    buffer[got] = 0;
    *bytes = buffer;
    *size = got;
    buffer = NULL;
done:
    free(buffer);
    if (fd >= 0) close(fd);
    return status;
}

/* ---- writing ---- */

struct rn_writer {
    char *path;      /* as given, for error texts */
    char *target;    /* what `path` is when links are followed */
    char *temporary; /* renamed to `target`; NULL while there is none */
    int fd;
};

static rn_status cannot_write(const char *path) {
    return rn_fail(RN_EIO, "%s: cannot write: %s", path, strerror(errno));
}

void rn_writer_abort(rn_writer *writer) {
    if (!writer) return;
    if (writer->fd >= 0) close(writer->fd);
    if (writer->temporary) unlink(writer->temporary);
    free(writer->temporary);
    free(writer->target);
    free(writer->path);
    free(writer);
}

/* Make the temporary beside the target. open() with O_EXCL, not mkstemp(): the file is to have the
 * mode that the user's umask asks for. */
static rn_status open_temporary(rn_writer *w) {
    for (int attempt = 0;; attempt++) {
        char *name;
        RN_TRY(rn_asprintf(&name, "%s.tmp-%ld-%d", w->target, (long)getpid(), attempt));
        w->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0) {
            w->temporary = name;
            return RN_OK;
        }
        free(name);
        if (errno != EEXIST) return cannot_write(w->path); /* EEXIST: a killed run's, or a twin's */
    }
}

rn_status rn_writer_open(rn_writer **out, const char *path) {
    rn_writer *w = NULL;
    struct stat info;
    rn_status status;
    *out = NULL;
    RN_TRY(rn_alloc(&w, 1, sizeof *w));
    w->fd = -1;
    if ((status = rn_strdup(&w->path, path)) != RN_OK) goto done;
    /* A rename would replace a link, and /dev/stdout is one: write to what it points to. */
    if ((status = rn_path_resolve(&w->target, path)) != RN_OK) goto done;
    if (!w->target && (status = rn_strdup(&w->target, path)) != RN_OK) goto done;
    if (stat(w->target, &info) != 0 || S_ISREG(info.st_mode)) {
        status = open_temporary(w);
        goto done;
    }
    /* Nor may a rename replace /dev/null or a FIFO: those take the bytes as they come. A folder is
     * refused by open(). */
    w->fd = open(w->target, O_WRONLY | O_CLOEXEC);
    if (w->fd < 0) status = cannot_write(path);
done:
    if (status == RN_OK)
        *out = w;
    else
        rn_writer_abort(w);
    return status;
}

rn_status rn_writer_write(rn_writer *writer, const void *bytes, size_t size) {
    const uint8_t *p = bytes;
    while (size > 0) {
        const ssize_t n = write(writer->fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot_write(writer->path);
        p += n;
        size -= (size_t)n;
    }
    return RN_OK;
}

/* The rename itself must reach the disk: sync the folder. Some filesystems cannot; that is no
 * failure of the file. `path` is cut to the folder. */
static void sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) slash[1] = '\0';
    const int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

rn_status rn_writer_commit(rn_writer *writer) {
    rn_status status = RN_OK;
    if (writer->temporary) {
        if (fsync(writer->fd) != 0 || rename(writer->temporary, writer->target) != 0) {
            status = cannot_write(writer->path);
        } else {
            sync_folder(writer->target);
            free(writer->temporary);
            writer->temporary = NULL; /* nothing left to remove */
        }
    }
    rn_writer_abort(writer);
    return status;
}

rn_status rn_file_write(const char *path, const void *bytes, size_t size) {
    rn_writer *writer;
    RN_TRY(rn_writer_open(&writer, path));
    const rn_status status = rn_writer_write(writer, bytes, size);
    if (status == RN_OK) return rn_writer_commit(writer);
    rn_writer_abort(writer);
    return status;
}

/* ---- checksum ---- */

uint32_t rn_crc32(uint32_t crc, const void *bytes, size_t size) {
    /* Remainders of the 16 values of half a byte, polynomial 0xedb88320: small enough to stand
     * here. */
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const uint8_t *p = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

uint64_t rn_little_endian(const uint8_t *bytes, int n) {
    uint64_t value = 0;
    for (int i = n - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

/* ---- paths ---- */

rn_status rn_path_join(char **out, const char *folder, const char *name) {
    const size_t n = strlen(folder);
    return rn_asprintf(out, "%s%s%s", folder, n > 0 && folder[n - 1] != '/' ? "/" : "", name);
}

rn_status rn_path_resolve(char **out, const char *path) {
    *out = realpath(path, NULL);
    return *out || errno != ENOMEM ? RN_OK : cannot("resolve", path);
}

const char *rn_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

rn_status rn_path_parent(char **out, const char *path) {
    const size_t size = (size_t)(rn_path_name(path) - path);
    if (size == 0) return rn_strdup(out, ".");
    return rn_asprintf(out, "%.*s", size > 1 ? (int)size - 1 : 1, path);
}

bool rn_path_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool rn_path_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

rn_status rn_folder_list(char ***names, size_t *count, const char *folder) {
    char **list = NULL;
    size_t n = 0, cap = 0;
    rn_status status = RN_OK;
    struct dirent *entry;
    *names = NULL;
    *count = 0;
    DIR *dir = opendir(folder);
    if (!dir) return cannot("open", folder);
    while (errno = 0, (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if ((status = rn_reserve(&list, &cap, n + 1, sizeof *list)) != RN_OK) goto done;
        if ((status = rn_strdup(&list[n], entry->d_name)) != RN_OK) goto done;
        n++;
    }
    if (errno != 0) {
        status = cannot("read", folder);
        goto done;
    }
    if (n > 0) qsort(list, n, sizeof *list, compare_names);
    *names = list;
    *count = n;
    list = NULL;
done:
    for (size_t i = 0; list && i < n; i++) free(list[i]);
    free(list);
    closedir(dir);
    return status;
}

rn_status rn_folder_make_above(const char *path) {
    char *parent;
    RN_TRY(rn_path_parent(&parent, path));
    const rn_status status = rn_folder_make(parent);
    free(parent);
    return status;
}

rn_status rn_folder_make(const char *path) {
    if (mkdir(path, 0777) == 0) return RN_OK;
    const int error = errno;
    if (rn_path_is_folder(path)) return RN_OK;
    if (error != ENOENT)
        return rn_fail(RN_EIO, "%s: cannot make the folder: %s", path, strerror(error));
    RN_TRY(rn_folder_make_above(path));
    if (mkdir(path, 0777) == 0 || rn_path_is_folder(path)) return RN_OK;
    return rn_fail(RN_EIO, "%s: cannot make the folder: %s", path, strerror(errno));
}
