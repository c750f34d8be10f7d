/* SPDX-License-Identifier: Apache-2.0
 *
 * How exact each driver is: an emulated machine draws a square wave of random height, period and
 * phase; each driver sees it through its own interface (files, libraries with the real ABI, ioctls,
 * HTTP, a terminal), with the delay, refresh and resolution of the real thing. Windows of 0.1, 1,
 * 10 and 60 s by the test's clock; the table that is printed compares with the energy that was
 * drawn.
 *
 * Counters must be within 0.5% in windows of at least two hundred of their refreshes, sampled
 * powers within the interval that the measurement states, in at least 95% of the trials.
 */
#include "support/gpu_rig.h"
#include "support/http_mock.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/units.h"

/* --- the machine ---------------------------------------------------------------------- */

struct plant {
	double low_w, high_w, period_s, phase_s;
};

static double drawn_j(const struct plant *plant, double t_s)
{
	double at = t_s + plant->phase_s, half = plant->period_s / 2;
	double whole = floor(at / plant->period_s), rest = at - whole * plant->period_s;
	double busy_s = whole * half + fmin(rest, half);
	return busy_s * plant->high_w + (at - busy_s) * plant->low_w;
}

static double power_w(const struct plant *plant, double t_s)
{
	double at = (t_s + plant->phase_s) / plant->period_s;
	return at - floor(at) < 0.5 ? plant->high_w : plant->low_w;
}

static double mean_w(const struct plant *plant, double t_s, double window_s)
{
	return (drawn_j(plant, t_s) - drawn_j(plant, t_s - window_s)) / window_s;
}

struct stand {
	struct plant plant;
	struct gpu_rig rig; /* clock, env and, for GPUs, the library */
	struct http_mock mock;
	char dir[256], sensors[400];
	int fd;      /* of the file or line that is written */
	int perf[2]; /* a pipe that plays a perf event */
	double shown_s;
	double polled_s; /* between two answers of a slow source */
	bool gpu, mocked, msr;
};

static double now_s(const struct stand *stand)
{
	return seconds_from_ns(stand->rig.clock.now_ns);
}

/* Time of the source's latest update. */
static double updated_s(const struct stand *stand, double refresh_s)
{
	return floor(now_s(stand) / refresh_s + 1e-9) * refresh_s;
}

static uint64_t counter_uj(const struct stand *stand, double refresh_s)
{
	return (uint64_t)(drawn_j(&stand->plant, updated_s(stand, refresh_s)) * 1e6);
}

static void write_number(const struct stand *stand, uint64_t value)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%llu\n", (unsigned long long)value);
	assert_int_equal(pwrite(stand->fd, text, (size_t)length, 0), length);
	assert_int_equal(ftruncate(stand->fd, length), 0);
}

static void open_file(struct stand *stand, const char *name, const char *text)
{
	char path[512];
	put_file(stand->dir, name, text);
	snprintf(path, sizeof path, "%s/%s", stand->dir, name);
	stand->fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(stand->fd >= 0);
}

/* --- one emulation a driver -------------------------------------------------------------- */

static const uint64_t zone_range_uj = UINT64_C(262143328850);

