/* SPDX-License-Identifier: Apache-2.0
 *
 * The laws that a prediction obeys, whatever the constants.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "model/document.h"

static const char *const models[] = { "resnet50",    "bert-base", "tinyllama-1.1b",
	                              "mobilenetv2", "neumf",     "deepspeech2-arctic" };
static const char *const devices[] = { "v100", "t4", "a100", "h100", "p100", "a40", "mi250" };
enum { MODELS = sizeof models / sizeof *models, DEVICES = sizeof devices / sizeof *devices };

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	const struct workload *workloads[MODELS];
	struct device devices[DEVICES];
};

static int set_up(void **state)
{
	static struct world world;
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	for (size_t i = 0; i < MODELS; i++)
		assert_int_equal(workload_load(&world.env, models[i], &options, &world.arena,
		                               &world.workloads[i], NULL),
		                 ERGON_OK);
	for (size_t i = 0; i < DEVICES; i++)
		assert_int_equal(device_load(&world.env, devices[i], &world.devices[i], NULL),
		                 ERGON_OK);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static struct prediction ask(const struct world *world, size_t model, const struct device *device,
                             double batch, double cap_w, unsigned gpus)
{
	struct prediction out;
	struct predict_settings settings = { .batch = batch, .power_cap_w = cap_w, .gpus = gpus };
	predict(world->workloads[model], device, &world->calibration, &settings, &out);
	assert_true(isfinite(out.step_time_s) && out.step_time_s > 0);
	assert_true(isfinite(out.power_w) && out.power_w > 0);
	return out;
}

static void sums_hold(void **state)
{
	const struct world *world = *state;
	for (size_t m = 0; m < MODELS; m++)
		for (size_t d = 0; d < DEVICES; d++)
			for (unsigned gpus = 1; gpus <= 16; gpus *= 4) {
				struct predict_settings settings = { .batch = 8, .gpus = gpus };
				struct prediction p;
				struct breakdown b;
				predict_explain(world->workloads[m], &world->devices[d],
				                &world->calibration, &settings, &p, &b);
				double causes = 0, groups = 0, energy = 0;
				for (int c = 0; c < CAUSE_COUNT; c++)
					causes += p.cause_s[c];
				for (size_t i = 0; i < b.count; i++) {
					double row = 0;
					for (int c = 0; c < CAUSE_COUNT; c++)
						row += b.rows[i].cause_s[c];
					assert_close(row, b.rows[i].time_s, 1e-9);
					groups += b.rows[i].time_s;
					energy += b.rows[i].energy_j;
				}
				assert_close(causes, p.step_time_s, 1e-9);
				assert_close(groups, p.step_time_s, 1e-9);
				assert_close(energy * gpus, p.energy_per_step_j, 1e-9);
				assert_close(p.power_w * p.step_time_s * gpus, p.energy_per_step_j,
				             1e-12);
				assert_close(p.idle_w + p.static_w + p.compute_w + p.memory_w,
				             p.power_w, 1e-9);
			}
}

/* More of anything never slows. */
static void better_parts_never_slow(void **state)
{
	static const char *const parts[] = { "memory_bandwidth_gbs", "l2_mb",
		                             "peak_tflops.fp16",     "peak_tflops.fp32",
		                             "nvlink_gbs",           "tdp_w" };
	const struct world *world = *state;
	for (size_t m = 0; m < MODELS; m++)
		for (size_t d = 0; d < DEVICES; d++)
			for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
				/* A faster part draws more: keep the power limit out of it. */
				double cap = strcmp(parts[part], "tdp_w") == 0 ? 0 : 1e5;
				double last = 1e300;
				for (double value = 8; value < 4e4; value *= 1.9) {
					struct device device = world->devices[d];
					assert_int_equal(
					    device_set(&device, parts[part], value, NULL),
					    ERGON_OK);
					double time =
					    ask(world, m, &device, 16, cap, 8).step_time_s;
					if (!(time <= last * (1 + 1e-9)))
						fail_msg(
						    "%s on %s: more %s slows: %g s -> %g s at %g",
						    models[m], devices[d], parts[part], last, time,
						    value);
					last = time;
				}
			}
}

