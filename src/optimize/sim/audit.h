/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor: listens to a simulation and keeps its own books.
 *
 * It believes nothing but the events and holds them against the laws: no GPU is held twice, a job
 * holds all of its GPUs at once, on nodes of one type, between its arrival and its end; time never
 * runs back; work is conserved (progress is rate x time, nothing while a restart lasts, all of it
 * at the end); restarts are charged; the cluster's power is the sum of jobs and idle hardware;
 * energy is the integral of that power and the sum over jobs and idle hardware, to the last digit;
 * a budget that the policy promised is never exceeded; every job is accounted for.
 */
#ifndef ERGON_OPTIMIZE_SIM_AUDIT_H
#define ERGON_OPTIMIZE_SIM_AUDIT_H

#include "optimize/sim/engine.h"

struct audit_job {
	enum job_status status;
	bool working; /* not restarting */
	uint32_t group, gpus, epoch, restarts;
	uint64_t since_ns, segment_ns, debt_until_ns;
	const struct estimate *estimate;
	double progress;
	int64_t power_uw;
	unsigned __int128 energy;
	uint64_t gpu_ns;
};

struct audit {
	const struct sim_setup *setup;
	struct audit_job *jobs; /* [count] */
	uint32_t *used;         /* [nodes] */
	uint32_t *node_group;   /* [nodes] */
	uint32_t *group_free;   /* [groups] */
	int64_t *idle_uw;       /* [groups] */
	int64_t host_uw, jobs_uw, reported_uw;
	uint64_t now_ns;
	unsigned __int128 energy;
	uint64_t checks, faults;
	struct ergon_error first; /* the first fault */
};

ERGON_MUST_USE enum ergon_code audit_init(struct audit *audit, const struct sim_setup *setup,
                                          struct arena *arena, struct ergon_error *err);
/* A sim_listener's function; user is the audit. */
void audit_hear(void *user, const struct sim_event *event);
/* Closes the books against the outcome. INTERNAL with the first fault, if there was any. */
ERGON_MUST_USE enum ergon_code audit_close(struct audit *audit, const struct sim_outcome *outcome,
                                           struct ergon_error *err);

#endif
