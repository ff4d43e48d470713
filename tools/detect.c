/* detect: what is on a picture, as text, JSON and a drawn picture. */
#include "cli.h"
#include "cli_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_BOXES = 10000 };
enum {
    MODEL,
    OUTPUT,
    THRESHOLD,
    JSON,
    NO_IMAGE,
    FORCE,
    NMS,
    ON_BAD,
    MAX_PIXELS,
    SET,
    THREADS,
    ISA,
    QUIET
};

static const cli_option options[] = {
    {"model", 'm', "MODEL",
     "model file, ours or a .pth of PyTorch (default: the one that comes with the program, else "
     "$RETINANET_MODEL)"},
    {"output", 'o', "FOLDER", "where NAME_det.jpg goes, made if missing (default: here)"},
    {"threshold", 't', "SCORE",
     "show boxes with a score of at least this (default: the model's best)"},
    {"json", 0, NULL, "a line of JSON a picture instead of a line of text a box"},
    {"no-image", 0, NULL, "write no pictures"},
    {"force", 0, NULL, "replace a NAME_det.jpg that detect did not write"},
    {"nms", 0, "class|agnostic", "suppress overlapping boxes within a class, or over all classes"},
    {"on-bad", 0, "skip|fail", "a picture that cannot be read: go on (default) or stop"},
    {"max-pixels", 0, "N", "refuse larger pictures (default 64000000)"},
    {"set", 0, "KEY=VALUE",
     "set a key of the model's configuration, e.g. bn_eps=0 or classes=cat,dog, for this run"},
    {"threads", 0, "N", "threads (default: one a core)"},
    {"isa", 0, "SET", "vector instructions: best (default), plain, avx2 or avx512"},
    {"quiet", 'q', NULL, "say nothing on stderr but errors"}};

/* What the command line says, and how far the work is. */
typedef struct job {
    const char *model, *folder;
    double threshold; /* negative: the model's */
    bool json, no_image, force, fail_on_bad, quiet;
    rn_read_options read;
    rn_detector_options detector;
    cli_list set;
    char **inputs; /* [n_inputs] of the command line */
    size_t n_inputs;

    rn_detector *det;
    rn_box *boxes; /* [MAX_BOXES] */
    char *
        *written; /* pictures written by this call: two inputs of one name do not share an output */
    size_t n_written, cap_written;
    size_t good, bad;
    rn_status worst; /* what a failed write or a lack of memory ends with */
} job;

/* ---- text and JSON ---- */

static void print_json(const job *j, const char *file, const rn_image *image, size_t n) {
    printf("{\"file\": ");
    cli_put_json_text(stdout, file);
    printf(", \"width\": %d, \"height\": %d, \"detections\": [", image->width, image->height);
    for (size_t i = 0; i < n; i++) {
        const rn_box *b = &j->boxes[i];
        printf("%s{\"label\": ", i ? ", " : "");
        cli_put_json_text(stdout, rn_detector_class_name(j->det, b->label));
        printf(", \"category_id\": %lld, \"score\": %.6f, \"box\": [%.2f, %.2f, %.2f, %.2f]}",
               (long long)rn_detector_category_id(j->det, b->label), (double)b->score,
               (double)b->x1, (double)b->y1, (double)b->x2, (double)b->y2);
    }
    printf("]}\n");
}

/* A name in a line: a tab or the line's end in it must not make two of it. */
static void put_name(FILE *out, const char *text) {
    for (; *text; text++) putc((unsigned char)*text < ' ' ? '?' : *text, out);
}

/* A field of a line. */
static void put_field(const char *text) {
    put_name(stdout, text);
    putchar('\t');
}

static void print_text(const job *j, const char *file, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const rn_box *b = &j->boxes[i];
        put_field(file);
        put_field(rn_detector_class_name(j->det, b->label));
        printf("%.4f\t%.1f\t%.1f\t%.1f\t%.1f\n", (double)b->score, (double)b->x1, (double)b->y1,
               (double)b->x2, (double)b->y2);
    }
}

/* ---- pictures ---- */

static bool was_written(const job *j, const char *path) {
    for (size_t i = 0; i < j->n_written; i++)
        if (strcmp(j->written[i], path) == 0) return true;
    return false;
}

/* Remember a picture of this call. */
static bool remember(job *j, const char *path) {
    if (j->n_written == j->cap_written) {
        const size_t cap = j->cap_written ? 2 * j->cap_written : 64;
        char **grown = realloc(j->written, cap * sizeof *grown);
        if (!grown) return false;
        j->written = grown;
        j->cap_written = cap;
    }
    char *copy = strdup(path);
    if (!copy) return false;
    j->written[j->n_written++] = copy;
    return true;
}

/* FOLDER/NAME_det.jpg, or NAME_det-2.jpg ... if this call has written that one already. False if it
 * is too long. */
