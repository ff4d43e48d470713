/* The lines of bad-inputs.md about signals, memory and losses, with the programs as a user runs
 * them. */
#include "bad_environment.h"
#include "suite.h"

#include <sys/resource.h>

/* ---- signals ---- */

START_TEST(line_77_one_signal) {
    static const struct {
        const char *run;
        int signal, code;
    } cases[] = {{"int", SIGINT, 130}, {"term", SIGTERM, 143}};
    for (int i = 0; i < 2; i++) {
        char want[128], name[64];
        const pid_t pid = run_start(tiny_args(cases[i].run, ARGS("-q", "--epochs", "10000")));
        snprintf(name, sizeof name, "%s/results.csv", cases[i].run);
        wait_for(name); /* an epoch is done */
        ck_assert_int_eq(kill(pid, cases[i].signal), 0);
        run_wait(pid);
        run_gave(cases[i].code, "", "");
        const unsigned long long steps = tiny_position(cases[i].run);
        ck_assert_uint_ge(steps, 4);
        no_temporary(cases[i].run);
        /* it can go on from there, and ends as a run that was stopped by --max-steps */
        char max[32];
        snprintf(max, sizeof max, "%llu", steps + 3);
        RUN("train", "--resume", cases[i].run, "--max-steps", max, "-q");
        snprintf(want, sizeof want, "%s\t%llu steps\t", cases[i].run, steps + 3);
        ck_assert_msg(strncmp(run_out, want, strlen(want)) == 0, "%s", run_out);
        run_args(tiny_args("other", ARGS("-q", "--epochs", "10000", "--max-steps", max)));
        ck_assert_int_eq(run_code, 0);
        tiny_same_run(temp_path(cases[i].run), temp_path("other"));
        nftw(temp_path("other"), temp_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
}
END_TEST

/* Send two signals, the first `delay` seconds behind the start of the first step. True if that step
 * was not finished; false if the first came before it began, or the second behind its end. */
static bool two_signals(const char *run, int first, int second, double delay) {
    char name[64];
    snprintf(name, sizeof name, "%s/last.safetensors", run);
    const pid_t pid = run_start(ARGS("train", "set", "--preset", "nano", "--size", "512", "--batch",
                                     "8", "--threads", "1", "-q", "-o", run));
    wait_for(name);
    run_sleep(delay);
    ck_assert_int_eq(kill(pid, first), 0);
    run_sleep(0.1);
    ck_assert_int_eq(kill(pid, second), 0);
    run_wait(pid);
    if (run_code == 128 + first) return false;
    run_gave(128 + second, "", "");
    return tiny_position(run) == 0;
}

/* The first step takes a second or so. One signal would see it saved; the second does not wait. */
START_TEST(line_77_two_signals) {
    static const int signals[][2] = {{SIGTERM, SIGINT}, {SIGINT, SIGTERM}};
    for (int i = 0; i < 2; i++) {
        char run[16];
        int attempt = 0;
        do {
            ck_assert_int_lt(attempt, 20);
            snprintf(run, sizeof run, "run%d-%d", i, attempt);
        } while (!two_signals(run, signals[i][0], signals[i][1], 0.05 * (1 + attempt++)));
    }
}
END_TEST

/* ---- memory ---- */

static void small_memory(void) {
    limit_memory((rlim_t)200 << 20);
}

#define SMALL(...)                                                                                 \
    run_before = small_memory;                                                                     \
    RUN(__VA_ARGS__)

/* "PROGRAM: error: BEFORE N BEHIND", whatever N is within low..high. */
static void refused_number(const char *before, size_t low, size_t high, const char *behind) {
    char want[256];
    ck_assert_msg(strncmp(run_err, before, strlen(before)) == 0, "%s", run_err);
    const size_t n = strtoul(run_err + strlen(before), NULL, 10);
    ck_assert_msg(low <= n && n <= high, "%s", run_err);
    snprintf(want, sizeof want, "%s%zu%s", before, n, behind);
    run_refused(3, want);
}

/* Of what training needs and what there is, the larger is what it needs. */
static void refused_plan(size_t least) {
    size_t needs = 0, have = 0;
    char want[256];
    ck_assert_msg(sscanf(run_err, "train: error: training needs %zu MB, %zu MB", &needs, &have) ==
                      2,
                  "%s", run_err);
    ck_assert_msg(needs > have && needs >= least, "%s", run_err);
    snprintf(want, sizeof want,
             "train: error: training needs %zu MB, %zu MB are free: choose a smaller --batch or "
             "--size",
             needs, have);
    run_refused(3, want);
}

START_TEST(line_79_address_space) {
    if (!LIMITS_MEMORY) {
        puts("skipped: line_79_address_space, the sanitizers need more");
        return;
    }
    model_make(RN_NORM_GROUP);
    config.size_longer = 8192; /* an input of 8192 x 8192 x 3 floats */
    save_model("wide.safetensors");
    model_free();
    const uint64_t state = temp_state();
    temp_text("big", "");
    ck_assert_int_eq(truncate(temp_path("big"), 250 << 20), 0);               /* sparse */
    SMALL("detect", "-m", "m.safetensors", "--threads", "1", "big", "a.bmp"); /* no other will do */
    run_refused(3, "detect: error: big: cannot allocate 262144000 bytes");
    SMALL("detect", "-m", "big", "--threads", "1", "a.bmp");
    run_refused(3, "detect: error: big: cannot allocate 262144000 bytes");
    SMALL("detect", "-m", "wide.safetensors", "--threads", "1", "a.bmp");
    run_refused(3, "detect: error: cannot allocate 805306368 bytes");
    SMALL("evaluate", "big", "dt.json", "--threads", "1");
    run_refused(3, "evaluate: error: big: cannot allocate 262144000 bytes");
    SMALL("evaluate", "gt.json", "big", "--threads", "1");
    run_refused(3, "evaluate: error: big: cannot allocate 262144000 bytes");
    SMALL("evaluate", "set", "-m", "big", "--threads", "1");
    run_refused(3, "evaluate: error: big: cannot allocate 262144000 bytes");
    SMALL("train", "set", "--preset", "nano", "--threads", "1", "-o", "run", "--weights", "big");
    run_refused(3, "train: error: big: cannot allocate 262144000 bytes");
    SMALL("train", "set", "--preset", "r18", "--size", "512", "--threads", "2", "-o", "run");
    refused_plan(200);
    SMALL("detect", "-m", "m.safetensors", "--threads", "64", "a.bmp"); /* stacks of 8 MB */
    refused_number("detect: error: cannot start thread ", 2, 64, " of 64");
    SMALL("evaluate", "gt.json", "dt.json", "--threads", "64");
    refused_number("evaluate: error: cannot start thread ", 2, 64, " of 64");
    SMALL("train", "set", "--preset", "nano", "--threads", "64", "-o", "run");
    refused_number("train: error: cannot start thread ", 2, 64, " of 64");
    ck_assert_int_eq(unlink(temp_path("big")), 0);
    ck_assert(temp_state() == state);
    SMALL("detect", "-m", "m.safetensors", "-t", "1", "--threads", "1", "a.bmp"); /* enough */
    run_gave(0, "", "");
}
END_TEST

/* On any machine, and where there is little. */
START_TEST(line_84_no_room_for_the_plan) {
    one_step("run");
    const uint64_t state = temp_state();
    RUN("train", "set", "--preset", "nano", "--size", "8192", "--batch", "1024", "-o", "new");
    refused_plan(1000000);
    RUN("train", "set", "--preset", "nano", "--size", "8192", "--batch", "1024", "--dry-run");
    refused_plan(1000000);
    if (LIMITS_MEMORY) {
        SMALL("train", "set", "--preset", "nano", "--size", "512", "--threads", "1", "-o", "new");
        refused_plan(200);
    }
    ck_assert(temp_state() == state);
}
END_TEST

/* ---- a loss that is no number ---- */

/* Numbers that are finite and whose sum is not, in the first layer of the network: infinite behind
 * it, and no number behind the next. */
static void poison(const char *file) {
    for (size_t i = 0; i < 8; i++) {
        poke(file, "backbone.body.bn1.weight", i, 3e38f);
        poke(file, "backbone.body.bn1.bias", i, 3e38f);
    }
}

START_TEST(line_83_first_step) {
    temp_text("p.json", "{\"depth\": 10, \"width\": 8, \"fpn_channels\": 16, \"head_depth\": 1, "
                        "\"head_norm\": \"group\", \"size_longer\": 64}");
    poison("m.safetensors");
    RUN("train", "set", "--preset", "p.json", "--weights", "m.safetensors", "--batch", "2", "-q",
        "-o", "run");
    run_refused(4, "train: error: step 1: class loss nan, box loss nan, gradient norm nan; "
                   "pictures: train_000004.jpg, train_000002.jpg; the checkpoint before is kept "
                   "(try a lower --lr)");
    ck_assert_uint_eq(tiny_position("run"), 0);
    ck_assert(!there("run/results.csv") && !there("run/best.safetensors"));
}
END_TEST

/* Behind a good epoch: what that one left stays to the bit, and a second try ends alike. */
START_TEST(line_83_later_step) {
    static const char *const names[] = {"last.safetensors", "best.safetensors", "results.csv"};
    uint8_t *before[3];
    size_t sizes[3], size;
    char name[64];
    run_args(tiny_args("run", ARGS("-q", "--max-steps", "4")));
    ck_assert_int_eq(run_code, 0);
    poison("run/last.safetensors");
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "run/%s", names[i]);
        before[i] = file_bytes(&sizes[i], name);
    }
    for (int again = 0; again < 2; again++) {
        RUN("train", "--resume", "run", "-q");
        run_refused(4, "train: error: step 5: class loss nan, box loss nan, gradient norm nan; "
                       "pictures: train_000002.jpg, train_000000.jpg; the checkpoint before is "
                       "kept (try a lower --lr)");
    }
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "run/%s", names[i]);
        uint8_t *after = file_bytes(&size, name);
        ck_assert_uint_eq(size, sizes[i]);
        ck_assert_mem_eq(after, before[i], size);
        free(before[i]);
        free(after);
    }
    no_temporary("run");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_environment");
    TCase *tcase = tcase_create("environment");
    tcase_add_checked_fixture(tcase, make, temp_close);
    tcase_set_timeout(tcase, 300); /* for the sanitizers */
    tcase_add_test(tcase, line_77_one_signal);
    tcase_add_test(tcase, line_77_two_signals);
    tcase_add_test(tcase, line_79_address_space);
    tcase_add_test(tcase, line_84_no_room_for_the_plan);
    tcase_add_test(tcase, line_83_first_step);
    tcase_add_test(tcase, line_83_later_step);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
