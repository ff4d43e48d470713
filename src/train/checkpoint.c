#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "train/trainer.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- position and data as text ---- */

enum { POSITION_FIELDS = 10 };

/* As decimals that read back as the same bits, whatever the host program's locale. */
static rn_status position_to_text(char **out, const rn_position *p) {
    char number[6][32];
    const double values[] = {p->best_ap, p->best_ap50, p->sum_cls,
                             p->sum_box, p->sum_norm,  p->sum_positives};
    for (size_t i = 0; i < 6; i++) rn_format_double(number[i], values[i]);
    return rn_asprintf(out, "%" PRIu64 " %" PRIu64 " %d %" PRIu64 " %s %s %s %s %s %s", p->step,
                       p->best_step, (int)p->finished, p->sum_steps, number[0], number[1],
                       number[2], number[3], number[4], number[5]);
}

static bool parse_position(rn_position *p, const char *text) {
    double values[POSITION_FIELDS];
    for (int i = 0; i < POSITION_FIELDS; i++) {
        const size_t size = strcspn(text, " ");
        const bool last = i == POSITION_FIELDS - 1;
        if (!rn_parse_double(&values[i], text, size) || (text[size] == '\0') != last) return false;
        text += size + 1;
    }
    for (int i = 0; i < 4; i++) /* counts: exact in a double up to 2^53 */
        if (!(values[i] >= 0 && values[i] <= 0x1p53)) return false;
    p->step = (uint64_t)values[0];
    p->best_step = (uint64_t)values[1];
    p->finished = values[2] != 0;
    p->sum_steps = (uint64_t)values[3];
    p->best_ap = values[4];
    p->best_ap50 = values[5];
    p->sum_cls = values[6];
    p->sum_box = values[7];
    p->sum_norm = values[8];
    p->sum_positives = values[9];
    return true;
}

static rn_status position_from_text(rn_position *p, const char *text, const char *path) {
    if (text && parse_position(p, text)) return RN_OK;
    return rn_fail(
        RN_EINPUT,
        "%s: offset 8: no checkpoint of a training run (best.safetensors cannot be resumed)", path);
}

/* What a set is, in a line: counts and a checksum over names and boxes. */
static rn_status describe_set(char **out, const rn_dataset *set) {
    uint32_t crc = 0;
    for (size_t i = 0; i < set->n_records; i++)
        crc = rn_crc32(crc, set->records[i].file, strlen(set->records[i].file));
    for (size_t i = 0; i < set->n_objects; i++) {
        const rn_object *o = &set->objects[i];
        const double box[] = {o->x, o->y, o->w, o->h, (double)o->label, (double)o->crowd};
        crc = rn_crc32(crc, box, sizeof box);
    }
    for (size_t i = 0; i < set->n_classes; i++)
        crc = rn_crc32(crc, set->class_names[i], strlen(set->class_names[i]));
    return rn_asprintf(out, "%zu pictures, %zu boxes, %zu classes, checksum %08" PRIx32,
                       set->n_records, set->n_objects, set->n_classes, crc);
}

/* Numbers with every bit; "" for none. */
static rn_status numbers_to_text(char **out, const double *numbers, size_t n) {
    RN_TRY(rn_strdup(out, ""));
    for (size_t i = 0; i < n; i++) {
        char number[32], *longer = NULL;
        rn_format_double(number, numbers[i]);
        RN_TRY(rn_asprintf(&longer, "%s%s%s", *out, i ? " " : "", number));
        free(*out);
        *out = longer;
    }
    return RN_OK;
}

/* n numbers, none of them negative; `text` may be NULL, which is wrong unless n is 0. */
static rn_status numbers_from_text(double *numbers, size_t n, const char *text, const char *key,
                                   const char *path) {
    for (size_t i = 0; i < n; i++) {
        const size_t size = text ? strcspn(text, " ") : 0;
        if (!text || !rn_parse_double(&numbers[i], text, size) ||
            (text[size] == '\0') != (i == n - 1) || !(numbers[i] >= 0))
            return rn_fail(RN_EINPUT, "%s: offset 8: \"%s\": want %zu numbers", path, key, n);
        text += size + 1;
    }
    return RN_OK;
}

