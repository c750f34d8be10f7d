/* SPDX-License-Identifier: Apache-2.0
 *
 * Pollux's genetic search over allocations: rows are jobs, columns nodes, elements GPU counts.
 *
 * NSGA-II (Deb et al. 2002) with two objectives, both to be maximised: fitness, the power mean with
 * p = -1 of the jobs' values plus 1e-3, and utility. One-point crossover over jobs; mutation and
 * repair as in Pollux's artifact. Before and after the generations, a local search (pollux_local.h)
 * improves the fittest and the present allocation. All memory is made for the most rows so far.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_POLLUX_GA_H
#define ERGON_OPTIMIZE_POLICIES_POLLUX_GA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rng.h"

enum {
	GA_POPULATION = 100,
	GA_INDIVIDUALS = 2 * GA_POPULATION,
	GA_NODES_MAX = 1024,
	GA_ELEMENT_MAX = 64
};

/* What the search needs to know about a row. */
struct ga_job {
	uint32_t max_gpus;
	double keep;   /* factor on the value where the row differs from the base */
	double *value; /* [(ga.told_apart + 1) * (ga.gpus + 1)] by nodes, then GPUs; NaN: ask */
};

struct ga_individual {
	double fitness, utility, crowding;
	uint64_t hash;
	uint32_t rank, slot; /* slot: of its rows */
};

struct ga {
	struct arena *arena;
	struct rng rng;
	uint32_t nodes, stride, gpus, node_gpus; /* stride: bytes of a row */
	uint32_t told_apart; /* a value is the same on so many nodes and on more; at first: nodes */
	uint32_t generations;
	uint32_t rows, capacity; /* jobs now, at most */
	uint8_t *states;         /* [GA_INDIVIDUALS * capacity * stride] */
	uint8_t *base;           /* [capacity * stride] */
	uint8_t *scratch;        /* [stride]: free or used GPUs by node */
	const uint8_t *type_of;  /* [nodes]: a row holds nodes of one type only; NULL: one type */
	uint8_t *room; /* [stride]: GPUs of each node; its owner sets 0 where it is down */
	struct ga_individual people[GA_INDIVIDUALS];
	uint32_t count; /* of the population that lives on between searches */
	struct ga_job *jobs;
	/* The value of row at (nodes, gpus), for table entries that are still NaN. */
	double (*ask)(void *user, uint32_t row, uint32_t nodes, uint32_t gpus);
	void *user;
};

/* Up to GA_NODES_MAX nodes of up to GA_ELEMENT_MAX GPUs (ga_row.h). */
bool ga_init(struct ga *ga, struct arena *arena, uint64_t seed, uint32_t nodes, uint32_t node_gpus);

/* The rows of the next search: old_row[i] is where row i stood in the last one, UINT32_MAX: new.
 * Sets rows, adapts the population, clears base. False when memory is out. */
bool ga_set_rows(struct ga *ga, const uint32_t *old_row, uint32_t rows);

/* A random number below n. */
static inline uint32_t ga_below(struct ga *ga, uint32_t n)
{
	return (uint32_t)(((rng_u64(&ga->rng) >> 32) * n) >> 32);
}

/* base and jobs [rows] are set: searches; returns the best state, rows x stride. */
const uint8_t *ga_search(struct ga *ga);

#endif
