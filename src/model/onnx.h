/* onnx.h: a network and its weights as an ONNX file (onnx.ai/onnx/repo-docs/IR.html; IR version 8,
 * operator set 17), for other runtimes. models/README.md describes input and outputs. */
#ifndef RN_MODEL_ONNX_H
#define RN_MODEL_ONNX_H

#include "model/network.h"
#include "model/safetensors.h"

/* Write beside, sync, rename. entries [graph.n_params]: the parameters in the graph's order, in
 * files' layout. RN_EINPUT for what no ONNX file can hold (over 2 GiB), RN_ENOMEM, RN_EIO. */
RN_MUST_USE rn_status rn_onnx_save(const char *path, const rn_network *network,
                                   const rn_model_config *config, const rn_tensor_entry *entries);

#endif
