#include "losslab.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- faults ---- */

static int fail(const lab_experiment *e, const lab_json *at, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int fail(const lab_experiment *e, const lab_json *at, int code, const char *format, ...) {
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)cli_usage_error("%s:%d:%d: %s", e->path, at->line, at->column, text);
    return code;
}

static const char *type_name(const lab_json *value) {
    static const char *const names[] = {"null",   "true or false", "a number",
                                        "a text", "a list",        "an object"};
    return names[value->type];
}

static int unwanted(const lab_experiment *e, const lab_json *value, const char *want) {
    const char *key = value->key ? value->key : "item";
    if (value->type == LAB_JSON_NUMBER || value->type == LAB_JSON_TEXT)
        return fail(e, value, LAB_EXIT_INPUT, "%s: got %.100s, want %s", key, value->text, want);
    return fail(e, value, LAB_EXIT_INPUT, "%s: got %s, want %s", key, type_name(value), want);
}

static int unknown_key(const lab_experiment *e, const lab_json *member, const char *known) {
    return fail(e, member, LAB_EXIT_INPUT, "unknown key \"%.60s\" (known: %s)", member->key, known);
}

/* ---- values ---- */

static int take_text(const lab_experiment *e, const char **out, const lab_json *value) {
    if (value->type != LAB_JSON_TEXT || !value->text[0]) return unwanted(e, value, "a text");
    *out = value->text;
    return 0;
}

/* A name becomes a file's: letters, digits, '-', '_' and '.', the last not in front. */
static int take_name(const lab_experiment *e, const char **out, const lab_json *value) {
    static const char *const allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (value->type != LAB_JSON_TEXT || !value->text[0] || value->text[0] == '.' ||
        strlen(value->text) >= LAB_NAME || value->text[strspn(value->text, allowed)])
        return unwanted(e, value, "a name of at most 63 letters, digits, '-', '_' and '.'");
    *out = value->text;
    return 0;
}

static int take_number(const lab_experiment *e, double *out, const lab_json *value, double min,
                       double max) {
    char want[64];
    snprintf(want, sizeof want, "%.15g..%.15g", min, max);
    if (value->type != LAB_JSON_NUMBER || value->number < min || value->number > max)
        return unwanted(e, value, want);
    *out = value->number;
    return 0;
}

static int take_int(const lab_experiment *e, int *out, const lab_json *value, int min, int max) {
    double number = 0;
    const int code = take_number(e, &number, value, min, max);
    if (code == 0 && number != floor(number)) return unwanted(e, value, "a whole number");
    if (code == 0) *out = (int)number;
    return code;
}

/* [low, high], or one number for both. */
static int take_range(const lab_experiment *e, double out[2], const lab_json *value, double min,
                      double max) {
    const lab_json *low = value->type == LAB_JSON_ARRAY ? value->child : value;
    const lab_json *high = value->type == LAB_JSON_ARRAY && low ? low->next : low;
    if (!low || !high || (low != high && high->next)) return unwanted(e, value, "two numbers");
    int code = take_number(e, &out[0], low, min, max);
    if (code == 0) code = take_number(e, &out[1], high, min, max);
    if (code == 0 && out[0] > out[1]) return fail(e, value, LAB_EXIT_INPUT, "the first is larger");
    return code;
}

/* ---- data ---- */

