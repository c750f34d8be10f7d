/* SPDX-License-Identifier: Apache-2.0
 *
 * Each driver against a made-up source.
 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "measure/sensor.h"

struct bench {
	char root[128];
	struct fake_clock clock;
	struct ergon_env env;
	const struct sensor_driver *driver;
	void *state;
	struct channel *channels;
	struct reading readings[64];
	int count;
};

static void bench_make(struct bench *bench, const char *driver)
{
	*bench = (struct bench){ .driver = sensor_driver_find(driver) };
	assert_non_null(bench->driver);
	scratch_make(bench->root, sizeof bench->root);
	fake_clock_init(&bench->clock);
	bench->env = (struct ergon_env){ .sysfs_root = bench->root,
		                         .procfs_root = bench->root,
		                         .devfs_root = bench->root,
		                         .data_dir = ERGON_SOURCE_DIR "/data",
		                         .state_dir = bench->root,
		                         .clock = &bench->clock.clock };
	bench->state = calloc(1, bench->driver->state_size);
	bench->channels = calloc(64, sizeof *bench->channels);
}

static void bench_open(struct bench *bench, const char *argument)
{
	struct ergon_error err = { 0 };
	bench->count =
	    bench->driver->open(bench->state, &bench->env, argument, bench->channels, 64, &err);
	if (bench->count < 0)
		fail_msg("%s", err.text);
}

static void bench_read(struct bench *bench)
{
	bench->driver->read(bench->state, bench->readings, bench->count);
}

static void bench_end(struct bench *bench)
{
	if (bench->count > 0)
		bench->driver->close(bench->state);
	free(bench->state);
	free(bench->channels);
	scratch_remove(bench->root);
}

/* The same machine through another driver, opened and read. */
static void bench_turn(struct bench *bench, const char *driver)
{
	bench->driver->close(bench->state);
	free(bench->state);
	bench->driver = sensor_driver_find(driver);
	bench->state = calloc(1, bench->driver->state_size);
	memset(bench->channels, 0, 64 * sizeof *bench->channels);
	bench_open(bench, NULL);
	bench_read(bench);
}

static int channel_at(const struct bench *bench, const char *name)
{
	for (int i = 0; i < bench->count; i++)
		if (strcmp(bench->channels[i].name, name) == 0)
			return i;
	fail_msg("no channel %s", name);
	return -1;
}

static uint64_t raw_of(const struct bench *bench, const char *name)
{
	const struct reading *r = &bench->readings[channel_at(bench, name)];
	assert_true(r->valid);
	return r->raw;
}

/* --- rapl_powercap --------------------------------------------------------- */

static void put_zone(struct bench *bench, const char *id, const char *name, const char *energy)
{
	char file[128];
	snprintf(file, sizeof file, "class/powercap/%s/name", id);
	put_file(bench->root, file, name);
	snprintf(file, sizeof file, "class/powercap/%s/energy_uj", id);
	put_file(bench->root, file, energy);
	snprintf(file, sizeof file, "class/powercap/%s/max_energy_range_uj", id);
	put_file(bench->root, file, "262143328850\n");
}

static void rapl_zones(void **state)
{
	(void)state;
	struct bench bench;
	bench_make(&bench, "rapl_powercap");
	put_zone(&bench, "intel-rapl:0", "package-0\n", "11\n");
	put_zone(&bench, "intel-rapl:0/intel-rapl:0:0", "core\n", "22\n"); /* nested, too */
	put_zone(&bench, "intel-rapl:0:1", "dram\n", "33\n");
	put_zone(&bench, "intel-rapl:1", "psys\n", "44\n");
	put_zone(&bench, "intel-rapl-mmio:0", "package-0\n", "55\n");
	bench_open(&bench, NULL);
	bench_read(&bench);
	assert_int_equal(bench.count, 5);
	assert_int_equal(raw_of(&bench, "package-0"), 11);
	assert_int_equal(raw_of(&bench, "package-0/core"), 22);
	assert_int_equal(raw_of(&bench, "package-0/dram"), 33);
	assert_int_equal(raw_of(&bench, "psys"), 44);
	assert_int_equal(raw_of(&bench, "package-0@mmio"), 55);
	int mmio = channel_at(&bench, "package-0@mmio");
	assert_string_equal(bench.channels[mmio].twin_of, "package-0");
	assert_true(bench.channels[0].wrap_at_uj == UINT64_C(262143328911));
	/* A file that goes, one that holds nonsense, one that comes back. */
	char path[256];
	snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:1/energy_uj", bench.root);
	unlink(path);
	put_file(bench.root, "class/powercap/intel-rapl:0/energy_uj", "-5\n");
	bench_read(&bench);
	assert_false(bench.readings[channel_at(&bench, "package-0")].valid);
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_false(bench.readings[channel_at(&bench, "psys")].valid);
	assert_int_equal(bench.readings[channel_at(&bench, "psys")].error, ENOENT);
	put_file(bench.root, "class/powercap/intel-rapl:1/energy_uj", "99\n");
	put_file(bench.root, "class/powercap/intel-rapl:0/energy_uj", "18446744073709551616\n");
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_int_equal(raw_of(&bench, "psys"), 99);
	assert_false(bench.readings[channel_at(&bench, "package-0")].valid);
	bench_end(&bench);
}

