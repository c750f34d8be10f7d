/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>

#include "base/rng.h"
#include "base/stats.h"

/* The authors' C code of xoshiro256** from the state { 1, 2, 3, 4 }; the state after seeding is the
 * authors' splitmix64 from 1234567. */
static void the_published_sequences(void **state)
{
	(void)state;
	static const uint64_t seeded[] = { UINT64_C(6457827717110365317),
		                           UINT64_C(3203168211198807973),
		                           UINT64_C(9817491932198370423),
		                           UINT64_C(4593380528125082431) };
	static const uint64_t outputs[] = { UINT64_C(11520),
		                            UINT64_C(0),
		                            UINT64_C(1509978240),
		                            UINT64_C(1215971899390074240),
		                            UINT64_C(1216172134540287360),
		                            UINT64_C(607988272756665600),
		                            UINT64_C(16172922978634559625),
		                            UINT64_C(8476171486693032832),
		                            UINT64_C(10595114339597558777),
		                            UINT64_C(2904607092377533576) };
	struct rng rng;
	rng_init(&rng, 1234567);
	for (int i = 0; i < 4; i++)
		assert_true(rng.state[i] == seeded[i]);
	rng = (struct rng){ { 1, 2, 3, 4 } };
	for (int i = 0; i < 10; i++)
		assert_true(rng_u64(&rng) == outputs[i]);
}

static void the_same_seed_repeats(void **state)
{
	(void)state;
	struct rng a, b, c;
	rng_init(&a, 7);
	rng_init(&b, 7);
	rng_init(&c, 8);
	bool differs = false;
	for (int i = 0; i < 100; i++) {
		uint64_t x = rng_u64(&a);
		assert_true(x == rng_u64(&b));
		differs |= x != rng_u64(&c);
	}
	assert_true(differs);
}

/* Moments within five standard errors; the seed is fixed, so this either holds or does not. */
static void distributions_have_their_moments(void **state)
{
	(void)state;
	enum { N = 200000 };
	struct rng rng;
	struct moments uniform = { 0 }, normal = { 0 }, exponential = { 0 };
	rng_init(&rng, 20240607);
	for (int i = 0; i < N; i++) {
		moments_add(&uniform, rng_uniform(&rng));
		moments_add(&normal, rng_normal(&rng));
		moments_add(&exponential, rng_exponential(&rng, 3));
	}
	double root = sqrt((double)N);
	assert_true(uniform.min >= 0 && uniform.max < 1);
	assert_true(fabs(uniform.mean - 0.5) < 5 * sqrt(1 / 12.0) / root);
	assert_close(moments_variance(&uniform), 1 / 12.0, 0.01);
	assert_true(fabs(normal.mean) < 5 / root);
	assert_close(moments_variance(&normal), 1, 0.02);
	assert_true(isfinite(normal.min) && isfinite(normal.max));
	assert_true(fabs(exponential.mean - 3) < 5 * 3 / root);
	assert_close(moments_stddev(&exponential), 3, 0.02);
	assert_true(exponential.min >= 0);
}

static void below_is_unbiased_and_in_range(void **state)
{
	(void)state;
	struct rng rng;
	int counts[6] = { 0 };
	rng_init(&rng, 1);
	for (int i = 0; i < 60000; i++) {
		uint64_t x = rng_below(&rng, 6);
		assert_in_range(x, 0, 5);
		counts[x]++;
	}
	double chi2 = 0;
	for (int i = 0; i < 6; i++)
		chi2 += (counts[i] - 10000.0) * (counts[i] - 10000.0) / 10000.0;
	assert_true(chi2 < 20.5); /* 0.999 quantile of 5 degrees of freedom */
	assert_true(rng_below(&rng, 1) == 0);
	/* Just above half of the range a plain remainder would favour the lower part two to one. */
	uint64_t n = (UINT64_C(1) << 63) + 1, low = 0;
	for (int i = 0; i < 10000; i++)
		low += rng_below(&rng, n) < n / 2;
	assert_in_range(low, 4750, 5250);
}

static void shuffles_permute(void **state)
{
	(void)state;
	struct rng rng;
	uint32_t items[50], seen[50] = { 0 };
	size_t moved = 0;
	rng_init(&rng, 3);
	for (uint32_t i = 0; i < 50; i++)
		items[i] = i;
	rng_shuffle(&rng, items, 50);
	for (size_t i = 0; i < 50; i++) {
		seen[items[i]]++;
		moved += items[i] != i;
	}
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(seen[i], 1);
	assert_true(moved > 40);
	rng_shuffle(&rng, items, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_sequences),
		cmocka_unit_test(the_same_seed_repeats),
		cmocka_unit_test(distributions_have_their_moments),
		cmocka_unit_test(below_is_unbiased_and_in_range),
		cmocka_unit_test(shuffles_permute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
