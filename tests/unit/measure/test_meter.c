/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole meter on a made-up sysfs tree and a clock that the test turns.
 */
#include "support/support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/units.h"
#include "measure/meter.h"

enum { ZONES = 8 };
static const uint64_t range_uj = 262143328850;

struct machine {
	char root[128];
	struct fake_clock clock;
	struct ergon_env env;
	struct meter *meter;
	double power_w[ZONES];
	double energy_j[ZONES]; /* true, since the start */
	uint64_t start_uj[ZONES];
	bool broken[ZONES];
};

static const char *const ids[ZONES] = { "intel-rapl:0", "intel-rapl:0:0",   "intel-rapl:0:1",
	                                "intel-rapl:1", "intel-rapl:1:0",   "intel-rapl:1:1",
	                                "intel-rapl:2", "intel-rapl-mmio:0" };
static const char *const names[ZONES] = { "package-0", "core", "dram", "package-1",
	                                  "core",      "dram", "psys", "package-0" };
static const char *const domains[ZONES] = { "package-0", "package-0/core", "package-0/dram",
	                                    "package-1", "package-1/core", "package-1/dram",
	                                    "psys",      "package-0@mmio" };

/* In place, as sysfs shows it: always the same file, never an empty one but for broken zones. */
static void write_zones(struct machine *machine)
{
	for (int i = 0; i < ZONES; i++) {
		char path[256], text[32];
		if (machine->power_w[i] < 0)
			continue;
		uint64_t value =
		    machine->start_uj[i] + (uint64_t)llround(machine->energy_j[i] * 1e6);
		snprintf(text, sizeof text, "%020llu\n",
		         (unsigned long long)(value % (range_uj + 61)));
		if (machine->broken[i])
			text[0] = '?';
		snprintf(path, sizeof path, "%s/class/powercap/%s/energy_uj", machine->root,
		         ids[i]);
		int fd = open(path, O_WRONLY | O_CREAT, 0644);
		assert_true(fd >= 0 && pwrite(fd, text, 21, 0) == 21);
		close(fd);
	}
}

/* power_w < 0: this zone is not there. */
static void machine_make(struct machine *machine, const double *power_w, const uint64_t *start_uj)
{
	memset(machine, 0, sizeof *machine);
	scratch_make(machine->root, sizeof machine->root);
	fake_clock_init(&machine->clock);
	machine->env = (struct ergon_env){ .sysfs_root = machine->root,
		                           .procfs_root = machine->root,
		                           .devfs_root = machine->root,
		                           .data_dir = machine->root,
		                           .state_dir = machine->root,
		                           .clock = &machine->clock.clock };
	for (int i = 0; i < ZONES; i++) {
		char file[128], text[32];
		machine->power_w[i] = power_w[i];
		machine->start_uj[i] = start_uj ? start_uj[i] : 1000000u * (unsigned)i;
		if (power_w[i] < 0)
			continue;
		snprintf(file, sizeof file, "class/powercap/%s/name", ids[i]);
		snprintf(text, sizeof text, "%s\n", names[i]);
		put_file(machine->root, file, text);
		snprintf(file, sizeof file, "class/powercap/%s/max_energy_range_uj", ids[i]);
		snprintf(text, sizeof text, "%llu\n", (unsigned long long)range_uj);
		put_file(machine->root, file, text);
	}
	write_zones(machine);
	struct ergon_error err = { 0 };
	if (meter_open(&machine->meter, &machine->env,
	               &(struct meter_options){ .sensors = "rapl_powercap", .manual = true }, &err))
		fail_msg("%s", err.text);
}

static void machine_end(struct machine *machine)
{
	meter_close(machine->meter);
	scratch_remove(machine->root);
}

static void run_for(struct machine *machine, double seconds, uint64_t step_ns)
{
	uint64_t until_ns = machine->clock.now_ns + ns_from_seconds(seconds);
	while (machine->clock.now_ns < until_ns) {
		uint64_t passed_ns = until_ns - machine->clock.now_ns;
		if (passed_ns > step_ns)
			passed_ns = step_ns;
		machine->clock.now_ns += passed_ns;
		for (int i = 0; i < ZONES; i++)
			machine->energy_j[i] +=
			    fmax(machine->power_w[i], 0) * seconds_from_ns(passed_ns);
		write_zones(machine);
		meter_tick(machine->meter);
	}
}

static void begin(struct machine *machine)
{
	struct ergon_error err = { 0 };
	if (meter_begin(machine->meter, &err))
		fail_msg("%s", err.text);
}

static struct measurement end(struct machine *machine)
{
	struct measurement m = { 0 };
	struct ergon_error err = { 0 };
	if (meter_end(machine->meter, &m, &err))
		fail_msg("%s", err.text);
	return m;
}

