/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/rng.h"
#include "optimize/sim/heap.h"

static void test_equal_keys_keep_their_order(void **state)
{
	(void)state;
	struct arena arena;
	struct heap heap;
	arena_init(&arena);
	assert_true(heap_init(&heap, &arena, 100));
	for (uint32_t i = 0; i < 100; i++)
		heap_set(&heap, (i * 37) % 100, 7);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(heap_pop(&heap), (i * 37) % 100);
	assert_int_equal(heap.count, 0);
	arena_fini(&arena);
}

/* Against an array that is searched: random sets, moves and removals. */
static void test_like_a_sorted_array(void **state)
{
	(void)state;
	enum { IDS = 50 };
	struct arena arena;
	struct heap heap;
	struct rng rng;
	uint64_t key[IDS] = { 0 }, order[IDS] = { 0 }, next = 1;
	arena_init(&arena);
	rng_init(&rng, 3);
	assert_true(heap_init(&heap, &arena, IDS));
	for (int turn = 0; turn < 20000; turn++) {
		uint32_t id = (uint32_t)rng_below(&rng, IDS), best = IDS;
		uint64_t what = rng_below(&rng, 5);
		if (what < 3) {
			key[id] = 1 + rng_below(&rng, 20);
			order[id] = next++;
			heap_set(&heap, id, key[id]);
		} else if (what == 3) {
			key[id] = 0;
			heap_remove(&heap, id);
		} else {
			for (uint32_t i = 0; i < IDS; i++)
				if (key[i] && (best == IDS || key[i] < key[best] ||
				               (key[i] == key[best] && order[i] < order[best])))
					best = i;
			if (best == IDS) {
				assert_int_equal(heap.count, 0);
				continue;
			}
			assert_int_equal(heap_pop(&heap), best);
			key[best] = 0;
		}
		for (uint32_t i = 0; i < IDS; i++)
			assert_int_equal(heap_holds(&heap, i), key[i] != 0);
	}
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_keys_keep_their_order),
		cmocka_unit_test(test_like_a_sorted_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
