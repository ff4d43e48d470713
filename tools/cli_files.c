#include "cli_files.h"
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the model ---- */

bool cli_default_model(char out[PATH_MAX]) {
    static const char *const places[] = {"default.safetensors",
                                         "../share/retinanet/default.safetensors"};
    const char *environment = getenv("RETINANET_MODEL");
    char program[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n > 0) {
        program[n] = '\0';
        *strrchr(program, '/') = '\0';
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if (snprintf(out, PATH_MAX, "%s/%s", program, places[i]) < PATH_MAX &&
                access(out, R_OK) == 0)
                return true;
    }
    if (environment && *environment && snprintf(out, PATH_MAX, "%s", environment) < PATH_MAX)
        return true;
    (void)cli_usage_error("no model: give -m MODEL or set RETINANET_MODEL");
    return false;
}

/* ---- output ---- */

static bool complain(const char *path) {
    (void)cli_usage_error("%s: cannot write: %s", path, strerror(errno));
    return false;
}

bool cli_output_open(cli_output *output, const char *path) {
    struct stat info;
    *output = (cli_output){.to_stdout = strcmp(path, "-") == 0};
    if (output->to_stdout) {
        output->file = stdout;
        return true;
    }
    const bool exists = stat(path, &info) == 0;
    if (!exists || !realpath(path, output->target)) /* a link is followed, not replaced */
        snprintf(output->target, PATH_MAX, "%s", path);
    if (exists && !S_ISREG(info.st_mode)) {
        output->file = fopen(output->target, "w"); /* a device or pipe */
        return output->file || complain(path);
    }
    if (snprintf(output->beside, PATH_MAX, "%s.%ld.tmp", output->target, (long)getpid()) >=
        PATH_MAX) {
        errno = ENAMETOOLONG;
        return complain(path);
    }
    output->file = fopen(output->beside, "wx");
    return output->file || complain(path);
}

bool cli_output_close(cli_output *output) {
    if (output->to_stdout) return true; /* cli_close sees whether it took all */
    bool ok = fflush(output->file) == 0 && !ferror(output->file);
    if (ok && output->beside[0]) ok = fsync(fileno(output->file)) == 0;
    if (fclose(output->file) != 0) ok = false;
    if (ok && output->beside[0]) ok = rename(output->beside, output->target) == 0;
    if (ok) return true;
    (void)complain(output->target);
    if (output->beside[0]) unlink(output->beside);
    return false;
}

void cli_put_json_text(FILE *file, const char *text) {
    putc('"', file);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", c);
        else
            putc(c, file);
    }
    putc('"', file);
}

/* ---- progress ---- */

void cli_show_message(void *screen, const char *line) {
    cli_screen *s = screen;
    if (s->quiet) return;
    fprintf(stderr, "%s%s\n", s->dirty ? "\r\033[K" : "", line);
    s->dirty = false;
}

void cli_show_progress(void *screen, const char *line) {
    cli_screen *s = screen;
    if (s->quiet || !s->terminal) return;
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    s->dirty = true;
}

void cli_end_progress(cli_screen *screen) {
    if (screen->dirty) fputc('\n', stderr);
    screen->dirty = false;
}
