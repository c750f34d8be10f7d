/* SPDX-License-Identifier: Apache-2.0
 *
 * What all drivers of GPU vendors' libraries share, each against its made-up library with the real
 * ABI: energies, units, boards that vanish and appear, counters that do not count.
 */
#include "support/gpu_rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

static const char *const drivers[] = { "nvml", "rocm_smi", "amdsmi", "level_zero" };
enum { DRIVERS = sizeof drivers / sizeof *drivers };

static double board_w[FAKE_GPUS]; /* what the emulated boards draw */
static double counted[FAKE_GPUS]; /* by which factor their counters count */

/* The emulated machine moves along with the clock. */
struct machine {
	struct gpu_rig *rig;
	double energy_uj[FAKE_GPUS];
	uint64_t before_ns;
};

static void move(void *user, uint64_t now_ns)
{
	struct machine *machine = user;
	double dt_s = seconds_from_ns(now_ns - machine->before_ns);
	for (unsigned i = 0; i < FAKE_GPUS; i++) {
		machine->energy_uj[i] += board_w[i] * counted[i] * dt_s * 1e6;
		machine->rig->fake->energy_uj[i] = (uint64_t)machine->energy_uj[i];
		machine->rig->fake->power_mw[i] = (unsigned)(board_w[i] * 1000);
		machine->rig->fake->instant_mw[i] = (unsigned)(board_w[i] * 1000);
	}
	machine->before_ns = now_ns;
}

static void start(struct machine *machine, struct gpu_rig *rig, const char *driver)
{
	gpu_rig_init(rig, driver);
	*machine = (struct machine){ .rig = rig, .before_ns = rig->clock.now_ns };
	rig->clock.on_sleep = move;
	rig->clock.user = machine;
	for (int i = 0; i < FAKE_GPUS; i++) {
		board_w[i] = 100 + 50 * i;
		counted[i] = 1;
	}
	move(machine, rig->clock.now_ns);
}

static void run(struct gpu_rig *rig, struct meter *meter, int steps)
{
	for (int i = 0; i < steps; i++) {
		rig->clock.clock.sleep_until(rig->clock.clock.user,
		                             rig->clock.now_ns + 100 * NS_PER_MS);
		meter_tick(meter);
	}
}

static void energies_are_exact(void **state)
{
	(void)state;
	for (int d = 0; d < DRIVERS; d++) {
		struct gpu_rig rig;
		struct machine machine;
		struct measurement m = { 0 };
		print_message("%s\n", drivers[d]);
		start(&machine, &rig, drivers[d]);
		struct meter *meter = gpu_rig_meter(&rig);
		assert_int_equal(meter_channel_count(meter), 2);
		assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
		run(&rig, meter, 100);
		assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
		assert_close(measurement_domain(&m, "gpu-0")->energy_j, 1000, 1e-5);
		assert_close(measurement_domain(&m, "gpu-1")->energy_j, 1500, 1e-5);
		assert_close(m.energy_j, 2500, 1e-5);
		assert_string_equal(rig.logged, "");
		measurement_fini(&m);
		meter_close(meter);
		gpu_rig_fini(&rig);
	}
}

/* AMD's libraries state their unit with every reading; what they state is what counts. */
static void the_stated_unit_counts(void **state)
{
	(void)state;
	for (int d = 1; d <= 2; d++) {
		struct gpu_rig rig;
		struct machine machine;
		struct measurement m = { 0 };
		start(&machine, &rig, drivers[d]);
		rig.fake->unit_uj = 15.3F;
		struct meter *meter = gpu_rig_meter(&rig);
		assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
		run(&rig, meter, 100);
		assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
		assert_close(measurement_domain(&m, "gpu-0")->energy_j, 1000, 1e-5);
		measurement_fini(&m);
		meter_close(meter);
		gpu_rig_fini(&rig);
	}
}

/* An MI250's second die shows neither energy nor power: its board is on the first. A counter that
 * counts nonsense beside an honest power is passed over, with a remark. */
static void counters_are_checked_against_power(void **state)
{
	(void)state;
	for (int d = 1; d <= 2; d++)
		for (int layout = 0; layout < 2; layout++) {
			struct gpu_rig rig;
			struct machine machine;
			struct measurement m = { 0 };
			start(&machine, &rig, drivers[d]);
			rig.fake->count = 4;
			rig.fake->layout = layout;
			board_w[0] = 500;
			board_w[1] = 0; /* second die */
			board_w[2] = 400;
			counted[2] = 3; /* counts three times what it should */
			board_w[3] = 350;
			counted[3] = 0; /* stands still */
			move(&machine, rig.clock.now_ns);
			struct meter *meter = gpu_rig_meter(&rig);
			assert_int_equal(meter_channel_count(meter), 4);
			assert_string_equal(meter_channel(meter, 1)->twin_of, "gpu-0");
			assert_non_null(strstr(rig.logged, "power is taken"));
			assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
			run(&rig, meter, 50);
			assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
			assert_close(measurement_domain(&m, "gpu-0")->energy_j, 2500, 1e-5);
			assert_false(measurement_domain(&m, "gpu-1")->in_total);
			assert_close(measurement_domain(&m, "gpu-2")->energy_j, 2000, 1e-3);
			assert_close(measurement_domain(&m, "gpu-3")->energy_j, 1750, 1e-3);
			assert_close(m.energy_j, 6250, 1e-3);
			measurement_fini(&m);
			meter_close(meter);
			gpu_rig_fini(&rig);
		}
}

