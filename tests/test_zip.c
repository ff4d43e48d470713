/* The directory of a zip file, and all the ways in which it may lie. */
#include "model/zip.h"
#include "suite.h"
#include "torch_files.h"

static made_zip zip;
static rn_zip_entry *entries;
static size_t n;

/* Three entries: "a/version" of 2 bytes, "a/data.pkl" of 10, "a/data/0" of 100. */
static void make(void) {
    uint8_t data[100];
    for (int i = 0; i < 100; i++) data[i] = (uint8_t)i;
    zip_free(&zip);
    zip_add(&zip, "a/version", "3\n", 2);
    zip_add(&zip, "a/data.pkl", data, 10);
    zip_add(&zip, "a/data/0", data, 100);
    zip_end(&zip);
}

static rn_status run(void) {
    static uint8_t *copy; /* of its own size, so that a read behind its end shows */
    free(entries);
    free(copy);
    copy = malloc(zip.file.size + 1);
    ck_assert_ptr_nonnull(copy);
    if (zip.file.size > 0) memcpy(copy, zip.file.data, zip.file.size);
    uint8_t *fitting = realloc(copy, zip.file.size + (zip.file.size == 0));
    copy = fitting ? fitting : copy;
    return rn_zip_read(&entries, &n, copy, zip.file.size, "FILE");
}

