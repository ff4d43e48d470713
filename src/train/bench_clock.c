#include "train/bench_clock.h"
#include "base/memory.h"
#include "model/network.h"
#include "nn/op.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A node's time is what has passed since the one before it; what lies between the walks is not
 * theirs. */
static void pass(void *context, rn_walk walk, int node) {
    rn_bench_clock *clock = context;
    const double now = rn_now();
    if (node == RN_NO_VALUE)
        clock->begun[walk] = now;
    else
        clock->nodes[walk][node] = now - clock->ended[walk];
    clock->ended[walk] = now;
}

rn_status rn_bench_clock_create(rn_bench_clock *clock, const rn_plan *plan) {
    const size_t n = plan->graph->n_nodes;
    rn_status status = RN_OK;
    *clock = (rn_bench_clock){
        .watch = {.node = pass, .context = clock}, .plan = plan, .best_ms = INFINITY};
    for (int walk = 0; walk < 2 && status == RN_OK; walk++) {
        status = rn_alloc(&clock->nodes[walk], n, sizeof **clock->nodes);
        if (status == RN_OK) status = rn_alloc(&clock->best[walk], n, sizeof **clock->best);
    }
    if (status != RN_OK) rn_bench_clock_free(clock);
    return status;
}

void rn_bench_clock_free(rn_bench_clock *clock) {
    for (int walk = 0; walk < 2; walk++) {
        free(clock->nodes[walk]);
        free(clock->best[walk]);
    }
    *clock = (rn_bench_clock){0};
}

void rn_bench_clock_start(rn_bench_clock *clock) {
    clock->begun[RN_BACKWARD] = clock->ended[RN_BACKWARD] = 0;
    clock->start = rn_now();
}

double rn_bench_clock_stop(rn_bench_clock *clock, rn_bench_result *out) {
    const double *begun = clock->begun, *ended = clock->ended, now = rn_now();
    const double ms = 1e3 * (now - clock->start);
    if (ms >= clock->best_ms) return ms;
    clock->best_ms = ms;
    for (int walk = 0; walk < 2; walk++) {
        double *nodes = clock->nodes[walk];
        clock->nodes[walk] = clock->best[walk];
        clock->best[walk] = nodes;
    }
    out->forward_ms = 1e3 * (ended[RN_FORWARD] - clock->start);
    if (ended[RN_BACKWARD] == 0) {
        out->postprocess_ms = 1e3 * (now - ended[RN_FORWARD]);
    } else {
        out->criterion_ms = 1e3 * (begun[RN_BACKWARD] - ended[RN_FORWARD]);
        out->backward_ms = 1e3 * (ended[RN_BACKWARD] - begun[RN_BACKWARD]);
        out->optimizer_ms = 1e3 * (now - ended[RN_BACKWARD]);
    }
    return ms;
}

/* "conv 3x3", "conv 1x1 stride 2", "depthwise 3x3", "add". */
static void kind_name(char *out, size_t size, const rn_node *node) {
    const bool convolves = node->op == &rn_op_conv || node->op == &rn_op_depthwise;
    int n = snprintf(out, size, "%s", node->op->name);
    if (convolves) n += snprintf(out + n, size - (size_t)n, " %dx%d", node->kernel, node->kernel);
    if (convolves && node->stride > 1)
        snprintf(out + n, size - (size_t)n, " stride %d", node->stride);
}

/* The kind of that name, a new one at the end; NULL if there is no room. */
static rn_bench_kind *kind_of(rn_bench_result *out, const char *name) {
    for (size_t i = 0; i < out->n_kinds; i++)
        if (strcmp(out->kinds[i].name, name) == 0) return &out->kinds[i];
    if (out->n_kinds == RN_BENCH_KINDS) return NULL;
    rn_bench_kind *kind = &out->kinds[out->n_kinds++];
    *kind = (rn_bench_kind){0};
    snprintf(kind->name, sizeof kind->name, "%s", name);
    return kind;
}

/* Passes of backward: one for the weights where they are trained, one for the input where it wants
 * a gradient. */
static int passes(const rn_plan *plan, int i) {
    const rn_node *node = &plan->graph->nodes[i];
    if (plan->gradient[i] == SIZE_MAX || node->param[0] == RN_NO_PARAM) return 0;
    return plan->graph->params[node->param[0]].trained + (plan->gradient[node->in[0]] != SIZE_MAX);
}

rn_status rn_bench_clock_kinds(rn_bench_result *out, const rn_bench_clock *clock) {
    const rn_graph *graph = clock->plan->graph;
    out->n_kinds = 0;
    for (int i = 1; i < (int)graph->n_nodes; i++) { /* behind the input */
        char name[sizeof out->kinds->name];
        kind_name(name, sizeof name, &graph->nodes[i]);
        rn_bench_kind *kind = kind_of(out, name);
        if (!kind) return rn_fail(RN_EINVAL, "bench: over %d kinds of layers", RN_BENCH_KINDS);
        const double gflop = 1e-9 * rn_network_node_flops(clock->plan, i);
        kind->layers++;
        kind->forward_ms += 1e3 * clock->best[RN_FORWARD][i];
        kind->backward_ms += 1e3 * clock->best[RN_BACKWARD][i];
        kind->forward_gflop += gflop;
        kind->backward_gflop += gflop * passes(clock->plan, i);
    }
    return RN_OK;
}
