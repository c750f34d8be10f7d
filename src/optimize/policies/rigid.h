/* SPDX-License-Identifier: Apache-2.0
 *
 * For policies that run a job as it asked to be run.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_RIGID_H
#define ERGON_OPTIMIZE_POLICIES_RIGID_H

#include "optimize/policy.h"

/* The first group with enough free GPUs in which the job can run as asked; POOL_NONE: none now. */
uint32_t rigid_group(const struct policy_call *call, uint32_t job);

/* Seconds that the job would take as asked, from its beginning, on the first group where it can
 * run; infinite where there is none. */
double rigid_time_s(struct oracle *oracle, const struct cluster_view *cluster,
                    const struct job_facts *job);

#endif
