/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers that repeat: the same seed gives the same numbers on any machine. xoshiro256**
 * (Blackman and Vigna 2018), seeded by splitmix64. Not for secrets.
 */
#ifndef ERGON_BASE_RNG_H
#define ERGON_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state[4];
};

static inline uint64_t rng_rotated(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* Here, as searches draw tens of millions. */
static inline uint64_t rng_u64(struct rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rng_rotated(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotated(s[3], 45);
	return result;
}

void rng_init(struct rng *rng, uint64_t seed);
double rng_uniform(struct rng *rng);             /* [0, 1) */
uint64_t rng_below(struct rng *rng, uint64_t n); /* [0, n), unbiased; n > 0 */
double rng_normal(struct rng *rng);              /* mean 0, variance 1 */
double rng_exponential(struct rng *rng, double mean);
void rng_shuffle(struct rng *rng, uint32_t *items, size_t count);

#endif
