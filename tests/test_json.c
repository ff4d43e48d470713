/* The pull reader: which tokens a text gives, which texts are refused, with which words and where.
 */
#include "data/json.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text; /* in a block of its very size */
static rn_json json;

static void teardown(void) {
    rn_json_free(&json);
    free(text);
    text = NULL;
}

static rn_status open_bytes(const char *bytes, size_t size) {
    teardown();
    text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    return rn_json_open(&json, "f", text, size);
}

static void opens(const char *string) {
    ck_assert_msg(open_bytes(string, strlen(string)) == RN_OK, "%s", rn_error_text());
}

static rn_json_token next(void) {
    rn_json_token token;
    const rn_status status = rn_json_next(&json, &token);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
    return token;
}

/* Reads to the end or to the first refusal; the tokens as text, blanks between. */
static rn_status trace(char *out, size_t cap) {
    static const char *const signs[] = {"end", "{", "}", "[", "]", "key:", "", "", "", "", ""};
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        rn_json_token token;
        if (rn_json_next(&json, &token) != RN_OK) return RN_EINPUT;
        const bool has_text = token.type >= RN_JSON_KEY;
        const char *quote = token.type == RN_JSON_STRING ? "'" : "";
        n += (size_t)snprintf(out + n, cap - n, "%s%s%s%.*s%s", n ? " " : "", signs[token.type],
                              quote, has_text ? (int)token.size : 0, has_text ? token.text : "",
                              quote);
        ck_assert_uint_lt(n, cap);
        if (token.type == RN_JSON_END) return RN_OK;
    }
}

static void reads(const char *string, const char *want) {
    char got[1024];
    opens(string);
    ck_assert_msg(trace(got, sizeof got) == RN_OK, "%s", rn_error_text());
    ck_assert_str_eq(got, want);
    const rn_json_token again = next(); /* the end stays the end */
    ck_assert_int_eq(again.type, RN_JSON_END);
}

