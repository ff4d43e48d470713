/* vector_kernel.h: what gemm_kernel.h, winograd_kernel.h, depthwise_kernel.h and peak_kernel.h of
 * src/train have in common. Each of them is included once for every instruction set, and includes
 * this; no include guard. Who includes them defines, and they undefine at their end,
 *
 *   KERNEL(name)    the name for this set
 *   KERNEL_TARGET   its target attribute. (A template inlined from a plain function would not do:
 *                   gcc splits its vectors for the plain target before it inlines.)
 *   KERNEL_BYTES    the size of a register */

typedef real KERNEL(vector)
    __attribute__((vector_size(KERNEL_BYTES), aligned(sizeof(real)), may_alias));

#ifndef VECTOR
#define VECTOR(pointer)       (*(KERNEL(vector) *)(pointer))
#define VECTOR_CONST(pointer) (*(const KERNEL(vector) *)(pointer))
#define LANES                 (KERNEL_BYTES / (int)sizeof(real))
#define INLINE                static inline __attribute__((always_inline, unused)) KERNEL_TARGET
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#endif

INLINE KERNEL(vector) KERNEL(activate)(KERNEL(vector) x, const rn_activation activation) {
    typedef __typeof__(x < x) mask;
    if (activation == RN_LINEAR) return x;
    x = (KERNEL(vector))((mask)x & ~(x < 0)); /* NaN stays */
    if (activation == RN_RELU) return x;
    const KERNEL(vector) six = (KERNEL(vector)){0} + (real)6;
    const mask over = x > six;
    return (KERNEL(vector))(((mask)x & ~over) | ((mask)six & over));
}
