/* The planner's promises, checked from the list of nodes alone: a model of the arena in which every
 * stretch remembers who wrote it last, and a plan that shares no memory to compare with. */
#include "base/memory.h"
#include "base/random.h"
#include "graph_maker.h"
#include "model/network.h"
#include "suite.h"

#include <math.h>

enum { GRAIN = 16 }; /* reals of 64 bytes: where buffers begin */

/* ---- a model of the arena ---- */

typedef struct buffer {
    enum { VALUE = 1, GRADIENT, STATISTICS } kind;
    int node;
} buffer;

typedef struct arena {
    const rn_plan *plan;
    int *owner; /* [arena / GRAIN] whose numbers lie there */
} arena;

static size_t place_of(const rn_plan *plan, buffer b) {
    return (b.kind == VALUE      ? plan->value
            : b.kind == GRADIENT ? plan->gradient
                                 : plan->statistics)[b.node];
}

/* Means and 1/deviations: a pair a (picture, group), or a pair a channel. */
static size_t count_of(const rn_plan *plan, buffer b) {
    const rn_node *node = &plan->graph->nodes[b.node];
    const rn_shape *s = &plan->shape[b.node];
    if (b.kind != STATISTICS) return (size_t)s->n * (size_t)s->h * (size_t)s->w * (size_t)s->c;
    return 2 * (size_t)(node->op == &rn_op_group_norm ? s->n * node->groups : s->c);
}

static int mark(buffer b) {
    return 4 * (b.node + 1) + (int)b.kind;
}

static void put(arena *a, buffer b) {
    const size_t place = place_of(a->plan, b), count = count_of(a->plan, b);
    ck_assert_msg(place != SIZE_MAX, "kind %d of node %d has no place", b.kind, b.node);
    ck_assert_uint_eq(place % GRAIN, 0);
    ck_assert(place <= a->plan->arena && count <= a->plan->arena - place);
    for (size_t i = 0; i < count; i += GRAIN) a->owner[(place + i) / GRAIN] = mark(b);
}

static bool is_there(const arena *a, buffer b) {
    const size_t place = place_of(a->plan, b), count = count_of(a->plan, b);
    for (size_t i = 0; i < count; i += GRAIN)
        if (a->owner[(place + i) / GRAIN] != mark(b)) return false;
    return true;
}

static void need(const arena *a, buffer b, const char *when, int node) {
    ck_assert_msg(is_there(a, b), "%s of node %d (%s): kind %d of node %d is overwritten", when,
                  node, a->plan->graph->nodes[node].op->name, b.kind, b.node);
}

static bool may_overwrite(const rn_op *op) {
    return op == &rn_op_relu || op == &rn_op_add || op == &rn_op_upsample_add ||
           op == &rn_op_frozen_norm;
}

static bool keeps_input(const rn_op *op) {
    return op == &rn_op_conv || op == &rn_op_group_norm || op == &rn_op_batch_norm ||
           op == &rn_op_max_pool;
}

static bool has_statistics(const rn_op *op) {
    return op == &rn_op_group_norm || op == &rn_op_batch_norm;
}

/* A value that is computed in passing, and never lies anywhere. */
static bool is_passed(const rn_plan *plan, int i) {
    return i + 1 < (int)plan->graph->n_nodes && plan->maker[i + 1] == plan->maker[i] &&
           plan->job[i + 1] == i + 1;
}

/* What is made together from node `first` on: inputs are there before and after all outputs. */
static void walk_forward(arena *a, int first) {
    const rn_plan *plan = a->plan;
    int end = first;
    while (end < (int)plan->graph->n_nodes && plan->maker[end] == first) end++;
    for (int late = 0; late < 2; late++) {
        for (int i = first; i < end; i++) {
            const rn_node *node = &plan->graph->nodes[i];
            for (int k = 0; k < 2; k++) {
                const int in = node->in[k];
                if (in < 0 || plan->maker[in] == first) continue;
                const bool in_place = may_overwrite(node->op) && in == node->in[0] &&
                                      plan->maker[i] == i && plan->value[i] == plan->value[in];
                if (!late || !in_place) need(a, (buffer){VALUE, in}, "forward", i);
            }
        }
        for (int i = first; !late && i < end; i++) {
            if (!is_passed(plan, i)) put(a, (buffer){VALUE, i});
            if (plan->mode == RN_TRAINING && has_statistics(plan->graph->nodes[i].op))
                put(a, (buffer){STATISTICS, i});
        }
    }
}

/* Whether the gradient of each value is needed: whether a trained parameter lies behind it. */
static void find_wanted(const rn_graph *g, bool *wanted) {
    for (size_t i = 0; i < g->n_nodes; i++) {
        const rn_node *node = &g->nodes[i];
        wanted[i] =
            (node->in[0] >= 0 && wanted[node->in[0]]) || (node->in[1] >= 0 && wanted[node->in[1]]);
        for (int k = 0; k < 4; k++)
            if (node->param[k] >= 0 && g->params[node->param[k]].trained) wanted[i] = true;
    }
}