static void refuses_bytes(const char *bytes, size_t size, const char *want) {
    char got[4096];
    if (open_bytes(bytes, size) == RN_OK) ck_assert_int_eq(trace(got, sizeof got), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
}

static void refuses(const char *string, const char *want) {
    refuses_bytes(string, strlen(string), want);
}

/* ---- grammar ---- */

START_TEST(values_and_structure) {
    reads("[]", "[ ] end");
    reads(" {\t}\r\n", "{ } end");
    reads("1", "1 end");
    reads("\"\"", "'' end");
    reads("true", "true end");
    reads(" null ", "null end");
    reads("[1,[2,[]],{}]", "[ 1 [ 2 [ ] ] { } ] end");
    reads("{\"a\":1,\"b\":{\"\":[true,false,null]},\"c\":\"x\"}",
          "{ key:a 1 key:b { key: [ true false null ] } key:c 'x' } end");
    reads("{ \"a\" : [ 1 , -2.5e+3 ] , \"b\" : \"c\" }", "{ key:a [ 1 -2.5e+3 ] key:b 'c' } end");
    reads("\xef\xbb\xbf[7]", "[ 7 ] end"); /* a byte order mark */
}
END_TEST

START_TEST(structure_is_strict) {
    refuses("", "f:1:1: empty file (want JSON)");
    refuses("\xef\xbb\xbf", "f:1:1: empty file (want JSON)");
    refuses(" \n ", "f:2:2: not JSON (got the end of the file, want a value)");
    refuses("[", "f:1:2: not JSON (got the end of the file, want a value)");
    refuses("[1", "f:1:3: not JSON (got the end of the file, want ',' or ']')");
    refuses("[1,", "f:1:4: not JSON (got the end of the file, want a value)");
    refuses("[1,]", "f:1:4: not JSON (got ']', want a value)");
    refuses("[,1]", "f:1:2: not JSON (got ',', want a value)");
    refuses("[1 2]", "f:1:4: not JSON (got '2', want ',' or ']')");
    refuses("[1,,2]", "f:1:4: not JSON (got ',', want a value)");
    refuses("[1}", "f:1:3: not JSON (got '}', want ',' or ']')");
    refuses("[}", "f:1:2: not JSON (got '}', want a value)");
    refuses("]", "f:1:1: not JSON (got ']', want a value)");
    refuses("{", "f:1:2: not JSON (got the end of the file, want a key or '}')");
    refuses("{]", "f:1:2: not JSON (got ']', want a key or '}')");
    refuses("{1:2}", "f:1:2: not JSON (got '1', want a key or '}')");
    refuses("{\"a\"}", "f:1:5: not JSON (got '}', want ':')");
    refuses("{\"a\" 1}", "f:1:6: not JSON (got '1', want ':')");
    refuses("{\"a\":}", "f:1:6: not JSON (got '}', want a value)");
    refuses("{\"a\":1", "f:1:7: not JSON (got the end of the file, want ',' or '}')");
    refuses("{\"a\":1,}", "f:1:8: not JSON (got '}', want a key)");
    refuses("{\"a\":1]", "f:1:7: not JSON (got ']', want ',' or '}')");
    refuses("{\"a\":1 \"b\":2}", "f:1:8: not JSON (got '\"', want ',' or '}')");
    refuses("{,}", "f:1:2: not JSON (got ',', want a key or '}')");
    refuses("[1 /* */]", "f:1:4: not JSON (got '/', want ',' or ']')");
    refuses("['a']", "f:1:2: not JSON (got ''', want a value)");
    refuses("[\x7f]", "f:1:2: not JSON (got byte 0x7f, want a value)");
    refuses("[\f]", "f:1:2: not JSON (got byte 0x0c, want a value)"); /* no blank of JSON's */
    refuses("\xc2\xa0[]", "f:1:1: not JSON (got byte 0xc2, want a value)");
}
END_TEST

/* Within one object, however they are written; any that is open around it may hold the same. */
START_TEST(keys_are_unique) {
    rn_json_token token;
    reads("{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"A\":{\"a\":3},\"a \":4}",
          "{ key:a { key:a [ { key:a 1 } { key:a 2 } ] } key:A { key:a 3 } key:a  4 } end");
    refuses("{\"a\":1,\n\"a\":2}", "f:2:1: duplicate key (got \"a\", first at 1:2)");
    refuses("{\"a\":{\"b\":1},\"c\":[{\"d\":2}],\"a\":2}",
            "f:1:28: duplicate key (got \"a\", first at 1:2)");
    refuses("[{\"x\":{\"b\":{},\"\\u0062\":1}}]",
            "f:1:15: duplicate key (got \"\\u0062\", first at 1:8)");
    refuses("{\"\":1,\"\":2}", "f:1:7: duplicate key (got \"\", first at 1:2)");
    refuses("{\"\\\"x\":1,\"\\\"x\":2}", "f:1:10: duplicate key (got \"\\\"x\", first at 1:2)");
    refuses("{\"3456789 123456789 123456789 123456789\u00e9z\":1,"
            "\"3456789 123456789 123456789 123456789\u00e9z\":1}",
            "f:1:46: duplicate key (got \"3456789 123456789 123456789 123456789\u00e9z\", first at "
            "1:2)");
    refuses("{\"3456789 123456789 123456789 123456789 1\u00e9\":1,"
            "\"3456789 123456789 123456789 123456789 1\u00e9\":1}",
            "f:1:47: duplicate key (got \"3456789 123456789 123456789 123456789 1...\", first at "
            "1:2)");
    char *many = malloc(100000 * 10), *end = many; /* found in no time */
    ck_assert_ptr_nonnull(many);
    for (int i = 0; i < 100000; i++) end += sprintf(end, "%c\"%d\":0", i ? ',' : '{', i % 99999);
    strcpy(end, "}");
    opens(many);
    free(many);
    while (rn_json_next(&json, &token) == RN_OK) ck_assert_int_ne(token.type, RN_JSON_END);
    ck_assert_str_eq(rn_error_text(), "f:1:988882: duplicate key (got \"0\", first at 1:2)");
}
END_TEST

START_TEST(nothing_may_follow) {
    refuses("[] x", "f:1:4: text after the end (got 'x')");
    refuses("{}{}", "f:1:3: text after the end (got '{')");
    refuses("1,2", "f:1:2: text after the end (got ',')");
    refuses("[]\n\n,", "f:3:1: text after the end (got ',')");
    refuses("[]]", "f:1:3: text after the end (got ']')");
    refuses_bytes("[]\0", 3, "f:1:3: text after the end (got byte 0x00)");
    refuses_bytes("[1]\0\0\0\0", 7, "f:1:4: text after the end (got byte 0x00)");
}
END_TEST

START_TEST(other_encodings_are_refused) {
    refuses_bytes("\xff\xfe[\0]\0", 6, "f:1:1: encoding (got UTF-16 or UTF-32, want UTF-8)");
    refuses_bytes("\xfe\xff\0[\0]", 6, "f:1:1: encoding (got UTF-16 or UTF-32, want UTF-8)");
    refuses_bytes("[\0]\0", 4, "f:1:1: encoding (got UTF-16 or UTF-32, want UTF-8)");
    refuses_bytes("\0[\0]", 4, "f:1:1: encoding (got UTF-16 or UTF-32, want UTF-8)");
    refuses_bytes("\0\0\0[", 4, "f:1:1: encoding (got UTF-16 or UTF-32, want UTF-8)");
}
END_TEST

/* `n` times '[', then as often ']'. */
static char *nest(size_t n, size_t closed) {
    char *out = malloc(n + closed + 1);
    ck_assert_ptr_nonnull(out);
    memset(out, '[', n);
    memset(out + n, ']', closed);
    out[n + closed] = '\0';
    return out;
}

START_TEST(depth_has_an_end) {
    char got[1024], *s = nest(64, 64);
    opens(s);
    ck_assert_int_eq(trace(got, sizeof got), RN_OK);
    free(s);
    s = nest(65, 65);
    refuses(s, "f:1:65: nested deeper than 64");
    free(s);
    s = nest(100000, 0);
    refuses(s, "f:1:65: nested deeper than 64");
    free(s);
    reads("[[[]],[[]]]", "[ [ [ ] ] [ [ ] ] ] end"); /* what was closed does not count */
    char objects[6 * 65 + 1] = "";
    for (int i = 0; i < 65; i++) strcat(objects, "{\"a\":");
    refuses(objects, "f:1:321: nested deeper than 64"); /* 64 x 5 + 1 */
}
END_TEST

/* ---- words and numbers ---- */

START_TEST(numbers_go_by_the_grammar) {
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"-0", -0.0},
                {"10", 10},
                {"-1.5", -1.5},
                {"0.25", 0.25},
                {"1e3", 1000},
                {"1E+2", 100},
                {"25e-2", 0.25},
                {"1e308", 1e308},
                {"5e-324", 5e-324},
                {"1e-999", 0},
                {"-1e-400", -0.0},
                {"9007199254740993", 9007199254740992.0},
                {"0.1", 0.1},
                {"123456789012345678901234567890", 123456789012345678901234567890.0}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        opens(good[i].text);
        const rn_json_token token = next();
        ck_assert_int_eq(token.type, RN_JSON_NUMBER);
        ck_assert_msg(token.number == good[i].value &&
                          signbit(token.number) == signbit(good[i].value),
                      "%s is %.17g", good[i].text, token.number);
        ck_assert_uint_eq(token.size, strlen(good[i].text));
    }
    static const char *const bad[] = {
        "01",    "-",      "+1",   "1.",  ".5",       "1e",        "1e+",   "0x10",
        "1e999", "-1e999", "NaN",  "nan", "Infinity", "-Infinity", "1_000", "--1",
        "1.5.2", "00",     "True", "nul", "nulls",    "truefalse", "1a",    "undefined"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char array[64], want[128];
        snprintf(array, sizeof array, "[%s]", bad[i]);
        snprintf(want, sizeof want, "f:1:2: not a JSON value or out of range (got %s)", bad[i]);
        refuses(array, want);
    }
    refuses("[1,5]x", "f:1:6: text after the end (got 'x')");
    refuses("[0,0001]", "f:1:4: not a JSON value or out of range (got 0001)");
    refuses("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "f:1:1: not a JSON value or out of range (got "
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)");
}
END_TEST

