#include "base/isa.h"

#include <string.h>

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

static const char *const names[] = {[RN_ISA_BEST] = "best",
                                    [RN_ISA_PLAIN] = "plain",
                                    [RN_ISA_AVX2] = "avx2",
                                    [RN_ISA_AVX512] = "avx512"};

rn_status rn_isa_check(rn_isa isa) {
    if (isa <= rn_isa_best()) return RN_OK;
    return rn_fail(RN_EINVAL, "instructions %s: this processor has at most %s", names[isa],
                   names[rn_isa_best()]);
}

rn_status rn_isa_named(rn_isa *out, const char *name) {
    *out = RN_ISA_BEST;
    if (!name) return RN_OK;
    for (int isa = RN_ISA_BEST; isa <= RN_ISA_AVX512; isa++) {
        if (strcmp(name, names[isa]) != 0) continue;
        *out = (rn_isa)isa;
        return rn_isa_check(*out);
    }
    return rn_fail(RN_EINVAL, "instructions %s: want best, plain, avx2 or avx512", name);
}
