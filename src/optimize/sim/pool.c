/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/pool.h"

#include "optimize/job.h"

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
	pool->asleep = ARENA_ARRAY(arena, bool, cluster->nodes);
	if (!pool->groups || !pool->free || !pool->group_of || !pool->asleep)
		return false;
	uint32_t first = 0;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		struct pool_group *group = &pool->groups[g];
		const struct cluster_group *spec = &cluster->groups[g];
		size_t levels = (size_t)spec->gpus_per_node + 2;
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

static uint32_t level_of(const struct pool *pool, const struct pool_group *group, uint32_t node)
{
	uint32_t free = pool->free[node];
	return free == group->gpus_per_node && pool->asleep[node] ? free + 1 : free;
}

static void set_free(struct pool *pool, uint32_t node, uint32_t free)
{
	struct pool_group *group = &pool->groups[pool->group_of[node]];
	uint32_t at = node - group->first_node, before = pool->free[node];
	clear_bit(group, level_of(pool, group, node), at);
	pool->free[node] = (uint16_t)free;
	set_bit(group, level_of(pool, group, node), at);
	group->free_gpus += free - before;
	pool->free_gpus += free - before;
}

void pool_take(struct pool *pool, uint32_t node, uint32_t gpus)
{
	set_free(pool, node, pool->free[node] - gpus);
}

void pool_give(struct pool *pool, uint32_t node, uint32_t gpus)
{
	set_free(pool, node, pool->free[node] + gpus);
}

static void set_asleep(struct pool *pool, uint32_t node, bool asleep)
{
	struct pool_group *group = &pool->groups[pool->group_of[node]];
	uint32_t at = node - group->first_node;
	clear_bit(group, level_of(pool, group, node), at);
	pool->asleep[node] = asleep;
	set_bit(group, level_of(pool, group, node), at);
}

void pool_sleep(struct pool *pool, uint32_t node)
{
	set_asleep(pool, node, true);
}

void pool_wake(struct pool *pool, uint32_t node)
{
	set_asleep(pool, node, false);
}

void pool_down(struct pool *pool, uint32_t node)
{
	struct pool_group *group = &pool->groups[pool->group_of[node]];
	pool_take(pool, node, group->gpus_per_node);
	group->down_gpus += group->gpus_per_node;
}

void pool_up(struct pool *pool, uint32_t node)
{
	struct pool_group *group = &pool->groups[pool->group_of[node]];
	group->down_gpus -= group->gpus_per_node;
	pool_give(pool, node, group->gpus_per_node);
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

uint32_t pool_top_level(const struct pool *pool, uint32_t g)
{
	const struct pool_group *group = &pool->groups[g];
	uint32_t level = group->gpus_per_node;
	while (level > 0 && !group->level_nodes[level])
		level--;
	return level;
}

/* Moves the nodes of one word from one level to another; free[] is the caller's. */
static void move_word(struct pool *pool, struct pool_group *group, uint32_t word, uint64_t nodes,
                      uint32_t from, uint32_t to)
{
	uint64_t *out = &group->bits[(size_t)from * group->words + word];
	uint64_t *in = &group->bits[(size_t)to * group->words + word];
	uint64_t summary = UINT64_C(1) << (word % 64);
	uint32_t count = (uint32_t)__builtin_popcountll(nodes);
	*out &= ~nodes;
	*in |= nodes;
	if (!*out)
		group->summary[(size_t)from * group->summary_words + word / 64] &= ~summary;
	group->summary[(size_t)to * group->summary_words + word / 64] |= summary;
	group->level_nodes[from] -= count;
	group->level_nodes[to] += count;
	group->free_gpus += count * (to - from);
	pool->free_gpus += count * (to - from);
}

uint32_t pool_take_emptiest(struct pool *pool, uint32_t g, uint32_t nodes, struct share *shares,
                            uint32_t *level)
{
	struct pool_group *group = &pool->groups[g];
	uint32_t top = pool_top_level(pool, g), taken = 0;
	*level = top;
	while (top > 0 && taken < nodes && group->level_nodes[top]) {
		uint32_t first = lowest(group, top) - group->first_node, word = first / 64;
		uint64_t left = group->bits[(size_t)top * group->words + word], all = 0;
		while (left && taken < nodes) {
			uint32_t node =
			    group->first_node + word * 64 + (uint32_t)__builtin_ctzll(left);
			all |= left & -left;
			left &= left - 1;
			pool->free[node] = 0;
			shares[taken++] = (struct share){ node, top };
		}
		move_word(pool, group, word, all, top, 0);
	}
	return taken;
}

void pool_give_all(struct pool *pool, const struct share *shares, uint32_t count)
{
	for (uint32_t i = 0; i < count;) {
		uint32_t g = pool->group_of[shares[i].node];
		struct pool_group *group = &pool->groups[g];
		uint32_t word = (shares[i].node - group->first_node) / 64;
		uint32_t from = pool->free[shares[i].node], to = from + shares[i].gpus;
		uint64_t all = 0;
		for (; i < count; i++) {
			uint32_t node = shares[i].node, at = node - group->first_node;
			if (pool->group_of[node] != g || at / 64 != word ||
			    pool->free[node] != from || from + shares[i].gpus != to)
				break;
			all |= UINT64_C(1) << (at % 64);
			pool->free[node] = (uint16_t)to;
		}
		move_word(pool, group, word, all, from, to);
	}
}

uint32_t pool_emptiest(const struct pool *pool, uint32_t g, uint32_t need)
{
	const struct pool_group *group = &pool->groups[g];
	uint32_t asleep = group->gpus_per_node + 1, level = group->gpus_per_node;
	while (level > 0 && !group->level_nodes[level])
		level--;
	if (level < need && level < group->gpus_per_node && group->level_nodes[asleep])
		level = asleep;
	return level ? lowest(group, level) : POOL_NONE;
}

uint32_t pool_best_fit(const struct pool *pool, uint32_t g, uint32_t need)
{
	const struct pool_group *group = &pool->groups[g];
	if (need > group->gpus_per_node)
		return POOL_NONE;
	for (uint32_t level = need; level <= group->gpus_per_node + 1; level++)
		if (group->level_nodes[level])
			return lowest(group, level);
	return POOL_NONE;
}