static void lower_caps_never_help(void **state)
{
	const struct world *world = *state;
	for (size_t m = 0; m < MODELS; m++)
		for (size_t d = 0; d < DEVICES; d++) {
			struct prediction last = ask(world, m, &world->devices[d], 32, 1e5, 1);
			for (double cap = 500; cap >= 20; cap -= 15) {
				struct prediction p = ask(world, m, &world->devices[d], 32, cap, 1);
				assert_true(p.power_w <= last.power_w * (1 + 1e-9));
				assert_true(p.step_time_s >= last.step_time_s * (1 - 1e-9));
				assert_true(p.power_w <= cap || p.at_minimum_clock);
				last = p;
			}
		}
}

static void large_batches_saturate(void **state)
{
	const struct world *world = *state;
	for (size_t m = 0; m < MODELS; m++)
		for (size_t d = 0; d < DEVICES; d++) {
			double last = 1e300;
			for (double batch = 1; batch <= 1 << 18; batch *= 2) {
				double each =
				    ask(world, m, &world->devices[d], batch, 1e5, 1).step_time_s /
				    batch;
				/* tiles quantise: a slightly larger batch may waste part of one */
				assert_true(each <= last * 1.05);
				last = each;
			}
			double one = ask(world, m, &world->devices[d], 1 << 24, 1e5, 1).step_time_s;
			double two = ask(world, m, &world->devices[d], 1 << 25, 1e5, 1).step_time_s;
			assert_close(two, 2 * one, 0.01);
		}
}

static void memory_grows_with_the_batch(void **state)
{
	const struct world *world = *state;
	struct prediction one = ask(world, 1, &world->devices[2], 1, 0, 1);
	struct prediction many = ask(world, 1, &world->devices[2], 4096, 0, 1);
	assert_true(one.fits);
	assert_false(many.fits);
	/* AdamW with mixed precision: 4 + 2 parameters, 4 gradients, 8 moments, in bytes. */
	assert_close(one.parameter_bytes + one.gradient_bytes + one.optimizer_bytes,
	             18 * world->workloads[1]->parameters, 1e-9);
}

/* However a model is split, the products of all ranks add up to the same FLOPs. */
static void parallelism_conserves_flops(void **state)
{
	const struct world *world = *state;
	double whole = 0;
	static const unsigned ways[][3] = {
		{ 1, 1, 8 }, { 2, 1, 4 }, { 8, 1, 1 }, { 1, 4, 2 }, { 2, 2, 2 }
	};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct workload_options options = { .precision = PRECISION_AMP_BF16,
			                            .tensor_ways = ways[i][0],
			                            .sequence_parallel = true };
		struct arena arena;
		const struct workload *workload;
		struct prediction p;
		arena_init(&arena);
		assert_int_equal(
		    workload_load(&world->env, "gpt2", &options, &arena, &workload, NULL),
		    ERGON_OK);
		struct predict_settings settings = { .batch = 8.0 / ways[i][2],
			                             .gpus = ways[i][2],
			                             .pipeline = ways[i][1],
			                             .accumulation = 4 };
		predict(workload, &world->devices[2], &world->calibration, &settings, &p);
		double flops = workload->step_flops * ways[i][0] * p.samples;
		if (i == 0)
			whole = flops;
		assert_close(flops, whole, 1e-9);
		double causes = 0;
		for (int c = 0; c < CAUSE_COUNT; c++)
			causes += p.cause_s[c];
		assert_close(causes, p.step_time_s, 1e-9);
		assert_close(p.samples, 32, 1e-12);
		arena_fini(&arena);
	}
}

/* Sharding and recomputation save memory; recomputation costs time. */
static void memory_can_be_traded(void **state)
{
	const struct world *world = *state;
	double last = 1e300;
	for (unsigned zero = 0; zero <= 3; zero++) {
		struct predict_settings settings = { .batch = 4, .gpus = 8, .zero = zero };
		struct prediction p;
		predict(world->workloads[1], &world->devices[2], &world->calibration, &settings,
		        &p);
		assert_true(p.memory_bytes < last);
		last = p.memory_bytes;
	}
	struct predict_settings settings = { .batch = 16, .gpus = 1 };
	struct prediction plain, again;
	predict(world->workloads[1], &world->devices[2], &world->calibration, &settings, &plain);
	settings.recompute = RECOMPUTE_FULL;
	predict(world->workloads[1], &world->devices[2], &world->calibration, &settings, &again);
	assert_true(again.activation_bytes < 0.5 * plain.activation_bytes);
	assert_true(again.step_time_s > 1.1 * plain.step_time_s);
	assert_true(again.step_time_s < 1.5 * plain.step_time_s);
}

