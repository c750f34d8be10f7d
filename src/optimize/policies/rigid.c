/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/rigid.h"

#include <math.h>

uint32_t rigid_group(const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	const struct pool *pool = call->cluster->pool;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		if (facts->gpus > pool->groups[g].free_gpus)
			continue;
		if (pool->group_count == 1 ||
		    oracle_packed(call->oracle, facts, g, facts->gpus, 0)->rate)
			return g;
	}
	return POOL_NONE;
}

double rigid_time_s(struct oracle *oracle, const struct cluster_view *cluster,
                    const struct job_facts *job)
{
	const struct pool *pool = cluster->pool;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		const struct pool_group *group = &pool->groups[g];
		if (job->gpus > group->nodes * group->gpus_per_node)
			continue;
		const struct estimate *estimate = oracle_packed(oracle, job, g, job->gpus, 0);
		if (estimate->rate)
			return estimate_remaining_s(estimate, job, 0, 0);
	}
	return INFINITY;
}
