/* A model file's score threshold replaced; every other byte of content stays. */
#include "model/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static rn_status add_tensor(rn_safetensors_writer *writer, const rn_tensor *tensor,
                            const char *path) {
    rn_tensor_entry entry = {.dtype = tensor->dtype, .n_dims = tensor->n_dims, .raw = tensor->data};
    if (strlen(tensor->name) >= sizeof entry.name)
        return rn_fail(RN_EINPUT, "%s: tensor name is too long (got %zu bytes, want at most %zu)",
                       path, strlen(tensor->name), sizeof entry.name - 1);
    strcpy(entry.name, tensor->name);
    memcpy(entry.dims, tensor->dims, sizeof entry.dims);
    return rn_safetensors_add(writer, &entry);
}

/* What a checkpoint says besides the configuration: its position and the like. */
static rn_status add_other_metadata(rn_safetensors_writer *writer, const rn_tensor_file *file) {
    static const char *const written[] = {"crc32", "format", "config"};
    for (size_t i = 0; i < file->n_metadata; i++) {
        bool other = true;
        for (size_t k = 0; k < sizeof written / sizeof *written; k++)
            other = other && strcmp(file->metadata[i].key, written[k]) != 0;
        if (other)
            RN_TRY(rn_safetensors_add_metadata(writer, file->metadata[i].key,
                                               file->metadata[i].value));
    }
    return RN_OK;
}

rn_status rn_model_set_show_threshold(const char *path, double score) {
    rn_model_file model = {0};
    rn_safetensors_writer writer = {0};
    rn_status status;
    if (!(score >= 0 && score <= 1))
        return rn_fail(RN_EINVAL, "score threshold (got %g, want 0..1)", score);
    RN_TRY(rn_model_file_open(&model, path));
    const rn_tensor_file *file = &model.tensors;
    if (file->torch) {
        status =
            rn_fail(RN_EINPUT, "%s: torch.save's file keeps no threshold: convert it first", path);
        goto done;
    }
    model.config.show_threshold = score;
    if ((status = rn_model_add_metadata(&writer, &model.config)) != RN_OK ||
        (status = add_other_metadata(&writer, file)) != RN_OK)
        goto done;
    for (size_t i = 0; i < file->n_tensors && status == RN_OK; i++)
        status = add_tensor(&writer, &file->tensors[i], path);
    if (status == RN_OK) status = rn_safetensors_save(&writer, path);
done:
    rn_safetensors_writer_free(&writer);
    rn_model_file_close(&model);
    return status;
}
