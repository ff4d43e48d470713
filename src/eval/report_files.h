/* report_files.h: the files of rn_report_write. Private to src/eval. */
#ifndef RN_EVAL_REPORT_FILES_H
#define RN_EVAL_REPORT_FILES_H

#include "base/status.h"

/* What row and column i of the confusion matrix stand for. */
static inline const char *rn_report_row(const rn_report *report, size_t i) {
    return i < report->n_classes ? report->classes[i].name : "background";
}

RN_MUST_USE rn_status rn_report_plot_curves(const rn_report *report, const char *folder);
RN_MUST_USE rn_status rn_report_plot_confusion(const rn_report *report, const char *folder);

#endif
