/* scenes: make a small detection set, a table with things on it seen from above. */
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    OUTPUT,
    SEED,
    TRAIN,
    VAL,
    SIZE,
    OBJECTS,
    OBJECT_SIZE,
    CLASSES,
    CLUTTER,
    NOISE,
    OVERLAP,
    NO_MASKS,
    THREADS,
    QUIET,
    N_OPTIONS
};

static const cli_option options[N_OPTIONS] = {
    [OUTPUT] = {"output", 'o', "FOLDER", "where the set goes; made if missing"},
    [SEED] = {"seed", 0, "N", "another seed is another set (1)"},
    [TRAIN] = {"train", 0, "N", "pictures to train with (2400)"},
    [VAL] = {"val", 0, "N", "pictures to evaluate with (200)"},
    [SIZE] = {"size", 0, "S|WxH", "pixels of a picture (160)"},
    [OBJECTS] = {"objects", 0, "MIN-MAX", "objects on a picture (0-6)"},
    [OBJECT_SIZE] = {"object-size", 0, "MIN-MAX", "side, share of the picture's (0.18-0.5)"},
    [CLASSES] = {"classes", 0, "K", "how many of the 8 classes (5)"},
    [CLUTTER] = {"clutter", 0, "X", "0..1: look-alikes, stains, busy backgrounds (0.5)"},
    [NOISE] = {"noise", 0, "X", "0..1: sensor noise and uneven light (0.5)"},
    [OVERLAP] = {"overlap", 0, "X", "0..1: highest IoU of two boxes (0.3)"},
    [NO_MASKS] = {"no-masks", 0, NULL, "leave out masks/"},
    [THREADS] = {"threads", 0, "N", "threads (one a core)"},
    [QUIET] = {"quiet", 'q', NULL, "print nothing"},
};

typedef struct request {
    const char *folder;
    rn_scenes_options set;
    int threads;
    bool quiet;
} request;

/* Cut "MIN-MAX" or "WxH" at its separator; one value alone stands for both. */
static void cut(char low[32], char high[32], const char *text, char separator) {
    const char *middle = *text ? strchr(text + 1, separator) : NULL;
    (void)snprintf(low, 32, "%.*s", middle ? (int)(middle - text) : 31, text);
    (void)snprintf(high, 32, "%s", middle ? middle + 1 : text);
}

static bool take_ints(cli *c, int *low, int *high, char separator, int min, int max) {
    char first[32], second[32];
    cut(first, second, c->value, separator);
    c->value = first;
    if (!cli_int(c, low, min, max)) return false;
    c->value = second;
    return cli_int(c, high, min, max);
}

static bool take_float(cli *c, float *out, double min, double max) {
    double value;
    if (!cli_double(c, &value, min, max)) return false;
    *out = (float)value;
    return true;
}

static bool take_floats(cli *c, float *low, float *high, double min, double max) {
    char first[32], second[32];
    cut(first, second, c->value, '-');
    c->value = first;
    if (!take_float(c, low, min, max)) return false;
    c->value = second;
    return take_float(c, high, min, max);
}

/* False with the message out and c->exit_code set. */
static bool take(cli *c, request *r, int option) {
    rn_scenes_options *set = &r->set;
    int seed;
    switch (option) {
    case OUTPUT:
        r->folder = c->value;
        return true;
    case SEED:
        if (!cli_int(c, &seed, 0, INT_MAX)) return false;
        set->seed = (uint64_t)seed;
        return true;
    case TRAIN:
        return cli_int(c, &set->train, 0, 1000000);
    case VAL:
        return cli_int(c, &set->val, 0, 1000000);
    case SIZE:
        return take_ints(c, &set->width, &set->height, 'x', 32, 2048);
    case OBJECTS:
        return take_ints(c, &set->min_objects, &set->max_objects, '-', 0, 64);
    case OBJECT_SIZE:
        return take_floats(c, &set->min_size, &set->max_size, 0.04, 0.9);
    case CLASSES:
        return cli_int(c, &set->classes, 1, RN_SCENES_MAX_CLASSES);
    case CLUTTER:
        return take_float(c, &set->clutter, 0, 1);
    case NOISE:
        return take_float(c, &set->noise, 0, 1);
    case OVERLAP:
        return take_float(c, &set->overlap, 0, 1);
    case NO_MASKS:
        set->masks = false;
        return true;
    case THREADS:
        return cli_int(c, &r->threads, 1, 1024);
    case QUIET:
        r->quiet = true;
        return true;
    default:
        c->exit_code = cli_usage_error("unexpected \"%s\" (try --help)", c->value);
        return false;
    }
}

int main(int argc, char **argv) {
    (void)argc;
    request r = {.set = RN_SCENES_OPTIONS_DEFAULT};
    cli c;
    cli_open(&c, argv, "-o FOLDER [OPTIONS]", options, N_OPTIONS);
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        if (option == CLI_STOP || !take(&c, &r, option)) return cli_close(c.exit_code);
    }
    if (r.folder == NULL) return cli_close(cli_usage_error("no -o FOLDER given (try --help)"));
    rn_status status = rn_scenes_write(r.folder, &r.set, r.threads);
    if (status != RN_OK) return cli_close(cli_error(status));
    if (!r.quiet) {
        printf("%s: %d train and %d val pictures of %dx%d, %d classes\n", r.folder, r.set.train,
               r.set.val, r.set.width, r.set.height, r.set.classes);
    }
    return cli_close(0);
}
