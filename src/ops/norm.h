/* norm.h: normalisation on [rows = batch * h * w, c] tensors, forward and backward. The activation
 * is applied to the output; the caller has already masked dout by it. Backward adds;
 * each of din, dweight and dbias may be NULL where it is not wanted. */
#ifndef RN_OPS_NORM_H
#define RN_OPS_NORM_H

#include "ops/exec.h"
#include "ops/pointwise.h"

typedef struct rn_norm_dims {
    int batch;     /* tensor [batch, pixels, c] */
    size_t pixels; /* batch norm takes all pictures of a batch for one: more than an int's */
    int c;
    int groups; /* GroupNorm: divides c */
} rn_norm_dims;

/* Frozen batch norm: out = in * scale + shift with scale = weight / sqrt(var + eps), shift = bias -
 * mean * scale. Its four vectors are constants. */
void rn_affine_forward(const rn_exec *exec, real *out, const real *in, const real *weight,
                       const real *bias, const real *mean, const real *var, real eps,
                       rn_activation relu, const rn_norm_dims *dims);
/* scale and shift alone, [c]. */
void rn_affine_coefficients(real *scale, real *shift, const real *weight, const real *bias,
                            const real *mean, const real *var, real eps, size_t c);
void rn_affine_backward(const rn_exec *exec, real *din, const real *dout, const real *weight,
                        const real *var, real eps, const rn_norm_dims *dims);

/* Batch norm in training: statistics of this batch, saved as mean [c] and rstd [c]; running_mean
 * and running_var move by `momentum` towards them (the variance unbiased, as PyTorch does; skipped
 * when running_mean is NULL). */
void rn_batch_norm_forward(const rn_exec *exec, real *out, real *mean, real *rstd,
                           real *running_mean, real *running_var, const real *in,
                           const real *weight, const real *bias, real eps, real momentum,
                           rn_activation relu, const rn_norm_dims *dims);
void rn_batch_norm_backward(const rn_exec *exec, real *din, real *dweight, real *dbias,
                            const real *dout, const real *in, const real *mean, const real *rstd,
                            const real *weight, const rn_norm_dims *dims);

/* Group norm (Wu and He, arXiv:1803.08494): mean, rstd are [batch, groups], saved for backward;
 * both NULL where there will be none. */
void rn_group_norm_forward(const rn_exec *exec, real *out, real *mean, real *rstd, const real *in,
                           const real *weight, const real *bias, real eps, rn_activation relu,
                           const rn_norm_dims *dims);
void rn_group_norm_backward(const rn_exec *exec, real *din, real *dweight, real *dbias,
                            const real *dout, const real *in, const real *mean, const real *rstd,
                            const real *weight, const rn_norm_dims *dims);

/* Scratch for any of the functions above. */
rn_scratch rn_norm_scratch(const rn_norm_dims *dims);

#endif
