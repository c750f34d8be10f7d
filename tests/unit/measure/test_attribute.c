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
		double sum = a.command_j + a.idle_j + a.others_j + a.unattributed_j;
		assert_true(fabs(sum - m.energy_j) < 1e-6);
		assert_true(a.command_j >= 0 && a.idle_j >= 0 && a.others_j >= -1e-9 &&
		            a.unattributed_j >= -1e-6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_shares),
		cmocka_unit_test(shares_always_sum_to_the_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