/* Interleaving keeps more micro-batches; the last stage keeps fewest, and the logits. */
static void stages_keep_what_is_in_flight(void **state)
{
	const struct world *world = *state;
	struct predict_settings settings = { .batch = 1, .gpus = 1, .accumulation = 32 };
	struct prediction one, four, woven;
	predict(world->workloads[1], &world->devices[2], &world->calibration, &settings, &one);
	settings.pipeline = 4;
	predict(world->workloads[1], &world->devices[2], &world->calibration, &settings, &four);
	settings.virtual_stages = 3;
	predict(world->workloads[1], &world->devices[2], &world->calibration, &settings, &woven);
	/* The first of four stages keeps four micro-batches of a quarter each. */
	assert_true(four.activation_bytes > 0.5 * one.activation_bytes);
	assert_true(four.activation_bytes < 1.1 * one.activation_bytes);
	assert_true(four.last_stage_bytes < one.last_stage_bytes);
	assert_true(woven.activation_bytes > four.activation_bytes);
	assert_true(woven.last_stage_bytes > four.last_stage_bytes);
}

/* A host as slow as the device delays it by less than both one after the other; a device that was
 * measured is surer than one that was not. */
static void hosts_and_doubt(void **state)
{
	const struct world *world = *state;
	struct calibration none = world->calibration;
	struct predict_settings settings = { .batch = 2, .gpus = 1 };
	struct prediction p, q;
	none.device_count = 0;
	predict(world->workloads[0], &world->devices[2], &world->calibration, &settings, &p);
	predict(world->workloads[0], &world->devices[2], &none, &settings, &q);
	double slower = fmax(p.device_time_s, p.host_time_s);
	assert_true(p.step_time_s >= slower && p.step_time_s < p.device_time_s + p.host_time_s);
	assert_true(q.time_high_s / q.time_low_s >= p.time_high_s / p.time_low_s);
}

/* A device that waits draws what it draws idle and in its memory's interface, and no less; a loader
 * that stacks samples is host time, and the first batch of an epoch is time on top. */
static void waiting_costs_standby(void **state)
{
	const struct world *world = *state;
	const struct calibration *cal = &world->calibration;
	for (size_t d = 0; d < DEVICES; d++) {
		const struct device *device = &world->devices[d];
		struct predict_settings settings = { .batch = 64, .gpus = 1, .power_cap_w = 1e6 };
		struct prediction p, stacked, first;
		predict(world->workloads[4], device, cal, &settings, &p);
		settings.collated = 1e6;
		predict(world->workloads[4], device, cal, &settings, &stacked);
		settings.collated = 0;
		settings.awaited = 1000;
		predict(world->workloads[4], device, cal, &settings, &first);
		assert_true(stacked.host_time_s > p.host_time_s + 0.1);
		assert_true(stacked.power_w < p.power_w && first.power_w < p.power_w);
		assert_true(first.step_time_s > p.step_time_s + 1000 * 1e-5);
		assert_close(first.cause_s[CAUSE_LOADING], first.step_time_s - p.step_time_s, 1e-9);
		bool hbm = strncmp(device->memory_type, "HBM", 3) == 0;
		double pj = hbm ? calibration_fields[CALIBRATION_AT_standby_hbm].low
		                : calibration_fields[CALIBRATION_AT_standby_gddr].low;
		double standby = 0.25 * 1e-12 * pj * device->memory_bandwidth_bps;
		assert_true(stacked.power_w > stacked.idle_w + standby);
		assert_true(stacked.power_w < stacked.idle_w + 0.4 * device->tdp_w);
	}
}

/* Two clocks under a cap: energy is still that of all parts; phases that are long enough are held
 * one by one, so that their mean stays below what a slower limiter allows; and long pauses between
 * steps make no room for more. */
