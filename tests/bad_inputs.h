/* bad_inputs.h: what the tests of bad inputs have in common: a folder of its own for each test,
 * with a model that was not trained a link away, so that every score is about its prior, 0.01, and
 * nothing is found. */
#ifndef RN_TESTS_BAD_INPUTS_H
#define RN_TESTS_BAD_INPUTS_H

#include "base/file.h"
#include "tiny_model.h"

static char model_folder[64];

/* Its classes are "key" and "gear". */
static inline void make_model(void) {
    temp_open();
    tiny_set("set", 5);
    run_args(tiny_args("run",
                       ARGS("-q", "--max-steps", "1", "--set", "prior=0.01", "--set", "lr=1e-9")));
    ck_assert_msg(run_code == 0, "%s", run_err);
    strcpy(model_folder, temp_root);
}

static inline void remove_model(void) {
    strcpy(temp_root, model_folder);
    temp_close();
}

static inline void open_folder(void) {
    char model[128];
    snprintf(model, sizeof model, "%s/run/last.safetensors", model_folder);
    temp_open();
    ck_assert_int_eq(link(model, temp_path("model.safetensors")), 0);
}

static inline void close_folder(void) {
    temp_close();
    strcpy(temp_root, model_folder);
}

static inline TCase *add_case(Suite *suite, const char *name) {
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, make_model, remove_model);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_set_timeout(tcase, 120); /* for the sanitizers */
    suite_add_tcase(suite, tcase);
    return tcase;
}

#define DETECT(...) RUN("detect", "-m", "model.safetensors", __VA_ARGS__)

/* A file of the temporary folder as text; good until the next call. */
static inline const char *text_of(const char *name) {
    static char text[1 << 16];
    run_read(text, sizeof text, name);
    return text;
}

static inline bool there(const char *name) {
    return access(temp_path(name), F_OK) == 0;
}

/* What train said on stderr besides its usual lines on network, schedule and losses. */
static inline const char *train_said(void) {
    static const char *const usual[] = {"anchors ",  "            with --set anchor-sides=",
                                        "model ",    "plan ",
                                        "schedule ", "first loss ",
                                        "epoch ",    "finished ",
                                        "stopped ",  "warning: the class loss, "};
    static char text[sizeof run_err];
    text[0] = '\0';
    for (const char *line = run_err; *line;) {
        const size_t size = strcspn(line, "\n") + 1;
        size_t i = 0;
        while (i < sizeof usual / sizeof *usual && strncmp(line, usual[i], strlen(usual[i])) != 0)
            i++;
        if (i == sizeof usual / sizeof *usual) strncat(text, line, size);
        line += size;
    }
    return text;
}

#endif
