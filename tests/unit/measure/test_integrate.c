/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <math.h>

#include "base/rng.h"
#include "base/units.h"
#include "measure/integrate.h"

static const uint64_t wrap_uj = UINT64_C(262143328911);
static const uint64_t interval_ns = 100 * NS_PER_MS;

static struct channel counter(void)
{
	return (struct channel){ .name = "package-0",
		                 .behaviour = CHANNEL_ENERGY_COUNTER,
		                 .wrap_at_uj = wrap_uj,
		                 .refresh_us = 1000 };
}

static void give(struct integrator *in, uint64_t time_ns, uint64_t raw)
{
	struct reading r = { .time_ns = time_ns, .raw = raw, .valid = true };
	integrator_step(in, &r, false);
}

static void fail_read(struct integrator *in, uint64_t time_ns)
{
	struct reading r = { .time_ns = time_ns, .error = EIO };
	integrator_step(in, &r, false);
}

/* A thousand machines with random power, wrap phase, sampling jitter and failed reads: as long as
 * no read is missed for more than half a wrap, every microjoule is there. */
static void random_wraps_are_exact(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 20261122);
	uint64_t wraps = 0, failures = 0;
	for (int run = 0; run < 1500; run++) {
		struct channel channel = counter();
		struct integrator in;
		/* Small ranges, so that a run meets several wraps. */
		channel.wrap_at_uj = UINT64_C(15000000000) + rng_u64(&rng) % 20000000000;
		uint64_t truth_uj = rng_u64(&rng) % channel.wrap_at_uj, begin_uj = truth_uj;
		uint64_t now_ns = 1 + rng_u64(&rng) % NS_PER_S;
		integrator_init(&in, &channel, interval_ns, true);
		integrator_begin(&in, now_ns);
		give(&in, now_ns, truth_uj % channel.wrap_at_uj);
		double power_w = 1 + 2000 * rng_uniform(&rng);
		for (int step = 0; step < 300; step++) {
			uint64_t passed_ns = interval_ns / 2 + rng_u64(&rng) % interval_ns;
			now_ns += passed_ns;
			truth_uj += (uint64_t)(power_w * seconds_from_ns(passed_ns) * 1e6);
			if (step < 299 && rng_uniform(&rng) < 0.1)
				fail_read(&in, now_ns);
			else
				give(&in, now_ns, truth_uj % channel.wrap_at_uj);
		}
		integrator_finish(&in, now_ns);
		assert_true(in.sum.counter_uj == truth_uj - begin_uj);
		assert_true(in.sum.gap_ns == 0);
		assert_int_equal(in.sum.wraps,
		                 truth_uj / channel.wrap_at_uj - begin_uj / channel.wrap_at_uj);
		wraps += in.sum.wraps;
		failures += in.sum.failures;
	}
	print_message("%llu wraps and %llu failed reads met\n", (unsigned long long)wraps,
	              (unsigned long long)failures);
	assert_true(wraps > 1000 && failures > 10000);
}

/* Resets, backward steps and jumps at random moments: their step is a gap, all others are exact. */
static void random_faults_are_gaps(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 7);
	for (int run = 0; run < 1500; run++) {
		struct channel channel = counter();
		struct integrator in;
		uint64_t raw = rng_u64(&rng) % (wrap_uj / 2), now_ns = NS_PER_S;
		uint64_t kept_uj = 0, lost_ns = 0;
		uint32_t faults = 0;
		integrator_init(&in, &channel, interval_ns, true);
		integrator_begin(&in, now_ns);
		give(&in, now_ns, raw);
		for (int step = 0; step < 100; step++) {
			uint64_t added_uj = rng_u64(&rng) % 40000000; /* up to 400 W */
			now_ns += interval_ns;
			double dice = rng_uniform(&rng);
			if (dice < 0.02 && raw > 100000000) {
				raw = rng_u64(&rng) % 1000; /* reset */
			} else if (dice < 0.04 && raw > 1000) {
				raw -= 1 + rng_u64(&rng) % 500; /* runs backwards */
			} else if (dice < 0.06) {
				raw = raw / 2 + wrap_uj / 2 - 1; /* jumps by at least 10 kJ */
				if (raw > wrap_uj - 20000000000)
					raw = wrap_uj / 2;
			} else {
				raw = (raw + added_uj) % wrap_uj;
				kept_uj += added_uj;
				give(&in, now_ns, raw);
				continue;
			}
			faults++;
			lost_ns += interval_ns;
			give(&in, now_ns, raw);
		}
		assert_true(in.sum.counter_uj == kept_uj);
		assert_true(in.sum.gap_ns == lost_ns);
		assert_int_equal(in.sum.gaps, faults);
		assert_true(in.sum.gap_ns + in.sum.covered_ns == 100 * interval_ns);
	}
}

