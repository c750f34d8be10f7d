/* SPDX-License-Identifier: Apache-2.0
 *
 * What measuring does to the measured: a two-core STREAM triad by itself, with the meter at 1 kHz
 * on four counters, and beside a thread that wakes as often and does nothing but read, in one
 * process, blocks in the order ABCCBA; what a sample costs the meter and that thread; and a process
 * a sample, as tools do that call another program. Prints one line of JSON a case.
 *
 *     bench_overhead [PAIRS [BLOCK_SECONDS]]
 */
#include <fcntl.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/stats.h"
#include "base/units.h"
#include "ergon/measure.h"
#include "measure/meter.h"

enum { ZONES = 4, ELEMENTS = 1 << 22, PAIRS_MAX = 10000 };

extern char **environ;

static char root[64] = "/dev/shm/ergon-bench-XXXXXX";
static double *a, *b, *c;

static double clock_s(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void zone_path(char *path, size_t size, int zone, const char *file)
{
	snprintf(path, size, "%s/class/powercap/intel-rapl:%d%s%s", root, zone, *file ? "/" : "",
	         file);
}

static void put(int zone, const char *file, const char *text)
{
	char path[256];
	zone_path(path, sizeof path, zone, file);
	FILE *out = fopen(path, "w");
	if (!out || fputs(text, out) < 0 || fclose(out)) {
		perror(path);
		exit(1);
	}
}

static void make_zones(void)
{
	char path[256], name[32];
	snprintf(path, sizeof path, "%s/class", root);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/class/powercap", root);
	mkdir(path, 0755);
	for (int i = 0; i < ZONES; i++) {
		zone_path(path, sizeof path, i, "");
		mkdir(path, 0755);
		snprintf(name, sizeof name, "package-%d\n", i);
		put(i, "name", name);
		put(i, "max_energy_range_uj", "262143328850\n");
		put(i, "energy_uj", "123456789\n");
	}
}

static void remove_zones(void)
{
	static const char *const files[] = { "name", "max_energy_range_uj", "energy_uj", "" };
	char path[256];
	for (int i = 0; i < ZONES; i++)
		for (int k = 0; k < 4; k++) {
			zone_path(path, sizeof path, i, files[k]);
			remove(path);
		}
	snprintf(path, sizeof path, "%s/class/powercap", root);
	rmdir(path);
	snprintf(path, sizeof path, "%s/class", root);
	rmdir(path);
	rmdir(root);
}

/* --- STREAM ---------------------------------------------------------------------- */

/* Triads for so long. Wall and processor seconds of one: the latter tells the same on a machine
 * that others use too, where a pass may have been made to wait. */
struct pass {
	double wall_s, cpu_s;
};

static struct pass stream(double seconds)
{
	double begin = clock_s(CLOCK_MONOTONIC), now = begin;
	double cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	long passes = 0;
	while (now - begin < seconds) {
#pragma omp parallel for schedule(static) num_threads(2)
		for (size_t i = 0; i < ELEMENTS; i++)
			a[i] = b[i] + 3 * c[i];
		passes++;
		now = clock_s(CLOCK_MONOTONIC);
	}
	cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	return (struct pass){ (now - begin) / (double)passes, cpu / (double)passes };
}

static struct meter *start_meter(const struct ergon_env *env, uint64_t interval_ns)
{
	struct meter *meter;
	struct ergon_error err;
	if (meter_open(
		&meter, env,
		&(struct meter_options){ .interval_ns = interval_ns, .sensors = "rapl_powercap" },
		&err) ||
	    meter_begin(meter, &err)) {
		fprintf(stderr, "bench_overhead: %s\n", err.text);
		exit(1);
	}
	return meter;
}

static int by_value(const void *x, const void *y)
{
	double p = *(const double *)x, q = *(const double *)y;
	return p < q ? -1 : p > q;
}

/* Over all metered passes. */
struct sampler_cost {
	double own_s, metered_s, samples;
};

struct ratios {
	double values[PAIRS_MAX];
	int count;
};

static void print_ratios(const char *what, struct ratios *r)
{
	double sum = 0, square = 0, n = r->count;
	for (int i = 0; i < r->count; i++) {
		sum += r->values[i];
		square += r->values[i] * r->values[i];
	}
	double mean = sum / n, half = (double)NAN;
	if (r->count > 1)
		half = student_t_quantile(0.95, n - 1) *
		       sqrt(fmax(0, square / n - mean * mean) / (n - 1));
	qsort(r->values, (size_t)r->count, sizeof *r->values, by_value);
	printf(",\"%s_median\":%.5f,\"%s_mean\":%.5f,\"%s_ci95\":%.5f", what,
	       r->values[r->count / 2] - 1, what, mean - 1, what, half);
}

struct bare {
	uint64_t interval_ns;
	long samples;
	double cpu_s;
	atomic_int stop;
};

/* Wakes as the sampler does and reads the same files, and nothing else. */
static void *bare_thread(void *user)
{
	struct bare *bare = user;
	int fds[ZONES];
	char path[256], text[32];
	for (int i = 0; i < ZONES; i++) {
		zone_path(path, sizeof path, i, "energy_uj");
		fds[i] = open(path, O_RDONLY);
	}
	prctl(PR_SET_TIMERSLACK, 1UL);
	uint64_t next_ns = ns_from_seconds(clock_s(CLOCK_MONOTONIC));
	while (!atomic_load(&bare->stop)) {
		next_ns += bare->interval_ns;
		struct timespec until = { (time_t)(next_ns / NS_PER_S),
			                  (long)(next_ns % NS_PER_S) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		for (int i = 0; i < ZONES; i++)
			if (pread(fds[i], text, sizeof text, 0) < 0)
				exit(1);
		bare->samples++;
	}
	bare->cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < ZONES; i++)
		close(fds[i]);
	return NULL;
}

enum { PLAIN, METERED, BARE, ARMS };

/* Adds one pass of STREAM beside nothing, the meter, or the bare thread at 1 kHz. */
static void one_pass(const struct ergon_env *env, int arm, double seconds, struct pass *sum,
                     struct sampler_cost *cost)
{
	struct meter *meter = arm == METERED ? start_meter(env, NS_PER_MS) : NULL;
	struct bare bare = { .interval_ns = NS_PER_MS };
	pthread_t thread;
	if (arm == BARE && pthread_create(&thread, NULL, bare_thread, &bare))
		exit(1);
	struct pass one = stream(seconds);
	if (arm == BARE) {
		atomic_store(&bare.stop, 1);
		pthread_join(thread, NULL);
	}
	sum->wall_s += one.wall_s;
	sum->cpu_s += one.cpu_s;
	struct measurement m = { 0 };
	struct ergon_error err;
	if (meter && meter_end(meter, &m, &err) == ERGON_OK) {
		cost->own_s += m.own_cpu_s;
		cost->metered_s += m.duration_s;
		cost->samples += (double)m.samples;
	}
	measurement_fini(&m);
	meter_close(meter);
}

static void stream_case(const struct ergon_env *env, int pairs, double seconds)
{
	static struct ratios wall[ARMS], cpu[ARMS];
	static const int order[] = { PLAIN, METERED, BARE, BARE, METERED, PLAIN };
	struct sampler_cost cost = { 0, 0, 0 };
	stream(seconds); /* pages, clocks */
	for (int p = 0; p < pairs; p++) {
		struct pass sum[ARMS] = { { 0, 0 }, { 0, 0 }, { 0, 0 } };
		for (size_t k = 0; k < sizeof order / sizeof *order; k++)
			one_pass(env, order[k], seconds, &sum[order[k]], &cost);
		for (int arm = METERED; arm < ARMS; arm++) {
			wall[arm].values[wall[arm].count++] = sum[arm].wall_s / sum[PLAIN].wall_s;
			cpu[arm].values[cpu[arm].count++] = sum[arm].cpu_s / sum[PLAIN].cpu_s;
		}
	}
	printf("{\"case\":\"stream\",\"hz\":1000,\"channels\":%d,\"pairs\":%d,"
	       "\"us_per_sample\":%.2f,\"sampler_share_of_two_cores\":%.5f",
	       ZONES, pairs, cost.own_s * 1e6 / cost.samples, cost.own_s / cost.metered_s / 2);
	print_ratios("slowdown_cpu", &cpu[METERED]);
	print_ratios("slowdown_wall", &wall[METERED]);
	print_ratios("bare_thread_slowdown_cpu", &cpu[BARE]);
	print_ratios("bare_thread_slowdown_wall", &wall[BARE]);
	printf("}\n");
}

/* --- what a sample costs ------------------------------------------------------------ */

static void nap(double seconds)
{
	struct timespec t = { (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) };
	nanosleep(&t, NULL);
}

static double thread_case(const struct ergon_env *env, uint64_t interval_ns, double seconds)
{
	struct bare bare = { .interval_ns = interval_ns };
	pthread_t thread;
	struct measurement m = { 0 };
	struct ergon_error err;
	if (pthread_create(&thread, NULL, bare_thread, &bare))
		exit(1);
	nap(seconds);
	atomic_store(&bare.stop, 1);
	pthread_join(thread, NULL);
	struct meter *meter = start_meter(env, interval_ns);
	nap(seconds);
	if (meter_end(meter, &m, &err))
		exit(1);
	double ours_us = m.own_cpu_s * 1e6 / (double)m.samples;
	double bare_us = bare.cpu_s * 1e6 / (double)bare.samples;
	printf("{\"case\":\"wakes\",\"interval_s\":%g,\"meter_us\":%.2f,\"bare_us\":%.2f,"
	       "\"ratio\":%.3f,\"share_of_a_core\":%.6f}\n",
	       seconds_from_ns(interval_ns), ours_us, bare_us, ours_us / bare_us,
	       m.own_cpu_s / m.duration_s);
	measurement_fini(&m);
	meter_close(meter);
	return ours_us;
}

/* The method of tools that start a program for each sample: here the cheapest, cat. */
static double process_us(int samples)
{
	char paths[ZONES][256];
	char cat[] = "cat", *argv[ZONES + 2] = { cat };
	posix_spawn_file_actions_t actions;
	struct rusage before, after;
	for (int i = 0; i < ZONES; i++) {
		zone_path(paths[i], sizeof paths[i], i, "energy_uj");
		argv[1 + i] = paths[i];
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	getrusage(RUSAGE_CHILDREN, &before);
	double begin = clock_s(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < samples; i++) {
		pid_t pid;
		if (posix_spawnp(&pid, "cat", &actions, NULL, argv, environ) ||
		    waitpid(pid, NULL, 0) != pid)
			exit(1);
	}
	double own = clock_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
	getrusage(RUSAGE_CHILDREN, &after);
	posix_spawn_file_actions_destroy(&actions);
	double children = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
	                           after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
	                  (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	                           after.ru_stime.tv_usec - before.ru_stime.tv_usec) /
	                      1e6;
	return (own + children) * 1e6 / samples;
}

/* A pair of begin and end, without a meter as instrumented programs run mostly, and with one. */
static void region_case(const struct ergon_env *env)
{
	struct ergon_meter *meters[2] = { NULL, NULL };
	static const long counts[2] = { 10000000, 20000 };
	double us[2] = { 0, 0 };
	struct ergon_error err;
	if (ergon_meter_open(&meters[1], env, "rapl_powercap", 0, &err))
		exit(1);
	for (int k = 0; k < 2; k++) {
		double begin = clock_s(CLOCK_MONOTONIC);
		for (long i = 0; i < counts[k]; i++) {
			struct ergon_region *region;
			struct ergon_energy energy;
			if (ergon_region_begin(meters[k], &region, &err) ||
			    ergon_region_end(region, &energy, &err))
				exit(1);
		}
		us[k] = (clock_s(CLOCK_MONOTONIC) - begin) * 1e6 / (double)counts[k];
	}
	ergon_meter_close(meters[1]);
	printf("{\"case\":\"region\",\"us_without_a_meter\":%.4f,\"us_with_a_meter\":%.2f,"
	       "\"channels\":%d}\n",
	       us[0], us[1], ZONES);
}

int main(int argc, char **argv)
{
	uint64_t pairs = 20;
	double seconds = 0.5;
	struct ergon_env env;
	struct ergon_env_storage storage;
	/* Threads that wait must not burn what is measured. */
	if (!getenv("OMP_WAIT_POLICY") && setenv("OMP_WAIT_POLICY", "passive", 1) == 0)
		execv("/proc/self/exe", argv);
	if ((argc > 1 && (!parse_u64(argv[1], &pairs) || pairs < 1 || pairs > PAIRS_MAX)) ||
	    (argc > 2 && (!parse_real(argv[2], &seconds) || seconds <= 0)))
		return 2;
	ergon_env_init(&env, &storage);
	a = malloc(ELEMENTS * sizeof *a);
	b = malloc(ELEMENTS * sizeof *b);
	c = malloc(ELEMENTS * sizeof *c);
	if (!a || !b || !c || !mkdtemp(root))
		return 1;
	for (size_t i = 0; i < ELEMENTS; i++) {
		a[i] = 0;
		b[i] = 1;
		c[i] = 2;
	}
	env.sysfs_root = root;
	make_zones();
	region_case(&env);
	double ten_hz_us = thread_case(&env, 100 * NS_PER_MS, 6 * seconds);
	thread_case(&env, NS_PER_MS, 4 * seconds);
	thread_case(&env, 100 * NS_PER_US, 4 * seconds);
	double process = process_us(200);
	printf("{\"case\":\"process a sample\",\"us\":%.1f,\"ratio_to_a_sample_at_10_hz\":%.1f}\n",
	       process, process / ten_hz_us);
	stream_case(&env, (int)pairs, seconds);
	remove_zones();
	free(a);
	free(b);
	free(c);
	return 0;
}
