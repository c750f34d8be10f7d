/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes wrong on real machines, injected where the meter meets the outside world: files that
 * vanish, come back and fail, a read that blocks, a clock that is set, hundreds of processors.
 */
#include "support/gpu_rig.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/units.h"

enum { ZONES = 2 };
static const uint64_t range_uj = 262143328850;
static const uint64_t modulus_uj = UINT64_C(262143328850) + 61;

struct machine {
	char root[128];
	struct fake_clock clock;
	struct ergon_env env;
	struct meter *meter;
	double power_w[ZONES];
	uint64_t energy_uj[ZONES]; /* true, since the start */
	uint64_t start_uj[ZONES];
};

static void file_of(const struct machine *m, int zone, char *path, size_t size)
{
	snprintf(path, size, "%s/class/powercap/intel-rapl:%d/energy_uj", m->root, zone);
}

static void show(const struct machine *m, int zone)
{
	char path[256], text[32];
	file_of(m, zone, path, sizeof path);
	snprintf(text, sizeof text, "%020llu\n",
	         (unsigned long long)((m->start_uj[zone] + m->energy_uj[zone]) % modulus_uj));
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0 && pwrite(fd, text, 21, 0) == 21);
	close(fd);
}

static void machine_init(struct machine *m)
{
	struct ergon_error err = { 0 };
	memset(m, 0, sizeof *m);
	scratch_make(m->root, sizeof m->root);
	fake_clock_init(&m->clock);
	m->env = (struct ergon_env){ .sysfs_root = m->root,
		                     .procfs_root = m->root,
		                     .devfs_root = m->root,
		                     .data_dir = m->root,
		                     .state_dir = m->root,
		                     .clock = &m->clock.clock };
	for (int i = 0; i < ZONES; i++) {
		char file[128], text[32];
		snprintf(file, sizeof file, "class/powercap/intel-rapl:%d/name", i);
		snprintf(text, sizeof text, "package-%d\n", i);
		put_file(m->root, file, text);
		snprintf(file, sizeof file, "class/powercap/intel-rapl:%d/max_energy_range_uj", i);
		snprintf(text, sizeof text, "%llu\n", (unsigned long long)range_uj);
		put_file(m->root, file, text);
		m->power_w[i] = 100;
		show(m, i);
	}
	if (meter_open(&m->meter, &m->env,
	               &(struct meter_options){ .sensors = "rapl_powercap", .manual = true },
	               &err) ||
	    meter_begin(m->meter, &err))
		fail_msg("%s", err.text);
}

static void machine_fini(struct machine *m)
{
	meter_close(m->meter);
	scratch_remove(m->root);
}

/* write: which zones show themselves in their usual file. */
static void run_for(struct machine *m, double seconds, const bool *write)
{
	uint64_t until_ns = m->clock.now_ns + ns_from_seconds(seconds);
	while (m->clock.now_ns < until_ns) {
		m->clock.now_ns += 100 * NS_PER_MS;
		for (int i = 0; i < ZONES; i++) {
			m->energy_uj[i] += (uint64_t)llround(m->power_w[i] * 1e5);
			if (!write || write[i])
				show(m, i);
		}
		meter_tick(m->meter);
	}
}

