/* SPDX-License-Identifier: Apache-2.0
 *
 * Themis and Hades, on cases small enough to be worked out by hand.
 */
#include "support/support.h"

#include <math.h>

#include "optimize/policies/fair.h"
#include "support/simulated.h"

static struct simulated s;

static void expect(const double *jct_s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fabs(s.jct_s[i] - jct_s[i]) > 1e-6)
			fail_msg("job %zu takes %.9g s, not %.9g", i, s.jct_s[i], jct_s[i]);
}

/* a holds the machine for its lease of 1200 s. Then b, which wants 600 s and has waited 1100, is
 * worse off (rho 1700 / 600) than a (3000 / 3000): b runs to 1800, a to 3600. */
static void test_lease(void **state)
{
	(void)state;
	static const double jct_s[] = { 3600, 1700 };
	simulated_load(&s, "1x4:cpu", "name,arrival_s,gpus,duration_s\na,0,4,3000\nb,100,4,600\n",
	               NULL);
	simulated_run(&s, "themis");
	expect(jct_s, 2);
	assert_close(s.result.metrics.rho_max, 1700.0 / 600, 1e-9);
	assert_int_equal(s.result.metrics.restarts, 1);
	/* One bidder has nobody to pay for: the auction ends as without it. */
	simulated_run(&s, "themis-auction");
	expect(jct_s, 2);
}

/* b needs the whole machine. At 1200 the leases of a and c are over and b, with the worst rho, goes
 * first: 1200-1300. Of the others d is worst off (rho (1280 + 350) / 350) and runs with a, the
 * earlier of a and c (rho 1.05): d to 1650, a to 2100. c goes on in d's place, to 2450. */
static void test_large_job_is_not_passed(void **state)
{
	(void)state;
	static const double jct_s[] = { 2100, 1290, 2450, 1630 };
	simulated_load(&s, "1x4:cpu",
	               "name,arrival_s,gpus,duration_s\n"
	               "a,0,2,2000\nb,10,4,100\nc,0,2,2000\nd,20,2,350\n",
	               NULL);
	simulated_run(&s, "themis");
	expect(jct_s, 4);
}

/* With equal shares nothing moves: a lease that ends while nobody waits costs nothing. */
static void test_no_move_without_need(void **state)
{
	(void)state;
	static const double jct_s[] = { 5000, 5000 };
	const struct experiment_options options = { .restart_ns = 0 };
	simulated_load(&s, "1x4:cpu", "name,arrival_s,gpus,duration_s\na,0,2,5000\nb,0,2,5000\n",
	               &options);
	simulated_run(&s, "themis");
	expect(jct_s, 2);
	assert_int_equal(s.result.metrics.restarts, 0);
	simulated_run(&s, "hades");
	expect(jct_s, 2);
	assert_int_equal(s.result.metrics.restarts, 0);
}

/* Three jobs at once, one place. Energy-delay: 12 W x T^2, so a (T = 10) before b (20) before c
 * (15, two processors: 24 W x 225 = 5400 against 4800 of b). rho is 1 for all three. */
static void test_hades_order(void **state)
{
	(void)state;
	static const double jct_s[] = { 10, 30, 45 };
	simulated_load(&s, "1x2:cpu",
	               "name,arrival_s,gpus,duration_s\na,0,2,10\nb,0,1,20\nc,0,2,15\n", NULL);
	simulated_run(&s, "hades");
	expect(jct_s, 3);
}

/* At 50 b's EDP is (60 / 55)^2 = 1.19 times c's, but its rho is 110 / 60 = 1.83 against 60 / 55:
 * b goes first. By EDP alone c would. */
static void test_hades_weighs_fairness(void **state)
{
	(void)state;
	static const double jct_s[] = { 50, 110, 120 };
	simulated_load(&s, "1x1:cpu",
	               "name,arrival_s,gpus,duration_s\na,0,1,50\nb,0,1,60\nc,45,1,55\n", NULL);
	simulated_run(&s, "hades");
	expect(jct_s, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_large_job_is_not_passed),
		cmocka_unit_test(test_no_move_without_need),
		cmocka_unit_test(test_hades_order),
		cmocka_unit_test(test_hades_weighs_fairness),
	};
	return simulated_group(&s, tests);
}
