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
	assert_true(k->m == 56 * 56 && k->n == 128 && k->k == 64 * 9 && k->winograd);
	assert_true(k->flops == 2.0 * 56 * 56 * 128 * 64 * 9);
	assert_true(cases.items[0].settings.batch == 8);
	k = cases.items[1].workload->kernels;
	assert_true(k->m == 128 && k->n == 64 && k->k == 28 * 28 && !k->winograd);
	scratch_remove(dir);
	arena_fini(&arena);
}

static void load_text(struct arena *arena, const char *text, struct eval_cases *cases)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct ergon_error err = { 0 };
	char dir[256], path[300];
	ergon_env_init(&env, &storage);
	scratch_make(dir, sizeof dir);
	put_file(dir, "t.csv", text);
	snprintf(path, sizeof path, "%s/t.csv", dir);
	const char *const paths[] = { path };
	arena_init(arena);
	if (eval_cases_load(&env, paths, 1, arena, cases, &err))
		fail_msg("%s", err.text);
	scratch_remove(dir);
}

/* Clocks that a run sets make its device; pauses lift its cap; loaders and assumed batches come
 * from the rule. */
static void runs_say_how_they_ran(void **state)
{
	(void)state;
	struct arena arena;
	struct eval_cases cases;
	load_text(
	    &arena,
	    HEADER
	    "d1,dlbench_dvfs,GTX1080Ti,1,googlenet,core=1607MHz;mem=2752.5MHz,train,fp32,64,,,"
	    "avg_power_w,200,\n"
	    "d2,dlbench_dvfs,GTX1080Ti,1,googlenet,core=1607MHz;mem=5505MHz,train,fp32,64,,,"
	    "avg_power_w,220,\n"
	    "d3,dlbench_dvfs,T4,1,googlenet,core=1000MHz;mem=100MHz,train,fp32,64,,,"
	    "avg_power_w,60,\n"
	    "n1,neusight_labels,V100-PCIE-32GB,1,bert_large,,train,fp32,8,512,,step_time_s,1,\n"
	    "z1,zeus_nsdi23,A40,1,neumf,,train,fp32,64,,100,avg_power_w,90,\n"
	    "z2,zeus_nsdi23,A40,1,shufflenetv2,,train,fp32,100,32,100,avg_power_w,90,\n"
	    "w1,zeus_tests,A40,1,resnet50,window,train,,,,200,avg_power_w,190,\n"
	    "w1,zeus_tests,A40,1,resnet50,window,train,,,,200,window_time_s,9,\n"
	    "w2,zeus_tests,A40,1,resnet18,window,train,,,,200,avg_power_w,190,\n",
	    &cases);
	assert_int_equal(cases.count, 9);
	const struct eval_case *c = cases.items;
	const struct device *half = c[0].device, *full = c[1].device;
	assert_close(full->boost_hz, 1607e6, 1e-12);
	assert_close(full->memory_bandwidth_bps, 484e9, 1e-12);
	assert_close(half->memory_bandwidth_bps, 242e9, 1e-12);
	assert_close(full->peak_flops[RATE_FP32] / half->peak_flops[RATE_FP32], 1, 1e-12);
	assert_non_null(strstr(c[2].reason, "memory clock is stated"));
	assert_true(c[3].settings.power_cap_w > 1e6);
	assert_true(c[4].settings.collated == 64 && c[4].settings.awaited == 0);
	/* 500 steps an epoch wait for 100 samples once. */
	assert_close(c[5].settings.awaited, 100.0 / 500, 1e-12);
	assert_true(c[6].judge_only && c[6].settings.batch == 128);
	assert_non_null(strstr(c[7].reason, "number of steps"));
	assert_non_null(strstr(c[8].reason, "input pipeline"));
	struct calibration calibration;
	struct eval_point slow, fast;
	calibration_init(&calibration);
	eval_predict(&c[0], &calibration, &slow);
	eval_predict(&c[1], &calibration, &fast);
	assert_true(slow.prediction.step_time_s > fast.prediction.step_time_s);
	assert_true(slow.predicted < fast.predicted);
	arena_fini(&arena);
}

