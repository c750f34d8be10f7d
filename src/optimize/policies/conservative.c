/* SPDX-License-Identifier: Apache-2.0
 *
 * Conservative backfilling (Feitelson and Weil 1998): a reservation for every waiting job, made
 * anew at each decision.
 */
#include "optimize/policies/backfill.h"

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	(void)err;
	struct backfill *backfill = state;
	backfill->arena = setup->arena;
	backfill->reservations = UINT32_MAX;
	return ERGON_OK;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	return backfill_decide(state, call, plan, err);
}

const struct scheduling_policy policy_conservative = {
	.name = "conservative",
	.summary = "backfilling that never delays any waiting job",
	.source = "Feitelson and Weil, IPPS 1998",
	.state_size = sizeof(struct backfill),
	.init = init,
	.decide = decide,
};
