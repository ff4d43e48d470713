#include "suite.h"
#include "tiny_model.h"

#include <glob.h>
#include <math.h>

static const char *const form =
    "{\"name\": \"tiny\", \"question\": \"q?\", \"prediction\": \"p\", \"data\": \"%s\",\n"
    "\"settings\": {\"size\": 64, \"width\": 8, \"fpn-channels\": 16, \"batch\": 2, \"epochs\": "
    "2,\n"
    "\"head-depth\": 1, \"anchor-sides\": \"16,24,32,48,64\", \"optimizer\": \"sgd\", \"lr\": %s,\n"
    "\"clip\": %s, \"prior\": 0.2, \"ema\": 0, \"warmup\": 0},\n"
    "\"arms\": [{\"name\": \"ce\", \"settings\": {\"loss\": \"focal\", \"gamma\": 0}},\n"
    "{\"name\": \"fl\", \"settings\": {\"loss\": \"focal\", \"gamma\": 2}}],\n"
    "\"seeds\": [1, 2], \"claims\": [{\"arms\": \"fl\", \"over\": \"ce\"}]}\n";

static void make_set(void) {
    temp_open();
    tiny_set("set", 5);
}

static void experiment(const char *name, const char *data, const char *lr, const char *clip) {
    char text[2048];
    snprintf(text, sizeof text, form, data, lr, clip);
    temp_text(name, text);
}

/* An experiment that is refused for one member. */
static void refused(int code, const char *members, const char *line) {
    char text[1024];
    snprintf(
        text, sizeof text,
        "{\"name\": \"x\", \"question\": \"q\", \"prediction\": \"p\", \"data\": \"set\",\n%s}",
        members);
    temp_text("x.json", text);
    RUN("losslab", "run", "x.json", "-o", "out");
    run_refused(code, line);
    ck_assert_int_ne(access(temp_path("out"), F_OK), 0);
}

static char table[1 << 14];

static int read_table(const char *name) {
    int lines = 0;
    FILE *file = fopen(temp_path(name), "rb");
    ck_assert_ptr_nonnull(file);
    table[fread(table, 1, sizeof table - 1, file)] = '\0';
    fclose(file);
    for (const char *p = table; *p; p++) lines += *p == '\n';
    return lines;
}

/* The table without the column of seconds. */
static void without_seconds(char out[1 << 14]) {
    int column = 0;
    for (const char *p = table; *p; p++) {
        if (*p == ',') column++;
        if (*p == '\n') column = 0;
        if (column != 8 || *p == ',') *out++ = *p;
    }
    *out = '\0';
}

/* ---- the command line ---- */

START_TEST(list) {
    RUN("losslab", "list");
    ck_assert_int_eq(run_code, 0);
    ck_assert_ptr_nonnull(strstr(run_out, "quick\t3 arms\t"));
    ck_assert_ptr_nonnull(strstr(run_out, "\nlosses\tfocal"));
    ck_assert_str_eq(run_err, "");
}
END_TEST

START_TEST(wrong_lines) {
    RUN("losslab");
    run_refused(1, "losslab: error: want a command (try --help)");
    RUN("losslab", "run", "x", "--sedes", "1");
    run_refused(1, "losslab: error: unknown option --sedes (did you mean --seeds?)");
    RUN("losslab", "run", "x", "--threads", "0");
    run_refused(1, "losslab: error: --threads: got \"0\", want 1..1024");
    RUN("losslab", "dance");
    run_refused(1,
                "losslab: error: unknown command dance (known: list, run, report, quick, sweep)");
    RUN("losslab", "run");
    run_refused(1, "losslab: error: run: want EXPERIMENT");
    RUN("losslab", "report", "set");
    run_refused(1, "losslab: error: report: no -o report.html given");
    RUN("losslab", "run", "nothing");
    ck_assert_int_eq(run_code, 1);
    ck_assert_int_eq(strncmp(run_err, "losslab: error: unknown experiment nothing (known: ", 51),
                     0);
    ck_assert_ptr_nonnull(strstr(run_err, "quick"));
    RUN("losslab", "run", "none.json");
    run_refused(2, "losslab: error: none.json: cannot read: No such file or directory");
    RUN("losslab", "report", "set", "-o", "r.html");
    run_refused(2, "losslab: error: set: no tables (NAME.csv) in it");
}
END_TEST

