/* SPDX-License-Identifier: Apache-2.0
 *
 * RAPL through the perf PMUs `power` (Intel and AMD: packages, memory, ...) and `power_core` (AMD:
 * single cores): works where powercap is closed but perf_event_paranoid is 0 or less.
 *
 * Events, their encoding, scale and CPUs come from sysfs (bus/event_source/devices/power/
 * {type,cpumask,events/energy-pkg,...}). The kernel widens the counters to 64 bits, so they do not
 * wrap. A hypervisor may show the PMU of its own processor without the registers behind it; then
 * every count stays 0, so an event is believed only when it moves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "measure/sensors/cpuinfo.h"
#include "measure/sensors/pmu.h"
#include "measure/sensors/sysfs.h"

enum { EVENTS_MAX = 600, PATIENCE_STEPS = 5 };

struct rapl_perf {
	const struct ergon_env *env;
	int count;
	int fds[EVENTS_MAX];
	double uj_per_count[EVENTS_MAX];
};

struct event {
	const char *pmu, *name;
	const char *format; /* of the channel's name, from the package's number and the core's */
	bool must_move;     /* a live machine always spends something here */
};

static const struct event events[] = {
	{ "power", "energy-pkg", "package-%ld", true },
	{ "power", "energy-cores", "package-%ld/core", false },
	{ "power", "energy-gpu", "package-%ld/uncore", false },
	{ "power", "energy-ram", "package-%ld/dram", true },
	{ "power", "energy-psys", "psys", true },
	{ "power_core", "energy-core", "package-%ld/core-%ld", false },
};
enum { EVENT_COUNT = sizeof events / sizeof *events };

/* An energy whose scale is not stated is none. */
static bool event_config(const struct ergon_env *env, const struct event *event, uint64_t *config,
                         double *uj_per_count)
{
	double joules;
	if (!pmu_event(env, event->pmu, event->name, config, &joules) || joules == 0)
		return false;
	*uj_per_count = joules * 1e6;
	return true;
}

/* RAPL updates every millisecond; a counter that stands for 25 ms is none. */
static bool moves(int fd)
{
	uint64_t first, now;
	if (!pmu_count(fd, &first))
		return false;
	for (int i = 0; i < PATIENCE_STEPS; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		if (pmu_count(fd, &now) && now != first)
			return true;
	}
	return false;
}

static void describe(const struct ergon_env *env, const struct event *event, unsigned cpu,
                     double uj_per_count, struct channel *channel)
{
	long package = cpu_topology(env, cpu, "topology/physical_package_id");
	long core = cpu_topology(env, cpu, "topology/core_id");
	snprintf(channel->name, sizeof channel->name, event->format, package < 0 ? 0 : package,
	         core < 0 ? (long)cpu : core);
	channel->behaviour = CHANNEL_ENERGY_COUNTER;
	channel->provenance = PROVENANCE_MEASURED;
	channel->refresh_us = 1000;
	channel->resolution = uj_per_count > 1 ? (uint32_t)uj_per_count : 61;
	channel->relative_error = strcmp(event->name, "energy-ram") == 0 ? 0.05 : 0.025;
}

/* Opens all that count; errno of the last refusal in *refused (0: none was refused). */
static int open_all(struct rapl_perf *rapl, struct channel *channels, int max, int *refused,
                    bool *stands)
{
	*refused = 0;
	*stands = false;
	for (int e = 0; e < EVENT_COUNT; e++) {
		struct pmu pmu;
		uint64_t config;
		double uj_per_count;
		if (!pmu_read(rapl->env, events[e].pmu, &pmu) ||
		    !event_config(rapl->env, &events[e], &config, &uj_per_count))
			continue;
		for (int i = 0; i < pmu.cpu_count && rapl->count < max && rapl->count < EVENTS_MAX;
		     i++) {
			int fd = pmu_open(rapl->env, pmu.type, config, pmu.cpus[i]);
			if (fd < 0) {
				*refused = errno;
				continue;
			}
			if (events[e].must_move && !moves(fd)) {
				*stands = true;
				close(fd);
				continue;
			}
			if (channels)
				describe(rapl->env, &events[e], pmu.cpus[i], uj_per_count,
				         &channels[rapl->count]);
			rapl->uj_per_count[rapl->count] = uj_per_count;
			rapl->fds[rapl->count++] = fd;
			if (!channels) /* a probe: one that works is enough */
				return rapl->count;
		}
	}
	return rapl->count;
}

static void rapl_perf_close(void *state)
{
	struct rapl_perf *rapl = state;
	for (int i = 0; i < rapl->count; i++)
		close(rapl->fds[i]);
	rapl->count = 0;
}

static enum sensor_state rapl_perf_probe(const struct ergon_env *env, const char *argument,
                                         struct sensor_reason *reason)
{
	(void)argument;
	struct rapl_perf *rapl = calloc(1, sizeof *rapl);
	int refused = 0, count = 0;
	bool stands = false;
	*reason = (struct sensor_reason){ "", "" };
	if (rapl) {
		rapl->env = env;
		count = open_all(rapl, NULL, EVENTS_MAX, &refused, &stands);
		rapl_perf_close(rapl);
		free(rapl);
	}
	if (count > 0)
		return SENSOR_READY;
	if (refused == EACCES || refused == EPERM) {
		snprintf(reason->text, sizeof reason->text,
		         "the perf events are there, but not open to this user");
		snprintf(reason->grant, sizeof reason->grant,
		         "sudo sysctl kernel.perf_event_paranoid=0");
		return SENSOR_CLOSED;
	}
	if (stands)
		snprintf(reason->text, sizeof reason->text,
		         "the perf event is there, but its count stands still%s",
		         machine_is_virtual(env) ? ": a virtual machine, whose host keeps the "
		                                   "counters to itself"
		                                 : "");
	else if (refused)
		snprintf(reason->text, sizeof reason->text, "the perf events cannot be opened: %s",
		         strerror(refused));
	else
		snprintf(reason->text, sizeof reason->text,
		         "no energy events in %s/bus/event_source/devices/power", env->sysfs_root);
	return SENSOR_ABSENT;
}

static int rapl_perf_open(void *state, const struct ergon_env *env, const char *argument,
                          struct channel *channels, int max, struct ergon_error *err)
{
	(void)argument;
	struct rapl_perf *rapl = state;
	int refused;
	bool stands;
	rapl->env = env;
	if (open_all(rapl, channels, max, &refused, &stands) == 0) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "rapl_perf: no event counts");
		return -1;
	}
	return rapl->count;
}

static void rapl_perf_read(void *state, struct reading *readings, int n)
{
	struct rapl_perf *rapl = state;
	const struct ergon_clock *clock = rapl->env->clock;
	for (int i = 0; i < n; i++) {
		uint64_t count = 0;
		readings[i].valid = pmu_count(rapl->fds[i], &count);
		readings[i].error = readings[i].valid ? 0 : EIO;
		readings[i].raw = (uint64_t)((double)count * rapl->uj_per_count[i]);
		readings[i].time_ns = clock->monotonic_ns(clock->user);
	}
}

const struct sensor_driver sensor_rapl_perf = {
	.name = "rapl_perf",
	.summary = "RAPL through perf events, where powercap is closed",
	.use = SENSOR_SPARE,
	.state_size = sizeof(struct rapl_perf),
	.probe = rapl_perf_probe,
	.open = rapl_perf_open,
	.read = rapl_perf_read,
	.close = rapl_perf_close,
};
