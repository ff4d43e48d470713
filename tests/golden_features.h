/* golden_features.h: a backbone over the pictures of tests/golden's scripts, and its layers against
 * what torch made of them. */
#ifndef RN_TESTS_GOLDEN_FEATURES_H
#define RN_TESTS_GOLDEN_FEATURES_H

#include "base/memory.h"
#include "model/transfer.h"
#include "nn/op.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static rn_model_config config;
static rn_network network;

/* A preset with one class and this norm; the first stage `width` channels. */
static inline void use(const char *preset, int width, int norm) {
    static char a[] = "a", *names[] = {a};
    static const int64_t ids[] = {1};
    ck_assert_int_eq(rn_model_config_preset(&config, preset), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, 1), RN_OK);
    config.width = width;
    config.norm = norm;
    ck_assert_msg(rn_network_build(&network, &config) == RN_OK, "%s", rn_error_text());
}

static inline void drop(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
}

static inline bool no_field(const void *context, const char *field) {
    (void)context;
    (void)field;
    return false;
}

/* The network of a preset with the weights of a file, freed with free() and drop(). */
static inline real *use_weights(const char *preset, int width, const char *path) {
    rn_donor donor;
    real *weights;
    use(preset, width, RN_NORM_FROZEN);
    ck_assert_msg(rn_donor_open(&donor, path) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_donor_adapt(&config, &donor, no_field, NULL), RN_OK);
    rn_network_free(&network);
    ck_assert_int_eq(rn_network_build(&network, &config), RN_OK);
    ck_assert_int_eq(rn_alloc(&weights, network.graph.n_stored, sizeof *weights), RN_OK);
    rn_network_init(&network, weights, 1, 0.01);
    ck_assert_msg(rn_donor_load(weights, &donor, &network, &config, NULL) == RN_OK, "%s",
                  rn_error_text());
    rn_donor_close(&donor);
    return weights;
}

/* The picture of the scripts, as the network takes it. */
static inline void fill_picture(real *image, int height, int width) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const int byte = (37 * y + 59 * x + 101 * c + x * y % 17 * 11) % 256;
                image[(y * width + x) * 3 + c] = (real)(byte / 127.5 - 1);
            }
}

/* One line of the golden file against the value that was just computed; returns max|difference| /
 * max|reference|. */
static inline double check_layer(FILE *file, const rn_run *run, int node) {
    char name[32];
    size_t count, samples = 0;
    double largest, want, maximum = 0;
    const rn_shape *shape = &run->plan->shape[node];
    ck_assert_int_eq(fscanf(file, " layer %31s %zu %lf", name, &count, &largest), 3);
    ck_assert_msg(count == rn_shape_count(shape), "%s: %zu numbers", name, count);
    const real *value = rn_run_value(run, node);
    for (size_t i = 0; i < count; i++) maximum = fmax(maximum, fabs((double)value[i]));
    double difference = fabs(maximum - largest);
    for (uint64_t k = 0; fscanf(file, "%lf", &want) == 1; k++, samples++)
        difference = fmax(difference, fabs((double)value[(k * 2654435761 + 40503) % count] - want));
    ck_assert_uint_ge(samples, 12);
    ck_assert_msg(difference <= 1e-5 * largest, "%s of %dx%d: off by %g of %g", name, shape->w,
                  shape->h, difference, largest);
    return difference / largest;
}

/* Every picture of a golden file through the backbone, node by node, because a value is overwritten
 * soon; those for which has_line holds have a line each. Returns how many lines there were. */
static inline int check_features(const char *path, real *weights, bool (*has_line)(int node)) {
    FILE *file = fopen(path, "r");
    int height, width, lines = 0, pictures = 0;
    double worst = 0;
    ck_assert_msg(file != NULL, "%s", path);
    for (int i = 0; i <= network.stage[RN_STAGES - 1]; i++) /* or it might be computed in passing */
        if (has_line(i)) ck_assert_int_eq(rn_graph_output(&network.graph, i), RN_OK);
    while (fscanf(file, " picture %d %d", &height, &width) == 2) {
        const int threads = 1 + pictures++ % 3;
        rn_plan plan;
        rn_exec exec = {0};
        ck_assert_int_eq(rn_plan_create(&plan, &network.graph, RN_INFERENCE, 1, height, width),
                         RN_OK);
        rn_run run = {.plan = &plan, .exec = &exec, .weights = weights};
        rn_threads *pool;
        real *scratch;
        ck_assert_int_eq(rn_threads_create(&pool, threads), RN_OK);
        ck_assert_int_eq(rn_alloc(&scratch, rn_exec_reals(plan.scratch, pool), sizeof(real)),
                         RN_OK);
        exec = rn_exec_of(pool, scratch, plan.scratch);
        ck_assert_int_eq(rn_alloc(&run.arena, plan.arena, sizeof(real)), RN_OK);
        fill_picture(rn_run_value(&run, 0), height, width);
        for (int i = 0; i <= network.stage[RN_STAGES - 1]; i++) {
            if (plan.maker[i] == i) network.graph.nodes[i].op->forward(&run, i);
            if (!has_line(i)) continue;
            worst = fmax(worst, check_layer(file, &run, i));
            lines++;
        }
        rn_plan_free(&plan);
        rn_threads_free(exec.threads);
        free(exec.scratch);
        free(run.arena);
    }
    ck_assert(feof(file));
    fclose(file);
    printf("%s: %d layers of %d pictures, max|difference| / max|reference| = %.2g\n", path, lines,
           pictures, worst);
    return lines;
}

#define MOBILENET RN_SHARED "/weights/mobilenet_v2_imagenet.safetensors"

static inline bool mobilenet_is_missing(void) {
    if (access(MOBILENET, R_OK) == 0) return false;
    printf("skipped: no %s\n", MOBILENET);
    return true;
}

/* Outputs of convolutions behind their activation, and sums. */
static inline bool is_layer(int node) {
    const rn_op *op = network.graph.nodes[node].op;
    return op == &rn_op_frozen_norm || op == &rn_op_add;
}

/* A file of mobilenet_make.py: 51 convolutions and 10 sums of three pictures. */
static inline void check_mobilenet(const char *path) {
    real *weights = use_weights("mobile", 32, MOBILENET);
    ck_assert_int_eq(check_features(path, weights, is_layer), 3 * 61);
    free(weights);
    drop();
}

#endif
