/* SPDX-License-Identifier: Apache-2.0
 *
 * A search finds what asking predict() for every configuration finds.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/search.h"

enum { DEVICES = 3, VARIANTS = 5 };

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	struct search_device devices[DEVICES];
	struct search_variant variants[2][VARIANTS]; /* of a language model, of an image model */
};

static const double batches[] = { 1, 2, 8, 64, 512 };
static const unsigned gpus[] = { 1, 2, 4, 8, 16, 24 }, pipelines[] = { 1, 2, 4 };
static const unsigned zeros[] = { 0, 1, 2, 3 };
static const unsigned recomputes[] = { RECOMPUTE_NONE, RECOMPUTE_SELECTIVE, RECOMPUTE_FULL };
static const double caps[] = { 1, 0.7, 0.35, 0 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void load(struct world *world, const char *model, size_t at)
{
	static const struct {
		enum precision precision;
		unsigned ways;
		bool sequence;
	} kinds[VARIANTS] = { { PRECISION_AMP_FP16, 1, false },
		              { PRECISION_FP32, 1, false },
		              { PRECISION_AMP_FP16, 2, false },
		              { PRECISION_AMP_FP16, 2, true },
		              { PRECISION_AMP_BF16, 4, true } };
	for (size_t i = 0; i < VARIANTS; i++) {
		struct workload_options options = { .precision = kinds[i].precision,
			                            .tensor_ways = kinds[i].ways,
			                            .sequence_parallel = kinds[i].sequence };
		world->variants[at][i].sequence_parallel = kinds[i].sequence;
		assert_int_equal(workload_load(&world->env, model, &options, &world->arena,
		                               &world->variants[at][i].workload, NULL),
		                 ERGON_OK);
	}
}

static int set_up(void **state)
{
	static struct world world;
	static const char *const names[DEVICES] = { "v100", "a100", "h100" };
	static const double rents[DEVICES] = { 0.4, 1.5, 2.5 };
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	for (size_t i = 0; i < DEVICES; i++) {
		assert_int_equal(device_load(&world.env, names[i], &world.devices[i].device, NULL),
		                 ERGON_OK);
		world.devices[i].rent_per_hour = rents[i];
	}
	load(&world, "gpt2-medium", 0);
	load(&world, "resnet50", 1);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static struct search_request request_for(const struct world *world, size_t model,
                                         enum metric objective, const char *limits)
{
	struct search_request request = {
		.space = { .devices = world->devices,
		           .variants = world->variants[model],
		           .batches = batches,
		           .gpus = gpus,
		           .pipelines = pipelines,
		           .zeros = zeros,
		           .recomputes = recomputes,
		           .cap_fractions = caps,
		           .device_count = DEVICES,
		           .variant_count = model ? 2 : VARIANTS,
		           .batch_count = COUNT(batches),
		           .gpu_count = COUNT(gpus),
		           .pipeline_count = COUNT(pipelines),
		           .zero_count = COUNT(zeros),
		           .recompute_count = COUNT(recomputes),
		           .cap_count = COUNT(caps),
		           .node_gpus = 8 },
		.objective = objective,
		.calibration = &world->calibration,
		.samples = 1e6,
		.pue = 1.1,
		.price_per_kwh = 0.2,
		.g_per_kwh = 400,
	};
	search_limits_init(&request.limits);
	assert_int_equal(search_limits_parse(limits, &request.limits, NULL), ERGON_OK);
	return request;
}

struct pair {
	double time_s, second;
};

/* The next axis of a flat index. */
static size_t axis(size_t *index, size_t count)
{
	size_t at = *index % count;
	*index /= count;
	return at;
}

/* Is the configuration of that index one, and what are its settings? Written without the search's
 * code. */
static bool settings_at(const struct search_space *s, size_t index, const struct search_device **on,
                        const struct workload **workload, struct predict_settings *out)
{
	const struct search_device *device = &s->devices[axis(&index, s->device_count)];
	const struct workload *w = s->variants[axis(&index, s->variant_count)].workload;
	double batch = s->batches[axis(&index, s->batch_count)];
	unsigned all = s->gpus[axis(&index, s->gpu_count)];
	unsigned pipeline = s->pipelines[axis(&index, s->pipeline_count)];
	unsigned zero = s->zeros[axis(&index, s->zero_count)];
	enum recompute recompute = (enum recompute)s->recomputes[axis(&index, s->recompute_count)];
	double cap = s->cap_fractions[axis(&index, s->cap_count)];
	unsigned copy = w->tensor_ways * pipeline, data = all / copy;
	if (all % copy || (zero && data == 1))
		return false;
	if (pipeline > 1 && (pipeline > w->layers || fmod(w->layers, pipeline) != 0))
		return false;
	if ((recompute == RECOMPUTE_FULL && w->layers <= 1) ||
	    (recompute == RECOMPUTE_SELECTIVE && w->score_bytes <= 0))
		return false;
	double micro = s->global_batch > 0 ? s->global_batch / (batch * data)
	               : pipeline > 1      ? 4.0 * pipeline
	                                   : 1;
	if (micro < 1 || micro != floor(micro))
		return false;
	double low = device->device.power_limit_min_w, high = device->device.power_limit_max_w;
	*on = device;
	*workload = w;
	*out = (struct predict_settings){ .batch = batch,
		                          .gpus = data,
		                          .pipeline = pipeline,
		                          .zero = zero,
		                          .recompute = recompute,
		                          .accumulation = (unsigned)micro,
		                          .node_gpus = s->node_gpus,
		                          .power_cap_w = low + (high - low) * cap };
	return !predict_check(w, &device->device, out, NULL);
}

/* All feasible (time, energy or cost), by predict() alone. */
static size_t brute_force(const struct search_request *request, struct pair *out, size_t room,
                          uint64_t *asked)
{
	const struct search_space *s = &request->space;
	const struct search_limits *limits = &request->limits;
	size_t count = 0, size = s->device_count * s->variant_count * s->batch_count *
	                         s->gpu_count * s->pipeline_count * s->zero_count *
	                         s->recompute_count * s->cap_count;
	for (size_t i = 0; i < size; i++) {
		const struct search_device *device;
		const struct workload *w;
		struct predict_settings settings;
		struct prediction one;
		if (!settings_at(s, i, &device, &w, &settings))
			continue;
		double all = settings.gpus * settings.pipeline * w->tensor_ways;
		if (all > limits->high[METRIC_GPUS])
			continue;
		++*asked;
		predict(w, &device->device, request->calibration, &settings, &one);
		double steps = request->samples / one.samples, time = one.step_time_s * steps;
		double energy = one.energy_per_step_j * steps * request->pue;
		double cost = energy / 3.6e6 * request->price_per_kwh +
		              all * time / 3600 * device->rent_per_hour;
		if (!one.fits || one.memory_bytes > limits->high[METRIC_MEMORY] ||
		    time > limits->high[METRIC_TIME] ||
		    one.power_w * all > limits->high[METRIC_POWER])
			continue;
		assert_true(count < room);
		out[count++] =
		    (struct pair){ time, request->objective == METRIC_COST ? cost : energy };
	}
	return count;
}

static bool dominated(struct pair x, const struct pair *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].time_s <= x.time_s && all[i].second <= x.second &&
		    (all[i].time_s < x.time_s || all[i].second < x.second))
			return true;
	return false;
}

