/* Measurements of finished models whose logits and pictures are known. */
#include "base/file.h"
#include "detection/dominance.h"
#include "model/weights.h"
#include "suite.h"
#include "temp_folder.h"
#include "tiny_network.h"
#include "tiny_run.h"

#include <math.h>
#include <retinanet_lab.h>

static rn_lab_report report;
static rn_lab_options options;

static void setup(void) {
    temp_open();
    options = RN_LAB_OPTIONS_DEFAULT;
    memset(&report, 0xff, sizeof report);
}

static void teardown(void) {
    temp_close();
}

/* A model whose every class logit is that of the probability `p`, every delta 0. */
static void save_model(const char *name, double p) {
    rn_model_config config = tiny_config();
    rn_network network = tiny_network(&config);
    real *weights = tiny_weights(&network, p);
    const char *const names[] = {"head.classification_head.cls_logits.weight",
                                 "head.regression_head.bbox_reg.weight"};
    for (int i = 0; i < 2; i++)
        memset(tiny_param(&network, weights, names[i]), 0,
               rn_graph_param(&network.graph, names[i])->count * sizeof *weights);
    ck_assert_int_eq(rn_model_save(temp_path(name), &config, &network.graph, weights), RN_OK);
    free(weights);
    rn_network_free(&network);
    rn_model_config_free(&config);
}

/* data/val.json: two pictures of 64 x 64, with `objects`. */
static void save_set(const char *objects) {
    char text[2048];
    temp_bmp("data/images/a.bmp", 64, 64, 7);
    temp_bmp("data/images/b.bmp", 64, 64, 9);
    snprintf(text, sizeof text,
             "{\"categories\": [{\"id\": 1, \"name\": \"cat\"}, {\"id\": 2, \"name\": \"dog\"}, "
             "{\"id\": 3, \"name\": \"owl\"}], \"images\": [{\"id\": 1, \"file_name\": \"a.bmp\", "
             "\"width\": 64, \"height\": 64}, {\"id\": 2, \"file_name\": \"b.bmp\", \"width\": 64, "
             "\"height\": 64}], \"annotations\": [%s]}",
             objects);
    temp_text("data/val.json", text);
}

#define OBJECT(id, image, box)                                                                     \
    "{\"id\": " id ", \"image_id\": " image ", \"category_id\": 2, \"bbox\": " box "}"

static rn_status measure(const char *model, const char *loss) {
    const char *const texts[] = {loss, NULL};
    options.loss = loss ? texts : NULL;
    const rn_status status =
        rn_lab_measure(&report, temp_path(model), temp_path("data"), &options, NULL);
    options.loss = NULL;
    return status;
}

