/* SPDX-License-Identifier: Apache-2.0
 *
 * What one sample costs: CPU time of the meter's round over N counters, beside a bare loop of pread
 * over the same files, in one run; and the sampler thread at 10 Hz, 1 kHz and 10 kHz as a share of
 * one core. Prints one line of JSON a case.
 *
 *     bench_sampler [SECONDS_A_CASE]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "measure/meter.h"

enum { ZONES_MAX = 64 };

static char root[64] = "/tmp/ergon-bench-XXXXXX";

static double cpu_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void put(const char *zone, const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/class/powercap/%s/%s", root, zone, file);
	FILE *out = fopen(path, "w");
	if (!out) {
		perror(path);
		exit(1);
	}
	fputs(text, out);
	fclose(out);
}

static void make_zones(int count)
{
	char path[256], zone[32], name[32];
	snprintf(path, sizeof path, "%s/class", root);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/class/powercap", root);
	mkdir(path, 0755);
	for (int i = 0; i < count; i++) {
		snprintf(zone, sizeof zone, "intel-rapl:%d", i);
		snprintf(path, sizeof path, "%s/class/powercap/%s", root, zone);
		mkdir(path, 0755);
		snprintf(name, sizeof name, "package-%d\n", i);
		put(zone, "name", name);
		put(zone, "max_energy_range_uj", "262143328850\n");
		put(zone, "energy_uj", "123456789\n");
	}
}

static void remove_zones(int count)
{
	char path[256];
	for (int i = 0; i < count; i++) {
		static const char *const files[] = { "name", "max_energy_range_uj", "energy_uj",
			                             "" };
		for (int k = 0; k < 4; k++) {
			snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:%d/%s", root, i,
			         files[k]);
			remove(path);
		}
	}
}

static double bare_us(int count, double seconds)
{
	int fds[ZONES_MAX];
	char path[256], text[32];
	volatile unsigned long long sum = 0;
	long rounds = 0;
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:%d/energy_uj", root, i);
		fds[i] = open(path, O_RDONLY);
	}
	double begin = cpu_us(CLOCK_THREAD_CPUTIME_ID), now = begin;
	while (now - begin < seconds * 1e6) {
		for (int k = 0; k < 100; k++, rounds++)
			for (int i = 0; i < count; i++) {
				ssize_t length = pread(fds[i], text, sizeof text - 1, 0);
				text[length > 0 ? length : 0] = '\0';
				sum += strtoull(text, NULL, 10);
			}
		now = cpu_us(CLOCK_THREAD_CPUTIME_ID);
	}
	for (int i = 0; i < count; i++)
		close(fds[i]);
	(void)sum; /* clang: written for the work of reading alone */
	return (now - begin) / (double)rounds;
}

static struct meter *open_meter(const struct ergon_env *env, uint64_t interval_ns, bool manual)
{
	struct meter *meter;
	struct ergon_error err;
	if (meter_open(&meter, env,
	               &(struct meter_options){ .interval_ns = interval_ns,
	                                        .sensors = "rapl_powercap",
	                                        .manual = manual },
	               &err) ||
	    meter_begin(meter, &err)) {
		fprintf(stderr, "bench_sampler: %s\n", err.text);
		exit(1);
	}
	return meter;
}

static double meter_us(const struct ergon_env *env, double seconds)
{
	struct meter *meter = open_meter(env, 0, true);
	long rounds = 0;
	double begin = cpu_us(CLOCK_THREAD_CPUTIME_ID), now = begin;
	while (now - begin < seconds * 1e6) {
		for (int k = 0; k < 100; k++, rounds++)
			meter_tick(meter);
		now = cpu_us(CLOCK_THREAD_CPUTIME_ID);
	}
	meter_close(meter);
	return (now - begin) / (double)rounds;
}

/* The counters stand still here, so every read is followed by the look whether the file was
 * replaced: what is printed is the dearer case. */
static void thread_case(const struct ergon_env *env, int count, uint64_t interval_ns,
                        double seconds)
{
	struct meter *meter = open_meter(env, interval_ns, false);
	struct timespec nap = { (time_t)seconds,
		                (long)((seconds - (double)(time_t)seconds) * 1e9) };
	struct measurement m = { 0 };
	struct ergon_error err;
	nanosleep(&nap, NULL);
	if (meter_end(meter, &m, &err) == ERGON_OK)
		printf("{\"case\":\"thread\",\"channels\":%d,\"interval_s\":%g,\"samples\":%llu,"
		       "\"late\":%llu,\"us_per_sample\":%.2f,\"share_of_a_core\":%.6f}\n",
		       count, m.interval_s, (unsigned long long)m.samples,
		       (unsigned long long)m.late, m.own_cpu_s * 1e6 / (double)m.samples,
		       m.own_cpu_s / m.duration_s);
	measurement_fini(&m);
	meter_close(meter);
}

int main(int argc, char **argv)
{
	static const int counts[] = { 1, 4, 16, 64 };
	double seconds = 1;
	struct ergon_env env;
	struct ergon_env_storage storage;
	if (argc > 1 && (!parse_real(argv[1], &seconds) || seconds <= 0))
		return 2;
	ergon_env_init(&env, &storage);
	if (!mkdtemp(root))
		return 1;
	env.sysfs_root = root;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		make_zones(counts[i]);
		double bare = bare_us(counts[i], seconds), meter = meter_us(&env, seconds);
		printf("{\"case\":\"round\",\"channels\":%d,\"bare_pread_us\":%.3f,"
		       "\"meter_us\":%.3f,\"ratio\":%.3f}\n",
		       counts[i], bare, meter, meter / bare);
		if (counts[i] == 4) {
			thread_case(&env, 4, 100 * NS_PER_MS, 3 * seconds);
			thread_case(&env, 4, NS_PER_MS, 3 * seconds);
			thread_case(&env, 4, 100 * NS_PER_US, 3 * seconds);
		}
	}
	remove_zones(ZONES_MAX);
	char path[128];
	snprintf(path, sizeof path, "%s/class/powercap", root);
	rmdir(path);
	snprintf(path, sizeof path, "%s/class", root);
	rmdir(path);
	rmdir(root);
	return 0;
}