static void caps_hold_phases(void **state)
{
	const struct world *world = *state;
	size_t below = 0;
	for (size_t m = 0; m < MODELS; m++)
		for (size_t d = 0; d < DEVICES; d++) {
			const struct device *device = &world->devices[d];
			struct predict_settings settings = { .batch = 64,
				                             .power_cap_w = 0.6 * device->tdp_w };
			struct calibration fast = world->calibration, slow = fast;
			struct prediction p, patient, paused;
			struct breakdown b;
			fast.limiter_s = calibration_fields[CALIBRATION_AT_limiter_s].low;
			slow.limiter_s = calibration_fields[CALIBRATION_AT_limiter_s].high;
			predict_explain(world->workloads[m], device, &fast, &settings, &p, &b);
			double energy_j = 0;
			for (size_t i = 0; i < b.count; i++)
				energy_j += b.rows[i].energy_j;
			assert_close(energy_j, p.energy_per_step_j, 1e-9);
			predict(world->workloads[m], device, &slow, &settings, &patient);
			below += p.capped && p.power_w < 0.995 * patient.power_w;
			settings.awaited = 1000;
			predict(world->workloads[m], device, &fast, &settings, &paused);
			assert_close(paused.clock_hz, p.clock_hz, 1e-9);
			assert_true(!p.capped || paused.power_w < p.power_w);
		}
	assert_true(below >= 2);
}

/* Few tiles and little traffic keep few SMs busy: the clock tree's power grows with the batch. */
static void small_kernels_draw_less(void **state)
{
	const struct world *world = *state;
	for (size_t m = 0; m < MODELS; m++)
		for (size_t d = 0; d < DEVICES; d++) {
			struct prediction one = ask(world, m, &world->devices[d], 1, 1e6, 1);
			struct prediction many = ask(world, m, &world->devices[d], 256, 1e6, 1);
			assert_true(one.static_w <= many.static_w * (1 + 1e-9));
			assert_true(one.power_w < many.power_w);
		}
}

/* A limiter leaves little to doubt. */
static void a_cap_makes_power_sure(void **state)
{
	const struct world *world = *state;
	struct prediction open = ask(world, 0, &world->devices[0], 128, 1e6, 1);
	struct prediction held = ask(world, 0, &world->devices[0], 128, 0.5 * open.power_w, 1);
	assert_true(held.clock_hz < 0.9 * open.clock_hz);
	assert_int_equal(held.power_class, SPREAD_POWER_CAPPED);
	assert_int_equal(open.power_class, SPREAD_POWER);
}

static void the_document_has_the_stable_fields(void **state)
{
	const struct world *world = *state;
	struct predict_request request = { world->workloads[0],
		                           &world->devices[0],
		                           { .batch = 32 } };
	struct prediction p;
	struct breakdown b;
	predict_explain(request.workload, request.device, &world->calibration, &request.settings,
	                &p, &b);
	json_t *document = prediction_to_json(&request, &p, &b);
	assert_string_equal(json_string_value(json_object_get(document, "kind")), "ergon.predict");
	assert_int_equal(json_integer_value(json_object_get(document, "version")), 1);
	static const char *const fields[] = { "step_time_s", "power_w", "energy_per_step_j",
		                              "memory_bytes" };
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		assert_true(json_number_value(json_object_get(document, fields[i])) > 0);
	assert_true(json_array_size(json_object_get(document, "breakdown")) == b.count);
	assert_true(json_array_size(json_object_get(document, "reasons")) == 3);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_hold),
		cmocka_unit_test(better_parts_never_slow),
		cmocka_unit_test(lower_caps_never_help),
		cmocka_unit_test(large_batches_saturate),
		cmocka_unit_test(memory_grows_with_the_batch),
		cmocka_unit_test(parallelism_conserves_flops),
		cmocka_unit_test(memory_can_be_traded),
		cmocka_unit_test(stages_keep_what_is_in_flight),
		cmocka_unit_test(hosts_and_doubt),
		cmocka_unit_test(waiting_costs_standby),
		cmocka_unit_test(caps_hold_phases),
		cmocka_unit_test(small_kernels_draw_less),
		cmocka_unit_test(a_cap_makes_power_sure),
		cmocka_unit_test(the_document_has_the_stable_fields),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
