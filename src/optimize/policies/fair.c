/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/fair.h"

#include <math.h>

#include "base/units.h"
#include "optimize/policies/rigid.h"

/* Themis's lease (section 8: 20 minutes). */
static const uint64_t lease_ns = 1200 * NS_PER_S;
/* A job that wins again moves only for more than this part of its objective. */
static const double least_gain = 0.05;

enum ergon_code fair_init(struct fair *fair, const struct policy_setup *setup,
                          const struct fair_rules *rules, double time_weight, double energy_weight,
                          struct ergon_error *err)
{
	uint32_t count = setup->jobs->count;
	fair->rules = rules;
	fair->lease_ns = lease_ns;
	fair->alone_s = ARENA_ARRAY(setup->arena, double, count);
	fair->lease_end_ns = ARENA_ARRAY(setup->arena, uint64_t, count);
	fair->contenders = ARENA_ARRAY(setup->arena, struct contender, count);
	if (!fair->alone_s || !fair->lease_end_ns || !fair->contenders)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return search_init(&fair->search, setup, time_weight, energy_weight, err);
}

double fair_rho(struct fair *fair, const struct policy_call *call, uint32_t job, double left_s)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	double *alone_s = &fair->alone_s[job];
	if (!(*alone_s > 0))
		*alone_s = fmax(1e-9, rigid_time_s(call->oracle, call->cluster, facts));
	double spent_s = (double)(call->now_ns - facts->arrival_ns) * 1e-9;
	/* One that could never run as it asked is compared with how it runs now. */
	return (spent_s + left_s) / (isfinite(*alone_s) ? *alone_s : fmax(left_s, 1e-9));
}

static double left_of(const struct policy_call *call, uint32_t job, const struct estimate *estimate)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	return estimate_remaining_s(estimate, facts, state->epoch,
	                            job_progress_now(facts, state, call->now_ns));
}

bool fair_best_as_asked(struct fair *fair, const struct policy_call *call, const struct plan *plan,
                        uint32_t job, const uint32_t *left, struct candidate *how)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	double least_s = (double)INFINITY;
	(void)fair;
	(void)plan;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++) {
		uint32_t most = facts->gpus < left[g] ? facts->gpus : left[g];
		uint32_t least = facts->malleable ? 1 : facts->gpus;
		for (uint32_t gpus = most; gpus >= least && gpus; gpus--) {
			const struct estimate *e = oracle_packed(call->oracle, facts, g, gpus, 0);
			double time_s = e->rate ? left_of(call, job, e) : (double)INFINITY;
			if (!(time_s < least_s))
				continue;
			least_s = time_s;
			*how = (struct candidate){ .estimate = e, .group = g, .gpus = gpus };
		}
	}
	return isfinite(least_s);
}

void fair_gather(struct fair *fair, const struct policy_call *call, uint32_t *left)
{
	const struct jobs_view *jobs = call->jobs;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		left[g] = call->cluster->pool->groups[g].free_gpus;
	fair->count = 0;
	fair->search.now_ns = call->now_ns;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		const struct job_state *state = &jobs->state[j];
		if (state->gpus && fair->lease_end_ns[j] > call->now_ns)
			continue;
		if (state->gpus)
			left[state->group] += state->gpus;
		fair->contenders[fair->count++] = (struct contender){ .job = j };
	}
}

/* Where it could run as asked at all, the group with most on offer; POOL_NONE: nowhere. */
static uint32_t waits_for(const struct policy_call *call, uint32_t job, const uint32_t *left)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct pool *pool = call->cluster->pool;
	uint32_t best = POOL_NONE;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		if (facts->gpus > pool->groups[g].nodes * pool->groups[g].gpus_per_node ||
		    !oracle_packed(call->oracle, facts, g, facts->gpus, 0)->rate)
			continue;
		if (best == POOL_NONE || left[g] > left[best])
			best = g;
	}
	return best;
}

