#include "base/random.h"
#include "model/criterion.h"
#include "suite.h"
#include "tiny_network.h"

#include <math.h>
#include <string.h>

enum { BATCH = 2, WIDTH = 96, HEIGHT = 64, MOST = 8 };

/* Anchors of a 96 x 64 picture: nine a cell of 12 x 8, 6 x 4, 3 x 2, 2 x 1 and 1 x 1. */
enum { CELLS = 96 + 24 + 6 + 2 + 1, ANCHORS = 9 * CELLS };

typedef struct fixture {
    rn_model_config config;
    rn_network network;
    rn_plan plan;
    rn_exec exec;
    rn_run run;
    rn_criterion *criterion;
    rn_criterion_options options;
} fixture;

static fixture f;

static void setup(void) {
    f = (fixture){.config = tiny_config()};
    f.options = (rn_criterion_options){.focal = {2, (real)0.25},
                                       .beta = (real)(1.0 / 9.0),
                                       .box_weight = 1,
                                       .matcher = {(real)0.5, (real)0.4, true}};
    f.network = tiny_network(&f.config);
    ck_assert_int_eq(rn_plan_create(&f.plan, &f.network.graph, RN_TRAINING, BATCH, HEIGHT, WIDTH),
                     RN_OK);
    real *scratch;
    ck_assert_int_eq(rn_alloc(&scratch, rn_exec_reals(f.plan.scratch, NULL), sizeof(real)), RN_OK);
    f.exec = rn_exec_of(NULL, scratch, f.plan.scratch);
    f.run = (rn_run){.plan = &f.plan, .exec = &f.exec, .weights = tiny_weights(&f.network, 0.01)};
    ck_assert_int_eq(rn_alloc(&f.run.arena, f.plan.arena, sizeof(real)), RN_OK);
}

static void teardown(void) {
    rn_criterion_free(f.criterion);
    rn_plan_free(&f.plan);
    rn_network_free(&f.network);
    rn_model_config_free(&f.config);
    free(f.exec.scratch);
    free(f.run.arena);
    free(f.run.weights);
}

static void create(void) {
    rn_criterion_free(f.criterion);
    ck_assert_int_eq(
        rn_criterion_create(&f.criterion, &f.network, &f.config, &f.plan, &f.options, MOST), RN_OK);
}

/* The outputs as they are when only the last biases count: every logit `logit`, every delta 0. */
static void fill_outputs(real logit) {
    for (int l = 0; l < RN_LEVELS; l++) {
        const int cls = f.network.cls_logits[l], box = f.network.bbox_reg[l];
        real *x = rn_run_value(&f.run, cls), *d = rn_run_value(&f.run, box);
        for (size_t i = 0; i < rn_shape_count(&f.plan.shape[cls]); i++) x[i] = logit;
        for (size_t i = 0; i < rn_shape_count(&f.plan.shape[box]); i++) d[i] = 0;
    }
}

static rn_losses run(const rn_target *targets, size_t first, size_t second) {
    const size_t first_target[BATCH + 1] = {0, first, first + second};
    rn_losses losses;
    memset(&losses, 0xff, sizeof losses);
    rn_criterion_run(&losses, f.criterion, &f.run, targets, first_target);
    return losses;
}

/* ---- matching, once more and in double ---- */

static double anchors[ANCHORS][4];
static int level_of[ANCHORS];

/* Sides 32 .. 512 times 1, 2^(1/3), 2^(2/3); height / width 1/2, 1, 2; centres at half cells. */
static void list_anchors(void) {
    size_t n = 0;
    for (int l = 0; l < RN_LEVELS; l++) {
        const int stride = 8 << l, h = (HEIGHT + stride - 1) / stride,
                  w = (WIDTH + stride - 1) / stride;
        for (int i = 0; i < h * w * 9; i++, n++) {
            const double x = (i / 9 % w + 0.5) * stride, y = (i / 9 / w + 0.5) * stride;
            const double ratio = pow(2, i % 9 / 3 - 1), side = (32 << l) * pow(2, i % 3 / 3.0);
            const double aw = side / sqrt(ratio), ah = side * sqrt(ratio);
            const double corner[] = {x - aw / 2, y - ah / 2, x + aw / 2, y + ah / 2};
            memcpy(anchors[n], corner, sizeof corner);
            level_of[n] = l;
        }
    }
    ck_assert_uint_eq(n, ANCHORS);
}

