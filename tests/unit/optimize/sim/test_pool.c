/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/rng.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_like_a_search_over_all_nodes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
