/* SPDX-License-Identifier: Apache-2.0
 *
 * A scheduling policy decides which jobs run, where, and in which configuration.
 *
 * The engine owns the cluster and the clock. When something happens (a job arrives or ends, the
 * policy's interval is over, a moment that it asked for has come) it hands the policy a read-only
 * view and a plan. The policy writes into the plan what it wants changed, and nothing else: jobs
 * that it does not name go on as they are. The plan checks every wish at once (capacity, gang,
 * feasibility), keeps the view's free GPUs and predicted power up to date while it is written, and
 * is applied when decide() returns. Restarts are charged by the engine, which alone is responsible
 * for time and joules. A policy that asks for the impossible gets an error naming the job, never a
 * quiet correction.
 *
 * A policy looks at the call and asks the oracle, and at nothing else: no clock, no environment,
 * no globals; every random choice starts from options->seed.
 *
 * To add a policy: one file in policies/, one line in policies/policies.c, one golden run.
 */
#ifndef ERGON_OPTIMIZE_POLICY_H
#define ERGON_OPTIMIZE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ergon/error.h"
#include "optimize/job.h"
#include "optimize/oracle.h"
#include "optimize/sim/pool.h"
#include "spec/series.h"

/* Why the policy is called; several may hold at once. */
enum wakeup {
	WAKEUP_ARRIVAL = 1 << 0,
	WAKEUP_END = 1 << 1,
	WAKEUP_INTERVAL = 1 << 2, /* a round in which nothing else happened */
	WAKEUP_ASKED = 1 << 3,    /* plan_wake_at */
	WAKEUP_EPOCH = 1 << 4,    /* a job has crossed into its next epoch */
	WAKEUP_BUDGET = 1 << 5,   /* the power budget has changed */
	WAKEUP_FAILURE = 1 << 6,  /* a node has failed; its jobs wait again */
	WAKEUP_REPAIR = 1 << 7,   /* a node is back */
};

/* Nodes that are falling asleep, asleep or waking up count as free: a job that is placed on one
 * wakes it, holds its GPUs and begins when it is up. Nodes that are down are no part of the pool.
 */
enum node_state { NODE_UP, NODE_FALLING, NODE_ASLEEP, NODE_WAKING, NODE_DOWN };

/* What does not change during a run. */
struct cluster_view {
	const struct cluster *spec;
	const struct pool *pool;   /* free GPUs, the plan so far included */
	double budget_w;           /* the least until the next decision; infinite: none */
	const double *gpu_idle_w;  /* [groups] */
	const double *host_w;      /* [groups]: a node that is up, without its GPUs */
	const uint8_t *node_state; /* [nodes]: enum node_state; NULL: all are up for ever */
	const struct series *budget, *carbon, *price; /* over time; NULL: not known */
};

struct jobs_view {
	const struct job_facts *facts; /* [count] */
	const struct job_state *state; /* [count] */
	uint32_t count;                /* in the trace */
	uint32_t arrived;              /* jobs 0 .. arrived - 1 have arrived */
	/* Lists through state: first, then .next (all not done) or .pending_next. By arrival. */
	uint32_t first, pending_first;
	uint32_t active, pending; /* their lengths */
};

struct policy_call {
	uint64_t now_ns;
	unsigned wakeups; /* enum wakeup, or-ed */
	const struct cluster_view *cluster;
	const struct jobs_view *jobs;
	struct oracle *oracle;
};

/* What a policy may be kept from doing, to see what that is worth. */
enum lever {
	LEVER_COUNT = 1 << 0, /* another number of GPUs than asked for */
	LEVER_BATCH = 1 << 1, /* another batch */
	LEVER_POWER = 1 << 2, /* caps, clocks */
	LEVER_SLEEP = 1 << 3, /* of nodes */
	LEVER_START = 1 << 4, /* later than at once */
};

enum { QUEUE_ENDS_MAX = 15 };

