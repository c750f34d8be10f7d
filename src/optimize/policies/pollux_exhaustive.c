/* SPDX-License-Identifier: Apache-2.0
 *
 * The time-only baseline of the energy-aware policies: for each job in order of arrival, the
 * (type, number of GPUs, batch) with the least completion time among those that fit now.
 */
#include "optimize/policies/search.h"

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct search *search = state;
	search->alone = true;
	return search_init(search, setup, 1, 0, err);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	return search_decide(state, call, plan, err);
}

const struct scheduling_policy policy_pollux_exhaustive = {
	.name = "pollux-exhaustive",
	.summary = "per job every (type, count, batch) by least completion time",
	.source = "time-only baseline after Pollux, OSDI 2021",
	.state_size = sizeof(struct search),
	.init = init,
	.decide = decide,
};
