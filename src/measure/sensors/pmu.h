/* SPDX-License-Identifier: Apache-2.0
 *
 * The PMUs of the kernel that count for a socket, not for a process (RAPL, memory controllers):
 * their events as sysfs states them, in bus/event_source/devices/PMU/{type,cpumask,events,format}.
 * Source: Documentation/ABI/testing/sysfs-bus-event_source-devices-{events,format} of Linux.
 */
#ifndef ERGON_MEASURE_SENSORS_PMU_H
#define ERGON_MEASURE_SENSORS_PMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"

enum { PMU_CPUS_MAX = 512 };

struct pmu {
	uint32_t type;
	unsigned cpus[PMU_CPUS_MAX]; /* one to a socket or so: where to count */
	int cpu_count;
};

/* false where the PMU is not there, or names no processor to count on. */
bool pmu_read(const struct ergon_env *env, const char *name, struct pmu *pmu);

/* An event of events/: its encoding after format/ ("event=0x04,umask=0x03"), and what a count is
 * in the unit that the PMU states (0 where it states none). false where it cannot be read. */
bool pmu_event(const struct ergon_env *env, const char *name, const char *event, uint64_t *config,
               double *scale);

/* A counter of all that runs on the processor; -1 with errno set. */
int pmu_open(const struct ergon_env *env, uint32_t type, uint64_t config, unsigned cpu);
bool pmu_count(int fd, uint64_t *count);

#endif
