/* losslab: experiments on what a loss makes of background's dominance. */
#include "losslab.h"

#include <stdlib.h>
#include <string.h>

enum {
    OUTPUT,
    ONLY,
    SEEDS,
    TIME,
    THREADS,
    GAMMA,
    ALPHA,
    FOLDS,
    LOSS,
    PRESET,
    SET,
    QUIET,
    N_OPTIONS
};

static const cli_option options[N_OPTIONS] = {
    [OUTPUT] = {"output", 'o', "DIR", "where results go (study-results); report: the page"},
    [ONLY] = {"only", 0, "ARM", "run: this arm alone"},
    [SEEDS] = {"seeds", 0, "LIST", "run: these seeds in place of the experiment's, e.g. 1,2,3"},
    [TIME] = {"time", 0, "T", "stop after so long, e.g. 2h, 30m, 90s; call again to go on"},
    [THREADS] = {"threads", 0, "N", "threads (one a core)"},
    [GAMMA] = {"gamma", 0, "LIST", "sweep: values of gamma (0,1,2)"},
    [ALPHA] = {"alpha", 0, "LIST", "sweep: values of alpha (0.25,0.5)"},
    [FOLDS] = {"folds", 0, "K", "sweep: folds of the cross-validation (3)"},
    [LOSS] = {"loss", 0, "NAME", "sweep: the loss (focal)"},
    [PRESET] = {"preset", 0, "NAME", "sweep: the network (nano)"},
    [SET] = {"set", 0, "KEY=VALUE", "sweep: any option of training, also several times"},
    [QUIET] = {"quiet", 'q', NULL, "no progress, only results"},
};

static const char *const usage = "list\n"
                                 "run EXPERIMENT.json|NAME [-o DIR] [--only ARM] [--seeds LIST] "
                                 "[--time T]\n"
                                 "report DIR|CSV ... -o report.html\n"
                                 "quick -o DIR\n"
                                 "sweep DATA [--gamma LIST] [--alpha LIST] [--folds K] -o DIR";

typedef struct request {
    const char *command;
    cli_list inputs;
    const char *output, *seeds;
    lab_sweep_options sweep; /* its `run` serves all commands */
} request;

/* ---- values ---- */

/* "30m", "1.5h", "90s" or "90". */
static bool parse_time(double *out, const char *text) {
    char *end;
    if (text[strspn(text, "0123456789.smh")]) return false;
    *out = strtod(text, &end);
    if (end == text || *out <= 0) return false;
    if (*end == 'm') *out *= 60;
    if (*end == 'h') *out *= 3600;
    return !*end || !end[1];
}

static int take_seeds(lab_experiment *e, const char *list) {
    e->n_seeds = 0;
    while (e->n_seeds < LAB_MAX_SEEDS) {
        char *end;
        const long seed = strtol(list, &end, 10);
        bool ok = *list >= '0' && *list <= '9' && (*end == ',' || !*end) && seed <= INT_MAX;
        for (int i = 0; i < e->n_seeds; i++) ok = ok && e->seeds[i] != seed;
        if (!ok || (e->folds && (seed < 1 || seed > e->folds)))
            return cli_usage_error("--seeds: got \"%s\", want whole numbers, each once%s", list,
                                   e->folds ? ", of the folds" : "");
        e->seeds[e->n_seeds++] = (int)seed;
        if (!*end) return 0;
        list = end + 1;
    }
    return cli_usage_error("--seeds: more than %d", LAB_MAX_SEEDS);
}

/* ---- commands ---- */

/* The code of a run that was told to stop: that of the signal, 0 for its time. */
static int ended(bool stopped, const char *folder) {
    if (stopped && lab_signal() == 0)
        fprintf(stderr, "losslab: stopped by --time; the same command goes on (%s)\n", folder);
    return stopped && lab_signal() ? 128 + lab_signal() : 0;
}

static int run_experiment(request *r, bool *stopped) {
    char path[PATH_MAX];
    lab_experiment *e = calloc(1, sizeof *e);
    if (!e) return cli_error(RN_ENOMEM);
    if (!r->sweep.run.folder) r->sweep.run.folder = "study-results";
    int code = lab_experiment_find(path, sizeof path, r->inputs.texts[0]);
    if (code == 0) code = lab_experiment_read(e, path);
    if (code == 0 && r->seeds) code = take_seeds(e, r->seeds);
    if (code == 0) code = lab_run(e, &r->sweep.run, stopped);
    if (code == 0) code = ended(*stopped, r->sweep.run.folder);
    lab_experiment_free(e);
    free(e);
    return code;
}

