/* SPDX-License-Identifier: Apache-2.0
 *
 * Wattmeters outside of the machine, the ground truth: a CSV file that another program appends to,
 * a serial line, a Tasmota or Shelly smart plug over HTTP. Named in sensors.json or by
 * meter:csv:FILE, meter:serial:DEVICE, meter:tasmota:URL, meter:shelly:URL.
 *
 * Each is one channel, by default the node's power. Lines are taken as they come, by the time at
 * which they were read; a plug is asked once per interval_s on a thread of its own (poller.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "measure/sensors/http.h"
#include "measure/sensors/meter_line.h"
#include "measure/sensors/poller.h"

enum { LINE_SIZE = 512 };

struct wattmeter {
	struct remote_source source;
	struct http http;
	struct text answer;
	int fd;
	off_t at; /* csv: how far it is read */
	char line[LINE_SIZE];
	size_t length;
	bool overlong; /* drop bytes until the next newline */
	struct poller poller;
	bool polled;
};

struct meters {
	struct wattmeter *meters; /* [count] */
	int count;
};

static bool is_plug(const struct wattmeter *meter)
{
	return strcmp(meter->source.kind, "tasmota") == 0 ||
	       strcmp(meter->source.kind, "shelly") == 0;
}

/* --- lines ----------------------------------------------------------------------- */

/* Takes bytes in; power_w is that of the latest whole line with one. */
static bool take_bytes(struct wattmeter *meter, const char *bytes, size_t count, double *power_w)
{
	bool found = false;
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r') {
			if (!meter->overlong && meter->length)
				found = meter_line_power(meter->line, meter->length,
				                         meter->source.column, power_w) ||
				        found;
			meter->length = 0;
			meter->overlong = false;
		} else if (meter->length == LINE_SIZE) {
			meter->overlong = true;
			meter->length = 0;
		} else if (!meter->overlong) {
			meter->line[meter->length++] = bytes[i];
		}
	}
	return found;
}

static void fetch_lines(struct wattmeter *meter, struct reading *value)
{
	char bytes[4096];
	double power_w = 0;
	bool found = false, csv = strcmp(meter->source.kind, "csv") == 0;
	ssize_t got;
	int rounds = 64; /* a source that never stops must not keep us */
	struct stat st;
	if (csv && fstat(meter->fd, &st) == 0 && st.st_size < meter->at)
		meter->at = 0; /* begun anew */
	while (rounds-- > 0 && (got = csv ? pread(meter->fd, bytes, sizeof bytes, meter->at)
	                                  : read(meter->fd, bytes, sizeof bytes)) > 0) {
		meter->at += got;
		found = take_bytes(meter, bytes, (size_t)got, &power_w) || found;
	}
	value->valid = found;
	value->error = found || rounds < 63 || got == 0 ? EAGAIN : errno;
	value->raw = found ? (uint64_t)llround(power_w * 1e6) : 0;
}

/* --- plugs ------------------------------------------------------------------------ */

static enum ergon_code ask_plug(struct wattmeter *meter, const char *path, double *power_w,
                                struct ergon_error *err)
{
	enum ergon_code code = http_get(&meter->http, path, &meter->answer, err);
	if (code)
		return code;
	json_t *answer =
	    json_loadb(meter->answer.data ? meter->answer.data : "", meter->answer.length, 0, NULL);
	bool good = strcmp(meter->source.kind, "tasmota") == 0 ? tasmota_power(answer, power_w)
	                                                       : shelly_power(answer, power_w);
	json_decref(answer);
	if (!good)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "meter: %.120s%s answers no power of a %s plug",
		                  meter->source.address, path, meter->source.kind);
	return ERGON_OK;
}

static enum ergon_code read_plug(struct wattmeter *meter, double *power_w, struct ergon_error *err)
{
	if (strcmp(meter->source.kind, "tasmota") == 0)
		return ask_plug(meter, "/cm?cmnd=Status%2010", power_w, err);
	if (ask_plug(meter, "/rpc/Shelly.GetStatus", power_w, err) == ERGON_OK)
		return ERGON_OK;
	if (err && err->code == ERGON_NO_PERMISSION)
		return err->code;
	return ask_plug(meter, "/status", power_w, err); /* first generation */
}

static void fetch(void *user, struct reading *values, int n)
{
	struct wattmeter *meter = user;
	struct ergon_error err = { 0 };
	double power_w;
	if (n < 1)
		return;
	if (!is_plug(meter)) {
		fetch_lines(meter, values);
		return;
	}
	enum ergon_code code = read_plug(meter, &power_w, &err);
	values->valid = code == ERGON_OK;
	values->error = code == ERGON_NO_PERMISSION ? EACCES
	                : code == ERGON_BAD_INPUT   ? EPROTO
	                                            : EIO;
	values->raw = code ? 0 : (uint64_t)llround(power_w * 1e6);
}

/* --- opening ---------------------------------------------------------------------- */

static const struct {
	unsigned baud;
	speed_t speed;
} speeds[] = { { 1200, B1200 },     { 2400, B2400 },    { 4800, B4800 },   { 9600, B9600 },
	       { 19200, B19200 },   { 38400, B38400 },  { 57600, B57600 }, { 115200, B115200 },
	       { 230400, B230400 }, { 921600, B921600 } };

