#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_NAME = 64,    /* bytes of an option's name that are compared for a suggestion */
    MAX_EDITS = 3,    /* more make another word */
    HELP_COLUMN = 26, /* where the help of an option begins */
    EXIT_USAGE = 1,   /* the command line is wrong */
    EXIT_NOT_WRITTEN = 5
};

/* ---- messages ---- */

/* One line, whatever file names and arguments hold. */
static void print_error(const char *text) {
    fprintf(stderr, "%s: error: ", program_invocation_short_name);
    for (; *text; text++) fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
    fputc('\n', stderr);
}

int cli_error(rn_status status) {
    print_error(rn_error_text());
    return rn_status_exit_code(status);
}

int cli_usage_error(const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error(text);
    return EXIT_USAGE;
}

/* The name of an option as it is typed. */
static const char *shown(char out[MAX_NAME + 1], const char *name) {
    size_t i = 0;
    for (; name[i] && i < MAX_NAME; i++) out[i] = name[i] == '_' ? '-' : name[i];
    out[i] = '\0';
    return out;
}

static void print_option(const cli_option *option) {
    char left[128], name[MAX_NAME + 1];
    const char letter[] = {'-', option->letter, ',', ' ', '\0'};
    const int width = snprintf(left, sizeof left, "  %s--%s%s%s", option->letter ? letter : "    ",
                               shown(name, option->name), option->value ? " " : "",
                               option->value ? option->value : "");
    if (width < HELP_COLUMN)
        printf("%-*s%s\n", HELP_COLUMN, left, option->help);
    else
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", option->help);
}

static const cli_option common[] = {{"help", 'h', NULL, "show this and exit"},
                                    {"version", 0, NULL, "show the version and exit"}};
enum { N_COMMON = sizeof common / sizeof *common };

static void print_help(const cli *c) {
    const char *lead = "usage:";
    for (const char *line = c->usage; *line;) {
        const int size = (int)strcspn(line, "\n");
        printf("%-6s %s %.*s\n", lead, program_invocation_short_name, size, line);
        line += size + (line[size] == '\n');
        lead = "";
    }
    printf("\noptions:\n");
    for (size_t i = 0; i < c->n_options; i++)
        if (c->options[i].help) print_option(&c->options[i]);
    for (size_t i = 0; i < N_COMMON; i++) print_option(&common[i]);
}

/* ---- names ---- */

static bool same_name(const char *name, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (name[i] == '\0' || (name[i] == '_' ? '-' : name[i]) != (text[i] == '_' ? '-' : text[i]))
            return false;
    return name[size] == '\0';
}

static const cli_option *find_name(const cli *c, const char *text, size_t size) {
    for (size_t i = 0; i < c->n_options; i++)
        if (same_name(c->options[i].name, text, size)) return &c->options[i];
    for (size_t i = 0; i < N_COMMON; i++)
        if (same_name(common[i].name, text, size)) return &common[i];
    return NULL;
}

static const cli_option *find_letter(const cli *c, char letter) {
    for (size_t i = 0; i < c->n_options; i++)
        if (c->options[i].letter == letter) return &c->options[i];
    for (size_t i = 0; i < N_COMMON; i++)
        if (common[i].letter == letter) return &common[i];
    return NULL;
}

/* Letters to insert, drop or change to make one text of the other (Levenshtein). */
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m) {
    size_t row[MAX_NAME + 1];
    n = n > MAX_NAME ? MAX_NAME : n;
    m = m > MAX_NAME ? MAX_NAME : m;
    for (size_t k = 0; k <= m; k++) row[k] = k;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= m; k++) {
            const size_t above = row[k];
            size_t least = diagonal + (a[i - 1] != b[k - 1]);
            if (above + 1 < least) least = above + 1;
            if (row[k - 1] + 1 < least) least = row[k - 1] + 1;
            row[k] = least;
            diagonal = above;
        }
    }
    return row[m];
}

static void suggest(const cli_option **nearest, size_t *least, const cli_option *options, size_t n,
                    const char *text, size_t size) {
    for (size_t i = 0; i < n; i++) {
        char name[MAX_NAME + 1];
        shown(name, options[i].name);
        const size_t distance = edit_distance(name, strlen(name), text, size);
        if (distance > MAX_EDITS || distance >= *least || distance >= strlen(name)) continue;
        *least = distance;
        *nearest = &options[i];
    }
}

/* ---- arguments ---- */

/* A closed stdin, stdout or stderr would let the next file that is opened take its number, and what
 * is printed would land in that file. Such a number is taken so that its use keeps failing. */
static void occupy_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void cli_open(cli *c, char **argv, const char *usage, const cli_option *options, size_t n_options) {
    *c = (cli){.usage = usage, .options = options, .n_options = n_options};
    c->next = *argv ? argv + 1 : argv;
    occupy_standard_streams();
    signal(SIGPIPE, SIG_IGN);
}

