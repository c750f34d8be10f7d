/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: shared by engine.c (the loop), run.c (how a job runs) and plan.c.
 */
#ifndef ERGON_OPTIMIZE_SIM_ENGINE_STATE_H
#define ERGON_OPTIMIZE_SIM_ENGINE_STATE_H

#include "base/rng.h"
#include "optimize/sim/engine.h"
#include "optimize/sim/heap.h"

/* Blocks of 2^k shares, recycled through free lists. */
enum { SHARE_CLASSES = 25 };
struct share_store {
	struct arena *arena;
	void *free[SHARE_CLASSES];
};

/* What a job held before the plan touched it. */
struct plan_entry {
	uint32_t job, group, gpus, share_count, batch, setting;
	uint8_t share_class;
	struct share *shares;
	const struct estimate *estimate;
};

struct plan {
	struct sim *sim;
	struct plan_entry *entries; /* [jobs] at most */
	uint32_t count;
	uint32_t *entry_of; /* [jobs]: index into entries, or JOB_NONE */
	uint64_t wake_at_ns;
	int64_t work_uw;    /* of all jobs placed, at their working power */
	uint32_t *sleeping; /* [nodes]: plan_sleep's wishes */
	uint32_t sleep_count;
};

/* One group's nodes, whole microwatts and ns. */
struct node_kind {
	int64_t host_uw, wake_uw, sleep_uw;
	uint64_t sleep_ns, wake_ns, repair_ns;
	bool sleeps;
};

/* nodes.c: sleep, wake, failures. Nothing of it is touched where no node sleeps or fails. */
struct nodes {
	bool on;
	struct node_kind kind[CLUSTER_GROUPS_MAX];
	uint32_t asleep_gpus[CLUSTER_GROUPS_MAX]; /* free ones, which draw nothing of their own */
	uint8_t *state;                           /* [nodes]: enum node_state */
	bool *called;                             /* [nodes]: FALLING, and a job waits for it */
	uint32_t *held;                           /* [nodes]: GPUs of jobs that run */
	uint64_t *until_ns;                       /* [nodes]: end of falling, waking, repair */
	uint64_t *since_ns;                       /* [nodes]: asleep or down */
	struct rng rng;
	double failures_per_s; /* of the whole cluster, at random */
	uint64_t random_ns;    /* the next of them */
	uint32_t next_known;   /* in setup->failures */
};

struct sim {
	const struct sim_setup *setup;
	struct arena *arena;
	struct oracle *oracle;
	const struct scheduling_policy *policy;
	void *policy_state;
	const struct job_facts *facts;
	struct job_state *state;
	uint32_t count;
	struct pool pool;
	struct heap heap; /* key: time x 2 + late */
	struct share_store store;
	struct plan plan;
	struct jobs_view jobs;
	struct cluster_view cluster;
	struct policy_call call;
	uint32_t last, pending_last; /* ends of the lists */
	uint32_t running;

	struct nodes nodes;
	uint64_t now_ns, interval_ns, last_round_ns;
	unsigned wakeups;
	uint32_t idle_rounds; /* in a row, with jobs waiting and none running */

	int64_t *idle_uw; /* [groups]: one idle GPU */
	int64_t host_uw;  /* all nodes without their GPUs; of sleeping ones, all they draw */
	int64_t jobs_uw;  /* drawn by running jobs */
	int64_t budget_uw;
	uint64_t settled_ns; /* energy is integrated up to here */
	uint32_t held_gpus;
	struct sim_outcome *outcome;
};

/* The heap's ids: jobs, then nodes, then these. */
enum { ID_BUDGET, ID_FAILURE, IDS_MORE };
static inline uint32_t id_of_node(const struct sim *sim, uint32_t node)
{
	return sim->count + node;
}
static inline uint32_t id_of(const struct sim *sim, uint32_t which)
{
	return sim->count + sim->pool.nodes + which;
}

/* nodes.c */
bool nodes_init(struct sim *sim);
/* GPUs of a node are taken or given back by a plan; a sleeping node's power is then counted as that
 * of one that is up. */
void nodes_take(struct sim *sim, uint32_t node, uint32_t gpus);
void nodes_give(struct sim *sim, uint32_t node, uint32_t gpus);
void nodes_give_all(struct sim *sim, const struct share *shares, uint32_t count);
/* A job begins or ends to hold shares. begin: returns when its last node is up. */
uint64_t nodes_begin(struct sim *sim, const struct share *shares, uint32_t count);
void nodes_end(struct sim *sim, const struct share *shares, uint32_t count);
void nodes_event(struct sim *sim, uint32_t node);
void nodes_fail_next(struct sim *sim); /* ID_FAILURE */
bool nodes_can_sleep(const struct sim *sim, uint32_t node);
void nodes_sleep(struct sim *sim, uint32_t node);
void nodes_wake(struct sim *sim, uint32_t node);
void nodes_close(struct sim *sim); /* books what sleeps or is down at the end */

/* supply.c: budget, carbon and price over time */
void supply_init(struct sim *sim);
void supply_event(struct sim *sim); /* ID_BUDGET */
void supply_settle(struct sim *sim, int64_t power_uw, uint64_t from_ns, uint64_t to_ns);
double supply_budget_w(const struct sim *sim);       /* the least until the next decision */
double supply_least_budget_w(const struct sim *sim); /* at any time */

/* run.c */
int64_t sim_idle_uw(const struct sim *sim);
void sim_settle_energy(struct sim *sim); /* before any change of power */
void sim_emit(struct sim *sim, enum sim_event_kind kind, uint32_t job);
void sim_emit_node(struct sim *sim, enum sim_event_kind kind, uint32_t node);
/* Starts the job with what its state holds (shares, group, gpus, estimate). */
void run_start(struct sim *sim, uint32_t job);
void run_retune(struct sim *sim, uint32_t job, const struct estimate *estimate, uint32_t batch);
/* Stops the job; `held` is what it held (the state may already say something else). */
void run_stop(struct sim *sim, const struct plan_entry *held);
/* A node of the job has failed. */
void run_lose(struct sim *sim, uint32_t job);
/* The job's event has come. */
void run_event(struct sim *sim, uint32_t job);

/* plan.c */
struct share *share_block(struct share_store *store, uint32_t count, uint8_t *share_class);
void share_release(struct share_store *store, struct share *block, uint8_t share_class);
enum ergon_code plan_commit(struct plan *plan, struct ergon_error *err);

/* engine.c: the lists of jobs */
void list_pending_add(struct sim *sim, uint32_t job);
void list_pending_remove(struct sim *sim, uint32_t job);
void list_remove(struct sim *sim, uint32_t job);

#endif