/* What each library says for a device that is gone. */
static const int gone[] = { 15, 11, 31, 0x70000001 };

static void a_gpu_goes_and_comes_back(void **state)
{
	(void)state;
	for (int d = 0; d < DRIVERS; d++) {
		struct gpu_rig rig;
		struct machine machine;
		struct measurement m = { 0 };
		print_message("%s\n", drivers[d]);
		start(&machine, &rig, drivers[d]);
		rig.fake->count = 1;
		struct meter *meter = gpu_rig_meter(&rig);
		assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
		run(&rig, meter, 30);
		rig.fake->status[FAKE_ENERGY] = gone[d];
		run(&rig, meter, 30);
		rig.fake->status[FAKE_ENERGY] = 0;
		machine.energy_uj[0] = 0; /* reset: its counter begins anew */
		run(&rig, meter, 40);
		assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
		const struct domain_energy *gpu = measurement_domain(&m, "gpu-0");
		double seen_s = gpu->covered_s;
		assert_close(gpu->energy_j, 100 * seen_s, 1e-4);
		assert_true(gpu->gap_s >= 2.9 && gpu->gap_s <= 4.2);
		assert_true(gpu->low_j <= 1000 && 1000 <= gpu->high_j);
		assert_true(seen_s >= 5.8);
		measurement_fini(&m);
		meter_close(meter);
		gpu_rig_fini(&rig);
	}
}

static void a_gpu_that_appears_is_told(void **state)
{
	(void)state;
	for (int d = 0; d < DRIVERS; d++) {
		struct gpu_rig rig;
		struct machine machine;
		struct measurement m = { 0 };
		start(&machine, &rig, drivers[d]);
		rig.fake->count = 1;
		struct meter *meter = gpu_rig_meter(&rig);
		assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
		run(&rig, meter, 20);
		assert_string_equal(rig.logged, "");
		rig.fake->count = 2;
		run(&rig, meter, 20);
		assert_non_null(strstr(rig.logged, "a GPU has appeared (2 where 1 were)"));
		assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
		assert_close(m.energy_j, 400, 1e-4);
		measurement_fini(&m);
		meter_close(meter);
		gpu_rig_fini(&rig);
	}
}

/* Each call in turn refuses: another source is taken, or the driver says why not. Never a number
 * out of nothing. */
static void each_call_refuses_in_turn(void **state)
{
	(void)state;
	static const int refusals[] = { 3, 2, 2, 0x78000003 };
	for (int d = 0; d < DRIVERS; d++)
		for (int call = 0; call < FAKE_CALLS; call++) {
			struct gpu_rig rig;
			struct machine machine;
			struct meter *meter = NULL;
			struct ergon_error err = { 0 };
			start(&machine, &rig, drivers[d]);
			rig.fake->status[call] = refusals[d];
			enum ergon_code code = meter_open(
			    &meter, &rig.env,
			    &(struct meter_options){ .sensors = drivers[d], .manual = true }, &err);
			assert_true(code == ERGON_OK || code == ERGON_NOT_SUPPORTED);
			assert_true(code == ERGON_OK || err.text[0]);
			if (code == ERGON_OK) {
				struct measurement m = { 0 };
				assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
				run(&rig, meter, 20);
				assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
				assert_close(m.energy_j, 500, 1e-3);
				measurement_fini(&m);
			}
			meter_close(meter);
			gpu_rig_fini(&rig);
		}
}

static void cards_without_library_are_explained(void **state)
{
	(void)state;
	static const struct {
		const char *driver, *vendor, *grant;
	} rows[] = { { "nvml", "0x10de", "nvidia-driver" },
		     { "rocm_smi", "0x1002", "librocm-smi64-1" },
		     { "amdsmi", "0x1002", "amd-smi-lib" },
		     { "level_zero", "0x8086", "libze1" } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gpu_rig rig;
		struct sensor_reason reason;
		char dir[256];
		scratch_make(dir, sizeof dir);
		gpu_rig_init(&rig, rows[i].driver);
		rig.soname = "nothing";
		const struct sensor_driver *driver = sensor_driver_find(rows[i].driver);
		assert_int_equal(driver->probe(&rig.env, NULL, &reason), SENSOR_ABSENT);
		assert_string_equal(reason.grant, "");
		put_file(dir, "bus/pci/devices/0000:01:00.0/vendor", rows[i].vendor);
		put_file(dir, "bus/pci/devices/0000:01:00.0/class", "0x030200");
		rig.env.sysfs_root = dir;
		assert_int_equal(driver->probe(&rig.env, NULL, &reason), SENSOR_ABSENT);
		assert_non_null(strstr(reason.grant, rows[i].grant));
		gpu_rig_fini(&rig);
		scratch_remove(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(energies_are_exact),
		cmocka_unit_test(the_stated_unit_counts),
		cmocka_unit_test(counters_are_checked_against_power),
		cmocka_unit_test(a_gpu_goes_and_comes_back),
		cmocka_unit_test(a_gpu_that_appears_is_told),
		cmocka_unit_test(each_call_refuses_in_turn),
		cmocka_unit_test(cards_without_library_are_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
