/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that sleep, wake and fail, budget, carbon and price over time: the auditor finds nothing in
 * a true run, and every fault that is planted in its record.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "support/recorded.h"

static uint64_t hours[] = { 0, 6 * 3600 * NS_PER_S, 12 * 3600 * NS_PER_S };
static double watts[] = { 1500, 900, 1300 }, grams[] = { 300, 100, 450 }, coins[] = { .2, .1, .4 };

static struct series daily(double *values)
{
	return (struct series){ .count = 3,
		                .period_ns = 24 * 3600 * NS_PER_S,
		                .time_ns = hours,
		                .value = values,
		                .origin = "test" };
}

static void world_init(struct recorded *w, const char *policy, uint64_t interval_ns)
{
	recorded_init(w, policy, 2700);
	struct cluster_group *group = &w->cluster.groups[0];
	group->sleep_w = 8;
	group->sleep_s = 10;
	group->wake_s = 95;
	group->wake_w = 150;
	w->cluster.pue = 1.25;
	for (uint32_t i = 0; i < RECORDED_JOBS; i++) {
		w->jobs[i].checkpoint_ns = i % 3 ? 0 : 400 * NS_PER_S;
		w->jobs[i].restart_ns = i % 4 ? 0 : 45 * NS_PER_S;
	}
	for (uint32_t i = 0; i < RECORDED_FAILURES; i++)
		w->failures[i] = (struct node_failure){ .time_ns = (5000 + i * 15501) * NS_PER_S,
			                                .repair_ns = 3333 * NS_PER_S,
			                                .node = i * 3 % 4 };
	w->budget = daily(watts);
	w->carbon = daily(grams);
	w->price = daily(coins);
	w->setup.options.interval_ns = interval_ns;
	w->setup.options.checkpoint_ns = 600 * NS_PER_S;
	w->setup.options.sleep_after_ns = 300 * NS_PER_S;
	w->setup.options.time_weight = 1;
	w->setup.options.energy_weight = 1;
	w->setup.budget = &w->budget;
	w->setup.carbon = &w->carbon;
	w->setup.price = &w->price;
	w->setup.failures = w->failures;
	w->setup.failure_count = RECORDED_FAILURES;
}

/* The first of its kind after which time passes: what it reports holds for a while. */
static struct sim_event *lasting(struct record *r, enum sim_event_kind kind)
{
	for (size_t i = 0; i + 1 < r->count; i++)
		if (r->events[i].kind == kind && r->events[i + 1].time_ns > r->events[i].time_ns)
			return &r->events[i];
	fail_msg("no such event in the record");
	return NULL;
}

/* A placement on a node that is just waking. */
static struct sim_event *placed_on_waking(struct record *r)
{
	for (size_t i = 1; i < r->count; i++)
		if (r->events[i].kind == SIM_PLACE && r->events[i - 1].kind == SIM_WAKE)
			return &r->events[i];
	fail_msg("no job woke a node");
	return NULL;
}

static void test_true_runs(void **state)
{
	(void)state;
	static const char *const policies[] = { "fifo",     "sjf",  "las",    "easy",
		                                "tiresias", "zeus", "charon", "prometheus" };
	for (size_t i = 0; i < 2 * sizeof policies / sizeof *policies; i++) {
		struct recorded *w = test_malloc(sizeof *w);
		struct ergon_error err = { 0 };
		world_init(w, policies[i / 2], i % 2 ? 60 * NS_PER_S : 0);
		recorded_run(w);
		if (recorded_play(w, &err))
			fail_msg("%s: %s", policies[i / 2], err.text);
		assert_true(w->outcome.wakes > 0 && w->outcome.failures == RECORDED_FAILURES);
		assert_true(w->outcome.asleep_node_ns > 0 && w->outcome.down_node_ns > 0);
		if (strcmp(policies[i / 2], "charon") == 0)
			assert_int_equal(w->outcome.over_budget_ns, 0);
		recorded_fini(w);
		test_free(w);
	}
}

