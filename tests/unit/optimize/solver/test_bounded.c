/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>

#include "optimize/solver/bounded.h"

static double rosenbrock(void *user, const double *x, double *g)
{
	int *calls = user;
	double a = 1 - x[0], b = x[1] - x[0] * x[0];
	++*calls;
	g[0] = -2 * a - 400 * x[0] * b;
	g[1] = 200 * b;
	return a * a + 100 * b * b;
}

static void test_curved_valley(void **state)
{
	(void)state;
	int calls = 0;
	const double low[] = { -INFINITY, -INFINITY }, high[] = { INFINITY, INFINITY };
	const struct bounded_problem problem = { 2, low, high, rosenbrock, &calls };
	double x[] = { -1.2, 1 };
	double least = bounded_minimise(&problem, x);
	assert_true(least < 1e-9);
	assert_close(x[0], 1, 1e-3);
	assert_close(x[1], 1, 1e-3);
	assert_true(calls > 10 && calls < 80);
}

/* With x0 at most 0.5 the least lies on that bound, at x1 = 0.25: value 0.25. */
static void test_active_bound(void **state)
{
	(void)state;
	int calls = 0;
	const double low[] = { -2, -2 }, high[] = { 0.5, 2 };
	const struct bounded_problem problem = { 2, low, high, rosenbrock, &calls };
	double x[] = { -1.2, 1 };
	assert_close(bounded_minimise(&problem, x), 0.25, 1e-6);
	assert_close(x[0], 0.5, 1e-9);
	assert_close(x[1], 0.25, 1e-4);
}

/* Sum of k (x_k - k)^2 with x_2 held: every other variable where it wants to be, or at its bound.
 */
static double bowl(void *user, const double *x, double *g)
{
	(void)user;
	double sum = 0;
	for (int k = 0; k < 5; k++) {
		double off = x[k] - k, weight = k + 1;
		g[k] = 2 * weight * off;
		sum += weight * off * off;
	}
	return sum;
}

static void test_held_variable(void **state)
{
	(void)state;
	const double low[] = { 1, -INFINITY, 7, 0, 0 }, high[] = { 9, INFINITY, 7, 2.5, 9 };
	const struct bounded_problem problem = { 5, low, high, bowl, NULL };
	double x[] = { 5, -30, 7, 0, 8.5 };
	double least = bounded_minimise(&problem, x);
	const double expected[] = { 1, 1, 7, 2.5, 4 };
	for (int k = 0; k < 5; k++)
		assert_true(fabs(x[k] - expected[k]) < 1e-5);
	assert_close(least, 1 + 3 * 25 + 4 * 0.25, 1e-8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_curved_valley),
		cmocka_unit_test(test_active_bound),
		cmocka_unit_test(test_held_variable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