static void ok(rn_status status) {
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

/* ---- a model that knows nothing ---- */

enum { ANCHORS = 9 * (64 + 16 + 4 + 1 + 1) };

/* The anchors of a picture by IoU with one object of 32 x 32 at (4, 4), in double: sides 32 .. 512
 * times 1, 2^(1/3), 2^(2/3), ratios 1/2, 1, 2, centres at half cells. None has .4 or .5 to the
 * digits of a float, and the best has 1, so that low quality adds none. */
static void count_again(size_t *foreground, size_t *ignored) {
    *foreground = *ignored = 0;
    for (int l = 0; l < 5; l++)
        for (int i = 0; i < 9 * (8 >> l ? 8 >> l : 1) * (8 >> l ? 8 >> l : 1); i++) {
            const int stride = 8 << l, wide = 8 >> l ? 8 >> l : 1;
            const double x = (i / 9 % wide + 0.5) * stride, y = (i / 9 / wide + 0.5) * stride;
            const double ratio = pow(2, i % 9 / 3 - 1), side = (32 << l) * pow(2, i % 3 / 3.0);
            const double w = side / sqrt(ratio), h = side * sqrt(ratio);
            const double both = fmax(0, fmin(x + w / 2, 36) - fmax(x - w / 2, 4)) *
                                fmax(0, fmin(y + h / 2, 36) - fmax(y - h / 2, 4));
            const double iou = both / (w * h + 32 * 32 - both);
            *foreground += iou >= 0.5;
            *ignored += iou >= 0.4 && iou < 0.5;
        }
}

static double share(double background, double foreground) {
    return background / (background + foreground);
}

/* All logits are that of .1, so losses are counts of them. */
START_TEST(shares_are_counts) {
    const double p = 0.1, k = 3;
    size_t foreground, ignored;
    save_model("m.safetensors", p);
    save_set(OBJECT("1", "1", "[4, 4, 32, 32]"));
    ok(measure("m.safetensors", "loss=ce"));
    ck_assert_str_eq(report.loss, "ce");
    ck_assert(report.gamma == 0 && report.alpha == -1);
    ck_assert(report.n_images == 2 && report.n_objects == 1 && report.n_bad == 0);
    const double fg = (double)report.all.foreground, bg = (double)report.all.background;
    count_again(&foreground, &ignored);
    ck_assert(foreground >= 5 && ignored >= 5);
    ck_assert_uint_eq(report.all.foreground, foreground);
    ck_assert_uint_eq(report.all.ignored, ignored);
    ck_assert_uint_eq(report.all.background, 2 * ANCHORS - foreground - ignored);
    ck_assert_double_eq_tol(report.all.negatives_per_positive, bg / fg, 1e-12);
    const double hard = -log(p), easy = -log(1 - p);
    ck_assert_double_eq_tol(report.all.fg_loss, hard + (k - 1) * easy, 1e-5);
    ck_assert_double_eq_tol(report.all.bg_loss, bg * k * easy / fg, 1e-5 * bg);
    ck_assert_double_eq_tol(report.cls_loss, report.all.fg_loss + report.all.bg_loss, 1e-9);
    ck_assert_double_eq_tol(report.all.bg_loss_share,
                            share(bg * k * easy, fg * (hard + (k - 1) * easy)), 1e-6);
    ck_assert_double_eq_tol(report.all.bg_grad_share, share(bg * k * p, fg * (1 - p + (k - 1) * p)),
                            1e-6);
    for (int g = 0; g < RN_LAB_GAMMAS; g++) {
        const double gamma = ((const double[]){0, 0.5, 1, 2})[g];
        const double h = pow(1 - p, gamma) * hard, e = pow(p, gamma) * easy;
        ck_assert_double_eq(report.curves[g].gamma, gamma);
        ck_assert_double_eq_tol(report.curves[g].bg_loss_share,
                                share(bg * k * e, fg * (h + (k - 1) * e)), 1e-6);
        for (int i = 0; i < RN_LAB_POINTS; i++) /* all anchors of a side have the same loss */
            ck_assert(fabs(report.curves[g].foreground[i] - i / 100.0) < 1e-9 &&
                      fabs(report.curves[g].background[i] - i / 100.0) < 1e-9);
    }
    /* .9 and .1 are ends of bins: a float may lie on either side */
    ck_assert_uint_eq(report.foreground_norms[26] + report.foreground_norms[27],
                      report.all.foreground);
    ck_assert_uint_eq(report.background_norms[2] + report.background_norms[3],
                      3 * report.all.background + 2 * report.all.foreground);
}
END_TEST

START_TEST(focal_loss_in_closed_form) {
    const double p = 0.1;
    save_model("m.safetensors", p);
    save_set(OBJECT("1", "1", "[4, 4, 32, 32]"));
    ok(measure("m.safetensors", NULL)); /* of a model without a run: train's default */
    ck_assert_str_eq(report.loss, "focal");
    ck_assert(report.gamma == 2 && report.alpha == 0.25);
    const double hard = 0.25 * 0.81 * -log(p), easy = 0.75 * 0.01 * -log(1 - p);
    ck_assert_double_eq_tol(report.all.fg_loss, hard + 2 * easy, 1e-6);
    ck_assert_double_eq_tol(report.all.bg_loss, 3 * easy * report.all.negatives_per_positive, 1e-5);
    ck_assert_double_gt(report.box_loss, 0);
}
END_TEST

/* Levels add up to all; what has no foreground says so. */
START_TEST(levels) {
    static const size_t anchors[] = {64, 16, 4, 1, 1};
    rn_lab_level sum = {0};
    save_model("m.safetensors", 0.1);
    save_set(OBJECT("1", "1", "[4, 4, 32, 32]"));
    ok(measure("m.safetensors", "loss=ce"));
    for (int i = 0; i < RN_LAB_LEVELS; i++) {
        const rn_lab_level *l = &report.levels[i];
        ck_assert_uint_eq(l->foreground + l->background + l->ignored, 18 * anchors[i]);
        sum.foreground += l->foreground;
        sum.background += l->background;
        sum.fg_loss += l->fg_loss;
        sum.bg_loss += l->bg_loss;
    }
    ck_assert_uint_eq(sum.foreground, report.all.foreground);
    ck_assert_uint_eq(sum.background, report.all.background);
    ck_assert_double_eq_tol(sum.fg_loss, report.all.fg_loss, 1e-9);
    ck_assert_double_eq_tol(sum.bg_loss, report.all.bg_loss, 1e-9);
    ck_assert_uint_gt(report.levels[0].foreground, 0);
    ck_assert_uint_eq(report.levels[4].foreground, 0); /* sides of 512 */
    ck_assert(report.levels[4].negatives_per_positive == -1 &&
              report.levels[4].bg_loss_share == 1 && report.levels[4].bg_grad_share == 1);
}
END_TEST

/* Every box has the score .1; what is right of them is by chance. */
START_TEST(scores_that_are_worth_nothing) {
    save_model("m.safetensors", 0.1);
    save_set(OBJECT("1", "1", "[4, 4, 32, 32]"));
    ok(measure("m.safetensors", NULL));
    size_t n = 0, n_true = 0;
    for (int b = 0; b < RN_LAB_SCORE_BINS; b++) {
        n += report.reliability[b].n;
        n_true += report.reliability[b].n_true;
    }
    ck_assert_uint_eq(n, report.reliability[1].n); /* .1 lies in (1, 2] / 15 */
    ck_assert_double_eq_tol(report.reliability[1].score, 0.1, 1e-6);
    ck_assert_double_eq_tol(report.ece, fabs(0.1 - (double)n_true / (double)n), 1e-6);
    save_model("m.safetensors", 0.01); /* under the threshold */
    ok(measure("m.safetensors", NULL));
    ck_assert(report.ece == -1 && report.ap == 0 && report.ap50 == 0);
}
END_TEST

START_TEST(no_foreground) {
    save_model("m.safetensors", 0.1);
    save_set("");
    ok(measure("m.safetensors", "loss=ce"));
    ck_assert(report.all.foreground == 0 && report.all.background == 2 * ANCHORS);
    ck_assert(report.all.negatives_per_positive == -1 && report.all.bg_loss_share == 1);
    ck_assert(report.all.bg_grad_share == 1 && report.all.fg_loss == 0 && report.box_loss == 0);
    ck_assert_double_eq_tol(report.cls_loss, 2 * ANCHORS * 3 * -log(0.9), 1e-2);
    ck_assert(report.ap == -1 && report.ap50 == -1);
    for (int i = 0; i < RN_LAB_POINTS; i++) ck_assert(report.curves[0].foreground[i] == 0);
    ck_assert_double_eq(report.curves[3].bg_loss_share, 1);
}
END_TEST

/* ---- a model that was trained ---- */

static void train(const char *run, const char *const (*pairs)[2]) {
    rn_train_options *o;
    rn_train_result result;
    ok(rn_train_options_create(&o));
    for (int i = 0; i < TINY_OPTIONS; i++)
        ok(rn_train_options_set(o, tiny_options[i][0], tiny_options[i][1]));
    for (; (*pairs)[0]; pairs++) ok(rn_train_options_set(o, (*pairs)[0], (*pairs)[1]));
    ok(rn_train(&result, temp_path("data"), temp_path(run), o, NULL));
    rn_train_options_free(o);
}

#define WITH(...) ((const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

/* The run's own loss, the evaluator's AP, the same bits for any number of threads. */
START_TEST(of_a_run) {
    const rn_evaluate_options evaluating = {.score = -1, .split = "train"};
    rn_lab_report first;
    rn_report evaluated;
    tiny_set("data", 5);
    train("run", WITH({"loss", "alpha-ce"}, {"alpha", "0.6"}, {"foreground-iou", "0.6"}));
    options.split = "train";
    options.threads = 1;
    ok(measure("run/best.safetensors", NULL));
    first = report;
    ck_assert_str_eq(report.loss, "alpha-ce");
    ck_assert_double_eq(report.alpha, 0.6);
    ck_assert_uint_eq(report.n_images, 8);
    ok(rn_evaluate_model(&evaluated, temp_path("run/best.safetensors"), temp_path("data"),
                         &evaluating, NULL));
    ck_assert(report.ap == evaluated.stats[0] && report.ap50 == evaluated.stats[1]);
    ck_assert_double_gt(report.ap, 0);
    rn_report_free(&evaluated);
    for (int threads = 2; threads <= 4; threads++) {
        options.threads = threads;
        ok(measure("run/best.safetensors", NULL));
        ck_assert_mem_eq(&report, &first, sizeof first);
    }
    /* A checkpoint says it itself, wherever it lies. */
    ck_assert_int_eq(rename(temp_path("run/last.safetensors"), temp_path("last.safetensors")), 0);
    ok(measure("last.safetensors", NULL));
    ck_assert(strcmp(report.loss, "alpha-ce") == 0 && report.alpha == 0.6);
    /* Anchors by the default threshold: more of them are foreground. */
    ok(measure("run/best.safetensors", "foreground_iou=0.5"));
    ck_assert_uint_gt(report.all.foreground, first.all.foreground);
    ck_assert_str_eq(report.loss, "alpha-ce");
    /* Another loss has nothing of the run's. */
    ok(measure("run/best.safetensors", "loss=focal"));
    ck_assert(report.gamma == 2 && report.alpha == 0.25);
    ck_assert(report.all.foreground == first.all.foreground && report.ap == first.ap);
    ok(measure("run/best.safetensors", "alpha=auto"));
    ck_assert(report.alpha == -2 && isfinite(report.cls_loss));
}
END_TEST

/* With every loss: parts add up, shares are shares. */
START_TEST(of_each_loss) {
    static const char *const names[] = {"focal",      "ce",          "alpha-ce", "focal-star",
                                        "poly-focal", "slope-focal", "ohem",     "sampling-free",
                                        "ghm"};
    tiny_set("data", 5);
    train("run", WITH({"epochs", "1"}));
    options.split = "train";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[64];
        snprintf(text, sizeof text, "loss=%s", names[i]);
        ok(measure("run/best.safetensors", text));
        ck_assert_str_eq(report.loss, names[i]);
        ck_assert(report.cls_loss > 0 && report.all.bg_loss_share >= 0 &&
                  report.all.bg_loss_share <= 1 && report.all.bg_grad_share >= 0 &&
                  report.all.bg_grad_share <= 1);
    }
    train("soft", WITH({"epochs", "1"}, {"loss", "softmax-focal"}));
    ok(measure("soft/best.safetensors", NULL));
    ck_assert_str_eq(report.loss, "softmax-focal");
    /* Without its run, the first loss of the model's scoring. */
    ck_assert_int_eq(rename(temp_path("soft/best.safetensors"), temp_path("s.safetensors")), 0);
    ok(measure("s.safetensors", NULL));
    ck_assert_str_eq(report.loss, "softmax-focal");
}
END_TEST