/* One node, one job, by hand: asleep after 100 s, woken at 1000 s, failed, repaired, done. */
static void test_by_hand(void **state)
{
	(void)state;
	struct recorded *w = test_malloc(sizeof *w);
	struct ergon_error err = { 0 };
	world_init(w, "fifo", 0);
	assert_int_equal(cluster_parse("1x4:t4", &w->arena, &w->cluster, NULL), ERGON_OK);
	struct cluster_group *group = &w->cluster.groups[0];
	group->sleep_w = 8;
	group->sleep_s = 10;
	group->wake_s = 95;
	group->wake_w = 150;
	w->jobs[0] = (struct job_facts){
		.name = "a", .duration_ns = 1 * NS_PER_S, .work = 1, .epochs = 1, .gpus = 1
	};
	w->jobs[1] = (struct job_facts){ .name = "b",
		                         .arrival_ns = 1000 * NS_PER_S,
		                         .duration_ns = 500 * NS_PER_S,
		                         .work = 500,
		                         .epochs = 1,
		                         .checkpoint_ns = 100 * NS_PER_S,
		                         .gpus = 2 };
	w->failures[0] = (struct node_failure){ 1445 * NS_PER_S, 55 * NS_PER_S, 0 };
	w->setup.count = 2;
	w->setup.failure_count = 1;
	w->setup.budget = w->setup.carbon = w->setup.price = NULL;
	w->setup.options.sleep_after_ns = 100 * NS_PER_S;
	recorded_run(w);
	if (recorded_play(w, &err))
		fail_msg("%s", err.text);
	/* a: 30 s restart, 1 s work. The node falls asleep from 131 to 141 s and sleeps until b
	 * comes at 1000 s, which begins at 1095 + 30 = 1125 s. It has done 320 s at the failure,
	 * the last checkpoint was at 300: 20 s of two GPUs are lost. At 1500 s the node is back; b
	 * restarts until 1530 s and has 200 s left. */
	assert_int_equal(w->outcome.end_ns, 1730 * NS_PER_S);
	assert_int_equal(w->outcome.jobs[1].lost_gpu_ns, 40 * NS_PER_S);
	assert_int_equal(w->outcome.asleep_node_ns, (1000 - 141) * NS_PER_S);
	assert_int_equal(w->outcome.down_node_ns, 55 * NS_PER_S);
	double up = 140, asleep = 859 * 8.0, waking = 95 * (150 + 40.0);
	double joules =
	    (1730 - 859 - 95) * up + asleep + waking + 1 * 60.0 + (320 + 200) * 2 * 60.0;
	assert_close((double)w->outcome.energy * 1e-15, joules, 1e-12);
	recorded_fini(w);
	test_free(w);
}

enum fault {
	SLEEPS_UNDER_ITS_JOB,
	ASLEEP_TOO_LATE,
	UP_TOO_LATE,
	WAKING_NOT_HONOURED,
	SLEEPING_DRAWS_MORE,
	AWAKE_DRAWS_LIKE_WAKING,
	WAKES_WITHOUT_SLEEPING,
	FAILURE_KEEPS_TOO_MUCH,
	FAILURE_TAKES_TOO_MUCH,
	FAILURE_SPARES_A_JOB,
	FAILS_TWICE,
	PLACED_ON_A_NODE_THAT_IS_DOWN,
	REPAIRED_WITHOUT_FAILING,
	LOST_WORK_WRONG,
	FAILURE_NOT_COUNTED,
	CARBON_LEAK,
	COST_LEAK,
	BUDGET_OF_THAT_TIME_EXCEEDED,
	NODE_THAT_IS_NOT_THERE,
	OWN_RESTART_NOT_CHARGED,
	FAULTS
};

static struct sim_event *lost_after_work(struct record *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->events[i].kind == SIM_LOSE && r->events[i].progress > 2)
			return &r->events[i];
	fail_msg("no failure hit a job with a checkpoint");
	return NULL;
}

