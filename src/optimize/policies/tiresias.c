/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiresias (Gu et al., NSDI 2019) with two queues, as in Pollux's artifact, or as many as --queues
 * says: a job that has been served for 16 GPU hours moves to the second queue; within a queue the
 * order is that of joining it. First queue before second, every job whose request fits in what is
 * left runs; those behind may pass. Running jobs keep their place, new ones take the emptiest
 * nodes.
 */
#include "base/units.h"
#include "optimize/policies/rigid.h"

enum { QUEUES_MAX = QUEUE_ENDS_MAX + 1 };
static const uint64_t published_end_gpu_ns = 16 * 3600 * NS_PER_S;

struct tiresias {
	const uint64_t *ends; /* [queues - 1] */
	uint32_t queues;
	uint32_t *queue[QUEUES_MAX], *order; /* [jobs] each */
	uint32_t length[QUEUES_MAX];
	uint32_t seen;
	uint64_t *checked_ns, *executed_ns; /* [jobs] */
	uint8_t *level;                     /* [jobs]: queue */
	bool *wanted;                       /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct tiresias *t = state;
	uint32_t count = setup->jobs->count;
	const struct policy_options *options = setup->options;
	t->ends = options->queue_ends ? options->queue_end_gpu_ns : &published_end_gpu_ns;
	t->queues = (options->queue_ends ? options->queue_ends : 1) + 1;
	bool all = true;
	for (uint32_t q = 0; q < t->queues; q++) {
		t->queue[q] = ARENA_ARRAY(setup->arena, uint32_t, count);
		all = all && t->queue[q];
	}
	t->order = ARENA_ARRAY(setup->arena, uint32_t, count);
	t->checked_ns = ARENA_ARRAY(setup->arena, uint64_t, count);
	t->executed_ns = ARENA_ARRAY(setup->arena, uint64_t, count);
	t->level = ARENA_ARRAY(setup->arena, uint8_t, count);
	t->wanted = ARENA_ARRAY(setup->arena, bool, count);
	if (!all || !t->order || !t->checked_ns || !t->executed_ns || !t->level || !t->wanted)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

/* Those that have ended or moved on. */
static void drop_gone(struct tiresias *t, const struct jobs_view *jobs)
{
	for (uint32_t q = 0; q < t->queues; q++) {
		uint32_t kept = 0;
		for (uint32_t i = 0; i < t->length[q]; i++) {
			uint32_t job = t->queue[q][i];
			if (jobs->state[job].status != JOB_DONE && t->level[job] == q)
				t->queue[q][kept++] = job;
		}
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
		uint32_t level = t->level[j];
		while (level + 1 < t->queues &&
		       t->executed_ns[j] * jobs->facts[j].gpus >= t->ends[level])
			level++;
		if (level == t->level[j])
			continue;
		moved = true;
		t->level[j] = (uint8_t)level;
		t->queue[level][t->length[level]++] = j;
	}
	if (moved)
		drop_gone(t, jobs);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct tiresias *t = state;
	const struct jobs_view *jobs = call->jobs;
	drop_gone(t, jobs);
	for (; t->seen < jobs->arrived; t->seen++) {
		t->queue[0][t->length[0]++] = t->seen;
		t->checked_ns[t->seen] = call->now_ns;
	}
	demote(t, call);
	uint32_t count = 0;
	for (uint32_t q = 0; q < t->queues; q++)
		for (uint32_t i = 0; i < t->length[q]; i++)
			t->order[count++] = t->queue[q][i];
	return rigid_run_in_order(call, plan, t->order, count, t->wanted, err);
}

const struct scheduling_policy policy_tiresias = {
	.name = "tiresias",
	.summary = "least attained service in queues (two; the first is left at 16 GPU hours)",
	.source = "Gu et al., NSDI 2019; variant of the Pollux artifact, OSDI 2021",
	.state_size = sizeof(struct tiresias),
	.every_round = true,
	.init = init,
	.decide = decide,
};