static bool output_path(const job *j, char out[PATH_MAX], const char *file) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file,
               *dot = strrchr(name, '.');
    const int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    const char *folder = j->folder ? j->folder : ".";
    if (snprintf(out, PATH_MAX, "%s/%.*s_det.jpg", folder, length, name) >= PATH_MAX) return false;
    for (int i = 2; was_written(j, out); i++)
        if (snprintf(out, PATH_MAX, "%s/%.*s_det-%d.jpg", folder, length, name, i) >= PATH_MAX)
            return false;
    return true;
}

/* Say why the work cannot go on, and what it ends with. */
static bool give_up(job *j, rn_status status, const char *path, const char *why) {
    (void)cli_usage_error("%s: %s", path, why);
    j->worst = status;
    return false;
}

/* Whether `path` is another picture of the command line. */
static bool is_other_input(const job *j, const char *path) {
    for (size_t i = 0; i < j->n_inputs; i++)
        if (cli_same_file(path, j->inputs[i])) return true;
    return false;
}

/* Draw the boxes and write the picture. False with the message out. */
static bool write_picture(job *j, const char *file, rn_image *image, size_t n) {
    char path[PATH_MAX];
    if (!output_path(j, path, file))
        return give_up(j, RN_EIO, file, "the name of its output is too long");
    if (cli_same_file(path, file))
        return give_up(j, RN_EINVAL, path, "the output would replace the input");
    const bool foreign = access(path, F_OK) == 0 && !rn_image_is_annotated(path);
    if (foreign && is_other_input(j, path))
        return give_up(j, RN_EINVAL, path, "the output would replace an input");
    if (foreign && !j->force)
        return give_up(j, RN_EIO, path,
                       "exists, and detect did not write it (--force replaces it)");
    rn_status status = rn_image_draw(image, j->boxes, n, rn_detector_class_names(j->det),
                                     rn_detector_classes(j->det));
    if (status == RN_OK) status = rn_image_write_annotated(image, path);
    if (status == RN_OK && remember(j, path)) return true;
    (void)(status == RN_OK ? cli_usage_error("not enough memory") : cli_error(status));
    j->worst = status == RN_OK ? RN_ENOMEM : status;
    return false;
}

static void warn(const job *j, const char *file, const char *what) {
    if (!what || j->quiet) return;
    fputs("detect: warning: ", stderr);
    put_name(stderr, file);
    fprintf(stderr, ": %s\n", what);
}

/* One picture. False if the work ends here. */
static bool run_picture(job *j, const char *file) {
    rn_image image = {0};
    size_t n = 0;
    rn_status status = rn_image_read(&image, file, &j->read);
    if (status == RN_OK) status = rn_detector_run(j->det, &image, j->boxes, MAX_BOXES, &n);
    if (status != RN_OK) {
        (void)cli_error(status);
        rn_image_free(&image);
        if (status == RN_EINPUT)
            j->bad++;
        else
            j->worst = status;
        return status == RN_EINPUT && !j->fail_on_bad;
    }
    warn(j, file, image.warning);
    const double least =
        j->threshold >= 0 ? j->threshold : (double)rn_detector_show_threshold(j->det);
    size_t shown = 0;
    while (shown < n && (double)j->boxes[shown].score >= least)
        shown++; /* they stand in falling order */
    if (j->json)
        print_json(j, file, &image, shown);
    else
        print_text(j, file, shown);
    bool ok = !ferror(stdout);
    if (ok && !j->no_image) ok = write_picture(j, file, &image, shown);
    rn_image_free(&image);
    j->good++;
    return ok;
}

/* ---- folders and lists ---- */

static int is_picture(const struct dirent *entry) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".bmp"};
    const char *dot = strrchr(entry->d_name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0) return 1;
    return 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The pictures of a folder, by their endings, in the order of their names. */
static bool run_folder(job *j, const char *folder) {
    struct dirent **list = NULL;
    bool ok = true;
    const int n = scandir(folder, &list, is_picture, by_bytes);
    if (n < 0 && errno == ENOMEM) return give_up(j, RN_ENOMEM, folder, strerror(errno));
    if (n <= 0) {
        (void)cli_usage_error("%s: %s", folder,
                              n < 0 ? strerror(errno)
                                    : "no pictures (.jpg, .png, .bmp) in this folder");
        j->bad++;
        ok = !j->fail_on_bad;
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        const int length = snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        if (ok && length < PATH_MAX) ok = run_picture(j, path);
        free(list[i]);
    }
    free(list);
    return ok;
}

static bool run_list(job *j) {
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool ok = true;
    while (ok && (n = getline(&line, &cap, stdin)) >= 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = '\0';
        if (n > 0) ok = run_picture(j, line);
    }
    if (ok && !feof(stdin))
        ok = give_up(j, errno == ENOMEM ? RN_ENOMEM : RN_EINPUT, "stdin", strerror(errno));
    free(line);
    return ok;
}

