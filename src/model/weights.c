#include "model/weights.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LISTED = 10 }; /* faults in one message */

static const char *const format_prefix = "retinanet-c ";

void rn_model_file_close(rn_model_file *file) {
    rn_tensor_file_close(&file->tensors);
    rn_model_config_free(&file->config);
    free(file->path);
    *file = (rn_model_file){0};
}

rn_status rn_model_format(bool *is_model, const rn_tensor_file *file, const char *path) {
    const char *format = rn_tensor_file_metadata(file, "format");
    *is_model = format && strncmp(format, format_prefix, strlen(format_prefix)) == 0;
    if (!*is_model) return RN_OK;
    const char *digits = format + strlen(format_prefix);
    char *end;
    const long version = strtol(digits, &end, 10);
    if (version < 1 || version > RN_FORMAT_VERSION || *end != '\0')
        return rn_fail(RN_EINPUT, "%s: offset 8: format version %s, this program knows up to %d",
                       path, digits, RN_FORMAT_VERSION);
    return RN_OK;
}

rn_status rn_model_read_config(rn_model_config *out, bool *is_model, const rn_tensor_file *file,
                               const char *path) {
    const char *config = rn_tensor_file_metadata(file, "config");
    char *name = NULL; /* of the configuration: its offsets count from its own start */
    *out = (rn_model_config){0};
    RN_TRY(rn_model_format(is_model, file, path));
    if (!*is_model) return RN_OK;
    if (!config) return rn_fail(RN_EINPUT, "%s: offset 8: the metadata lack \"config\"", path);
    RN_TRY(rn_asprintf(&name, "%s: __metadata__ config", path));
    rn_status status = rn_model_config_from_json(out, config, name, NULL, NULL);
    if (status == RN_OK && out->n_classes == 0)
        status = rn_fail(RN_EINPUT, "%s: names no class", name);
    free(name);
    return status;
}

/* Neither its metadata nor its tensors tell. */
static rn_status unknown(const rn_model_file *file) {
    if (file->tensors.torch)
        return rn_fail(RN_EINPUT, "%s: its %zu tensors are those of no model known here",
                       file->path, file->tensors.n_tensors);
    return rn_fail(
        RN_EINPUT,
        "%s: offset 8: no model of this program (its metadata lack \"format\": \"%s%d\")",
        file->path, format_prefix, RN_FORMAT_VERSION);
}

rn_status rn_model_file_open(rn_model_file *out, const char *path) {
    rn_model_file file = {0};
    bool is_model;
    rn_status status;
    *out = file;
    if ((status = rn_strdup(&file.path, path)) != RN_OK) goto done;
    if ((status = rn_tensor_file_open(&file.tensors, path)) != RN_OK) goto done;
    status = rn_model_read_config(&file.config, &is_model, &file.tensors, path);
    if (status != RN_OK || is_model) goto done;
    status = rn_model_recognise(&file.config, &file.guessed, &file.tensors);
    if (status == RN_OK && !file.guessed) status = unknown(&file);
done:
    if (status == RN_OK)
        *out = file;
    else
        rn_model_file_close(&file);
    return status;
}

/* ---- reading ---- */

/* The file's dims of a parameter: [out, in, kernel, kernel] or [out]. */
static int file_dims(size_t dims[4], const rn_param *param) {
    dims[0] = (size_t)param->out;
    dims[1] = (size_t)param->in;
    dims[2] = dims[3] = (size_t)param->kernel;
    return param->kind == RN_PARAM_CONV_WEIGHT ? 4 : 1;
}

bool rn_weights_fit(const rn_tensor *tensor, const rn_param *param) {
    size_t dims[4];
    const int n = file_dims(dims, param);
    return tensor->n_dims == n && memcmp(tensor->dims, dims, (size_t)n * sizeof *dims) == 0;
}

rn_status rn_weights_read(real *block, real *scratch, const rn_tensor *tensor,
                          const rn_param *param, const char *path) {
    const size_t in = (size_t)param->in, taps = (size_t)param->kernel * (size_t)param->kernel;
    real *weight = block + param->offset;
    if (!rn_tensor_reals(scratch, tensor))
        return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %s: dtype %s holds no weights", path,
                       tensor->offset, tensor->name, rn_dtype_name(tensor->dtype));
    for (size_t i = 0; i < param->count; i++) {
        if (!isfinite(scratch[i]))
            return rn_fail(RN_EINPUT, "%s: offset %zu: tensor %s: number %zu is not finite", path,
                           tensor->offset +
                               rn_tensor_place(tensor, i) * rn_dtype_size(tensor->dtype),
                           tensor->name, i);
        const size_t tap = i % taps, channel = i / taps % in,
                     out = i / (taps * in); /* as the file counts */
        weight[(out * taps + tap) * in + channel] = scratch[i];
    }
    return RN_OK;
}

const char *rn_weights_prefix(const rn_tensor_file *file, const rn_graph *graph) {
    char name[RN_PARAM_NAME + 32];
    snprintf(name, sizeof name, "ema.%s", graph->params[0].name);
    return rn_tensor_file_find(file, name) ? "ema." : "";
}

