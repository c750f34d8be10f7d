/* SPDX-License-Identifier: Apache-2.0
 *
 * First in, first out: jobs start in order of arrival; one that does not fit holds up all behind.
 */
#include "optimize/policies/rigid.h"

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	(void)state;
	uint32_t job = call->jobs->pending_first;
	for (; job != JOB_NONE; job = call->jobs->state[job].pending_next) {
		uint32_t group = rigid_group(call, job);
		if (group == POOL_NONE)
			break;
		enum ergon_code code = plan_place(plan, job, group, call->jobs->facts[job].gpus, 0,
		                                  SPREAD_PACKED, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

const struct scheduling_policy policy_fifo = {
	.name = "fifo",
	.summary = "in order of arrival; a job that does not fit holds up all behind it",
	.source = "classic",
	.decide = decide,
};
