/* Whole files in and out, what happens when a disk or a folder says no, and paths. */
#include "base/file.h"
#include "suite.h"
#include "temp_folder.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT = 1 << 20 };

static void setup(void) {
    temp_open();
}

static void teardown(void) {
    temp_close();
}

/* The error text is the temporary folder, '/', `want`. */
static void check_text(const char *want) {
    ck_assert_str_eq(rn_error_text(), temp_path(want));
}

/* `name` holds exactly `want`. */
static void check_content(const char *name, const char *want) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    ck_assert_msg(rn_file_read(&bytes, &size, temp_path(name), LIMIT) == RN_OK, "%s",
                  rn_error_text());
    ck_assert_uint_eq(size, strlen(want));
    ck_assert_str_eq((char *)bytes, want);
    free(bytes);
}

/* The folder holds `want` things and nothing else: no temporary was left. */
static void check_count(const char *folder, size_t want) {
    char **names = NULL;
    size_t count = 0;
    ck_assert_int_eq(rn_folder_list(&names, &count, temp_path(folder)), RN_OK);
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
    ck_assert_uint_eq(count, want);
}

/* ---- reading ---- */

START_TEST(read_whole) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    temp_bytes("a b\n", "x\0y", 3);
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path("a b\n"), 3), RN_OK);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(bytes, "x\0y", 4); /* with one zero behind */
    free(bytes);
    temp_text("empty", "");
    check_content("empty", "");
}
END_TEST

static void check_refused(const char *name, const char *want) {
    uint8_t *bytes = (uint8_t *)&bytes;
    size_t size = 7;
    ck_assert_int_eq(rn_file_read(&bytes, &size, temp_path(name), 10), RN_EINPUT);
    check_text(want);
    ck_assert_ptr_null(bytes);
    ck_assert_uint_eq(size, 0);
}

START_TEST(read_refuses) {
    temp_text("big", "12345678901");
    ck_assert_int_eq(mkdir(temp_path("folder"), 0777), 0);
    ck_assert_int_eq(mkfifo(temp_path("fifo"), 0666), 0);
    ck_assert_int_eq(symlink("/dev/zero", temp_path("zero")), 0);
    ck_assert_int_eq(symlink("nothing", temp_path("dangling")), 0);
    check_refused("none", "none: cannot open: No such file or directory");
    check_refused("dangling", "dangling: cannot open: No such file or directory");
    check_refused("big/x", "big/x: cannot open: Not a directory");
    check_refused("folder", "folder: is a folder");
    check_refused("fifo", "fifo: not a regular file"); /* at once, though nobody writes to it */
    check_refused("zero", "zero: not a regular file");
    check_refused("big", "big: 11 bytes is over the limit of 10");
}
END_TEST

/* ---- writing ---- */