/* ---- what is refused ---- */

static void refused(rn_status got, rn_status want, const char *text) {
    static const rn_lab_report empty;
    ck_assert_int_eq(got, want);
    ck_assert_msg(strstr(rn_error_text(), text) != NULL, "%s", rn_error_text());
    ck_assert_mem_eq(&report, &empty, sizeof empty);
}

START_TEST(options_that_cannot_be) {
    save_model("m.safetensors", 0.1);
    save_set("");
    refused(measure("m.safetensors", "loss=none"), RN_EINVAL, "focal");
    refused(measure("m.safetensors", "loss"), RN_EINVAL, "loss: want OPTION=VALUE");
    refused(measure("m.safetensors", "gama=1"), RN_EINVAL, "did you mean gamma?");
    refused(measure("m.safetensors", "gamma=-1"), RN_EINVAL, "gamma");
    refused(measure("m.safetensors", "poly_epsilon=1"), RN_EINVAL, "the loss focal has none");
    refused(measure("m.safetensors", "background_iou=0.6"), RN_EINVAL, "at most foreground_iou");
    refused(measure("m.safetensors", "width=8"), RN_EINVAL, "width: an option of the model");
    refused(measure("m.safetensors", "loss=softmax-focal"), RN_EINVAL,
            "loss: got softmax-focal, which has other scores than the model");
    options.threads = 100000;
    refused(measure("m.safetensors", NULL), RN_EINVAL, "");
}
END_TEST

