/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/calibrate_power.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/suggest.h"
#include "base/units.h"
#include "measure/calibration.h"
#include "measure/sensors/cpuinfo.h"
#include "measure/tree.h"

static const char *const target_names[] = { "cpu", "dram" };

/* The sets of features of each target, best first. */
static const struct {
	enum power_target target;
	bool uses[FEATURE_COUNT];
} sets[] = {
	{ POWER_OF_DRAM, { [FEATURE_TIME] = true, [FEATURE_TRAFFIC] = true } },
	{ POWER_OF_DRAM, { [FEATURE_TIME] = true, [FEATURE_MISSES] = true } },
	{ POWER_OF_DRAM, { [FEATURE_TIME] = true, [FEATURE_BUSY] = true } },
	{ POWER_OF_CPU,
	  { [FEATURE_TIME] = true,
	    [FEATURE_BUSY] = true,
	    [FEATURE_BUSY_FAST] = true,
	    [FEATURE_CYCLES] = true,
	    [FEATURE_INSTRUCTIONS] = true,
	    [FEATURE_MISSES] = true,
	    [FEATURE_TRAFFIC] = true } },
	{ POWER_OF_CPU,
	  { [FEATURE_TIME] = true, [FEATURE_BUSY] = true, [FEATURE_BUSY_FAST] = true } },
};

enum { CHANNELS_SHOWN = 64 };

/* --- samples ----------------------------------------------------------------------------- */

static bool belongs(const struct domain_energy *domain, enum power_target target,
                    const char *channel)
{
	enum tree_kind kind = tree_kind(domain->name);
	if (!domain->valid || domain->duplicate_of[0] || domain->provenance != PROVENANCE_MEASURED)
		return false;
	if (channel)
		return strcmp(domain->name, channel) == 0;
	return kind == (target == POWER_OF_CPU ? TREE_PACKAGE : TREE_DRAM);
}

static bool power_of(const struct measurement *m, enum power_target target, const char *channel,
                     double *power_w)
{
	bool found = false;
	*power_w = 0;
	for (size_t i = 0; i < m->count; i++)
		if (belongs(&m->domains[i], target, channel)) {
			*power_w += m->domains[i].average_power_w;
			found = true;
		}
	return found;
}

static enum ergon_code no_channel(const struct measurement *m, enum power_target target,
                                  const char *channel, struct ergon_error *err)
{
	const char *names[CHANNELS_SHOWN];
	char hint[160];
	size_t count = 0;
	for (size_t i = 0; i < m->count && count < CHANNELS_SHOWN; i++)
		if (m->domains[i].provenance == PROVENANCE_MEASURED)
			names[count++] = m->domains[i].name;
	if (channel)
		return ergon_fail(err, ERGON_NOT_FOUND, "no measured channel '%.40s'%s", channel,
		                  suggest_hint(hint, sizeof hint, channel, names, count));
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "no measured channel of %s here to fit against%s; ergon sensors says why",
	                  target == POWER_OF_CPU ? "a processor" : "memory",
	                  target == POWER_OF_CPU ? " (a wattmeter will do: --channel node)" : "");
}

static enum ergon_code take_one(struct power_samples *samples, const struct ergon_env *env,
                                struct meter *meter, struct features *features, const char *channel,
                                unsigned phase, double window_s, struct ergon_error *err)
{
	const struct ergon_clock *clock = env->clock;
	double before[FEATURE_COUNT], after[FEATURE_COUNT];
	struct measurement m = { 0 };
	enum ergon_code code = meter_begin(meter, err);
	if (code)
		return code;
	bool good = features_read(features, before);
	clock->sleep_until(clock->user,
	                   clock->monotonic_ns(clock->user) + ns_from_seconds(window_s));
	good = features_read(features, after) && good;
	if ((code = meter_end(meter, &m, err)))
		return code;
	struct power_sample sample = { .phase = phase };
	if (!power_of(&m, samples->target, channel, &sample.power_w))
		code = no_channel(&m, samples->target, channel, err);
	measurement_fini(&m);
	double passed_s = after[FEATURE_TIME] - before[FEATURE_TIME];
	if (code || !good || passed_s <= 0)
		return code;
	for (int k = 0; k < FEATURE_COUNT; k++)
		sample.rate[k] = (after[k] - before[k]) / passed_s;
	if (!GROW(samples->items, samples->capacity, samples->count + 1))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	samples->items[samples->count++] = sample;
	return ERGON_OK;
}

