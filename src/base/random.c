#include "base/random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state) {
    return rn_random_mix(*state += RN_RANDOM_STEP);
}

rn_random rn_random_seed(uint64_t seed, uint64_t a, uint64_t b) {
    rn_random random;
    uint64_t state = seed;
    state = splitmix64(&state) ^ a; /* mixed between, so that (1, 2) and (2, 1) are far apart */
    state = splitmix64(&state) ^ b;
    for (int i = 0; i < 4; i++) random.state[i] = splitmix64(&state);
    return random;
}

static uint64_t rotate(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

uint64_t rn_random_next(rn_random *random) {
    uint64_t *s = random->state;
    const uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* [0, 1) with 53 bits */
static double unit(rn_random *random) {
    return (double)(rn_random_next(random) >> 11) * 0x1p-53;
}

double rn_random_uniform(rn_random *random, double low, double high) {
    return low + (high - low) * unit(random);
}

uint64_t rn_random_below(rn_random *random, uint64_t n) {
    const uint64_t limit =
        -n % n; /* 2^64 mod n: numbers below it would favour the small remainders */
    uint64_t x;
    do x = rn_random_next(random);
    while (x < limit);
    return x % n;
}

double rn_random_normal(rn_random *random) {
    const double u = 1.0 - unit(random), v = unit(random); /* u in (0, 1] */
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void rn_random_shuffle(rn_random *random, size_t *index, size_t n) {
    for (size_t i = n; i > 1; i--) {
        const size_t k = (size_t)rn_random_below(random, i), swap = index[i - 1];
        index[i - 1] = index[k];
        index[k] = swap;
    }
}
