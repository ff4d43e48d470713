/* Objects and values through the pull reader: what is taken, what is refused, in which words. */
#include "data/json.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rn_json json;

static void teardown(void) {
    rn_json_free(&json);
}

/* The first token of a text. */
static rn_json_token first_of(const char *text) {
    rn_json_token token;
    rn_json_free(&json);
    ck_assert_int_eq(rn_json_open(&json, "f", text, strlen(text)), RN_OK);
    ck_assert_msg(rn_json_next(&json, &token) == RN_OK, "%s", rn_error_text());
    return token;
}

/* ---- integers ---- */

static void is_int(const char *text, int64_t min, int64_t max, int64_t want) {
    int64_t got = 77;
    const rn_json_token token = first_of(text);
    ck_assert_msg(rn_json_int(&json, &got, &token, "\"n\"", min, max) == RN_OK, "%s",
                  rn_error_text());
    ck_assert_int_eq(got, want);
}

static void no_int(const char *text, int64_t min, int64_t max, const char *want) {
    int64_t got = 77;
    const rn_json_token token = first_of(text);
    ck_assert_int_eq(rn_json_int(&json, &got, &token, "\"n\"", min, max), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_int_eq(got, 77);
}

START_TEST(integers_are_exact) {
    const int64_t most = RN_JSON_MAX_INT;
    is_int("0", -most, most, 0);
    is_int("-0", -most, most, 0);
    is_int("9007199254740992", -most, most, INT64_C(9007199254740992));
    is_int("-9007199254740992", -most, most, -INT64_C(9007199254740992));
    is_int("9007199254740991", -most, most, INT64_C(9007199254740991));
    is_int("3", 3, 3, 3);
#define WANT_ID ", want an integer of at most 2^53)"
    no_int("9007199254740993", -most, most, "f:1:1: \"n\" (got 9007199254740993" WANT_ID);
    no_int("-9007199254740993", -most, most, "f:1:1: \"n\" (got -9007199254740993" WANT_ID);
    no_int("18446744073709551617", -most, most, "f:1:1: \"n\" (got 18446744073709551617" WANT_ID);
    no_int("1.5", -most, most, "f:1:1: \"n\" (got 1.5" WANT_ID);
    no_int("1.0", -most, most, "f:1:1: \"n\" (got 1.0" WANT_ID);
    no_int("1e3", -most, most, "f:1:1: \"n\" (got 1e3" WANT_ID);
    no_int(" \"12\"", -most, most, "f:1:2: \"n\" (got \"12\"" WANT_ID);
    no_int("true", -most, most, "f:1:1: \"n\" (got true" WANT_ID);
    no_int("null", -most, most, "f:1:1: \"n\" (got null" WANT_ID);
    no_int("[1]", -most, most, "f:1:1: \"n\" (got an array" WANT_ID);
    no_int("{}", -most, most, "f:1:1: \"n\" (got an object" WANT_ID);
#undef WANT_ID
    no_int("4", 0, 3, "f:1:1: \"n\" (got 4, want an integer of 0..3)");
    no_int("-1", 0, 3, "f:1:1: \"n\" (got -1, want an integer of 0..3)");
}
END_TEST

/* ---- doubles ---- */

START_TEST(doubles_are_numbers) {
    double got = 77, four[4];
    rn_json_token token = first_of("-2.5e-1");
    ck_assert_int_eq(rn_json_double(&json, &got, &token, "\"x\""), RN_OK);
    ck_assert(got == -0.25);
    token = first_of("\"1\"");
    ck_assert_int_eq(rn_json_double(&json, &got, &token, "\"x\""), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), "f:1:1: \"x\" (got \"1\", want a number)");
    token = first_of("[1, 2.5, -3, 4e0]");
    ck_assert_int_eq(rn_json_doubles(&json, four, 4, &token, "\"b\""), RN_OK);
    ck_assert(four[0] == 1 && four[1] == 2.5 && four[2] == -3 && four[3] == 4);
    ck_assert_int_eq(rn_json_next(&json, &token), RN_OK); /* it was read to its end */
    ck_assert_int_eq(token.type, RN_JSON_END);
}
END_TEST

