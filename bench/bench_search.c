/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations a second of `ergon search`, on one thread and on two: first each evaluated, then
 * with what a proof leaves out counted as done. The fastest of three counts.
 *
 * usage: bench_search [THREADS...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/search.h"

static const double batches[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 };
static const unsigned gpus[] = { 1, 2, 4, 8, 16, 32, 64 }, pipelines[] = { 1, 2, 4, 8 };
static const unsigned zeros[] = { 0, 1, 2, 3 }, recomputes[] = { 0, 1, 2 };
static const double caps[] = { 1, 0.8, 0.6, 0.4, 0.2, 0 };
static const char *const names[] = { "v100", "a100", "h100", "h200-sxm-141gb", "a40", "mi250x" };

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { VARIANTS_MAX = 8, ROUNDS = 3 };

static double now_s(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The fastest rounds, by the clock on the wall and by what the processors spent on it: the second
 * says what a core does on a machine that is busy with other things. */
struct rounds {
	double wall_s, cpu_s;
	uint64_t configurations;
};

static void must(enum ergon_code code, const struct ergon_error *err)
{
	if (code) {
		fprintf(stderr, "bench_search: %s\n", err->text);
		exit(1);
	}
}

static struct rounds best_of(struct search_request *request, unsigned threads, bool exhaustive)
{
	struct rounds best = { 1e9, 1e9, 0 };
	request->threads = threads;
	request->exhaustive = exhaustive;
	for (int round = 0; round < ROUNDS; round++) {
		struct search_result result;
		struct ergon_error err = { 0 };
		double wall = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
		must(search_run(request, &result, &err), &err);
		wall = now_s(CLOCK_MONOTONIC) - wall;
		cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		best.wall_s = wall < best.wall_s ? wall : best.wall_s;
		best.cpu_s = cpu < best.cpu_s ? cpu : best.cpu_s;
		best.configurations = result.configurations;
		search_result_fini(&result);
	}
	return best;
}

static void one_model(const struct ergon_env *env, struct arena *arena, const char *model,
                      struct search_request *request, int argc, char **argv)
{
	struct search_variant variants[VARIANTS_MAX];
	struct ergon_error err = { 0 };
	size_t count = 0;
	for (unsigned ways = 1; ways <= 8; ways *= 2) {
		struct workload_options options = { .precision = PRECISION_AMP_BF16,
			                            .tensor_ways = ways,
			                            .sequence_parallel = ways > 1 };
		must(workload_load(env, model, &options, arena, &variants[count].workload, &err),
		     &err);
		variants[count++].sequence_parallel = ways > 1;
	}
	request->space.variants = variants;
	request->space.variant_count = count;
	for (int i = 0; i < (argc > 1 ? argc - 1 : 2); i++) {
		unsigned threads =
		    argc > 1 ? (unsigned)strtoul(argv[i + 1], NULL, 10) : (unsigned)i + 1;
		struct rounds every = best_of(request, threads, true);
		struct rounds proofs = best_of(request, threads, false);
		double all = (double)every.configurations;
		printf("%-10s %7u %14.0f %13.0f %15.0f %13.0f\n", model, threads, all,
		       all / every.wall_s, all / every.cpu_s, all / proofs.wall_s);
	}
}

int main(int argc, char **argv)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct calibration calibration;
	struct arena arena;
	struct ergon_error err = { 0 };
	struct search_device devices[COUNT(names)] = { 0 };
	ergon_env_init(&env, &storage);
	arena_init(&arena);
	must(calibration_load(&env, &calibration, &err), &err);
	for (size_t i = 0; i < COUNT(names); i++)
		must(device_load(&env, names[i], &devices[i].device, &err), &err);
	struct search_request request = { .space = { .devices = devices,
		                                     .batches = batches,
		                                     .gpus = gpus,
		                                     .pipelines = pipelines,
		                                     .zeros = zeros,
		                                     .recomputes = recomputes,
		                                     .cap_fractions = caps,
		                                     .device_count = COUNT(names),
		                                     .batch_count = COUNT(batches),
		                                     .gpu_count = COUNT(gpus),
		                                     .pipeline_count = COUNT(pipelines),
		                                     .zero_count = COUNT(zeros),
		                                     .recompute_count = COUNT(recomputes),
		                                     .cap_count = COUNT(caps),
		                                     .node_gpus = 8 },
		                          .calibration = &calibration,
		                          .objective = METRIC_ENERGY,
		                          .samples = 1e6,
		                          .pue = 1,
		                          .price_per_kwh = 0.15,
		                          .g_per_kwh = 400 };
	search_limits_init(&request.limits);
	printf("%-12s %8s %14s %16s %16s\n", "search", "threads", "configurations", "evaluated/s",
	       "with proofs/s");
	one_model(&env, &arena, "bert-base", &request, argc, argv);
	one_model(&env, &arena, "gpt3-xl", &request, argc, argv);
	one_model(&env, &arena, "resnet50", &request, argc, argv);
	arena_fini(&arena);
	return 0;
}
