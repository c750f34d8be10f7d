/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pareto.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "support/support.h"

static bool dominated(const struct tradeoff_point *p, size_t count, size_t i)
{
	for (size_t j = 0; j < count; j++)
		if (p[j].time_s <= p[i].time_s && p[j].energy_j <= p[i].energy_j &&
		    (p[j].time_s < p[i].time_s || p[j].energy_j < p[i].energy_j))
			return true;
	return false;
}

/* Few distinct values, so that ties and twins are common. */
static void front_equals_brute_force(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 7);
	struct tradeoff_point p[40];
	size_t front[40], found;
	for (int round = 0; round < 2000; round++) {
		size_t count = rng_below(&rng, 41);
		uint64_t values = 1 + rng_below(&rng, 30);
		for (size_t i = 0; i < count; i++)
			p[i] = (struct tradeoff_point){ 1 + (double)rng_below(&rng, values),
				                        1 + (double)rng_below(&rng, values) };
		assert_int_equal(pareto_front(p, count, front, &found, NULL), ERGON_OK);
		bool in[40] = { false };
		for (size_t i = 0; i < found; i++) {
			in[front[i]] = true;
			if (i)
				assert_true(p[front[i]].time_s >= p[front[i - 1]].time_s);
		}
		for (size_t i = 0; i < count; i++)
			assert_int_equal(in[i], !dominated(p, count, i));
	}
}

static void best_points(void **state)
{
	(void)state;
	static const struct tradeoff_point p[] = { { 1, 10 }, { 2, 4 }, { 4, 3 }, { 8, 3 } };
	struct tradeoff_best best = tradeoff_best(p, 4);
	assert_int_equal(best.fastest, 0);
	assert_int_equal(best.min_energy, 2); /* as thrifty as the last, but faster */
	assert_int_equal(best.min_edp, 1);
	assert_int_equal(best.min_ed2p, 0);
	assert_int_equal(tradeoff_within(p, 4, 1, 0.5), 0);
	assert_int_equal(tradeoff_within(p, 4, 1, 1), 1);
	assert_int_equal(tradeoff_within(p, 4, 0.5, 0), TRADEOFF_NONE);
	assert_int_equal(tradeoff_best(p, 0).min_edp, TRADEOFF_NONE);
}

static void sentences(void **state)
{
	(void)state;
	char text[128];
	struct tradeoff_point base = { 100, 1000 };
	assert_string_equal(
	    tradeoff_sentence(text, sizeof text, (struct tradeoff_point){ 103, 810 }, base),
	    "19% less energy at 3.0% more time");
	assert_string_equal(
	    tradeoff_sentence(text, sizeof text, (struct tradeoff_point){ 80, 1100 }, base),
	    "10% more energy at 20% less time");
	assert_string_equal(
	    tradeoff_sentence(text, sizeof text, (struct tradeoff_point){ 100, 900 }, base),
	    "10% less energy in the same time");
}

static void curves_are_read(void **state)
{
	(void)state;
	const double clocks[] = { 800, 1600, 3200 }, caps[] = { 100, 200, 300 };
	const struct tradeoff_point steep[] = { { 4, 1 }, { 2, 1 }, { 1, 1 } };
	const struct tradeoff_point flat[] = { { 1.1, 1 }, { 1.05, 1 }, { 1, 1 } };
	const struct tradeoff_point bent[] = { { 2, 1 }, { 1.5, 1 }, { 1, 1 } };
	const struct tradeoff_point capped[] = { { 1.44, 1 },
		                                 { 1.14, 1 },
		                                 { 1, 1 } }; /* cube root */
	char text[256];
	assert_int_equal(tradeoff_curve(clocks, steep, 3, false).shape, CURVE_STEEP);
	assert_int_equal(tradeoff_curve(clocks, flat, 3, false).shape, CURVE_FLAT);
	assert_int_equal(tradeoff_curve(clocks, bent, 3, false).shape, CURVE_BENT);
	assert_int_equal(tradeoff_curve(caps, capped, 3, true).shape, CURVE_STEEP);
	assert_int_equal(tradeoff_curve(caps, capped, 3, false).shape, CURVE_FLAT);
	assert_int_equal(tradeoff_curve(caps, capped, 2, true).shape, CURVE_UNKNOWN);
	assert_int_equal(tradeoff_curve(caps, capped, 0, true).shape, CURVE_UNKNOWN);
	tradeoff_curve_text(text, sizeof text, tradeoff_curve(clocks, steep, 3, false));
	assert_non_null(strstr(text, "steep: at the lowest setting it takes 4.00 times"));
	assert_string_equal(
	    tradeoff_curve_text(text, sizeof text, tradeoff_curve(caps, capped, 1, true)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(front_equals_brute_force),
		cmocka_unit_test(best_points),
		cmocka_unit_test(sentences),
		cmocka_unit_test(curves_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
