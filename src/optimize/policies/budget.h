/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping a power budget that has fallen, or that jobs' new settings exceed.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_BUDGET_H
#define ERGON_OPTIMIZE_POLICIES_BUDGET_H

#include "optimize/policy.h"

/* Jobs lose their GPUs, the last of order[count] first, until the plan keeps the budget. */
void budget_shed(const struct policy_call *call, struct plan *plan, const uint32_t *order,
                 uint32_t count);

#endif
