/* SPDX-License-Identifier: Apache-2.0
 *
 * The bound is never above what any policy reaches, and is reached where nothing stands in the way.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "optimize/simulate.h"
#include "support/simulated.h"

static struct ergon_env env;
static struct ergon_env_storage storage;
static char scratch[1024], path[1200];

static struct experiment_options small(const char *cluster, const char *oracle, const char *text)
{
	put_file(scratch, "jobs.csv", text);
	snprintf(path, sizeof path, "%s/jobs.csv", scratch);
	return (struct experiment_options){
		.cluster = cluster, .trace = path, .oracle = oracle, .audit = true
	};
}

static void load(struct experiment *x, const struct experiment_options *options)
{
	struct ergon_error err = { 0 };
	load_experiment(&env, options, x);
	if (experiment_bound(x, &err))
		fail_msg("%s", err.text);
	assert_true(x->bounded && x->bound.energy_j > 0 && x->bound.jct_mean_s > 0);
}

static void run(struct experiment *x, const char *name, struct policy_result *result)
{
	run_policy(x, name, result);
}

static void below_all(const struct experiment_options *options, bool checks_sleep)
{
	static const char *const names[] = {
		"fifo", "srtf",  "las",         "easy",   "tiresias",          "optimus",
		"zeus", "hades", "aurachronos", "pollux", "pollux-exhaustive", "prometheus"
	};
	struct experiment x;
	load(&x, options);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct policy_result r;
		run(&x, names[i], &r);
		if (r.metrics.energy_j < x.bound.energy_j * (1 - 1e-9))
			fail_msg("%s: %.9g J, the bound is %.9g J", names[i], r.metrics.energy_j,
			         x.bound.energy_j);
		/* Nobody is below what its own pace demands, nor that below what any demands. */
		double pace_j = bound_at_pace(&x.bound, r.metrics.makespan_s, r.metrics.jct_mean_s);
		if (r.metrics.energy_j < pace_j * (1 - 1e-9) || pace_j < x.bound.energy_j)
			fail_msg("%s: %.9g J, the bound at its pace is %.9g J", names[i],
			         r.metrics.energy_j, pace_j);
		if (r.metrics.jct_mean_s < x.bound.jct_mean_s * (1 - 1e-9))
			fail_msg("%s: JCT %.9g s, the bound is %.9g s", names[i],
			         r.metrics.jct_mean_s, x.bound.jct_mean_s);
		assert_true(r.metrics.makespan_s >= x.bound.makespan_s * (1 - 1e-9));
		if (checks_sleep)
			assert_true(r.metrics.sleeps > 0);
		policy_result_fini(&r);
	}
	experiment_fini(&x);
}

static void test_below_every_policy(void **state)
{
	(void)state;
	char text[8192] = "name,arrival_s,gpus,application,batch,duration_s\n";
	static const char *const models[] = { "resnet50", "bert-base", "vit-b16" };
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "j%d,%d,%d,%s,64,%d\n", i,
		         i * 997 % 9000, 1 << (i * 5 % 4), models[i % 3], 300 + i * 1009 % 7000);
	struct experiment_options options = small("4x4:t4", "model", text);
	below_all(&options, false);
	options.interval_ns = 60 * NS_PER_S;
	options.restart_ns = 30 * NS_PER_S;
	options.site = (struct site_options){ .sleep = "power=5,wake=60,fall=5,waking=140",
		                              .host_w = 90,
		                              .sleep_after_ns = 120 * NS_PER_S };
	below_all(&options, true);
}

static void test_below_measured_runs(void **state)
{
	(void)state;
	struct pollux_workload w;
	pollux_workload(&w, "-0.5", 1);
	below_all(&w.options, false);
}

/* Against the best of all schedules: never above it, and a tenth below at most. */
static void test_tight(void **state)
{
	(void)state;
	struct experiment x;
	struct policy_result r;
	struct experiment_options options =
	    small("2x4:a100-sxm4-80gb", "model",
	          "name,arrival_s,gpus,application,batch,duration_s\n"
	          "a,0,2,resnet50,64,900\nb,300,1,bert-base,32,700\nc,800,4,resnet50,128,400\n");
	options.objective = "energy";
	load(&x, &options);
	run(&x, "optimal", &r);
	assert_true(r.metrics.energy_j >= x.bound.energy_j);
	assert_true(r.metrics.energy_j <= 1.1 * x.bound.energy_j);
	policy_result_fini(&r);
	experiment_fini(&x);
}

/* One job that can run in one way only: the bound is what it takes. */
static void test_reached(void **state)
{
	(void)state;
	struct experiment x;
	struct policy_result r;
	struct experiment_options options =
	    small("2x2:cpu", "duration", "name,arrival_s,gpus,duration_s\na,7,3,100\n");
	options.restart_ns = 10 * NS_PER_S;
	load(&x, &options);
	run(&x, "fifo", &r);
	assert_close(x.bound.energy_j, r.metrics.energy_j, 1e-12);
	assert_close(x.bound.jct_mean_s, r.metrics.jct_mean_s, 1e-12);
	policy_result_fini(&r);
	experiment_fini(&x);
}

/* Two jobs on one processor, by brute force over both orders: 1 s and 3 s, (1 + 4) / 2. */
static void test_equals_brute_force(void **state)
{
	(void)state;
	struct experiment x;
	double best_s = INFINITY, order[2][2] = { { 1, 3 }, { 3, 1 } };
	const struct experiment_options options =
	    small("1x1:cpu", "duration", "name,arrival_s,gpus,duration_s\na,0,1,3\nb,0,1,1\n");
	for (int i = 0; i < 2; i++)
		best_s = fmin(best_s, (order[i][0] + order[i][0] + order[i][1]) / 2);
	load(&x, &options);
	assert_close(x.bound.jct_mean_s, best_s, 1e-12);
	assert_close(x.bound.makespan_s, 4, 1e-12);
	/* 12 W all the time, whatever the order. */
	assert_close(x.bound.energy_j, 4 * 12, 1e-12);
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
		cmocka_unit_test(test_below_every_policy),
		cmocka_unit_test(test_below_measured_runs),
		cmocka_unit_test(test_tight),
		cmocka_unit_test(test_reached),
		cmocka_unit_test(test_equals_brute_force),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