enum ergon_code power_samples_take(struct power_samples *samples, const struct ergon_env *env,
                                   struct meter *meter, struct features *features,
                                   const char *channel, unsigned phase, unsigned windows,
                                   double window_s, struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	for (int k = 0; k < FEATURE_COUNT; k++)
		samples->have[k] = features_have(features, (enum feature)k);
	samples->cpus = features_cpus(features);
	for (unsigned i = 0; i < windows && !code; i++)
		code = take_one(samples, env, meter, features, channel, phase, window_s, err);
	return code;
}

void power_samples_fini(struct power_samples *samples)
{
	free(samples->items);
	*samples = (struct power_samples){ .items = NULL };
}

/* --- fits ----------------------------------------------------------------------------------- */

static void processor_of(const struct ergon_env *env, char *text, size_t size)
{
	struct cpu_identity cpu;
	cpuinfo_read(env, &cpu, NULL);
	snprintf(text, size, "%s %ld %ld", cpu.vendor, cpu.family, cpu.model);
}

/* What the best model of the target would use and could not be read; "" for nothing. */
static void list_missing(const struct power_samples *samples, char *text, size_t size)
{
	size_t used = 0, s = 0;
	text[0] = '\0';
	while (sets[s].target != samples->target)
		s++;
	for (int k = 0; k < FEATURE_COUNT && used < size; k++)
		if (sets[s].uses[k] && !samples->have[k])
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
			                         feature_names[k]);
}

/* A memory set is whole or nothing; a processor's takes what there is. */
static bool set_applies(const struct power_samples *samples, size_t s)
{
	if (sets[s].target != samples->target)
		return false;
	for (int k = 0; k < FEATURE_COUNT; k++)
		if (sets[s].target == POWER_OF_DRAM && sets[s].uses[k] && !samples->have[k])
			return false;
	return true;
}

enum ergon_code power_samples_fit(const struct power_samples *samples, const struct ergon_env *env,
                                  json_t **document, struct ergon_error *err)
{
	char processor[96], missing[128];
	json_t *models = json_array();
	enum ergon_code code = ERGON_OK;
	for (size_t s = 0; s < sizeof sets / sizeof *sets && !code; s++) {
		bool wanted[FEATURE_COUNT];
		struct power_model model;
		if (!set_applies(samples, s))
			continue;
		for (int k = 0; k < FEATURE_COUNT; k++)
			wanted[k] = sets[s].uses[k] && samples->have[k];
		code = power_fit(samples->items, samples->count, wanted, &model, err);
		if (!code)
			json_array_append_new(models, power_model_to_json(&model));
	}
	processor_of(env, processor, sizeof processor);
	list_missing(samples, missing, sizeof missing);
	*document = code ? NULL
	                 : json_pack("{s:s, s:i, s:s, s:s, s:i, s:s, s:O}", "kind",
	                             "ergon.calibration", "version", 1, "what",
	                             target_names[samples->target], "processor", processor, "cpus",
	                             (int)samples->cpus, "missing", missing, "models", models);
	json_decref(models);
	if (!code && !*document)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return code;
}

bool power_model_kept(const struct ergon_env *env, enum power_target target,
                      const struct features *features, struct power_model *model)
{
	char processor[96];
	json_t *entry, *kept;
	size_t i;
	bool found = false;
	if (!features || calibrations_load(env, target_names[target], &entry, NULL) || !entry)
		return false;
	processor_of(env, processor, sizeof processor);
	const char *name = json_string_value(json_object_get(entry, "processor"));
	bool same = name && strcmp(name, processor) == 0 &&
	            json_integer_value(json_object_get(entry, "cpus")) ==
	                (json_int_t)features_cpus(features);
	json_array_foreach(json_object_get(entry, "models"), i, kept)
	{
		if (!same || found ||
		    power_model_from_json(kept, (struct json_place){ "calibration.json", "" },
		                          model, NULL))
			continue;
		found = true;
		for (int k = 0; k < FEATURE_COUNT; k++)
			found =
			    found && (!model->uses[k] || features_have(features, (enum feature)k));
	}
	json_decref(entry);
	return found;
}
