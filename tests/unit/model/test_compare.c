/* SPDX-License-Identifier: Apache-2.0
 *
 * Why one step takes longer than another: differences that sum, and causes that are the right ones.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/compare.h"
#include "model/input.h"
#include "model/sensitivity.h"

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	struct device a100, v100;
};

/* A prediction and what it rests on. */
struct made {
	struct predict_request request;
	struct prediction prediction;
	struct breakdown breakdown;
};

static int set_up(void **state)
{
	static struct world world;
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	assert_int_equal(device_load(&world.env, "a100", &world.a100, NULL), ERGON_OK);
	assert_int_equal(device_load(&world.env, "v100", &world.v100, NULL), ERGON_OK);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static const struct workload *load(struct world *world, const char *model)
{
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	const struct workload *workload;
	assert_int_equal(
	    workload_load(&world->env, model, &options, &world->arena, &workload, NULL), ERGON_OK);
	return workload;
}

static void make(struct world *world, const char *model, const struct device *device, double batch,
                 struct made *out)
{
	out->request = (struct predict_request){ load(world, model), device, { .batch = batch } };
	predict_explain(out->request.workload, device, &world->calibration, &out->request.settings,
	                &out->prediction, &out->breakdown);
}

static struct compare_side side(const struct made *made)
{
	return (struct compare_side){ &made->request, &made->prediction, &made->breakdown };
}

static bool says(const struct comparison *c, const char *text)
{
	for (size_t i = 0; i < c->sentence_count; i++)
		if (strstr(c->sentences[i], text))
			return true;
	return false;
}

static void sums_hold(const struct comparison *c, const struct made *a, const struct made *b)
{
	double difference = 0;
	for (size_t i = 0; i < c->count; i++) {
		double causes = 0;
		for (int cause = 0; cause < CAUSE_COUNT; cause++)
			causes += c->rows[i].cause_s[cause];
		assert_true(fabs(causes - (c->rows[i].a_s - c->rows[i].b_s)) <
		            1e-9 * b->prediction.step_time_s);
		difference += c->rows[i].a_s - c->rows[i].b_s;
	}
	double want = c->scale * a->prediction.step_time_s - b->prediction.step_time_s;
	assert_true(fabs(difference - want) < 1e-9 * b->prediction.step_time_s);
}

static void sharing_is_named(void **state)
{
	static struct made albert, distil;
	static struct comparison c;
	make(*state, "albert-base", &((struct world *)*state)->a100, 32, &albert);
	make(*state, "distilbert", &((struct world *)*state)->a100, 32, &distil);
	struct compare_side a = side(&albert), b = side(&distil);
	compare(&a, &b, &c);
	sums_hold(&c, &albert, &distil);
	assert_true(c.time > 1.3 && c.time < 2.1); /* 12 blocks against 6 */
	assert_close(c.flops, 2, 0.02);
	assert_close(c.a_reads, 12, 0.05);
	assert_close(c.b_reads, 1, 0.05);
	assert_true(says(&c, "shares parameters"));
	assert_true(says(&c, "12 against 6"));
	assert_true(says(&c, "attention") && says(&c, "feed-forward"));
	json_t *document = comparison_to_json(&a, &b, &c);
	assert_string_equal(json_string_value(json_object_get(document, "kind")), "ergon.explain");
	assert_int_equal(json_array_size(json_object_get(document, "differences")), c.count);
	assert_int_equal(json_array_size(json_object_get(document, "sentences")), c.sentence_count);
	json_decref(document);
}

/* The other way round, ratios are inverse and differences change sign. */
static void comparison_is_antisymmetric(void **state)
{
	static struct made one, other;
	static struct comparison there, back;
	make(*state, "resnet50", &((struct world *)*state)->a100, 64, &one);
	make(*state, "resnet50", &((struct world *)*state)->v100, 32, &other);
	struct compare_side a = side(&one), b = side(&other);
	compare(&a, &b, &there);
	compare(&b, &a, &back);
	sums_hold(&there, &one, &other);
	sums_hold(&back, &other, &one);
	assert_close(there.scale, 0.5, 1e-12);
	assert_close(there.time * back.time, 1, 1e-12);
	assert_close(there.energy * back.energy, 1, 1e-12);
	assert_true(there.time < 1); /* an A100 is faster */
}

static void a_larger_l2_saves_a_little(void **state)
{
	static struct made before, after;
	static struct comparison c;
	struct world *world = *state;
	struct device larger = world->a100;
	assert_int_equal(device_set(&larger, "l2_mb", 80, NULL), ERGON_OK);
	make(world, "bert-base", &world->a100, 32, &before);
	make(world, "bert-base", &larger, 32, &after);
	struct compare_side a = side(&after), b = side(&before);
	compare(&a, &b, &c);
	sums_hold(&c, &after, &before);
	/* What L2 holds between two kernels is at most its size a launch: 40 MB more of it save at
	 * most 40 MB a launch, and never cost any. */
	double launches = 0, saved = 0;
	for (size_t i = 0; i < before.breakdown.count; i++) {
		launches += before.breakdown.rows[i].launches;
		saved += before.breakdown.rows[i].dram_bytes - after.breakdown.rows[i].dram_bytes;
	}
	assert_true(saved > 0 && saved <= launches * 40 * 1048576.0);
	assert_true(c.time <= 1 && c.time > 0.9 && c.energy <= 1);
	assert_true(says(&c, "An L2 of 80 instead of 40 MiB"));
}

static void elasticities_are_physical(void **state)
{
	struct world *world = *state;
	struct sensitivity items[SENSITIVITIES_MAX];
	struct predict_settings settings = { .batch = 256, .power_cap_w = 400 };
	size_t count = sensitivities(load(world, "resnet50"), &world->a100, &world->calibration,
	                             &settings, items);
	double bandwidth = 0, peak = 0;
	assert_true(count >= 6);
	for (size_t i = 0; i < count; i++) {
		assert_true(isfinite(items[i].time) && isfinite(items[i].energy));
		if (strcmp(items[i].name, "batch") != 0)
			assert_true(items[i].time <= 1e-6 && items[i].time >= -1.01);
		if (strcmp(items[i].name, "memory_bandwidth") == 0)
			bandwidth = items[i].time;
		if (strcmp(items[i].name, "matrix_peak") == 0)
			peak = items[i].time;
		if (i)
			assert_true(fabs(items[i].time) <= fabs(items[i - 1].time));
	}
	assert_true(bandwidth < -0.3); /* with matrix units, ResNet-50 lives on memory */
	assert_true(peak < -0.02 && peak > bandwidth);
}

static void the_input_pipeline_is_a_third_bound(void **state)
{
	struct world *world = *state;
	const struct workload *workload = load(world, "resnet50");
	struct predict_settings settings = { .batch = 100, .gpus = 16, .node_gpus = 8 };
	enum input_stage stage;
	/* two nodes, 800 samples each */
	struct input_pipeline input = { .bytes_per_sample = 1e5, .storage_bps = 1e9 };
	assert_close(input_step_s(&input, workload, &settings, &stage), 0.08, 1e-12);
	assert_int_equal(stage, INPUT_STORAGE);
	input.cpu_s_per_sample = 0.01;
	input.cores = 20;
	assert_close(input_step_s(&input, workload, &settings, &stage), 0.4, 1e-12);
	assert_int_equal(stage, INPUT_CPU);
	input.samples_per_s = 100;
	assert_close(input_step_s(&input, workload, &settings, &stage), 8, 1e-12);
	assert_int_equal(stage, INPUT_RATE);
	struct prediction p;
	settings.loading_s = 8;
	predict(workload, &world->a100, &world->calibration, &settings, &p);
	assert_close(p.step_time_s, 8, 1e-12);
	assert_int_equal(p.bound, CAUSE_LOADING);
	input = (struct input_pipeline){ 0 };
	assert_true(input_step_s(&input, workload, &settings, &stage) == 0);
	assert_int_equal(stage, INPUT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sharing_is_named),
		cmocka_unit_test(comparison_is_antisymmetric),
		cmocka_unit_test(a_larger_l2_saves_a_little),
		cmocka_unit_test(elasticities_are_physical),
		cmocka_unit_test(the_input_pipeline_is_a_third_bound),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
