/* SPDX-License-Identifier: Apache-2.0
 *
 * Zeus: the time-only search with the energy-delay product in place of time. For each job in order
 * of arrival, the (type, number of GPUs, batch) with the least T^a E^b (EDP: a = b = 1) among those
 * that fit now.
 */
#include "optimize/policies/search.h"

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct search *search = state;
	search->alone = true;
	return search_init(search, setup, setup->options->time_weight,
	                   setup->options->energy_weight, err);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	return search_decide(state, call, plan, err);
}

const struct scheduling_policy policy_zeus = {
	.name = "zeus",
	.summary = "per job every (type, count, batch) by least energy-delay product",
	.source = "EAS-Sim: energy-aware variant of Pollux's search",
	.state_size = sizeof(struct search),
	.init = init,
	.decide = decide,
};
