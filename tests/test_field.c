#include "base/field.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *const shapes[] = {"round", "four_sided", NULL};

typedef struct things {
    int count;
    uint64_t seed;
    double gamma;
    bool fast;
    int shape;
    char label[8];
    double sides[3];
    int n_sides;
} things;

#define AT(name) #name, offsetof(things, name), sizeof(((things *)0)->name)
#define FIELD(type, place, in_count, low, high, names)                                             \
    FIELD_(place, type, in_count, low, high, names)
#define FIELD_(name, offset, size, type, count, low, high, names)                                  \
    { name, type, offset, size, count, low, high, names, "" }
static const rn_field fields[] = {
    FIELD(RN_FIELD_INT, AT(count), 0, 1, 1000000, NULL),
    FIELD(RN_FIELD_UINT64, AT(seed), 0, 0, 0x1p53, NULL),
    FIELD(RN_FIELD_DOUBLE, AT(gamma), 0, 0, 10, NULL),
    FIELD(RN_FIELD_BOOL, AT(fast), 0, 0, 1, NULL),
    FIELD(RN_FIELD_ENUM, AT(shape), 0, 0, 0, shapes),
    FIELD(RN_FIELD_TEXT, AT(label), 0, 0, 0, NULL),
    FIELD(RN_FIELD_DOUBLES, AT(sides), offsetof(things, n_sides), 0.5, 100, NULL),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static rn_status set(things *object, const char *name, const char *value) {
    const rn_field *field = rn_field_find(fields, N_FIELDS, name);
    ck_assert_ptr_nonnull(field);
    return rn_field_set(object, field, value);
}

/* Refused with exactly this text, and the object is as it was. */
static void refused(const char *name, const char *value, const char *text) {
    things object, before;
    memset(&object, 0, sizeof object);
    object.n_sides = 1;
    memcpy(&before, &object, sizeof object);
    ck_assert_int_eq(set(&object, name, value), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert_mem_eq(&object, &before, sizeof object);
}

START_TEST(sets_every_type) {
    things t = {0};
    ck_assert_int_eq(set(&t, "count", "1000000"), RN_OK);
    ck_assert_int_eq(set(&t, "seed", "9007199254740992"), RN_OK);
    ck_assert_int_eq(set(&t, "gamma", "2.5e-1"), RN_OK);
    ck_assert_int_eq(set(&t, "fast", "true"), RN_OK);
    ck_assert_int_eq(set(&t, "shape", "four-sided"), RN_OK);
    ck_assert_int_eq(set(&t, "label", "1234567"), RN_OK);
    ck_assert_int_eq(set(&t, "sides", "1,0.5,100"), RN_OK);
    ck_assert_int_eq(t.count, 1000000);
    ck_assert_uint_eq(t.seed, UINT64_C(9007199254740992));
    ck_assert(t.gamma == 0.25);
    ck_assert(t.fast);
    ck_assert_int_eq(t.shape, 1);
    ck_assert_str_eq(t.label, "1234567");
    ck_assert_int_eq(t.n_sides, 3);
    ck_assert(t.sides[0] == 1 && t.sides[1] == 0.5 && t.sides[2] == 100);
    ck_assert_int_eq(set(&t, "fast", "0"), RN_OK);
    ck_assert(!t.fast);
    ck_assert_int_eq(set(&t, "sides", "7"), RN_OK);
    ck_assert_int_eq(t.n_sides, 1);
}
END_TEST

START_TEST(refuses_numbers_that_are_none) {
    refused("gamma", "-1", "gamma: got -1, want 0..10");
    refused("gamma", "nan", "gamma: got nan, want 0..10");
    refused("gamma", "inf", "gamma: got inf, want 0..10");
    refused("gamma", "1e400", "gamma: got 1e400, want 0..10");
    refused("gamma", "0,01", "gamma: got 0,01, want 0..10");
    refused("gamma", "0x1p1", "gamma: got 0x1p1, want 0..10");
    refused("gamma", " 1", "gamma: got  1, want 0..10");
    refused("gamma", "", "gamma: got , want 0..10");
    refused("gamma", "10.000000000000002", "gamma: got 10.000000000000002, want 0..10");
    refused("count", "0", "count: got 0, want 1..1000000");
    refused("count", "2.0", "count: got 2.0, want 1..1000000");
    refused("count", "4294967297", "count: got 4294967297, want 1..1000000");
    refused("count", "99999999999999999999", "count: got 99999999999999999999, want 1..1000000");
    refused("seed", "-1", "seed: got -1, want 0..9007199254740992");
    refused("seed", "9007199254740993", "seed: got 9007199254740993, want 0..9007199254740992");
}
END_TEST

START_TEST(refuses_other_values) {
    refused("fast", "yes", "fast: got yes, want true or false");
    refused("shape", "oval", "shape: got oval, want one of: round, four_sided");
    refused("shape", "0", "shape: got 0, want one of: round, four_sided");
    refused("label", "12345678", "label: longer than 7 bytes");
    refused("sides", "1,2,3,4", "sides: got 1,2,3,4, want at most 3 numbers");
    refused("sides", "1,0.25", "sides: got 0.25, want 0.5..100");
    refused("sides", "", "sides: got , want 0.5..100");
    refused("sides", "1,,2", "sides: got , want 0.5..100");
    refused("sides", "1,", "sides: got , want 0.5..100");
    refused("sides", "nan,2", "sides: got nan, want 0.5..100");
}
END_TEST

/* The value's text, which set() takes back to the same bits. */
static void formats(const char *name, const char *value, const char *text, const char *json) {
    things t = {0}, back = {0};
    char out[64], *quoted = NULL;
    const rn_field *field = rn_field_find(fields, N_FIELDS, name);
    ck_assert_int_eq(set(&t, name, value), RN_OK);
    rn_field_format(out, sizeof out, &t, field);
    ck_assert_str_eq(out, text);
    ck_assert_int_eq(set(&back, name, out), RN_OK);
    ck_assert_mem_eq((char *)&t + field->offset, (char *)&back + field->offset, field->size);
    ck_assert_int_eq(rn_field_format_json(&quoted, &t, field), RN_OK);
    ck_assert_str_eq(quoted, json);
    free(quoted);
}

START_TEST(formats_exactly) {
    formats("count", "7", "7", "7");
    formats("seed", "9007199254740991", "9007199254740991", "9007199254740991");
    formats("gamma", "0.30000000000000004", "0.30000000000000004", "0.30000000000000004");
    formats("gamma", "0.1", "0.1", "0.1");
    formats("gamma", "1e-300", "1e-300", "1e-300");
    formats("fast", "1", "true", "true");
    formats("shape", "four_sided", "four_sided", "\"four_sided\"");
    formats("label", "a\"\\\n", "a\"\\\n", "\"a\\\"\\\\\\u000a\"");
    formats("label", "", "", "\"\"");
    formats("sides", "1,1.2599210498948732,50", "1,1.2599210498948732,50",
            "[1,1.2599210498948732,50]");
}
END_TEST

START_TEST(truncates_to_the_room_given) {
    const things t = {.gamma = 0.125, .sides = {10, 20, 30}, .n_sides = 3};
    char out[8];
    for (size_t size = 1; size <= sizeof out; size++) {
        memset(out, '#', sizeof out);
        rn_field_format(out, size, &t, rn_field_find(fields, N_FIELDS, "sides"));
        ck_assert_uint_eq(strlen(out), size - 1);
        ck_assert_int_eq(strncmp(out, "10,20,30", size - 1), 0);
        for (size_t i = size; i < sizeof out; i++) ck_assert_int_eq(out[i], '#');
    }
}
END_TEST

START_TEST(finds_and_suggests) {
    static const rn_field names[] = {
        {.name = "lr"}, {.name = "max_steps"}, {.name = "alpha"}, {.name = "train_split"}};
    const size_t n = sizeof names / sizeof *names;
    ck_assert_ptr_eq(rn_field_find(names, n, "max-steps"), &names[1]);
    ck_assert_ptr_eq(rn_field_find(names, n, "max_steps"), &names[1]);
    ck_assert_ptr_null(rn_field_find(names, n, "max_step"));
    ck_assert_ptr_null(rn_field_find(names, n, ""));
    ck_assert_ptr_null(rn_field_find(names, 0, "lr"));
    ck_assert_str_eq(rn_field_nearest(names, n, "alhpa"), "alpha");
    ck_assert_str_eq(rn_field_nearest(names, n, "max-step"), "max_steps");
    ck_assert_str_eq(rn_field_nearest(names, n, "train-spilt"), "train_split");
    ck_assert_str_eq(rn_field_nearest(names, n, "l"), "lr");
    ck_assert_ptr_null(rn_field_nearest(names, n, "zzz"));
    ck_assert_ptr_null(rn_field_nearest(names, n, "momentum"));
    ck_assert_ptr_null(rn_field_nearest(names, 0, "lr"));
}
END_TEST

START_TEST(measures_edits) {
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_uint_eq(rn_edit_distance("", ""), 0);
    ck_assert_uint_eq(rn_edit_distance("gamma", ""), 5);
    ck_assert_uint_eq(rn_edit_distance("", "gamma"), 5);
    ck_assert_uint_eq(rn_edit_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(rn_edit_distance("epoch", "epochs"), 1);
    ck_assert_uint_eq(rn_edit_distance(longer, longer), 0); /* beyond what is compared */
    ck_assert_uint_ge(rn_edit_distance(longer, "x"), 63);
}
END_TEST

START_TEST(quotes_json) {
    char *out = NULL;
    ck_assert_int_eq(rn_json_quote(&out, "\x01\t\"\\/\x7f\xc3\xa4"), RN_OK);
    ck_assert_str_eq(out, "\"\\u0001\\u0009\\\"\\\\/\x7f\xc3\xa4\"");
    free(out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("field");
    TCase *tests = tcase_create("field");
    tcase_add_test(tests, sets_every_type);
    tcase_add_test(tests, refuses_numbers_that_are_none);
    tcase_add_test(tests, refuses_other_values);
    tcase_add_test(tests, formats_exactly);
    tcase_add_test(tests, truncates_to_the_room_given);
    tcase_add_test(tests, finds_and_suggests);
    tcase_add_test(tests, measures_edits);
    tcase_add_test(tests, quotes_json);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
