/* SPDX-License-Identifier: Apache-2.0
 *
 * The node's power as its management controller sees it: DCMI over the kernel's IPMI device
 * (/dev/ipmi0; "ipmi_dcmi", or "ipmi_dcmi:/dev/ipmi1") or over LAN ("ipmi_dcmi:HOST[:PORT]", or an
 * entry of sensors.json). Whole watts, about once a second; asked on a thread of its own, because a
 * controller takes 10 ms to seconds to answer (poller.h).
 *
 * An answer whose sampling period is 0, or that says "measurement not active", is no reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/sensors/dcmi.h"
#include "measure/sensors/poller.h"
#include "measure/sensors/sysfs.h"

enum { LOCAL = -1 };

struct ipmi_dcmi {
	const struct ergon_env *env;
	struct remote_source sources[REMOTE_SOURCES_MAX + 1];
	int connections[REMOTE_SOURCES_MAX + 1]; /* LOCAL, or of lan */
	int fds[REMOTE_SOURCES_MAX + 1];
	int count;
	long id;
	struct ipmi_lan *lan;
	struct poller poller;
	bool polled;
};

/* The kernel's names for one and the same device. */
static const char *const devices[] = { "ipmi0", "ipmi/0", "ipmidev/0" };

/* The device's path and whether it is there; errno says why it cannot be opened. */
static bool local_path(const struct ergon_env *env, char *path, size_t size)
{
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		if (sysfs_path(path, size, env->devfs_root, devices[i]) &&
		    (access(path, R_OK | W_OK) == 0 || errno != ENOENT))
			return true;
	return false;
}

static int ask(struct ipmi_dcmi *dcmi, int i, struct dcmi_power *power)
{
	return dcmi->connections[i] == LOCAL ? ipmi_kernel_ask(dcmi->env, dcmi->fds[i], ++dcmi->id,
	                                                       dcmi->sources[i].timeout_s, power)
	                                     : ipmi_lan_ask(dcmi->lan, dcmi->connections[i], power);
}

static void fetch(void *user, struct reading *values, int n)
{
	struct ipmi_dcmi *dcmi = user;
	for (int i = 0; i < n; i++) {
		struct dcmi_power power;
		int error = ask(dcmi, i, &power);
		values[i].valid = error == 0;
		values[i].error = error == EAGAIN ? EIO : error;
		values[i].raw = error ? 0 : (uint64_t)power.now_w * 1000000;
	}
}

/* --- opening ------------------------------------------------------------------------ */