static int take_scenes(const lab_experiment *e, rn_scenes_options *out, const lab_json *object) {
    double range[2], number = 0;
    int code = 0, seed = 1;
    if (object->type != LAB_JSON_OBJECT) return unwanted(e, object, "an object");
    *out = RN_SCENES_OPTIONS_DEFAULT;
    out->masks = false;
    for (const lab_json *m = object->child; m && code == 0; m = m->next) {
        if (strcmp(m->key, "seed") == 0) {
            code = take_int(e, &seed, m, 0, INT_MAX);
            out->seed = (uint64_t)seed;
        } else if (strcmp(m->key, "train") == 0) {
            code = take_int(e, &out->train, m, 1, 1000000);
        } else if (strcmp(m->key, "val") == 0) {
            code = take_int(e, &out->val, m, 1, 1000000);
        } else if (strcmp(m->key, "classes") == 0) {
            code = take_int(e, &out->classes, m, 1, RN_SCENES_MAX_CLASSES);
        } else if (strcmp(m->key, "size") == 0) {
            code = take_int(e, &out->width, m, 32, 2048);
            out->height = out->width;
        } else if (strcmp(m->key, "objects") == 0) {
            code = take_range(e, range, m, 0, 64);
            if (code == 0) out->min_objects = (int)range[0], out->max_objects = (int)range[1];
        } else if (strcmp(m->key, "object-size") == 0) {
            code = take_range(e, range, m, 0.04, 0.9);
            if (code == 0) out->min_size = (float)range[0], out->max_size = (float)range[1];
        } else if (strcmp(m->key, "clutter") == 0) {
            code = take_number(e, &number, m, 0, 1);
            out->clutter = (float)number;
        } else if (strcmp(m->key, "noise") == 0) {
            code = take_number(e, &number, m, 0, 1);
            out->noise = (float)number;
        } else if (strcmp(m->key, "overlap") == 0) {
            code = take_number(e, &number, m, 0, 1);
            out->overlap = (float)number;
        } else {
            code = unknown_key(e, m,
                               "seed, train, val, classes, size, objects, object-size, clutter, "
                               "noise, overlap");
        }
    }
    return code;
}

static int take_data(const lab_experiment *e, lab_data *out, const lab_json *value) {
    *out = (lab_data){0};
    if (value->type == LAB_JSON_TEXT) return take_text(e, &out->path, value);
    const lab_json *scenes = lab_json_get(value, "scenes");
    if (!scenes) return unwanted(e, value, "a path, or {\"scenes\": {...}}");
    if (scenes->next || scenes != value->child)
        return unknown_key(e, scenes->next ? scenes->next : value->child, "scenes");
    return take_scenes(e, &out->scenes, scenes);
}

/* ---- settings ---- */

