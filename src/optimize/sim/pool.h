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
	uint32_t words, summary_words;
	uint32_t *level_nodes; /* [gpus_per_node + 1]: nodes with that many free GPUs */
	uint64_t *bits;        /* [gpus_per_node + 1][words] */
	uint64_t *summary;     /* [gpus_per_node + 1][summary_words] */
};

struct pool {
	uint32_t group_count, nodes, free_gpus, gpus;
	struct pool_group *groups;
	uint16_t *free;    /* [nodes] */
	uint8_t *group_of; /* [nodes] */
};

/* All free. False when memory is out. */
bool pool_init(struct pool *pool, struct arena *arena, const struct cluster *cluster);

void pool_take(struct pool *pool, uint32_t node, uint32_t gpus); /* gpus <= free[node] */
void pool_give(struct pool *pool, uint32_t node, uint32_t gpus);

/* POOL_NONE where no node of the group has a free GPU (or `need` of them). Lowest number first. */
uint32_t pool_emptiest(const struct pool *pool, uint32_t group);
uint32_t pool_best_fit(const struct pool *pool, uint32_t group, uint32_t need);

#endif