static enum ergon_code open_local(struct ipmi_dcmi *dcmi, const struct remote_source *source,
                                  struct ergon_error *err)
{
	int fd = open(source->address, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return ergon_fail(err, errno == EACCES ? ERGON_NO_PERMISSION : ERGON_NOT_FOUND,
		                  "ipmi_dcmi: %.200s: %s%s%.120s", source->address, strerror(errno),
		                  errno == EACCES ? "; to grant it: sudo chmod a+rw " : "",
		                  errno == EACCES ? source->address : "");
	dcmi->sources[dcmi->count] = *source;
	dcmi->connections[dcmi->count] = LOCAL;
	dcmi->fds[dcmi->count++] = fd;
	return ERGON_OK;
}

static enum ergon_code open_remote(struct ipmi_dcmi *dcmi, const struct remote_source *source,
                                   struct ergon_error *err)
{
	enum ergon_code code = dcmi->lan ? ERGON_OK : ipmi_lan_open(&dcmi->lan, dcmi->env, err);
	if (code)
		return code;
	int i = dcmi->count;
	dcmi->sources[i] = *source;
	dcmi->fds[i] = -1;
	dcmi->connections[i] = ipmi_lan_connect(dcmi->lan, &dcmi->sources[i], err);
	if (dcmi->connections[i] < 0)
		return err ? err->code : ERGON_IO;
	dcmi->count++;
	return ERGON_OK;
}

static void dcmi_close(void *state)
{
	struct ipmi_dcmi *dcmi = state;
	if (dcmi->polled)
		poller_stop(&dcmi->poller);
	ipmi_lan_close(dcmi->lan);
	for (int i = 0; i < dcmi->count; i++)
		if (dcmi->fds[i] >= 0)
			close(dcmi->fds[i]);
}

static void describe(const struct remote_source *source, struct channel *channel)
{
	memcpy(channel->name, source->channel, sizeof channel->name);
	channel->behaviour = CHANNEL_POWER_AVERAGE;
	channel->provenance = PROVENANCE_MEASURED;
	channel->refresh_us = (uint32_t)(source->interval_s * 1e6);
	channel->window_us = (uint32_t)((source->window_s > 0 ? source->window_s : 1) * 1e6);
	channel->resolution = 1000000;
	channel->relative_error = source->relative_error > 0 ? source->relative_error : 0.02;
	channel->max_power_w = 65535;
}

/* The controllers to ask: those named, and the machine's own. */
static int find_sources(const struct ergon_env *env, const char *argument,
                        struct remote_source *sources, struct ergon_error *err)
{
	char path[SYSFS_PATH_SIZE];
	int count = remote_sources(env, "ipmi_dcmi", argument, sources, REMOTE_SOURCES_MAX, err);
	if (count < 0 || argument || !local_path(env, path, sizeof path) ||
	    access(path, R_OK | W_OK) != 0)
		return count;
	return remote_from_argument("ipmi_dcmi", path, &sources[count], err) ? count + 1 : -1;
}

static enum ergon_code open_all(struct ipmi_dcmi *dcmi, const char *argument, struct reading *first,
                                struct ergon_error *err)
{
	struct remote_source *sources = calloc(REMOTE_SOURCES_MAX + 1, sizeof *sources);
	if (!sources)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	int count = find_sources(dcmi->env, argument, sources, err);
	if (count < 0)
		code = ERGON_BAD_INPUT;
	for (int i = 0; i < count && !code; i++) {
		struct dcmi_power power;
		code = sources[i].address[0] == '/' ? open_local(dcmi, &sources[i], err)
		                                    : open_remote(dcmi, &sources[i], err);
		int error = code ? 0 : ask(dcmi, i, &power);
		if (error)
			code = ergon_fail(
			    err,
			    error == ENODATA || error == ENOTSUP ? ERGON_NOT_SUPPORTED : ERGON_IO,
			    "ipmi_dcmi: %.120s: %s", sources[i].address, dcmi_error_text(error));
		if (!code)
			first[i] = (struct reading){ .raw = (uint64_t)power.now_w * 1000000,
				                     .valid = true };
	}
	free(sources);
	return code;
}

static int dcmi_open(void *state, const struct ergon_env *env, const char *argument,
                     struct channel *channels, int max, struct ergon_error *err)
{
	struct ipmi_dcmi *dcmi = state;
	struct reading first[REMOTE_SOURCES_MAX + 1] = { { 0 } };
	double timeout_s = 0, interval_s = 1;
	dcmi->env = env;
	enum ergon_code code = open_all(dcmi, argument, first, err);
	if (!code && dcmi->count == 0)
		code = ergon_fail(err, ERGON_NOT_FOUND, "ipmi_dcmi: no controller");
	if (!code && dcmi->count > (max < POLLER_VALUES_MAX ? max : POLLER_VALUES_MAX))
		code = ergon_fail(err, ERGON_BAD_INPUT, "ipmi_dcmi: more controllers than fit");
	for (int i = 0; i < dcmi->count && !code; i++) {
		describe(&dcmi->sources[i], &channels[i]);
		timeout_s += dcmi->sources[i].timeout_s;
		if (dcmi->sources[i].interval_s > interval_s || i == 0)
			interval_s = dcmi->sources[i].interval_s;
	}
	if (!code) {
		dcmi->polled = poller_start(&dcmi->poller, env, fetch, dcmi, first, dcmi->count,
		                            interval_s, timeout_s);
		if (!dcmi->polled)
			code = ergon_fail(err, ERGON_IO, "ipmi_dcmi: cannot start a thread");
	}
	if (!code)
		return dcmi->count;
	dcmi_close(dcmi);
	return -1;
}

static enum sensor_state dcmi_probe(const struct ergon_env *env, const char *argument,
                                    struct sensor_reason *reason)
{
	char path[SYSFS_PATH_SIZE];
	enum sensor_state state = remote_probe(env, "ipmi_dcmi", argument, "", reason);
	if (argument || state == SENSOR_CLOSED)
		return state;
	if (!local_path(env, path, sizeof path)) {
		if (state == SENSOR_READY)
			return state;
		snprintf(reason->text, sizeof reason->text,
		         "no %.100s/ipmi0, and no controller is named in %.100s/sensors.json",
		         env->devfs_root, env->config_dir ? env->config_dir : "~/.config/ergon");
		snprintf(reason->grant, sizeof reason->grant,
		         "sudo modprobe -a ipmi_devintf ipmi_si");
		return SENSOR_ABSENT;
	}
	if (state == SENSOR_READY || access(path, R_OK | W_OK) == 0) {
		*reason = (struct sensor_reason){ "", "" };
		return SENSOR_READY;
	}
	snprintf(reason->text, sizeof reason->text, "%.200s is not open to this user", path);
	snprintf(reason->grant, sizeof reason->grant, "sudo chmod a+rw %.200s", path);
	return SENSOR_CLOSED;
}

static void dcmi_read(void *state, struct reading *readings, int n)
{
	struct ipmi_dcmi *dcmi = state;
	poller_read(&dcmi->poller, readings, n);
}

const struct sensor_driver sensor_ipmi_dcmi = {
	.name = "ipmi_dcmi",
	.summary = "the node's power from its management controller (IPMI DCMI)",
	.takes = "[/dev/ipmiN or HOST[:PORT]]",
	.use = SENSOR_SPARE,
	.state_size = sizeof(struct ipmi_dcmi),
	.probe = dcmi_probe,
	.open = dcmi_open,
	.read = dcmi_read,
	.close = dcmi_close,
};
