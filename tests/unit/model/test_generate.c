/* SPDX-License-Identifier: Apache-2.0
 *
 * Prefill and decode: what the cache holds, what a token costs, and how near that is to servers
 * that were measured.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "model/generate.h"
#include "spec/measurements.h"

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	struct device h100, a100;
};

static int set_up(void **state)
{
	static struct world world;
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	assert_int_equal(device_load(&world.env, "h100", &world.h100, NULL), ERGON_OK);
	assert_int_equal(device_load(&world.env, "a100", &world.a100, NULL), ERGON_OK);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static struct generation ask(struct world *world, const char *model, const struct device *device,
                             double prompt, double output, double batch, unsigned tensor)
{
	struct workload_options options = { .precision = PRECISION_BF16,
		                            .runtime = RUNTIME_GRAPH,
		                            .attention = ATTENTION_FLASH,
		                            .tensor_ways = tensor };
	struct generation_request request = {
		.prompt = prompt, .output = output, .device = device, .settings = { .batch = batch }
	};
	struct generation out;
	struct ergon_error err = { 0 };
	if (generation_load(&world->env, model, &options, &world->arena, &request, &err))
		fail_msg("%s", err.text);
	generate(&request, &world->calibration, &out);
	assert_true(isfinite(out.token_s) && out.token_s > 0 && isfinite(out.token_j));
	return out;
}

/* Llama 3 8B: 32 layers of 8 key-value heads of 128, two bytes each, keys and values. */
static void the_cache_is_exact(void **state)
{
	double token = 2.0 * 32 * 8 * 128 * 2;
	struct generation g =
	    ask(*state, "llama3-8b", &((struct world *)*state)->h100, 1000, 200, 4, 1);
	assert_close(g.cache_bytes, 4 * 1200 * token, 1e-12);
	assert_close(g.memory_bytes - g.cache_bytes, 2 * 8030261248.0, 0.08);
	struct generation split =
	    ask(*state, "llama3-8b", &((struct world *)*state)->h100, 1000, 200, 4, 4);
	assert_close(split.cache_bytes, g.cache_bytes / 4, 1e-12);
	/* One more than the largest batch does not fit. */
	struct generation last = ask(*state, "llama3-8b", &((struct world *)*state)->h100, 1000,
	                             200, g.largest_batch * 0.98, 1);
	assert_true(last.fits);
	last = ask(*state, "llama3-8b", &((struct world *)*state)->h100, 1000, 200,
	           g.largest_batch * 1.02, 1);
	assert_false(last.fits);
}

static void laws_hold(void **state)
{
	struct world *world = *state;
	struct generation last = { 0 };
	for (double batch = 1; batch <= 256; batch *= 4) {
		struct generation g = ask(world, "llama3-8b", &world->h100, 512, 256, batch, 1);
		if (batch > 1) {
			assert_true(g.token_s >= last.token_s);
			assert_true(g.tokens_per_s > last.tokens_per_s);
			assert_true(g.token_j < last.token_j);
		}
		assert_close(g.power_w, g.token_j * g.tokens_per_s, 1e-9); /* one GPU */
		last = g;
	}
	/* Weights are read once a token: a lone sequence is bound by memory and as fast as that. */
	struct generation one = ask(world, "llama3-8b", &world->h100, 64, 64, 1, 1);
	double floor_s = 2 * 7.5e9 / world->h100.memory_bandwidth_bps;
	assert_int_equal(one.decode.bound, CAUSE_MEMORY);
	assert_true(one.token_s > floor_s && one.token_s < 3 * floor_s);
	/* A longer context costs more a token; a faster memory less. */
	struct generation longer = ask(world, "llama3-8b", &world->h100, 30000, 64, 1, 1);
	assert_true(longer.token_s > one.token_s && longer.first_token_s > one.first_token_s);
	struct generation older = ask(world, "llama3-8b", &world->a100, 64, 64, 1, 1);
	assert_true(older.token_s > one.token_s);
	/* Of eight experts, one sequence reads two. */
	struct generation few = ask(world, "mixtral-8x7b", &world->h100, 64, 64, 1, 1);
	struct generation many = ask(world, "mixtral-8x7b", &world->h100, 64, 64, 64, 1);
	assert_true(many.token_s > 1.5 * few.token_s);
}

static void other_models_are_refused(void **state)
{
	struct world *world = *state;
	struct workload_options options = { .precision = PRECISION_BF16 };
	struct generation_request request = { .prompt = 8, .output = 8 };
	struct ergon_error err = { 0 };
	request.settings.batch = 1;
	assert_int_equal(
	    generation_load(&world->env, "resnet50", &options, &world->arena, &request, &err),
	    ERGON_BAD_INPUT);
	assert_int_equal(
	    generation_load(&world->env, "lstm-lm", &options, &world->arena, &request, &err),
	    ERGON_BAD_INPUT);
}

static double value_of(const struct measured_run *run, const char *metric)
{
	for (size_t i = 0; i < run->value_count; i++)
		if (strcmp(run->values[i].metric, metric) == 0)
			return run->values[i].value;
	return 0;
}

/* Servers of Llama 3.1 8B on one H100, chat traffic, whose prompts and answers are not stated: 500
 * and 800 tokens are assumed. */
static void near_measured_servers(void **state)
{
	const char *path = shared_data("measured/mlenergy_llm_decode.csv");
	struct world *world = *state;
	struct csv csv;
	struct measurements table;
	if (!path) {
		print_message("skipped: no ../shared/data/measured\n");
		skip();
	}
	assert_int_equal(csv_read(path, &world->arena, &csv, NULL), ERGON_OK);
	assert_int_equal(measurements_from_csv(&csv, &world->arena, &table, NULL), ERGON_OK);
	double rate_error = 0, energy_error = 0;
	size_t count = 0;
	for (size_t i = 0; i < table.run_count; i++) {
		const struct measured_run *run = &table.runs[i];
		if (strcmp(run->model, "Llama-3.1-8B-Instruct") != 0 || run->gpus != 1)
			continue;
		double rate = value_of(run, "tokens_per_s"), power = value_of(run, "avg_power_w");
		struct generation g =
		    ask(world, "llama3-8b", &world->h100, 500, 800, run->batch, 1);
		rate_error += fabs(g.tokens_per_s / rate - 1);
		energy_error += fabs(g.token_j / (power / rate) - 1);
		count++;
	}
	assert_true(count >= 8);
	print_message("%zu servers: tokens/s off by %.1f%%, J/token by %.1f%% in the mean\n", count,
	              100 * rate_error / (double)count, 100 * energy_error / (double)count);
	assert_true(rate_error / (double)count < 0.25);
	assert_true(energy_error / (double)count < 0.25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cache_is_exact),
		cmocka_unit_test(laws_hold),
		cmocka_unit_test(other_models_are_refused),
		cmocka_unit_test(near_measured_servers),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