static void walk_backward(arena *a, int i, const bool *wanted, bool *begun) {
    const rn_node *node = &a->plan->graph->nodes[i];
    for (int k = 0; k < 2; k++) {
        const int in = node->in[k];
        if (in < 0 || !wanted[in]) continue;
        if (k == 1 && in == node->in[0]) continue;
        if (begun[in])
            need(a, (buffer){GRADIENT, in}, "backward", i);
        else
            put(a, (buffer){GRADIENT, in});
        ck_assert_int_eq(a->plan->first_writer[in] == i, !begun[in]);
        begun[in] = true;
    }
}

static void need_backward(const arena *a, int i) {
    const rn_node *node = &a->plan->graph->nodes[i];
    need(a, (buffer){GRADIENT, i}, "backward", i);
    if (keeps_input(node->op)) need(a, (buffer){VALUE, node->in[0]}, "backward", i);
    if (node->relu) need(a, (buffer){VALUE, i}, "backward", i);
    if (has_statistics(node->op)) need(a, (buffer){STATISTICS, i}, "backward", i);
}

/* Both walks over the model: whoever reads finds what was written for it. */
static void check_lives(const rn_plan *plan) {
    const rn_graph *g = plan->graph;
    const int n = (int)g->n_nodes;
    arena a = {plan, calloc(plan->arena / GRAIN + 1, sizeof *a.owner)};
    bool *wanted = calloc(g->n_nodes, 1), *begun = calloc(g->n_nodes, 1);
    ck_assert(a.owner && wanted && begun);
    find_wanted(g, wanted);
    for (int i = 0; i < n; i++)
        if (plan->maker[i] == i) walk_forward(&a, i);
    for (size_t k = 0; k < g->n_outputs; k++)
        need(&a, (buffer){VALUE, g->outputs[k]}, "end", g->outputs[k]);
    for (int i = 0; i < n; i++) {
        const bool placed = plan->gradient[i] != SIZE_MAX;
        ck_assert_int_eq(placed, plan->mode == RN_TRAINING && wanted[i]);
        ck_assert_int_eq(plan->statistics[i] != SIZE_MAX,
                         plan->mode == RN_TRAINING && has_statistics(g->nodes[i].op));
    }
    if (plan->mode == RN_TRAINING) {
        for (size_t k = 0; k < g->n_outputs; k++) {
            put(&a, (buffer){GRADIENT, g->outputs[k]});
            begun[g->outputs[k]] = true;
        }
        for (size_t k = 0; k < g->n_outputs; k++) /* the losses read them all, in any order */
            need(&a, (buffer){VALUE, g->outputs[k]}, "loss", g->outputs[k]);
        for (int end = n, i = n - 1; i >= 0; i--) {
            if (wanted[i]) walk_backward(&a, i, wanted, begun);
            if (plan->job[i] != i) continue;
            for (int k = i; k < end; k++)
                if (wanted[k]) need_backward(&a, k);
            end = i;
        }
    }
    free(begun);
    free(wanted);
    free(a.owner);
}

/* ---- random graphs ---- */

enum { MOST = 40, CHANNELS = 4, LEVELS = 4 };

typedef struct maker {
    rn_random random;
    int level[MOST + 1]; /* of each value: how often it was halved */
    bool read[MOST + 1];
} maker;

/* A random value of `level`, or -1. */
static int any_of(maker *m, int level) {
    int found[MOST + 1], n = 0;
    for (int i = 1; i < (int)graph.n_nodes; i++)
        if (m->level[i] == level) found[n++] = i;
    return n ? found[rn_random_below(&m->random, (uint64_t)n)] : -1;
}

static void add_random_node(maker *m) {
    const int next = (int)graph.n_nodes;
    const int in = next == 1 ? 0 : 1 + (int)rn_random_below(&m->random, (uint64_t)next - 1);
    const bool relu = rn_random_below(&m->random, 2) == 1;
    const int level = m->level[in], same = any_of(m, level), top = any_of(m, level + 1);
    char name[16];
    int out = -1, other = -1;
    snprintf(name, sizeof name, "p%d", next);
    m->level[next] = level;
    switch (next == 1 ? 0 : rn_random_below(&m->random, 8)) {
    case 1:
        ck_assert_int_eq(rn_graph_relu(&graph, &out, in), RN_OK);
        break;
    case 2:
        ck_assert_int_eq(rn_graph_add(&graph, &out, in, other = same, relu), RN_OK);
        break;
    case 3:
        ck_assert_int_eq(rn_graph_max_pool(&graph, &out, in, 3, 1, 1), RN_OK);
        break;
    case 4:
        out = add_norm(in, name, RN_NORM_GROUP, relu);
        break;
    case 5:
        out = add_norm(in, name, RN_NORM_FROZEN, relu);
        break;
    case 6:
        if (top >= 0) {
            ck_assert_int_eq(rn_graph_upsample_add(&graph, &out, in, other = top), RN_OK);
            break;
        }
        /* fall through */
    case 7:
        m->level[next] = level + 1 < LEVELS ? level + 1 : level;
        out = add_conv(in, name, CHANNELS, 3, level + 1 < LEVELS ? 2 : 1, 1, relu);
        break;
    default:
        out = add_conv(in, name, CHANNELS, 3, 1, 1, relu);
    }
    ck_assert_int_eq(out, next);
    m->read[in] = true;
    if (other >= 0) m->read[other] = true;
}

