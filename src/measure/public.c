/* SPDX-License-Identifier: Apache-2.0
 *
 * The public face of the meter: include/ergon/measure.h.
 */
#include "ergon/measure.h"

#include <math.h>
#include <stdlib.h>

#include "measure/meter.h"

struct ergon_meter {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct meter *meter;
};

struct ergon_region {
	struct meter *meter;
	struct meter_region *region;
};

enum ergon_code ergon_meter_open(struct ergon_meter **out, const struct ergon_env *env,
                                 const char *sensors, uint64_t interval_ns, struct ergon_error *err)
{
	*out = NULL;
	struct ergon_meter *meter = calloc(1, sizeof *meter);
	if (!meter)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (env)
		meter->env = *env;
	else
		ergon_env_init(&meter->env, &meter->storage);
	struct meter_options options = { .interval_ns = interval_ns, .sensors = sensors };
	enum ergon_code code = meter_open(&meter->meter, &meter->env, &options, err);
	if (!code)
		code = meter_begin(meter->meter, err);
	if (code)
		ergon_meter_close(meter);
	else
		*out = meter;
	return code;
}

void ergon_meter_close(struct ergon_meter *meter)
{
	if (!meter)
		return;
	meter_close(meter->meter);
	free(meter);
}

enum ergon_code ergon_region_begin(struct ergon_meter *meter, struct ergon_region **out,
                                   struct ergon_error *err)
{
	*out = NULL;
	if (!meter)
		return ERGON_OK;
	struct ergon_region *region = calloc(1, sizeof *region);
	if (!region)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	region->meter = meter->meter;
	enum ergon_code code = meter_region_begin(meter->meter, &region->region, err);
	if (code)
		free(region);
	else
		*out = region;
	return code;
}

static enum ergon_code end(struct ergon_region *region, struct measurement *m,
                           struct ergon_error *err)
{
	*m = (struct measurement){ 0 };
	if (!region)
		return ERGON_OK;
	enum ergon_code code = meter_region_end(region->meter, region->region, m, err);
	free(region);
	if (code)
		measurement_fini(m);
	return code;
}

enum ergon_code ergon_region_end(struct ergon_region *region, struct ergon_energy *energy,
                                 struct ergon_error *err)
{
	struct measurement m;
	enum ergon_code code = end(region, &m, err);
	if (!code && energy) {
		bool known = m.measured || m.modelled;
		*energy = (struct ergon_energy){ .duration_s = m.duration_s,
			                         .energy_j = known ? m.energy_j : (double)NAN,
			                         .low_j = known ? m.low_j : (double)NAN,
			                         .high_j = known ? m.high_j : (double)NAN,
			                         .measured = m.measured,
			                         .modelled = m.modelled };
	}
	measurement_fini(&m);
	return code;
}

enum ergon_code ergon_region_end_json(struct ergon_region *region, char **json,
                                      struct ergon_error *err)
{
	struct measurement m;
	*json = NULL;
	enum ergon_code code = end(region, &m, err);
	if (code)
		return code;
	json_t *document = measurement_to_json(&m);
	*json = document ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	measurement_fini(&m);
	return *json ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

void ergon_free(void *memory)
{
	free(memory);
}
