/* SPDX-License-Identifier: Apache-2.0
 *
 * The laws of a prediction, for every model of the zoo on every device there is a file of.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "model/predict.h"

enum { MODELS_MAX = 256, DEVICES_MAX = 128 };

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	const struct workload *workloads[MODELS_MAX];
	struct device devices[DEVICES_MAX];
	const char *const *models;
	size_t model_count, device_count;
};

static int set_up(void **state)
{
	static struct world world;
	const char *const *names;
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	assert_int_equal(
	    model_list(&world.env, &world.arena, &world.models, &world.model_count, NULL),
	    ERGON_OK);
	assert_int_equal(device_list(&world.env, &world.arena, &names, &world.device_count, NULL),
	                 ERGON_OK);
	assert_true(world.model_count > 60 && world.model_count <= MODELS_MAX);
	assert_true(world.device_count > 40 && world.device_count <= DEVICES_MAX);
	for (size_t i = 0; i < world.model_count; i++)
		assert_int_equal(workload_load(&world.env, world.models[i], &options, &world.arena,
		                               &world.workloads[i], NULL),
		                 ERGON_OK);
	for (size_t i = 0; i < world.device_count; i++)
		assert_int_equal(device_load(&world.env, names[i], &world.devices[i], NULL),
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

static void better(struct device *device, int part, double factor)
{
	switch (part) {
	case 0:
		device->memory_bandwidth_bps *= factor;
		break;
	case 1:
		device->l2_bytes *= factor;
		break;
	case 2:
		device->nvlink_bps *= factor;
		device->pcie_bps *= factor;
		break;
	default:
		device->matrix_fp32_flops *= factor;
		for (int rate = 0; rate < RATE_COUNT; rate++)
			device->peak_flops[rate] *= factor;
	}
}

/* Without a power limit, which more bandwidth or arithmetic reaches sooner. */
static void better_parts_never_slow(void **state)
{
	static const char *const parts[] = { "bandwidth", "L2", "links", "FLOP/s" };
	const struct world *world = *state;
	for (size_t m = 0; m < world->model_count; m++)
		for (size_t d = 0; d < world->device_count; d++) {
			double plain = ask(world, m, &world->devices[d], 16, 1e6, 8).step_time_s;
			for (int part = 0; part < 4; part++)
				for (double factor = 1.3; factor < 9; factor *= 2.5) {
					struct device device = world->devices[d];
					better(&device, part, factor);
					double time =
					    ask(world, m, &device, 16, 1e6, 8).step_time_s;
					if (!(time <= plain * (1 + 1e-9)))
						fail_msg("%s on %s: %g times the %s: %g s "
						         "instead of %g s",
						         world->models[m], device.name, factor,
						         parts[part], time, plain);
				}
		}
}

static void lower_caps_never_help(void **state)
{
	const struct world *world = *state;
	for (size_t m = 0; m < world->model_count; m++)
		for (size_t d = 0; d < world->device_count; d++) {
			const struct device *device = &world->devices[d];
			struct prediction last = ask(world, m, device, 32, 1e6, 1);
			for (double cap = device->tdp_w; cap > 0.2 * device->tdp_w;
			     cap -= 0.13 * device->tdp_w) {
				struct prediction p = ask(world, m, device, 32, cap, 1);
				if (p.power_w > last.power_w * (1 + 1e-9) ||
				    p.step_time_s < last.step_time_s * (1 - 1e-9) ||
				    (p.power_w > cap && !p.at_minimum_clock))
					fail_msg("%s on %s at %g W: %g W and %g s after %g W and "
					         "%g s",
					         world->models[m], device->name, cap, p.power_w,
					         p.step_time_s, last.power_w, last.step_time_s);
				last = p;
			}
		}
}

/* Of one GPU and of eight: what the parts draw adds up to power, power over the step to energy, the
 * layer groups to both. */
static void energy_is_the_integral_of_power(void **state)
{
	const struct world *world = *state;
	static struct breakdown b;
	for (size_t m = 0; m < world->model_count; m++)
		for (size_t d = 0; d < world->device_count; d++)
			for (unsigned gpus = 1; gpus <= 8; gpus += 7) {
				struct predict_settings settings = { .batch = 8, .gpus = gpus };
				struct prediction p;
				double time = 0, energy = 0;
				predict_explain(world->workloads[m], &world->devices[d],
				                &world->calibration, &settings, &p, &b);
				for (size_t i = 0; i < b.count; i++) {
					time += b.rows[i].time_s;
					energy += b.rows[i].energy_j;
				}
				assert_close(p.power_w * p.step_time_s * gpus, p.energy_per_step_j,
				             1e-9);
				assert_close(time, p.step_time_s, 1e-9);
				assert_close(energy * gpus, p.energy_per_step_j, 1e-6);
			}
}

/* Ten times an endless batch takes ten times as long: nothing fixed is left, nothing grows faster.
 */
static void endless_batches_saturate(void **state)
{
	const struct world *world = *state;
	for (size_t m = 0; m < world->model_count; m++)
		for (size_t d = 0; d < world->device_count; d++) {
			double one = ask(world, m, &world->devices[d], 1e9, 1e6, 1).step_time_s;
			double ten = ask(world, m, &world->devices[d], 1e10, 1e6, 1).step_time_s;
			assert_close(ten, 10 * one, 0.01);
		}
}