static struct measurement end(struct machine *m)
{
	struct measurement out = { 0 };
	struct ergon_error err = { 0 };
	if (meter_end(m->meter, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

/* ENOENT: a zone's file vanishes for two seconds (a driver is loaded anew) and comes back, its
 * counter having gone on. EIO: every read fails for a while. The counter bridges both exactly. */
static void files_vanish_and_fail(void **state)
{
	(void)state;
	for (int eio = 0; eio <= 1; eio++) {
		struct machine m;
		char path[256];
		static const bool only_second[ZONES] = { false, true };
		machine_init(&m);
		run_for(&m, 1, NULL);
		file_of(&m, 0, path, sizeof path);
		assert_int_equal(unlink(path), 0);
		if (eio) /* the kernel answers a read of address 0 with EIO */
			assert_int_equal(symlink("/proc/self/mem", path), 0);
		run_for(&m, 2, only_second);
		assert_int_equal(unlink(path), 0 - !eio);
		run_for(&m, 1, NULL);
		struct measurement w = end(&m);
		const struct domain_energy *zone = measurement_domain(&w, "package-0");
		assert_true(zone->failures > 5);
		print_message("eio %d: %.6f J of %.6f, gap %g s, %u failures\n", eio,
		              zone->energy_j, (double)m.energy_uj[0] / 1e6, zone->gap_s,
		              zone->failures);
		assert_true(llround(zone->energy_j * 1e6) == (int64_t)m.energy_uj[0]);
		assert_true(zone->gap_s == 0);
		assert_close(measurement_domain(&w, "package-1")->energy_j, 400, 1e-9);
		measurement_fini(&w);
		machine_fini(&m);
	}
}

/* It never comes back: what was seen is told, the rest is a gap, and the bound allows for it. */
static void files_stay_away(void **state)
{
	(void)state;
	struct machine m;
	char path[256];
	static const bool only_second[ZONES] = { false, true };
	machine_init(&m);
	run_for(&m, 1, NULL);
	file_of(&m, 0, path, sizeof path);
	assert_int_equal(unlink(path), 0);
	run_for(&m, 3, only_second);
	struct measurement w = end(&m);
	const struct domain_energy *zone = measurement_domain(&w, "package-0");
	assert_close(zone->energy_j, 100, 0.11); /* up to the look that noticed */
	assert_close(zone->gap_s + zone->covered_s, 4, 1e-6);
	assert_true(zone->gap_s > 2.8 && zone->high_j >= 400);
	measurement_fini(&w);
	machine_fini(&m);
}

/* Somebody sets the time of day, forwards and back: no energy and no second is lost or won. */
static uint64_t set_clock(void *user)
{
	struct fake_clock *fake = user;
	static int calls;
	return (++calls % 2 ? UINT64_C(1) : UINT64_C(1900000000)) * NS_PER_S + fake->now_ns;
}

static void the_time_of_day_is_set(void **state)
{
	(void)state;
	struct machine m;
	machine_init(&m);
	m.clock.clock.realtime_ns = set_clock;
	run_for(&m, 1, NULL);
	run_for(&m, 1, NULL);
	struct measurement w = end(&m);
	assert_close(w.duration_s, 2, 1e-9);
	assert_close(w.energy_j, 400, 1e-9);
	assert_true(w.suspended_s == 0);
	measurement_fini(&w);
	machine_fini(&m);
}

/* Any of these at any moment, hundreds of times: never a joule that was not there, and none missing
 * that could be seen at both ends of a gap. */
static void random_faults(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 2026);
	struct machine m;
	machine_init(&m);
	struct measurement first = end(&m);
	measurement_fini(&first);
	for (int run = 0; run < 400; run++) {
		struct ergon_error err = { 0 };
		bool write[ZONES] = { true, true };
		for (int i = 0; i < ZONES; i++) {
			m.start_uj[i] = rng_below(&rng, modulus_uj);
			m.energy_uj[i] = 0;
			m.power_w[i] = 1 + 300 * rng_uniform(&rng);
			show(&m, i);
		}
		if (meter_begin(m.meter, &err))
			fail_msg("%s", err.text);
		for (int step = 0; step < 4; step++) {
			int zone = (int)rng_below(&rng, ZONES);
			char path[256];
			file_of(&m, zone, path, sizeof path);
			if (write[zone] && rng_uniform(&rng) < 0.4)
				assert_int_equal(unlink(path), 0);
			write[zone] = !(write[zone] && access(path, F_OK));
			run_for(&m, 0.1 + 0.3 * rng_uniform(&rng), write);
		}
		write[0] = write[1] = true;
		run_for(&m, 0.2, write);
		struct measurement w = end(&m);
		for (int i = 0; i < ZONES; i++) {
			char name[24];
			snprintf(name, sizeof name, "package-%d", i);
			const struct domain_energy *zone = measurement_domain(&w, name);
			int64_t seen_uj = llround(zone->energy_j * 1e6);
			if (zone->gap_s == 0 && seen_uj != (int64_t)m.energy_uj[i])
				fail_msg("run %d %s: %lld uJ of %llu", run, name,
				         (long long)seen_uj, (unsigned long long)m.energy_uj[i]);
			assert_true(seen_uj <= (int64_t)m.energy_uj[i]);
		}
		measurement_fini(&w);
	}
	machine_fini(&m);
}

/* One read takes two seconds, as a busy BMC or a GPU that is reset may: deadlines are missed and
 * said to be, and the counter's energy is exact all the same. */
static void a_read_blocks(void **state)
{
	(void)state;
	static struct gpu_rig rig;
	struct ergon_env real;
	struct ergon_env_storage storage;
	struct meter *meter;
	struct measurement w = { 0 };
	struct ergon_error err = { 0 };
	gpu_rig_init(&rig, "nvml");
	ergon_env_init(&real, &storage);
	rig.env.clock = real.clock;
	rig.fake->by_clock = 1;
	rig.fake->count = 1;
	if (meter_open(&meter, &rig.env,
	               &(struct meter_options){ .sensors = "nvml", .interval_ns = 50 * NS_PER_MS },
	               &err) ||
	    meter_begin(meter, &err))
		fail_msg("%s", err.text);
	usleep(200000);
	rig.fake->blocks_ms = 2000;
	usleep(2500000);
	if (meter_end(meter, &w, &err))
		fail_msg("%s", err.text);
	const struct domain_energy *gpu = measurement_domain(&w, "gpu-0");
	assert_true(w.late >= 20);
	assert_true(w.duration_s > 2.5);
	assert_true(gpu->low_j <= 300 * w.duration_s && 300 * w.duration_s <= gpu->high_j);
	/* read once before and once behind: a hundredth of a second of scheduling is 3 J */
	assert_true(fabs(gpu->energy_j / (gpu->covered_s + gpu->gap_s) - 300) < 30);
	measurement_fini(&w);
	meter_close(meter);
	gpu_rig_fini(&rig);
}

/* 256 processors and 16 GPUs at once. */
static void a_big_machine(void **state)
{
	(void)state;
	static struct gpu_rig rig;
	char root[128], file[96], text[64];
	struct meter *meter;
	struct measurement w = { 0 };
	struct ergon_error err = { 0 };
	gpu_rig_init(&rig, "nvml");
	scratch_make(root, sizeof root);
	rig.env.sysfs_root = root;
	put_file(root, "class/hwmon/hwmon0/name", "amd_energy\n");
	for (int i = 1; i <= 258; i++) { /* 256 cores, 2 sockets */
		snprintf(file, sizeof file, "class/hwmon/hwmon0/energy%d_label", i);
		snprintf(text, sizeof text, i <= 256 ? "Ecore%03d\n" : "Esocket%d\n",
		         i <= 256 ? i - 1 : i - 257);
		put_file(root, file, text);
		snprintf(file, sizeof file, "class/hwmon/hwmon0/energy%d_input", i);
		put_file(root, file, "1000000\n");
	}
	rig.fake->count = 16;
	if (meter_open(&meter, &rig.env, &(struct meter_options){ .manual = true }, &err) ||
	    meter_begin(meter, &err))
		fail_msg("%s", err.text);
	assert_true(meter_channel_count(meter) >= 16 + 258);
	for (int step = 1; step <= 10; step++) {
		rig.clock.now_ns += 100 * NS_PER_MS;
		for (int i = 1; i <= 258; i++) {
			snprintf(file, sizeof file, "class/hwmon/hwmon0/energy%d_input", i);
			snprintf(
			    text, sizeof text, "%llu\n",
			    (unsigned long long)(1000000 + step * (i <= 256 ? 100000 : 20000000)));
			put_file(root, file, text);
		}
		for (int i = 0; i < 16; i++)
			rig.fake->energy_uj[i] += 30000000;
		meter_tick(meter);
	}
	if (meter_end(meter, &w, &err))
		fail_msg("%s", err.text);
	size_t gpus = 0;
	for (size_t i = 0; i < w.count; i++)
		gpus += strncmp(w.domains[i].name, "gpu-", 4) == 0 && w.domains[i].in_total;
	assert_int_equal(gpus, 16);
	/* 16 x 300 W and two sockets of 200 W for a second; cores are parts of their sockets */
	assert_close(w.energy_j, 16 * 300 + 2 * 200, 1e-3);
	measurement_fini(&w);
	meter_close(meter);
	scratch_remove(root);
	rig.env.sysfs_root = "/nonexistent";
	gpu_rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_vanish_and_fail),  cmocka_unit_test(files_stay_away),
		cmocka_unit_test(the_time_of_day_is_set), cmocka_unit_test(random_faults),
		cmocka_unit_test(a_read_blocks),          cmocka_unit_test(a_big_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
