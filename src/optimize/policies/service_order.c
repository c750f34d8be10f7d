/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/service_order.h"

#include <stdlib.h>

static int by_service(const void *a, const void *b, void *user)
{
	const struct policy_call *const *call = user;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint64_t sx = job_served_gpu_ns(&(*call)->jobs->state[x], (*call)->now_ns);
	uint64_t sy = job_served_gpu_ns(&(*call)->jobs->state[y], (*call)->now_ns);
	if (sx != sy)
		return sx < sy ? -1 : 1;
	return (x > y) - (x < y);
}

void service_order(const struct policy_call *call, uint32_t *jobs, uint32_t count)
{
	qsort_r(jobs, count, sizeof *jobs, by_service, &call);
}
