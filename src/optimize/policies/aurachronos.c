/* SPDX-License-Identifier: Apache-2.0
 *
 * AuraChronos: deadlines first, energy next.
 *
 * First a proactive loop over the waiting jobs with a deadline, nearest first: each takes the
 * configuration with the least T^a E^b that still meets its deadline within what is free. Where
 * there is none, and it would also be late if it waited until running jobs end by themselves, jobs
 * without a deadline lose their GPUs: those first that lose least, which is the restart cost times
 * the GPUs held, then those that began last. Where not even that helps, it runs as fast as can be.
 * Then the tiers: what is left goes to the waiting jobs without a deadline by Zeus's search.
 */
#include <math.h>
#include <stdlib.h>

#include "base/units.h"
#include "optimize/policies/rigid.h"
#include "optimize/policies/search.h"

struct ending {
	double left_s;
	uint32_t gpus;
};

struct aura {
	struct search search;
	const struct policy_options *options;
	struct ending *endings; /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct aura *aura = state;
	aura->options = setup->options;
	aura->search.keep_all = true;
	aura->endings = ARENA_ARRAY(setup->arena, struct ending, setup->jobs->count);
	if (!aura->endings)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return search_init(&aura->search, setup, setup->options->time_weight,
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

/* Seconds that the job may still take; infinite without a deadline. */
static double due_of(const struct policy_call *call, uint32_t job)
{
	uint64_t due_ns = call->jobs->facts[job].deadline_ns;
	if (!due_ns)
		return (double)INFINITY;
	return due_ns > call->now_ns ? (double)(due_ns - call->now_ns) * 1e-9 : 0;
}

static int by_end(const void *a, const void *b)
{
	const struct ending *x = a, *y = b;
	return (x->left_s > y->left_s) - (x->left_s < y->left_s);
}

/* Seconds until so many GPUs of the group are free if nobody is preempted. */
static double wait_for(struct aura *aura, const struct policy_call *call, uint32_t group,
                       uint32_t gpus)
{
	uint32_t free = call->cluster->pool->groups[group].free_gpus, count = 0;
	if (free >= gpus)
		return 0;
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
		const struct job_state *state = &call->jobs->state[j];
		if (state->gpus && state->group == group)
			aura->endings[count++] =
			    (struct ending){ state->status == JOB_RUNNING ? rigid_left_s(call, j)
				                                          : (double)INFINITY,
				             state->gpus };
	}
	qsort(aura->endings, count, sizeof *aura->endings, by_end);
	for (uint32_t i = 0; i < count; i++) {
		free += aura->endings[i].gpus;
		if (free >= gpus)
			return aura->endings[i].left_s;
	}
	return (double)INFINITY;
}

/* Would some configuration meet the deadline without any preemption, after a wait? */
static bool can_wait(struct aura *aura, const struct policy_call *call, uint32_t job)
{
	struct search *search = &aura->search;
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	double due_s = due_of(call, job);
	uint32_t count = search_list_all(search, call, job);
	for (uint32_t i = 0; i < count; i++) {
		const struct candidate *c = &search->scratch[i];
		double time_s =
		    search_restart_s(search, facts) +
		    estimate_remaining_s(c->estimate, facts, state->epoch, state->progress);
		if (time_s < due_s && wait_for(aura, call, c->group, c->gpus) + time_s <= due_s)
			return true;
	}
	return false;
}

/* The best way to run the job within `free`: on time at the least objective, true; else the
 * fastest, false; how->gpus is 0 where there is none. */
static bool choose(struct search *search, const struct policy_call *call, const struct plan *plan,
                   uint32_t job, const uint32_t *free, struct candidate *how)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	double due_s = due_of(call, job), fastest_s = (double)INFINITY;
	uint32_t count = search_list_all(search, call, job);
	(void)plan;
	*how = (struct candidate){ 0 };
	for (uint32_t i = 0; i < count; i++) {
		const struct candidate *c = &search->scratch[i];
		if (c->gpus > free[c->group])
			continue;
		double time_s =
		    search_restart_s(search, facts) +
		    estimate_remaining_s(c->estimate, facts, state->epoch, state->progress);
		if (time_s < fastest_s || time_s <= due_s) {
			fastest_s = time_s;
			*how = *c;
		}
		if (time_s <= due_s)
			return true;
	}
	return false;
}

/* Frees GPUs of the group until `need` are there, from those who lose least. */
static void make_room(const struct aura *aura, const struct policy_call *call, struct plan *plan,
                      uint32_t group, uint32_t need)
{
	while (call->cluster->pool->groups[group].free_gpus < need) {
		uint32_t victim = JOB_NONE;
		double least = (double)INFINITY;
		for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
			const struct job_state *state = &call->jobs->state[j];
			const struct job_facts *facts = &call->jobs->facts[j];
			if (state->status != JOB_RUNNING || !state->gpus || state->group != group ||
			    is_urgent(facts))
				continue;
			double loss =
			    (double)job_restart_ns(facts, aura->options) * 1e-9 * state->gpus;
			bool later = victim != JOB_NONE && loss <= least &&
			             state->debt_until_ns > call->jobs->state[victim].debt_until_ns;
			if (loss < least || later) {
				victim = j;
				least = loss;
			}
		}
		if (victim == JOB_NONE)
			return;
		plan_preempt(plan, victim);
	}
}

/* One urgent job; nothing happens where it can wait. */
static enum ergon_code rescue(struct aura *aura, const struct policy_call *call, struct plan *plan,
                              uint32_t job, struct ergon_error *err)
{
	struct search *search = &aura->search;
	uint32_t free[CLUSTER_GROUPS_MAX], all[CLUSTER_GROUPS_MAX];
	struct candidate how, other;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++) {
		free[g] = call->cluster->pool->groups[g].free_gpus;
		all[g] = reach(call, g);
	}
	const uint32_t *within = free;
	if (!choose(search, call, plan, job, free, &how)) {
		if (can_wait(aura, call, job)) {
			search_explain(search, call, plan, job, NULL, free, due_of(call, job));
			return ERGON_OK;
		}
		bool saved = choose(search, call, plan, job, all, &other);
		if (saved || !how.gpus) {
			how = other;
			within = all;
		}
	}
	search_explain(search, call, plan, job, how.gpus ? &how : NULL, within, due_of(call, job));
	if (!how.gpus)
		return ERGON_OK;
	make_room(aura, call, plan, how.group, how.gpus);
	enum ergon_code code =
	    plan_place(plan, job, how.group, how.gpus, how.batch, SPREAD_PACKED, err);
	return code == ERGON_INFEASIBLE ? ERGON_OK : code;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct aura *aura = state;
	uint64_t last_ns = 0;
	uint32_t job = next_urgent(call, 0, 0);
	for (; job != JOB_NONE; job = next_urgent(call, last_ns, job)) {
		last_ns = call->jobs->facts[job].deadline_ns;
		enum ergon_code code = rescue(aura, call, plan, job, err);
		if (code)
			return code;
	}
	return search_decide(&aura->search, call, plan, err);
}

const struct scheduling_policy policy_aurachronos = {
	.name = "aurachronos",
	.summary = "deadlines first, by preemption where need be; the rest as Zeus",
	.source = "EAS-Sim",
	.state_size = sizeof(struct aura),
	.init = init,
	.decide = decide,
};
