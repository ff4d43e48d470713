/* weights.h: a network's parameters in and out of files of tensors.
 *
 * Files hold torchvision's names and layouts: convolutions [out, in, kernel, kernel]. A prefix ("",
 * "ema.", "velocity.", "square.") tells the blocks of a checkpoint apart. */
#ifndef RN_MODEL_WEIGHTS_H
#define RN_MODEL_WEIGHTS_H

#include "model/config.h"
#include "model/safetensors.h"
#include "nn/graph.h"

enum {
    RN_FORMAT_VERSION = 1
}; /* of the model file: key "format" of its metadata is "retinanet-c 1" */

/* A model file: tensors and the configuration from its metadata. */
typedef struct rn_model_file {
    rn_tensor_file tensors;
    rn_model_config config;
    char *path;          /* for messages */
    const char *guessed; /* the model that its tensors fit; NULL where its metadata tell */
} rn_model_file;

/* Whether a file calls itself a model of this program; RN_EINPUT for a later version.
 */
RN_MUST_USE rn_status rn_model_format(bool *is_model, const rn_tensor_file *file, const char *path);

/* The configuration of a model of this program; *is_model is false for any other file. RN_EINPUT
 * for a later version or a configuration that cannot be read. */
RN_MUST_USE rn_status rn_model_read_config(rn_model_config *out, bool *is_model,
                                           const rn_tensor_file *file, const char *path);

/* Give the tensors that torchvision up to 0.12 named otherwise (`inner_blocks.0.weight`,
 * `conv.2.weight`) their names of today (`inner_blocks.0.0.weight`, `conv.1.0.weight`). *bn_eps =
 * what their batch norm adds to the variance: 0 where names are older and nothing counts batches,
 * as in the published weights of retinanet_resnet50_fpn, else 1e-5. */
RN_MUST_USE rn_status rn_weights_rename(double *bn_eps, rn_tensor_file *file);

/* What model a file without our metadata holds, by names and shapes of its tensors, which get their
 * names of today: *name is "nano", "small" or says which of torchvision's RetinaNets, NULL where
 * none has that shape. Tensors may lack all the same: rn_model_file_check names them. Batch norm is
 * frozen where nothing counts its batches. The first class of torchvision's is the background, 91
 * are named as there; others are "class 0", "class 1" ... */
RN_MUST_USE rn_status rn_model_recognise(rn_model_config *out, const char **name,
                                         rn_tensor_file *file);

/* Whether rn_model_recognise has called a class so for want of a name. */
bool rn_class_is_unnamed(const char *name, size_t label);

/* Read and verify. RN_EINPUT for a file that is no model, is damaged, or is of a later version. */
RN_MUST_USE rn_status rn_model_file_open(rn_model_file *out, const char *path);
void rn_model_file_close(rn_model_file *file);

/* The prefix of the weights to use: "ema." where a checkpoint has their average, as
 * best.safetensors would, else "". */
const char *rn_weights_prefix(const rn_tensor_file *file, const rn_graph *graph);

/* RN_EINPUT lists up to ten tensors PREFIX + name that are missing or misshapen; `trained_only`: of
 * trained parameters alone. */
RN_MUST_USE rn_status rn_model_file_check(const rn_model_file *file, const rn_graph *graph,
                                          const char *prefix, bool trained_only);

/* block [graph->n_stored] from the tensors PREFIX + name; `trained_only`: those of trained
 * parameters alone, as for a velocity. They are taken out of the file one by one: file and block
 * need not fit into memory together. RN_EINPUT as above, or names the first that is not finite. */
RN_MUST_USE rn_status rn_model_file_load(rn_model_file *file, real *block, const rn_graph *graph,
                                         const char *prefix, bool trained_only);

/* Whether a tensor has the shape of a parameter, and its numbers put in place: block +
 * param->offset, converted to our layout. `scratch` has room for param->count. RN_EINPUT: a type
 * that holds no weights, or the first number that is not finite. */
bool rn_weights_fit(const rn_tensor *tensor, const rn_param *param);
RN_MUST_USE rn_status rn_weights_read(real *block, real *scratch, const rn_tensor *tensor,
                                      const rn_param *param, const char *path);

/* text = "N tensors have no place in this network: A, B, ..." for those of the file that are
 * neither parameters nor a checkpoint's (num_batches_tracked and the like); "" where there are
 * none. */
enum { RN_EXTRA_TEXT = 640 };
void rn_weights_extra(char text[RN_EXTRA_TEXT], const rn_tensor_file *file, const rn_graph *graph);

/* Add the parameters of `block` to a file being written; the block must live until it is saved. */
RN_MUST_USE rn_status rn_weights_add(rn_safetensors_writer *writer, const real *block,
                                     const rn_graph *graph, const char *prefix, bool trained_only);

/* Add "format" and "config". */
RN_MUST_USE rn_status rn_model_add_metadata(rn_safetensors_writer *writer,
                                            const rn_model_config *config);

/* Write a model file for use: configuration and weights. */
RN_MUST_USE rn_status rn_model_save(const char *path, const rn_model_config *config,
                                    const rn_graph *graph, const real *weights);

#endif
