/* SPDX-License-Identifier: Apache-2.0
 *
 * EASY backfilling (Lifka 1995): a reservation for the first waiting job only.
 */
#include "optimize/policies/backfill.h"

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	(void)err;
	struct backfill *backfill = state;
	backfill->arena = setup->arena;
	backfill->reservations = 1;
	return ERGON_OK;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	return backfill_decide(state, call, plan, err);
}

const struct scheduling_policy policy_easy = {
	.name = "easy",
	.summary = "backfilling that never delays the first waiting job",
	.source = "Lifka, JSSPP 1995",
	.state_size = sizeof(struct backfill),
	.init = init,
	.decide = decide,
};