START_TEST(write_new_and_replace) {
    struct stat info;
    const mode_t mask = umask(027);
    ck_assert_int_eq(rn_file_write(temp_path("a"), "first", 5), RN_OK);
    umask(mask);
    check_content("a", "first");
    ck_assert_int_eq(stat(temp_path("a"), &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
    ck_assert_int_eq(rn_file_write(temp_path("a"), "second", 6), RN_OK);
    check_content("a", "second");
    ck_assert_int_eq(rn_file_write(temp_path("a"), NULL, 0), RN_OK);
    check_content("a", "");
    check_count("", 1);
}
END_TEST

START_TEST(nothing_is_seen_before_commit) {
    rn_writer *writer = NULL;
    temp_text("a", "old");
    ck_assert_int_eq(rn_writer_open(&writer, temp_path("a")), RN_OK);
    ck_assert_int_eq(rn_writer_write(writer, "new ", 4), RN_OK);
    check_content("a", "old");
    check_count("", 2); /* the temporary lies beside it */
    ck_assert_int_eq(rn_writer_write(writer, "one", 3), RN_OK);
    ck_assert_int_eq(rn_writer_commit(writer), RN_OK);
    check_content("a", "new one");
    check_count("", 1);
}
END_TEST

START_TEST(abort_leaves_no_trace) {
    rn_writer *writer = NULL;
    temp_text("a", "old");
    ck_assert_int_eq(rn_writer_open(&writer, temp_path("a")), RN_OK);
    ck_assert_int_eq(rn_writer_write(writer, "new", 3), RN_OK);
    rn_writer_abort(writer);
    check_content("a", "old");
    check_count("", 1);
    rn_writer_abort(NULL);
}
END_TEST

/* A temporary that a killed run of the same number left is neither used nor removed. */
START_TEST(strangers_temporaries) {
    char name[64];
    snprintf(name, sizeof name, "a.tmp-%ld-0", (long)getpid());
    temp_text(name, "theirs");
    ck_assert_int_eq(rn_file_write(temp_path("a"), "ours", 4), RN_OK);
    check_content("a", "ours");
    check_content(name, "theirs");
    check_count("", 2);
}
END_TEST

START_TEST(links_are_followed) {
    struct stat info;
    ck_assert_int_eq(mkdir(temp_path("folder"), 0777), 0);
    temp_text("folder/real", "old");
    ck_assert_int_eq(symlink("folder/real", temp_path("link")), 0);
    ck_assert_int_eq(rn_file_write(temp_path("link"), "new", 3), RN_OK);
    ck_assert_int_eq(lstat(temp_path("link"), &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    check_content("folder/real", "new");
    check_count("", 2);
    check_count("folder", 1);
}
END_TEST

/* /dev/null is a fine place to write to and must not become a file. */
START_TEST(devices_stay) {
    struct stat info;
    ck_assert_int_eq(symlink("/dev/null", temp_path("null")), 0);
    ck_assert_int_eq(rn_file_write(temp_path("null"), "x", 1), RN_OK);
    ck_assert_int_eq(stat("/dev/null", &info), 0);
    ck_assert(S_ISCHR(info.st_mode));
    check_count("", 1);
}
END_TEST

/* ---- writing that fails ---- */

START_TEST(disk_full) {
    rn_writer *writer = NULL;
    ck_assert_int_eq(symlink("/dev/full", temp_path("full")), 0);
    ck_assert_int_eq(rn_writer_open(&writer, temp_path("full")), RN_OK);
    ck_assert_int_eq(rn_writer_write(writer, "x", 1), RN_EIO);
    check_text("full: cannot write: No space left on device");
    rn_writer_abort(writer);
    ck_assert_int_eq(rn_file_write(temp_path("full"), "x", 1), RN_EIO);
    check_count("", 1);
}
END_TEST

/* The first write is cut short at the limit, the next fails: both must be noticed. */
START_TEST(file_too_large) {
    static char bytes[100000];
    struct rlimit limit, small;
    temp_text("a", "old");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    const rn_status status = rn_file_write(temp_path("a"), bytes, sizeof bytes);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(status, RN_EIO);
    check_text("a: cannot write: File too large");
    check_content("a", "old");
    check_count("", 1);
}
END_TEST

START_TEST(folder_missing_or_not_one) {
    rn_writer *writer = (void *)&writer;
    ck_assert_int_eq(rn_writer_open(&writer, temp_path("none/a")), RN_EIO);
    check_text("none/a: cannot write: No such file or directory");
    ck_assert_ptr_null(writer);
    temp_text("file", "");
    ck_assert_int_eq(rn_file_write(temp_path("file/a"), "x", 1), RN_EIO);
    check_text("file/a: cannot write: Not a directory");
    ck_assert_int_eq(mkdir(temp_path("folder"), 0777), 0);
    ck_assert_int_eq(rn_file_write(temp_path("folder"), "x", 1), RN_EIO);
    check_text("folder: cannot write: Is a directory");
    check_count("", 2);
    check_count("folder", 0);
}
END_TEST

START_TEST(folder_read_only) {
    ck_assert_int_eq(mkdir(temp_path("folder"), 0777), 0);
    temp_text("folder/a", "old");
    ck_assert_int_eq(chmod(temp_root, 0755), 0);
    ck_assert_int_eq(chmod(temp_path("folder"), 0555), 0);
    const bool root = geteuid() == 0; /* whom no mode stops: be nobody for a moment */
    if (root) ck_assert_int_eq(seteuid(65534), 0);
    const rn_status status = rn_file_write(temp_path("folder/a"), "new", 3);
    if (root) ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(temp_path("folder"), 0755), 0);
    ck_assert_int_eq(status, RN_EIO);
    check_text("folder/a: cannot write: Permission denied");
    check_content("folder/a", "old");
    check_count("folder", 1);
}
END_TEST

/* The target became a folder meanwhile: the last step fails. */
START_TEST(rename_fails) {
    rn_writer *writer = NULL;
    ck_assert_int_eq(rn_writer_open(&writer, temp_path("a")), RN_OK);
    ck_assert_int_eq(rn_writer_write(writer, "x", 1), RN_OK);
    ck_assert_int_eq(mkdir(temp_path("a"), 0777), 0);
    ck_assert_int_eq(rn_writer_commit(writer), RN_EIO);
    check_text("a: cannot write: Is a directory");
    check_count("", 1);
}
END_TEST

/* ---- checksum, paths ---- */

START_TEST(crc_as_published) {
    ck_assert_uint_eq(rn_crc32(0, "123456789", 9), 0xcbf43926u);
    ck_assert_uint_eq(rn_crc32(rn_crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
    ck_assert_uint_eq(rn_crc32(0, "IEND", 4), 0xae426082u); /* as every PNG ends */
    ck_assert_uint_eq(rn_crc32(0, NULL, 0), 0);
}
END_TEST

static void check_join(const char *folder, const char *name, const char *want) {
    char *path = NULL;
    ck_assert_int_eq(rn_path_join(&path, folder, name), RN_OK);
    ck_assert_str_eq(path, want);
    free(path);
}

START_TEST(paths) {
    check_join("a", "b", "a/b");
    check_join("a/", "b", "a/b");
    check_join("/", "b", "/b");
    check_join("", "b", "b");
    ck_assert_str_eq(rn_path_name("a/b.c"), "b.c");
    ck_assert_str_eq(rn_path_name("b"), "b");
    ck_assert_str_eq(rn_path_name("a/"), "");
    temp_text("file", "");
    ck_assert(rn_path_exists(temp_path("file")) && !rn_path_is_folder(temp_path("file")));
    ck_assert(rn_path_exists(temp_root) && rn_path_is_folder(temp_root));
    ck_assert(!rn_path_exists(temp_path("none")) && !rn_path_is_folder(temp_path("none")));
}
END_TEST

static void check_parent(const char *path, const char *want) {
    char *parent = NULL;
    ck_assert_int_eq(rn_path_parent(&parent, path), RN_OK);
    ck_assert_str_eq(parent, want);
    free(parent);
}

START_TEST(parents) {
    check_parent("a/b.c", "a");
    check_parent("/a/b/c", "/a/b");
    check_parent("b", ".");
    check_parent("", ".");
    check_parent("/a", "/");
    check_parent("/", "/");
    check_parent("a/", "a"); /* what lies in a, whatever its name */
}
END_TEST

START_TEST(folders_are_made) {
    ck_assert_int_eq(rn_folder_make(temp_path("a/b/c")), RN_OK);
    ck_assert_int_eq(rn_folder_make(temp_path("a/b/c")), RN_OK);
    ck_assert_int_eq(rn_folder_make(temp_path("a/d//e/")), RN_OK);
    ck_assert(rn_path_is_folder(temp_path("a/b/c")) && rn_path_is_folder(temp_path("a/d/e")));
    ck_assert_int_eq(symlink("a", temp_path("link")), 0);
    ck_assert_int_eq(rn_folder_make(temp_path("link/f")), RN_OK);
    ck_assert(rn_path_is_folder(temp_path("a/f")));
    ck_assert_int_eq(rn_folder_make("."), RN_OK);
    ck_assert_int_eq(rn_folder_make("/"), RN_OK);
}
END_TEST

START_TEST(folders_that_cannot_be_made) {
    temp_text("file", "");
    ck_assert_int_eq(rn_folder_make(temp_path("file")), RN_EIO);
    check_text("file: cannot make the folder: File exists");
    ck_assert_int_eq(rn_folder_make(temp_path("file/a")), RN_EIO);
    check_text("file/a: cannot make the folder: Not a directory");
    ck_assert_int_eq(symlink("none", temp_path("link")), 0);
    ck_assert_int_eq(rn_folder_make(temp_path("link/a")), RN_EIO);
    check_text("link: cannot make the folder: File exists");
    ck_assert_int_eq(rn_folder_make(""), RN_EIO);
    ck_assert_str_eq(rn_error_text(), ": cannot make the folder: No such file or directory");
}
END_TEST

START_TEST(folders_are_listed_in_order) {
    static const char *const want[] = {".hidden", "B", "a", "a10", "a2", "\xc3\xa4"};
    char **names = NULL;
    size_t count = 0;
    for (int i = 5; i >= 0; i--) temp_text(want[i], "");
    ck_assert_int_eq(rn_folder_list(&names, &count, temp_root), RN_OK);
    ck_assert_uint_eq(count, 6);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(names[i], want[i]);
        free(names[i]);
    }
    free(names);
    ck_assert_int_eq(rn_folder_list(&names, &count, temp_path("none")), RN_EINPUT);
    check_text("none: cannot open: No such file or directory");
    ck_assert(names == NULL && count == 0);
    ck_assert_int_eq(mkdir(temp_path("empty"), 0777), 0);
    check_count("empty", 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("file");
    TCase *tests = tcase_create("file");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, read_whole);
    tcase_add_test(tests, read_refuses);
    tcase_add_test(tests, write_new_and_replace);
    tcase_add_test(tests, nothing_is_seen_before_commit);
    tcase_add_test(tests, abort_leaves_no_trace);
    tcase_add_test(tests, strangers_temporaries);
    tcase_add_test(tests, links_are_followed);
    tcase_add_test(tests, devices_stay);
    tcase_add_test(tests, disk_full);
    tcase_add_test(tests, file_too_large);
    tcase_add_test(tests, folder_missing_or_not_one);
    tcase_add_test(tests, folder_read_only);
    tcase_add_test(tests, rename_fails);
    tcase_add_test(tests, crc_as_published);
    tcase_add_test(tests, paths);
    tcase_add_test(tests, parents);
    tcase_add_test(tests, folders_are_made);
    tcase_add_test(tests, folders_that_cannot_be_made);
    tcase_add_test(tests, folders_are_listed_in_order);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
