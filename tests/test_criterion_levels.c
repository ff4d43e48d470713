/* What the criterion says of each level and side, against sums over its gradients and logits. */
#include "base/random.h"
#include "detection/matcher.h"
#include "model/criterion.h"
#include "suite.h"
#include "tiny_network.h"

#include <math.h>
#include <string.h>

enum { BATCH = 2, WIDTH = 96, HEIGHT = 64, K = TINY_CLASSES };
static const size_t cells[RN_LEVELS] = {96, 24, 6, 2, 1};
enum { ANCHORS = 9 * (96 + 24 + 6 + 2 + 1) };

/* Outputs and gradients that lie in no plan: a picture behind the other on each level. */
static real logits[BATCH * ANCHORS * K], dlogits[BATCH * ANCHORS * K];
static real deltas[BATCH * ANCHORS * 4], ddeltas[BATCH * ANCHORS * 4];
static real entropy[BATCH * ANCHORS * K]; /* cross entropy's gradient */
static rn_head_outputs outputs;
static rn_model_config config;
static rn_network network;
static rn_plan plan;

static void setup(void) {
    rn_random random = rn_random_seed(4, 0, 0);
    size_t at = 0;
    config = tiny_config();
    network = tiny_network(&config);
    ck_assert_int_eq(rn_plan_create(&plan, &network.graph, RN_INFERENCE, BATCH, HEIGHT, WIDTH),
                     RN_OK);
    for (size_t i = 0; i < BATCH * ANCHORS * K; i++)
        logits[i] = (real)rn_random_uniform(&random, -5, 1);
    for (int l = 0; l < RN_LEVELS; l++) {
        outputs.logits[l] = logits + at * K;
        outputs.dlogits[l] = dlogits + at * K;
        outputs.deltas[l] = deltas + at * 4;
        outputs.ddeltas[l] = ddeltas + at * 4;
        at += BATCH * 9 * cells[l];
    }
}

static void teardown(void) {
    rn_plan_free(&plan);
    rn_network_free(&network);
    rn_model_config_free(&config);
}

static const rn_target scene[] = {
    {10, 12, 44, 40, 0, false}, {30, 20, 90, 62, 2, false}, {2, 3, 95, 61, 1, false}};

static rn_losses run(rn_loss_kind loss, rn_focal focal, size_t n_targets, rn_threads *threads) {
    const rn_criterion_options options = {.loss = loss,
                                          .focal = focal,
                                          .ohem = {.batch = 16, .nms_iou = (real)0.5},
                                          .ghm_bins = 10,
                                          .beta = (real)(1.0 / 9.0),
                                          .box_weight = 1,
                                          .matcher = {(real)0.5, (real)0.4, true}};
    const size_t first_target[BATCH + 1] = {0, n_targets > 1 ? 2 : 0, n_targets};
    rn_criterion *criterion;
    rn_losses losses;
    ck_assert_int_eq(rn_criterion_create(&criterion, &network, &config, &plan, &options, 4), RN_OK);
    memset(&losses, 0xff, sizeof losses);
    rn_criterion_losses(&losses, criterion, threads, &outputs, scene, first_target);
    rn_criterion_free(criterion);
    return losses;
}

/* 1 where one of the anchor's logits is to rise, 0 where all are to fall, -1 where none moves. */
static int side_of(const real *gradient) {
    bool rises = false, moves = false;
    for (int k = 0; k < K; k++) {
        rises |= gradient[k] < 0;
        moves |= gradient[k] != 0;
    }
    return rises ? 1 : moves ? 0 : -1;
}

static double loss_of(real x, real gradient, rn_focal focal) {
    const bool foreground = gradient < 0;
    const double p = 1 / (1 + exp(foreground ? -(double)x : (double)x));
    const double alpha = focal.alpha < 0 ? 1
                         : foreground    ? (double)focal.alpha
                                         : 1 - (double)focal.alpha;
    return -alpha * pow(1 - p, (double)focal.gamma) * log(p);
}

/* Each level of `got`, whose gradients are in dlogits, again. An anchor's side is what cross
 * entropy's gradient in `entropy` says of it; logits without a gradient have no loss. */
