/* tiny_train.h: tiny runs through the library, in the temporary folder. */
#ifndef RN_TESTS_TINY_TRAIN_H
#define RN_TESTS_TINY_TRAIN_H

#include "tiny_run.h"

#include <retinanet.h>

static inline rn_train_options *tiny(void) {
    rn_train_options *o;
    ck_assert_int_eq(rn_train_options_create(&o), RN_OK);
    for (int i = 0; i < TINY_OPTIONS; i++)
        ck_assert_msg(rn_train_options_set(o, tiny_options[i][0], tiny_options[i][1]) == RN_OK,
                      "%s", rn_error_text());
    return o;
}

/* Set the NULL-terminated pairs of name and value. */
static inline void set_pairs(rn_train_options *o, const char *const *pairs) {
    for (; *pairs; pairs += 2)
        ck_assert_msg(rn_train_options_set(o, pairs[0], pairs[1]) == RN_OK, "%s", rn_error_text());
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

static rn_train_result result;

static inline rn_status train_hooked(const char *data, const char *run, const char *const *pairs,
                                     const rn_hooks *hooks) {
    rn_train_options *o = tiny();
    set_pairs(o, pairs);
    const rn_status status = rn_train(&result, temp_path(data), temp_path(run), o, hooks);
    rn_train_options_free(o);
    return status;
}

static inline rn_status train(const char *data, const char *run, const char *const *pairs) {
    return train_hooked(data, run, pairs, NULL);
}

static inline rn_status resume(const char *run, const char *const *pairs) {
    rn_train_options *o;
    ck_assert_int_eq(rn_train_options_create(&o), RN_OK);
    set_pairs(o, pairs);
    const rn_status status = rn_train_resume(&result, temp_path(run), o, NULL);
    rn_train_options_free(o);
    return status;
}

static inline void ok(rn_status status) {
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

static inline bool there(const char *name) {
    struct stat info;
    return stat(temp_path(name), &info) == 0;
}

static inline char *read_text(const char *name) {
    static uint8_t *bytes; /* static: or gcc 12 warns of what it would point to */
    size_t size;
    ok(rn_file_read(&bytes, &size, temp_path(name), 1 << 24));
    return (char *)bytes;
}

static inline size_t lines_with(const char *name, const char *text) {
    char *all = read_text(name);
    size_t n = 0;
    for (const char *p = all; (p = strstr(p, text)); p += strlen(text)) n++;
    free(all);
    return n;
}

static inline void make_set(void) {
    temp_open();
    tiny_set("set", 5);
}

#endif
