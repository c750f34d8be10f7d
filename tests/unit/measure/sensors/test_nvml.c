/* SPDX-License-Identifier: Apache-2.0
 *
 * The NVML driver against a made-up libnvidia-ml.so.1 with the real ABI.
 */
#include "support/gpu_rig.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "measure/results.h"

static struct gpu_rig rig;

static int set_up(void **state)
{
	(void)state;
	gpu_rig_init(&rig, "nvml");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	gpu_rig_fini(&rig);
	return 0;
}

static struct meter *open_meter(void)
{
	return gpu_rig_meter(&rig);
}

static void begin(struct meter *meter)
{
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
}

static void end(struct meter *meter, struct measurement *m)
{
	memset(m, 0, sizeof *m);
	assert_int_equal(meter_end(meter, m, NULL), ERGON_OK);
}

static void counts_energy(void **state)
{
	(void)state;
	struct measurement m;
	struct meter *meter = open_meter();
	assert_int_equal(meter_channel_count(meter), 2);
	begin(meter);
	for (int i = 0; i < 50; i++) {
		rig.clock.now_ns += 100 * NS_PER_MS;
		rig.fake->energy_uj[0] += 30000000;
		rig.fake->energy_uj[1] += 5000000;
		meter_tick(meter);
	}
	end(meter, &m);
	assert_close(measurement_domain(&m, "gpu-0")->energy_j, 1500, 1e-9);
	assert_close(measurement_domain(&m, "gpu-1")->energy_j, 250, 1e-9);
	assert_close(m.energy_j, 1750, 1e-9);
	measurement_fini(&m);
	meter_close(meter);
}

/* Each call in turn says NOT_SUPPORTED: the next best source is taken, or the driver says why not.
 */
static void not_supported_in_turn(void **state)
{
	(void)state;
	static const struct {
		enum fake_gpu_call call;
		bool opens;
	} rows[] = { { FAKE_INIT, false },       { FAKE_COUNT, false }, { FAKE_BY_INDEX, false },
		     { FAKE_NAME, true },        { FAKE_ENERGY, true }, { FAKE_FIELDS, true },
		     { FAKE_FIELD_VALUE, true }, { FAKE_POWER, true } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct meter *meter;
		struct ergon_error err = { 0 };
		print_message("call %d not supported\n", rows[i].call);
		memset(rig.fake->status, 0, sizeof rig.fake->status);
		rig.fake->status[rows[i].call] = 3;
		enum ergon_code code =
		    meter_open(&meter, &rig.env,
		               &(struct meter_options){ .sensors = "nvml", .manual = true }, &err);
		assert_int_equal(code, rows[i].opens ? ERGON_OK : ERGON_NOT_SUPPORTED);
		assert_true(rows[i].opens || err.text[0]);
		meter_close(meter);
		assert_int_equal(rig.fake->open, 0);
	}
	/* No energy: instant power. Neither: power usage. None: not this driver. */
	static const struct {
		int energy, fields, power;
		double power_w;
	} ladder[] = { { 3, 0, 0, 200 }, { 3, 3, 0, 150 }, { 3, 3, 3, -1 } };
	for (size_t i = 0; i < 3; i++) {
		struct meter *meter;
		struct measurement m;
		memset(rig.fake->status, 0, sizeof rig.fake->status);
		rig.fake->status[FAKE_ENERGY] = ladder[i].energy;
		rig.fake->status[FAKE_FIELDS] = ladder[i].fields;
		rig.fake->status[FAKE_POWER] = ladder[i].power;
		rig.fake->instant_mw[0] = 200000;
		rig.fake->power_mw[0] = 150000;
		if (ladder[i].power_w < 0) {
			struct ergon_error err = { 0 };
			assert_int_equal(meter_open(&meter, &rig.env,
			                            &(struct meter_options){ .sensors = "nvml" },
			                            &err),
			                 ERGON_NOT_SUPPORTED);
			continue;
		}
		meter = open_meter();
		begin(meter);
		for (int k = 0; k < 10; k++) {
			rig.clock.now_ns += 100 * NS_PER_MS;
			meter_tick(meter);
		}
		end(meter, &m);
		assert_close(measurement_domain(&m, "gpu-0")->energy_j, ladder[i].power_w, 1e-6);
		measurement_fini(&m);
		meter_close(meter);
	}
}

