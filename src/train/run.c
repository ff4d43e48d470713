#include "train/run.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const results_header =
    "epoch,step,lr,cls_loss,box_loss,positives,grad_norm,images_per_s,seconds,val_ap,val_ap50,"
    "bg_loss_share,bg_grad_share\n";
static const char *const dominance_header = "epoch,step,level,positives,negatives,ignored,"
                                            "bg_loss_share,bg_grad_share,fg_loss,bg_loss\n";

enum {
    MAX_TABLE = 64 << 20, /* bytes of a csv file that is taken up again */
    LINE = 512            /* bytes of a row */
};

void rn_run_close(rn_run_folder *folder) {
    if (folder->lock >= 0) close(folder->lock);
    if (folder->log >= 0) close(folder->log);
    free(folder->path);
    free(folder->results);
    free(folder->dominance);
    *folder = (rn_run_folder){.lock = -1, .log = -1};
}

void rn_run_discard(rn_run_folder *folder) {
    static const char *const names[] = {".lock", "log.txt", "args.json", "pictures",
                                        "last.safetensors"};
    if (!folder->path) return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = NULL;
        if (rn_run_path(&path, folder, names[i]) == RN_OK) (void)remove(path);
        free(path);
    }
    (void)rmdir(folder->path);
    rn_run_close(folder);
}

rn_status rn_run_path(char **out, const rn_run_folder *folder, const char *name) {
    return rn_path_join(out, folder->path, name);
}

/* RUN/pictures, unless it is there. */
static rn_status make_pictures(const rn_run_folder *folder) {
    char *path = NULL;
    RN_TRY(rn_run_path(&path, folder, "pictures"));
    rn_status status = RN_OK;
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        status = rn_fail(RN_EIO, "%s: cannot make the folder: %s", path, strerror(errno));
    free(path);
    return status;
}

/* Open RUN/name for this process alone. */
static rn_status open_inside(int *fd, const rn_run_folder *folder, const char *name, int flags) {
    char *path = NULL;
    RN_TRY(rn_run_path(&path, folder, name));
    *fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
    const rn_status status =
        *fd < 0 ? rn_fail(RN_EIO, "%s: cannot write: %s", path, strerror(errno)) : RN_OK;
    free(path);
    return status;
}

/* A folder that takes no new file shows before the first step, not at the first checkpoint. */
static rn_status enter(rn_run_folder *folder) {
    if (access(folder->path, W_OK | X_OK) != 0)
        return rn_fail(RN_EIO, "%s: cannot write: %s", folder->path, strerror(errno));
    RN_TRY(open_inside(&folder->lock, folder, ".lock", O_RDWR));
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? rn_fail(RN_EINVAL, "%s: another process is training in this folder",
                             folder->path)
                   : rn_fail(RN_EIO, "%s: cannot lock: %s", folder->path, strerror(errno));
    RN_TRY(make_pictures(folder));
    return open_inside(&folder->log, folder, "log.txt", O_WRONLY | O_APPEND);
}

/* Make every missing folder above `path`, which may end with '/'. */
static rn_status make_parents(const char *path) {
    char *copy = NULL;
    RN_TRY(rn_strdup(&copy, path));
    for (char *p = copy; *p; p++) {
        if (p == copy || *p != '/' || p[strspn(p, "/")] == '\0') continue;
        *p = '\0';
        (void)mkdir(copy, 0777); /* a failure shows when the run's own folder is made */
        *p = '/';
    }
    free(copy);
    return RN_OK;
}

rn_status rn_run_create(rn_run_folder *out, const char *path) {
    rn_run_folder folder = {.lock = -1, .log = -1};
    rn_status status;
    *out = folder;
    if (rn_path_exists(path))
        return rn_fail(RN_EINVAL,
                       "%s: exists already (go on with it by --resume %s, or choose another -o)",
                       path, path);
    RN_TRY(make_parents(path));
    RN_TRY(rn_strdup(&folder.path, path)); /* first: what is made can be discarded */
    if (mkdir(path, 0777) != 0) {
        status = rn_fail(RN_EIO, "%s: cannot make the folder: %s", path, strerror(errno));
        rn_run_close(&folder);
        return status;
    }
    if ((status = rn_strdup(&folder.results, results_header)) != RN_OK) goto done;
    if ((status = rn_strdup(&folder.dominance, dominance_header)) != RN_OK) goto done;
    status = enter(&folder);
done:
    if (status == RN_OK)
        *out = folder;
    else
        rn_run_discard(&folder);
    return status;
}

