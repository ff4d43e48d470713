#include "base/isa.h"

rn_isa rn_isa_best(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return RN_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return RN_ISA_AVX2;
#endif
    return RN_ISA_PLAIN;
}

rn_isa rn_isa_choose(rn_isa wanted) {
    const rn_isa best = rn_isa_best();
    return wanted == RN_ISA_BEST || wanted > best ? best : wanted;
}
