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

enum { CASES = 24 };

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
	for (int i = 0; i < CASES; i++) {
		struct eval_case *item = &world->items[i];
		struct eval_point point;
		*item = (struct eval_case){ .file = "f.csv",
			                    .split = "",
			                    .metric = "step_time_s",
			                    .run = &run,
			                    .workload = workload,
			                    .device = &world->device,
			                    .scale = 1,
			                    .settings = { .batch = 1 + 8 * i,
			                                  .power_cap_w = 1e4,
			                                  /* tells arithmetic from memory */
			                                  .clock_hz = i % 2 ? 0.9e9 : 0 } };
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
	fit = truth;
	truth.memory = 0.84;
	truth.conv_vector = 0.7;
	make(&world, &truth);
	fitted[CALIBRATION_AT_memory] = fitted[CALIBRATION_AT_conv_vector] = true;
	fitted[CALIBRATION_AT_attention_flash] = true; /* no attention here: nothing to find */
	struct calibrate_options options = { .fitted = fitted };
	assert_int_equal(calibrate(&world.cases, &options, &fit, &result, NULL), ERGON_OK);
	print_message("memory %g conv_vector %g rms %g -> %g in %zu\n", fit.memory, fit.conv_vector,
	              result.rms_before, result.rms_after, result.evaluations);
	assert_close(fit.memory, 0.84, 0.02);
	assert_close(fit.conv_vector, 0.7, 0.02);
	assert_true(result.rms_after < 0.1 * result.rms_before);
	assert_true(result.fields[CALIBRATION_AT_memory].identified);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_made_the_data),
		cmocka_unit_test(refuses_too_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
