/* The criterion with losses that look at a whole batch: ohem, sampling-free, ghm. What the sums of
 * each anchor are, the tests of src/detection prove. */
#include "base/random.h"
#include "model/criterion.h"
#include "suite.h"
#include "tiny_network.h"

#include <math.h>
#include <string.h>

enum { BATCH = 2, WIDTH = 96, HEIGHT = 64, ANCHORS = 9 * (96 + 24 + 6 + 2 + 1) };
enum { NUMBERS = BATCH * ANCHORS * TINY_CLASSES };

typedef struct fixture {
    rn_model_config config;
    rn_network network;
    rn_plan plan;
    rn_exec exec;
    rn_run run;
} fixture;

static fixture f;

static void setup(void) {
    rn_random random = rn_random_seed(4, 0, 0);
    f = (fixture){.config = tiny_config()};
    f.network = tiny_network(&f.config);
    ck_assert_int_eq(rn_plan_create(&f.plan, &f.network.graph, RN_TRAINING, BATCH, HEIGHT, WIDTH),
                     RN_OK);
    real *scratch;
    ck_assert_int_eq(rn_alloc(&scratch, rn_exec_reals(f.plan.scratch, NULL), sizeof(real)), RN_OK);
    f.exec = rn_exec_of(NULL, scratch, f.plan.scratch);
    f.run = (rn_run){.plan = &f.plan, .exec = &f.exec};
    ck_assert_int_eq(rn_alloc(&f.run.arena, f.plan.arena, sizeof(real)), RN_OK);
    for (int l = 0; l < RN_LEVELS; l++) {
        real *x = rn_run_value(&f.run, f.network.cls_logits[l]);
        const size_t n = rn_shape_count(&f.plan.shape[f.network.cls_logits[l]]);
        for (size_t i = 0; i < n; i++) x[i] = (real)rn_random_uniform(&random, -5, 1);
        memset(rn_run_value(&f.run, f.network.bbox_reg[l]), 0, 4 * n / TINY_CLASSES * sizeof *x);
    }
}

static void teardown(void) {
    rn_plan_free(&f.plan);
    rn_network_free(&f.network);
    rn_model_config_free(&f.config);
    free(f.exec.scratch);
    free(f.run.arena);
}

static const rn_target scene[] = {
    {10, 12, 44, 40, 0, false}, {30, 20, 90, 62, 2, false}, {2, 3, 95, 61, 1, false}};

static rn_criterion_options options_of(rn_loss_kind loss) {
    return (rn_criterion_options){.loss = loss,
                                  .focal = {0, -1},
                                  .ohem = {.batch = 16, .nms_iou = (real)0.5},
                                  .ghm_bins = 10,
                                  .ghm_momentum = 0.75,
                                  .beta = (real)(1.0 / 9.0),
                                  .box_weight = 1,
                                  .matcher = {(real)0.5, (real)0.4, true}};
}

/* The class logits' gradients of all levels. */
static rn_losses run(real gradient[NUMBERS], rn_criterion *criterion, size_t n_targets) {
    const size_t first_target[BATCH + 1] = {0, n_targets > 1 ? 2 : 0, n_targets};
    rn_losses losses;
    size_t at = 0;
    rn_criterion_run(&losses, criterion, &f.run, scene, first_target);
    for (int l = 0; l < RN_LEVELS; l++) {
        const size_t n = rn_shape_count(&f.plan.shape[f.network.cls_logits[l]]);
        memcpy(gradient + at, rn_run_gradient(&f.run, f.network.cls_logits[l]), n * sizeof(real));
        at += n;
    }
    ck_assert_uint_eq(at, NUMBERS);
    return losses;
}

static rn_losses run_new(real gradient[NUMBERS], rn_criterion_options options, size_t n_targets) {
    rn_criterion *criterion;
    ck_assert_int_eq(rn_criterion_create(&criterion, &f.network, &f.config, &f.plan, &options, 4),
                     RN_OK);
    const rn_losses losses = run(gradient, criterion, n_targets);
    rn_criterion_free(criterion);
    return losses;
}

static real plain[NUMBERS], got[NUMBERS];

