/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/relay_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"

static const uint64_t grain_uj = 1000; /* what energies are rounded down to */

struct relay_server {
	const struct ergon_env *env;
	struct meter *meter;
	const struct access_rules *rules;
	uint64_t period_ns, published_ns;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	bool bound;
	int listener;
	struct channel channels[RELAY_CHANNELS_MAX];
	size_t of_meter[RELAY_CHANNELS_MAX]; /* our channel -> the meter's */
	struct relay_snapshot snapshot;
	struct pollfd fds[2 + RELAY_CLIENTS_MAX]; /* stop, listener, clients */
	struct relay_client clients[RELAY_CLIENTS_MAX];
	size_t client_count;
};

static uint64_t now_ns(const struct relay_server *server)
{
	return server->env->clock->monotonic_ns(server->env->clock->user);
}

/* --- the socket ------------------------------------------------------------- */

static enum ergon_code bad_path(const char *path, const char *why, struct ergon_error *err)
{
	return ergon_fail(err, ERGON_BAD_INPUT, "--socket %.200s: %s", path, why);
}

/* Removes a socket that nobody listens on any more. */
static enum ergon_code clear(const struct sockaddr_un *address, struct ergon_error *err)
{
	struct stat info;
	if (lstat(address->sun_path, &info))
		return ERGON_OK;
	if (!S_ISSOCK(info.st_mode))
		return bad_path(address->sun_path, "there is a file that is no socket", err);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead = fd >= 0 &&
	            connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
	            errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	if (!dead)
		return bad_path(address->sun_path, "another server is there", err);
	if (unlink(address->sun_path))
		return ergon_fail(err, ERGON_IO, "cannot replace '%.200s': %s", address->sun_path,
		                  strerror(errno));
	return ERGON_OK;
}

static enum ergon_code bind_socket(struct relay_server *server, struct ergon_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct access_rules *rules = server->rules;
	memcpy(address.sun_path, server->path, sizeof address.sun_path);
	enum ergon_code code = clear(&address, err);
	if (code)
		return code;
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listener < 0)
		return ergon_fail(err, ERGON_IO, "cannot make a socket: %s", strerror(errno));
	mode_t before = umask(0777); /* closed until owner and mode are as they must be */
	int failed = bind(server->listener, (const struct sockaddr *)&address, sizeof address);
	umask(before);
	if (failed)
		return ergon_fail(err, errno == EACCES ? ERGON_NO_PERMISSION : ERGON_BAD_INPUT,
		                  "--socket %.200s: %s", server->path, strerror(errno));
	server->bound = true;
	if (rules->by_group && chown(server->path, (uid_t)-1, rules->group))
		return ergon_fail(err, ERGON_NO_PERMISSION, "cannot give '%.200s' to the group: %s",
		                  server->path, strerror(errno));
	if (chmod(server->path, access_mode(rules)) || listen(server->listener, 64))
		return ergon_fail(err, ERGON_IO, "cannot open '%.200s': %s", server->path,
		                  strerror(errno));
	return ERGON_OK;
}

/* --- what is handed out ------------------------------------------------------ */

static void choose_channels(struct relay_server *server)
{
	struct relay_snapshot *snapshot = &server->snapshot;
	for (size_t i = 0; i < meter_channel_count(server->meter); i++) {
		const struct channel *channel = meter_channel(server->meter, i);
		if (channel->provenance != PROVENANCE_MEASURED ||
		    snapshot->count == RELAY_CHANNELS_MAX)
			continue;
		struct channel *ours = &server->channels[snapshot->count];
		*ours = *channel;
		if (ours->resolution < grain_uj)
			ours->resolution = grain_uj;
		server->of_meter[snapshot->count++] = i;
	}
}

static void take_sample(void *user, const struct meter_sample *sample)
{
	struct relay_server *server = user;
	struct relay_snapshot *snapshot = &server->snapshot;
	snapshot->time_ns = sample->time_ns;
	for (uint32_t i = 0; i < snapshot->count; i++) {
		int64_t energy_uj = sample->energy_uj[server->of_meter[i]];
		snapshot->valid[i] = energy_uj >= 0;
		if (energy_uj < 0)
			energy_uj = -1 - energy_uj;
		snapshot->energy_uj[i] = (uint64_t)energy_uj / grain_uj * grain_uj;
	}
}

/* Once a period, whatever the clients do. */
static void publish(struct relay_server *server)
{
	uint64_t time_ns = now_ns(server);
	if (time_ns - server->published_ns < server->period_ns)
		return;
	server->published_ns = time_ns;
	(void)meter_drain(server->meter, take_sample, server); /* the latest is what counts */
}