/* ---- strings ---- */

static void is_string(const char *string, const char *want, size_t size) {
    opens(string);
    const rn_json_token token = next();
    ck_assert_int_eq(token.type, RN_JSON_STRING);
    ck_assert_uint_eq(token.size, size);
    ck_assert_mem_eq(token.text, want, size);
}

START_TEST(escapes_are_replaced) {
    is_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    is_string("\"a\\u0041b\\u00e9\\u20AC\"", "aAb\xc3\xa9\xe2\x82\xac", 8);
    is_string("\"\\u0000x\"", "\0x", 2);
    is_string("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
              "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 11);
    is_string("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4);
    is_string("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    is_string("\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80", 6); /* beside the surrogates */
    is_string("\" [,]{:} \"", " [,]{:} ", 8);
    opens("{\"\\u0061\\n\":\"\\u0062\"}"); /* in keys too, and one after the other */
    (void)next();
    rn_json_token token = next();
    ck_assert_int_eq(token.type, RN_JSON_KEY);
    ck_assert_uint_eq(token.size, 2);
    ck_assert_mem_eq(token.text, "a\n", 2);
    token = next();
    ck_assert_uint_eq(token.size, 1);
    ck_assert_mem_eq(token.text, "b", 1);
}
END_TEST

START_TEST(wrong_escapes_are_refused) {
    refuses("\"ab\\x\"", "f:1:4: not an escape (got \\x)");
    refuses("\"\\'\"", "f:1:2: not an escape (got \\')");
    refuses("\"\\U0041\"", "f:1:2: not an escape (got \\U)");
    refuses("\"\\u12\"", "f:1:2: not an escape (got \\u12)");
    refuses("\"\\u12g4\"", "f:1:2: not an escape (got \\u12)");
    refuses("\"\\u\"", "f:1:2: not an escape (got \\u)");
    refuses("\"\\u+123\"", "f:1:2: not an escape (got \\u)");
    refuses("\"\\\xc3\xa9\"", "f:1:2: not an escape (got \\\xc3\xa9)"); /* a whole character */
    refuses("\"\\u123\xc3\xa9\"", "f:1:2: not an escape (got \\u123)");
    refuses("\"\\\xff\"", "f:1:2: not an escape (got \\)");
    refuses("\"x\\ud800\"", "f:1:3: not an escape (got \\ud800)"); /* lone surrogates */
    refuses("\"\\ud800x\"", "f:1:2: not an escape (got \\ud800)");
    refuses("\"\\ud800\\n\"", "f:1:2: not an escape (got \\ud800)");
    refuses("\"\\ud800\\u0041\"", "f:1:2: not an escape (got \\ud800)");
    refuses("\"\\ud800\\ud800\"", "f:1:2: not an escape (got \\ud800)");
    refuses("\"\\udc00\\ud800\"", "f:1:2: not an escape (got \\udc00)");
    refuses("\"\\udfff\"", "f:1:2: not an escape (got \\udfff)");
    refuses("\"\\ud800\\u12\"", "f:1:2: not an escape (got \\ud800)");
}
END_TEST

START_TEST(strings_are_whole) {
    refuses("\"", "f:1:1: string is cut (got the end of the file, want '\"')");
    refuses("[\"abc", "f:1:2: string is cut (got the end of the file, want '\"')");
    refuses("{\"abc", "f:1:2: string is cut (got the end of the file, want '\"')");
    refuses("[\"abc\\", "f:1:2: string is cut (got the end of the file, want '\"')");
    refuses("[\"abc\\\"", "f:1:2: string is cut (got the end of the file, want '\"')");
    refuses("[\"\\u00", "f:1:3: not an escape (got \\u00)");
    refuses("[\"\\ud800\\u", "f:1:3: not an escape (got \\ud800)");
    refuses("\"a\nb\"", "f:1:3: control character in a string (got byte 0x0a)");
    refuses("\"\t\"", "f:1:2: control character in a string (got byte 0x09)");
    refuses("\"\x1f\"", "f:1:2: control character in a string (got byte 0x1f)");
    refuses_bytes("\"a\0b\"", 5, "f:1:3: control character in a string (got byte 0x00)");
    is_string("\"\x7f\"", "\x7f", 1); /* which JSON lets pass */
}
END_TEST

/* Unicode, table 3-7: the ends of every row, and the bytes beside them. */
START_TEST(utf8_is_checked) {
    static const char *const good[] = {
        "\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",     "\xe0\xbf\xbf",
        "\xe1\x80\x80",     "\xec\xbf\xbf",     "\xed\x80\x80",     "\xed\x9f\xbf",
        "\xee\x80\x80",     "\xef\xbf\xbf",     "\xf0\x90\x80\x80", "\xf0\xbf\xbf\xbf",
        "\xf1\x80\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x80\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2\x7f",
                                      "\xc2\xc0",
                                      "\xdf",
                                      "\xe0\x9f\xbf",
                                      "\xe0\xa0",
                                      "\xe1\x80\x7f",
                                      "\xe1\x80\xc0",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80",
                                      "\xf1\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf1\x80\x80\xc0",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xfe",
                                      "\xff"};
    char string[32], want[64];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(string, sizeof string, "\"a%sb\"", good[i]);
        is_string(string, string + 1, strlen(good[i]) + 2);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(want, sizeof want, "f:1:4: not UTF-8 (got byte 0x%02x)", (unsigned char)bad[i][0]);
        snprintf(string, sizeof string, "[\"a%s\"]", bad[i]);
        refuses(string, want);
        snprintf(string, sizeof string, "[\"a%s", bad[i]); /* and at the end of the file */
        refuses(string, want);
    }
}
END_TEST

/* ---- places ---- */

START_TEST(lines_and_columns) {
    refuses("[\n1,\n  x]", "f:3:3: not a JSON value or out of range (got x)");
    refuses("[\r\n1,\r\n  ?]", "f:3:3: not JSON (got '?', want a value)");
    refuses("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",?]", /* three characters in nine bytes */
            "f:1:8: not JSON (got '?', want a value)");
    refuses("\xef\xbb\xbf?", "f:1:1: not JSON (got '?', want a value)"); /* the mark is no column */
    refuses("[\t?]", "f:1:3: not JSON (got '?', want a value)");
    size_t line = 0, column = 0;
    opens("[1,\n\n {}]");
    rn_json_place(&json, 6, &line, &column);
    ck_assert(line == 3 && column == 2);
    static const size_t offsets[] = {0, 1, 6, 7, 8, 9};
    for (size_t i = 0; i < 6; i++) ck_assert_uint_eq(next().offset, offsets[i]);
}
END_TEST

/* ---- skipping ---- */

START_TEST(values_are_skipped_whole) {
    opens("[[1,{\"a\":[]}],{\"b\":[[]]},5,\"x\",6]");
    (void)next();
    for (int i = 0; i < 4; i++) {
        const rn_json_token token = next();
        ck_assert_int_eq(rn_json_skip(&json, &token), RN_OK);
    }
    ck_assert(next().number == 6);
    ck_assert_int_eq(next().type, RN_JSON_ARRAY_END);
    opens("[[1,?]]"); /* what is skipped is to be JSON all the same */
    (void)next();
    const rn_json_token token = next();
    ck_assert_int_eq(rn_json_skip(&json, &token), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), "f:1:5: not JSON (got '?', want a value)");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, values_and_structure);
    tcase_add_test(tests, structure_is_strict);
    tcase_add_test(tests, keys_are_unique);
    tcase_add_test(tests, nothing_may_follow);
    tcase_add_test(tests, other_encodings_are_refused);
    tcase_add_test(tests, depth_has_an_end);
    tcase_add_test(tests, numbers_go_by_the_grammar);
    tcase_add_test(tests, escapes_are_replaced);
    tcase_add_test(tests, wrong_escapes_are_refused);
    tcase_add_test(tests, strings_are_whole);
    tcase_add_test(tests, utf8_is_checked);
    tcase_add_test(tests, lines_and_columns);
    tcase_add_test(tests, values_are_skipped_whole);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