/* Cross entropy's gradient times the box loss over the class loss. */
START_TEST(sampling_free_is_guided) {
    const rn_losses ce = run_new(plain, options_of(RN_LOSS_CE), 3);
    const rn_losses guided = run_new(got, options_of(RN_LOSS_SAMPLING_FREE), 3);
    ck_assert(guided.cls == ce.cls && guided.box == ce.box && ce.box > 0);
    const real by = (real)(ce.box / ce.cls);
    for (int i = 0; i < NUMBERS; i++)
        if (got[i] != plain[i] * by) ck_abort_msg("number %d", i);
    run_new(got, options_of(RN_LOSS_SAMPLING_FREE), 0);
    for (int i = 0; i < NUMBERS; i++)
        if (got[i] != 0) ck_abort_msg("number %d", i); /* without objects there is no box loss */
}
END_TEST

/* Of each picture 16 anchors with all their classes have cross entropy's gradient, the others none.
 */
START_TEST(ohem_keeps_the_hardest) {
    run_new(plain, options_of(RN_LOSS_CE), 3);
    const rn_losses mined = run_new(got, options_of(RN_LOSS_HARD_EXAMPLES), 3);
    int kept = 0;
    for (int i = 0; i < NUMBERS; i += TINY_CLASSES) {
        kept += got[i] != 0;
        for (int k = i; k < i + TINY_CLASSES; k++)
            if (got[k] != (got[i] != 0 ? plain[k] : 0)) ck_abort_msg("number %d", k);
    }
    ck_assert_int_eq(kept, 32);
    ck_assert(mined.cls > 0 && isfinite(mined.cls));
}
END_TEST

/* The mean over bins, whatever the number of positives; the counts stay for the next batch. */
START_TEST(ghm_remembers_its_bins) {
    rn_criterion_options options = options_of(RN_LOSS_HARMONISED);
    rn_criterion *criterion;
    size_t n;
    ck_assert_int_eq(rn_criterion_create(&criterion, &f.network, &f.config, &f.plan, &options, 4),
                     RN_OK);
    double *state = rn_criterion_state(criterion, &n), all = 0, before[10];
    ck_assert_uint_eq(n, 10);
    const rn_losses first = run(plain, criterion, 3);
    for (size_t b = 0; b < n; b++) all += state[b];
    ck_assert_double_eq_tol(all, TINY_CLASSES * (double)(first.anchors - first.ignored), 1e-6);
    memcpy(before, state, sizeof before);
    const rn_losses second = run(got, criterion, 3); /* the same batch: the same counts */
    ck_assert(first.cls == second.cls && memcmp(plain, got, sizeof got) == 0);
    ck_assert_mem_eq(before, state, sizeof before);
    run(got, criterion, 0);
    ck_assert_mem_ne(before, state, sizeof before);
    memcpy(state, before, sizeof before); /* as a checkpoint does */
    run(got, criterion, 3);
    ck_assert_mem_eq(plain, got, sizeof got);
    rn_criterion_free(criterion);
    ck_assert_double_gt(first.cls, 0.1);
    ck_assert_double_lt(first.cls, 5);
}
END_TEST

START_TEST(most_remember_nothing) {
    const rn_criterion_options options = options_of(RN_LOSS_FOCAL);
    rn_criterion *criterion;
    size_t n = 7;
    ck_assert_int_eq(rn_criterion_create(&criterion, &f.network, &f.config, &f.plan, &options, 4),
                     RN_OK);
    ck_assert_ptr_null(rn_criterion_state(criterion, &n));
    ck_assert_uint_eq(n, 0);
    rn_criterion_free(criterion);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits) {
    static const rn_loss_kind kinds[] = {RN_LOSS_HARD_EXAMPLES, RN_LOSS_SAMPLING_FREE,
                                         RN_LOSS_HARMONISED};
    for (int i = 0; i < 3; i++) {
        const rn_losses one = run_new(plain, options_of(kinds[i]), 3);
        ck_assert_int_eq(rn_threads_create(&f.exec.threads, 4), RN_OK);
        const rn_losses four = run_new(got, options_of(kinds[i]), 3);
        rn_threads_free(f.exec.threads);
        f.exec.threads = NULL;
        ck_assert_mem_eq(&one.cls, &four.cls, sizeof one.cls);
        ck_assert_mem_eq(plain, got, sizeof got);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("criterion losses");
    TCase *tests = tcase_create("criterion losses");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sampling_free_is_guided);
    tcase_add_test(tests, ohem_keeps_the_hardest);
    tcase_add_test(tests, ghm_remembers_its_bins);
    tcase_add_test(tests, most_remember_nothing);
    tcase_add_test(tests, any_number_of_threads_gives_the_same_bits);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
