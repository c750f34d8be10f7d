/* SPDX-License-Identifier: Apache-2.0
 *
 * A fit finds the constants that made the measurements, says what they cannot tell, and refuses too
 * few of them.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/calibrate.h"

enum { CASES = 600, FILES = 6 }; /* of few rows the prior would keep its share */

struct world {
	struct arena arena;
	struct eval_case items[CASES];
	struct eval_cases cases;
	struct device device;
};

/* Runs of one model whose times were made with other constants than the start values. */
static void make(struct world *world, const struct calibration *truth)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct workload_options options = { 0 };
	const struct workload *workload;
	static const struct measured_run run = { .id = "r" };
	ergon_env_init(&env, &storage);
	arena_init(&world->arena);
	assert_int_equal(device_load(&env, "v100", &world->device, NULL), ERGON_OK);
	assert_int_equal(workload_load(&env, "resnet50", &options, &world->arena, &workload, NULL),
	                 ERGON_OK);
	static const char *const files[FILES] = { "a.csv", "b.csv", "c.csv",
		                                  "d.csv", "e.csv", "f.csv" };
	for (int i = 0; i < CASES; i++) {
		struct eval_case *item = &world->items[i];
		struct eval_point point;
		*item = (struct eval_case){ .file = files[i % FILES],
			                    .split = "",
			                    .metric = "step_time_s",
			                    .run = &run,
			                    .workload = workload,
			                    .device = &world->device,
			                    .scale = 1,
			                    .settings = { .batch = 1 + 8 * (i / (CASES / 24)),
			                                  .power_cap_w = 1e4,
			                                  /* tells arithmetic from memory */
			                                  .clock_hz = i / FILES % 2 ? 0.9e9 : 0 } };
		eval_predict(item, truth, &point);
		item->measured = point.predicted;
	}
	world->cases = (struct eval_cases){ world->items, CASES };
}

static void finds_what_made_the_data(void **state)
{
	struct world world;
	struct calibration truth, fit;
	struct calibrate_result result;
	bool fitted[CALIBRATION_COUNT] = { false };
	(void)state;
	calibration_init(&truth);
	truth.memory_clock = 0.1; /* a low clock slows arithmetic alone */
	fit = truth;
	truth.memory = 0.85;
	truth.conv_vector = 0.7;
	make(&world, &truth);
	fitted[CALIBRATION_AT_memory] = fitted[CALIBRATION_AT_conv_vector] = true;
	fitted[CALIBRATION_AT_attention_flash] = true; /* no attention here: nothing to find */
	struct calibrate_options options = { .fitted = fitted };
	assert_int_equal(calibrate(&world.cases, &options, &fit, &result, NULL), ERGON_OK);
	print_message("memory %g conv_vector %g rms %g -> %g in %zu\n", fit.memory, fit.conv_vector,
	              result.rms_before, result.rms_after, result.evaluations);
	assert_close(fit.memory, 0.85, 0.02);
	assert_close(fit.conv_vector, 0.7, 0.02);
	assert_true(result.rms_after < 0.1 * result.rms_before);
	assert_true(result.fields[CALIBRATION_AT_conv_vector].identified);
	assert_false(result.fields[CALIBRATION_AT_attention_flash].identified);
	assert_close(fit.attention_flash,
	             calibration_fields[CALIBRATION_AT_attention_flash].expected, 1e-6);
	assert_false(result.fields[CALIBRATION_AT_launch_s].fitted);
	assert_int_equal(result.cases, CASES);
	json_t *document = calibration_to_json(&fit, &result, "a test");
	char *text = json_dumps(document, 0);
	struct calibration back;
	assert_int_equal(calibration_parse(text, strlen(text), "x", &back, NULL), ERGON_OK);
	assert_close(back.memory, fit.memory, 1e-9);
	free(text);
	json_decref(document);
	arena_fini(&world.arena);
}

static void refuses_too_few(void **state)
{
	struct world world;
	struct calibration truth;
	struct calibrate_result result;
	struct ergon_error err = { 0 };
	bool used[CASES] = { true };
	(void)state;
	calibration_init(&truth);
	make(&world, &truth);
	struct calibrate_options options = { .used = used };
	assert_int_equal(calibrate(&world.cases, &options, &truth, &result, &err),
	                 ERGON_INFEASIBLE);
	assert_non_null(strstr(err.text, "1 usable"));
	arena_fini(&world.arena);
}

/* A device with its own speed gets factors; nobody else's answer changes. */
static void devices_have_factors_of_their_own(void **state)
{
	struct world world;
	struct calibration truth, fit;
	struct calibrate_result result = { 0 };
	struct ergon_error err = { 0 };
	(void)state;
	calibration_init(&truth);
	fit = truth;
	truth.device_count = 1;
	truth.devices[0] = (struct device_calibration){ .name = "V100-PCIE-32GB",
		                                        .factor = { 1, 1, 0.8, 1, 1, 1, 1, 1, 1 } };
	make(&world, &truth);
	memcpy(truth.devices[0].name, world.device.name, sizeof world.device.name);
	for (int i = 0; i < CASES; i++) {
		struct eval_point point;
		eval_predict(&world.items[i], &truth, &point);
		world.items[i].measured = point.predicted;
	}
	assert_int_equal(calibrate_devices(&world.cases, NULL, CALIBRATE_RATES, &fit, &err),
	                 ERGON_OK);
	assert_int_equal(fit.device_count, 1);
	struct eval_point before, after;
	struct calibration plain;
	calibration_init(&plain);
	eval_predict(&world.items[CASES / 4], &plain, &before);
	eval_predict(&world.items[CASES / 4], &fit, &after);
	double measured = world.items[CASES / 4].measured;
	print_message("measured %g, shared constants %g, calibrated %g\n", measured,
	              before.predicted, after.predicted);
	assert_true(fabs(log(after.predicted / measured)) <
	            0.4 * fabs(log(before.predicted / measured)));
	assert_null(calibration_find_device(&fit, "another"));
	json_t *document = calibration_to_json(&fit, &result, "a test");
	char *text = json_dumps(document, 0);
	struct calibration back;
	assert_int_equal(calibration_parse(text, strlen(text), "x", &back, NULL), ERGON_OK);
	assert_int_equal(back.device_count, 1);
	eval_predict(&world.items[CASES / 4], &back, &before);
	assert_close(before.predicted, after.predicted, 1e-6);
	free(text);
	json_decref(document);
	static const char wrong[] = "{\"values\":{},\"devices\":{\"x\":{\"vectr\":1}}}";
	assert_int_equal(calibration_parse(wrong, strlen(wrong), "x", &back, &err),
	                 ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "vectr"));
	arena_fini(&world.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_made_the_data),
		cmocka_unit_test(refuses_too_few),
		cmocka_unit_test(devices_have_factors_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
