/* SPDX-License-Identifier: Apache-2.0
 *
 * A server's power from its management controller: Redfish over HTTPS (DMTF DSP0266, DSP2046).
 *
 * Of each chassis the first of these that shows a number is a channel: EnvironmentMetrics, Power
 * (older services), the sum of the power supplies' input below PowerSubsystem. The first chassis is
 * the node, others are shown as redfish/ID and never added up. Controllers hand out means over up
 * to a minute: the window is what the service states (IntervalInMin), what sensors.json says
 * (window_s), else 60 s, and the stated interval of the energy allows for it.
 *
 * Asked once per interval_s on a thread of its own (poller.h).
 */
#include "measure/sensors/redfish.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/sensors/http.h"
#include "measure/sensors/poller.h"

static const double longest_window_s = 60;
static const double most_power_w = 1e6;

/* --- resources -------------------------------------------------------------------- */

static bool number_of(const json_t *value, double *number)
{
	if (json_is_object(value)) /* a sensor excerpt */
		value = json_object_get(value, "Reading");
	if (!json_is_number(value))
		return false;
	*number = json_number_value(value);
	return *number >= 0 && *number <= most_power_w;
}

bool redfish_power_w(const json_t *resource, double *power_w, double *window_s)
{
	*window_s = 0;
	if (number_of(json_object_get(resource, "PowerWatts"), power_w) ||
	    number_of(json_object_get(resource, "InputPowerWatts"), power_w))
		return true;
	const json_t *unit = json_object_get(resource, "ReadingUnits");
	if (json_is_string(unit) && strcmp(json_string_value(unit), "W") == 0 &&
	    number_of(json_object_get(resource, "Reading"), power_w))
		return true;
	const json_t *control = json_array_get(json_object_get(resource, "PowerControl"), 0);
	if (!number_of(json_object_get(control, "PowerConsumedWatts"), power_w))
		return false;
	double minutes;
	if (number_of(json_object_get(json_object_get(control, "PowerMetrics"), "IntervalInMin"),
	              &minutes) &&
	    minutes <= 60)
		*window_s = minutes * 60;
	return true;
}

static bool keep_path(const json_t *link, char *path, size_t size)
{
	const char *id = json_string_value(json_object_get(link, "@odata.id"));
	if (!id || strncmp(id, "/redfish/", 9) != 0 || strlen(id) >= size)
		return false;
	for (const char *c = id; *c; c++)
		if (*c <= ' ' || *c > '~') /* goes into a URL */
			return false;
	snprintf(path, size, "%s", id);
	return true;
}

bool redfish_link(const json_t *resource, const char *key, char *path, size_t size)
{
	return keep_path(json_object_get(resource, key), path, size);
}

int redfish_members(const json_t *collection, char paths[][REDFISH_PATH_SIZE], int max)
{
	const json_t *members = json_object_get(collection, "Members"), *member;
	size_t i;
	int count = 0;
	json_array_foreach(members, i, member)
	{
		if (count == max)
			break;
		count += keep_path(member, paths[count], REDFISH_PATH_SIZE);
	}
	return count;
}

/* --- a service ---------------------------------------------------------------------- */

struct place { /* of one reading: the resources whose powers add up to it */
	char paths[REDFISH_MEMBERS_MAX][REDFISH_PATH_SIZE];
	int count;
};

struct service {
	struct remote_source source;
	struct http http;
	struct text answer;
	struct poller poller;
	struct place places[POLLER_VALUES_MAX];
	struct reading first[POLLER_VALUES_MAX];
	int count;
	double window_s;
	bool polled;
};

struct redfish {
	struct service *services; /* [count] */
	int count;
};

static enum ergon_code get(struct service *service, const char *path, json_t **resource,
                           struct ergon_error *err)
{
	enum ergon_code code = http_get(&service->http, path, &service->answer, err);
	if (code)
		return code;
	json_error_t why;
	*resource = json_loadb(service->answer.data ? service->answer.data : "",
	                       service->answer.length, 0, &why);
	if (!json_is_object(*resource)) {
		json_decref(*resource);
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "redfish: %.100s%.100s answers no JSON object (line %d: %.80s)",
		                  service->source.address, path, why.line, why.text);
	}
	return ERGON_OK;
}

