/* The encoding's bytes, as protobuf.dev/programming-guides/encoding shows them. */
#include "model/protobuf.h"
#include "suite.h"

#include <check.h>
#include <string.h>

static rn_protobuf out;

static void gave(const uint8_t *bytes, size_t size) {
    ck_assert_int_eq(out.status, RN_OK);
    ck_assert_uint_eq(out.size, size);
    ck_assert_mem_eq(out.bytes, bytes, size);
    rn_protobuf_free(&out);
}

#define GAVE(...) gave((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

START_TEST(numbers) {
    rn_protobuf_int(&out, 1, 150);
    GAVE(0x08, 0x96, 0x01);
    rn_protobuf_int(&out, 20, 0); /* a tag of two bytes */
    GAVE(0xa0, 0x01, 0x00);
    rn_protobuf_int(&out, 3, -1); /* ten bytes of two's complement */
    GAVE(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    rn_protobuf_int(&out, 3, 127);
    rn_protobuf_int(&out, 3, 128);
    GAVE(0x18, 0x7f, 0x18, 0x80, 0x01);
    rn_protobuf_float(&out, 2, 1.5f);
    GAVE(0x15, 0x00, 0x00, 0xc0, 0x3f);
}
END_TEST

START_TEST(bytes) {
    rn_protobuf_string(&out, 2, "testing");
    GAVE(0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g');
    rn_protobuf_string(&out, 2, "");
    GAVE(0x12, 0x00);
    uint8_t *room = rn_protobuf_bytes(&out, 9, 200);
    ck_assert_ptr_nonnull(room);
    ck_assert_uint_eq(out.size, 203);
    ck_assert(room == out.bytes + 3);
    ck_assert_mem_eq(out.bytes, "\x4a\xc8\x01", 3);
    rn_protobuf_free(&out);
}
END_TEST

START_TEST(messages_in_messages) {
    const size_t outer = rn_protobuf_begin(&out, 3);
    const size_t inner = rn_protobuf_begin(&out, 1);
    rn_protobuf_int(&out, 1, 150);
    rn_protobuf_end(&out, inner);
    rn_protobuf_end(&out, outer);
    rn_protobuf_int(&out, 2, 1);
    GAVE(0x1a, 0x89, 0x80, 0x80, 0x80, 0x00, 0x0a, 0x83, 0x80, 0x80, 0x80, 0x00, 0x08, 0x96, 0x01,
         0x10, 0x01);
    const size_t empty = rn_protobuf_begin(&out, 1);
    rn_protobuf_end(&out, empty);
    GAVE(0x0a, 0x80, 0x80, 0x80, 0x80, 0x00);
}
END_TEST

/* What does not fit is kept, and all that follows is left out. */
START_TEST(want_of_memory_stays) {
    rn_protobuf_int(&out, 1, 1);
    ck_assert_ptr_null(rn_protobuf_bytes(&out, 2, SIZE_MAX - 2));
    ck_assert_int_eq(out.status, RN_ENOMEM);
    const size_t size = out.size, message = rn_protobuf_begin(&out, 3);
    rn_protobuf_string(&out, 1, "text");
    rn_protobuf_end(&out, message);
    ck_assert_ptr_null(rn_protobuf_bytes(&out, 2, 1));
    ck_assert_int_eq(out.status, RN_ENOMEM);
    ck_assert_uint_eq(out.size, size);
    rn_protobuf_free(&out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("protobuf");
    TCase *tcase = tcase_create("protobuf");
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, bytes);
    tcase_add_test(tcase, messages_in_messages);
    tcase_add_test(tcase, want_of_memory_stays);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
