/* detector.h: a detector made from what is in memory; retinanet.h has the part that opens files. */
#ifndef RN_MODEL_DETECTOR_H
#define RN_MODEL_DETECTOR_H

#include "base/threads.h"
#include "data/image.h"
#include "detection/anchors.h"
#include "detection/postprocess.h"
#include "model/config.h"
#include "model/network.h"

/* A detector with a copy of `config` and its own memory for weights [graph.n_stored], zeroed, which
 * the caller fills through rn_detector_weights. `threads` is borrowed; NULL makes the detector
 * create options->threads of its own. */
RN_MUST_USE rn_status rn_detector_create(rn_detector **out, const rn_model_config *config,
                                         rn_threads *threads, const rn_detector_options *options);

const rn_model_config *rn_detector_config(const rn_detector *det);
const rn_network *rn_detector_network(const rn_detector *det);
const rn_graph *rn_detector_graph(const rn_detector *det); /* the network's */
real *rn_detector_weights(rn_detector *det);
rn_threads *rn_detector_threads(const rn_detector *det);

/* Plan for one picture of a canvas of width x height (multiples of 32); nothing happens if that is
 * the plan already. */
RN_MUST_USE rn_status rn_detector_plan(rn_detector *det, int width, int height);
const rn_plan *rn_detector_current_plan(const rn_detector *det);
double rn_detector_flops(const rn_detector *det);

/* From the network's input, planned and filled in at rn_detector_input, to boxes in the pixels of
 * that input, clipped to width x height. What bench measures. */
float *rn_detector_input(rn_detector *det);
RN_MUST_USE rn_status rn_detector_forward(rn_detector *det, rn_box *out, size_t *n_out, int width,
                                          int height);

/* Whom the walks of rn_detector_forward tell; NULL, as at first, for nobody. Borrowed. */
void rn_detector_watch(rn_detector *det, const rn_watch *watch);

/* What the heads gave in the last forward; good until the next plan or forward. */
void rn_detector_outputs(const rn_detector *det, rn_level_output levels[RN_LEVELS]);

#endif
