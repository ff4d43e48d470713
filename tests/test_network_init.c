/* What a new network is filled with, and what follows from a plan: sizes of the levels, anchors,
 * operations. */
#include "base/memory.h"
#include "model/network.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static rn_model_config config;
static rn_network network;

static void use(const char *preset, size_t classes) {
    static char name[] = "x";
    static char *names[] = {name, name, name, name, name, name};
    static const int64_t ids[6];
    ck_assert(classes <= 6);
    rn_model_config_free(&config);
    rn_network_free(&network);
    ck_assert_msg(rn_model_config_preset(&config, preset) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, classes), RN_OK);
    ck_assert_msg(rn_network_build(&network, &config) == RN_OK, "%s", rn_error_text());
}

static void close_all(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
}

/* Freed with free(); NaN where rn_network_init leaves a number out. */
static real *initialised(uint64_t seed, double prior) {
    real *weights;
    ck_assert_int_eq(rn_alloc(&weights, network.graph.n_stored, sizeof *weights), RN_OK);
    for (size_t i = 0; i < network.graph.n_stored; i++) weights[i] = (real)NAN;
    rn_network_init(&network, weights, seed, prior);
    return weights;
}

/* ---- initialisation ---- */

static bool begins(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* `n` draws of deviation `want`: five standard errors of the mean, of the deviation and of the
 * share beyond two deviations (4.55% if normal, none if uniform) must hold them. */
static void check_draws(const char *name, const real *x, size_t n, double want, bool normal) {
    double sum = 0, squares = 0;
    size_t beyond = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
        beyond += fabs((double)x[i]) > 2 * want;
    }
    const double mean = sum / (double)n, deviation = sqrt(squares / (double)n);
    const double share = (double)beyond / (double)n, root = sqrt((double)n);
    const double expected = normal ? 0.0455 : 0;
    ck_assert_msg(fabs(mean) <= 5 * want / root, "%s: mean %g of %zu", name, mean, n);
    ck_assert_msg(fabs(deviation / want - 1) <= 5 / (sqrt(2) * root), "%s: deviation %g, want %g",
                  name, deviation, want);
    ck_assert_msg(fabs(share - expected) <= 5 * sqrt(expected * (1 - expected)) / root,
                  "%s: %g beyond two deviations", name, share);
}

static void check_weight(const rn_param *p, const real *x) {
    const double area = p->kernel * p->kernel;
    if (begins(p->name, "head.")) {
        check_draws(p->name, x, p->count, 0.01, true);
    } else if (begins(p->name, "backbone.body.")) { /* He normal by fan-out */
        check_draws(p->name, x, p->count, sqrt(2 / (p->out * area)), true);
    } else { /* He uniform by fan-in, slope 1: within sqrt(3 / fan-in) */
        const double bound = sqrt(3 / (p->in * area));
        double most = 0;
        for (size_t i = 0; i < p->count; i++) most = fmax(most, fabs((double)x[i]));
        ck_assert_msg(most <= bound && most > 0.98 * bound, "%s: up to %g, want %g", p->name, most,
                      bound);
        check_draws(p->name, x, p->count, bound / sqrt(3), false);
    }
}

static void check_initialisation(double prior, double bias) {
    real *weights = initialised(3, prior);
    size_t biased = 0;
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        const real *x = weights + p->offset;
        if (p->kind == RN_PARAM_CONV_WEIGHT) {
            check_weight(p, x);
            continue;
        }
        const bool ones = p->kind == RN_PARAM_NORM_WEIGHT || p->kind == RN_PARAM_NORM_VAR;
        double want = ones ? 1 : 0;
        if (begins(p->name, "head.classification_head.cls_logits")) want = bias;
        for (size_t k = 0; k < p->count; k++)
            ck_assert_msg(fabs((double)x[k] - want) <= 1e-6, "%s[%zu]: %g", p->name, k,
                          (double)x[k]);
        biased += want == bias ? p->count : 0;
    }
    ck_assert_uint_eq(biased, 9 * 5);
    free(weights);
}

START_TEST(every_parameter_is_initialised) {
    use("nano", 5);
    check_initialisation(0.01, -4.59511985013459); /* -ln 99 */
    check_initialisation(0.1, -2.19722457733622);  /* -ln 9 */
    use("small", 5);
    check_initialisation(0.01, -4.59511985013459);
}
END_TEST

START_TEST(frozen_norms_begin_as_the_identity) {
    use("r18", 5);
    check_initialisation(0.01, -4.59511985013459);
}
END_TEST