static void powercap_make(struct stand *stand)
{
	put_file(stand->dir, "class/powercap/intel-rapl:0/name", "package-0\n");
	put_file(stand->dir, "class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
	open_file(stand, "class/powercap/intel-rapl:0/energy_uj", "0\n");
}
static void powercap_show(struct stand *stand)
{
	/* Begins shortly before the wrap, in the counter's unit of 61 uJ. */
	uint64_t uj = zone_range_uj - 20000000 + counter_uj(stand, 0.001);
	write_number(stand, uj / 61 * 61 % (zone_range_uj + 61));
}

static int perf_open(void *user, void *attr, int pid, int cpu, int group, unsigned long flags)
{
	struct stand *stand = user;
	(void)attr;
	(void)pid;
	(void)cpu;
	(void)group;
	(void)flags;
	if (stand->perf[1] > 0)
		close(stand->perf[1]);
	assert_int_equal(pipe2(stand->perf, O_CLOEXEC), 0);
	for (uint64_t count = 1; count <= 2; count++) /* the driver looks whether it moves */
		assert_int_equal(write(stand->perf[1], &count, sizeof count), sizeof count);
	return stand->perf[0];
}
static void perf_make(struct stand *stand)
{
	static const char *const files[][2] = {
		{ "type", "9\n" },
		{ "cpumask", "0\n" },
		{ "events/energy-pkg", "event=0x02\n" },
		{ "events/energy-pkg.scale", "2.3283064365386962890625e-10\n" },
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char name[128];
		snprintf(name, sizeof name, "bus/event_source/devices/power/%s", files[i][0]);
		put_file(stand->dir, name, files[i][1]);
	}
	stand->rig.env.perf_event_open = perf_open;
	stand->rig.env.device_user = stand;
}
/* Whatever is read until the next change is the count of now. */
static void perf_show(struct stand *stand)
{
	uint64_t count =
	    (uint64_t)((double)counter_uj(stand, 0.001) / 1e6 / 2.3283064365386962890625e-10);
	uint64_t copies[16], old[32];
	int waiting = 0;
	if (stand->perf[1] <= 0)
		return;
	assert_int_equal(ioctl(stand->perf[0], FIONREAD, &waiting), 0);
	assert_int_equal(read(stand->perf[0], old, (size_t)waiting), waiting);
	for (size_t i = 0; i < 16; i++)
		copies[i] = count;
	assert_int_equal(write(stand->perf[1], copies, sizeof copies), sizeof copies);
}

static void write_register(const struct stand *stand, off_t address, uint64_t value)
{
	assert_int_equal(pwrite(stand->fd, &value, sizeof value, address), sizeof value);
}
static void msr_make(struct stand *stand)
{
	put_file(stand->dir, "cpuinfo",
	         "processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 106\n");
	open_file(stand, "cpu/0/msr", "");
	write_register(stand, 0x606, 0xe << 8); /* 2^-14 J */
	write_register(stand, 0x611, 1);
}
static void msr_show(struct stand *stand)
{
	uint64_t ticks = (uint64_t)((double)counter_uj(stand, 0.001) / 1e6 * 16384);
	write_register(stand, 0x611, (ticks + UINT32_MAX - 100000) & UINT32_MAX);
}

static void amd_energy_make(struct stand *stand)
{
	put_file(stand->dir, "class/hwmon/hwmon0/name", "amd_energy\n");
	put_file(stand->dir, "class/hwmon/hwmon0/energy1_label", "Esocket0\n");
	open_file(stand, "class/hwmon/hwmon0/energy1_input", "0\n");
}
static void xe_make(struct stand *stand)
{
	put_file(stand->dir, "class/hwmon/hwmon0/name", "xe\n");
	open_file(stand, "class/hwmon/hwmon0/energy1_input", "0\n");
}
static void counter_file_show(struct stand *stand)
{
	write_number(stand, counter_uj(stand, 0.001));
}

static void hwmon_make(struct stand *stand)
{
	put_file(stand->dir, "class/hwmon/hwmon0/name", "power_meter\n");
	open_file(stand, "class/hwmon/hwmon0/power1_average", "0\n");
}
static void hwmon_show(struct stand *stand)
{
	write_number(stand, (uint64_t)(mean_w(&stand->plant, updated_s(stand, 1), 1) * 1e6));
}

static void battery_make(struct stand *stand)
{
	put_file(stand->dir, "class/power_supply/BAT0/type", "Battery\n");
	put_file(stand->dir, "class/power_supply/BAT0/status", "Discharging\n");
	open_file(stand, "class/power_supply/BAT0/power_now", "0\n");
	stand->polled_s = 2;
}
static void battery_show(struct stand *stand)
{
	write_number(stand, (uint64_t)(power_w(&stand->plant, updated_s(stand, 2)) * 1e6));
}

static void gpu_show(struct stand *stand)
{
	bool nvml = strcmp(stand->rig.driver, "nvml") == 0;
	stand->rig.fake->energy_uj[0] = counter_uj(stand, nvml ? 0.1 : 0.001);
	stand->rig.fake->power_mw[0] = (unsigned)(power_w(&stand->plant, now_s(stand)) * 1000);
	stand->rig.fake->instant_mw[0] = stand->rig.fake->power_mw[0];
}
static void gpu_make(struct stand *stand)
{
	stand->rig.fake->count = 1;
}
/* No counter: the power of the moment, as the board shows it every 100 ms. */
static void gpu_power_make(struct stand *stand)
{
	stand->rig.fake->count = 1;
	stand->rig.fake->status[FAKE_ENERGY] = 3;
}
static void gpu_power_show(struct stand *stand)
{
	stand->rig.fake->instant_mw[0] =
	    (unsigned)(power_w(&stand->plant, updated_s(stand, 0.1)) * 1000);
}

static int dcmi_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	static long id;
	struct stand *stand = user;
	(void)fd;
	if (request == IPMICTL_SEND_COMMAND) {
		id = ((const struct ipmi_req *)argument)->msgid;
		return 0;
	}
	struct ipmi_recv *answer = argument;
	unsigned shown_w = (unsigned)lround(mean_w(&stand->plant, now_s(stand), 1));
	uint8_t bytes[19] = { 0, 0xdc, (uint8_t)shown_w, (uint8_t)(shown_w >> 8) };
	bytes[14] = 1;
	bytes[18] = 0x40;
	memcpy(answer->msg.data, bytes, sizeof bytes);
	answer->msg.data_len = sizeof bytes;
	answer->recv_type = IPMI_RESPONSE_RECV_TYPE;
	answer->msgid = id;
	return 0;
}
static void dcmi_make(struct stand *stand)
{
	put_file(stand->dir, "ipmi0", "");
	stand->rig.env.device_ioctl = dcmi_ioctl;
	stand->rig.env.device_user = stand;
	stand->polled_s = 1;
}
static void nothing_to_show(struct stand *stand)
{
	(void)stand; /* it is asked */
}

