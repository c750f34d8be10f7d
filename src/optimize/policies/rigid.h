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

/* Runs jobs in the given order, each as it asked to run: every job that fits in what those before
 * it have left, the others lose their GPUs. Running jobs keep their place, new ones take the
 * emptiest nodes. wanted: [jobs], scratch. */
ERGON_MUST_USE enum ergon_code rigid_run_in_order(const struct policy_call *call, struct plan *plan,
                                                  const uint32_t *order, uint32_t count,
                                                  bool *wanted, struct ergon_error *err);

/* Seconds left to the job as it runs, or as asked where it waits; infinite where it cannot run. */
double rigid_left_s(const struct policy_call *call, uint32_t job);

#endif
