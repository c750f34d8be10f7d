/* SPDX-License-Identifier: Apache-2.0
 *
 * The free GPUs of a cluster, by node and type.
 *
 * Each group of equal nodes keeps one bitmap for every number of free GPUs, with a summary bitmap
 * above it, so that "the node with the most free GPUs, lowest number first" and "the node that
 * fits best" are found in a few words whatever the size of the cluster.
 */
#ifndef ERGON_OPTIMIZE_SIM_POOL_H
#define ERGON_OPTIMIZE_SIM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "spec/cluster.h"

#define POOL_NONE UINT32_MAX

struct pool_group {
	uint32_t first_node, nodes, gpus_per_node;
	uint32_t free_gpus;
	uint32_t down_gpus; /* of nodes that are down: neither free nor held */
	uint32_t words, summary_words;
	/* A level holds the nodes with that many free GPUs; the last those that sleep, which are
	 * wholly free. */
	uint32_t *level_nodes; /* [gpus_per_node + 2] */
	uint64_t *bits;        /* [gpus_per_node + 2][words] */
	uint64_t *summary;     /* [gpus_per_node + 2][summary_words] */
};

struct pool {
	uint32_t group_count, nodes, free_gpus, gpus;
	struct pool_group *groups;
	uint16_t *free;    /* [nodes] */
	uint8_t *group_of; /* [nodes] */
	bool *asleep;      /* [nodes]: to be taken last */
};

/* What can be held at all. */
static inline uint32_t pool_capacity(const struct pool *pool, uint32_t group)
{
	const struct pool_group *g = &pool->groups[group];
	return g->nodes * g->gpus_per_node - g->down_gpus;
}

/* All free. False when memory is out. */
bool pool_init(struct pool *pool, struct arena *arena, const struct cluster *cluster);

void pool_take(struct pool *pool, uint32_t node, uint32_t gpus); /* gpus <= free[node] */
void pool_give(struct pool *pool, uint32_t node, uint32_t gpus);
/* The node must be wholly free. */
void pool_sleep(struct pool *pool, uint32_t node);
void pool_wake(struct pool *pool, uint32_t node);
/* Takes a wholly free node out of the pool, and puts it back. */
void pool_down(struct pool *pool, uint32_t node);
void pool_up(struct pool *pool, uint32_t node);

/* Takes all GPUs of up to `nodes` nodes that have the group's largest number of free ones, lowest
 * number first, as pool_emptiest() and pool_take() would one by one; returns how many nodes.
 * `level` is what each of them had. */
struct share;
uint32_t pool_take_emptiest(struct pool *pool, uint32_t group, uint32_t nodes, struct share *shares,
                            uint32_t *level);
/* pool_give() for each; neighbours at one stroke. */
void pool_give_all(struct pool *pool, const struct share *shares, uint32_t count);
/* The largest number of free GPUs on a node of the group; 0: none is free. */
uint32_t pool_top_level(const struct pool *pool, uint32_t group);

/* POOL_NONE where no node of the group has a free GPU (or `need` of them). Lowest number first. A
 * sleeping node is best only where no other has `need` free GPUs; for pool_emptiest, where none is
 * wholly free either. */
uint32_t pool_emptiest(const struct pool *pool, uint32_t group, uint32_t need);
uint32_t pool_best_fit(const struct pool *pool, uint32_t group, uint32_t need);

#endif