struct policy_options {
	unsigned without; /* enum lever, or-ed: obeyed by prometheus */
	uint64_t seed;
	uint64_t interval_ns; /* 0: only when something happens */
	uint64_t restart_ns;
	uint64_t checkpoint_ns; /* work between checkpoints; 0: only when a job loses its GPUs */
	/* Whatever the policy: a node without a job for so long is sent to sleep where it can;
	 * 0: nodes sleep only where the policy says so. */
	uint64_t sleep_after_ns;
	uint64_t delay_ns;     /* how long a start may be put off for carbon or price; 0: not */
	double power_budget_w; /* infinite where there is none */
	double time_weight, energy_weight; /* objective T^a E^b; EDP is 1, 1 */
	/* Tiresias: GPU time served at which each queue but the last is left, ascending;
	 * queue_ends 0: as published. */
	uint32_t queue_ends;
	uint64_t queue_end_gpu_ns[QUEUE_ENDS_MAX];
	/* What E counts: joules, or what they cost or emit at the time (cluster's price, carbon).
	 */
	enum energy_measure { ENERGY_JOULES, ENERGY_COST, ENERGY_CARBON } energy_measure;
};

/* How a wish takes its GPUs. */
enum spread {
	SPREAD_EMPTIEST, /* from the node with most free GPUs, then the next */
	SPREAD_PACKED,   /* the node that fits best; full nodes first where none fits */
};

struct plan;

/* The complete wanted configuration of a job. */
struct wish {
	uint32_t group, gpus;
	uint32_t batch;   /* 0: what it asked for */
	uint32_t setting; /* of power, an index into the oracle's; 0: free */
	enum spread spread;
	/* Where not NULL the nodes are named, all in one group; group, gpus and spread are then
	 * not looked at. */
	const struct share *shares;
	uint32_t share_count;
};
/* The job may be pending or running; a change of batch or setting alone costs no restart.
 * INFEASIBLE leaves the job without GPUs in the plan; the policy may then wish something else for
 * it, or plan_keep(). */
ERGON_MUST_USE enum ergon_code plan_wish(struct plan *plan, uint32_t job, const struct wish *wish,
                                         struct ergon_error *err);

/* The complete wanted configuration of a job, which may be pending or running. batch 0: what it
 * asked for. The engine picks the nodes. INFEASIBLE leaves the job without GPUs in the plan; the
 * policy may then wish something else for it, or plan_keep(). */
ERGON_MUST_USE enum ergon_code plan_place(struct plan *plan, uint32_t job, uint32_t group,
                                          uint32_t gpus, uint32_t batch, enum spread spread,
                                          struct ergon_error *err);
/* The same with the nodes named; all in one group. */
ERGON_MUST_USE enum ergon_code plan_place_on(struct plan *plan, uint32_t job,
                                             const struct share *shares, uint32_t count,
                                             uint32_t batch, struct ergon_error *err);
/* Takes the GPUs of a running job away; its progress stays. */
void plan_preempt(struct plan *plan, uint32_t job);
/* Gives a job back what it held when decide() was called; those GPUs must be free in the plan. */
ERGON_MUST_USE enum ergon_code plan_keep(struct plan *plan, uint32_t job, struct ergon_error *err);
/* Sends a node to sleep when the plan is applied, unless a job of the plan is on it by then. It
 * must be up, hold no job, and be of a group that can sleep. */
ERGON_MUST_USE enum ergon_code plan_sleep(struct plan *plan, uint32_t node,
                                          struct ergon_error *err);
/* Wakes a node before a job needs it; nothing where it does not sleep. */
void plan_wake(struct plan *plan, uint32_t node);
/* Calls decide() again at that time at the latest (event-driven runs). */
void plan_wake_at(struct plan *plan, uint64_t time_ns);
/* Predicted power of the whole cluster, restarting jobs counted at their working power. */
double plan_power_w(const struct plan *plan);
/* What that would become with the job placed so (it must not hold GPUs in the plan). */
double plan_power_with_w(const struct plan *plan, uint32_t group, uint32_t gpus,
                         const struct estimate *estimate);
