/* tiny_network.h: the smallest network with every part of a RetinaNet, for tests that are about
 * something else. */
#ifndef RN_TESTS_TINY_NETWORK_H
#define RN_TESTS_TINY_NETWORK_H

#include "base/memory.h"
#include "model/network.h"
#include "model/weights.h"

#include <check.h>
#include <stdlib.h>

enum { TINY_CLASSES = 3, TINY_SIZE = 64 };

/* Three classes "cat", "dog", "owl" with the ids 17, 18 and 5; the longer side becomes 64. */
static inline rn_model_config tiny_config(void) {
    static char cat[] = "cat", dog[] = "dog", owl[] = "owl";
    static char *names[] = {cat, dog, owl};
    static const int64_t ids[] = {17, 18, 5};
    rn_model_config config = rn_model_config_default();
    config.depth = 10;
    config.width = 8;
    config.fpn_channels = 16;
    config.head_depth = 1;
    config.head_norm = RN_BRANCH_NORM_GROUP;
    config.size_longer = TINY_SIZE;
    ck_assert_int_eq(rn_model_config_set_classes(&config, names, ids, TINY_CLASSES), RN_OK);
    return config;
}

static inline rn_network tiny_network(const rn_model_config *config) {
    rn_network network;
    ck_assert_msg(rn_network_build(&network, config) == RN_OK, "%s", rn_error_text());
    return network;
}

/* Initialised weights, freed with free(). */
static inline real *tiny_weights(const rn_network *network, double prior) {
    real *weights;
    ck_assert_int_eq(rn_alloc(&weights, network->graph.n_stored, sizeof *weights), RN_OK);
    rn_network_init(network, weights, 11, prior);
    return weights;
}

/* The parameter `name` within `weights`. */
static inline real *tiny_param(const rn_network *network, real *weights, const char *name) {
    const rn_param *param = rn_graph_param(&network->graph, name);
    ck_assert_msg(param != NULL, "%s is missing", name);
    return weights + param->offset;
}

#endif
