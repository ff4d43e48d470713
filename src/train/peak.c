/* Compiled with -ffp-contract=fast like ops/gemm.c: x * a + b is to be one FMA where the processor
 * has it. */
#include "train/peak.h"
#include "base/isa.h"
#include "ops/gemm.h"
#include "train/trainer.h"

/* Enough sums at once to hide an FMA's latency, few enough for 16 registers. */
enum { CHAINS = 12, ROUNDS = 20000, TRIES = 32 };

#if defined(__x86_64__)
#define KERNEL(name)  name##_avx512
#define KERNEL_TARGET __attribute__((target("avx512f")))
#define KERNEL_BYTES  64
#include "train/peak_kernel.h"

#define KERNEL(name)  name##_avx2
#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#define KERNEL_BYTES  32
#include "train/peak_kernel.h"
#endif

#define KERNEL(name) name##_plain
#define KERNEL_TARGET
#define KERNEL_BYTES 16
#include "train/peak_kernel.h"

typedef struct peak_set {
    const char *name;
    int lanes;
    float (*loop)(float a, float b);
} peak_set;

static peak_set set_of(rn_isa isa) {
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) return (peak_set){"AVX-512", 16, loop_avx512};
    if (isa == RN_ISA_AVX2) return (peak_set){"AVX2", 8, loop_avx2};
#endif
    (void)isa;
    return (peak_set){"plain", 4, loop_plain};
}

static void peak_task(void *context, size_t task, int worker) {
    const peak_set *set = context;
    (void)task;
    (void)worker;
    volatile float a = 0.5f; /* no constant, which a compiler would make something of */
    a = set->loop(a, 1.0f);
}

double rn_peak_gflops(const char **isa, rn_threads *threads) {
    const size_t tasks = 16 * (size_t)rn_threads_count(threads);
    const double gflop = 2e-9 * (double)tasks * CHAINS * ROUNDS;
    peak_set set = set_of(rn_isa_best());
    double best = 0;
    *isa = set.name;
    for (int i = 0; i < TRIES; i++) {
        const double start = rn_now();
        rn_threads_run(threads, tasks, peak_task, &set);
        const double gflops = gflop * set.lanes / (rn_now() - start);
        if (gflops > best) best = gflops;
    }
    return best;
}
