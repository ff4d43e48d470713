/* report_files.h: the files of rn_report_write. Private to src/eval. */
#ifndef RN_EVAL_REPORT_FILES_H
#define RN_EVAL_REPORT_FILES_H

#include "base/status.h"

/* F1 at a point of a curve. */
static inline double rn_curve_f1(const rn_curve *curve, const rn_curve_point *p) {
    return 2 * (double)p->n_true / (double)(p->n_true + p->n_false + curve->n_objects);
}

RN_MUST_USE rn_status rn_report_plot_curves(const rn_report *report, const char *folder);
RN_MUST_USE rn_status rn_report_plot_confusion(const rn_report *report, const char *folder);

#endif
