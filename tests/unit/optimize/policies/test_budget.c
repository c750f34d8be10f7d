/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies that mind a power budget never exceed it, at any budget, in jobs that change their batch
 * from epoch to epoch.
 */
#include "support/support.h"

#include "base/units.h"
#include "support/simulated.h"

static struct ergon_env env;
static struct ergon_env_storage storage;

static void test_never_over(void **state)
{
	(void)state;
	static const double budgets_w[] = { 2500, 4000 };
	static const char *const names[] = { "charon", "prometheus" };
	struct pollux_workload w;
	pollux_workload(&w, "", 6);
	for (size_t b = 0; b < sizeof budgets_w / sizeof *budgets_w; b++) {
		struct experiment x;
		w.options.power_budget_w = budgets_w[b];
		load_experiment(&env, &w.options, &x);
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			struct policy_result r;
			const struct metrics *m = &run_policy(&x, names[i], &r)->metrics;
			if (m->over_budget_s > 0 || m->power_peak_w > budgets_w[b])
				fail_msg("%s: %.3g s over %.0f W, %.1f W at most", names[i],
				         m->over_budget_s, budgets_w[b], m->power_peak_w);
			policy_result_fini(&r);
		}
		experiment_fini(&x);
	}
}

/* Whoever pays no heed is over it: the test could fail. */
static void test_others_exceed_it(void **state)
{
	(void)state;
	struct experiment x;
	struct policy_result r;
	struct pollux_workload w;
	pollux_workload(&w, "-0.5", 1);
	w.options.power_budget_w = 2500;
	load_experiment(&env, &w.options, &x);
	assert_true(run_policy(&x, "fifo", &r)->metrics.over_budget_s > 0);
	policy_result_fini(&r);
	experiment_fini(&x);
}

/* Joules are accounted for to the last one. */
static void test_account(void **state)
{
	(void)state;
	struct experiment x;
	struct policy_result r;
	struct pollux_workload w;
	pollux_workload(&w, "-0.5", 1);
	w.options.site.host_w = 100;
	load_experiment(&env, &w.options, &x);
	const struct metrics *m = &run_policy(&x, "tiresias", &r)->metrics;
	assert_close(m->host_j, 16 * 100 * m->makespan_s, 1e-9);
	assert_close(m->free_gpu_j + m->static_j + m->restart_j,
	             64 * x.gpu_idle_w[0] * m->makespan_s, 1e-9);
	assert_close(m->restart_j, m->restart_gpu_s * x.gpu_idle_w[0], 1e-9);
	assert_true(m->dynamic_j > 0);
	assert_close(m->host_j + m->free_gpu_j + m->restart_j + m->static_j + m->dynamic_j,
	             m->energy_j, 1e-12);
	policy_result_fini(&r);
	experiment_fini(&x);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_over),
		cmocka_unit_test(test_others_exceed_it),
		cmocka_unit_test(test_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
