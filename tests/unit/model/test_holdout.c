/* SPDX-License-Identifier: Apache-2.0 */
#include "model/holdout.h"

#include <math.h>
#include <string.h>

#include "model/eval_cases.h"
#include "support/support.h"

/* Kernels of nine GPUs whose times are the predictor's own, with a bandwidth share that is not the
 * start value: constants fitted without a GPU must find it. */
static void held_out_gpus_are_judged_by_the_others(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct eval_cases cases;
	struct ergon_error err = { 0 };
	char dir[256], path[300], text[32768];
	static const char *const gpus[] = { "V100-PCIE-32GB", "V100-SXM2-16GB", "V100-SXM2-32GB",
		                            "A100-PCIE-40GB", "A100-PCIE-80GB", "A100-SXM4-40GB",
		                            "A100-SXM4-80GB", "H100-SXM5-80GB", "H100-PCIE-80GB" };
	size_t used = (size_t)snprintf(text, sizeof text,
	                               "source,gpu,op,precision,rows,cols,latency_ms,grid_blocks,"
	                               "block_threads,set\n");
	for (int i = 0; i < 180; i++)
		used += (size_t)snprintf(text + used, sizeof text - used,
		                         "s,%s,relu,fp32,%d,4096,1,,,a\n", gpus[i % 9],
		                         2048 * (1 + i / 9));
	ergon_env_init(&env, &storage);
	scratch_make(dir, sizeof dir);
	put_file(dir, "k.csv", text);
	snprintf(path, sizeof path, "%s/k.csv", dir);
	const char *const paths[] = { path };
	arena_init(&arena);
	assert_int_equal(eval_cases_load(&env, paths, 1, &arena, &cases, &err), ERGON_OK);
	assert_int_equal(cases.count, 180);
	struct calibration truth;
	struct eval_point points[180];
	calibration_init(&truth);
	truth.memory = 0.91;
	for (size_t i = 0; i < cases.count; i++) {
		eval_predict(&cases.items[i], &truth, &points[i]);
		cases.items[i].measured = points[i].predicted;
	}
	unsigned folds = 0;
	assert_int_equal(holdout_predict(&cases, HOLDOUT_GPU, &folds, points, &err), ERGON_OK);
	assert_int_equal(folds, 9);
	for (size_t i = 0; i < cases.count; i++)
		assert_close(points[i].predicted, cases.items[i].measured, 0.02);
	folds = 2;
	assert_int_equal(holdout_predict(&cases, HOLDOUT_RANDOM, &folds, points, &err), ERGON_OK);
	assert_int_equal(folds, 2);
	scratch_remove(dir);
	arena_fini(&arena);
}

static void what_cannot_be_held_out_is_said(void **state)
{
	(void)state;
	enum holdout holdout;
	struct ergon_error err = { 0 };
	assert_int_equal(holdout_parse("gpus", &holdout, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "did you mean 'gpu'"));
	struct eval_case item = { .reason = "none" };
	struct eval_cases cases = { &item, 1 };
	struct eval_point point;
	unsigned folds = 2;
	assert_int_equal(holdout_predict(&cases, HOLDOUT_RANDOM, &folds, &point, &err),
	                 ERGON_INFEASIBLE);
}

/* Time falls and power rises with the cap: the least EDP is inside. */
static void sweet_spots_are_compared(void **state)
{
	(void)state;
	static const double cap[] = { 100, 150, 200, 250 };
	static const double time_s[] = { 2, 1.2, 1.1, 1.05 }, guess_s[] = { 2, 1.6, 1.1, 1.08 };
	struct measured_run runs[4] = { 0 };
	struct eval_case items[8] = { 0 };
	struct eval_point points[8] = { 0 };
	for (int i = 0; i < 4; i++) {
		runs[i] = (struct measured_run){ .gpu = "V100",
			                         .model = "net",
			                         .config = "",
			                         .precision = "fp32",
			                         .size = "",
			                         .gpus = 1,
			                         .batch = 8,
			                         .power_limit_w = cap[i] };
		for (int j = 0; j < 2; j++) {
			struct eval_case *item = &items[2 * i + j];
			item->run = &runs[i];
			item->quantity = j ? EVAL_POWER : EVAL_STEP_TIME;
			item->measured = j ? cap[i] : time_s[i];
			points[2 * i + j].predicted = j ? cap[i] : guess_s[i];
		}
	}
	struct eval_cases cases = { items, 8 };
	struct eval_sweet_spots spots;
	struct arena arena;
	arena_init(&arena);
	assert_int_equal(eval_find_sweet_spots(&cases, points, &arena, &spots, NULL), ERGON_OK);
	assert_int_equal(spots.groups, 1);
	assert_int_equal(spots.exact, 0); /* 150 W measured, 200 W predicted */
	assert_int_equal(spots.near, 1);
	assert_close(spots.edp_lost, 200 * 1.1 * 1.1 / (150 * 1.2 * 1.2) - 1, 1e-9);
	assert_int_equal(spots.binding, 1); /* draws 250 W, and 100 W is a cap */
	assert_int_equal(spots.binding_near, 1);
	assert_close(spots.binding_edp_lost, spots.edp_lost, 1e-9);
	for (int i = 0; i < 4; i++) /* 90 W at most: no cap acts */
		items[2 * i + 1].measured = 60 + 10 * i;
	assert_int_equal(eval_find_sweet_spots(&cases, points, &arena, &spots, NULL), ERGON_OK);
	assert_int_equal(spots.groups, 1);
	assert_int_equal(spots.binding, 0);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_out_gpus_are_judged_by_the_others),
		cmocka_unit_test(what_cannot_be_held_out_is_said),
		cmocka_unit_test(sweet_spots_are_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