/* Sum over a place's resources. */
static enum ergon_code read_place(struct service *service, const struct place *place,
                                  double *power_w, double *window_s, struct ergon_error *err)
{
	*power_w = 0;
	for (int i = 0; i < place->count; i++) {
		json_t *resource;
		double one_w;
		enum ergon_code code = get(service, place->paths[i], &resource, err);
		if (code)
			return code;
		bool good = redfish_power_w(resource, &one_w, window_s);
		json_decref(resource);
		if (!good)
			return ergon_fail(err, ERGON_NOT_FOUND,
			                  "redfish: %.100s%.100s shows no power",
			                  service->source.address, place->paths[i]);
		*power_w += one_w;
	}
	return ERGON_OK;
}

static int errno_of(enum ergon_code code)
{
	return code == ERGON_NO_PERMISSION ? EACCES : code == ERGON_BAD_INPUT ? EPROTO : EIO;
}

static void fetch(void *user, struct reading *values, int n)
{
	struct service *service = user;
	for (int i = 0; i < n; i++) {
		struct ergon_error err = { 0 };
		double power_w, window_s;
		enum ergon_code code =
		    read_place(service, &service->places[i], &power_w, &window_s, &err);
		values[i].valid = code == ERGON_OK;
		values[i].error = code ? errno_of(code) : 0;
		values[i].raw = code ? 0 : (uint64_t)llround(power_w * 1e6);
	}
}

/* The metrics of all power supplies below a PowerSubsystem. */
static bool find_supplies(struct service *service, const char *subsystem, struct place *place)
{
	char path[REDFISH_PATH_SIZE], supplies[REDFISH_MEMBERS_MAX][REDFISH_PATH_SIZE];
	json_t *resource;
	place->count = 0;
	if (get(service, subsystem, &resource, NULL))
		return false;
	bool good = redfish_link(resource, "PowerSupplies", path, sizeof path);
	json_decref(resource);
	if (!good || get(service, path, &resource, NULL))
		return false;
	int count = redfish_members(resource, supplies, REDFISH_MEMBERS_MAX);
	json_decref(resource);
	for (int i = 0; i < count; i++) {
		if (get(service, supplies[i], &resource, NULL))
			return false;
		place->count += redfish_link(resource, "Metrics", place->paths[place->count],
		                             REDFISH_PATH_SIZE);
		json_decref(resource);
	}
	return place->count > 0;
}

/* Where this chassis shows power; false where nowhere. */
static bool find_power(struct service *service, const json_t *chassis, struct place *place,
                       double *power_w, double *window_s)
{
	static const char *const keys[] = { "EnvironmentMetrics", "Power" };
	char path[REDFISH_PATH_SIZE];
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		place->count = 1;
		if (redfish_link(chassis, keys[i], place->paths[0], REDFISH_PATH_SIZE) &&
		    read_place(service, place, power_w, window_s, NULL) == ERGON_OK)
			return true;
	}
	return redfish_link(chassis, "PowerSubsystem", path, sizeof path) &&
	       find_supplies(service, path, place) &&
	       read_place(service, place, power_w, window_s, NULL) == ERGON_OK;
}

static void describe(const struct service *service, const char *chassis, double window_s,
                     struct channel *channel)
{
	const struct remote_source *source = &service->source;
	const char *id = strrchr(chassis, '/');
	if (service->count == 0)
		snprintf(channel->name, sizeof channel->name, "%s", source->channel);
	else
		snprintf(channel->name, sizeof channel->name, "redfish/%.40s",
		         id ? id + 1 : chassis);
	if (source->window_s > 0)
		window_s = source->window_s;
	channel->behaviour = CHANNEL_POWER_AVERAGE;
	channel->provenance = PROVENANCE_MEASURED;
	channel->refresh_us = (uint32_t)(source->interval_s * 1e6);
	channel->window_us = (uint32_t)((window_s > 0 ? window_s : longest_window_s) * 1e6);
	channel->resolution = 1000000;
	channel->relative_error = source->relative_error > 0 ? source->relative_error : 0.02;
	channel->max_power_w = most_power_w;
}

