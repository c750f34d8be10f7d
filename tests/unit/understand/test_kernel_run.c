/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernel_run.h"

#include <math.h>

#include "base/rng.h"
#include "support/support.h"

enum { PAIRS = 1000 };

/* A machine that others use: the time of a round is 1 s times a slowdown that wanders from round to
 * round (a random walk that is drawn back to 1) and jitters besides. */
struct machine {
	struct rng rng;
	double wander, memory, step, jitter;
};

static struct kernel_run bench(struct machine *m, unsigned rounds)
{
	struct kernel_run run = { 0 };
	struct moments means = { 0 };
	for (unsigned r = 0; r < rounds; r++) {
		m->wander = m->memory * m->wander + m->step * rng_normal(&m->rng);
		double time_s = exp(m->wander + m->jitter * rng_normal(&m->rng));
		struct kernel_run round = { .passes = 10,
			                    .batches = 12,
			                    .time_s = time_s,
			                    .time_half_width_s = 0.01 * time_s,
			                    .time_min_s = 0.9 * time_s,
			                    .processor_share = 1 };
		kernel_run_merge(&run, &round, &means);
	}
	return run;
}

static double share_that_agrees(struct machine m, unsigned rounds)
{
	unsigned agree = 0;
	rng_init(&m.rng, 17);
	for (int i = 0; i < PAIRS; i++) {
		struct kernel_run a = bench(&m, rounds), b = bench(&m, rounds);
		assert_int_equal(a.passes, 10 * rounds);
		agree += fabs(a.time_s - b.time_s) <= a.time_half_width_s + b.time_half_width_s;
	}
	return (double)agree / PAIRS;
}

static void runs_agree_within_their_intervals(void **state)
{
	(void)state;
	static const struct machine machines[] = {
		{ .jitter = 0.05 },                              /* quiet */
		{ .memory = 0.5, .step = 0.1, .jitter = 0.05 },  /* neighbours come and go */
		{ .memory = 0.8, .step = 0.1, .jitter = 0.02 },  /* ... and stay for a run */
		{ .memory = 0.95, .step = 0.1, .jitter = 0.02 }, /* ... or for several */
	};
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
		for (unsigned rounds = 3; rounds <= 5; rounds++) {
			double share = share_that_agrees(machines[i], rounds);
			print_message("machine %zu, %u rounds: %.3f agree\n", i + 1, rounds, share);
			assert_true(share >= 0.95);
		}
}

static void others_time_widens(void **state)
{
	(void)state;
	struct kernel_run run = { 0 };
	struct moments means = { 0 };
	for (int i = 0; i < 3; i++) {
		const struct kernel_run round = { .passes = 1,
			                          .time_s = 2,
			                          .processor_share = i == 1 ? 0.4 : 1 };
		kernel_run_merge(&run, &round, &means);
	}
	assert_close(run.time_s, 2, 1e-12);
	assert_close(run.processor_share, 0.8, 1e-12);
	assert_true(run.time_half_width_s >= 2 * 0.3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_agree_within_their_intervals),
		cmocka_unit_test(others_time_widens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