static void serve(struct stand *stand, const char *prefix)
{
	http_mock_start(&stand->mock, NULL, NULL);
	stand->mocked = true;
	stand->polled_s = 1;
	snprintf(stand->sensors, sizeof stand->sensors, "%shttp://127.0.0.1:%u", prefix,
	         stand->mock.port);
}
static void answer(struct stand *stand, const char *path, const char *format, double shown_w)
{
	char body[256];
	snprintf(body, sizeof body, format, shown_w);
	http_mock_put(&stand->mock, path, body);
}
static void redfish_make(struct stand *stand)
{
	char text[256], path[300];
	serve(stand, "redfish:");
	snprintf(text, sizeof text,
	         "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"http://127.0.0.1:%u\","
	         "\"window_s\":10}]}",
	         stand->mock.port);
	put_file(stand->dir, "sensors.json", text);
	snprintf(path, sizeof path, "redfish");
	snprintf(stand->sensors, sizeof stand->sensors, "%s", path);
	http_mock_put(&stand->mock, "/redfish/v1/Chassis",
	              "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Chassis/1\"}]}");
	http_mock_put(&stand->mock, "/redfish/v1/Chassis/1",
	              "{\"Power\":{\"@odata.id\":\"/redfish/v1/Chassis/1/Power\"}}");
}
static void redfish_show(struct stand *stand)
{
	answer(stand, "/redfish/v1/Chassis/1/Power",
	       "{\"PowerControl\":[{\"PowerConsumedWatts\":%.0f}]}",
	       mean_w(&stand->plant, now_s(stand), 10));
}
static void tasmota_make(struct stand *stand)
{
	serve(stand, "meter:tasmota:");
}
static void tasmota_show(struct stand *stand)
{
	answer(stand, "/cm?cmnd=Status 10", "{\"StatusSNS\":{\"ENERGY\":{\"Power\":%.0f}}}",
	       power_w(&stand->plant, now_s(stand)));
}
static void shelly_make(struct stand *stand)
{
	serve(stand, "meter:shelly:");
}
static void shelly_show(struct stand *stand)
{
	answer(stand, "/rpc/Shelly.GetStatus", "{\"switch:0\":{\"apower\":%.1f}}",
	       power_w(&stand->plant, now_s(stand)));
}

