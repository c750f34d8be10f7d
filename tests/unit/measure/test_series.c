/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "measure/series.h"

static double at(const json_t *list, size_t i)
{
	return json_number_value(json_array_get(list, i));
}

/* However many samples: few points, and the energy below the curve is the run's. */
static void bounded_and_exact(void **state)
{
	(void)state;
	static const size_t counts[] = { 2, 3, 1999, 2000, 2001, 4001, 50000, 333333 };
	struct domain_energy domains[2] = { { .name = "package-0", .in_total = true },
		                            { .name = "core" } };
	struct measurement m = { .domains = domains, .count = 2 };
	struct series series = { 0 };
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		int64_t energy_uj[2] = { 0, 0 };
		series_begin(&series, 2);
		for (size_t i = 0; i < counts[c]; i++) {
			series_take(&series,
			            &(struct meter_sample){ 7 + i * NS_PER_MS, energy_uj });
			energy_uj[0] += (int64_t)(10000 + (i % 17) * 1000);
		}
		json_t *document = series_to_json(&series, &m);
		const json_t *times = json_object_get(document, "time_s");
		const json_t *powers = json_object_get(document, "power_w");
		const json_t *total = json_object_get(powers, "total");
		assert_int_equal(json_object_size(powers), 2); /* total and package-0 */
		size_t n = json_array_size(times);
		assert_true(n >= 1 && n < SERIES_POINTS_MAX);
		assert_true(counts[c] < SERIES_POINTS_MAX ? n == counts[c] - 1
		                                          : n >= SERIES_POINTS_MAX / 2 - 2);
		assert_int_equal(json_array_size(total), n);
		double before_s = 0, below_j = 0;
		for (size_t i = 0; i < n; i++) {
			assert_true(at(times, i) > before_s);
			below_j += at(total, i) * (at(times, i) - before_s);
			before_s = at(times, i);
		}
		/* to the last point that was kept */
		size_t last = (size_t)llround(before_s * 1000);
		double truth_j = 0;
		for (size_t i = 0; i < last; i++)
			truth_j += 0.01 + (double)(i % 17) * 0.001;
		assert_close(below_j, truth_j, 1e-6);
		assert_true(last + series.stride >= counts[c] - 1);
		json_decref(document);
	}
	series_fini(&series);
}

static void gaps_and_many_domains(void **state)
{
	(void)state;
	enum { CHANNELS = 40 };
	struct domain_energy domains[CHANNELS] = { 0 };
	struct measurement m = { .domains = domains, .count = CHANNELS };
	struct series series = { 0 };
	int64_t energy_uj[CHANNELS] = { 0 };
	for (int i = 0; i < CHANNELS; i++) {
		snprintf(domains[i].name, sizeof domains[i].name, "gpu-%d", i);
		domains[i].in_total = true;
		domains[i].energy_j = i % 2 ? i : 100 - i;
	}
	series_begin(&series, CHANNELS);
	series_take(&series, &(struct meter_sample){ 1, energy_uj });
	assert_null(series_to_json(&series, &m));
	energy_uj[3] = -1;
	series_take(&series, &(struct meter_sample){ 1 + NS_PER_S, energy_uj });
	json_t *document = series_to_json(&series, &m),
	       *powers = json_object_get(document, "power_w");
	assert_int_equal(json_object_size(powers), 1 + SERIES_DOMAINS_MAX);
	assert_non_null(json_object_get(powers, "gpu-0"));
	assert_null(json_object_get(powers, "gpu-3")); /* of the least */
	assert_true(json_is_null(json_array_get(json_object_get(powers, "total"), 0)));
	json_decref(document);
	series_fini(&series);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounded_and_exact),
		cmocka_unit_test(gaps_and_many_domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
