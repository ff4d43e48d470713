/* peak_kernel.h: the loop of peak.c. The includer defines what ops/vector_kernel.h says. */

#include "ops/vector_kernel.h"

/* x = x a + b, which stays finite, in registers; what comes out of it, or a compiler would leave it
 * out. */
static KERNEL_TARGET float KERNEL(loop)(float a, float b) {
    KERNEL(vector) x[CHAINS];
    for (int i = 0; i < CHAINS; i++) x[i] = (KERNEL(vector)){0} + (float)i;
    for (int n = 0; n < ROUNDS; n++) UNROLL for (int i = 0; i < CHAINS; i++) x[i] = x[i] * a + b;
    for (int i = 1; i < CHAINS; i++) x[0] += x[i];
    return x[0][0];
}

#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_BYTES
