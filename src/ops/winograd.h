/* winograd.h: 3x3 convolutions of stride 1 and padding 1 by minimal filtering, F(4x4, 3x3) of Lavin
 * and Gray (arXiv:1509.09308, section 4). Private to conv.c.
 *
 * A tile of 4x4 outputs reads 6x6 inputs. With the transforms
 *
 *   V = B^T d B,  U = G g G^T,  M[t] = V[t] U[t] summed over channels,  y = A^T M A
 *
 * it takes 36 products where the direct sum takes 144. Relative rms error about 2e-6 in float. */
#ifndef RN_OPS_WINOGRAD_H
#define RN_OPS_WINOGRAD_H

#include "ops/conv.h"

/* Whether these functions take the shape, and are likely to be faster than windows. */
enum { RN_WINOGRAD_CHANNELS = 16 }; /* the fewest that pay, of in and of out */

bool rn_winograd_fits(const rn_conv_dims *dims);

rn_scratch rn_winograd_scratch(const rn_conv_part *parts, size_t n, rn_conv_passes passes);

/* As the functions of conv.h. */
void rn_winograd_forward(const rn_exec *exec, const rn_conv_part *parts, size_t n,
                         const real *weight, const rn_conv_finish *finish);
void rn_winograd_backward_data(const rn_exec *exec, const rn_conv_part *parts, size_t n,
                               const real *weight);
void rn_winograd_backward_weight(const rn_exec *exec, real *dweight, const rn_conv_part *parts,
                                 size_t n);

#endif