static enum ergon_code find_channels(struct service *service, struct channel *channels, int max,
                                     struct ergon_error *err)
{
	char members[REDFISH_MEMBERS_MAX][REDFISH_PATH_SIZE];
	json_t *resource;
	enum ergon_code code = get(service, "/redfish/v1/Chassis", &resource, err);
	if (code)
		return code;
	int count = redfish_members(resource, members, REDFISH_MEMBERS_MAX);
	json_decref(resource);
	for (int i = 0; i < count && service->count < max && service->count < POLLER_VALUES_MAX;
	     i++) {
		double power_w, window_s = 0;
		if ((code = get(service, members[i], &resource, err)))
			return code;
		bool good = find_power(service, resource, &service->places[service->count],
		                       &power_w, &window_s);
		json_decref(resource);
		if (!good)
			continue;
		describe(service, members[i], window_s, &channels[service->count]);
		service->first[service->count++] =
		    (struct reading){ .raw = (uint64_t)llround(power_w * 1e6), .valid = true };
	}
	if (service->count == 0)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "redfish: no chassis of %.120s shows power",
		                  service->source.address);
	return ERGON_OK;
}

static void close_service(struct service *service)
{
	if (service->polled)
		poller_stop(&service->poller);
	http_close(&service->http);
	text_fini(&service->answer);
}

static enum ergon_code open_service(struct service *service, const struct ergon_env *env,
                                    struct channel *channels, int max, struct ergon_error *err)
{
	const struct remote_source *source = &service->source;
	enum ergon_code code = http_open(&service->http, env, source, err);
	if (!code)
		code = find_channels(service, channels, max, err);
	if (!code) {
		service->polled = poller_start(&service->poller, env, fetch, service,
		                               service->first, service->count, source->interval_s,
		                               source->timeout_s * service->count);
		if (!service->polled)
			code = ergon_fail(err, ERGON_IO, "redfish: cannot start a thread");
	}
	if (code)
		close_service(service);
	return code;
}

/* --- the driver --------------------------------------------------------------------- */

static void redfish_close(void *state)
{
	struct redfish *redfish = state;
	for (int i = 0; i < redfish->count; i++)
		close_service(&redfish->services[i]);
	free(redfish->services);
}

static enum sensor_state redfish_probe(const struct ergon_env *env, const char *argument,
                                       struct sensor_reason *reason)
{
	return remote_probe(env, "redfish", argument,
	                    "ergon measure --sensors redfish:https://ADDRESS -- CMD", reason);
}

static int redfish_open(void *state, const struct ergon_env *env, const char *argument,
                        struct channel *channels, int max, struct ergon_error *err)
{
	struct redfish *redfish = state;
	struct remote_source *sources = calloc(REMOTE_SOURCES_MAX, sizeof *sources);
	redfish->services = calloc(REMOTE_SOURCES_MAX, sizeof *redfish->services);
	int total = 0, count = -1;
	if (sources && redfish->services)
		count = remote_sources(env, "redfish", argument, sources, REMOTE_SOURCES_MAX, err);
	else
		ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = count < 0 ? ERGON_BAD_INPUT : ERGON_OK;
	for (int i = 0; i < count && !code; i++) {
		struct service *service = &redfish->services[i];
		service->source = sources[i];
		code = open_service(service, env, channels + total, max - total, err);
		if (!code) {
			redfish->count++;
			total += service->count;
		}
	}
	free(sources);
	if (!code && total)
		return total;
	if (!code)
		ergon_fail(err, ERGON_NOT_FOUND, "redfish: none is named in sensors.json");
	redfish_close(redfish);
	return -1;
}

static void redfish_read(void *state, struct reading *readings, int n)
{
	struct redfish *redfish = state;
	for (int i = 0, at = 0; i < redfish->count && at < n; i++) {
		poller_read(&redfish->services[i].poller, readings + at,
		            redfish->services[i].count);
		at += redfish->services[i].count;
	}
}

const struct sensor_driver sensor_redfish = {
	.name = "redfish",
	.summary = "a server's management controller over HTTPS (Redfish)",
	.takes = "[NAME or https://ADDRESS]",
	.use = SENSOR_SPARE,
	.state_size = sizeof(struct redfish),
	.probe = redfish_probe,
	.open = redfish_open,
	.read = redfish_read,
	.close = redfish_close,
};