static void plant_in_jobs(struct recorded *w, enum fault fault)
{
	struct record *r = w->record;
	struct job_state *jobs = (struct job_state *)(uintptr_t)w->outcome.jobs;
	switch (fault) {
	case FAILURE_KEEPS_TOO_MUCH:
		lost_after_work(r)->progress += 1;
		break;
	case FAILURE_TAKES_TOO_MUCH:
		lost_after_work(r)->progress -= 1;
		break;
	case FAILURE_SPARES_A_JOB:
		recorded_drop(r, recorded_nth(r, SIM_LOSE, 0));
		break;
	case LOST_WORK_WRONG:
		jobs[recorded_nth(r, SIM_LOSE, 0)->job].lost_gpu_ns += 1;
		break;
	case OWN_RESTART_NOT_CHARGED:
		for (size_t i = 0; i < r->count; i++)
			if (r->events[i].kind == SIM_PLACE && r->events[i].job == 4)
				r->events[i].debt_until_ns -= 15 * NS_PER_S;
		break;
	default:
		fail_msg("unknown fault %d", fault);
	}
}

static void plant(struct recorded *w, enum fault fault)
{
	struct record *r = w->record;
	switch (fault) {
	case SLEEPS_UNDER_ITS_JOB:
		recorded_nth(r, SIM_FALL, 1)->node = recorded_nth(r, SIM_PLACE, 0)->shares[0].node;
		recorded_drop(r, recorded_nth(r, SIM_END, 0));
		break;
	case ASLEEP_TOO_LATE:
		recorded_nth(r, SIM_ASLEEP, 1)->time_ns += 1;
		break;
	case UP_TOO_LATE:
		recorded_nth(r, SIM_UP, 1)->time_ns += 1;
		break;
	case WAKING_NOT_HONOURED:
		placed_on_waking(r)->debt_until_ns -= 95 * NS_PER_S;
		break;
	case SLEEPING_DRAWS_MORE:
		lasting(r, SIM_ASLEEP)->cluster_power_uw += 1;
		break;
	case AWAKE_DRAWS_LIKE_WAKING:
		lasting(r, SIM_UP)->cluster_power_uw += 50000000;
		break;
	case WAKES_WITHOUT_SLEEPING:
		recorded_drop(r, recorded_nth(r, SIM_ASLEEP, 0));
		break;
	case FAILS_TWICE:
		*recorded_nth(r, SIM_REPAIR, 0) = *recorded_nth(r, SIM_FAIL, 0);
		break;
	case PLACED_ON_A_NODE_THAT_IS_DOWN:
		recorded_drop(r, recorded_nth(r, SIM_REPAIR, 0));
		break;
	case REPAIRED_WITHOUT_FAILING:
		recorded_drop(r, recorded_nth(r, SIM_FAIL, 0));
		break;
	case FAILURE_NOT_COUNTED:
		w->outcome.failures--;
		break;
	case CARBON_LEAK:
		w->outcome.carbon_g *= 1 - 1e-6;
		break;
	case COST_LEAK:
		w->outcome.cost *= 1 + 1e-6;
		break;
	case BUDGET_OF_THAT_TIME_EXCEEDED:
		assert_int_equal(policy_find("charon", &w->setup.policy, NULL), ERGON_OK);
		break;
	case NODE_THAT_IS_NOT_THERE:
		recorded_nth(r, SIM_FALL, 0)->node = 4;
		break;
	default:
		plant_in_jobs(w, fault);
	}
}

static void test_planted_faults(void **state)
{
	(void)state;
	for (int fault = 0; fault < FAULTS; fault++) {
		struct recorded *w = test_malloc(sizeof *w);
		struct ergon_error err = { 0 };
		world_init(w, "tiresias", 60 * NS_PER_S);
		recorded_run(w);
		plant(w, (enum fault)fault);
		if (recorded_play(w, &err) != ERGON_INTERNAL)
			fail_msg("fault %d was not found", fault);
		assert_non_null(strstr(err.text, "audit: "));
		recorded_fini(w);
		test_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_true_runs),
		cmocka_unit_test(test_planted_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
