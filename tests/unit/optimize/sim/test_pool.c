/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "base/rng.h"
#include "optimize/job.h"
#include "optimize/sim/pool.h"

static uint32_t slow_find(const struct pool *pool, uint32_t group, uint32_t need, bool emptiest)
{
	uint32_t best = POOL_NONE;
	const struct pool_group *g = &pool->groups[group];
	for (uint32_t n = g->first_node; n < g->first_node + g->nodes; n++) {
		if (pool->free[n] < need)
			continue;
		if (best == POOL_NONE || (emptiest ? pool->free[n] > pool->free[best]
		                                   : pool->free[n] < pool->free[best]))
			best = n;
	}
	return best;
}

/* The bitmaps find what a search over all nodes finds, on a cluster beyond one summary word. */
static void test_like_a_search_over_all_nodes(void **state)
{
	(void)state;
	struct arena arena;
	struct cluster cluster;
	struct pool pool;
	struct rng rng;
	arena_init(&arena);
	rng_init(&rng, 5);
	assert_int_equal(cluster_parse("5000x4:a,70x8:b", &arena, &cluster, NULL), ERGON_OK);
	assert_true(pool_init(&pool, &arena, &cluster));
	uint32_t gpus = pool.free_gpus;
	assert_int_equal(gpus, 20560);
	for (int turn = 0; turn < 30000; turn++) {
		uint32_t node = (uint32_t)rng_below(&rng, pool.nodes);
		uint32_t all = pool.groups[pool.group_of[node]].gpus_per_node;
		if (turn % 3) {
			if (pool.free[node])
				pool_take(&pool, node,
				          1 + (uint32_t)rng_below(&rng, pool.free[node]));
		} else if (pool.free[node] < all) {
			pool_give(&pool, node, 1);
		}
		if (turn % 100)
			continue;
		uint32_t sum = 0;
		for (uint32_t n = 0; n < pool.nodes; n++)
			sum += pool.free[n];
		assert_int_equal(sum, pool.free_gpus);
		for (uint32_t g = 0; g < 2; g++) {
			assert_int_equal(pool_emptiest(&pool, g, 1), slow_find(&pool, g, 1, true));
			for (uint32_t need = 1; need <= pool.groups[g].gpus_per_node; need++)
				assert_int_equal(pool_best_fit(&pool, g, need),
				                 slow_find(&pool, g, need, false));
		}
	}
	arena_fini(&arena);
}

/* At one stroke as one by one, to the last bit of every bitmap. */
static void test_many_nodes_at_once(void **state)
{
	(void)state;
	struct arena arena;
	struct cluster cluster;
	struct pool many, single;
	struct rng rng;
	struct share shares[300];
	arena_init(&arena);
	rng_init(&rng, 7);
	assert_int_equal(cluster_parse("9x1:a,300x4:b", &arena, &cluster, NULL), ERGON_OK);
	assert_true(pool_init(&many, &arena, &cluster) && pool_init(&single, &arena, &cluster));
	for (int turn = 0; turn < 2000; turn++) {
		uint32_t node = 9 + (uint32_t)rng_below(&rng, 300), level;
		if (turn % 4 == 0) {
			uint32_t taken = pool_take_emptiest(
			    &many, 1, (uint32_t)rng_below(&rng, 120), shares, &level);
			for (uint32_t i = 0; i < taken; i++) {
				assert_int_equal(pool_emptiest(&single, 1, 1), shares[i].node);
				assert_int_equal(single.free[shares[i].node], level);
				pool_take(&single, shares[i].node, shares[i].gpus);
			}
		} else if (turn % 4 == 1) {
			uint32_t count = 0;
			for (uint32_t n = 9; n < 309; n++)
				if (many.free[n] < 4 && rng_below(&rng, 2))
					shares[count++] = (struct share){ n, 1 };
			pool_give_all(&many, shares, count);
			for (uint32_t i = 0; i < count; i++)
				pool_give(&single, shares[i].node, shares[i].gpus);
		} else if (many.free[node]) {
			pool_take(&many, node, 1);
			pool_take(&single, node, 1);
		}
		assert_int_equal(many.free_gpus, single.free_gpus);
		assert_memory_equal(many.free, single.free, 309 * sizeof *many.free);
		const struct pool_group *m = &many.groups[1], *s = &single.groups[1];
		assert_int_equal(m->free_gpus, s->free_gpus);
		assert_memory_equal(m->level_nodes, s->level_nodes, 5 * sizeof *m->level_nodes);
		assert_memory_equal(m->bits, s->bits, 5 * m->words * sizeof *m->bits);
		assert_memory_equal(m->summary, s->summary,
		                    5 * m->summary_words * sizeof *m->summary);
	}
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_like_a_search_over_all_nodes),
		                            cmocka_unit_test(test_many_nodes_at_once) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
