/* train: a RetinaNet from a folder of labelled pictures. */
#include "cli.h"
#include "cli_files.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_OPTIONS = 96, OUTPUT = 0, RESUME, SET, QUIET, FIRST_TRAIN_OPTION };

/* How many signals came, and the last one. The first lets the step end; the second ends the program
 * at once. */
static volatile sig_atomic_t signals, last_signal;

static void on_signal(int number) {
    last_signal = number;
    if (++signals > 1) _exit(128 + number);
}

static bool must_stop(void *context) {
    (void)context;
    return signals > 0;
}

/* The options of the program and those of training, in one table for cli.h. */
static size_t make_options(cli_option table[MAX_OPTIONS], char help[MAX_OPTIONS][256]) {
    static const cli_option own[FIRST_TRAIN_OPTION] = {
        {"output", 'o', "RUN", "folder of the run (default: runs/NAME, then runs/NAME-2, ...)"},
        {"resume", 0, "RUN", "go on with a run: the same bits as if it had not stopped"},
        {"set", 0, "KEY=VALUE", "set any option of training or of the preset"},
        {"quiet", 'q', NULL, "say nothing but errors"}};
    rn_option_info info;
    size_t n = FIRST_TRAIN_OPTION;
    memcpy(table, own, sizeof own);
    for (size_t i = 0; n < MAX_OPTIONS && rn_train_options_info(&info, i); i++, n++) {
        const bool is_switch = strcmp(info.initial, "false") == 0;
        snprintf(help[n], sizeof help[n], info.initial[0] && !is_switch ? "%s (default %s)" : "%s",
                 info.help, info.initial);
        table[n] =
            (cli_option){.name = info.name, .value = is_switch ? NULL : "X", .help = help[n]};
    }
    return n;
}

/* runs/NAME for DATA's name (a file's without its ending), or runs/NAME-2 ... where that exists. */
static bool default_run(char *out, size_t size, const char *data) {
    char path[PATH_MAX];
    struct stat info;
    if (!realpath(data, path)) snprintf(path, sizeof path, "%s", data); /* refused later */
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(name, '.');
    const bool has_ending = dot && dot > name && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    const int length = has_ending ? (int)(dot - name) : (int)strlen(name);
    if (length == 0) name = "data"; /* of "/" */
    snprintf(out, size, "runs/%.*s", length > 0 ? length : 4, name);
    for (int i = 2; lstat(out, &info) == 0; i++) {
        if (i > 100000) return false;
        snprintf(out, size, "runs/%.*s-%d", length > 0 ? length : 4, name, i);
    }
    return true;
}

static rn_status set_pair(rn_train_options *options, const char *pair) {
    char key[64];
    const char *equals = strchr(pair, '=');
    if (!equals || (size_t)(equals - pair) >= sizeof key)
        return rn_train_options_set(options, pair, "");
    snprintf(key, sizeof key, "%.*s", (int)(equals - pair), pair);
    return rn_train_options_set(options, key, equals + 1);
}

/* What the command line says. */
typedef struct request {
    const char *data, *run, *resume;
    rn_train_options *options;
    bool quiet;
} request;

/* False with *code set where the program ends at once. */
static bool parse(request *r, char **argv, int *code) {
    static cli_option table[MAX_OPTIONS];
    static char help[MAX_OPTIONS][256];
    rn_status status = RN_OK;
    cli c;
    cli_open(&c, argv, "DATA [OPTIONS]\n--resume RUN [OPTIONS]", table, make_options(table, help));
    for (int option; (option = cli_next(&c)) != CLI_END;) {
        switch (option) {
        case CLI_STOP:
            *code = c.exit_code;
            return false;
        case CLI_POSITIONAL:
            if (r->data) {
                *code = cli_usage_error("one DATA is enough, got %s and %s", r->data, c.value);
                return false;
            }
            r->data = c.value;
            break;
        case OUTPUT:
            r->run = c.value;
            break;
        case RESUME:
            r->resume = c.value;
            break;
        case SET:
            status = set_pair(r->options, c.value);
            break;
        case QUIET:
            r->quiet = true;
            break;
        default:
            status =
                rn_train_options_set(r->options, table[option].name, c.value ? c.value : "true");
        }
        if (status != RN_OK) {
            *code = cli_error(status);
            return false;
        }
    }
    if (!r->data != !r->resume && !(r->resume && r->run)) return true;
    *code = cli_usage_error(r->resume ? "--resume RUN takes neither DATA nor -o"
                                      : "want DATA or --resume RUN");
    return false;
}

int main(int argc, char **argv) {
    char run[512];
    request r = {0};
    rn_train_result result;
    cli_screen s = {.terminal = isatty(2)};
    const rn_hooks hooks = {.context = &s,
                            .message = cli_show_message,
                            .progress = cli_show_progress,
                            .stop = must_stop};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int code = 0;
    (void)argc;
    rn_status status = rn_train_options_create(&r.options);
    if (status != RN_OK) return cli_close(cli_error(status));
    if (!parse(&r, argv, &code)) goto done;
    s.quiet = r.quiet;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (!r.resume && !r.run && !default_run(run, sizeof run, r.data)) {
        code = cli_usage_error("too many runs of that name: give -o");
        goto done;
    }
    if (r.resume)
        status = rn_train_resume(&result, r.resume, r.options, &hooks);
    else
        status = rn_train(&result, r.data, r.run ? r.run : run, r.options, &hooks);
    cli_end_progress(&s);
    if (status != RN_OK)
        code = cli_error(status);
    else if (signals > 0)
        code = 128 + (int)last_signal;
    else if (result.steps > 0)
        printf("%s\t%llu steps\tval AP %.4f\tAP50 %.4f\n",
               r.resume ? r.resume
               : r.run  ? r.run
                        : run,
               (unsigned long long)result.steps, result.best_ap, result.best_ap50);
done:
    rn_train_options_free(r.options);
    return cli_close(code);
}