static const struct domain_energy *domain(const struct measurement *m, const char *name)
{
	const struct domain_energy *found = measurement_domain(m, name);
	if (!found)
		fail_msg("no domain %s", name);
	return found;
}

static const double two_sockets_w[ZONES] = { 50, 30, 8, 70, 40, 6, -1, 50 };

static void two_sockets(void **state)
{
	(void)state;
	struct machine machine;
	/* Socket 1 wraps after two seconds. */
	const uint64_t start_uj[ZONES] = { 5, 6, 7, range_uj - 140000000, 8, 9, 0, 5 };
	machine_make(&machine, two_sockets_w, start_uj);
	begin(&machine);
	run_for(&machine, 5, 100 * NS_PER_MS);
	struct measurement m = end(&machine);
	assert_close(m.duration_s, 5, 1e-9);
	for (int i = 0; i < ZONES; i++) {
		if (two_sockets_w[i] < 0)
			continue;
		const struct domain_energy *d = domain(&m, domains[i]);
		assert_close(d->energy_j, two_sockets_w[i] * 5, 1e-7);
		assert_close(d->average_power_w, two_sockets_w[i], 1e-7);
		assert_close(d->peak_power_w, two_sockets_w[i], 1e-5);
		assert_int_equal(d->wraps, i == 3);
		assert_true(d->low_j < d->energy_j && d->high_j > d->energy_j);
	}
	assert_string_equal(domain(&m, "package-0@mmio")->duplicate_of, "package-0");
	assert_close(m.energy_j, (50 + 8 + 70 + 6) * 5, 1e-7);
	assert_close(m.peak_power_w, 134, 1e-5);
	assert_true(m.measured && !m.modelled);
	measurement_fini(&m);
	/* A second window on the same meter starts from nothing. */
	begin(&machine);
	run_for(&machine, 1, 100 * NS_PER_MS);
	m = end(&machine);
	assert_close(m.energy_j, 134, 1e-7);
	measurement_fini(&m);
	machine_end(&machine);
}

static void psys_contains(void **state)
{
	(void)state;
	const double power_w[ZONES] = { 20, 10, 3, -1, -1, -1, 35, 20 };
	struct machine machine;
	machine_make(&machine, power_w, NULL);
	begin(&machine);
	run_for(&machine, 2, 100 * NS_PER_MS);
	struct measurement m = end(&machine);
	assert_close(m.energy_j, 70, 1e-7);
	assert_true(domain(&m, "psys")->in_total && !domain(&m, "package-0")->in_total);
	measurement_fini(&m);
	machine_end(&machine);
}

/* The preferred twin fails half way: the other one counts. */
static void twin_steps_in(void **state)
{
	(void)state;
	struct machine machine;
	machine_make(&machine, two_sockets_w, NULL);
	begin(&machine);
	run_for(&machine, 1, 100 * NS_PER_MS);
	machine.broken[0] = true;
	run_for(&machine, 1, 100 * NS_PER_MS);
	struct measurement m = end(&machine);
	assert_close(domain(&m, "package-0")->gap_s, 1, 1e-6);
	assert_close(domain(&m, "package-0")->energy_j, 50, 1e-7);
	assert_true(domain(&m, "package-0")->high_j >= 100);
	assert_string_equal(domain(&m, "package-0")->duplicate_of, "package-0@mmio");
	assert_true(domain(&m, "package-0@mmio")->in_total);
	assert_close(m.energy_j, 2 * 134, 1e-7);
	measurement_fini(&m);
	machine_end(&machine);
}

static void regions_nest(void **state)
{
	(void)state;
	struct machine machine;
	struct meter_region *outer, *inner;
	struct measurement m = { 0 };
	struct ergon_error err = { 0 };
	machine_make(&machine, two_sockets_w, NULL);
	begin(&machine);
	run_for(&machine, 1, 100 * NS_PER_MS);
	assert_int_equal(meter_region_begin(machine.meter, &outer, &err), ERGON_OK);
	run_for(&machine, 1, 100 * NS_PER_MS);
	assert_int_equal(meter_region_begin(machine.meter, &inner, &err), ERGON_OK);
	machine.power_w[0] = 150;
	run_for(&machine, 1, 100 * NS_PER_MS);
	assert_int_equal(meter_region_end(machine.meter, inner, &m, &err), ERGON_OK);
	assert_close(m.duration_s, 1, 1e-9);
	assert_close(domain(&m, "package-0")->energy_j, 150, 1e-7);
	assert_close(m.energy_j, 234, 1e-7);
	measurement_fini(&m);
	assert_int_equal(meter_region_end(machine.meter, outer, &m, &err), ERGON_OK);
	assert_close(m.energy_j, 134 + 234, 1e-7);
	assert_close(domain(&m, "package-0")->peak_power_w, 150, 1e-5);
	measurement_fini(&m);
	m = end(&machine);
	assert_close(m.energy_j, 2 * 134 + 234, 1e-7);
	measurement_fini(&m);
	machine_end(&machine);
}

