/* SPDX-License-Identifier: Apache-2.0
 *
 * Power models fitted to sensors: on made-up samples, and on an emulated machine with RAPL, perf
 * counters and memory controllers, whose sensors are then taken away.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/units.h"
#include "measure/calibrate_power.h"
#include "measure/calibration.h"
#include "measure/meter.h"

static void coefficients_are_found(void **state)
{
	(void)state;
	struct rng rng;
	struct power_sample samples[60] = { 0 };
	bool wanted[FEATURE_COUNT] = { [FEATURE_TIME] = true,
		                       [FEATURE_BUSY] = true,
		                       [FEATURE_MISSES] = true,
		                       [FEATURE_CYCLES] = true };
	struct power_model model, again;
	struct ergon_error err = { 0 };
	rng_init(&rng, 3);
	for (unsigned i = 0; i < 60; i++) {
		struct power_sample *s = &samples[i];
		s->phase = i / 5;
		s->rate[FEATURE_TIME] = 1;
		s->rate[FEATURE_BUSY] = s->phase % 5;
		s->rate[FEATURE_MISSES] = 0.01 * (s->phase * 7 % 11);
		s->power_w = 20 + 8 * s->rate[FEATURE_BUSY] + 100 * s->rate[FEATURE_MISSES];
		s->power_w *= 1 + 0.01 * rng_normal(&rng);
	}
	if (power_fit(samples, 60, wanted, &model, &err))
		fail_msg("%s", err.text);
	assert_close(model.coefficient[FEATURE_TIME], 20, 0.05);
	assert_close(model.coefficient[FEATURE_BUSY], 8, 0.05);
	assert_close(model.coefficient[FEATURE_MISSES], 100, 0.2);
	assert_false(model.uses[FEATURE_CYCLES]); /* never counted */
	assert_true(model.relative_error > 0 && model.relative_error < 0.03);
	/* There and back again. */
	json_t *json = power_model_to_json(&model);
	assert_int_equal(power_model_from_json(json, (struct json_place){ "x", "" }, &again, &err),
	                 ERGON_OK);
	double change[FEATURE_COUNT] = { [FEATURE_TIME] = 10, [FEATURE_BUSY] = 20 };
	assert_close(power_model_j(&again, change), power_model_j(&model, change), 1e-12);
	assert_close(power_model_j(&again, change), 360, 0.05);
	json_decref(json);
	/* Two phases prove nothing. */
	assert_int_equal(power_fit(samples, 10, wanted, &model, &err), ERGON_BAD_INPUT);
}

/* --- the emulated machine --------------------------------------------------------------------- */

enum { EVENTS = 8 };

struct machine {
	char dir[256];
	struct fake_clock clock;
	struct ergon_env env;
	double busy, misses, traffic; /* rates: CPUs, 1e9 / s, GB/s */
	double sums[FEATURE_COUNT], package_j, dram_j;
	uint64_t before_ns;
	bool closed_counters;
	int count_fds[EVENTS]; /* files that play counters: cycles, instructions, misses, reads,
	                          writes */
	int package_fd, dram_fd;
};

static double package_w(const struct machine *m)
{
	return 30 + 12 * m->busy + 400 * m->misses;
}
static double dram_w(const struct machine *m)
{
	return 6 + 0.25 * m->traffic;
}

static void put_number(int fd, uint64_t value)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%llu\n", (unsigned long long)value);
	assert_int_equal(pwrite(fd, text, (size_t)length, 0), length);
}

static void put_counter(int fd, double value)
{
	uint64_t count = (uint64_t)value;
	assert_int_equal(pwrite(fd, &count, sizeof count, 0), sizeof count);
}

