/* SPDX-License-Identifier: Apache-2.0 */
#include "support/recorded.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "optimize/oracles/duration.h"
#include "support/support.h"

static void hear(void *user, const struct sim_event *event)
{
	struct record *record = user;
	assert_true(record->count < RECORDED_EVENTS && event->share_count <= RECORDED_SHARES);
	size_t i = record->count++;
	record->events[i] = *event;
	if (event->share_count) {
		memcpy(record->shares[i], event->shares, event->share_count * sizeof(struct share));
		record->events[i].shares = record->shares[i];
	}
}

void recorded_init(struct recorded *r, const char *policy, double gap_s)
{
	struct oracle *oracle;
	memset(r, 0, sizeof *r);
	arena_init(&r->arena);
	r->record = ARENA_NEW(&r->arena, struct record);
	assert_non_null(r->record);
	assert_int_equal(cluster_parse("4x4:t4", &r->arena, &r->cluster, NULL), ERGON_OK);
	r->idle_w[0] = 10;
	r->max_w[0] = 70;
	r->host_w[0] = 100;
	for (uint32_t i = 0; i < RECORDED_JOBS; i++)
		r->jobs[i] =
		    (struct job_facts){ .name = "job",
			                .arrival_ns = i * ns_from_seconds(gap_s),
			                .duration_ns = (1000 + i * 1237 % 30000) * NS_PER_S,
			                .gpus = 1 + i * 7 % 9,
			                .trace_index = i };
	assert_int_equal(duration_oracle(&r->arena, &r->cluster, r->max_w, "t", r->jobs,
	                                 RECORDED_JOBS, &oracle, NULL),
	                 ERGON_OK);
	r->setup = (struct sim_setup){
		.cluster = &r->cluster,
		.gpu_idle_w = r->idle_w,
		.host_w = r->host_w,
		.oracle = oracle,
		.jobs = r->jobs,
		.count = RECORDED_JOBS,
		.options = { .interval_ns = 60 * NS_PER_S,
		             .restart_ns = 30 * NS_PER_S,
		             .power_budget_w = (double)INFINITY },
		.listeners = { { hear, r->record } },
		.listener_count = 1,
	};
	assert_int_equal(policy_find(policy, &r->setup.policy, NULL), ERGON_OK);
}

void recorded_run(struct recorded *r)
{
	struct ergon_error err = { 0 };
	if (sim_run(&r->setup, &r->arena, &r->outcome, &err))
		fail_msg("%s", err.text);
}

void recorded_fini(struct recorded *r)
{
	r->setup.oracle->ops->fini(r->setup.oracle);
	arena_fini(&r->arena);
}

enum ergon_code recorded_play(struct recorded *r, struct ergon_error *err)
{
	struct audit audit;
	assert_int_equal(audit_init(&audit, &r->setup, &r->arena, NULL), ERGON_OK);
	for (size_t i = 0; i < r->record->count; i++)
		audit_hear(&audit, &r->record->events[i]);
	return audit_close(&audit, &r->outcome, err);
}

struct sim_event *recorded_nth(struct record *record, enum sim_event_kind kind, size_t n)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->events[i].kind == kind && n-- == 0)
			return &record->events[i];
	fail_msg("no such event in the record");
	return NULL;
}

void recorded_repeat(struct record *record, struct sim_event *event)
{
	size_t at = (size_t)(event - record->events);
	assert_true(record->count < RECORDED_EVENTS);
	memmove(event + 1, event, (record->count - at) * sizeof *event);
	record->count++;
}

void recorded_drop(struct record *record, struct sim_event *event)
{
	size_t at = (size_t)(event - record->events);
	memmove(event, event + 1, (--record->count - at) * sizeof *event);
}
