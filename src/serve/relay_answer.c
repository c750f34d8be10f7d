/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"
#include "serve/relay_server.h"

enum { REFUSALS_MAX = 1000 };

static bool may_ask(struct relay_client *client, uint64_t time_ns)
{
	double gained = seconds_from_ns(time_ns - client->filled_ns) * RELAY_REQUESTS_PER_S;
	client->filled_ns = time_ns;
	client->left += gained;
	if (client->left > RELAY_REQUESTS_PER_S)
		client->left = RELAY_REQUESTS_PER_S;
	if (client->left < 1)
		return false;
	client->left -= 1;
	return true;
}

size_t relay_answer(const struct channel *channels, const struct relay_snapshot *snapshot,
                    struct relay_client *client, uint64_t time_ns, const unsigned char *message,
                    size_t size, unsigned char *reply, bool *hang_up)
{
	struct relay_request request;
	*hang_up = false;
	if (!relay_get_request(message, size, &request)) {
		*hang_up = true;
		return relay_put_status(reply, RELAY_NONE, RELAY_MALFORMED);
	}
	if (!may_ask(client, time_ns)) {
		*hang_up = ++client->refused > REFUSALS_MAX;
		return relay_put_status(reply, request.op, RELAY_TOO_OFTEN);
	}
	if (request.op == RELAY_READ)
		return relay_put_snapshot(reply, snapshot);
	return relay_put_channels(reply, channels, snapshot->count, request.first,
	                          snapshot->period_us);
}
