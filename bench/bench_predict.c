/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a warm prediction takes, one thread: the library call with everything loaded. Each case
 * is timed in rounds and the fastest counts, as other work on the machine only ever adds.
 *
 * The last column is the speed against 2,580 us for one GPT-3 configuration, which a Python
 * analytical predictor of this field took on the same class of machine.
 *
 * usage: bench_predict [ROUNDS [CASE]]   (CASE: that line alone, from 1; instruction counts of a
 * machine that is busy with other work: valgrind --tool=callgrind --toggle-collect=predict)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/predict.h"

static const double PEER_US = 2580;

struct named {
	const char *title, *model, *device, *dims;
	struct predict_settings settings;
	enum precision precision;
	enum attention_kind attention;
	unsigned tensor;
};

static const struct named cases[] = {
	{ "ResNet-50, batch 128, one A100",
	  "resnet50",
	  "a100",
	  NULL,
	  { .batch = 128 },
	  PRECISION_AMP_FP16,
	  ATTENTION_MATERIALISED,
	  1 },
	{ "the same under a cap of 250 W",
	  "resnet50",
	  "a100",
	  NULL,
	  { .batch = 128, .power_cap_w = 250 },
	  PRECISION_AMP_FP16,
	  ATTENTION_MATERIALISED,
	  1 },
	{ "BERT-base, batch 32, one V100",
	  "bert-base",
	  "v100",
	  NULL,
	  { .batch = 32 },
	  PRECISION_AMP_FP16,
	  ATTENTION_MATERIALISED,
	  1 },
	{ "the same under a cap of 150 W",
	  "bert-base",
	  "v100",
	  NULL,
	  { .batch = 32, .power_cap_w = 150 },
	  PRECISION_AMP_FP16,
	  ATTENTION_MATERIALISED,
	  1 },
	{ "GPT-3 175B, TP 8 x PP 8 x DP 16, A100",
	  "gpt3-175b",
	  "a100",
	  NULL,
	  { .batch = 1,
	    .gpus = 16,
	    .pipeline = 8,
	    .accumulation = 96,
	    .recompute = RECOMPUTE_FULL,
	    .zero = 1 },
	  PRECISION_AMP_BF16,
	  ATTENTION_MATERIALISED,
	  8 },
	{ "the same under a cap of 300 W",
	  "gpt3-175b",
	  "a100",
	  NULL,
	  { .batch = 1,
	    .gpus = 16,
	    .pipeline = 8,
	    .accumulation = 96,
	    .recompute = RECOMPUTE_FULL,
	    .zero = 1,
	    .power_cap_w = 300 },
	  PRECISION_AMP_BF16,
	  ATTENTION_MATERIALISED,
	  8 },
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void load(const struct ergon_env *env, struct arena *arena, const struct named *named,
                 const struct workload **workload, struct device *device)
{
	struct workload_options options = { .precision = named->precision,
		                            .attention = named->attention,
		                            .tensor_ways = named->tensor,
		                            .sequence_parallel = named->tensor > 1,
		                            .dims = named->dims };
	struct ergon_error err = { 0 };
	if (workload_load(env, named->model, &options, arena, workload, &err) ||
	    device_load(env, named->device, device, &err)) {
		fprintf(stderr, "bench_predict: %s\n", err.text);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	enum { CALLS = 100 }; /* short rounds fit between two interrupts */
	int rounds = argc > 1 ? atoi(argv[1]) : 500;
	size_t only = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct calibration calibration;
	struct arena arena;
	ergon_env_init(&env, &storage);
	arena_init(&arena);
	if (calibration_load(&env, &calibration, NULL))
		return 1;
	printf("%-42s %7s %12s %10s\n", "prediction", "kernels", "us", "peer/ours");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct workload *workload;
		struct device device;
		if (only && i + 1 != only)
			continue;
		load(&env, &arena, &cases[i], &workload, &device);
		double best = 1e9, sum = 0;
		for (int round = 0; round < rounds; round++) {
			double begin = now_s();
			for (int call = 0; call < CALLS; call++) {
				struct prediction p;
				predict(workload, &device, &calibration, &cases[i].settings, &p);
				sum += p.step_time_s;
			}
			double each = (now_s() - begin) / CALLS;
			best = each < best ? each : best;
		}
		if (!(sum > 0))
			return 1;
		printf("%-42s %7zu %12.2f %10.0f\n", cases[i].title, workload->count, 1e6 * best,
		       PEER_US / (1e6 * best));
	}
	arena_fini(&arena);
	return 0;
}
