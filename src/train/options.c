#include "train/options.h"
#include "base/memory.h"
#include "base/number.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static const char *const choices_loss[] = {
#define X(constant, name, ...) name,
    RN_LOSS_LIST(X)
#undef X
        NULL};
static const char *const choices_alpha[] = {"none", "auto", NULL};          /* RN_ALPHA_NONE, ... */
static const char *const choices_slope_floor_background[] = {"auto", NULL}; /* RN_FLOOR_AUTO */
static const char *const choices_box_loss[] = {"smooth_l1", "giou", NULL};  /* rn_box_loss */
static const char *const choices_optimizer[] = {"sgd", "adamw", NULL};      /* rn_optimizer_kind */
/* rn_isa */
static const char *const choices_isa[] = {"best", "plain", "avx2", "avx512", NULL};
static const char *const choices_schedule[] = {"cosine", "step", NULL}; /* rn_schedule_kind */

#define AT(name) offsetof(rn_train_options, name), sizeof(((rn_train_options *)0)->name)
static const rn_field fields[] = {
#define INT(name, initial, low, high, text)                                                        \
    {#name, RN_FIELD_INT, AT(name), 0, low, high, NULL, text},
#define REAL(name, initial, low, high, text)                                                       \
    {#name, RN_FIELD_DOUBLE, AT(name), 0, low, high, NULL, text},
#define NAMED(name, initial, low, high, text)                                                      \
    {#name, RN_FIELD_DOUBLE, AT(name), 0, low, high, choices_##name, text},
#define BOOL(name, initial, text)   {#name, RN_FIELD_BOOL, AT(name), 0, 0, 1, NULL, text},
#define TEXT(name, initial, text)   {#name, RN_FIELD_TEXT, AT(name), 0, 0, 0, NULL, text},
#define SEED(name, initial, text)   {#name, RN_FIELD_UINT64, AT(name), 0, 0, 0x1p53, NULL, text},
#define CHOICE(name, initial, text) {#name, RN_FIELD_ENUM, AT(name), 0, 0, 0, choices_##name, text},
    RN_TRAIN_OPTION_LIST(INT, REAL, NAMED, BOOL, TEXT, SEED, CHOICE)
#undef INT
#undef REAL
#undef NAMED
#undef BOOL
#undef TEXT
#undef SEED
#undef CHOICE
};
enum { N_FIELDS = sizeof fields / sizeof *fields };
_Static_assert(N_FIELDS <= sizeof((rn_train_options *)0)->given, "room for every field");

rn_train_options rn_train_options_defaults(void) {
    return (rn_train_options){
#define FIELD(name, initial, ...) .name = initial,
        RN_TRAIN_OPTION_LIST(FIELD, FIELD, FIELD, FIELD, FIELD, FIELD, FIELD)
#undef FIELD
    };
}

/* ---- the public part ---- */

rn_status rn_train_options_create(rn_train_options **out) {
    RN_TRY(rn_alloc(out, 1, sizeof **out));
    **out = rn_train_options_defaults();
    return RN_OK;
}

void rn_train_options_clear(rn_train_options *options) {
    for (size_t i = 0; i < options->n_overrides; i++) {
        free(options->overrides[i].key);
        free(options->overrides[i].value);
    }
    free(options->overrides);
    options->overrides = NULL;
    options->n_overrides = options->cap_overrides = 0;
}

void rn_train_options_free(rn_train_options *options) {
    if (!options) return;
    rn_train_options_clear(options);
    free(options);
}

static rn_status add_override(rn_train_options *o, const char *key, const char *value) {
    RN_TRY(rn_reserve(&o->overrides, &o->cap_overrides, o->n_overrides + 1, sizeof *o->overrides));
    struct rn_override *entry = &o->overrides[o->n_overrides++];
    *entry = (struct rn_override){0};
    RN_TRY(rn_strdup(&entry->key, key));
    return rn_strdup(&entry->value, value);
}

rn_status rn_train_options_copy(rn_train_options *out, const rn_train_options *options) {
    *out = *options;
    out->overrides = NULL;
    out->n_overrides = out->cap_overrides = 0;
    for (size_t i = 0; i < options->n_overrides; i++)
        RN_TRY(add_override(out, options->overrides[i].key, options->overrides[i].value));
    return RN_OK;
}

/* "30m", "1.5h", "90s" or "90": seconds as text. False leaves the value as it is. */
static bool seconds_text(char out[32], const char *value) {
    const size_t n = strlen(value);
    double unit = 1, number;
    if (n < 2) return false;
    if (value[n - 1] == 'm')
        unit = 60;
    else if (value[n - 1] == 'h')
        unit = 3600;
    else if (value[n - 1] != 's')
        return false;
    if (!rn_parse_double(&number, value, n - 1) || !isfinite(number * unit)) return false;
    rn_format_double(out, number * unit);
    return true;
}

static rn_status unknown(const char *name) {
    size_t n;
    const rn_field *model = rn_model_config_fields(&n);
    const char *nearest = rn_field_nearest(fields, N_FIELDS, name);
    if (!nearest) nearest = rn_field_nearest(model, n, name);
    if (nearest) return rn_fail(RN_EINVAL, "unknown option %s (did you mean %s?)", name, nearest);
    return rn_fail(RN_EINVAL, "unknown option %s", name);
}

rn_status rn_train_options_set(rn_train_options *options, const char *name, const char *value) {
    const rn_field *field = rn_field_find(fields, N_FIELDS, name);
    char seconds[32];
    size_t n;
    if (field) {
        if (field->offset == offsetof(rn_train_options, time) && seconds_text(seconds, value))
            value = seconds;
        RN_TRY(rn_field_set(options, field, value));
        options->given[field - fields] = true;
        return RN_OK;
    }
    const rn_field *model = rn_model_config_fields(&n);
    field = rn_field_find(model, n, name);
    if (!field) return unknown(name);
    rn_model_config trial =
        rn_model_config_default(); /* a wrong value shows now, not when the preset is read */
    RN_TRY(rn_field_set(&trial, field, value));
    return add_override(options, field->name, value);
}

bool rn_train_options_info(rn_option_info *out, size_t index) {
    const rn_train_options defaults = rn_train_options_defaults();
    if (index >= N_FIELDS) return false;
    *out = (rn_option_info){.name = fields[index].name, .help = fields[index].help};
    if (fields[index].offset != offsetof(rn_train_options, threads)) /* its help tells */
        rn_field_format(out->initial, sizeof out->initial, &defaults, &fields[index]);
    return true;
}

/* ---- what they mean together ---- */

/* A preset's default for training: a value that the user has given stands. */
static rn_status preset_default(void *context, const char *key, const char *value) {
    rn_train_options *options = context;
    const rn_field *field = rn_field_find(fields, N_FIELDS, key);
    if (!field) return unknown(key);
    if (options->given[field - fields]) return RN_OK;
    options->by_preset[field - fields] = true;
    return rn_field_set(options, field, value);
}

static rn_status check_ious(const rn_train_options *o) {
    if (o->background_iou <= o->foreground_iou) return RN_OK;
    return rn_fail(RN_EINVAL, "background_iou: got %g, want at most foreground_iou (%g)",
                   o->background_iou, o->foreground_iou);
}

rn_status rn_train_options_loss(rn_model_config *model, rn_train_options *o) {
    const rn_loss_kind kind = (rn_loss_kind)o->loss;
    const rn_loss_info *loss = rn_loss_info_of(kind);
    for (size_t i = 0; i < N_FIELDS; i++) {
        const bool own = rn_loss_has_parameter(kind, fields[i].name);
        if (o->given[i] && !own && rn_loss_is_parameter(fields[i].name))
            return rn_fail(RN_EINVAL, "%s: the loss %s has none (its parameters: %s)",
                           fields[i].name, loss->name,
                           loss->parameters[0] ? loss->parameters : "-");
        if ((o->given[i] || o->by_preset[i]) && own) continue;
        if (fields[i].offset == offsetof(rn_train_options, gamma)) o->gamma = loss->gamma;
        if (fields[i].offset == offsetof(rn_train_options, alpha)) o->alpha = loss->alpha;
    }
    model->scoring = (int)loss->scoring;
    if (o->alpha == RN_ALPHA_AUTO && loss->scoring != RN_SCORING_SIGMOID)
        return rn_fail(RN_EINVAL, "alpha: got auto, want a number or none for %s", loss->name);
    if (kind == RN_LOSS_FOCAL_STAR && o->gamma == 0)
        return rn_fail(RN_EINVAL, "gamma: got 0, want more for focal-star, which divides by it");
    return RN_OK;
}

rn_status rn_train_options_reset_loss(rn_train_options *o, rn_scoring scoring) {
    const rn_train_options defaults = rn_train_options_defaults();
    const bool another = rn_train_options_given(o, "loss");
    rn_model_config model = {0};
    for (size_t i = 0; i < N_FIELDS && another; i++) {
        const rn_field *field = &fields[i];
        if (o->given[i] || !rn_loss_is_parameter(field->name)) continue;
        memcpy((char *)o + field->offset, (const char *)&defaults + field->offset, field->size);
        o->by_preset[i] = false;
    }
    RN_TRY(rn_train_options_loss(&model, o));
    RN_TRY(check_ious(o));
    if (model.scoring == (int)scoring) return RN_OK;
    return rn_fail(RN_EINVAL, "loss: got %s, which has other scores than the model",
                   choices_loss[o->loss]);
}

bool rn_train_options_given(const rn_train_options *o, const char *name) {
    return o->given[rn_field_find(fields, N_FIELDS, name) - fields];
}

bool rn_train_options_overrides(const rn_train_options *o, const char *key) {
    for (size_t i = 0; i < o->n_overrides; i++)
        if (strcmp(o->overrides[i].key, key) == 0) return true;
    return false;
}

rn_status rn_train_options_model(rn_model_config *model, rn_train_options *options) {
    size_t n;
    const rn_field *table = rn_model_config_fields(&n);
    memset(options->by_preset, 0, sizeof options->by_preset);
    RN_TRY(rn_model_config_preset_train(model, options->preset, preset_default, options));
    if (options->size > 0) {
        if (options->size < 32)
            return rn_fail(RN_EINVAL, "size: got %d, want 32..8192", options->size);
        model->size_shorter = 0;
        model->size_longer = options->size;
    }
    for (size_t i = 0; i < options->n_overrides; i++) {
        const struct rn_override *o = &options->overrides[i];
        RN_TRY(rn_field_set(model, rn_field_find(table, n, o->key), o->value));
    }
    RN_TRY(rn_train_options_loss(model, options));
    /* Frozen statistics are those of pretrained weights; without these they would normalise
     * nothing. */
    if (model->norm == RN_NORM_FROZEN && !options->weights[0] &&
        !rn_train_options_overrides(options, "norm"))
        model->norm = RN_NORM_GROUP;
    if (options->freeze > 0 && !options->weights[0])
        return rn_fail(RN_EINVAL, "freeze: got %d without --weights: it would keep random numbers",
                       options->freeze);
    if (options->scale_min > options->scale_max)
        return rn_fail(RN_EINVAL, "scale_min: got %g, want at most scale_max (%g)",
                       options->scale_min, options->scale_max);
    RN_TRY(check_ious(options));
    return rn_model_config_check(model);
}

rn_status rn_train_options_check(const rn_train_options *options) {
    rn_train_options copy;
    rn_model_config model = rn_model_config_default();
    rn_status status = rn_train_options_copy(&copy, options);
    if (status == RN_OK) status = rn_train_options_model(&model, &copy);
    rn_train_options_clear(&copy);
    rn_model_config_free(&model);
    return status;
}

static void list_name(char *names, size_t size, const char *name) {
    const size_t used = strlen(names);
    snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

rn_status rn_train_options_resume(rn_train_options *run, const rn_train_options *given,
                                  bool finished) {
    char names[512] = ""; /* of what cannot change */
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *name = fields[i].name;
        if (!given->given[i]) continue;
        if (strcmp(name, "epochs") == 0 && finished) {
            run->extended = given->epochs > run->epochs;
            run->epochs = given->epochs;
        } else if (strcmp(name, "epochs") == 0) {
            return rn_fail(RN_EINVAL, "epochs: may change only when the run has finished");
        } else if (strcmp(name, "threads") == 0) {
            run->threads = given->threads;
        } else if (strcmp(name, "max_steps") == 0) {
            run->max_steps = given->max_steps;
        } else if (strcmp(name, "time") == 0) {
            run->time = given->time;
        } else {
            list_name(names, sizeof names, name);
        }
    }
    for (size_t i = 0; i < given->n_overrides; i++)
        list_name(names, sizeof names, given->overrides[i].key);
    if (names[0] == '\0') return RN_OK;
    return rn_fail(RN_EINVAL,
                   "%s: cannot change in a resumed run (threads, max-steps, time and epochs can)",
                   names);
}

rn_criterion_options rn_criterion_options_of(const rn_train_options *o) {
    const double floor_background = o->slope_floor_background == RN_FLOOR_AUTO
                                        ? o->slope_floor * o->prior / (1 - o->prior)
                                        : o->slope_floor_background;
    return (rn_criterion_options){
        .loss = (rn_loss_kind)o->loss,
        .focal = {.gamma = (real)o->gamma,
                  .alpha = (real)(o->alpha == RN_ALPHA_AUTO ? RN_ALPHA_NONE : o->alpha)},
        .star_beta = (real)o->star_beta,
        .poly_epsilon = (real)o->poly_epsilon,
        .slope_floor = {(real)floor_background, (real)o->slope_floor},
        .ohem = {.batch = o->ohem_batch, .nms_iou = (real)o->ohem_nms, .ratio = o->ohem_ratio},
        .ghm_bins = o->ghm_bins,
        .ghm_momentum = o->ghm_momentum,
        .box_loss = (rn_box_loss)o->box_loss,
        .beta = (real)o->beta,
        .box_weight = (real)o->box_weight,
        .matcher = {.foreground = (real)o->foreground_iou,
                    .background = (real)o->background_iou,
                    .low_quality = o->low_quality},
    };
}

rn_optimizer_options rn_optimizer_options_of(const rn_train_options *o) {
    return (rn_optimizer_options){.kind = (rn_optimizer_kind)o->optimizer,
                                  .momentum = o->momentum,
                                  .decay = o->decay,
                                  .clip = o->clip,
                                  .ema_decay = o->ema};
}

rn_loader_options rn_loader_options_of(const rn_train_options *o, const rn_model_config *config) {
    return (rn_loader_options){.batch = o->batch,
                               .seed = o->seed,
                               .shuffle = true,
                               .geometry = rn_model_config_geometry(config),
                               .augment = {.flip = (float)o->flip,
                                           .vflip = (float)o->vflip,
                                           .scale_min = (float)o->scale_min,
                                           .scale_max = (float)o->scale_max,
                                           .color = (float)o->color},
                               .workers = o->workers};
}

/* ---- JSON ---- */

rn_status rn_train_options_to_json(char **out, const rn_train_options *options) {
    char *text = NULL;
    rn_status status = rn_strdup(&text, "{");
    *out = NULL;
    for (size_t i = 0; i < N_FIELDS && status == RN_OK; i++) {
        char *value = NULL, *longer = NULL;
        status = rn_field_format_json(&value, options, &fields[i]);
        if (status == RN_OK)
            status =
                rn_asprintf(&longer, "%s%s\"%s\": %s", text, i ? ", " : "", fields[i].name, value);
        free(value);
        if (status != RN_OK) break;
        free(text);
        text = longer;
    }
    if (status == RN_OK) status = rn_asprintf(out, "%s}", text);
    free(text);
    return status;
}

/* A JSON value into its field; text alone would let "16" pass for 16 and 1 for true. */
static rn_status set_from_json(rn_train_options *options, const rn_field *field, const cJSON *item,
                               const char *name) {
    const bool is_text = field->type == RN_FIELD_TEXT || field->type == RN_FIELD_ENUM ||
                         (field->choices && cJSON_IsString(item)); /* a number's name */
    const bool is_bool = field->type == RN_FIELD_BOOL;
    const double number = item->valuedouble;
    char text[32], initial[RN_OPTION_TEXT];
    const char *value = text;
    if (is_text && cJSON_IsString(item)) {
        value = item->valuestring;
    } else if (is_bool && cJSON_IsBool(item)) {
        value = cJSON_IsTrue(item) ? "true" : "false";
    } else if (!is_text && !is_bool && cJSON_IsNumber(item)) {
        rn_format_double(text, number);
        if (number == floor(number) && fabs(number) <= 0x1p53)
            snprintf(text, sizeof text, "%lld", (long long)number);
    } else {
        return rn_fail(RN_EINPUT, "%s: %s: want %s", name, item->string,
                       is_text   ? "a text"
                       : is_bool ? "true or false"
                                 : "a number");
    }
    rn_field_format(initial, sizeof initial, options, field);
    if (strcmp(initial, value) == 0) return RN_OK; /* threads 0 stands, but cannot be given */
    return rn_field_set(options, field, value) == RN_OK ? RN_OK : rn_fail_prefix(RN_EINPUT, name);
}

rn_status rn_train_options_from_json(rn_train_options *out, const char *json, const char *name) {
    rn_train_options options = rn_train_options_defaults();
    rn_status status = RN_OK;
    errno = 0; /* the only trace of a want of memory */
    cJSON *root = cJSON_ParseWithOpts(json, NULL, true);
    if (!root && errno == ENOMEM)
        status = rn_fail(RN_ENOMEM, "%s: no memory for the options", name);
    else if (!cJSON_IsObject(root))
        status = rn_fail(RN_EINPUT, "%s: the options are no JSON object", name);
    for (const cJSON *item = root ? root->child : NULL; item && status == RN_OK;
         item = item->next) {
        const rn_field *field = rn_field_find(fields, N_FIELDS, item->string);
        if (field)
            status = set_from_json(&options, field, item, name);
        else
            status = rn_fail(RN_EINPUT, "%s: unknown option %s", name, item->string);
    }
    cJSON_Delete(root);
    *out = options;
    return status;
}