START_TEST(wrong_experiments) {
    temp_text("x.json", "{\"name\": \"x\",\n \"name\": 1}");
    RUN("losslab", "run", "x.json");
    run_refused(2, "losslab: error: x.json:2:2: this key is there already");
    temp_text("x.json", "{\"name\": \"x\"");
    RUN("losslab", "run", "x.json");
    run_refused(2, "losslab: error: x.json:1:13: want ',' or '}'");
    refused(2, " \"arm\": []",
            "losslab: error: x.json:2:2: unknown key \"arm\" (known: name, title, question, "
            "prediction, data, preset, settings, arms, seeds, folds, claims, x_label)");
    refused(2, "\"arms\": []", "losslab: error: x.json:2:1: arms: got a list, want a list of arms");
    refused(
        2, "\"arms\": [{\"name\": \"a/b\"}]",
        "losslab: error: x.json:2:11: name: got a/b, want a name of at most 63 letters, digits, "
        "'-', '_' and '.'");
    refused(2, "\"arms\": [{\"name\": \"a\"}], \"seeds\": [1, 1]",
            "losslab: error: x.json:2:39: item: got 1, want each seed once");
    refused(2, "\"arms\": [{\"name\": \"a\"}], \"claims\": [{\"arms\": \"b\"}]",
            "losslab: error: x.json:2:38: arms: got b, want the name of an arm");
    refused(2, "\"arms\": [{\"name\": \"a\", \"settings\": {\"loss\": \"ce\", \"gamma\": 2}}]",
            "losslab: error: x.json:2:10: a: gamma: the loss ce has none (its parameters: -)");
    refused(
        2, "\"preset\": \"mano\", \"arms\": [{\"name\": \"a\"}]",
        "losslab: error: x.json:2:28: a: preset: got mano, want nano, small, mobile, r18, r50 or "
        "a file");
    refused(2, "\"arms\": [{\"name\": \"a\", \"settings\": {\"seed\": 1}}]",
            "losslab: error: x.json:2:37: seed: not a setting here (losslab decides it)");
}
END_TEST

/* What a claim turns on: exit 1. */
START_TEST(wrong_choices) {
    refused(1, "\"arms\": [{\"name\": \"a\", \"settings\": {\"gamma\": -1}}]",
            "losslab: error: x.json:2:37: gamma: got -1, want 0..10");
    refused(1, "\"arms\": [{\"name\": \"a\"}], \"folds\": 1",
            "losslab: error: x.json:2:26: folds: got 1, want 2..32");
    static const char *const settings[] = {"\"alpha\": 1.5", "\"alpha\": 0", "\"prior\": 0",
                                           "\"prior\": 1"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"name\": \"x\", \"question\": \"q\", \"prediction\": \"p\", \"data\": \"set\", "
                 "\"arms\": [{\"name\": \"a\", \"settings\": {%s}}]}",
                 settings[i]);
        temp_text("x.json", text);
        RUN("losslab", "run", "x.json", "-o", "out");
        ck_assert_msg(run_code == 1, "%s: %s", settings[i], run_err);
        ck_assert_int_eq(strncmp(run_err, "losslab: error: x.json:1:", 25), 0);
    }
    RUN("losslab", "sweep", "set", "-o", "out", "--gamma", "-1");
    ck_assert_int_eq(run_code, 1);
    RUN("losslab", "sweep", "set", "-o", "out", "--alpha", "1");
    ck_assert_int_eq(run_code, 1);
    RUN("losslab", "sweep", "set", "-o", "out", "--folds", "1");
    ck_assert_int_eq(run_code, 1);
    temp_text("x.json",
              "{\"name\": \"x\", \"question\": \"q\", \"prediction\": \"p\", \"data\": "
              "\"set\", \"arms\": [{\"name\": \"a\", \"settings\": {\"loss\": \"magic\"}}]}");
    RUN("losslab", "run", "x.json", "-o", "out");
    ck_assert_int_eq(run_code, 1);
    ck_assert_ptr_nonnull(strstr(run_err, "focal"));
}
END_TEST

/* ---- runs ---- */

