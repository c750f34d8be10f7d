/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting until the machine is as cool as it was at the start: a hot chip leaks more, and may be
 * slowed down, so that what ran before would be billed to what runs now.
 *
 * The temperature is the highest of the thermal zones and hwmon inputs of sysfs, in Celsius; that
 * of GPUs, which idle cooler or hotter than the rest, counts for itself (gpu_temperature.h).
 */
#ifndef ERGON_UNDERSTAND_COOLDOWN_H
#define ERGON_UNDERSTAND_COOLDOWN_H

#include <stdint.h>

#include "ergon/env.h"
#include "understand/gpu_temperature.h"

/* NaN where sysfs shows none (usual in a VM). */
double cooldown_temperature_c(const struct ergon_env *env);

struct cooldown_baseline {
	double machine_c, gpu_c; /* NaN: not shown, not waited for */
};

/* Waits until the machine and gpus (NULL: none) are at most two degrees above their baselines, for
 * at most so long; the seconds that it took. Returns at once where there is no temperature. */
double cooldown_wait(const struct ergon_env *env, const struct gpu_thermometer *gpus,
                     const struct cooldown_baseline *baseline, uint64_t most_ns);

#endif
