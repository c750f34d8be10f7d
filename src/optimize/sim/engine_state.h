/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the engine: shared by engine.c (the loop), run.c (how a job runs) and plan.c.
 */
#ifndef ERGON_OPTIMIZE_SIM_ENGINE_STATE_H
#define ERGON_OPTIMIZE_SIM_ENGINE_STATE_H

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
	uint32_t job, group, gpus, share_count, batch;
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
	int64_t work_uw; /* of all jobs placed, at their working power */
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

	uint64_t now_ns, interval_ns, last_round_ns;
	unsigned wakeups;
	uint32_t idle_rounds; /* in a row, with jobs waiting and none running */

	int64_t *idle_uw; /* [groups]: one idle GPU */
	int64_t host_uw;  /* all nodes */
	int64_t jobs_uw;  /* drawn by running jobs */
	int64_t budget_uw;
	uint64_t settled_ns; /* energy is integrated up to here */
	uint32_t held_gpus;
	struct sim_outcome *outcome;
};

/* run.c */
int64_t sim_idle_uw(const struct sim *sim);
void sim_settle_energy(struct sim *sim); /* before any change of power */
void sim_emit(struct sim *sim, enum sim_event_kind kind, uint32_t job);
/* Starts the job with what its state holds (shares, group, gpus, estimate). */
void run_start(struct sim *sim, uint32_t job);
void run_retune(struct sim *sim, uint32_t job, const struct estimate *estimate, uint32_t batch);
/* Stops the job; `held` is what it held (the state may already say something else). */
void run_stop(struct sim *sim, const struct plan_entry *held);
/* The job's event has come. */
enum ergon_code run_event(struct sim *sim, uint32_t job, struct ergon_error *err);

/* plan.c */
struct share *share_block(struct share_store *store, uint32_t count, uint8_t *share_class);
void share_release(struct share_store *store, struct share *block, uint8_t share_class);
enum ergon_code plan_commit(struct plan *plan, struct ergon_error *err);

/* engine.c: the lists of jobs */
void list_pending_add(struct sim *sim, uint32_t job);
void list_pending_remove(struct sim *sim, uint32_t job);
void list_remove(struct sim *sim, uint32_t job);

#endif
