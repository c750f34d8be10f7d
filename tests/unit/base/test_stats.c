/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>

#include "base/stats.h"

/* Standard tables of the normal distribution and of Student's t (two-sided). */
static void quantiles_of_the_tables(void **state)
{
	(void)state;
	static const struct {
		double confidence, df, t;
	} rows[] = {
		{ 0.95, 1, 12.7062047362 },  { 0.95, 2, 4.3026527297 },
		{ 0.95, 4, 2.7764451052 },   { 0.95, 9, 2.2621571628 },
		{ 0.99, 9, 3.2498355416 },   { 0.99, 4, 4.6040948713 },
		{ 0.95, 30, 2.0422724563 },  { 0.90, 19, 1.7291328115 },
		{ 0.99, 1, 63.6567411629 },  { 0.95, 120, 1.9799304051 },
		{ 0.95, 1e9, 1.9599639845 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_message("t(%g, %g)\n", rows[i].confidence, rows[i].df);
		assert_close(student_t_quantile(rows[i].confidence, rows[i].df), rows[i].t, 1e-9);
	}
	assert_close(normal_quantile(0.975), 1.959963984540054, 1e-13);
	assert_close(normal_quantile(0.999), 3.090232306167813, 1e-13);
	assert_close(normal_quantile(1e-10), -6.361340902404056, 1e-12);
	assert_close(normal_quantile(0.01), -2.326347874040841, 1e-13);
	assert_true(fabs(normal_quantile(0.5)) < 1e-15);
	assert_true(isinf(normal_quantile(0)) && normal_quantile(0) < 0);
	assert_true(isinf(normal_quantile(1)) && normal_quantile(1) > 0);
	assert_true(isnan(normal_quantile(-0.1)) && isnan(normal_quantile((double)NAN)));
}

static void moments_are_exact_and_stable(void **state)
{
	(void)state;
	static const double values[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	struct moments moments = { 0 }, shifted = { 0 };
	assert_true(isnan(moments_variance(&moments)));
	assert_true(isnan(moments_half_width(&moments, 0.95)));
	for (size_t i = 0; i < 8; i++) {
		moments_add(&moments, values[i]);
		/* A naive sum of squares loses everything here. */
		moments_add(&shifted, values[i] + 1e9);
		assert_int_equal(moments.count, i + 1);
	}
	assert_close(moments.mean, 5, 1e-15);
	assert_close(moments_variance(&moments), 32.0 / 7, 1e-15);
	assert_close(moments_variance(&shifted), 32.0 / 7, 1e-7);
	assert_close(moments_stddev(&moments), sqrt(32.0 / 7), 1e-15);
	assert_true(moments.min == 2 && moments.max == 9);
	assert_close(moments_half_width(&moments, 0.95), 2.3646242510 * sqrt(32.0 / 7 / 8), 1e-9);
	assert_close(moments_reach(&moments, 0.95), 2.3646242510 * sqrt(32.0 / 7 * 9 / 8), 1e-9);
}

static void order_statistics(void **state)
{
	(void)state;
	double values[] = { 7, 1, 5, 3 };
	assert_close(stats_mean(values, 4), 4, 1e-15);
	assert_close(stats_median(values, 4), 4, 1e-15);
	assert_true(values[0] == 1 && values[3] == 7); /* sorted now */
	assert_close(stats_quantile_sorted(values, 4, 0.25), 2.5, 1e-15);
	assert_close(stats_quantile_sorted(values, 4, 0.9), 6.4, 1e-14);
	assert_true(stats_quantile_sorted(values, 4, 0) == 1);
	assert_true(stats_quantile_sorted(values, 4, 1) == 7);
	assert_true(stats_quantile_sorted(values, 1, 0.3) == 1);
	double three[] = { 3, 1, 2 };
	assert_true(stats_median(three, 3) == 2);
}

static void nothing_is_not_zero(void **state)
{
	(void)state;
	assert_true(isnan(stats_mean(NULL, 0)));
	assert_true(isnan(stats_quantile_sorted(NULL, 0, 0.5)));
	assert_true(isnan(stats_median(NULL, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_of_the_tables),
		cmocka_unit_test(moments_are_exact_and_stable),
		cmocka_unit_test(order_statistics),
		cmocka_unit_test(nothing_is_not_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