static void rapl_absent(void **state)
{
	(void)state;
	struct bench bench;
	struct sensor_reason reason;
	bench_make(&bench, "rapl_powercap");
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.grant, "modprobe"));
	put_file(bench.root, "cpuinfo", "flags\t\t: fpu hypervisor lm\n");
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.text, "virtual machine"));
	if (geteuid() != 0) {
		put_zone(&bench, "intel-rapl:0", "package-0\n", "11\n");
		char path[256];
		snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:0/energy_uj", bench.root);
		chmod(path, 0);
		assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_CLOSED);
		assert_non_null(strstr(reason.grant, "chmod a+r"));
	}
	bench_end(&bench);
}

/* --- hwmon ----------------------------------------------------------------- */

static void hwmon_chips(void **state)
{
	(void)state;
	struct bench bench;
	bench_make(&bench, "hwmon");
	const char *const files[][2] = {
		{ "class/hwmon/hwmon0/name", "amd_energy\n" },
		{ "class/hwmon/hwmon0/energy1_input", "100\n" },
		{ "class/hwmon/hwmon0/energy1_label", "Ecore000\n" },
		{ "class/hwmon/hwmon0/energy2_input", "200\n" },
		{ "class/hwmon/hwmon0/energy2_label", "Ecore001\n" },
		{ "class/hwmon/hwmon0/energy3_input", "300\n" },
		{ "class/hwmon/hwmon0/energy3_label", "Esocket0\n" },
		{ "class/hwmon/hwmon1/name", "amdgpu\n" },
		{ "class/hwmon/hwmon1/power1_average", "45000000\n" },
		{ "class/hwmon/hwmon1/power1_input", "46000000\n" },
		{ "class/hwmon/hwmon1/power1_label", "PPT\n" },
		{ "class/hwmon/hwmon2/name", "power_meter\n" },
		{ "class/hwmon/hwmon2/power1_average", "120000000\n" },
		{ "class/hwmon/hwmon2/device/power1_oem_info", "Grace Power Socket 0\n" },
		{ "class/hwmon/hwmon3/name", "power_meter\n" },
		{ "class/hwmon/hwmon3/power1_average", "90000000\n" },
		{ "class/hwmon/hwmon3/power1_oem_info", "CPU Power Socket 0\n" },
		{ "class/hwmon/hwmon4/name", "ina226\n" },
		{ "class/hwmon/hwmon4/power1_input", "4294967295000\n" },
		{ "class/hwmon/hwmon4/power1_label", "VDD GPU\n" },
		{ "class/hwmon/hwmon5/name", "BAT0\n" },
		{ "class/hwmon/hwmon5/power1_input", "5\n" },
		{ "class/hwmon/hwmon10/name", "xe\n" },
		{ "class/hwmon/hwmon10/energy1_input", "777\n" },
		{ "class/hwmon/hwmon10/energy1_label", "card\n" },
		{ "class/hwmon/hwmon10/power1_input", "1\n" },
		{ "class/hwmon/hwmon10/power1_label", "card\n" },
		{ "class/hwmon/hwmon10/energy2_input", "555\n" },
		{ "class/hwmon/hwmon10/energy2_label", "pkg\n" },
		{ "class/hwmon/hwmon11/temp1_input", "5\n" },
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		put_file(bench.root, files[i][0], files[i][1]);
	put_file(bench.root, "bus/pci/devices/0000:03:00.0/vendor", "0x1002\n");
	put_file(bench.root, "bus/pci/devices/0000:03:00.0/class", "0x030000\n");
	struct sensor_reason reason;
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_READY);
	bench_open(&bench, NULL);
	assert_int_equal(bench.count, 4);
	bench_read(&bench);
	assert_int_equal(raw_of(&bench, "gpu-0"), 45000000); /* the average, not both */
	assert_int_equal(raw_of(&bench, "package-0"), 120000000);
	assert_int_equal(raw_of(&bench, "package-0/core"), 90000000);
	assert_false(bench.readings[channel_at(&bench, "hwmon/ina226-4/VDD-GPU")].valid);
	bench_turn(&bench, "amd_energy");
	assert_int_equal(bench.count, 3);
	assert_int_equal(raw_of(&bench, "package-0/core-0"), 100);
	assert_int_equal(raw_of(&bench, "package-0/core-1"), 200);
	assert_int_equal(raw_of(&bench, "package-0"), 300);
	bench_turn(&bench, "xe");
	assert_int_equal(bench.count, 2);
	assert_int_equal(raw_of(&bench, "gpu-1"), 777); /* the counter, not the power beside it */
	assert_int_equal(raw_of(&bench, "gpu-1/pkg-2"), 555);
	bench_end(&bench);
}