static enum ergon_code set_line(const struct wattmeter *meter, struct ergon_error *err)
{
	struct termios line;
	size_t i = 0, count = sizeof speeds / sizeof *speeds;
	while (i < count && speeds[i].baud != meter->source.baud)
		i++;
	if (i == count)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "meter: baud %u: expected one of 1200, 2400, ... 921600",
		                  meter->source.baud);
	if (tcgetattr(meter->fd, &line) != 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "meter: %.200s is no serial line",
		                  meter->source.address);
	cfmakeraw(&line);
	line.c_cflag |= CLOCAL | CREAD;
	cfsetispeed(&line, speeds[i].speed);
	cfsetospeed(&line, speeds[i].speed);
	if (tcsetattr(meter->fd, TCSANOW, &line) != 0)
		return ergon_fail(err, ERGON_IO, "meter: %.200s: %s", meter->source.address,
		                  strerror(errno));
	tcflush(meter->fd, TCIFLUSH); /* what waits there is of long ago */
	return ERGON_OK;
}

static enum ergon_code open_line(struct wattmeter *meter, struct ergon_error *err)
{
	const char *path = meter->source.address;
	meter->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (meter->fd < 0 && errno == EACCES)
		return ergon_fail(err, ERGON_NO_PERMISSION,
		                  "meter: %.200s: permission denied; to grant it: sudo usermod -aG "
		                  "dialout $USER, then log in again",
		                  path);
	if (meter->fd < 0)
		return ergon_fail(err, ERGON_NOT_FOUND, "meter: %.200s: %s", path, strerror(errno));
	if (strcmp(meter->source.kind, "serial") == 0)
		return set_line(meter, err);
	struct stat st;
	if (fstat(meter->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 4096)
		meter->at = st.st_size - 4096; /* the latest lines suffice */
	return ERGON_OK;
}

static void close_meter(struct wattmeter *meter)
{
	if (meter->polled)
		poller_stop(&meter->poller);
	http_close(&meter->http);
	text_fini(&meter->answer);
	if (meter->fd >= 0)
		close(meter->fd);
}

static enum ergon_code open_meter(struct wattmeter *meter, const struct ergon_env *env,
                                  struct ergon_error *err)
{
	const struct remote_source *source = &meter->source;
	struct reading first = { 0 };
	double power_w;
	meter->fd = -1;
	enum ergon_code code;
	if (!is_plug(meter)) {
		code = open_line(meter, err);
		if (!code)
			fetch_lines(meter, &first);
	} else {
		code = http_open(&meter->http, env, source, err);
		if (!code)
			code = read_plug(meter, &power_w, err);
		if (!code)
			first = (struct reading){ .raw = (uint64_t)llround(power_w * 1e6),
				                  .valid = true };
	}
	if (!code) {
		/* Lines come by themselves: looked for ten times as often as they are expected. */
		double period_s = is_plug(meter) ? source->interval_s : source->interval_s / 10;
		meter->polled =
		    poller_start(&meter->poller, env, fetch, meter, &first, 1, period_s,
		                 is_plug(meter) ? source->timeout_s : 3 * source->interval_s);
		if (!meter->polled)
			code = ergon_fail(err, ERGON_IO, "meter: cannot start a thread");
	}
	if (code)
		close_meter(meter);
	return code;
}

static void describe(const struct remote_source *source, struct channel *channel)
{
	memcpy(channel->name, source->channel, sizeof channel->name);
	channel->behaviour = source->window_s > 0 ? CHANNEL_POWER_AVERAGE : CHANNEL_POWER_INSTANT;
	channel->provenance = PROVENANCE_MEASURED;
	channel->refresh_us = (uint32_t)(source->interval_s * 1e6);
	channel->window_us = (uint32_t)(source->window_s * 1e6);
	channel->resolution = 100000;
	channel->relative_error = source->relative_error > 0 ? source->relative_error : 0.01;
	channel->max_power_w = 1e6;
}

/* --- the driver --------------------------------------------------------------------- */

static void meter_driver_close(void *state)
{
	struct meters *meters = state;
	for (int i = 0; i < meters->count; i++)
		close_meter(&meters->meters[i]);
	free(meters->meters);
}

static enum sensor_state meter_driver_probe(const struct ergon_env *env, const char *argument,
                                            struct sensor_reason *reason)
{
	return remote_probe(env, "meter", argument,
	                    "ergon measure --sensors meter:shelly:http://PLUG -- CMD", reason);
}

static int meter_driver_open(void *state, const struct ergon_env *env, const char *argument,
                             struct channel *channels, int max, struct ergon_error *err)
{
	struct meters *meters = state;
	struct remote_source *sources = calloc(REMOTE_SOURCES_MAX, sizeof *sources);
	meters->meters = calloc(REMOTE_SOURCES_MAX, sizeof *meters->meters);
	int count = -1;
	if (sources && meters->meters)
		count = remote_sources(env, "meter", argument, sources, REMOTE_SOURCES_MAX, err);
	else
		ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = count < 0 ? ERGON_BAD_INPUT : ERGON_OK;
	for (int i = 0; i < count && i < max && !code; i++) {
		meters->meters[i].source = sources[i];
		code = open_meter(&meters->meters[i], env, err);
		if (!code)
			describe(&meters->meters[meters->count++].source, &channels[i]);
	}
	free(sources);
	if (!code && meters->count)
		return meters->count;
	if (!code)
		ergon_fail(err, ERGON_NOT_FOUND, "meter: none is named in sensors.json");
	meter_driver_close(meters);
	return -1;
}

static void meter_driver_read(void *state, struct reading *readings, int n)
{
	struct meters *meters = state;
	for (int i = 0; i < n; i++)
		poller_read(&meters->meters[i].poller, &readings[i], 1);
}

const struct sensor_driver sensor_meter = {
	.name = "meter",
	.summary = "wattmeters: a CSV file, a serial line, a Tasmota or Shelly plug",
	.takes = "[NAME or KIND:ADDRESS]",
	.use = SENSOR_ALWAYS,
	.state_size = sizeof(struct meters),
	.probe = meter_driver_probe,
	.open = meter_driver_open,
	.read = meter_driver_read,
	.close = meter_driver_close,
};