static int stop(cli *c, int exit_code) {
    c->exit_code = exit_code;
    return CLI_STOP;
}

static int unknown(cli *c, const char *text, size_t size) {
    const cli_option *nearest = NULL;
    size_t least = size;
    char name[MAX_NAME + 1];
    suggest(&nearest, &least, c->options, c->n_options, text, size);
    suggest(&nearest, &least, common, N_COMMON, text, size);
    if (nearest)
        return stop(c, cli_usage_error("unknown option --%.*s (did you mean --%s?)", (int)size,
                                       text, shown(name, nearest->name)));
    return stop(c, cli_usage_error("unknown option --%.*s (try --help)", (int)size, text));
}

/* The option was met, with `value` or NULL attached to it: take its value and say which it is. */
static int take(cli *c, const cli_option *option, const char *value) {
    char name[MAX_NAME + 1];
    c->option = option;
    c->value = value;
    if (option == &common[0]) {
        print_help(c);
        return stop(c, 0);
    }
    if (option == &common[1]) {
        printf("%s %s\n", program_invocation_short_name, RN_VERSION);
        return stop(c, 0);
    }
    if (option->value && !value) {
        if (!*c->next)
            return stop(c, cli_usage_error("option --%s needs a value (%s)",
                                           shown(name, option->name), option->value));
        c->value = *c->next++;
    }
    return (int)(option - c->options);
}

static int take_name(cli *c, const char *text) {
    const size_t size = strcspn(text, "=");
    const char *value = text[size] == '=' ? text + size + 1 : NULL;
    const cli_option *option = find_name(c, text, size);
    if (!option) return unknown(c, text, size);
    if (value && !option->value)
        return stop(c, cli_usage_error("option --%.*s takes no value (got \"%s\")", (int)size, text,
                                       value));
    return take(c, option, value);
}

static int take_letter(cli *c) {
    const char letter = *c->letters++;
    const cli_option *option = find_letter(c, letter);
    const char *value = NULL;
    if (!option) return stop(c, cli_usage_error("unknown option -%c (try --help)", letter));
    if (option->value && *c->letters) {
        value = c->letters;
        c->letters = NULL;
    }
    return take(c, option, value);
}

int cli_next(cli *c) {
    c->value = NULL;
    if (c->letters && *c->letters) return take_letter(c);
    const char *text = *c->next;
    if (!text) return CLI_END;
    c->next++;
    if (!c->only_positionals && strcmp(text, "--") == 0) {
        c->only_positionals = true;
        return cli_next(c);
    }
    if (!c->only_positionals && text[0] == '-' && text[1] != '\0') {
        if (text[1] == '-') return take_name(c, text + 2);
        c->letters = text + 1;
        return take_letter(c);
    }
    c->value = text;
    return CLI_POSITIONAL;
}

/* ---- numbers ---- */

/* strtod alone would take blanks, hex, inf and nan. */
static bool parse(double *out, const char *text) {
    char *end;
    if (text[strspn(text, "0123456789+-.eE")] != '\0' || *text == '\0') return false;
    *out = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*out);
}

static bool refuse(cli *c, double min, double max) {
    char name[MAX_NAME + 1];
    c->exit_code = cli_usage_error("--%s: got \"%s\", want %.15g..%.15g",
                                   shown(name, c->option->name), c->value, min, max);
    return false;
}

bool cli_double(cli *c, double *out, double min, double max) {
    double value;
    if (!parse(&value, c->value) || value < min || value > max) return refuse(c, min, max);
    *out = value;
    return true;
}

bool cli_append(cli *c, cli_list *list) {
    if (list->n == CLI_MAX_LIST) {
        c->exit_code = cli_usage_error("--%s: more than %d of them", c->option->name, CLI_MAX_LIST);
        return false;
    }
    list->texts[list->n++] = c->value;
    return true;
}

bool cli_int(cli *c, int *out, int min, int max) {
    double value;
    const char *digits = c->value + (*c->value == '-');
    if (digits[strspn(digits, "0123456789")] != '\0' || !parse(&value, c->value) || value < min ||
        value > max)
        return refuse(c, min, max);
    *out = (int)value;
    return true;
}

/* ---- the end ---- */

int cli_close(int exit_code) {
    const bool failed = ferror(stdout) != 0;
    errno = 0;
    if (fflush(stdout) == 0 && !failed) return exit_code;
    if (errno != EPIPE && errno != EBADF && errno != 0)
        cli_usage_error("stdout: cannot write: %s", strerror(errno));
    return exit_code ? exit_code : EXIT_NOT_WRITTEN;
}