/* --- cpu_model and dram_model ------------------------------------------------ */

static void put_stat(struct bench *bench, unsigned busy0, unsigned busy1)
{
	char text[256];
	snprintf(text, sizeof text,
	         "cpu  1 2 3 4 5 6 7 8 9 10\n"
	         "cpu0 %u 0 0 1000 0 0 0 0 0 0\n"
	         "cpu1 0 0 %u 1000 50 0 0 90 0 0\nintr 5\n",
	         busy0, busy1);
	put_file(bench->root, "stat", text);
}

static void cpu_model_charges_busy_time(void **state)
{
	(void)state;
	struct bench bench;
	bench_make(&bench, "cpu_model");
	put_file(bench.root, "cpuinfo",
	         "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n"
	         "model name\t: some\nphysical id\t: 0\n\n"
	         "processor\t: 1\nvendor_id\t: GenuineIntel\nphysical id\t: 7\n");
	put_stat(&bench, 100, 100);
	bench_open(&bench, NULL);
	assert_int_equal(bench.count, 2);
	assert_string_equal(bench.channels[1].name, "package-1");
	assert_int_equal(bench.channels[0].provenance, PROVENANCE_MODELLED);
	assert_true(bench.channels[0].relative_error > 0);
	bench_read(&bench);
	uint64_t before = bench.readings[0].raw, before1 = bench.readings[1].raw;
	/* CPU 0 busy for 1 of 2 s, CPU 1 idle. Data: 350 W by 112 threads, idle 0.249 of it. */
	long hz = sysconf(_SC_CLK_TCK);
	put_stat(&bench, 100 + (unsigned)hz, 100);
	bench.clock.now_ns += 2 * NS_PER_S;
	bench_read(&bench);
	double full_w = 350.0 / 112, idle_w = 0.249 * full_w;
	assert_close((double)(bench.readings[0].raw - before) / 1e6, 2 * idle_w + (full_w - idle_w),
	             1e-5);
	assert_close((double)(bench.readings[1].raw - before1) / 1e6, 2 * idle_w, 1e-5);
	put_file(bench.root, "stat", "nonsense\n");
	bench_read(&bench);
	assert_false(bench.readings[0].valid);
	bench_end(&bench);
}

static void unknown_cpus_are_generic(void **state)
{
	(void)state;
	struct bench bench;
	bench_make(&bench, "cpu_model");
	put_file(bench.root, "cpuinfo",
	         "processor\t: 0\nCPU implementer\t: 0x99\nCPU part\t: 0x1\n");
	put_stat(&bench, 1, 1);
	bench_open(&bench, NULL);
	assert_int_equal(bench.count, 1);
	assert_true(bench.channels[0].relative_error >= 0.5);
	bench_end(&bench);
}

