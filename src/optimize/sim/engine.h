/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine: discrete events in integer nanoseconds.
 *
 * At one instant: ends of epochs and jobs first (in the order in which they were foreseen), then
 * arrivals (by the trace's order), then the policy. With an interval, the policy is asked only at
 * its multiples, the first being one interval; what then happens at a round's very beginning
 * because a remainder rounds to nothing is seen by the next round only, as in the published
 * simulator. Without one, it is asked whenever jobs have arrived or ended.
 *
 * Nodes sleep, wake and fail (spec/cluster.h says how). A job that is placed on a sleeping node
 * wakes it; it holds its GPUs at once, and its restart begins when its last node is up. When a node
 * fails, its jobs lose their GPUs and go back to their last checkpoint: the last multiple of their
 * period of work since their restart was over, or the moment at which they began to hold GPUs (a
 * job that a policy stops saves its progress).
 *
 * Energy is exact: powers are whole microwatts, energies whole uW x ns in 128 bits, so that the sum
 * over jobs and idle hardware equals the integral of the cluster's power to the last digit.
 *
 * A run allocates from its arena only, and nothing per event once its blocks have been made.
 */
#ifndef ERGON_OPTIMIZE_SIM_ENGINE_H
#define ERGON_OPTIMIZE_SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "optimize/policy.h"
#include "spec/cluster.h"

/* What happened, for whoever listens (auditor, event log, Gantt chart). */
enum sim_event_kind {
	SIM_ARRIVE,
	SIM_PLACE,  /* a job holds GPUs from now on; restarts until debt_until_ns */
	SIM_WORK,   /* its restart is over */
	SIM_RETUNE, /* the same GPUs, another batch */
	SIM_EPOCH,  /* it has crossed into `epoch` */
	SIM_STOP,   /* it has lost its GPUs; progress stays */
	SIM_END,
	SIM_LOSE, /* a node that it ran on has failed: progress and epoch of its last checkpoint */
	/* Of nodes; job is JOB_NONE, node says which. */
	SIM_FALL,   /* it begins to fall asleep */
	SIM_ASLEEP, /* it sleeps */
	SIM_WAKE,   /* it begins to wake up */
	SIM_UP,     /* it is up again */
	SIM_FAIL,   /* it is down; its jobs have lost their GPUs just before */
	SIM_REPAIR, /* it is up again */
	/* Of the cluster: job is JOB_NONE. */
	SIM_BUDGET, /* another power budget holds from now on */
};

struct sim_event {
	uint64_t time_ns, debt_until_ns;
	enum sim_event_kind kind;
	uint32_t job, group, gpus, share_count, epoch, node;
	const struct share *shares;      /* those it now holds (PLACE) or held (STOP, END) */
	const struct estimate *estimate; /* by which it goes on (or went, for STOP and END) */
	double progress;                 /* after the event */
	int64_t job_power_uw;            /* after the event */
	int64_t cluster_power_uw;        /* after the event */
};

/* A node that fails at a time known beforehand. */
struct node_failure {
	uint64_t time_ns, repair_ns;
	uint32_t node;
};

struct sim_listener {
	void (*hear)(void *user, const struct sim_event *event);
	void *user;
};
enum { SIM_LISTENERS_MAX = 4 };

struct sim_setup {
	const struct cluster *cluster;
	/* Of each group, known (not NaN). */
	const double *gpu_idle_w, *host_w;
	struct oracle *oracle;
	const struct job_facts *jobs; /* [count], by arrival */
	uint32_t count;
	/* Times and fairness are those of jobs window_first on; window_count 0: of all. */
	uint32_t window_first, window_count;
	const struct scheduling_policy *policy;
	struct policy_options options;
	/* Over time; NULL: none. budget: W of the cluster, then options.power_budget_w is not
	 * looked at. carbon: g/kWh; price: per kWh; both of what the facility draws. */
	const struct series *budget, *carbon, *price;
	const struct node_failure *failures; /* [failure_count], by time */
	uint32_t failure_count;
	bool random_failures; /* as the groups' mtbf_s say, from options.seed */
	struct policy_services services;
	struct sim_listener listeners[SIM_LISTENERS_MAX];
	uint32_t listener_count;
	/* Called now and then with the part of the jobs that is done; may be NULL. */
	void (*progress)(void *user, double done);
	void *progress_user;
};

/* The cluster's power over time: means over equal spans. */
enum { SIM_TIMELINE_POINTS = 512 };
struct sim_timeline {
	uint64_t begin_ns, width_ns;
	uint32_t count;                         /* of points in use */
	double energy_j[SIM_TIMELINE_POINTS];   /* in the span */
	double busy_gpu_s[SIM_TIMELINE_POINTS]; /* GPU seconds held */
};

struct sim_outcome {
	const struct job_state *jobs;          /* [count], in the arena */
	uint64_t begin_ns, end_ns;             /* first arrival, last end */
	unsigned __int128 energy, idle_energy; /* uW x ns: all of it; idle GPUs and hosts */
	unsigned __int128 host_energy;         /* of idle_energy: nodes without their GPUs */
	/* GPU time that jobs held, and of it, restarting (at idle power), by group of nodes. */
	unsigned __int128 held_gpu_ns[CLUSTER_GROUPS_MAX], restart_gpu_ns[CLUSTER_GROUPS_MAX];
	int64_t peak_uw, floor_uw; /* highest power; power of the idle cluster */
	uint64_t over_budget_ns;
	double carbon_g, cost; /* of the facility: PUE included; 0 where there is no series */
	uint64_t sleeps, wakes, failures; /* of nodes */
	uint64_t asleep_node_ns, down_node_ns;
	uint64_t events, decisions, placements;
	uint32_t done;
	struct sim_timeline timeline;
};

/* ERGON_INFEASIBLE where the policy leaves jobs for ever. Everything lives in arena. */
ERGON_MUST_USE enum ergon_code sim_run(const struct sim_setup *setup, struct arena *arena,
                                       struct sim_outcome *outcome, struct ergon_error *err);

#endif