static double shared(const double *a, const rn_target *t) {
    const double w = fmin(a[2], (double)t->x2) - fmax(a[0], (double)t->x1);
    const double h = fmin(a[3], (double)t->y2) - fmax(a[1], (double)t->y1);
    return fmax(w, 0) * fmax(h, 0);
}

static double overlap(const double *a, const rn_target *t) {
    const double both = shared(a, t);
    return both / ((a[2] - a[0]) * (a[3] - a[1]) +
                   (double)(t->x2 - t->x1) * (double)(t->y2 - t->y1) - both);
}

/* Each anchor's target among n, -1 for background, -2 for ignored. */
static void match_again(int *match, const rn_target *targets, size_t n) {
    double best[MOST] = {0};
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < ANCHORS && !targets[t].ignore; i++)
            best[t] = fmax(best[t], overlap(anchors[i], &targets[t]));
    for (size_t i = 0; i < ANCHORS; i++) {
        double most = 0;
        bool low = false, region = false;
        match[i] = -1;
        for (size_t t = 0; t < n; t++) {
            const double *a = anchors[i], iou = overlap(a, &targets[t]);
            if (targets[t].ignore) {
                region |= 2 * shared(a, &targets[t]) >= (a[2] - a[0]) * (a[3] - a[1]);
                continue;
            }
            if (iou > most) match[i] = (int)t;
            most = fmax(most, iou);
            low |= iou > 0 && fabs(iou - best[t]) < 1e-6; /* ties but for rounding are ties */
        }
        if (most >= 0.5 || low) continue;
        match[i] = most >= 0.4 || region ? -2 : -1;
    }
}

/* 1 - GIoU of an anchor and its target. */
static double giou_loss(size_t i, const rn_target *t) {
    const double *a = anchors[i], iou = overlap(a, t), both = shared(a, t) / iou;
    const double hull = (fmax(a[2], (double)t->x2) - fmin(a[0], (double)t->x1)) *
                        (fmax(a[3], (double)t->y2) - fmin(a[1], (double)t->y1));
    return 1 - iou + (hull - both) / hull;
}

/* The sum of smooth L1 of deltas 0 against anchor i's target. */
static double box_loss(size_t i, const rn_target *t, double beta) {
    const double *a = anchors[i], w = a[2] - a[0], h = a[3] - a[1];
    const double d[] = {((double)(t->x1 + t->x2) / 2 - (a[0] + a[2]) / 2) / w,
                        ((double)(t->y1 + t->y2) / 2 - (a[1] + a[3]) / 2) / h,
                        log((double)(t->x2 - t->x1) / w), log((double)(t->y2 - t->y1) / h)};
    double sum = 0;
    for (int k = 0; k < 4; k++)
        sum += fabs(d[k]) < beta ? d[k] * d[k] / (2 * beta) : fabs(d[k]) - beta / 2;
    return sum;
}

static const rn_target scene[] = {{10, 12, 44, 40, 0, false},
                                  {30, 20, 90, 62, 2, false},
                                  {0, 0, 30, 64, 0, true},
                                  {61, 1, 96, 32, 1, false},
                                  {2, 3, 95, 61, 1, false}};
enum { FIRST = 4, SECOND = 1 };

typedef struct expected {
    size_t positives, ignored;
    double box, l1, giou; /* sums over the positives */
} expected;

static expected expect(int match[BATCH][ANCHORS]) {
    expected e = {0};
    list_anchors();
    match_again(match[0], scene, FIRST);
    match_again(match[1], scene + FIRST, SECOND);
    for (int b = 0; b < BATCH; b++)
        for (size_t i = 0; i < ANCHORS; i++) {
            const int m = match[b][i];
            e.ignored += m == -2;
            if (m < 0) continue;
            e.positives++;
            e.box += box_loss(i, &scene[m + (b ? FIRST : 0)], 1.0 / 9.0);
            e.l1 += box_loss(i, &scene[m + (b ? FIRST : 0)], 0);
            e.giou += giou_loss(i, &scene[m + (b ? FIRST : 0)]);
        }
    return e;
}