START_TEST(a_seed_is_its_bits) {
    use("nano", 3);
    const size_t bytes = network.graph.n_stored * sizeof(real);
    real *a = initialised(1, 0.01), *b = initialised(1, 0.01), *c = initialised(2, 0.01);
    ck_assert_mem_eq(a, b, bytes);
    for (size_t i = 0; i < network.graph.n_params; i++) {
        const rn_param *p = &network.graph.params[i];
        if (p->kind != RN_PARAM_CONV_WEIGHT) continue;
        size_t same = 0;
        for (size_t k = 0; k < p->count; k++) same += a[p->offset + k] == c[p->offset + k];
        ck_assert_msg(same * 100 < p->count, "%s: %zu of %zu as with the other seed", p->name, same,
                      p->count);
    }
    free(a);
    free(b);
    free(c);
}
END_TEST

/* Two of one shape differ; and the number of classes moves no other parameter's stream. */
START_TEST(each_parameter_has_its_own_stream) {
    use("nano", 3);
    real *a = initialised(1, 0.01);
    const rn_param *x = rn_graph_param(&network.graph, "backbone.body.layer1.0.conv1.weight"),
                   *y = rn_graph_param(&network.graph, "backbone.body.layer1.0.conv2.weight");
    ck_assert(x && y && x->count == y->count);
    ck_assert_mem_ne(a + x->offset, a + y->offset, x->count * sizeof(real));
    const rn_param *box = rn_graph_param(&network.graph, "head.regression_head.bbox_reg.weight");
    const size_t count = box->count;
    real *kept = malloc(count * sizeof(real));
    ck_assert_ptr_nonnull(kept);
    memcpy(kept, a + box->offset, count * sizeof(real));
    free(a);
    use("nano", 5);
    a = initialised(1, 0.01);
    box = rn_graph_param(&network.graph, "head.regression_head.bbox_reg.weight");
    ck_assert_mem_eq(kept, a + box->offset, count * sizeof(real));
    free(kept);
    free(a);
}
END_TEST

/* ---- what follows from a plan ---- */

static rn_plan make_plan(int n, int h, int w) {
    rn_plan plan;
    ck_assert_int_eq(rn_plan_create(&plan, &network.graph, RN_INFERENCE, n, h, w), RN_OK);
    return plan;
}

static void check_levels(int h, int w, const int want[RN_LEVELS][2]) {
    rn_plan plan = make_plan(2, h, w);
    real *anchors;
    size_t count[RN_LEVELS], total = 0;
    ck_assert_int_eq(rn_network_anchors(&anchors, count, &network, &config, &plan), RN_OK);
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_shape *cls = &plan.shape[network.cls_logits[l]];
        const rn_shape *box = &plan.shape[network.bbox_reg[l]];
        ck_assert_msg(cls->h == want[l][0] && cls->w == want[l][1], "level %d: %d x %d", l, cls->h,
                      cls->w);
        ck_assert(cls->n == 2 && box->n == 2 && box->h == cls->h && box->w == cls->w);
        ck_assert(cls->c == 9 * 3 && box->c == 9 * 4);
        ck_assert_uint_eq(count[l], (size_t)(9 * want[l][0] * want[l][1]));
        total += count[l];
    }
    for (size_t i = 0; i < 4 * total; i++) ck_assert(isfinite(anchors[i])); /* all are there */
    ck_assert(anchors[4 * total - 1] > anchors[4 * total - 3]);
    free(anchors);
    rn_plan_free(&plan);
}