/* Ranks, nodes and bytes reach the prediction; a switch that adds and a tree scale as they should;
 * what is not known has a reason. */
static void collectives_become_cases(void **state)
{
	(void)state;
	struct arena arena;
	struct eval_cases cases;
	load_text(&arena,
	          "source,system,collective,gpus,nodes,gpus_per_node,size_bytes,time_ms,notes\n"
	          "s,DGX A100 8x A100-SXM4-80GB NVSwitch,all_reduce,8,1,8,100000000,1,\n"
	          "s,DGX H100 8x H100-SXM5 NVSwitch,all_reduce,8,1,8,100000000,1,\n"
	          "s,4x A100 pairwise NVLink,all_reduce,2,1,2,100000000,1,\n"
	          "s,4x A100 pairwise NVLink,all_reduce,4,1,4,100000000,1,\n"
	          "s,GTX1080Ti system,all_reduce,32,4,8,100000000,1,\n"
	          "s,something,all_reduce,8,1,8,1000,1,\n"
	          "s,GTX1080Ti system,gossip,8,1,8,1000,1,\n",
	          &cases);
	assert_int_equal(cases.count, 7);
	struct calibration calibration;
	struct eval_point points[5] = { 0 };
	calibration_init(&calibration);
	for (int i = 0; i < 5; i++) {
		assert_null(cases.items[i].reason);
		eval_predict(&cases.items[i], &calibration, &points[i]);
		assert_true(points[i].predicted > 0 && !points[i].host);
	}
	/* 7/4 of the bytes over half of 600 GB/s at the link's share, a start, and 14 hops. */
	double expected = 1.75e8 / (300e9 * calibration.nvlink) + calibration.collective_start_s +
	                  14 * calibration.collective_s;
	assert_close(points[0].predicted, 1e3 * expected, 1e-6);
	assert_true(points[1].predicted < points[0].predicted);
	/* The third card of a bridged pair is behind PCIe; nodes of others on a network. */
	assert_true(points[3].predicted > 3 * points[2].predicted);
	assert_true(points[4].predicted > points[3].predicted);
	assert_string_equal(cases.items[5].reason, "the type of GPU is not stated");
	assert_string_equal(cases.items[6].reason, "this collective is not modelled");
	arena_fini(&arena);
}

static void layers_become_cases(void **state)
{
	(void)state;
	struct arena arena;
	struct eval_cases cases;
	load_text(
	    &arena,
	    "source,gpu,model,tp,num_tokens,op,precision,d_model,ffn,heads,kv_heads,latency_ms\n"
	    "v,A100-80GB,m,2,1024,attn_pre_proj,fp16,4096,11008,32,8,0.2\n"
	    "v,A100-80GB,m,2,1024,mlp_up_proj,fp16,4096,11008,32,8,0.4\n"
	    "v,A100-80GB,m,2,1024,hum,fp16,4096,11008,32,8,0.4\n",
	    &cases);
	const struct kernel *k = cases.items[0].workload->kernels;
	assert_true(k->m == 1024 && k->n == (16 + 2 * 4) * 128 && k->k == 4096);
	k = cases.items[1].workload->kernels;
	assert_true(k->n == 11008 && k->k == 4096);
	assert_string_equal(cases.items[2].reason, "operator 'hum' is not modelled");
	arena_fini(&arena);
	load_text(&arena,
	          "source,gpu,cell,precision,hidden,batch,timesteps,direction,latency_ms\n"
	          "d,P100-PCIE-16GB,lstm,fp32,512,16,25,fwd,3\n"
	          "d,P100-PCIE-16GB,gru,fp32,512,16,25,bwd_weight,3\n",
	          &cases);
	k = cases.items[0].workload->kernels;
	assert_true(k->m == 16 && k->n == 2048 && k->k == 512 && k->count == 25);
	k = cases.items[1].workload->kernels;
	assert_true(k->m == 512 && k->n == 1536 && k->k == 400);
	arena_fini(&arena);
	load_text(&arena,
	          "source,gpu,precision,best_tflops,theory_tflops,best_shape_mxnxk\n"
	          "m,A100-SXM4-80GB,bf16,270,312,1024x10240x5120\n"
	          "m,A100-SXM4-80GB,bf16,270,312,large\n",
	          &cases);
	assert_true(cases.items[0].rate);
	assert_close(cases.items[0].scale, 2 * 1.024 * 10.24 * 5.12e-3, 1e-9);
	assert_string_equal(cases.items[1].reason, "a dimension of the product is not stated");
	arena_fini(&arena);
}