START_TEST(run_and_report) {
    static char whole[1 << 14], again[1 << 14], page[1 << 18];
    experiment("tiny.json", "set", "0.02", "10");
    RUN("losslab", "run", "tiny.json", "-o", "out", "-q");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_str_eq(run_err, "");
    ck_assert_int_eq(read_table("out/tiny.csv"), 5);
    ck_assert_ptr_nonnull(strstr(table, "\ntiny,ce,1,"));
    ck_assert(strstr(table, "\ntiny,fl,1,") < strstr(table, "\ntiny,ce,2,")); /* whole seeds */
    without_seconds(whole);
    RUN("losslab", "run", "tiny.json", "-o", "out", "-q");
    run_gave(0, "", "");
    /* Stopped again and again, then to its end. */
    const pid_t pid = run_start(ARGS("losslab", "run", "tiny.json", "-o", "parts"));
    while (access(temp_path("parts/runs/tiny"), F_OK) != 0) run_sleep(0.01);
    kill(pid, SIGINT);
    ck_assert_msg(run_wait(pid) == 130, "%d: %s", run_code, run_err);
    RUN("losslab", "run", "tiny.json", "-o", "parts", "-q", "--time", "0.05", "--only", "ce");
    ck_assert_msg(run_code == 0, "%s", run_err);
    RUN("losslab", "run", "tiny.json", "-o", "parts", "-q", "--threads", "1");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("parts/tiny.csv"), 5);
    without_seconds(again);
    ck_assert_str_eq(whole, again);
    /* Other settings are no part of it. */
    experiment("tiny.json", "set", "0.01", "10");
    RUN("losslab", "run", "tiny.json", "-o", "out", "-q");
    run_refused(1, "losslab: error: out/tiny.csv: arm ce was made with other settings (choose "
                   "another -o)");
    RUN("losslab", "report", "out", "-o", "report.html");
    ck_assert_msg(run_code == 0, "%s", run_err);
    run_read(page, sizeof page, "report.html");
    ck_assert_ptr_nonnull(strstr(page, "<h2>tiny</h2>"));
    ck_assert_ptr_nonnull(strstr(page, "</html>"));
    ck_assert_ptr_null(strstr(page, "http"));
    ck_assert_ptr_null(strstr(page, "<script"));
    ck_assert_ptr_null(strstr(page, "nan ")); /* pictures have no blanks */
    ck_assert_ptr_null(strstr(page, "nan<"));
}
END_TEST

/* Two rows, told by their beginnings, say the same. */
static void same_result(const char *a, const char *begin_a, const char *b, const char *begin_b) {
    const char *x = strstr(a, begin_a), *y = strstr(b, begin_b);
    ck_assert_msg(x && y, "%s, %s", begin_a, begin_b);
    x += strlen(begin_a);
    y += strlen(begin_b);
    ck_assert_msg(strcspn(x, "\n") == strcspn(y, "\n") && strncmp(x, y, strcspn(x, "\n")) == 0,
                  "%s is not %s", begin_a, begin_b);
}

/* The same settings in another order and under other names: the same bits, not trained again. But
 * the weights that another arm starts from are. */
START_TEST(equal_runs_are_done_once) {
    static char first[1 << 14], rows[1 << 14], curves[1 << 16], copied[1 << 16];
    glob_t found;
    experiment("tiny.json", "set", "0.02", "10");
    RUN("losslab", "run", "tiny.json", "-o", "out", "-q", "--seeds", "1");
    ck_assert_msg(run_code == 0, "%s", run_err);
    read_table("out/tiny.csv");
    without_seconds(first);
    temp_text(
        "more.json",
        "{\"name\": \"more\", \"question\": \"q\", \"prediction\": \"p\", \"data\": \"set\", "
        "\"settings\": {\"gamma\": 2, \"warmup\": 0, \"width\": 8, \"fpn_channels\": 16, "
        "\"batch\": 2, \"epochs\": 2, \"size\": 64, \"head_depth\": 1, \"anchor_sides\": "
        "\"16,24,32,48,64\", \"optimizer\": \"sgd\", \"lr\": 0.02, \"clip\": 10, \"prior\": 0.2, "
        "\"ema\": 0}, \"arms\": [{\"name\": \"again\", \"settings\": {\"loss\": \"focal\"}}, "
        "{\"name\": \"base\", \"settings\": {\"loss\": \"focal\"}}, "
        "{\"name\": \"on\", \"after\": \"base\", \"settings\": {\"epochs\": 1}}], "
        "\"seeds\": [1]}");
    temp_text("out/mine.csv", "a,b\n1,2\n"); /* is let be */
    RUN("losslab", "run", "more.json", "-o", "out", "-q");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("out/more.csv"), 4);
    without_seconds(rows);
    same_result(first, "tiny,fl,1,", rows, "more,again,1,");
    same_result(first, "tiny,fl,1,", rows, "more,base,1,");
    ck_assert_int_eq(glob(temp_path("out/runs/more/again-*"), 0, NULL, &found), GLOB_NOMATCH);
    ck_assert_int_eq(glob(temp_path("out/runs/more/base-*"), 0, NULL, &found), 0);
    globfree(&found);
    run_read(curves, sizeof curves, "out/tiny-curves/fl.csv");
    run_read(copied, sizeof copied, "out/more-curves/again.csv");
    ck_assert_str_eq(curves, copied);
    ck_assert_ptr_nonnull(strstr(curves, "\ngradient,2,"));
    ck_assert_ptr_nonnull(strstr(curves, "\ngradient P3,2,"));
    ck_assert_int_eq(access(temp_path("out/more-curves/again.jpg"), R_OK), 0);
    /* A study that was moved: the rows are there, the weights are not. */
    RUN("losslab", "run", "more.json", "-o", "moved", "-q", "--only", "base");
    ck_assert_int_eq(nftw(temp_path("moved/runs"), temp_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
    RUN("losslab", "run", "more.json", "-o", "moved", "-q", "--only", "on");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("moved/more.csv"), 3);
    without_seconds(first);
    same_result(first, "more,on,1,", rows, "more,on,1,");
}
END_TEST