/* rn_position.sum_levels is so many numbers. */
enum { LEVEL_SUMS = RN_LEVELS * sizeof(rn_level_losses) / sizeof(double) };
_Static_assert(sizeof(rn_level_losses) == 7 * sizeof(double), "numbers alone");

/* ---- writing ---- */

static rn_status add_metadata(rn_safetensors_writer *w, const rn_trainer *t) {
    char *options = NULL, *position = NULL, *train = NULL, *val = NULL, *state = NULL;
    char *levels = NULL;
    size_t n;
    rn_status status;
    if ((status = rn_model_add_metadata(w, &t->config)) != RN_OK) goto done;
    if ((status = rn_safetensors_add_metadata(w, "data", t->data)) != RN_OK) goto done;
    if ((status = rn_train_options_to_json(&options, &t->options)) != RN_OK) goto done;
    if ((status = rn_safetensors_add_metadata(w, "options", options)) != RN_OK) goto done;
    if ((status = position_to_text(&position, &t->position)) != RN_OK) goto done;
    if ((status = rn_safetensors_add_metadata(w, "position", position)) != RN_OK) goto done;
    if ((status = describe_set(&train, &t->train)) != RN_OK) goto done;
    if ((status = rn_safetensors_add_metadata(w, "train_set", train)) != RN_OK) goto done;
    if ((status = describe_set(&val, &t->val)) != RN_OK) goto done;
    if ((status = rn_safetensors_add_metadata(w, "val_set", val)) != RN_OK) goto done;
    status = numbers_to_text(&levels, (const double *)t->position.sum_levels, LEVEL_SUMS);
    if (status != RN_OK) goto done;
    if ((status = rn_safetensors_add_metadata(w, "level_sums", levels)) != RN_OK) goto done;
    const double *remembered = rn_criterion_state(t->step.criterion, &n);
    if ((status = numbers_to_text(&state, remembered, n)) != RN_OK) goto done;
    if (state[0]) status = rn_safetensors_add_metadata(w, "loss_state", state);
done:
    free(state);
    free(levels);
    free(options);
    free(position);
    free(train);
    free(val);
    return status;
}

rn_status rn_checkpoint_save(const rn_trainer *t) {
    const rn_graph *graph = &t->network.graph;
    const rn_optimizer *o = &t->step.optimizer;
    rn_safetensors_writer w = {0};
    char *path = NULL;
    rn_status status;
    if ((status = add_metadata(&w, t)) != RN_OK) goto done;
    if ((status = rn_weights_add(&w, t->weights, graph, "", false)) != RN_OK) goto done;
    if (o->ema && (status = rn_weights_add(&w, o->ema, graph, "ema.", false)) != RN_OK) goto done;
    if ((status = rn_weights_add(&w, o->velocity, graph, "velocity.", true)) != RN_OK) goto done;
    if (o->square && (status = rn_weights_add(&w, o->square, graph, "square.", true)) != RN_OK)
        goto done;
    if ((status = rn_run_path(&path, &t->folder, "last.safetensors")) != RN_OK) goto done;
    status = rn_safetensors_save(&w, path);
done:
    free(path);
    rn_safetensors_writer_free(&w);
    return status;
}

rn_status rn_args_save(const rn_trainer *t) {
    char *options = NULL, *config = NULL, *data = NULL, *text = NULL, *path = NULL;
    rn_status status;
    if ((status = rn_train_options_to_json(&options, &t->options)) != RN_OK) goto done;
    if ((status = rn_model_config_to_json(&config, &t->config)) != RN_OK) goto done;
    if ((status = rn_json_quote(&data, t->data)) != RN_OK) goto done;
    status = rn_asprintf(
        &text, "{\n\"version\": \"%s\",\n\"data\": %s,\n\"options\": %s,\n\"model\": %s\n}\n",
        RN_VERSION, data, options, config);
    if (status != RN_OK) goto done;
    if ((status = rn_run_path(&path, &t->folder, "args.json")) != RN_OK) goto done;
    status = rn_file_write(path, text, strlen(text));
done:
    free(options);
    free(config);
    free(data);
    free(text);
    free(path);
    return status;
}

