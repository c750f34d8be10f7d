/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor finds nothing in a true run, and finds every fault that is planted in its record.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "support/recorded.h"

static void world_init(struct recorded *w)
{
	recorded_init(w, "tiresias", 700);
	recorded_run(w);
}

static void test_true_run(void **state)
{
	(void)state;
	struct recorded *w = test_malloc(sizeof *w);
	struct ergon_error err = { 0 };
	world_init(w);
	if (recorded_play(w, &err))
		fail_msg("%s", err.text);
	assert_true(recorded_nth(w->record, SIM_STOP, 0) !=
	            NULL); /* the run does hold preemptions */
	recorded_fini(w);
	test_free(w);
}

enum fault {
	GPU_HELD_TWICE,
	OVERFULL_NODE,
	NODE_THAT_IS_NOT_THERE,
	PART_OF_A_GANG,
	RUNS_BEFORE_ARRIVAL,
	RUNS_TWICE,
	LOST_JOB,
	ENDS_TWICE,
	ENDS_TOO_EARLY,
	WORK_LOST_AT_STOP,
	WORK_GAINED_WHILE_WAITING,
	RESTART_NOT_CHARGED,
	RESTART_CUT_SHORT,
	POWER_OF_A_JOB_WRONG,
	POWER_OF_THE_CLUSTER_WRONG,
	ENERGY_LEAK,
	IDLE_ENERGY_LEAK,
	ENERGY_OF_A_JOB_WRONG,
	TIME_RUNS_BACK,
	GPUS_NOT_GIVEN_BACK,
	BUDGET_EXCEEDED,
	JOB_THAT_IS_NOT_THERE,
	GPU_TIME_WRONG,
	IMPOSSIBLE_CONFIGURATION,
	FAULTS
};

static void plant_in_events(struct recorded *w, enum fault fault)
{
	struct record *r = w->record;
	struct sim_event *place = recorded_nth(r, SIM_PLACE, 3);
	struct share *shares = r->shares[place - r->events];
	switch (fault) {
	case GPU_HELD_TWICE:
		shares[0].gpus = 4;
		shares[0].node = r->shares[recorded_nth(r, SIM_PLACE, 2) - r->events][0].node;
		break;
	case OVERFULL_NODE:
		shares[0].gpus += 4;
		place->gpus += 4;
		break;
	case NODE_THAT_IS_NOT_THERE:
		shares[0].node = 99;
		break;
	case PART_OF_A_GANG:
		place->gpus++;
		break;
	case RUNS_BEFORE_ARRIVAL:
		recorded_nth(r, SIM_ARRIVE, 5)->time_ns -= 1000 * NS_PER_S;
		break;
	case RUNS_TWICE:
		recorded_repeat(r, place);
		break;
	case LOST_JOB:
		r->count--;
		break;
	case ENDS_TWICE:
		recorded_repeat(r, recorded_nth(r, SIM_END, 2));
		break;
	case ENDS_TOO_EARLY:
		recorded_nth(r, SIM_END, 0)->time_ns -= 2 * NS_PER_S;
		break;
	case WORK_LOST_AT_STOP:
		recorded_nth(r, SIM_STOP, 1)->progress -= 1;
		break;
	case WORK_GAINED_WHILE_WAITING:
		place->progress += 1;
		break;
	case RESTART_NOT_CHARGED:
		place->debt_until_ns = place->time_ns;
		break;
	default:
		fail_msg("unknown fault %d", fault);
	}
}

static void plant_in_books(struct recorded *w, enum fault fault)
{
	struct record *r = w->record;
	struct job_state *jobs = (struct job_state *)(uintptr_t)w->outcome.jobs;
	switch (fault) {
	case RESTART_CUT_SHORT:
		recorded_nth(r, SIM_WORK, 3)->time_ns -= NS_PER_S;
		break;
	case POWER_OF_A_JOB_WRONG:
		recorded_nth(r, SIM_WORK, 3)->job_power_uw += 1;
		break;
	case POWER_OF_THE_CLUSTER_WRONG:
		recorded_nth(r, SIM_END, 3)->cluster_power_uw -= 1;
		break;
	case ENERGY_LEAK:
		w->outcome.energy += 1;
		break;
	case IDLE_ENERGY_LEAK:
		w->outcome.idle_energy -= 1;
		break;
	case ENERGY_OF_A_JOB_WRONG:
		jobs[7].energy += 1;
		break;
	case TIME_RUNS_BACK:
		recorded_nth(r, SIM_ARRIVE, 20)->time_ns = 5;
		break;
	case GPUS_NOT_GIVEN_BACK:
		recorded_nth(r, SIM_END, 4)->share_count = 0;
		break;
	case BUDGET_EXCEEDED:
		assert_int_equal(policy_find("charon", &w->setup.policy, NULL), ERGON_OK);
		w->setup.options.power_budget_w = 700;
		break;
	case JOB_THAT_IS_NOT_THERE:
		recorded_nth(r, SIM_PLACE, 1)->job = RECORDED_JOBS;
		break;
	case GPU_TIME_WRONG:
		jobs[3].attained_gpu_ns++;
		break;
	case IMPOSSIBLE_CONFIGURATION:
		recorded_nth(r, SIM_PLACE, 6)->estimate = NULL;
		break;
	default:
		plant_in_events(w, fault);
	}
}

static void test_planted_faults(void **state)
{
	(void)state;
	for (int fault = 0; fault < FAULTS; fault++) {
		struct recorded *w = test_malloc(sizeof *w);
		struct ergon_error err = { 0 };
		world_init(w);
		plant_in_books(w, (enum fault)fault);
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
		cmocka_unit_test(test_true_run),
		cmocka_unit_test(test_planted_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