static void no_doubles(const char *text, const char *want) {
    double v[5] = {7, 7, 7, 7, 7};
    const rn_json_token token = first_of(text);
    ck_assert_int_eq(rn_json_doubles(&json, v, 4, &token, "\"b\""), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert(v[4] == 7);
}

START_TEST(arrays_of_numbers_are_counted) {
    no_doubles("[1, 2, 3]", "f:1:1: \"b\" (got 3 numbers, want 4)");
    no_doubles("[]", "f:1:1: \"b\" (got 0 numbers, want 4)");
    no_doubles("[1, 2, 3, 4, 5, 6]", "f:1:1: \"b\" (got 6 numbers, want 4)");
    no_doubles("[1, \"2\", 3, 4]", "f:1:5: \"b\" (got \"2\", want an array of 4 numbers)");
    no_doubles("[1, null, 3, 4]", "f:1:5: \"b\" (got null, want an array of 4 numbers)");
    no_doubles("[1, [2], 3, 4]", "f:1:5: \"b\" (got an array, want an array of 4 numbers)");
    no_doubles("7", "f:1:1: \"b\" (got 7, want an array of 4 numbers)");
    no_doubles("{}", "f:1:1: \"b\" (got an object, want an array of 4 numbers)");
    no_doubles("[1, 2, 3, NaN]", "f:1:11: not a JSON value or out of range (got NaN)");
    no_doubles("[1, 2, 3", "f:1:9: not JSON (got the end of the file, want ',' or ']')");
}
END_TEST

/* ---- text ---- */

static void no_text(const char *text, const char *want) {
    char *got = NULL;
    const rn_json_token token = first_of(text);
    ck_assert_int_eq(rn_json_text(&json, &got, &token, "\"s\""), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(got);
}

START_TEST(text_is_copied) {
    char *got = NULL;
    const rn_json_token token = first_of("\"a\\u00e9\\nb\"");
    ck_assert_int_eq(rn_json_text(&json, &got, &token, "\"s\""), RN_OK);
    ck_assert_str_eq(got, "a\xc3\xa9\nb");
    free(got);
#define WANT ", want a string that is not empty, without \\u0000)"
    no_text("\"\"", "f:1:1: \"s\" (got \"\"" WANT);
    no_text("\"a\\u0000b\"", "f:1:1: \"s\" (got \"a\"" WANT);
#undef WANT
    no_text("12", "f:1:1: \"s\" (got 12, want a string)");
    no_text("null", "f:1:1: \"s\" (got null, want a string)");
    no_text("[]", "f:1:1: \"s\" (got an array, want a string)");
}
END_TEST

/* 40 bytes are shown, never half a character. */
static void shows(const char *text, const char *shown) {
    char want[256];
    const rn_json_token token = first_of(text);
    snprintf(want, sizeof want, "f:1:1: x (got %s, want y)", shown);
    ck_assert_int_eq(rn_json_unwanted(&json, &token, "x", "y"), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}

#define TEN "0123456789"
START_TEST(messages_show_the_start) {
    shows("\"" TEN TEN TEN TEN "\"", "\"" TEN TEN TEN TEN "\"");
    shows("\"" TEN TEN TEN TEN "x\"", "\"" TEN TEN TEN TEN "...\"");
    shows("\"" TEN TEN TEN "01234567\xe2\x82\xac\"", "\"" TEN TEN TEN "01234567...\"");
    shows("\"" TEN TEN TEN "012345678\xc3\xa9z\"", "\"" TEN TEN TEN "012345678...\"");
    shows("\"" TEN TEN TEN "01234567\xc3\xa9z\"", "\"" TEN TEN TEN "01234567\xc3\xa9...\"");
    shows("1" TEN TEN TEN TEN, "1" TEN TEN TEN "012345678...");
    shows("\"a\\nb\"", "\"a?b\""); /* one line */
    shows("false", "false");
}
END_TEST

/* ---- objects ---- */

static const char *const keys[] = {"id", "name", "size"};
static const rn_json_members thing = {.what = "thing", .keys = keys, .n = 3, .required = 2};

/* The values by key, "id=1 name=x", in the order they came. */
static rn_status members_of(const char *text, char *out, size_t cap) {
    rn_json_members members = thing;
    const rn_json_token token = first_of(text);
    size_t n = 0;
    out[0] = '\0';
    RN_TRY(rn_json_begin(&json, &members, &token));
    for (;;) {
        size_t key;
        rn_json_token value;
        RN_TRY(rn_json_member(&json, &members, &key, &value));
        if (key == members.n) return RN_OK;
        n += (size_t)snprintf(out + n, cap - n, "%s%s=%.*s", n ? " " : "", keys[key],
                              (int)value.size, value.text);
    }
}

static void has_members(const char *text, const char *want) {
    char got[256];
    rn_json_token token;
    ck_assert_msg(members_of(text, got, sizeof got) == RN_OK, "%s", rn_error_text());
    ck_assert_str_eq(got, want);
    ck_assert_int_eq(rn_json_next(&json, &token), RN_OK);
    ck_assert_int_eq(token.type, RN_JSON_END);
}

static void no_members(const char *text, const char *want) {
    char got[256];
    ck_assert_int_eq(members_of(text, got, sizeof got), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}

START_TEST(members_come_by_key) {
    has_members("{\"id\":1,\"name\":2,\"size\":3}", "id=1 name=2 size=3");
    has_members("{\"size\":3,\"id\":1,\"name\":2}", "size=3 id=1 name=2");
    has_members("{\"name\":2,\"id\":1}", "name=2 id=1");
    has_members("{\"x\":{\"id\":[9]},\"id\":1,\"ids\":0,\"i\":0,\"\":0,\"name\":2,\"z\":[[]]}",
                "id=1 name=2");
    has_members("{\"\\u0069d\":1,\"name\":2}", "id=1 name=2"); /* "id", written otherwise */
}
END_TEST

START_TEST(objects_are_checked) {
    no_members("{}", "f:1:1: thing has no \"id\"");
    no_members(" {\"id\":1}", "f:1:2: thing has no \"name\"");
    no_members("{\"name\":1,\"size\":2}", "f:1:1: thing has no \"id\"");
    no_members("{\"id\":1,\n \"name\":2,\n  \"id\":3}",
               "f:3:3: duplicate key (got \"id\", first at 1:2)");
    no_members("{\"id\":1,\"size\":2,\"size\":2}", /* one that need not be there */
               "f:1:18: duplicate key (got \"size\", first at 1:9)");
    no_members("{\"id\":1,\"name\":2,\"z\":3,\"z\":4}", /* one that is passed over */
               "f:1:24: duplicate key (got \"z\", first at 1:18)");
    no_members("[1]", "f:1:1: thing (got an array, want an object)");
    no_members("[1,]", "f:1:4: not JSON (got ']', want a value)");
    no_members("5", "f:1:1: thing (got 5, want an object)");
    no_members("{\"id\":1,", "f:1:9: not JSON (got the end of the file, want a key)");
}
END_TEST

/* A list of objects: keys that were met in one are new in the next. */
START_TEST(each_object_begins_anew) {
    rn_json_members members = thing;
    rn_json_token token = first_of("[{\"id\":1,\"name\":2},{\"name\":2,\"id\":1},{\"id\":1}]"),
                  value;
    size_t key;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rn_json_next(&json, &token), RN_OK);
        ck_assert_int_eq(rn_json_begin(&json, &members, &token), RN_OK);
        for (int k = 0; k < (i < 2 ? 2 : 1); k++) {
            ck_assert_int_eq(rn_json_member(&json, &members, &key, &value), RN_OK);
            ck_assert_uint_eq(key, (size_t)(i == 1 ? 1 - k : k));
        }
        const rn_status status = rn_json_member(&json, &members, &key, &value);
        ck_assert_int_eq(status, i < 2 ? RN_OK : RN_EINPUT);
        if (i < 2) ck_assert_uint_eq(key, 3);
    }
    ck_assert_str_eq(rn_error_text(), "f:1:38: thing has no \"name\"");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_value");
    TCase *tests = tcase_create("json_value");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, integers_are_exact);
    tcase_add_test(tests, doubles_are_numbers);
    tcase_add_test(tests, arrays_of_numbers_are_counted);
    tcase_add_test(tests, text_is_copied);
    tcase_add_test(tests, messages_show_the_start);
    tcase_add_test(tests, members_come_by_key);
    tcase_add_test(tests, objects_are_checked);
    tcase_add_test(tests, each_object_begins_anew);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