/* Every value that nobody reads is an output, and some that are read. */
static void make_random(uint64_t seed) {
    maker m = {.random = rn_random_seed(seed, 0, 0)};
    const int nodes = 1 + (int)rn_random_below(&m.random, MOST);
    add_input(3);
    for (int i = 0; i < nodes; i++) add_random_node(&m);
    for (int i = 1; i <= nodes; i++)
        if (!m.read[i] || rn_random_below(&m.random, 10) == 0) add_output(i);
    rn_graph_finish(&graph);
}

START_TEST(whoever_reads_finds_what_was_written) {
    for (uint64_t seed = 0; seed < 150; seed++) {
        make_random(seed);
        rn_plan training = make_plan(RN_TRAINING, 2, 19, 13);
        rn_plan inference = make_plan(RN_INFERENCE, 2, 19, 13);
        check_lives(&training);
        check_lives(&inference);
        ck_assert_uint_lt(inference.arena, training.arena);
        rn_plan_free(&training);
        rn_plan_free(&inference);
        rn_graph_free(&graph);
    }
}
END_TEST

/* The check above can fail: two buffers moved onto one another are found out. */
START_TEST(the_model_of_the_arena_sees_an_overlap) {
    add_output(add_conv(add_conv(add_input(3), "a", 4, 3, 1, 1, false), "b", 4, 3, 1, 1, false));
    rn_graph_finish(&graph);
    rn_plan plan = make_plan(RN_TRAINING, 1, 8, 8);
    arena a = {&plan, calloc(plan.arena / GRAIN + 1, sizeof *a.owner)};
    ck_assert_ptr_nonnull(a.owner);
    put(&a, (buffer){VALUE, 1});
    ck_assert(is_there(&a, (buffer){VALUE, 1}));
    plan.value[2] = plan.value[1] + GRAIN;
    put(&a, (buffer){VALUE, 2});
    ck_assert(!is_there(&a, (buffer){VALUE, 1}));
    free(a.owner);
    rn_plan_free(&plan);
}
END_TEST

/* ---- numbers: sharing memory changes none ---- */

/* The same plan with a place of its own for every buffer. */
static rn_plan unshared(void) {
    rn_plan plan = make_plan(RN_TRAINING, 2, 19, 13);
    plan.arena = 0;
    for (int i = 0; i < (int)graph.n_nodes; i++)
        for (int kind = VALUE; kind <= STATISTICS; kind++) {
            const buffer b = {kind, i};
            size_t *place = kind == VALUE      ? plan.value
                            : kind == GRADIENT ? plan.gradient
                                               : plan.statistics;
            if (place[i] == SIZE_MAX) continue;
            place[i] = plan.arena;
            plan.arena += (count_of(&plan, b) + GRAIN - 1) / GRAIN * GRAIN;
        }
    return plan;
}

static void fill(real *x, size_t n, uint64_t seed) {
    rn_random random = rn_random_seed(seed, 1, 0);
    for (size_t i = 0; i < n; i++) x[i] = (real)rn_random_uniform(&random, 0.1, 1);
}

typedef struct result {
    real *outputs, *gradients;
    size_t n;
} result;

