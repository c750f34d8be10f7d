/* SPDX-License-Identifier: Apache-2.0
 *
 * How busy the CPUs have been, from /proc/stat: what the power models rest on.
 *
 * Busy time counts user, nice, system, irq and softirq; idle and iowait do not, nor does time that
 * a hypervisor took away (steal). The kernel counts in ticks of 1 / sysconf(_SC_CLK_TCK) s.
 */
#ifndef ERGON_MEASURE_SENSORS_ACTIVITY_H
#define ERGON_MEASURE_SENSORS_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include "measure/sensor.h"

enum { ACTIVITY_CPUS_MAX = 2048, ACTIVITY_TEXT_SIZE = 192 * 1024 };

struct activity {
	int fd;
	int count; /* CPUs seen in the latest read */
	double tick_s;
	uint16_t number[ACTIVITY_CPUS_MAX]; /* of each CPU seen */
	uint64_t busy_ticks[ACTIVITY_CPUS_MAX];
	char text[ACTIVITY_TEXT_SIZE];
};

/* False with errno set where /proc/stat cannot be read or lists no CPU. */
bool activity_open(struct activity *activity, const struct ergon_env *env);
void activity_close(struct activity *activity);

/* One pread, no allocation. error: errno of a failed read, 0 for a text that is not as expected. */
bool activity_read(struct activity *activity, int *error);

/* Takes the "cpuN ..." lines of text apart; false where there is none. For tests and fuzzing. */
bool activity_parse(struct activity *activity, const char *text, size_t length);

#endif