static int command_run(request *r) {
    bool stopped = false;
    return run_experiment(r, &stopped);
}

static int report_of(const char *folder) {
    char page[PATH_MAX];
    const char *inputs[] = {folder};
    snprintf(page, sizeof page, "%s/report.html", folder);
    const int code = lab_report(inputs, 1, page);
    if (code == 0) printf("%s\n", page);
    return code;
}

static int command_report(request *r) {
    if (!r->output) return cli_usage_error("report: no -o report.html given");
    return lab_report(r->inputs.texts, r->inputs.n, r->output);
}

static int command_quick(request *r) {
    bool stopped = false;
    if (!r->output) return cli_usage_error("quick: no -o DIR given");
    r->inputs = (cli_list){{"quick"}, 1};
    const int code = run_experiment(r, &stopped);
    return code || stopped ? code : report_of(r->output);
}

static int command_sweep(request *r) {
    bool stopped = false;
    if (!r->output) return cli_usage_error("sweep: no -o DIR given");
    r->sweep.data = r->inputs.texts[0];
    r->sweep.folder = r->output;
    int code = lab_sweep(&r->sweep, &stopped);
    if (code == 0) code = ended(stopped, r->output);
    return code || stopped ? code : report_of(r->output);
}

static int command_list(request *r) {
    (void)r;
    return lab_list();
}

static const struct {
    const char *name, *input; /* NULL: takes none */
    bool many;
    int (*call)(request *);
} commands[] = {{"list", NULL, false, command_list},
                {"run", "EXPERIMENT", false, command_run},
                {"report", "DIR or CSV", true, command_report},
                {"quick", NULL, false, command_quick},
                {"sweep", "DATA", false, command_sweep}};

static int call(request *r) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, r->command) != 0) continue;
        const int n = r->inputs.n;
        if (!commands[i].input ? n > 0 : commands[i].many ? n < 1 : n != 1)
            return cli_usage_error("%s: want %s%s", r->command,
                                   commands[i].input ? commands[i].input : "no input",
                                   commands[i].many ? " ..." : "");
        return commands[i].call(r);
    }
    return cli_usage_error("unknown command %s (known: list, run, report, quick, sweep)",
                           r->command);
}

/* ---- the command line ---- */

/* False with the message out and c->exit_code set. */
static bool take(cli *c, request *r, int option) {
    lab_sweep_options *s = &r->sweep;
    double seconds;
    switch (option) {
    case CLI_POSITIONAL:
        if (!r->command)
            r->command = c->value;
        else
            return cli_append(c, &r->inputs);
        return true;
    case OUTPUT:
        r->output = s->run.folder = c->value;
        return true;
    case ONLY:
        s->run.only = c->value;
        return true;
    case SEEDS:
        r->seeds = c->value;
        return true;
    case TIME:
        if (!parse_time(&seconds, c->value)) {
            c->exit_code = cli_usage_error("--time: got \"%s\", want e.g. 2h, 30m, 90s", c->value);
            return false;
        }
        s->run.deadline = lab_now() + seconds;
        return true;
    case THREADS:
        return cli_int(c, &s->run.threads, 1, 1024);
    case GAMMA:
        s->gammas = c->value;
        return true;
    case ALPHA:
        s->alphas = c->value;
        return true;
    case FOLDS:
        return cli_int(c, &s->folds, 2, LAB_MAX_SEEDS);
    case LOSS:
        s->loss = c->value;
        return true;
    case PRESET:
        s->preset = c->value;
        return true;
    case SET:
        return cli_append(c, &s->set);
    default:
        s->run.quiet = true;
        return true;
    }
}

int main(int argc, char **argv) {
    (void)argc;
    request r = {.sweep = {.loss = "focal",
                           .preset = "nano",
                           .gammas = "0,1,2",
                           .alphas = "0.25,0.5",
                           .folds = 3}};
    cli c;
    cli_open(&c, argv, usage, options, N_OPTIONS);
    for (int option; (option = cli_next(&c)) != CLI_END;)
        if (option == CLI_STOP || !take(&c, &r, option)) return cli_close(c.exit_code);
    if (!r.command) return cli_close(cli_usage_error("want a command (try --help)"));
    lab_catch_signals();
    return cli_close(call(&r));
}
