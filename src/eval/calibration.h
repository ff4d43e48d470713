/* calibration.h: whether detections of a score are right as often as it says. */
#ifndef RN_EVAL_CALIBRATION_H
#define RN_EVAL_CALIBRATION_H

#include "base/status.h"

#include <retinanet_lab.h>

/* The detections of a curve in RN_LAB_SCORE_BINS bins of one width by score, bin b being (b, b + 1]
 * / bins (score 0: the first); returns the expected calibration error, the mean over detections of
 * |precision - score| of their bin, -1 without any. What both are stands at rn_lab_report. */
double rn_calibrate(rn_lab_score_bin bins[RN_LAB_SCORE_BINS], const rn_curve *curve);

#endif
