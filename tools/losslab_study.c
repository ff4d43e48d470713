/* losslab_study.c: where experiments and their data are, and what an arm comes to. */
#include "losslab_run.h"

#include <retinanet_loss.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the experiments that are known ---- */

bool lab_study_folder(char out[], size_t size) {
    static const char *const places[] = {"study", "../share/retinanet/study"};
    char program[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return false;
    program[n] = '\0';
    *strrchr(program, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if ((size_t)snprintf(out, size, "%s/%s", program, places[i]) < size &&
            access(out, R_OK | X_OK) == 0)
            return true;
    return false;
}

static int is_experiment(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot > entry->d_name && strcmp(dot, ".json") == 0;
}

/* Names of the files in the study's folder, sorted; 0 where there is none. */
static int list_study(struct dirent ***names) {
    char folder[PATH_MAX];
    if (!lab_study_folder(folder, sizeof folder)) return 0;
    const int n = scandir(folder, names, is_experiment, alphasort);
    return n > 0 ? n : 0;
}

static void free_list(struct dirent **names, int n) {
    for (int i = 0; i < n; i++) free(names[i]);
    if (n > 0) free(names);
}

int lab_experiment_find(char out[], size_t size, const char *name_or_file) {
    const char *dot = strrchr(name_or_file, '.');
    char folder[PATH_MAX], known[512] = "";
    struct dirent **names = NULL;
    if (dot && strcmp(dot, ".json") == 0) {
        snprintf(out, size, "%s", name_or_file);
        return 0;
    }
    if (!strchr(name_or_file, '/') && lab_study_folder(folder, sizeof folder) &&
        (size_t)snprintf(out, size, "%s/%s.json", folder, name_or_file) < size &&
        access(out, R_OK) == 0)
        return 0;
    const int n = list_study(&names);
    for (int i = 0; i < n; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%.*s", i ? ", " : "",
                 (int)(strlen(names[i]->d_name) - 5), names[i]->d_name);
    free_list(names, n);
    return cli_usage_error("unknown experiment %s (known: %s; or a file that ends in .json)",
                           name_or_file, known[0] ? known : "none");
}

int lab_list(void) {
    struct dirent **names = NULL;
    char path[PATH_MAX + 300], folder[PATH_MAX] = "";
    int code = 0;
    lab_experiment *e = calloc(1, sizeof *e);
    if (!e) return cli_error(RN_ENOMEM);
    const int n = list_study(&names);
    (void)lab_study_folder(folder, sizeof folder);
    for (int i = 0; i < n && code == 0; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        code = lab_experiment_read(e, path);
        if (code == 0)
            printf("%s\t%d arms\t%d seeds\t%s\n", e->name, e->n_arms, e->n_seeds, e->question);
        lab_experiment_free(e);
    }
    free_list(names, n);
    free(e);
    rn_option_info info;
    for (size_t i = 0; code == 0 && rn_train_options_info(&info, i); i++)
        if (strcmp(info.name, "loss") == 0) printf("\nlosses\t%s\n", strchr(info.help, ':') + 2);
    return code;
}

/* ---- arms ---- */

int lab_arm_options(rn_train_options **out, const lab_experiment *e, int arm, int seed) {
    const lab_arm *a = &e->arms[arm];
    char text[32];
    rn_status status = rn_train_options_create(out);
    snprintf(text, sizeof text, "%d", seed);
    if (status == RN_OK) status = rn_train_options_set(*out, "preset", e->preset);
    if (status == RN_OK) status = rn_train_options_set(*out, "seed", text);
    for (int i = 0; i < a->n_settings && status == RN_OK; i++)
        status = rn_train_options_set(*out, a->settings[i].key, a->settings[i].value);
    if (status == RN_OK && e->folds) {
        char train[32], val[32];
        snprintf(train, sizeof train, "fold%d_train", seed);
        snprintf(val, sizeof val, "fold%d_val", seed);
        status = rn_train_options_set(*out, "train_split", train);
        if (status == RN_OK) status = rn_train_options_set(*out, "val_split", val);
    }
    if (status == RN_OK) return 0;
    const int code = cli_error(status);
    rn_train_options_free(*out);
    *out = NULL;
    return code;
}

uint64_t lab_hash_text(uint64_t hash, const char *text) {
    do hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    while (*text++);
    return hash;
}

/* A recipe as text: all that makes its pictures. */
static void data_text(char out[], size_t size, const lab_data *data) {
    const rn_scenes_options *s = &data->scenes;
    if (data->path)
        snprintf(out, size, "%s", data->path);
    else
        snprintf(out, size, "scenes %llu %d %d %d %d %d %g %g %d %g %g %g",
                 (unsigned long long)s->seed, s->train, s->val, s->width, s->min_objects,
                 s->max_objects, (double)s->min_size, (double)s->max_size, s->classes,
                 (double)s->clutter, (double)s->noise, (double)s->overlap);
}

bool lab_same_data(const lab_data *a, const lab_data *b) {
    char x[PATH_MAX], y[PATH_MAX];
    data_text(x, sizeof x, a);
    data_text(y, sizeof y, b);
    return strcmp(x, y) == 0;
}

void lab_plain_key(char out[LAB_NAME], const char *key) {
    snprintf(out, LAB_NAME, "%s", key);
    for (char *p = out; *p; p++)
        if (*p == '-') *p = '_';
}

static int by_key(const void *a, const void *b) {
    char x[LAB_NAME], y[LAB_NAME];
    lab_plain_key(x, ((const lab_setting *)a)->key);
    lab_plain_key(y, ((const lab_setting *)b)->key);
    return strcmp(x, y);
}

uint64_t lab_arm_hash(const lab_experiment *e, int arm) {
    const lab_arm *a = &e->arms[arm];
    char text[PATH_MAX], key[LAB_NAME];
    uint64_t hash = LAB_HASH;
    lab_setting settings[LAB_MAX_SETTINGS]; /* sorted: another order is the same run */
    memcpy(settings, a->settings, sizeof settings);
    qsort(settings, (size_t)a->n_settings, sizeof *settings, by_key);
    data_text(text, sizeof text, &a->data);
    hash = lab_hash_text(lab_hash_text(hash, text), e->preset);
    for (int i = 0; i < a->n_settings; i++) {
        lab_plain_key(key, settings[i].key);
        hash = lab_hash_text(lab_hash_text(hash, key), settings[i].value);
    }
    snprintf(text, sizeof text, "%d", e->folds);
    hash = lab_hash_text(hash, text);
    if (a->after < 0) return hash;
    snprintf(text, sizeof text, "%016llx", (unsigned long long)lab_arm_hash(e, a->after));
    return lab_hash_text(hash, text);
}

/* ---- data ---- */

/* ${NAME} by the environment. */
static int expand(char out[], size_t size, const char *whole) {
    const char *path = whole;
    size_t n = 0;
    while (*path && n + 1 < size) {
        const char *end = path[0] == '$' && path[1] == '{' ? strchr(path, '}') : NULL;
        if (!end) {
            out[n++] = *path++;
            continue;
        }
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)(end - path - 2), path + 2);
        const char *value = getenv(name);
        if (!value) return cli_usage_error("%s: the variable %s is not set", whole, name);
        n += (size_t)snprintf(out + n, size - n, "%s", value);
        if (n >= size) break;
        path = end + 1;
    }
    if (n + 1 >= size) return cli_usage_error("%s: the path is too long", whole);
    out[n] = '\0';
    return 0;
}

int lab_data_open(char out[], size_t size, const lab_data *data, const char *folder, int threads) {
    char text[PATH_MAX], part[PATH_MAX + 32];
    if (data->path) return expand(out, size, data->path);
    data_text(text, sizeof text, data);
    if ((size_t)snprintf(out, size, "%s/data/scenes-%016llx", folder,
                         (unsigned long long)lab_hash_text(LAB_HASH, text)) >= size)
        return cli_usage_error("%s: the path is too long", folder);
    if (access(out, F_OK) == 0) return 0;
    /* Beside it first: a set cut short by a signal is nobody's. */
    snprintf(part, sizeof part, "%s.%ld.tmp", out, (long)getpid());
    const rn_status status = rn_scenes_write(part, &data->scenes, threads);
    if (status != RN_OK) return cli_error(status);
    return lab_put_folder(part, out);
}