static void suspend_is_a_gap(void **state)
{
	(void)state;
	struct machine machine;
	machine_make(&machine, two_sockets_w, NULL);
	begin(&machine);
	run_for(&machine, 1, 100 * NS_PER_MS);
	machine.clock.suspended_ns += 300 * NS_PER_S;
	run_for(&machine, 1, 100 * NS_PER_MS);
	struct measurement m = end(&machine);
	assert_close(m.suspended_s, 300, 1e-9);
	assert_close(m.energy_j, 134 * 1.9, 1e-6); /* the step around it is not trusted */
	assert_int_equal(domain(&m, "package-1")->gaps, 1);
	measurement_fini(&m);
	machine_end(&machine);
}

/* Random powers, phases, intervals, vanishing and empty files: never a joule too many, and none too
 * few where the counter could be read at both ends. */
static void random_machines(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 99);
	for (int run = 0; run < 60; run++) {
		struct machine machine;
		double power_w[ZONES];
		uint64_t start_uj[ZONES];
		for (int i = 0; i < ZONES; i++) {
			power_w[i] = 1 + 200 * rng_uniform(&rng);
			start_uj[i] = range_uj - rng_below(&rng, 2000000000);
		}
		power_w[6] = -1;
		power_w[7] = power_w[0];
		start_uj[7] = start_uj[0];
		machine_make(&machine, power_w, start_uj);
		begin(&machine);
		for (int step = 0; step < 8; step++) {
			for (int i = 0; i < ZONES; i++)
				machine.broken[i] = step < 7 && rng_uniform(&rng) < 0.2;
			run_for(&machine, 0.1 + 0.4 * rng_uniform(&rng), 150 * NS_PER_MS);
		}
		struct measurement m = end(&machine);
		double total_j = 0;
		for (int i = 0; i < ZONES; i++) {
			if (power_w[i] < 0)
				continue;
			const struct domain_energy *d = domain(&m, domains[i]);
			assert_true(fabs(d->energy_j - machine.energy_j[i]) < 3e-6);
			assert_true(d->gap_s == 0);
			if (i == 0 || i == 2 || i == 3 || i == 5)
				total_j += machine.energy_j[i];
		}
		assert_close(m.energy_j, total_j, 1e-6);
		measurement_fini(&m);
		machine_end(&machine);
	}
}

static int drained;
static void take(void *user, const struct meter_sample *sample)
{
	int64_t *last_uj = user;
	assert_true(sample->energy_uj[0] >= *last_uj);
	*last_uj = sample->energy_uj[0];
	drained++;
}

/* The real clock and the sampler's own thread: begins, streams, ends. */
static void thread_streams(void **state)
{
	(void)state;
	struct machine machine;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct ergon_error err = { 0 };
	machine_make(&machine, two_sockets_w, NULL);
	meter_close(machine.meter);
	machine.meter = NULL;
	ergon_env_init(&env, &storage);
	env.sysfs_root = machine.root;
	struct meter_options options = { .interval_ns = NS_PER_MS, .stream = true };
	assert_int_equal(meter_open(&machine.meter, &env, &options, &err), ERGON_OK);
	assert_int_equal(meter_channel_count(machine.meter), 7); /* no model beside sensors */
	begin(&machine);
	usleep(50000);
	struct measurement m = end(&machine);
	int64_t last_uj = 0;
	drained = 0;
	uint64_t lost = meter_drain(machine.meter, take, &last_uj);
	assert_true(drained >= 2);
	/* The thread may read once more between the end of the window and its own. */
	assert_true((uint64_t)drained + lost >= m.samples);
	assert_true(m.own_cpu_s > 0);
	assert_close(m.energy_j + 1, 1, 1e-12); /* nothing moved */
	measurement_fini(&m);
	machine_end(&machine);
}

static void names_are_checked(void **state)
{
	(void)state;
	struct machine machine;
	struct meter *meter;
	struct ergon_error err = { 0 };
	machine_make(&machine, two_sockets_w, NULL);
	assert_int_equal(meter_open(&meter, &machine.env,
	                            &(struct meter_options){ .sensors = "rapl_powrcap" }, &err),
	                 ERGON_NOT_FOUND);
	assert_non_null(strstr(err.text, "did you mean 'rapl_powercap'"));
	assert_int_equal(
	    meter_open(&meter, &machine.env, &(struct meter_options){ .sensors = "hwmon" }, &err),
	    ERGON_NOT_SUPPORTED);
	assert_null(meter);
	machine_end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sockets),      cmocka_unit_test(psys_contains),
		cmocka_unit_test(twin_steps_in),    cmocka_unit_test(regions_nest),
		cmocka_unit_test(suspend_is_a_gap), cmocka_unit_test(random_machines),
		cmocka_unit_test(thread_streams),   cmocka_unit_test(names_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
