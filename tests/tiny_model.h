/* tiny_model.h: a set and a model of some seconds for the tests of the programs: "set" and
 * "model.safetensors" in the temporary folder. */
#ifndef RN_TESTS_TINY_MODEL_H
#define RN_TESTS_TINY_MODEL_H

#include "run_program.h"
#include "tiny_run.h"

/* The arguments of a tiny run of "set" into `run`, behind them `more`. */
static inline const char *const *tiny_args(const char *run, const char *const *more) {
    static char options[TINY_OPTIONS][64];
    static const char *args[64];
    int n = 0;
    args[n++] = "train";
    args[n++] = "set";
    for (int i = 0; i < TINY_OPTIONS; i++) {
        snprintf(options[i], sizeof options[i], "%s=%s", tiny_options[i][0], tiny_options[i][1]);
        args[n++] = "--set";
        args[n++] = options[i];
    }
    if (run) {
        args[n++] = "-o";
        args[n++] = run;
    }
    while (*more) args[n++] = *more++;
    ck_assert_int_lt(n, 64);
    args[n] = NULL;
    return args;
}

static inline void tiny_model(void) {
    temp_open();
    tiny_set("set", 5);
    run_args(tiny_args("run", ARGS("-q", "--set", "epochs=20")));
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(rename(temp_path("run/best.safetensors"), temp_path("model.safetensors")), 0);
}

#endif