/* What losslab itself decides. */
static const char *reserved(const char *key) {
    static const char *const keys[] = {"seed", "threads", "time", "dry_run", "dry-run", "preset"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return keys[i];
    return NULL;
}

/* The options that a claim about losses turns on: their faults are the user's choice, not the
 * file's form. */
static bool is_choice(const char *key) {
    static const char *const keys[] = {"loss", "gamma", "alpha", "prior"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return false;
}

static bool same_key(const char *a, const char *b) {
    char x[LAB_NAME], y[LAB_NAME];
    lab_plain_key(x, a);
    lab_plain_key(y, b);
    return strcmp(x, y) == 0;
}

static int add_settings(const lab_experiment *e, lab_arm *arm, const lab_json *object,
                        rn_train_options *trial) {
    if (!object) return 0;
    if (object->type != LAB_JSON_OBJECT) return unwanted(e, object, "an object");
    for (const lab_json *m = object->child; m; m = m->next) {
        const bool plain = m->type == LAB_JSON_TEXT || m->type == LAB_JSON_NUMBER;
        if (!plain && m->type != LAB_JSON_BOOL) return unwanted(e, m, "a text or number");
        if (reserved(m->key))
            return fail(e, m, LAB_EXIT_INPUT, "%s: not a setting here (losslab decides it)",
                        m->key);
        if (rn_train_options_set(trial, m->key, m->text) != RN_OK)
            return fail(e, m, is_choice(m->key) ? LAB_EXIT_USAGE : LAB_EXIT_INPUT, "%s",
                        rn_error_text());
        int i = 0;
        while (i < arm->n_settings && !same_key(arm->settings[i].key, m->key)) i++;
        if (i == LAB_MAX_SETTINGS) return fail(e, m, LAB_EXIT_INPUT, "more than 48 settings");
        arm->settings[i] = (lab_setting){m->key, m->text};
        if (i == arm->n_settings) arm->n_settings++;
    }
    return 0;
}

/* ---- arms ---- */

static int find_arm(const lab_experiment *e, const char *name) {
    for (int i = 0; i < e->n_arms; i++)
        if (e->arms[i].name && strcmp(e->arms[i].name, name) == 0) return i;
    return -1;
}

static int take_member(const lab_experiment *e, lab_arm *arm, const lab_json *m, bool *has_x) {
    if (strcmp(m->key, "name") == 0) return take_name(e, &arm->name, m);
    if (strcmp(m->key, "series") == 0) return take_text(e, &arm->series, m);
    if (strcmp(m->key, "data") == 0) return take_data(e, &arm->data, m);
    if (strcmp(m->key, "settings") == 0) return 0;
    if (strcmp(m->key, "x") == 0) {
        *has_x = true;
        return take_number(e, &arm->x, m, -1e9, 1e9);
    }
    if (strcmp(m->key, "after") == 0) {
        arm->after = m->type == LAB_JSON_TEXT ? find_arm(e, m->text) : -1;
        return arm->after >= 0 ? 0 : unwanted(e, m, "the name of an arm above");
    }
    return unknown_key(e, m, "name, settings, data, series, x, after");
}

static int take_arm(lab_experiment *e, const lab_json *object, const lab_json *common,
                    const lab_data *data) {
    lab_arm arm = {.after = -1, .data = *data};
    rn_train_options *trial = NULL;
    bool has_x = false;
    int code = 0;
    if (object->type != LAB_JSON_OBJECT) return unwanted(e, object, "an object");
    if (e->n_arms == LAB_MAX_ARMS) return fail(e, object, LAB_EXIT_INPUT, "more than 64 arms");
    for (const lab_json *m = object->child; m && code == 0; m = m->next)
        code = take_member(e, &arm, m, &has_x);
    if (code) return code;
    if (!arm.name) return fail(e, object, LAB_EXIT_INPUT, "an arm without \"name\"");
    if (find_arm(e, arm.name) >= 0)
        return fail(e, object, LAB_EXIT_INPUT, "two arms named %s", arm.name);
    if (!arm.series != !has_x)
        return fail(e, object, LAB_EXIT_INPUT, "want \"series\" and \"x\", or neither");
    if (!arm.data.path && arm.data.scenes.train == 0)
        return fail(e, object, LAB_EXIT_INPUT, "%s: no \"data\"", arm.name);
    if (rn_train_options_create(&trial) != RN_OK) return cli_error(RN_ENOMEM);
    if (rn_train_options_set(trial, "preset", e->preset) != RN_OK)
        code = fail(e, object, LAB_EXIT_INPUT, "%s", rn_error_text());
    if (code == 0) code = add_settings(e, &arm, common, trial);
    if (code == 0) code = add_settings(e, &arm, lab_json_get(object, "settings"), trial);
    if (code == 0 && rn_train_options_check(trial) != RN_OK)
        code = fail(e, object, LAB_EXIT_INPUT, "%s: %s", arm.name, rn_error_text());
    rn_train_options_free(trial);
    while (!lab_same_data(&arm.data,
                          arm.data_group < e->n_arms ? &e->arms[arm.data_group].data : &arm.data))
        arm.data_group++;
    e->arms[e->n_arms++] = arm;
    return code;
}

static int take_arms(lab_experiment *e, const lab_json *list, const lab_json *common,
                     const lab_data *data) {
    int code = 0;
    if (list->type != LAB_JSON_ARRAY || !list->child) return unwanted(e, list, "a list of arms");
    for (const lab_json *item = list->child; item && code == 0; item = item->next)
        code = take_arm(e, item, common, data);
    return code;
}

/* ---- claims ---- */

/* A name, or a list of them. */
static int take_names(const lab_experiment *e, int out[LAB_MAX_ARMS], int *n,
                      const lab_json *value) {
    const bool is_list = value->type == LAB_JSON_ARRAY;
    for (const lab_json *item = is_list ? value->child : value; item;
         item = is_list ? item->next : NULL) {
        const int arm = item->type == LAB_JSON_TEXT ? find_arm(e, item->text) : -1;
        if (arm < 0 || *n == LAB_MAX_ARMS) return unwanted(e, item, "the name of an arm");
        out[(*n)++] = arm;
    }
    return *n > 0 ? 0 : unwanted(e, value, "the name of an arm");
}

static int take_metric(const lab_experiment *e, int *out, const lab_json *value) {
    char known[256] = "one of";
    *out = value->type == LAB_JSON_TEXT ? lab_metric_find(value->text) : -1;
    if (*out >= 0) return 0;
    for (int i = 0; i < LAB_N_METRICS; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), " %s", lab_metric_name(i));
    return unwanted(e, value, known);
}

static int take_sign(const lab_experiment *e, lab_sign *out, const lab_json *value) {
    const char *text = value->type == LAB_JSON_TEXT ? value->text : "";
    if (strcmp(text, "<") != 0 && strcmp(text, "=") != 0 && strcmp(text, ">") != 0)
        return unwanted(e, value, "\"<\", \"=\" or \">\"");
    *out = *text == '<' ? LAB_LESS : *text == '>' ? LAB_MORE : LAB_SAME;
    return 0;
}

static int take_bool(const lab_experiment *e, bool *out, const lab_json *value) {
    if (value->type != LAB_JSON_BOOL) return unwanted(e, value, "true or false");
    *out = value->text[0] == 't';
    return 0;
}

/* The lead that another is compared with: {"arms": ..., "over": ...}. */
static int take_lead(const lab_experiment *e, lab_claim *claim, const lab_json *object) {
    int code = 0;
    if (object->type != LAB_JSON_OBJECT) return unwanted(e, object, "an object");
    for (const lab_json *m = object->child; m && code == 0; m = m->next) {
        if (strcmp(m->key, "arms") == 0)
            code = take_names(e, claim->arms2, &claim->n_arms2, m);
        else if (strcmp(m->key, "over") == 0)
            code = take_names(e, claim->over2, &claim->n_over2, m);
        else
            code = unknown_key(e, m, "arms, over");
    }
    return code;
}

static int take_claim(lab_experiment *e, const lab_json *object) {
    lab_claim claim = {.expect = LAB_MORE, .metric = LAB_METRIC_ap};
    int code = 0;
    if (object->type != LAB_JSON_OBJECT) return unwanted(e, object, "an object");
    if (e->n_claims == LAB_MAX_CLAIMS) return fail(e, object, LAB_EXIT_INPUT, "more than 32");
    for (const lab_json *m = object->child; m && code == 0; m = m->next) {
        if (strcmp(m->key, "text") == 0)
            code = take_text(e, &claim.text, m);
        else if (strcmp(m->key, "arms") == 0)
            code = take_names(e, claim.arms, &claim.n_arms, m);
        else if (strcmp(m->key, "over") == 0)
            code = take_names(e, claim.over, &claim.n_over, m);
        else if (strcmp(m->key, "metric") == 0)
            code = take_metric(e, &claim.metric, m);
        else if (strcmp(m->key, "expect") == 0)
            code = take_sign(e, &claim.expect, m);
        else if (strcmp(m->key, "margin") == 0)
            code = take_number(e, &claim.margin, m, 0, 1e9);
        else if (strcmp(m->key, "best") == 0)
            code = take_bool(e, &claim.best, m);
        else if (strcmp(m->key, "than") == 0)
            code = take_lead(e, &claim, m);
        else
            code = unknown_key(e, m, "text, arms, over, than, metric, best, expect, margin");
    }
    if (code) return code;
    if (claim.n_arms == 0 || claim.n_over == 0 || !claim.n_arms2 != !claim.n_over2)
        return fail(e, object, LAB_EXIT_INPUT,
                    "a claim wants \"arms\" and \"over\", and both of \"than\"");
    if (claim.expect == LAB_SAME && claim.margin == 0)
        return fail(e, object, LAB_EXIT_INPUT, "\"=\" wants a \"margin\" above 0");
    e->claims[e->n_claims++] = claim;
    return 0;
}

/* ---- the whole ---- */

static int take_seeds(lab_experiment *e, const lab_json *list) {
    if (list->type != LAB_JSON_ARRAY || !list->child) return unwanted(e, list, "a list of seeds");
    for (const lab_json *item = list->child; item; item = item->next) {
        if (e->n_seeds == LAB_MAX_SEEDS) return unwanted(e, item, "at most 32 seeds");
        const int code = take_int(e, &e->seeds[e->n_seeds], item, 0, INT_MAX);
        if (code) return code;
        for (int i = 0; i < e->n_seeds; i++)
            if (e->seeds[i] == e->seeds[e->n_seeds]) return unwanted(e, item, "each seed once");
        e->n_seeds++;
    }
    return 0;
}

static int take_folds(lab_experiment *e, const lab_json *value) {
    double folds = 0;
    if (value->type != LAB_JSON_NUMBER) return unwanted(e, value, "a whole number");
    folds = value->number;
    if (folds < 2 || folds > LAB_MAX_SEEDS || folds != floor(folds))
        return fail(e, value, LAB_EXIT_USAGE, "folds: got %s, want 2..32", value->text);
    e->folds = e->n_seeds = (int)folds;
    for (int i = 0; i < e->folds; i++) e->seeds[i] = i + 1;
    return 0;
}

static int take_top(lab_experiment *e, const lab_json *m, lab_data *data) {
    static const char *const later[] = {"settings", "arms", "claims"};
    const char *key = m->key;
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strcmp(key, later[i]) == 0) return 0;
    if (strcmp(key, "name") == 0) return take_name(e, &e->name, m);
    if (strcmp(key, "title") == 0) return take_text(e, &e->title, m);
    if (strcmp(key, "question") == 0) return take_text(e, &e->question, m);
    if (strcmp(key, "prediction") == 0) return take_text(e, &e->prediction, m);
    if (strcmp(key, "preset") == 0) return take_text(e, &e->preset, m);
    if (strcmp(key, "x_label") == 0) return take_text(e, &e->x_label, m);
    if (strcmp(key, "data") == 0) return take_data(e, data, m);
    if (strcmp(key, "seeds") == 0) return take_seeds(e, m);
    if (strcmp(key, "folds") == 0) return take_folds(e, m);
    return unknown_key(e, m,
                       "name, title, question, prediction, data, preset, settings, arms, seeds, "
                       "folds, claims, x_label");
}

