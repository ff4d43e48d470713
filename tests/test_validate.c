/* What validation makes of a run: the best weights, the rows of results.csv, the early end. */
#include "base/number.h"
#include "suite.h"
#include "tiny_train.h"

#include <math.h>

/* ---- results.csv ---- */

enum {
    EPOCH,
    STEP,
    LR,
    CLS,
    BOX,
    POSITIVES,
    NORM,
    SPEED,
    SECONDS,
    AP,
    AP50,
    LOSS_SHARE,
    GRAD_SHARE
};
enum { COLUMNS = GRAD_SHARE + 1, MOST = 64 };

/* The cells of run/results.csv; an empty one is NaN. Returns the rows. */
static int read_rows(double rows[MOST][COLUMNS], const char *run) {
    char name[64];
    int n = 0;
    snprintf(name, sizeof name, "%s/results.csv", run);
    char *text = read_text(name);
    for (char *line = strchr(text, '\n') + 1; *line; n++) {
        ck_assert_int_lt(n, MOST);
        for (int c = 0; c < COLUMNS; c++) {
            const size_t size = strcspn(line, ",\n");
            rows[n][c] = NAN;
            if (size > 0) ck_assert(rn_parse_double(&rows[n][c], line, size));
            ck_assert_int_eq(line[size], c < COLUMNS - 1 ? ',' : '\n');
            line += size + 1;
        }
    }
    free(text);
    return n;
}

/* ---- the best weights ---- */

/* best.safetensors is what the best row says, to the bit; the first of equal ones. */
START_TEST(the_best_is_kept) {
    static double rows[MOST][COLUMNS];
    rn_report report = {0};
    ok(train("set", "run", PAIRS("epochs", "12")));
    const int n = read_rows(rows, "run");
    int best = 0;
    ck_assert_int_eq(n, 12);
    for (int i = 0; i < n; i++) {
        ck_assert(rows[i][EPOCH] == i + 1 && rows[i][STEP] == 4 * (i + 1));
        ck_assert(rows[i][AP50] >= rows[i][AP] && rows[i][AP] >= 0);
        if (rows[i][AP] > rows[best][AP]) best = i;
    }
    ck_assert_double_gt(rows[best][AP], 0);
    ck_assert(result.best_ap == rows[best][AP] && result.best_ap50 == rows[best][AP50]);
    const rn_evaluate_options on_train = {.split = "train", .score = -1};
    ok(rn_evaluate_model(&report, temp_path("run/best.safetensors"), temp_path("set"), &on_train,
                         NULL));
    ck_assert(report.stats[0] == rows[best][AP] && report.stats[1] == rows[best][AP50]);
    /* and it shows boxes from the score that is best for it */
    rn_detector *det = NULL;
    ok(rn_detector_open(&det, temp_path("run/best.safetensors"), NULL));
    ck_assert_float_eq(rn_detector_show_threshold(det), (float)report.curve.best_f1_score);
    rn_detector_close(det);
    rn_report_free(&report);
    /* the best so far is kept over a stop */
    ok(train("set", "cut", PAIRS("epochs", "12", "max-steps", "22")));
    ok(resume("cut", PAIRS("threads", "1")));
    ck_assert(result.best_ap == rows[best][AP]);
    tiny_same_run(temp_path("run"), temp_path("cut"));
}
END_TEST

/* AP is told every third epoch and at the end. */
START_TEST(validated_now_and_then) {
    static double rows[MOST][COLUMNS];
    ok(train("set", "run", PAIRS("epochs", "5", "eval_every", "3")));
    ck_assert_int_eq(read_rows(rows, "run"), 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(!isnan(rows[i][AP]), i == 2 || i == 4);
        ck_assert_int_eq(!isnan(rows[i][AP50]), i == 2 || i == 4);
    }
}
END_TEST

