/* SPDX-License-Identifier: Apache-2.0
 *
 * `ergon calibrate cpu|dram`: samples of what a real sensor shows while the machine does known
 * things, and the models that are fitted to them and kept.
 */
#ifndef ERGON_MEASURE_CALIBRATE_POWER_H
#define ERGON_MEASURE_CALIBRATE_POWER_H

#include "measure/meter.h"
#include "measure/power_fit.h"

enum power_target { POWER_OF_CPU, POWER_OF_DRAM };

struct power_samples {
	enum power_target target;
	struct power_sample *items; /* [count] */
	size_t count, capacity;
	bool have[FEATURE_COUNT]; /* what could be read */
	unsigned cpus;
};

/* Measures `windows` windows of window_s as one phase; whoever calls sees to the load.
 * NOT_SUPPORTED where the meter has no measured channel of the target: packages, or the channel
 * named (a node's wattmeter, say); memory. */
ERGON_MUST_USE enum ergon_code power_samples_take(struct power_samples *samples,
                                                  const struct ergon_env *env, struct meter *meter,
                                                  struct features *features, const char *channel,
                                                  unsigned phase, unsigned windows, double window_s,
                                                  struct ergon_error *err);
void power_samples_fini(struct power_samples *samples);

/* Fits every set of features that the target's models use and that could be read, best first:
 * memory by controllers' traffic, else by cache misses, else by busy time; processors by counters,
 * else by busy time. {"kind":"ergon.calibration","version":1,"what":"cpu","cpus","processor",
 * "missing":"cycles, ...","models":[...]}. */
ERGON_MUST_USE enum ergon_code power_samples_fit(const struct power_samples *samples,
                                                 const struct ergon_env *env, json_t **document,
                                                 struct ergon_error *err);

/* The first kept model of a target whose features can be read here; false where there is none, or
 * it is of another processor. */
bool power_model_kept(const struct ergon_env *env, enum power_target target,
                      const struct features *features, struct power_model *model);

#endif