/* Before anything is made in a folder that is none of ours. */
static rn_status check_is_run(const rn_run_folder *folder) {
    char *last = NULL;
    RN_TRY(rn_run_path(&last, folder, "last.safetensors"));
    const rn_status status =
        rn_path_exists(last)
            ? RN_OK
            : rn_fail(RN_EINPUT, "%s: no folder of a run (no last.safetensors in it)",
                      folder->path);
    free(last);
    return status;
}

/* A killed process may have left a half-written file of a writer (file.h) behind, in RUN or in
 * RUN/pictures. Under the lock nobody writes there, so it is nobody's. */
static rn_status remove_leftovers(const rn_run_folder *folder, const char *subfolder) {
    char **names = NULL, *inside = NULL;
    size_t n = 0;
    rn_status status;
    if ((status = rn_run_path(&inside, folder, subfolder)) != RN_OK) goto done;
    if ((status = rn_folder_list(&names, &n, inside)) != RN_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        char *path = NULL;
        if (strstr(names[i], ".tmp-") && status == RN_OK &&
            (status = rn_path_join(&path, inside, names[i])) == RN_OK)
            (void)unlink(path);
        free(path);
        free(names[i]);
    }
done:
    free(names);
    free(inside);
    return status;
}

static size_t count(const char *text, size_t size, char c) {
    size_t n = 0;
    for (size_t i = 0; i < size; i++) n += text[i] == c;
    return n;
}

/* A table of a version that had fewer columns, their names the first of `header`: its rows get
 * empty cells. Any other is left as it is. */
static rn_status widen(char **table, const char *header) {
    const size_t named = strcspn(*table, "\n"), all = strcspn(header, "\n");
    if ((*table)[named] != '\n' || named >= all || memcmp(*table, header, named) != 0 ||
        header[named] != ',')
        return RN_OK;
    const size_t missing = count(header + named, all - named, ',');
    const size_t rows = count(*table + named, strlen(*table + named), '\n');
    char *wide = NULL, *to;
    RN_TRY(rn_alloc(&wide, strlen(*table) + all + rows * missing + 1, 1));
    to = stpcpy(wide, header);
    for (const char *from = *table + named + 1; *from; from++) {
        if (*from == '\n')
            for (size_t i = 0; i < missing; i++) *to++ = ',';
        *to++ = *from;
    }
    free(*table);
    *table = wide;
    return RN_OK;
}

/* RUN/name as text, or its header where there is none yet. */
static rn_status open_table(char **out, const rn_run_folder *folder, const char *name,
                            const char *header) {
    char *path = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    rn_status status;
    RN_TRY(rn_run_path(&path, folder, name));
    if (!rn_path_exists(path)) {
        status = rn_strdup(out, header);
    } else if ((status = rn_file_read(&bytes, &size, path, MAX_TABLE)) == RN_OK) {
        *out = (char *)bytes;
        status = widen(out, header);
    }
    free(path);
    return status;
}

rn_status rn_run_open(rn_run_folder *out, const char *path) {
    rn_run_folder folder = {.lock = -1, .log = -1};
    rn_status status;
    *out = folder;
    if (!rn_path_is_folder(path)) return rn_fail(RN_EINPUT, "%s: no folder of a run", path);
    if ((status = rn_strdup(&folder.path, path)) != RN_OK) goto done;
    if ((status = check_is_run(&folder)) != RN_OK) goto done;
    if ((status = enter(&folder)) != RN_OK) goto done;
    if ((status = remove_leftovers(&folder, "")) != RN_OK) goto done;
    if ((status = remove_leftovers(&folder, "pictures")) != RN_OK) goto done;
    status = open_table(&folder.results, &folder, "results.csv", results_header);
    if (status != RN_OK) goto done;
    status = open_table(&folder.dominance, &folder, "dominance.csv", dominance_header);
done:
    if (status == RN_OK)
        *out = folder;
    else
        rn_run_close(&folder);
    return status;
}