/* Servers and diffusion: the batch is of all GPUs, which share experts or an image's positions. */
static void inference_is_shared_by_ranks(void **state)
{
	struct eval_cases cases;
	struct arena arena;
	(void)state;
	load_text(&arena,
	          "run_id,source,gpu,gpu_count,model,model_config,task,precision,"
	          "batch_size_per_gpu,seq_len_or_resolution,power_limit_w,metric,value,notes\n"
	          "a,ml_energy_v3,H100-SXM5-80GB,1,Qwen3-8B,TP=1;EP=1;DP=1,infer,bf16,64,"
	          "lm-arena-chat,,tokens_per_s,3000,\n"
	          "b,ml_energy_v3,H100-SXM5-80GB,8,Qwen3-235B-A22B-Instruct-2507-FP8,"
	          "TP=1;EP=8;DP=1,infer,fp8,64,gpqa,,tokens_per_s,1800,\n"
	          "c,ml_energy_v3,H100-SXM5-80GB,1,Qwen3-8B,TP=1;EP=1;DP=1,infer,bf16,64,"
	          "poems,,tokens_per_s,3000,\n"
	          "d,ml_energy_v3,H100-SXM5-80GB,4,PixArt-Sigma-XL-2-1024-MS,"
	          "text-to-image;steps=20;ulysses=2;ring=2,infer,bf16,8,1024x1024,,"
	          "step_time_s,3.5,\n"
	          "e,ml_energy_v3,H100-SXM5-80GB,1,PixArt-Sigma-XL-2-1024-MS,"
	          "text-to-image;steps=40;ulysses=1;ring=1,infer,bf16,8,1024x1024,,"
	          "step_time_s,16,\n",
	          &cases);
	const struct eval_case *item = cases.items;
	assert_null(item[0].reason);
	assert_true(item[0].settings.batch == 64 && item[0].scale == 64);
	assert_true(item[0].workload->serves && item[0].workload->runtime == RUNTIME_GRAPH);
	assert_null(item[1].reason);
	assert_int_equal(item[1].workload->tensor_ways, 8);
	/* Experts in 8 bits: a rank holds an eighth of nearly all. */
	assert_close(item[1].workload->parameters, 235.1e9 / 8, 0.05);
	assert_string_equal(item[2].reason, "the lengths of data set 'poems' are not known");
	assert_null(item[3].reason);
	assert_true(item[3].workload->tensor_ways == 4 && item[3].settings.batch == 8);
	/* Twice the steps, nearly twice the work; four ranks do a quarter of the denoiser's each.
	 */
	double once = item[3].workload->forward_flops, twice = item[4].workload->forward_flops;
	assert_true(twice > 4 * once && twice < 8.1 * once);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_say_how_they_ran),
		cmocka_unit_test(inference_is_shared_by_ranks),
		cmocka_unit_test(collectives_become_cases),
		cmocka_unit_test(layers_become_cases),
		cmocka_unit_test(groups_hold_their_statistics),
		cmocka_unit_test(unknown_keys_are_named),
		cmocka_unit_test(rows_become_cases),
		cmocka_unit_test(kernels_become_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