/* ---- reading ---- */

rn_status rn_checkpoint_open(rn_model_file *file, rn_trainer *t) {
    char *path = NULL, *name = NULL; /* of the options, for messages */
    RN_TRY(rn_run_path(&path, &t->folder, "last.safetensors"));
    rn_status status = rn_model_file_open(file, path);
    if (status != RN_OK) goto done;
    const char *data = rn_tensor_file_metadata(&file->tensors, "data");
    const char *options = rn_tensor_file_metadata(&file->tensors, "options");
    const char *levels = rn_tensor_file_metadata(&file->tensors, "level_sums");
    status =
        position_from_text(&t->position, rn_tensor_file_metadata(&file->tensors, "position"), path);
    if (status != RN_OK) goto done;
    if (levels) /* an older version has none */
        status = numbers_from_text((double *)t->position.sum_levels, LEVEL_SUMS, levels,
                                   "level_sums", path);
    if (status != RN_OK) goto done;
    if (!data || !options) {
        status =
            rn_fail(RN_EINPUT, "%s: offset 8: the metadata lack \"data\" or \"options\"", path);
        goto done;
    }
    if ((status = rn_asprintf(&name, "%s: __metadata__ options", path)) != RN_OK) goto done;
    if ((status = rn_train_options_from_json(&t->options, options, name)) != RN_OK) goto done;
    /* --max-steps and --time belong to the call that stopped, not to the run. */
    t->options.max_steps = 0;
    t->options.time = 0;
    if ((status = rn_strdup(&t->data, data)) != RN_OK) goto done;
    status = rn_model_config_copy(&t->config, &file->config);
done:
    free(name);
    free(path);
    return status;
}

/* *text = "" where the set is what it was, else both as they are. */
static rn_status compare_set(char **text, const rn_dataset *set, const rn_model_file *file,
                             const char *key) {
    const char *was = rn_tensor_file_metadata(&file->tensors, key);
    char *is = NULL;
    RN_TRY(describe_set(&is, set));
    const rn_status status = was && strcmp(was, is) == 0 ? rn_strdup(text, "")
                                                         : rn_asprintf(text, "; %s was: %s; is: %s",
                                                                       key, was ? was : "?", is);
    free(is);
    return status;
}

rn_status rn_checkpoint_check_data(const rn_trainer *t, const rn_model_file *file) {
    char *train = NULL, *val = NULL;
    rn_status status;
    if ((status = compare_set(&train, &t->train, file, "train_set")) != RN_OK) goto done;
    if ((status = compare_set(&val, &t->val, file, "val_set")) != RN_OK) goto done;
    if (train[0] || val[0])
        status = rn_fail(RN_EINVAL, "%s: the data have changed%s%s", file->path, train, val);
done:
    free(train);
    free(val);
    return status;
}

rn_status rn_checkpoint_load(rn_trainer *t, rn_model_file *file) {
    const rn_graph *graph = &t->network.graph;
    rn_optimizer *o = &t->step.optimizer;
    RN_TRY(rn_model_file_load(file, t->weights, graph, "", false));
    size_t n;
    double *remembered = rn_criterion_state(t->step.criterion, &n);
    RN_TRY(numbers_from_text(remembered, n, rn_tensor_file_metadata(&file->tensors, "loss_state"),
                             "loss_state", file->path));
    if (o->ema) RN_TRY(rn_model_file_load(file, o->ema, graph, "ema.", false));
    if (o->square) RN_TRY(rn_model_file_load(file, o->square, graph, "square.", true));
    return rn_model_file_load(file, o->velocity, graph, "velocity.", true);
}
