/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor: listens to a simulation and keeps its own books.
 *
 * It believes nothing but the events and holds them against the laws: no GPU is held twice, a job
 * holds all of its GPUs at once, on nodes of one type, between its arrival and its end; time never
 * runs back; work is conserved (progress is rate x time, nothing while a restart lasts, all of it
 * at the end); restarts are charged; the cluster's power is the sum of jobs and idle hardware;
 * energy is the integral of that power and the sum over jobs and idle hardware, to the last digit;
 * a budget that the policy promised is never exceeded, whatever it is at that time; every job is
 * accounted for.
 *
 * Of nodes: no job works on one that is not up, nor holds one that falls asleep or is down;
 * falling asleep, waking and repair take their time, to the nanosecond; a sleeping node draws what
 * a sleeping node draws; a failure takes the GPUs of all its jobs away, and exactly the work since
 * their last checkpoint. A GPU under a power cap draws no more than the cap. Carbon and cost are
 * the integrals of their rates over the facility's energy.
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
	/* As of its last checkpoint. */
	double saved_progress;
	uint32_t saved_epoch;
	uint64_t saved_ns, lost_gpu_ns;
};

struct audit_node {
	uint8_t state;     /* enum node_state */
	bool called;       /* a job came while it fell asleep */
	uint64_t until_ns; /* end of falling asleep, waking */
};

struct audit {
	const struct sim_setup *setup;
	struct audit_job *jobs; /* [count] */
	uint32_t *used;         /* [nodes] */
	uint32_t *node_group;   /* [nodes] */
	int64_t *idle_uw;       /* [groups] */
	/* Where a node sleeps or fails. */
	struct audit_node *nodes; /* [nodes]; NULL: all are up for ever */
	uint64_t failures;
	double carbon_g, cost;
	int64_t nodes_uw; /* all that nodes draw beyond the jobs on them */
	int64_t jobs_uw, reported_uw;
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