/* The trapezoid is exact for straight lines, whatever the times of the samples. */
static void powers_by_trapezoid(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 3);
	for (int run = 0; run < 200; run++) {
		struct channel channel = { .name = "gpu-0", .behaviour = CHANNEL_POWER_INSTANT };
		struct integrator in;
		double begin_w = 100 + 100 * rng_uniform(&rng), slope = 20 * rng_uniform(&rng);
		uint64_t now_ns = 0;
		integrator_init(&in, &channel, interval_ns, true);
		integrator_begin(&in, 0);
		give(&in, 0, (uint64_t)llround(begin_w * 1e6));
		for (int step = 0; step < 100; step++) {
			now_ns += 1 + rng_u64(&rng) % (2 * interval_ns);
			give(&in, now_ns,
			     (uint64_t)llround((begin_w + slope * seconds_from_ns(now_ns)) * 1e6));
		}
		double t = seconds_from_ns(now_ns);
		assert_close(in.sum.power_j, begin_w * t + slope * t * t / 2, 1e-7);
	}
}

static void gaps(void **state)
{
	(void)state;
	struct channel power = { .name = "gpu-0", .behaviour = CHANNEL_POWER_INSTANT };
	struct channel channel = counter();
	struct integrator in;
	struct reading r = { .time_ns = 3 * NS_PER_S, .raw = 50000000, .valid = true };
	/* A power that was not read for ten seconds is not assumed. */
	integrator_init(&in, &power, interval_ns, true);
	integrator_begin(&in, 0);
	give(&in, 0, 10000000);
	give(&in, interval_ns, 10000000);
	give(&in, 10 * NS_PER_S, 10000000);
	assert_close(in.sum.power_j, 1.0, 1e-12);
	assert_int_equal(in.sum.gaps, 1);
	assert_true(in.sum.gap_ns == 10 * NS_PER_S - interval_ns);
	/* A counter knows what happened meanwhile... */
	integrator_init(&in, &channel, interval_ns, true);
	integrator_begin(&in, 0);
	give(&in, 0, 0);
	give(&in, interval_ns, 1000000);
	fail_read(&in, 2 * interval_ns);
	give(&in, 10 * NS_PER_S, 100000000);
	assert_true(in.sum.counter_uj == 100000000 && in.sum.gap_ns == 0);
	/* ... unless it may have gone round: at twice 10 W, in seven hours of 262 kJ. */
	give(&in, 30000 * NS_PER_S, 5);
	assert_int_equal(in.sum.gaps, 1);
	assert_true(in.sum.counter_uj == 100000000);
	/* Suspend: a gap, though the readings look well. */
	integrator_begin(&in, 2 * NS_PER_S);
	give(&in, 2 * NS_PER_S, 10000000);
	integrator_step(&in, &r, true);
	assert_true(in.sum.counter_uj == 0 && in.sum.gap_ns == NS_PER_S);
	/* Never a valid reading: all of the window is a gap, no energy. */
	integrator_begin(&in, 0);
	fail_read(&in, 0);
	fail_read(&in, NS_PER_S);
	integrator_finish(&in, 2 * NS_PER_S);
	assert_true(in.sum.gap_ns == 2 * NS_PER_S && in.sum.counter_uj == 0 && in.sum.steps == 0);
	/* The last second was not read: it is a gap. */
	integrator_begin(&in, 0);
	give(&in, 0, 0);
	give(&in, NS_PER_S, 7);
	fail_read(&in, 2 * NS_PER_S);
	integrator_finish(&in, 2 * NS_PER_S);
	assert_true(in.sum.gap_ns == NS_PER_S && in.sum.counter_uj == 7);
}

static void stuck_counters_show(void **state)
{
	(void)state;
	struct channel channel = counter();
	struct integrator in;
	integrator_init(&in, &channel, interval_ns, true);
	integrator_begin(&in, 0);
	for (uint64_t i = 0; i <= 100; i++) /* moves for 5 s, then stands for 5 s */
		give(&in, i * interval_ns, i < 50 ? i * 1000000 : 49000000);
	integrator_finish(&in, 100 * interval_ns);
	assert_true(in.sum.stuck_ns == 51 * interval_ns);
	integrator_init(&in, &channel, interval_ns, false); /* graphics on a server may stand */
	integrator_begin(&in, 0);
	for (uint64_t i = 0; i <= 100; i++)
		give(&in, i * interval_ns, 5);
	integrator_finish(&in, 100 * interval_ns);
	assert_true(in.sum.stuck_ns == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_wraps_are_exact), cmocka_unit_test(random_faults_are_gaps),
		cmocka_unit_test(powers_by_trapezoid),    cmocka_unit_test(gaps),
		cmocka_unit_test(stuck_counters_show),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
