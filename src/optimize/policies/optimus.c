/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimus (Peng et al., EuroSys 2018) with the oracle's step times, as in Pollux's artifact: each
 * job gets one GPU, in order of arrival; then GPUs go one at a time to the job whose remaining time
 * one more GPU shortens most. Jobs whose count is unchanged keep their place.
 */
#include "optimize/policies/queue.h"
#include "optimize/policies/rigid.h"

struct optimus {
	struct queue queue;
	uint32_t *gpus, *group; /* [jobs]: wanted */
	uint32_t *order;        /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct optimus *o = state;
	uint32_t count = setup->jobs->count;
	o->gpus = ARENA_ARRAY(setup->arena, uint32_t, count);
	o->group = ARENA_ARRAY(setup->arena, uint32_t, count);
	o->order = ARENA_ARRAY(setup->arena, uint32_t, count);
	if (!o->gpus || !o->group || !o->order || !queue_init(&o->queue, setup->arena, count))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

/* Seconds of a step; 0 where it cannot be told, so that nothing is gained by going there. */
static double step_s(const struct policy_call *call, uint32_t job, uint32_t group, uint32_t gpus)
{
	struct job_config config = { .group = group, .gpus = gpus, .accumulate = gpus == 1 };
	const struct estimate *estimate =
	    oracle_estimate(call->oracle, &call->jobs->facts[job], &config);
	return estimate->rate ? estimate->iteration_s : 0;
}

static double gain(const struct policy_call *call, uint32_t job, uint32_t group, uint32_t gpus)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	if (gpus + 1 > call->oracle->ops->gpus_limit(call->oracle, facts))
		return 0;
	double now_s = step_s(call, job, group, gpus), more_s = step_s(call, job, group, gpus + 1);
	if (!(now_s > 0) || !(more_s > 0))
		return 0;
	double left =
	    call->oracle->ops->iterations_left(call->oracle, facts, call->jobs->state[job].epoch);
	return left * (now_s - more_s);
}

static uint32_t fullest(const uint32_t *left, uint32_t groups)
{
	uint32_t best = 0;
	for (uint32_t g = 1; g < groups; g++)
		if (left[g] > left[best])
			best = g;
	return best;
}

static void share_out(struct optimus *o, const struct policy_call *call)
{
	const struct jobs_view *jobs = call->jobs;
	const struct pool *pool = call->cluster->pool;
	uint32_t left[CLUSTER_GROUPS_MAX];
	for (uint32_t g = 0; g < pool->group_count; g++)
		left[g] = pool_capacity(pool, g);
	o->queue.count = 0;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		const struct job_state *state = &jobs->state[j];
		bool stays = state->gpus && left[state->group];
		o->group[j] = stays ? state->group : fullest(left, pool->group_count);
		o->gpus[j] = left[o->group[j]] ? 1 : 0;
		if (!o->gpus[j])
			continue;
		left[o->group[j]]--;
		queue_push(&o->queue, -gain(call, j, o->group[j], 1), j);
	}
	while (o->queue.count && o->queue.items[0].key < 0) {
		uint32_t j = queue_pop(&o->queue).job, g = o->group[j];
		if (!left[g])
			continue;
		left[g]--;
		o->gpus[j]++;
		queue_push(&o->queue, -gain(call, j, g, o->gpus[j]), j);
	}
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct optimus *o = state;
	const struct jobs_view *jobs = call->jobs;
	share_out(o, call);
	o->queue.count = 0;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		const struct job_state *now = &jobs->state[j];
		if (now->gpus == o->gpus[j] && (!now->gpus || now->group == o->group[j]))
			continue;
		plan_preempt(plan, j);
		if (o->gpus[j])
			queue_push(&o->queue, o->gpus[j], j);
	}
	while (o->queue.count) {
		uint32_t j = queue_pop(&o->queue).job;
		enum ergon_code code =
		    plan_place(plan, j, o->group[j], o->gpus[j], 0, SPREAD_EMPTIEST, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

const struct scheduling_policy policy_optimus = {
	.name = "optimus",
	.summary = "GPUs one by one to the job whose remaining time they shorten most",
	.source = "Peng et al., EuroSys 2018; with oracle step times as in the Pollux artifact",
	.state_size = sizeof(struct optimus),
	.every_round = true,
	.init = init,
	.decide = decide,
};
