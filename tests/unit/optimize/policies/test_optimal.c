/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy optimal in whole simulations: what it plans is what happens, and no policy that leaves
 * jobs where they are does better.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "optimize/simulate.h"

static struct ergon_env env;
static struct ergon_env_storage storage;
static char scratch[1024], path[1200];

static const char jobs[] = "name,arrival_s,gpus,application,batch,duration_s\n"
			   "a,0,2,resnet50,64,900\nb,20,1,bert-base,32,700\n"
			   "c,150,4,vit-b16,64,500\nd,400,1,resnet50,64,1200\n";

static enum ergon_code run(const struct experiment_options *options, const char *const *names,
                           size_t count, struct policy_result *results, struct experiment *x,
                           struct ergon_error *err)
{
	if (experiment_load(&env, options, x, err))
		fail_msg("%s", err->text);
	for (size_t i = 0; i < count; i++) {
		const struct scheduling_policy *policy;
		assert_int_equal(policy_find(names[i], &policy, err), ERGON_OK);
		enum ergon_code code = experiment_run(x, policy, &results[i], err);
		if (code)
			return code;
		assert_true(results[i].audited);
	}
	return ERGON_OK;
}

static struct experiment_options small(const char *text, const char *oracle)
{
	put_file(scratch, "jobs.csv", text);
	snprintf(path, sizeof path, "%s/jobs.csv", scratch);
	return (struct experiment_options){ .cluster = "2x2:t4",
		                            .trace = path,
		                            .oracle = oracle,
		                            .audit = true,
		                            .restart_ns = 30 * NS_PER_S };
}

/* Rigid jobs of stated length: nothing that never moves a job may be better, whatever is asked for.
 */
static void nobody_is_better(const char *oracle, uint64_t interval_ns, const char *objective)
{
	static const char *const names[] = { "optimal", "fifo", "sjf", "easy", "conservative" };
	enum { COUNT = sizeof names / sizeof *names };
	struct experiment_options options = small(jobs, oracle);
	struct policy_result results[COUNT];
	struct experiment x;
	struct ergon_error err = { 0 };
	options.interval_ns = interval_ns;
	options.objective = objective;
	if (run(&options, names, COUNT, results, &x, &err))
		fail_msg("%s", err.text);
	assert_close(policy_over_optimal(&x, results, COUNT, 0), 1, 1e-12);
	for (size_t i = 1; i < COUNT; i++)
		assert_true(policy_over_optimal(&x, results, COUNT, i) >= 1 - 1e-9);
	assert_int_equal((int)results[0].metrics.restarts, 0);
	for (size_t i = 0; i < COUNT; i++)
		policy_result_fini(&results[i]);
	experiment_fini(&x);
}

static void test_nobody_is_better(void **state)
{
	(void)state;
	nobody_is_better("duration", 0, "edp");
	nobody_is_better("duration", 60 * NS_PER_S, "energy");
	nobody_is_better("model", 0, "time");
	nobody_is_better("model", 45 * NS_PER_S, "2,1");
}

/* Two jobs of 100 s on both GPUs of a node and one of 300 s: with one node, shortest first. */
static void test_by_hand(void **state)
{
	(void)state;
	static const char text[] = "name,arrival_s,gpus,application,duration_s\n"
				   "long,0,2,x,300\nfirst,1,2,x,100\nsecond,2,2,x,100\n";
	static const char *const names[] = { "optimal" };
	struct experiment_options options = small(text, "duration");
	struct policy_result result;
	struct experiment x;
	struct ergon_error err = { 0 };
	options.cluster = "1x2:t4";
	options.restart_ns = 0;
	options.objective = "time";
	/* It waits a second for the shorter ones: (101 - 1 + 201 - 2 + 501) / 3. */
	assert_int_equal(run(&options, names, 1, &result, &x, &err), ERGON_OK);
	assert_close(result.metrics.jct_mean_s, 800.0 / 3, 1e-9);
	policy_result_fini(&result);
	experiment_fini(&x);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "optimal" };
	char text[4096] = "name,arrival_s,gpus,application,duration_s\n";
	for (int i = 0; i < 13; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "j%d,%d,1,x,60\n", i, i);
	struct experiment_options options = small(text, "duration");
	struct policy_result result = { 0 };
	struct experiment x;
	struct ergon_error err = { 0 };
	assert_int_equal(run(&options, names, 1, &result, &x, &err), ERGON_INFEASIBLE);
	assert_non_null(strstr(err.text, "up to 12 jobs on 8 nodes"));
	policy_result_fini(&result);
	experiment_fini(&x);
	options = small(jobs, "duration");
	options.cluster = "9x2:t4";
	assert_int_equal(run(&options, names, 1, &result, &x, &err), ERGON_INFEASIBLE);
	policy_result_fini(&result);
	experiment_fini(&x);
}

static int setup(void **state)
{
	(void)state;
	ergon_env_init(&env, &storage);
	scratch_make(scratch, sizeof scratch);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_nobody_is_better),
		cmocka_unit_test(test_what_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
