/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/rng.h"
#include "optimize/policies/jobset.h"

enum { JOBS = 300000 }; /* more than a word of the topmost level stands for */

static void walks_like_a_plain_array(void **state)
{
	(void)state;
	static bool plain[JOBS];
	struct arena arena;
	struct jobset set = { 0 };
	struct rng rng;
	arena_init(&arena);
	rng_init(&rng, 11);
	assert_true(jobset_init(&set, &arena, JOBS));
	assert_int_equal(jobset_next(&set, 0), JOBSET_NONE);
	for (int turn = 0; turn < 20000; turn++) {
		uint32_t job = (uint32_t)rng_below(&rng, JOBS);
		plain[job] = rng_below(&rng, 3) == 0;
		if (plain[job])
			jobset_add(&set, job);
		else
			jobset_remove(&set, job);
		if (turn % 2000)
			continue;
		uint32_t at = jobset_next(&set, 0);
		for (uint32_t j = 0; j < JOBS; j++) {
			if (!plain[j])
				continue;
			assert_int_equal(at, j);
			at = jobset_next(&set, at + 1);
		}
		assert_int_equal(at, JOBSET_NONE);
	}
	jobset_add(&set, JOBS - 1);
	assert_int_equal(jobset_next(&set, JOBS - 1), JOBS - 1);
	assert_int_equal(jobset_next(&set, JOBS), JOBSET_NONE);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(walks_like_a_plain_array) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
