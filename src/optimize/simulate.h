/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated experiment: one trace on one cluster with one oracle, under one policy after another.
 *
 * experiment_load() reads everything once; experiment_run() runs one policy from the beginning.
 * The result document is built by experiment_to_json(). Power of GPUs: what the cluster file says,
 * else the device file of the group's type; `power_note` says which, and what was assumed.
 */
#ifndef ERGON_OPTIMIZE_SIMULATE_H
#define ERGON_OPTIMIZE_SIMULATE_H

#include <jansson.h>

#include "ergon/env.h"
#include "optimize/bound.h"
#include "optimize/explain_log.h"
#include "optimize/oracles/measured.h"
#include "optimize/policy.h"
#include "optimize/sim/engine.h"
#include "optimize/sim/metrics.h"
#include "optimize/site.h"
#include "optimize/traces/trace.h"
#include "spec/cluster.h"

struct experiment_options {
	const char *cluster;      /* text or file */
	const char *trace;        /* path; "-" for standard input */
	const char *trace_format; /* NULL: found out */
	const char *oracle; /* "measured:DIR[,DIR]", "model", "duration"; NULL: by the trace */
	bool lenient;       /* malformed rows are skipped and counted */
	bool whole_nodes;   /* jobs get nodes for themselves */
	bool used;          /* jobs hold the processors that they used, where the trace says so */
	bool audit;
	uint64_t seed, interval_ns, restart_ns;
	double load;           /* the trace's gaps are divided by it; 0 and 1: as they are */
	bool resample;         /* jobs and gaps are drawn anew from the trace, by seed */
	double power_budget_w; /* 0: none, or over time: site.budget */
	const char *objective; /* "edp", "ed2p", "energy", "time", "cost", "co2" or "A,B" for T^A
	                          E^B; NULL: edp */
	struct site_options site;
	const char *without; /* "power,sleep": levers that prometheus must not use; NULL: all */
	const char
	    *queues; /* "1,4,16": GPU hours at which Tiresias's queues are left; NULL: its own */
	const char *deadlines; /* site_deadlines' text; NULL: as the trace states */
	/* "A:B": times are those of jobs A to B, by arrival from 0, while all run; NULL: of all. */
	const char *window;
	const char *external;          /* command or library of policy external; NULL: none */
	uint64_t external_patience_ns; /* for its answers; 0: 30 s */
};

/* A stretch of time in which a job held GPUs of one node, for the Gantt chart. */
struct gantt_row {
	uint32_t job, group, node;
	uint32_t gpus, job_gpus; /* on this node, and of the job on all nodes */
	uint64_t begin_ns, end_ns;
};
enum { GANTT_ROWS_MAX = 4000 };

struct policy_result {
	const struct scheduling_policy *policy;
	struct metrics metrics;
	struct sim_timeline timeline;
	uint64_t events, decisions, placements;
	double wall_s; /* in the engine */
	bool audited;
	uint64_t audit_checks;
	struct gantt_row *gantt; /* [gantt_count], in order of begin */
	uint32_t gantt_count, gantt_dropped;
	struct explain_log *explained; /* NULL: nobody asked */
};

struct experiment {
	struct experiment_options options;
	struct arena arena;
	struct cluster cluster;
	struct trace trace;
	struct measured_tables *tables; /* NULL: another oracle */
	struct model_library library;
	struct job_facts *jobs; /* [count], by arrival */
	uint32_t count;
	struct oracle *oracle;
	double gpu_idle_w[CLUSTER_GROUPS_MAX], gpu_max_w[CLUSTER_GROUPS_MAX];
	double host_w[CLUSTER_GROUPS_MAX];
	char power_note[512];
	double time_weight, energy_weight;
	enum energy_measure energy_measure;
	unsigned without; /* enum lever */
	uint32_t queue_ends;
	uint64_t queue_end_gpu_ns[QUEUE_ENDS_MAX];
	bool bounded; /* bound is filled */
	struct bound bound;
	struct site site;
	uint32_t window_first, window_count; /* count 0: all jobs */
	struct linear_solver *linear;
	const struct ergon_env *env;
	void (*progress)(void *user, double done);
	void *progress_user;
	uint32_t explain_job;         /* whose choices are explained; JOB_NONE: nobody's */
	struct sim_listener listener; /* hears every event of every run; hear NULL: nobody */
};

/* On failure too, experiment_fini() must be called. */
ERGON_MUST_USE enum ergon_code experiment_load(const struct ergon_env *env,
                                               const struct experiment_options *options,
                                               struct experiment *experiment,
                                               struct ergon_error *err);
/* The job of that name; else, of a number, the one that arrived as such, from 0. */
ERGON_MUST_USE enum ergon_code experiment_find_job(const struct experiment *experiment,
                                                   const char *name, uint32_t *job,
                                                   struct ergon_error *err);
/* Fills experiment->bound: what no policy can beat. Results then say how far they are from it. */
ERGON_MUST_USE enum ergon_code experiment_bound(struct experiment *experiment,
                                                struct ergon_error *err);
/* The least energy of any policy as fast as that: no longer a run, at most 5% more mean completion
 * time. NaN: not known. */
double experiment_pace_bound_j(const struct experiment *experiment, const struct metrics *metrics);
bool experiment_has_budget(const struct experiment *experiment);
/* result->gantt is malloc'd: policy_result_fini. */
ERGON_MUST_USE enum ergon_code experiment_run(struct experiment *experiment,
                                              const struct scheduling_policy *policy,
                                              struct policy_result *result,
                                              struct ergon_error *err);
void policy_result_fini(struct policy_result *result);
/* T^a E^b of result i (mean completion time, energy) over that of policy `optimal` among the
 * results; NaN where it is not among them. */
double policy_over_optimal(const struct experiment *experiment, const struct policy_result *results,
                           size_t count, size_t i);
void experiment_fini(struct experiment *experiment);

/* Every number of the metrics by its name; quantiles on demand. */
json_t *metrics_to_json(const struct metrics *metrics, bool quantiles);
/* What the figures rest on. */
json_t *experiment_oracle_to_json(const struct experiment *experiment);
/* kind "ergon.simulate". NULL when memory is out. */
json_t *experiment_to_json(const struct experiment *experiment, const struct policy_result *results,
                           size_t count);

#endif