/* ---- losses ---- */

/* design.md: 0.25 * 0.99^2 * -ln 0.01 = 1.128 a positive anchor, 0.75 * 0.01^2 * -ln 0.99 = 7.5e-7
 * for every other (anchor, class). */
static double closed_form(size_t positives, size_t ignored) {
    const double alpha = 0.25, pi = 0.01;
    const double hit = alpha * (1 - pi) * (1 - pi) * -log(pi),
                 rest = (1 - alpha) * pi * pi * -log(1 - pi);
    ck_assert_double_eq_tol(hit, 1.128, 5e-4);
    ck_assert_double_eq_tol(rest, 7.5e-7, 5e-9);
    const size_t pairs = TINY_CLASSES * (BATCH * ANCHORS - ignored) - positives;
    return (double)positives * hit + (double)pairs * rest;
}

static const real start = (real)-4.59511985013459; /* -ln 99 */

START_TEST(the_first_loss_in_closed_form) {
    static int match[BATCH][ANCHORS];
    const expected e = expect(match);
    ck_assert(e.positives > 20 && e.ignored > 20 && e.box > 1);
    create();
    fill_outputs(start);
    const rn_losses losses = run(scene, FIRST, SECOND);
    ck_assert_uint_eq(losses.anchors, BATCH * ANCHORS);
    ck_assert_uint_eq(losses.positives, e.positives);
    ck_assert_uint_eq(losses.ignored, e.ignored);
    const double n = (double)e.positives;
    ck_assert_double_eq_tol(losses.cls, closed_form(e.positives, e.ignored) / n, 1e-6);
    ck_assert_double_eq_tol(losses.box, e.box / n, 1e-5 * e.box / n);
}
END_TEST

/* A network fresh from rn_network_init: the last weights spread the logits a little around it. */
START_TEST(the_first_loss_of_a_network) {
    static int match[BATCH][ANCHORS];
    rn_random random = rn_random_seed(4, 0, 0);
    const expected e = expect(match);
    const double n = (double)e.positives;
    create();
    real *input = rn_run_value(&f.run, 0);
    for (size_t i = 0; i < BATCH * WIDTH * HEIGHT * 3; i++)
        input[i] = (real)rn_random_normal(&random);
    rn_forward(&f.run);
    const rn_losses losses = run(scene, FIRST, SECOND);
    ck_assert_double_eq_tol(losses.cls, closed_form(e.positives, e.ignored) / n, 0.05);
    ck_assert_double_eq_tol(losses.box, e.box / n, 0.1 * e.box / n);
}
END_TEST

START_TEST(the_box_loss_has_its_weight) {
    create();
    fill_outputs(start);
    const rn_losses one = run(scene, FIRST, SECOND);
    real sum = 0, other = 0;
    const int box = f.network.bbox_reg[1];
    const size_t n = rn_shape_count(&f.plan.shape[box]);
    for (size_t i = 0; i < n; i++) sum += (real)fabs(rn_run_gradient(&f.run, box)[i]);
    f.options.box_weight = (real)2.5;
    create();
    const rn_losses more = run(scene, FIRST, SECOND);
    for (size_t i = 0; i < n; i++) other += (real)fabs(rn_run_gradient(&f.run, box)[i]);
    ck_assert_double_eq_tol(more.box, 2.5 * one.box, 1e-12);
    ck_assert(more.cls == one.cls && sum > 0);
    ck_assert_double_eq_tol((double)other, 2.5 * (double)sum, 1e-4 * (double)sum);
}
END_TEST

/* Smooth L1 unless the options say otherwise, L1 where it has no joint; the weight is that of each.
 */
START_TEST(the_box_loss_is_chosen) {
    static int match[BATCH][ANCHORS];
    const expected e = expect(match);
    const double n = (double)e.positives, want[] = {e.box / n, e.l1 / n, e.giou / n};
    const size_t count = rn_shape_count(&f.plan.shape[f.network.bbox_reg[1]]);
    double steep[3] = {0};
    for (int kind = 0; kind < 3; kind++) {
        f.options.box_loss = kind == 2 ? RN_BOX_GIOU : RN_BOX_SMOOTH_L1;
        f.options.beta = kind == 1 ? 0 : (real)(1.0 / 9.0);
        f.options.box_weight = 2;
        create();
        fill_outputs(start);
        const rn_losses losses = run(scene, FIRST, SECOND);
        ck_assert_double_eq_tol(losses.box, 2 * want[kind], 1e-5 * want[kind]);
        for (size_t i = 0; i < count; i++)
            steep[kind] += fabs((double)rn_run_gradient(&f.run, f.network.bbox_reg[1])[i]);
    }
    ck_assert(steep[0] > 0 && steep[1] > steep[0] && steep[2] > 0 && steep[2] != steep[0]);
}
END_TEST

