#include "data/id_map.h"
#include "suite.h"

#include <check.h>

static rn_id_map map;

static void teardown(void) {
    rn_id_map_free(&map);
}

/* Adds, and gives back what was there. */
static size_t add(int64_t id, size_t index) {
    size_t had = 12345;
    ck_assert_int_eq(rn_id_map_add(&map, &had, id, index), RN_OK);
    return had;
}

START_TEST(nothing_is_found_in_an_empty_map) {
    ck_assert_uint_eq(rn_id_map_find(&map, 0), RN_NO_ID);
    ck_assert_uint_eq(rn_id_map_find(&map, INT64_MIN), RN_NO_ID);
    rn_id_map_free(&map); /* twice is once */
    ck_assert_uint_eq(add(3, 4), RN_NO_ID);
    ck_assert_uint_eq(rn_id_map_find(&map, 0), RN_NO_ID); /* an empty slot's id is 0 too */
}
END_TEST

START_TEST(the_first_stays) {
    ck_assert_uint_eq(add(0, 7), RN_NO_ID);
    ck_assert_uint_eq(add(0, 9), 7);
    ck_assert_uint_eq(rn_id_map_find(&map, 0), 7);
    ck_assert_uint_eq(map.n, 1);
    ck_assert_uint_eq(add(1, 0), RN_NO_ID); /* index 0 is an index */
    ck_assert_uint_eq(add(1, 5), 0);
    ck_assert_uint_eq(rn_id_map_find(&map, 1), 0);
}
END_TEST

START_TEST(any_integer_is_an_id) {
    static const int64_t ids[] = {0,
                                  -1,
                                  1,
                                  INT64_MAX,
                                  INT64_MIN,
                                  INT64_C(1) << 53,
                                  -(INT64_C(1) << 53),
                                  INT64_C(1) << 32,
                                  -2147483648,
                                  4294967295};
    enum { N = sizeof ids / sizeof *ids };
    for (size_t i = 0; i < N; i++) ck_assert_uint_eq(add(ids[i], 100 + i), RN_NO_ID);
    for (size_t i = 0; i < N; i++) ck_assert_uint_eq(rn_id_map_find(&map, ids[i]), 100 + i);
    ck_assert_uint_eq(rn_id_map_find(&map, 2), RN_NO_ID);
    ck_assert_uint_eq(add(5, SIZE_MAX - 1), RN_NO_ID);
    ck_assert_uint_eq(rn_id_map_find(&map, 5), SIZE_MAX - 1);
}
END_TEST

/* Growth loses nothing, whatever the ids' pattern: their low or high bits may all be equal. */
START_TEST(many_ids) {
    enum { N = 20000 };
    static const int64_t strides[] = {1, -1, 64, 1 << 20, INT64_C(1) << 40};
    for (size_t s = 0; s < sizeof strides / sizeof *strides; s++) {
        for (int64_t i = 0; i < N; i++)
            ck_assert_uint_eq(add(i * strides[s] + 3, (size_t)i), RN_NO_ID);
        ck_assert_uint_eq(map.n, N);
        for (int64_t i = 0; i < N; i++) {
            ck_assert_uint_eq(rn_id_map_find(&map, i * strides[s] + 3), (size_t)i);
            if (strides[s] != 1 && strides[s] != -1)
                ck_assert_uint_eq(rn_id_map_find(&map, i * strides[s] + 4), RN_NO_ID);
        }
        ck_assert_uint_eq(rn_id_map_find(&map, N * strides[s] + 3), RN_NO_ID);
        rn_id_map_free(&map);
        ck_assert_uint_eq(map.n, 0);
        ck_assert_uint_eq(rn_id_map_find(&map, 3), RN_NO_ID);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("id_map");
    TCase *tests = tcase_create("id_map");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, nothing_is_found_in_an_empty_map);
    tcase_add_test(tests, the_first_stays);
    tcase_add_test(tests, any_integer_is_an_id);
    tcase_add_test(tests, many_ids);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