static void a_lost_gpu_is_a_gap(void **state)
{
	(void)state;
	struct measurement m;
	struct meter *meter = open_meter();
	begin(meter);
	for (int i = 0; i < 20; i++) {
		rig.clock.now_ns += 100 * NS_PER_MS;
		rig.fake->energy_uj[0] += 30000000;
		rig.fake->status[FAKE_ENERGY] = i >= 10 ? 15 : 0;
		meter_tick(meter);
	}
	end(meter, &m);
	const struct domain_energy *gpu = measurement_domain(&m, "gpu-0");
	assert_close(gpu->energy_j, 300, 1e-9);
	assert_close(gpu->gap_s, 1, 1e-6);
	assert_true(gpu->high_j >= 600);
	measurement_fini(&m);
	meter_close(meter);
}

static void absence_is_explained(void **state)
{
	(void)state;
	struct sensor_reason reason;
	const struct sensor_driver *driver = sensor_driver_find("nvml");
	rig.fake->status[FAKE_INIT] = 9;
	assert_int_equal(driver->probe(&rig.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.grant, "modprobe nvidia"));
	rig.fake->status[FAKE_INIT] = 4;
	assert_int_equal(driver->probe(&rig.env, NULL, &reason), SENSOR_CLOSED);
	assert_true(reason.grant[0]);
	rig.fake->status[FAKE_INIT] = 0;
	rig.fake->count = 0;
	assert_int_equal(driver->probe(&rig.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.text, "no GPU"));
}

static void superchips_show_their_module(void **state)
{
	(void)state;
	rig.fake->name = "NVIDIA GH200 480GB";
	rig.fake->module_mw[0] = 600000;
	struct meter *meter = open_meter();
	assert_int_equal(meter_channel_count(meter), 3);
	assert_string_equal(meter_channel(meter, 1)->name, "module-0");
	assert_close(meter_channel(meter, 0)->observed_share, 0.25, 1e-12);
	meter_close(meter);
}

/* Instances of MIG are shown by their slices, attributed, and not added to the GPU's own energy. */
static void mig_instances_are_attributed(void **state)
{
	(void)state;
	struct measurement m;
	rig.fake->count = 1;
	rig.fake->slices[0][0] = 3;
	rig.fake->slices[0][2] = 2;
	struct meter *meter = open_meter();
	assert_int_equal(meter_channel_count(meter), 3);
	begin(meter);
	for (int i = 0; i < 70; i++) {
		rig.clock.now_ns += 100 * NS_PER_MS;
		rig.fake->energy_uj[0] += 20000000;
		meter_tick(meter);
	}
	end(meter, &m);
	const struct domain_energy *three = measurement_domain(&m, "gpu-0/mig-0");
	const struct domain_energy *two = measurement_domain(&m, "gpu-0/mig-2");
	assert_close(measurement_domain(&m, "gpu-0")->energy_j, 1400, 1e-9);
	assert_close(three->energy_j, 600, 1e-6);
	assert_close(two->energy_j, 400, 1e-6);
	assert_int_equal(three->provenance, PROVENANCE_ATTRIBUTED);
	assert_false(three->in_total || two->in_total);
	assert_close(m.energy_j, 1400, 1e-9);
	measurement_fini(&m);
	meter_close(meter);
}

/* Mean power of a square wave between two moments. */
static double square_j(double t, double period_s, double phase_s, double high_w, double low_w)
{
	double at = t + phase_s, whole = floor(at / period_s), rest = at - whole * period_s;
	double busy = whole * period_s / 2 + fmin(rest, period_s / 2);
	return busy * high_w + (at - busy) * low_w;
}

/* A board that looks at its power for 25 of every 101 ms, under a square wave of any period and
 * phase: the stated interval holds the true energy in at least 95% of 200 trials. */