/* ---- gradients ---- */

static void spoil_gradients(void) {
    for (size_t k = 0; k < f.network.graph.n_outputs; k++) {
        const int out = f.network.graph.outputs[k];
        real *d = rn_run_gradient(&f.run, out);
        for (size_t i = 0; i < rn_shape_count(&f.plan.shape[out]); i++) d[i] = (real)NAN;
    }
}

/* d FL / dx at p = 0.01, by the formula of design.md. */
static double slope(bool foreground) {
    const double pt = foreground ? 0.01 : 0.99, alpha = foreground ? 0.25 : 0.75;
    return alpha * (foreground ? 1 : -1) * (1 - pt) * (1 - pt) * (2 * pt * log(pt) + pt - 1);
}

/* Every output's gradient is written, whatever was there, at the place of its own anchor. */
START_TEST(gradients_of_every_output) {
    static int match[BATCH][ANCHORS];
    const expected e = expect(match);
    create();
    fill_outputs(start);
    spoil_gradients();
    run(scene, FIRST, SECOND);
    for (int b = 0; b < BATCH; b++)
        for (size_t i = 0, within = 0; i < ANCHORS; i++, within++) {
            const int l = level_of[i], m = match[b][i];
            if (i > 0 && level_of[i - 1] != l) within = 0;
            const rn_shape *shape = &f.plan.shape[f.network.cls_logits[l]];
            const size_t row = (size_t)(b * shape->h * shape->w) * 9 + within;
            const real *cls = rn_run_gradient(&f.run, f.network.cls_logits[l]) + 3 * row;
            const real *box = rn_run_gradient(&f.run, f.network.bbox_reg[l]) + 4 * row;
            const int label = m >= 0 ? scene[m + (b ? FIRST : 0)].label : -1;
            for (int k = 0; k < TINY_CLASSES; k++) {
                const double want = m == -2 ? 0 : slope(k == label) / (double)e.positives;
                ck_assert_msg(fabs((double)cls[k] - want) <= 1e-5 * fabs(want),
                              "picture %d, anchor %zu, class %d: %g, want %g", b, i, k,
                              (double)cls[k], want);
            }
            const real size = (real)(fabs(box[0]) + fabs(box[1]) + fabs(box[2]) + fabs(box[3]));
            ck_assert_msg(m >= 0 ? size > 0 : size == 0, "picture %d, anchor %zu: %g", b, i,
                          (double)size);
            ck_assert(size * (real)e.positives <= 4 + (real)1e-4); /* smooth L1 is never steeper */
        }
}
END_TEST

/* ---- odd pictures ---- */

/* Without objects everything is background, the normaliser is 1. */
START_TEST(pictures_without_objects) {
    create();
    fill_outputs(start);
    spoil_gradients();
    const rn_losses losses = run(NULL, 0, 0);
    ck_assert(losses.positives == 0 && losses.ignored == 0 && losses.box == 0);
    ck_assert_double_eq_tol(losses.cls, closed_form(0, 0), 1e-9);
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_shape *shape = &f.plan.shape[f.network.bbox_reg[l]];
        const real *box = rn_run_gradient(&f.run, f.network.bbox_reg[l]);
        for (size_t i = 0; i < rn_shape_count(shape); i++) ck_assert(box[i] == 0);
        const real cls = rn_run_gradient(&f.run, f.network.cls_logits[l])[0];
        ck_assert_double_eq_tol((double)cls, slope(false), 1e-9);
    }
}
END_TEST