static void move(void *user, uint64_t now_ns)
{
	struct machine *m = user;
	char stat[256];
	double dt_s = seconds_from_ns(now_ns - m->before_ns);
	m->before_ns = now_ns;
	m->sums[FEATURE_BUSY] += m->busy * dt_s;
	m->sums[FEATURE_MISSES] += m->misses * dt_s;
	m->sums[FEATURE_TRAFFIC] += m->traffic * dt_s;
	m->package_j += package_w(m) * dt_s;
	m->dram_j += dram_w(m) * dt_s;
	double ticks = m->sums[FEATURE_BUSY] * (double)sysconf(_SC_CLK_TCK) / 2;
	snprintf(stat, sizeof stat,
	         "cpu  1 0 0 1 0 0 0 0 0 0\ncpu0 %.0f 0 0 1 0 0 0 0 0 0\n"
	         "cpu1 %.0f 0 0 1 0 0 0 0 0 0\nintr 1\n",
	         ticks, ticks);
	put_file(m->dir, "stat", stat);
	put_counter(m->count_fds[0], m->sums[FEATURE_BUSY] * 3e9);
	put_counter(m->count_fds[1], m->sums[FEATURE_BUSY] * 4e9);
	put_counter(m->count_fds[2], m->sums[FEATURE_MISSES] * 1e9 / 2); /* of each CPU */
	put_counter(m->count_fds[3], m->sums[FEATURE_TRAFFIC] / 64e-9);
	put_counter(m->count_fds[4], 0);
	put_number(m->package_fd, (uint64_t)(m->package_j * 1e6));
	put_number(m->dram_fd, (uint64_t)(m->dram_j * 1e6));
}

static int open_event(void *user, void *attr, int pid, int cpu, int group, unsigned long flags)
{
	struct machine *m = user;
	const struct perf_event_attr *event = attr;
	int which = 3; /* reads of the memory controller */
	(void)pid;
	(void)cpu;
	(void)group;
	(void)flags;
	if (m->closed_counters) {
		errno = EACCES;
		return -1;
	}
	if (event->type == PERF_TYPE_HARDWARE)
		which = event->config == PERF_COUNT_HW_CPU_CYCLES     ? 0
		        : event->config == PERF_COUNT_HW_INSTRUCTIONS ? 1
		                                                      : 2;
	else if (event->config != 0x0304) /* writes are counted with the reads here */
		which = 4;
	return dup(m->count_fds[which]);
}