/* All faults of shape or presence in one text. */
rn_status rn_model_file_check(const rn_model_file *file, const rn_graph *graph, const char *prefix,
                              bool trained_only) {
    char text[900] = "";
    int faults = 0;
    for (size_t i = 0; i < graph->n_params; i++) {
        const rn_param *param = &graph->params[i];
        char name[RN_PARAM_NAME + 32];
        if (trained_only && !param->trained) continue;
        snprintf(name, sizeof name, "%s%s", prefix, param->name);
        const rn_tensor *tensor = rn_tensor_file_find(&file->tensors, name);
        if (tensor && rn_weights_fit(tensor, param)) continue;
        const size_t used = strlen(text);
        if (faults++ < MAX_LISTED)
            snprintf(text + used, sizeof text - used, "%s%s %s", used ? ", " : "", name,
                     tensor ? "has another shape" : "is missing");
    }
    if (faults == 0) return RN_OK;
    return rn_fail(RN_EINPUT, "%s: %d tensors do not fit: %s%s", file->path, faults, text,
                   faults > MAX_LISTED ? ", ..." : "");
}

rn_status rn_model_file_load(rn_model_file *file, real *block, const rn_graph *graph,
                             const char *prefix, bool trained_only) {
    real *scratch = NULL;
    size_t most = 1;
    rn_status status = RN_OK;
    RN_TRY(rn_model_file_check(file, graph, prefix, trained_only));
    for (size_t i = 0; i < graph->n_params; i++)
        if (graph->params[i].count > most) most = graph->params[i].count;
    RN_TRY(rn_alloc_unset(&scratch, most, sizeof *scratch));
    for (size_t i = 0; i < graph->n_params && status == RN_OK; i++) {
        const rn_param *param = &graph->params[i];
        char name[RN_PARAM_NAME + 32];
        if (trained_only && !param->trained) continue;
        snprintf(name, sizeof name, "%s%s", prefix, param->name);
        const rn_tensor *tensor = rn_tensor_file_find(&file->tensors, name);
        status = rn_weights_read(block, scratch, tensor, param, file->path);
        rn_tensor_file_remove(&file->tensors, tensor);
    }
    free(scratch);
    return status;
}

void rn_weights_extra(char text[RN_EXTRA_TEXT], const rn_tensor_file *file, const rn_graph *graph) {
    static const char *const blocks[] = {"", "ema.", "velocity.", "square."};
    enum { MAX_NAMED = 5 };
    char names[RN_EXTRA_TEXT - 80] = "";
    size_t n = 0;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const char *name = file->tensors[i].name;
        const size_t used = strlen(names);
        bool known = false;
        for (size_t k = 0; k < sizeof blocks / sizeof *blocks && !known; k++)
            known = strncmp(name, blocks[k], strlen(blocks[k])) == 0 &&
                    rn_graph_param(graph, name + strlen(blocks[k]));
        if (!known && n++ < MAX_NAMED)
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
    }
    text[0] = '\0';
    if (n > 0)
        snprintf(text, RN_EXTRA_TEXT, "%zu tensors have no place in this network: %s%s", n, names,
                 n > MAX_NAMED ? ", ..." : "");
}

/* ---- writing ---- */

rn_status rn_weights_add(rn_safetensors_writer *writer, const real *block, const rn_graph *graph,
                         const char *prefix, bool trained_only) {
    for (size_t i = 0; i < graph->n_params; i++) {
        const rn_param *param = &graph->params[i];
        rn_tensor_entry entry = {.dtype = RN_F32, .data = block + param->offset};
        if (trained_only && !param->trained) continue;
        snprintf(entry.name, sizeof entry.name, "%s%s", prefix, param->name);
        entry.n_dims = file_dims(entry.dims, param);
        entry.permuted = entry.n_dims == 4;
        RN_TRY(rn_safetensors_add(writer, &entry));
    }
    return RN_OK;
}

rn_status rn_model_add_metadata(rn_safetensors_writer *writer, const rn_model_config *config) {
    char format[32], *json = NULL;
    snprintf(format, sizeof format, "%s%d", format_prefix, RN_FORMAT_VERSION);
    RN_TRY(rn_safetensors_add_metadata(writer, "format", format));
    RN_TRY(rn_model_config_to_json(&json, config));
    const rn_status status = rn_safetensors_add_metadata(writer, "config", json);
    free(json);
    return status;
}

rn_status rn_model_save(const char *path, const rn_model_config *config, const rn_graph *graph,
                        const real *weights) {
    rn_safetensors_writer writer = {0};
    rn_status status;
    if ((status = rn_model_add_metadata(&writer, config)) != RN_OK) goto done;
    if ((status = rn_weights_add(&writer, weights, graph, "", false)) != RN_OK) goto done;
    status = rn_safetensors_save(&writer, path);
done:
    rn_safetensors_writer_free(&writer);
    return status;
}