void rn_run_log(rn_run_folder *folder, const char *line) {
    if (folder->log >= 0) (void)!dprintf(folder->log, "%s\n", line);
}

static void append_cell(char *row, size_t size, double value) {
    char text[32] = "";
    if (!isnan(value)) rn_format_double(text, value);
    const size_t used = strlen(row);
    snprintf(row + used, size - used, ",%s", text);
}

/* Put `line` behind *table, and that into RUN/name. */
static rn_status add_line(char **table, const char *line, const rn_run_folder *folder,
                          const char *name) {
    char *longer = NULL, *path = NULL;
    RN_TRY(rn_asprintf(&longer, "%s%s\n", *table, line));
    free(*table);
    *table = longer;
    RN_TRY(rn_run_path(&path, folder, name));
    const rn_status status = rn_file_write(path, longer, strlen(longer));
    free(path);
    return status;
}

/* "epoch,step" */
static void begin_line(char line[LINE], const rn_results_row *row) {
    rn_format_double(line, row->epoch);
    snprintf(line + strlen(line), 32, ",%llu", (unsigned long long)row->step);
}

static double share(const double sides[RN_SIDES]) {
    const double all = sides[RN_SIDE_BACKGROUND] + sides[RN_SIDE_FOREGROUND];
    return all > 0 ? sides[RN_SIDE_BACKGROUND] / all : NAN;
}

static rn_status add_results(rn_run_folder *folder, const rn_results_row *row) {
    double cls[RN_SIDES] = {0}, gradient[RN_SIDES] = {0};
    char line[LINE];
    for (int l = 0; l < RN_LEVELS; l++)
        for (int side = 0; side < RN_SIDES; side++) {
            cls[side] += row->levels[l].cls[side];
            gradient[side] += row->levels[l].gradient[side];
        }
    const double cells[] = {row->lr,        row->cls_loss,     row->box_loss,  row->positives,
                            row->grad_norm, row->images_per_s, row->seconds,   row->val_ap,
                            row->val_ap50,  share(cls),        share(gradient)};
    begin_line(line, row);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) append_cell(line, LINE, cells[i]);
    return add_line(&folder->results, line, folder, "results.csv");
}

static rn_status add_dominance(rn_run_folder *folder, const rn_results_row *row) {
    char lines[RN_LEVELS * LINE] = "";
    for (int l = 0; l < RN_LEVELS; l++) {
        const rn_level_losses *level = &row->levels[l];
        const double cells[] = {level->positives,
                                level->negatives,
                                level->ignored,
                                share(level->cls),
                                share(level->gradient),
                                level->cls[RN_SIDE_FOREGROUND],
                                level->cls[RN_SIDE_BACKGROUND]};
        char *line = lines + strlen(lines);
        begin_line(line, row);
        snprintf(line + strlen(line), 8, ",P%d", 3 + l);
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) append_cell(line, LINE, cells[i]);
        if (l < RN_LEVELS - 1) strcat(line, "\n");
    }
    return add_line(&folder->dominance, lines, folder, "dominance.csv");
}

rn_status rn_run_add_row(rn_run_folder *folder, const rn_results_row *row) {
    RN_TRY(add_results(folder, row));
    return add_dominance(folder, row);
}

/* The rows of a table up to `step`, which is their second cell. */
static void drop_rows(char *table, uint64_t step) {
    char *line = strchr(table, '\n');
    while (line && line[1]) {
        char *end = strchr(line + 1, '\n');
        const char *comma = line + 1 + strcspn(line + 1, ",\n");
        if (!end || *comma != ',' || strtoull(comma + 1, NULL, 10) > step) {
            line[1] = '\0';
            return;
        }
        line = end;
    }
}

void rn_run_drop_rows(rn_run_folder *folder, uint64_t step) {
    drop_rows(folder->results, step);
    drop_rows(folder->dominance, step);
}
