/* SPDX-License-Identifier: Apache-2.0
 *
 * What the whole machine has done so far, as far as it can be told without a power sensor: the
 * inputs of the power models and of their calibration. All are running sums, so that two readings
 * subtract.
 *
 *   time           s
 *   busy           CPU s, of all CPUs (/proc/stat)
 *   busy_fast      the same, each weighted by (f / f_max)^2 where cpufreq shows f
 *   cycles, instructions, misses    1e9, of all CPUs (perf events, system-wide; last-level misses)
 *   traffic        GB, of all memory controllers (memory_traffic.h)
 *
 * Counters need kernel.perf_event_paranoid <= 0 or root, and a machine that has them.
 */
#ifndef ERGON_MEASURE_FEATURES_H
#define ERGON_MEASURE_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"

enum feature {
	FEATURE_TIME,
	FEATURE_BUSY,
	FEATURE_BUSY_FAST,
	FEATURE_CYCLES,
	FEATURE_INSTRUCTIONS,
	FEATURE_MISSES,
	FEATURE_TRAFFIC,
	FEATURE_COUNT
};
extern const char *const feature_names[FEATURE_COUNT];

struct features;

/* NULL where /proc/stat cannot be read or memory is out. */
struct features *features_open(const struct ergon_env *env);
void features_close(struct features *features); /* NULL is allowed */

/* Which can be read here; FEATURE_TIME and FEATURE_BUSY always. */
bool features_have(const struct features *features, enum feature feature);
unsigned features_cpus(const struct features *features);

/* Sums since open. One pread a source, no allocation. False where /proc/stat failed. */
bool features_read(struct features *features, double sums[FEATURE_COUNT]);

#endif
