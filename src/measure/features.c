/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/features.h"

#include <linux/perf_event.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/memory_traffic.h"
#include "measure/sensors/activity.h"
#include "measure/sensors/pmu.h"
#include "measure/sensors/sysfs.h"

const char *const feature_names[FEATURE_COUNT] = { "time",         "busy",   "busy_fast", "cycles",
	                                           "instructions", "misses", "traffic" };

enum { COUNTERS_MAX = 4096 };

struct counter {
	int fd;
	enum feature feature;
	double scale; /* to the feature's unit */
};

struct features {
	const struct ergon_env *env;
	struct activity activity;
	uint64_t begin_ns, begin_ticks;
	struct counter *counters; /* [count] */
	size_t count;
	struct memory_traffic traffic;
	bool have[FEATURE_COUNT];
	double max_khz, busy_fast_s, before_s;
	struct sysfs_number frequency; /* of one CPU, which speaks for all */
	double first[FEATURE_COUNT];
};

static uint64_t now_ns(const struct features *f)
{
	return f->env->clock->monotonic_ns(f->env->clock->user);
}

static bool add_counter(struct features *f, enum feature feature, double scale, uint32_t type,
                        uint64_t config, unsigned cpu)
{
	if (f->count == COUNTERS_MAX)
		return false;
	int fd = pmu_open(f->env, type, config, cpu);
	if (fd < 0)
		return false;
	f->counters[f->count++] = (struct counter){ fd, feature, scale };
	f->have[feature] = true;
	return true;
}

/* Cycles, instructions and misses of every CPU; none at all where the first is refused. */
static void open_core_counters(struct features *f)
{
	static const struct {
		enum feature feature;
		uint64_t config;
	} events[] = { { FEATURE_CYCLES, PERF_COUNT_HW_CPU_CYCLES },
		       { FEATURE_INSTRUCTIONS, PERF_COUNT_HW_INSTRUCTIONS },
		       { FEATURE_MISSES, PERF_COUNT_HW_CACHE_MISSES } };
	for (size_t e = 0; e < sizeof events / sizeof *events; e++)
		for (int i = 0; i < f->activity.count; i++)
			if (!add_counter(f, events[e].feature, 1e-9, PERF_TYPE_HARDWARE,
			                 events[e].config, f->activity.number[i]) &&
			    i == 0)
				break;
}

static void open_frequency(struct features *f)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t khz;
	f->frequency.fd = -1;
	if (!sysfs_path(path, sizeof path, f->env->sysfs_root,
	                "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq") ||
	    !file_read_u64(path, &khz) || khz == 0 ||
	    !sysfs_path(path, sizeof path, f->env->sysfs_root,
	                "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq") ||
	    !sysfs_number_open(&f->frequency, path))
		return;
	f->max_khz = (double)khz;
	f->have[FEATURE_BUSY_FAST] = true;
}

struct features *features_open(const struct ergon_env *env)
{
	struct features *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->env = env;
	f->counters = calloc(COUNTERS_MAX, sizeof *f->counters);
	if (!f->counters || !activity_open(&f->activity, env)) {
		free(f->counters);
		free(f);
		return NULL;
	}
	f->have[FEATURE_TIME] = f->have[FEATURE_BUSY] = true;
	open_core_counters(f);
	memory_traffic_open(&f->traffic, env);
	f->have[FEATURE_TRAFFIC] = f->traffic.count > 0;
	open_frequency(f);
	f->begin_ns = now_ns(f);
	double sums[FEATURE_COUNT];
	if (features_read(f, sums))
		memcpy(f->first, sums, sizeof sums);
	f->busy_fast_s = 0;
	f->first[FEATURE_BUSY_FAST] = 0;
	return f;
}

void features_close(struct features *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		close(f->counters[i].fd);
	memory_traffic_close(&f->traffic);
	sysfs_number_close(&f->frequency);
	activity_close(&f->activity);
	free(f->counters);
	free(f);
}

bool features_have(const struct features *f, enum feature feature)
{
	return f->have[feature];
}

unsigned features_cpus(const struct features *f)
{
	return (unsigned)f->activity.count;
}

bool features_read(struct features *f, double sums[FEATURE_COUNT])
{
	int error;
	double values[FEATURE_COUNT] = { 0 };
	if (!activity_read(&f->activity, &error))
		return false;
	for (int i = 0; i < f->activity.count; i++)
		values[FEATURE_BUSY] += (double)f->activity.busy_ticks[i] * f->activity.tick_s;
	values[FEATURE_TIME] = seconds_from_ns(now_ns(f) - f->begin_ns);
	for (size_t i = 0; i < f->count; i++) {
		uint64_t count;
		if (pmu_count(f->counters[i].fd, &count))
			values[f->counters[i].feature] += (double)count * f->counters[i].scale;
	}
	double read_bytes, written_bytes;
	memory_traffic_read(&f->traffic, &read_bytes, &written_bytes);
	if (isfinite(read_bytes))
		values[FEATURE_TRAFFIC] = 1e-9 * (read_bytes + written_bytes);
	struct reading reading = { .valid = false };
	if (f->have[FEATURE_BUSY_FAST])
		sysfs_number_read(&f->frequency, f->env->clock, &reading);
	double speed = reading.valid ? fmin((double)reading.raw / f->max_khz, 1.2) : 1;
	if (f->before_s > 0)
		f->busy_fast_s += fmax(0, values[FEATURE_BUSY] - f->before_s) * speed * speed;
	f->before_s = values[FEATURE_BUSY];
	values[FEATURE_BUSY_FAST] = f->busy_fast_s;
	for (int k = 0; k < FEATURE_COUNT; k++)
		sums[k] = values[k] - f->first[k];
	return true;
}
