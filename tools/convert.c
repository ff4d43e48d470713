/* convert: models and data sets from one form into another. */
#include "cli.h"
#include "cli_files.h"

#include <string.h>
#include <unistd.h>

enum { TO, HALF, SET, NO_PICTURES, QUIET };

static const cli_option options[] = {
    {"to", 0, "FORMAT", "format of the data set: coco, voc or yolo"},
    {"half", 0, NULL, "store the model's weights in 16 bits: half the file"},
    {"set", 0, "KEY=VALUE",
     "set a key of the model's configuration, e.g. bn_eps=0 or classes=cat,dog"},
    {"no-pictures", 0, NULL, "write the annotations alone"},
    {"quiet", 'q', NULL, "say nothing but errors"}};

typedef struct request {
    const char *words[3]; /* MODEL OUT, or data DATA FOLDER */
    int n_words;
    bool has_format, half, no_pictures, quiet, onnx;
    rn_data_format format;
    cli_list set;
} request;

/* False with the message out. */
static bool take_format(request *r, const char *name) {
    static const char *const names[] = {"coco", "voc", "yolo"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        r->format = (rn_data_format)i;
        r->has_format = true;
        return true;
    }
    (void)cli_usage_error("--to: got %s, want coco, voc or yolo", name);
    return false;
}

static bool is_data(const request *r) {
    return r->n_words > 0 && strcmp(r->words[0], "data") == 0;
}

/* 0, or the exit code of a wrong command line, with the message out. */
static int check(request *r) {
    if (is_data(r)) {
        if (r->n_words != 3) return cli_usage_error("want data DATA FOLDER --to FORMAT");
        if (!r->has_format) return cli_usage_error("no --to coco, voc or yolo given");
        return r->half || r->set.n > 0 ? cli_usage_error("--half and --set are for models") : 0;
    }
    if (r->n_words != 2)
        return cli_usage_error("want MODEL OUT.safetensors, MODEL OUT.onnx, or data DATA FOLDER");
    if (r->has_format || r->no_pictures)
        return cli_usage_error(
            "--to and --no-pictures are for data sets: convert data DATA FOLDER");
    const char *dot = strrchr(r->words[1], '.');
    r->onnx = dot && strcmp(dot, ".onnx") == 0;
    if (!r->onnx && (!dot || strcmp(dot, ".safetensors") != 0))
        return cli_usage_error("%s: want a name that ends in .safetensors or .onnx", r->words[1]);
    if (r->onnx && r->half) return cli_usage_error("--half is for .safetensors");
    if (cli_same_file(r->words[0], r->words[1]))
        return cli_usage_error("%s: the output would replace the input", r->words[1]);
    return 0;
}

/* False with *code set where the program ends at once. */
static bool parse(request *r, char **argv, int *code) {
    cli c;
    cli_open(&c, argv,
             "MODEL OUT.safetensors [--half] [--set KEY=VALUE]\n"
             "MODEL OUT.onnx [--set KEY=VALUE]\n"
             "data DATA FOLDER --to coco|voc|yolo [OPTIONS]",
             options, sizeof options / sizeof *options);
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        *code = rn_status_exit_code(RN_EINVAL);
        switch (option) {
        case CLI_STOP:
            *code = c.exit_code;
            return false;
        case CLI_POSITIONAL:
            if (r->n_words == 3) {
                (void)cli_usage_error("unexpected \"%s\" (try --help)", c.value);
                return false;
            }
            r->words[r->n_words++] = c.value;
            break;
        case TO:
            if (!take_format(r, c.value)) return false;
            break;
        case HALF:
            r->half = true;
            break;
        case SET:
            if (!cli_append(&c, &r->set)) {
                *code = c.exit_code;
                return false;
            }
            break;
        case NO_PICTURES:
            r->no_pictures = true;
            break;
        default:
            r->quiet = true;
        }
    }
    *code = check(r);
    return *code == 0;
}

int main(int argc, char **argv) {
    request r = {0};
    cli_screen screen = {.terminal = isatty(2)};
    const rn_hooks hooks = {.context = &screen, .message = cli_show_message};
    rn_status status;
    int code = 0;
    (void)argc;
    if (!parse(&r, argv, &code)) return cli_close(code);
    screen.quiet = r.quiet;
    if (is_data(&r))
        status = rn_data_convert(r.words[1], r.words[2], r.format, !r.no_pictures, &hooks);
    else if (r.onnx)
        status = rn_model_to_onnx(r.words[0], r.words[1], r.set.texts);
    else
        status = rn_model_convert(r.words[0], r.words[1],
                                  r.half ? RN_WEIGHTS_HALF : RN_WEIGHTS_FLOAT, r.set.texts);
    return cli_close(status == RN_OK ? 0 : cli_error(status));
}
