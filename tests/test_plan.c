#include "graph_maker.h"
#include "ops_exec.h"
#include "suite.h"

#include <limits.h>
#include <math.h>

/* ---- shapes ---- */

static void check_shape(const rn_plan *plan, int value, int n, int h, int w, int c) {
    const rn_shape *s = &plan->shape[value];
    ck_assert_msg(s->n == n && s->h == h && s->w == w && s->c == c, "value %d: %d x %d x %d x %d",
                  value, s->n, s->h, s->w, s->c);
    ck_assert_uint_eq(rn_shape_count(s), (size_t)n * (size_t)h * (size_t)w * (size_t)c);
}

START_TEST(shapes_of_odd_pictures) {
    int pool, up, sum, active;
    const int image = add_input(3), stem = add_conv(image, "stem", 8, 7, 2, 3, true);
    ck_assert_int_eq(rn_graph_max_pool(&graph, &pool, stem, 3, 2, 1), RN_OK);
    const int down = add_conv(pool, "down", 8, 1, 2, 0, false),
              valid = add_conv(pool, "valid", 5, 3, 1, 0, false),
              even = add_conv(pool, "even", 2, 2, 3, 1, false),
              norm = add_norm(pool, "norm", RN_NORM_BATCH, false);
    ck_assert_int_eq(rn_graph_upsample_add(&graph, &up, pool, down), RN_OK);
    ck_assert_int_eq(rn_graph_add(&graph, &sum, up, norm, true), RN_OK);
    ck_assert_int_eq(rn_graph_relu(&graph, &active, valid), RN_OK);
    rn_graph_finish(&graph);
    rn_plan plan = make_plan(RN_INFERENCE, 3, 33, 48);
    check_shape(&plan, image, 3, 33, 48, 3);
    check_shape(&plan, stem, 3, 17, 24, 8); /* (33 + 6 - 7) / 2 + 1; (48 + 6 - 7) / 2 + 1 */
    check_shape(&plan, pool, 3, 9, 12, 8);
    check_shape(&plan, down, 3, 5, 6, 8);
    check_shape(&plan, valid, 3, 7, 10, 5);
    check_shape(&plan, even, 3, 4, 5, 2); /* (9 + 2 - 2) / 3 + 1; (12 + 2 - 2) / 3 + 1 */
    check_shape(&plan, norm, 3, 9, 12, 8);
    check_shape(&plan, up, 3, 9, 12, 8);
    check_shape(&plan, sum, 3, 9, 12, 8);
    check_shape(&plan, active, 3, 7, 10, 5);
    rn_plan_free(&plan);
    ck_assert(!plan.shape && !plan.value && !plan.graph && plan.arena == 0);
    plan = make_plan(RN_TRAINING, 1, 9, 9); /* the least that "valid" takes: pool is 3 x 3 */
    check_shape(&plan, pool, 1, 3, 3, 8);
    check_shape(&plan, active, 1, 1, 1, 5);
    rn_plan_free(&plan);
}
END_TEST

/* ---- refusals ---- */