/* One normaliser a batch: the objects of one picture divide the background of the other too. */
START_TEST(one_picture_without_objects) {
    create();
    fill_outputs(start);
    const rn_losses one = run(scene, FIRST, 0), other = run(scene, 0, FIRST);
    ck_assert_uint_eq(one.positives, other.positives);
    ck_assert_double_eq_tol(one.cls,
                            closed_form(one.positives, one.ignored) / (double)one.positives, 1e-6);
    ck_assert_double_eq_tol(one.cls, other.cls, 1e-12);
    ck_assert_double_eq_tol(one.box, other.box, 1e-12);
}
END_TEST

/* A region over the whole picture: no anchor that lies half within it counts, none is positive. */
START_TEST(ignore_regions_alone) {
    const rn_target all = {0, 0, WIDTH, HEIGHT, 1, true};
    size_t inside = 0;
    list_anchors();
    for (size_t i = 0; i < ANCHORS; i++) {
        const double *a = anchors[i], w = a[2] - a[0], h = a[3] - a[1];
        inside += 2 * shared(a, &all) >= w * h * (1 - 1e-9);
    }
    create();
    fill_outputs(start);
    const rn_losses losses = run(&all, 1, 0);
    ck_assert(inside > ANCHORS / 2 && inside < ANCHORS);
    ck_assert_uint_eq(losses.ignored, inside);
    ck_assert(losses.positives == 0 && losses.box == 0);
    ck_assert_double_eq_tol(losses.cls, closed_form(0, inside), 1e-9);
}
END_TEST

/* An object that nothing overlaps, or a box of no size, gives no positive anchor. */
START_TEST(objects_out_of_reach) {
    const rn_target far[] = {{5000, 5000, 5010, 5010, 0, false}, {20, 20, 20, 20, 0, false}};
    create();
    fill_outputs(start);
    const rn_losses losses = run(far, 2, 0);
    ck_assert_uint_eq(losses.positives, 0);
    ck_assert(losses.box == 0);
    ck_assert_double_eq_tol(losses.cls, closed_form(0, 0), 1e-9);
}
END_TEST

START_TEST(a_loss_that_is_no_number_stays_visible) {
    create();
    fill_outputs(start);
    rn_run_value(&f.run, f.network.cls_logits[4])[0] = (real)NAN;
    ck_assert(isnan(run(scene, FIRST, SECOND).cls));
    fill_outputs(start);
    for (int l = 0; l < RN_LEVELS; l++) {
        const int box = f.network.bbox_reg[l];
        for (size_t i = 0; i < rn_shape_count(&f.plan.shape[box]); i++)
            rn_run_value(&f.run, box)[i] = (real)INFINITY;
    }
    ck_assert(!isfinite(run(scene, FIRST, SECOND).box));
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits) {
    static real kept[BATCH * ANCHORS * TINY_CLASSES];
    rn_losses first = {0};
    for (int threads = 1; threads <= 4; threads *= 2) {
        ck_assert_int_eq(rn_threads_create(&f.exec.threads, threads), RN_OK);
        create();
        fill_outputs(start);
        const rn_losses losses = run(scene, FIRST, SECOND);
        const size_t bytes = 2 * 96 * 9 * 3 * sizeof(real);
        const real *d = rn_run_gradient(&f.run, f.network.cls_logits[0]);
        if (threads == 1) {
            first = losses;
            memcpy(kept, d, bytes);
        }
        ck_assert_mem_eq(&losses.cls, &first.cls, sizeof first.cls);
        ck_assert_mem_eq(&losses.box, &first.box, sizeof first.box);
        ck_assert_mem_eq(d, kept, bytes);
        rn_threads_free(f.exec.threads);
        f.exec.threads = NULL;
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("criterion");
    TCase *tests = tcase_create("criterion");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_first_loss_in_closed_form);
    tcase_add_test(tests, the_first_loss_of_a_network);
    tcase_add_test(tests, the_box_loss_has_its_weight);
    tcase_add_test(tests, the_box_loss_is_chosen);
    tcase_add_test(tests, gradients_of_every_output);
    tcase_add_test(tests, pictures_without_objects);
    tcase_add_test(tests, one_picture_without_objects);
    tcase_add_test(tests, ignore_regions_alone);
    tcase_add_test(tests, objects_out_of_reach);
    tcase_add_test(tests, a_loss_that_is_no_number_stays_visible);
    tcase_add_test(tests, any_number_of_threads_gives_the_same_bits);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
