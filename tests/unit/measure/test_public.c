/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "ergon/measure.h"

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void regions(void **state)
{
	(void)state;
	char root[128], sensors[256];
	struct ergon_meter *meter;
	struct ergon_region *outer, *inner;
	struct ergon_energy energy;
	struct ergon_error err = { 0 };
	char *json;
	scratch_make(root, sizeof root);
	put_file(root, "run.csv", "time_s,package-0:energy_j\n0,0\n1000,100000\n");
	snprintf(sensors, sizeof sensors, "replay:%s/run.csv", root);
	assert_int_equal(ergon_meter_open(&meter, NULL, sensors, 10 * NS_PER_MS, &err), ERGON_OK);
	/* However long this program is kept waiting, the recording gives 100 W for no less than the
	 * time between the two ends and for no more than the time around them. */
	double around[4] = { now_s() };
	assert_int_equal(ergon_region_begin(meter, &outer, &err), ERGON_OK);
	around[1] = now_s();
	assert_int_equal(ergon_region_begin(meter, &inner, &err), ERGON_OK);
	assert_int_equal(ergon_region_end_json(inner, &json, &err), ERGON_OK);
	assert_non_null(strstr(json, "\"package-0\""));
	ergon_free(json);
	around[2] = now_s();
	assert_int_equal(ergon_region_end(outer, &energy, &err), ERGON_OK);
	around[3] = now_s();
	assert_true(energy.measured && !energy.modelled);
	assert_true(energy.energy_j >= 100 * (around[2] - around[1]) - 1e-4);
	assert_true(energy.energy_j <= 100 * (around[3] - around[0]) + 1e-4);
	assert_true(energy.duration_s >= around[2] - around[1]);
	assert_true(energy.duration_s <= around[3] - around[0]);
	ergon_meter_close(meter);
	scratch_remove(root);
}

static void without_a_meter_nothing_happens(void **state)
{
	(void)state;
	struct ergon_region *region;
	struct ergon_energy energy;
	struct ergon_error err = { 0 };
	assert_int_equal(ergon_region_begin(NULL, &region, &err), ERGON_OK);
	assert_null(region);
	assert_int_equal(ergon_region_end(region, &energy, &err), ERGON_OK);
	assert_true(isnan(energy.energy_j));
	ergon_meter_close(NULL);
	struct ergon_meter *meter;
	assert_int_equal(ergon_meter_open(&meter, NULL, "nonsense", 0, &err), ERGON_NOT_FOUND);
	assert_null(meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions),
		cmocka_unit_test(without_a_meter_nothing_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
