/* SPDX-License-Identifier: Apache-2.0 */
#include "model/eval.h"

#include <math.h>
#include <string.h>

#include "model/eval_cases.h"
#include "support/support.h"

static struct measured_run a40 = { .gpu = "A40", .model = "net", .gpus = 1, .batch = 8 };
static struct measured_run t4 = { .gpu = "T4", .model = "net", .gpus = 2, .batch = 8 };

static void groups_hold_their_statistics(void **state)
{
	(void)state;
	struct arena arena;
	struct eval_report report;
	struct eval_case items[6] = { 0 };
	struct eval_point points[6] = { 0 };
	const double predicted[] = { 11, 8, 10, 20, 30 };
	for (int i = 0; i < 6; i++) {
		items[i] = (struct eval_case){ .file = "f.csv",
			                       .split = "",
			                       .metric = "time_s",
			                       .run = i == 3 ? &t4 : &a40,
			                       .measured = 10 };
		points[i].predicted = predicted[i % 5];
		points[i].low = points[i].predicted / 1.15;
		points[i].high = points[i].predicted * 1.15;
	}
	points[4].host = true;
	items[5].reason = "why";
	struct eval_cases cases = { items, 6 };
	arena_init(&arena);
	assert_int_equal(eval_summarise(&cases, points, 0, &arena, &report, NULL), ERGON_OK);
	assert_int_equal(report.group_count, 2);
	assert_int_equal(report.predicted, 5);
	const struct eval_group *g = &report.groups[0];
	assert_false(g->host);
	assert_int_equal(g->n, 4);
	assert_int_equal(g->skipped, 1);
	assert_close(g->mape, (0.1 + 0.2 + 0 + 1) / 4, 1e-12);
	assert_close(g->median_ape, 0.15, 1e-12);
	assert_close(g->p95_ape, 0.2 + 0.85 * 0.8, 1e-12);
	assert_close(g->bias, (0.1 - 0.2 + 0 + 1) / 4, 1e-12);
	assert_close(g->coverage80, 0.5, 1e-12); /* 11 and 10 hold 10; 8 and 20 do not */
	assert_true(report.groups[1].host && report.groups[1].n == 1);
	assert_int_equal(report.reason_count, 1);
	assert_string_equal(report.reasons[0].reason, "why");
	unsigned keys;
	assert_int_equal(eval_keys_parse("gpu,gpu_count", &keys, NULL), ERGON_OK);
	assert_int_equal(eval_summarise(&cases, points, keys, &arena, &report, NULL), ERGON_OK);
	assert_int_equal(report.group_count, 3);
	assert_string_equal(report.groups[2].keys[EVAL_BY_GPU], "T4");
	assert_string_equal(report.groups[2].keys[EVAL_BY_GPUS], "2");
	json_t *root = eval_to_json(&report);
	const json_t *first = json_array_get(json_object_get(root, "groups"), 0);
	static const char *const stable[] = { "file",    "split",   "metric",    "bound",
		                              "n",       "skipped", "mape",      "median_ape",
		                              "p95_ape", "bias",    "coverage80" };
	for (size_t i = 0; i < sizeof stable / sizeof *stable; i++)
		assert_non_null(json_object_get(first, stable[i]));
	json_decref(root);
	arena_fini(&arena);
}

static void unknown_keys_are_named(void **state)
{
	(void)state;
	unsigned keys;
	struct ergon_error err = { 0 };
	assert_int_equal(eval_keys_parse("gpu,modle", &keys, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "did you mean 'model'"));
}

#define HEADER                                                                                     \
	"run_id,source,gpu,gpu_count,model,model_config,task,precision,batch_size_per_gpu,"        \
	"seq_len_or_resolution,power_limit_w,metric,value,notes\n"

