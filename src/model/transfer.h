/* transfer.h: weights from elsewhere as the start of a training run. What a file may be, by the
 * names of its tensors:
 *
 *   a detector      ours or torchvision's: the names of the network itself
 *   a ResNet        torchvision's classifier: conv1.weight, layer1.0.conv1.weight, ...
 *   a MobileNetV2   torchvision's classifier: features.0.0.weight, features.1.conv.0.0.weight, ...
 *                   or convolutions numbered as they run, 00.conv.weight, 01.dw.weight, ...
 *
 * A classifier becomes the backbone. Where batch norm was folded into its convolutions
 * (conv1.bias, 00.conv.bias), the bias goes to the frozen norm behind, which then has weight 1,
 * mean 0 and variance 1 - eps: the same arithmetic. */
#ifndef RN_MODEL_TRANSFER_H
#define RN_MODEL_TRANSFER_H

#include "model/network.h"
#include "model/weights.h"

typedef enum rn_donor_kind { RN_DONOR_DETECTOR, RN_DONOR_RESNET, RN_DONOR_MOBILENET } rn_donor_kind;

typedef struct rn_donor {
    char *path; /* for messages */
    rn_tensor_file tensors;
    rn_donor_kind kind;
    bool numbered; /* 00.conv.weight, ... */
    bool folded;
    bool has_config;        /* a model of this program, or one that rn_model_recognise knows */
    rn_model_config config; /* its own */
    double bn_eps;          /* of other files: what their batch norm adds to the variance */
    char changes[512];      /* what rn_donor_adapt changed, for people; "" for nothing */
    char sizes[96];         /* of the pictures, where they are not this run's; likewise */
} rn_donor;

/* Read and verify. RN_EINPUT for a file that is damaged or of a later version; any tensors will do.
 */
RN_MUST_USE rn_status rn_donor_open(rn_donor *out, const char *path);
void rn_donor_close(rn_donor *donor); /* and zero it */

/* Fit `config` to what the weights were trained with: batch norm's eps, mean, std and padding; of a
 * detector that is known also the norms and their groups, where P6 comes from, the anchors and the
 * filter of resizing: with others the same numbers would mean something else. Fields for which
 * is_given(context, name) holds stay. RN_EINVAL where backbone and norm cannot take the weights:
 * another kind of backbone; group norm, which has no use for batch norm's statistics; folded
 * weights and a norm that is not frozen. */
typedef bool rn_is_given(const void *context, const char *field);
RN_MUST_USE rn_status rn_donor_adapt(rn_model_config *config, rn_donor *donor,
                                     rn_is_given *is_given, const void *context);

/* Every parameter that the file has into weights [graph.n_stored], of a checkpoint its average;
 * `config` is the network's. A line for each that it lacks, for each tensor that has no place, for
 * a class head that is not taken because its classes are others, and one for what was loaded.
 * RN_EINPUT if nothing fits or a number is not finite; RN_EINVAL if a parameter of a frozen stage
 * is missing. */
RN_MUST_USE rn_status rn_donor_load(real *weights, const rn_donor *donor, const rn_network *network,
                                    const rn_model_config *config, const rn_hooks *hooks);

#endif
