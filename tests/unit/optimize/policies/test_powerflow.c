/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>

#include "base/units.h"
#include "support/simulated.h"

static struct simulated s;

/* Two idle processors draw 6 W, a busy one 9 W more. With 15 W on average one job runs at a time;
 * without a budget both do. */
static void test_budget(void **state)
{
	(void)state;
	static const char rows[] = "name,arrival_s,gpus,duration_s\na,0,1,100\nb,0,1,100\n";
	struct experiment_options options = { .power_budget_w = 15 };
	simulated_load(&s, "1x2:cpu", rows, &options);
	simulated_run(&s, "powerflow");
	assert_close(s.jct_s[0], 100, 1e-9);
	assert_close(s.jct_s[1], 200, 1e-9);
	assert_close(s.result.metrics.power_mean_w, 15, 1e-9);
	simulated_load(&s, "1x2:cpu", rows, NULL);
	simulated_run(&s, "powerflow");
	assert_close(s.jct_s[0], 100, 1e-9);
	assert_close(s.jct_s[1], 100, 1e-9);
}

/* A budget over time allows at any moment what has come together so far. */
static void test_budget_over_time(void **state)
{
	(void)state;
	char path[1100];
	put_file(s.folder, "budget.csv", "time_s,power_w\n0,15\n50,24\n");
	snprintf(path, sizeof path, "%s/budget.csv", s.folder);
	const struct experiment_options options = { .site = { .budget = path } };
	simulated_load(&s, "1x2:cpu", "name,arrival_s,gpus,duration_s\na,0,1,100\nb,0,1,100\n",
	               &options);
	simulated_run(&s, "powerflow");
	assert_close(s.jct_s[0], 100, 1e-9);
	assert_close(s.jct_s[1], 150, 1e-9);
}

/* What was saved may be used later, spread over an hour: 9 W for 5399 s are 13 W, enough for the
 * second job; for 2999 s they are 7.5 W, and the second waits. */
static void test_savings(void **state)
{
	(void)state;
	const struct experiment_options options = { .power_budget_w = 15 };
	simulated_load(&s, "1x2:cpu",
	               "name,arrival_s,gpus,duration_s\n"
	               "z,0,1,1\na,5400,1,10\nb,5400,1,10\n",
	               &options);
	simulated_run(&s, "powerflow");
	assert_close(s.jct_s[1], 10, 1e-9);
	assert_close(s.jct_s[2], 10, 1e-9);
	simulated_load(&s, "1x2:cpu",
	               "name,arrival_s,gpus,duration_s\n"
	               "z,0,1,1\na,3000,1,10\nb,3000,1,10\n",
	               &options);
	simulated_run(&s, "powerflow");
	assert_close(s.jct_s[1], 10, 1e-9);
	assert_close(s.jct_s[2], 20, 1e-9);
}

/* The model knows caps: under a tight budget a job runs slower and draws less than without. */
static void test_clock(void **state)
{
	(void)state;
	static const char rows[] = "name,arrival_s,gpus,application,batch,duration_s\n"
				   "a,0,2,resnet50,128,4000\nb,0,2,resnet50,128,4000\n";
	struct experiment_options options = { .oracle = "model" };
	simulated_load(&s, "1x8:v100", rows, &options);
	struct metrics free_run = *simulated_run(&s, "powerflow");
	options.power_budget_w = 0.6 * free_run.power_mean_w;
	simulated_load(&s, "1x8:v100", rows, &options);
	const struct metrics *held = simulated_run(&s, "powerflow");
	assert_true(held->power_mean_w <= 1.02 * options.power_budget_w);
	assert_true(held->jct_mean_s > free_run.jct_mean_s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_budget_over_time),
		cmocka_unit_test(test_savings),
		cmocka_unit_test(test_clock),
	};
	return simulated_group(&s, tests);
}
