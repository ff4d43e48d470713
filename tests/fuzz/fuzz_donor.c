/* A file that training starts from: what its tensors are taken for, and where they go. */
#include "fuzz_tensors.h"
#include "model/build.h"
#include "model/transfer.h"

#include <math.h>

static bool none_given(const void *context, const char *field) {
    (void)context;
    (void)field;
    return false;
}

static void hear(void *context, const char *line) {
    (void)context;
    for (; *line; line++) FUZZ_CHECK((unsigned char)*line >= 0x20 && *line != 0x7f);
}

/* The smallest network on that backbone. */
static rn_model_config a_network(int backbone) {
    static char cat[] = "cat", dog[] = "dog";
    static char *const names[] = {cat, dog};
    static const int64_t ids[] = {1, 2};
    rn_model_config config = rn_model_config_default();
    config.backbone = backbone;
    config.depth = 10;
    config.width = 8;
    config.fpn_channels = 16;
    config.head_depth = 1;
    config.norm = RN_NORM_FROZEN;
    FUZZ_CHECK(rn_model_config_set_classes(&config, names, ids, 2) == RN_OK);
    return config;
}

/* What is taken is finite. */
static void load(const rn_donor *donor, const rn_model_config *config) {
    const rn_hooks hooks = {.message = hear};
    rn_network network;
    real *weights;
    FUZZ_CHECK(rn_network_build(&network, config) == RN_OK);
    const size_t n = network.graph.n_stored;
    weights = calloc(n, sizeof *weights);
    FUZZ_CHECK(weights);
    if (fuzz_read(rn_donor_load(weights, donor, &network, config, &hooks), donor->path))
        for (size_t i = 0; i < n; i++) FUZZ_CHECK(isfinite(weights[i]));
    free(weights);
    rn_network_free(&network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_donor empty;
    static const int backbones[] = {RN_BACKBONE_RESNET, RN_BACKBONE_MOBILENET_V2};
    const char *path = fuzz_file(data, size);
    rn_donor donor;
    memset(&donor, 0x55, sizeof donor);
    if (!fuzz_read(rn_donor_open(&donor, path), path)) {
        FUZZ_CHECK(memcmp(&donor, &empty, sizeof donor) == 0);
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        rn_model_config config = a_network(backbones[i]);
        const rn_status status = rn_donor_adapt(&config, &donor, none_given, NULL);
        /* RN_EINVAL: for another network than this */
        if (status != RN_EINVAL && fuzz_read(status, path)) load(&donor, &config);
        rn_model_config_free(&config);
    }
    rn_donor_close(&donor);
    return 0;
}

void fuzz_repair(uint8_t *data, size_t size) {
    fuzz_repair_header(data, size);
}
