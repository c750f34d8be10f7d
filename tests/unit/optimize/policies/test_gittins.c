/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "optimize/policies/gittins.h"
#include "support/simulated.h"

static struct simulated s;

/* Of three jobs that took 1, 1 and 10. New: two of three end within 1, for 1 each. After 1 only the
 * long one is left: 1 in 9; after 5, 1 in 5. */
static void test_index_by_hand(void **state)
{
	(void)state;
	const double sizes[] = { 1, 1, 10 };
	assert_close(gittins_index(sizes, 3, 0), 2.0 / 3, 1e-12);
	assert_close(gittins_index(sizes, 3, 1), 1.0 / 9, 1e-12);
	assert_close(gittins_index(sizes, 3, 5), 1.0 / 5, 1e-12);
	assert_true(gittins_index(sizes, 3, 10) <= 0);
	assert_true(gittins_index(sizes, 0, 0) <= 0);
}

/* Lengths 4 and 6: to the end of the first, 1/2 over 4; to the end of both, 1 over 5. */
static void test_longer_span_is_better(void **state)
{
	(void)state;
	const double sizes[] = { 4, 6 };
	assert_close(gittins_index(sizes, 2, 0), 1.0 / 5, 1e-12);
	assert_close(gittins_index(sizes, 2, 3), 1.0 / 2, 1e-12);
}

/* One GPU. The first job teaches that jobs take 600 s; the second, after 300 s, is then nearer to
 * its end than a new one is and goes on, where least attained service would take turns. */
static void test_goes_on_where_the_end_is_near(void **state)
{
	(void)state;
	const struct experiment_options options = { .interval_ns = 60000000000 };
	simulated_load(&s, "1x1:t4",
	               "name,arrival_s,gpus,application,duration_s\n"
	               "a,0,1,x,600\nb,660,1,x,600\nc,960,1,x,600\n",
	               &options);
	const struct metrics *m = simulated_run(&s, "tiresias-gittins");
	assert_int_equal((int)m->preemptions, 0);
}

/* Two queues: after an hour on its one GPU a job makes way for a new one. */
static void test_queue_is_left(void **state)
{
	(void)state;
	const struct experiment_options options = { .interval_ns = 60000000000 };
	simulated_load(&s, "1x1:t4",
	               "name,arrival_s,gpus,application,duration_s\n"
	               "a,0,1,x,9000\nb,1800,1,x,1200\n",
	               &options);
	const struct metrics *m = simulated_run(&s, "tiresias-gittins");
	assert_int_equal((int)m->preemptions, 1);
	assert_close(m->jct_max_s, 60 + 9000 + 1200, 0.02);
}

/* With a queue that is left at a quarter of a GPU hour the same jobs trade places sooner. */
static void test_queues_as_stated(void **state)
{
	(void)state;
	static const char rows[] = "name,arrival_s,gpus,application,duration_s\n"
				   "a,0,1,x,9000\nb,1800,1,x,600\n";
	const char *policies[] = { "tiresias", "tiresias-gittins" };
	for (int i = 0; i < 2; i++) {
		struct experiment_options options = { .interval_ns = 60000000000 };
		simulated_load(&s, "1x1:t4", rows, &options);
		simulated_run(&s, policies[i]);
		double usual_s = s.jct_s[1];
		options.queues = "0.25,5";
		simulated_load(&s, "1x1:t4", rows, &options);
		simulated_run(&s, policies[i]);
		print_message("%s: %.0f s, with --queues 0.25,5 %.0f s\n", policies[i], usual_s,
		              s.jct_s[1]);
		assert_true(s.jct_s[1] < usual_s);
	}
}

static void test_queues_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "0", "4,1", "1,,2", "x", "1,1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct experiment x;
		struct ergon_error err = { 0 };
		const struct experiment_options options = { .cluster = "1x1:t4",
			                                    .trace = s.trace,
			                                    .queues = bad[i] };
		assert_int_equal(experiment_load(&s.env, &options, &x, &err), ERGON_BAD_INPUT);
		if (!strstr(err.text, "--queues"))
			fail_msg("'%s' does not name --queues", err.text);
		experiment_fini(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_by_hand),
		cmocka_unit_test(test_longer_span_is_better),
		cmocka_unit_test(test_goes_on_where_the_end_is_near),
		cmocka_unit_test(test_queue_is_left),
		cmocka_unit_test(test_queues_as_stated),
		cmocka_unit_test(test_queues_refused),
	};
	return simulated_group(&s, tests);
}
