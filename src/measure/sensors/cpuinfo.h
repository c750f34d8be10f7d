/* SPDX-License-Identifier: Apache-2.0
 *
 * Which processor this is and how its CPUs sit in sockets, from /proc/cpuinfo and sysfs.
 */
#ifndef ERGON_MEASURE_SENSORS_CPUINFO_H
#define ERGON_MEASURE_SENSORS_CPUINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "ergon/env.h"
#include "spec/cpu_power.h"

enum { CPUINFO_CPUS_MAX = 65536, CPUINFO_SOCKETS_MAX = 64 };

/* Vendor, family and model; and the socket of each CPU, numbered from 0 in order of appearance,
 * into socket_of[CPUINFO_CPUS_MAX] (may be NULL). Returns the number of sockets (1 where nothing is
 * said), 0 where /proc/cpuinfo cannot be read. */
int cpuinfo_read(const struct ergon_env *env, struct cpu_identity *cpu, uint16_t *socket_of);

/* A number below /sys/devices/system/cpu/cpuN/ ("topology/physical_package_id"); -1 if not there.
 */
long cpu_topology(const struct ergon_env *env, unsigned cpu, const char *file);

/* Numbers of a list such as "0-3,8,12-13" into numbers; returns how many, at most max. */
int cpu_list_parse(const char *text, unsigned *numbers, int max);

#endif