static int open_at(struct machine *m, const char *name, const char *text)
{
	char path[512];
	put_file(m->dir, name, text);
	snprintf(path, sizeof path, "%s/%s", m->dir, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void machine_make(struct machine *m)
{
	static const char *const files[][2] = {
		{ "cpuinfo",
		  "processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 106\n"
		  "processor : 1\n" },
		{ "class/powercap/intel-rapl:0/name", "package-0\n" },
		{ "class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n" },
		{ "class/powercap/intel-rapl:0:1/name", "dram\n" },
		{ "class/powercap/intel-rapl:0:1/max_energy_range_uj", "262143328850\n" },
		{ "bus/event_source/devices/uncore_imc_0/type", "13\n" },
		{ "bus/event_source/devices/uncore_imc_0/cpumask", "0\n" },
		{ "bus/event_source/devices/uncore_imc_0/format/event", "config:0-7\n" },
		{ "bus/event_source/devices/uncore_imc_0/format/umask", "config:8-15\n" },
		{ "bus/event_source/devices/uncore_imc_0/events/cas_count_write",
		  "event=0x04,umask=0x0c\n" },
		{ "bus/event_source/devices/uncore_imc_0/events/cas_count_read",
		  "event=0x04,umask=0x03\n" },
	};
	*m = (struct machine){ .busy = 0.1 };
	scratch_make(m->dir, sizeof m->dir);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		put_file(m->dir, files[i][0], files[i][1]);
	m->package_fd = open_at(m, "class/powercap/intel-rapl:0/energy_uj", "0\n");
	m->dram_fd = open_at(m, "class/powercap/intel-rapl:0:1/energy_uj", "0\n");
	for (int i = 0; i < EVENTS; i++) {
		char name[32];
		snprintf(name, sizeof name, "counter-%d", i);
		m->count_fds[i] = open_at(m, name, "");
	}
	fake_clock_init(&m->clock);
	m->clock.on_sleep = move;
	m->clock.user = m;
	m->before_ns = m->clock.now_ns;
	m->env = (struct ergon_env){ .sysfs_root = m->dir,
		                     .procfs_root = m->dir,
		                     .devfs_root = m->dir,
		                     .data_dir = ERGON_SOURCE_DIR "/data",
		                     .state_dir = m->dir,
		                     .clock = &m->clock.clock,
		                     .perf_event_open = open_event,
		                     .device_user = m };
	move(m, m->clock.now_ns);
}

static void machine_end(struct machine *m)
{
	for (int i = 0; i < EVENTS; i++)
		close(m->count_fds[i]);
	close(m->package_fd);
	close(m->dram_fd);
	scratch_remove(m->dir);
}

static struct meter *open_meter(struct machine *m, const char *sensors)
{
	struct meter *meter;
	struct ergon_error err = { 0 };
	if (meter_open(&meter, &m->env,
	               &(struct meter_options){ .sensors = sensors, .manual = true }, &err))
		fail_msg("%s: %s", sensors, err.text);
	return meter;
}

/* Ten phases of load, as ergon calibrate plays them; the result is kept. */
static json_t *calibrate(struct machine *m, enum power_target target)
{
	static const double phases[][3] = { { 0.05, 0, 0.2 },  { 1, 0.001, 1 }, { 2, 0.002, 2 },
		                            { 1, 0.05, 12 },   { 2, 0.09, 20 }, { 0.5, 0.02, 6 },
		                            { 1.5, 0.06, 14 }, { 2, 0.01, 4 },  { 0.5, 0.05, 9 },
		                            { 0.02, 0.0, 0.1 } };
	struct power_samples samples = { .target = target };
	struct ergon_error err = { 0 };
	json_t *document = NULL;
	struct meter *meter = open_meter(m, "rapl_powercap");
	struct features *features = features_open(&m->env);
	assert_non_null(features);
	for (unsigned i = 0; i < 10; i++) {
		m->busy = phases[i][0];
		m->misses = phases[i][1];
		m->traffic = phases[i][2];
		if (power_samples_take(&samples, &m->env, meter, features, NULL, i, 5, 1, &err))
			fail_msg("%s", err.text);
	}
	if (power_samples_fit(&samples, &m->env, &document, &err))
		fail_msg("%s", err.text);
	assert_int_equal(
	    calibrations_save(&m->env, target == POWER_OF_CPU ? "cpu" : "dram", document, &err),
	    ERGON_OK);
	features_close(features);
	meter_close(meter);
	power_samples_fini(&samples);
	return document;
}

static double first_error(const json_t *document)
{
	return json_number_value(json_object_get(
	    json_array_get(json_object_get(document, "models"), 0), "relative_error"));
}

/* Ten seconds of a load that was not among the phases, through the model alone. */
static void check_model(struct machine *m, const char *sensor, const char *channel,
                        double tolerance)
{
	struct measurement measurement = { 0 };
	struct meter *meter = open_meter(m, sensor);
	m->busy = 1.2;
	m->misses = 0.03;
	m->traffic = 7;
	double before_j = strcmp(channel, "dram") == 0 ? m->dram_j : m->package_j;
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 100; i++) {
		m->clock.clock.sleep_until(&m->clock, m->clock.now_ns + 100 * NS_PER_MS);
		meter_tick(meter);
	}
	assert_int_equal(meter_end(meter, &measurement, NULL), ERGON_OK);
	double truth_j = (strcmp(channel, "dram") == 0 ? m->dram_j : m->package_j) - before_j;
	const struct domain_energy *domain = measurement_domain(&measurement, channel);
	assert_non_null(domain);
	print_message("%s: %.2f J, true %.2f J\n", sensor, domain->energy_j, truth_j);
	assert_close(domain->energy_j, truth_j, tolerance);
	assert_int_equal(domain->provenance, PROVENANCE_MODELLED);
	assert_true(domain->low_j <= truth_j && truth_j <= domain->high_j);
	measurement_fini(&measurement);
	meter_close(meter);
}

static void an_emulated_machine_is_calibrated(void **state)
{
	(void)state;
	struct machine m;
	machine_make(&m);
	json_t *cpu = calibrate(&m, POWER_OF_CPU), *dram = calibrate(&m, POWER_OF_DRAM);
	print_message("loads left out: cpu %.2f%%, dram %.2f%%\n", 100 * first_error(cpu),
	              100 * first_error(dram));
	assert_true(first_error(cpu) < 0.03);
	assert_true(first_error(dram) < 0.02);
	assert_int_equal(json_array_size(json_object_get(cpu, "models")), 2);
	assert_int_equal(json_array_size(json_object_get(dram, "models")), 3);
	check_model(&m, "cpu_model", "package-0", 0.03);
	check_model(&m, "dram_model", "dram", 0.02);
	/* Counters closed later: the models without them, and their greater error. */
	m.closed_counters = true;
	check_model(&m, "cpu_model", "package-0", 0.25);
	check_model(&m, "dram_model", "dram", 0.6);
	json_decref(cpu);
	json_decref(dram);
	machine_end(&m);
}

static void missing_counters_are_named(void **state)
{
	(void)state;
	struct machine m;
	machine_make(&m);
	m.closed_counters = true;
	json_t *cpu = calibrate(&m, POWER_OF_CPU);
	const char *missing = json_string_value(json_object_get(cpu, "missing"));
	assert_non_null(strstr(missing, "cycles"));
	assert_non_null(strstr(missing, "traffic"));
	json_decref(cpu);
	machine_end(&m);
}

/* Kept by another processor (a home shared by a cluster): not used. */
static void another_processors_model_is_not_used(void **state)
{
	(void)state;
	struct machine m;
	struct power_model model;
	machine_make(&m);
	json_decref(calibrate(&m, POWER_OF_CPU));
	struct features *features = features_open(&m.env);
	assert_true(power_model_kept(&m.env, POWER_OF_CPU, features, &model));
	put_file(m.dir, "cpuinfo",
	         "processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 79\n");
	assert_false(power_model_kept(&m.env, POWER_OF_CPU, features, &model));
	features_close(features);
	machine_end(&m);
}

static void no_sensor_is_told(void **state)
{
	(void)state;
	struct machine m;
	struct ergon_error err = { 0 };
	struct power_samples samples = { .target = POWER_OF_CPU };
	machine_make(&m);
	struct meter *meter = open_meter(&m, "cpu_model");
	struct features *features = features_open(&m.env);
	assert_int_equal(power_samples_take(&samples, &m.env, meter, features, NULL, 0, 1, 1, &err),
	                 ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "no measured channel"));
	features_close(features);
	meter_close(meter);
	power_samples_fini(&samples);
	machine_end(&m);
}

