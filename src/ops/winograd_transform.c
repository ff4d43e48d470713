/* Compiled with -ffp-contract=fast, as gemm.c is: transforms are sums of products too. */
#include "ops/winograd_transform.h"

enum {
    SIDE = RN_TILE_SIDE,
    STEP = RN_TILE_STEP,
    TAPS = RN_TILE_TAPS,
};

/* Two vectors of 64, 32 or 16 bytes dealt out one by one: where the lanes of the result come from,
 * in the first and in the second half of both. */
#ifdef RN_REAL_IS_DOUBLE
#define LOW_64  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_64 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_32  0, 4, 1, 5
#define HIGH_32 2, 6, 3, 7
#define LOW_16  0, 2
#define HIGH_16 1, 3
#else
#define LOW_64  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_64 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_32  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_32 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_16  0, 4, 1, 5
#define HIGH_16 2, 6, 3, 7
#endif

#if defined(__x86_64__)
#define KERNEL(name)  name##_avx512
#define KERNEL_TARGET __attribute__((target("avx512f")))
#define KERNEL_BYTES  64
#define KERNEL_LOW    LOW_64
#define KERNEL_HIGH   HIGH_64
#include "ops/winograd_kernel.h"

#define KERNEL(name)  name##_avx2
#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#define KERNEL_BYTES  32
#define KERNEL_LOW    LOW_32
#define KERNEL_HIGH   HIGH_32
#include "ops/winograd_kernel.h"
#endif

#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define KERNEL_BYTES 16
#define KERNEL_LOW   LOW_16
#define KERNEL_HIGH  HIGH_16
#include "ops/winograd_kernel.h"

rn_tile_kernels rn_tile_kernels_of(rn_isa isa) {
#define KERNELS(set)                                                                               \
    (rn_tile_kernels) {                                                                            \
        transform_input_##set, transform_gradient_##set, transform_output_##set,                   \
            transform_weight_##set, transform_dweight_##set, turn_##set                            \
    }
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) return KERNELS(avx512);
    if (isa == RN_ISA_AVX2) return KERNELS(avx2);
#endif
    (void)isa;
    return KERNELS(plain);
}