static void part_time_intervals_hold_the_truth(void **state)
{
	(void)state;
	struct rng rng;
	int held = 0;
	double width = 0;
	const int trials = 200;
	rng_init(&rng, 20240);
	rig.fake->name = "NVIDIA A100-SXM4-40GB";
	rig.fake->count = 1;
	for (int trial = 0; trial < trials; trial++) {
		double period_s = 0.02 + 1.5 * rng_uniform(&rng), phase_s = 3 * rng_uniform(&rng);
		double high_w = 200 + 200 * rng_uniform(&rng), low_w = 50 + 50 * rng_uniform(&rng);
		double shown_j = 0, seconds = 10, updated_s = 0.101 * rng_uniform(&rng);
		struct measurement m;
		struct meter *meter = open_meter();
		rig.fake->energy_uj[0] = 0;
		begin(meter);
		for (int i = 1; i <= 100; i++) {
			double now_s = i * seconds / 100;
			while (updated_s <= now_s) {
				double seen_j =
				    square_j(updated_s, period_s, phase_s, high_w, low_w) -
				    square_j(updated_s - 0.025, period_s, phase_s, high_w, low_w);
				shown_j += seen_j / 0.025 * 0.101;
				updated_s += 0.101;
			}
			rig.clock.now_ns += 100 * NS_PER_MS;
			rig.fake->energy_uj[0] = (uint64_t)(shown_j * 1e6);
			meter_tick(meter);
		}
		end(meter, &m);
		double truth_j = square_j(seconds, period_s, phase_s, high_w, low_w) -
		                 square_j(0, period_s, phase_s, high_w, low_w);
		const struct domain_energy *gpu = measurement_domain(&m, "gpu-0");
		held += gpu->low_j <= truth_j && truth_j <= gpu->high_j;
		width += (gpu->high_j - gpu->low_j) / truth_j / 2 / trials;
		measurement_fini(&m);
		meter_close(meter);
	}
	print_message("the interval held the truth in %d of %d trials; half width %.1f%% on "
	              "average\n",
	              held, trials, 100 * width);
	assert_true(held >= 190);
	assert_true(width < 0.25);
}

/* The same with eight repeats at evenly shifted phase, as --repeat 8 starts them: as tight as the
 * sensor's own error allows, and still right. */
static void repeats_at_shifted_phase_are_tighter(void **state)
{
	(void)state;
	enum { TRIALS = 200, REPEATS = 8 };
	struct rng rng;
	int held = 0;
	double width = 0, error = 0;
	rng_init(&rng, 20241);
	rig.fake->name = "NVIDIA A100-SXM4-40GB";
	rig.fake->count = 1;
	for (int trial = 0; trial < TRIALS; trial++) {
		double period_s = 0.02 + 1.5 * rng_uniform(&rng), phase_s = 3 * rng_uniform(&rng);
		double high_w = 200 + 200 * rng_uniform(&rng), low_w = 50 + 50 * rng_uniform(&rng);
		double seconds = 10, sensor_s = 0.101 * rng_uniform(&rng);
		struct run_result results[REPEATS] = { { 0 } };
		struct meter *meter = open_meter();
		for (int k = 0; k < REPEATS; k++) {
			double shown_j = 0, updated_s = fmod(sensor_s + 0.101 * k / REPEATS, 0.101);
			rig.fake->energy_uj[0] = 0;
			begin(meter);
			for (int i = 1; i <= 100; i++) {
				for (; updated_s <= i * seconds / 100; updated_s += 0.101)
					shown_j +=
					    (square_j(updated_s, period_s, phase_s, high_w, low_w) -
					     square_j(updated_s - 0.025, period_s, phase_s, high_w,
					              low_w)) /
					    0.025 * 0.101;
				rig.clock.now_ns += 100 * NS_PER_MS;
				rig.fake->energy_uj[0] = (uint64_t)(shown_j * 1e6);
				meter_tick(meter);
			}
			end(meter, &results[k].energy);
		}
		double truth_j = square_j(seconds, period_s, phase_s, high_w, low_w) -
		                 square_j(0, period_s, phase_s, high_w, low_w);
		json_t *document = run_results_to_json(results, REPEATS);
		const json_t *gpu = json_array_get(json_object_get(document, "domains"), 0);
		double low_j = json_number_value(json_object_get(gpu, "energy_low_j"));
		double high_j = json_number_value(json_object_get(gpu, "energy_high_j"));
		double energy_j = json_number_value(json_object_get(gpu, "energy_j"));
		held += low_j <= truth_j && truth_j <= high_j;
		width += (high_j - low_j) / truth_j / 2 / TRIALS;
		error += fabs(energy_j / truth_j - 1) / TRIALS;
		json_decref(document);
		for (int k = 0; k < REPEATS; k++)
			measurement_fini(&results[k].energy);
		meter_close(meter);
	}
	print_message("8 repeats at shifted phase: held in %d of %d trials; half width %.1f%%, "
	              "error %.2f%% on average\n",
	              held, TRIALS, 100 * width, 100 * error);
	assert_true(held >= 190);
	assert_true(width < 0.10);
	assert_true(error < 0.01);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_energy),
		TEST(not_supported_in_turn),
		TEST(a_lost_gpu_is_a_gap),
		TEST(absence_is_explained),
		TEST(superchips_show_their_module),
		TEST(mig_instances_are_attributed),
		TEST(part_time_intervals_hold_the_truth),
		TEST(repeats_at_shifted_phase_are_tighter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
