/* SPDX-License-Identifier: Apache-2.0
 *
 * Energies from `ergon serve --socket` (relay.h): how an ordinary user measures where the kernel
 * keeps RAPL for root.
 *
 * Channels have the names that the server's own drivers gave them, so what is also read directly
 * shows as a twin and is not counted again. A server that stops makes readings invalid, with a new
 * try once a second; one that starts again counts from zero, which is a gap and never a jump. A
 * server that does not answer holds sampling up for a fifth of a second and is hung up on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"
#include "measure/relay.h"

static const uint64_t retry_ns = NS_PER_S;
enum { TIMEOUT_US = 200000 };

struct daemon {
	const struct ergon_env *env;
	int fd;
	uint32_t count;
	uint64_t tried_ns, asked_ns;
	uint64_t base_uj[RELAY_CHANNELS_MAX]; /* what a restarted server had counted before us */
	struct relay_snapshot latest;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

static const char *path_of(const struct ergon_env *env, const char *argument)
{
	return argument ? argument : env->socket_path;
}

/* A connection with a time limit on everything; -1 with errno set. */
static int call(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	const struct timeval limit = { .tv_usec = TIMEOUT_US };
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int failed = errno;
	close(fd);
	errno = failed;
	return -1;
}

/* One question, one answer; its size, 0 where there is none (errno set). */
static size_t ask(int fd, enum relay_op op, uint32_t first, unsigned char *reply)
{
	unsigned char request[RELAY_REQUEST_SIZE];
	size_t size = relay_put_request(request, &(struct relay_request){ op, first });
	/* Whoever refuses us has said so and hung up: that can still be read. */
	bool sent = send(fd, request, size, MSG_NOSIGNAL) == (ssize_t)size;
	ssize_t got = sent || errno == EPIPE ? recv(fd, reply, RELAY_REPLY_MAX, 0) : -1;
	if (got < 0 && errno == ECONNRESET)
		got = recv(fd, reply, RELAY_REPLY_MAX, 0);
	if (got == 0)
		errno = ECONNRESET;
	return got > 0 ? (size_t)got : 0;
}

/* Returns how many channels there are, all of them described; -1 with *status and errno. */
static int describe(int fd, struct channel *channels, int max, enum relay_status *status)
{
	unsigned char reply[RELAY_REPLY_MAX];
	uint32_t first = 0, count = 0, total = 0;
	*status = RELAY_OK;
	do {
		size_t size = ask(fd, RELAY_DESCRIBE, first, reply);
		if (size == 0)
			return -1;
		errno = EPROTO;
		*status = relay_get_status(reply, size);
		if (*status != RELAY_OK)
			return -1;
		if (!relay_get_channels(reply, size, first, (uint32_t)max, channels, &count,
		                        &total))
			return -1;
		first += count;
	} while (count > 0 && first < total && first < (uint32_t)max);
	return (int)(total < (uint32_t)max ? total : (uint32_t)max);
}

static enum sensor_state closed(const char *path, struct sensor_reason *reason)
{
	snprintf(reason->text, sizeof reason->text, "%.120s: its server does not serve this user",
	         path);
	snprintf(reason->grant, sizeof reason->grant,
	         "sudo usermod -aG \"$(stat -c %%G %.100s)\" \"$USER\"  # then log in anew", path);
	return SENSOR_CLOSED;
}

static enum sensor_state probe(const struct ergon_env *env, const char *argument,
                               struct sensor_reason *reason)
{
	const char *path = path_of(env, argument);
	if (!path) {
		snprintf(reason->text, sizeof reason->text,
		         "not asked for on a machine that is not this one; daemon:SOCKET asks");
		return SENSOR_ABSENT;
	}
	int fd = call(path);
	if (fd < 0 && errno == EACCES)
		return closed(path, reason);
	if (fd < 0) {
		snprintf(reason->text, sizeof reason->text, "no server at %.120s: %s", path,
		         strerror(errno));
		snprintf(reason->grant, sizeof reason->grant,
		         "sudo ergon serve --socket %.100s --allow \"$USER\"", path);
		return SENSOR_ABSENT;
	}
	struct channel channels[RELAY_PAGE];
	enum relay_status status;
	int count = describe(fd, channels, RELAY_PAGE, &status);
	int failed = errno;
	close(fd);
	if (count > 0)
		return SENSOR_READY;
	if (status == RELAY_FORBIDDEN)
		return closed(path, reason);
	snprintf(
	    reason->text, sizeof reason->text, "the server at %.120s %s%s", path,
	    count == 0 ? "has no sensor" : "cannot be used: ", count == 0 ? "" : strerror(failed));
	return SENSOR_ABSENT;
}

