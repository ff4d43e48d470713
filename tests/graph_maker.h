/* graph_maker.h: a graph of a test's own, put together without a line of checks a node. */
#ifndef RN_TESTS_GRAPH_MAKER_H
#define RN_TESTS_GRAPH_MAKER_H

#include "nn/op.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rn_graph graph;

static inline void open_graph(void) {
    graph = (rn_graph){0};
}

static inline void close_graph(void) {
    rn_graph_free(&graph);
}

static inline int add_input(int channels) {
    int value;
    ck_assert_int_eq(rn_graph_input(&graph, &value, channels), RN_OK);
    return value;
}

static inline int add_conv(int in, const char *name, int channels, int kernel, int stride, int pad,
                           bool relu) {
    const rn_conv_spec spec = {channels, kernel, stride, pad, true, relu};
    int value;
    ck_assert_msg(rn_graph_conv(&graph, &value, in, name, &spec) == RN_OK, "%s", rn_error_text());
    return value;
}

static inline int add_norm(int in, const char *name, rn_norm_kind kind, bool relu) {
    int value;
    ck_assert_msg(rn_graph_norm(&graph, &value, in, name, kind, 2, relu) == RN_OK, "%s",
                  rn_error_text());
    return value;
}

static inline void add_output(int value) {
    ck_assert_int_eq(rn_graph_output(&graph, value), RN_OK);
}

static inline rn_plan make_plan(rn_mode mode, int n, int h, int w) {
    rn_plan plan;
    ck_assert_msg(rn_plan_create(&plan, &graph, mode, n, h, w) == RN_OK, "%s", rn_error_text());
    return plan;
}

#endif
