/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/memory_traffic.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "measure/sensors/pmu.h"
#include "measure/sensors/sysfs.h"

/* Of one way to count, the first that is there: some machines have two that count the same. */
static const struct {
	const char *read, *write;
} ways[] = {
	{ "cas_count_read", "cas_count_write" }, /* servers */
	{ "data_reads", "data_writes" },         /* Haswell to Ice Lake clients */
	{ "data_read", "data_write" },           /* the counters that run by themselves */
	{ "read", "write" },
};
static const double MIB = 1048576, LINE = 64;

/* Events state a scale to MiB; a bare count is of cache lines. */
static double bytes_of(double scale)
{
	return scale > 0 ? scale * MIB : LINE;
}

/* false where the PMU has no such event. */
static bool open_event(struct memory_traffic *t, const char *name, const struct pmu *pmu,
                       const char *event, bool write, int *refused)
{
	uint64_t config;
	double scale;
	if (!pmu_event(t->env, name, event, &config, &scale))
		return false;
	for (int i = 0; i < pmu->cpu_count && t->count < TRAFFIC_COUNTERS_MAX; i++) {
		struct traffic_counter *c = &t->counters[t->count];
		*c = (struct traffic_counter){ .write = write, .bytes = bytes_of(scale) };
		c->fd = pmu_open(t->env, pmu->type, config, pmu->cpus[i]);
		if (c->fd < 0) {
			*refused = errno;
		} else if (!pmu_count(c->fd, &c->before)) {
			*refused = EIO;
			close(c->fd);
		} else {
			t->count++;
		}
	}
	return true;
}

static void open_controllers(struct memory_traffic *t, int *refused)
{
	char folder[SYSFS_PATH_SIZE], **names;
	if (!sysfs_path(folder, sizeof folder, t->env->sysfs_root, "bus/event_source/devices"))
		return;
	int count = sysfs_list(folder, "uncore_imc", &names);
	for (size_t w = 0; w < sizeof ways / sizeof *ways && !t->count && !*refused; w++)
		for (int i = 0; i < count; i++) {
			struct pmu pmu;
			if (!pmu_read(t->env, names[i], &pmu))
				continue;
			bool reads = open_event(t, names[i], &pmu, ways[w].read, false, refused);
			bool writes = open_event(t, names[i], &pmu, ways[w].write, true, refused);
			if (reads != writes) /* half of the traffic is not the traffic */
				*refused = ENOENT;
		}
	if (count >= 0)
		sysfs_list_free(names, count);
}

void memory_traffic_open(struct memory_traffic *t, const struct ergon_env *env)
{
	int refused = 0;
	*t = (struct memory_traffic){ .env = env };
	open_controllers(t, &refused);
	if (!refused && t->count > 0)
		return;
	memory_traffic_close(t); /* a part of the controllers would be a part of the traffic */
	if (refused == EACCES || refused == EPERM)
		snprintf(t->reason, sizeof t->reason,
		         "the memory controllers' counters are closed to this user: "
		         "sudo sysctl kernel.perf_event_paranoid=0");
	else if (refused)
		snprintf(t->reason, sizeof t->reason,
		         "the memory controllers' counters cannot be opened: %s",
		         strerror(refused));
	else
		snprintf(t->reason, sizeof t->reason,
		         "this machine shows no counters of memory controllers (uncore_imc)%s",
		         machine_is_virtual(env) ? ": it is virtual" : "");
}

void memory_traffic_read(const struct memory_traffic *t, double *read_bytes, double *written_bytes)
{
	double moved[2] = { 0, 0 };
	bool all = t->count > 0;
	for (size_t i = 0; i < t->count; i++) {
		const struct traffic_counter *c = &t->counters[i];
		uint64_t now;
		if (pmu_count(c->fd, &now) && now >= c->before)
			moved[c->write] += c->bytes * (double)(now - c->before);
		else
			all = false;
	}
	*read_bytes = all ? moved[0] : (double)NAN;
	*written_bytes = all ? moved[1] : (double)NAN;
}

void memory_traffic_close(struct memory_traffic *t)
{
	for (size_t i = 0; i < t->count; i++)
		close(t->counters[i].fd);
	t->count = 0;
}