static double objective_of(const struct search_request *request, struct pair x)
{
	return request->objective == METRIC_TIME  ? x.time_s
	       : request->objective == METRIC_EDP ? x.time_s * x.second
	                                          : x.second;
}

static void compare(const struct search_request *request)
{
	enum { ROOM = 100000 };
	struct pair *all = malloc(ROOM * sizeof *all);
	assert_non_null(all);
	uint64_t asked = 0;
	struct search_result result;
	struct ergon_error err = { 0 };
	size_t count = brute_force(request, all, ROOM, &asked);
	assert_true(asked > 1000);
	assert_int_equal(search_run(request, &result, &err), ERGON_OK);
	assert_int_equal(result.configurations, asked);
	assert_int_equal(result.evaluated + result.too_large + result.too_slow + result.dominated,
	                 asked);
	/* Every point of the front is there and nothing beats it; all that nothing beats is in it.
	 */
	size_t at = 0;
	for (size_t i = 0; i < result.count; i++) {
		struct pair x = { result.front[i].metric[METRIC_TIME],
			          result.front[i].metric[result.second] };
		bool there = false;
		for (size_t k = 0; k < count; k++)
			there |= all[k].time_s == x.time_s && all[k].second == x.second;
		assert_true(there);
		assert_false(dominated(x, all, count));
		assert_true(i == 0 || x.time_s > result.front[i - 1].metric[METRIC_TIME]);
	}
	double best = INFINITY;
	for (size_t k = 0; k < count; k++) {
		best = fmin(best, objective_of(request, all[k]));
		if (dominated(all[k], all, count))
			continue;
		for (at = 0; at < result.count; at++)
			if (result.front[at].metric[METRIC_TIME] == all[k].time_s &&
			    result.front[at].metric[result.second] == all[k].second)
				break;
		assert_true(at < result.count);
	}
	if (count) {
		struct pair x = { result.front[result.best].metric[METRIC_TIME],
			          result.front[result.best].metric[result.second] };
		assert_true(objective_of(request, x) == best);
	} else {
		assert_true(result.best == SIZE_MAX);
	}
	search_result_fini(&result);
	free(all);
}

