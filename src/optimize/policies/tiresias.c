/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiresias (Gu et al., NSDI 2019) with two queues, as in Pollux's artifact: a job that has been
 * served for 16 GPU hours moves to the second queue; within a queue the order is that of joining
 * it. First queue before second, every job whose request fits in what is left runs; those behind
 * may pass. Running jobs keep their place, new ones take the emptiest nodes.
 */
#include "base/units.h"
#include "optimize/policies/rigid.h"

static const uint64_t demotion_gpu_ns = 16 * 3600 * NS_PER_S;

struct tiresias {
	uint32_t *queue[2], *order; /* [jobs] each */
	uint32_t length[2];
	uint32_t seen;
	uint64_t *checked_ns, *executed_ns; /* [jobs] */
	bool *demoted, *wanted;             /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct tiresias *t = state;
	uint32_t count = setup->jobs->count;
	t->queue[0] = ARENA_ARRAY(setup->arena, uint32_t, count);
	t->queue[1] = ARENA_ARRAY(setup->arena, uint32_t, count);
	t->order = ARENA_ARRAY(setup->arena, uint32_t, count);
	t->checked_ns = ARENA_ARRAY(setup->arena, uint64_t, count);
	t->executed_ns = ARENA_ARRAY(setup->arena, uint64_t, count);
	t->demoted = ARENA_ARRAY(setup->arena, bool, count);
	t->wanted = ARENA_ARRAY(setup->arena, bool, count);
	if (!t->queue[0] || !t->queue[1] || !t->order || !t->checked_ns || !t->executed_ns ||
	    !t->demoted || !t->wanted)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

static void drop_finished(struct tiresias *t, const struct jobs_view *jobs)
{
	for (int q = 0; q < 2; q++) {
		uint32_t kept = 0;
		for (uint32_t i = 0; i < t->length[q]; i++)
			if (jobs->state[t->queue[q][i]].status != JOB_DONE)
				t->queue[q][kept++] = t->queue[q][i];
		t->length[q] = kept;
	}
}

/* Time served since the last look, in order of arrival. */
static void demote(struct tiresias *t, const struct policy_call *call)
{
	const struct jobs_view *jobs = call->jobs;
	bool moved = false;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		if (jobs->state[j].status == JOB_RUNNING)
			t->executed_ns[j] += call->now_ns - t->checked_ns[j];
		t->checked_ns[j] = call->now_ns;
		if (!t->demoted[j] && t->executed_ns[j] * jobs->facts[j].gpus >= demotion_gpu_ns) {
			t->demoted[j] = moved = true;
			t->queue[1][t->length[1]++] = j;
		}
	}
	if (!moved)
		return;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < t->length[0]; i++)
		if (!t->demoted[t->queue[0][i]])
			t->queue[0][kept++] = t->queue[0][i];
	t->length[0] = kept;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct tiresias *t = state;
	const struct jobs_view *jobs = call->jobs;
	drop_finished(t, jobs);
	for (; t->seen < jobs->arrived; t->seen++) {
		t->queue[0][t->length[0]++] = t->seen;
		t->checked_ns[t->seen] = call->now_ns;
	}
	demote(t, call);
	uint32_t count = 0;
	for (int q = 0; q < 2; q++)
		for (uint32_t i = 0; i < t->length[q]; i++)
			t->order[count++] = t->queue[q][i];
	return rigid_run_in_order(call, plan, t->order, count, t->wanted, err);
}

const struct scheduling_policy policy_tiresias = {
	.name = "tiresias",
	.summary = "least attained service in two queues, demotion at 16 GPU hours",
	.source = "Gu et al., NSDI 2019; variant of the Pollux artifact, OSDI 2021",
	.state_size = sizeof(struct tiresias),
	.every_round = true,
	.init = init,
	.decide = decide,
};