/* One epoch without a better AP ends it: the last row but one is the best. */
START_TEST(an_early_end) {
    static double rows[MOST][COLUMNS];
    ok(train("set", "run", PAIRS("epochs", "60", "patience", "1")));
    const int n = read_rows(rows, "run");
    ck_assert(result.finished);
    ck_assert_int_gt(n, 1);
    ck_assert_int_lt(n, 60);
    ck_assert_uint_eq(result.steps, 4 * (unsigned)n);
    ck_assert(rows[n - 2][AP] == result.best_ap && result.best_ap > 0);
    ck_assert(rows[n - 1][AP] <= result.best_ap);
    for (int i = 1; i < n - 1; i++) ck_assert(rows[i][AP] > rows[i - 1][AP] || rows[i][AP] == 0);
    ck_assert_uint_eq(lines_with("run/log.txt", "no better AP for 1 epochs: stopping early"), 1);
    ok(resume("run", PAIRS("threads", "1"))); /* it is over */
    ck_assert(result.finished);
    ck_assert_uint_eq(result.steps, 4 * (unsigned)n);
}
END_TEST

/* ---- the rows ---- */

/* Steps in the sums of run's checkpoint. */
static unsigned long long steps_in_sums(const char *run) {
    char name[64];
    unsigned long long step, best, sums;
    int finished;
    snprintf(name, sizeof name, "%s/last.safetensors", run);
    rn_tensor_file file = tiny_open(temp_path(name));
    const char *position = rn_tensor_file_metadata(&file, "position");
    ck_assert_int_eq(sscanf(position, "%llu %llu %d %llu", &step, &best, &finished, &sums), 4);
    rn_tensor_file_close(&file);
    return sums;
}

/* Four times the same picture, plain, at a rate that moves nothing: each step sees the same, so
 * every mean over steps is the one value, however many steps a row is made of. */
static void same_pictures(void) {
    static const char head[] = "{\"categories\": [{\"id\": 1, \"name\": \"x\"}], \"images\": [";
    char json[2048] = "", files[32];
    strcpy(json, head);
    for (int i = 1; i <= 4; i++) {
        snprintf(files, sizeof files, "same/images/%d.bmp", i);
        temp_bmp(files, 64, 64, 99);
        snprintf(json + strlen(json), 128,
                 "%s{\"id\": %d, \"file_name\": \"%d.bmp\", \"width\": 64, \"height\": 64}",
                 i > 1 ? ", " : "", i, i);
    }
    strcat(json, "], \"annotations\": [");
    for (int i = 1; i <= 4; i++)
        snprintf(json + strlen(json), 128,
                 "%s{\"id\": %d, \"image_id\": %d, \"category_id\": 1, \"bbox\": [9, 9, 30, 40], "
                 "\"area\": 1200, \"iscrowd\": 0}",
                 i > 1 ? ", " : "", i, i);
    strcat(json, "]}");
    temp_text("same/train.json", json);
    temp_text("same/val.json", json);
}

/* Of each row of dominance.csv the levels together: anchors, parts of the class loss. */
typedef struct level_sums {
    int levels;
    double step, positives, negatives, ignored, fg_loss, bg_loss;
} level_sums;

static int read_levels(level_sums rows[MOST], const char *run) {
    char name[64];
    int n = -1;
    snprintf(name, sizeof name, "%s/dominance.csv", run);
    char *text = read_text(name);
    for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        double step, v[3], fg, bg;
        int level;
        char *end = strchr(line, '\n'), *last = end;
        for (int commas = 0; commas < 2; commas += *last == ',') last--; /* shares may be empty */
        ck_assert_int_eq(
            sscanf(line, "%*[^,],%lf,P%d,%lf,%lf,%lf", &step, &level, &v[0], &v[1], &v[2]), 5);
        ck_assert_int_eq(sscanf(last, ",%lf,%lf", &fg, &bg), 2);
        if (level == 3) {
            ck_assert_int_lt(++n, MOST);
            rows[n] = (level_sums){.step = step};
        }
        level_sums *r = &rows[n];
        ck_assert(r->step == step && level == 3 + r->levels);
        r->levels++;
        r->positives += v[0];
        r->negatives += v[1];
        r->ignored += v[2];
        r->fg_loss += fg;
        r->bg_loss += bg;
    }
    free(text);
    return n + 1;
}