static void equals_brute_force(void **state)
{
	static const struct {
		size_t model;
		enum metric objective;
		const char *limits;
		double global_batch;
	} rows[] = {
		{ 0, METRIC_ENERGY, "", 0 },
		{ 0, METRIC_COST, "memory<16GB, gpus<=16", 64 },
		{ 0, METRIC_EDP, "time<4h, power<3kW", 0 },
		{ 1, METRIC_TIME, "gpus<=8", 0 },
		{ 1, METRIC_CO2, "time<30m, memory<40GB", 0 },
		{ 1, METRIC_COST, "time<2s", 0 }, /* nothing is that fast */
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct search_request request =
		    request_for(*state, rows[i].model, rows[i].objective, rows[i].limits);
		request.space.global_batch = rows[i].global_batch;
		compare(&request);
	}
}

/* The proofs leave something out, and change nothing. */
static void proofs_only_save_work(void **state)
{
	struct search_request request = request_for(*state, 0, METRIC_ENERGY, "time<6h");
	struct search_result with, without;
	assert_int_equal(search_run(&request, &with, NULL), ERGON_OK);
	request.exhaustive = true;
	assert_int_equal(search_run(&request, &without, NULL), ERGON_OK);
	assert_true(with.too_large > 0 && with.too_slow > 0 && with.dominated > 0);
	assert_int_equal(without.evaluated, without.configurations);
	assert_int_equal(with.count, without.count);
	for (size_t i = 0; i < with.count; i++)
		assert_int_equal(with.front[i].order, without.front[i].order);
	assert_int_equal(with.best, without.best);
	search_result_fini(&with);
	search_result_fini(&without);
}

static void threads_change_nothing(void **state)
{
	char *texts[3];
	for (unsigned i = 0; i < 3; i++) {
		struct search_request request = request_for(*state, 0, METRIC_EDP, "time<2d");
		struct search_result result;
		request.threads = 1 + 2 * i;
		assert_int_equal(search_run(&request, &result, NULL), ERGON_OK);
		json_t *document = search_to_json(&request, &result);
		assert_string_equal(json_string_value(json_object_get(document, "kind")),
		                    "ergon.search");
		texts[i] = json_text(document);
		json_decref(document);
		search_result_fini(&result);
	}
	assert_string_equal(texts[0], texts[1]);
	assert_string_equal(texts[0], texts[2]);
	for (size_t i = 0; i < 3; i++)
		free(texts[i]);
}

/* Samples that come slowly enough bound every configuration alike. */
static void the_input_pipeline_bounds_all(void **state)
{
	struct search_request request = request_for(*state, 1, METRIC_TIME, "gpus<=8");
	struct search_result result;
	request.input.samples_per_s = 50;
	assert_int_equal(search_run(&request, &result, NULL), ERGON_OK);
	assert_close(result.front[result.best].metric[METRIC_TIME], 1e6 / 50, 1e-9);
	assert_int_equal(result.front[result.best].bound, CAUSE_LOADING);
	search_result_fini(&result);
}

static void limits_are_read_with_units(void **state)
{
	(void)state;
	struct search_limits limits;
	struct ergon_error err = { 0 };
	search_limits_init(&limits);
	assert_int_equal(search_limits_parse("time<24h, memory <= 80GB,gpus<=64, gpus>=8,"
	                                     "power<1.5 kW,co2<2t,energy<3kWh,step<250ms",
	                                     &limits, &err),
	                 ERGON_OK);
	assert_true(limits.high[METRIC_TIME] == 86400 && limits.high[METRIC_MEMORY] == 80e9);
	assert_true(limits.low[METRIC_GPUS] == 8 && limits.high[METRIC_GPUS] == 64);
	assert_true(limits.high[METRIC_POWER] == 1500 && limits.high[METRIC_CO2] == 2e6);
	assert_true(limits.high[METRIC_ENERGY] == 10.8e6 && limits.high[METRIC_STEP] == 0.25);
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "tiem<24h", "did you mean 'time'" },
		{ "time=24h", "expected NAME<VALUE" },
		{ "time<24GB", "expected a number with one of" },
		{ "time<", "expected a number" },
		{ "memory<-1GB", "expected a number" },
		{ "gpus<4, gpus>8", "at least 8 and at most 4" },
		{ "energy<1e999J", "expected a number" },
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		search_limits_init(&limits);
		assert_int_equal(search_limits_parse(bad[i].text, &limits, &err), ERGON_BAD_INPUT);
		if (!strstr(err.text, bad[i].want))
			fail_msg("'%s': %s", bad[i].text, err.text);
	}
	enum metric metric;
	assert_int_equal(search_objective_parse("edp", &metric, NULL), ERGON_OK);
	assert_int_equal(metric, METRIC_EDP);
	assert_int_equal(search_objective_parse("memory", &metric, NULL), ERGON_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_brute_force),
		cmocka_unit_test(proofs_only_save_work),
		cmocka_unit_test(threads_change_nothing),
		cmocka_unit_test(the_input_pipeline_bounds_all),
		cmocka_unit_test(limits_are_read_with_units),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
