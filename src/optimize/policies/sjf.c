/* SPDX-License-Identifier: Apache-2.0
 *
 * Shortest job first, without preemption: by the oracle's time for the job as it asked to run. The
 * shortest job that does not fit holds up all behind it.
 */
#include "optimize/policies/queue.h"
#include "optimize/policies/rigid.h"

struct sjf {
	struct queue queue;
	uint32_t seen;
	bool *queued; /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct sjf *sjf = state;
	sjf->queued = ARENA_ARRAY(setup->arena, bool, setup->jobs->count);
	if (!sjf->queued || !queue_init(&sjf->queue, setup->arena, setup->jobs->count))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

static void push(struct sjf *sjf, const struct policy_call *call, uint32_t job)
{
	sjf->queued[job] = true;
	queue_push(&sjf->queue, rigid_time_s(call->oracle, call->cluster, &call->jobs->facts[job]),
	           job);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct sjf *sjf = state;
	const struct jobs_view *jobs = call->jobs;
	for (; sjf->seen < jobs->arrived; sjf->seen++)
		push(sjf, call, sjf->seen);
	/* Jobs that a failed node has thrown back. */
	for (uint32_t j = call->wakeups & WAKEUP_FAILURE ? jobs->pending_first : JOB_NONE;
	     j != JOB_NONE; j = jobs->state[j].pending_next)
		if (!sjf->queued[j])
			push(sjf, call, j);
	while (sjf->queue.count) {
		uint32_t job = sjf->queue.items[0].job, group = rigid_group(call, job);
		if (group == POOL_NONE)
			break;
		enum ergon_code code = plan_place(plan, job, group, call->jobs->facts[job].gpus, 0,
		                                  SPREAD_PACKED, err);
		if (code)
			return code;
		sjf->queued[queue_pop(&sjf->queue).job] = false;
	}
	return ERGON_OK;
}

const struct scheduling_policy policy_sjf = {
	.name = "sjf",
	.summary = "shortest job first, without preemption",
	.source = "classic",
	.state_size = sizeof(struct sjf),
	.init = init,
	.decide = decide,
};
