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
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct sjf *sjf = state;
	if (!queue_init(&sjf->queue, setup->arena, setup->jobs->count))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct sjf *sjf = state;
	for (; sjf->seen < call->jobs->arrived; sjf->seen++)
		queue_push(&sjf->queue,
		           rigid_time_s(call->oracle, call->cluster, &call->jobs->facts[sjf->seen]),
		           sjf->seen);
	while (sjf->queue.count) {
		uint32_t job = sjf->queue.items[0].job, group = rigid_group(call, job);
		if (group == POOL_NONE)
			break;
		enum ergon_code code = plan_place(plan, job, group, call->jobs->facts[job].gpus, 0,
		                                  SPREAD_PACKED, err);
		if (code)
			return code;
		queue_pop(&sjf->queue);
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
