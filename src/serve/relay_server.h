/* SPDX-License-Identifier: Apache-2.0
 *
 * The server behind `ergon serve --socket`: holds the sensors open and hands energies to permitted
 * users (measure/relay.h has the messages, access.h who is permitted).
 *
 * Sensors and socket are opened with the rights of whoever starts it; then it becomes another user
 * for good. What it hands out is one snapshot of all measured channels, made once a period and
 * rounded to a millijoule: no question, however often, shows a power at a higher rate. Every client
 * is bounded: one answer a request, so many requests a second, no waiting for slow readers.
 *
 * One thread beside the meter's own. A socket that a killed server left is replaced; one that a
 * living server holds, and any file that is no socket, is an error.
 */
#ifndef ERGON_SERVE_RELAY_SERVER_H
#define ERGON_SERVE_RELAY_SERVER_H

#include <stdint.h>

#include "measure/meter.h"
#include "measure/relay.h"
#include "serve/access.h"

enum { RELAY_CLIENTS_MAX = 128, RELAY_REQUESTS_PER_S = 50 };

struct relay_server;

struct relay_server_options {
	const char *path;
	const struct access_rules *rules;
	uint64_t period_ns; /* 50 ms at the least */
	const char *user;   /* to become once all is open; NULL: stay who we are */
};

/* meter: opened with .stream, not running; borrowed. NOT_SUPPORTED where it measures nothing. */
ERGON_MUST_USE enum ergon_code relay_server_open(struct relay_server **server,
                                                 const struct ergon_env *env, struct meter *meter,
                                                 const struct relay_server_options *options,
                                                 struct ergon_error *err);
size_t relay_server_channels(const struct relay_server *server);
/* Until stop_fd can be read (a signalfd, a pipe). */
ERGON_MUST_USE enum ergon_code relay_server_run(struct relay_server *server, int stop_fd,
                                                struct ergon_error *err);
void relay_server_close(struct relay_server *server); /* NULL is allowed */

/* What one client has asked lately: a bucket that fills at RELAY_REQUESTS_PER_S. */
struct relay_client {
	double left;
	uint64_t filled_ns;
	unsigned refused;
};
/* The reply to one message; its size. hang_up: the client has had its chance. Pure: the fuzz target
 * and the server's loop call it alike. */
size_t relay_answer(const struct channel *channels, const struct relay_snapshot *snapshot,
                    struct relay_client *client, uint64_t now_ns, const unsigned char *message,
                    size_t size, unsigned char *reply, bool *hang_up);

#endif
