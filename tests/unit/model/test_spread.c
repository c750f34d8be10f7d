/* SPDX-License-Identifier: Apache-2.0
 *
 * Intervals: what 80% of the errors of a class lay in, wider where few networks tell.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "model/calibrate.h"

enum { NETWORKS = 5, EACH = 101, CASES = NETWORKS * EACH };

struct sight {
	struct workload workloads[NETWORKS];
	struct eval_case items[CASES];
	struct eval_point points[CASES];
	struct eval_cases cases;
};

/* Errors from -0.5 to 0.5, evenly, of `networks` networks and one class. */
static void make(struct sight *sight, int networks, enum spread_class class)
{
	static const char *const names[NETWORKS] = { "a", "b", "c", "d", "e" };
	static const struct measured_run run = { .id = "r" };
	for (int i = 0; i < NETWORKS; i++)
		sight->workloads[i].name = names[i];
	for (int i = 0; i < CASES; i++) {
		double error = (double)(i / NETWORKS) / (EACH - 1) - 0.5;
		sight->items[i] = (struct eval_case){
			.file = "f.csv", .run = &run, .measured = exp(error), .scale = 1
		};
		sight->items[i].workload = &sight->workloads[i % networks];
		sight->points[i] = (struct eval_point){ .predicted = 1, .class = class };
	}
	sight->cases = (struct eval_cases){ sight->items, CASES };
}

static void eighty_of_a_hundred_are_inside(void **state)
{
	static struct sight sight;
	struct calibration calibration;
	(void)state;
	calibration_init(&calibration);
	make(&sight, NETWORKS, SPREAD_TRAIN);
	assert_int_equal(calibrate_spreads(&sight.cases, sight.points, NULL, &calibration, NULL),
	                 ERGON_OK);
	double wider = sqrt(1 + 1.0 / NETWORKS);
	assert_close(calibration.spreads[SPREAD_TRAIN].low, -0.4 * wider, 0.03);
	assert_close(calibration.spreads[SPREAD_TRAIN].high, 0.4 * wider, 0.03);
	/* A class without cases takes its parent's, one of another branch keeps what it had. */
	assert_close(calibration.spreads[SPREAD_TRAIN_TEXT].low, -0.4, 0.05);
	assert_close(calibration.spreads[SPREAD_POWER].high, 0.7, 1e-12);
	make(&sight, 1, SPREAD_TRAIN);
	assert_int_equal(calibrate_spreads(&sight.cases, sight.points, NULL, &calibration, NULL),
	                 ERGON_OK);
	assert_close(calibration.spreads[SPREAD_TRAIN].high, 0.4 * sqrt(2), 0.05);
}

static void a_biased_class_has_a_shifted_interval(void **state)
{
	static struct sight sight;
	struct calibration calibration;
	(void)state;
	calibration_init(&calibration);
	make(&sight, NETWORKS, SPREAD_SERVE);
	for (int i = 0; i < CASES; i++)
		sight.points[i].predicted = exp(-1); /* all are longer */
	assert_int_equal(calibrate_spreads(&sight.cases, sight.points, NULL, &calibration, NULL),
	                 ERGON_OK);
	assert_close(calibration.spreads[SPREAD_SERVE].low, 0, 1e-12);
	assert_true(calibration.spreads[SPREAD_SERVE].high > 1.3);
	struct eval_point *point = &sight.points[0];
	eval_interval(&sight.items[0], &calibration, point);
	assert_close(point->low, point->predicted, 1e-12);
	/* A rate is the inverse of a time. */
	sight.items[0].rate = true;
	eval_interval(&sight.items[0], &calibration, point);
	assert_close(point->high, point->predicted, 1e-12);
	assert_true(point->low < point->predicted / 3);
}

static void unmeasured_devices_are_doubted_more(void **state)
{
	static struct sight sight;
	struct calibration calibration;
	(void)state;
	calibration_init(&calibration);
	make(&sight, NETWORKS, SPREAD_TRAIN);
	calibration.spreads[SPREAD_TRAIN] = (struct doubt){ -0.2, 0.2 };
	double before = calibration.device_spread;
	assert_int_equal(calibrate_device_spread(&sight.cases, sight.points, &calibration, NULL),
	                 ERGON_OK);
	assert_close(calibration.device_spread, before, 1e-12); /* all were measured */
	for (int i = 0; i < CASES; i++)
		sight.points[i].prediction.unmeasured = true;
	assert_int_equal(calibrate_device_spread(&sight.cases, sight.points, &calibration, NULL),
	                 ERGON_OK);
	assert_close(calibration.device_spread, sqrt(0.4 * 0.4 - 0.2 * 0.2), 0.02);
	int inside = 0;
	for (int i = 0; i < CASES; i++) {
		struct eval_point *point = &sight.points[i];
		point->prediction.time_class = SPREAD_TRAIN;
		eval_interval(&sight.items[i], &calibration, point);
		inside +=
		    point->low <= sight.items[i].measured && sight.items[i].measured <= point->high;
	}
	assert_close((double)inside / CASES, 0.8, 0.03);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eighty_of_a_hundred_are_inside),
		cmocka_unit_test(a_biased_class_has_a_shifted_interval),
		cmocka_unit_test(unmeasured_devices_are_doubted_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