START_TEST(files_that_cannot_be_used) {
    save_model("m.safetensors", 0.1);
    save_set("");
    refused(measure("none", NULL), RN_EINPUT, "none: cannot open");
    temp_text("args.json", "{\"options\": 3}");
    refused(measure("m.safetensors", NULL), RN_EINPUT, "args.json: no JSON with \"options\"");
    temp_text("args.json", "{");
    refused(measure("m.safetensors", NULL), RN_EINPUT, "args.json: no JSON");
    temp_text("args.json", "{\"options\": {\"loss\": \"none\"}}");
    refused(measure("m.safetensors", NULL), RN_EINPUT, "args.json: loss");
    unlink(temp_path("args.json"));
    options.split = "none";
    refused(measure("m.safetensors", NULL), RN_EINPUT, "none");
    options.split = NULL;
    temp_text("data/images/a.bmp", "no picture");
    refused(measure("m.safetensors", NULL), RN_EINPUT, "more than 5%");
    temp_text("data/val.json", "{\"categories\": [{\"id\": 1, \"name\": \"cat\"}], \"images\": [], "
                               "\"annotations\": []}");
    refused(measure("m.safetensors", NULL), RN_EINPUT, "no pictures to measure");
    unlink(temp_path("data/val.json"));
    refused(measure("m.safetensors", NULL), RN_EINPUT, "data");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab");
    TCase *tests = tcase_create("lab");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, shares_are_counts);
    tcase_add_test(tests, focal_loss_in_closed_form);
    tcase_add_test(tests, levels);
    tcase_add_test(tests, scores_that_are_worth_nothing);
    tcase_add_test(tests, no_foreground);
    tcase_add_test(tests, of_a_run);
    tcase_add_test(tests, of_each_loss);
    tcase_add_test(tests, options_that_cannot_be);
    tcase_add_test(tests, files_that_cannot_be_used);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