/* EA2P's slot model: modules x W(size) x memory in use. */
static void the_slot_model_is_there(void **state)
{
	(void)state;
	struct machine m;
	struct measurement measurement = { 0 };
	machine_make(&m);
	put_file(m.dir, "meminfo",
	         "MemTotal: 33554432 kB\nMemFree: 5 kB\n"
	         "MemAvailable: 8388608 kB\n");
	struct meter *meter = open_meter(&m, "dram_model:ea2p");
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 100; i++) {
		m.clock.clock.sleep_until(&m.clock, m.clock.now_ns + 100 * NS_PER_MS);
		meter_tick(meter);
	}
	assert_int_equal(meter_end(meter, &measurement, NULL), ERGON_OK);
	assert_close(measurement.energy_j, 32 * 0.375 * 0.75 * 10, 1e-6);
	measurement_fini(&measurement);
	meter_close(meter);
	struct sensor_reason reason;
	assert_int_equal(sensor_driver_find("dram_model")->probe(&m.env, "ea2", &reason),
	                 SENSOR_ABSENT);
	machine_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coefficients_are_found),
		cmocka_unit_test(an_emulated_machine_is_calibrated),
		cmocka_unit_test(missing_counters_are_named),
		cmocka_unit_test(another_processors_model_is_not_used),
		cmocka_unit_test(no_sensor_is_told),
		cmocka_unit_test(the_slot_model_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