/* Walk forward and, in training, backward from random gradients; the arena begins as NaN. */
static result walk(const rn_plan *plan, uint64_t seed) {
    rn_exec exec;
    real *scratch;
    rn_run run = {.plan = plan, .exec = &exec};
    result r = {0};
    for (size_t k = 0; k < graph.n_outputs; k++)
        r.n += rn_shape_count(&plan->shape[graph.outputs[k]]);
    ck_assert_int_eq(rn_alloc(&scratch, rn_exec_reals(plan->scratch, NULL), sizeof(real)), RN_OK);
    exec = rn_exec_of(NULL, scratch, plan->scratch);
    ck_assert_int_eq(rn_alloc(&run.arena, plan->arena, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&run.weights, graph.n_stored, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&r.gradients, graph.n_trained, sizeof(real)), RN_OK);
    ck_assert_int_eq(rn_alloc(&r.outputs, r.n, sizeof(real)), RN_OK);
    for (size_t i = 0; i < plan->arena; i++) run.arena[i] = (real)NAN;
    fill(run.weights, graph.n_stored, seed);
    fill(rn_run_value(&run, 0), rn_shape_count(&plan->shape[0]), seed + 1);
    run.gradients = r.gradients;
    rn_forward(&run);
    size_t at = 0;
    for (size_t k = 0; k < graph.n_outputs; k++) {
        const int out = graph.outputs[k];
        const size_t n = rn_shape_count(&plan->shape[out]);
        memcpy(r.outputs + at, rn_run_value(&run, out), n * sizeof(real));
        if (plan->mode == RN_TRAINING) fill(rn_run_gradient(&run, out), n, seed + 2 + k);
        at += n;
    }
    if (plan->mode == RN_TRAINING) rn_backward(&run);
    free(scratch);
    free(run.arena);
    free(run.weights);
    return r;
}

static void free_result(result *r) {
    free(r->outputs);
    free(r->gradients);
}

START_TEST(sharing_memory_changes_no_number) {
    for (uint64_t seed = 200; seed < 230; seed++) {
        make_random(seed);
        rn_plan alone = unshared(), training = make_plan(RN_TRAINING, 2, 19, 13),
                inference = make_plan(RN_INFERENCE, 2, 19, 13);
        result a = walk(&alone, seed), b = walk(&training, seed), c = walk(&inference, seed);
        ck_assert_uint_lt(training.arena, alone.arena + 1);
        for (size_t i = 0; i < a.n; i++) ck_assert(isfinite(a.outputs[i]));
        ck_assert_mem_eq(a.outputs, b.outputs, a.n * sizeof(real));
        ck_assert_mem_eq(a.outputs, c.outputs, a.n * sizeof(real));
        for (size_t i = 0; i < graph.n_trained; i++) ck_assert(isfinite(a.gradients[i]));
        ck_assert_mem_eq(a.gradients, b.gradients, graph.n_trained * sizeof(real));
        free_result(&a);
        free_result(&b);
        free_result(&c);
        rn_plan_free(&alone);
        rn_plan_free(&training);
        rn_plan_free(&inference);
        rn_graph_free(&graph);
    }
}
END_TEST

/* The networks that are trained and used, on a picture whose sides are no multiples of 32. */
START_TEST(whole_networks) {
    static char a[] = "a", b[] = "b";
    static char *names[] = {a, b};
    static const int64_t ids[] = {1, 2};
    static const char *const presets[] = {"nano", "small", "mobile", "r18", "r50"};
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        rn_model_config config;
        rn_network network;
        rn_plan training, inference;
        ck_assert_int_eq(rn_model_config_preset(&config, presets[i]), RN_OK);
        ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, 2), RN_OK);
        ck_assert_int_eq(rn_network_build(&network, &config), RN_OK);
        ck_assert_int_eq(rn_plan_create(&training, &network.graph, RN_TRAINING, 2, 75, 101), RN_OK);
        ck_assert_int_eq(rn_plan_create(&inference, &network.graph, RN_INFERENCE, 2, 75, 101),
                         RN_OK);
        check_lives(&training);
        check_lives(&inference);
        ck_assert_uint_lt(4 * inference.arena, training.arena);
        rn_plan_free(&training);
        rn_plan_free(&inference);
        rn_network_free(&network);
        rn_model_config_free(&config);
    }
}
END_TEST

/* The same graph gives the same plan, whatever memory was like. */
START_TEST(the_same_plan_every_time) {
    make_random(7);
    rn_plan a = make_plan(RN_TRAINING, 2, 19, 13);
    void *between = malloc(12345);
    rn_plan b = make_plan(RN_TRAINING, 2, 19, 13);
    ck_assert_uint_eq(a.arena, b.arena);
    ck_assert_mem_eq(a.value, b.value, graph.n_nodes * sizeof *a.value);
    ck_assert_mem_eq(a.gradient, b.gradient, graph.n_nodes * sizeof *a.gradient);
    ck_assert_mem_eq(a.statistics, b.statistics, graph.n_nodes * sizeof *a.statistics);
    free(between);
    rn_plan_free(&a);
    rn_plan_free(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan_lives");
    TCase *tests = tcase_create("plan_lives");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_graph, close_graph);
    tcase_add_test(tests, whoever_reads_finds_what_was_written);
    tcase_add_test(tests, the_model_of_the_arena_sees_an_overlap);
    tcase_add_test(tests, sharing_memory_changes_no_number);
    tcase_add_test(tests, whole_networks);
    tcase_add_test(tests, the_same_plan_every_time);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