enum ergon_code relay_server_open(struct relay_server **out, const struct ergon_env *env,
                                  struct meter *meter, const struct relay_server_options *options,
                                  struct ergon_error *err)
{
	*out = NULL;
	struct relay_server *server = calloc(1, sizeof *server);
	if (!server)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	server->env = env;
	server->meter = meter;
	server->rules = options->rules;
	server->period_ns = options->period_ns;
	server->listener = -1;
	enum ergon_code code = ERGON_OK;
	if (!options->path[0] || strlen(options->path) >= sizeof server->path)
		code = bad_path(options->path, "expected a path of 1 to 107 bytes", err);
	else
		memcpy(server->path, options->path, strlen(options->path));
	choose_channels(server);
	if (!code && server->snapshot.count == 0)
		code = ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "no sensor can be read, so there is nothing to serve; see ergon "
		                  "sensors");
	if (!code)
		code = bind_socket(server, err);
	if (!code && options->user)
		code = access_become(options->user, err);
	if (code)
		relay_server_close(server);
	else
		*out = server;
	return code;
}

size_t relay_server_channels(const struct relay_server *server)
{
	return server->snapshot.count;
}

/* --- clients ------------------------------------------------------------------- */

static void hang_up(struct relay_server *server, size_t client)
{
	size_t last = --server->client_count;
	close(server->fds[2 + client].fd);
	server->fds[2 + client] = server->fds[2 + last];
	server->clients[client] = server->clients[last];
}

static void accept_client(struct relay_server *server)
{
	int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!access_allows(server->rules, fd)) {
		unsigned char reply[RELAY_REPLY_MAX];
		size_t size = relay_put_status(reply, RELAY_NONE, RELAY_FORBIDDEN);
		(void)!send(fd, reply, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	size_t i = server->client_count++;
	server->fds[2 + i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	server->clients[i] =
	    (struct relay_client){ .left = RELAY_REQUESTS_PER_S, .filled_ns = now_ns(server) };
}

/* One message of one client; false when the connection has had its day. */
static bool serve_client(struct relay_server *server, size_t client)
{
	unsigned char message[RELAY_REQUEST_SIZE + 1], reply[RELAY_REPLY_MAX];
	ssize_t got = recv(server->fds[2 + client].fd, message, sizeof message, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	bool enough;
	size_t size = relay_answer(server->channels, &server->snapshot, &server->clients[client],
	                           now_ns(server), message, (size_t)got, reply, &enough);
	return send(server->fds[2 + client].fd, reply, size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	           (ssize_t)size &&
	       !enough;
}

static int wait_ms(const struct relay_server *server)
{
	uint64_t passed_ns = now_ns(server) - server->published_ns;
	if (passed_ns >= server->period_ns)
		return 0;
	return (int)((server->period_ns - passed_ns + NS_PER_MS - 1) / NS_PER_MS);
}

enum ergon_code relay_server_run(struct relay_server *server, int stop_fd, struct ergon_error *err)
{
	enum ergon_code code = meter_begin(server->meter, err);
	if (code)
		return code;
	server->snapshot.epoch_ns = now_ns(server);
	server->snapshot.period_us = (uint32_t)(server->period_ns / NS_PER_US);
	(void)meter_drain(server->meter, take_sample, server);
	server->fds[0] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
	for (;;) {
		bool full = server->client_count == RELAY_CLIENTS_MAX;
		server->fds[1] =
		    (struct pollfd){ .fd = full ? -1 : server->listener, .events = POLLIN };
		if (poll(server->fds, 2 + server->client_count, wait_ms(server)) < 0 &&
		    errno != EINTR) {
			code = ergon_fail(err, ERGON_IO, "poll: %s", strerror(errno));
			break;
		}
		publish(server);
		if (server->fds[0].revents)
			break;
		for (size_t i = server->client_count; i-- > 0;)
			if (server->fds[2 + i].revents && !serve_client(server, i))
				hang_up(server, i);
		if (server->fds[1].revents)
			accept_client(server);
	}
	enum ergon_code ended = meter_end(server->meter, NULL, code ? NULL : err);
	return code ? code : ended;
}

void relay_server_close(struct relay_server *server)
{
	if (!server)
		return;
	while (server->client_count)
		hang_up(server, server->client_count - 1);
	if (server->listener >= 0)
		close(server->listener);
	/* Not ours to remove once we are another user: the next server finds that nobody listens.
	 */
	if (server->bound)
		(void)!unlink(server->path);
	free(server);
}
