/* SPDX-License-Identifier: Apache-2.0
 *
 * Oracles that know a job at its own batch only: what another total batch would do to convergence
 * is not known to them, so it stays.
 */
#include "optimize/oracle.h"

uint32_t oracle_own_batch(struct oracle *oracle, const struct job_facts *job, uint32_t *out,
                          uint32_t max)
{
	(void)oracle;
	if (max)
		out[0] = job->batch;
	return max ? 1 : 0;
}

void oracle_own_limits(struct oracle *oracle, const struct job_facts *job, struct batch_limits *out)
{
	(void)oracle;
	uint32_t batch = job->batch ? job->batch : 1;
	*out = (struct batch_limits){ batch, batch, 1, batch, batch };
}
