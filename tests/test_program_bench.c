/* bench as a user runs it. What the figures mean: test_bench.c. */
#include "run_program.h"
#include "suite.h"
#include "temp_folder.h"

static char json[1 << 14];

/* The number behind "name": at its first place. */
static double number_of(const char *text, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(text, key);
    ck_assert_msg(at != NULL, "%s in %s", name, text);
    return strtod(at + strlen(key), NULL);
}

static void starts(const char *text, const char *want) {
    ck_assert_msg(strncmp(text, want, strlen(want)) == 0, "%s", text);
}

static void contains(const char *text, const char *want) {
    ck_assert_msg(strstr(text, want) != NULL, "no \"%s\" in %s", want, text);
}

START_TEST(measures) {
    static const char *const names[] = {"ms_best", "ms_median",  "images_per_s", "gflop",
                                        "peak_mb", "planned_mb", "peak_gflops",  "forward_ms"};
    double gflop[2];
    for (int train = 0; train < 2; train++) {
        RUN("bench", train ? "train" : "infer", "--preset", "nano", "--size", "64x96", "--runs",
            "2", "--threads", "2", "--classes", "3", "--batch", "2", "--json", "b.json");
        ck_assert_msg(run_code == 0, "%s", run_err);
        ck_assert_str_eq(run_err, "");
        starts(run_out, train ? "train nano 64x96, batch 2, 3 classes: best "
                              : "infer nano 64x96, batch 1, 3 classes: best ");
        run_read(json, sizeof json, "b.json");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            ck_assert_double_gt(number_of(json, names[i]), 0);
        ck_assert_double_le(number_of(json, "ms_best"), number_of(json, "ms_median"));
        ck_assert_double_eq_tol(number_of(json, "images_per_s") * number_of(json, "ms_median") /
                                    (train ? 2e3 : 1e3),
                                1, 0.01); /* a picture or two in the median's time */
        gflop[train] = number_of(json, "gflop");
    }
    ck_assert_double_eq_tol(gflop[1] / gflop[0], 6, 0.01); /* three walks, two pictures */
    RUN("bench", "infer", "--preset", "nano", "--size", "32", "--runs", "1", "--json", "-", "-q");
    ck_assert_int_eq(run_code, 0);
    starts(run_out, "{\"ms_best\": ");
}
END_TEST

START_TEST(shows_the_parts) {
    RUN("bench", "infer", "--size", "64", "--runs", "1", "--set", "width=8", "--set",
        "fpn_channels=8", "--json", "b.json");
    ck_assert_msg(run_code == 0, "%s", run_err);
    contains(run_out, " GFLOPS at most (fused multiply-adds, measured)\n\nlayers  ");
    contains(run_out, "ms  GFLOPS   peak\nconv 7x7 stride 2         1  ");
    contains(run_out, "\nfrozen_norm              20  ");
    contains(run_out, "\nconv 3x3                 66  ");
    contains(run_out, "\nforward ");
    contains(run_out, " ms (0 boxes)\n");
    run_read(json, sizeof json, "b.json");
    contains(json, "\"boxes\": 0, \"kinds\": [{\"name\": \"conv 7x7 stride 2\", \"layers\": 1, "
                   "\"forward_ms\": ");
    ck_assert(number_of(json, "postprocess_ms") > 0 && !strstr(json, "backward"));

    RUN("bench", "train", "--preset", "nano", "--size", "64", "--runs", "1", "--json", "b.json");
    ck_assert_msg(run_code == 0, "%s", run_err);
    contains(run_out, "  backward  GFLOPS   peak\n");
    contains(run_out, " ms; waiting for the loader 0.0 ms a step (0.0%)\nfirst step: class loss ");
    run_read(json, sizeof json, "b.json");
    contains(json, "\"loader_ms\": 0.000, \"cls_loss\": ");
    contains(json, "\"backward_gflops\": ");
    ck_assert_double_gt(number_of(json, "criterion_ms"), 0);
    ck_assert_double_gt(number_of(json, "backward_ms"), 0);
    ck_assert_double_gt(number_of(json, "optimizer_ms"), 0);
    ck_assert_double_gt(number_of(json, "grad_norm"), 0);
}
END_TEST