/* Two 16 GiB DDR4-3200 modules, an empty slot, and the end. */
static size_t smbios_table(unsigned char *table)
{
	size_t at = 0;
	for (int slot = 0; slot < 3; slot++) {
		unsigned char device[0x28] = { 17, 0x28 };
		unsigned size_mib = slot == 1 ? 0 : 16384;
		device[0x0c] = (unsigned char)(size_mib & 0xff);
		device[0x0d] = (unsigned char)(size_mib >> 8);
		device[0x12] = 0x1a;
		device[0x15] = 0x80;
		device[0x16] = 0x0c; /* 3200 */
		device[0x1b] = 2;
		memcpy(table + at, device, sizeof device);
		memcpy(table + at + sizeof device, "A\0B\0", 5);
		at += sizeof device + 5;
	}
	const unsigned char end[] = { 127, 4, 0, 0, 0, 0 };
	memcpy(table + at, end, sizeof end);
	return at + sizeof end;
}

static void dram_model_counts_modules(void **state)
{
	(void)state;
	struct bench bench;
	unsigned char table[512];
	char path[256];
	bench_make(&bench, "dram_model");
	put_stat(&bench, 0, 0);
	put_file(bench.root, "firmware/dmi/tables/DMI", "");
	snprintf(path, sizeof path, "%s/firmware/dmi/tables/DMI", bench.root);
	FILE *file = fopen(path, "wb");
	size_t length = smbios_table(table);
	assert_int_equal(fwrite(table, 1, length, file), length);
	fclose(file);
	bench_open(&bench, NULL);
	bench_read(&bench);
	uint64_t before = bench.readings[0].raw;
	/* Idle for a second: two modules of 1 W. Then both CPUs busy: 0.3 of 2 x 25.6 GB/s. */
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_close((double)(bench.readings[0].raw - before) / 1e6, 2, 1e-5);
	before = bench.readings[0].raw;
	unsigned hz = (unsigned)sysconf(_SC_CLK_TCK);
	put_stat(&bench, hz, hz);
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_close((double)(bench.readings[0].raw - before) / 1e6, 2 + 0.3 * 2 * 25.6 * 0.215,
	             1e-5);
	bench_end(&bench);
}

static void dram_model_without_tables(void **state)
{
	(void)state;
	struct bench bench;
	bench_make(&bench, "dram_model");
	put_stat(&bench, 0, 0);
	put_file(bench.root, "meminfo", "MemTotal:       33554432 kB\nMemFree: 1 kB\n");
	bench_open(&bench, NULL);
	bench_read(&bench);
	uint64_t before = bench.readings[0].raw;
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_close((double)(bench.readings[0].raw - before) / 1e6, 2, 1e-5);
	assert_true(bench.channels[0].relative_error >= 0.5);
	bench_end(&bench);
}

/* --- replay ------------------------------------------------------------------ */

static void replay_interpolates(void **state)
{
	(void)state;
	struct bench bench;
	char path[256];
	bench_make(&bench, "replay");
	put_file(bench.root, "run.csv",
	         "time_s,package-0:energy_j,gpu-0:power_w\n"
	         "10,100,50\n11,150,70\n12,,70\n13,260,90\n");
	snprintf(path, sizeof path, "%s/run.csv", bench.root);
	bench_open(&bench, path);
	assert_int_equal(bench.count, 2);
	assert_int_equal(bench.channels[0].behaviour, CHANNEL_ENERGY_COUNTER);
	assert_int_equal(bench.channels[1].behaviour, CHANNEL_POWER_INSTANT);
	bench_read(&bench);
	assert_int_equal(bench.readings[0].raw, 100000000);
	bench.clock.now_ns += NS_PER_S / 2;
	bench_read(&bench);
	assert_int_equal(bench.readings[0].raw, 125000000);
	assert_int_equal(bench.readings[1].raw, 60000000);
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_false(bench.readings[0].valid); /* in the gap */
	assert_int_equal(bench.readings[1].raw, 70000000);
	bench.clock.now_ns += 3 * NS_PER_S / 2;
	bench_read(&bench);
	assert_int_equal(bench.readings[0].raw, 260000000);
	bench.clock.now_ns += NS_PER_S;
	bench_read(&bench);
	assert_false(bench.readings[0].valid || bench.readings[1].valid); /* over */
	bench_end(&bench);
}

