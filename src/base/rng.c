/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void rng_init(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		rng->state[i] = splitmix64(&seed);
}

double rng_uniform(struct rng *rng)
{
	return (double)(rng_u64(rng) >> 11) * 0x1.0p-53;
}

/* Lemire 2019: multiply and reject the few values that would favour small results. */
uint64_t rng_below(struct rng *rng, uint64_t n)
{
	unsigned __int128 product = (unsigned __int128)rng_u64(rng) * n;
	if ((uint64_t)product < n) {
		uint64_t threshold = (0 - n) % n;
		while ((uint64_t)product < threshold)
			product = (unsigned __int128)rng_u64(rng) * n;
	}
	return (uint64_t)(product >> 64);
}

/* Box and Muller; the second value is dropped, so that the state stays four words. */
double rng_normal(struct rng *rng)
{
	double u = 1.0 - rng_uniform(rng);
	double v = rng_uniform(rng);
	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

double rng_exponential(struct rng *rng, double mean)
{
	return -mean * log(1.0 - rng_uniform(rng));
}

void rng_shuffle(struct rng *rng, uint32_t *items, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)rng_below(rng, i);
		uint32_t swap = items[i - 1];
		items[i - 1] = items[j];
		items[j] = swap;
	}
}
