#include "model/config.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/json.h"
#include "model/build.h"
#include "model/coco_columns.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PRESET = 1 << 20, MAX_VALUE = 2048 }; /* bytes of a file, of a value as text */

/* ---- the table ---- */

static const char *const choices_backbone[] = {"resnet", "mobilenet_v2", NULL};
static const char *const choices_norm[] = {"group", "batch", "frozen", NULL}; /* rn_norm_kind */
static const char *const choices_fpn_norm[] = {"none", "group", NULL};
static const char *const choices_head_norm[] = {"none", "group", NULL};
static const char *const choices_p6_from[] = {"c5", "p5", NULL};
static const char *const choices_nms[] = {"class", "agnostic", "moved", NULL}; /* rn_nms_mode */

static const char *const choices_scoring[] = {"sigmoid", "softmax", "objectness",
                                              NULL}; /* rn_scoring */

#define AT(name) offsetof(rn_model_config, name), sizeof(((rn_model_config *)0)->name)
static const rn_field fields[] = {
#define INT(name, initial, low, high, text)                                                        \
    {#name, RN_FIELD_INT, AT(name), 0, low, high, NULL, text},
#define REAL(name, initial, low, high, text)                                                       \
    {#name, RN_FIELD_DOUBLE, AT(name), 0, low, high, NULL, text},
#define BOOL(name, initial, text)   {#name, RN_FIELD_BOOL, AT(name), 0, 0, 1, NULL, text},
#define CHOICE(name, initial, text) {#name, RN_FIELD_ENUM, AT(name), 0, 0, 0, choices_##name, text},
#define LIST(name, most, low, high, text, ...)                                                     \
    {#name, RN_FIELD_DOUBLES, AT(name), offsetof(rn_model_config, n_##name), low, high, NULL, text},
    RN_MODEL_CONFIG_LIST(INT, REAL, BOOL, CHOICE, LIST)
#undef INT
#undef REAL
#undef BOOL
#undef CHOICE
#undef LIST
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

const rn_field *rn_model_config_fields(size_t *n) {
    *n = N_FIELDS;
    return fields;
}

/* `where` is for messages: a file's name, an option. */
static rn_status unknown_key(rn_status status, const char *where, const char *key) {
    const char *nearest = rn_field_nearest(fields, N_FIELDS, key);
    if (nearest)
        return rn_fail(status, "%s: unknown key %s (did you mean %s?)", where, key, nearest);
    return rn_fail(status, "%s: unknown key %s", where, key);
}

rn_model_config rn_model_config_default(void) {
    return (rn_model_config){
#define SCALAR(name, initial, ...) .name = initial,
#define LIST(name, most, low, high, text, ...)                                                     \
    .name = {__VA_ARGS__}, .n_##name = sizeof((double[]){__VA_ARGS__}) / sizeof(double),
        RN_MODEL_CONFIG_LIST(SCALAR, SCALAR, SCALAR, SCALAR, LIST)
#undef SCALAR
#undef LIST
    };
}

/* ---- classes, copies, checks ---- */

void rn_model_config_free(rn_model_config *config) {
    for (size_t i = 0; config->class_names && i < config->n_classes; i++)
        free(config->class_names[i]);
    free(config->class_names);
    free(config->category_ids);
    *config = (rn_model_config){0};
}

rn_status rn_model_config_set_classes(rn_model_config *config, char *const *names,
                                      const int64_t *ids, size_t n) {
    char **new_names = NULL;
    int64_t *new_ids = NULL;
    rn_status status;
    if ((status = rn_alloc(&new_names, n, sizeof *new_names)) != RN_OK) goto done;
    if ((status = rn_alloc(&new_ids, n, sizeof *new_ids)) != RN_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        new_ids[i] = ids[i];
        if ((status = rn_strdup(&new_names[i], names[i])) != RN_OK) goto done;
    }
    rn_model_config old = *config;
    config->class_names = new_names;
    config->category_ids = new_ids;
    config->n_classes = n;
    rn_model_config_free(&old);
    return RN_OK;
done:
    for (size_t i = 0; new_names && i < n; i++) free(new_names[i]);
    free(new_names);
    free(new_ids);
    return status;
}

rn_status rn_model_config_copy(rn_model_config *out, const rn_model_config *config) {
    *out = *config;
    out->class_names = NULL;
    out->category_ids = NULL;
    out->n_classes = 0;
    return rn_model_config_set_classes(out, config->class_names, config->category_ids,
                                       config->n_classes);
}

/* Whether GroupNorm can divide that many channels. */
static rn_status check_groups(const rn_model_config *c, const char *name, int channels) {
    const int unit = c->groups ? c->groups : c->group_channels;
    if (channels % unit == 0) return RN_OK;
    return rn_fail(RN_EINVAL, "%s: got %d, want a multiple of %s (%d)", name, channels,
                   c->groups ? "groups" : "group_channels", unit);
}

rn_status rn_model_config_check(const rn_model_config *c) {
    const bool grouped = c->norm == 0 /* group */, mobile = c->backbone == RN_BACKBONE_MOBILENET_V2;
    if (!rn_resnet_blocks(c->depth))
        return rn_fail(RN_EINVAL, "depth: got %d, want 10, 18, 34, 50 or 101", c->depth);
    if (grouped && mobile)
        RN_TRY(check_groups(c, "mobilenet_v2's channels", RN_MOBILENET_MULTIPLE));
    if (grouped && !mobile) RN_TRY(check_groups(c, "width", c->width));
    if (c->head_norm || c->fpn_norm) RN_TRY(check_groups(c, "fpn_channels", c->fpn_channels));
    if (c->n_anchor_sides != RN_LEVELS)
        return rn_fail(RN_EINVAL, "anchor_sides: got %d numbers, want %d", c->n_anchor_sides,
                       RN_LEVELS);
    if (c->n_mean != 3 || c->n_std != 3)
        return rn_fail(RN_EINVAL, "mean, std: want 3 numbers each");
    if (c->size_shorter > c->size_longer)
        return rn_fail(RN_EINVAL, "size_shorter: got %d, want at most size_longer (%d)",
                       c->size_shorter, c->size_longer);
    return RN_OK;
}

/* names[n] = the names between the commas of `list`, which is cut. RN_EINVAL for one that is empty
 * or stands twice. */
static rn_status cut_names(char **names, size_t n, char *list) {
    for (size_t i = 0; i < n; i++) {
        char *comma = strchr(list, ',');
        if (comma) *comma = '\0';
        if (!rn_is_utf8(list)) return rn_fail(RN_EINVAL, "classes: name %zu is not UTF-8", i + 1);
        if (list[0] == '\0') return rn_fail(RN_EINVAL, "classes: name %zu is empty", i + 1);
        for (size_t k = 0; k < i; k++)
            if (strcmp(names[k], list) == 0)
                return rn_fail(RN_EINVAL, "classes: %s stands twice", list);
        names[i] = list;
        if (comma) list = comma + 1;
    }
    return RN_OK;
}

/* "A,B,C", for all classes or all but the background. */
static rn_status name_classes(rn_model_config *config, const char *list) {
    const size_t n = config->n_classes;
    const size_t background = n > 0 && strcmp(config->class_names[0], rn_coco_columns[0]) == 0;
    char *text = NULL, **names = NULL;
    size_t given = 1;
    rn_status status;
    for (const char *p = list; (p = strchr(p, ',')); p++) given++;
    if (given != n && given != n - background)
        return rn_fail(RN_EINVAL, "classes: got %zu names, want %zu%s", given, n - background,
                       background ? ", or one more with the background" : "");
    if ((status = rn_strdup(&text, list)) != RN_OK) goto done;
    if ((status = rn_alloc(&names, n, sizeof *names)) != RN_OK) goto done;
    names[0] = config->class_names[0];
    if ((status = cut_names(names + (n - given), given, text)) != RN_OK) goto done;
    status = rn_model_config_set_classes(config, names, config->category_ids, n);
done:
    free(names);
    free(text);
    return status;
}

rn_status rn_model_config_set(rn_model_config *config, const char *const *pairs) {
    for (; pairs && *pairs; pairs++) {
        const char *equals = strchr(*pairs, '=');
        char key[64];
        if (!equals || (size_t)(equals - *pairs) >= sizeof key)
            return rn_fail(RN_EINVAL, "configuration: got %s, want KEY=VALUE", *pairs);
        snprintf(key, sizeof key, "%.*s", (int)(equals - *pairs), *pairs);
        if (strcmp(key, "classes") == 0) {
            RN_TRY(name_classes(config, equals + 1));
            continue;
        }
        const rn_field *field = rn_field_find(fields, N_FIELDS, key);
        if (!field) return unknown_key(RN_EINVAL, "configuration", key);
        RN_TRY(rn_field_set(config, field, equals + 1));
    }
    return rn_model_config_check(config);
}

rn_geometry rn_model_config_geometry(const rn_model_config *config) {
    rn_geometry geometry = {.shorter = config->size_shorter,
                            .longer = config->size_longer,
                            .antialias = config->antialias};
    for (int i = 0; i < 3; i++) {
        geometry.mean[i] = (float)config->mean[i];
        geometry.std[i] = (float)config->std[i];
    }
    return geometry;
}

/* ---- to JSON ---- */

/* *text = *text + more, freed and replaced. */
static rn_status append(char **text, const char *more) {
    char *longer = NULL;
    RN_TRY(rn_asprintf(&longer, "%s%s", *text, more));
    free(*text);
    *text = longer;
    return RN_OK;
}

static rn_status append_class(char **text, const rn_model_config *config, size_t i) {
    char *name = NULL, *item = NULL;
    RN_TRY(rn_json_quote(&name, config->class_names[i]));
    rn_status status = rn_asprintf(&item, "%s{\"id\": %lld, \"name\": %s}", i ? ", " : "",
                                   (long long)config->category_ids[i], name);
    if (status == RN_OK) status = append(text, item);
    free(item);
    free(name);
    return status;
}

rn_status rn_model_config_to_json(char **out, const rn_model_config *config) {
    char *text = NULL;
    rn_status status;
    *out = NULL;
    if ((status = rn_strdup(&text, "{")) != RN_OK) goto done;
    for (size_t i = 0; i < N_FIELDS; i++) {
        char *value = NULL, *item = NULL;
        status = rn_field_format_json(&value, config, &fields[i]);
        if (status == RN_OK) status = rn_asprintf(&item, "\"%s\": %s, ", fields[i].name, value);
        if (status == RN_OK) status = append(&text, item);
        free(item);
        free(value);
        if (status != RN_OK) goto done;
    }
    if ((status = append(&text, "\"classes\": [")) != RN_OK) goto done;
    for (size_t i = 0; i < config->n_classes; i++)
        if ((status = append_class(&text, config, i)) != RN_OK) goto done;
    if ((status = append(&text, "]}")) != RN_OK) goto done;
    *out = text;
    text = NULL;
done:
    free(text);
    return status;
}

/* ---- from JSON ---- */

/* A JSON value as the text that rn_field_set takes. cJSON has parsed the number; printing it
 * exactly is ours. */
static rn_status value_text(char *out, size_t size, const cJSON *item, const char *name) {
    size_t used = 0;
    out[0] = '\0';
    if (cJSON_IsArray(item)) {
        const cJSON *element;
        cJSON_ArrayForEach(element, item) {
            char number[32];
            if (!cJSON_IsNumber(element))
                return rn_fail(RN_EINPUT, "%s: %s: want a list of numbers", name, item->string);
            rn_format_double(number, element->valuedouble);
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "," : "", number);
            if (used >= size)
                return rn_fail(RN_EINPUT, "%s: %s: too many numbers", name, item->string);
        }
        return RN_OK;
    }
    if (cJSON_IsNumber(item)) {
        const double v = item->valuedouble;
        char number[32];
        rn_format_double(number, v);
        if (v == floor(v) && fabs(v) <= 0x1p53)
            snprintf(number, sizeof number, "%lld", (long long)v);
        snprintf(out, size, "%s", number);
        return RN_OK;
    }
    if (cJSON_IsBool(item))
        snprintf(out, size, "%s", cJSON_IsTrue(item) ? "true" : "false");
    else if (cJSON_IsString(item))
        snprintf(out, size, "%s", item->valuestring);
    else
        return rn_fail(RN_EINPUT, "%s: %s: want a number, text, truth value or list", name,
                       item->string);
    return RN_OK;
}

static rn_status read_classes(rn_model_config *config, const cJSON *list, const char *name) {
    const int n = cJSON_GetArraySize(list);
    char **names = NULL;
    int64_t *ids = NULL;
    rn_status status;
    if (!cJSON_IsArray(list)) return rn_fail(RN_EINPUT, "%s: classes: want a list", name);
    if ((status = rn_alloc(&names, (size_t)n, sizeof *names)) != RN_OK) goto done;
    if ((status = rn_alloc(&ids, (size_t)n, sizeof *ids)) != RN_OK) goto done;
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, "id");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(item, "name");
        const double number = cJSON_IsNumber(id) ? id->valuedouble : NAN;
        if (!cJSON_IsString(text) || !(fabs(number) <= 0x1p53) || number != floor(number)) {
            status = rn_fail(RN_EINPUT, "%s: classes: want {\"id\": 1, \"name\": \"...\"}", name);
            goto done;
        }
        names[i] = text->valuestring;
        ids[i++] = (int64_t)number;
    }
    status = rn_model_config_set_classes(config, names, ids, i);
done:
    free(names);
    free(ids);
    return status;
}

/* cJSON keeps both of two equal keys. Whoever asks refuses unknown keys, so the list before the
 * second one is short. */
static bool stands_twice(const cJSON *object, const cJSON *item) {
    for (const cJSON *other = object->child; other != item; other = other->next)
        if (strcmp(other->string, item->string) == 0) return true;
    return false;
}

static rn_status read_train(const cJSON *object, const char *name, rn_preset_default *train,
                            void *context) {
    char text[MAX_VALUE];
    const cJSON *entry;
    if (!cJSON_IsObject(object)) return rn_fail(RN_EINPUT, "%s: train: want an object", name);
    if (!train) return RN_OK;
    cJSON_ArrayForEach(entry, object) {
        if (stands_twice(object, entry))
            return rn_fail(RN_EINPUT, "%s: train: %s stands twice", name, entry->string);
        RN_TRY(value_text(text, sizeof text, entry, name));
        if (train(context, entry->string, text) != RN_OK) return rn_fail_prefix(RN_EINPUT, name);
    }
    return RN_OK;
}

/* Text alone would let "16" pass for 16 and 1 for true. */
static rn_status check_type(const rn_field *field, const cJSON *item, const char *name) {
    const char *want = "a number";
    bool fits = cJSON_IsNumber(item);
    if (field->type == RN_FIELD_BOOL) {
        want = "true or false";
        fits = cJSON_IsBool(item);
    } else if (field->type == RN_FIELD_ENUM || field->type == RN_FIELD_TEXT) {
        want = "a text";
        fits = cJSON_IsString(item);
    } else if (field->type == RN_FIELD_DOUBLES) {
        want = "a list of numbers";
        fits = cJSON_IsArray(item);
    }
    return fits ? RN_OK : rn_fail(RN_EINPUT, "%s: %s: want %s", name, item->string, want);
}

static rn_status read_field(rn_model_config *config, const cJSON *item, const char *name) {
    char text[MAX_VALUE];
    const rn_field *field = rn_field_find(fields, N_FIELDS, item->string);
    if (!field) return unknown_key(RN_EINPUT, name, item->string);
    RN_TRY(check_type(field, item, name));
    RN_TRY(value_text(text, sizeof text, item, name));
    return rn_field_set(config, field, text) == RN_OK ? RN_OK : rn_fail_prefix(RN_EINPUT, name);
}

rn_status rn_model_config_from_json(rn_model_config *out, const char *json, const char *name,
                                    rn_preset_default *train, void *context) {
    rn_model_config config = rn_model_config_default();
    const char *end = NULL;
    rn_status status = RN_OK;
    *out = (rn_model_config){0};
    errno = 0; /* the only trace of a want of memory */
    cJSON *root = cJSON_ParseWithOpts(json, &end, true);
    if (!root && errno == ENOMEM) return rn_fail(RN_ENOMEM, "%s: no memory for its JSON", name);
    if (!root)
        return rn_fail(RN_EINPUT, "%s: offset %zu: no valid JSON", name,
                       end ? (size_t)(end - json) : (size_t)0);
    if (!cJSON_IsObject(root)) status = rn_fail(RN_EINPUT, "%s: want a JSON object", name);
    for (const cJSON *item = root->child; item && status == RN_OK; item = item->next) {
        if (stands_twice(root, item))
            status = rn_fail(RN_EINPUT, "%s: %s stands twice", name, item->string);
        else if (strcmp(item->string, "classes") == 0)
            status = read_classes(&config, item, name);
        else if (strcmp(item->string, "train") == 0)
            status = read_train(item, name, train, context);
        else
            status = read_field(&config, item, name);
    }
    if (status == RN_OK && rn_model_config_check(&config) != RN_OK)
        status = rn_fail_prefix(RN_EINPUT, name);
    cJSON_Delete(root);
    if (status == RN_OK)
        *out = config;
    else
        rn_model_config_free(&config);
    return status;
}

/* ---- presets ---- */

extern const char rn_preset_nano[], rn_preset_small[], rn_preset_mobile[], rn_preset_r18[],
    rn_preset_r50[]; /* presets.S */

rn_status rn_model_config_preset_train(rn_model_config *out, const char *preset,
                                       rn_preset_default *train, void *context) {
    const struct {
        const char *name, *text;
    } built_in[] = {{"nano", rn_preset_nano},
                    {"small", rn_preset_small},
                    {"mobile", rn_preset_mobile},
                    {"r18", rn_preset_r18},
                    {"r50", rn_preset_r50}};
    uint8_t *bytes = NULL;
    size_t size;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        if (strcmp(preset, built_in[i].name) == 0)
            return rn_model_config_from_json(out, built_in[i].text, preset, train, context);
    *out = (rn_model_config){0};
    if (!strpbrk(preset, "/."))
        return rn_fail(RN_EINVAL, "preset: got %s, want nano, small, mobile, r18, r50 or a file",
                       preset);
    RN_TRY(rn_file_read(&bytes, &size, preset, MAX_PRESET));
    rn_status status = strlen((char *)bytes) == size
                           ? rn_model_config_from_json(out, (char *)bytes, preset, train, context)
                           : rn_fail(RN_EINPUT, "%s: a zero byte in a text file", preset);
    free(bytes);
    return status;
}

rn_status rn_model_config_preset(rn_model_config *out, const char *preset) {
    return rn_model_config_preset_train(out, preset, NULL, NULL);
}
