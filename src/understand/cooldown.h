/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting until the machine is as cool as it was at the start: a hot chip leaks more, and may be
 * slowed down, so that what ran before would be billed to what runs now.
 *
 * The temperature is the highest of the thermal zones and hwmon inputs of sysfs, in Celsius.
 */
#ifndef ERGON_UNDERSTAND_COOLDOWN_H
#define ERGON_UNDERSTAND_COOLDOWN_H

#include <stdint.h>

#include "ergon/env.h"

/* NaN where sysfs shows none (usual in a VM). */
double cooldown_temperature_c(const struct ergon_env *env);

/* Waits until the temperature is at most two degrees above baseline_c, for at most so long; the
 * seconds that it took. Returns at once where there is no temperature. */
double cooldown_wait(const struct ergon_env *env, double baseline_c, uint64_t most_ns);

#endif
