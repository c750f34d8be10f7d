/* SPDX-License-Identifier: Apache-2.0
 *
 * Hades: Themis's finish-time fairness with the energy-delay product. Among the waiting jobs the
 * next is the one with the least objective over fairness share: its best T^a E^b that fits now,
 * divided by rho^(2 (a + b)), rho being how many times the time alone on what it asked for it will
 * have been in the system. A job that has waited long for its size thus overtakes one that is cheap
 * to run.
 */
#include <math.h>

#include "optimize/policies/rigid.h"
#include "optimize/policies/search.h"

struct hades {
	struct search search;
	double *alone_s; /* [jobs]: 0: not asked yet */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct hades *h = state;
	h->alone_s = ARENA_ARRAY(setup->arena, double, setup->jobs->count);
	if (!h->alone_s)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return search_init(&h->search, setup, setup->options->time_weight,
	                   setup->options->energy_weight, err);
}

static double score(struct hades *h, const struct policy_call *call, uint32_t job,
                    const struct candidate *best)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct job_state *state = &call->jobs->state[job];
	if (!(h->alone_s[job] > 0))
		h->alone_s[job] = fmax(1e-9, rigid_time_s(call->oracle, call->cluster, facts));
	double left_s = estimate_remaining_s(best->estimate, facts, state->epoch, state->progress);
	double spent_s = (double)(call->now_ns - facts->arrival_ns) * 1e-9;
	double rho = (spent_s + left_s) / h->alone_s[job];
	double weight = 2 * (h->search.time_weight + h->search.energy_weight);
	return search_score(&h->search, left_s, best->estimate->power_w) - weight * log(rho);
}

/* The waiting job to go next, and how; JOB_NONE where none fits. */
static uint32_t next_job(struct hades *h, const struct policy_call *call, const struct plan *plan,
                         struct candidate *how)
{
	uint32_t free[CLUSTER_GROUPS_MAX], next = JOB_NONE;
	double least = INFINITY;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++)
		free[g] = call->cluster->pool->groups[g].free_gpus;
	uint32_t j = call->jobs->pending_first;
	for (; j != JOB_NONE; j = call->jobs->state[j].pending_next) {
		if (call->jobs->state[j].gpus)
			continue;
		const struct candidate *best = search_best(&h->search, call, plan, j, free);
		if (!best)
			continue;
		double value = score(h, call, j, best);
		if (value < least) {
			least = value;
			next = j;
			*how = *best;
		}
	}
	return next;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct hades *h = state;
	while (call->cluster->pool->free_gpus) {
		struct candidate how = { 0 };
		uint32_t job = next_job(h, call, plan, &how);
		if (job == JOB_NONE)
			break;
		enum ergon_code code =
		    plan_place(plan, job, how.group, how.gpus, how.batch, SPREAD_PACKED, err);
		if (code == ERGON_INFEASIBLE) /* the place that is left was never measured */
			break;
		if (code)
			return code;
	}
	return search_decide(&h->search, call, plan, err);
}

const struct scheduling_policy policy_hades = {
	.name = "hades",
	.summary = "finish-time fairness with the energy-delay product",
	.source = "EAS-Sim; after Themis, NSDI 2020",
	.state_size = sizeof(struct hades),
	.init = init,
	.decide = decide,
};
