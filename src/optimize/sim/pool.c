/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/pool.h"

static void set_bit(struct pool_group *group, uint32_t level, uint32_t node)
{
	group->bits[(size_t)level * group->words + node / 64] |= UINT64_C(1) << (node % 64);
	group->summary[(size_t)level * group->summary_words + node / 4096] |= UINT64_C(1)
	                                                                      << (node / 64 % 64);
	group->level_nodes[level]++;
}

static void clear_bit(struct pool_group *group, uint32_t level, uint32_t node)
{
	uint64_t *word = &group->bits[(size_t)level * group->words + node / 64];
	*word &= ~(UINT64_C(1) << (node % 64));
	if (!*word)
		group->summary[(size_t)level * group->summary_words + node / 4096] &=
		    ~(UINT64_C(1) << (node / 64 % 64));
	group->level_nodes[level]--;
}

bool pool_init(struct pool *pool, struct arena *arena, const struct cluster *cluster)
{
	*pool = (struct pool){ .group_count = (uint32_t)cluster->group_count,
		               .nodes = cluster->nodes,
		               .free_gpus = cluster->gpus,
		               .gpus = cluster->gpus };
	pool->groups = ARENA_ARRAY(arena, struct pool_group, cluster->group_count);
	pool->free = ARENA_ARRAY(arena, uint16_t, cluster->nodes);
	pool->group_of = ARENA_ARRAY(arena, uint8_t, cluster->nodes);
	if (!pool->groups || !pool->free || !pool->group_of)
		return false;
	uint32_t first = 0;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		struct pool_group *group = &pool->groups[g];
		const struct cluster_group *spec = &cluster->groups[g];
		size_t levels = (size_t)spec->gpus_per_node + 1;
		group->first_node = first;
		group->nodes = spec->nodes;
		group->gpus_per_node = spec->gpus_per_node;
		group->free_gpus = spec->nodes * spec->gpus_per_node;
		group->words = (spec->nodes + 63) / 64;
		group->summary_words = (group->words + 63) / 64;
		group->level_nodes = ARENA_ARRAY(arena, uint32_t, levels);
		group->bits = ARENA_ARRAY(arena, uint64_t, levels * group->words);
		group->summary = ARENA_ARRAY(arena, uint64_t, levels * group->summary_words);
		if (!group->level_nodes || !group->bits || !group->summary)
			return false;
		for (uint32_t n = 0; n < spec->nodes; n++) {
			set_bit(group, spec->gpus_per_node, n);
			pool->free[first + n] = (uint16_t)spec->gpus_per_node;
			pool->group_of[first + n] = (uint8_t)g;
		}
		first += spec->nodes;
	}
	return true;
}

static void move(struct pool *pool, uint32_t node, uint32_t from, uint32_t to)
{
	struct pool_group *group = &pool->groups[pool->group_of[node]];
	clear_bit(group, from, node - group->first_node);
	set_bit(group, to, node - group->first_node);
	group->free_gpus += to - from;
	pool->free_gpus += to - from;
	pool->free[node] = (uint16_t)to;
}

void pool_take(struct pool *pool, uint32_t node, uint32_t gpus)
{
	move(pool, node, pool->free[node], pool->free[node] - gpus);
}

void pool_give(struct pool *pool, uint32_t node, uint32_t gpus)
{
	move(pool, node, pool->free[node], pool->free[node] + gpus);
}

/* The lowest node with exactly `level` free GPUs; there is one. */
static uint32_t lowest(const struct pool_group *group, uint32_t level)
{
	const uint64_t *summary = group->summary + (size_t)level * group->summary_words;
	uint32_t s = 0;
	while (!summary[s])
		s++;
	uint32_t word = s * 64 + (uint32_t)__builtin_ctzll(summary[s]);
	uint64_t bits = group->bits[(size_t)level * group->words + word];
	return group->first_node + word * 64 + (uint32_t)__builtin_ctzll(bits);
}

uint32_t pool_emptiest(const struct pool *pool, uint32_t g)
{
	const struct pool_group *group = &pool->groups[g];
	for (uint32_t level = group->gpus_per_node; level > 0; level--)
		if (group->level_nodes[level])
			return lowest(group, level);
	return POOL_NONE;
}

uint32_t pool_best_fit(const struct pool *pool, uint32_t g, uint32_t need)
{
	const struct pool_group *group = &pool->groups[g];
	for (uint32_t level = need; level <= group->gpus_per_node; level++)
		if (group->level_nodes[level])
			return lowest(group, level);
	return POOL_NONE;
}