START_TEST(levels_of_any_picture) {
    use("nano", 3);
    check_levels(192, 256, (const int[][2]){{24, 32}, {12, 16}, {6, 8}, {3, 4}, {2, 2}});
    check_levels(64, 64, (const int[][2]){{8, 8}, {4, 4}, {2, 2}, {1, 1}, {1, 1}});
    check_levels(75, 101, (const int[][2]){{10, 13}, {5, 7}, {3, 4}, {2, 2}, {1, 1}});
    check_levels(1, 1, (const int[][2]){{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
}
END_TEST

static void check_anchor(const real *anchor, double x1, double y1, double x2, double y2) {
    const double want[] = {x1, y1, x2, y2};
    for (int i = 0; i < 4; i++)
        ck_assert_msg(fabs((double)anchor[i] - want[i]) <= 1e-3, "corner %d: %g, want %g", i,
                      (double)anchor[i], want[i]);
}

/* Centres at half cells of 8, 16, 32, 64, 128; level behind level, rows of cells, then shapes. */
START_TEST(the_papers_anchors) {
    use("nano", 3);
    rn_plan plan = make_plan(1, 64, 96);
    real *anchors;
    size_t count[RN_LEVELS];
    ck_assert_int_eq(rn_network_anchors(&anchors, count, &network, &config, &plan), RN_OK);
    check_anchor(anchors, 4 - 22.627417, 4 - 11.313708, 4 + 22.627417, 4 + 11.313708);
    check_anchor(anchors + 4 * 3, 4 - 16, 4 - 16, 4 + 16, 4 + 16); /* ratio 1, scale 1 */
    check_anchor(anchors + 4 * (9 + 3), 12 - 16, 4 - 16, 12 + 16, 4 + 16);
    check_anchor(anchors + 4 * (9 * 12 + 3), 4 - 16, 12 - 16, 4 + 16, 12 + 16);
    const real *last = anchors + 4 * (count[0] + count[1] + count[2] + count[3]);
    check_anchor(last + 4 * 3, 64 - 256, 64 - 256, 64 + 256, 64 + 256);
    check_anchor(last - 4 * 6, 96 - 128, 32 - 128, 96 + 128, 32 + 128); /* P6 is 1 x 2 cells */
    free(anchors);
    rn_plan_free(&plan);
}
END_TEST

/* design.md's word on torchvision: sides and corners are whole numbers, the first centre is 0, the
 * stride is the size over the grid, in whole pixels: 800 / 7 = 114. */
START_TEST(torchvisions_anchors) {
    use("nano", 3);
    config.anchor_rounded = true;
    config.anchor_offset = 0;
    rn_plan plan = make_plan(1, 800, 1088);
    real *anchors;
    size_t count[RN_LEVELS];
    ck_assert_int_eq(rn_network_anchors(&anchors, count, &network, &config, &plan), RN_OK);
    ck_assert_uint_eq(count[4], 9 * 7 * 9);
    check_anchor(anchors, -23, -11, 23, 11);
    check_anchor(anchors + 4 * 4, -20, -20, 20, 20); /* 32 * 2^(1/3) = 40.3 */
    check_anchor(anchors + 4 * 9, 8 - 23, -11, 8 + 23, 11);
    const real *last = anchors + 4 * (count[0] + count[1] + count[2] + count[3]);
    check_anchor(last + 4 * 3, -256, -256, 256, 256);
    check_anchor(last + 4 * (9 + 3), 120 - 256, -256, 120 + 256, 256); /* 1088 / 9 */
    check_anchor(last + 4 * (9 * 9 + 3), -256, 114 - 256, 256, 114 + 256);
    free(anchors);
    rn_plan_free(&plan);
}
END_TEST

/* A convolution of `in` to `out` channels at h x w: two operations a weight and place. */
static double conv_flops(double out, double in, double kernel, double places) {
    return 2 * out * in * kernel * kernel * places;
}

START_TEST(operations_by_hand) {
    use("r18", 3);
    rn_plan plan = make_plan(1, 224, 224);
    /* Multiply-adds of ResNet-18's convolutions at 224: 1.814 G with the classifier's 0.512 M. */
    double want = conv_flops(64, 3, 7, 112 * 112) + 4 * conv_flops(64, 64, 3, 56 * 56);
    for (int s = 1; s < 4; s++) {
        const double c = 64 << s, places = (56 >> s) * (56 >> s);
        want += conv_flops(c, c / 2, 3, places) + 3 * conv_flops(c, c, 3, places) +
                conv_flops(c, c / 2, 1, places);
    }
    ck_assert_double_eq_tol(want / 2e9, 1.814 - 0.000512, 0.0005);
    const double levels[] = {28 * 28, 14 * 14, 7 * 7, 4 * 4, 2 * 2};
    for (int l = 0; l < 5; l++) {
        if (l < 3)
            want += conv_flops(256, 128 << l, 1, levels[l]) + conv_flops(256, 256, 3, levels[l]);
        else
            want += conv_flops(256, l == 3 ? 512 : 256, 3, levels[l]);
        want += 8 * conv_flops(256, 256, 3, levels[l]) + conv_flops(27 + 36, 256, 3, levels[l]);
    }
    ck_assert_double_eq_tol(rn_network_flops(&network, &plan), want, 0.5);
    rn_plan_free(&plan);
    plan = make_plan(3, 224, 224); /* pictures add up */
    ck_assert_double_eq_tol(rn_network_flops(&network, &plan), 3 * want, 0.5);
    rn_plan_free(&plan);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("network_init");
    TCase *tests = tcase_create("network_init");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, close_all);
    tcase_add_test(tests, every_parameter_is_initialised);
    tcase_add_test(tests, frozen_norms_begin_as_the_identity);
    tcase_add_test(tests, a_seed_is_its_bits);
    tcase_add_test(tests, each_parameter_has_its_own_stream);
    tcase_add_test(tests, levels_of_any_picture);
    tcase_add_test(tests, the_papers_anchors);
    tcase_add_test(tests, torchvisions_anchors);
    tcase_add_test(tests, operations_by_hand);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
