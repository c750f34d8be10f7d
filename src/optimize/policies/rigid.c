/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/rigid.h"

#include <math.h>

uint32_t rigid_group(const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct pool *pool = call->cluster->pool;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		if (facts->gpus > pool->groups[g].free_gpus)
			continue;
		if (pool->group_count == 1 ||
		    oracle_packed(call->oracle, facts, g, facts->gpus, 0)->rate)
			return g;
	}
	return POOL_NONE;
}

double rigid_time_s(struct oracle *oracle, const struct cluster_view *cluster,
                    const struct job_facts *job)
{
	const struct pool *pool = cluster->pool;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		if (job->gpus > pool->groups[g].nodes * pool->groups[g].gpus_per_node)
			continue;
		const struct estimate *estimate = oracle_packed(oracle, job, g, job->gpus, 0);
		if (estimate->rate)
			return estimate_remaining_s(estimate, job, 0, 0);
	}
	return (double)INFINITY;
}

/* The group in which a job will run: its own if it runs, else the first with room. */
static uint32_t choose_group(const struct policy_call *call, uint32_t job, const uint32_t *left)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	if (state->gpus && left[state->group] >= facts->gpus)
		return state->group;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		if (left[g] >= facts->gpus &&
		    (call->cluster->pool->group_count == 1 ||
		     oracle_packed(call->oracle, facts, g, facts->gpus, 0)->rate))
			return g;
	return POOL_NONE;
}

enum ergon_code rigid_run_in_order(const struct policy_call *call, struct plan *plan,
                                   const uint32_t *order, uint32_t count, bool *wanted,
                                   struct ergon_error *err)
{
	const struct jobs_view *jobs = call->jobs;
	const struct pool *pool = call->cluster->pool;
	uint32_t left[CLUSTER_GROUPS_MAX];
	for (uint32_t g = 0; g < pool->group_count; g++)
		left[g] = pool_capacity(pool, g);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t job = order[i], group = choose_group(call, job, left);
		wanted[job] = group != POOL_NONE;
		if (wanted[job])
			left[group] -= jobs->facts[job].gpus;
		bool stays = wanted[job] && jobs->state[job].group == group;
		if (jobs->state[job].gpus && !stays)
			plan_preempt(plan, job);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t job = order[i];
		if (!wanted[job] || jobs->state[job].gpus)
			continue;
		uint32_t group = rigid_group(call, job);
		if (group == POOL_NONE) /* its group was settled with jobs that now run elsewhere */
			continue;
		enum ergon_code code =
		    plan_place(plan, job, group, jobs->facts[job].gpus, 0, SPREAD_EMPTIEST, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

double rigid_left_s(const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	double progress = job_progress_now(facts, state, call->now_ns);
	if (state->status == JOB_RUNNING && state->gpus) {
		double debt_s = state->debt_until_ns > call->now_ns
		                    ? (double)(state->debt_until_ns - call->now_ns) * 1e-9
		                    : 0;
		return debt_s +
		       estimate_remaining_s(state->estimate, facts, state->epoch, progress);
	}
	const struct pool *pool = call->cluster->pool;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		const struct pool_group *group = &pool->groups[g];
		if (facts->gpus > group->nodes * group->gpus_per_node)
			continue;
		const struct estimate *estimate =
		    oracle_packed(call->oracle, facts, g, facts->gpus, 0);
		if (estimate->rate)
			return estimate_remaining_s(estimate, facts, state->epoch, progress);
	}
	return (double)INFINITY;
}
