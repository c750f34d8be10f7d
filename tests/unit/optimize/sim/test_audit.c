/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor finds nothing in a true run, and finds every fault that is planted in its record.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "optimize/oracles/duration.h"
#include "optimize/sim/audit.h"

enum { JOBS = 40, EVENTS_MAX = 4096, SHARES_MAX = 16 };

struct record {
	struct sim_event events[EVENTS_MAX];
	struct share shares[EVENTS_MAX][SHARES_MAX];
	struct estimate estimates[EVENTS_MAX];
	size_t count;
};

struct world {
	struct arena arena;
	struct cluster cluster;
	struct job_facts jobs[JOBS];
	double idle_w[1], max_w[1], host_w[1];
	struct sim_setup setup;
	struct sim_outcome outcome;
	struct record *record;
};

static void hear(void *user, const struct sim_event *event)
{
	struct record *record = user;
	assert_true(record->count < EVENTS_MAX && event->share_count <= SHARES_MAX);
	size_t i = record->count++;
	record->events[i] = *event;
	if (event->share_count) {
		memcpy(record->shares[i], event->shares, event->share_count * sizeof(struct share));
		record->events[i].shares = record->shares[i];
	}
}

static const struct scheduling_policy *find(const char *name)
{
	const struct scheduling_policy *policy = NULL;
	assert_int_equal(policy_find(name, &policy, NULL), ERGON_OK);
	return policy;
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	arena_init(&w->arena);
	w->record = ARENA_NEW(&w->arena, struct record);
	assert_non_null(w->record);
	assert_int_equal(cluster_parse("4x4:t4", &w->arena, &w->cluster, NULL), ERGON_OK);
	w->idle_w[0] = 10;
	w->max_w[0] = 70;
	w->host_w[0] = 100;
	for (uint32_t i = 0; i < JOBS; i++)
		w->jobs[i] =
		    (struct job_facts){ .name = "job",
			                .arrival_ns = i * 700 * NS_PER_S,
			                .duration_ns = (1000 + i * 1237 % 30000) * NS_PER_S,
			                .gpus = 1 + i * 7 % 9,
			                .trace_index = i };
	struct oracle *oracle;
	assert_int_equal(
	    duration_oracle(&w->arena, &w->cluster, w->max_w, "t", w->jobs, JOBS, &oracle, NULL),
	    ERGON_OK);
	w->setup = (struct sim_setup){
		.cluster = &w->cluster,
		.gpu_idle_w = w->idle_w,
		.host_w = w->host_w,
		.oracle = oracle,
		.jobs = w->jobs,
		.count = JOBS,
		.policy = find("tiresias"),
		.options = { .interval_ns = 60 * NS_PER_S,
		             .restart_ns = 30 * NS_PER_S,
		             .power_budget_w = (double)INFINITY },
		.listeners = { { hear, w->record } },
		.listener_count = 1,
	};
	assert_int_equal(sim_run(&w->setup, &w->arena, &w->outcome, NULL), ERGON_OK);
}

static void world_fini(struct world *w)
{
	w->setup.oracle->ops->fini(w->setup.oracle);
	arena_fini(&w->arena);
}

/* Plays the record to a fresh auditor. */
static enum ergon_code play(struct world *w, struct ergon_error *err)
{
	struct audit audit;
	assert_int_equal(audit_init(&audit, &w->setup, &w->arena, NULL), ERGON_OK);
	for (size_t i = 0; i < w->record->count; i++)
		audit_hear(&audit, &w->record->events[i]);
	return audit_close(&audit, &w->outcome, err);
}

static struct sim_event *nth(struct record *record, enum sim_event_kind kind, size_t n)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->events[i].kind == kind && n-- == 0)
			return &record->events[i];
	fail_msg("no such event in the record");
	return NULL;
}

static void repeat(struct record *record, struct sim_event *event)
{
	size_t at = (size_t)(event - record->events);
	assert_true(record->count < EVENTS_MAX);
	memmove(event + 1, event, (record->count - at) * sizeof *event);
	record->count++;
}

static void test_true_run(void **state)
{
	(void)state;
	struct world *w = test_malloc(sizeof *w);
	struct ergon_error err = { 0 };
	world_init(w);
	if (play(w, &err))
		fail_msg("%s", err.text);
	assert_true(nth(w->record, SIM_STOP, 0) != NULL); /* the run does hold preemptions */
	world_fini(w);
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

static void plant_in_events(struct world *w, enum fault fault)
{
	struct record *r = w->record;
	struct sim_event *place = nth(r, SIM_PLACE, 3);
	struct share *shares = r->shares[place - r->events];
	switch (fault) {
	case GPU_HELD_TWICE:
		shares[0].gpus = 4;
		shares[0].node = r->shares[nth(r, SIM_PLACE, 2) - r->events][0].node;
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
		nth(r, SIM_ARRIVE, 5)->time_ns -= 1000 * NS_PER_S;
		break;
	case RUNS_TWICE:
		repeat(r, place);
		break;
	case LOST_JOB:
		r->count--;
		break;
	case ENDS_TWICE:
		repeat(r, nth(r, SIM_END, 2));
		break;
	case ENDS_TOO_EARLY:
		nth(r, SIM_END, 0)->time_ns -= 2 * NS_PER_S;
		break;
	case WORK_LOST_AT_STOP:
		nth(r, SIM_STOP, 1)->progress -= 1;
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

static void plant_in_books(struct world *w, enum fault fault)
{
	struct record *r = w->record;
	struct job_state *jobs = (struct job_state *)(uintptr_t)w->outcome.jobs;
	switch (fault) {
	case RESTART_CUT_SHORT:
		nth(r, SIM_WORK, 3)->time_ns -= NS_PER_S;
		break;
	case POWER_OF_A_JOB_WRONG:
		nth(r, SIM_WORK, 3)->job_power_uw += 1;
		break;
	case POWER_OF_THE_CLUSTER_WRONG:
		nth(r, SIM_END, 3)->cluster_power_uw -= 1;
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
		nth(r, SIM_ARRIVE, 20)->time_ns = 5;
		break;
	case GPUS_NOT_GIVEN_BACK:
		nth(r, SIM_END, 4)->share_count = 0;
		break;
	case BUDGET_EXCEEDED:
		w->setup.policy = find("charon");
		w->setup.options.power_budget_w = 700;
		break;
	case JOB_THAT_IS_NOT_THERE:
		nth(r, SIM_PLACE, 1)->job = JOBS;
		break;
	case GPU_TIME_WRONG:
		jobs[3].attained_gpu_ns++;
		break;
	case IMPOSSIBLE_CONFIGURATION:
		nth(r, SIM_PLACE, 6)->estimate = NULL;
		break;
	default:
		plant_in_events(w, fault);
	}
}

static void test_planted_faults(void **state)
{
	(void)state;
	for (int fault = 0; fault < FAULTS; fault++) {
		struct world *w = test_malloc(sizeof *w);
		struct ergon_error err = { 0 };
		world_init(w);
		plant_in_books(w, (enum fault)fault);
		if (play(w, &err) != ERGON_INTERNAL)
			fail_msg("fault %d was not found", fault);
		assert_non_null(strstr(err.text, "audit: "));
		world_fini(w);
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
