/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/budget.h"

void budget_shed(const struct policy_call *call, struct plan *plan, const uint32_t *order,
                 uint32_t count)
{
	while (count-- > 0 && plan_power_w(plan) > call->cluster->budget_w)
		plan_preempt(plan, order[count]);
}