static bool run_input(job *j, const char *input) {
    struct stat info;
    if (strcmp(input, "-") == 0) return run_list(j);
    if (stat(input, &info) == 0 && S_ISDIR(info.st_mode)) return run_folder(j, input);
    return run_picture(j, input);
}

/* ---- the command line ---- */

/* "class" or "agnostic", "skip" or "fail": the second is true. */
static bool take_choice(cli *c, const char *no, const char *yes, bool *out) {
    *out = strcmp(c->value, yes) == 0;
    if (*out || strcmp(c->value, no) == 0) return true;
    c->exit_code = cli_usage_error("got %s, want %s or %s", c->value, no, yes);
    return false;
}

static bool take_option(cli *c, int option, job *j) {
    bool agnostic;
    int number;
    switch (option) {
    case MODEL:
        j->model = c->value;
        return true;
    case OUTPUT:
        j->folder = c->value;
        return true;
    case THRESHOLD:
        return cli_double(c, &j->threshold, 0, 1);
    case JSON:
        j->json = true;
        return true;
    case NO_IMAGE:
        j->no_image = true;
        return true;
    case FORCE:
        j->force = true;
        return true;
    case NMS:
        if (!take_choice(c, "class", "agnostic", &agnostic)) return false;
        j->detector.nms_agnostic = agnostic;
        return true;
    case ON_BAD:
        return take_choice(c, "skip", "fail", &j->fail_on_bad);
    case MAX_PIXELS:
        if (!cli_int(c, &number, 1, INT_MAX)) return false;
        j->read.max_pixels = (size_t)number;
        return true;
    case SET:
        return cli_append(c, &j->set);
    case THREADS:
        return cli_int(c, &j->detector.threads, 1, 1024);
    case ISA:
        j->detector.isa = c->value;
        return true;
    default:
        j->quiet = true;
        return true;
    }
}

static rn_status open_model(job *j) {
    char path[PATH_MAX];
    if (!j->model && !cli_default_model(path)) return RN_EINPUT;
    cli_screen screen = {.quiet = j->quiet};
    const rn_hooks hooks = {.context = &screen, .message = cli_show_message};
    j->detector.hooks = &hooks;
    j->detector.set = j->set.texts;
    if (j->threshold >= 0) j->detector.score_threshold = (float)j->threshold;
    const rn_status status = rn_detector_open(&j->det, j->model ? j->model : path, &j->detector);
    if (status != RN_OK) (void)cli_error(status);
    return status;
}

/* The inputs are the positionals, collected to the front of argv. */
static bool parse(job *j, char **argv, int *code) {
    cli c;
    cli_open(&c, argv, "[OPTIONS] IMAGE|FOLDER|- ...", options, sizeof options / sizeof *options);
    j->inputs = argv;
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        if (option == CLI_STOP) {
            *code = c.exit_code;
            return false;
        }
        if (option == CLI_POSITIONAL) {
            argv[j->n_inputs++] = (char *)c.value; /* never ahead of the parser */
        } else if (!take_option(&c, option, j)) {
            *code = c.exit_code;
            return false;
        }
    }
    if (j->n_inputs > 0) return true;
    *code = cli_usage_error("want at least one IMAGE, FOLDER or -");
    return false;
}

int main(int argc, char **argv) {
    job j = {.threshold = -1, .detector = RN_DETECTOR_OPTIONS_DEFAULT};
    int code = 0;
    (void)argc;
    if (!parse(&j, argv, &code)) return cli_close(code);
    j.boxes = malloc(MAX_BOXES * sizeof *j.boxes);
    bool more = j.boxes || give_up(&j, RN_ENOMEM, "boxes", strerror(ENOMEM));
    if (more) {
        j.worst = open_model(&j);
        more = j.worst == RN_OK;
    }
    if (more && j.folder && !j.no_image)
        (void)mkdir(j.folder, 0777); /* a failure shows at the first picture */
    for (size_t i = 0; i < j.n_inputs && more; i++) more = run_input(&j, j.inputs[i]);
    if (j.bad > 0 && j.bad + j.good > 1 && !j.quiet)
        fprintf(stderr, "detect: %zu of %zu pictures could not be read\n", j.bad, j.bad + j.good);
    if (j.worst != RN_OK)
        code = rn_status_exit_code(j.worst);
    else if (j.bad > 0 && (j.good == 0 || j.fail_on_bad))
        code = rn_status_exit_code(RN_EINPUT);
    rn_detector_close(j.det);
    for (size_t i = 0; i < j.n_written; i++) free(j.written[i]);
    free(j.written);
    free(j.boxes);
    return cli_close(code);
}
