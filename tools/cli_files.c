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

static int complain(const char *path) {
    const rn_status status = errno == ENOMEM ? RN_ENOMEM : RN_EIO;
    (void)cli_usage_error("%s: cannot write: %s", path, strerror(errno));
    return rn_status_exit_code(status);
}

int cli_output_open(cli_output *output, const char *path) {
    struct stat info;
    *output = (cli_output){.path = path, .to_stdout = strcmp(path, "-") == 0};
    if (output->to_stdout) {
        output->file = stdout;
        return 0;
    }
    const bool exists = stat(path, &info) == 0;
    if (!exists || !realpath(path, output->target)) /* a link is followed, not replaced */
        snprintf(output->target, PATH_MAX, "%s", path);
    if (exists && !S_ISREG(info.st_mode)) {
        output->file = fopen(output->target, "w"); /* a device or pipe */
        return output->file ? 0 : complain(path);
    }
    if (snprintf(output->beside, PATH_MAX, "%s.%ld.tmp", output->target, (long)getpid()) >=
        PATH_MAX) {
        errno = ENAMETOOLONG;
        return complain(path);
    }
    output->file = fopen(output->beside, "wx");
    return output->file ? 0 : complain(path);
}

int cli_output_close(cli_output *output) {
    if (output->to_stdout) return 0; /* cli_close sees whether it took all */
    bool ok = fflush(output->file) == 0 && !ferror(output->file);
    if (ok && output->beside[0]) ok = fsync(fileno(output->file)) == 0;
    if (fclose(output->file) != 0) ok = false;
    if (ok && output->beside[0]) ok = rename(output->beside, output->target) == 0;
    if (ok) return 0;
    const int code = complain(output->path);
    if (output->beside[0]) unlink(output->beside);
    return code;
}

/* Cut `path` to the folder above. */
static void climb(char path[PATH_MAX]) {
    char *slash = strrchr(path, '/');
    if (!slash)
        strcpy(path, ".");
    else
        slash[slash == path] = '\0';
}

/* 0, or what keeps new files out of a folder, of which `path` is told. */
static int check_folder(const char *folder, const char *path) {
    struct stat info;
    if (stat(folder, &info) != 0) return complain(path);
    if (S_ISDIR(info.st_mode)) return access(folder, W_OK | X_OK) == 0 ? 0 : complain(path);
    errno = ENOTDIR;
    return complain(path);
}

int cli_output_check(const char *path) {
    struct stat info;
    char folder[PATH_MAX];
    const bool exists = stat(path, &info) == 0;
    if (strcmp(path, "-") == 0) return 0;
    if (exists && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return complain(path);
    }
    if (exists && !S_ISREG(info.st_mode)) return 0; /* a device or pipe */
    if (!exists || !realpath(path, folder)) snprintf(folder, sizeof folder, "%s", path);
    climb(folder);
    return check_folder(folder, path);
}

int cli_folder_check(const char *path) {
    struct stat info;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    while (stat(folder, &info) != 0 && errno == ENOENT && strcmp(folder, ".") != 0) climb(folder);
    return check_folder(folder, path);
}

bool cli_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Bytes of the character that `text` begins with; 0 if that is no UTF-8: an odd lead, a tail cut
 * off, a longer form than needed, a surrogate, or beyond U+10FFFF. */
static int utf8_length(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    const int n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}

void cli_put_json_text(FILE *file, const char *text) {
    putc('"', file);
    while (*text) {
        const int n = utf8_length(text);
        const unsigned char c = (unsigned char)*text;
        if (n == 0)
            fputs("\\ufffd", file);
        else if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", c);
        else
            fwrite(text, 1, (size_t)n, file);
        text += n > 0 ? n : 1;
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