static void replay_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "" },
		{ "t,package-0:energy_j\n1,2\n", "time_s" },
		{ "time_s,package-0\n1,2\n", "NAME:energy_j" },
		{ "time_s,package-0:energy_j\n1,2\n1,3\n", "before" },
		{ "time_s,package-0:energy_j\n1,-2\n", "package-0" },
		{ "time_s,a:energy_j,a:power_w\n1,2,3\n", "twice" },
		{ "{\"kind\":\"ergon.measure\"}", "ergon.record" },
		{ "{\"kind\":\"ergon.record\",\"channels\":[],\"samples\":[]}", "1 to" },
		{ "{\"kind\":\"ergon.record\",\"channels\":[{\"name\":\"a\",\"quantity\":\"J\"}],"
		  "\"samples\":[[0,1]]}",
		  "quantity" },
		{ "{\"kind\":\"ergon.record\",\"channels\":[{\"name\":\"a\",\"quantity\":"
		  "\"energy_j\"}],\"samples\":[[0,1],[1]]}",
		  "samples[1]" },
	};
	struct bench bench;
	bench_make(&bench, "replay");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[256];
		struct ergon_error err = { 0 };
		print_message("%s\n", rows[i].text);
		put_file(bench.root, "run", rows[i].text);
		snprintf(path, sizeof path, "%s/run", bench.root);
		memset(bench.state, 0, bench.driver->state_size);
		assert_int_equal(
		    bench.driver->open(bench.state, &bench.env, path, bench.channels, 64, &err),
		    -1);
		print_message("  %s:%ld %s\n", err.file, err.line, err.text);
		assert_true(err.code != ERGON_OK && err.text[0]);
		assert_non_null(strstr(err.text, rows[i].says));
	}
	bench_end(&bench);
}

/* --- rapl_perf, rapl_msr, battery ---------------------------------------------- */

/* The PMU is made up of the kernel's software clock: type 1, event 0 counts nanoseconds of a CPU,
 * so with a scale of 1e-9 it is a package of 1 W. */
static void rapl_perf_counts(void **state)
{
	(void)state;
	struct bench bench;
	struct sensor_reason reason;
	struct ergon_env real;
	struct ergon_env_storage storage;
	bench_make(&bench, "rapl_perf");
	ergon_env_init(&real, &storage);
	bench.env.clock = real.clock;
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	put_file(bench.root, "bus/event_source/devices/power/type", "1\n");
	put_file(bench.root, "bus/event_source/devices/power/cpumask", "0\n");
	put_file(bench.root, "bus/event_source/devices/power/events/energy-pkg", "event=0x00\n");
	put_file(bench.root, "bus/event_source/devices/power/events/energy-pkg.scale", "1e-9\n");
	put_file(bench.root, "devices/system/cpu/cpu0/topology/physical_package_id", "3\n");
	enum sensor_state ready = bench.driver->probe(&bench.env, NULL, &reason);
	if (ready != SENSOR_READY) {
		assert_true(reason.text[0]);
		print_message("skipped: %s\n", reason.text);
		bench_end(&bench);
		skip();
	}
	bench_open(&bench, NULL);
	assert_int_equal(bench.count, 1);
	assert_string_equal(bench.channels[0].name, "package-3");
	/* However long this program is kept waiting: the counter grew by no less than the time
	 * between the reads, and by no more than the time around them. */
	uint64_t around[4];
	around[0] = real.clock->monotonic_ns(real.clock->user);
	bench_read(&bench);
	around[1] = real.clock->monotonic_ns(real.clock->user);
	struct reading before = bench.readings[0];
	usleep(50000);
	around[2] = real.clock->monotonic_ns(real.clock->user);
	bench_read(&bench);
	around[3] = real.clock->monotonic_ns(real.clock->user);
	assert_true(before.valid && bench.readings[0].valid);
	double grown_s = (double)(bench.readings[0].raw - before.raw) / 1e6;
	assert_true(grown_s >= 0.999 * seconds_from_ns(around[2] - around[1]));
	assert_true(grown_s <= 1.001 * seconds_from_ns(around[3] - around[0]) + 2e-6);
	bench.driver->close(bench.state);
	/* A PMU that the kernel does not know. */
	put_file(bench.root, "bus/event_source/devices/power/type", "77777\n");
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	bench.count = 0;
	bench_end(&bench);
}

static void put_register(const struct bench *bench, unsigned cpu, long address, uint64_t value)
{
	char path[256];
	snprintf(path, sizeof path, "%s/cpu/%u/msr", bench->root, cpu);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, address, SEEK_SET), 0);
	assert_int_equal(fwrite(&value, sizeof value, 1, file), 1);
	fclose(file);
}

