/* A report as files: tables as CSV (RFC 4180), beside the pictures of plot_*.c. */
#include "eval/report_files.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "eval/coco_eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* A file being written through a buffer. */
typedef struct table {
    rn_writer *file;
    char text[1 << 14];
    size_t used;
} table;

static rn_status flush(table *t) {
    const size_t used = t->used;
    t->used = 0;
    return rn_writer_write(t->file, t->text, used);
}

static rn_status put(table *t, const char *text, size_t size) {
    if (sizeof t->text - t->used < size) RN_TRY(flush(t));
    if (size > sizeof t->text) return rn_writer_write(t->file, text, size);
    memcpy(t->text + t->used, text, size);
    t->used += size;
    return RN_OK;
}

static rn_status put_text(table *t, const char *text) {
    return put(t, text, strlen(text));
}

/* Quoted where it must be. */
static rn_status put_name(table *t, const char *name) {
    if (!name[strcspn(name, ",\"\r\n")]) return put_text(t, name);
    RN_TRY(put_text(t, "\""));
    for (; *name; name++) {
        if (*name == '"') RN_TRY(put(t, "\"", 1));
        RN_TRY(put(t, name, 1));
    }
    return put_text(t, "\"");
}

static rn_status put_number(table *t, double value) {
    char text[32];
    const size_t size = rn_format_double(text, value);
    RN_TRY(put(t, ",", 1));
    return put(t, text, size);
}

static rn_status write_table(const rn_report *report, const char *folder, const char *name,
                             rn_status (*write)(table *, const rn_report *)) {
    char *path = NULL;
    table *t = NULL;
    rn_status status;
    if ((status = rn_path_join(&path, folder, name)) != RN_OK ||
        (status = rn_alloc(&t, 1, sizeof *t)) != RN_OK ||
        (status = rn_writer_open(&t->file, path)) != RN_OK ||
        (status = write(t, report)) != RN_OK || (status = flush(t)) != RN_OK)
        goto done;
    status = rn_writer_commit(t->file);
    t->file = NULL;
done:
    if (t) rn_writer_abort(t->file);
    free(t);
    free(path);
    return status;
}

/* ---- the tables ---- */

/* Points at which nothing more is found are left out: down to the next one precision and F1 but
 * fall, and a large set has ten times as many. */
static rn_status put_curve(table *t, const char *name, const rn_curve *curve) {
    for (size_t i = 0; i < curve->n; i++) {
        const rn_curve_point *p = &curve->points[i];
        const double found = (double)p->n_true;
        if (p->n_true == (i > 0 ? p[-1].n_true : 0)) continue;
        RN_TRY(put_name(t, name));
        RN_TRY(put_number(t, p->score));
        RN_TRY(put_number(t, found));
        RN_TRY(put_number(t, (double)p->n_false));
        RN_TRY(put_number(t, found / (double)(p->n_true + p->n_false)));
        RN_TRY(put_number(t, found / (double)curve->n_objects));
        RN_TRY(put_number(t, rn_curve_f1(curve, p)));
        RN_TRY(put_text(t, "\n"));
    }
    return RN_OK;
}

/* Curves without an object have no recall and are left out. */
static rn_status put_curves(table *t, const rn_report *r) {
    RN_TRY(put_text(t, "class,score,true,false,precision,recall,f1\n"));
    if (r->curve.n_objects > 0) RN_TRY(put_curve(t, "(all)", &r->curve));
    for (size_t k = 0; k < r->n_classes; k++)
        if (r->classes[k].curve.n_objects > 0)
            RN_TRY(put_curve(t, r->classes[k].name, &r->classes[k].curve));
    return RN_OK;
}

static rn_status put_confusion(table *t, const rn_report *r) {
    const size_t n = r->n_classes + 1;
    RN_TRY(put_text(t, "truth"));
    for (size_t i = 0; i < n; i++) {
        RN_TRY(put_text(t, ","));
        RN_TRY(put_name(t, rn_report_row(r, i)));
    }
    RN_TRY(put_text(t, "\n"));
    for (size_t i = 0; i < n; i++) {
        RN_TRY(put_name(t, rn_report_row(r, i)));
        for (size_t k = 0; k < n; k++) RN_TRY(put_number(t, (double)r->confusion[i * n + k]));
        RN_TRY(put_text(t, "\n"));
    }
    return RN_OK;
}

rn_status rn_report_write(const rn_report *report, const char *folder) {
    RN_TRY(rn_folder_make(folder));
    RN_TRY(write_table(report, folder, "pr.csv", put_curves));
    RN_TRY(rn_report_plot_curves(report, folder));
    if (!report->confusion) return RN_OK;
    RN_TRY(write_table(report, folder, "confusion.csv", put_confusion));
    return rn_report_plot_confusion(report, folder);
}
