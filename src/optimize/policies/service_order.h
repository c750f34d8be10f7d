/* SPDX-License-Identifier: Apache-2.0
 *
 * The order in which Pollux's search hands out what is contended: whoever was served least, in GPU
 * time until now, comes first; of equals, who arrived first.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_SERVICE_ORDER_H
#define ERGON_OPTIMIZE_POLICIES_SERVICE_ORDER_H

#include "optimize/policy.h"

/* Sorts jobs [count]. */
void service_order(const struct policy_call *call, uint32_t *jobs, uint32_t count);

#endif