static void csv_make(struct stand *stand)
{
	open_file(stand, "trace.csv", "time_s,power_w\n");
	lseek(stand->fd, 0, SEEK_END);
	snprintf(stand->sensors, sizeof stand->sensors, "meter:csv:%.256s/trace.csv", stand->dir);
	stand->polled_s = 1;
}
static void serial_make(struct stand *stand)
{
	stand->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(stand->fd >= 0 && grantpt(stand->fd) == 0 && unlockpt(stand->fd) == 0);
	snprintf(stand->sensors, sizeof stand->sensors, "meter:serial:%s", ptsname(stand->fd));
	stand->polled_s = 1;
}
/* A line once a second. */
static void line_show(struct stand *stand)
{
	char line[64];
	double at_s = updated_s(stand, 1);
	if (at_s <= stand->shown_s)
		return;
	stand->shown_s = at_s;
	int length = snprintf(line, sizeof line, "%.1f,%.2f\n", at_s, power_w(&stand->plant, at_s));
	assert_int_equal(write(stand->fd, line, (size_t)length), length);
}

struct row {
	const char *label, *sensors, *gpu; /* gpu: which made-up library */
	const char *channel;
	void (*make)(struct stand *stand);
	void (*show)(struct stand *stand);
	bool counter;
	double refresh_s;
};

static const struct row rows[] = {
	{ "rapl_powercap", "rapl_powercap", NULL, "package-0", powercap_make, powercap_show, true,
	  1e-3 },
	{ "rapl_perf", "rapl_perf", NULL, "package-0", perf_make, perf_show, true, 1e-3 },
	{ "rapl_msr", "rapl_msr", NULL, "package-0", msr_make, msr_show, true, 1e-3 },
	{ "amd_energy", "amd_energy", NULL, "package-0", amd_energy_make, counter_file_show, true,
	  1e-3 },
	{ "xe", "xe", NULL, "gpu-0", xe_make, counter_file_show, true, 1e-3 },
	{ "nvml counter", "nvml", "nvml", "gpu-0", gpu_make, gpu_show, true, 0.1 },
	{ "amdsmi", "amdsmi", "amdsmi", "gpu-0", gpu_make, gpu_show, true, 1e-3 },
	{ "rocm_smi", "rocm_smi", "rocm_smi", "gpu-0", gpu_make, gpu_show, true, 1e-3 },
	{ "level_zero", "level_zero", "level_zero", "gpu-0", gpu_make, gpu_show, true, 1e-3 },
	{ "nvml power", "nvml", "nvml", "gpu-0", gpu_power_make, gpu_power_show, false, 0.1 },
	{ "hwmon mean", "hwmon", NULL, "node", hwmon_make, hwmon_show, false, 1 },
	{ "battery", "battery", NULL, "node", battery_make, battery_show, false, 2 },
	{ "ipmi_dcmi", "ipmi_dcmi", NULL, "node", dcmi_make, nothing_to_show, false, 1 },
	{ "redfish 10 s", "", NULL, "node", redfish_make, redfish_show, false, 1 },
	{ "meter csv", "", NULL, "node", csv_make, line_show, false, 1 },
	{ "meter serial", "", NULL, "node", serial_make, line_show, false, 1 },
	{ "meter tasmota", "", NULL, "node", tasmota_make, tasmota_show, false, 1 },
	{ "meter shelly", "", NULL, "node", shelly_make, shelly_show, false, 1 },
};

/* --- trials -------------------------------------------------------------------------------- */

static void stand_make(struct stand *stand, const struct row *row)
{
	*stand = (struct stand){ .fd = -1 };
	gpu_rig_init(&stand->rig, row->gpu ? row->gpu : "nvml");
	scratch_make(stand->dir, sizeof stand->dir);
	struct ergon_env *env = &stand->rig.env;
	struct ergon_env real;
	struct ergon_env_storage storage;
	ergon_env_init(&real, &storage);
	if (!row->gpu)
		env->dl = real.dl;
	env->sysfs_root = env->procfs_root = env->devfs_root = stand->dir;
	env->state_dir = env->config_dir = stand->dir;
	stand->rig.clock.now_ns = 200 * NS_PER_S;
	stand->rig.clock.clock.sleep_until = NULL;
	stand->plant = (struct plant){ 100, 300, 1, 0 };
	snprintf(stand->sensors, sizeof stand->sensors, "%s", row->sensors);
	row->make(stand);
	row->show(stand);
}

