/* random.h: a small seeded generator (xoshiro256**, seeded by splitmix64). The state is the
 * caller's. */
#ifndef RN_BASE_RANDOM_H
#define RN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct rn_random {
    uint64_t state[4]; /* never all zero */
} rn_random;

/* A stream of its own for every (seed, a, b): for a sample, (seed, epoch, index). */
rn_random rn_random_seed(uint64_t seed, uint64_t a, uint64_t b);
uint64_t rn_random_next(rn_random *random);
double rn_random_uniform(rn_random *random, double low, double high); /* [low, high) */
uint64_t rn_random_below(rn_random *random, uint64_t n); /* 0..n-1 without bias; n >= 1 */
double rn_random_normal(rn_random *random); /* mean 0, deviation 1 (Box-Muller, one value a call) */
void rn_random_shuffle(rn_random *random, size_t *index, size_t n); /* Fisher-Yates */

#endif
