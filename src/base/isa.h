/* isa.h: which vector instructions a kernel may use, chosen at run time. */
#ifndef RN_BASE_ISA_H
#define RN_BASE_ISA_H

#include "base/status.h"

/* Narrowest first. RN_ISA_PLAIN is what every processor runs. Sets with and without FMA round
 * differently, so that results differ in the last digits. */
typedef enum rn_isa { RN_ISA_BEST, RN_ISA_PLAIN, RN_ISA_AVX2, RN_ISA_AVX512 } rn_isa;

/* The widest that this processor has; never RN_ISA_BEST. */
rn_isa rn_isa_best(void);

/* The set of that name, "best", "plain", "avx2" or "avx512"; NULL: RN_ISA_BEST. RN_EINVAL where
 * there is no such set, or this processor has not got it. */
RN_MUST_USE rn_status rn_isa_named(rn_isa *out, const char *name);

/* RN_EINVAL where this processor has not got it. */
RN_MUST_USE rn_status rn_isa_check(rn_isa isa);

/* What is run for `wanted`: itself, or the widest there is where that is less or RN_ISA_BEST is
 * wanted. */
rn_isa rn_isa_choose(rn_isa wanted);

#endif
