/* SPDX-License-Identifier: Apache-2.0
 *
 * Objectives that count what a joule costs or emits when it is used.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/simulated.h"

static struct simulated s;
static const char row[] = "name,arrival_s,gpus,application,batch,duration_s\n"
			  "a,0,1,resnet50,256,20000\n";

/* Policies whose objective is T^a E^b. */
static const char *const minders[] = { "zeus", "zeus-genetic", "hades", "prometheus" };
enum { MINDERS = sizeof minders / sizeof *minders };

static struct metrics run(const char *policy, const char *objective, const char *price,
                          const char *carbon)
{
	const struct experiment_options options = { .oracle = "model",
		                                    .objective = objective,
		                                    .site = { .price = price, .carbon = carbon } };
	simulated_load(&s, "1x8:v100", row, &options);
	return *simulated_run(&s, policy);
}

/* At one price for ever, cost and carbon are energy by another name. */
static void test_constant(void **state)
{
	(void)state;
	for (size_t i = 0; i < MINDERS; i++) {
		struct metrics energy = run(minders[i], "energy", NULL, NULL),
			       cost = run(minders[i], "cost", "0.3", NULL),
			       carbon = run(minders[i], "co2", NULL, "400"),
			       edp = run(minders[i], "edp", NULL, NULL);
		assert_close(cost.jct_mean_s, energy.jct_mean_s, 1e-12);
		assert_close(cost.energy_j, energy.energy_j, 1e-12);
		assert_close(carbon.jct_mean_s, energy.jct_mean_s, 1e-12);
		/* Time has no weight in them. */
		assert_true(edp.jct_mean_s < energy.jct_mean_s);
	}
}

/* Where electricity soon costs a hundred times as much, more GPUs, which use more energy, cost
 * less: the job ends before, or nearly. */
static void test_rising(void **state)
{
	(void)state;
	char path[1100], text[128];
	for (size_t i = 0; i < MINDERS; i++) {
		struct metrics energy = run(minders[i], "energy", NULL, NULL);
		snprintf(text, sizeof text, "time_s,price_per_kwh\n0,0.1\n%.0f,10\n",
		         energy.jct_mean_s / 3);
		put_file(s.folder, "price.csv", text);
		snprintf(path, sizeof path, "%s/price.csv", s.folder);
		struct metrics cost = run(minders[i], "cost", path, NULL);
		print_message("%s: %.0f s for least energy, %.0f s for least cost\n", minders[i],
		              energy.jct_mean_s, cost.jct_mean_s);
		assert_true(cost.jct_mean_s < 0.7 * energy.jct_mean_s);
		assert_true(cost.active_j > energy.active_j);
	}
}

static void test_what_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *objective, *part;
	} cases[] = { { "cost", "needs --price" },
		      { "co2", "needs --carbon" },
		      { "csot", "did you mean 'cost'" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct experiment x;
		struct ergon_error err = { 0 };
		const struct experiment_options options = { .cluster = "1x8:v100",
			                                    .trace = s.trace,
			                                    .oracle = "model",
			                                    .objective = cases[i].objective };
		assert_int_equal(experiment_load(&s.env, &options, &x, &err), ERGON_BAD_INPUT);
		if (!strstr(err.text, cases[i].part))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].part);
		experiment_fini(&x);
	}
}

/* One that is not told of prices does not act as if joules had been asked for. */
static void test_external_refuses(void **state)
{
	(void)state;
	const struct experiment_options options = { .objective = "cost",
		                                    .external = "cat",
		                                    .site = { .price = "0.3" } };
	const struct scheduling_policy *policy;
	struct policy_result result = { 0 };
	struct ergon_error err = { 0 };
	simulated_load(&s, "1x8:v100", row, &options);
	assert_int_equal(policy_find("external", &policy, NULL), ERGON_OK);
	assert_int_equal(experiment_run(&s.x, policy, &result, &err), ERGON_INFEASIBLE);
	assert_non_null(strstr(err.text, "energy in joules"));
	policy_result_fini(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_rising),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_external_refuses),
	};
	return simulated_group(&s, tests);
}
