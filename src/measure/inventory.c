/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "measure/sensor.h"

static json_t *channel_to_json(const struct channel *channel, const struct reading *reading)
{
	static const char *const behaviours[] = { "energy counter", "power", "mean power" };
	json_t *object =
	    json_pack("{s:s, s:s, s:s, s:f, s:f, s:b}", "name", channel->name, "quantity",
	              behaviours[channel->behaviour], "provenance",
	              provenance_name(channel->provenance), "refresh_s", channel->refresh_us / 1e6,
	              "relative_error", channel->relative_error, "valid", reading->valid);
	if (object && channel->twin_of[0])
		json_object_set_new(object, "duplicate_of", json_string(channel->twin_of));
	if (object && reading->valid && channel->behaviour != CHANNEL_ENERGY_COUNTER)
		json_object_set_new(object, "power_w", json_real((double)reading->raw / 1e6));
	if (object && !reading->valid && reading->error)
		json_object_set_new(object, "error", json_string(strerror(reading->error)));
	return object;
}

static json_t *read_channels(const struct sensor_driver *driver, const struct ergon_env *env,
                             struct ergon_error *err)
{
	struct channel *channels = calloc(CHANNELS_MAX, sizeof *channels);
	struct reading *readings = calloc(CHANNELS_MAX, sizeof *readings);
	void *state = calloc(1, driver->state_size + 1);
	json_t *list = NULL;
	int count = -1;
	if (channels && readings && state)
		count = driver->open(state, env, NULL, channels, CHANNELS_MAX, err);
	if (count >= 0) {
		list = json_array();
		driver->read(state, readings, count);
		for (int i = 0; i < count; i++)
			json_array_append_new(list, channel_to_json(&channels[i], &readings[i]));
		driver->close(state);
	}
	free(channels);
	free(readings);
	free(state);
	return list;
}

static json_t *driver_to_json(const struct sensor_driver *driver, const struct ergon_env *env)
{
	static const char *const states[] = { "ready", "closed", "absent" };
	static const char *const uses[] = { "always", "spare", "relay", "fallback", "on request" };
	struct sensor_reason reason = { "", "" };
	struct ergon_error err = { 0 };
	enum sensor_state state = driver->probe(env, NULL, &reason);
	json_t *channels = NULL;
	if (state == SENSOR_READY && !(channels = read_channels(driver, env, &err))) {
		state = SENSOR_ABSENT;
		snprintf(reason.text, sizeof reason.text, "%.255s",
		         err.text[0] ? err.text : "it cannot be opened");
	}
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", driver->name, "state",
	                           states[state], "use", uses[driver->use], "summary",
	                           driver->summary, "reason", reason.text, "grant", reason.grant);
	if (object && channels)
		json_object_set_new(object, "channels", channels);
	else
		json_decref(channels);
	return object;
}

json_t *inventory_to_json(const struct ergon_env *env)
{
	json_t *list = json_array();
	for (const struct sensor_driver *const *d = sensor_drivers; *d; d++)
		json_array_append_new(list, driver_to_json(*d, env));
	return json_pack("{s:s, s:i, s:o}", "kind", "ergon.sensors", "version", 1, "sensors", list);
}
