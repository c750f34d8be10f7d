/* SPDX-License-Identifier: Apache-2.0
 *
 * The best of all schedules of a few jobs on a few nodes, by branch and bound, with proof.
 *
 * A schedule gives each job one option (GPUs of one type, batch, power setting; packed), nodes and
 * a start, and runs it to its end. Minimised is T^a E^b with the mean completion time T and the
 * energy E of the whole cluster from the first arrival to the last end. Both fall, or stay, when a
 * job ends earlier and nothing else changes; so some best schedule starts its jobs in order, each
 * as early as its GPUs (and the power budget) allow, and only those are tried: by job, option and
 * set of nodes, equal nodes and equal jobs once.
 *
 * A branch is cut where even every open job alone, all of them on all GPUs as one machine, and each
 * at its cheapest would not beat the best so far; or where the same jobs were placed before with
 * the same GPUs free at the same times, no later and no dearer. Times ns, powers W, energies J.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_OPTIMAL_SEARCH_H
#define ERGON_OPTIMIZE_POLICIES_OPTIMAL_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum {
	OPTIMAL_JOBS_MAX = 12,
	OPTIMAL_NODES_MAX = 8,
	OPTIMAL_NODE_GPUS_MAX = 16,
	OPTIMAL_CHILDREN_MAX = 16384,
};

struct optimal_option {
	uint32_t group, gpus, batch, setting;
	uint64_t span_ns; /* from the start to the end, restart included */
	bool late;        /* its GPUs are seen to be free only after the instant of its end */
	double extra_j;   /* beyond what its GPUs would have drawn idle */
	double extra_w;   /* likewise, at work */
};

struct optimal_job {
	uint64_t arrival_ns;
	uint32_t twin; /* an earlier job equal to this one, or its own number */
	uint32_t count;
	const struct optimal_option *options; /* [count], at least one */
};

struct optimal_problem {
	uint32_t jobs, nodes;
	const struct optimal_job *job; /* [jobs] */
	const uint32_t *node_gpus;     /* [nodes] */
	const uint32_t *node_group;    /* [nodes], ascending */
	uint64_t interval_ns; /* jobs start at its multiples, from the first on; 0: any time */
	uint64_t begin_ns;    /* the first arrival */
	double floor_w;       /* of the idle cluster */
	double budget_w;      /* of the cluster; infinite: none */
	double time_weight, energy_weight; /* a, b */
	uint64_t tries_max;                /* partial schedules to look at */
};

struct optimal_start {
	uint64_t start_ns;
	uint32_t option;
	uint8_t gpus[OPTIMAL_NODES_MAX]; /* on each node */
};

struct optimal_answer {
	bool proven; /* false: tries_max was reached; start is the best so far */
	bool found;
	double objective; /* a ln T + b ln E */
	double mean_s, energy_j;
	uint64_t tries;
	struct optimal_start start[OPTIMAL_JOBS_MAX];
};

/* False when memory is out, or when a choice has more than OPTIMAL_CHILDREN_MAX branches (then
 * answer->tries is 0). */
bool optimal_search(const struct optimal_problem *problem, struct arena *arena,
                    struct optimal_answer *answer);

#endif
