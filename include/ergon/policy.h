/* SPDX-License-Identifier: Apache-2.0
 *
 * A scheduling policy of your own in a shared library, for `ergon simulate --policy external
 * --external ./libmine.so`.
 *
 * The library exports one function, ergon_policy(), which is told the version of this interface
 * that ergon speaks and returns a description of the policy, or NULL if it does not speak that one.
 * ergon opens the policy once a run, calls decide() whenever something happens, or every
 * --interval, and closes it. In decide() the policy looks at the state and says through the calls
 * what it wants changed; jobs that it does not name go on as they are. A wish is checked at once:
 * one that the cluster cannot grant returns non-zero and leaves the job without GPUs in this plan.
 *
 * Everything that ergon hands over belongs to ergon and holds until the function returns. Times are
 * seconds from the trace's zero, powers W. A failing function writes one sentence into error, which
 * the user sees.
 *
 * examples/policies/srtf.c is a whole policy. The same exchange as lines of JSON on a pipe, for any
 * language, is described in docs/external-policy.md.
 */
#ifndef ERGON_POLICY_H
#define ERGON_POLICY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a struct below changes. */
#define ERGON_POLICY_ABI 1

/* Why decide() is called; several may hold at once. */
enum ergon_policy_wakeup {
	ERGON_POLICY_ARRIVAL = 1,
	ERGON_POLICY_END = 2,
	ERGON_POLICY_INTERVAL = 4,
	ERGON_POLICY_ASKED = 8, /* wake_at */
	ERGON_POLICY_EPOCH = 16,
	ERGON_POLICY_BUDGET = 32,
	ERGON_POLICY_FAILURE = 64,
	ERGON_POLICY_REPAIR = 128,
};

/* How a wish takes its GPUs: from the node with most free ones, or where they fit best. */
enum ergon_policy_spread { ERGON_POLICY_EMPTIEST, ERGON_POLICY_PACKED };

/* Equal nodes. */
struct ergon_policy_group {
	const char *type;
	uint32_t nodes, gpus_per_node;
	double gpu_idle_w;
};

struct ergon_policy_run {
	uint64_t seed;
	double interval_s, restart_s;
	double power_budget_w; /* infinite: none */
	double time_weight, energy_weight;
	uint32_t group_count;
	const struct ergon_policy_group *groups;
	uint32_t job_count; /* in the whole trace; ids are below it, by arrival */
};

struct ergon_policy_job {
	uint32_t id;
	uint32_t gpus, batch;        /* asked for; batch 0: not stated */
	uint32_t gpus_min, gpus_max; /* what it can use */
	uint8_t malleable;           /* count and batch may differ from what was asked for */
	uint8_t running;
	uint32_t held_group, held_gpus, held_batch; /* while it runs */
	double arrival_s;
	double deadline_s;  /* 0: none */
	double remaining_s; /* as it runs, or as asked where it waits; infinite: it cannot run so */
	double attained_gpu_s;
	const char *name, *application, *user;
};

struct ergon_policy_state {
	double time_s;
	uint32_t wakeups; /* enum ergon_policy_wakeup, or-ed */
	uint32_t job_count;
	const struct ergon_policy_job *jobs; /* that have arrived and are not done, by arrival */
	const uint32_t *free_gpus;           /* [groups] */
	double power_w;
};

/* What a policy may do in decide(); context is handed back as it is. */
struct ergon_policy_calls {
	void *context;
	/* 1: the job would take time_s from now to its end, at power_w; 0: it cannot run so. batch
	 * 0: what it asked for. */
	int (*estimate)(void *context, uint32_t job, uint32_t group, uint32_t gpus, uint32_t batch,
	                double *time_s, double *power_w);
	/* 0: granted. */
	int (*place)(void *context, uint32_t job, uint32_t group, uint32_t gpus, uint32_t batch,
	             enum ergon_policy_spread spread);
	/* The same with the nodes named: gpus[i] on node nodes[i], all in one group. */
	int (*place_on)(void *context, uint32_t job, const uint32_t *nodes, const uint32_t *gpus,
	                uint32_t count, uint32_t batch);
	void (*preempt)(void *context, uint32_t job);
	void (*wake_at)(void *context, double time_s);
	/* Why the last wish was refused. */
	const char *(*why)(void *context);
};

struct ergon_policy {
	uint32_t abi; /* ERGON_POLICY_ABI */
	const char *name;
	/* The policy's own state, handed to the others; NULL after an error. */
	void *(*open)(const struct ergon_policy_run *run, char *error, size_t size);
	int (*decide)(void *self, const struct ergon_policy_state *state,
	              const struct ergon_policy_calls *calls, char *error, size_t size);
	void (*close)(void *self);
};

/* What the library exports. */
const struct ergon_policy *ergon_policy(uint32_t abi);

#ifdef __cplusplus
}
#endif
#endif