static void check(const rn_losses *got, rn_focal focal, bool is_sum) {
    size_t at = 0;
    double cls = 0;
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_level_losses *level = &got->levels[l];
        double n[3] = {0}, loss[RN_SIDES] = {0}, gradient[RN_SIDES] = {0};
        for (size_t i = 0; i < BATCH * 9 * cells[l]; i++, at += K) {
            const int side = side_of(entropy + at);
            n[side + 1]++;
            for (int k = 0; k < K && side >= 0; k++) {
                gradient[side] += fabs((double)dlogits[at + (size_t)k]);
                if (dlogits[at + (size_t)k] != 0)
                    loss[side] += loss_of(logits[at + (size_t)k], dlogits[at + (size_t)k], focal);
            }
        }
        ck_assert_double_eq(level->ignored, n[0]);
        ck_assert_double_eq(level->negatives, n[1]);
        ck_assert_double_eq(level->positives, n[2]);
        for (int side = 0; side < RN_SIDES; side++) {
            ck_assert_double_eq_tol(level->gradient[side], gradient[side], 1e-9);
            if (is_sum)
                ck_assert_double_eq_tol(level->cls[side],
                                        loss[side] / fmax(1, (double)got->positives), 1e-5);
            cls += level->cls[side];
        }
    }
    ck_assert_double_eq_tol(cls, got->cls, 1e-12);
}

START_TEST(each_side_of_each_level) {
    const rn_focal ce = {0, -1}, focal = {2, (real)0.25};
    rn_losses losses = run(RN_LOSS_CE, ce, 3, NULL);
    memcpy(entropy, dlogits, sizeof entropy);
    check(&losses, ce, true);
    ck_assert_double_gt(losses.levels[0].positives, 0);
    ck_assert_double_gt(losses.levels[1].ignored, 0);
    losses = run(RN_LOSS_FOCAL, focal, 3, NULL);
    check(&losses, focal, true);
    losses = run(RN_LOSS_HARD_EXAMPLES, ce, 3, NULL);
    check(&losses, ce, true);
    losses = run(RN_LOSS_SAMPLING_FREE, ce, 3, NULL); /* gradients times the guide */
    check(&losses, ce, true);
    losses = run(RN_LOSS_HARMONISED, ce, 3, NULL);
    check(&losses, ce, false);
}
END_TEST

START_TEST(background_alone) {
    const rn_focal ce = {0, -1};
    const rn_losses losses = run(RN_LOSS_CE, ce, 0, NULL);
    memcpy(entropy, dlogits, sizeof entropy);
    check(&losses, ce, true);
    for (int l = 0; l < RN_LEVELS; l++) {
        ck_assert_double_eq(losses.levels[l].negatives, (double)(BATCH * 9 * cells[l]));
        ck_assert(losses.levels[l].cls[RN_SIDE_FOREGROUND] == 0 &&
                  losses.levels[l].gradient[RN_SIDE_FOREGROUND] == 0);
    }
}
END_TEST

START_TEST(any_number_of_threads) {
    const rn_focal focal = {2, (real)0.25};
    const rn_losses alone = run(RN_LOSS_FOCAL, focal, 3, NULL);
    for (int n = 1; n <= 4; n++) {
        rn_threads *threads;
        ck_assert_int_eq(rn_threads_create(&threads, n), RN_OK);
        const rn_losses losses = run(RN_LOSS_FOCAL, focal, 3, threads);
        ck_assert_mem_eq(&losses, &alone, sizeof alone);
        rn_threads_free(threads);
    }
}
END_TEST

START_TEST(added_up) {
    const rn_level_losses part = {1, 2, 3, {4, 5}, {6, 7}};
    rn_level_losses sum = {10, 20, 30, {40, 50}, {60, 70}};
    rn_level_losses_add(&sum, &part, 2, 10);
    ck_assert(sum.positives == 12 && sum.negatives == 24 && sum.ignored == 36);
    ck_assert(sum.cls[0] == 80 && sum.cls[1] == 100 && sum.gradient[0] == 120 &&
              sum.gradient[1] == 140);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("criterion_levels");
    TCase *tests = tcase_create("criterion_levels");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_side_of_each_level);
    tcase_add_test(tests, background_alone);
    tcase_add_test(tests, any_number_of_threads);
    tcase_add_test(tests, added_up);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