static int take_experiment(lab_experiment *e) {
    const lab_json *root = e->json, *arms = lab_json_get(root, "arms");
    const lab_json *claims = lab_json_get(root, "claims");
    lab_data data = {0};
    int code = 0;
    if (root->type != LAB_JSON_OBJECT) return unwanted(e, root, "an object");
    for (const lab_json *m = root->child; m && code == 0; m = m->next) code = take_top(e, m, &data);
    if (code) return code;
    if (!e->name || !e->question || !e->prediction || !arms)
        return fail(e, root, LAB_EXIT_INPUT,
                    "an experiment wants \"name\", \"question\", \"prediction\" and \"arms\"");
    if (!e->title) e->title = e->name;
    if (!e->preset) e->preset = "nano";
    code = take_arms(e, arms, lab_json_get(root, "settings"), &data);
    if (code) return code;
    if (e->folds && lab_json_get(root, "seeds"))
        return fail(e, lab_json_get(root, "seeds"), LAB_EXIT_INPUT, "folds are the seeds");
    if (e->n_seeds == 0)
        for (; e->n_seeds < 3; e->n_seeds++) e->seeds[e->n_seeds] = e->n_seeds + 1;
    e->first_seed = e->seeds[0];
    if (claims && claims->type != LAB_JSON_ARRAY) return unwanted(e, claims, "a list of claims");
    for (const lab_json *c = claims ? claims->child : NULL; c && code == 0; c = c->next)
        code = take_claim(e, c);
    return code;
}

int lab_experiment_read(lab_experiment *out, const char *path) {
    *out = (lab_experiment){0};
    snprintf(out->path, sizeof out->path, "%s", path);
    int code = lab_json_read(&out->json, path);
    if (code == 0) code = take_experiment(out);
    if (code) lab_experiment_free(out);
    return code;
}

void lab_experiment_free(lab_experiment *e) {
    lab_json_free(e->json);
    *e = (lab_experiment){0};
}
