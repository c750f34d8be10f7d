/* SPDX-License-Identifier: Apache-2.0
 *
 * AuraChronos: deadlines first, energy next. Jobs with a deadline go in order of it, each in the
 * configuration with the least T^a E^b that still meets it (the fastest where none does). Where it
 * does not fit in what is free, running jobs without a deadline lose their GPUs, those with the
 * least to lose first: the shortest time since they started is thrown away least often, as every
 * restart costs the same. What is left is Zeus's.
 */
#include <math.h>

#include "base/units.h"
#include "optimize/policies/rigid.h"
#include "optimize/policies/search.h"

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct search *search = state;
	search->keep_all = true;
	return search_init(search, setup, setup->options->time_weight,
	                   setup->options->energy_weight, err);
}

static bool is_urgent(const struct job_facts *job)
{
	return job->deadline_ns > 0;
}

/* The waiting job with the nearest deadline after `last` in the order (deadline, number). */
static uint32_t next_urgent(const struct policy_call *call, uint64_t last_ns, uint32_t last)
{
	uint32_t best = JOB_NONE, j = call->jobs->pending_first;
	const struct job_facts *facts = call->jobs->facts;
	for (; j != JOB_NONE; j = call->jobs->state[j].pending_next) {
		uint64_t due = facts[j].deadline_ns;
		if (!is_urgent(&facts[j]) || due < last_ns || (due == last_ns && j <= last))
			continue;
		if (best == JOB_NONE || due < facts[best].deadline_ns)
			best = j;
	}
	return best;
}

/* GPUs of the group that are free or held by jobs without a deadline. */
static uint32_t reach(const struct policy_call *call, uint32_t group)
{
	uint32_t gpus = call->cluster->pool->groups[group].free_gpus;
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
		const struct job_state *state = &call->jobs->state[j];
		if (state->status == JOB_RUNNING && state->gpus && state->group == group &&
		    !is_urgent(&call->jobs->facts[j]))
			gpus += state->gpus;
	}
	return gpus;
}

/* The best way to run the job within `free`: on time at the least objective, else the fastest. */
static bool choose(struct search *search, const struct policy_call *call, const struct plan *plan,
                   uint32_t job, const uint32_t *free, struct candidate *how)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	double due_s = facts->deadline_ns > call->now_ns
	                   ? (double)(facts->deadline_ns - call->now_ns) * 1e-9
	                   : 0;
	double fastest_s = INFINITY;
	uint32_t count;
	const struct candidate *list = search_list(search, call, job, &count);
	if (!list) {
		list = search_best(search, call, plan, job, free);
		count = list ? 1 : 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct candidate *c = &list[i];
		if (c->gpus > free[c->group])
			continue;
		double time_s =
		    search->restart_s +
		    estimate_remaining_s(c->estimate, facts, state->epoch, state->progress);
		if (time_s < fastest_s || time_s <= due_s) {
			fastest_s = time_s;
			*how = *c;
		}
		if (time_s <= due_s)
			return true;
	}
	return isfinite(fastest_s);
}

/* Frees GPUs of the group until `need` are there. */
static void make_room(const struct policy_call *call, struct plan *plan, uint32_t group,
                      uint32_t need)
{
	while (call->cluster->pool->groups[group].free_gpus < need) {
		uint32_t victim = JOB_NONE;
		uint64_t latest = 0;
		for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
			const struct job_state *state = &call->jobs->state[j];
			if (state->status != JOB_RUNNING || !state->gpus || state->group != group ||
			    is_urgent(&call->jobs->facts[j]))
				continue;
			if (victim == JOB_NONE || state->debt_until_ns > latest) {
				victim = j;
				latest = state->debt_until_ns;
			}
		}
		if (victim == JOB_NONE)
			return;
		plan_preempt(plan, victim);
	}
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct search *search = state;
	uint64_t last_ns = 0;
	uint32_t job = next_urgent(call, 0, 0);
	for (; job != JOB_NONE; job = next_urgent(call, last_ns, job)) {
		uint32_t free[CLUSTER_GROUPS_MAX];
		struct candidate how = { 0 };
		last_ns = call->jobs->facts[job].deadline_ns;
		for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
			free[g] = reach(call, g);
		if (!choose(search, call, plan, job, free, &how))
			continue;
		make_room(call, plan, how.group, how.gpus);
		enum ergon_code code =
		    plan_place(plan, job, how.group, how.gpus, how.batch, SPREAD_PACKED, err);
		if (code && code != ERGON_INFEASIBLE)
			return code;
	}
	return search_decide(search, call, plan, err);
}

const struct scheduling_policy policy_aurachronos = {
	.name = "aurachronos",
	.summary = "deadlines first, by preemption where need be; the rest as Zeus",
	.source = "EAS-Sim",
	.state_size = sizeof(struct search),
	.init = init,
	.decide = decide,
};
