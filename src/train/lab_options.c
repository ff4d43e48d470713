#include "train/lab_options.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/weights.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARGS = 16 << 20 }; /* bytes of an args.json */

/* The member "options" of an args.json. */
static rn_status read_args(rn_train_options *out, const char *path) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    char *text = NULL;
    rn_status status;
    RN_TRY(rn_file_read(&bytes, &size, path, MAX_ARGS));
    errno = 0; /* the only trace of a want of memory */
    cJSON *root = cJSON_ParseWithLength((const char *)bytes, size);
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(root, "options");
    if (!cJSON_IsObject(options)) {
        status = errno == ENOMEM ? rn_fail(RN_ENOMEM, "%s: no memory for the options", path)
                                 : rn_fail(RN_EINPUT, "%s: no JSON with \"options\"", path);
        goto done;
    }
    text = cJSON_PrintUnformatted(options);
    status = text ? rn_train_options_from_json(out, text, path)
                  : rn_fail(RN_ENOMEM, "%s: no memory for the options", path);
done:
    cJSON_free(text);
    cJSON_Delete(root);
    free(bytes);
    return status;
}

/* What a checkpoint says of itself; *found is false for any other file. */
static rn_status read_checkpoint(rn_train_options *out, bool *found, const char *path) {
    rn_model_file file = {0};
    RN_TRY(rn_model_file_open(&file, path));
    const char *options = rn_tensor_file_metadata(&file.tensors, "options");
    const rn_status status = options ? rn_train_options_from_json(out, options, path) : RN_OK;
    *found = options != NULL;
    rn_model_file_close(&file);
    return status;
}

/* What train would take for a loss of that scoring. */
static rn_train_options defaults_of(rn_scoring scoring) {
    rn_train_options options = rn_train_options_defaults();
    for (int kind = RN_LOSS_KINDS - 1; kind >= 0; kind--)
        if (rn_loss_info_of((rn_loss_kind)kind)->scoring == scoring) options.loss = kind;
    return options;
}

static rn_status read_run(rn_train_options *out, const char *path, rn_scoring scoring) {
    char *folder = NULL, *args = NULL;
    bool found = false;
    rn_status status;
    *out = defaults_of(scoring);
    if ((status = read_checkpoint(out, &found, path)) != RN_OK) return status;
    if (!found) {
        RN_TRY(rn_path_parent(&folder, path));
        if ((status = rn_path_join(&args, folder, "args.json")) == RN_OK && rn_path_exists(args)) {
            status = read_args(out, args);
            found = true;
        }
        free(folder);
        free(args);
    }
    /* What the run has decided stands. */
    if (found) memset(out->by_preset, true, sizeof out->by_preset);
    return status;
}

static rn_status set_text(rn_train_options *options, const char *text) {
    const char *equals = strchr(text, '=');
    char *name = NULL;
    if (!equals) return rn_fail(RN_EINVAL, "%s: want OPTION=VALUE", text);
    RN_TRY(rn_strdup(&name, text));
    name[equals - text] = '\0';
    rn_status status = rn_train_options_set(options, name, equals + 1);
    if (status == RN_OK && options->n_overrides > 0)
        status = rn_fail(RN_EINVAL, "%s: an option of the model, not of its loss", name);
    free(name);
    return status;
}

rn_status rn_lab_train_options(rn_train_options *out, const char *path, const char *const *texts,
                               rn_scoring scoring) {
    rn_status status = RN_OK;
    RN_TRY(read_run(out, path, scoring));
    for (size_t i = 0; texts && texts[i] && status == RN_OK; i++) status = set_text(out, texts[i]);
    if (status == RN_OK) status = rn_train_options_reset_loss(out, scoring);
    rn_train_options_clear(out);
    return status;
}