static void refused(int n, int h, int w, const char *text) {
    rn_plan plan = {.arena = 1, .graph = &graph};
    ck_assert_int_eq(rn_plan_create(&plan, &graph, RN_TRAINING, n, h, w), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert(!plan.graph && !plan.shape && !plan.value && plan.arena == 0);
}

START_TEST(refuses_empty_values) {
    const int image = add_input(3), a = add_conv(image, "a", 4, 3, 2, 0, false);
    add_output(add_conv(a, "b", 4, 3, 1, 0, false));
    rn_graph_finish(&graph);
    rn_plan plan = make_plan(RN_TRAINING, 1, 7, 8);
    rn_plan_free(&plan);
    refused(1, 6, 8, "a picture of 8x6 is too small for the network");
    refused(1, 8, 6, "a picture of 6x8 is too small for the network");
    refused(1, 2, 90, "a picture of 90x2 is too small for the network");
    refused(1, 0, 8, "a batch of 1 pictures of 8x0 is empty");
    refused(1, 8, -1, "a batch of 1 pictures of -1x8 is empty");
    refused(0, 8, 8, "a batch of 0 pictures of 8x8 is empty");
    refused(-2, 8, 8, "a batch of -2 pictures of 8x8 is empty");
}
END_TEST

/* Padding alone would make something of nothing, and ReLU asks for nothing. */
START_TEST(refuses_an_empty_input_of_any_network) {
    int active;
    ck_assert_int_eq(rn_graph_relu(&graph, &active, add_input(3)), RN_OK);
    add_output(add_conv(active, "a", 4, 2, 1, 1, false));
    rn_graph_finish(&graph);
    refused(1, 0, 0, "a batch of 1 pictures of 0x0 is empty");
    refused(0, 1, 1, "a batch of 0 pictures of 1x1 is empty");
}
END_TEST

START_TEST(refuses_what_is_too_large) {
    const int image = add_input(3);
    add_output(add_conv(image, "a", 4, 3, 2, 1, false));
    rn_graph_finish(&graph);
    refused(1, 65536, 65536, "a batch of 1 pictures of 65536x65536 is too large");
    refused(1, INT_MAX, INT_MAX, "a batch of 1 pictures of 2147483647x2147483647 is too large");
    refused(INT_MAX, INT_MAX, 2, "a batch of 2147483647 pictures of 2x2147483647 is too large");
    refused(1, INT_MAX, 1, "a batch of 1 pictures of 1x2147483647 is too large");
}
END_TEST

/* A sum reads both of its inputs as if they had one shape. */
START_TEST(refuses_a_sum_of_two_sizes) {
    int sum;
    const int image = add_input(3), a = add_conv(image, "a", 4, 3, 1, 1, false),
              b = add_conv(a, "b", 4, 3, 2, 1, false);
    ck_assert_int_eq(rn_graph_add(&graph, &sum, a, b, false), RN_OK);
    add_output(sum);
    rn_graph_finish(&graph);
    refused(1, 8, 10, "a sum of 10x8 and 5x4");
    rn_plan plan = make_plan(RN_TRAINING, 1, 1, 1); /* there they have one */
    rn_plan_free(&plan);
}
END_TEST

/* ---- how little memory ---- */

START_TEST(a_chain_of_convolutions) {
    enum { LENGTH = 10, COUNT = 2 * 8 * 8 * 4 };
    char name[16];
    int value = add_input(4);
    for (int i = 0; i < LENGTH; i++) {
        snprintf(name, sizeof name, "c%d", i);
        value = add_conv(value, name, 4, 3, 1, 1, false);
    }
    add_output(value);
    rn_graph_finish(&graph);
    rn_plan inference = make_plan(RN_INFERENCE, 2, 8, 8),
            training = make_plan(RN_TRAINING, 2, 8, 8);
    ck_assert_uint_eq(inference.arena, 2 * COUNT); /* one is read while the next is written */
    ck_assert_uint_eq(training.arena, 12 * COUNT); /* 11 values, and the last one's gradient */
    ck_assert_uint_eq(training.gradient[0], SIZE_MAX);
    rn_plan_free(&inference);
    rn_plan_free(&training);
}
END_TEST

START_TEST(in_place_where_nobody_reads_it_again) {
    int relu, sum;
    const int image = add_input(4), a = add_conv(image, "a", 4, 3, 1, 1, false),
              f = add_norm(a, "f", RN_NORM_FROZEN, false);
    ck_assert_int_eq(rn_graph_relu(&graph, &relu, f), RN_OK);
    const int b = add_conv(relu, "b", 4, 3, 1, 1, false);
    ck_assert_int_eq(rn_graph_add(&graph, &sum, b, relu, false), RN_OK);
    const int f2 = add_norm(b, "f2", RN_NORM_FROZEN, true);
    add_output(sum);
    add_output(f2);
    rn_graph_finish(&graph);
    rn_plan plan = make_plan(RN_INFERENCE, 1, 8, 8);
    ck_assert_uint_eq(plan.value[f], plan.value[a]);
    ck_assert_uint_eq(plan.value[relu], plan.value[a]);
    ck_assert_uint_ne(plan.value[sum], plan.value[b]); /* f2 reads b after it */
    ck_assert_uint_eq(plan.value[f2], plan.value[b]);
    rn_plan_free(&plan);
}
END_TEST

START_TEST(gradients_only_where_something_is_learnt) {
    int pool, relu, sum;
    const int image = add_input(4);
    ck_assert_int_eq(rn_graph_max_pool(&graph, &pool, image, 3, 2, 1), RN_OK);
    const int frozen = add_norm(pool, "f", RN_NORM_FROZEN, false),
              a = add_conv(frozen, "a", 4, 3, 1, 1, true);
    ck_assert_int_eq(rn_graph_relu(&graph, &relu, a), RN_OK);
    ck_assert_int_eq(rn_graph_add(&graph, &sum, frozen, a, false), RN_OK);
    add_output(sum);
    add_output(relu);
    rn_graph_finish(&graph);
    rn_plan plan = make_plan(RN_TRAINING, 1, 8, 8);
    ck_assert(plan.gradient[image] == SIZE_MAX && plan.gradient[pool] == SIZE_MAX);
    ck_assert_uint_eq(plan.gradient[frozen], SIZE_MAX);
    ck_assert(plan.gradient[a] != SIZE_MAX && plan.gradient[sum] != SIZE_MAX);
    ck_assert_int_eq(plan.first_writer[a], sum); /* backward meets the last reader first */
    ck_assert_int_eq(plan.first_writer[sum], RN_NO_VALUE);
    ck_assert_int_eq(plan.first_writer[relu], RN_NO_VALUE);
    rn_plan_free(&plan);
}
END_TEST

/* ---- who watches a walk ---- */

static int watched[16], n_watched;

static void write_down(void *context, rn_walk walk, int node) {
    ck_assert_ptr_eq(context, watched);
    ck_assert_int_lt(n_watched, 16);
    watched[n_watched++] = walk == RN_BACKWARD ? 100 + node : node;
}

/* Each walk begins and goes by all nodes that are not computed by another. */
START_TEST(a_watch_is_told_of_each_node) {
    static const int want[] = {-1, 0, 1, 2, 3, 99, 103, 102, 101, 100};
    int pool;
    const int image = add_input(3);
    ck_assert_int_eq(rn_graph_max_pool(&graph, &pool, image, 3, 2, 1), RN_OK); /* learns nothing */
    const int a = add_conv(pool, "a", 4, 3, 1, 1, true);
    add_output(add_conv(a, "b", 4, 1, 1, 0, false));
    rn_graph_finish(&graph);
    rn_plan plan = make_plan(RN_TRAINING, 1, 8, 8);
    ops_exec e = ops_exec_open(1, plan.scratch);
    real *arena = ops_random(plan.arena, -1, 1, 1), *w = ops_random(graph.n_stored, -1, 1, 2),
         *dw = ops_random(graph.n_trained, 0, 0, 3);
    const rn_watch watch = {write_down, watched};
    rn_run run = {.plan = &plan, .exec = &e.exec, .weights = w, .gradients = dw, .arena = arena};
    rn_forward(&run); /* nobody watches */
    run.watch = &watch;
    rn_forward(&run);
    rn_backward(&run);
    ck_assert_int_eq(n_watched, sizeof want / sizeof *want);
    ck_assert_mem_eq(watched, want, sizeof want);
    ops_exec_close(&e);
    free(arena);
    free(w);
    free(dw);
    rn_plan_free(&plan);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_graph, close_graph);
    tcase_add_test(tests, shapes_of_odd_pictures);
    tcase_add_test(tests, refuses_empty_values);
    tcase_add_test(tests, refuses_an_empty_input_of_any_network);
    tcase_add_test(tests, refuses_what_is_too_large);
    tcase_add_test(tests, refuses_a_sum_of_two_sizes);
    tcase_add_test(tests, a_chain_of_convolutions);
    tcase_add_test(tests, in_place_where_nobody_reads_it_again);
    tcase_add_test(tests, gradients_only_where_something_is_learnt);
    tcase_add_test(tests, a_watch_is_told_of_each_node);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
