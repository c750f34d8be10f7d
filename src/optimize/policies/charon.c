/* SPDX-License-Identifier: Apache-2.0
 *
 * Charon: Zeus's order under a hard power budget. A configuration is taken only if the predicted
 * power of the whole cluster stays within the budget; the first job for which none does waits, and
 * those behind it with it.
 */
#include "optimize/policies/search.h"

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct search *search = state;
	search->obey_budget = true;
	search->alone = true;
	return search_init(search, setup, setup->options->time_weight,
	                   setup->options->energy_weight, err);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	return search_decide(state, call, plan, err);
}

const struct scheduling_policy policy_charon = {
	.name = "charon",
	.summary = "Zeus under a hard power budget (--power-budget), never exceeded",
	.source = "EAS-Sim",
	.state_size = sizeof(struct search),
	.needs_budget = true,
	.init = init,
	.decide = decide,
};
