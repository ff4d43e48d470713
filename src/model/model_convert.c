#include "base/memory.h"
#include "model/network.h"
#include "model/onnx.h"
#include "model/weights.h"

#include <math.h>
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

/* A model with all that a file made of it needs. */
typedef struct source {
    rn_model_file file;
    rn_network network;
    real *weights;
    rn_safetensors_writer writer; /* metadata and parameters, in the graph's order */
} source;

static void close_source(source *s) {
    rn_safetensors_writer_free(&s->writer);
    free(s->weights);
    rn_network_free(&s->network);
    rn_model_file_close(&s->file);
}

/* Closed by the caller, whatever comes. */
static rn_status open_source(source *s, const char *path, const char *const *set) {
    const rn_graph *graph = &s->network.graph;
    RN_TRY(rn_model_file_open(&s->file, path));
    RN_TRY(rn_model_config_set(&s->file.config, set));
    RN_TRY(rn_network_build(&s->network, &s->file.config));
    const char *prefix = rn_weights_prefix(&s->file.tensors, graph);
    /* Before memory is asked for: a small file may claim a huge network. */
    RN_TRY(rn_model_file_check(&s->file, graph, prefix, false));
    RN_TRY(rn_alloc(&s->weights, graph->n_stored, sizeof *s->weights));
    RN_TRY(rn_model_file_load(&s->file, s->weights, graph, prefix, false));
    RN_TRY(rn_model_add_metadata(&s->writer, &s->file.config));
    return rn_weights_add(&s->writer, s->weights, graph, "", false);
}

rn_status rn_model_convert(const char *in, const char *out, rn_weight_type type,
                           const char *const *set) {
    source s = {0};
    rn_status status = open_source(&s, in, set);
    if (status == RN_OK && type == RN_WEIGHTS_HALF)
        status = use_halves(&s.writer, &s.network.graph, in);
    if (status == RN_OK) status = rn_safetensors_save(&s.writer, out);
    close_source(&s);
    return status;
}

rn_status rn_model_to_onnx(const char *in, const char *out, const char *const *set) {
    source s = {0};
    rn_status status = open_source(&s, in, set);
    if (status == RN_OK) status = rn_onnx_save(out, &s.network, &s.file.config, s.writer.entries);
    close_source(&s);
    return status;
}