START_TEST(takes_settings_and_files) {
    RUN("bench", "infer", "--preset", "nano", "--size", "64", "--runs", "1", "--set", "norm=frozen",
        "--set", "score_threshold=0", "--outputs", "o.f32", "--json", "b.json");
    ck_assert_msg(run_code == 0, "%s", run_err);
    contains(run_out, "\nfrozen_norm ");
    run_read(json, sizeof json, "b.json");
    struct stat info;
    ck_assert_int_eq(stat(temp_path("o.f32"), &info), 0);
    /* 64 + 16 + 4 + 1 + 1 cells of 9 anchors with 91 logits and 4 deltas, and the boxes */
    ck_assert_int_eq(info.st_size, 4 * (86 * 9 * 95 + 6 * (int)number_of(json, "boxes")));
    ck_assert_double_eq(number_of(json, "boxes"), 100);
    RUN("bench", "train", "--preset", "nano", "--size", "64", "--runs", "1", "--set",
        "optimizer=adamw", "--set", "norm=batch");
    ck_assert_msg(run_code == 0, "%s", run_err);
    contains(run_out, "\nbatch_norm ");
}
END_TEST

START_TEST(refuses) {
    static const float few[3] = {0};
    RUN("bench", "infer", "--preset", "nanno");
    run_refused(1, "bench: error: preset: got nanno, want nano, small, mobile, r18, r50 or a file");
    temp_text("p.json", "{\"width\": 16, \"fpn_channels\": 16}");
    RUN("bench", "infer", "--preset", "p.json", "--size", "32", "--runs", "1", "--json", "no/b");
    ck_assert_str_eq(run_err, "bench: error: no/b: cannot write: No such file or directory\n");
    ck_assert_int_eq(run_code, 5);
    RUN("bench", "infer", "--preset", "p.json", "--size", "32", "--runs", "1", "--outputs", "no/b");
    run_refused(5, "bench: error: no/b: cannot write: No such file or directory");
    temp_bytes("few.f32", few, sizeof few);
    RUN("bench", "infer", "--preset", "p.json", "--size", "32", "--input", "few.f32");
    run_refused(2, "bench: error: few.f32: got 12 bytes, want 12288: a float for each of the "
                   "input");
    RUN("bench", "train", "--preset", "p.json", "--size", "32", "--input", "none.f32");
    run_refused(2, "bench: error: none.f32: cannot open: No such file or directory");
    RUN("bench", "infer", "-m", "p.json", "--preset", "nano");
    run_refused(1, "bench: error: one of --preset and --model is enough");
    RUN("bench", "infer", "-m", "none");
    run_refused(2, "bench: error: none: cannot open: No such file or directory");
    RUN("bench", "train", "-m", "none");
    run_refused(2, "bench: error: none: cannot open: No such file or directory");
    RUN("bench", "train", "--outputs", "a");
    run_refused(1, "bench: error: --outputs is for infer");
    RUN("bench", "infer", "--data", "a");
    run_refused(1, "bench: error: --data is for train");
    RUN("bench", "train", "--data", "a", "--input", "few.f32");
    run_refused(1, "bench: error: one of --data and --input is enough");
    RUN("bench", "train", "--data", "a", "--preset", "p.json");
    run_refused(2, "bench: error: a: no such file or folder");
    RUN("bench", "infer", "--input", "few.f32", "--outputs", "./few.f32");
    run_refused(1, "bench: error: ./few.f32: the output would replace an input");
}
END_TEST

START_TEST(refuses_settings) {
    RUN("bench", "infer", "--set", "box_loss=l1");
    run_refused(1, "bench: error: configuration: unknown key box_loss");
    RUN("bench", "train", "--set", "box_los=l1");
    run_refused(1, "bench: error: unknown option box_los (did you mean box_loss?)");
    RUN("bench", "train", "--set", "momentum=2");
    run_refused(1, "bench: error: momentum: got 2, want 0..0.9999");
    for (int train = 0; train < 2; train++) {
        const char *mode = train ? "train" : "infer";
        RUN("bench", mode, "--set", "norm");
        run_refused(1, "bench: error: configuration: got norm, want KEY=VALUE");
        RUN("bench", mode, "--set", "norm=none");
        run_refused(1, "bench: error: norm: got none, want one of: group, batch, frozen");
        RUN("bench", mode, "--set", "depth=19");
        run_refused(1, "bench: error: depth: got 19, want 10, 18, 34, 50 or 101");
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("program_bench");
    TCase *tcase = tcase_create("program_bench");
    tcase_add_checked_fixture(tcase, temp_open, temp_close);
    tcase_set_timeout(tcase, 120); /* for the sanitizers */
    tcase_add_test(tcase, measures);
    tcase_add_test(tcase, shows_the_parts);
    tcase_add_test(tcase, takes_settings_and_files);
    tcase_add_test(tcase, refuses);
    tcase_add_test(tcase, refuses_settings);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
