/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "measure/history.h"

static json_t *run(double energy_j, double half_j, int repeats, double deviation_j)
{
	json_t *document =
	    json_pack("{s:s, s:f, s:{s:f, s:f, s:f, s:f, s:f}, s:[{s:s, s:f, s:f, s:f}], s:{s:f}}",
	              "kind", "ergon.measure", "duration_s", 2.0, "total", "energy_j", energy_j,
	              "energy_low_j", energy_j - half_j, "energy_high_j", energy_j + half_j,
	              "average_power_w", energy_j / 2, "edp_js", energy_j * 2, "domains", "name",
	              "package-0", "energy_j", energy_j, "energy_low_j", energy_j - half_j,
	              "energy_high_j", energy_j + half_j, "carbon", "g_co2e", energy_j / 100);
	assert_non_null(document);
	if (repeats)
		json_object_set_new(document, "repeat",
		                    json_pack("{s:i, s:f, s:f}", "count", repeats,
		                              "energy_stddev_j", deviation_j, "duration_stddev_s",
		                              0.1));
	return document;
}

static const json_t *row(const json_t *document, const char *name)
{
	const json_t *one;
	size_t i;
	json_array_foreach(json_object_get(document, "rows"), i,
	                   one) if (strcmp(json_string_value(json_object_get(one, "name")), name) ==
	                            0) return one;
	fail_msg("no row %s", name);
	return NULL;
}

static void verdicts(void **state)
{
	(void)state;
	static const struct {
		double a, half_a, b, half_b;
		int repeats_a, repeats_b;
		double deviation;
		const char *by;
		bool differs;
	} rows[] = {
		{ 100, 5, 120, 5, 0, 0, 0, "intervals", true },
		{ 100, 5, 109, 5, 0, 0, 0, "intervals", false },
		{ 100, 5, 102, 5, 10, 10, 1, "repeats", true },   /* t = 4.5 */
		{ 100, 5, 102, 5, 10, 10, 5, "repeats", false },  /* t = 0.9 */
		{ 100, 5, 102, 5, 10, 0, 1, "intervals", false }, /* one was not repeated */
		{ 100, 5, 100, 5, 3, 3, 0, "repeats", false },    /* no spread, no difference */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *a = run(rows[i].a, rows[i].half_a, rows[i].repeats_a, rows[i].deviation);
		json_t *b = run(rows[i].b, rows[i].half_b, rows[i].repeats_b, rows[i].deviation);
		json_t *document = history_compare(a, b, "a.json", "b.json");
		const json_t *total = row(document, "total energy");
		print_message("row %zu\n", i);
		assert_string_equal(json_string_value(json_object_get(total, "by")), rows[i].by);
		assert_int_equal(json_is_true(json_object_get(total, "significant")),
		                 rows[i].differs);
		assert_close(json_number_value(json_object_get(row(document, "carbon"), "ratio")),
		             rows[i].b / rows[i].a, 1e-12);
		assert_string_equal(json_string_value(json_object_get(document, "a")), "a.json");
		json_decref(document);
		json_decref(a);
		json_decref(b);
	}
}

/* Of equal commands one comparison in twenty says that they differ, and hardly more. */
static void false_alarms(void **state)
{
	(void)state;
	enum { TRIALS = 2000, REPEATS = 6 };
	struct rng rng;
	int alarms = 0;
	rng_init(&rng, 4);
	for (int trial = 0; trial < TRIALS; trial++) {
		json_t *runs[2];
		for (int k = 0; k < 2; k++) {
			double sum = 0, square = 0;
			for (int i = 0; i < REPEATS; i++) {
				double x =
				    100 + rng_normal(&rng) * (k ? 1 : 4); /* unequal spread */
				sum += x;
				square += x * x;
			}
			double mean = sum / REPEATS;
			runs[k] = run(mean, 1, REPEATS,
			              sqrt((square - REPEATS * mean * mean) / (REPEATS - 1)));
		}
		json_t *document = history_compare(runs[0], runs[1], NULL, NULL);
		alarms +=
		    json_is_true(json_object_get(row(document, "total energy"), "significant"));
		json_decref(document);
		json_decref(runs[0]);
		json_decref(runs[1]);
	}
	print_message("%d false alarms in %d comparisons\n", alarms, TRIALS);
	assert_true(alarms > TRIALS / 50 && alarms < TRIALS / 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(false_alarms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
