/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/pmu.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/sensors/cpuinfo.h"
#include "measure/sensors/sysfs.h"

static bool pmu_text(const struct ergon_env *env, const char *pmu, const char *file, char *out,
                     size_t size)
{
	char path[SYSFS_PATH_SIZE], name[192];
	snprintf(name, sizeof name, "bus/event_source/devices/%s/%s", pmu, file);
	return sysfs_path(path, sizeof path, env->sysfs_root, name) &&
	       file_read_small(path, out, size);
}

bool pmu_read(const struct ergon_env *env, const char *name, struct pmu *pmu)
{
	char text[4096];
	uint64_t type;
	if (!pmu_text(env, name, "type", text, sizeof text) || !parse_u64(text, &type) ||
	    type > UINT32_MAX)
		return false;
	pmu->type = (uint32_t)type;
	pmu->cpu_count = 0;
	if (pmu_text(env, name, "cpumask", text, sizeof text))
		pmu->cpu_count = cpu_list_parse(text, pmu->cpus, PMU_CPUS_MAX);
	return pmu->cpu_count > 0;
}

/* Where format/TERM puts a term: "config:8-15". One range, of config, is all that is understood;
 * the PMUs of energy may have no format of "event", which is then the low byte. */
static bool term_place(const struct ergon_env *env, const char *pmu, const char *term,
                       unsigned *low, unsigned *high)
{
	char file[64], text[64], rest;
	snprintf(file, sizeof file, "format/%.40s", term);
	*low = 0;
	*high = 7;
	if (!pmu_text(env, pmu, file, text, sizeof text))
		return strcmp(term, "event") == 0;
	if (sscanf(text, "config:%u-%u%c", low, high, &rest) == 2)
		return *low <= *high && *high < 64;
	*high = sscanf(text, "config:%u%c", low, &rest) == 1 ? *low : 64;
	return *high < 64;
}

/* One "umask=0x03" into config. */
static bool add_term(const struct ergon_env *env, const char *pmu, char *term, uint64_t *config)
{
	unsigned low, high;
	char *equals = strchr(term, '='), *end = NULL;
	uint64_t value = 1; /* a bare term is a flag */
	if (equals) {
		*equals = '\0';
		value = strtoull(equals + 1, &end, 0);
		if (end == equals + 1 || *end)
			return false;
	}
	if (!term_place(env, pmu, term, &low, &high))
		return false;
	uint64_t mask = high - low == 63 ? UINT64_MAX : (UINT64_C(1) << (high - low + 1)) - 1;
	if (value & ~mask)
		return false;
	*config |= value << low;
	return true;
}

bool pmu_event(const struct ergon_env *env, const char *name, const char *event, uint64_t *config,
               double *scale)
{
	char file[96], text[256], *rest = NULL;
	snprintf(file, sizeof file, "events/%.60s", event);
	if (!pmu_text(env, name, file, text, sizeof text))
		return false;
	*config = 0;
	for (char *term = strtok_r(text, ",\n", &rest); term; term = strtok_r(NULL, ",\n", &rest))
		if (!add_term(env, name, term, config))
			return false;
	snprintf(file, sizeof file, "events/%.60s.scale", event);
	*scale = 0;
	return !pmu_text(env, name, file, text, sizeof text) ||
	       (parse_real(text, scale) && *scale > 0);
}

int pmu_open(const struct ergon_env *env, uint32_t type, uint64_t config, unsigned cpu)
{
	struct perf_event_attr attr = { .type = type, .size = sizeof attr, .config = config };
	if (env->perf_event_open)
		return env->perf_event_open(env->device_user, &attr, -1, (int)cpu, -1,
		                            (unsigned long)PERF_FLAG_FD_CLOEXEC);
	return (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1,
	                    (unsigned long)PERF_FLAG_FD_CLOEXEC);
}

bool pmu_count(int fd, uint64_t *count)
{
	ssize_t got = read(fd, count, sizeof *count);
	if (got == 0) /* the end of a file that plays a counter */
		got = pread(fd, count, sizeof *count, 0);
	return got == (ssize_t)sizeof *count;
}