START_TEST(rows_are_means) {
    static level_sums levels[MOST];
    static double rows[MOST][COLUMNS];
    same_pictures();
    ok(train("same", "run",
             PAIRS("batch", "1", "epochs", "3", "lr", "1e-9", "flip", "0", "vflip", "0", "color",
                   "0", "scale_min", "1", "scale_max", "1", "max-steps", "1")));
    ok(resume("run", PAIRS("max-steps", "3")));
    ck_assert_uint_eq(steps_in_sums("run"), 3);
    ok(resume("run", PAIRS("max-steps", "5")));
    ck_assert_uint_eq(steps_in_sums("run"), 1); /* of this epoch alone */
    ok(resume("run", PAIRS("threads", "1")));
    ck_assert_uint_eq(steps_in_sums("run"), 0);
    static const double epochs[] = {0.25, 0.75, 1, 1.25, 2, 3};
    ck_assert_int_eq(read_rows(rows, "run"), 6);
    ck_assert_double_gt(rows[0][POSITIVES], 0);
    for (int i = 0; i < 6; i++) {
        ck_assert(rows[i][EPOCH] == epochs[i] && rows[i][STEP] == 4 * epochs[i]);
        ck_assert(rows[i][POSITIVES] == rows[0][POSITIVES]);
        for (int c = CLS; c <= NORM; c++) ck_assert_double_eq_tol(rows[i][c] / rows[0][c], 1, 1e-4);
        ck_assert(rows[i][SPEED] > 0 && rows[i][SECONDS] > 0);
        for (int c = LOSS_SHARE; c <= GRAD_SHARE; c++) {
            ck_assert(rows[i][c] > 0 && rows[i][c] < 1);
            ck_assert_double_eq_tol(rows[i][c] / rows[0][c], 1, 1e-4);
        }
    }
    ck_assert_int_eq(read_levels(levels, "run"), 6);
    for (int i = 0; i < 6; i++) {
        const level_sums *l = &levels[i];
        ck_assert(l->levels == 5 && l->step == rows[i][STEP]);
        ck_assert_double_eq_tol(l->positives, rows[i][POSITIVES], 1e-9);
        /* nine a cell of 8 x 8, 4 x 4, 2 x 2, 1 and 1 */
        ck_assert_double_eq_tol(l->positives + l->negatives + l->ignored, 9 * 86, 1e-9);
        ck_assert_double_eq_tol((l->fg_loss + l->bg_loss) / rows[i][CLS], 1, 1e-12);
        ck_assert_double_eq_tol(l->bg_loss / rows[i][CLS], rows[i][LOSS_SHARE], 1e-12);
    }
}
END_TEST

/* lr is that of the row's last step: 0.05 for 16 pictures makes 0.00625 for 2; a tenth of 16 steps
 * is one of warm-up, which is none. */
START_TEST(rates_of_the_rows) {
    static double rows[MOST][COLUMNS];
    ok(train("set", "cosine", PAIRS("lr", "0.05")));
    ck_assert_int_eq(read_rows(rows, "cosine"), 4);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol(
            rows[i][LR], 0.00625 * (0.01 + 0.495 * (1 + cos(acos(-1) * (4 * i + 3) / 16))), 1e-15);
    ok(train("set", "steps", PAIRS("schedule", "step", "epochs", "10", "lr", "0.08")));
    ck_assert_int_eq(read_rows(rows, "steps"), 10);
    for (int i = 0; i < 10; i++) /* of 40 steps, 27 and 36 are the first behind 2/3 and 8/9 */
        ck_assert_double_eq_tol(rows[i][LR], i < 6 ? 0.01 : i < 9 ? 0.001 : 0.0001, 1e-15);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("validate");
    TCase *tcase = tcase_create("validate");
    tcase_add_checked_fixture(tcase, make_set, temp_close);
    tcase_set_timeout(tcase, 120); /* for the sanitizers */
    tcase_add_test(tcase, the_best_is_kept);
    tcase_add_test(tcase, validated_now_and_then);
    tcase_add_test(tcase, an_early_end);
    tcase_add_test(tcase, rows_are_means);
    tcase_add_test(tcase, rates_of_the_rows);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
