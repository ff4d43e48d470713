/* cli.h: the command line and the exit of every program.
 *
 *     static const cli_option options[] = {
 *         {"json", 0, "FILE", "write the numbers to FILE"}, {"quiet", 'q', NULL, "say less"}};
 *     cli c;
 *     cli_open(&c, argv, "GROUND_TRUTH.json DETECTIONS.json [OPTIONS]", options, 2);
 *     for (int option; (option = cli_next(&c)) != CLI_END;) {
 *         if (option == CLI_STOP) return cli_close(c.exit_code);
 *         if (option == CLI_POSITIONAL) ... c.value ...
 *         if (option == 0) json = c.value;
 *         if (option == 1) quiet = true;
 *     }
 *     ...
 *     return cli_close(status == RN_OK ? 0 : cli_error(status));
 *
 * --help (-h) and --version are in every program. Programs never call setlocale, so that numbers
 * read and print alike everywhere. */
#ifndef CLI_H
#define CLI_H

#include <retinanet.h>

typedef struct cli_option {
    const char *name;  /* without its dashes; '_' and '-' are the same, '-' is shown */
    char letter;       /* 'q' for -q; 0 for none */
    const char *value; /* what --help calls its value; NULL for a switch */
    const char *help;  /* one line; NULL leaves the option out of --help */
} cli_option;

enum { CLI_END = -1, CLI_POSITIONAL = -2, CLI_STOP = -3 };

typedef struct cli {
    const char *value; /* of the option just returned (NULL for a switch), or the positional */
    int exit_code;     /* what to end with after CLI_STOP */
    /* private */
    const char *usage;
    const cli_option *options;
    size_t n_options;
    const cli_option *option; /* just returned */
    char **next;              /* next argument */
    const char *letters;      /* rest of a cluster such as -qv */
    bool only_positionals;    /* "--" was met */
} cli;

/* Begin. `argv` ends with NULL, as main's does; `usage` holds a line a form, without the program's
 * name. Also makes writing to a closed stdout an error instead of a signal. */
void cli_open(cli *c, char **argv, const char *usage, const cli_option *options, size_t n_options);

/* The next argument: the index of an option, CLI_POSITIONAL, CLI_END, or CLI_STOP when --help or
 * --version have been answered or the line is wrong (the message is out). Understands --name value,
 * --name=value, -o value, -ovalue, -qv, and "--", behind which all is positional; "-" is
 * positional. */
int cli_next(cli *c);

/* c->value as a number within min..max. False, with the message out and c->exit_code set, for
 * anything else: nan, inf, hex, 1e400, "0,01", blanks. */
bool cli_int(cli *c, int *out, int min, int max);
bool cli_double(cli *c, double *out, double min, double max);

/* Texts that an option may give again and again, NULL behind the last. Zero-initialise. */
enum { CLI_MAX_LIST = 64 };
typedef struct cli_list {
    const char *texts[CLI_MAX_LIST + 1];
    int n;
} cli_list;
/* Append c->value. False, with the message out and c->exit_code set, if there is no room. */
bool cli_append(cli *c, cli_list *list);

/* Print "PROGRAM: error: TEXT" on stderr: rn_error_text(), or what is given, in which case the
 * command line is at fault. Return the exit code. */
int cli_error(rn_status status);
int cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The last thing in main: flush stdout and return `exit_code`, or 5 where stdout took not all (in
 * silence if its reader has gone). */
int cli_close(int exit_code);

#endif
