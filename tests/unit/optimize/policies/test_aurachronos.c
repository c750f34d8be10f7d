/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines, preemption and explanations, on cases small enough for pencil and paper.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "support/simulated.h"

static struct simulated s;

static void expect(const double *jct_s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fabs(s.jct_s[i] - jct_s[i]) > 1e-6)
			fail_msg("job %zu takes %.9g s, not %.9g", i, s.jct_s[i], jct_s[i]);
}

/* a holds everything until 100. u takes 10 s; due at 120 it can wait for a's end. */
static void test_no_preemption_without_need(void **state)
{
	(void)state;
	static const double jct_s[] = { 100, 105 };
	simulated_load(&s, "1x2:cpu",
	               "name,arrival_s,gpus,duration_s,deadline_s\na,0,2,100,\nu,5,2,10,120\n",
	               NULL);
	simulated_run(&s, "aurachronos");
	expect(jct_s, 2);
	assert_int_equal(s.result.metrics.deadline_misses, 0);
	assert_int_equal(s.result.metrics.restarts, 0);
}

/* Due at 50 it cannot: a loses its GPUs from 5 to 15 and ends at 110. */
static void test_preemption(void **state)
{
	(void)state;
	static const double jct_s[] = { 110, 10 };
	simulated_load(&s, "1x2:cpu",
	               "name,arrival_s,gpus,duration_s,deadline_s\na,0,2,100,\nu,5,2,10,50\n",
	               NULL);
	simulated_run(&s, "aurachronos");
	expect(jct_s, 2);
	assert_int_equal(s.result.metrics.deadline_misses, 0);
	/* Zeus, which knows no deadlines, misses it. */
	simulated_run(&s, "zeus");
	assert_int_equal(s.result.metrics.deadline_misses, 1);
}

/* u needs one processor at once. A restart costs 10 s: a would lose 10 processor seconds, b 20. So
 * a goes; it comes back when u has ended, at 5 + 10 + 20 = 35. */
static void test_least_loss_first(void **state)
{
	(void)state;
	static const double jct_s[] = { 140, 110, 30 };
	const struct experiment_options options = { .restart_ns = 10 * NS_PER_S };
	simulated_load(&s, "1x3:cpu",
	               "name,arrival_s,gpus,duration_s,deadline_s\n"
	               "a,0,1,95,\nb,0,2,100,\nu,5,1,20,60\n",
	               &options);
	simulated_run(&s, "aurachronos");
	/* a did nothing before 5, so it ends at 35 + 10 + 95 = 140; b at 110; u at 35. */
	expect(jct_s, 3);
}

/* Nothing can save u, which takes longer than it has: nobody is preempted for it. */
static void test_hopeless(void **state)
{
	(void)state;
	static const double jct_s[] = { 100, 70 };
	simulated_load(&s, "1x3:cpu",
	               "name,arrival_s,gpus,duration_s,deadline_s\na,0,2,100,\nu,5,1,70,50\n",
	               NULL);
	simulated_run(&s, "aurachronos");
	expect(jct_s, 2);
	assert_int_equal(s.result.metrics.restarts, 0);
}

/* b waits until a has ended; what it could have done is listed, and why not. */
static void test_explanation(void **state)
{
	(void)state;
	struct ergon_error err = { 0 };
	uint32_t job;
	simulated_load(&s, "1x2:cpu", "name,arrival_s,gpus,duration_s\na,0,2,100\nb,5,1,10\n",
	               NULL);
	assert_int_equal(experiment_find_job(&s.x, "c", &job, &err), ERGON_NOT_FOUND);
	assert_non_null(strstr(err.text, "'c'"));
	assert_int_equal(experiment_find_job(&s.x, "b", &job, NULL), ERGON_OK);
	s.x.explain_job = job;
	simulated_run(&s, "zeus");
	const struct explain_log *log = s.result.explained;
	assert_non_null(log);
	/* At 5 there is no free processor, and zeus does not look; at 100 there are two. */
	const struct explanation *last = &log->entries[log->count - 1];
	assert_true(last->time_ns == 100 * NS_PER_S);
	assert_int_equal(last->count, 1);
	assert_int_equal(last->chosen, 0);
	assert_int_equal(last->candidates[0].fate, FATE_CHOSEN);
	assert_close(last->candidates[0].time_s, 10, 1e-9);
	assert_close(last->candidates[0].power_w, 12, 1e-9);
	/* ln(T x E) = ln(10 x 120) */
	assert_close(last->candidates[0].score, log1p(1199), 1e-9);
}

/* Under a budget of 12 + 3 W, beside a (12 W, the other idle at 3), b may not run: 24 W. */
static void test_explanation_of_charon(void **state)
{
	(void)state;
	const struct experiment_options options = { .power_budget_w = 16 };
	simulated_load(&s, "1x2:cpu", "name,arrival_s,gpus,duration_s\na,0,1,100\nb,5,1,10\n",
	               &options);
	s.x.explain_job = 1;
	simulated_run(&s, "charon");
	const struct explain_log *log = s.result.explained;
	assert_int_equal(log->count, 2);
	assert_int_equal(log->entries[0].chosen, -1);
	assert_int_equal(log->entries[0].candidates[0].fate, FATE_OVER_BUDGET);
	assert_int_equal(log->entries[1].chosen, 0);
	assert_true(log->entries[1].time_ns == 100 * NS_PER_S);
	assert_true(s.result.metrics.power_peak_w <= 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_preemption_without_need),
		cmocka_unit_test(test_preemption),
		cmocka_unit_test(test_least_loss_first),
		cmocka_unit_test(test_hopeless),
		cmocka_unit_test(test_explanation),
		cmocka_unit_test(test_explanation_of_charon),
	};
	return simulated_group(&s, tests);
}
