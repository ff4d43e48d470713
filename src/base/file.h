/* file.h: whole files in, whole files out. A file that is written is never half there. */
#ifndef RN_BASE_FILE_H
#define RN_BASE_FILE_H

#include "base/status.h"

/* *bytes = the whole file at `path`, malloc'ed, with one zero byte behind the end. "-" is not
 * special. RN_EINPUT: missing, unreadable, a folder, a device or FIFO, or larger than `limit`
 * bytes. */
RN_MUST_USE rn_status rn_file_read(uint8_t **bytes, size_t *size, const char *path, size_t limit);

/* A file being written beside its target, in the same folder, as TARGET.tmp-PID-N. Links are
 * followed; a device or FIFO has no temporary and takes the bytes at once. RN_EIO: "FILE: cannot
 * write: No space left on device". */
typedef struct rn_writer rn_writer;
RN_MUST_USE rn_status rn_writer_open(rn_writer **out, const char *path);
RN_MUST_USE rn_status rn_writer_write(rn_writer *writer, const void *bytes, size_t size);
/* fsync, rename over the target, fsync the folder. The writer is freed whatever comes; on RN_EIO
 * the old file is untouched and the temporary gone. */
RN_MUST_USE rn_status rn_writer_commit(rn_writer *writer);
void rn_writer_abort(rn_writer *writer); /* remove the temporary, free; NULL is fine */
/* The three above at once. */
RN_MUST_USE rn_status rn_file_write(const char *path, const void *bytes, size_t size);

/* CRC-32 (IEEE 802.3, as in PNG and zip); start with crc 0 and pass the result on. */
uint32_t rn_crc32(uint32_t crc, const void *bytes, size_t size);

/* The `n` <= 8 bytes as a number, the lowest first. */
uint64_t rn_little_endian(const uint8_t *bytes, int n);

/* Paths: *out is malloc'ed. */
RN_MUST_USE rn_status rn_path_join(char **out, const char *folder, const char *name);
/* *out = `path` absolute and without links; NULL if there is no such file. */
RN_MUST_USE rn_status rn_path_resolve(char **out, const char *path);
const char *rn_path_name(const char *path);                         /* behind the last '/' */
RN_MUST_USE rn_status rn_path_parent(char **out, const char *path); /* "." for a bare name */
bool rn_path_is_folder(const char *path);
bool rn_path_exists(const char *path);
/* Make the folder and those above it; one that is there is fine. RN_EIO. */
RN_MUST_USE rn_status rn_folder_make(const char *path);
RN_MUST_USE rn_status rn_folder_make_above(const char *path); /* those above it alone */
/* File names of `folder` (without . and ..), sorted bytewise; free each and the array. RN_EINPUT.
 */
RN_MUST_USE rn_status rn_folder_list(char ***names, size_t *count, const char *folder);

#endif