START_TEST(a_diverged_run_is_a_result) {
    temp_text("wild.json",
              "{\"name\": \"wild\", \"question\": \"q\", \"prediction\": \"p\", \"data\": \"set\", "
              "\"settings\": {\"size\": 64, \"width\": 8, \"epochs\": 2, \"optimizer\": \"sgd\"}, "
              "\"arms\": [{\"name\": \"wild\", \"settings\": {\"norm\": \"frozen\", \"head-norm\": "
              "\"none\", \"lr\": 100, \"clip\": 0, \"warmup\": 0, \"batch\": 2}}, "
              "{\"name\": \"tame\"}], \"seeds\": [1]}");
    RUN("losslab", "run", "wild.json", "-o", "out", "-q");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("out/wild.csv"), 3);
    ck_assert_ptr_nonnull(strstr(table, "wild,wild,1,0,0,0,"));
    ck_assert_ptr_nonnull(strstr(table, ",diverged," RN_VERSION ","));
    ck_assert_ptr_nonnull(strstr(table, "wild,tame,1,"));
    RUN("losslab", "report", "out", "-o", "out/report.html");
    ck_assert_msg(run_code == 0, "%s", run_err);
}
END_TEST

/* Nothing to go on from: the arms behind it are none either. */
START_TEST(an_arm_after_a_diverged_one) {
    temp_text("wild.json",
              "{\"name\": \"wild\", \"question\": \"q\", \"prediction\": \"p\", \"data\": \"set\", "
              "\"settings\": {\"size\": 64, \"width\": 8, \"epochs\": 2, \"batch\": 2}, "
              "\"arms\": [{\"name\": \"wild\", \"settings\": {\"norm\": \"frozen\", \"head-norm\": "
              "\"none\", \"lr\": 100, \"clip\": 0, \"warmup\": 0, \"optimizer\": \"sgd\"}}, "
              "{\"name\": \"on\", \"after\": \"wild\"}], \"seeds\": [1]}");
    RUN("losslab", "run", "wild.json", "-o", "out", "-q");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("out/wild.csv"), 3);
    ck_assert_ptr_nonnull(strstr(table, "wild,on,1,0,0,0,"));
    RUN("losslab", "run", "wild.json", "-o", "other", "-q", "--only",
        "on"); /* no row of wild yet */
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("other/wild.csv"), 2);
    ck_assert_ptr_nonnull(strstr(table, "wild,on,1,0,0,0,"));
    ck_assert_ptr_nonnull(strstr(table, ",diverged,"));
}
END_TEST

