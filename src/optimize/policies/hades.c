/* SPDX-License-Identifier: Apache-2.0
 *
 * Hades: Themis with the energy-delay product. The contender with the least T^a E^b over fairness
 * share goes next, in the configuration with the least T^a E^b: its objective divided by rho, so
 * that a job that has waited long for its size overtakes one that is cheap to run. Leases as in
 * Themis. GPUs that nobody waits for go to running jobs, as in Zeus.
 */
#include <math.h>

#include "optimize/policies/fair.h"

static bool best(struct fair *fair, const struct policy_call *call, const struct plan *plan,
                 uint32_t job, const uint32_t *left, struct candidate *how)
{
	const struct candidate *found = search_best(&fair->search, call, plan, job, left);
	if (found)
		*how = *found;
	return found != NULL;
}

static double cheapest_for_its_share(const struct fair *fair, double objective, double rho)
{
	(void)fair;
	return objective - log(rho);
}

static const struct fair_rules rules = { best, cheapest_for_its_share, false };

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	return fair_init(state, setup, &rules, setup->options->time_weight,
	                 setup->options->energy_weight, err);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct fair *fair = state;
	enum ergon_code code = fair_decide(fair, call, plan, err);
	if (!code)
		code = search_decide(&fair->search, call, plan, err);
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next)
		if (call->jobs->state[j].gpus && fair->lease_end_ns[j] <= call->now_ns)
			fair->lease_end_ns[j] = call->now_ns + fair->lease_ns;
	return code;
}

const struct scheduling_policy policy_hades = {
	.name = "hades",
	.summary = "finish-time fairness with the energy-delay product",
	.source = "EAS-Sim; after Themis, NSDI 2020",
	.state_size = sizeof(struct fair),
	.init = init,
	.decide = decide,
};