static void rapl_msr_units(void **state)
{
	(void)state;
	struct bench bench;
	struct sensor_reason reason;
	bench_make(&bench, "rapl_msr");
	put_file(bench.root, "cpuinfo",
	         "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n");
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.grant, "modprobe msr"));
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		char name[64];
		snprintf(name, sizeof name, "cpu/%u/msr", cpu);
		put_file(bench.root, name, "");
		snprintf(name, sizeof name, "devices/system/cpu/cpu%u/topology/physical_package_id",
		         cpu);
		put_file(bench.root, name, cpu ? "1\n" : "0\n");
		put_register(&bench, cpu, 0x606, 0xa0e03); /* 1/2^14 J */
		put_register(&bench, cpu, 0x611, 16384 + cpu);
		put_register(&bench, cpu, 0x619, 16384);
		put_register(&bench, cpu, 0x64d, 40);
	}
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_READY);
	bench_open(&bench, NULL);
	assert_int_equal(bench.count, 5); /* one psys only */
	bench_read(&bench);
	assert_int_equal(raw_of(&bench, "package-0"), 1000000);
	assert_int_equal(raw_of(&bench, "package-1"), 1000061);
	assert_int_equal(raw_of(&bench, "package-0/dram"), 1000000); /* 61 uJ on this generation */
	assert_int_equal(raw_of(&bench, "psys"), 40000000);          /* joules */
	assert_true(bench.channels[0].wrap_at_uj == UINT64_C(262144000000));
	bench.driver->close(bench.state);
	/* Ice Lake: memory in 15.3 uJ; its platform in the common unit. */
	put_file(bench.root, "cpuinfo",
	         "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\n");
	memset(bench.state, 0, bench.driver->state_size);
	bench_open(&bench, NULL);
	bench_read(&bench);
	assert_int_equal(raw_of(&bench, "package-0/dram"), 250000);
	assert_int_equal(raw_of(&bench, "psys"), 2441);
	bench.driver->close(bench.state);
	put_file(bench.root, "cpuinfo",
	         "processor\t: 0\nvendor_id\t: Nobody\ncpu family\t: 6\nmodel\t\t: 106\n");
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	bench.count = 0;
	bench_end(&bench);
}

static void batteries_feed_the_node(void **state)
{
	(void)state;
	struct bench bench;
	struct sensor_reason reason;
	bench_make(&bench, "battery");
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	put_file(bench.root, "class/power_supply/AC/type", "Mains\n");
	put_file(bench.root, "class/power_supply/BAT0/type", "Battery\n");
	put_file(bench.root, "class/power_supply/BAT0/status", "Full\n");
	put_file(bench.root, "class/power_supply/BAT0/power_now", "9000000\n");
	put_file(bench.root, "class/power_supply/BAT1/type", "Battery\n");
	put_file(bench.root, "class/power_supply/BAT1/status", "Discharging\n");
	put_file(bench.root, "class/power_supply/BAT1/current_now", "500000\n");
	put_file(bench.root, "class/power_supply/BAT1/voltage_now", "12000000\n");
	put_file(bench.root, "class/power_supply/mouse/type", "Battery\n");
	put_file(bench.root, "class/power_supply/mouse/scope", "Device\n");
	put_file(bench.root, "class/power_supply/mouse/status", "Discharging\n");
	put_file(bench.root, "class/power_supply/mouse/power_now", "1\n");
	bench_open(&bench, NULL);
	bench_read(&bench);
	assert_int_equal(raw_of(&bench, "node"), 6000000);
	put_file(bench.root, "class/power_supply/BAT0/status", "Discharging\n");
	bench_read(&bench);
	assert_int_equal(raw_of(&bench, "node"), 15000000);
	put_file(bench.root, "class/power_supply/BAT0/status", "Charging\n");
	bench_read(&bench);
	assert_false(bench.readings[0].valid); /* the charger feeds the machine */
	assert_int_equal(bench.driver->probe(&bench.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.text, "charger"));
	bench_end(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rapl_zones),
		cmocka_unit_test(rapl_absent),
		cmocka_unit_test(hwmon_chips),
		cmocka_unit_test(cpu_model_charges_busy_time),
		cmocka_unit_test(unknown_cpus_are_generic),
		cmocka_unit_test(dram_model_counts_modules),
		cmocka_unit_test(dram_model_without_tables),
		cmocka_unit_test(replay_interpolates),
		cmocka_unit_test(replay_refuses),
		cmocka_unit_test(rapl_perf_counts),
		cmocka_unit_test(rapl_msr_units),
		cmocka_unit_test(batteries_feed_the_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