START_TEST(sweep) {
    RUN("losslab", "sweep", "set", "-o", "out", "--folds", "9");
    ck_assert_int_eq(run_code, 1);
    ck_assert_ptr_nonnull(strstr(run_err, "folds: got 9, want at most the pictures of"));
    RUN("losslab", "sweep", "set", "-o", "two", "-q", "--folds", "2", "--gamma", "0,2", "--alpha",
        ".25", "--set", "size=64", "--set", "width=8", "--set", "epochs=1", "--set", "batch=2");
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_int_eq(read_table("two/sweep.csv"), 5);
    ck_assert_ptr_nonnull(strstr(run_out, "\tbest\n"));
    ck_assert_ptr_nonnull(strstr(run_out, "sweep\tcannot tell\t+0 (+0 to +0)\tFocal loss finds "
                                          "more than cross entropy (gamma 0), each at its best\n"));
    ck_assert_int_eq(access(temp_path("two/report.html"), R_OK), 0);
    /* Another sweep into the same folder is refused before anything is written. */
    static char before[1 << 14], after[1 << 14];
    run_read(before, sizeof before, "two/sweep.json");
    RUN("losslab", "sweep", "set", "-o", "two", "-q", "--folds", "2", "--gamma", "0,2", "--alpha",
        ".25", "--set", "size=64", "--set", "width=8", "--set", "epochs=2", "--set", "batch=2");
    ck_assert_int_eq(run_code, 1);
    run_read(after, sizeof after, "two/sweep.json");
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(quick_is_stopped) {
    RUN("losslab", "quick", "-o", "out", "--time", "0.01", "-q");
    run_gave(0, "", "losslab: stopped by --time; the same command goes on (out)\n");
    RUN("losslab", "quick");
    run_refused(1, "losslab: error: quick: no -o DIR given");
}
END_TEST

/* ---- the report against the table ---- */

START_TEST(conclusions_are_the_tables) {
    static char page[1 << 18];
    static const double ce[] = {0.20, 0.22, 0.21}, fl[] = {0.25, 0.28, 0.25};
    unsigned long long hash[2] = {0, 0};
    mkdir(temp_path("out"), 0777);
    experiment("out/tiny.json", "set", "0.01", "10");
    /* Rows of other settings are refused, and what the settings are is told: first of ce, then of
     * fl. */
    for (int i = 0; i < 3; i++) {
        char text[4096] =
            "experiment,arm,seed,ap,ap50,ap75,best_epoch,steps,seconds,cls_loss,box_loss,train_ap,"
            "gap,ece,bg_loss_share,bg_grad_share,false_alarms,status,version,settings\n";
        for (int s = 0; s < 3; s++)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "tiny,ce,%d,%g,,,,,,,,,,,,,,ok,0.1.0,%016llx\n"
                     "tiny,fl,%d,%g,,,,,,,,,,,,,,ok,0.1.0,%016llx\n",
                     s + 1, ce[s], hash[0], s + 1, fl[s], hash[1]);
        temp_text("out/tiny.csv", text);
        RUN("losslab", "report", "out/tiny.csv", "-o", "report.html");
        if (i == 2) break;
        ck_assert_int_eq(run_code, 2);
        const char *begin = "losslab: error: out/tiny.csv: arm ce was made with other settings (";
        ck_assert_int_eq(strncmp(run_err, begin, strlen(begin) - 40), 0);
        ck_assert_int_eq(sscanf(strstr(run_err, "tiny.json ("), "tiny.json (%llx)", &hash[i]), 1);
    }
    ck_assert_msg(run_code == 0, "%s", run_err);
    ck_assert_str_eq(run_out, "tiny\tholds\t+5 (+2.52 to +7.48)\tfl has more than ce in AP\n");
    run_read(page, sizeof page, "report.html");
    /* Differences .05, .06, .04: mean .05, half-width 4.3027 * .01 / sqrt(3) = .0248. */
    ck_assert_ptr_nonnull(strstr(page,
                                 "AP of fl minus that of ce: +5 (95% interval +2.52 to +7.48, "
                                 "3 paired seeds, Holm&#39;s p 0.013)") ||
                                  strstr(page, "AP of fl minus that of ce: +5 (95% interval +2.52 "
                                               "to +7.48, 3 paired seeds, Holm's p 0.013)")
                              ? page
                              : NULL);
    ck_assert_ptr_nonnull(strstr(page, "<span class=\"tag holds\">holds</span>"));
    ck_assert_ptr_nonnull(
        strstr(page, "1 claims: 1 &times; holds, 0 &times; does not hold, 0 &times; cannot tell"));
    temp_text("out/tiny.csv", "a,b\n1,2\n");
    RUN("losslab", "report", "out", "-o", "report.html");
    run_refused(2, "losslab: error: out/tiny.csv:1:1: no table of losslab");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("losslab");
    TCase *tcase = tcase_create("losslab");
    tcase_add_checked_fixture(tcase, make_set, temp_close);
    tcase_set_timeout(tcase, 300); /* for the sanitizers */
    tcase_add_test(tcase, list);
    tcase_add_test(tcase, wrong_lines);
    tcase_add_test(tcase, wrong_experiments);
    tcase_add_test(tcase, wrong_choices);
    tcase_add_test(tcase, run_and_report);
    tcase_add_test(tcase, equal_runs_are_done_once);
    tcase_add_test(tcase, a_diverged_run_is_a_result);
    tcase_add_test(tcase, an_arm_after_a_diverged_one);
    tcase_add_test(tcase, sweep);
    tcase_add_test(tcase, quick_is_stopped);
    tcase_add_test(tcase, conclusions_are_the_tables);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