/* GPUs that the job holds in the plan so far. */
uint32_t plan_gpus(const struct plan *plan, uint32_t job);

static inline uint64_t job_restart_ns(const struct job_facts *job,
                                      const struct policy_options *options)
{
	return job->restart_ns ? job->restart_ns : options->restart_ns;
}

/* What the engine settles only when something changes, as of now. */
static inline uint64_t job_served_gpu_ns(const struct job_state *state, uint64_t now_ns)
{
	return state->attained_gpu_ns +
	       (state->status == JOB_RUNNING ? (now_ns - state->held_since_ns) * state->gpus : 0);
}

static inline double job_progress_now(const struct job_facts *job, const struct job_state *state,
                                      uint64_t now_ns)
{
	if (state->status != JOB_RUNNING || now_ns <= state->segment_ns)
		return state->progress;
	double progress = state->progress + state->estimate->rate[state->epoch] *
	                                        (double)(now_ns - state->segment_ns) * 1e-9;
	double mark = job_mark(job, state->epoch + 1);
	return progress < mark ? progress : mark;
}

struct ergon_env;
struct linear_solver; /* optimize/solver/linear.h */
struct explanation;   /* policies/explain.h */

/* What a policy may use besides the call. Lives as long as the run; none of it changes results but
 * by what it answers. */
struct policy_services {
	struct linear_solver *linear;  /* NULL: none */
	const char *external;          /* the command or library of policy `external`, or NULL */
	uint64_t external_patience_ns; /* how long to wait for an answer of it; 0: 30 s */
	const struct ergon_env *env;   /* for policies that live outside policies/, or NULL */
	/* Hears why a configuration was chosen for explain_job (JOB_NONE: nobody asks). */
	uint32_t explain_job;
	void (*explain)(void *user, const struct explanation *explanation);
	void *explain_user;
};

struct policy_setup {
	const struct policy_options *options;
	const struct cluster_view *cluster;
	const struct jobs_view *jobs;
	struct oracle *oracle;
	struct arena *arena; /* lives as long as the run */
	const struct policy_services *services;
};

struct scheduling_policy {
	const char *name;
	const char *summary; /* what it optimises, one line, no full stop */
	const char *source;  /* the paper it follows */
	size_t state_size;   /* zeroed before init */
	bool every_round;    /* wants decide() in rounds in which nothing happened */
	bool needs_budget;   /* cannot run without --power-budget */
	bool minds_budget;   /* runs without one, but otherwise with one */
	bool needs_external; /* cannot run without --external */

	enum ergon_code (*init)(void *state, const struct policy_setup *setup,
	                        struct ergon_error *err); /* NULL: nothing to do */
	enum ergon_code (*decide)(void *state, const struct policy_call *call, struct plan *plan,
	                          struct ergon_error *err);
	/* A job that runs has begun a new epoch (or has just been placed): the batch that it should
	 * ask the oracle for; where the oracle cannot tell, it goes on with the batch that it has.
	 * NULL: what it was placed with. Costs no restart. */
	uint32_t (*retune)(void *state, const struct policy_call *call, uint32_t job);
	/* Once at the end of the run, also after an error; the state is zeroed where init was not
	 * reached. NULL: nothing to do, as everything lies in the arena. */
	void (*fini)(void *state);
};

extern const struct scheduling_policy *const scheduling_policies[]; /* ends with NULL */
/* Those that no scheduler could be, as they know the future: found by name, and run only when asked
 * for by name. */
extern const struct scheduling_policy *const reference_policies[];

/* NOT_FOUND with the nearest name. */
ERGON_MUST_USE enum ergon_code policy_find(const char *name,
                                           const struct scheduling_policy **policy,
                                           struct ergon_error *err);

#endif
