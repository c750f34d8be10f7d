/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/simulated.h"
#include "support/support.h"

static struct ergon_env env;
static struct ergon_env_storage storage;

struct outcome {
	double energy_j, jct_s, makespan_s;
};

static struct outcome run(struct experiment *x, const char *policy)
{
	struct policy_result result;
	const struct metrics *m = &run_policy(x, policy, &result)->metrics;
	struct outcome o = { m->energy_j, m->jct_mean_s, m->makespan_s };
	policy_result_fini(&result);
	return o;
}

/* Under load the search over all jobs at once beats one job after the other in everything; it is
 * the same with the same seed, and with b = 0 it is about time alone. */
static void test_all_at_once(void **state)
{
	(void)state;
	struct pollux_workload w;
	struct experiment x;
	pollux_workload(&w, "", 1);
	load_experiment(&env, &w.options, &x);
	struct outcome one_by_one = run(&x, "zeus"), all = run(&x, "zeus-genetic");
	struct outcome again = run(&x, "zeus-genetic");
	assert_memory_equal(&all, &again, sizeof all);
	experiment_fini(&x);
	print_message("zeus-genetic against zeus: energy %+.1f%%, mean JCT %+.1f%%\n",
	              100 * (all.energy_j / one_by_one.energy_j - 1),
	              100 * (all.jct_s / one_by_one.jct_s - 1));
	assert_true(all.energy_j < one_by_one.energy_j);
	assert_true(all.jct_s < 0.5 * one_by_one.jct_s);
	assert_true(all.makespan_s < one_by_one.makespan_s);
}

/* What it cannot search it refuses, with who can. */
static void refuses(const char *cluster, const char *oracle, const char *expected)
{
	struct simulated s;
	struct policy_result result = { 0 };
	struct ergon_error err = { 0 };
	const struct scheduling_policy *policy;
	assert_int_equal(policy_find("zeus-genetic", &policy, NULL), ERGON_OK);
	simulated_init(&s);
	const struct experiment_options options = { .oracle = oracle };
	simulated_load(&s, cluster, "name,arrival_s,gpus,application,duration_s\na,0,1,x,600\n",
	               &options);
	assert_int_equal(experiment_run(&s.x, policy, &result, &err), ERGON_INFEASIBLE);
	if (!strstr(err.text, expected))
		fail_msg("no '%s' in '%s'", expected, err.text);
	policy_result_fini(&result);
	simulated_fini(&s);
}

static void test_refusals(void **state)
{
	(void)state;
	refuses("2x4:t4", NULL, "which job a does not allow");
	refuses("2x4:t4,1x8:a100", NULL, "of one type; zeus takes any");
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
