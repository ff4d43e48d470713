#include "base/memory.h"
#include "model/network.h"
#include "model/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Store the weights of convolutions as binary16: biases and norms, a hundredth of the bytes, stay
 * exact. RN_EINPUT names the first number that would become infinite. */
static rn_status use_halves(rn_safetensors_writer *writer, const rn_graph *graph,
                            const char *path) {
    for (size_t i = 0; i < graph->n_params; i++) {
        const rn_param *param = &graph->params[i];
        if (param->kind != RN_PARAM_CONV_WEIGHT) continue;
        for (size_t k = 0; k < param->count; k++) {
            const double value = (double)writer->entries[i].data[k];
            if (fabs(value) >= 65520)
                return rn_fail(RN_EINPUT,
                               "%s: tensor %s: too large for half precision (got %g, want below "
                               "65520)",
                               path, param->name, value);
        }
        writer->entries[i].dtype = RN_F16;
    }
    return RN_OK;
}

/* What a run would use: the average of the weights where a checkpoint has one. */
static const char *prefix_to_use(const rn_model_file *file, const rn_graph *graph) {
    char name[RN_PARAM_NAME + 32];
    snprintf(name, sizeof name, "ema.%s", graph->params[0].name);
    return rn_safetensors_find(&file->tensors, name) ? "ema." : "";
}

rn_status rn_model_convert(const char *in, const char *out, rn_weight_type type) {
    rn_model_file file;
    rn_network network = {0};
    rn_safetensors_writer writer = {0};
    real *weights = NULL;
    rn_status status;
    RN_TRY(rn_model_file_open(&file, in));
    if ((status = rn_network_build(&network, &file.config)) != RN_OK) goto done;
    const rn_graph *graph = &network.graph;
    const char *prefix = prefix_to_use(&file, graph);
    /* Before memory is asked for: a small file may claim a huge network. */
    if ((status = rn_model_file_check(&file, graph, prefix, false)) != RN_OK) goto done;
    if ((status = rn_alloc(&weights, graph->n_stored, sizeof *weights)) != RN_OK) goto done;
    if ((status = rn_model_file_load(&file, weights, graph, prefix, false)) != RN_OK) goto done;
    if ((status = rn_model_add_metadata(&writer, &file.config)) != RN_OK) goto done;
    if ((status = rn_weights_add(&writer, weights, graph, "", false)) != RN_OK) goto done;
    if (type == RN_WEIGHTS_HALF && (status = use_halves(&writer, graph, in)) != RN_OK) goto done;
    status = rn_safetensors_save(&writer, out);
done:
    rn_safetensors_writer_free(&writer);
    free(weights);
    rn_network_free(&network);
    rn_model_file_close(&file);
    return status;
}