/* Every row becomes a case; what a row states reaches the prediction; the rest has a reason. */
static void rows_become_cases(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct eval_cases cases;
	struct ergon_error err = { 0 };
	char dir[256], path[300];
	ergon_env_init(&env, &storage);
	scratch_make(dir, sizeof dir);
	put_file(dir, "t.csv",
	         HEADER "r1,s,A40,2,resnet50,,train,amp_fp16,64,192,200,samples_per_s,1000,\n"
	                "r1,s,A40,2,resnet50,,train,amp_fp16,64,192,200,avg_power_w,190,\n"
	                "r1,s,A40,2,resnet50,,train,amp_fp16,64,192,200,mood,1,\n"
	                "r2,s,A40,1,no such net,,train,fp32,64,,,step_time_s,1,\n"
	                "r3,s,no such gpu,1,resnet50,,train,fp32,64,,,step_time_s,1,\n"
	                "r4,s,A40,1,resnet50,,train,fp32,,,,step_time_s,1,\n"
	                "r5,s,A40,1,resnet50,,train,int4,8,,,step_time_s,1,\n"
	                "r6,s,A40,1,resnet50,,train,fp32,8,,,step_time_s,0,\n");
	snprintf(path, sizeof path, "%s/t.csv", dir);
	const char *const paths[] = { path };
	arena_init(&arena);
	assert_int_equal(eval_cases_load(&env, paths, 1, &arena, &cases, &err), ERGON_OK);
	assert_int_equal(cases.count, 8);
	const struct eval_case *c = cases.items;
	assert_null(c[0].reason);
	assert_true(c[0].rate && c[0].scale == 128);
	assert_true(c[0].settings.batch == 64 && c[0].settings.gpus == 2);
	assert_true(c[0].settings.power_cap_w == 200);
	assert_int_equal(c[0].workload->resolution, 192);
	assert_int_equal(c[1].quantity, EVAL_POWER);
	static const char *const reasons[] = {
		"metric 'mood' is not known",       "no rule for model 'no such net'",
		"no device file for 'no such gpu'", "the batch size is not stated",
		"precision 'int4' is not modelled", "the measured number is 0"
	};
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(c[2 + i].reason, reasons[i]);
	struct calibration calibration;
	struct eval_point point;
	calibration_init(&calibration);
	eval_predict(&c[0], &calibration, &point);
	assert_close(point.predicted, 128 / point.prediction.step_time_s, 1e-12);
	assert_true(point.low < point.predicted && point.predicted < point.high);
	scratch_remove(dir);
	arena_fini(&arena);
}

static void kernels_become_cases(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct eval_cases cases;
	struct ergon_error err = { 0 };
	char dir[256], path[300];
	ergon_env_init(&env, &storage);
	scratch_make(dir, sizeof dir);
	put_file(dir, "k.csv",
	         "source,gpu,op,direction,precision,n,c_in,h_in,w_in,c_out,kh,kw,pad,stride,"
	         "latency_ms,kernel\n"
	         "s,T4,conv2d,fwd,fp32,8,64,56,56,128,3,3,1,1,2.5,\n"
	         "s,T4,conv2d,bwd_weight,fp32,8,64,56,56,128,1,1,0,2,2.5,\n");
	snprintf(path, sizeof path, "%s/k.csv", dir);
	const char *const paths[] = { path };
	arena_init(&arena);
	assert_int_equal(eval_cases_load(&env, paths, 1, &arena, &cases, &err), ERGON_OK);
	assert_int_equal(cases.count, 2);
	const struct kernel *k = cases.items[0].workload->kernels;
	assert_true(k->m == 8 * 56 * 56 && k->n == 128 && k->k == 64 * 9 && k->winograd);
	assert_true(k->flops == 2.0 * 8 * 56 * 56 * 128 * 64 * 9);
	k = cases.items[1].workload->kernels;
	assert_true(k->m == 128 && k->n == 64 && k->k == 8 * 28 * 28 && !k->winograd);
	scratch_remove(dir);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_hold_their_statistics),
		cmocka_unit_test(unknown_keys_are_named),
		cmocka_unit_test(rows_become_cases),
		cmocka_unit_test(kernels_become_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
