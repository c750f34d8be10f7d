/* SPDX-License-Identifier: Apache-2.0
 *
 * What a simulation amounts to: times, energy, fairness. Seconds, joules, watts.
 */
#ifndef ERGON_OPTIMIZE_SIM_METRICS_H
#define ERGON_OPTIMIZE_SIM_METRICS_H

#include "optimize/sim/engine.h"

enum { METRICS_QUANTILES = 60 };

struct metrics {
	/* Completion time: end minus arrival. Waiting: first start minus arrival. */
	double jct_mean_s, jct_p50_s, jct_p95_s, jct_p99_s, jct_max_s;
	double
	    jct_quantiles_s[METRICS_QUANTILES + 1]; /* at even shares of the jobs: 0, 1/60, ... 1 */
	double wait_mean_s, wait_p95_s, wait_max_s;
	double queued_mean_s;  /* all the time that a job held no GPU */
	double makespan_end_s; /* last end, from the trace's zero */
	double makespan_s;     /* from the first arrival to the last end */
	double jobs_per_hour;
	double utilisation; /* GPU time held over GPU time there was */
	double energy_j, active_j, idle_j, energy_per_job_j;
	/* Where the joules went; they sum up to energy_j. idle_j: hosts (with all that sleeping
	 * nodes draw) and free GPUs. active_j: GPUs that jobs held while they restarted, and of
	 * those that worked, the power that they draw idle and what they drew beyond. */
	double host_j, free_gpu_j, restart_j, static_j, dynamic_j;
	double edp_js; /* energy x mean completion time */
	double power_mean_w, power_peak_w;
	double over_budget_s;
	/* Finish-time fairness: completion time over the time alone on what was asked for. NaN
	 * where the oracle cannot tell. */
	double rho_mean, rho_max, jain; /* Jain's index of 1 / rho */
	uint64_t restarts;              /* changes of placement after the first start */
	uint64_t preemptions;           /* times a job lost all its GPUs to others */
	double restart_gpu_s;           /* GPU time held by restarting jobs */
	/* Useful work, in GPU seconds: what a job takes alone on what it asked for, times those
	 * GPUs. So that a policy is not credited for time that it wastes. NaN: not known of all. */
	double useful_gpu_s, useful_gpu_h_per_hour, energy_per_useful_gpu_h_j;
	double budget_use_mean, budget_use_peak; /* of the power budget; NaN: there is none */
	/* Jobs that have arrived and are not done: their mean and largest number, and how fast it
	 * grows in the second half of the time in which jobs arrive (least squares), as a share of
	 * the rate of arrivals: 0 where the cluster keeps up, 1 where nothing leaves. */
	double backlog_mean, backlog_max, backlog_growth;
	uint64_t deadlines, deadline_misses;
	double lateness_max_s;
	double lateness_mean_s;    /* over all jobs with a deadline, those on time counting 0 */
	double missed_criticality; /* share of the deadlines' summed criticality that was missed */
	/* What the facility drew (PUE included), and what that emitted and cost; NaN: not known. */
	double facility_j, carbon_g, cost;
	double lost_gpu_s, lost_share; /* work that failures threw away; of all GPU time held */
	uint64_t failures, sleeps, wakes;
	double asleep_share, down_share; /* of node time */
};

/* The job's time alone on what it asks for, on the first group where it can run so; NaN: none. */
double metrics_alone_s(const struct cluster *cluster, struct oracle *oracle,
                       const struct job_facts *job);

/* False when memory is out. */
bool metrics_of(const struct sim_setup *setup, const struct sim_outcome *outcome,
                struct arena *arena, struct metrics *metrics);

#endif
