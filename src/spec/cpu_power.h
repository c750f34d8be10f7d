/* SPDX-License-Identifier: Apache-2.0
 *
 * How much power a processor takes idle and at full load, for the model that stands in where no
 * sensor can be read. Data: data/devices/cpu/NAME.json, one file a processor generation, found by
 * vendor, family and model of /proc/cpuinfo; generic.json for all others.
 */
#ifndef ERGON_SPEC_CPU_POWER_H
#define ERGON_SPEC_CPU_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "ergon/error.h"

/* As /proc/cpuinfo tells: x86 "vendor_id", "cpu family", "model"; Arm "CPU implementer", "CPU
 * part" (family then is -1). */
struct cpu_identity {
	char vendor[32];
	long family, model;
};

struct cpu_power {
	char name[64];
	double idle_w, full_w;     /* of one logical CPU: package power by its number of threads */
	double frequency_exponent; /* dynamic power over frequency relative to the highest */
	double relative_error;     /* 1 sigma of a package's power */
	bool generic;              /* no file knows this processor */
};

ERGON_MUST_USE enum ergon_code cpu_power_find(const char *data_dir, const struct cpu_identity *cpu,
                                              struct cpu_power *power, struct ergon_error *err);

#endif
