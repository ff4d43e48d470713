/* random.h: a small seeded generator (xoshiro256**, seeded by splitmix64). The state is the
 * caller's. */
#ifndef RN_BASE_RANDOM_H
#define RN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct rn_random {
    uint64_t state[4]; /* never all zero */
} rn_random;

/* What splitmix64 (Steele et al., 2014) makes of its state: at the states s, s + c, s + 2 c ... of
 * its constant c numbers that are as good as independent, so that number i needs none before it. */
#define RN_RANDOM_STEP 0x9e3779b97f4a7c15u
static inline uint64_t rn_random_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A stream of its own for every (seed, a, b): for a sample, (seed, epoch, index). */
rn_random rn_random_seed(uint64_t seed, uint64_t a, uint64_t b);
uint64_t rn_random_next(rn_random *random);
double rn_random_uniform(rn_random *random, double low, double high); /* [low, high) */
uint64_t rn_random_below(rn_random *random, uint64_t n); /* 0..n-1 without bias; n >= 1 */
double rn_random_normal(rn_random *random); /* mean 0, deviation 1 (Box-Muller, one value a call) */
void rn_random_shuffle(rn_random *random, size_t *index, size_t n); /* Fisher-Yates */

#endif
