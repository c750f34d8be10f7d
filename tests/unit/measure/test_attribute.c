/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "measure/attribute.h"

static void known_shares(void **state)
{
	(void)state;
	struct domain_energy domains[] = {
		{ .name = "package-0", .in_total = true, .energy_j = 100, .average_power_w = 10 },
		{ .name = "package-0/core", .energy_j = 60, .average_power_w = 6 },
		{ .name = "package-0/dram",
		  .in_total = true,
		  .energy_j = 20,
		  .average_power_w = 2 },
		{ .name = "gpu-0", .in_total = true, .energy_j = 300, .average_power_w = 30 },
	};
	struct measurement m = {
		.domains = domains, .count = 4, .duration_s = 10, .energy_j = 420
	};
	assert_close(attribute_cpu_power_w(&m), 12, 1e-12);
	/* 5 W idle of 12 W; 3 of 4 CPU seconds were the command's. */
	struct attribution a = attribute(&m, 3, 4, 5);
	assert_close(a.idle_j, 50, 1e-12);
	assert_close(a.command_j, 0.75 * 70, 1e-12);
	assert_close(a.others_j, 0.25 * 70, 1e-12);
	assert_close(a.unattributed_j, 300, 1e-12);
	/* Without a baseline everything is shared; ticks may lag behind the command. */
	a = attribute(&m, 3, 2.9, (double)NAN);
	assert_true(a.idle_j == 0);
	assert_close(a.command_j, 120, 1e-12);
	assert_true(a.others_j == 0);
	/* An idle power above what was drawn leaves nothing to share, and nothing negative. */
	a = attribute(&m, 3, 4, 50);
	assert_close(a.idle_j, 120, 1e-12);
	assert_true(a.command_j == 0 && a.others_j == 0);
	/* Nobody ran. */
	a = attribute(&m, 0, 0, 5);
	assert_true(a.command_j == 0);
	assert_close(a.others_j, 70, 1e-12);
}

static void shares_always_sum_to_the_total(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 11);
	for (int run = 0; run < 5000; run++) {
		static const char *const names[] = { "package-0", "package-1", "dram",
			                             "gpu-0",     "gpu-1",     "psys" };
		struct domain_energy domains[6];
		struct measurement m = { .domains = domains, .count = 6 };
		m.duration_s = 100 * rng_uniform(&rng);
		for (int i = 0; i < 6; i++) {
			domains[i] = (struct domain_energy){ .energy_j = 1e6 * rng_uniform(&rng) };
			snprintf(domains[i].name, sizeof domains[i].name, "%s", names[i]);
			domains[i].in_total = rng_uniform(&rng) < 0.7;
			if (domains[i].in_total)
				m.energy_j += domains[i].energy_j;
		}
		struct attribution a = attribute(&m, 10 * rng_uniform(&rng), 10 * rng_uniform(&rng),
		                                 run % 3 ? 1e4 * rng_uniform(&rng) : (double)NAN);
		assert_true(a.command_uj + a.idle_uj + a.others_uj + a.unattributed_uj ==
		            a.total_uj);
		assert_true(fabs((double)a.total_uj / 1e6 - m.energy_j) < 4e-6); /* 6 x 0.5 uJ */
	}
}

/* Exact, fair to less than a microjoule, and no share for who did nothing. */
static void shares_are_fair(void **state)
{
	(void)state;
	enum { MOST = 300 };
	struct rng rng;
	rng_init(&rng, 12);
	for (int run = 0; run < 4000; run++) {
		uint64_t weights[MOST], shares[MOST];
		size_t count = rng_u64(&rng) % MOST;
		/* from a few ticks to what overflows a sum of 64 bits */
		unsigned bits = 1 + (unsigned)(rng_u64(&rng) % 64);
		uint64_t amount = rng_u64(&rng) >> (rng_u64(&rng) % 64);
		long double all = 0;
		for (size_t i = 0; i < count; i++) {
			weights[i] = rng_uniform(&rng) < 0.3 ? 0 : rng_u64(&rng) >> (64 - bits);
			all += weights[i];
		}
		uint64_t unseen = rng_uniform(&rng) < 0.3 ? 0 : rng_u64(&rng) >> (64 - bits);
		all += unseen;
		uint64_t rest = apportion(amount, weights, count, unseen, shares), sum = rest;
		for (size_t i = 0; i < count; i++) {
			sum += shares[i];
			if (weights[i] == 0 && all > 0 && all < 0x1p63L)
				assert_true(shares[i] == 0);
			if (all > 0 && all < 0x1p40L && amount < UINT64_C(1) << 50)
				assert_true(fabsl((long double)shares[i] -
				                  (long double)amount * weights[i] / all) <
				            1.0001L);
		}
		assert_true(sum == amount);
		if (all == 0)
			assert_true(rest == amount);
	}
}

static void pools_hold_every_domain_once(void **state)
{
	(void)state;
	struct domain_energy domains[] = {
		{ .name = "package-0", .in_total = true, .energy_j = 100, .average_power_w = 10 },
		{ .name = "package-0/core", .energy_j = 60 },
		{ .name = "package-0/dram",
		  .in_total = true,
		  .energy_j = 20,
		  .average_power_w = 2 },
		{ .name = "gpu-0", .in_total = true, .energy_j = 300, .average_power_w = 30 },
		{ .name = "gpu-1@hwmon", .in_total = true, .energy_j = 50, .average_power_w = 5 },
		{ .name = "module-0", .in_total = true, .energy_j = 7 },
	};
	struct measurement m = { .domains = domains, .count = 6, .duration_s = 10 };
	struct domain_energy idle_domains[] = {
		{ .name = "package-0", .in_total = true, .average_power_w = 4 },
		{ .name = "gpu-1@hwmon", .in_total = true, .average_power_w = 50 },
	};
	struct measurement idle = { .domains = idle_domains, .count = 2, .duration_s = 1 };
	struct energy_pools pools;
	attribute_pools(&m, &idle, &pools);
	assert_int_equal(pools.count, 3);
	assert_int_equal(pools.total_uj, 477000000);
	assert_int_equal(pools.pools[0].energy_uj, 120000000);
	assert_int_equal(pools.pools[0].idle_uj, 40000000);
	assert_int_equal(pools.pools[1].gpu, 0);
	assert_int_equal(pools.pools[1].idle_uj, 0);
	assert_int_equal(pools.pools[2].gpu, 1);
	assert_int_equal(pools.pools[2].idle_uj, 50000000); /* no more than there was */
	assert_int_equal(pools.unattributed_uj, 7000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_shares),
		cmocka_unit_test(shares_always_sum_to_the_total),
		cmocka_unit_test(shares_are_fair),
		cmocka_unit_test(pools_hold_every_domain_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
