/* report_files.h: the files of rn_report_write. Private to src/eval. */
#ifndef RN_EVAL_REPORT_FILES_H
#define RN_EVAL_REPORT_FILES_H

#include "base/status.h"

RN_MUST_USE rn_status rn_report_plot_curves(const rn_report *report, const char *folder);
RN_MUST_USE rn_status rn_report_plot_confusion(const rn_report *report, const char *folder);

#endif