/* Split among tensor-parallel ranks, a model is no less work, and little more: what cannot be split
 * every rank does. Pipeline stages and data-parallel copies divide a step exactly. */
static void splits_conserve_work(void **state)
{
	static const char *const models[] = { "gpt2",     "bert-base", "llama-7b", "gpt3-175b",
		                              "opt-6.7b", "t5-large",  "llama-70b" };
	const struct world *world = *state;
	for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
		double whole = 0, flops = 0;
		for (unsigned ways = 1; ways <= 4; ways *= 2) {
			struct workload_options options = { .precision = PRECISION_AMP_BF16,
				                            .tensor_ways = ways,
				                            .sequence_parallel = true };
			const struct workload *w;
			struct arena arena;
			arena_init(&arena);
			assert_int_equal(
			    workload_load(&world->env, models[m], &options, &arena, &w, NULL),
			    ERGON_OK);
			if (ways == 1)
				whole = w->step_flops;
			double ratio = w->step_flops * ways / whole;
			if (!(ratio > 1 - 1e-9 && ratio < 1.05))
				fail_msg("%s: %u ranks do %g times the work", models[m], ways,
				         ratio);
			for (unsigned stages = 1; stages <= 4; stages *= 2) {
				struct predict_settings settings = { .batch = 1,
					                             .gpus = 8 / stages,
					                             .pipeline = stages,
					                             .accumulation = stages };
				struct prediction p;
				predict(w, &world->devices[0], &world->calibration, &settings, &p);
				assert_close(p.samples, 8, 1e-12);
				/* all GPUs; the optimizer, which copies repeat, is little */
				double all = p.flops * 8 / p.samples;
				if (stages == 1)
					flops = all;
				assert_close(all, flops, 0.03);
			}
			arena_fini(&arena);
		}
	}
}

/* Ranks that share experts do as much work in all, hold less, and send tokens to each other. */
static void shared_experts_conserve_work(void **state)
{
	const struct world *world = *state;
	double parameters = 0, flops = 0;
	for (unsigned ways = 1; ways <= 8; ways *= 2) {
		struct workload_options options = { .precision = PRECISION_AMP_BF16,
			                            .expert_ways = ways };
		struct predict_settings settings = { .batch = 1, .gpus = 8 };
		struct prediction p;
		const struct workload *w;
		struct arena arena;
		arena_init(&arena);
		assert_int_equal(
		    workload_load(&world->env, "qwen3-30b-a3b", &options, &arena, &w, NULL),
		    ERGON_OK);
		predict(w, &world->devices[0], &world->calibration, &settings, &p);
		if (ways == 1) {
			parameters = w->parameters;
			flops = w->step_flops;
			assert_true(w->expert_parameters == 0);
		} else {
			double held = w->expert_parameters * ways;
			assert_close(w->parameters, parameters - held + held / ways, 1e-9);
			assert_true(held > 0.9 * parameters && p.communication_time_s > 0);
		}
		assert_close(w->step_flops, flops, 1e-9);
		arena_fini(&arena);
	}
}

/* Copies for matrix units cost time; where nothing is copied, the layout makes no difference. */
static void channels_first_never_helps(void **state)
{
	struct world *world = *state;
	struct workload_options options = { .precision = PRECISION_AMP_FP16,
		                            .layout = LAYOUT_NCHW };
	size_t slower = 0, same = 0;
	for (size_t i = 0; i < world->model_count; i++) {
		const struct workload *first;
		struct predict_settings settings = { .batch = 64 };
		struct prediction there;
		assert_int_equal(workload_load(&world->env, world->models[i], &options,
		                               &world->arena, &first, NULL),
		                 ERGON_OK);
		for (size_t d = 0; d < world->device_count; d += 7) {
			struct device device = world->devices[d];
			device.tdp_w = 1e6;
			struct prediction last = ask(world, i, &device, 64, 0, 1);
			predict(first, &device, &world->calibration, &settings, &there);
			assert_true(there.step_time_s >= last.step_time_s);
			slower += there.step_time_s > 1.01 * last.step_time_s;
			same += there.step_time_s == last.step_time_s;
		}
	}
	assert_true(slower > 50 && same > 50);
}

/* Two cards are no slower with a bridge, and SXM boards have one anyway. */
static void bridges_join_cards(void **state)
{
	const struct world *world = *state;
	struct predict_settings settings = { .batch = 8, .gpus = 2 };
	size_t cards = 0;
	for (size_t d = 0; d < world->device_count; d++) {
		const struct device *device = &world->devices[d];
		struct prediction apart, joined;
		settings.bridge = false;
		predict(world->workloads[0], device, &world->calibration, &settings, &apart);
		settings.bridge = true;
		predict(world->workloads[0], device, &world->calibration, &settings, &joined);
		cards += joined.communication_time_s < apart.communication_time_s;
		if (strstr(device->name, "SXM") || device->nvlink_bps <= 0)
			assert_true(joined.step_time_s == apart.step_time_s);
	}
	assert_true(cards > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(better_parts_never_slow),
		cmocka_unit_test(lower_caps_never_help),
		cmocka_unit_test(energy_is_the_integral_of_power),
		cmocka_unit_test(endless_batches_saturate),
		cmocka_unit_test(splits_conserve_work),
		cmocka_unit_test(shared_experts_conserve_work),
		cmocka_unit_test(channels_first_never_helps),
		cmocka_unit_test(bridges_join_cards),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