static void stand_end(struct stand *stand)
{
	if (stand->mocked)
		http_mock_stop(&stand->mock);
	if (stand->fd >= 0)
		close(stand->fd);
	if (stand->perf[1] > 0)
		close(stand->perf[1]);
	gpu_rig_fini(&stand->rig);
	scratch_remove(stand->dir);
}

struct tally {
	int trials, held;
	double sum, worst, width;
};

static void pass(struct stand *stand, const struct row *row, uint64_t ns)
{
	stand->rig.clock.now_ns += ns;
	row->show(stand);
}

/* One window of a load drawn at random, seen by a meter that has been open for a while. */
static void try_window(struct stand *stand, const struct row *row, struct meter *meter,
                       struct rng *rng, double window_s, struct tally *tally)
{
	struct measurement m = { 0 };
	uint64_t step_ns = 100 * NS_PER_MS;
	double low_w = 50 + 150 * rng_uniform(rng);
	stand->plant = (struct plant){ low_w, low_w + 250 * rng_uniform(rng),
		                       0.02 * pow(1000, rng_uniform(rng)), 20 * rng_uniform(rng) };
	/* A source that is asked once in a while was so at any moment before. */
	for (double at_s = 0; at_s < 2.1 * stand->polled_s; at_s += 0.1) {
		assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
		assert_int_equal(meter_end(meter, NULL, NULL), ERGON_OK);
		pass(stand, row, step_ns);
	}
	pass(stand, row, (uint64_t)(1e8 * rng_uniform(rng)));
	double begin_j = drawn_j(&stand->plant, now_s(stand));
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	uint64_t left_ns = ns_from_seconds(window_s);
	while (left_ns > step_ns) {
		pass(stand, row, step_ns);
		left_ns -= step_ns;
		meter_tick(meter);
	}
	pass(stand, row, left_ns);
	double truth_j = drawn_j(&stand->plant, now_s(stand)) - begin_j;
	assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
	const struct domain_energy *domain = measurement_domain(&m, row->channel);
	assert_non_null(domain);
	double error = fabs(domain->energy_j - truth_j) / truth_j;
	tally->trials++;
	tally->held += domain->low_j <= truth_j && truth_j <= domain->high_j;
	tally->sum += error;
	tally->worst = fmax(tally->worst, error);
	tally->width += (domain->high_j - domain->low_j) / 2 / truth_j;
	measurement_fini(&m);
}

static void try_driver(const struct row *row, struct rng *rng)
{
	static const struct {
		double window_s;
		int trials;
	} windows[] = { { 0.1, 40 }, { 1, 40 }, { 10, 40 }, { 60, 10 } };
	struct stand stand;
	struct ergon_error err = { 0 };
	struct meter *meter;
	stand_make(&stand, row);
	struct meter_options options = { .sensors = stand.sensors, .manual = true };
	if (meter_open(&meter, &stand.rig.env, &options, &err))
		fail_msg("%s: %s", row->label, err.text);
	row->show(&stand);
	int held = 0, trials = 0;
	for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
		struct tally tally = { 0 };
		for (int i = 0; i < windows[w].trials; i++)
			try_window(&stand, row, meter, rng, windows[w].window_s, &tally);
		print_message("%-14s %5.1f s %9.3f%% %9.3f%% %9.1f%% %6d of %d\n",
		              w ? "" : row->label, windows[w].window_s,
		              100 * tally.sum / tally.trials, 100 * tally.worst,
		              100 * tally.width / tally.trials, tally.held, tally.trials);
		if (row->counter && windows[w].window_s >= 200 * row->refresh_s)
			assert_true(tally.worst <= 0.005);
		held += tally.held;
		trials += tally.trials;
	}
	assert_true(held >= 0.95 * trials);
	meter_close(meter);
	stand_end(&stand);
}

static void every_driver_is_exact(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 1105);
	print_message("%-14s %7s %10s %10s %10s %s\n", "driver", "window", "mean error", "worst",
	              "stated +-", "truth within the interval");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		try_driver(&rows[i], &rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_driver_is_exact) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