/* It is refused with `what` at `offset`. */
static void refused(const char *what, size_t offset) {
    char text[200];
    snprintf(text, sizeof text, "FILE: offset %zu: %s", offset, what);
    ck_assert_int_eq(run(), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert_ptr_null(entries);
    ck_assert_uint_eq(n, 0);
}

/* The file of make() with `bytes` bytes at `at` of an entry's header, or of the end, replaced. */
static void refused_with(size_t base, size_t at, uint64_t value, int bytes, const char *what,
                         size_t offset) {
    set_little(&zip.file, base + at, value, bytes);
    refused(what, offset);
    make();
}

#define LOCAL(i)   zip.local[i]
#define CENTRAL(i) zip.central[i]

/* ---- right ones ---- */

START_TEST(reads_what_torch_writes) {
    ck_assert_msg(run() == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(n, 3);
    const rn_zip_entry *pickle = rn_zip_find(entries, n, "a/data.pkl");
    const rn_zip_entry *data = rn_zip_find(entries, n, "a/data/0");
    ck_assert(pickle == &entries[0] && data == &entries[1]); /* '.' is before '/' */
    ck_assert_uint_eq(pickle->offset, 128);
    ck_assert_uint_eq(pickle->size, 10);
    ck_assert_uint_eq(data->offset, 192);
    ck_assert_uint_eq(data->size, 100);
    ck_assert_int_eq(zip.file.data[data->offset + 99], 99);
    ck_assert_ptr_null(rn_zip_find(entries, n, "a/data/"));
    ck_assert_ptr_null(rn_zip_find(entries, n, "a/data/00"));
    ck_assert_int_eq(rn_zip_check(data, zip.file.data, "FILE"), RN_OK);
    zip.file.data[data->offset + 50] ^= 8;
    ck_assert_int_eq(rn_zip_check(data, zip.file.data, "FILE"), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), "FILE: offset 192: zip entry a/data/0 has the checksum "
                                      "a267e8fb, the file says 58c932f5: damaged");
}
END_TEST

START_TEST(reads_an_empty_one) {
    zip_free(&zip);
    zip_end(&zip);
    ck_assert_int_eq(run(), RN_OK);
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_null(rn_zip_find(entries, n, "a"));
}
END_TEST

/* torch.save leaves sizes and checksum to what is behind the data. */
START_TEST(reads_sizes_behind_the_data) {
    set_little(&zip.file, LOCAL(1) + 6, 8, 2);
    set_little(&zip.file, LOCAL(1) + 14, 0, 4);
    set_little(&zip.file, LOCAL(1) + 18, 0, 4);
    set_little(&zip.file, LOCAL(1) + 22, 0, 4);
    ck_assert_msg(run() == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(rn_zip_find(entries, n, "a/data.pkl")->size, 10);
    make();
    set_little(&zip.file, LOCAL(1) + 6, 8, 2); /* but may not say another size */
    set_little(&zip.file, LOCAL(1) + 22, 11, 4);
    refused("zip entry a/data.pkl has another size or checksum in the directory", LOCAL(1));
}
END_TEST

static void make_64(void) {
    zip_free(&zip);
    zip_64(&zip, "a/data.pkl", "0123456789", 10);
}

START_TEST(reads_64_bit_sizes) {
    make_64();
    ck_assert_msg(run() == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(entries[0].size, 10);
    ck_assert_uint_eq(entries[0].offset, 65);
    set_little(&zip.file, zip.end + 76 + 16, zip.central[0], 4); /* where the end agrees: fine */
    ck_assert_int_eq(run(), RN_OK);
}
END_TEST

START_TEST(refuses_wrong_64_bit_sizes) {
    static const char ends[] = "the two ends of the zip directory do not agree";
    static const char place[] = "the zip directory's 64-bit end is not where it is said to be";
    make_64();
    const size_t end = zip.end, central = zip.central[0];
    set_little(&zip.file, end + 76 + 16, central + 1, 4);
    refused(ends, end + 76);
    make_64();
    set_little(&zip.file, end + 76 + 10, 2, 2);
    refused(ends, end + 76);
    make_64();
    set_little(&zip.file, end + 56 + 8, end + 1, 8);
    refused(place, end + 56);
    make_64();
    set_little(&zip.file, end + 56 + 8, UINT64_MAX, 8);
    refused(place, end + 56);
    make_64();
    set_little(&zip.file, end, 0, 4);
    refused(place, end + 56);
    make_64();
    set_little(&zip.file, end + 4, 45, 8);
    refused(place, end + 56);
    make_64();
    set_little(&zip.file, end + 32, UINT64_MAX, 8);
    refused("a zip directory of 84 bytes for 18446744073709551615 entries", end);
    make_64();
    set_little(&zip.file, end + 40, UINT64_MAX - 74, 8); /* at + size wraps round to `end` */
    refused("a zip directory of 18446744073709551541 bytes at 75 does not end "
            "here",
            end);
    make_64();
    set_little(&zip.file, central + 46 + 10 + 4, UINT64_MAX, 8);
    set_little(&zip.file, central + 46 + 10 + 12, UINT64_MAX, 8);
    refused("zip entry a/data.pkl runs into the directory", 0);
    make_64();
    set_little(&zip.file, central + 46 + 10 + 20, UINT64_MAX - 10, 8);
    refused("zip entry a/data.pkl has no header here", SIZE_MAX - 10);
    make_64();
    set_little(&zip.file, central + 46 + 10 + 2, 16, 2); /* no room for the third */
    refused("zip entry a/data.pkl lacks its 64-bit sizes", central);
    make_64();
    set_little(&zip.file, central + 46 + 10 + 2, 25, 2);
    refused("zip entry a/data.pkl lacks its 64-bit sizes", central);
    make_64();
    set_little(&zip.file, central + 46 + 10, 2, 2); /* another extra */
    refused("zip entry a/data.pkl lacks its 64-bit sizes", central);
    make_64();
    set_little(&zip.file, 30 + 10 + 5 + 4, 11, 8);
    refused("zip entry a/data.pkl has another size or checksum in the directory", 0);
}
END_TEST

/* ---- the end ---- */

START_TEST(refuses_a_wrong_end) {
    const size_t end = zip.end, size = zip.file.size, at = CENTRAL(0);
    char text[200];
    refused_with(end, 0, 0, 1, "no end of a zip directory here: cut off?", size);
    refused_with(end, 10, 4, 2, "a zip directory of 165 bytes for 4 entries", end);
    refused_with(end, 10, 65535, 2, "a zip directory of 165 bytes for 65535 entries", end);
    refused_with(end, 10, 2, 2, "the zip directory holds more than its entries", CENTRAL(2));
    snprintf(text, sizeof text, "a zip directory of 166 bytes at %zu does not end here", at);
    refused_with(end, 12, 166, 4, text, end);
    snprintf(text, sizeof text, "a zip directory of 4294967295 bytes at %zu does not end here", at);
    refused_with(end, 12, UINT32_MAX, 4, text, end);
    snprintf(text, sizeof text, "a zip directory of 165 bytes at %zu does not end here", at - 1);
    refused_with(end, 16, at - 1, 4, text, end);
    add_raw(&zip.file, "x");
    refused("no end of a zip directory here: cut off?", size + 1);
}
END_TEST

START_TEST(refuses_what_is_cut_off) {
    const size_t size = zip.file.size;
    for (size_t left = 0; left < size; left++) {
        zip.file.size = left;
        refused("no end of a zip directory here: cut off?", left);
    }
}
END_TEST

/* ---- entries ---- */

START_TEST(refuses_wrong_records) {
    const size_t at = CENTRAL(1);
    refused_with(at, 0, 0, 1, "no entry of the zip directory here", at);
    refused_with(at, 8, 1, 2, "zip entry a/data.pkl is encrypted", at);
    refused_with(at, 10, 8, 2,
                 "zip entry a/data.pkl is compressed: torch.save stores them as they are", at);
    refused_with(at, 20, 9, 4, /* stored in fewer bytes than there are */
                 "zip entry a/data.pkl is compressed: torch.save stores them as they are", at);
    refused_with(at, 28, 65535, 2, "an entry of the zip directory runs past its end", at);
    refused_with(at, 30, 110, 2, "an entry of the zip directory runs past its end", at);
    refused_with(at, 32, 65535, 2, "an entry of the zip directory runs past its end", at);
    refused_with(at, 32, 1, 2, "no entry of the zip directory here", CENTRAL(2) + 1);
    refused_with(at, 42, UINT32_MAX, 4, "zip entry a/data.pkl lacks its 64-bit sizes", at);
}
END_TEST

/* What the directory says and what stands before the data. */
START_TEST(refuses_two_truths) {
    static const char size[] = "zip entry a/data.pkl has another size or checksum in the directory";
    static const char other[] = "zip entry a/data.pkl is another in the directory";
    const size_t at = LOCAL(1), central = CENTRAL(1);
    refused_with(at, 0, 0, 1, "zip entry a/data.pkl has no header here", at);
    refused_with(central, 42, LOCAL(0), 4, other, LOCAL(0)); /* of another name */
    refused_with(central, 42, at + 1, 4, "zip entry a/data.pkl has no header here", at + 1);
    refused_with(central, 42, CENTRAL(0) - 29, 4, "zip entry a/data.pkl has no header here",
                 CENTRAL(0) - 29);
    refused_with(at, 8, 8, 2, other, at);
    refused_with(at, 26, 9, 2, other, at);
    refused_with(at, 30, 'b', 1, other, at);
    refused_with(central, 46, 'b', 1,
                 "zip entry b/data.pkl is another in the "
                 "directory",
                 at);
    refused_with(at, 14, 1, 4, size, at);
    refused_with(at, 18, 9, 4, size, at);
    refused_with(at, 22, 9, 4, size, at);
    refused_with(central, 16, 1, 4, size, at);
    refused_with(at, 22, UINT32_MAX, 4, other, at); /* without an extra for it */
    set_little(&zip.file, central + 20, 11, 4);     /* 11 bytes, the directory says */
    set_little(&zip.file, central + 24, 11, 4);
    refused(size, at);
    make();
    set_little(&zip.file, central + 20, 1000000, 4);
    set_little(&zip.file, central + 24, 1000000, 4);
    refused("zip entry a/data.pkl runs into the directory", at);
    make();
    refused_with(at, 28, 65535, 2, "zip entry a/data.pkl runs into the directory", at);
}
END_TEST

/* Both halves agree, but the bytes are another entry's as well: of two headers, or one header
 * twice. */
START_TEST(refuses_entries_that_overlap) {
    const int entry[] = {0, 1};
    for (int i = 0; i < 2; i++) {
        const size_t next = zip.local[entry[i] + 1];
        const size_t begin = i == 0 ? 64 : 128, size = next + 1 - begin;
        for (int k = 18; k <= 22; k += 4) {
            set_little(&zip.file, zip.local[i] + (size_t)k, size, 4);
            set_little(&zip.file, zip.central[i] + (size_t)k + 2, size, 4);
        }
        refused(i == 0 ? "zip entry a/data.pkl overlaps the one before"
                       : "zip entry a/data/0 overlaps the one before",
                next);
        make();
    }
    zip_free(&zip);
    zip_add(&zip, "a", "1", 1);
    zip_add(&zip, "a", "1", 1);
    zip_end(&zip);
    set_little(&zip.file, CENTRAL(1) + 42, 0, 4);
    refused("zip entry a overlaps the one before", 0);
}
END_TEST

START_TEST(refuses_names_twice) {
    zip_free(&zip);
    zip_add(&zip, "b", "1", 1);
    zip_add(&zip, "a", "1", 1);
    zip_add(&zip, "b", "2", 1);
    zip_end(&zip);
    ck_assert_int_eq(run(), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), ": zip entry b stands twice"));
}
END_TEST

/* Any bit of it may be wrong: what is still read has all its data within the file. */
START_TEST(any_bit_may_be_wrong) {
    size_t good = 0;
    for (size_t bit = 0; bit < 8 * zip.file.size; bit++) {
        zip.file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (run() == RN_OK) {
            good++;
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_le(entries[i].offset + entries[i].size, CENTRAL(0));
        } else {
            ck_assert_int_eq(strncmp(rn_error_text(), "FILE: offset ", 13), 0);
        }
        zip.file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_gt(good, 8 * 112); /* the data's bits, which are the checksums' business */
}
END_TEST

static void clean(void) {
    free(entries);
    entries = NULL;
    zip_free(&zip);
}

int main(void) {
    Suite *suite = suite_create("zip");
    TCase *tests = tcase_create("zip");
    tcase_add_checked_fixture(tests, make, clean);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, reads_what_torch_writes);
    tcase_add_test(tests, reads_an_empty_one);
    tcase_add_test(tests, reads_sizes_behind_the_data);
    tcase_add_test(tests, reads_64_bit_sizes);
    tcase_add_test(tests, refuses_wrong_64_bit_sizes);
    tcase_add_test(tests, refuses_a_wrong_end);
    tcase_add_test(tests, refuses_what_is_cut_off);
    tcase_add_test(tests, refuses_wrong_records);
    tcase_add_test(tests, refuses_two_truths);
    tcase_add_test(tests, refuses_entries_that_overlap);
    tcase_add_test(tests, refuses_names_twice);
    tcase_add_test(tests, any_bit_may_be_wrong);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