/* What the contender would do within left, and its score. */
static void consider(struct fair *fair, const struct policy_call *call, const struct plan *plan,
                     struct contender *c, const uint32_t *left)
{
	const struct job_state *state = &call->jobs->state[c->job];
	const struct search *search = &fair->search;
	struct candidate how = { 0 };
	double left_s = 0, objective = (double)INFINITY;
	c->fits = fair->rules->best(fair, call, plan, c->job, left, &how);
	c->stays = false;
	if (c->fits) {
		left_s = search_restart_s(search, &call->jobs->facts[c->job]) +
		         left_of(call, c->job, how.estimate);
		objective = search_score(search, left_s, how.estimate->power_w);
	}
	if (state->gpus && state->gpus <= left[state->group]) {
		double stay_s = rigid_left_s(call, c->job);
		double stay = search_score(search, stay_s, state->estimate->power_w);
		if (stay <= objective - log(1 - least_gain)) {
			c->stays = c->fits = true;
			left_s = stay_s;
			objective = stay;
			how = (struct candidate){ state->estimate, 0, state->group, state->gpus,
				                  state->batch };
		}
	}
	c->how = how;
	if (!c->fits) {
		left_s = rigid_left_s(call, c->job);
		objective = 0;
	}
	c->score = fair->rules->score(fair, objective, fair_rho(fair, call, c->job, left_s));
}

void fair_share_out(struct fair *fair, const struct policy_call *call, const struct plan *plan,
                    uint32_t *left)
{
	bool closed[CLUSTER_GROUPS_MAX] = { false };
	uint32_t open[CLUSTER_GROUPS_MAX];
	for (uint32_t i = 0; i < fair->count; i++)
		if (!fair->contenders[i].settled)
			consider(fair, call, plan, &fair->contenders[i], left);
	for (;;) {
		struct contender *next = NULL;
		for (uint32_t i = 0; i < fair->count; i++) {
			struct contender *c = &fair->contenders[i];
			if (!c->settled && (c->fits || fair->rules->reserve) &&
			    (!next || c->score < next->score))
				next = c;
		}
		if (!next)
			return;
		if (!next->fits) { /* keeps newcomers from where it waits, and others go on */
			uint32_t group = waits_for(call, next->job, left);
			if (group != POOL_NONE)
				closed[group] = true;
			next->score = (double)INFINITY;
			next->settled = true;
			continue;
		}
		bool held = next->stays || !closed[next->how.group];
		if (held && next->how.gpus <= left[next->how.group]) {
			if (!next->stays && fair->rules->best != fair_best_as_asked)
				search_explain(&fair->search, call, plan, next->job, &next->how,
				               left, (double)INFINITY);
			left[next->how.group] -= next->how.gpus;
			next->settled = true;
			next->offered = closed[next->how.group];
			continue;
		}
		/* What it wanted is gone: something else, or nothing. */
		const struct job_state *state = &call->jobs->state[next->job];
		for (uint32_t g = 0; g < call->cluster->pool->group_count; g++) {
			bool own = state->gpus && state->group == g;
			open[g] = closed[g] && !own ? 0 : left[g];
		}
		consider(fair, call, plan, next, open);
		if (next->fits && !next->stays && closed[next->how.group])
			next->fits = false;
		if (!next->fits) {
			next->score = (double)INFINITY;
			next->settled = true;
		}
	}
}

enum ergon_code fair_apply(struct fair *fair, const struct policy_call *call, struct plan *plan,
                           struct ergon_error *err)
{
	uint64_t wake_ns = UINT64_MAX;
	for (uint32_t i = 0; i < fair->count; i++) {
		const struct contender *c = &fair->contenders[i];
		if (!c->fits || !c->stays)
			plan_preempt(plan, c->job);
		else if (!c->offered)
			fair->lease_end_ns[c->job] = call->now_ns + fair->lease_ns;
	}
	for (uint32_t i = 0; i < fair->count; i++) {
		const struct contender *c = &fair->contenders[i];
		if (!c->fits || c->stays)
			continue;
		enum ergon_code code = plan_place(plan, c->job, c->how.group, c->how.gpus,
		                                  c->how.batch, SPREAD_PACKED, err);
		/* Nothing is known of the place that is left: the job waits for another. */
		if (code && code != ERGON_INFEASIBLE)
			return code;
		fair->lease_end_ns[c->job] = call->now_ns + fair->lease_ns;
	}
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next)
		if (call->jobs->state[j].gpus && fair->lease_end_ns[j] > call->now_ns &&
		    fair->lease_end_ns[j] < wake_ns)
			wake_ns = fair->lease_end_ns[j];
	if (call->jobs->pending && wake_ns != UINT64_MAX)
		plan_wake_at(plan, wake_ns);
	return ERGON_OK;
}

enum ergon_code fair_decide(struct fair *fair, const struct policy_call *call, struct plan *plan,
                            struct ergon_error *err)
{
	uint32_t left[CLUSTER_GROUPS_MAX];
	fair_gather(fair, call, left);
	fair_share_out(fair, call, plan, left);
	return fair_apply(fair, call, plan, err);
}
