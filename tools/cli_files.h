/* cli_files.h: what the programs find and write besides their results on stdout. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/* The model to use where none is given: beside the program, in ../share/retinanet, else
 * $RETINANET_MODEL. False with the message out if there is none. */
bool cli_default_model(char out[PATH_MAX]);

/* A file being written; "-" stands for stdout. What was there before stays until all is well. */
typedef struct cli_output {
    FILE *file;
    bool to_stdout;
    const char *path;                        /* as given, for messages */
    char target[PATH_MAX], beside[PATH_MAX]; /* beside is empty where target is written itself */
} cli_output;

/* Begin. 0, or the exit code with the message out. */
int cli_output_open(cli_output *output, const char *path);
/* Finish. 0, or the exit code with the message out; then a file that was there is as it was. */
int cli_output_close(cli_output *output);

/* Before long work: whether a file could be written at `path`, or files into the folder `path`,
 * which may have to be made. 0, or the exit code with the message out. */
int cli_output_check(const char *path);
int cli_folder_check(const char *path);

/* Whether both are there and one. */
bool cli_same_file(const char *a, const char *b);

/* `text` as a JSON string, with its quotes; U+FFFD for each byte that is no UTF-8, as file names
 * may hold such. */
void cli_put_json_text(FILE *file, const char *text);

/* Hooks for a program: messages go to stderr, progress to its last line if that is a terminal. */
typedef struct cli_screen {
    bool terminal, quiet, dirty;
} cli_screen;
void cli_show_message(void *screen, const char *line);
void cli_show_progress(void *screen, const char *line);
void cli_end_progress(cli_screen *screen); /* leave the progress line behind */

#endif