static int open_daemon(void *state, const struct ergon_env *env, const char *argument,
                       struct channel *channels, int max, struct ergon_error *err)
{
	struct daemon *daemon = state;
	const char *path = path_of(env, argument);
	enum relay_status status;
	daemon->env = env;
	snprintf(daemon->path, sizeof daemon->path, "%s", path ? path : "");
	daemon->fd = call(daemon->path);
	if (max > RELAY_CHANNELS_MAX)
		max = RELAY_CHANNELS_MAX;
	int count = daemon->fd >= 0 ? describe(daemon->fd, channels, max, &status) : -1;
	if (count < 0) {
		ergon_fail(err, ERGON_IO, "the server at %.200s: %s", daemon->path,
		           strerror(errno));
		if (daemon->fd >= 0)
			close(daemon->fd);
		return -1;
	}
	daemon->count = (uint32_t)count;
	return count;
}

static void hang_up(struct daemon *daemon)
{
	if (daemon->fd >= 0)
		close(daemon->fd);
	daemon->fd = -1;
}

/* Counting began anew: whatever was before is a gap. */
static void rebase(struct daemon *daemon, const struct relay_snapshot *next)
{
	for (uint32_t i = 0; i < next->count; i++)
		daemon->base_uj[i] = next->energy_uj[i];
}

/* A fresh snapshot if there can be one; 0, or the errno of what went wrong. */
static int refresh(struct daemon *daemon, uint64_t now_ns)
{
	unsigned char reply[RELAY_REPLY_MAX];
	uint64_t period_ns = daemon->latest.period_us * NS_PER_US;
	if (daemon->latest.period_us && daemon->fd >= 0 &&
	    now_ns - daemon->latest.time_ns < period_ns && now_ns > daemon->latest.time_ns)
		return 0; /* nothing new can be there yet */
	if (daemon->latest.period_us && daemon->fd >= 0 &&
	    now_ns - daemon->asked_ns < period_ns / 8)
		return 0;
	if (daemon->fd < 0) {
		if (now_ns - daemon->tried_ns < retry_ns)
			return ENOTCONN;
		daemon->tried_ns = now_ns;
		if ((daemon->fd = call(daemon->path)) < 0)
			return errno;
	}
	daemon->asked_ns = now_ns;
	size_t size = ask(daemon->fd, RELAY_READ, 0, reply);
	int failed = size ? 0 : errno;
	struct relay_snapshot next;
	if (size && relay_get_status(reply, size) == RELAY_TOO_OFTEN)
		return 0;
	if (!size || !relay_get_snapshot(reply, size, &next) || next.count != daemon->count) {
		hang_up(daemon);
		daemon->tried_ns = now_ns;
		return failed ? failed : EPROTO;
	}
	if (daemon->latest.period_us && next.epoch_ns != daemon->latest.epoch_ns)
		rebase(daemon, &next);
	daemon->latest = next;
	return 0;
}

static void read_daemon(void *state, struct reading *readings, int n)
{
	struct daemon *daemon = state;
	const struct ergon_clock *clock = daemon->env->clock;
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	int failed = refresh(daemon, now_ns);
	for (int i = 0; i < n; i++) {
		bool counted = (uint32_t)i < daemon->latest.count;
		readings[i] = (struct reading){
			.time_ns = failed ? now_ns : daemon->latest.time_ns,
			.raw = counted ? daemon->latest.energy_uj[i] - daemon->base_uj[i] : 0,
			.error = failed,
			.valid = !failed && counted && daemon->latest.valid[i],
		};
	}
}

static void close_daemon(void *state)
{
	hang_up(state);
}

const struct sensor_driver sensor_daemon = {
	.name = "daemon",
	.summary = "energies from ergon serve --socket, for users who may not read the sensors",
	.takes = NULL,
	.use = SENSOR_RELAY,
	.state_size = sizeof(struct daemon),
	.probe = probe,
	.open = open_daemon,
	.read = read_daemon,
	.close = close_daemon,
};
